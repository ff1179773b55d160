/* Arenas: aligned, zeroed, bounded only by memory, freed at once. */
#include "base/arena.h"

#include "kit/test.h"

static void
memory_is_zeroed_aligned_and_apart(void **state)
{
	struct pz_arena arena = {0};
	uint8_t *last = NULL;

	(void)state;
	for (size_t size = 0; size < 40000; size = size * 2 + 1) {
		uint8_t *at = pz_arena_alloc(&arena, 1, size);

		assert_non_null(at);
		assert_ptr_not_equal(at, last);
		assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++) {
			assert_int_equal(at[i], 0);
			at[i] = 0xff;
		}
		last = at;
	}
	pz_arena_fini(&arena);
	pz_arena_fini(&arena); /* empty and usable */
	assert_non_null(pz_arena_alloc(&arena, 3, 5));
	pz_arena_fini(&arena);
}

static void
a_product_that_overflows_is_refused(void **state)
{
	struct pz_arena arena = {0};

	(void)state;
	assert_null(pz_arena_alloc(&arena, SIZE_MAX / 2, 3));
	assert_null(pz_arena_alloc(&arena, 1, SIZE_MAX));
	pz_arena_fini(&arena);
}

static void
copies_end_with_a_nul(void **state)
{
	struct pz_arena arena = {0};
	struct pz_slice copy = {NULL, 7};

	(void)state;
	assert_true(pz_arena_copy(&arena, pz_slice_str("abc"), &copy));
	assert_int_equal(copy.len, 3);
	assert_string_equal((const char *)copy.ptr, "abc");
	assert_true(pz_arena_copy(&arena, (struct pz_slice){NULL, 0}, &copy));
	assert_int_equal(copy.len, 0);
	assert_string_equal((const char *)copy.ptr, "");
	pz_arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(a_product_that_overflows_is_refused),
		cmocka_unit_test(copies_end_with_a_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
