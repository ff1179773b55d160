/* The micro profile of page 9, 1: documents of a very small device are accepted here, with the same
 * meaning. This file contains an evaluator for such a device. */
#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "kit/clock.h"
#include "policy/decide.h"

#define RULES 4
#define ROUNDS 2000

static const char *const users[] = {"alice@h", "bob@h", "eve@h"};
static const char *const features[] = {"http://x.org/api/a", "http://x.org/api/b",
				       "http://x.org/api/c"};

/* -1: the rule does not look at it. */
struct rule {
	bool is_deny;
	int user, feature;
};

static struct pz_kit_clock clock_ = PZ_KIT_CLOCK(clock_);

static int
draw(int below)
{
	uint32_t number;

	pz_env_random(&clock_.env, &number, sizeof(number));
	return (int)(number % (uint32_t)below);
}

static void
write_rule(char *out, size_t size, const struct rule *r)
{
	size_t len =
		(size_t)snprintf(out, size, "<rule effect=\"%s\">", r->is_deny ? "deny" : "permit");

	if (r->user >= 0 || r->feature >= 0)
		len += (size_t)snprintf(out + len, size - len, "<condition>");
	if (r->user >= 0)
		len += (size_t)snprintf(out + len, size - len,
					"<subject-match attr=\"user-id\" match=\"%s\"/>",
					users[r->user]);
	if (r->feature >= 0)
		len += (size_t)snprintf(out + len, size - len,
					"<resource-match attr=\"api-feature\" match=\"%s\"/>",
					features[r->feature]);
	if (r->user >= 0 || r->feature >= 0)
		len += (size_t)snprintf(out + len, size - len, "</condition>");
	snprintf(out + len, size - len, "</rule>");
}

/* deny-overrides; what no rule says is denied. */
static enum pz_policy_effect
micro(const struct rule *rules, int user, int feature)
{
	enum pz_policy_effect effect = PZ_POLICY_DENY;

	for (int i = 0; i < RULES; i++) {
		const struct rule *r = &rules[i];
		bool is_applicable = (r->user < 0 || r->user == user) &&
				     (r->feature < 0 || r->feature == feature);
		if (is_applicable && r->is_deny)
			return PZ_POLICY_DENY;
		if (is_applicable)
			effect = PZ_POLICY_PERMIT;
	}
	return effect;
}

static enum pz_policy_effect
full(const struct pz_policy_document *document, int user, int feature)
{
	PZ_AUTO(pz_policy_request_free) struct pz_policy_request *request = pz_policy_request_new();
	struct pz_policy_slots slots = {.document = {[PZ_POLICY_SLOT_USER] = document}};
	const struct pz_slice who = pz_slice_str(users[user]);
	const struct pz_slice what = pz_slice_str(features[feature]);

	assert_non_null(request);
	assert_ok(pz_policy_request_set(request, PZ_POLICY_SUBJECT, pz_slice_str("user-id"), &who,
					1, NULL));
	assert_ok(pz_policy_request_set(request, PZ_POLICY_RESOURCE, pz_slice_str("api-feature"),
					&what, 1, NULL));
	return pz_policy_decide(&slots, request, 0).effect;
}

/* @spec page 9, 1 */
static void
a_document_of_the_micro_profile_means_the_same(void **state)
{
	(void)state;
	unsigned permitted = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct pz_policy_document *document = NULL;
		struct rule rules[RULES];
		char text[4096] = "<policy combine=\"deny-overrides\">";

		for (int i = 0; i < RULES; i++) {
			rules[i] = (struct rule){draw(3) == 0, draw(4) - 1, draw(4) - 1};
			write_rule(text + strlen(text), sizeof(text) - strlen(text), &rules[i]);
		}
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "</policy>");
		assert_ok(pz_policy_document_parse(pz_slice_str(text), &document, NULL));
		for (int user = 0; user < 3; user++) {
			for (int feature = 0; feature < 3; feature++) {
				enum pz_policy_effect effect = full(document, user, feature);
				assert_int_equal(effect, micro(rules, user, feature));
				permitted += effect == PZ_POLICY_PERMIT;
			}
		}
		pz_policy_document_unref(document);
	}
	assert_true(permitted > ROUNDS); /* both answers were looked at */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_of_the_micro_profile_means_the_same),
	};

	assert_true(sodium_init() >= 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
