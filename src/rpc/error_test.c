#include "kit/test.h"

#include <stdlib.h>

#include "kit/json.h"
#include "rpc/error.h"

static void
test_error(void **state)
{
	(void)state;
	assert_json(pz_rpc_error(-32601, NULL, NULL),
		    "{\"code\":-32601,\"message\":\"Method not found\"}");
	assert_json(pz_rpc_error(-32602, "no", json_integer(7)),
		    "{\"code\":-32602,\"message\":\"no\",\"data\":7}");
	assert_json(pz_rpc_error(1, NULL, NULL), "{\"code\":1,\"message\":\"error\"}");
	/* The data is taken on failure too (the leak check would show it). */
	assert_null(pz_rpc_error(1, "\xff", json_pack("{s:s}", "a", "b")));
}

static void
test_texts(void **state)
{
	static const struct {
		int code;
		const char *text;
	} table[] = {
		{-32700, "Parse error"},
		{-32600, "Invalid Request"},
		{-32601, "Method not found"},
		{-32602, "Invalid params"},
		{-32603, "Internal error"},
		{-31000, "Method Invocation returned with error"},
		{-32001, "unreachable"},
		{-32002, "congested"},
		{-32003, "timed out"},
		{-32004, "denied by policy"},
		{-32005, "denied by the person asked"},
		{0, "error"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(pz_rpc_code_text(table[i].code), table[i].text);
}

static void
test_dom(void **state)
{
	static const struct {
		const char *name;
		int code;
	} table[] = {
		{"NotFoundError", 8},
		{"NotSupportedError", 9},
		{"InvalidStateError", 11},
		{"InvalidModificationError", 13},
		{"InvalidAccessError", 15},
		{"TypeMismatchError", 17},
		{"SecurityError", 18},
		{"NetworkError", 19},
		{"AbortError", 20},
		{"QuotaExceededError", 22},
		{"TimeoutError", 23},
		{"notFoundError", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(pz_dom_code(table[i].name), table[i].code);
	assert_json(
		pz_dom_error("SecurityError", "Access has been denied."),
		"{\"name\":\"SecurityError\",\"code\":18,\"message\":\"Access has been denied.\"}");
	assert_json(pz_dom_error("Own", NULL), "{\"name\":\"Own\",\"code\":0,\"message\":\"Own\"}");
	assert_null(pz_dom_error("\xff", NULL));
	assert_json(pz_rpc_api_error("NotFoundError", "x"),
		    "{\"code\":-31000,\"message\":\"Method Invocation returned with error\","
		    "\"data\":{\"name\":\"NotFoundError\",\"code\":8,\"message\":\"x\"}}");
	assert_null(pz_rpc_api_error("NotFoundError", "\xff"));
}

static void
test_unreachable(void **state)
{
	(void)state;
	assert_json(
		pz_rpc_unreachable("a@b/c"),
		"{\"code\":-32001,\"message\":\"unreachable\",\"data\":{\"name\":\"NetworkError\","
		"\"code\":19,\"message\":\"Host is unreachable\",\"address\":\"a@b/c\"}}");
	assert_null(pz_rpc_unreachable("\xff"));
}

static int allocs_left;

static void *
scarce_malloc(size_t len)
{
	return allocs_left-- > 0 ? malloc(len) : NULL;
}

/* Each allocation fails once: NULL, and nothing leaked. */
static void
test_out_of_memory(void **state)
{
	json_t *error = NULL;

	(void)state;
	for (int n = 0; error == NULL; n++) {
		assert_true(n < 100);
		json_set_alloc_funcs(scarce_malloc, free);
		allocs_left = n;
		error = pz_rpc_unreachable("a@b/c");
		json_set_alloc_funcs(malloc, free);
	}
	json_decref(error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error),         cmocka_unit_test(test_texts),
		cmocka_unit_test(test_dom),           cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
