/*
 * What the router promises: page 1 "Who may say what", page 4 "Routing".
 * @spec page 14 SPOOF-1, SPOOF-2, SPOOF-3, REPL-2, REPL-3, ROUT-1
 */
#include "route/fixture.h"
#include "rpc/error.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int log_lines;

static void
count_log(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
	log_lines += strcmp(id, "spoofed-from") == 0;
}

/* A hub with two devices. */
struct hub {
	struct world w;
	struct fake laptop, phone;
};

static void
hub_open(struct hub *h)
{
	fx_open(&h->w, ZONE, 0, 0);
	fake_attach(&h->w, &h->laptop, PZ_SESSION_DEVICE, LAPTOP);
	fake_attach(&h->w, &h->phone, PZ_SESSION_DEVICE, PHONE);
}

static void
hub_close(struct hub *h)
{
	fake_detach(&h->w, &h->laptop);
	fake_detach(&h->w, &h->phone);
	fx_close(&h->w);
}

/* A device: its hub, one direct link, one program. */
struct node {
	struct world w;
	struct fake hub, phone, app;
};

static void
node_open(struct node *n)
{
	fx_open(&n->w, LAPTOP, 0, 0);
	fake_attach(&n->w, &n->hub, PZ_SESSION_HUB, ZONE);
	fake_attach(&n->w, &n->phone, PZ_SESSION_DEVICE, PHONE);
	fake_attach(&n->w, &n->app, PZ_SESSION_APP, APP);
}

static void
node_close(struct node *n)
{
	fake_detach(&n->w, &n->hub);
	fake_detach(&n->w, &n->phone);
	fake_detach(&n->w, &n->app);
	fx_close(&n->w);
}

/* The one answer that waits in `frames`: an error with this code in the name of `from`. */
static void
expect_error(struct pz_buf *frames, int code, const char *from, const char *to, const char *id)
{
	json_t *message = fx_take(frames);
	assert_non_null(message);
	json_t *payload = json_object_get(message, "payload");
	json_t *error = json_object_get(payload, "error");

	assert_string_equal(fx_str(message, "type"), "JSONRPC");
	assert_string_equal(fx_str(message, "from"), from);
	assert_string_equal(fx_str(message, "to"), to);
	assert_string_equal(fx_str(payload, "id"), id);
	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	if (code == PZ_RPC_UNREACHABLE) {
		json_t *data = json_object_get(error, "data");
		assert_string_equal(fx_str(data, "name"), "NetworkError");
		assert_int_equal(json_integer_value(json_object_get(data, "code")), 19);
		assert_string_equal(fx_str(data, "address"), from);
	}
	json_decref(message);
	assert_int_equal(frames->len, 0);
}

static void
expect_receipt(struct pz_buf *frames, const char *from, const char *to, const char *verdict)
{
	json_t *message = fx_take(frames);
	assert_non_null(message);

	assert_string_equal(fx_str(message, "type"), "deliveryNotification");
	assert_string_equal(fx_str(message, "from"), from);
	assert_string_equal(fx_str(message, "to"), to);
	assert_string_equal(fx_str(message, "id"), "m1");
	assert_string_equal(fx_str(json_object_get(message, "payload"), "result"), verdict);
	json_decref(message);
	assert_int_equal(frames->len, 0);
}

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
