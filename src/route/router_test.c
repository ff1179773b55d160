/*
 * What the router promises: page 1 "Who may say what", page 4 "Routing".
 * @spec page 14 SPOOF-1, SPOOF-2, SPOOF-3, REPL-2, REPL-3, ROUT-1
 */
#include "route/router_fixture.h"

/* ---- plain forwarding ---- */

static void
forwards_the_very_bytes(void **state)
{
	struct hub h;
	struct pz_slice frame = fx_frame(
		" { \"type\":\"JSONRPC\",\t\"x-new\":[1,{\"a\":null}], "
		"\"from\":\"" LAPTOP "/7f3a:1\", \"to\":\"\\u0061lice@example.org/phone/7f3a:2\","
		"\"payload\":{\"b\":1.50,\"b\":2}}\n");

	(void)state;
	hub_open(&h);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session, frame));
	assert_true(pz_slice_eq(pz_buf_slice(&h.phone.out), frame));
	assert_int_equal(h.laptop.out.len, 0);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_in), 1);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_out), 1);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_undeliverable), 0);
	hub_close(&h);
}

static void
keeps_the_order(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	for (int i = 0; i < 1000; i++)
		assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
					  fx_frame("{\"type\":\"JSONRPC\",\"from\":\"" LAPTOP
						   "\",\"to\":\"" PHONE "\",\"n\":%d}",
						   i)));
	for (int i = 0; i < 1000; i++) {
		json_t *message = fx_take(&h.phone.out);
		assert_int_equal(json_integer_value(json_object_get(message, "n")), i);
		json_decref(message);
	}
	hub_close(&h);
}

static void
what_is_ours_is_local(void **state)
{
	struct hub h;
	struct node n;
	static const char *const at_node[] = {LAPTOP, LAPTOP "/aaaa:9"};

	(void)state;
	hub_open(&h);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(LAPTOP, ZONE)));
	assert_int_equal(h.w.locals, 1);
	assert_ptr_equal(h.w.local_in, &h.laptop.session);
	hub_close(&h);

	node_open(&n);
	for (size_t i = 0; i < COUNT(at_node); i++)
		assert_ok(pz_router_frame(n.w.router, &n.hub.session, fx_call(TV, at_node[i])));
	assert_int_equal(n.w.locals, 2);
	/* An attached program is no business of the node. */
	assert_ok(pz_router_frame(n.w.router, &n.hub.session, fx_call(TV, APP)));
	assert_int_equal(n.w.locals, 2);
	assert_true(n.app.out.len > 0);
	node_close(&n);
}

static void
a_device_prefers_the_direct_link(void **state)
{
	struct node n;

	(void)state;
	node_open(&n);
	assert_ok(pz_router_frame(n.w.router, &n.app.session, fx_call(APP, PHONE "/7f3a:2")));
	assert_true(n.phone.out.len > 0);
	assert_int_equal(n.hub.out.len, 0);
	assert_ok(pz_router_frame(n.w.router, &n.app.session, fx_call(APP, TV)));
	assert_true(n.hub.out.len > 0);
	assert_ok(pz_router_frame(n.w.router, &n.app.session, fx_call(APP, ZONE)));

	pz_buf_consume(&n.hub.out, n.hub.out.len);
	pz_buf_consume(&n.phone.out, n.phone.out.len);
	pz_router_detach(n.w.router, &n.phone.session);
	assert_ok(pz_router_frame(n.w.router, &n.app.session, fx_call(APP, PHONE)));
	assert_true(n.hub.out.len > 0);
	assert_int_equal(n.phone.out.len, 0);
	node_close(&n);
}

static void
has_route_agrees_with_forwarding(void **state)
{
	struct node n;
	static const struct {
		const char *address;
		bool has;
	} rows[] = {
		{LAPTOP, true},
		{LAPTOP "/aaaa:1", true},
		{APP, true},
		{PHONE, true},
		{PHONE "/7f3a:9", true},
		{TV, true},
		{ZONE, true},
		{"bob@example.org", false},
		{"bob@example.org/tv", false},
		{"alice@example.orgx/tv", false},
		{"alice@example.or", false},
		{"laptop", false},
		{"", false},
	};

	(void)state;
	node_open(&n);
	for (size_t i = 0; i < COUNT(rows); i++)
		if (pz_router_has_route(n.w.router, pz_slice_str(rows[i].address)) != rows[i].has)
			fail_msg("%s", rows[i].address);
	pz_router_detach(n.w.router, &n.hub.session);
	assert_false(pz_router_has_route(n.w.router, pz_slice_str(TV)));
	assert_true(pz_router_has_route(n.w.router, pz_slice_str(PHONE)));
	node_close(&n);
}

static void
a_virgin_device_serves_its_programs(void **state)
{
	struct world w;
	struct fake app;

	(void)state;
	fx_open(&w, "laptop", 0, 0);
	fake_attach(&w, &app, PZ_SESSION_APP, "laptop/7f3a:1");
	assert_ok(pz_router_frame(w.router, &app.session, fx_call("laptop/7f3a:1", "laptop")));
	assert_int_equal(w.locals, 1);
	assert_ok(pz_router_frame(w.router, &app.session, fx_call("laptop/7f3a:1", TV)));
	json_t *message = fx_take(&app.out);
	assert_string_equal(fx_str(message, "from"), TV);
	json_decref(message);
	fake_detach(&w, &app);
	assert_ok(pz_router_set_self(w.router, LAPTOP));
	assert_int_equal(pz_router_set_self(w.router, "a b"), PZ_ERR_PROTO_ADDRESS);
	assert_true(pz_router_has_route(w.router, pz_slice_str(LAPTOP)));
	assert_false(pz_router_has_route(w.router, pz_slice_str("laptop")));
	fx_close(&w);
}

/* ---- sessions ---- */

static void
one_session_per_address(void **state)
{
	struct hub h;
	struct fake other, own;

	(void)state;
	hub_open(&h);
	fake_init(&other, PZ_SESSION_DEVICE, LAPTOP);
	assert_int_equal(pz_router_attach(h.w.router, &other.session), PZ_ERR_EXISTS);
	assert_false(other.session.attached);
	pz_router_detach(h.w.router, &other.session); /* was never in */
	assert_ptr_equal(pz_router_find(h.w.router, pz_slice_str(LAPTOP)), &h.laptop.session);

	fake_init(&own, PZ_SESSION_DEVICE, ZONE);
	assert_int_equal(pz_router_attach(h.w.router, &own.session), PZ_ERR_EXISTS);

	pz_router_detach(h.w.router, &h.laptop.session);
	pz_router_detach(h.w.router, &h.laptop.session);
	assert_null(pz_router_find(h.w.router, pz_slice_str(LAPTOP)));
	assert_ok(pz_router_attach(h.w.router, &other.session));
	assert_ok(pz_router_frame(h.w.router, &h.phone.session, fx_call(PHONE, LAPTOP)));
	assert_true(other.out.len > 0);
	assert_int_equal(h.laptop.out.len, 0);
	fake_detach(&h.w, &other);
	hub_close(&h);
}

static void
self_must_be_an_address(void **state)
{
	struct world w;
	struct pz_router *router = NULL;

	(void)state;
	fx_open(&w, ZONE, 0, 0);
	struct pz_router_config config = {
		.self = "no@", .env = &w.clock.env, .metrics = &w.metrics, .ops = &fx_router_ops};
	assert_int_equal(pz_router_new(&config, &router), PZ_ERR_PROTO_ADDRESS);
	assert_null(router);
	fx_close(&w);
	pz_router_free(NULL);
}

/* ---- who may say what (page 1; page 14, SPOOF-1 and SPOOF-2) ---- */

struct say {
	const char *address;
	bool device, hub, app; /* may the laptop's PZP, our hub, our program say this? */
};

/* Seen from the phone: a direct link of the laptop, the hub, a program. */
static const struct say says[] = {
	{LAPTOP, true, true, false},
	{LAPTOP "/7f3a:1", true, true, false},
	{LAPTOP "/7f3a:1/x", false, false, false},
	{LAPTOP "/", false, false, false},
	{LAPTOP "/no colon", false, false, false},
	{LAPTOP "x", false, true, false},
	{ZONE "/lapto", false, true, false},
	{TV, false, true, false},
	{TV "/7f3a:1", false, true, false},
	{ZONE, false, true, false},
	{ZONE "/", false, false, false},
	{ZONE "//7f3a:1", false, false, false},
	{PHONE, false, false, false}, /* our own messages do not come back */
	{PHONE "/7f3a:1", false, false, true},
	{PHONE "/7f3a:2", false, false, false},
	{PHONE "/7f3a:12", false, false, false},
	{"bob@example.org", false, false, false},
	{"bob@example.org/laptop", false, false, false},
	{"alice@example.orgx/laptop", false, false, false},
	{"ALICE@example.org/laptop", false, false, false},
	{"laptop", false, false, false},
	{"laptop/7f3a:1", false, false, false},
	{"", false, false, false},
};

static struct pz_slice
say_from(const char *from)
{
	return fx_frame("{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"" PHONE "\"}", from);
}

static struct pz_slice
say_resp_to(const char *from, const char *resp_to)
{
	return fx_frame("{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"" PHONE
			"\",\"resp_to\":\"%s\"}",
			from, resp_to);
}

static void
from_and_resp_to_lie_within_what_is_proved(void **state)
{
	struct world w;
	struct fake device, hub, app;
	int expected = 0;

	(void)state;
	fx_open(&w, PHONE, 0, 0);
	fake_attach(&w, &device, PZ_SESSION_DEVICE, LAPTOP);
	fake_attach(&w, &hub, PZ_SESSION_HUB, ZONE);
	fake_attach(&w, &app, PZ_SESSION_APP, PHONE "/7f3a:1");
	for (size_t i = 0; i < COUNT(says); i++) {
		const struct say *say = &says[i];
		const struct {
			struct fake *fake;
			const char *good;
			bool may;
		} kinds[] = {
			{&device, LAPTOP, say->device},
			{&hub, ZONE, say->hub},
			{&app, PHONE "/7f3a:1", say->app},
		};
		for (size_t k = 0; k < COUNT(kinds); k++) {
			struct pz_session *in = &kinds[k].fake->session;
			assert_ok(pz_router_frame(w.router, in, say_from(say->address)));
			expected += kinds[k].may;
			if (w.locals != expected)
				fail_msg("kind %zu from '%s'", k, say->address);
			assert_ok(pz_router_frame(w.router, in,
						  say_resp_to(kinds[k].good, say->address)));
			/* an empty resp_to counts as absent */
			expected += kinds[k].may || say->address[0] == '\0';
			if (w.locals != expected)
				fail_msg("kind %zu resp_to '%s'", k, say->address);
		}
	}
	assert_true(device.session.spoofed > 0);
	assert_int_equal(fx_metric(&w, PZ_METRIC_spoofed),
			 device.session.spoofed + hub.session.spoofed + app.session.spoofed);
	assert_int_equal(fx_metric(&w, PZ_METRIC_messages_dropped),
			 fx_metric(&w, PZ_METRIC_spoofed));
	assert_int_equal(device.out.len + hub.out.len + app.out.len, 0); /* and no error is sent */
	fake_detach(&w, &device);
	fake_detach(&w, &hub);
	fake_detach(&w, &app);
	fx_close(&w);
}

static void
escapes_do_not_hide_a_spoofed_from(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	assert_ok(pz_router_frame(
		h.w.router, &h.laptop.session,
		fx_frame("{\"type\":\"prop\",\"from\":\"\\u0061lice@example.org/phone\"}")));
	assert_int_equal(h.w.locals, 0);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
				  fx_frame("{\"type\":\"prop\",\"from\":\"" LAPTOP "\\u0000\"}")));
	assert_int_equal(h.w.locals, 0);
	assert_int_equal(h.laptop.session.spoofed, 2);
	hub_close(&h);
}

static void
spoofing_is_logged_once_a_second_for_each_link(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	log_lines = 0;
	pz_log_set_sink(count_log, NULL);
	for (int i = 0; i < 50; i++)
		assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(PHONE, ZONE)));
	assert_int_equal(log_lines, 1); /* page 1 */
	assert_ok(pz_router_frame(h.w.router, &h.phone.session, fx_call(LAPTOP, ZONE)));
	assert_int_equal(log_lines, 2); /* each link its own */
	pz_kit_clock_jump(&h.w.clock, PZ_US_PER_S);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(PHONE, ZONE)));
	assert_int_equal(log_lines, 3);
	assert_int_equal(h.laptop.session.spoofed, 51);
	pz_log_set_sink(NULL, NULL);
	hub_close(&h);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(forwards_the_very_bytes),
		cmocka_unit_test(keeps_the_order),
		cmocka_unit_test(what_is_ours_is_local),
		cmocka_unit_test(a_device_prefers_the_direct_link),
		cmocka_unit_test(has_route_agrees_with_forwarding),
		cmocka_unit_test(a_virgin_device_serves_its_programs),
		cmocka_unit_test(one_session_per_address),
		cmocka_unit_test(self_must_be_an_address),
		cmocka_unit_test(from_and_resp_to_lie_within_what_is_proved),
		cmocka_unit_test(escapes_do_not_hide_a_spoofed_from),
		cmocka_unit_test(spoofing_is_logged_once_a_second_for_each_link),
	};

	pz_log_threshold = PZ_LOG_WARNING;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
