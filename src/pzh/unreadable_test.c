/* Messages that are JSON but that the hub cannot parse into a tree, and its answers for a device
 * that is not connected: page 4 "Routing", page 7, 6. */
#include "condition/condition.h"
#include "pzh/fixture_devices.h"

static void
say_payload(const char *to, const char *payload)
{
	struct pz_buf frame;
	uint8_t header[PZ_FRAME_HEADER_BYTES];
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP "\",\"to\":\"%s\",\"payload\":%s}", to,
		 payload);
	pz_buf_init(&frame, sizeof(text) + sizeof(header), NULL);
	pz_frame_put_header(header, strlen(text));
	assert_ok(pz_buf_append(&frame, pz_slice_of(header, sizeof(header))));
	assert_ok(pz_buf_append_str(&frame, text));
	say(&laptop, &frame);
}

#define CALL(value) "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"a.b\",\"params\":[" value "]}"

static void
an_unreadable_request_is_answered(void **state)
{
	(void)state;
	forget_told(&laptop);
	uint64_t before = metric(PZ_METRIC_messages_dropped);
	say_payload(ZONE, CALL("1e400"));
	assert_int_equal(metric(PZ_METRIC_messages_dropped), before + 1);
	assert_int_equal(error_told(&laptop), PZ_RPC_PARSE_ERROR);
	say_payload(ZONE, CALL("{\"a\":1,\"a\":2}"));
	assert_int_equal(error_told(&laptop), PZ_RPC_PARSE_ERROR);
	say_payload(ZONE, CALL("18446744073709551615"));
	assert_int_equal(error_told(&laptop), PZ_RPC_METHOD_NOT_FOUND);
	before = metric(PZ_METRIC_messages_dropped);
	say_payload(ZONE, "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":1e400}");
	assert_int_equal(error_told(&laptop), 0);
	assert_int_equal(metric(PZ_METRIC_messages_dropped), before + 1);
}

static void
a_device_that_is_not_there_is_unreachable_whatever_it_was_asked(void **state)
{
	static const char *const payloads[] = {
		CALL("100000000000000000000"),
		CALL("1e400"),
		CALL("\"a\\u0000b\""),
		CALL("{\"a\":1,\"a\":2}"),
	};

	(void)state;
	forget_told(&laptop);
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		say_payload(PHONE, payloads[i]);
		assert_int_equal(error_told(&laptop), PZ_RPC_UNREACHABLE);
	}
}

/* ---- too long for the device ---- */

static void
a_prop_that_a_device_does_not_take_is_a_condition(void **state)
{
	char text[PZ_FRAME_BYTES_ENROL + 1];
	json_t *message;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	message = json_pack("{s:s}", "x", text);
	tv.link->session.frame_max = PZ_FRAME_BYTES_ENROL;
	forget_told(&tv);
	pz_hosted_send_prop(zone_of(ZONE), tv.link, "hubMoved", message);
	json_decref(message);
	assert_int_equal(tv.link->tx.len, 0);
	assert_false(tv.link->closing);
	assert_true(pz_condition_is_raised(w.hub->hosting.conditions, PZ_CONDITION_TOO_LARGE, TV));
	link_down(&tv);
	assert_false(
		pz_condition_is_raised(w.hub->hosting.conditions, PZ_CONDITION_TOO_LARGE, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_devices, tear_down_devices)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unreadable_request_is_answered),
		TEST(a_device_that_is_not_there_is_unreachable_whatever_it_was_asked),
		TEST(a_prop_that_a_device_does_not_take_is_a_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
