/* Clauses of page 9 that the vectors test only in combination, here each alone. */
#include "policy/fixture.h"

#include <string.h>

#include "policy/effect.h"

#define PAGE PZ_SOURCE_DIR "/docs/spec/09-policy.md"

#define ANY "{\"resource\":{\"api-feature\":[\"f\"]},\"context\":{\"owner\":\"me\"}}"
#define TRUE_ "<resource-match attr='api-feature' match='f'/>"
#define FALSE_ "<resource-match attr='api-feature' match='g'/>"
#define UNKNOWN "<environment-match attr='roaming' match='true'/>"

static void
expect(const char *text, const char *json, enum pz_policy_effect wanted)
{
	enum pz_policy_effect found = effect_of(text, json);

	if (found != wanted)
		fail_msg("%s: %s, not %s", text, pz_policy_effect_name(found),
			 pz_policy_effect_name(wanted));
}

/* @spec page 9, 3.2: the document of the page itself */
static void
the_smallest_document_decides_as_it_reads(void **state)
{
	static char page[1U << 20], document[4096];
	FILE *file = fopen(PAGE, "r");

	(void)state;
	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	const char *at = strstr(page, "### 3.2 ");
	const char *begin = at ? strstr(at, "```xml\n") : NULL;
	const char *end = begin ? strstr(begin + 7, "```") : NULL;
	assert_non_null(end);
	assert_true((size_t)(end - begin) < sizeof(document));
	snprintf(document, sizeof(document), "%.*s", (int)(end - begin - 7), begin + 7);

#define BY(who, what)                                                                              \
	"{\"subject\":{\"user-id\":[\"" who "\"]},\"resource\":{\"api-feature\":[\"" what          \
	"\"]},\"context\":{\"owner\":\"me\",\"known\":[\"bob\"]}}"
#define PLACE "http://webinos.org/api/w3c/geolocation"
	expect(document, BY("me", "anything"), PZ_POLICY_PERMIT);
	expect(document, BY("bob", PLACE), PZ_POLICY_PROMPT_SESSION);
	expect(document, BY("bob", "anything"), PZ_POLICY_DENY);
	expect(document, BY("eve", PLACE), PZ_POLICY_DENY);
}

#define TARGET(subjects) "<policy><target>" subjects "</target><rule effect='permit'/></policy>"
#define SUBJECT(matches) "<subject>" matches "</subject>"
#define IS(who) "<subject-match attr='user-id' match='" who "'/>"
#define ON(device) "<subject-match attr='requestor-id' match='" device "'/>"
#define FROM_BOBS_TV                                                                               \
	"{\"subject\":{\"user-id\":[\"bob\"],\"requestor-id\":[\"tv\"]},\"resource\":"             \
	"{\"api-feature\":[\"f\"]}}"

/* @spec page 9, 6.2 */
static void
a_target_is_some_subject_with_all_its_matches(void **state)
{
	(void)state;
	expect(TARGET(""), FROM_BOBS_TV, PZ_POLICY_PERMIT);
	expect(TARGET(SUBJECT(IS("bob") ON("tv"))), FROM_BOBS_TV, PZ_POLICY_PERMIT);
	expect(TARGET(SUBJECT(IS("bob") ON("car"))), FROM_BOBS_TV, PZ_POLICY_INAPPLICABLE);
	expect(TARGET(SUBJECT(IS("eve")) SUBJECT(ON("tv"))), FROM_BOBS_TV, PZ_POLICY_PERMIT);
	expect(TARGET(SUBJECT(IS("eve")) SUBJECT(ON("car"))), FROM_BOBS_TV, PZ_POLICY_INAPPLICABLE);
	/* never undetermined: what is missing does not match */
	expect(TARGET(SUBJECT("<subject-match attr='id' match='x'/>")), FROM_BOBS_TV,
	       PZ_POLICY_INAPPLICABLE);
}

#define RULE(combine, a, b)                                                                        \
	"<policy><rule effect='permit'><condition combine='" combine "'>" a b                      \
	"</condition></rule></policy>"

/* @spec page 9, 6.3 and 6.4: both tables, in both orders */
static void
conditions_have_three_values(void **state)
{
#define BOTH(combine, a, b, wanted)                                                                \
	do {                                                                                       \
		expect(RULE(combine, a, b), ANY, wanted);                                          \
		expect(RULE(combine, b, a), ANY, wanted);                                          \
	} while (0)
	(void)state;
	BOTH("and", TRUE_, TRUE_, PZ_POLICY_PERMIT);
	BOTH("and", TRUE_, FALSE_, PZ_POLICY_INAPPLICABLE);
	BOTH("and", TRUE_, UNKNOWN, PZ_POLICY_UNDETERMINED);
	BOTH("and", FALSE_, UNKNOWN, PZ_POLICY_INAPPLICABLE);
	BOTH("and", UNKNOWN, UNKNOWN, PZ_POLICY_UNDETERMINED);
	BOTH("or", TRUE_, FALSE_, PZ_POLICY_PERMIT);
	BOTH("or", TRUE_, UNKNOWN, PZ_POLICY_PERMIT);
	BOTH("or", FALSE_, UNKNOWN, PZ_POLICY_UNDETERMINED);
	BOTH("or", FALSE_, FALSE_, PZ_POLICY_INAPPLICABLE);
}

/* @spec page 9, 6.6 */
static void
a_set_takes_the_first_child_whose_target_is_true(void **state)
{
#define MATCHING(a, b) "<policy-set combine='first-matching-target'>" a b "</policy-set>"
#define OF(who, rules) "<policy><target>" SUBJECT(IS(who)) "</target>" rules "</policy>"
	(void)state;
	expect(MATCHING(OF("eve", "<rule effect='deny'/>"), OF("bob", "<rule effect='permit'/>")),
	       FROM_BOBS_TV, PZ_POLICY_PERMIT);
	/* whatever its result is: no fall-through */
	expect(MATCHING(OF("bob", ""), OF("bob", "<rule effect='permit'/>")), FROM_BOBS_TV,
	       PZ_POLICY_INAPPLICABLE);
	expect(MATCHING(OF("eve", ""), OF("eve", "")), FROM_BOBS_TV, PZ_POLICY_INAPPLICABLE);
	expect("<policy-set/>", FROM_BOBS_TV, PZ_POLICY_INAPPLICABLE);
	expect("<policy-set combine='permit-overrides'><policy><rule effect='deny'/></policy>"
	       "<policy><rule effect='permit'/></policy></policy-set>",
	       FROM_BOBS_TV, PZ_POLICY_PERMIT);
	expect("<policy-set combine='deny-overrides'><policy><rule effect='permit'/></policy>"
	       "<policy><rule effect='deny'/></policy></policy-set>",
	       FROM_BOBS_TV, PZ_POLICY_DENY);
}

/* @spec page 9, 5.1: one of the values and one of the patterns; only subjects have lists */
static void
a_match_takes_any_value_and_any_pattern(void **state)
{
	(void)state;
	expect(TARGET(SUBJECT(IS("eve , bob,"))), FROM_BOBS_TV, PZ_POLICY_PERMIT);
	expect(TARGET(SUBJECT(IS("bob"))),
	       "{\"subject\":{\"user-id\":[\"eve\",\"bob\"]},\"resource\":{\"api-feature\":[\"f\"]}"
	       "}",
	       PZ_POLICY_PERMIT);
	expect(RULE("and", "<resource-match attr='api-feature' match='g,f'/>", ""), ANY,
	       PZ_POLICY_INAPPLICABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_document_decides_as_it_reads),
		cmocka_unit_test(a_target_is_some_subject_with_all_its_matches),
		cmocka_unit_test(conditions_have_three_values),
		cmocka_unit_test(a_set_takes_the_first_child_whose_target_is_true),
		cmocka_unit_test(a_match_takes_any_value_and_any_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
