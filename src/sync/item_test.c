/* Items and digests: page 8 "How". */
#include "sync/fixture.h"

static struct pz_sync_item *item;

static int
set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	item = pz_sync_item_new(pz_sync_kind(PZ_SYNC_APP_DATA));
	return item ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_sync_item_free(item);
	return 0;
}

static void
add(const char *key, const char *value, uint64_t mtime_ms)
{
	assert_ok(pz_sync_item_put(item, make(key, value, ZONE, mtime_ms), NULL));
}

static const char *
digest(void)
{
	static char hex[2 * PZ_SYNC_HASH_BYTES + 1];
	uint8_t bytes[PZ_SYNC_HASH_BYTES];

	assert_ok(pz_sync_item_digest(item, bytes));
	sodium_bin2hex(hex, sizeof(hex), bytes, sizeof(bytes));
	return hex;
}

/* Computed with Python's hashlib from the text of page 8. */
static void
the_digest_is_that_of_page_8(void **state)
{
	(void)state;
	assert_string_equal(digest(),
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	add("b", "two", 1800000000001);
	add("a", "one", 1800000000000);
	assert_string_equal(digest(),
			    "39e646cc485ba943cccb19dc2a3d1536facd07014fb2a3039d7feb200d62a12e");
	add("\xc3\xa4", NULL, 5);
	assert_string_equal(digest(),
			    "b3b491693d0573cac0b058b45908691b0c250d234a2668555ae8daf6a8007f71");
	assert_true(pz_sync_item_remove(item, "\xc3\xa4"));
	assert_string_equal(digest(),
			    "39e646cc485ba943cccb19dc2a3d1536facd07014fb2a3039d7feb200d62a12e");
}

static void
keys_are_in_bytewise_order_whatever_order_they_came_in(void **state)
{
	static const char *const sorted[] = {"A", "a",        "a b",         "aa",
					     "b", "\xc3\xa4", "\xe2\x82\xac"};
	static const size_t order[] = {3, 6, 0, 5, 1, 4, 2};

	(void)state;
	for (size_t i = 0; i < 7; i++)
		add(sorted[order[i]], "v", 1);
	assert_int_equal(pz_sync_item_len(item), 7);
	for (size_t i = 0; i < 7; i++) {
		assert_string_equal(pz_sync_item_at(item, i)->key, sorted[i]);
		assert_int_equal(pz_sync_item_after(item, sorted[i]), i + 1);
		assert_non_null(pz_sync_item_get(item, sorted[i]));
	}
	assert_int_equal(pz_sync_item_after(item, NULL), 0);
	assert_int_equal(pz_sync_item_after(item, "a c"), 3);
	assert_null(pz_sync_item_get(item, "a c"));
	assert_false(pz_sync_item_remove(item, "a c"));
}

static void
a_put_replaces(void **state)
{
	(void)state;
	add("k", "old", 9);
	add("k", "new", 1);
	assert_int_equal(pz_sync_item_len(item), 1);
	assert_string_equal(pz_sync_item_get(item, "k")->value, "new");
}

static void
a_local_change_comes_after_what_it_replaces(void **state)
{
	(void)state;
	assert_ok(pz_sync_item_write(item, "k", pz_slice_str("1"), false, ZONE, NOW, NULL));
	assert_int_equal(pz_sync_item_get(item, "k")->mtime_ms, NOW);
	assert_ok(pz_sync_item_write(item, "k", pz_slice_str("2"), false, ZONE, NOW, NULL));
	assert_int_equal(pz_sync_item_get(item, "k")->mtime_ms, NOW + 1);
	add("k", "3", NOW + PZ_SYNC_AHEAD_MS);
	assert_ok(pz_sync_item_write(item, "k", pz_slice_str(""), true, ZONE, NOW, NULL));
	assert_int_equal(pz_sync_item_get(item, "k")->mtime_ms, NOW + PZ_SYNC_AHEAD_MS + 1);
	assert_true(pz_sync_item_get(item, "k")->deleted);
	/* one that nobody believes is no reason to lie as well */
	add("k", "4", NOW + DAY);
	assert_ok(pz_sync_item_write(item, "k", pz_slice_str("5"), false, ZONE, NOW, NULL));
	assert_int_equal(pz_sync_item_get(item, "k")->mtime_ms, NOW);
	assert_int_equal(pz_sync_item_write(item, "", pz_slice_str("5"), false, ZONE, NOW, NULL),
			 PZ_ERR_PROTO_MEMBER);
}

static void
number_of_chunks_is_limited(void **state)
{
	char key[16];
	struct pz_sync_chunk *more = make("more", "", ZONE, 1);

	(void)state;
	for (int i = 0; i < PZ_SYNC_CHUNKS_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		add(key, "", 1);
	}
	assert_int_equal(pz_sync_item_put(item, more, NULL), PZ_ERR_LIMIT);
	add("1", "replaced", 2);
	assert_true(pz_sync_item_remove(item, "2"));
	assert_ok(pz_sync_item_put(item, more, NULL));
	assert_int_equal(pz_sync_item_len(item), PZ_SYNC_CHUNKS_MAX);
}

static void
sum_of_sizes_is_limited(void **state)
{
	char *value = calloc(1, PZ_SYNC_VALUE_BYTES_MAX + 1), key[16];
	struct pz_sync_chunk *chunk = NULL;
	int n = 0;

	(void)state;
	assert_non_null(value);
	memset(value, 'v', PZ_SYNC_VALUE_BYTES_MAX);
	for (;; n++) {
		snprintf(key, sizeof(key), "%d", n);
		chunk = make(key, value, ZONE, 1);
		if (pz_sync_item_put(item, chunk, NULL) != PZ_OK)
			break;
	}
	assert_int_equal(n, PZ_SYNC_ITEM_BYTES_MAX / PZ_SYNC_VALUE_BYTES_MAX - 1);
	assert_true(pz_sync_item_remove(item, "0"));
	assert_ok(pz_sync_item_put(item, chunk, NULL));
	add(key, "short", 2);
	free(value);
}

static void
an_item_has_its_own_limits(void **state)
{
	struct pz_sync_item *secret = pz_sync_item_new(pz_sync_kind(PZ_SYNC_ZONE_SECRET));
	char value[300];

	(void)state;
	memset(value, 'v', sizeof(value));
	value[257] = '\0';
	struct pz_sync_chunk *chunk = make("zone-secret", value, ZONE, 1);
	assert_int_equal(pz_sync_item_put(secret, chunk, NULL), PZ_ERR_LIMIT);
	pz_sync_chunk_free(chunk);
	assert_ok(pz_sync_item_put(secret, make("zone-secret", value + 1, ZONE, 1), NULL));
	chunk = make("another", "v", ZONE, 1);
	assert_int_equal(pz_sync_item_put(secret, chunk, NULL), PZ_ERR_LIMIT);
	pz_sync_chunk_free(chunk);
	pz_sync_item_free(secret);
	pz_sync_item_free(NULL);
}

static void
deletions_are_kept_for_90_days(void **state)
{
	(void)state;
	add("old", NULL, NOW - 90 * DAY - 1);
	add("young", NULL, NOW - 90 * DAY);
	add("alive", "v", NOW - 900 * DAY);
	add("future", NULL, NOW + DAY);
	assert_int_equal(pz_sync_item_expire(item, NOW), 1);
	assert_null(pz_sync_item_get(item, "old"));
	assert_int_equal(pz_sync_item_len(item), 3);
	assert_int_equal(pz_sync_item_expire(item, NOW), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_digest_is_that_of_page_8, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			keys_are_in_bytewise_order_whatever_order_they_came_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_put_replaces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_local_change_comes_after_what_it_replaces, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(number_of_chunks_is_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sum_of_sizes_is_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_item_has_its_own_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deletions_are_kept_for_90_days, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
