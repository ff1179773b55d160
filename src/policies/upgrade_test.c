/* Which rules of the present default an older zone's policy lacks. @spec page 9, 12 */
#include "kit/test.h"

#include <stdio.h>

#include "policies/default.h"
#include "policies/upgrade.h"

#define RULE(id) "<rule id=\"" id "\" effect=\"deny\" description=\"About " id ".\"/>"
#define STANDARD                                                                                   \
	"<policy-set id=\"default\"><policy id=\"one\">" RULE(                                     \
		"a") "<!-- <rule id=\"x\"/> -->" RULE("b") "<rule id=\"c\" effect=\"permit\" "     \
							   "description=\"C.\"><condition>"        \
							   "<resource-match attr=\"api-feature\" " \
							   "match=\"f\"/></condition></"           \
							   "rule>" RULE(                           \
								   "rest") "</policy><policy "     \
									   "id=\"two\">" RULE("d") \
										   RULE("e") "</"  \
											     "pol" \
											     "icy" \
											     ">"   \
											     "</"  \
											     "pol" \
											     "icy" \
											     "-se" \
											     "t>"

static void
expect(const char *document, const char *missing, const char *after)
{
	struct pz_upgrade_rule rules[PZ_UPGRADE_RULES_MAX];
	struct pz_errinfo info = {""};
	char ids[256] = "", *out = NULL;
	size_t count = pz_policies_missing(pz_slice_str(document), pz_slice_str(STANDARD), rules);

	for (size_t i = 0; i < count; i++)
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%.*s ",
			 (int)rules[i].id.len, (const char *)rules[i].id.ptr);
	assert_string_equal(ids, missing);
	if (after == NULL)
		return;
	assert_ok(pz_policies_upgrade(pz_slice_str(document), rules, count, &out, &info));
	assert_string_equal(out, after);
	assert_int_equal(pz_policies_missing(pz_slice_str(out), pz_slice_str(STANDARD), rules), 0);
	free(out);
}

static void
a_rule_goes_before_the_one_that_follows_it(void **state)
{
	(void)state;
	expect("<policy id='one'> <rule id=\"own\" effect='permit'/>\n" RULE(
		       "b") "<rule "
			    "effect='deny' id = 'rest' /></policy>",
	       "a c ",
	       "<policy id='one'> <rule id=\"own\" effect='permit'/>\n" RULE("a") "\n\t\t" RULE(
		       "b") "<rule id=\"c\" effect=\"permit\" description=\"C.\"><condition>"
			    "<resource-match attr=\"api-feature\" match=\"f\"/></condition></rule>"
			    "\n\t\t<rule effect='deny' id = 'rest' /></policy>");
}

static void
what_has_no_place_is_left_out(void **state)
{
	(void)state;
	expect("<policy id='mine'>" RULE("rest") "</policy>", "", NULL); /* another policy */
	expect("<policy id='one'>" RULE("a") "</policy>", "", NULL);     /* none that follows */
	expect("<policy-set><policy id='one'>" RULE("a") "</policy><policy id='two'>" RULE(
		       "e") "</policy></policy-set>",
	       "d ", NULL);
	expect(STANDARD, "", NULL);
}

/* Neither a comment nor a description is an element or an id. */
static void
only_elements_count(void **state)
{
	(void)state;
	expect("<policy id='one'><!-- " RULE(
		       "a") " --><rule effect='deny' description=' id=\"b\" ' "
			    "id=\"z\"/><rule description=\"> id='c'\" effect='deny' "
			    "id='rest'/></policy>",
	       "a b c ", NULL);
}

/* Each rule of the default alone is found, comes back to its place, and nothing else changes. */
static void
each_rule_of_the_default_is_found_and_comes_back(void **state)
{
	struct pz_slice standard = pz_policies_default();
	struct pz_upgrade_rule all[PZ_UPGRADE_RULES_MAX], one[PZ_UPGRADE_RULES_MAX];
	struct pz_errinfo info = {""};
	char *emptied = NULL;
	size_t count;

	(void)state;
	assert_int_equal(pz_policies_missing(standard, standard, one), 0);
	/* without any rule but the last of each policy */
	emptied = pz_slice_dup(standard);
	assert_non_null(emptied);
	for (char *at = emptied; (at = strstr(at, "<rule id=\"")) != NULL;) {
		char *end = strstr(at, "-rest\"") && strstr(at, "-rest\"") < strchr(at, '>')
				    ? NULL
				    : strstr(at, "</rule>");
		if (end)
			memmove(at, end + 7, strlen(end + 7) + 1);
		else
			at++;
	}
	count = pz_policies_missing(pz_slice_str(emptied), standard, all);
	assert_true(count >= 8);
	char *out = NULL;
	assert_ok(pz_policies_upgrade(pz_slice_str(emptied), all, count, &out, &info));
	assert_int_equal(pz_policies_missing(pz_slice_str(out), standard, one), 0);
	for (size_t i = 0; i < count; i++) {
		assert_true(all[i].description.len > 0 && all[i].effect.len > 0);
		assert_non_null(memmem(out, strlen(out), all[i].text.ptr, all[i].text.len));
	}
	free(out);
	free(emptied);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_goes_before_the_one_that_follows_it),
		cmocka_unit_test(what_has_no_place_is_left_out),
		cmocka_unit_test(only_elements_count),
		cmocka_unit_test(each_rule_of_the_default_is_found_and_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
