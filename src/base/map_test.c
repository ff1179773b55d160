#include "kit/test.h"
#include <stdio.h>

#include "base/map.h"

static struct pz_slice
key(char *out, size_t size, size_t n)
{
	snprintf(out, size, "key-%zu", n);
	return pz_slice_str(out);
}

static void *
value(size_t n)
{
	return (void *)(uintptr_t)(n + 1);
}

static void
test_empty_map(void **state)
{
	struct pz_map *map = pz_map_new();
	size_t pos = 0;

	(void)state;
	assert_non_null(map);
	assert_null(pz_map_get(map, pz_slice_str("a")));
	assert_null(pz_map_remove(map, pz_slice_str("a")));
	assert_int_equal(pz_map_len(map), 0);
	assert_false(pz_map_next(map, &pos, NULL, NULL));
	pz_map_free(map);
	pz_map_free(NULL);
}

static void
test_put_get_replace_remove(void **state)
{
	struct pz_map *map = pz_map_new();
	char name[] = "a";
	int one, two;
	void *old = &one;

	(void)state;
	assert_ok(pz_map_put(map, pz_slice_str(name), &one, &old));
	assert_null(old);
	name[0] = 'b'; /* the key was copied */
	assert_ptr_equal(pz_map_get(map, pz_slice_str("a")), &one);
	assert_null(pz_map_get(map, pz_slice_str("b")));
	assert_ok(pz_map_put(map, pz_slice_str("a"), &two, &old));
	assert_ptr_equal(old, &one);
	assert_int_equal(pz_map_len(map), 1);
	assert_ptr_equal(pz_map_remove(map, pz_slice_str("a")), &two);
	assert_null(pz_map_remove(map, pz_slice_str("a")));
	assert_ok(pz_map_put(map, pz_slice_str("a"), &one, NULL));
	assert_ptr_equal(pz_map_get(map, pz_slice_str("a")), &one);
	pz_map_free(map);
}

static void
test_keys_are_bytes(void **state)
{
	struct pz_map *map = pz_map_new();
	int a, b, c;

	(void)state;
	assert_ok(pz_map_put(map, pz_slice_of("x\0y", 3), &a, NULL));
	assert_ok(pz_map_put(map, pz_slice_of("x", 1), &b, NULL));
	assert_ok(pz_map_put(map, pz_slice_of(NULL, 0), &c, NULL));
	assert_ptr_equal(pz_map_get(map, pz_slice_of("x\0y", 3)), &a);
	assert_ptr_equal(pz_map_get(map, pz_slice_str("x")), &b);
	assert_ptr_equal(pz_map_get(map, pz_slice_str("")), &c);
	assert_null(pz_map_get(map, pz_slice_of("x\0z", 3)));
	pz_map_free(map);
}

static void
test_many_entries_in_insertion_order(void **state)
{
	struct pz_map *map = pz_map_new();
	size_t pos = 0, n = 0;
	struct pz_slice k;
	char name[32];
	void *v;

	(void)state;
	for (size_t i = 0; i < 20000; i++)
		assert_ok(pz_map_put(map, key(name, sizeof(name), i), value(i), NULL));
	assert_int_equal(pz_map_len(map), 20000);
	for (size_t i = 0; i < 20000; i++)
		assert_ptr_equal(pz_map_get(map, key(name, sizeof(name), i)), value(i));
	while (pz_map_next(map, &pos, &k, &v)) {
		assert_true(pz_slice_eq(k, key(name, sizeof(name), n)));
		assert_ptr_equal(v, value(n));
		n++;
	}
	assert_int_equal(n, 20000);
	pz_map_free(map);
}

static void
test_removal_while_iterating(void **state)
{
	struct pz_map *map = pz_map_new();
	size_t pos = 0, seen = 0;
	struct pz_slice k;
	char name[32];
	void *v;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		assert_ok(pz_map_put(map, key(name, sizeof(name), i), value(i), NULL));
	while (pz_map_next(map, &pos, &k, &v)) {
		assert_ptr_equal(v, value(seen));
		if (seen % 3 != 0)
			assert_ptr_equal(pz_map_remove(map, k), value(seen));
		seen++;
	}
	assert_int_equal(seen, 1000);
	assert_int_equal(pz_map_len(map), 334);
	for (size_t i = 0; i < 1000; i++)
		assert_ptr_equal(pz_map_get(map, key(name, sizeof(name), i)),
				 i % 3 == 0 ? value(i) : NULL);
	pz_map_free(map);
}

/* A map whose entries come and go stays small: positions given out show how many slots are used. */
static void
test_turnover_does_not_grow_the_map(void **state)
{
	struct pz_map *map = pz_map_new();
	size_t pos = 0, n = 0;
	char name[32];

	(void)state;
	for (size_t i = 0; i < 100000; i++) {
		assert_ok(pz_map_put(map, key(name, sizeof(name), i), value(i), NULL));
		if (i >= 10)
			assert_ptr_equal(pz_map_remove(map, key(name, sizeof(name), i - 10)),
					 value(i - 10));
	}
	assert_int_equal(pz_map_len(map), 10);
	while (pz_map_next(map, &pos, NULL, NULL))
		n++;
	assert_int_equal(n, 10);
	assert_true(pos <= 64);
	pz_map_free(map);
}

static void
test_replacing_does_not_change_the_order(void **state)
{
	struct pz_map *map = pz_map_new();
	size_t pos = 0;
	struct pz_slice k;

	(void)state;
	assert_ok(pz_map_put(map, pz_slice_str("a"), value(1), NULL));
	assert_ok(pz_map_put(map, pz_slice_str("b"), value(2), NULL));
	assert_ok(pz_map_put(map, pz_slice_str("a"), value(3), NULL));
	assert_true(pz_map_next(map, &pos, &k, NULL));
	assert_true(pz_slice_eq_str(k, "a"));
	pz_map_free(map);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_map),
		cmocka_unit_test(test_put_get_replace_remove),
		cmocka_unit_test(test_keys_are_bytes),
		cmocka_unit_test(test_many_entries_in_insertion_order),
		cmocka_unit_test(test_removal_while_iterating),
		cmocka_unit_test(test_turnover_does_not_grow_the_map),
		cmocka_unit_test(test_replacing_does_not_change_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
