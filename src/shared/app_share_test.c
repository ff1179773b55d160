/* What one device may store for one app, whatever other devices have stored for it. */
#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "shared/app_share.h"

#define ZONE "alice@example.org"
#define BYTES_MAX 100

static struct pz_sync_item *item;
static struct pz_errinfo info;

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

/* As a session does. @param value NULL: a deletion */
static enum pz_err
store(const char *key, const char *value, const char *writer, const char *via, size_t bytes_max)
{
	char origin[64];
	struct pz_sync_parts parts = {.key = key,
				      .origin = origin,
				      .value = pz_slice_str(value ? value : ""),
				      .deleted = value == NULL};
	struct pz_sync_chunk *chunk = NULL;

	snprintf(origin, sizeof(origin), ZONE "%s%s", writer[0] ? "/" : "", writer);
	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	pz_sync_chunk_mark(chunk, via, 0);
	enum pz_err err = pz_app_share_check(item, chunk, bytes_max, &info);
	if (err == PZ_OK)
		err = pz_sync_item_put(item, chunk, &info);
	if (err != PZ_OK)
		pz_sync_chunk_free(chunk);
	return err;
}

static void
bytes_are_of_an_app_and_a_device(void **state)
{
	char value[99];

	(void)state;
	memset(value, 'v', sizeof(value));
	value[98] = '\0';
	assert_ok(store("a kk", value, "tv", "tv", BYTES_MAX));
	assert_int_equal(store("a l", "1", "tv", "tv", BYTES_MAX), PZ_ERR_LIMIT);
	assert_non_null(strstr(info.text, "a may store 100 bytes"));
	assert_ok(store("a b", "1", "laptop", "laptop", BYTES_MAX));
	assert_ok(store("b l", "1", "tv", "tv", BYTES_MAX));
	assert_ok(store("aa l", "1", "tv", "tv", BYTES_MAX));
	assert_ok(store("a kk", "1", "tv", "tv", 1)); /* less always may */
	assert_ok(store("a l", "1", "tv", "tv", BYTES_MAX));
}

static void
keys_are_bounded_too(void **state)
{
	struct pz_app_share share;
	char key[32];

	(void)state;
	for (int i = 0; i < PZ_APP_KEYS_MAX; i++) {
		snprintf(key, sizeof(key), "a %d", i);
		assert_ok(store(key, "1", "tv", "tv", SIZE_MAX / 2));
	}
	assert_int_equal(store("a more", "1", "tv", "tv", SIZE_MAX / 2), PZ_ERR_LIMIT);
	assert_ok(store("a 5", "2", "tv", "tv", SIZE_MAX / 2));
	assert_ok(store("a more", NULL, "tv", "tv", 1)); /* a deletion always may */
	pz_app_share_get(item, "a", "tv", &share);
	assert_int_equal(share.keys, PZ_APP_KEYS_MAX);
	assert_ok(store("a 6", NULL, "tv", "tv", 1));
	assert_ok(store("a more", "1", "tv", "tv", SIZE_MAX / 2));
}

/* From the hub, or of another writer: bounded elsewhere. */
static void
what_is_not_its_own_is_not_counted(void **state)
{
	(void)state;
	assert_ok(store("a k", "12345", "tv", "", 1));
	assert_ok(store("a l", "12345", "phone", "tv", 1));
	assert_ok(store("a m", "12345", "", "tv", 1));
	assert_ok(store("a n", "12345", "tv", "tv", 6));
	assert_int_equal(store("a o", "1", "tv", "tv", 6), PZ_ERR_LIMIT);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_are_of_an_app_and_a_device),
		TEST(keys_are_bounded_too),
		TEST(what_is_not_its_own_is_not_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
