/* What can be read from a JSON-RPC payload without a tree. */
#include "kit/test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "rpc/error.h"
#include "rpc/text.h"

#define CALL(id, params)                                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"m\",\"params\":" params "}"

static void
expect(json_t *value, const char *expected)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (expected)
		assert_string_equal(text, expected);
	else
		assert_null(text);
	free(text);
	json_decref(value);
}

static void
ids_of_each_kind(void **state)
{
	static const struct {
		const char *payload, *requests, *answers;
	} table[] = {
		{CALL("1", "[1e999]"), "[1]", "[]"},
		{CALL("\"a\\u0000b\"", "[]"), "[\"a\\u0000b\"]", "[]"},
		{CALL("null", "[]"), "[]", "[]"},
		{CALL("1e999", "[]"), "[]", "[]"},
		{CALL("{}", "[]"), "[]", "[]"},
		{"{\"id\":1,\"id\":2,\"method\":\"m\"}", "[]", "[]"},
		{"{\"method\":\"m\"}", "[]", "[]"},
		{"{\"id\":\"x\",\"result\":1e999}", "[]", "[\"x\"]"},
		{"{\"id\":7,\"error\":{}}", "[]", "[7]"},
		{"{\"id\":7,\"error\":{},\"method\":\"m\"}", "[]", "[]"},
		{"[" CALL("1", "{}") ",7," CALL("2", "1e999") ",{\"id\":3,\"result\":1}]", "[1,2]",
		 "[3]"},
		{"[]", "[]", "[]"},
		{"", "[]", "[]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct pz_slice payload = pz_slice_str(table[i].payload);

		expect(pz_rpc_text_ids(payload, PZ_RPC_TEXT_REQUEST), table[i].requests);
		expect(pz_rpc_text_ids(payload, PZ_RPC_TEXT_ANSWER), table[i].answers);
	}
}

static void
each_request_gets_a_failure(void **state)
{
	static const struct {
		const char *payload, *answer;
	} table[] = {
#define FAILED(id)                                                                                 \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":-32700,\"message\":\"x\"}}"
		{CALL("1", "[1e999]"), FAILED("1")},
		{"{\"id\":1,\"id\":2,\"method\":\"m\"}", FAILED("null")},
		{"{\"id\":null,\"id\":null,\"method\":\"m\"}", FAILED("null")},
		{CALL("1e999", "[]"), FAILED("null")},
		{"{\"method\":\"m\",\"params\":1e999}", NULL},
		{CALL("null", "1e999"), NULL},
		{"{\"id\":\"x\",\"result\":1e999}", NULL},
		{"[" CALL("1", "{}") ",1e999," CALL("2", "1e999") "]",
		 "[" FAILED("1") "," FAILED("2") "]"},
		{"[{\"id\":\"x\",\"result\":1e999}]", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		expect(pz_rpc_text_failure(pz_slice_str(table[i].payload),
					   pz_rpc_error(PZ_RPC_PARSE_ERROR, "x", NULL)),
		       table[i].answer);
	assert_null(pz_rpc_text_failure(pz_slice_str(CALL("1", "[]")), NULL));
}

static void
a_batch_has_a_limit(void **state)
{
	struct pz_buf text;

	(void)state;
	pz_buf_init(&text, 1U << 20, NULL);
	for (int i = 0; i <= PZ_BATCH_REQUESTS_MAX; i++)
		assert_int_equal(
			pz_buf_append_str(&text, i ? "," CALL("1", "[]") : "[" CALL("1", "[]")),
			PZ_OK);
	assert_ok(pz_buf_append_str(&text, "]"));
	assert_null(pz_rpc_text_ids(pz_buf_slice(&text), PZ_RPC_TEXT_REQUEST));
	expect(pz_rpc_text_failure(pz_buf_slice(&text), pz_rpc_error(-1, "x", NULL)),
	       "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-1,\"message\":\"x\"}}");
	pz_buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_of_each_kind),
		cmocka_unit_test(each_request_gets_a_failure),
		cmocka_unit_test(a_batch_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
