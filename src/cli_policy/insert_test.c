/* Short rules are inserted at the place where they decide, and only there. */
#include "cli_policy/insert.h"

#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "shared/app_key.h"

#define ZONE "alice@example.org"
#define TEST "http://webinos.org/api/test"
#define NOW 1800000000U

static char *
read_default(void)
{
	FILE *file = fopen(PZ_SOURCE_DIR "/packaging/policies/user.xml", "r");
	char *text = calloc(1, 32768);

	assert_non_null(file);
	assert_true(fread(text, 1, 32767, file) > 0);
	fclose(file);
	return text;
}

/* What a document says to a request; ' stands for ". */
static enum pz_policy_effect
effect_of(const char *document, const char *subject, const char *more)
{
	struct pz_policy_document *doc = NULL;
	struct pz_policy_request *request = NULL;
	char text[1024];

	snprintf(text, sizeof(text),
		 "{'subject':{%s},'resource':{'api-feature':['" TEST "'],'service-id':[],"
		 "'function':[]%s},'context':{'owner':'" ZONE "','known':['bob@example.com']}}",
		 subject, more);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	assert_ok(pz_policy_document_parse(pz_slice_str(document), &doc, NULL));
	assert_ok(pz_policy_request_parse(pz_slice_str(text), NOW * 1000LL, &request, NULL));
	enum pz_policy_effect effect = pz_policy_evaluate(doc, request, 0).effect;
	pz_policy_request_free(request);
	pz_policy_document_unref(doc);
	return effect;
}

#define OWN(device) "'user-id':['" ZONE "'],'requestor-id':['" device "']"
#define BOB "'user-id':['bob@example.com'],'requestor-id':['pad']"
#define TIME(t) "},'environment':{'time':['" t "']"

static char *
with_rule(const struct pz_rule *rule, const char *document)
{
	char *out = NULL;
	struct pz_errinfo info = {""};

	assert_ok(pz_rule_insert(rule, pz_slice_str(document), NOW, &out, &info));
	return out;
}

static void
a_rule_counts_for_its_caller_and_no_other(void **state)
{
	(void)state;
	struct pz_rule deny = {
		.effect = PZ_POLICY_DENY, .owner = ZONE, .device = "laptop", .api = TEST};
	char *before = read_default(), *after = with_rule(&deny, before);

	assert_int_equal(effect_of(before, OWN("laptop"), ""), PZ_POLICY_PERMIT);
	assert_int_equal(effect_of(after, OWN("laptop"), ""), PZ_POLICY_DENY);
	assert_int_equal(effect_of(after, OWN("tv"), ""), PZ_POLICY_PERMIT);
	assert_int_equal(effect_of(after, BOB, ""), PZ_POLICY_DENY);
	free(after);
	free(before);
}

static void
a_friend_may_use_what_the_rule_names(void **state)
{
	(void)state;
	struct pz_rule allow = {
		.effect = PZ_POLICY_PERMIT, .owner = ZONE, .zone = "bob@example.com", .api = TEST};
	char *before = read_default(), *after = with_rule(&allow, before);

	assert_int_equal(effect_of(before, BOB, ""), PZ_POLICY_DENY);
	assert_int_equal(effect_of(after, BOB, ""), PZ_POLICY_PERMIT);
	assert_int_equal(effect_of(after, "'user-id':['eve@example.com']", ""), PZ_POLICY_DENY);
	free(after);
	free(before);
}

#define PLACE "http://webinos.org/api/w3c/geolocation"
#define CAMERA "00112233445566778899aabbccddeeff"

static enum pz_policy_effect
asked(const char *document, const char *feature, const char *service)
{
	struct pz_policy_document *doc = NULL;
	struct pz_policy_request *request = NULL;
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"subject\":{\"user-id\":[\"bob@example.com\"]},\"resource\":{\"api-feature\":"
		 "[\"%s\"],\"service-id\":[\"%s\"],\"function\":[]},\"context\":{\"owner\":\"" ZONE
		 "\",\"known\":[\"bob@example.com\"]}}",
		 feature, service);
	assert_ok(pz_policy_document_parse(pz_slice_str(document), &doc, NULL));
	assert_ok(pz_policy_request_parse(pz_slice_str(text), NOW * 1000LL, &request, NULL));
	enum pz_policy_effect effect = pz_policy_evaluate(doc, request, 0).effect;
	pz_policy_request_free(request);
	pz_policy_document_unref(doc);
	return effect;
}

/* What matters for privacy: no friend has it by default, and a share is for one service of one
 * kind. @spec page 14 AC-11 */
static void
private_attributes_are_granted_for_each_service(void **state)
{
	static const char *const private[] = {
		PLACE, "http://webinos.org/api/contacts", "http://webinos.org/api/devicestatus",
		"http://webinos.org/api/sensors/temperature", "http://webinos.org/api/w3c/file"};
	struct pz_rule share = {.effect = PZ_POLICY_PERMIT,
				.owner = ZONE,
				.zone = "bob@example.com",
				.api = PLACE,
				.service_id = CAMERA,
				.is_share = true};
	char *before = read_default(), *after = with_rule(&share, before);

	(void)state;
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
		assert_int_equal(asked(before, private[i], CAMERA), PZ_POLICY_DENY);
		assert_int_equal(asked(after, private[i], CAMERA),
				 i == 0 ? PZ_POLICY_PERMIT : PZ_POLICY_DENY);
		assert_int_equal(asked(after, private[i], "ffeeddccbbaa99887766554433221100"),
				 PZ_POLICY_DENY);
	}
	free(after);
	free(before);
}

/* Its origin is known on its own device alone, its id on every one. */
static void
a_rule_for_an_app_counts_on_all_devices(void **state)
{
	(void)state;
	char here[256], there[256], id[PZ_APP_ID_CHARS + 1];
	struct pz_rule deny = {.effect = PZ_POLICY_DENY,
			       .owner = ZONE,
			       .app = "https://app.example",
			       .app_id = id,
			       .api = TEST};

	pz_app_id(pz_slice_str(deny.app), id);
	char *before = read_default(), *after = with_rule(&deny, before);

	snprintf(here, sizeof(here),
		 OWN("laptop") ",'class':['b-a'],'uri':['https://app.example'],'id':['%s']", id);
	snprintf(there, sizeof(there), OWN("laptop") ",'class':['w-u'],'id':['%s']", id);
	assert_int_equal(effect_of(before, here, ""), PZ_POLICY_PERMIT);
	assert_int_equal(effect_of(after, here, ""), PZ_POLICY_DENY);
	assert_int_equal(effect_of(after, there, ""), PZ_POLICY_DENY);
	assert_int_equal(effect_of(after, OWN("laptop") ",'class':['w-u'],'id':['0123']", ""),
			 PZ_POLICY_PERMIT);
	assert_int_equal(effect_of(after, OWN("laptop"), ""), PZ_POLICY_PERMIT);
	free(after);
	free(before);
}

/* The owner's own text stays, comments and all: the rule is all that is new. */
static void
everything_else_stays_as_it_was(void **state)
{
	(void)state;
	struct pz_rule deny = {
		.effect = PZ_POLICY_DENY, .owner = ZONE, .device = "laptop", .api = TEST};
	char *before = read_default(), *after = with_rule(&deny, before);
	char *begin = strstr(after, "\n\t\t<rule id=\"rule-1\""), *end;

	assert_non_null(begin);
	end = strstr(begin, "</rule>");
	assert_non_null(end);
	memmove(begin, end + strlen("</rule>"), strlen(end + strlen("</rule>")) + 1);
	assert_string_equal(after, before);
	free(after);
	free(before);
}

static void
the_newest_rule_counts_and_each_has_a_name_of_its_own(void **state)
{
	(void)state;
	struct pz_rule rule = {
		.effect = PZ_POLICY_DENY, .owner = ZONE, .device = "laptop", .api = TEST};
	char *first = with_rule(&rule, "<policy combine='first-applicable'><rule "
				       "effect='permit'/></policy>");
	rule.effect = PZ_POLICY_PROMPT_BLANKET;
	char *second = with_rule(&rule, first);

	assert_non_null(strstr(second, "\"rule-1\""));
	assert_non_null(strstr(second, "\"rule-2\""));
	assert_int_equal(effect_of(second, OWN("laptop"), ""), PZ_POLICY_PROMPT_BLANKET);
	assert_int_equal(effect_of(second, OWN("tv"), ""), PZ_POLICY_PERMIT);
	free(second);
	free(first);
}

static void
a_rule_with_an_end_ends(void **state)
{
	(void)state;
	struct pz_rule allow = {.effect = PZ_POLICY_PERMIT,
				.owner = ZONE,
				.zone = "bob@example.com",
				.api = TEST,
				.until_s = NOW + 2};
	char *before = read_default(), *after = with_rule(&allow, before);

	assert_int_equal(effect_of(after, BOB, TIME("1800000001")), PZ_POLICY_PERMIT);
	assert_int_equal(effect_of(after, BOB, TIME("1800000002")), PZ_POLICY_DENY);
	free(after);
	free(before);
}

static void
a_rule_with_a_limit_in_calls_ends_with_it(void **state)
{
	(void)state;
	struct pz_rule shared = {.effect = PZ_POLICY_PERMIT,
				 .owner = ZONE,
				 .zone = "bob@example.com",
				 .api = TEST,
				 .calls = 3,
				 .counter = "calls:5e",
				 .is_share = true};
	struct pz_errinfo info = {""};
	char *before = read_default(), *after = with_rule(&shared, before), *out = NULL;
	unsigned count = 0;

	assert_int_equal(effect_of(after, BOB, "},'environment':{'calls:5e':['2']"),
			 PZ_POLICY_PERMIT);
	assert_int_equal(effect_of(after, BOB, "},'environment':{'calls:5e':['3']"),
			 PZ_POLICY_DENY);
	assert_non_null(strstr(after, "may use " TEST " on all my devices, 3 calls."));
	shared.counter = "calls:5f";
	shared.until_s = NOW + 5;
	char *twice = with_rule(&shared, after);
	shared.counter = NULL;
	shared.until_s = 0;
	assert_ok(pz_rule_remove_shares(&shared, pz_slice_str(twice), &out, &count, &info));
	assert_int_equal(count, 2);
	assert_string_equal(out, before);
	free(out);
	free(twice);
	free(after);
	free(before);
}

static void
functions_and_services_limit_it(void **state)
{
	(void)state;
	struct pz_rule deny = {.effect = PZ_POLICY_DENY,
			       .owner = ZONE,
			       .api = TEST,
			       .function = "get42",
			       .service_id = "6e6885b25a7ddb5f4658e7a599d1fc17",
			       .target = "tv"};
	char *before = read_default(), *after = with_rule(&deny, before);

	assert_int_equal(effect_of(after, OWN("laptop"), ""), PZ_POLICY_PERMIT);
	assert_non_null(strstr(after, "My devices may not use get42 of " TEST " on tv."));
	free(after);
	free(before);
}

/* Comments, attributes and CDATA hold what looks like markup. */
static void
the_place_is_found_among_what_looks_like_it(void **state)
{
	(void)state;
	struct pz_rule deny = {
		.effect = PZ_POLICY_DENY, .owner = ZONE, .device = "laptop", .api = TEST};
	char *after = with_rule(
		&deny, "<?xml version='1.0'?><!-- <policy> > -->\n<policy-set "
		       "combine='first-matching-target'\n description='a > b'><!-- <policy> -->\n"
		       "<policy combine='first-applicable' description='&gt;'>"
		       "<rule effect='permit' id='a>'/></policy></policy-set>"
		       "");

	free(after);
	after = with_rule(&deny,
			  "<policy-set>\n<policy><rule effect='deny'><condition>"
			  "<subject-match attr='user-id'><![CDATA[<policy> > <a>]]></subject-match>"
			  "</condition></rule></policy>\n"
			  "<policy combine='first-applicable'><rule effect='permit'/></policy>\n"
			  "</policy-set>");
	assert_int_equal(effect_of(after, OWN("laptop"), ""), PZ_POLICY_DENY);
	assert_int_equal(effect_of(after, OWN("tv"), ""), PZ_POLICY_PERMIT);
	free(after);
}

static void
what_would_not_decide_is_refused(void **state)
{
	(void)state;
	static const char *const documents[] = {
		"<policy combine='deny-overrides'><rule effect='deny'/></policy>",
		("<policy-set><policy><rule effect='deny'/></policy><policy><rule "
		 "effect='permit'/></policy></policy-set>"),
		"<policy/>",
		"<policy",
	};
	struct pz_rule allow = {
		.effect = PZ_POLICY_PERMIT, .owner = ZONE, .device = "laptop", .api = TEST};

	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		struct pz_errinfo info = {""};
		char *out = NULL;

		assert_int_equal(
			pz_rule_insert(&allow, pz_slice_str(documents[i]), NOW, &out, &info),
			PZ_ERR_CONFIG);
		assert_true(info.text[0] != '\0');
		assert_null(out);
	}
}

static void
a_share_can_be_taken_back_and_nothing_else_with_it(void **state)
{
	(void)state;
	struct pz_rule shared = {.effect = PZ_POLICY_PERMIT,
				 .owner = ZONE,
				 .zone = "bob@example.com",
				 .api = TEST,
				 .is_share = true};
	struct pz_errinfo info = {""};
	char *before = read_default(), *once = with_rule(&shared, before), *out = NULL;
	unsigned count = 9;

	assert_non_null(strstr(once, "\"share-1\""));
	shared.until_s = NOW + 5;
	char *twice = with_rule(&shared, once);
	shared.until_s = 0;
	assert_ok(pz_rule_remove_shares(&shared, pz_slice_str(twice), &out, &count, &info));
	assert_int_equal(count, 2);
	assert_string_equal(out, before);
	free(out);
	out = NULL;
	shared.device = "pad"; /* another caller: nothing is removed */
	assert_ok(pz_rule_remove_shares(&shared, pz_slice_str(once), &out, &count, &info));
	assert_int_equal(count, 0);
	assert_null(out);
	shared.device = NULL;
	shared.target = "tv"; /* another service */
	assert_ok(pz_rule_remove_shares(&shared, pz_slice_str(once), &out, &count, &info));
	assert_int_equal(count, 0);
	free(twice);
	free(once);
	free(before);
}

/* Without a device named another zone gets it everywhere: the sentence says so. */
static void
a_sentence_says_where_it_counts(void **state)
{
	char text[512];
	struct pz_rule rule = {.effect = PZ_POLICY_PERMIT,
			       .owner = ZONE,
			       .zone = "bob@example.com",
			       .api = TEST,
			       .is_share = true};

	(void)state;
	pz_rule_sentence(&rule, text, sizeof(text));
	assert_string_equal(text, "The zone bob@example.com may use " TEST " on all my devices.");
	rule.target = "tv";
	pz_rule_sentence(&rule, text, sizeof(text));
	assert_string_equal(text, "The zone bob@example.com may use " TEST " on tv.");
	rule.api = PZ_RULE_FILE_API;
	rule.function = PZ_RULE_FILE_FUNCTION;
	pz_rule_sentence(&rule, text, sizeof(text));
	assert_string_equal(text, "The zone bob@example.com may send files to tv.");
	rule.zone = rule.target = NULL;
	rule.effect = PZ_POLICY_DENY;
	pz_rule_sentence(&rule, text, sizeof(text));
	assert_string_equal(text, "My devices may not send files.");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence_says_where_it_counts),
		cmocka_unit_test(a_rule_counts_for_its_caller_and_no_other),
		cmocka_unit_test(a_friend_may_use_what_the_rule_names),
		cmocka_unit_test(private_attributes_are_granted_for_each_service),
		cmocka_unit_test(a_rule_for_an_app_counts_on_all_devices),
		cmocka_unit_test(everything_else_stays_as_it_was),
		cmocka_unit_test(the_newest_rule_counts_and_each_has_a_name_of_its_own),
		cmocka_unit_test(a_rule_with_an_end_ends),
		cmocka_unit_test(a_rule_with_a_limit_in_calls_ends_with_it),
		cmocka_unit_test(functions_and_services_limit_it),
		cmocka_unit_test(the_place_is_found_among_what_looks_like_it),
		cmocka_unit_test(what_would_not_decide_is_refused),
		cmocka_unit_test(a_share_can_be_taken_back_and_nothing_else_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
