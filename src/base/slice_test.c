#include "kit/test.h"
#include <stdlib.h>

#include "base/auto.h"
#include "base/slice.h"

static void
test_dup_copies_and_terminates(void **state)
{
	PZ_AUTO_FREE char *a = pz_slice_dup(pz_slice_of("abcdef", 3));
	PZ_AUTO_FREE char *b = pz_slice_dup(pz_slice_of(NULL, 0));

	(void)state;
	assert_string_equal(a, "abc");
	assert_string_equal(b, "");
}

static void
test_equality_looks_at_length_and_bytes(void **state)
{
	(void)state;
	assert_true(pz_slice_eq(pz_slice_of(NULL, 0), pz_slice_str("")));
	assert_true(pz_slice_eq_str(pz_slice_of("abc", 2), "ab"));
	assert_false(pz_slice_eq_str(pz_slice_of("abc", 2), "abc"));
	assert_false(pz_slice_eq_str(pz_slice_of("abc", 2), "ac"));
	assert_int_equal(pz_slice_str(NULL).len, 0);
}

static void
test_order_is_bytewise_and_shorter_first(void **state)
{
	struct pz_slice low = pz_slice_str("ab"), high = pz_slice_str("\xff");

	(void)state;
	assert_true(pz_slice_cmp(low, high) < 0); /* bytes are unsigned */
	assert_true(pz_slice_cmp(high, low) > 0);
	assert_true(pz_slice_cmp(low, pz_slice_str("abc")) < 0);
	assert_true(pz_slice_cmp(pz_slice_str("abc"), low) > 0);
	assert_int_equal(pz_slice_cmp(low, pz_slice_str("ab")), 0);
	assert_true(pz_slice_cmp(pz_slice_of(NULL, 0), low) < 0);
	assert_int_equal(pz_slice_cmp(pz_slice_of(NULL, 0), pz_slice_str("")), 0);
}

static void
test_take_disarms_the_clean_up(void **state)
{
	char *kept;

	(void)state;
	{
		PZ_AUTO_FREE char *p = pz_slice_dup(pz_slice_str("x"));
		kept = PZ_TAKE(p);
		assert_null(p);
	}
	assert_string_equal(kept, "x");
	free(kept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dup_copies_and_terminates),
		cmocka_unit_test(test_equality_looks_at_length_and_bytes),
		cmocka_unit_test(test_order_is_bytewise_and_shorter_first),
		cmocka_unit_test(test_take_disarms_the_clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
