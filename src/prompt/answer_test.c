/* The rows of page 9, 11.1. */
#include "kit/test.h"

#include "prompt/answer.h"

static void
each_effect_offers_its_row(void **state)
{
	static const struct {
		enum pz_policy_effect effect;
		bool offers[PZ_PROMPT_ANSWERS];
	} rows[] = {
		{PZ_POLICY_PROMPT_ONESHOT, {1, 0, 1, 1, 0, 0}},
		{PZ_POLICY_PROMPT_SESSION, {1, 1, 1, 1, 1, 0}},
		{PZ_POLICY_PROMPT_BLANKET, {1, 1, 1, 1, 1, 1}},
		{PZ_POLICY_PERMIT, {0}},
		{PZ_POLICY_DENY, {0}},
		{PZ_POLICY_UNDETERMINED, {0}},
		{PZ_POLICY_INAPPLICABLE, {0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int a = 0; a < PZ_PROMPT_ANSWERS; a++)
			assert_int_equal(pz_prompt_offers(rows[i].effect, (enum pz_prompt_answer)a),
					 rows[i].offers[a]);
}

/* page 14 PRM-2 */
static void
an_answer_that_is_not_offered_is_brought_down(void **state)
{
	static const struct {
		enum pz_policy_effect effect;
		enum pz_prompt_answer become[PZ_PROMPT_ANSWERS];
	} rows[] = {
		{PZ_POLICY_PROMPT_ONESHOT, {0, 2, 2, 3, 3, 3}},
		{PZ_POLICY_PROMPT_SESSION, {0, 1, 2, 3, 4, 4}},
		{PZ_POLICY_PROMPT_BLANKET, {0, 1, 2, 3, 4, 5}},
		{PZ_POLICY_PERMIT, {2, 2, 2, 2, 2, 2}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int a = 0; a < PZ_PROMPT_ANSWERS; a++)
			assert_int_equal(pz_prompt_clamp(rows[i].effect, a), rows[i].become[a]);
}

static void
what_is_no_answer_denies_this_time(void **state)
{
	static const long long numbers[] = {-1, 6, 7, 255, 256 + 5, 1LL << 32, -(1LL << 62)};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(pz_prompt_clamp(PZ_POLICY_PROMPT_BLANKET, numbers[i]),
				 PZ_PROMPT_DENY_ONCE);
}

static void
an_answer_is_a_verdict_and_a_scope(void **state)
{
	enum pz_prompt_scope scope;

	(void)state;
	for (int a = 0; a < PZ_PROMPT_ANSWERS; a++) {
		enum pz_prompt_answer answer = (enum pz_prompt_answer)a;

		assert_int_equal(
			pz_prompt_answer_of(pz_prompt_allows(answer), pz_prompt_scope(answer)),
			answer);
		assert_true(pz_prompt_scope_parse(pz_prompt_scope_name(pz_prompt_scope(answer)),
						  &scope));
		assert_int_equal(scope, pz_prompt_scope(answer));
		assert_string_not_equal(pz_prompt_answer_text(answer), "");
	}
	assert_false(pz_prompt_scope_parse("forever", &scope));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_effect_offers_its_row),
		cmocka_unit_test(an_answer_that_is_not_offered_is_brought_down),
		cmocka_unit_test(what_is_no_answer_denies_this_time),
		cmocka_unit_test(an_answer_is_a_verdict_and_a_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
