#include "kit/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/envelope.h"

#define T "\"type\":\"prop\""

static const char full[] =
	"{\"type\":\"JSONRPC\",\"from\":\"a@b/c/7f:1\",\"to\":\"x@y/z\",\"resp_to\":\"a@b/c\","
	"\"id\":\"m-1\",\"timestamp\":1700000000123,\"expires\":1700000060123,"
	"\"deliveryReceipt\":true,\"register\":false,\"x\":[1,{\"type\":2}],"
	"\"payload\":{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[\"\\u00e9\"]}}";

/* Scans an exact heap copy, so that the sanitizer sees a read past the end. The copy lives until
 * the next call. */
static enum pz_err
scan_bytes(const void *text, size_t len, struct pz_envelope *env)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(len ? len : 1);
	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, text, len);
	memset(env, 0xa5, sizeof(*env));
	return pz_envelope_scan(pz_slice_of(copy, len), env);
}

static enum pz_err
scan(const char *text, struct pz_envelope *env)
{
	return scan_bytes(text, strlen(text), env);
}

static void
assert_text(struct pz_slice got, const char *expected)
{
	if (!pz_slice_eq_str(got, expected))
		fail_msg("got '%.*s', expected '%s'", PZ_SLICE_FMT(got), expected);
}

static void
test_full(void **state)
{
	struct pz_envelope env;

	(void)state;
	assert_ok(scan(full, &env));
	assert_int_equal(env.type, PZ_MESSAGE_JSONRPC);
	assert_text(env.type_text, "JSONRPC");
	assert_text(env.from, "a@b/c/7f:1");
	assert_text(env.to, "x@y/z");
	assert_text(env.resp_to, "a@b/c");
	assert_text(env.id, "\"m-1\"");
	assert_text(env.payload,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[\"\\u00e9\"]}");
	assert_true(env.timestamp_ms == UINT64_C(1700000000123));
	assert_true(env.has_expires);
	assert_true(env.expires_ms == UINT64_C(1700000060123));
	assert_true(env.delivery_receipt);
	assert_false(env.is_register);
}

static void
test_smallest(void **state)
{
	struct pz_envelope env;

	(void)state;
	assert_ok(scan("{\"type\":\"\"}", &env));
	assert_int_equal(env.type, PZ_MESSAGE_UNKNOWN);
	assert_text(env.type_text, "");
	assert_int_equal(env.from.len + env.to.len + env.resp_to.len + env.id.len, 0);
	assert_int_equal(env.payload.len, 0);
	assert_true(env.timestamp_ms == 0);
	assert_false(env.has_expires);
	assert_false(env.delivery_receipt);
	assert_false(env.is_register);
}

static void
test_types(void **state)
{
	static const struct {
		const char *text;
		enum pz_message_type type;
	} table[] = {
		{"prop", PZ_MESSAGE_PROP},
		{"JSONRPC", PZ_MESSAGE_JSONRPC},
		{"JSONRPC20Request", PZ_MESSAGE_JSONRPC},
		{"JSONRPC20Response", PZ_MESSAGE_JSONRPC},
		{"deliveryNotification", PZ_MESSAGE_RECEIPT},
		{"Prop", PZ_MESSAGE_UNKNOWN},
		{"JSONRPC20", PZ_MESSAGE_UNKNOWN},
		{"prop ", PZ_MESSAGE_UNKNOWN},
	};
	struct pz_envelope env;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), "{\"type\":\"%s\"}", table[i].text);
		assert_ok(scan(text, &env));
		assert_int_equal(env.type, table[i].type);
		assert_text(env.type_text, table[i].text);
	}
}

static const struct {
	const char *text;
	enum pz_err expected;
} results[] = {
	/* what may stand where */
	{"{" T "}", PZ_OK},
	{" \n{\t" T "\r } ", PZ_OK},
	{"{" T ",\"\":0}", PZ_OK},
	{"{" T ",\"payload\":null}", PZ_OK},
	{"{" T ",\"payload\":{}}", PZ_OK},
	{"{" T ",\"to\":null,\"from\":null,\"resp_to\":null}", PZ_OK},
	{"{" T ",\"id\":1}", PZ_OK},
	{"{" T ",\"id\":-1.5e3}", PZ_OK},
	{"{" T ",\"id\":\"\"}", PZ_OK},
	{"{\"payload\":[],\"type\":\"JSONRPC\"}", PZ_OK},
	{"{" T ",\"unknown\":{\"type\":1,\"type\":2}}", PZ_OK},
	{"{" T ",\"From\":1,\"TO\":2,\"tO\":3,\"idx\":4,\"payloae\":5,\"registes\":6,"
	 "\"timestamq\":7,\"deliveryReceipT\":8,\"fron\":9,\"if\":1}",
	 PZ_OK},
	/* required, and of the right type */
	{"{}", PZ_ERR_PROTO_MEMBER},
	{"{\"from\":\"a@b\"}", PZ_ERR_PROTO_MEMBER},
	{"{\"type\":null}", PZ_ERR_PROTO_MEMBER},
	{"{\"type\":1}", PZ_ERR_PROTO_MEMBER},
	{"{\"type\":[\"prop\"]}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"from\":1}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"from\":true}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"to\":{}}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"resp_to\":[]}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"id\":null}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"id\":true}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"id\":{}}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"timestamp\":\"1\"}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"timestamp\":-1}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"expires\":null}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"expires\":-0}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"deliveryReceipt\":1}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"deliveryReceipt\":null}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"register\":\"true\"}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"payload\":\"ok\"}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"payload\":1}", PZ_ERR_PROTO_MEMBER},
	{"{" T ",\"payload\":false}", PZ_ERR_PROTO_MEMBER},
	{"{\"payload\":[]," T "}", PZ_ERR_PROTO_MEMBER},
	{"{\"type\":\"deliveryNotification\",\"payload\":[]}", PZ_ERR_PROTO_MEMBER},
	/* twice */
	{"{" T "," T "}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"to\":\"a\",\"to\":\"b\"}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"to\":null,\"to\":null}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"x\":1,\"y\":2,\"x\":1}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"\":1,\"\":1}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"t\\u006f\":\"a\",\"to\":\"b\"}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"to\":\"a\",\"\\u0074\\u006F\":\"b\"}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"a\\/b\":1,\"a/b\":1}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"a/b\":1,\"a\\/b\":1}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"\xc3\xa9\":1,\"\\u00e9\":1}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}", PZ_ERR_PROTO_DUPLICATE},
	{"{" T ",\"a\\u0000\":1,\"a\":1}", PZ_OK},
	/* not one object */
	{"", PZ_ERR_PROTO_JSON},
	{"[]", PZ_ERR_PROTO_JSON},
	{"\"type\"", PZ_ERR_PROTO_JSON},
	{"null", PZ_ERR_PROTO_JSON},
	{"{" T "}{}", PZ_ERR_PROTO_JSON},
	{"{" T "}x", PZ_ERR_PROTO_JSON},
	{"{" T ",}", PZ_ERR_PROTO_JSON},
	{"{," T "}", PZ_ERR_PROTO_JSON},
	{"{" T " \"a\":1}", PZ_ERR_PROTO_JSON},
	{"{" T ",\"a\"}", PZ_ERR_PROTO_JSON},
	{"{" T ",\"a\" 1}", PZ_ERR_PROTO_JSON},
	{"{" T ",a:1}", PZ_ERR_PROTO_JSON},
	{"{" T ",\"a\":}", PZ_ERR_PROTO_JSON},
	{"{" T ",\"a\n\":1}", PZ_ERR_PROTO_JSON},
	{"{" T ",\"a\":[}]", PZ_ERR_PROTO_JSON},
	{"{" T "]", PZ_ERR_PROTO_JSON},
	/* what is broken further on goes before the wrong type */
	{"{\"type\":1,\"a\":tru}", PZ_ERR_PROTO_JSON},
	{"{\"type\":1,\"a\":\"\xff\"}", PZ_ERR_PROTO_UTF8},
	{"{" T ",\"a\":\"\xff\"}", PZ_ERR_PROTO_UTF8},
	{"{" T ",\"\xc3\":1}", PZ_ERR_PROTO_UTF8},
};

static void
test_results(void **state)
{
	struct pz_envelope env;

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		enum pz_err err = scan(results[i].text, &env);

		if (err != results[i].expected)
			fail_msg("%s: %s", pz_err_name(err), results[i].text);
	}
}

static void
test_escapes(void **state)
{
	struct pz_envelope env;

	(void)state;
	assert_ok(scan("{\"\\u0074ype\":\"p\\u0072op\",\"from\":\"alice\\u0040b\\/c\","
		       "\"resp\\u005fto\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00\","
		       "\"to\":\"plain\",\"id\":\"a\\/b\",\"d\\u0065liveryReceipt\":true}",
		       &env));
	assert_int_equal(env.type, PZ_MESSAGE_PROP);
	assert_text(env.from, "alice@b/c");
	assert_text(env.to, "plain");
	assert_text(env.resp_to, "\"\\\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_text(env.id, "\"a\\/b\""); /* raw */
	assert_true(env.delivery_receipt);
}

/* A message whose `from` is an escaped character and then n plain ones. */
static enum pz_err
scan_escaped_from(size_t n, struct pz_envelope *env)
{
	char text[PZ_ENVELOPE_SCRATCH_BYTES + 100];
	int at = snprintf(text, sizeof(text), "{" T ",\"from\":\"\\u0061");

	memset(text + at, 'x', n);
	memcpy(text + at + n, "\"}", 3);
	return scan(text, env);
}

static void
test_scratch_limit(void **state)
{
	struct pz_envelope env;

	(void)state;
	assert_ok(scan_escaped_from(PZ_ENVELOPE_SCRATCH_BYTES - 1, &env));
	assert_int_equal(env.from.len, PZ_ENVELOPE_SCRATCH_BYTES);
	assert_int_equal(scan_escaped_from(PZ_ENVELOPE_SCRATCH_BYTES, &env), PZ_ERR_LIMIT);
}

static void
test_times(void **state)
{
	static const struct {
		const char *text;
		uint64_t expected;
	} table[] = {
		{"0", 0},
		{"1", 1},
		{"1.9", 1},
		{"0.9", 0},
		{"1700000000123.999", UINT64_C(1700000000123)},
		{"1.5e3", 1500},
		{"1.7E+12", UINT64_C(1700000000000)},
		{"15e-1", 1},
		{"15e-2", 0},
		{"15e-99999999999999999999", 0},
		{"0.0015e4", 15},
		{"12.345e2", 1234},
		{"0e99999999999999999999", 0},
		{"1e0", 1},
		{"18446744073709551615", UINT64_MAX},
		{"18446744073709551616", UINT64_MAX},
		{"99999999999999999999999", UINT64_MAX},
		{"1e19", UINT64_C(10000000000000000000)},
		{"1e20", UINT64_MAX},
		{"1e99999999999999999999", UINT64_MAX},
	};
	struct pz_envelope env;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "{" T ",\"expires\":%s,\"timestamp\":%s}",
			 table[i].text, table[i].text);
		assert_ok(scan(text, &env));
		assert_true(env.has_expires);
		if (env.expires_ms != table[i].expected || env.timestamp_ms != table[i].expected)
			fail_msg("%s", table[i].text);
	}
}

/* A message of `count` members; name number `twice` appears again at the end if it is >= 0. */
static enum pz_err
scan_many(unsigned count, int twice, bool escape)
{
	char text[4000];
	struct pz_envelope env;
	int at = snprintf(text, sizeof(text), "{" T);

	for (unsigned i = 1; i < count; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, ",\"name%u\":%u", i, i);
	if (twice >= 0)
		at += snprintf(text + at, sizeof(text) - (size_t)at, ",\"%same%d\":0",
			       escape ? "\\u006e" : "n", twice);
	snprintf(text + at, sizeof(text) - (size_t)at, "}");
	return scan(text, &env);
}

static void
test_member_limit(void **state)
{
	(void)state;
	assert_ok(scan_many(PZ_ENVELOPE_MEMBERS_MAX, -1, false));
	assert_int_equal(scan_many(PZ_ENVELOPE_MEMBERS_MAX + 1, -1, false), PZ_ERR_LIMIT);
	for (int i = 1; i < PZ_ENVELOPE_MEMBERS_MAX - 1; i++) {
		assert_int_equal(scan_many(PZ_ENVELOPE_MEMBERS_MAX - 1, i, false),
				 PZ_ERR_PROTO_DUPLICATE);
		assert_int_equal(scan_many(PZ_ENVELOPE_MEMBERS_MAX - 1, i, true),
				 PZ_ERR_PROTO_DUPLICATE);
	}
	assert_ok(scan_many(PZ_ENVELOPE_MEMBERS_MAX - 1, 999, true));
}

/* The top object is level 1. */
static enum pz_err
scan_nested(unsigned levels)
{
	char text[400];
	struct pz_envelope env;
	int at = snprintf(text, sizeof(text), "{" T ",\"x\":");

	memset(text + at, '[', levels);
	memset(text + at + levels, ']', levels);
	memcpy(text + at + 2 * levels, "}", 2);
	return scan(text, &env);
}

static void
test_depth(void **state)
{
	(void)state;
	assert_ok(scan_nested(PZ_JSON_DEPTH_MAX - 1));
	assert_int_equal(scan_nested(PZ_JSON_DEPTH_MAX), PZ_ERR_PROTO_DEPTH);
}

static void
test_truncations(void **state)
{
	struct pz_envelope env;

	(void)state;
	for (size_t len = 0; len < sizeof(full) - 1; len++)
		assert_int_equal(scan_bytes(full, len, &env), PZ_ERR_PROTO_JSON);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static size_t
mutate(char *text, size_t len, uint32_t *seed)
{
	static const char alphabet[] = "{}[]\",:\\/ue+-.01null tofrmypeid\n\x01\x80\xc3\xa9";
	size_t at = next_random(seed) % len;
	char c = alphabet[next_random(seed) % (sizeof(alphabet) - 1)];

	switch (next_random(seed) % 3) {
	case 0:
		text[at] = c;
		return len;
	case 1:
		memmove(text + at + 1, text + at, len - at);
		text[at] = c;
		return len + 1;
	default:
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	}
}

static void
assert_same(struct pz_slice got, const json_t *obj, const char *key)
{
	const json_t *value = json_object_get(obj, key);
	struct pz_slice expected = pz_slice_of(json_string_value(value), json_string_length(value));

	if (!pz_slice_eq(got, expected))
		fail_msg("%s: '%.*s'", key, PZ_SLICE_FMT(got));
}

/* jansson decides what is JSON and what the members are; ours may refuse more, for named reasons.
 */
static void
compare(const char *text, size_t len)
{
	json_error_t error;
	struct pz_envelope env;
	json_t *tree = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	enum pz_err err = scan_bytes(text, len, &env);
	bool is_ours = err == PZ_ERR_PROTO_MEMBER || err == PZ_ERR_PROTO_DUPLICATE;

	if (tree == NULL) {
		bool is_jansson = json_error_code(&error) == json_error_numeric_overflow ||
				  json_error_code(&error) == json_error_null_byte_in_key;

		if (err == PZ_OK && !is_jansson)
			fail_msg("accepted: %.*s", (int)len, text);
		return;
	}
	if (!json_is_object(tree))
		assert_int_equal(err, PZ_ERR_PROTO_JSON);
	else if (err != PZ_OK && !is_ours)
		fail_msg("%s: %.*s", pz_err_name(err), (int)len, text);
	if (err == PZ_OK) {
		assert_same(env.type_text, tree, "type");
		assert_same(env.from, tree, "from");
		assert_same(env.to, tree, "to");
		assert_same(env.resp_to, tree, "resp_to");
		assert_int_equal(env.is_register, json_is_true(json_object_get(tree, "register")));
		assert_int_equal(env.id.len > 0, json_object_get(tree, "id") != NULL);
	}
	json_decref(tree);
}

static void
test_against_jansson(void **state)
{
	static const char *const corpus[] = {
		full,
		"{\"to\":\"\\u0061@b\",\"type\":\"prop\",\"payload\":null,\"id\":1e5}",
		"{ \"t\\u0079pe\" : \"JSONRPC\" , \"from\" : null , \"payload\" : [ { } ] }",
	};
	uint32_t seed = 4711;

	(void)state;
	for (size_t i = 0; i < 40000; i++) {
		const char *start = corpus[i % 3];
		size_t len = strlen(start), changes = 1 + next_random(&seed) % 3;
		char text[1000];

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
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_scratch_limit),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_member_limit),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_against_jansson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
