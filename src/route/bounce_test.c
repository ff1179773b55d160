/* What a router reports about an undelivered message: page 4 "Routing". */
#include "route/bounce.h"
#include "route/fixture.h"
#include "rpc/error.h"
#include "wire/message.h"

static struct pz_envelope envelope; /* borrows from the last frame that was scanned */

static enum pz_err
bounce(struct pz_buf *out, struct pz_slice body, int code)
{
	assert_ok(pz_envelope_scan(body, &envelope));
	return pz_bounce(out, ZONE, &envelope, code, "badDestination");
}

static enum pz_err
bounce_payload(struct pz_buf *out, const char *payload, int code)
{
	return bounce(out,
		      pz_frame_body(fx_frame("{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP
					     "\",\"to\":\"" TV "\",\"payload\":%s}",
					     payload)),
		      code);
}

static void
each_request_of_a_batch_gets_its_error(void **state)
{
	struct pz_buf out;

	(void)state;
	pz_buf_init(&out, 1U << 20, NULL);
	assert_ok(bounce_payload(&out,
				 "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"},"
				 "{\"jsonrpc\":\"2.0\",\"method\":\"b\"},7,"
				 "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1},"
				 "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"c\"}]",
				 PZ_RPC_UNREACHABLE));
	json_t *message = fx_take(&out);
	json_t *payload = json_object_get(message, "payload");
	assert_int_equal(json_array_size(payload), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(payload, 0), "id")), 1);
	assert_string_equal(fx_str(json_array_get(payload, 1), "id"), "x");
	assert_int_equal(out.len, 0);
	json_decref(message);
	pz_buf_fini(&out);
}

/* One frame that is not accepted would cost the caller its link. */
static void
a_long_batch_is_answered_in_parts(void **state)
{
	struct pz_buf out, body;
	enum { CALLS = PZ_BATCH_REQUESTS_MAX };
	bool seen[CALLS] = {false};
	size_t index, answers = 0;
	json_t *one, *message;

	(void)state;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	pz_buf_init(&body, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_buf_append_str(&body, "{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP
					   "\",\"to\":\"" TV "\",\"payload\":["));
	for (int i = 0; i < CALLS; i++)
		assert_ok(pz_buf_printf(&body, "%s{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"a\"}",
					i ? "," : "", i));
	assert_ok(pz_buf_append_str(&body, "]}"));
	assert_ok(bounce(&out, pz_buf_slice(&body), PZ_RPC_UNREACHABLE));
	assert_true(out.len > PZ_FRAME_BYTES_ENROL / 2); /* else the test shows nothing */
	while (out.len > 0) {
		size_t before = out.len;
		message = fx_take(&out);
		assert_true(before - out.len <= PZ_FRAME_BYTES_ENROL);
		json_array_foreach (json_object_get(message, "payload"), index, one) {
			json_int_t id = json_integer_value(json_object_get(one, "id"));
			assert_in_range(id, 0, CALLS - 1);
			assert_false(seen[id]);
			seen[id] = true;
			answers++;
		}
		json_decref(message);
	}
	assert_int_equal(answers, CALLS);
	pz_buf_fini(&out);
	pz_buf_fini(&body);
}

/* Each element would cost an answer longer than itself: an endless batch gets one answer. */
static void
an_endless_batch_gets_one_answer(void **state)
{
	struct pz_buf out, body;

	(void)state;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	pz_buf_init(&body, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_buf_append_str(&body, "{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP
					   "\",\"to\":\"" TV "\",\"payload\":["));
	for (int i = 0; i <= PZ_BATCH_REQUESTS_MAX; i++)
		assert_ok(pz_buf_printf(&body, "%s{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"a\"}",
					i ? "," : "", i));
	assert_ok(pz_buf_append_str(&body, "]}"));
	assert_ok(bounce(&out, pz_buf_slice(&body), PZ_RPC_UNREACHABLE));
	json_t *message = fx_take(&out);
	json_t *error = json_object_get(json_object_get(message, "payload"), "error");
	assert_int_equal(json_integer_value(json_object_get(error, "code")),
			 PZ_RPC_INVALID_REQUEST);
	assert_int_equal(out.len, 0);
	json_decref(message);
	pz_buf_fini(&out);
	pz_buf_fini(&body);
}

static void
an_absurd_id_is_not_repeated(void **state)
{
	struct pz_buf out, body;

	(void)state;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	pz_buf_init(&body, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_buf_append_str(
		&body, "{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP "\",\"to\":\"" TV
		       "\",\"payload\":{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":\""));
	for (unsigned i = 0; i < PZ_FRAME_BYTES_DEFAULT - 300; i += 10)
		assert_ok(pz_buf_append_str(&body, "aaaaaaaaaa"));
	assert_ok(pz_buf_append_str(&body, "\"}}"));
	assert_ok(bounce(&out, pz_buf_slice(&body), PZ_RPC_UNREACHABLE));
	assert_int_equal(out.len, 0);
	pz_buf_fini(&out);
	pz_buf_fini(&body);
}

static void
a_receipt_and_an_error_are_two_messages(void **state)
{
	struct pz_buf out;
	static const char format[] =
		"{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP "\",\"to\":\"" TV
		"\",\"id\":%s,\"deliveryReceipt\":true,\"payload\":{\"jsonrpc\":\"2.0\",\"id\":1,"
		"\"method\":\"a\"}}";
	char long_id[PZ_MESSAGE_ID_BYTES_MAX + 3];

	(void)state;
	pz_buf_init(&out, 1U << 20, NULL);
	char text[2048];
	snprintf(text, sizeof(text), format, "1e2");
	assert_ok(bounce(&out, pz_slice_str(text), PZ_RPC_CONGESTED));
	json_t *message = fx_take(&out);
	assert_string_equal(fx_str(message, "type"), "deliveryNotification");
	json_decref(message);
	message = fx_take(&out);
	assert_string_equal(fx_str(message, "type"), "JSONRPC");
	json_decref(message);
	assert_int_equal(out.len, 0);

	/* An id too long for a receipt does not cost the caller the error. */
	memset(long_id, 'x', sizeof(long_id));
	long_id[0] = long_id[sizeof(long_id) - 2] = '"';
	long_id[sizeof(long_id) - 1] = '\0';
	snprintf(text, sizeof(text), format, long_id);
	assert_int_equal(bounce(&out, pz_slice_str(text), PZ_RPC_CONGESTED), PZ_ERR_LIMIT);
	message = fx_take(&out);
	assert_string_equal(fx_str(message, "type"), "JSONRPC");
	json_decref(message);
	assert_int_equal(out.len, 0);
	pz_buf_fini(&out);
}

static void
a_receipt_needs_an_id(void **state)
{
	struct pz_buf out;

	(void)state;
	pz_buf_init(&out, 1U << 20, NULL);
	assert_ok(bounce(&out,
			 pz_frame_body(fx_frame("{\"type\":\"prop\",\"from\":\"" LAPTOP
						"\",\"to\":\"" TV "\",\"deliveryReceipt\":true}")),
			 PZ_RPC_UNREACHABLE));
	assert_int_equal(out.len, 0);
	pz_buf_fini(&out);
}

static void
without_a_code_there_is_no_error(void **state)
{
	struct pz_buf out;

	(void)state;
	pz_buf_init(&out, 1U << 20, NULL);
	assert_ok(bounce_payload(&out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}", 0));
	assert_int_equal(out.len, 0);
	pz_buf_fini(&out);
}

static void
a_full_buffer_is_an_error(void **state)
{
	struct pz_buf out;

	(void)state;
	pz_buf_init(&out, 100, NULL);
	assert_int_equal(bounce_payload(&out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}",
					PZ_RPC_UNREACHABLE),
			 PZ_ERR_LIMIT_QUEUE);
	assert_int_equal(out.len, 0);
	pz_buf_fini(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_of_a_batch_gets_its_error),
		cmocka_unit_test(a_long_batch_is_answered_in_parts),
		cmocka_unit_test(an_endless_batch_gets_one_answer),
		cmocka_unit_test(an_absurd_id_is_not_repeated),
		cmocka_unit_test(a_receipt_and_an_error_are_two_messages),
		cmocka_unit_test(a_receipt_needs_an_id),
		cmocka_unit_test(without_a_code_there_is_no_error),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
