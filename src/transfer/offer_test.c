/* The description of a file in channelOpen. */
#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "transfer/offer.h"

static json_t *
read_json(const char *text)
{
	json_t *message = json_loads(text, JSON_ALLOW_NUL, NULL);

	assert_non_null(message);
	return message;
}

static enum pz_err
parse(const char *text, struct pz_transfer_offer *out)
{
	json_t *message = read_json(text);
	struct pz_errinfo info = {""};
	enum pz_err err = pz_transfer_offer_parse(message, out, &info);

	assert_true(err == PZ_OK || info.text[0]);
	json_decref(message);
	return err;
}

static void
an_offer_is_what_it_was(void **state)
{
	struct pz_transfer_offer offer = {
		.id = "id-1",
		.name = "a.txt",
		.path = "x/y z",
		.size = UINT64_C(10) << 30,
		.mtime_ms = -5,
		.has_size = true,
		.is_fresh = true,
	};
	struct pz_transfer_offer read = {.id = ""};
	json_t *message = pz_transfer_offer_json(&offer);

	(void)state;
	assert_ok(pz_transfer_offer_parse(message, &read, NULL));
	assert_string_equal(read.id, offer.id);
	assert_string_equal(read.name, offer.name);
	assert_string_equal(read.path, offer.path);
	assert_true(read.size == offer.size && read.has_size && read.is_fresh);
	assert_int_equal(read.mtime_ms, -5);
	json_decref(message);
}

static void
only_a_name_and_an_id_are_needed(void **state)
{
	struct pz_transfer_offer offer;

	(void)state;
	assert_ok(parse("{\"id\":\"1\",\"name\":\"a\",\"size\":null,\"path\":[]}", &offer));
	assert_false(offer.has_size || offer.is_fresh);
	assert_string_equal(offer.path, "");
	assert_ok(parse("{\"id\":\"1\",\"name\":\"a\",\"size\":0}", &offer));
	assert_true(offer.has_size);
}

static void
wrong_ones_are_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"id\":\"1\"}",
		"{\"name\":\"a\"}",
		"{\"id\":\"\",\"name\":\"a\"}",
		"{\"id\":1,\"name\":\"a\"}",
		"{\"id\":\"a\\nb\",\"name\":\"a\"}",
		"{\"id\":\"12345678901234567890123456789012345678901\",\"name\":\"a\"}",
		"{\"id\":\"1\",\"name\":[\"a\"]}",
		"{\"id\":\"1\",\"name\":\"a\\u0000b\"}",
		"{\"id\":\"1\",\"name\":\"..\"}",
		"{\"id\":\"1\",\"name\":\"a\",\"path\":\"b\"}",
		"{\"id\":\"1\",\"name\":\"a\",\"path\":[\"..\"]}",
		"{\"id\":\"1\",\"name\":\"a\",\"path\":[\"a/b\"]}",
		"{\"id\":\"1\",\"name\":\"a\",\"path\":[\"\"]}",
		"{\"id\":\"1\",\"name\":\"a\",\"path\":[1]}",
		"{\"id\":\"1\",\"name\":\"a\",\"path\":[\"a\\u0000b\"]}",
		"{\"id\":\"1\",\"name\":\"a\",\"size\":-1}",
		"{\"id\":\"1\",\"name\":\"a\",\"size\":1.5}",
		"{\"id\":\"1\",\"name\":\"a\",\"mtime\":\"now\"}",
		"{\"id\":\"1\",\"name\":\"a\",\"sha256\":\"00\"}",
		"{\"id\":\"1\",\"name\":\"a\",\"sha256\":7}",
	};
	struct pz_transfer_offer offer;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], &offer) != PZ_ERR_PROTO_MEMBER)
			fail_msg("%s was accepted", bad[i]);
}

static void
paths_have_limits(void **state)
{
	char out[PZ_TRANSFER_PATH_BYTES_MAX + 1] = "untouched", name[256];
	json_t *path = json_array();

	(void)state;
	for (int i = 0; i < PZ_TRANSFER_PATH_DEPTH_MAX; i++)
		json_array_append_new(path, json_string("d"));
	assert_ok(pz_transfer_path_join(path, out, NULL));
	assert_int_equal(strlen(out), 2 * PZ_TRANSFER_PATH_DEPTH_MAX - 1);
	json_array_append_new(path, json_string("d"));
	assert_int_equal(pz_transfer_path_join(path, out, NULL), PZ_ERR_PROTO_MEMBER);
	json_array_clear(path);
	memset(name, 'n', sizeof(name));
	for (int i = 0; i < 8; i++) /* 8 * 256 - 1 */
		json_array_append_new(path, json_stringn(name, 255));
	assert_ok(pz_transfer_path_join(path, out, NULL));
	json_array_append_new(path, json_string("n"));
	assert_int_equal(pz_transfer_path_join(path, out, NULL), PZ_ERR_PROTO_MEMBER);
	json_decref(path);
}

/* ---- the end ---- */

/* A receiver may say anything, and it is shown to programs and people. */
static void
a_receipt_is_checked(void **state)
{
	static const char hash[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const char *const others[] = {
		"null", "5", "{\"a\":[1]}", "\"\"", "\"\\u001b[2J\"", "\"a\\u0000b\"", "[\"a\"]"};
	char text[256], *name = calloc(1, PZ_TRANSFER_FILE_BYTES_MAX + 2);

	(void)state;
	assert_non_null(name);
	snprintf(text, sizeof(text), "{\"sha256\":\"%s\",\"file\":\"x/\u00e4 (1).txt\"}", hash);
	json_t *message = read_json(text);
	assert_string_equal(pz_transfer_receipt_sha256(message), hash);
	assert_string_equal(pz_transfer_receipt_file(message), "x/\u00e4 (1).txt");
	memset(name, 'a', PZ_TRANSFER_FILE_BYTES_MAX + 1);
	assert_int_equal(json_object_set_new(message, "file", json_string(name)), 0);
	assert_null(pz_transfer_receipt_file(message));
	assert_null(pz_transfer_receipt_file(NULL));
	json_decref(message);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(text, sizeof(text), "{\"sha256\":%s,\"file\":%s}", others[i], others[i]);
		message = read_json(text);
		assert_null(pz_transfer_receipt_sha256(message));
		assert_null(pz_transfer_receipt_file(message));
		json_decref(message);
	}
	free(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_is_what_it_was),
		cmocka_unit_test(only_a_name_and_an_id_are_needed),
		cmocka_unit_test(wrong_ones_are_refused),
		cmocka_unit_test(paths_have_limits),
		cmocka_unit_test(a_receipt_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
