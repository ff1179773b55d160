/* Several codes of one zone at the same time. */
#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "base/timer.h"
#include "enrol/codes.h"
#include "kit/clock.h"

static struct pz_kit_clock clock = PZ_KIT_CLOCK(clock);

static struct pz_code *
issue(struct pz_codes *codes, const char *device, bool is_replaced)
{
	struct pz_code *code = NULL;
	bool replaced = !is_replaced;

	assert_ok(pz_codes_issue(codes, &clock.env, device, 60, &code, &replaced));
	assert_int_equal(replaced, is_replaced);
	return code;
}

static void
a_device_uses_the_code_of_its_name_else_the_one_without(void **state)
{
	struct pz_codes codes = {{NULL}};

	(void)state;
	assert_null(pz_codes_find(&codes, &clock.env, "tv"));
	assert_false(pz_codes_is_live(&codes, &clock.env));
	struct pz_code *tv = issue(&codes, "tv", false);
	assert_ptr_equal(pz_codes_find(&codes, &clock.env, "phone"),
			 tv); /* its attempt is answered with "for another device" */
	struct pz_code *any = issue(&codes, NULL, false);
	assert_ptr_equal(pz_codes_find(&codes, &clock.env, "tv"), tv);
	assert_ptr_equal(pz_codes_find(&codes, &clock.env, "phone"), any);
	assert_ptr_equal(pz_codes_of_issue(&codes, tv->issue), tv);
	assert_null(pz_codes_of_issue(&codes, tv->issue + 1));
	pz_code_cancel(tv); /* used */
	assert_ptr_equal(pz_codes_find(&codes, &clock.env, "tv"), any);
	pz_kit_clock_run(&clock, 61 * PZ_US_PER_S);
	assert_false(pz_codes_is_live(&codes, &clock.env));
	assert_ptr_equal(pz_codes_find(&codes, &clock.env, "phone"),
			 any); /* says that it expired */
	pz_codes_cancel_all(&codes);
	assert_null(pz_codes_find(&codes, &clock.env, "phone"));
}

static void
a_second_one_of_a_kind_ends_the_first(void **state)
{
	struct pz_codes codes = {{NULL}};

	(void)state;
	uint64_t any = issue(&codes, "", false)->issue, tv = issue(&codes, "tv", false)->issue;
	issue(&codes, NULL, true);
	assert_null(pz_codes_of_issue(&codes, any));
	assert_non_null(pz_codes_of_issue(&codes, tv));
	issue(&codes, "tv", true);
	assert_null(pz_codes_of_issue(&codes, tv));
	pz_kit_clock_run(&clock, 61 * PZ_US_PER_S);
	issue(&codes, "tv", false); /* the former one had expired */
	pz_codes_cancel_all(&codes);
}

static void
there_are_so_many_and_no_more(void **state)
{
	struct pz_codes codes = {{NULL}};
	struct pz_code *code = NULL;
	bool replaced;
	char name[16];

	(void)state;
	for (int i = 0; i < PZ_CODES_MAX; i++) {
		snprintf(name, sizeof(name), "device%d", i);
		issue(&codes, name, false);
	}
	assert_int_equal(pz_codes_issue(&codes, &clock.env, NULL, 60, &code, &replaced),
			 PZ_ERR_LIMIT);
	issue(&codes, name, true);
	pz_kit_clock_run(&clock, 61 * PZ_US_PER_S);
	issue(&codes, NULL, false);
	pz_codes_cancel_all(&codes);
	assert_false(pz_codes_is_live(&codes, &clock.env));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_uses_the_code_of_its_name_else_the_one_without),
		cmocka_unit_test(a_second_one_of_a_kind_ends_the_first),
		cmocka_unit_test(there_are_so_many_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
