/* The life of channels: opening, refusing, closing, numbers, limits. */
#include "channel/fixture.h"

static void
test_open_and_close(void **state)
{
	struct world w;
	struct user ua, ub;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	assert_string_equal(w.b.offer_to, some_offer.to);
	assert_string_equal(w.b.offer_kind, "link");
	assert_string_equal(w.b.offer_from, "");
	world_send(&w, &ua, 100000);
	assert_received(&ub, 100000);
	world_send(&w, &ub, 1);
	assert_received(&ua, 1);
	pz_channel_close(ua.channel, "ok");
	assert_int_equal(pz_channels_count(w.a.channels), 1);
	world_settle(&w);
	assert_true(ub.is_closed && !ua.is_closed);
	assert_string_equal(ub.reason, "ok");
	assert_int_equal(pz_channels_count(w.a.channels), 0);
	assert_int_equal(pz_channels_count(w.b.channels), 0);
	pz_buf_fini(&ua.in);
	pz_buf_fini(&ub.in);
	world_fini(&w);
	assert_int_equal(w.a.broken | w.b.broken, PZ_OK);
}

/* The members of page 15 win over those of the owner. */
static void
a_close_may_say_more(void **state)
{
	struct world w;
	struct user ua, ub;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	world_send(&w, &ua, 10);
	pz_channel_close_with(ua.channel, "ok", json_pack("{s:i, s:s}", "more", 7, "reason", "x"));
	world_settle(&w);
	assert_true(ub.is_closed && ub.has_message);
	assert_string_equal(ub.reason, "ok");
	assert_int_equal(ub.more, 7);
	pz_buf_fini(&ub.in);
	world_fini(&w);
	assert_int_equal(w.a.broken | w.b.broken, PZ_OK);
}

/* Both at once: each one's close is the answer of the other's. */
static void
test_closes_cross(void **state)
{
	struct world w;
	struct user ua, ub;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	pz_channel_close(ua.channel, "x");
	pz_channel_close(ub.channel, "y");
	world_settle(&w);
	assert_false(ua.is_closed || ub.is_closed);
	assert_int_equal(pz_channels_count(w.a.channels) + pz_channels_count(w.b.channels), 0);
	assert_int_equal(w.a.broken | w.b.broken, PZ_OK);
	world_fini(&w);
}

/* What was sent before the close arrives; what the other end sends meanwhile is dropped. */
static void
test_close_is_orderly(void **state)
{
	struct world w;
	struct user ua, ub;
	uint8_t bytes[3000];
	size_t taken;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	pattern(bytes, sizeof(bytes), 0);
	assert_int_equal(pz_channel_send(ua.channel, pz_slice_of(bytes, 3000), &taken), PZ_OK);
	assert_int_equal(taken, 3000);
	pz_channel_close(ua.channel, "ok");
	assert_true(pz_list_is_empty(&w.a.out)); /* it waits behind the data */
	assert_int_equal(pz_channel_send(ub.channel, pz_slice_of(bytes, 10), &taken), PZ_OK);
	world_settle(&w);
	assert_received(&ub, 3000);
	assert_int_equal(ua.in.len, 0);
	assert_true(ub.is_closed);
	assert_int_equal(pz_channels_count(w.a.channels) + pz_channels_count(w.b.channels), 0);
	assert_int_equal(w.a.broken | w.b.broken, PZ_OK);
	pz_buf_fini(&ub.in);
	world_fini(&w);
}

/* The other end closes while something waits here: that is dropped, the answer is not. */
static void
test_closed_with_data_waiting(void **state)
{
	struct world w;
	struct user ua, ub;
	size_t taken;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	pz_channel_close(ub.channel, "full up");
	assert_int_equal(pz_channel_send(ua.channel, pz_slice_str("late"), &taken), PZ_OK);
	end_carry_all(&w.b);
	assert_true(ua.is_closed);
	assert_string_equal(ua.reason, "full?up"); /* one word, printable */
	world_settle(&w);
	assert_int_equal(pz_channels_count(w.a.channels) + pz_channels_count(w.b.channels), 0);
	assert_int_equal(w.a.broken | w.b.broken, PZ_OK);
	world_fini(&w);
}

static void
test_end_of_one_direction(void **state)
{
	struct world w;
	struct user ua, ub;
	size_t taken;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	assert_int_equal(pz_channel_send(ua.channel, pz_slice_str("x"), &taken), PZ_OK);
	pz_channel_end(ua.channel);
	pz_channel_end(ua.channel);
	assert_int_equal(pz_channel_send(ua.channel, pz_slice_str("y"), &taken), PZ_OK);
	assert_int_equal(taken, 0);
	world_settle(&w);
	assert_true(ub.has_ended && !ua.has_ended);
	assert_int_equal(ub.in.len, 1);
	world_send(&w, &ub, 500);
	assert_received(&ua, 500);
	pz_channel_close(ub.channel, "ok");
	world_settle(&w);
	assert_true(ua.is_closed);
	assert_int_equal(w.a.broken | w.b.broken, PZ_OK);
	pz_buf_fini(&ua.in);
	pz_buf_fini(&ub.in);
	world_fini(&w);
}

static void
test_refused(void **state)
{
	static const struct {
		enum answer answer;
		enum pz_channel_refusal why;
	} cases[] = {
		{ANSWER_REFUSE, PZ_CHANNEL_UNKNOWN_KIND},
		{ANSWER_NOTHING, PZ_CHANNEL_REFUSED},
	};
	struct world w;
	struct user ua;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < 2; i++) {
		w.b.answer = cases[i].answer;
		open_some(&w.a, &ua);
		world_settle(&w);
		assert_true(ua.is_refused && !ua.is_accepted);
		assert_int_equal(ua.why, cases[i].why);
		assert_int_equal(pz_channels_count(w.a.channels), 0);
		assert_int_equal(pz_channels_count(w.b.channels), 0);
	}
	world_fini(&w);
}

static void
test_decided_later(void **state)
{
	struct world w;
	struct user ua, ub;

	(void)state;
	world_init(&w);
	user_init(&ub);
	w.b.user = &ub;
	w.b.answer = ANSWER_KEEP;
	open_some(&w.a, &ua);
	world_settle(&w);
	assert_false(ua.is_accepted || ua.is_refused);
	pz_channel_accept(ub.channel, 1000, NULL, &user_ops, &ub);
	world_settle(&w);
	assert_true(ua.is_accepted);
	open_some(&w.a, &ua);
	world_settle(&w);
	pz_channel_close(ub.channel, "never mind"); /* of an offer: a refusal */
	world_settle(&w);
	assert_true(ua.is_refused);
	assert_int_equal(ua.why, PZ_CHANNEL_REFUSED);
	world_fini(&w);
}

/* An open that is not answered in 15 s is over; an answer that comes later hurts no one. */
static void
test_unanswered(void **state)
{
	struct world w;
	struct user ua, ub, uc;

	(void)state;
	world_init(&w);
	user_init(&ub);
	w.b.user = &ub;
	w.b.answer = ANSWER_KEEP;
	open_some(&w.a, &ua);
	world_settle(&w);
	world_pass(&w, PZ_CHANNEL_OPEN_US - 1);
	assert_false(ua.is_refused);
	world_pass(&w, 1);
	assert_true(ua.is_refused);
	assert_int_equal(ua.why, PZ_CHANNEL_UNREACHABLE);
	assert_int_equal(pz_channels_count(w.a.channels), 1); /* its number is still known there */
	pz_channel_accept(ub.channel, 1000, NULL, &user_ops, &ub);
	world_settle(&w);
	assert_true(ub.is_closed);
	assert_string_equal(ub.reason, "late");
	assert_int_equal(pz_channels_count(w.a.channels), 0);
	user_init(&uc); /* given up by its owner, then refused */
	w.b.user = &uc;
	open_some(&w.a, &ua);
	world_settle(&w);
	pz_channel_close(ua.channel, "x");
	world_settle(&w);
	pz_channel_refuse(uc.channel, PZ_CHANNEL_LIMIT);
	world_settle(&w);
	assert_false(ua.is_refused);
	assert_int_equal(pz_channels_count(w.a.channels) + pz_channels_count(w.b.channels), 0);
	assert_int_equal(w.a.broken | w.b.broken, PZ_OK);
	world_fini(&w);
}

/* Every owner learns of the loss, whatever its channel was doing; one closes another's meanwhile.
 */
static void
test_link_lost(void **state)
{
	struct world w;
	struct user ua, ub, opening, offered, closing_a, closing_b;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	world_open(&w, &closing_a, &closing_b);
	user_init(&offered);
	w.b.user = &offered;
	w.b.answer = ANSWER_KEEP;
	open_some(&w.a, &opening);
	world_settle(&w);
	pz_channel_close(closing_a.channel, "ok");
	world_fini(&w);
	assert_true(ua.is_closed && ub.is_closed && offered.is_closed);
	assert_string_equal(ua.reason, "lost");
	assert_true(opening.is_refused && !opening.is_closed);
	assert_int_equal(opening.why, PZ_CHANNEL_UNREACHABLE);
	assert_false(closing_a.is_closed);
	assert_true(closing_b.is_closed);
}

/* A number is taken until its close is answered. */
static void
test_numbers(void **state)
{
	struct world w;
	struct user ua, ub, uc, ud;
	json_t *first, *second;

	(void)state;
	world_init(&w);
	world_open(&w, &ua, &ub);
	pz_channel_close(ua.channel, "ok");
	open_some(&w.a, &uc);
	struct item *close_item = PZ_CONTAINER(w.a.out.next, struct item, node);
	struct item *open_item = PZ_CONTAINER(w.a.out.prev, struct item, node);
	assert_string_equal(close_item->status, "channelClose");
	assert_string_equal(open_item->status, "channelOpen");
	first = json_object_get(open_item->message, "channel");
	assert_int_equal(json_integer_value(first), 2);
	user_init(&ud);
	w.b.user = &ud;
	world_settle(&w);
	open_some(&w.a, &ua); /* now 1 is free again */
	open_item = PZ_CONTAINER(w.a.out.prev, struct item, node);
	second = json_object_get(open_item->message, "channel");
	assert_int_equal(json_integer_value(second), 1);
	world_fini(&w);
}

/* A thousand opens: what is over the limit is refused, and the channels that there are live. */
static void
test_a_thousand_opens(void **state)
{
	struct world w;
	static struct user ours[PZ_CHANNELS_PER_LINK_MAX], theirs[PZ_CHANNELS_PER_LINK_MAX];
	struct user extra;
	unsigned refused = 0;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < PZ_CHANNELS_PER_LINK_MAX; i++)
		world_open(&w, &ours[i], &theirs[i]);
	user_init(&extra);
	assert_int_equal(
		pz_channel_open(w.a.channels, &some_offer, &user_ops, &extra, &extra.channel),
		PZ_ERR_LIMIT);
	assert_int_equal(w.b.offers, PZ_CHANNELS_PER_LINK_MAX);
	for (uint32_t i = 0; i < 1000; i++) { /* by an end that does not count */
		json_t *m = json_pack("{s:i, s:i, s:s, s:s}", "channel", (int)(1000 + i), "window",
				      1, "to", "x", "kind", "link");
		enum pz_err err = PZ_OK;
		assert_true(pz_channels_on_prop(w.b.channels, "channelOpen", m, &err));
		assert_int_equal(err, PZ_OK);
		json_decref(m);
	}
	assert_int_equal(w.b.offers, PZ_CHANNELS_PER_LINK_MAX);
	PZ_LIST_EACH (&w.b.out, node, tmp) {
		struct item *item = PZ_CONTAINER(node, struct item, node);
		assert_string_equal(item->status, "channelRefuse");
		assert_string_equal(json_string_value(json_object_get(item->message, "reason")),
				    "limit");
		refused++;
		item_free(item);
	}
	assert_int_equal(refused, 1000);
	world_send(&w, &ours[63], 5000);
	assert_received(&theirs[63], 5000);
	pz_buf_fini(&theirs[63].in);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_and_close),
		cmocka_unit_test(a_close_may_say_more),
		cmocka_unit_test(test_closes_cross),
		cmocka_unit_test(test_close_is_orderly),
		cmocka_unit_test(test_closed_with_data_waiting),
		cmocka_unit_test(test_end_of_one_direction),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_decided_later),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_link_lost),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_a_thousand_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
