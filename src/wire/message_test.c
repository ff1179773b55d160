#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

static struct pz_buf buf;

static int
setup(void **state)
{
	(void)state;
	pz_buf_init(&buf, 2 * PZ_FRAME_BYTES_MAX, NULL);
	pz_message_seed_ids(5);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_buf_fini(&buf);
	return 0;
}

/* The one frame in the buffer has this body. */
static void
assert_body(const char *expected)
{
	struct pz_slice frame, body;
	size_t need;

	assert_ok(pz_frame_cut(pz_buf_slice(&buf), PZ_FRAME_BYTES_MAX, &frame, &need));
	assert_int_equal(frame.len, buf.len);
	body = pz_frame_body(frame);
	if (!pz_slice_eq_str(body, expected))
		fail_msg("%.*s", PZ_SLICE_FMT(body));
	pz_buf_consume(&buf, frame.len);
}

static void
test_prop(void **state)
{
	json_t *message = json_pack("{s:s}", "reason", "caf\xc3\xa9");

	(void)state;
	assert_ok(pz_message_prop(&buf, "a@b/c", "a@b", "bye", message));
	assert_body("{\"type\":\"prop\",\"from\":\"a@b/c\",\"to\":\"a@b\",\"payload\":"
		    "{\"status\":\"bye\",\"message\":{\"reason\":\"caf\xc3\xa9\"}}}");
	assert_int_equal(message->refcount, 1); /* borrowed */
	json_decref(message);
	assert_ok(pz_message_prop(&buf, "a@b/c", NULL, "keepAlive", NULL));
	assert_body(
		"{\"type\":\"prop\",\"from\":\"a@b/c\",\"payload\":{\"status\":\"keepAlive\"}}");
}

static void
test_rpc(void **state)
{
	json_t *payload = json_pack("{s:s,s:s}", "jsonrpc", "2.0", "id", "r1");
	json_t *batch = json_pack("[i]", 1);

	(void)state;
	assert_ok(pz_message_rpc(&buf, "a@b/c", "a@b", payload));
	assert_body("{\"type\":\"JSONRPC\",\"from\":\"a@b/c\",\"to\":\"a@b\",\"resp_to\":\"a@b/c\","
		    "\"id\":5,\"payload\":{\"jsonrpc\":\"2.0\",\"id\":\"r1\"}}");
	assert_ok(pz_message_rpc(&buf, "a@b/c", "a@b", batch));
	assert_body("{\"type\":\"JSONRPC\",\"from\":\"a@b/c\",\"to\":\"a@b\",\"resp_to\":\"a@b/c\","
		    "\"id\":6,\"payload\":[1]}");
	assert_int_equal(payload->refcount, 1);
	json_decref(payload);
	json_decref(batch);
}

/* Without a seed the numbers start anywhere, but always with 16 digits and exact as a double. */
static void
test_random_ids(void **state)
{
	json_t *payload = json_object();
	struct pz_envelope env;
	long long first = 0;

	(void)state;
	pz_message_seed_ids(0);
	for (int i = 0; i < 2; i++) {
		char text[17] = "";
		long long id;

		assert_ok(pz_message_rpc(&buf, "a@b/c", "a@b", payload));
		assert_ok(pz_envelope_scan(pz_frame_body(pz_buf_slice(&buf)), &env));
		assert_int_equal(env.id.len, 16);
		memcpy(text, env.id.ptr, env.id.len);
		id = strtoll(text, NULL, 10);
		assert_true(id < 1LL << 53);
		if (i == 0)
			first = id;
		else
			assert_true(id == first + 1);
		pz_buf_consume(&buf, buf.len);
	}
	json_decref(payload);
}

static void
test_register(void **state)
{
	(void)state;
	assert_ok(pz_message_register(&buf, "a@b/c", "a@b", PZ_FRAME_BYTES_DEFAULT, NULL));
	assert_body("{\"type\":\"JSONRPC\",\"register\":true,\"from\":\"a@b/c\",\"to\":\"a@b\","
		    "\"payload\":{\"limits\":{\"frame\":1048576}}}");
}

/* Only a start that both know by its name is continued. */
static void
test_replaces(void **state)
{
	struct pz_envelope envelope;

	(void)state;
	assert_ok(pz_message_register(&buf, "a@b/c", "a@b", PZ_FRAME_BYTES_DEFAULT, "start-1"));
	assert_ok(pz_envelope_scan(pz_frame_body(pz_buf_slice(&buf)), &envelope));
	assert_true(pz_message_replaces(&envelope, "start-1"));
	assert_false(pz_message_replaces(&envelope, "start-2"));
	assert_int_equal(pz_message_frame_max(&envelope, 7), PZ_FRAME_BYTES_DEFAULT);
	pz_buf_consume(&buf, buf.len);
	assert_ok(pz_message_register(&buf, "a@b/c", "a@b", PZ_FRAME_BYTES_DEFAULT, ""));
	assert_ok(pz_envelope_scan(pz_frame_body(pz_buf_slice(&buf)), &envelope));
	assert_false(pz_message_replaces(&envelope, ""));
	pz_buf_consume(&buf, buf.len);
	assert_ok(pz_message_register(&buf, "a@b/c", "a@b", PZ_FRAME_BYTES_DEFAULT, NULL));
	assert_ok(pz_envelope_scan(pz_frame_body(pz_buf_slice(&buf)), &envelope));
	assert_false(pz_message_replaces(&envelope, "start-1"));
	assert_false(pz_message_replaces(&envelope, ""));
}

static void
test_frame_max(void **state)
{
	static const struct {
		const char *payload;
		uint32_t max;
	} table[] = {
		{"null", 7}, /* as older ends say it */
		{"{}", 7},
		{"{\"limits\":5}", 7},
		{"{\"limits\":{\"frame\":\"1\"}}", 7},
		{"{\"limits\":{\"frame\":-1}}", 7},
		{"{\"limits\":{\"frame\":1e999}}", 7},
		{"{\"limits\":{\"frame\":1}}", PZ_FRAME_BYTES_ENROL},
		{"{\"limits\":{\"frame\":100000,\"x\":1}}", 100000},
		{"{\"limits\":{\"frame\":99999999999}}", PZ_FRAME_BYTES_MAX},
	};
	struct pz_envelope envelope;
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"type\":\"JSONRPC\",\"register\":true,\"from\":\"a@b/c\","
			 "\"payload\":%s}",
			 table[i].payload);
		assert_ok(pz_envelope_scan(pz_slice_str(text), &envelope));
		assert_int_equal(pz_message_frame_max(&envelope, 7), table[i].max);
	}
}

static void
test_receipt(void **state)
{
	/* The token comes back byte for byte. */
	static const char good[][40] = {
		"\"m\"", "7", "-1", "1e2", "\"\\u0000\\/\"", "123456789012345678901234567890"};
	static const char *const bad[] = {"",  "null",      "true",   "{}", "[]",       "\"m",
					  "m", "1,\"x\":2", "\"a\"b", "1}", "\"\xff\"", " \"m\""};
	char text[300], token[PZ_MESSAGE_ID_BYTES_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_ok(pz_message_receipt(&buf, "a@b", "a@b/c", pz_slice_str(good[i]), "ok"));
		snprintf(text, sizeof(text),
			 "{\"id\":%s,\"type\":\"deliveryNotification\",\"from\":\"a@b\","
			 "\"to\":\"a@b/c\",\"payload\":{\"result\":\"ok\"}}",
			 good[i]);
		assert_body(text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
			pz_message_receipt(&buf, "a@b", "a@b/c", pz_slice_str(bad[i]), "ok"),
			PZ_ERR_PROTO_MEMBER);
	}
	assert_int_equal(pz_message_receipt(&buf, "a@b", "a@b/c", pz_slice_of("\0", 1), "ok"),
			 PZ_ERR_PROTO_MEMBER);
	memset(token, '1', sizeof(token));
	assert_int_equal(pz_message_receipt(&buf, "a@b", "a@b/c",
					    pz_slice_of(token, PZ_MESSAGE_ID_BYTES_MAX + 1), "ok"),
			 PZ_ERR_LIMIT);
	assert_int_equal(buf.len, 0);
	assert_ok(pz_message_receipt(&buf, "a@b", "a@b/c",
				     pz_slice_of(token, PZ_MESSAGE_ID_BYTES_MAX), "ok"));
}

static void
test_build_everything(void **state)
{
	json_t *id = json_string("i");
	json_t *payload = json_object();
	struct pz_message m = {
		.type = "JSONRPC",
		.from = "f",
		.to = "t",
		.resp_to = "r",
		.id = id,
		.payload = payload,
		.timestamp_ms = 17,
		.expires_ms = UINT64_MAX,
		.delivery_receipt = true,
		.is_register = true,
	};

	(void)state;
	assert_ok(pz_message_build(&buf, &m));
	assert_body("{\"type\":\"JSONRPC\",\"register\":true,\"from\":\"f\",\"to\":\"t\","
		    "\"resp_to\":\"r\",\"id\":\"i\",\"timestamp\":17,"
		    "\"expires\":9223372036854775807,\"deliveryReceipt\":true,\"payload\":{}}");
	json_decref(id);
	json_decref(payload);
}

static void
test_failures_append_nothing(void **state)
{
	struct pz_buf small = {0};

	(void)state;
	assert_int_equal(pz_message_prop(&buf, "\xff", "a", "s", NULL), PZ_ERR_PROTO_UTF8);
	assert_int_equal(pz_message_prop(&buf, "a", "\xff", "s", NULL), PZ_ERR_PROTO_UTF8);
	assert_int_equal(pz_message_prop(&buf, "a", "a", "\xff", NULL), PZ_ERR_PROTO_UTF8);
	assert_int_equal(pz_message_receipt(&buf, "a", "b", pz_slice_str("1"), "\xff"),
			 PZ_ERR_PROTO_UTF8);

	pz_buf_init(&small, 60, NULL);
	assert_ok(pz_message_prop(&small, "a", NULL, "s", NULL));
	assert_int_equal(small.len, 55);
	assert_int_equal(pz_message_prop(&small, "a", NULL, "s", NULL), PZ_ERR_LIMIT_QUEUE);
	assert_int_equal(small.len, 55);
	pz_buf_fini(&small);

	assert_int_equal(buf.len, 0);
}

static void
test_largest(void **state)
{
	static const char around[] = "{\"type\":\"prop\",\"from\":\"a\",\"payload\":"
				     "{\"status\":\"s\",\"message\":\"\"}}";
	size_t fits = PZ_FRAME_BYTES_MAX - (sizeof(around) - 1);
	char *text = malloc(fits + 1);
	json_t *message;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', fits + 1);
	message = json_stringn(text, fits + 1);
	assert_int_equal(pz_message_prop(&buf, "a", NULL, "s", message), PZ_ERR_LIMIT);
	assert_int_equal(buf.len, 0);
	json_decref(message);
	message = json_stringn(text, fits);
	assert_ok(pz_message_prop(&buf, "a", NULL, "s", message));
	assert_int_equal(buf.len, PZ_FRAME_HEADER_BYTES + PZ_FRAME_BYTES_MAX);
	json_decref(message);
	free(text);
}

static int allocs_left;

static void *
scarce_malloc(size_t len)
{
	return allocs_left-- > 0 ? malloc(len) : NULL;
}

/* Each allocation of jansson's fails once: an error, nothing appended, nothing leaked. */
static void
test_out_of_memory(void **state)
{
	bool is_done = false;

	(void)state;
	for (int n = 0; !is_done; n++) {
		enum pz_err err[3];

		assert_true(n < 100);
		json_set_alloc_funcs(scarce_malloc, free);
		allocs_left = n;
		err[0] = pz_message_prop(&buf, "a", "b", "s", NULL);
		allocs_left = n;
		err[1] = pz_message_receipt(&buf, "a", "b", pz_slice_str("1"), "ok");
		allocs_left = n;
		err[2] = pz_message_rpc(&buf, "a", "b", NULL);
		json_set_alloc_funcs(malloc, free);
		is_done = true;
		for (int i = 0; i < 3; i++) {
			assert_true(err[i] == PZ_OK || err[i] == PZ_ERR_LIMIT_MEMORY);
			is_done = is_done && err[i] == PZ_OK;
		}
		if (n == 0)
			assert_int_equal(buf.len, 0);
	}
}

static enum pz_err
parse_prop(const char *text, json_t **payload, const char **status, json_t **message)
{
	struct pz_envelope env;

	assert_ok(pz_envelope_scan(pz_slice_str(text), &env));
	return pz_message_prop_parse(&env, payload, status, message);
}

static void
test_prop_parse(void **state)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	(void)state;
	assert_ok(parse_prop("{\"type\":\"prop\",\"payload\":{\"status\":\"bye\","
			     "\"message\":{\"reason\":\"x\"}}}",
			     &payload, &status, &message));
	assert_string_equal(status, "bye");
	assert_string_equal(pz_json_str(message, "reason"), "x");
	json_decref(payload);
	assert_ok(parse_prop("{\"type\":\"prop\",\"payload\":{\"status\":\"keepAlive\"}}", &payload,
			     &status, &message));
	assert_string_equal(status, "keepAlive");
	assert_null(message);
	json_decref(payload);
}

static void
test_prop_parse_refuses(void **state)
{
	static const struct {
		const char *text;
		enum pz_err expected;
	} table[] = {
		{"{\"type\":\"prop\"}", PZ_ERR_PROTO_MEMBER},
		{"{\"type\":\"prop\",\"payload\":null}", PZ_ERR_PROTO_MEMBER},
		{"{\"type\":\"prop\",\"payload\":{}}", PZ_ERR_PROTO_MEMBER},
		{"{\"type\":\"prop\",\"payload\":{\"status\":1}}", PZ_ERR_PROTO_MEMBER},
		{"{\"type\":\"JSONRPC\",\"payload\":{\"status\":\"x\"}}", PZ_ERR_PROTO_MEMBER},
		{"{\"type\":\"prop\",\"payload\":{\"status\":\"a\",\"status\":\"b\"}}",
		 PZ_ERR_PROTO_JSON},
	};
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(parse_prop(table[i].text, &payload, &status, &message),
				 table[i].expected);
	}
	assert_null(payload);
	assert_null(status);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_prop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rpc, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_register, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaces, setup, teardown),
		cmocka_unit_test(test_frame_max),
		cmocka_unit_test_setup_teardown(test_receipt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_build_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures_append_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_largest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
		cmocka_unit_test(test_prop_parse),
		cmocka_unit_test(test_prop_parse_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
