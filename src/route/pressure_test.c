/* Page 4 "Pressure": which senders wait when a queue is full, and for how long. */
#include "route/fixture.h"
#include "route/pressure.h"

#define HIGH 4096
#define LOW 1024

/* A hub whose marks are small, with one receiver and two senders. */
struct hub {
	struct world w;
	struct fake tv, laptop, phone;
};

static void
hub_open(struct hub *h)
{
	fx_open(&h->w, ZONE, HIGH, LOW);
	fake_attach(&h->w, &h->tv, PZ_SESSION_DEVICE, TV);
	fake_attach(&h->w, &h->laptop, PZ_SESSION_DEVICE, LAPTOP);
	fake_attach(&h->w, &h->phone, PZ_SESSION_DEVICE, PHONE);
}

static void
hub_close(struct hub *h)
{
	fake_detach(&h->w, &h->tv);
	fake_detach(&h->w, &h->laptop);
	fake_detach(&h->w, &h->phone);
	fx_close(&h->w);
}

static void
send(struct hub *h, struct fake *from, const char *to)
{
	assert_ok(pz_router_frame(h->w.router, &from->session, fx_call(from->address, to)));
}

/* Until the queue is over its mark. */
static void
fill(struct hub *h, struct fake *from, struct fake *to)
{
	while (to->session.queued <= HIGH)
		send(h, from, to->address);
}

static void
the_feeder_stops_at_the_high_mark(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	while (h.tv.session.queued + fx_call(LAPTOP, TV).len <= HIGH)
		send(&h, &h.laptop, TV);
	assert_true(h.laptop.reading); /* at the mark is not over it */
	send(&h, &h.laptop, TV);
	assert_false(h.laptop.reading);
	assert_true(h.phone.reading);
	assert_true(h.tv.reading); /* a full queue is no reason not to listen */

	/* What the feeder had read before is still taken, and is counted once. */
	send(&h, &h.laptop, TV);
	assert_int_equal(h.laptop.session.blocked, 1);
	send(&h, &h.phone, TV);
	assert_false(h.phone.reading);
	hub_close(&h);
}

static void
everybody_goes_on_at_the_low_mark(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	fill(&h, &h.laptop, &h.tv);
	send(&h, &h.phone, TV);
	fake_drain(&h.w, &h.tv, h.tv.session.queued - LOW - 1);
	assert_false(h.laptop.reading);
	fake_drain(&h.w, &h.tv, 1);
	assert_true(h.laptop.reading);
	assert_true(h.phone.reading);
	assert_int_equal(h.laptop.session.blocked, 0);
	assert_null(h.tv.session.pressure);
	pz_kit_clock_jump(&h.w.clock, 2 * PZ_SLOW_CONSUMER_US);
	assert_int_equal(h.tv.closes, 0);

	fill(&h, &h.laptop, &h.tv); /* and again */
	assert_false(h.laptop.reading);
	hub_close(&h);
}

static void
who_feeds_two_waits_for_both(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	fill(&h, &h.laptop, &h.tv);
	fill(&h, &h.laptop, &h.phone);
	assert_int_equal(h.laptop.session.blocked, 2);
	fake_drain(&h.w, &h.tv, h.tv.session.queued);
	assert_false(h.laptop.reading);
	fake_drain(&h.w, &h.phone, h.phone.session.queued);
	assert_true(h.laptop.reading);
	hub_close(&h);
}

static void
a_slow_consumer_is_closed_after_ten_seconds(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	fill(&h, &h.laptop, &h.tv);
	pz_kit_clock_jump(&h.w.clock, PZ_SLOW_CONSUMER_US - 1);
	assert_int_equal(h.tv.closes, 0);
	pz_kit_clock_jump(&h.w.clock, 1);
	assert_int_equal(h.tv.closes, 1);
	assert_int_equal(h.tv.close_why, PZ_ERR_LIMIT_QUEUE);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_slow_consumers), 1);
	assert_int_equal(h.laptop.closes, 0);
	/* Its owner detaches it: the feeder continues. */
	assert_false(h.laptop.reading);
	pz_router_detach(h.w.router, &h.tv.session);
	assert_true(h.laptop.reading);
	pz_kit_clock_jump(&h.w.clock, 10 * PZ_SLOW_CONSUMER_US);
	assert_int_equal(h.tv.closes, 1);
	hub_close(&h);
}

static void
progress_saves_it(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	fill(&h, &h.laptop, &h.tv);
	for (int i = 0; i < 20; i++) {
		pz_kit_clock_jump(&h.w.clock, PZ_SLOW_CONSUMER_US / 2);
		fake_drain(&h.w, &h.tv, 1);
		send(&h, &h.laptop, TV);
	}
	assert_int_equal(h.tv.closes, 0);
	assert_false(h.laptop.reading);
	pz_kit_clock_jump(&h.w.clock,
			  PZ_SLOW_CONSUMER_US); /* the window that saw the last byte go */
	pz_kit_clock_jump(&h.w.clock, PZ_SLOW_CONSUMER_US);
	assert_int_equal(h.tv.closes, 1);
	hub_close(&h);
}

static void
our_own_frames_count_too(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	while (h.tv.session.queued <= HIGH)
		assert_ok(pz_router_send(h.w.router, fx_call(ZONE, TV)));
	assert_non_null(h.tv.session.pressure);
	pz_kit_clock_jump(&h.w.clock, PZ_SLOW_CONSUMER_US);
	assert_int_equal(h.tv.closes, 1);
	hub_close(&h);
}

static void
the_consumer_goes_away(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	fill(&h, &h.laptop, &h.tv);
	fill(&h, &h.laptop, &h.phone);
	pz_router_detach(h.w.router, &h.tv.session);
	assert_int_equal(h.laptop.session.blocked, 1);
	pz_router_detach(h.w.router, &h.phone.session);
	assert_true(h.laptop.reading);
	hub_close(&h);
}

static void
the_feeder_goes_away(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	fill(&h, &h.laptop, &h.tv);
	send(&h, &h.phone, TV);
	fill(&h, &h.laptop, &h.phone);
	pz_router_detach(h.w.router, &h.laptop.session);
	assert_int_equal(h.laptop.session.blocked, 0);
	assert_true(h.laptop.reading); /* it may be attached again */
	assert_false(h.phone.reading);
	h.laptop.reading = false; /* a use after this would be found */
	fake_drain(&h.w, &h.tv, h.tv.session.queued);
	fake_drain(&h.w, &h.phone, h.phone.session.queued);
	assert_true(h.phone.reading);
	assert_false(h.laptop.reading);
	assert_int_equal(h.laptop.session.blocked, 0);
	hub_close(&h);
}

static void
both_ends_feed_each_other(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	fill(&h, &h.laptop, &h.phone);
	fill(&h, &h.phone, &h.laptop);
	assert_false(h.laptop.reading);
	assert_false(h.phone.reading);
	pz_router_detach(h.w.router, &h.laptop.session);
	assert_true(h.phone.reading);
	assert_non_null(h.phone.session.pressure);
	hub_close(&h);
}

/* Refusals fill the queue of the one who causes them, so it is he who waits. */
static void
who_is_only_refused_waits_too(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	while (h.laptop.session.queued <= HIGH)
		send(&h, &h.laptop, ZONE "/nobody");
	assert_false(h.laptop.reading);
	fake_drain(&h.w, &h.laptop, h.laptop.session.queued);
	assert_true(h.laptop.reading);

	while (h.laptop.session.queued <= HIGH)
		send(&h, &h.laptop, ZONE "/nobody");
	pz_router_detach(h.w.router, &h.laptop.session);
	assert_true(h.laptop.reading);
	assert_int_equal(h.laptop.session.blocked, 0);
	hub_close(&h);
}

static void
many_feeders(void **state)
{
	struct hub h;
	enum { MANY = 300 };
	static struct fake many[MANY];

	(void)state;
	hub_open(&h);
	fill(&h, &h.laptop, &h.tv);
	for (int i = 0; i < MANY; i++) {
		char address[64];
		snprintf(address, sizeof(address), ZONE "/d%d", i);
		fake_attach(&h.w, &many[i], PZ_SESSION_DEVICE, address);
		send(&h, &many[i], TV);
		send(&h, &many[i], TV);
		assert_false(many[i].reading);
	}
	for (int i = 0; i < MANY; i += 2)
		fake_detach(&h.w, &many[i]);
	fake_drain(&h.w, &h.tv, h.tv.session.queued);
	for (int i = 1; i < MANY; i += 2) {
		assert_true(many[i].reading);
		fake_detach(&h.w, &many[i]);
	}
	hub_close(&h);
}

static void
the_defaults_are_those_of_page_4(void **state)
{
	struct pz_pressure_rule rule;
	struct pz_env env = {0};

	(void)state;
	pz_pressure_init(&rule, &env, NULL, 0, 0);
	assert_int_equal(rule.high_bytes, 4U << 20);
	assert_int_equal(rule.low_bytes, 1U << 20);
	assert_int_equal(PZ_SLOW_CONSUMER_US, 10 * PZ_US_PER_S);
	pz_pressure_init(&rule, &env, NULL, 100, 200);
	assert_int_equal(rule.low_bytes, 100); /* never over the high mark */
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_feeder_stops_at_the_high_mark),
		cmocka_unit_test(everybody_goes_on_at_the_low_mark),
		cmocka_unit_test(who_feeds_two_waits_for_both),
		cmocka_unit_test(a_slow_consumer_is_closed_after_ten_seconds),
		cmocka_unit_test(progress_saves_it),
		cmocka_unit_test(our_own_frames_count_too),
		cmocka_unit_test(the_consumer_goes_away),
		cmocka_unit_test(the_feeder_goes_away),
		cmocka_unit_test(both_ends_feed_each_other),
		cmocka_unit_test(who_is_only_refused_waits_too),
		cmocka_unit_test(many_feeders),
		cmocka_unit_test(the_defaults_are_those_of_page_4),
	};

	pz_log_threshold = PZ_LOG_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
