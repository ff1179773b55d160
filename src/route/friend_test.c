/*
 * Messages of friend zones, at a hub and at a device: which addresses they may contain, and what
 * crosses the border of the zone.
 * @spec page 1 "Who may say what"; page 4 "Routing"; page 9, 10 (E3, E4); page 14 SPOOF-1, SPOOF-4,
 * CERT-5
 */
#include "route/fixture.h"

#define BOB "bob@example.net"
#define BOBS_LAPTOP BOB "/laptop" /* a name that our zone has, too */
#define CAROL "carol@example.com"

static struct {
	struct world w;
	struct fake bob, carol, laptop, hub, phone, app;
	bool is_friend, is_closed;
	int crossings;
	struct pz_session *crossed_at;
} n;

static bool
on_is_friend(void *arg, struct pz_slice zone)
{
	(void)arg;
	return n.is_friend && pz_slice_eq_str(zone, BOB);
}

static bool
on_may_cross(void *arg, struct pz_session *in, struct pz_session *friend_hub,
	     const struct pz_envelope *envelope)
{
	(void)arg;
	assert_true(in->attached && friend_hub->attached);
	assert_true(envelope->to.len > 0);
	n.crossings++;
	n.crossed_at = friend_hub;
	return !n.is_closed;
}

static const struct pz_router_ops ops = {
	.local = fx_local, .is_friend = on_is_friend, .may_cross = on_may_cross};

static void
open_as(const char *self, const struct pz_router_ops *with)
{
	memset(&n, 0, sizeof(n));
	n.is_friend = true;
	pz_kit_clock_init(&n.w.clock);
	pz_buf_init(&n.w.local_frames, SIZE_MAX / 4, NULL);
	struct pz_router_config config = {.self = self,
					  .env = &n.w.clock.env,
					  .metrics = &n.w.metrics,
					  .ops = with,
					  .arg = &n.w};
	assert_ok(pz_router_new(&config, &n.w.router));
}

/* Our hub, with one device and the hubs of two friends, who do not know each other. */
static int
open_hub(void **state)
{
	(void)state;
	open_as(ZONE, &ops);
	fake_attach(&n.w, &n.laptop, PZ_SESSION_DEVICE, LAPTOP);
	fake_attach(&n.w, &n.bob, PZ_SESSION_FRIEND, BOB);
	fake_attach(&n.w, &n.carol, PZ_SESSION_FRIEND, CAROL);
	return 0;
}

static int
close_hub(void **state)
{
	(void)state;
	fake_detach(&n.w, &n.laptop);
	fake_detach(&n.w, &n.bob);
	fake_detach(&n.w, &n.carol);
	fx_close(&n.w);
	return 0;
}

/* A device with its hub, a peer, a program, and one direct link with a friend's device. */
static int
open_device(void **state)
{
	(void)state;
	open_as(LAPTOP, &ops);
	fake_attach(&n.w, &n.hub, PZ_SESSION_HUB, ZONE);
	fake_attach(&n.w, &n.phone, PZ_SESSION_PEER, PHONE);
	fake_attach(&n.w, &n.app, PZ_SESSION_APP, APP);
	fake_attach(&n.w, &n.bob, PZ_SESSION_FRIEND, BOB "/phone");
	return 0;
}

static int
close_device(void **state)
{
	(void)state;
	fake_detach(&n.w, &n.hub);
	fake_detach(&n.w, &n.phone);
	fake_detach(&n.w, &n.app);
	fake_detach(&n.w, &n.bob);
	fx_close(&n.w);
	return 0;
}

static void
say(struct fake *in, const char *from, const char *to)
{
	assert_ok(pz_router_frame(n.w.router, &in->session, fx_call(from, to)));
}

/* What came is exactly this message. */
static void
expect_message(struct fake *out, const char *from, const char *to)
{
	json_t *message = fx_take(&out->out);

	assert_non_null(message);
	assert_string_equal(fx_str(message, "from"), from);
	assert_string_equal(fx_str(message, "to"), to);
	assert_null(json_object_get(json_object_get(message, "payload"), "error"));
	json_decref(message);
	assert_int_equal(out->out.len, 0);
}

static void
expect_error(struct fake *out, int code, const char *from)
{
	json_t *message = fx_take(&out->out);
	const json_t *error = json_object_get(json_object_get(message, "payload"), "error");

	assert_non_null(error);
	assert_string_equal(fx_str(message, "from"), from);
	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	json_decref(message);
}

static void
expect_receipt(struct fake *out, const char *verdict)
{
	json_t *message = fx_take(&out->out);

	assert_non_null(message);
	assert_string_equal(fx_str(message, "type"), "deliveryNotification");
	assert_string_equal(fx_str(json_object_get(message, "payload"), "result"), verdict);
	json_decref(message);
}

/* ---- at a hub ---- */

static void
messages_go_to_a_friend_and_back(void **state)
{
	(void)state;
	say(&n.laptop, LAPTOP "/7f3a:1", BOB "/phone");
	expect_message(&n.bob, LAPTOP "/7f3a:1", BOB "/phone");
	assert_ptr_equal(n.crossed_at, &n.bob.session);
	say(&n.bob, BOB "/phone/2:1", LAPTOP);
	expect_message(&n.laptop, BOB "/phone/2:1", LAPTOP);
	say(&n.laptop, LAPTOP, BOB);
	expect_message(&n.bob, LAPTOP, BOB);
	say(&n.bob, BOB, ZONE);
	assert_int_equal(n.w.locals, 1);
	assert_int_equal(n.crossings, 4);
}

/* Two devices named "laptop" are two devices. */
static void
equal_names_of_devices_do_not_mix(void **state)
{
	(void)state;
	say(&n.bob, BOBS_LAPTOP, LAPTOP);
	expect_message(&n.laptop, BOBS_LAPTOP, LAPTOP);
	say(&n.laptop, LAPTOP, BOBS_LAPTOP);
	expect_message(&n.bob, LAPTOP, BOBS_LAPTOP);
	say(&n.carol, CAROL "/laptop", LAPTOP);
	expect_message(&n.laptop, CAROL "/laptop", LAPTOP);
}

static void
a_friend_names_its_own_addresses_only(void **state)
{
	static const char *const forged[] = {ZONE,        LAPTOP,    LAPTOP "/7f3a:1", CAROL,
					     CAROL "/tv", BOB ".au", BOB "x/phone",    BOB "/a b",
					     BOB "/",     "bob",     "laptop"};

	(void)state;
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		say(&n.bob, forged[i], LAPTOP);
		say(&n.bob, forged[i], ZONE);
		assert_ok(pz_router_frame(n.w.router, &n.bob.session,
					  fx_frame("{\"type\":\"JSONRPC\",\"from\":\"" BOB
						   "/tv\",\"resp_to\":\"%s\",\"to\":\"" LAPTOP
						   "\",\"payload\":{}}",
						   forged[i])));
		assert_int_equal(n.bob.session.spoofed, 3 * (i + 1));
	}
	assert_int_equal(n.laptop.out.len + n.bob.out.len + n.carol.out.len, 0);
	assert_int_equal(n.w.locals + n.crossings, 0);
}

static void
a_friends_friend_is_a_stranger(void **state)
{
	static const char *const elsewhere[] = {CAROL,     CAROL "/tv",        BOB,
						BOB "/tv", "dave@example.org", "laptop"};

	(void)state;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		say(&n.bob, BOB "/phone", elsewhere[i]);
		expect_error(&n.bob, -32001, ZONE);
		assert_int_equal(n.bob.out.len, 0);
	}
	assert_int_equal(n.carol.out.len + n.laptop.out.len, 0);
	assert_int_equal(n.crossings, 0);
}

static void
a_friend_without_a_link_is_unreachable(void **state)
{
	static const char *const elsewhere[] = {"dave@example.org", "dave@example.org/tv"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		say(&n.laptop, LAPTOP, elsewhere[i]);
		/* In the name that the caller waits for; a device accepts it from its hub only. */
		expect_error(&n.laptop, -32001, elsewhere[i]);
	}
	fake_detach(&n.w, &n.bob);
	say(&n.laptop, LAPTOP, BOB "/phone");
	expect_error(&n.laptop, -32001, BOB "/phone");
	assert_int_equal(n.crossings, 0);
}

static void
what_is_refused_at_the_border_is_answered(void **state)
{
	(void)state;
	n.is_closed = true;
	say(&n.laptop, LAPTOP, BOB "/phone");
	expect_error(&n.laptop, -32004, BOB "/phone");
	say(&n.bob, BOB "/phone", LAPTOP);
	expect_error(&n.bob, -32004, LAPTOP);
	say(&n.bob, BOB "/phone", ZONE);
	expect_error(&n.bob, -32004, ZONE);
	assert_ok(pz_router_frame(n.w.router, &n.bob.session,
				  fx_frame("{\"type\":\"JSONRPC\",\"from\":\"" BOB
					   "/tv\",\"to\":\"" LAPTOP
					   "\",\"id\":\"m1\",\"deliveryReceipt\":true,"
					   "\"payload\":{}}")));
	expect_receipt(&n.bob, "refused");
	assert_int_equal(n.w.locals, 0);
	assert_int_equal(n.laptop.out.len + n.bob.out.len, 0);
}

/* Without the operation nothing does; a node that knows no friends lets nothing over its border. */
static void
nothing_crosses_by_default(void **state)
{
	static const struct pz_router_ops none = {.local = fx_local};

	(void)state;
	open_as(ZONE, &none);
	fake_attach(&n.w, &n.laptop, PZ_SESSION_DEVICE, LAPTOP);
	fake_attach(&n.w, &n.bob, PZ_SESSION_FRIEND, BOB);
	say(&n.bob, BOB "/phone", LAPTOP);
	expect_error(&n.bob, -32004, LAPTOP);
	say(&n.laptop, LAPTOP, BOB "/phone");
	expect_error(&n.laptop, -32004, BOB "/phone");
	fake_detach(&n.w, &n.laptop);
	fake_detach(&n.w, &n.bob);
	fx_close(&n.w);
}

#define PROP(from, to)                                                                             \
	fx_frame("{\"type\":\"prop\",\"from\":\"%s\",\"to\":\"%s\",\"payload\":{}}", from, to)

static void
props_never_cross(void **state)
{
	(void)state;
	assert_ok(pz_router_frame(n.w.router, &n.bob.session, PROP(BOB, LAPTOP)));
	assert_ok(pz_router_frame(n.w.router, &n.bob.session, PROP(BOB "/tv", LAPTOP "/1:1")));
	assert_ok(pz_router_frame(n.w.router, &n.laptop.session, PROP(LAPTOP, BOB "/tv")));
	assert_ok(pz_router_frame(n.w.router, &n.laptop.session, PROP(LAPTOP, BOB)));
	assert_int_equal(n.laptop.out.len + n.bob.out.len, 0);
	assert_int_equal(n.w.locals + n.crossings, 0);
	assert_int_equal(fx_metric(&n.w, PZ_METRIC_messages_dropped), 4);
	/* What a friend's hub says to this hub is not a crossing. */
	assert_ok(pz_router_frame(n.w.router, &n.bob.session, PROP(BOB, ZONE)));
	assert_int_equal(n.w.locals, 1);
	assert_int_equal(n.crossings, 0);
}

static void
messages_inside_the_zone_are_not_judged(void **state)
{
	struct fake phone;

	(void)state;
	fake_attach(&n.w, &phone, PZ_SESSION_DEVICE, PHONE);
	say(&n.laptop, LAPTOP, PHONE);
	expect_message(&phone, LAPTOP, PHONE);
	say(&n.laptop, LAPTOP, ZONE);
	assert_int_equal(n.w.locals, 1);
	assert_int_equal(n.crossings, 0);
	fake_detach(&n.w, &phone);
}

/* ---- at a device ---- */

static void
the_hub_brings_messages_of_zones_that_are_friends_now(void **state)
{
	(void)state;
	say(&n.hub, BOB "/tv", LAPTOP);
	say(&n.hub, BOB "/tv/2:1", LAPTOP);
	assert_int_equal(n.w.locals, 2);
	say(&n.hub, BOBS_LAPTOP, APP);
	expect_message(&n.app, BOBS_LAPTOP, APP);
	say(&n.hub, CAROL "/tv", LAPTOP);
	say(&n.hub, BOB ".au/tv", LAPTOP);
	say(&n.hub, BOB "/t v", LAPTOP);
	say(&n.hub, LAPTOP, LAPTOP);
	assert_int_equal(n.hub.session.spoofed, 4);
	n.is_friend = false;
	say(&n.hub, BOB "/tv", LAPTOP);
	assert_int_equal(n.hub.session.spoofed, 5);
	assert_int_equal(n.w.locals, 2);
}

static void
messages_to_friends_leave_by_the_direct_link_or_the_hub(void **state)
{
	(void)state;
	say(&n.app, APP, BOB "/phone");
	expect_message(&n.bob, APP, BOB "/phone");
	say(&n.app, APP, BOB "/tv");
	expect_message(&n.hub, APP, BOB "/tv");
	assert_true(pz_router_has_route(n.w.router, pz_slice_str(BOB "/tv")));
	say(&n.app, APP, CAROL "/tv");
	expect_error(&n.app, -32001, CAROL "/tv");
	n.is_friend = false;
	assert_false(pz_router_has_route(n.w.router, pz_slice_str(BOB "/tv")));
	assert_ok(pz_router_send(n.w.router, fx_call(LAPTOP, PHONE)));
	assert_int_equal(pz_router_send(n.w.router, fx_call(LAPTOP, BOB "/tv")), PZ_ERR_NOTFOUND);
	assert_int_equal(n.hub.out.len, 0);
}

static void
a_friends_device_speaks_for_itself_and_to_us(void **state)
{
	static const char *const forged[] = {BOB, BOB "/tv", BOB "/phones", LAPTOP, PHONE, ZONE};
	static const char *const elsewhere[] = {PHONE, ZONE, TV, BOB "/tv", CAROL};

	(void)state;
	say(&n.bob, BOB "/phone", LAPTOP);
	say(&n.bob, BOB "/phone/2:1", LAPTOP "/7f3a:9");
	assert_int_equal(n.w.locals, 2);
	say(&n.bob, BOB "/phone", APP);
	expect_message(&n.app, BOB "/phone", APP);
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++)
		say(&n.bob, forged[i], LAPTOP);
	assert_int_equal(n.bob.session.spoofed, 6);
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		say(&n.bob, BOB "/phone", elsewhere[i]);
		json_decref(fx_take(&n.bob.out)); /* -32001 */
	}
	assert_int_equal(n.w.locals, 2);
	assert_int_equal(n.phone.out.len + n.hub.out.len + n.app.out.len, 0);
	assert_int_equal(n.crossings, 0); /* that is for hubs */
}

#define HUB(test) cmocka_unit_test_setup_teardown(test, open_hub, close_hub)
#define DEVICE(test) cmocka_unit_test_setup_teardown(test, open_device, close_device)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HUB(messages_go_to_a_friend_and_back),
		HUB(equal_names_of_devices_do_not_mix),
		HUB(a_friend_names_its_own_addresses_only),
		HUB(a_friends_friend_is_a_stranger),
		HUB(a_friend_without_a_link_is_unreachable),
		HUB(what_is_refused_at_the_border_is_answered),
		cmocka_unit_test(nothing_crosses_by_default),
		HUB(props_never_cross),
		HUB(messages_inside_the_zone_are_not_judged),
		DEVICE(the_hub_brings_messages_of_zones_that_are_friends_now),
		DEVICE(messages_to_friends_leave_by_the_direct_link_or_the_hub),
		DEVICE(a_friends_device_speaks_for_itself_and_to_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
