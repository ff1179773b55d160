/* Devices behind a relay: page 6 "Relaying", page 1 "Who may say what". */
#include "route/fixture.h"
#include "rpc/error.h"

/* A hub with two devices; the television has no link of its own. */
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

static void
hang_behind(struct hub *h, const char *address, struct fake *via)
{
	assert_ok(pz_router_attach_behind(h->w.router, pz_slice_str(address), &via->session));
}

static struct pz_session *
behind(struct hub *h, const char *address)
{
	return pz_router_behind(h->w.router, pz_slice_str(address));
}

/* Does it go from `in` to `out`? A frame that is dropped as spoofed is not answered. */
static bool
passes(struct hub *h, struct fake *in, struct fake *out, struct pz_slice frame)
{
	assert_ok(pz_router_frame(h->w.router, &in->session, frame));
	bool passed = pz_slice_eq(pz_buf_slice(&out->out), frame);
	pz_buf_consume(&out->out, out->out.len);
	return passed;
}

static void
messages_go_both_ways_by_the_relay(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	hang_behind(&h, TV, &h.laptop);
	assert_ptr_equal(behind(&h, TV), &h.laptop.session);
	assert_true(passes(&h, &h.phone, &h.laptop, fx_call(PHONE, TV)));
	assert_true(passes(&h, &h.phone, &h.laptop, fx_call(PHONE, TV "/7f3a:1")));
	assert_true(passes(&h, &h.laptop, &h.phone, fx_call(TV, PHONE)));
	assert_true(passes(&h, &h.laptop, &h.phone, fx_call(TV "/7f3a:1", PHONE)));
	assert_true(pz_router_has_route(h.w.router, pz_slice_str(TV)));
	assert_true(pz_router_has_route(h.w.router, pz_slice_str(TV "/7f3a:1")));
	assert_null(pz_router_find(h.w.router, pz_slice_str(TV)));

	assert_ok(pz_router_send(h.w.router, fx_call(ZONE, TV)));
	assert_true(h.laptop.out.len > 0);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(TV, ZONE)));
	assert_int_equal(h.w.locals, 1);
	assert_ptr_equal(h.w.local_in, &h.laptop.session);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_spoofed), 0);
	hub_close(&h);
}

static void
no_link_speaks_for_it_before_or_after(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	assert_false(passes(&h, &h.laptop, &h.phone, fx_call(TV, PHONE)));
	hang_behind(&h, TV, &h.laptop);
	assert_true(passes(&h, &h.laptop, &h.phone, fx_call(TV, PHONE)));
	pz_router_detach_behind(h.w.router, pz_slice_str(TV));
	assert_null(behind(&h, TV));
	assert_false(passes(&h, &h.laptop, &h.phone, fx_call(TV, PHONE)));
	assert_int_equal(h.laptop.session.spoofed, 2);
	assert_ok(pz_router_frame(h.w.router, &h.phone.session, fx_call(PHONE, TV)));
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_undeliverable), 1);
	assert_false(pz_router_has_route(h.w.router, pz_slice_str(TV)));
	pz_router_detach_behind(h.w.router, pz_slice_str(TV)); /* does nothing */
	hub_close(&h);
}

/* Only the relay, only that device, only whole parts of an address. */
static void
what_is_near_it_is_not_it(void **state)
{
	static const char *const spoofed[] = {
		ZONE "/tv2",    ZONE "/t", TV "/",   TV "//", TV "/no app",
		TV "/7f3a:1/x", ZONE,      ZONE "/", "",      "bob@example.org/tv",
	};
	struct hub h;

	(void)state;
	hub_open(&h);
	hang_behind(&h, TV, &h.laptop);
	for (size_t i = 0; i < sizeof(spoofed) / sizeof(spoofed[0]); i++)
		assert_false(passes(&h, &h.laptop, &h.phone, fx_call(spoofed[i], PHONE)));
	assert_int_equal(h.laptop.session.spoofed, sizeof(spoofed) / sizeof(spoofed[0]));
	assert_false(passes(&h, &h.phone, &h.laptop, fx_call(TV, LAPTOP)));
	assert_int_equal(h.phone.session.spoofed, 1);
	hub_close(&h);
}

static void
resp_to_may_be_it_too(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	hang_behind(&h, TV, &h.laptop);
	static const char fmt[] =
		"{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"" PHONE "\",\"resp_to\":\"%s\"}";
	char text[256];
	snprintf(text, sizeof(text), fmt, TV, TV "/7f3a:1");
	assert_true(passes(&h, &h.laptop, &h.phone, fx_frame("%s", text)));
	snprintf(text, sizeof(text), fmt, TV, ZONE "/tablet");
	assert_false(passes(&h, &h.laptop, &h.phone, fx_frame("%s", text)));
	hub_close(&h);
}

static void
its_own_link_goes_first(void **state)
{
	struct hub h;
	struct fake tv;

	(void)state;
	hub_open(&h);
	hang_behind(&h, TV, &h.laptop);
	fake_attach(&h.w, &tv, PZ_SESSION_DEVICE, TV);
	assert_true(passes(&h, &h.phone, &tv, fx_call(PHONE, TV)));
	assert_int_equal(h.laptop.out.len, 0);
	fake_detach(&h.w, &tv);
	assert_true(passes(&h, &h.phone, &h.laptop, fx_call(PHONE, TV)));
	hub_close(&h);
}

static void
nothing_goes_back_to_the_relay_it_came_from(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	hang_behind(&h, TV, &h.laptop);
	assert_ok(pz_router_frame(h.w.router, &h.laptop.session, fx_call(LAPTOP, TV)));
	json_t *message = fx_take(&h.laptop.out);
	json_t *error = json_object_get(json_object_get(message, "payload"), "error");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), PZ_RPC_UNREACHABLE);
	json_decref(message);
	hub_close(&h);
}

static void
a_relay_that_goes_takes_all_behind_it_along(void **state)
{
	struct hub h;
	char address[64];

	(void)state;
	hub_open(&h);
	for (int i = 0; i < 100; i++) {
		snprintf(address, sizeof(address), ZONE "/d%d", i);
		hang_behind(&h, address, i % 3 ? &h.laptop : &h.phone);
	}
	hang_behind(&h, ZONE "/d1", &h.phone); /* it has moved */
	pz_router_detach(h.w.router, &h.laptop.session);
	for (int i = 0; i < 100; i++) {
		snprintf(address, sizeof(address), ZONE "/d%d", i);
		assert_ptr_equal(behind(&h, address),
				 i % 3 == 0 || i == 1 ? &h.phone.session : NULL);
	}
	pz_router_detach(h.w.router, &h.phone.session);
	assert_null(behind(&h, ZONE "/d0"));
	hub_close(&h);
}

static void
no_device_hangs_in_our_place(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	assert_int_equal(pz_router_attach_behind(h.w.router, pz_slice_str(ZONE), &h.laptop.session),
			 PZ_ERR_EXISTS);
	assert_null(behind(&h, ZONE));
	hub_close(&h);
}

/* At a device the relay of another one is preferred to the hub. */
static void
at_a_device_it_goes_before_the_hub(void **state)
{
	struct world w;
	struct fake hub, phone;

	(void)state;
	fx_open(&w, LAPTOP, 0, 0);
	fake_attach(&w, &hub, PZ_SESSION_HUB, ZONE);
	fake_attach(&w, &phone, PZ_SESSION_DEVICE, PHONE);
	assert_ok(pz_router_attach_behind(w.router, pz_slice_str(TV), &phone.session));
	assert_ok(pz_router_send(w.router, fx_call(LAPTOP, TV)));
	assert_true(phone.out.len > 0);
	assert_int_equal(hub.out.len, 0);
	pz_router_detach_behind(w.router, pz_slice_str(TV));
	assert_ok(pz_router_send(w.router, fx_call(LAPTOP, TV)));
	assert_true(hub.out.len > 0);
	fake_detach(&w, &phone);
	fake_detach(&w, &hub);
	fx_close(&w);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_go_both_ways_by_the_relay),
		cmocka_unit_test(no_link_speaks_for_it_before_or_after),
		cmocka_unit_test(what_is_near_it_is_not_it),
		cmocka_unit_test(resp_to_may_be_it_too),
		cmocka_unit_test(its_own_link_goes_first),
		cmocka_unit_test(nothing_goes_back_to_the_relay_it_came_from),
		cmocka_unit_test(a_relay_that_goes_takes_all_behind_it_along),
		cmocka_unit_test(no_device_hangs_in_our_place),
		cmocka_unit_test(at_a_device_it_goes_before_the_hub),
	};

	pz_log_threshold = PZ_LOG_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
