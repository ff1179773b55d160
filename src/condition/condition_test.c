#include "kit/test.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "condition/condition.h"
#include "kit/clock.h"

static struct pz_kit_clock clock;
static struct pz_conditions *conditions;
static unsigned warnings, notices;
static char last_line[512];

static void
sink(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg;
	warnings += level == PZ_LOG_WARNING;
	notices += level == PZ_LOG_NOTICE;
	(void)snprintf(last_line, sizeof(last_line), "%s %s", id, text);
}

static int
setup(void **state)
{
	(void)state;
	pz_kit_clock_init(&clock);
	warnings = notices = 0;
	conditions = pz_conditions_new(&clock.env);
	pz_log_set_sink(sink, NULL);
	return conditions ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	pz_log_set_sink(NULL, NULL);
	pz_conditions_free(conditions);
	return 0;
}

static void
assert_texts(const char *expected)
{
	json_t *texts = pz_conditions_texts(conditions);
	char *dump = json_dumps(texts, JSON_COMPACT);

	assert_string_equal(dump, expected);
	free(dump);
	json_decref(texts);
}

static void
test_a_raised_condition_is_listed_until_it_is_cleared(void **state)
{
	(void)state;
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, "a@b", "no %s", "space");
	assert_true(pz_condition_is_raised(conditions, PZ_CONDITION_RENEWAL_FAILED, "a@b"));
	assert_true(pz_condition_is_raised(conditions, PZ_CONDITION_RENEWAL_FAILED, NULL));
	assert_false(pz_condition_is_raised(conditions, PZ_CONDITION_RENEWAL_FAILED, "c@d"));
	assert_texts("[\"no space; it is tried again by itself; see the log and the free disk "
		     "space\"]");
	pz_condition_clear(conditions, PZ_CONDITION_RENEWAL_FAILED, "c@d");
	assert_true(pz_condition_is_raised(conditions, PZ_CONDITION_RENEWAL_FAILED, "a@b"));
	pz_condition_clear(conditions, PZ_CONDITION_RENEWAL_FAILED, "a@b");
	assert_false(pz_condition_is_raised(conditions, PZ_CONDITION_RENEWAL_FAILED, NULL));
	assert_texts("[]");
}

static void
test_programs_get_the_parts(void **state)
{
	(void)state;
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, "a@b", "one\ntwo");
	json_t *list = pz_conditions_json(conditions);
	const char *id, *subject, *text, *advice;
	json_int_t since;
	assert_int_equal(json_unpack(list, "[{s:s, s:s, s:I, s:s, s:s}!]", "id", &id, "subject",
				     &subject, "since", &since, "text", &text, "advice", &advice),
			 0);
	assert_string_equal(id, "renewal-failed");
	assert_string_equal(subject, "a@b");
	assert_string_equal(text, "one?two");
	assert_string_equal(advice, pz_condition_info(PZ_CONDITION_RENEWAL_FAILED)->advice);
	assert_int_equal(since, (json_int_t)PZ_KIT_WALL_MS);
	json_decref(list);
}

static void
test_a_subject_has_one_entry(void **state)
{
	(void)state;
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, "a", "first");
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, "a", "second");
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, "b", "third");
	json_t *list = pz_conditions_json(conditions);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "text")),
			    "second");
	json_decref(list);
	pz_condition_clear(conditions, PZ_CONDITION_RENEWAL_FAILED, NULL);
	assert_texts("[]");
}

static void
test_each_change_is_logged_once(void **state)
{
	(void)state;
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, "", "try 0");
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(last_line, "renewal-failed try 0; it is tried again"));
	for (int i = 1; i < 100; i++)
		pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, "", "try %d", i);
	assert_int_equal(warnings, 1);
	pz_kit_clock_run(&clock, 3600 * PZ_US_PER_S);
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, "", "try 100");
	assert_int_equal(warnings, 2);
	pz_condition_clear(conditions, PZ_CONDITION_RENEWAL_FAILED, "");
	pz_condition_clear(conditions, PZ_CONDITION_RENEWAL_FAILED, "");
	assert_int_equal(notices, 1);
	assert_string_equal(last_line, "renewal-failed over: try 100");
}

static void
test_the_number_is_bounded(void **state)
{
	char subject[16];

	(void)state;
	for (int i = 0; i < PZ_CONDITIONS_MAX + 10; i++) {
		(void)snprintf(subject, sizeof(subject), "%d", i);
		pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, subject, "x");
	}
	json_t *list = pz_conditions_json(conditions);
	assert_int_equal(json_array_size(list), PZ_CONDITIONS_MAX);
	json_decref(list);
	assert_int_equal(warnings, PZ_CONDITIONS_MAX + 1); /* one line for all that did not fit */
	pz_condition_clear(conditions, PZ_CONDITION_RENEWAL_FAILED, "0");
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, "new", "x");
	assert_true(pz_condition_is_raised(conditions, PZ_CONDITION_RENEWAL_FAILED, "new"));
}

static void
test_a_long_subject_is_found_again(void **state)
{
	char subject[1024];

	(void)state;
	memset(subject, 'x', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, subject, "x");
	pz_condition_clear(conditions, PZ_CONDITION_RENEWAL_FAILED, subject);
	assert_texts("[]");
}

static void
test_without_an_object_nothing_happens(void **state)
{
	(void)state;
	pz_condition_raise(NULL, PZ_CONDITION_RENEWAL_FAILED, "", "x");
	pz_condition_clear(NULL, PZ_CONDITION_RENEWAL_FAILED, NULL);
	pz_conditions_clear_all(NULL);
	assert_false(pz_condition_is_raised(NULL, PZ_CONDITION_RENEWAL_FAILED, NULL));
	pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, NULL, "x");
	pz_conditions_clear_all(conditions);
	assert_texts("[]");
}

/* A disk that is full takes small commits and refuses large ones. */
static void
test_an_outcome_that_changes_is_raised_once(void **state)
{
	(void)state;
	pz_condition_outcome(conditions, PZ_CONDITION_STORE_FAILED, PZ_OK, "");
	for (int i = 0; i < 5; i++) {
		pz_condition_outcome(conditions, PZ_CONDITION_STORE_FAILED, PZ_ERR_IO_FULL, "full");
		pz_condition_outcome(conditions, PZ_CONDITION_STORE_FAILED, PZ_OK, "");
		pz_kit_clock_jump(&clock, PZ_CONDITION_CALM_US - 1);
	}
	assert_int_equal(warnings, 1);
	assert_int_equal(notices, 0);
	assert_true(pz_condition_is_raised(conditions, PZ_CONDITION_STORE_FAILED, NULL));
	pz_condition_outcome(conditions, PZ_CONDITION_STORE_FAILED, PZ_ERR_IO_FULL, "full");
	pz_kit_clock_run(&clock, 10 * PZ_CONDITION_CALM_US);
	assert_true(pz_condition_is_raised(conditions, PZ_CONDITION_STORE_FAILED, NULL));
	pz_condition_outcome(conditions, PZ_CONDITION_STORE_FAILED, PZ_OK, "");
	assert_texts("[]");
	assert_int_equal(notices, 1);
	pz_condition_outcome(conditions, PZ_CONDITION_STORE_FAILED, PZ_ERR_IO_FULL, "full");
	pz_kit_clock_run(&clock, PZ_CONDITION_CALM_US / 2);
	pz_condition_outcome(conditions, PZ_CONDITION_STORE_FAILED, PZ_OK, "");
	pz_kit_clock_run(&clock, PZ_CONDITION_CALM_US / 2 - 1);
	assert_int_equal(notices, 1);
	pz_kit_clock_run(&clock, 1); /* on its own */
	assert_texts("[]");
	assert_int_equal(notices, 2);
	pz_condition_outcome(NULL, PZ_CONDITION_STORE_FAILED, PZ_ERR_IO_FULL, "full");
}

/* The manual and the lists are made of these texts. */
static void
test_every_row_is_complete(void **state)
{
	(void)state;
	for (int i = 0; i < PZ_CONDITION_COUNT; i++) {
		const struct pz_condition_info *info = pz_condition_info((enum pz_condition)i);
		for (const char *p = info->name; *p; p++)
			assert_true(islower((unsigned char)*p) || *p == '-');
		assert_true(isupper((unsigned char)info->meaning[0]));
		assert_int_equal(info->meaning[strlen(info->meaning) - 1], '.');
		assert_true(strlen(info->advice) > 10);
		assert_int_not_equal(info->advice[strlen(info->advice) - 1], '.');
		for (int j = 0; j < i; j++)
			assert_string_not_equal(info->name,
						pz_condition_info((enum pz_condition)j)->name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_raised_condition_is_listed_until_it_is_cleared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_programs_get_the_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_subject_has_one_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_change_is_logged_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_number_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_long_subject_is_found_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_without_an_object_nothing_happens, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_outcome_that_changes_is_raised_once, setup,
						teardown),
		cmocka_unit_test(test_every_row_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
