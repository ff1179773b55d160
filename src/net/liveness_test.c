/* When the other end of a link is considered dead. */

#include "base/limits.h"
#include "net/link_fixture.h"

#define S PZ_US_PER_S

static struct fx_world w;
static struct fx_end hub, laptop;

static int
set_up(void **state)
{
	(void)state;
	fx_open(&w);
	fx_established(&w, &hub, &laptop);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fx_end_fini(&hub, &laptop);
	fx_shut(&w);
	return 0;
}

/* Time passes in steps, as it does for timers. */
static void
pass(uint64_t us)
{
	for (; us > 0; us -= us < S / 4 ? us : S / 4)
		fx_advance(&w, us < S / 4 ? us : S / 4);
}

/* The laptop's bytes arrive at the hub, its answer does not. */
static void
arrive(void)
{
	while (pz_kit_stream_deliver(&hub.stream))
		pz_turn_end(&w.turn);
}

static void
a_silent_end_is_probed_and_given_up(void **state)
{
	(void)state;
	fx_send(&laptop, 10, 1);
	pz_link_watch(laptop.link);
	pz_link_watch(laptop.link); /* once is enough */
	arrive();
	pass(PZ_LIVENESS_WATCH_US - 1);
	assert_int_equal(laptop.probes, 0);
	pass(1);
	assert_int_equal(laptop.probes, 1);
	arrive();
	pass(PZ_LIVENESS_PATIENCE_US - 1);
	assert_int_equal(laptop.closed, 0);
	pass(PZ_LIVENESS_TICK_US + 1);
	assert_int_equal(laptop.closed, 1);
	assert_int_equal(laptop.why, PZ_ERR_IO_TIMEOUT);
	assert_string_equal(laptop.detail, "no sign of life");
	assert_int_equal(laptop.probes, 1);
}

static void
a_sign_of_life_ends_the_probe(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		fx_send(&laptop, 10, 1);
		pz_link_watch(laptop.link);
		arrive();
		pass(PZ_LIVENESS_WATCH_US + 1 * S);
		assert_int_equal(laptop.probes, i + 1);
		assert_int_equal(laptop.alive, i);
		fx_send(&hub, 10, 1);
		fx_run(&hub, &laptop);
		assert_int_equal(laptop.alive, i + 1);
		pass(10 * S);
	}
	assert_int_equal(laptop.closed, 0);
	assert_int_equal(laptop.probes, 3);
}

static void
an_answer_in_time_needs_no_probe(void **state)
{
	(void)state;
	fx_send(&laptop, 10, 1);
	pz_link_watch(laptop.link);
	pass(PZ_LIVENESS_WATCH_US / 2);
	fx_send(&hub, 10, 1);
	fx_run(&hub, &laptop);
	pass(20 * S);
	assert_int_equal(laptop.probes + laptop.alive + laptop.closed, 0);
}

/* 120 kB at 64 kbit/s: the probe stands behind them. */
static void
a_link_that_moves_bytes_is_alive(void **state)
{
	(void)state;
	hub.stream.window = 32000;
	fx_send(&laptop, 120000, 1);
	pz_link_watch(laptop.link);
	pz_turn_end(&w.turn);
	for (int i = 0; hub.stream.in.len > 0; i++) {
		assert_true(i < 20);
		hub.stream.piece = 8000;
		assert_true(pz_kit_stream_deliver(&hub.stream));
		(void)pz_kit_stream_resume(&laptop.stream);
		/* Once it stands still, as after the loss of a packet that was sent again. */
		pass(i == 5 ? PZ_LIVENESS_STALLED_US - 1 * S : 1 * S);
		assert_int_equal(laptop.closed, 0);
	}
	assert_int_equal(laptop.probes, 1);
	/* All of it has arrived, and nothing comes back. */
	pass(PZ_LIVENESS_PATIENCE_US + PZ_LIVENESS_TICK_US);
	assert_int_equal(laptop.closed, 1);
}

static void
one_that_moves_nothing_is_not(void **state)
{
	(void)state;
	fx_send(&laptop, 120000, 1);
	pz_link_watch(laptop.link);
	pass(PZ_LIVENESS_WATCH_US + PZ_LIVENESS_PATIENCE_US - 1);
	assert_int_equal(laptop.closed, 0);
	pass(PZ_LIVENESS_TICK_US + 1);
	assert_int_equal(laptop.closed, 1);
}

/* Its system acknowledges what its process never reads: that does not help a process that hangs. */
static void
what_is_sent_after_the_probe_buys_no_time(void **state)
{
	(void)state;
	fx_send(&laptop, 10, 1);
	pz_link_watch(laptop.link);
	for (unsigned i = 0; laptop.link; i++) {
		assert_true(i < (PZ_LIVENESS_WATCH_US + PZ_LIVENESS_PATIENCE_US) / (S / 4) + 4);
		arrive();
		fx_advance(&w, S / 4);
		if (laptop.link)
			fx_send(&laptop, 10, 1);
	}
	assert_string_equal(laptop.detail, "no sign of life");
}

static void
a_shorter_patience_counts(void **state)
{
	(void)state;
	pz_link_probe(laptop.link, 3 * S);
	pz_link_probe(laptop.link, 9 * S);
	pass(3 * S);
	assert_int_equal(laptop.closed, 1);
	assert_int_equal(laptop.probes, 1);
}

/* What TCP measures, or what the handshake took behind a proxy. */
static void
patience_grows_with_the_round_trip(void **state)
{
	(void)state;
	assert_true(pz_link_round_trip_us(laptop.link) == 0);
	laptop.stream.round_trip_us = 4 * S;
	assert_true(pz_link_round_trip_us(laptop.link) == 4 * S);
	pz_link_probe(laptop.link, 3 * S);
	pass(12 * S - 1);
	assert_int_equal(laptop.closed, 0);
	pass(1 + PZ_LIVENESS_TICK_US);
	assert_int_equal(laptop.closed, 1);
	/* Not for ever: a peer that delays its answers is closed, too. */
	laptop.stream.round_trip_us = 0;
	hub.stream.round_trip_us = 3600 * S;
	pz_link_probe(hub.link, 3 * S);
	pass(3 * PZ_LIVENESS_ROUND_TRIP_MAX_US + PZ_LIVENESS_TICK_US);
	assert_int_equal(hub.closed, 1);
}

static void
a_slow_handshake_is_a_long_round_trip(void **state)
{
	struct fx_end far_hub, far_laptop;

	(void)state;
	fx_pair(&w, &far_hub, &far_laptop, w.laptop_ctx);
	far_hub.establish_in_secured = far_laptop.establish_in_secured = true;
	for (int i = 0; i < 8 && !(far_hub.secured && far_laptop.secured); i++) {
		pz_turn_end(&w.turn);
		fx_advance(&w, 2 * S);
		(void)pz_kit_stream_deliver(i % 2 ? &far_laptop.stream : &far_hub.stream);
	}
	assert_true(far_hub.secured && far_laptop.secured);
	pz_link_probe(far_laptop.link, 3 * S);
	pz_link_probe(far_hub.link, 3 * S);
	pass(11 * S);
	assert_int_equal(far_laptop.closed + far_hub.closed, 0);
	pass(2 * S);
	assert_int_equal(far_laptop.closed, 1);
	assert_int_equal(far_hub.closed, 1);
	fx_end_fini(&far_hub, &far_laptop);
}

/* Page 4 "Pressure": who does not read says that it lives, and is not impatient itself. */
static void
reading_that_is_stopped_closes_no_link(void **state)
{
	(void)state;
	hub.link->session.blocked = 1;
	hub.link->session.ops->set_reading(&hub.link->session, false);
	pz_link_probe(hub.link, 3 * S);
	fx_send(&laptop, 10, 1);
	pz_link_watch(laptop.link);
	for (int i = 0; i < 30; i++) {
		int before = hub.keepalives;
		pass(1 * S);
		if (hub.keepalives > before)
			fx_send(&hub, 10, 1);
		pz_turn_end(&w.turn);
		(void)pz_kit_stream_deliver(&laptop.stream);
	}
	assert_int_equal(laptop.closed + hub.closed, 0);
	assert_true(hub.keepalives >= 15);
	hub.link->session.blocked = 0;
	hub.link->session.ops->set_reading(&hub.link->session, true);
	hub.keepalives = 0;
	fx_run(&hub, &laptop);
	pass(10 * S);
	assert_int_equal(hub.keepalives, 0);
}

/* A cable that was pulled is noticed by the sender, though no answer is expected. */
static void
what_does_not_arrive_ends_the_link(void **state)
{
	(void)state;
	pass(PZ_LINK_IDLE_US); /* it is idle, with its timer far away */
	fx_send(&hub, 10, 1);
	pz_turn_end(&w.turn);
	pass(PZ_LIVENESS_STALLED_US);
	assert_int_equal(hub.closed, 0);
	pass(PZ_LINK_IDLE_US + PZ_LIVENESS_WATCH_US);
	assert_int_equal(hub.closed, 1);
	assert_string_equal(hub.detail, "what is sent does not arrive");
}

/* Long silence, and then something is sent right before the link is looked at. */
static void
what_was_sent_just_now_is_no_stall(void **state)
{
	(void)state;
	fx_send(&hub, 10, 1);
	fx_run(&hub, &laptop);
	pass(PZ_KEEPALIVE_SEND_US - 1);
	fx_send(&hub, 10, 1);
	pz_turn_end(&w.turn);
	pass(PZ_LINK_IDLE_US);
	fx_run(&hub, &laptop);
	pass(PZ_LINK_IDLE_US);
	assert_int_equal(hub.closed, 0);
}

static void
an_end_without_room_is_waited_for(void **state)
{
	(void)state;
	laptop.stream.is_reading =
		false; /* its window is closed: its system answers all the same */
	fx_send(&hub, 10, 1);
	pz_turn_end(&w.turn);
	pass(PZ_KEEPALIVE_DEAD_US - 1 * S);
	assert_int_equal(hub.closed, 0);
	laptop.stream.is_reading = true;
}

#define LINK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		LINK_TEST(a_silent_end_is_probed_and_given_up),
		LINK_TEST(a_sign_of_life_ends_the_probe),
		LINK_TEST(an_answer_in_time_needs_no_probe),
		LINK_TEST(a_link_that_moves_bytes_is_alive),
		LINK_TEST(one_that_moves_nothing_is_not),
		LINK_TEST(what_is_sent_after_the_probe_buys_no_time),
		LINK_TEST(a_shorter_patience_counts),
		LINK_TEST(patience_grows_with_the_round_trip),
		LINK_TEST(a_slow_handshake_is_a_long_round_trip),
		LINK_TEST(reading_that_is_stopped_closes_no_link),
		LINK_TEST(what_does_not_arrive_ends_the_link),
		LINK_TEST(what_was_sent_just_now_is_no_stall),
		LINK_TEST(an_end_without_room_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
