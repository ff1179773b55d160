/* Chunks and the table of items: page 8 "How", page 14 DAT-3. */
#include "sync/fixture.h"

static enum pz_err
try_new(const char *key, const char *origin, struct pz_slice value, uint64_t mtime_ms)
{
	struct pz_sync_parts parts = {key, origin, value, mtime_ms, false};
	struct pz_sync_chunk *chunk = NULL;
	struct pz_errinfo info = {""};
	enum pz_err err = pz_sync_chunk_new(&parts, &chunk, &info);

	assert_true((err == PZ_OK) == (chunk != NULL));
	assert_true((err == PZ_OK) == (info.text[0] == '\0'));
	pz_sync_chunk_free(chunk);
	return err;
}

static char *
many(char c, size_t len)
{
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, c, len);
	text[len] = '\0';
	return text;
}

static void
shape_and_sizes_are_checked(void **state)
{
	struct pz_slice v = pz_slice_str("v");
	char *key = many('k', PZ_SYNC_KEY_BYTES_MAX + 1);
	char *value = many('v', PZ_SYNC_VALUE_BYTES_MAX + 1);

	(void)state;
	assert_ok(try_new("k", ZONE, v, 0));
	assert_ok(try_new("k", ZONE "/laptop", pz_slice_str(""), PZ_SYNC_TIME_MS_MAX));
	assert_ok(try_new("schl\xc3\xbcssel", ZONE, pz_slice_str("tab\tand\nline"), 1));
	assert_int_equal(try_new("k", ZONE, v, PZ_SYNC_TIME_MS_MAX + 1), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_new("", ZONE, v, 1), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_new("a\nb", ZONE, v, 1), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_new("\xff", ZONE, v, 1), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_new("k", "", v, 1), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_new("k", "not an address", v, 1), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_new("k", ZONE, pz_slice_of("a\0b", 3), 1), PZ_ERR_PROTO_UTF8);
	assert_int_equal(try_new("k", ZONE, pz_slice_str("\xc0\x80"), 1), PZ_ERR_PROTO_UTF8);

	assert_int_equal(try_new(key, ZONE, v, 1), PZ_ERR_PROTO_MEMBER);
	assert_ok(try_new(key + 1, ZONE, v, 1));
	assert_int_equal(try_new("k", ZONE, pz_slice_str(value), 1), PZ_ERR_LIMIT);
	assert_ok(try_new("k", ZONE, pz_slice_str(value + 1), 1));
	free(key);
	free(value);
}

static void
a_deletion_has_no_value_and_the_hash_of_nothing(void **state)
{
	struct pz_sync_parts parts = {"k", ZONE, pz_slice_str("left over"), 1, true};
	struct pz_sync_chunk *chunk = NULL, *abc = make("k", "abc", ZONE, 1);
	char hex[2 * PZ_SYNC_HASH_BYTES + 1];

	(void)state;
	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	assert_string_equal(chunk->value, "");
	sodium_bin2hex(hex, sizeof(hex), chunk->sha256, sizeof(chunk->sha256));
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sodium_bin2hex(hex, sizeof(hex), abc->sha256, sizeof(abc->sha256));
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	pz_sync_chunk_free(chunk);
	pz_sync_chunk_free(abc);
	pz_sync_chunk_free(NULL);
}

static void
json_and_back(void **state)
{
	struct pz_sync_chunk *a = make("k \"1\"", "line\nline \xe2\x82\xac", ZONE "/laptop", NOW);
	struct pz_sync_chunk *b = NULL;
	json_t *json = pz_sync_chunk_to_json(a);

	(void)state;
	assert_ok(pz_sync_chunk_from_json(json, &b, NULL));
	assert_true(pz_sync_chunk_is_same(a, b));
	assert_string_equal(a->key, b->key);
	assert_string_equal(a->value, b->value);
	assert_string_equal(a->origin, b->origin);
	json_decref(json);
	pz_sync_chunk_free(a);
	pz_sync_chunk_free(b);
}

static enum pz_err
try_json(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	struct pz_sync_chunk *chunk = NULL;
	enum pz_err err = pz_sync_chunk_from_json(json, &chunk, NULL);

	assert_non_null(json);
	json_decref(json);
	pz_sync_chunk_free(chunk);
	return err;
}

static void
what_is_missing_or_of_the_wrong_type_is_no_chunk(void **state)
{
	(void)state;
	assert_ok(try_json("{\"key\":\"k\",\"value\":\"v\",\"mtime\":1,\"origin\":\"" ZONE
			   "\",\"deleted\":false,\"more\":[1]}"));
	assert_ok(try_json("{\"key\":\"k\",\"value\":\"v\",\"mtime\":1,\"origin\":\"" ZONE "\"}"));
	assert_ok(try_json("{\"key\":\"k\",\"mtime\":1,\"origin\":\"" ZONE "\",\"deleted\":true}"));
	assert_int_equal(try_json("{\"key\":\"k\",\"mtime\":1,\"origin\":\"" ZONE "\"}"),
			 PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_json("{\"value\":\"v\",\"mtime\":1,\"origin\":\"" ZONE "\"}"),
			 PZ_ERR_PROTO_MEMBER);
	assert_int_equal(
		try_json("{\"key\":\"k\",\"value\":{},\"mtime\":1,\"origin\":\"" ZONE "\"}"),
		PZ_ERR_PROTO_MEMBER);
	assert_int_equal(
		try_json("{\"key\":\"k\",\"value\":\"v\",\"mtime\":-1,\"origin\":\"" ZONE "\"}"),
		PZ_ERR_PROTO_MEMBER);
	assert_int_equal(
		try_json("{\"key\":\"k\",\"value\":\"v\",\"mtime\":1.5,\"origin\":\"" ZONE "\"}"),
		PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_json("{\"key\":\"k\",\"value\":\"v\",\"mtime\":1,\"origin\":\"" ZONE
				  "\",\"deleted\":1}"),
			 PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_json("{\"key\":\"k\",\"value\":\"v\",\"mtime\":1,\"origin\":7}"),
			 PZ_ERR_PROTO_MEMBER);
	assert_int_equal(try_json("[]"), PZ_ERR_PROTO_MEMBER);
}

/* ---- the table ---- */

static void
the_table_is_that_of_page_8(void **state)
{
	static const struct {
		const char *name;
		bool both_ways, passed_on, optional;
	} rows[] = {
		{"trusted-pzh", false, true, false}, {"trusted-pzp", false, true, false},
		{"crl", false, true, false},         {"zone-secret", false, false, false},
		{"rights", false, false, false},     {"policies", false, true, true},
		{"preferences", true, true, true},   {"user-details", true, true, true},
		{"service-cache", true, true, true}, {"context", true, true, true},
		{"app-data", true, true, true},
	};

	(void)state;
	assert_int_equal(PZ_SYNC_KIND_COUNT, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < PZ_SYNC_KIND_COUNT; i++) {
		const struct pz_sync_kind *kind = pz_sync_kind_find(rows[i].name);
		assert_ptr_equal(kind, pz_sync_kind((enum pz_sync_id)i));
		assert_int_equal(kind->direction == PZ_SYNC_BOTH_DIRECTIONS, rows[i].both_ways);
		assert_int_equal(kind->is_passed_on, rows[i].passed_on);
		assert_int_equal(kind->preference != NULL, rows[i].optional);
		assert_true(kind->value_bytes_max <= PZ_SYNC_VALUE_BYTES_MAX);
		assert_true(kind->chunks_max <= PZ_SYNC_CHUNKS_MAX);
	}
	assert_null(pz_sync_kind_find("keys"));
	assert_null(pz_sync_kind_find("want"));
	assert_null(pz_sync_kind_find("partial"));
}

static void
a_device_gives_the_hub_nothing_that_the_hub_owns(void **state)
{
	(void)state;
	for (size_t i = 0; i < PZ_SYNC_KIND_COUNT; i++) {
		const struct pz_sync_kind *kind = pz_sync_kind((enum pz_sync_id)i);
		assert_true(pz_sync_may_go(kind, PZ_SYNC_HUB, PZ_SYNC_DEVICE));
		assert_int_equal(pz_sync_may_go(kind, PZ_SYNC_DEVICE, PZ_SYNC_HUB),
				 kind->direction == PZ_SYNC_BOTH_DIRECTIONS ||
					 kind->id == PZ_SYNC_CRL || kind->id == PZ_SYNC_POLICIES);
		assert_int_equal(pz_sync_may_go(kind, PZ_SYNC_DEVICE, PZ_SYNC_DEVICE),
				 kind->id != PZ_SYNC_ZONE_SECRET && kind->id != PZ_SYNC_RIGHTS);
		assert_int_equal(pz_sync_may_go(kind, PZ_SYNC_HUB, PZ_SYNC_HUB),
				 kind->id == PZ_SYNC_CRL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shape_and_sizes_are_checked),
		cmocka_unit_test(a_deletion_has_no_value_and_the_hash_of_nothing),
		cmocka_unit_test(json_and_back),
		cmocka_unit_test(what_is_missing_or_of_the_wrong_type_is_no_chunk),
		cmocka_unit_test(the_table_is_that_of_page_8),
		cmocka_unit_test(a_device_gives_the_hub_nothing_that_the_hub_owns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
