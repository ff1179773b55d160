/* Messages that are JSON but that cannot be parsed into a tree, or only with loss: each request is
 * answered, each call ends, each drop is counted (page 7, 6). */
#include "pzp/peer_fixture.h"

#include "rpc/error.h"

#define TO_US                                                                                      \
	"{\"type\":\"JSONRPC\",\"from\":\"" ZONE "/tv\",\"to\":\"" ZONE                            \
	"/laptop\",\"id\":77,\"payload\":"

static struct fx_far *
quiet_tv(void)
{
	struct fx_far *far = fx_live(fx_device("tv"));

	fx_forget(far);
	return far;
}

static void
says_text(struct fx_far *far, const char *payload)
{
	char text[1024];

	snprintf(text, sizeof(text), TO_US "%s}", payload);
	fx_puts(far, text);
	fx_settle();
}

/* The payload of the only JSON-RPC message that was received; NULL: none. Borrowed. */
static json_t *
answer_heard(const struct fx_far *far)
{
	json_t *found = NULL, *one;
	size_t i;

	json_array_foreach (far->heard, i, one) {
		if (strcmp(pz_json_str(one, "type"), "JSONRPC") != 0)
			continue;
		assert_null(found);
		found = json_object_get(one, "payload");
	}
	return found;
}

static int
code_of(const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");

	return (int)json_integer_value(json_object_get(error, "code"));
}

static uint64_t
dropped(void)
{
	return pz_metric_get(&w.node->metrics, PZ_METRIC_messages_dropped);
}

static void
an_unreadable_request_is_answered_by_its_id(void **state)
{
	static const char *const values[] = {
		"1e400",
		"-1e400",
		"{\"a\":1,\"a\":2}",
		"{\"\\u0000\":1}",
	};
	struct fx_far *far = quiet_tv();
	char payload[256];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		uint64_t before = dropped();
		snprintf(payload, sizeof(payload),
			 "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"a.b\",\"params\":[%s]}",
			 values[i]);
		says_text(far, payload);
		json_t *answer = answer_heard(far);
		assert_non_null(answer);
		assert_int_equal(code_of(answer), PZ_RPC_PARSE_ERROR);
		assert_string_equal(pz_json_str(answer, "id"), "q");
		assert_int_equal(dropped(), before + 1);
		fx_forget(far);
	}
	assert_false(far->near.is_closed);
}

static void
of_an_unreadable_batch_each_request_is_answered(void **state)
{
	struct fx_far *far = quiet_tv();

	(void)state;
	says_text(far, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a.b\"},"
		       "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"a.b\",\"params\":[1e400]}]");
	json_t *answer = answer_heard(far);
	assert_int_equal(json_array_size(answer), 2);
	for (size_t i = 0; i < 2; i++) {
		json_t *one = json_array_get(answer, i);
		assert_int_equal(code_of(one), PZ_RPC_PARSE_ERROR);
		assert_int_equal(json_integer_value(json_object_get(one, "id")), i + 1);
	}
}

static void
what_no_caller_waits_for_is_counted(void **state)
{
	static const char *const payloads[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":[1e400]}",
		"{\"jsonrpc\":\"2.0\",\"id\":\"never asked\",\"result\":1e400}",
		"null",
	};
	struct fx_far *far = quiet_tv();

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		uint64_t before = dropped();
		says_text(far, payloads[i]);
		assert_null(answer_heard(far));
		assert_int_equal(dropped(), before + 1);
	}
}

static void
a_text_of_too_many_values_is_refused(void **state)
{
	struct fx_far *far = quiet_tv();
	struct pz_buf text;

	(void)state;
	pz_buf_init(&text, 1U << 20, NULL);
	assert_ok(pz_buf_append_str(
		&text, TO_US "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"a.b\",\"params\":[0"));
	for (int i = 0; i < PZ_JSON_VALUES_MAX; i++)
		assert_ok(pz_buf_append_str(&text, ",0"));
	assert_ok(pz_buf_append(&text, pz_slice_of("]}}", 4)));
	fx_puts(far, (const char *)pz_buf_slice(&text).ptr);
	fx_settle();
	pz_buf_fini(&text);
	assert_int_equal(code_of(answer_heard(far)), PZ_RPC_PARSE_ERROR);
	assert_false(far->near.is_closed);
}

/* @return the request that the node sent to it; borrowed */
static json_t *
begin_call(struct fx_far *far, struct answer *a)
{
	fx_tells(far, "registerServices", fx_services(ZONE "/tv", 1));
	fx_forget(far);
	begin(a, "call", call_params("http://webinos.org/api/test@tv", "get42", json_array()));
	fx_run(100 * PZ_US_PER_MS);
	json_t *request = answer_heard(far);
	assert_non_null(pz_json_str(request, "id"));
	return request;
}

static void
an_unreadable_answer_ends_the_call(void **state)
{
	struct fx_far *far = quiet_tv();
	struct answer a;
	char payload[256];

	(void)state;
	snprintf(payload, sizeof(payload), "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"result\":1e400}",
		 pz_json_str(begin_call(far, &a), "id"));
	says_text(far, payload);
	assert_int_equal(a.ends, 1);
	const json_t *error = json_object_get(a.result, "error");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), PZ_RPC_PARSE_ERROR);
	assert_non_null(strstr(pz_json_str(error, "message"), ZONE "/tv"));
	forget(&a);
}

static void
a_number_beyond_64_bits_is_a_result(void **state)
{
	struct fx_far *far = quiet_tv();
	struct answer a;
	char payload[256];

	(void)state;
	snprintf(payload, sizeof(payload),
		 "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"result\":[18446744073709551615,"
		 "\"a\\u0000b\"]}",
		 pz_json_str(begin_call(far, &a), "id"));
	says_text(far, payload);
	assert_int_equal(a.ends, 1);
	const json_t *result = json_object_get(a.result, "result");
	assert_true(json_real_value(json_array_get(result, 0)) > 1.8e19);
	assert_int_equal(json_string_length(json_array_get(result, 1)), 3);
	forget(&a);
}

static void
an_unreadable_prop_is_answered(void **state)
{
	struct fx_far *far = quiet_tv();
	uint64_t before = dropped();

	(void)state;
	fx_puts(far, "{\"type\":\"prop\",\"from\":\"" ZONE "/tv\",\"to\":\"" ZONE
		     "/laptop\",\"payload\":{\"status\":\"probe\",\"message\":1e400}}");
	fx_settle();
	assert_int_equal(dropped(), before + 1);
	assert_int_equal(fx_heard(far, "error", NULL), 1);
	assert_int_equal(fx_heard(far, "keepAlive", NULL), 0);
	assert_false(far->near.is_closed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(an_unreadable_request_is_answered_by_its_id),
		FX_TEST(of_an_unreadable_batch_each_request_is_answered),
		FX_TEST(what_no_caller_waits_for_is_counted),
		FX_TEST(a_text_of_too_many_values_is_refused),
		FX_TEST(an_unreadable_answer_ends_the_call),
		FX_TEST(an_unreadable_prop_is_answered),
		FX_TEST(a_number_beyond_64_bits_is_a_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
