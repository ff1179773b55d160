/* The root: how the answers of four slots become one (page 9, 6.7 and 7). */
#include "policy/decide.h"

#include "policy/fixture.h"

#include <string.h>

/* Documents that give each effect, in the order of the table. */
enum { PERMIT, DENY, ONESHOT, SESSION, BLANKET, UNDETERMINED, INAPPLICABLE, EFFECTS };

static struct pz_policy_document *documents[EFFECTS];

static int
setup(void **state)
{
	static const char *const texts[EFFECTS] = {
		"<policy><rule effect='permit'/></policy>",
		"<policy><rule effect='deny'/></policy>",
		"<policy><rule effect='prompt-oneshot'/></policy>",
		"<policy><rule effect='prompt-session'/></policy>",
		"<policy><rule effect='prompt-blanket'/></policy>",
		("<policy><rule effect='permit'><condition><environment-match attr='roaming' "
		 "match='true'/></condition></rule></policy>"),
		"<policy/>",
	};

	(void)state;
	for (size_t i = 0; i < EFFECTS; i++)
		documents[i] = parse(texts[i]);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < EFFECTS; i++)
		pz_policy_document_unref(documents[i]);
	return 0;
}

static struct pz_policy_decision
decide(const struct pz_policy_slots *slots, const char *json)
{
	struct pz_policy_request *request = request_of(json);
	struct pz_policy_decision d = pz_policy_decide(slots, request, 0);

	pz_policy_request_free(request);
	return d;
}

#define ANY "{\"resource\":{\"api-feature\":\"f\"}}"
#define OF_APP "{\"resource\":{\"api-feature\":\"f\"},\"subject\":{\"id\":\"a\"}}"

static void
two_slots_combine_as_the_table_says(void **state)
{
	static const char table[EFFECTS][EFFECTS + 1] = {
		/* P D 1 S B U - */
		"PD1SBDP", /* permit */
		"DDDDDDD", /* deny */
		"1D111D1", /* oneshot */
		"SD1SSDS", /* session */
		"BD1SBDB", /* blanket */
		"DDDDDDD", /* undetermined */
		"PD1SBDD", /* inapplicable */
	};
	static const char letters[] = "PD1SB";

	(void)state;
	for (size_t a = 0; a < EFFECTS; a++) {
		for (size_t b = 0; b < EFFECTS; b++) {
			struct pz_policy_slots slots = {
				.document = {[PZ_POLICY_SLOT_EXCEPTIONS] = documents[a],
					     [PZ_POLICY_SLOT_USER] = documents[b]}};
			struct pz_policy_decision d = decide(&slots, ANY);

			if (letters[d.effect] != table[a][b])
				fail_msg("%zu and %zu: %s", a, b, pz_policy_effect_name(d.effect));
			assert_int_equal(d.slots[PZ_POLICY_SLOT_EXCEPTIONS].effect, a);
			assert_int_equal(d.slots[PZ_POLICY_SLOT_USER].effect, b);
		}
	}
}

static void
the_slot_that_decided_is_named(void **state)
{
	struct pz_policy_slots slots = {.document = {documents[INAPPLICABLE], documents[PERMIT],
						     documents[DENY], documents[DENY]}};

	(void)state;
	assert_int_equal(decide(&slots, ANY).slot, PZ_POLICY_SLOT_USER);
	slots.document[PZ_POLICY_SLOT_USER] = documents[PERMIT];
	assert_int_equal(decide(&slots, ANY).slot, PZ_POLICY_SLOT_EXCEPTIONS); /* the first */
	slots = (struct pz_policy_slots){.document = {documents[INAPPLICABLE]}};
	assert_int_equal(decide(&slots, ANY).slot, -1);
	assert_int_equal(decide(&slots, ANY).effect, PZ_POLICY_DENY);
}

static void
what_is_missing_says_nothing_and_what_is_corrupt_denies(void **state)
{
	struct pz_policy_slots slots = {.document = {NULL}};

	(void)state;
	assert_int_equal(decide(&slots, ANY).effect, PZ_POLICY_DENY);
	slots.document[PZ_POLICY_SLOT_USER] = documents[PERMIT];
	assert_int_equal(decide(&slots, ANY).effect, PZ_POLICY_PERMIT);
	for (unsigned i = 0; i < PZ_POLICY_SLOT_GRANTS; i++) {
		slots.is_corrupt[i] = true;
		struct pz_policy_decision d = decide(&slots, OF_APP);
		assert_int_equal(d.effect, PZ_POLICY_DENY);
		assert_int_equal(d.slot, i);
		assert_int_equal(d.slots[i].effect, PZ_POLICY_UNDETERMINED);
		slots.is_corrupt[i] = false;
	}
}

static void
the_policy_of_an_app_counts_for_a_request_of_an_app(void **state)
{
	struct pz_policy_slots slots = {.document = {[PZ_POLICY_SLOT_USER] = documents[PERMIT],
						     [PZ_POLICY_SLOT_APP] = documents[DENY]}};

	(void)state;
	assert_int_equal(decide(&slots, ANY).effect, PZ_POLICY_PERMIT);
	assert_int_equal(decide(&slots, OF_APP).effect, PZ_POLICY_DENY);
	slots.document[PZ_POLICY_SLOT_USER] = documents[DENY]; /* it does not widen */
	slots.document[PZ_POLICY_SLOT_APP] = documents[PERMIT];
	assert_int_equal(decide(&slots, OF_APP).effect, PZ_POLICY_DENY);
}

/* ---- grants of this device ---- */

#define OF_BOB                                                                                     \
	"{\"subject\":{\"user-id\":\"bob@b\"},\"resource\":{\"api-feature\":\"f\"},"               \
	"\"context\":{\"known\":[\"bob@b\"],\"owner\":\"alice@a\"}}"

static struct pz_policy_decision
granted(struct pz_policy_slots slots, const char *of_user)
{
	struct pz_policy_document *user = of_user ? parse(of_user) : NULL;

	slots.document[PZ_POLICY_SLOT_USER] = user;
	if (slots.document[PZ_POLICY_SLOT_GRANTS] == NULL)
		slots.document[PZ_POLICY_SLOT_GRANTS] = documents[PERMIT];
	struct pz_policy_decision d = decide(&slots, OF_BOB);
	pz_policy_document_unref(user);
	return d;
}

#define POLICY(target, rules) "<policy>" target rules "</policy>"
#define TARGET(attr, match)                                                                        \
	"<target><subject><subject-match attr='" attr "' match='" match "'/></subject></target>"
#define SUBJECT_ID "http://webinos.org/subject/id/"
#define DENIES "<rule effect='deny'/>"
#define DENIES_F                                                                                   \
	"<rule effect='deny'><condition><resource-match attr='api-feature' "                       \
	"match='f'/></condition></rule>"

static void
a_grant_counts_where_the_owner_has_left_it_open(void **state)
{
	static const char *const open[] = {
		NULL,
		"<policy/>",
		POLICY("", DENIES),
		POLICY(TARGET("user-id", SUBJECT_ID "known"), DENIES),
		POLICY(TARGET("user-id", SUBJECT_ID "known, " SUBJECT_ID "unknown"), DENIES),
		POLICY("", "<rule effect='prompt-oneshot'/>"),
		"<policy-set>" POLICY(TARGET("user-id", SUBJECT_ID "any"), DENIES) "</policy-set>",
	};
	static const char *const closed[] = {
		POLICY("", DENIES_F),
		POLICY(TARGET("user-id", "bob@b"), DENIES),
		POLICY(TARGET("user-id", SUBJECT_ID "known, bob@b"), DENIES),
		"<policy-set><policy-set>" TARGET("user-id", "bob@b")
			POLICY("", DENIES) "</policy-set></policy-set>",
		/* what cannot be decided might be a denial */
		POLICY("", "<rule effect='permit'><condition><environment-match attr='roaming' "
			   "match='true'/></condition></rule>"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		struct pz_policy_decision d = granted((struct pz_policy_slots){0}, open[i]);
		if (d.effect != PZ_POLICY_PERMIT || d.slot != PZ_POLICY_SLOT_GRANTS)
			fail_msg("%s: %s", open[i], pz_policy_effect_name(d.effect));
	}
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		struct pz_policy_decision d = granted((struct pz_policy_slots){0}, closed[i]);
		if (d.effect != PZ_POLICY_DENY || d.slot != PZ_POLICY_SLOT_USER)
			fail_msg("%s: %s", closed[i], pz_policy_effect_name(d.effect));
	}
}

/* It stands in the place of the owner's document, not of the others; and it never denies. */
static void
a_grant_changes_no_other_slot(void **state)
{
	struct pz_policy_slots slots = {
		.document = {[PZ_POLICY_SLOT_EXCEPTIONS] = documents[DENY]}};

	(void)state;
	assert_int_equal(granted(slots, NULL).effect, PZ_POLICY_DENY);
	slots.document[PZ_POLICY_SLOT_EXCEPTIONS] = documents[SESSION];
	assert_int_equal(granted(slots, NULL).effect, PZ_POLICY_PROMPT_SESSION);
	slots.document[PZ_POLICY_SLOT_EXCEPTIONS] = NULL;
	slots.is_corrupt[PZ_POLICY_SLOT_MANUFACTURER] = true;
	assert_int_equal(granted(slots, NULL).effect, PZ_POLICY_DENY);
	slots = (struct pz_policy_slots){.is_corrupt = {[PZ_POLICY_SLOT_USER] = true}};
	assert_int_equal(granted(slots, NULL).effect, PZ_POLICY_DENY);
	slots = (struct pz_policy_slots){.is_corrupt = {[PZ_POLICY_SLOT_GRANTS] = true}};
	assert_int_equal(granted(slots, NULL).effect, PZ_POLICY_DENY);
	assert_int_equal(granted(slots, POLICY("", "<rule effect='permit'/>")).effect,
			 PZ_POLICY_PERMIT);
	for (int other = DENY; other < EFFECTS; other++) {
		slots = (struct pz_policy_slots){
			.document = {[PZ_POLICY_SLOT_GRANTS] = documents[other]}};
		assert_int_equal(granted(slots, POLICY("", DENIES)).effect, PZ_POLICY_DENY);
		assert_int_equal(granted(slots, POLICY("", "<rule effect='permit'/>")).effect,
				 PZ_POLICY_PERMIT);
	}
}

/* ---- within a document ---- */

static void
a_policy_without_a_resource_is_undetermined_after_its_target(void **state)
{
	(void)state;
	assert_int_equal(effect_of("<policy/>", "{}"), PZ_POLICY_UNDETERMINED);
	assert_int_equal(effect_of("<policy-set/>", "{}"), PZ_POLICY_INAPPLICABLE);
	assert_int_equal(effect_of("<policy><target><subject><subject-match attr='user-id' "
				   "match='a'/></subject></target></policy>",
				   "{}"),
			 PZ_POLICY_INAPPLICABLE);
	assert_int_equal(effect_of("<policy><rule effect='permit'/></policy>",
				   "{\"resource\":{\"api-feature\":[],\"param:x\":null}}"),
			 PZ_POLICY_UNDETERMINED);
	assert_int_equal(effect_of("<policy><rule effect='permit'/></policy>",
				   "{\"resource\":{\"param:x\":[\"\"]}}"),
			 PZ_POLICY_PERMIT);
}

static void
a_target_is_true_for_one_subject_of_which_all_match(void **state)
{
	static const char doc[] =
		"<policy><target><subject><subject-match attr='user-id' match='a'/>"
		"<subject-match attr='requestor-id' match='tv'/></subject><subject>"
		"<subject-match attr='user-id' match='b'/></subject></target>"
		"<rule effect='permit'/></policy>";

	(void)state;
	assert_int_equal(effect_of(doc, "{\"subject\":{\"user-id\":\"a\",\"requestor-id\":\"tv\"},"
					"\"resource\":{\"service-id\":\"s\"}}"),
			 PZ_POLICY_PERMIT);
	assert_int_equal(effect_of(doc, "{\"subject\":{\"user-id\":\"a\"},"
					"\"resource\":{\"service-id\":\"s\"}}"),
			 PZ_POLICY_INAPPLICABLE);
	assert_int_equal(effect_of(doc, "{\"subject\":{\"user-id\":\"b\"},"
					"\"resource\":{\"service-id\":\"s\"}}"),
			 PZ_POLICY_PERMIT);
	assert_int_equal(effect_of("<policy><target/><rule effect='permit'/></policy>",
				   "{\"resource\":{\"service-id\":\"s\"}}"),
			 PZ_POLICY_PERMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_slots_combine_as_the_table_says),
		cmocka_unit_test(the_slot_that_decided_is_named),
		cmocka_unit_test(what_is_missing_says_nothing_and_what_is_corrupt_denies),
		cmocka_unit_test(the_policy_of_an_app_counts_for_a_request_of_an_app),
		cmocka_unit_test(a_grant_counts_where_the_owner_has_left_it_open),
		cmocka_unit_test(a_grant_changes_no_other_slot),
		cmocka_unit_test(a_policy_without_a_resource_is_undetermined_after_its_target),
		cmocka_unit_test(a_target_is_true_for_one_subject_of_which_all_match),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
