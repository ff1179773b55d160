/* What a device passes on between its direct links and its hub (page 6 "Relaying"). */
#include "route/fixture.h"

/* A device with its hub, two direct links, and one program. */
struct node {
	struct world w;
	struct fake hub, phone, tv, app;
	struct pz_session *way; /* to the lamp; everybody else hangs at the hub */
	int asked, relayed;
};

static struct node n;

static struct pz_session *
on_way(void *arg, struct pz_slice node)
{
	(void)arg;
	if (!pz_slice_eq_str(node, ZONE "/lamp"))
		return &n.hub.session;
	n.asked++;
	return n.way;
}

static void
on_relayed(void *arg, struct pz_session *out)
{
	(void)arg;
	assert_non_null(out);
	n.relayed++;
}

static int
set_up(void **state)
{
	static const struct pz_router_ops ops = {
		.local = fx_local, .way = on_way, .relayed = on_relayed};

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
	pz_router_set_relaying(n.w.router, true);
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
a_peers_words_go_to_another_direct_link(void **state)
{
	(void)state;
	hears(&n.phone, PHONE, TV);
	expect_arrived(&n.tv, PHONE, TV);
	hears(&n.phone, PHONE "/1:1", TV "/2:1");
	expect_arrived(&n.tv, PHONE "/1:1", TV "/2:1");
	assert_int_equal(n.relayed, 2);
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, TV))); /* our own is no relaying */
	expect_arrived(&n.tv, LAPTOP, TV);
	hears(&n.phone, PHONE, ZONE ".other/tv");
	assert_int_equal(n.relayed, 2);
	json_decref(fx_take(&n.phone.out));
}

static void
a_peers_words_go_to_the_hub(void **state)
{
	(void)state;
	hears(&n.phone, PHONE, ZONE);
	expect_arrived(&n.hub, PHONE, ZONE);
	hears(&n.phone, PHONE, ZONE "/clock");
	expect_arrived(&n.hub, PHONE, ZONE "/clock");
}

static void
the_hubs_words_go_to_a_direct_link(void **state)
{
	(void)state;
	hears(&n.hub, ZONE "/clock", PHONE);
	expect_arrived(&n.phone, ZONE "/clock", PHONE);
	hears(&n.hub, ZONE "/clock", APP);
	expect_arrived(&n.app, ZONE "/clock", APP);
}

/* Never to another relay, never back: what the node would choose for itself is not asked for. */
static void
nothing_goes_on_over_a_second_relay(void **state)
{
	(void)state;
	n.way = &n.tv.session;
	hears(&n.hub, ZONE "/clock", ZONE "/lamp");
	expect_unreachable(&n.hub);
	hears(&n.hub, ZONE "/clock", ZONE);
	expect_unreachable(&n.hub);
	fake_detach(&n.w, &n.hub);
	hears(&n.phone, PHONE, ZONE "/lamp");
	expect_unreachable(&n.phone);
	assert_int_equal(n.asked, 0);
	assert_int_equal(n.tv.out.len, 0);
}

static void
nothing_is_passed_on_when_relaying_is_off(void **state)
{
	(void)state;
	pz_router_set_relaying(n.w.router, false);
	hears(&n.phone, PHONE, TV);
	expect_unreachable(&n.phone);
	hears(&n.phone, PHONE, ZONE);
	expect_unreachable(&n.phone);
	hears(&n.hub, ZONE "/clock", PHONE);
	expect_unreachable(&n.hub);
	hears(&n.phone, PHONE, APP); /* our own programs can be reached all the same */
	expect_arrived(&n.app, PHONE, APP);
	assert_int_equal(n.tv.out.len, 0);
}

/* Other zones are not for relays. */
static void
nothing_leaves_the_zone(void **state)
{
	(void)state;
	hears(&n.phone, PHONE, "bob@example.net/tv");
	expect_unreachable(&n.phone);
	hears(&n.phone, PHONE, ZONE ".evil/tv");
	assert_int_equal(n.hub.out.len, 0);
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

static void
a_relay_speaks_for_the_zone_but_to_us_only(void **state)
{
	(void)state;
	n.phone.session.relays = true;
	hears(&n.phone, ZONE "/clock", LAPTOP);
	hears(&n.phone, ZONE, LAPTOP);
	assert_int_equal(n.w.locals, 2);
	hears(&n.phone, LAPTOP, LAPTOP); /* not for ourselves */
	hears(&n.phone, LAPTOP "/7f3a:1", LAPTOP);
	hears(&n.phone, "bob@example.net/x", LAPTOP); /* not for others */
	hears(&n.phone, ZONE "/clock", TV);           /* and nothing is relayed twice */
	hears(&n.phone, ZONE "/clock", ZONE);
	assert_int_equal(n.w.locals, 2);
	assert_int_equal(n.phone.session.spoofed, 5);
	assert_int_equal(n.tv.out.len + n.hub.out.len, 0);
}

/* Page 4 "Routing": direct link, then what the node knows: hub or relay. */
static void
our_own_go_where_the_node_says(void **state)
{
	(void)state;
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, TV)));
	expect_arrived(&n.tv, LAPTOP, TV);
	assert_int_equal(n.asked, 0);
	n.way = &n.phone.session;
	assert_true(pz_router_has_route(n.w.router, pz_slice_str(ZONE "/lamp")));
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, ZONE "/lamp")));
	expect_arrived(&n.phone, LAPTOP, ZONE "/lamp");
	n.way = NULL;
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
		T(a_peers_words_go_to_another_direct_link),
		T(a_peers_words_go_to_the_hub),
		T(the_hubs_words_go_to_a_direct_link),
		T(nothing_goes_on_over_a_second_relay),
		T(nothing_is_passed_on_when_relaying_is_off),
		T(nothing_leaves_the_zone),
		T(a_peer_speaks_for_itself_only),
		T(a_relay_speaks_for_the_zone_but_to_us_only),
		T(our_own_go_where_the_node_says),
		T(a_detached_session_is_heard_to_its_end),
	};
#undef T

	pz_log_threshold = PZ_LOG_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
