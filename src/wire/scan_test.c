/* The JSON scanner against tables, string edges and jansson; see also scan_scalar_test.c. */
#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "wire/json.h"
#include "wire/scan.h"

/* Checks an exact heap copy, so that the sanitizer sees a read past the end. */
static enum pz_err
check_bytes(const void *text, size_t len, bool object_only)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum pz_err err;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, text, len);
	err = pz_json_check(pz_slice_of(copy, len), object_only);
	free(copy);
	return err;
}

static enum pz_err
check(const char *text)
{
	return check_bytes(text, strlen(text), false);
}

static void
test_good(void **state)
{
	static const char *const table[] = {
		"{}",
		"[]",
		"[[]]",
		"{\"\":{}}",
		"[{},[],\"\",0]",
		" \t\r\n[ \t\r\n1 , 2 ] \n",
		"{ \"a\" : 1 , \"b\" : [ true , false , null ] }",
		"0",
		"-0",
		"1",
		"-1",
		"10",
		"1.0",
		"0.5",
		"1e5",
		"1E5",
		"1e+5",
		"1e-05",
		"-0.0e0",
		"123456789012345678901234567890",
		"true",
		"false",
		"null",
		"\"\"",
		"\"a\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u0041\\u00e9\\uD83D\\ude00\\uFFFF\"",
		"\"\\u0000\"",
		"\"\x7f\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
		"{\"a\":1,\"a\":2}",
		"[\"]\",\"}\"]",
		"[\"\\\\\"]",
		"[[[[1],[2]],{\"a\":[{}]}],3]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (check(table[i]) != PZ_OK)
			fail_msg("refused: %s", table[i]);
	}
}

static const char *const bad_texts[] = {
	"",
	" ",
	"{",
	"}",
	"[",
	"]",
	"{}}",
	"[]]",
	"[}",
	"{]",
	"{}{}",
	"[] []",
	"1 2",
	"[1 2]",
	"[1,]",
	"[,1]",
	"[,]",
	"{,}",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{\"a\" 1}",
	"{\"a\":1 \"b\":2}",
	"{a:1}",
	"{'a':1}",
	"{1:1}",
	"{\"a\":1,,\"b\":2}",
	"{:1}",
	"[1:2]",
	"{\"a\",1}",
	"tru",
	"True",
	"truex",
	"nul",
	"nulll",
	"fals",
	"NaN",
	"Infinity",
	"01",
	"-01",
	"00",
	"-",
	"+1",
	"1.",
	".5",
	"1e",
	"1e+",
	"1.e5",
	"1..2",
	"0x10",
	"1a",
	"--1",
	"-a",
	"1e5.5",
	"\"",
	"\"a",
	"\"\\\"",
	"\"\\",
	"\"\\a\"",
	"\"\\U0041\"",
	"\"\\u004\"",
	"\"\\u004g\"",
	"\"\\u\"",
	"\"\\u",
	"\"\\u00",
	"\"\n\"",
	"\"\t\"",
	"\"\x01\"",
	"\"\x1f\"",
	/* lone and swapped surrogates */
	"\"\\ud800\"",
	"\"\\udc00\"",
	"\"\\ud83d\\u0041\"",
	"\"\\ud83d\\ud83d\"",
	"\"\\ude00\\ud83d\"",
	"\"\\ud83dx\\ude00\"",
	"\"\\ud83d\\n\\ude00\"",
	"\"\\ud83d\\ude0",
	"\"\\ud83d\\udzzz\"",
	/* not JSON at all */
	"/* c */ 1",
	"// c\n1",
	"\xef\xbb\xbf{}",
	"\x0b{}",
	"\x0c{}",
	"\xc2\xa0{}",
	"{}\xff",
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
		if (check(bad_texts[i]) != PZ_ERR_PROTO_JSON)
			fail_msg("%d: accepted: %s", (int)i, bad_texts[i]);
	}
	assert_int_equal(check_bytes("{}\0", 3, false), PZ_ERR_PROTO_JSON);
	assert_int_equal(check_bytes("\"\0\"", 3, false), PZ_ERR_PROTO_JSON);
	assert_int_equal(check_bytes("\"\\\0\"", 4, false), PZ_ERR_PROTO_JSON);
	assert_int_equal(check_bytes(NULL, 0, false), PZ_ERR_PROTO_JSON);
}

static void
test_object_only(void **state)
{
	(void)state;
	assert_ok(check_bytes(" {}", 3, true));
	assert_int_equal(check_bytes("[]", 2, true), PZ_ERR_PROTO_JSON);
	assert_int_equal(check_bytes("1", 1, true), PZ_ERR_PROTO_JSON);
	assert_int_equal(check_bytes("", 0, true), PZ_ERR_PROTO_JSON);
}

static void
test_utf8(void **state)
{
	static const char *const table[] = {
		"\"\xff\"",
		"\"\x80\"",
		"\"\xc3\"",
		"\"\xc0\xaf\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xe2\x82\"",
		"{\"\xff\":1}",
		"[\"a\",\"b\",\"\xfe\"]",
		/* far enough for the look-ahead to matter */
		"\"0123456789abcdef0123456789\xff-0123456789abcdef\"",
		"{\"a\":\"0123456789abcdef\xff\"}",
		"{\"a\":\"0123456789abcdef0123456789abcd\xff\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(check(table[i]), PZ_ERR_PROTO_UTF8);
}

/* Every string length around the sixteen-byte steps, every interesting byte at every place. */
static void
test_string_edges(void **state)
{
	static const struct {
		const char *bytes;
		enum pz_err expected;
	} table[] = {
		{"x", PZ_OK},
		{"\\\"", PZ_OK},
		{"\\\\", PZ_OK},
		{"\\u00e9", PZ_OK},
		{"\\ud83d\\ude00", PZ_OK},
		{"\x7f", PZ_OK},
		{" ", PZ_OK},
		{"\xc3\xa9", PZ_OK},
		{"\xf0\x9f\x98\x80", PZ_OK},
		{"\"", PZ_ERR_PROTO_JSON},
		{"\\x", PZ_ERR_PROTO_JSON},
		{"\x1f", PZ_ERR_PROTO_JSON},
		{"\x01", PZ_ERR_PROTO_JSON},
		{"\n", PZ_ERR_PROTO_JSON},
		{"\\ud83d", PZ_ERR_PROTO_JSON},
		{"\x80", PZ_ERR_PROTO_UTF8},
		{"\xff", PZ_ERR_PROTO_UTF8},
		{"\xc3", PZ_ERR_PROTO_UTF8},
	};

	(void)state;
	for (size_t len = 0; len <= 70; len++) {
		for (size_t at = 0; at <= len; at++) {
			for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
				char text[128];
				int n = snprintf(text, sizeof(text), "[\"%.*s%s%.*s\",7]", (int)at,
						 "0123456789abcdef0123456789abcdef0123456789"
						 "abcdef0123456789abcdef0123456789abcdef",
						 table[i].bytes, (int)(len - at),
						 "ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOPABCDEFGHIJ"
						 "KLMNOPABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP");

				if (check_bytes(text, (size_t)n, false) != table[i].expected)
					fail_msg("%s", text);
			}
		}
	}
}

/* `depth` containers of alternating kinds around a number. */
static size_t
nest(char *out, size_t depth, char last)
{
	size_t len = 0;

	for (size_t i = 0; i < depth; i++)
		len += (size_t)snprintf(out + len, 6, "%s", i % 2 ? "{\"a\":" : "[");
	out[len++] = last;
	for (size_t i = depth; i-- > 0;)
		out[len++] = i % 2 ? '}' : ']';
	return len;
}

static void
test_depth(void **state)
{
	char text[2000];
	size_t len;

	(void)state;
	for (size_t depth = 0; depth <= PZ_JSON_DEPTH_MAX; depth++) {
		len = nest(text, depth, '1');
		assert_ok(check_bytes(text, len, false));
	}
	len = nest(text, PZ_JSON_DEPTH_MAX + 1, '1');
	assert_int_equal(check_bytes(text, len, false), PZ_ERR_PROTO_DEPTH);
	/* An empty container counts. */
	memset(text, '[', PZ_JSON_DEPTH_MAX + 1);
	memset(text + PZ_JSON_DEPTH_MAX + 1, ']', PZ_JSON_DEPTH_MAX + 1);
	assert_int_equal(check_bytes(text, 2 * (PZ_JSON_DEPTH_MAX + 1), false), PZ_ERR_PROTO_DEPTH);
	assert_ok(check_bytes(text + 1, 2 * PZ_JSON_DEPTH_MAX, false));
	/* Each level remembers its kind. */
	for (size_t depth = 1; depth <= PZ_JSON_DEPTH_MAX; depth++) {
		len = nest(text, depth, '1');
		text[len - depth] = text[len - depth] == '}' ? ']' : '}';
		assert_int_equal(check_bytes(text, len, false), PZ_ERR_PROTO_JSON);
	}
}

static void
test_string_eq(void **state)
{
	static const struct {
		const char *a, *b;
		bool expected;
	} table[] = {
		{"", "", true},
		{"type", "type", true},
		{"type", "\\u0074ype", true},
		{"\\u0074yp\\u0065", "t\\u0079pe", true},
		{"a/b", "a\\/b", true},
		{"\\\"\\\\\\b\\f\\n\\r\\t", "\\u0022\\u005C\\u0008\\u000c\\u000a\\u000D\\u0009",
		 true},
		{"\xc3\xa9", "\\u00e9", true},
		{"\xe2\x82\xac", "\\u20AC", true},
		{"\xf0\x9f\x98\x80", "\\ud83d\\uDE00", true},
		{"\xf4\x8f\xbf\xbf", "\\udbff\\udfff", true},
		{"\\u0000", "\\u0000", true},
		{"", "\\u0000", false},
		{"a", "", false},
		{"", "a", false},
		{"ab", "\\u0061", false},
		{"\\u0061", "ab", false},
		{"Type", "\\u0074ype", false},
		{"\\n", "n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool got = pz_scan_string_eq(pz_slice_str(table[i].a), pz_slice_str(table[i].b));

		if (got != table[i].expected)
			fail_msg("'%s' and '%s'", table[i].a, table[i].b);
	}
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* One small change: replace, insert, delete, or copy a piece elsewhere. */
static size_t
mutate(char *text, size_t len, uint32_t *seed)
{
	static const char alphabet[] =
		"{}[]\",:\\/ue+-.0123456789truefalsn \n\t\x01\x80\xc3\xa9\xff";
	size_t at = len ? next_random(seed) % len : 0;
	char c = alphabet[next_random(seed) % (sizeof(alphabet) - 1)];
	size_t other;

	switch (next_random(seed) % 4) {
	case 0:
		text[at] = c;
		return len ? len : 1;
	case 1:
		memmove(text + at + 1, text + at, len - at);
		text[at] = c;
		return len + 1;
	case 2:
		if (len == 0)
			return 0;
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	default:
		other = len ? next_random(seed) % len : 0;
		memmove(text + at, text + other, (len - (at > other ? at : other)) / 4);
		return len;
	}
}

/* jansson says whether it is JSON. What is right JSON, but too much for it, is left out. */
static void
compare(const char *text, size_t len)
{
	json_error_t error;
	json_t *tree = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	enum pz_err err = check_bytes(text, len, false);

	if (tree == NULL && (json_error_code(&error) == json_error_numeric_overflow ||
			     json_error_code(&error) == json_error_null_byte_in_key))
		return;
	if ((tree != NULL) != (err == PZ_OK))
		fail_msg("%s, but jansson: %s: %.*s", pz_err_name(err), tree ? "fine" : error.text,
			 (int)len, text);
	json_decref(tree);
}

static void
test_against_jansson(void **state)
{
	static const char *const corpus[] = {
		"{\"type\":\"JSONRPC\",\"from\":\"a@b/"
		"c\",\"id\":12,\"payload\":{\"a\":[1,-2.5e+3,true,"
		"false,null,\"\\u00e9\\n\\\"\"],\"b\":{}}}",
		"[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\"\\ud83d\\ude00 plain text that is "
		"longer "
		"than sixteen bytes\",0.1,1E5,[],{}]",
		"{ \"a\" : [ { \"b\" : \"\" } , -0 , 10 ] }",
		"-12.5e-3",
		"\"\\\\\\/\\b\\f\\r\\t\"",
	};
	uint32_t seed = 20240607;

	(void)state;
	for (size_t i = 0; i < 40000; i++) {
		const char *start = corpus[i % (sizeof(corpus) / sizeof(corpus[0]))];
		size_t len = strlen(start), changes = 1 + next_random(&seed) % 3;
		char text[512];

		memcpy(text, start, len);
		for (size_t n = 0; n < changes; n++)
			len = mutate(text, len, &seed);
		compare(text, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),         cmocka_unit_test(test_bad),
		cmocka_unit_test(test_object_only),  cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_string_edges), cmocka_unit_test(test_depth),
		cmocka_unit_test(test_string_eq),    cmocka_unit_test(test_against_jansson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
