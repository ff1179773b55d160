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
	/* one that is not accepted is no reason to move ours ahead as well */
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

/* From another device, at that time. */
static enum pz_err
receive(const char *key, const char *value, const char *origin, const char *via, uint64_t mtime_ms,
	uint64_t received_ms)
{
	struct pz_sync_chunk *chunk = make(key, value, origin, mtime_ms);
	enum pz_err err;

	pz_sync_chunk_mark(chunk, via, received_ms);
	err = pz_sync_item_put(item, chunk, NULL);
	if (err != PZ_OK)
		pz_sync_chunk_free(chunk);
	return err;
}

/* It does not differ from a device that has forgotten it, and still wins over a value. */
static void
an_old_deletion_that_came_late_is_kept_and_not_shown(void **state)
{
	char before[2 * PZ_SYNC_HASH_BYTES + 1];

	(void)state;
	add("alive", "v", NOW);
	snprintf(before, sizeof(before), "%s", digest());
	assert_ok(receive("late", NULL, ZONE, "tv", NOW - 100 * DAY, NOW - DAY));
	assert_int_equal(pz_sync_item_expire(item, NOW), 0);
	assert_string_equal(digest(), before);
	assert_false(pz_sync_item_is_shown(item, pz_sync_item_get(item, "late")));
	assert_true(pz_sync_item_is_shown(item, pz_sync_item_get(item, "alive")));
	/* the clock goes back: it is part of it again */
	assert_int_equal(pz_sync_item_expire(item, NOW - 20 * DAY), 0);
	assert_string_not_equal(digest(), before);
	/* as of then it counts, too */
	assert_int_equal(pz_sync_item_expire(item, NOW + 69 * DAY), 0);
	assert_int_equal(pz_sync_item_expire(item, NOW + 71 * DAY), 1);
}

/* Was noted while the clock was wrong: counts from now. */
static void
a_receipt_in_the_future_does_not_keep_a_deletion(void **state)
{
	(void)state;
	assert_ok(receive("k", NULL, ZONE, "tv", NOW - 100 * DAY, NOW + 1000 * DAY));
	assert_int_equal(pz_sync_item_expire(item, NOW), 0);
	assert_int_equal(pz_sync_item_expire(item, NOW + 91 * DAY), 1);
}

static void
fill(const char *prefix, size_t count, const char *value, uint64_t mtime_ms)
{
	char key[32];

	for (size_t i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "%s%05zu", prefix, i);
		add(key, value, mtime_ms + i);
	}
}

static void
the_newest_deletions_are_kept(void **state)
{
	const size_t max = PZ_SYNC_DELETED_MAX(PZ_SYNC_CHUNKS_MAX);
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];

	(void)state;
	fill("d", max, NULL, NOW);
	assert_false(pz_sync_item_dropped(item, key));
	add("e", NULL, NOW + max);
	assert_true(pz_sync_item_dropped(item, key));
	assert_string_equal(key, "d00000");
	assert_false(pz_sync_item_dropped(item, key));
	assert_null(pz_sync_item_get(item, "d00000"));
	assert_int_equal(pz_sync_item_len(item), max);
	struct pz_sync_chunk *old = make("d00000", NULL, ZONE, NOW);
	assert_true(pz_sync_item_is_dropped(item, old)); /* would go at once */
	pz_sync_chunk_free(old);
	/* a value takes the place of one, and is not counted */
	add("d00001", "v", NOW);
	add("f", NULL, NOW + max);
	assert_false(pz_sync_item_dropped(item, key));
	assert_non_null(pz_sync_item_get(item, "d00002"));
	add("g", NULL, NOW + max);
	assert_true(pz_sync_item_dropped(item, key));
	assert_string_equal(key, "d00002");
}

static void
deletions_make_room_for_values(void **state)
{
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];

	(void)state;
	fill("d", 3, NULL, NOW);
	fill("v", PZ_SYNC_CHUNKS_MAX - 3, "v", NOW);
	for (size_t i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "w%zu", i);
		add(key, "v", NOW);
		assert_true(pz_sync_item_dropped(item, key));
		assert_int_equal(key[5], '0' + (int)i);
	}
	assert_int_equal(receive("x", "v", ZONE, "", NOW, NOW), PZ_ERR_LIMIT);
}

static void
a_device_has_a_share(void **state)
{
	char key[32], large[64] = "v";

	(void)state;
	for (size_t i = 0; i < PZ_SYNC_WRITER_CHUNKS_MAX; i++) {
		snprintf(key, sizeof(key), "tv%zu", i);
		assert_ok(receive(key, "v", ZONE "/tv", "tv", NOW, NOW));
	}
	assert_int_equal(receive("one more", "v", ZONE "/tv", "tv", NOW, NOW), PZ_ERR_LIMIT);
	memset(large, 'v', sizeof(large) - 1);
	assert_ok(receive("tv1", "other", ZONE "/tv", "tv", NOW, NOW)); /* no more than before */
	assert_ok(receive("one more", NULL, ZONE "/tv", "tv", NOW, NOW));
	assert_ok(receive("one more", "v", ZONE "/laptop", "laptop", NOW, NOW));
	assert_ok(receive("of the hub", "v", ZONE, "", NOW, NOW));
	/* what it passes on counts elsewhere, and for all who pass on together */
	for (size_t i = 0; i < PZ_SYNC_FORWARDED_CHUNKS_MAX; i++) {
		snprintf(key, sizeof(key), "by%zu", i);
		assert_ok(receive(key, "v", ZONE "/phone", i % 2 ? "tv" : "laptop", NOW, NOW));
	}
	assert_int_equal(receive("more", "v", ZONE "/phone", "tv", NOW, NOW), PZ_ERR_LIMIT);
	assert_int_equal(receive("more", "v", ZONE, "laptop", NOW, NOW), PZ_ERR_LIMIT);
	assert_ok(receive("more", "v", ZONE "/phone", "phone", NOW, NOW));
	/* what goes makes room */
	assert_true(pz_sync_item_remove(item, "tv7"));
	assert_ok(receive("two more", "v", ZONE "/tv", "tv", NOW, NOW));
	assert_ok(
		receive("tv8", "v", ZONE "/laptop", "laptop", NOW, NOW)); /* is the laptop's now */
	assert_ok(receive("three more", "v", ZONE "/tv", "tv", NOW, NOW));
	assert_int_equal(receive("four more", "v", ZONE "/tv", "tv", NOW, NOW), PZ_ERR_LIMIT);
}

static void
a_share_is_of_bytes_too(void **state)
{
	char *value = calloc(1, PZ_SYNC_VALUE_BYTES_MAX + 1), key[16];
	int n = 0;

	(void)state;
	assert_non_null(value);
	memset(value, 'v', PZ_SYNC_VALUE_BYTES_MAX);
	do
		snprintf(key, sizeof(key), "%d", n++);
	while (receive(key, value, ZONE "/tv", "tv", 1, 1) == PZ_OK);
	assert_int_equal(n - 1, PZ_SYNC_WRITER_BYTES_MAX / PZ_SYNC_VALUE_BYTES_MAX - 1);
	assert_ok(receive(key, value, ZONE "/laptop", "laptop", 1, 1));
	assert_int_equal(receive(key, value, ZONE "/tv", "tv", 2, 2), PZ_ERR_LIMIT);
	free(value);
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
		cmocka_unit_test_setup_teardown(
			an_old_deletion_that_came_late_is_kept_and_not_shown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_receipt_in_the_future_does_not_keep_a_deletion,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_newest_deletions_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deletions_make_room_for_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device_has_a_share, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_share_is_of_bytes_too, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
