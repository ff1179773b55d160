/*
 * What the router does not deliver, and what it answers then: page 4 "Routing".
 * @spec page 14 REPL-2, REPL-3, ROUT-1
 */
#include "route/router_fixture.h"

/* ---- what a frame must be ---- */

static void
broken_frames_close_the_link(void **state)
{
	struct hub h;
	static const struct {
		const char *body;
		enum pz_err err;
	} rows[] = {
		{"[]", PZ_ERR_PROTO_JSON},
		{"{\"type\":\"prop\"", PZ_ERR_PROTO_JSON},
		{"{\"from\":\"" LAPTOP "\"}", PZ_ERR_PROTO_MEMBER},
		{"{\"type\":\"prop\",\"from\":\"" LAPTOP "\",\"from\":\"" LAPTOP "\"}",
		 PZ_ERR_PROTO_DUPLICATE},
		{"{\"type\":\"prop\",\"from\":7}", PZ_ERR_PROTO_MEMBER},
		{"{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP "\"}", PZ_ERR_PROTO_MEMBER},
		{"{\"type\":\"deliveryNotification\",\"from\":\"" LAPTOP "\"}",
		 PZ_ERR_PROTO_MEMBER},
		{"{\"type\":\"prop\",\"from\":\"\xff\"}", PZ_ERR_PROTO_UTF8},
	};

	(void)state;
	hub_open(&h);
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum pz_err err = pz_router_frame(h.w.router, &h.laptop.session,
						  fx_frame("%s", rows[i].body));
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].body, pz_err_name(err));
	}
	assert_int_equal(h.w.locals, 0);
	hub_close(&h);
}

static void
a_prop_needs_no_destination(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
				  fx_frame("{\"type\":\"prop\",\"from\":\"" LAPTOP "\"}")));
	assert_int_equal(h.w.locals, 1);
	hub_close(&h);
}

/* Page 14, ROUT-2: not forwarded, and not ours either. */
static void
unknown_types_stop_here(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	for (int i = 0; i < 2; i++)
		assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
					  fx_frame("{\"type\":\"gossip\",\"from\":\"" LAPTOP
						   "\",\"to\":\"%s\",\"id\":"
						   "\"m1\",\"deliveryReceipt\":%s}",
						   i ? ZONE : PHONE, i ? "true" : "false")));
	assert_int_equal(h.w.locals, 0);
	assert_int_equal(h.phone.out.len, 0);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_dropped), 2);
	expect_receipt(&h.laptop.out, ZONE, LAPTOP, "invalid");
	hub_close(&h);
}

/* ---- expiry ---- */

static struct pz_slice
expiring(uint64_t expires_ms, bool receipt)
{
	return fx_frame("{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP "\",\"to\":\"" PHONE
			"\",\"id\":\"m1\",\"expires\":%llu,\"deliveryReceipt\":%s,\"payload\":"
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}}",
			(unsigned long long)expires_ms, receipt ? "true" : "false");
}

static void
past_expires_it_is_dropped(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	assert_ok(
		pz_router_frame(h.w.router, &h.laptop.session, expiring(h.w.clock.wall_ms, true)));
	assert_true(h.phone.out.len > 0);
	pz_buf_consume(&h.phone.out, h.phone.out.len);

	assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
				  expiring(h.w.clock.wall_ms - 1, false)));
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session, expiring(0, false)));
	assert_int_equal(h.phone.out.len, 0);
	assert_int_equal(h.laptop.out.len, 0);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_dropped), 2);

	assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
				  expiring(h.w.clock.wall_ms - 1, true)));
	expect_receipt(&h.laptop.out, ZONE, LAPTOP, "expired");
	hub_close(&h);
}

/* ---- what cannot be delivered ---- */

static void
an_unreachable_call_is_answered(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(APP, TV "/7f3a:1")));
	expect_error(&h.laptop.out, PZ_RPC_UNREACHABLE, TV "/7f3a:1", APP, "r1");
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_undeliverable), 1);

	assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
				  fx_frame("{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP
					   "\",\"resp_to\":\"" APP "\",\"to\":\"" TV
					   "\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":"
					   "\"r2\",\"method\":\"a\"}}")));
	expect_error(&h.laptop.out, PZ_RPC_UNREACHABLE, TV, APP, "r2");
	hub_close(&h);
}

/* The caller accepts an error in the name of its destination only; its device accepts those of
 * friend zones from its hub. */
static void
a_call_to_another_zone_is_answered_in_its_name(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
				  fx_call(LAPTOP, "bob@example.org/tv")));
	json_t *message = fx_take(&h.laptop.out);
	assert_string_equal(fx_str(message, "from"), "bob@example.org/tv");
	json_decref(message);
	hub_close(&h);
}

static void
what_is_no_request_dies_silently(void **state)
{
	struct hub h;
	static const char *const payloads[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"a\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"a\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}",
		"{\"id\":1}",
		"[]",
		"[1,{\"jsonrpc\":\"2.0\",\"method\":\"a\"}]",
		"null",
	};

	(void)state;
	hub_open(&h);
	for (size_t i = 0; i < COUNT(payloads); i++)
		assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
					  fx_frame("{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP
						   "\",\"to\":\"" TV "\",\"payload\":%s}",
						   payloads[i])));
	assert_ok(pz_router_frame(
		h.w.router, &h.laptop.session,
		fx_frame("{\"type\":\"prop\",\"from\":\"" LAPTOP "\",\"to\":\"" TV "\"}")));
	assert_int_equal(h.laptop.out.len, 0);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_undeliverable), COUNT(payloads) + 1);
	hub_close(&h);
}

static void
a_receipt_says_where_it_stopped(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
				  fx_frame("{\"type\":\"prop\",\"from\":\"" LAPTOP "\",\"to\":\"" TV
					   "\",\"id\":\"m1\",\"deliveryReceipt\":true}")));
	expect_receipt(&h.laptop.out, ZONE, LAPTOP, "badDestination");
	/* Receipts never cause receipts. */
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
				  fx_frame("{\"type\":\"deliveryNotification\",\"from\":\"" LAPTOP
					   "\",\"to\":\"" TV
					   "\",\"id\":\"m1\",\"deliveryReceipt\":true,"
					   "\"payload\":{\"result\":\"ok\"}}")));
	assert_int_equal(h.laptop.out.len, 0);
	hub_close(&h);
}

/* "A message never goes back out of the link it came in by" (page 4). */
static void
nothing_goes_back_where_it_came_from(void **state)
{
	struct hub h;
	struct node n;

	(void)state;
	hub_open(&h);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(APP, LAPTOP)));
	expect_error(&h.laptop.out, PZ_RPC_UNREACHABLE, LAPTOP, APP, "r1");
	hub_close(&h);

	node_open(&n);
	assert_ok(pz_router_frame(n.w.router, &n.hub.session, fx_call(PHONE, TV)));
	assert_int_equal(n.hub.out.len, 0);
	expect_error(&n.phone.out, PZ_RPC_UNREACHABLE, TV, PHONE,
		     "r1"); /* the phone has a direct link */
	assert_ok(pz_router_frame(n.w.router, &n.hub.session, fx_call(ZONE "/watch", TV)));
	expect_error(&n.hub.out, PZ_RPC_UNREACHABLE, TV, ZONE "/watch", "r1");
	node_close(&n);
}

static void
why_it_was_not_taken_decides_the_code(void **state)
{
	struct hub h;
	static const struct {
		enum pz_err err;
		int code;
	} rows[] = {
		{PZ_ERR_LIMIT_QUEUE, PZ_RPC_CONGESTED},
		{PZ_ERR_LIMIT_MEMORY, PZ_RPC_UNREACHABLE},
		{PZ_ERR_IO_CLOSED, PZ_RPC_UNREACHABLE},
	};

	(void)state;
	hub_open(&h);
	for (size_t i = 0; i < COUNT(rows); i++) {
		h.phone.send_err = rows[i].err;
		assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(APP, PHONE)));
		expect_error(&h.laptop.out, rows[i].code, PHONE, APP, "r1");
	}
	/* The answer cannot be delivered either: nothing is said about it. */
	h.laptop.send_err = PZ_ERR_LIMIT_QUEUE;
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(APP, PHONE)));
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_dropped), 1);
	hub_close(&h);
}

static void
malformed_destinations_are_undeliverable(void **state)
{
	struct hub h;
	static const char *const tos[] = {
		"/", "//",      "a b",          ZONE "/", ZONE "//", TV "/7f3a:1/x",
		"@", "\\u0000", ZONE "\\u0000", "\\u00e4"};

	(void)state;
	hub_open(&h);
	for (size_t i = 0; i < COUNT(tos); i++) {
		assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(APP, tos[i])));
		json_t *message = fx_take(&h.laptop.out);
		assert_non_null(message);
		json_decref(message);
		assert_int_equal(h.laptop.out.len, 0);
	}
	assert_int_equal(h.w.locals, 0);
	hub_close(&h);
}

/* ---- what the node itself sends ---- */

static void
own_frames_find_their_way(void **state)
{
	struct node n;

	(void)state;
	node_open(&n);
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, TV)));
	assert_true(n.hub.out.len > 0);
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, PHONE "/7f3a:1")));
	assert_true(n.phone.out.len > 0);
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, APP)));
	assert_true(n.app.out.len > 0);
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, LAPTOP)));
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, LAPTOP "/aaaa:1")));
	assert_int_equal(n.w.locals, 2);
	assert_int_equal(n.w.local_without_session, 2);

	assert_int_equal(pz_router_send(n.w.router, fx_call(LAPTOP, "bob@example.org")),
			 PZ_ERR_NOTFOUND);
	assert_int_equal(
		pz_router_send(n.w.router, fx_frame("{\"type\":\"prop\",\"from\":\"" LAPTOP "\"}")),
		PZ_ERR_NOTFOUND);
	assert_int_equal(pz_router_send(n.w.router, fx_frame("nonsense")), PZ_ERR_PROTO_JSON);
	n.hub.send_err = PZ_ERR_LIMIT_QUEUE;
	assert_int_equal(pz_router_send(n.w.router, fx_call(LAPTOP, TV)), PZ_ERR_LIMIT_QUEUE);
	node_close(&n);
}

static void
bounced_frames_are_answered(void **state)
{
	struct hub h;
	struct pz_buf frames;

	(void)state;
	hub_open(&h);
	pz_buf_init(&frames, 1U << 20, NULL);
	assert_ok(pz_buf_append(&frames, fx_call(APP, TV)));
	assert_ok(pz_buf_append(&frames, fx_frame("broken")));
	assert_ok(pz_buf_append(&frames, fx_call(PHONE, TV)));
	struct pz_slice last = fx_call(PHONE, TV);
	assert_ok(pz_buf_append(&frames, pz_slice_of(last.ptr, last.len - 1)));

	pz_router_bounce(h.w.router, pz_buf_slice(&frames), PZ_RPC_CONGESTED);
	expect_error(&h.laptop.out, PZ_RPC_CONGESTED, TV, APP, "r1");
	expect_error(&h.phone.out, PZ_RPC_CONGESTED, TV, PHONE, "r1");
	pz_router_bounce(h.w.router, (struct pz_slice){0}, PZ_RPC_UNREACHABLE);
	/* Our own call comes back to us. */
	pz_router_bounce(h.w.router, fx_call(ZONE, TV), PZ_RPC_UNREACHABLE);
	assert_int_equal(h.w.local_without_session, 1);
	expect_error(&h.w.local_frames, PZ_RPC_UNREACHABLE, TV, ZONE, "r1");
	pz_buf_fini(&frames);
	hub_close(&h);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_frames_close_the_link),
		cmocka_unit_test(a_prop_needs_no_destination),
		cmocka_unit_test(unknown_types_stop_here),
		cmocka_unit_test(past_expires_it_is_dropped),
		cmocka_unit_test(an_unreachable_call_is_answered),
		cmocka_unit_test(a_call_to_another_zone_is_answered_in_its_name),
		cmocka_unit_test(what_is_no_request_dies_silently),
		cmocka_unit_test(a_receipt_says_where_it_stopped),
		cmocka_unit_test(nothing_goes_back_where_it_came_from),
		cmocka_unit_test(why_it_was_not_taken_decides_the_code),
		cmocka_unit_test(malformed_destinations_are_undeliverable),
		cmocka_unit_test(own_frames_find_their_way),
		cmocka_unit_test(bounced_frames_are_answered),
	};

	pz_log_threshold = PZ_LOG_WARNING;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
