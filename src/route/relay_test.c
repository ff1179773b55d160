/* A device forwards nothing between its direct links and its hub (page 4 "Routing"). */
#include "route/fixture.h"

/* A device with its hub, two direct links, and one program. */
struct node {
	struct world w;
	struct fake hub, phone, tv, app;
	struct pz_session *next_hop; /* to the lamp; everybody else hangs at the hub */
	int asked;
};

static struct node n;

static struct pz_session *
on_next_hop(void *arg, struct pz_slice node)
{
	(void)arg;
	if (!pz_slice_eq_str(node, ZONE "/lamp"))
		return &n.hub.session;
	n.asked++;
	return n.next_hop;
}

static int
set_up(void **state)
{
	static const struct pz_router_ops ops = {.local = fx_local, .next_hop = on_next_hop};

	(void)state;
	memset(&n, 0, sizeof(n));
	n.w = (struct world){0};
	pz_kit_clock_init(&n.w.clock);
	pz_buf_init(&n.w.local_frames, SIZE_MAX / 4, NULL);
	struct pz_router_config config = {.self = LAPTOP,
					  .env = &n.w.clock.env,
					  .metrics = &n.w.metrics,
					  .ops = &ops,
					  .arg = &n.w};
	assert_ok(pz_router_new(&config, &n.w.router));
	fake_attach(&n.w, &n.hub, PZ_SESSION_HUB, ZONE);
	fake_attach(&n.w, &n.phone, PZ_SESSION_PEER, PHONE);
	fake_attach(&n.w, &n.tv, PZ_SESSION_PEER, TV);
	fake_attach(&n.w, &n.app, PZ_SESSION_APP, APP);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fake_detach(&n.w, &n.hub);
	fake_detach(&n.w, &n.phone);
	fake_detach(&n.w, &n.tv);
	fake_detach(&n.w, &n.app);
	fx_close(&n.w);
	return 0;
}

static void
hears(struct fake *in, const char *from, const char *to)
{
	assert_ok(pz_router_frame(n.w.router, &in->session, fx_call(from, to)));
}

static void
expect_arrived(struct fake *out, const char *from, const char *to)
{
	json_t *message = fx_take(&out->out);

	assert_non_null(message);
	assert_string_equal(fx_str(message, "from"), from);
	assert_string_equal(fx_str(message, "to"), to);
	json_decref(message);
	assert_null(fx_take(&out->out));
}

static void
expect_unreachable(struct fake *origin)
{
	json_t *message = fx_take(&origin->out);
	json_t *error = json_object_get(json_object_get(message, "payload"), "error");

	assert_int_equal(json_integer_value(json_object_get(error, "code")), -32001);
	json_decref(message);
	assert_null(fx_take(&origin->out));
}

static void
nothing_is_passed_on(void **state)
{
	static const char *const elsewhere[] = {TV,
						TV "/2:1",
						ZONE,
						ZONE "/clock",
						ZONE "/lamp",
						ZONE ".evil/tv",
						"bob@example.net/tv"};

	(void)state;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		hears(&n.phone, PHONE, elsewhere[i]);
		expect_unreachable(&n.phone);
		hears(&n.hub, ZONE "/clock", elsewhere[i]);
		expect_unreachable(&n.hub);
	}
	assert_int_equal(n.asked, 0);
	assert_int_equal(n.tv.out.len, 0);
}

static void
our_own_programs_are_reached(void **state)
{
	(void)state;
	hears(&n.phone, PHONE, APP);
	expect_arrived(&n.app, PHONE, APP);
	hears(&n.hub, ZONE "/clock", APP);
	expect_arrived(&n.app, ZONE "/clock", APP);
}

static void
a_peer_speaks_for_itself_only(void **state)
{
	static const char *const others[] = {ZONE, TV, ZONE "/clock", LAPTOP, "bob@example.net/x"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		hears(&n.phone, others[i], LAPTOP);
		hears(&n.phone, others[i], TV);
	}
	assert_int_equal(n.w.locals, 0);
	assert_int_equal(n.tv.out.len, 0);
	assert_int_equal(n.phone.session.spoofed, 10);
}

/* Page 4 "Routing": direct link, then what the node knows: hub or relay. */
static void
our_own_go_where_the_node_says(void **state)
{
	(void)state;
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, TV)));
	expect_arrived(&n.tv, LAPTOP, TV);
	assert_int_equal(n.asked, 0);
	n.next_hop = &n.phone.session;
	assert_true(pz_router_has_route(n.w.router, pz_slice_str(ZONE "/lamp")));
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, ZONE "/lamp")));
	expect_arrived(&n.phone, LAPTOP, ZONE "/lamp");
	n.next_hop = NULL;
	assert_false(pz_router_has_route(n.w.router, pz_slice_str(ZONE "/lamp")));
	assert_int_equal(pz_router_send(n.w.router, fx_call(LAPTOP, ZONE "/lamp")),
			 PZ_ERR_NOTFOUND);
}

/* A link that another one replaces: what it had sent before is received. */
static void
a_detached_session_is_heard_to_its_end(void **state)
{
	struct fake newer;

	(void)state;
	pz_router_detach(n.w.router, &n.phone.session);
	fake_attach(&n.w, &newer, PZ_SESSION_PEER, PHONE);
	hears(&n.phone, PHONE, LAPTOP);
	hears(&newer, PHONE, LAPTOP);
	assert_int_equal(n.w.locals, 2);
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, PHONE)));
	expect_arrived(&newer, LAPTOP, PHONE);
	assert_int_equal(n.phone.out.len, 0);
	fake_detach(&n.w, &newer);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		T(nothing_is_passed_on),
		T(our_own_programs_are_reached),
		T(a_peer_speaks_for_itself_only),
		T(our_own_go_where_the_node_says),
		T(a_detached_session_is_heard_to_its_end),
	};
#undef T

	pz_log_threshold = PZ_LOG_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
