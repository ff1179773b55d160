/* What a link does as time passes, and how links share a turn. */

#include "base/limits.h"
#include "net/link_world_fixture.h"

/* ---- time ---- */

static void
a_handshake_must_end_in_time(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_pair(&w, &hub, &laptop, w.laptop_ctx);
	pz_turn_end(&w.turn);
	assert_true(pz_kit_stream_deliver(&hub.stream)); /* its hello, and nothing after that */
	pz_turn_end(&w.turn);
	fx_advance(&w, PZ_HANDSHAKE_TIMEOUT_US - 1);
	assert_int_equal(hub.closed, 0);
	fx_advance(&w, 1);
	assert_int_equal(hub.closed, 1);
	assert_int_equal(hub.why, PZ_ERR_IO_TIMEOUT);
	fx_end_fini(&hub, &laptop);
}

static void
a_hello_must_come_at_once(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_pair(&w, &hub, &laptop, w.laptop_ctx);
	fx_advance(&w, PZ_HELLO_TIMEOUT_US - 1);
	assert_int_equal(hub.closed, 0);
	fx_advance(&w, 1);
	assert_int_equal(hub.closed, 1);
	assert_int_equal(hub.why, PZ_ERR_IO_TIMEOUT);
	assert_string_equal(hub.detail, "no whole ClientHello in time");
	assert_int_equal(laptop.closed, 0); /* who dials waits for the whole handshake */
	fx_end_fini(&hub, &laptop);
}

/* It may have come, and lie in the socket because others have their turn: but not for ever. */
static void
a_hello_that_we_did_not_read_has_more_time(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_pair(&w, &hub, &laptop, w.laptop_ctx);
	for (int i = 0; i < 4; i++) {
		w.turn.handshakes = w.turn.handshakes_max;
		assert_false(pz_link_wants_bytes(hub.link));
		w.turn.handshakes = 0;
		fx_advance(&w, PZ_HELLO_TIMEOUT_US);
		assert_int_equal(hub.closed, 0);
	}
	fx_advance(&w, PZ_HANDSHAKE_TIMEOUT_US - 4 * PZ_HELLO_TIMEOUT_US);
	assert_int_equal(hub.closed, 1);
	assert_string_equal(hub.detail, "the TLS handshake took too long");
	fx_end_fini(&hub, &laptop);
}

static void
a_secured_link_that_never_registers_is_closed_too(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_pair(&w, &hub, &laptop, w.laptop_ctx);
	fx_run(&hub, &laptop);
	assert_int_equal(hub.secured, 1);
	fx_advance(&w, PZ_HANDSHAKE_TIMEOUT_US / 2);
	for (int i = 0; i < 7; i++) { /* traffic does not move the deadline */
		fx_advance(&w, PZ_US_PER_S);
		fx_send(&laptop, 10, 1);
		fx_run(&hub, &laptop);
	}
	assert_int_equal(hub.closed, 0);
	fx_advance(&w, PZ_US_PER_S);
	assert_int_equal(hub.why, PZ_ERR_IO_TIMEOUT);
	fx_end_fini(&hub, &laptop);
}

/* ---- bytes that a relay may have made up ---- */

/* One record of the other end, given byte by byte, each of which is younger than the last.
 * @return how long the link lasted, at most ten minutes */
static uint64_t
trickle(struct fx_end *hub, struct pz_kit_far *far, uint64_t pause_us)
{
	uint64_t begin = w.clock.now_us, most = 600 * PZ_US_PER_S;

	while (!hub->closed && w.clock.now_us - begin < most) {
		struct pz_slice byte = pz_slice_of("\x17", 1);
		fx_advance(&w, pause_us);
		(void)pz_kit_far_read(far); /* keepAlives go out */
		if (hub->link) {
			byte.ptr = hub->link->unverified_us == 0 ? (const uint8_t *)"\x17"
								 : (const uint8_t *)"\x03";
			pz_link_on_bytes(hub->link, byte);
		}
		pz_turn_end(&w.turn);
	}
	return w.clock.now_us - begin;
}

static void
bytes_that_tls_cannot_verify_keep_no_carried_link(void **state)
{
	struct fx_end hub;
	struct pz_kit_far far;

	(void)state;
	fx_far_open(&w, &hub, &far, true);
	hub.stream.stream.is_carried = true;
	assert_true(trickle(&hub, &far, 5 * PZ_US_PER_S) <=
		    PZ_LIVENESS_UNVERIFIED_US + 2 * PZ_KEEPALIVE_SEND_US + 5 * PZ_US_PER_S);
	assert_int_equal(hub.why, PZ_ERR_IO_TIMEOUT);
	fx_end_fini(&hub, NULL);
	pz_kit_far_fini(&far);
}

static void
a_probe_is_not_answered_by_such_bytes_for_ever(void **state)
{
	struct fx_end hub;
	struct pz_kit_far far;

	(void)state;
	fx_far_open(&w, &hub, &far, true);
	hub.stream.stream.is_carried = true;
	pz_link_on_bytes(hub.link, pz_slice_of("\x17", 1));
	fx_advance(&w, PZ_LIVENESS_UNVERIFIED_US);
	pz_link_probe(hub.link, PZ_LIVENESS_PATIENCE_US);
	fx_far_run(&far, &hub);
	pz_link_on_bytes(hub.link, pz_slice_of("\x03", 1));
	assert_int_equal(hub.alive, 0);
	for (int i = 0; i < 4 * 5 && !hub.closed; i++)
		fx_advance(&w, PZ_LIVENESS_TICK_US);
	assert_int_equal(hub.closed, 1);
	assert_string_equal(hub.detail, "no sign of life");
	fx_end_fini(&hub, NULL);
	pz_kit_far_fini(&far);
}

static void
whole_records_keep_a_carried_link(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	hub.stream.stream.is_carried = true;
	for (int i = 0; i < 20; i++) {
		fx_advance(&w, PZ_KEEPALIVE_SEND_US);
		fx_send(&laptop, 10, 1);
		fx_send(&hub, 10, 1);
		fx_run(&hub, &laptop);
		assert_int_equal(hub.closed, 0);
	}
	pz_link_probe(hub.link, PZ_LIVENESS_PATIENCE_US);
	fx_send(&laptop, 10, 1);
	fx_run(&hub, &laptop);
	assert_int_equal(hub.alive, 1);
	fx_end_fini(&hub, &laptop);
}

/* Page 3: 30 s without progress closes an enrolment's link. */
static void
patience_is_renewed_by_frames(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_pair(&w, &hub, &laptop, w.laptop_ctx);
	fx_run(&hub, &laptop);
	pz_link_set_patience(hub.link, PZ_ENROL_IDLE_US);
	pz_link_set_patience(laptop.link, 100 * PZ_ENROL_IDLE_US);
	for (int i = 0; i < 5; i++) {
		fx_advance(&w, PZ_ENROL_IDLE_US - 1);
		assert_int_equal(hub.closed, 0);
		fx_send(&laptop, 10, 1);
		fx_run(&hub, &laptop);
	}
	fx_advance(&w, PZ_ENROL_IDLE_US - 1);
	assert_int_equal(hub.closed, 0);
	fx_advance(&w, 1);
	assert_int_equal(hub.closed, 1);
	assert_int_equal(hub.why, PZ_ERR_IO_TIMEOUT);
	assert_string_equal(hub.detail, "no progress");
	fx_end_fini(&hub, &laptop);
}

/* Page 5: keepAlive after 30 s without traffic, dead after 60 s without any. */
static void
silence_is_filled_and_ends_the_link(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	fx_advance(&w, PZ_KEEPALIVE_SEND_US - 1);
	assert_int_equal(hub.keepalives, 0);
	fx_advance(&w, 1);
	assert_int_equal(hub.keepalives, 1); /* this test's owner sends nothing then */
	fx_advance(&w, PZ_KEEPALIVE_SEND_US - 1);
	assert_int_equal(hub.keepalives, 1);
	assert_int_equal(hub.closed, 0);
	fx_advance(&w, 1);
	assert_int_equal(hub.closed, 1);
	assert_int_equal(hub.why, PZ_ERR_IO_TIMEOUT);
	fx_end_fini(&hub, &laptop);
}

static void
traffic_keeps_it_alive(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	for (int i = 0; i < 20; i++) { /* the laptop talks, the hub only listens */
		fx_advance(&w, PZ_KEEPALIVE_SEND_US - PZ_US_PER_S);
		fx_send(&laptop, 10, 1);
		fx_run(&hub, &laptop);
		if (i % 2 == 1) { /* as a hub's owner would at a keepalive */
			fx_send(&hub, 10, 1);
			fx_run(&hub, &laptop);
		}
	}
	assert_int_equal(hub.closed + laptop.closed, 0);
	assert_int_equal(laptop.keepalives, 0); /* it always had something to say */
	assert_true(hub.keepalives > 5);
	fx_end_fini(&hub, &laptop);
}

/* A peer that we do not read from is not silent: its bytes wait for us. */
static void
we_do_not_take_our_own_deafness_for_silence(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	hub.link->session.blocked = 1;
	hub.link->session.ops->set_reading(&hub.link->session, false);
	assert_false(hub.stream.is_reading);
	for (int i = 0; i < 59; i++)
		fx_advance(&w, 5 * PZ_US_PER_S + PZ_US_PER_S / 5);
	assert_int_equal(hub.closed, 0);
	hub.link->session.blocked = 0;
	hub.link->session.ops->set_reading(&hub.link->session, true);
	assert_true(hub.stream.is_reading);
	fx_advance(&w, PZ_KEEPALIVE_DEAD_US - 1); /* from now on he has his time */
	assert_int_equal(hub.closed, 0);
	fx_advance(&w, 1);
	assert_int_equal(hub.closed, 1);
	fx_end_fini(&hub, &laptop);
}

/* Others are served while a link rests, and nothing of what it has sent is lost. */
static void
a_link_whose_frames_cost_much_rests(void **state)
{
	struct fx_end hub, laptop;
	const uint64_t rest_us = 10 * PZ_US_PER_MS;

	(void)state;
	fx_established(&w, &hub, &laptop);
	hub.rest_us = rest_us;
	for (unsigned i = 0; i < 3; i++)
		fx_send(&laptop, 5000, i); /* all of them come in one read */
	fx_run(&hub, &laptop);
	assert_int_equal(hub.frame_count, 1);
	fx_send(&laptop, 9, 3);
	fx_run(&hub, &laptop);
	assert_false(hub.stream.is_reading);
	hub.link->session.ops->set_reading(&hub.link->session,
					   true); /* its router lets it continue */
	assert_false(hub.stream.is_reading);
	for (unsigned i = 1; i <= 3; i++) {
		fx_advance(&w, rest_us - 1);
		fx_run(&hub, &laptop);
		assert_int_equal(hub.frame_count, i);
		fx_advance(&w, 1);
		fx_run(&hub, &laptop);
		assert_int_equal(hub.frame_count, i + 1);
	}
	for (unsigned i = 0; i < 3; i++)
		fx_expect(&hub.frames, 5000, i);
	fx_expect(&hub.frames, 9, 3);
	fx_end_fini(&hub, &laptop);
}

static void
a_link_at_rest_waits_for_its_router_and_may_end(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	hub.rest_us = PZ_WORK_REST_MAX_US;
	fx_send(&laptop, 9, 1);
	fx_run(&hub, &laptop);
	hub.link->session.blocked = 1;
	fx_advance(&w, PZ_WORK_REST_MAX_US);
	assert_false(hub.stream.is_reading);
	hub.link->session.blocked = 0;
	hub.link->session.ops->set_reading(&hub.link->session, true);
	assert_true(hub.stream.is_reading);
	fx_send(&laptop, 9, 2);
	fx_send(&laptop, 9, 3);
	fx_run(&hub, &laptop);
	pz_link_close(hub.link, PZ_ERR_DENIED, "while it rests");
	fx_advance(&w, PZ_WORK_REST_MAX_US);
	assert_int_equal(hub.closed, 1);
	assert_int_equal(hub.frame_count, 2);
	fx_end_fini(&hub, &laptop);
}

static void
the_interval_can_be_set(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	w.host.keepalive_us = 3 * PZ_US_PER_S;
	fx_established(&w, &hub, &laptop);
	fx_advance(&w, 3 * PZ_US_PER_S);
	assert_int_equal(hub.keepalives, 1);
	fx_advance(&w, 3 * PZ_US_PER_S);
	assert_int_equal(hub.closed, 1);
	fx_end_fini(&hub, &laptop);
}

static void
an_idle_link_gives_its_buffers_back_and_still_works(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	fx_send(&hub, 1000, 1);
	fx_run(&hub, &laptop);
	assert_false(hub.link->idle);
	fx_advance(&w, PZ_LINK_IDLE_US);
	assert_true(hub.link->idle);
	assert_true(laptop.link->idle);
	assert_null(hub.link->tx.mem);
	assert_null(hub.link->rx.mem);
	assert_null(hub.link->cipher.mem);
	fx_send(&laptop, 1000, 2);
	fx_run(&hub, &laptop);
	assert_false(hub.link->idle);
	fx_expect(&hub.frames, 1000, 2);
	/* Traffic does not touch the timer: the next one that was set anyway looks again. */
	fx_advance(&w, PZ_KEEPALIVE_SEND_US);
	fx_advance(&w, PZ_LINK_IDLE_US);
	assert_true(hub.link->idle);
	fx_end_fini(&hub, &laptop);
}

/* ---- many at once ---- */

/* Page 13: no more than so many handshakes are worked on before others are served. */
static void
handshakes_share_a_turn(void **state)
{
	enum { PAIRS = 20, MAX = 3 };
	static struct fx_end hubs[PAIRS], laptops[PAIRS];
	unsigned turns = 0, secured = 0;

	(void)state;
	w.turn.handshakes_max = MAX;
	for (int i = 0; i < PAIRS; i++)
		fx_pair(&w, &hubs[i], &laptops[i], w.laptop_ctx);
	/* Idle connections cost no share: a link that sends is served in this very turn. */
	assert_int_equal(w.turn.handshakes, 0);
	assert_true(pz_link_wants_bytes(hubs[0].link));
	while (secured < PAIRS) {
		unsigned moved = 0;
		for (int i = 0; i < PAIRS; i++) {
			moved += pz_kit_stream_deliver(&hubs[i].stream);
			moved += pz_kit_stream_deliver(&laptops[i].stream);
		}
		assert_in_range(moved, 1, MAX);
		pz_turn_end(&w.turn);
		assert_true(++turns < 10 * PAIRS);
		secured = 0;
		for (int i = 0; i < PAIRS; i++)
			secured += hubs[i].secured && laptops[i].secured;
	}
	/* Secured links are not held up by others' handshakes. */
	w.turn.handshakes = MAX;
	assert_true(pz_link_wants_bytes(hubs[0].link));
	for (int i = 0; i < PAIRS; i++) {
		fx_end_fini(&hubs[i], &laptops[i]);
	}
}

static void
a_link_closed_by_another_ones_end(void **state)
{
	struct fx_end hub, laptop, hub2, phone;

	(void)state;
	fx_established(&w, &hub, &laptop);
	fx_established(&w, &hub2, &phone);
	fx_send(&hub, 10, 1);
	fx_send(&hub2, 10, 1);
	fx_close(&hub2);
	fx_close(&hub);
	pz_turn_end(&w.turn); /* two marked in one turn */
	assert_int_equal(hub.closed + hub2.closed, 2);
	fx_run(&hub, &laptop);
	fx_run(&hub2, &phone);
	fx_expect(&laptop.frames, 10, 1);
	fx_expect(&phone.frames, 10, 1);
	fx_end_fini(&hub, &laptop);
	fx_end_fini(&hub2, &phone);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		LINK_TEST(a_handshake_must_end_in_time),
		LINK_TEST(a_hello_must_come_at_once),
		LINK_TEST(a_hello_that_we_did_not_read_has_more_time),
		LINK_TEST(a_secured_link_that_never_registers_is_closed_too),
		LINK_TEST(bytes_that_tls_cannot_verify_keep_no_carried_link),
		LINK_TEST(a_probe_is_not_answered_by_such_bytes_for_ever),
		LINK_TEST(whole_records_keep_a_carried_link),
		LINK_TEST(patience_is_renewed_by_frames),
		LINK_TEST(silence_is_filled_and_ends_the_link),
		LINK_TEST(traffic_keeps_it_alive),
		LINK_TEST(we_do_not_take_our_own_deafness_for_silence),
		LINK_TEST(a_link_whose_frames_cost_much_rests),
		LINK_TEST(a_link_at_rest_waits_for_its_router_and_may_end),
		LINK_TEST(the_interval_can_be_set),
		LINK_TEST(an_idle_link_gives_its_buffers_back_and_still_works),
		LINK_TEST(handshakes_share_a_turn),
		LINK_TEST(a_link_closed_by_another_ones_end),
	};

	pz_log_threshold = PZ_LOG_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
