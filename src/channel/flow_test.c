/* The flow of bytes: windows, credit, the growth of both, and turns. */
#include "channel/fixture.h"

/* No more than the window goes out before there is credit, and credit comes at half of it less a
 * frame. */
static void
test_window(void **state)
{
	struct world w;
	struct user ua, ub;
	static uint8_t bytes[PZ_CHANNEL_WINDOW_BYTES * 2];
	size_t sent = 0, taken = 1;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	ub.is_lazy = true;
	pattern(bytes, sizeof(bytes), 0);
	while (taken > 0) {
		assert_int_equal(pz_channel_send(ua.channel,
						 pz_slice_of(bytes + sent, sizeof(bytes) - sent),
						 &taken),
				 PZ_OK);
		sent += taken;
		world_settle(&w);
	}
	assert_int_equal(sent, PZ_CHANNEL_WINDOW_BYTES);
	assert_int_equal(ub.in.len, sent);
	unsigned before = ua.writables;
	pz_channel_consumed(ub.channel, PZ_CHANNEL_WINDOW_BYTES / 2 - PZ_DATA_BYTES_MAX - 1);
	world_settle(&w);
	assert_int_equal(ua.credits, 0);
	assert_int_equal(ua.writables, before);
	pz_channel_consumed(ub.channel, 1);
	world_settle(&w);
	assert_int_equal(ua.credits, PZ_CHANNEL_WINDOW_BYTES / 2 - PZ_DATA_BYTES_MAX);
	assert_int_equal(ua.writables, before + 1);
	world_send(&w, &ua, 1);
	assert_int_equal(ub.in.len, sent + 1);
	assert_int_equal(w.b.broken, PZ_OK);
	pz_buf_fini(&ub.in);
	world_fini(&w);
}

/* A queue of ours holds little, so that what waits can still be overtaken. */
static void
test_queue_is_short(void **state)
{
	struct world w;
	struct user ua, ub;
	static uint8_t bytes[PZ_CHANNEL_WINDOW_BYTES];
	size_t taken;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	assert_int_equal(pz_channel_send(ua.channel, pz_slice_of(bytes, sizeof(bytes)), &taken),
			 PZ_OK);
	assert_true(taken >= PZ_CHANNEL_UNSENT_BYTES / 2 && taken <= PZ_CHANNEL_UNSENT_BYTES);
	assert_true(pz_channel_queued(ua.channel) >= taken);
	assert_int_equal(pz_channel_taken(ua.channel), taken);
	assert_int_equal(ua.writables, 0);
	end_flush(&w.a);
	assert_int_equal(pz_channel_queued(ua.channel), 0);
	assert_int_equal(ua.writables, 1);
	world_fini(&w);
}

/* Small pieces fill frames, so that their headers cost no more memory than the window. */
static void
test_small_pieces(void **state)
{
	struct world w;
	struct user ua, ub;
	uint8_t bytes[40000];
	size_t taken;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	pattern(bytes, sizeof(bytes), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(pz_channel_send(ua.channel, pz_slice_of(bytes + i, 1), &taken),
				 PZ_OK);
	assert_int_equal(pz_channel_queued(ua.channel), sizeof(bytes) + 3 * PZ_DATA_HEADER_BYTES);
	world_settle(&w);
	assert_int_equal(w.a.data_frames, 3);
	assert_received(&ub, sizeof(bytes));
	pz_buf_fini(&ub.in);
	world_fini(&w);
}

#define ROUND_TRIP_US (100 * PZ_US_PER_MS)

/* Carries by round trips: what is sent has all arrived, and then the credit for it. A way that
 * takes `pipe` bytes in a round trip needs longer for more. */
static void
carry_by_round_trips(struct world *w, struct user *u, size_t len, size_t pipe,
		     uint64_t round_trip_us)
{
	uint8_t *bytes = malloc(len);
	size_t done = 0, taken = 0;

	assert_non_null(bytes);
	pattern(bytes, len, 0);
	world_pass(w, round_trip_us / 2); /* that it is open has gone there, too */
	while (done < len) {
		size_t before = done;
		do {
			assert_int_equal(pz_channel_send(u->channel,
							 pz_slice_of(bytes + done, len - done),
							 &taken),
					 PZ_OK);
			done += taken;
		} while (end_flush(&w->a));
		size_t more = done - before > pipe ? done - before - pipe : 0;
		world_pass(w, round_trip_us / 2);
		end_carry(&w->a);
		world_pass(w, more * round_trip_us / pipe);
		end_carry_all(&w->a);
		world_pass(w, round_trip_us / 2);
		end_carry_all(&w->b);
	}
	free(bytes);
}

static void
long_way(struct world *w, struct user *u, size_t len, size_t pipe)
{
	carry_by_round_trips(w, u, len, pipe, ROUND_TRIP_US);
}

/* It grows to twice what the way takes while nothing waits on it, in powers of two, and no
 * further. */
static void
test_window_grows_on_a_long_way(void **state)
{
	static const struct {
		size_t pipe, window;
	} cases[] = {
		{64U << 20, PZ_CHANNEL_WINDOW_BYTES_MAX},
		{800U << 10, 2U << 20},
		{400U << 10, 1U << 20},
		{100U << 10, PZ_CHANNEL_WINDOW_BYTES},
	};
	size_t len = 40U << 20;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		struct user ua, ub;
		world_init(&w);
		world_open(&w, &ua, &ub);
		long_way(&w, &ua, len, cases[i].pipe);
		world_settle(&w);
		assert_received(&ub, len);
		/* all windows that were ever given, less what was sent, is the window now; less
		 * than half of it may not be credited yet */
		size_t window = PZ_CHANNEL_WINDOW_BYTES + ua.credits - len;
		assert_true(window > cases[i].window / 2);
		assert_true(window <= cases[i].window);
		pz_buf_fini(&ub.in);
		world_fini(&w);
	}
}

static void
test_window_stays_on_a_short_way(void **state)
{
	struct world w;
	struct user ua, ub;
	size_t len = 8U << 20;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	world_send(&w, &ua, len);
	assert_received(&ub, len);
	assert_true(PZ_CHANNEL_WINDOW_BYTES + ua.credits - len <= PZ_CHANNEL_WINDOW_BYTES);
	pz_buf_fini(&ub.in);
	world_fini(&w);
}

/* How much may come without further credit. */
static size_t
window_left(const struct user *ua, size_t sent)
{
	return PZ_CHANNEL_WINDOW_BYTES + ua->credits - sent;
}

/* Credit is held back while messages come, and given when none has come for some time: nothing of
 * it is lost, and the other end never stands still. One frame at least may always be sent. */
static void
test_window_counts_for_less_beside_messages(void **state)
{
	struct world w;
	struct user ua, ub;
	size_t len = 1U << 20;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	world_send(&w, &ua, len);
	assert_true(window_left(&ua, len) > PZ_CHANNEL_WINDOW_BYTES / 2 - PZ_DATA_BYTES_MAX);
	pz_channels_note_message(w.b.channels, pz_env_mono_us(&w.clock.env));
	world_send(&w, &ua, len);
	assert_int_equal(ub.in.len, 2 * len);
	assert_true(window_left(&ua, 2 * len) > PZ_DATA_FRAME_BYTES_MAX / 2);
	assert_true(window_left(&ua, 2 * len) <= PZ_DATA_FRAME_BYTES_MAX);
	world_pass(&w, PZ_CHANNEL_SHARED_US);
	world_send(&w, &ua, len);
	assert_int_equal(ub.in.len, 3 * len);
	assert_true(window_left(&ua, 3 * len) > PZ_CHANNEL_WINDOW_BYTES / 2 - PZ_DATA_BYTES_MAX);
	assert_true(window_left(&ua, 3 * len) <= PZ_CHANNEL_WINDOW_BYTES);
	pz_buf_fini(&ub.in);
	world_fini(&w);
}

static void
test_a_prop_of_channels_is_no_message(void **state)
{
	struct world w;
	struct user ua, ub;
	size_t len = 1U << 20;
	enum pz_err err = PZ_OK;
	json_t *credit;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	world_send(&w, &ua, len);
	credit = json_pack("{s:i, s:i}", "channel", 1, "bytes", 1);
	pz_channels_note_message(w.b.channels, pz_env_mono_us(&w.clock.env));
	assert_true(pz_channels_on_prop(w.b.channels, "channelCredit", credit, &err));
	assert_int_equal(err, PZ_OK);
	world_send(&w, &ua, len);
	assert_true(window_left(&ua, 2 * len) > PZ_DATA_FRAME_BYTES_MAX);
	json_decref(credit);
	pz_buf_fini(&ub.in);
	world_fini(&w);
}

/* It counts for what the way takes at 64 MB/s: so much passes in any case. */
static void
test_window_beside_messages_is_that_of_the_way(void **state)
{
	static const uint64_t ways_us[] = {500, 1000, PZ_CHANNEL_SHARED_WAY_US};
	size_t len = 4U << 20;

	(void)state;
	for (size_t i = 0; i < sizeof(ways_us) / sizeof(ways_us[0]); i++) {
		struct world w;
		struct user ua, ub;
		size_t window = ways_us[i] * PZ_CHANNEL_SHARED_BYTES_PER_US;
		world_init(&w);
		world_open(&w, &ua, &ub);
		ub.is_beside_messages = true;
		carry_by_round_trips(&w, &ua, len, 1U << 20, ways_us[i]);
		world_settle(&w);
		assert_received(&ub, len);
		assert_true(window_left(&ua, len) + PZ_DATA_BYTES_MAX > window / 2);
		assert_true(window_left(&ua, len) <= window);
		pz_buf_fini(&ub.in);
		world_fini(&w);
	}
}

/* There a small window would cost the rate, and what waits is little beside the way itself. */
static void
test_window_counts_in_full_on_a_long_way(void **state)
{
	struct world w;
	struct user ua, ub;
	size_t len = 4U << 20;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	ub.is_beside_messages = true;
	long_way(&w, &ua, len, 100U << 10);
	world_settle(&w);
	assert_received(&ub, len);
	assert_true(window_left(&ua, len) >
		    PZ_CHANNEL_SHARED_WAY_US * PZ_CHANNEL_SHARED_BYTES_PER_US);
	pz_buf_fini(&ub.in);
	world_fini(&w);
}

/* Channels take turns frame by frame, and no more than their share goes in one turn of the loop. */
static void
test_turns(void **state)
{
	struct world w;
	struct user ua[3], ub[3];
	static uint8_t bytes[PZ_CHANNEL_UNSENT_BYTES];
	struct pz_slice frame, data;
	size_t taken, sent = 0;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < 3; i++)
		world_open(&w, &ua[i], &ub[i]);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			pz_channel_send(ua[i].channel, pz_slice_of(bytes, sizeof(bytes)), &taken),
			PZ_OK);
	for (uint32_t turn = 0; (frame = pz_channels_next(w.a.channels)).len > 0; turn++) {
		assert_int_equal(pz_frame_data(frame, &data), 1 + turn % 3);
		assert_int_equal(frame.len, PZ_DATA_FRAME_BYTES_MAX); /* fills a TLS record */
		sent += frame.len;
		pz_channels_sent(w.a.channels);
	}
	assert_int_equal(sent, PZ_CHANNEL_FLUSH_BYTES);
	unsigned wakes = w.a.wakes;
	pz_channels_flushed(w.a.channels);
	world_pass(&w, 0);
	assert_int_equal(w.a.wakes, wakes + 1);
	assert_true(pz_channels_next(w.a.channels).len > 0);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_queue_is_short),
		cmocka_unit_test(test_small_pieces),
		cmocka_unit_test(test_window_grows_on_a_long_way),
		cmocka_unit_test(test_window_stays_on_a_short_way),
		cmocka_unit_test(test_window_counts_for_less_beside_messages),
		cmocka_unit_test(test_a_prop_of_channels_is_no_message),
		cmocka_unit_test(test_window_beside_messages_is_that_of_the_way),
		cmocka_unit_test(test_window_counts_in_full_on_a_long_way),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
