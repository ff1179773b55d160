#include "kit/test.h"

#include <stdlib.h>

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

/* JSON sets no limit to integers; other programs write 1e20 as 100000000000000000000. */
static void
test_parse_big_integers(void **state)
{
	static const struct {
		const char *text, *same;
	} table[] = {
		{"18446744073709551615", "18446744073709551615.0"},
		{"-9223372036854775809", "-9223372036854775809.0"},
		{"[1,9223372036854775807,9223372036854775808]",
		 "[1,9223372036854775807,9223372036854775808.0]"},
		{"{\"9223372036854775808\":\"\\\"9223372036854775808\",\"b\":"
		 "100000000000000000000}",
		 "{\"9223372036854775808\":\"\\\"9223372036854775808\",\"b\":1e20}"},
		{"[-9223372036854775808,100000000000000000000,12345678901234567890e1]",
		 "[-9223372036854775808,1e20,12345678901234567890e1]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *tree = parse(table[i].text, NULL), *same = parse(table[i].same, NULL);

		assert_non_null(tree);
		assert_true(json_equal(tree, same));
		json_decref(tree);
		json_decref(same);
	}
}

/* @return text of a list of that many values, itself included; the caller frees */
static char *
list_of(size_t values)
{
	char *text = malloc(2 * values + 2), *p = text;

	assert_non_null(text);
	*p++ = '[';
	for (size_t i = 1; i < values; i++) {
		*p++ = '1';
		*p++ = i + 1 < values ? ',' : ']';
	}
	*p = '\0';
	return text;
}

static void
test_values_are_counted(void **state)
{
	char *most = list_of(PZ_JSON_VALUES_MAX), *more = list_of(PZ_JSON_VALUES_MAX + 1);
	struct pz_errinfo info = {""};
	json_t *tree;

	(void)state;
	assert_ok(pz_json_check(pz_slice_str(most), false));
	tree = parse(most, NULL);
	assert_int_equal(json_array_size(tree), PZ_JSON_VALUES_MAX - 1);
	json_decref(tree);
	assert_int_equal(pz_json_check(pz_slice_str(more), false), PZ_ERR_LIMIT);
	assert_null(parse(more, &info));
	assert_string_equal(info.text, "50001 values in one JSON text; at most 50000 are taken");
	tree = pz_json_read(pz_slice_str(more), PZ_JSON_OWN, NULL);
	assert_int_equal(json_array_size(tree), PZ_JSON_VALUES_MAX);
	json_decref(tree);
	free(most);
	free(more);
}

static void
test_nul(void **state)
{
	json_t *tree =
		pz_json_read(pz_slice_str("{\"a\":\"x\\u0000y\",\"b\":\"x\"}"), PZ_JSON_NUL, NULL);

	(void)state;
	assert_int_equal(json_string_length(json_object_get(tree, "a")), 3);
	assert_null(pz_json_str(tree, "a")); /* never a part of it */
	assert_string_equal(pz_json_str(tree, "b"), "x");
	json_decref(tree);
	assert_null(pz_json_read(pz_slice_str("{\"\\u0000\":1}"), PZ_JSON_NUL, NULL));
}

static void
test_member_of_text(void **state)
{
	static const struct {
		const char *text, *value; /* NULL: not there */
		enum pz_err err;
	} table[] = {
		{"{\"id\":1}", "1", PZ_OK},
		{" { \"a\" : {\"id\":2} , \"id\" : [1, 2] } ", "[1, 2]", PZ_OK},
		{"{\"a\":1e999,\"i\\u0064\":\"x\"}", "\"x\"", PZ_OK},
		{"{\"a\":{\"id\":2}}", NULL, PZ_ERR_NOTFOUND},
		{"{}", NULL, PZ_ERR_NOTFOUND},
		{"[{\"id\":1}]", NULL, PZ_ERR_NOTFOUND},
		{"7", NULL, PZ_ERR_NOTFOUND},
		{"", NULL, PZ_ERR_NOTFOUND},
		{"{\"id\":1,\"id\":1}", NULL, PZ_ERR_EXISTS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct pz_slice value = {0};

		assert_int_equal(pz_json_member(pz_slice_str(table[i].text), "id", &value),
				 table[i].err);
		if (table[i].value)
			assert_true(pz_slice_eq_str(value, table[i].value));
		else
			assert_int_equal(value.len, 0);
	}
}

static void
test_elements_of_text(void **state)
{
	struct pz_slice rest = pz_slice_str(" [ 1e999 , {\"a\":[]},\"],\" ]"), one;
	const char *const expected[] = {"1e999", "{\"a\":[]}", "\"],\""};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(pz_json_next(&rest, &one));
		assert_true(pz_slice_eq_str(one, expected[i]));
	}
	assert_false(pz_json_next(&rest, &one));
	rest = pz_slice_str("[]");
	assert_false(pz_json_next(&rest, &one));
	rest = pz_slice_str("{\"a\":1}");
	assert_false(pz_json_next(&rest, &one));
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
		cmocka_unit_test(test_parse_big_integers),
		cmocka_unit_test(test_values_are_counted),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_member_of_text),
		cmocka_unit_test(test_elements_of_text),
		cmocka_unit_test(test_parse_depth),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
