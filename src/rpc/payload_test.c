#include "kit/test.h"

#include <stdlib.h>

#include "kit/json.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "wire/json.h"

#define V "\"jsonrpc\":\"2.0\""
#define UNTOUCHED 12345

static json_t *
load(const char *text)
{
	json_t *tree = pz_json_parse(pz_slice_str(text), NULL);

	assert_non_null(tree);
	return tree;
}

static void
test_kinds(void **state)
{
	static const struct {
		const char *text;
		enum pz_rpc_kind kind;
		bool has_id, has_params, has_result, has_error;
	} table[] = {
		{"{" V ",\"id\":\"a\",\"method\":\"m\"}", PZ_RPC_REQUEST, true, false, false,
		 false},
		{"{" V ",\"id\":0,\"method\":\"m\",\"params\":[]}", PZ_RPC_REQUEST, true, true,
		 false, false},
		{"{" V ",\"id\":1.5,\"method\":\"m\",\"params\":{},\"x\":1}", PZ_RPC_REQUEST, true,
		 true, false, false},
		{"{" V ",\"method\":\"m\"}", PZ_RPC_NOTIFICATION, false, false, false, false},
		{"{" V ",\"method\":\"m\",\"params\":\"bare\"}", PZ_RPC_NOTIFICATION, false, true,
		 false, false},
		{"{" V ",\"id\":null,\"method\":\"m\",\"params\":null}", PZ_RPC_NOTIFICATION, false,
		 false, false, false},
		{"{" V ",\"id\":\"a\",\"result\":1}", PZ_RPC_RESULT, true, false, true, false},
		{"{" V ",\"id\":\"a\",\"result\":null}", PZ_RPC_RESULT, true, false, true, false},
		{"{" V ",\"id\":3,\"error\":{\"code\":1,\"message\":\"x\"}}", PZ_RPC_ERROR, true,
		 false, false, true},
		{"{" V ",\"id\":null,\"error\":{\"code\":-1,\"message\":\"\",\"data\":\"d\"}}",
		 PZ_RPC_ERROR, true, false, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *tree = load(table[i].text);
		struct pz_rpc rpc;
		int code = UNTOUCHED;

		if (pz_rpc_parse(tree, &rpc, &code) != PZ_OK)
			fail_msg("refused: %s", table[i].text);
		assert_int_equal(code, UNTOUCHED);
		assert_int_equal(rpc.kind, table[i].kind);
		assert_int_equal(rpc.id != NULL, table[i].has_id);
		assert_int_equal(rpc.params != NULL, table[i].has_params);
		assert_int_equal(rpc.result != NULL, table[i].has_result);
		assert_int_equal(rpc.error != NULL, table[i].has_error);
		if (rpc.kind == PZ_RPC_REQUEST || rpc.kind == PZ_RPC_NOTIFICATION)
			assert_string_equal(rpc.method, "m");
		else
			assert_null(rpc.method);
		json_decref(tree);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
	} table[] = {
		{"{}", -32600},
		{"[]", -32600},
		{"1", -32600},
		{"null", -32600},
		{"{\"id\":1,\"method\":\"m\"}", -32600},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}", -32600},
		{"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}", -32600},
		{"{" V "}", -32600},
		{"{" V ",\"id\":1}", -32600},
		{"{" V ",\"id\":1,\"method\":1}", -32600},
		{"{" V ",\"id\":1,\"method\":null}", -32600},
		{"{" V ",\"id\":true,\"method\":\"m\"}", -32600},
		{"{" V ",\"id\":{},\"method\":\"m\"}", -32600},
		{"{" V ",\"id\":[],\"method\":\"m\"}", -32600},
		{"{" V ",\"id\":1,\"method\":\"m\",\"result\":1}", -32600},
		{"{" V ",\"id\":1,\"method\":\"m\",\"error\":{\"code\":1,\"message\":\"\"}}",
		 -32600},
		/* answers are not answered */
		{"{\"id\":1,\"result\":1}", 0},
		{"{" V ",\"result\":1}", 0},
		{"{" V ",\"id\":null,\"result\":1}", 0},
		{"{" V ",\"id\":true,\"result\":1}", 0},
		{"{" V ",\"id\":1,\"result\":1,\"error\":{\"code\":1,\"message\":\"\"}}", 0},
		{"{" V ",\"id\":1,\"error\":null}", 0},
		{"{" V ",\"id\":1,\"error\":\"x\"}", 0},
		{"{" V ",\"id\":1,\"error\":{\"code\":\"1\",\"message\":\"\"}}", 0},
		{"{" V ",\"id\":1,\"error\":{\"code\":1.5,\"message\":\"\"}}", 0},
		{"{" V ",\"id\":1,\"error\":{\"code\":1}}", 0},
		{"{" V ",\"id\":{},\"error\":{\"code\":1,\"message\":\"\"}}", 0},
		{"{" V ",\"error\":{\"code\":1,\"message\":\"\"}}", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *tree = load(table[i].text);
		struct pz_rpc rpc = {.kind = PZ_RPC_ERROR, .method = "same"};
		int code = UNTOUCHED;

		if (pz_rpc_parse(tree, &rpc, &code) != PZ_ERR_PROTO_MEMBER)
			fail_msg("accepted: %s", table[i].text);
		if (code != table[i].code)
			fail_msg("%d: %s", code, table[i].text);
		assert_string_equal(rpc.method, "same");
		json_decref(tree);
	}
}

static void
test_id(void **state)
{
	static const struct {
		const char *text;
		bool expected;
	} table[] = {
		{"{\"id\":1}", true},     {"{\"id\":\"\"}", true}, {"{\"id\":null}", false},
		{"{\"id\":true}", false}, {"{}", false},           {"[1]", false},
		{"\"id\"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *tree = load(table[i].text);

		assert_int_equal(pz_rpc_id(tree) != NULL, table[i].expected);
		json_decref(tree);
	}
	assert_null(pz_rpc_id(NULL));
}

static void
test_batch(void **state)
{
	json_t *batch = load("[1,2]"), *empty = load("[]"), *single = load("{}");

	(void)state;
	assert_true(pz_rpc_is_batch(batch));
	assert_true(pz_rpc_is_batch(empty));
	assert_false(pz_rpc_is_batch(single));
	assert_false(pz_rpc_is_batch(NULL));
	assert_int_equal(pz_rpc_batch_len(batch), 2);
	assert_int_equal(pz_rpc_batch_len(empty), 0);
	assert_int_equal(pz_rpc_batch_len(single), 1);
	assert_int_equal(json_integer_value(pz_rpc_batch_at(batch, 1)), 2);
	assert_null(pz_rpc_batch_at(batch, 2));
	assert_null(pz_rpc_batch_at(empty, 0));
	assert_ptr_equal(pz_rpc_batch_at(single, 0), single);
	assert_null(pz_rpc_batch_at(single, 1));
	json_decref(batch);
	json_decref(empty);
	json_decref(single);
}

static void
test_build(void **state)
{
	json_t *id = json_integer(7);

	(void)state;
	assert_json(pz_rpc_request("r", "m", json_pack("[i]", 1)),
		    "{" V ",\"id\":\"r\",\"method\":\"m\",\"params\":[1]}");
	assert_json(pz_rpc_request(NULL, "m", NULL), "{" V ",\"method\":\"m\"}");
	assert_json(pz_rpc_result(id, json_true()), "{" V ",\"id\":7,\"result\":true}");
	assert_json(pz_rpc_result(id, NULL), "{" V ",\"id\":7,\"result\":{}}");
	assert_json(pz_rpc_failure(id, pz_rpc_error(-32600, NULL, NULL)),
		    "{" V ",\"id\":7,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}");
	assert_json(pz_rpc_failure(NULL, pz_rpc_error(-32700, NULL, NULL)),
		    "{" V ",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse error\"}}");
	assert_null(pz_rpc_failure(id, NULL));
	assert_int_equal(id->refcount, 1); /* borrowed */
	json_decref(id);
	/* Taken on failure too (the leak check would show it). */
	assert_null(pz_rpc_request("\xff", "m", json_pack("[i]", 1)));
	assert_null(pz_rpc_request("r", "\xff", json_pack("[i]", 1)));
}

static void
test_instead(void **state)
{
	static const struct {
		const char *payload, *instead; /* NULL: nothing */
	} table[] = {
		{"{\"id\":1,\"result\":[1,2]}",
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"x\"}}"},
		{"[{\"id\":1,\"result\":2},{\"id\":\"b\",\"error\":{}},{\"result\":2}]",
		 "[{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"x\"}},"
		 "{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"error\":{\"code\":-1,\"message\":\"x\"}}]"},
		{"{\"method\":\"m\"}", NULL},
		{"{\"id\":1,\"method\":\"m\"}", NULL},
		{"[]", NULL},
		{"7", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *payload = json_loads(table[i].payload, JSON_DECODE_ANY, NULL);
		json_t *instead = pz_rpc_instead(payload, pz_rpc_error(-1, "x", NULL));
		json_t *expected = table[i].instead ? json_loads(table[i].instead, 0, NULL) : NULL;

		assert_true(table[i].instead ? json_equal(instead, expected) : instead == NULL);
		json_decref(payload);
		json_decref(instead);
		json_decref(expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_id),    cmocka_unit_test(test_batch),
		cmocka_unit_test(test_build), cmocka_unit_test(test_instead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
