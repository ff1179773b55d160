#include "kit/test.h"
#include <stdlib.h>

#include "base/buf.h"

static void
check(const struct pz_buf *buf, const char *want)
{
	assert_true(pz_slice_eq_str(pz_buf_slice(buf), want));
}

static void
test_zeroed_buffer_is_empty_and_takes_nothing(void **state)
{
	struct pz_buf buf = {0};

	(void)state;
	check(&buf, "");
	assert_ok(pz_buf_append_str(&buf, ""));
	assert_int_equal(pz_buf_append_str(&buf, "x"), PZ_ERR_LIMIT_QUEUE);
	assert_null(buf.mem);
	pz_buf_fini(&buf);
}

static void
test_append_and_consume_are_a_queue(void **state)
{
	struct pz_buf buf;

	(void)state;
	pz_buf_init(&buf, 100, NULL);
	assert_ok(pz_buf_append_str(&buf, "hello "));
	assert_ok(pz_buf_append(&buf, pz_slice_of("world", 5)));
	check(&buf, "hello world");
	pz_buf_consume(&buf, 6);
	check(&buf, "world");
	assert_ok(pz_buf_printf(&buf, "%s %d", "!", 42));
	check(&buf, "world! 42");
	pz_buf_fini(&buf);
	check(&buf, "");
	assert_ok(pz_buf_append_str(&buf, "again"));
	check(&buf, "again");
	pz_buf_fini(&buf);
}

static void
test_maximum_is_exact_and_failure_appends_nothing(void **state)
{
	struct pz_buf buf;
	uint8_t *at;

	(void)state;
	pz_buf_init(&buf, 5, NULL);
	assert_ok(pz_buf_append_str(&buf, "123"));
	assert_int_equal(pz_buf_append_str(&buf, "456"), PZ_ERR_LIMIT_QUEUE);
	assert_int_equal(pz_buf_printf(&buf, "%d", 456), PZ_ERR_LIMIT_QUEUE);
	assert_int_equal(pz_buf_reserve(&buf, 3, &at), PZ_ERR_LIMIT_QUEUE);
	assert_int_equal(pz_buf_reserve(&buf, SIZE_MAX, &at), PZ_ERR_LIMIT_QUEUE);
	check(&buf, "123");
	assert_ok(pz_buf_printf(&buf, "%d", 45)); /* the NUL does not count */
	check(&buf, "12345");
	pz_buf_consume(&buf, 4);
	assert_ok(pz_buf_append_str(&buf, "6789"));
	check(&buf, "56789");
	pz_buf_fini(&buf);
}

static void
test_reserve_and_commit(void **state)
{
	struct pz_buf buf;
	uint8_t *at;

	(void)state;
	pz_buf_init(&buf, 1000, NULL);
	assert_ok(pz_buf_append_str(&buf, "a"));
	assert_ok(pz_buf_reserve(&buf, 500, &at));
	memset(at, 'b', 500);
	pz_buf_commit(&buf, 2);
	check(&buf, "abb");
	pz_buf_fini(&buf);
	assert_ok(pz_buf_reserve(&buf, 10, &at));
	pz_buf_commit(&buf, 0); /* still empty: keeps no memory */
	assert_null(buf.mem);
}

static void
test_emptied_buffer_returns_its_memory(void **state)
{
	struct pz_buf buf;

	(void)state;
	pz_buf_init(&buf, 100, NULL);
	assert_ok(pz_buf_append_str(&buf, "abc"));
	pz_buf_consume(&buf, 2);
	assert_non_null(buf.mem);
	pz_buf_consume(&buf, 1);
	assert_null(buf.mem);
	assert_int_equal(buf.cap, 0);
}

static void
test_wipe_leaves_an_empty_usable_buffer(void **state)
{
	struct pz_buf buf;

	(void)state;
	pz_buf_init(&buf, 4000, NULL);
	pz_buf_wipe(&buf);
	for (int i = 0; i < 100; i++)
		assert_ok(pz_buf_append_str(&buf, "secret "));
	pz_buf_wipe(&buf);
	check(&buf, "");
	assert_null(buf.mem);
}

/* Wiping is seen through a pool of one block: the block comes back with zeros where the text was.
 */
static void
test_wipe_overwrites(void **state)
{
	struct pz_buf_pool *pool = pz_buf_pool_new(64, 1);
	struct pz_buf buf;
	uint8_t *at;

	(void)state;
	assert_non_null(pool);
	pz_buf_init(&buf, 64, pool);
	assert_ok(pz_buf_append_str(&buf, "0123456789012345678901234567890123456789"));
	pz_buf_wipe(&buf);
	assert_ok(pz_buf_reserve(&buf, 40, &at));
	for (size_t i = sizeof(void *); i < 40; i++) /* the pool's own link stands in front */
		assert_int_equal(at[i], 0);
	pz_buf_fini(&buf);
	pz_buf_pool_free(pool);
}

static void
test_pool_block_is_used_again(void **state)
{
	struct pz_buf_pool *pool = pz_buf_pool_new(256, 4);
	struct pz_buf buf;
	uint8_t *first;

	(void)state;
	pz_buf_init(&buf, 10000, pool);
	assert_ok(pz_buf_append_str(&buf, "abc"));
	assert_int_equal(buf.cap, 256);
	first = buf.mem;
	pz_buf_consume(&buf, 3);
	assert_null(buf.mem);
	assert_ok(pz_buf_append_str(&buf, "def"));
	assert_ptr_equal(buf.mem, first);
	pz_buf_fini(&buf);
	pz_buf_pool_free(pool);
}

static void
test_pool_keeps_no_more_than_its_limit(void **state)
{
	struct pz_buf_pool *pool = pz_buf_pool_new(1, 1); /* smaller than the pool's own link */
	struct pz_buf bufs[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		pz_buf_init(&bufs[i], 100, pool);
		assert_ok(pz_buf_append_str(&bufs[i], "x"));
	}
	for (int i = 0; i < 3; i++)
		pz_buf_fini(&bufs[i]); /* two of them are freed: LeakSanitizer and the pool agree */
	pz_buf_pool_free(pool);
	pz_buf_pool_free(NULL);
}

static void
test_pooled_buffer_grows_out_of_its_block(void **state)
{
	struct pz_buf_pool *pool = pz_buf_pool_new(64, 4);
	struct pz_buf buf;
	char text[300];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t max = 60; max < 90; max++) {
		pz_buf_init(&buf, max, pool);
		for (size_t i = 0; i < max; i++)
			assert_ok(pz_buf_append(&buf, pz_slice_of(text, 1)));
		assert_int_equal(pz_buf_append(&buf, pz_slice_of(text, 1)), PZ_ERR_LIMIT_QUEUE);
		assert_true(pz_slice_eq(pz_buf_slice(&buf), pz_slice_of(text, max)));
		pz_buf_fini(&buf);
	}
	pz_buf_init(&buf, 300, pool);
	assert_ok(pz_buf_append(&buf, pz_slice_of(text, 300)));
	assert_int_equal(buf.len, 300);
	pz_buf_fini(&buf);
	pz_buf_pool_free(pool);
}

/* Random appends and consumes against a plain model, close to the maximum. */
static void
test_behaves_like_a_queue_under_random_use(void **state)
{
	struct pz_buf_pool *pools[] = {NULL, pz_buf_pool_new(128, 2)};
	uint32_t rnd = 1;

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		struct pz_buf buf;
		size_t in = 0, out = 0;
		pz_buf_init(&buf, 1000, pools[p]);
		for (int step = 0; step < 20000; step++) {
			uint8_t piece[200];
			size_t n;
			rnd = rnd * 1664525 + 1013904223;
			n = (rnd >> 8) % sizeof(piece);
			for (size_t i = 0; i < n; i++)
				piece[i] = (uint8_t)((in + i) * 7);
			if (pz_buf_append(&buf, pz_slice_of(piece, n)) == PZ_OK)
				in += n;
			else
				assert_true(buf.len + n > buf.max);
			assert_int_equal(buf.len, in - out);
			assert_true(buf.cap <= 1251);
			n = (rnd >> 20) % 190;
			n = n < buf.len ? n : buf.len;
			for (size_t i = 0; i < n; i++)
				assert_int_equal(pz_buf_slice(&buf).ptr[i],
						 (uint8_t)((out + i) * 7));
			pz_buf_consume(&buf, n);
			out += n;
		}
		pz_buf_fini(&buf);
	}
	pz_buf_pool_free(pools[1]);
}

/* A full queue that continues byte by byte: bytes may not be moved on every append. */
static void
test_full_queue_moves_its_bytes_rarely(void **state)
{
	struct pz_buf buf;
	size_t moves = 0, start = 0;
	uint8_t *at;

	(void)state;
	pz_buf_init(&buf, 1 << 20, NULL);
	assert_ok(pz_buf_reserve(&buf, 1 << 20, &at));
	memset(at, 'q', 1 << 20);
	pz_buf_commit(&buf, 1 << 20);
	for (int i = 0; i < 1 << 20; i++) {
		pz_buf_consume(&buf, 1);
		assert_int_equal(buf.start, ++start);
		assert_ok(pz_buf_append_str(&buf, "q"));
		if (buf.start != start) {
			moves++;
			start = buf.start;
		}
	}
	assert_true(moves <= 6);
	pz_buf_fini(&buf);
}

static void
test_unbounded_maximum_does_not_overflow(void **state)
{
	struct pz_buf buf;
	uint8_t *at;

	(void)state;
	pz_buf_init(&buf, SIZE_MAX, NULL);
	assert_ok(pz_buf_append_str(&buf, "abc"));
	check(&buf, "abc");
	assert_int_equal(pz_buf_reserve(&buf, SIZE_MAX, &at), PZ_ERR_LIMIT_QUEUE);
	pz_buf_fini(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed_buffer_is_empty_and_takes_nothing),
		cmocka_unit_test(test_append_and_consume_are_a_queue),
		cmocka_unit_test(test_maximum_is_exact_and_failure_appends_nothing),
		cmocka_unit_test(test_reserve_and_commit),
		cmocka_unit_test(test_emptied_buffer_returns_its_memory),
		cmocka_unit_test(test_wipe_leaves_an_empty_usable_buffer),
		cmocka_unit_test(test_wipe_overwrites),
		cmocka_unit_test(test_pool_block_is_used_again),
		cmocka_unit_test(test_pool_keeps_no_more_than_its_limit),
		cmocka_unit_test(test_pooled_buffer_grows_out_of_its_block),
		cmocka_unit_test(test_behaves_like_a_queue_under_random_use),
		cmocka_unit_test(test_full_queue_moves_its_bytes_rarely),
		cmocka_unit_test(test_unbounded_maximum_does_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
