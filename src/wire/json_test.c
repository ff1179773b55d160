#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/limits.h"
#include "wire/json.h"

static json_t *
parse(const char *text, struct pz_errinfo *info)
{
	return pz_json_parse(pz_slice_str(text), info);
}

static void
test_parse_any(void **state)
{
	static const char *const table[] = {"{\"a\":[1]}", "[]", "\"x\"", "1", "null", " true "};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *tree = parse(table[i], NULL);

		assert_non_null(tree);
		json_decref(tree);
	}
}

static void
test_parse_refuses(void **state)
{
	static const char *const table[] = {
		"",
		"{",
		"{}x",
		"{\"a\":1,\"a\":2}",
		"{\"x\":{\"a\":1,\"\\u0061\":2}}",
		"\"\\u0000\"",
		"{\"\\u0000\":1}",
		"1e999",
		"123456789012345678901234567890",
		"\"\xff\"",
	};
	struct pz_errinfo info;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		info.text[0] = '\0';
		if (parse(table[i], &info) != NULL)
			fail_msg("accepted: %s", table[i]);
		assert_true(info.text[0] != '\0');
		assert_null(parse(table[i], NULL));
	}
}

static void
test_parse_depth(void **state)
{
	uint8_t text[4000];
	struct pz_errinfo info;
	json_t *tree;

	(void)state;
	memset(text, '[', 2000);
	memset(text + 2000, ']', 2000);
	assert_null(pz_json_parse(pz_slice_of(text, sizeof(text)), &info));
	assert_string_equal(info.text, pz_err_text(PZ_ERR_PROTO_DEPTH));
	tree = pz_json_parse(pz_slice_of(text + 2000 - PZ_JSON_DEPTH_MAX, 2 * PZ_JSON_DEPTH_MAX),
			     &info);
	assert_non_null(tree);
	json_decref(tree);
}

static void
test_members(void **state)
{
	json_t *obj = parse("{\"s\":\"x\",\"i\":5,\"r\":5.0,\"b\":true,\"n\":null,\"m\":-7}", NULL);
	json_t *array = parse("[]", NULL);
	int64_t n = 99;

	(void)state;
	assert_string_equal(pz_json_str(obj, "s"), "x");
	assert_null(pz_json_str(obj, "i"));
	assert_null(pz_json_str(obj, "n"));
	assert_null(pz_json_str(obj, "absent"));
	assert_null(pz_json_str(array, "s"));
	assert_null(pz_json_str(NULL, "s"));

	assert_false(pz_json_int(obj, "i", 6, 9, &n));
	assert_false(pz_json_int(obj, "i", 0, 4, &n));
	assert_false(pz_json_int(obj, "r", 0, 9, &n));
	assert_false(pz_json_int(obj, "s", 0, 9, &n));
	assert_false(pz_json_int(obj, "absent", 0, 9, &n));
	assert_false(pz_json_int(array, "i", 0, 9, &n));
	assert_false(pz_json_int(NULL, "i", 0, 9, &n));
	assert_int_equal(n, 99);
	assert_true(pz_json_int(obj, "i", 5, 5, &n));
	assert_int_equal(n, 5);
	assert_true(pz_json_int(obj, "m", INT64_MIN, INT64_MAX, &n));
	assert_int_equal(n, -7);
	json_decref(obj);
	json_decref(array);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_any),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_depth),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
