/* A message that is longer than its next hop accepts: the caller receives an error with the sizes;
 * the link to that hop stays. */
#include "route/bounce.h"
#include "route/fixture.h"
#include "rpc/error.h"
#include "wire/message.h"

static struct world w;
static struct fake laptop, phone;

static enum pz_err
send_short(struct pz_session *session, struct pz_slice frame)
{
	return frame.len > session->frame_max + PZ_FRAME_HEADER_BYTES ? PZ_ERR_PROTO_FRAME
								      : fake_send(session, frame);
}

static int
set_up(void **state)
{
	static struct pz_session_ops ops;

	(void)state;
	fx_open(&w, ZONE, 4096, 1024);
	fake_attach(&w, &laptop, PZ_SESSION_DEVICE, LAPTOP);
	fake_attach(&w, &phone, PZ_SESSION_DEVICE, PHONE);
	ops = *phone.session.ops;
	ops.send = send_short;
	phone.session.ops = &ops;
	phone.session.frame_max = 400;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fake_detach(&w, &laptop);
	fake_detach(&w, &phone);
	fx_close(&w);
	return 0;
}

/* @param more members of the payload */
static void
says(const char *more)
{
	assert_ok(pz_router_frame(w.router, &laptop.session,
				  fx_frame("{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP
					   "\",\"to\":\"" PHONE
					   "\",\"id\":\"m1\",\"deliveryReceipt\":true,\"payload\":{"
					   "\"jsonrpc\":\"2.0\","
					   "\"id\":\"r1\",%s,\"x\":\"%0*d\"}}",
					   more, 400, 0)));
}

static void
expect_error(json_t *message, int code, const char *from, const char *to)
{
	json_t *payload = json_object_get(message, "payload");
	json_t *error = json_object_get(payload, "error");

	assert_string_equal(fx_str(message, "from"), from);
	assert_string_equal(fx_str(message, "to"), to);
	assert_string_equal(fx_str(payload, "id"), "r1");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	assert_non_null(strstr(fx_str(error, "message"), "too large: "));
	assert_non_null(strstr(fx_str(error, "message"), "at most 400"));
	json_decref(message);
}

static void
a_request_is_answered(void **state)
{
	(void)state;
	says("\"method\":\"a.b\"");
	assert_int_equal(phone.out.len, 0);
	json_t *receipt = fx_take(&laptop.out);
	assert_string_equal(fx_str(json_object_get(receipt, "payload"), "result"), "refused");
	json_decref(receipt);
	expect_error(fx_take(&laptop.out), PZ_RPC_INVALID_REQUEST, PHONE, LAPTOP);
	assert_int_equal(laptop.out.len, 0);
	assert_int_equal(fx_metric(&w, PZ_METRIC_messages_undeliverable), 1);
}

static void
in_place_of_an_answer_goes_an_error(void **state)
{
	(void)state;
	phone.session.frame_max = 600; /* enough for the error */
	assert_ok(pz_router_frame(
		w.router, &laptop.session,
		fx_frame("{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP "\",\"to\":\"" PHONE
			 "\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":\"r1\",\"result\":\"%0*d\"}}",
			 600, 0)));
	assert_int_equal(laptop.out.len, 0);
	json_t *message = fx_take(&phone.out);
	json_t *payload = json_object_get(message, "payload");
	assert_string_equal(fx_str(message, "from"), LAPTOP);
	assert_string_equal(fx_str(payload, "id"), "r1");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(payload, "error"), "code")),
		PZ_RPC_INTERNAL_ERROR);
	json_decref(message);
}

static void
what_fits_goes(void **state)
{
	(void)state;
	phone.session.frame_max = 1000;
	says("\"method\":\"a.b\"");
	assert_true(phone.out.len > 400);
	assert_int_equal(laptop.out.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered),
		TEST(in_place_of_an_answer_goes_an_error),
		TEST(what_fits_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
