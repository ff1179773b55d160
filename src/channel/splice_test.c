/* A hop: a - b is one link, c - d another; b and c are the hop. */
#include "channel/fixture.h"

struct hop {
	struct world w, x; /* w.a - w.b, x.a - x.b */
	struct pz_splices splices;
};

static void
hop_init(struct hop *hop, const struct pz_splice_limits *limits)
{
	world_init(&hop->w);
	world_init(&hop->x);
	pz_splices_init(&hop->splices, &hop->w.clock.env, limits);
	hop->w.b.answer = ANSWER_SPLICE;
	hop->w.b.splices = &hop->splices;
	hop->w.b.next = &hop->x.a;
	hop->w.b.proved = "alice@example.org/phone";
}

static void
hop_settle(struct hop *hop)
{
	struct end *ends[] = {&hop->w.a, &hop->w.b, &hop->x.a, &hop->x.b};
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < 4; i++) {
			moved = (ends[i]->channels && end_flush(ends[i])) || moved;
			moved = end_carry_all(ends[i]) || moved;
		}
	}
	assert_int_equal(hop->w.a.broken | hop->w.b.broken | hop->x.a.broken | hop->x.b.broken,
			 PZ_OK);
}

/* The hop sends messages to the far end, but no data: that one reads slowly. */
static void
settle_but_data(struct hop *hop)
{
	bool moved = true;

	while (moved) {
		moved = end_flush(&hop->w.a);
		moved = end_flush(&hop->w.b) || moved;
		moved = end_carry_all(&hop->w.a) || moved;
		moved = end_carry_all(&hop->w.b) || moved;
		moved = end_carry_all(&hop->x.a) || moved;
		moved = end_carry_all(&hop->x.b) || moved;
	}
}

static void
hop_open(struct hop *hop, struct user *near, struct user *far)
{
	user_init(far);
	hop->x.b.user = far;
	open_some(&hop->w.a, near);
	hop_settle(hop);
}

static void
settle_hop(void *arg)
{
	hop_settle(arg);
}

static void
hop_send(struct hop *hop, struct user *u, size_t len)
{
	send_all(u, len, settle_hop, hop);
}

static void
hop_fini(struct hop *hop)
{
	world_fini(&hop->w);
	world_fini(&hop->x);
	assert_int_equal(hop->splices.count, 0);
	assert_int_equal(hop->splices.bytes, 0);
}

static const struct pz_splice_limits no_limits = {0};

static void
test_passes_everything(void **state)
{
	struct hop hop;
	struct user near, far;

	(void)state;
	hop_init(&hop, &no_limits);
	hop_open(&hop, &near, &far);
	assert_true(near.is_accepted);
	assert_string_equal(hop.x.b.offer_from, "alice@example.org/phone");
	assert_string_equal(hop.x.b.offer_to, some_offer.to);
	assert_string_equal(hop.x.b.offer_kind, "link");
	hop_send(&hop, &near, 3U << 20);
	assert_received(&far, 3U << 20);
	hop_send(&hop, &far, 1U << 20);
	assert_received(&near, 1U << 20);
	pz_channel_end(near.channel);
	hop_settle(&hop);
	assert_true(far.has_ended);
	hop_send(&hop, &far, 10);
	pz_channel_close(far.channel, "done");
	hop_settle(&hop);
	assert_true(near.is_closed);
	assert_string_equal(near.reason, "done");
	assert_int_equal(hop.splices.count, 0);
	assert_int_equal(pz_channels_count(hop.w.b.channels), 0);
	assert_int_equal(pz_channels_count(hop.x.a.channels), 0);
	pz_buf_fini(&near.in);
	pz_buf_fini(&far.in);
	hop_fini(&hop);
}

/* The far end gives no credit: the near end stops, and the hop holds no more than the window. */
static void
test_stores_nothing_beyond_the_window(void **state)
{
	struct hop hop;
	struct user near, far;
	static uint8_t bytes[PZ_CHANNEL_WINDOW_BYTES * 2];
	size_t sent = 0, taken = 1;

	(void)state;
	hop_init(&hop, &no_limits);
	hop_open(&hop, &near, &far);
	far.is_lazy = true;
	while (taken > 0) {
		assert_int_equal(pz_channel_send(near.channel,
						 pz_slice_of(bytes + sent, sizeof(bytes) - sent),
						 &taken),
				 PZ_OK);
		sent += taken;
		end_flush(&hop.w.a);
		end_carry_all(&hop.w.a); /* and the hop does not flush: its next link is slow */
	}
	assert_int_equal(sent, PZ_CHANNEL_WINDOW_BYTES);
	assert_int_equal(far.in.len, 0);
	hop_settle(&hop);
	assert_int_equal(far.in.len, PZ_CHANNEL_WINDOW_BYTES);
	assert_int_equal(near.credits, 0);
	pz_channel_consumed(far.channel, PZ_CHANNEL_WINDOW_BYTES);
	hop_settle(&hop);
	assert_int_equal(near.credits, PZ_CHANNEL_WINDOW_BYTES);
	pz_buf_fini(&far.in);
	hop_fini(&hop);
}

static void
test_refusals_pass(void **state)
{
	struct hop hop;
	struct user near, far;

	(void)state;
	hop_init(&hop, &no_limits);
	hop.x.b.answer = ANSWER_REFUSE;
	hop_open(&hop, &near, &far);
	assert_true(near.is_refused);
	assert_int_equal(near.why, PZ_CHANNEL_UNKNOWN_KIND);
	hop.x.b.answer = ANSWER_KEEP; /* no answer at all */
	hop_open(&hop, &near, &far);
	world_pass(&hop.x, PZ_CHANNEL_OPEN_US);
	hop_settle(&hop);
	assert_true(near.is_refused);
	assert_int_equal(near.why, PZ_CHANNEL_UNREACHABLE);
	pz_channel_close(far.channel, "x");
	hop_settle(&hop);
	hop_fini(&hop);
}

/* Either link is lost, in any state of the channel. */
static void
test_links_lost(void **state)
{
	struct hop hop;
	struct user near, far;

	(void)state;
	for (int i = 0; i < 4; i++) {
		hop_init(&hop, &no_limits);
		hop.x.b.answer = i & 2 ? ANSWER_KEEP : ANSWER_ACCEPT;
		hop_open(&hop, &near, &far);
		if (i & 1) { /* the near one */
			end_fini(&hop.w.a);
			end_fini(&hop.w.b);
			hop_settle(&hop);
			if (i & 2) { /* it accepts what is not wanted any more */
				pz_channel_accept(far.channel, 1, NULL, &user_ops, &far);
				hop_settle(&hop);
			}
			assert_true(far.is_closed);
		} else {
			end_fini(&hop.x.a);
			end_fini(&hop.x.b);
			hop_settle(&hop);
			assert_true(i & 2 ? near.is_refused : near.is_closed);
		}
		assert_int_equal(hop.splices.count, 0);
		hop_fini(&hop);
	}
}

static void
test_limits(void **state)
{
	static const struct pz_splice_limits limits = {.count = 7, .per_opener = 5, .per_pair = 3};
	struct hop hop;
	struct user near[8], far[8], more;
	char to[] = "alice@example.org/t0";
	struct pz_channel_offer offer = some_offer;

	(void)state;
	hop_init(&hop, &limits);
	for (size_t i = 0; i < 3; i++)
		hop_open(&hop, &near[i], &far[i]);
	hop_open(&hop, &near[3], &more);
	assert_true(near[3].is_refused);
	assert_int_equal(near[3].why, PZ_CHANNEL_LIMIT);
	offer.to = to;
	for (size_t i = 3; i < 6; i++) {
		to[19]++;
		user_init(&near[i]);
		user_init(&far[i]);
		hop.x.b.user = &far[i];
		assert_int_equal(pz_channel_open(hop.w.a.channels, &offer, &user_ops, &near[i],
						 &near[i].channel),
				 PZ_OK);
		hop_settle(&hop);
		assert_int_equal(near[i].is_accepted, i < 5);
	}
	hop.w.b.proved = "alice@example.org/tv"; /* the other direction is the same pair */
	offer.to = "alice@example.org/phone";
	user_init(&near[6]);
	assert_int_equal(
		pz_channel_open(hop.w.a.channels, &offer, &user_ops, &near[6], &near[6].channel),
		PZ_OK);
	hop_settle(&hop);
	assert_true(near[6].is_refused);
	hop.w.b.proved = "alice@example.org/else";
	hop_open(&hop, &near[5], &far[5]);
	hop_open(&hop, &near[6], &far[6]);
	hop_open(&hop, &near[7], &far[7]);
	assert_true(near[6].is_accepted && near[7].is_refused);
	assert_int_equal(hop.splices.count, 7);
	pz_splices_end(&hop.splices);
	hop_settle(&hop);
	assert_int_equal(hop.splices.count, 0);
	assert_true(near[0].is_closed && far[0].is_closed && near[5].is_closed);
	hop_fini(&hop);
}

/* Of all windows together: one opener gets its share, then smaller windows, then none. */
static void
test_windows_are_bounded(void **state)
{
	struct hop hop;
	static struct user near[PZ_CHANNELS_PER_LINK_MAX], far[PZ_CHANNELS_PER_LINK_MAX];
	size_t full = PZ_SPLICE_OPENER_BYTES_MAX / (2 * PZ_CHANNEL_WINDOW_BYTES), n = 0;

	(void)state;
	hop_init(&hop, &no_limits);
	for (; n < PZ_CHANNELS_PER_LINK_MAX; n++) {
		hop_open(&hop, &near[n], &far[n]);
		if (near[n].is_refused)
			break;
	}
	assert_true(n == full);
	assert_int_equal(hop.splices.bytes, PZ_SPLICE_OPENER_BYTES_MAX);
	pz_channel_close(near[0].channel, "ok");
	hop_settle(&hop);
	for (size_t i = 0; i < 4; i++) {
		hop.splices.bytes += i == 0 ? PZ_SPLICE_BYTES_MAX - PZ_SPLICE_OPENER_BYTES_MAX : 0;
		hop_open(&hop, &near[0], &far[0]);
		assert_int_equal(near[0].is_accepted, i == 0);
	}
	hop.splices.bytes -= PZ_SPLICE_BYTES_MAX - PZ_SPLICE_OPENER_BYTES_MAX;
	hop_fini(&hop);
}

static void
test_smaller_windows(void **state)
{
	struct hop hop;
	struct user near, far;
	size_t left = 4 * PZ_SPLICE_WINDOW_BYTES_MIN;

	(void)state;
	hop_init(&hop, &no_limits);
	hop.splices.bytes = PZ_SPLICE_BYTES_MAX - left;
	hop_open(&hop, &near, &far);
	assert_true(near.is_accepted);
	assert_int_equal(hop.splices.bytes, PZ_SPLICE_BYTES_MAX - left / 2);
	hop_send(&hop, &near, 5U << 20); /* credit that was held back is given as bytes pass */
	assert_received(&far, 5U << 20);
	hop_send(&hop, &far, 5U << 20);
	assert_received(&near, 5U << 20);
	assert_int_equal(hop.splices.bytes, PZ_SPLICE_BYTES_MAX - left / 2);
	hop.splices.bytes -= PZ_SPLICE_BYTES_MAX - left;
	pz_buf_fini(&near.in);
	pz_buf_fini(&far.in);
	hop_fini(&hop);
}

/* The opener fills its window and closes, again and again, towards an end that does not read: what
 * waits for that one counts as the opener's until it was sent. */
static void
test_what_waits_counts_after_a_close(void **state)
{
	struct hop hop;
	struct user near;
	static struct user far[PZ_CHANNELS_PER_LINK_MAX + 1];
	static uint8_t bytes[PZ_CHANNEL_WINDOW_BYTES];
	size_t closed = 0;

	(void)state;
	hop_init(&hop, &no_limits);
	for (;; closed++) {
		size_t sent = 0, taken = 1;
		user_init(&far[closed]);
		hop.x.b.user = &far[closed];
		open_some(&hop.w.a, &near);
		settle_but_data(&hop);
		if (near.is_refused)
			break;
		for (; taken > 0; sent += taken, settle_but_data(&hop))
			assert_int_equal(
				pz_channel_send(near.channel,
						pz_slice_of(bytes + sent, sizeof(bytes) - sent),
						&taken),
				PZ_OK);
		assert_int_equal(sent, PZ_CHANNEL_WINDOW_BYTES);
		pz_channel_close(near.channel, "ok");
		settle_but_data(&hop);
		assert_int_equal(hop.splices.count, 0);
		assert_in_range(hop.splices.bytes, (closed + 1) * PZ_CHANNEL_WINDOW_BYTES,
				PZ_SPLICE_OPENER_BYTES_MAX + PZ_CHANNEL_WINDOW_BYTES);
	}
	assert_int_equal(near.why, PZ_CHANNEL_LIMIT);
	assert_true(closed > 10);
	hop_settle(&hop); /* it reads */
	assert_int_equal(hop.splices.bytes, 0);
	for (size_t i = 0; i < closed; i++) {
		assert_int_equal(far[i].in.len, PZ_CHANNEL_WINDOW_BYTES);
		assert_true(far[i].is_closed);
		pz_buf_fini(&far[i].in);
	}
	hop_open(&hop, &near, &far[closed]);
	assert_true(near.is_accepted);
	hop_fini(&hop);
}

/* What waits is gone with the link of the end that it waits for. */
static void
test_what_waits_goes_with_its_link(void **state)
{
	struct hop hop;
	struct user near, far;
	static const uint8_t bytes[1000];
	size_t taken;

	(void)state;
	hop_init(&hop, &no_limits);
	hop_open(&hop, &near, &far);
	assert_int_equal(pz_channel_send(near.channel, pz_slice_of(bytes, sizeof(bytes)), &taken),
			 PZ_OK);
	settle_but_data(&hop);
	pz_splices_end(&hop.splices);
	pz_splices_end(&hop.splices); /* does not end it twice */
	assert_int_equal(hop.splices.count, 0);
	assert_in_range(hop.splices.bytes, sizeof(bytes), 2 * sizeof(bytes));
	end_fini(&hop.x.a);
	assert_int_equal(hop.splices.bytes, 0);
	hop_fini(&hop);
}

/* A window that its end has doubled grows here, too, while there is room. */
static void
test_windows_grow(void **state)
{
	struct hop hop;
	struct user near, far;

	(void)state;
	hop_init(&hop, &no_limits);
	hop_open(&hop, &near, &far);
	size_t before = hop.splices.bytes;
	pz_channel_credit(far.channel, 3 * PZ_CHANNEL_WINDOW_BYTES);
	hop_settle(&hop);
	assert_int_equal(near.credits, PZ_CHANNEL_WINDOW_BYTES); /* doubled once */
	assert_int_equal(hop.splices.bytes, before + PZ_CHANNEL_WINDOW_BYTES);
	hop.splices.bytes += PZ_SPLICE_BYTES_MAX / 2;
	pz_channel_credit(far.channel, PZ_CHANNEL_WINDOW_BYTES);
	hop_settle(&hop);
	assert_int_equal(near.credits, PZ_CHANNEL_WINDOW_BYTES);
	hop.splices.bytes -= PZ_SPLICE_BYTES_MAX / 2;
	hop_fini(&hop);
}

/* An end that gives its credit byte by byte makes the hop send few messages to the other end. */
static void
test_small_credits_are_gathered(void **state)
{
	struct hop hop;
	struct user near, far;
	unsigned sent = 0;

	(void)state;
	hop_init(&hop, &no_limits);
	hop.x.b.window = 1;
	hop_open(&hop, &near, &far);
	for (unsigned i = 1; i < 4096; i++) {
		size_t before = near.credits;
		pz_channel_credit(far.channel, 1);
		hop_settle(&hop);
		sent += near.credits != before;
	}
	assert_in_range(sent, 1, 12);
	hop_send(&hop, &near, 4096); /* what was held back is given as bytes pass */
	assert_received(&far, 4096);
	pz_buf_fini(&far.in);
	hop_fini(&hop);
}

static void
test_idle(void **state)
{
	struct hop hop;
	struct user near, far;

	(void)state;
	hop_init(&hop, &no_limits);
	hop_open(&hop, &near, &far);
	world_pass(&hop.w, PZ_SPLICE_IDLE_US - 1);
	hop_send(&hop, &near, 1);
	world_pass(&hop.w, PZ_SPLICE_IDLE_US - 1);
	hop_settle(&hop);
	assert_false(near.is_closed || far.is_closed);
	world_pass(&hop.w, 1);
	hop_settle(&hop);
	assert_true(near.is_closed && far.is_closed);
	assert_string_equal(near.reason, "idle");
	pz_buf_fini(&far.in);
	hop_fini(&hop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes_everything),
		cmocka_unit_test(test_stores_nothing_beyond_the_window),
		cmocka_unit_test(test_refusals_pass),
		cmocka_unit_test(test_links_lost),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_windows_are_bounded),
		cmocka_unit_test(test_smaller_windows),
		cmocka_unit_test(test_what_waits_counts_after_a_close),
		cmocka_unit_test(test_what_waits_goes_with_its_link),
		cmocka_unit_test(test_windows_grow),
		cmocka_unit_test(test_small_credits_are_gathered),
		cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
