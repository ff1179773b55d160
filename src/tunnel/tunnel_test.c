/* Links that travel in a channel of another link (page 15). */
#include "base/auto.h"
#include "net/link_fixture.h"
#include "tunnel/tunnel.h"

/* What the owner of a carrying link does: props travel as frames, a number before the JSON. */
struct carried {
	struct fx_world w;
	struct fx_end hub, laptop;       /* the carrying link; the laptop dials */
	struct fx_end in_hub, in_laptop; /* the link inside */
	struct pz_tunnel *tunnel;
	struct pz_stream *near, *far; /* the laptop's end, the hub's */
	struct pz_buf messages;       /* of the carrying link itself */
	enum pz_err failed;
	bool is_refusing;
	unsigned offers;
} * now;

static void
on_send(struct pz_link *link, const char *status, json_t *message)
{
	PZ_AUTO_FREE char *text = json_dumps(message, JSON_COMPACT);
	char body[1024];
	uint8_t frame[1100];

	int len = snprintf(body, sizeof(body), "%s %s", status, text);
	assert_in_range(len, 1, sizeof(body) - 1);
	pz_frame_put_header(frame, (size_t)len);
	memcpy(frame + PZ_FRAME_HEADER_BYTES, body, (size_t)len);
	assert_ok(pz_link_send(link, pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + (size_t)len)));
}

static void
on_offered(struct pz_link *link, struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	assert_string_equal(offer->kind, "link");
	assert_string_equal(offer->to, "somewhere");
	now->offers++;
	if (now->is_refusing)
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
	else
		now->far = pz_tunnel_accept(link, channel);
}

/* The events of the fixture, and those of channels. */
static struct pz_link_events events;

/* Props that have come as frames are taken out; other messages go to `messages`. */
static void
take_props(struct fx_end *end, struct pz_buf *messages)
{
	struct pz_slice frame;
	size_t need;

	while (end->link && end->frames.len > 0) {
		assert_ok(pz_frame_cut(pz_buf_slice(&end->frames), PZ_FRAME_BYTES_MAX, &frame,
				       &need));
		PZ_AUTO_FREE char *body = pz_slice_dup(pz_frame_body(frame));
		char *gap = strncmp(body, "channel", 7) == 0 ? strchr(body, ' ') : NULL;
		if (gap) {
			*gap = '\0';
			json_t *message = json_loads(gap + 1, 0, NULL);
			assert_non_null(message);
			assert_true(pz_link_on_channel_prop(end->link, body, message));
			json_decref(message);
		} else {
			assert_ok(pz_buf_append(messages, frame));
		}
		pz_buf_consume(&end->frames, frame.len);
	}
}

/* Until nothing moves any more. */
static void
run(struct carried *c)
{
	for (int i = 0; i < 400; i++) {
		fx_run(&c->hub, &c->laptop);
		take_props(&c->hub, &c->messages);
		take_props(&c->laptop, &c->messages);
		if (c->w.clock.timers.root && c->w.clock.timers.root->due_us <= c->w.clock.now_us)
			pz_timers_run(&c->w.clock.timers, c->w.clock.now_us);
	}
	fx_run(&c->hub, &c->laptop);
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct carried *c = arg;

	c->tunnel = NULL;
	c->near = stream;
}

static void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	struct carried *c = arg;

	assert_true(detail[0] != '\0');
	c->tunnel = NULL;
	c->failed = err;
}

static const struct pz_dial_events dial_events = {.connected = on_connected, .failed = on_failed};

static void
use_channels(struct fx_world *w)
{
	events = fx_events;
	events.channel_prop = on_send;
	events.channel_offered = on_offered;
	w->host.events = &events;
}

static void
setup(struct carried *c)
{
	*c = (struct carried){0};
	pz_buf_init(&c->messages, 1U << 20, NULL);
	now = c;
	fx_open(&c->w);
	use_channels(&c->w);
	fx_established(&c->w, &c->hub, &c->laptop);
	assert_non_null(pz_link_channels(c->hub.link));
	assert_non_null(pz_link_channels(c->laptop.link));
	fx_end_init(&c->w, &c->in_hub, &c->in_laptop.stream);
	fx_end_init(&c->w, &c->in_laptop, &c->in_hub.stream);
	c->in_hub.establish_in_secured = c->in_laptop.establish_in_secured = true;
}

static void
open_inner(struct carried *c)
{
	assert_ok(pz_tunnel_open(c->laptop.link, "somewhere", &dial_events, c, &c->tunnel));
	assert_null(c->near);
	run(c);
	assert_non_null(c->near);
	assert_non_null(c->far);
	assert_true(pz_stream_is_tunnel(c->near));
	assert_ok(pz_link_new(&c->w.host, c->near, fx_client_tls(c->w.laptop_ctx),
			      PZ_HANDSHAKE_TIMEOUT_US, &c->in_laptop, &c->in_laptop.link));
	assert_ok(pz_link_new(&c->w.host, c->far, fx_server_tls(&c->w), PZ_HANDSHAKE_TIMEOUT_US,
			      &c->in_hub, &c->in_hub.link));
	run(c);
	assert_int_equal(c->in_hub.secured + c->in_laptop.secured, 2);
}

/* The inner link's ends, which have no stream of the fixture. */
static void
end_free(struct fx_end *end)
{
	pz_buf_fini(&end->frames);
	pz_buf_fini(&end->undelivered);
	pz_kit_stream_fini(&end->stream);
}

static void
teardown(struct carried *c)
{
	struct fx_end *ends[] = {&c->in_hub, &c->in_laptop};

	for (size_t i = 0; i < 2; i++)
		if (ends[i]->link)
			pz_link_close(ends[i]->link, PZ_OK, "");
	run(c);
	assert_int_equal(c->in_hub.closed, c->in_hub.secured ? 1 : 0);
	assert_int_equal(c->in_laptop.closed, c->in_laptop.secured ? 1 : 0);
	fx_end_fini(&c->hub, &c->laptop);
	end_free(&c->in_hub);
	end_free(&c->in_laptop);
	pz_buf_fini(&c->messages);
	fx_shut(&c->w);
}

/* A message of each size arrives, both ways, and the carrier's own messages too. */
static void
test_link_in_a_link(void **state)
{
	static const size_t sizes[] = {1, 100, 16369, 16384, 70000, 300000, 1000000};
	struct carried c;

	(void)state;
	setup(&c);
	open_inner(&c);
	for (unsigned i = 0; i < 7; i++) {
		fx_send(&c.in_laptop, sizes[i], i);
		fx_send(&c.in_hub, sizes[i], i + 10);
		fx_send(&c.laptop, 200, i + 20);
		run(&c);
		fx_expect(&c.in_hub.frames, sizes[i], i);
		fx_expect(&c.in_laptop.frames, sizes[i], i + 10);
		fx_expect(&c.messages, 200, i + 20);
	}
	pz_link_close(c.in_laptop.link, PZ_OK, "");
	run(&c);
	assert_int_equal(c.in_hub.closed, 1);
	assert_int_equal(c.in_hub.why, PZ_ERR_IO_CLOSED);
	assert_int_equal(c.hub.closed + c.laptop.closed, 0);
	assert_int_equal(pz_channels_count(pz_link_channels(c.hub.link)), 0);
	assert_int_equal(pz_channels_count(pz_link_channels(c.laptop.link)), 0);
	teardown(&c);
}

static void
test_carrier_is_lost(void **state)
{
	struct carried c;

	(void)state;
	setup(&c);
	open_inner(&c);
	fx_send(&c.in_laptop, 1000, 1);
	pz_link_close(c.hub.link, PZ_OK, "");
	run(&c);
	assert_int_equal(c.laptop.closed, 1);
	assert_int_equal(c.in_hub.closed + c.in_laptop.closed, 2);
	assert_string_equal(c.in_laptop.detail, "lost");
	teardown(&c);
}

/* The carrier ends in the same turn: what the inner link sent last goes out before it. */
static void
test_last_props(void **state)
{
	struct carried c;

	(void)state;
	setup(&c);
	open_inner(&c);
	fx_send_message(&c.in_laptop, "prop", 3, 100);
	pz_link_close(c.in_laptop.link, PZ_OK, "");
	pz_link_close(c.laptop.link, PZ_OK, "");
	run(&c);
	assert_int_equal(c.in_hub.closed, 1);
	fx_expect_message(&c.in_hub.frames, "prop", 3);
	teardown(&c);
}

/* The other end takes what is left within the time for it, or never. */
static void
test_last_props_wait(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct carried c;

		setup(&c);
		open_inner(&c);
		c.in_hub.link->session.ops->set_reading(&c.in_hub.link->session, false);
		for (unsigned k = 0; c.in_laptop.link->cipher.len == 0; k++) {
			fx_send_message(&c.in_laptop, "prop", k, 1000);
			run(&c);
		}
		pz_link_close(c.in_laptop.link, PZ_OK, "");
		pz_turn_end(&c.w.turn);
		assert_int_equal(c.in_laptop.closed, 1);
		assert_int_equal(pz_channels_count(pz_link_channels(c.laptop.link)), 1);
		if (i == 1) {
			pz_kit_clock_run(&c.w.clock, PZ_FAREWELL_US);
			run(&c);
		}
		c.in_hub.link->session.ops->set_reading(&c.in_hub.link->session, true);
		run(&c);
		assert_int_equal(c.in_hub.closed, 1);
		assert_int_equal(strcmp(c.in_hub.detail, "hang-up") == 0, i == 1);
		assert_int_equal(pz_channels_count(pz_link_channels(c.laptop.link)), 0);
		teardown(&c);
	}
}

static void
test_refused(void **state)
{
	struct carried c;

	(void)state;
	setup(&c);
	c.is_refusing = true;
	assert_ok(pz_tunnel_open(c.laptop.link, "somewhere", &dial_events, &c, &c.tunnel));
	run(&c);
	assert_int_equal(c.failed, PZ_ERR_IO_REFUSED);
	assert_null(c.near);
	c.failed = PZ_OK; /* nor any event after it was given up */
	assert_ok(pz_tunnel_open(c.laptop.link, "somewhere", &dial_events, &c, &c.tunnel));
	pz_tunnel_cancel(c.tunnel);
	run(&c);
	assert_int_equal(c.failed, PZ_OK);
	assert_int_equal(pz_channels_count(pz_link_channels(c.laptop.link)), 0);
	assert_ok(pz_tunnel_open(c.laptop.link, "somewhere", &dial_events, &c, &c.tunnel));
	pz_link_close(c.laptop.link, PZ_OK, ""); /* or the carrier is lost meanwhile */
	run(&c);
	assert_int_equal(c.failed, PZ_ERR_IO);
	pz_tunnel_cancel(NULL);
	teardown(&c);
}

/* An end that does not read holds the other one back; nothing is lost when it reads on. */
static void
test_not_read(void **state)
{
	struct carried c;
	struct pz_session *session;
	size_t queued;

	(void)state;
	setup(&c);
	open_inner(&c);
	session = &c.in_hub.link->session;
	session->ops->set_reading(session, false);
	for (unsigned i = 0; i < 20; i++)
		fx_send(&c.in_laptop, 100000, i);
	run(&c);
	queued = c.in_laptop.link->session.queued;
	assert_int_equal(c.in_hub.frame_count, 0);
	assert_true(queued > 20U * 100000 - PZ_CHANNEL_WINDOW_BYTES - 3 * PZ_TURN_CHUNK_BYTES);
	fx_send(&c.laptop, 10, 1); /* the carrier continues */
	run(&c);
	fx_expect(&c.messages, 10, 1);
	session->ops->set_reading(session, true);
	run(&c);
	for (unsigned i = 0; i < 20; i++)
		fx_expect(&c.in_hub.frames, 100000, i);
	assert_int_equal(c.in_laptop.link->session.queued, 0);
	teardown(&c);
}

/* Messages of the carrier do not wait for what its channels have to send. */
static void
test_messages_first(void **state)
{
	struct carried c;

	(void)state;
	setup(&c);
	open_inner(&c);
	for (unsigned i = 0; i < 3; i++)
		fx_send(&c.in_laptop, 900000, i);
	pz_turn_end(&c.w.turn);
	fx_send(&c.laptop, 50, 1);
	pz_turn_end(&c.w.turn);
	size_t before = c.hub.stream.in.len;
	assert_true(before < 3 * PZ_CHANNEL_FLUSH_BYTES); /* it goes out behind two turns' share */
	fx_run(&c.hub, &c.laptop);
	take_props(&c.hub, &c.messages);
	fx_expect(&c.messages, 50, 1);
	assert_int_equal(c.in_hub.frame_count, 0);
	run(&c);
	assert_int_equal(c.in_hub.frame_count, 3);
	teardown(&c);
}

static void
test_no_channels_agreed(void **state)
{
	struct fx_world w;
	struct fx_end hub, laptop;
	struct pz_kit_far raw;
	struct pz_tunnel *tunnel;
	uint8_t frame[PZ_DATA_HEADER_BYTES + 1] = {0};

	(void)state;
	fx_open(&w);
	fx_established(&w, &hub, &laptop);
	assert_int_equal(pz_tunnel_open(laptop.link, "x", &dial_events, NULL, &tunnel),
			 PZ_ERR_IO_CLOSED);
	assert_false(pz_link_on_channel_prop(laptop.link, "channelOpen", NULL));
	fx_end_fini(&hub, &laptop);
	pz_frame_put_data_header(frame, 1, 1);
	fx_far_open(&w, &hub, &raw, true);
	fx_far_write(&raw, &hub, frame, sizeof(frame));
	assert_int_equal(hub.why, PZ_ERR_PROTO_FRAME);
	pz_kit_far_fini(&raw);
	fx_end_fini(&hub, NULL);
	fx_shut(&w);
}

/* On a link with channels: the frame is cut wherever the pieces end, and a broken rule closes it.
 */
static void
test_bad_frames(void **state)
{
	static const struct {
		uint32_t length, number;
	} bad[] = {
		{0x80000000U, 1}, {0x80000004U, 1}, {0x80000000U | 16381, 1},
		{0xffffffffU, 1}, {0x80000005U, 1}, /* of no channel */
	};
	struct fx_world w;
	struct fx_end hub;
	struct pz_kit_far raw;
	uint8_t frame[16400];

	(void)state;
	fx_open(&w);
	use_channels(&w);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(frame, 0, sizeof(frame));
		for (unsigned k = 0; k < 4; k++)
			frame[k] = (uint8_t)(bad[i].length >> 8 * k);
		frame[4] = (uint8_t)bad[i].number;
		fx_far_open(&w, &hub, &raw, true);
		assert_non_null(pz_link_channels(hub.link));
		fx_far_write(&raw, &hub, frame, 1);
		assert_int_equal(hub.closed, 0);
		fx_far_write(&raw, &hub, frame + 1, sizeof(frame) - 1);
		assert_int_equal(hub.closed, 1);
		assert_int_equal(pz_err_category(hub.why), PZ_CAT_PROTO);
		pz_kit_far_fini(&raw);
		fx_end_fini(&hub, NULL);
	}
	fx_shut(&w);
}

/* Acknowledged is what the next node has, not what waits in front of it. */
static void
test_measure(void **state)
{
	struct carried c;
	struct pz_stream_measure m;

	(void)state;
	setup(&c);
	open_inner(&c);
	c.near->ops->measure(c.near, &m);
	assert_int_equal(m.unacked, 0);
	c.laptop.stream.round_trip_us = 7;
	fx_send(&c.in_laptop, 30000, 1);
	pz_turn_end(&c.w.turn);
	c.near->ops->measure(c.near, &m);
	assert_true(m.unacked > 30000 && m.unacked < 31000 && m.in_flight == m.unacked);
	assert_int_equal(m.round_trip_us, 7);
	fx_send(&c.laptop, 20, 1); /* others' bytes do not count once ours have arrived */
	c.hub.stream.piece = c.hub.stream.in.len;
	pz_turn_end(&c.w.turn);
	assert_true(pz_kit_stream_deliver(&c.hub.stream));
	assert_true(c.hub.stream.in.len > 0);
	c.near->ops->measure(c.near, &m);
	assert_int_equal(m.unacked, 0);
	c.hub.stream.piece = 0;
	run(&c);
	teardown(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_in_a_link), cmocka_unit_test(test_carrier_is_lost),
		cmocka_unit_test(test_refused),        cmocka_unit_test(test_not_read),
		cmocka_unit_test(test_messages_first), cmocka_unit_test(test_no_channels_agreed),
		cmocka_unit_test(test_bad_frames),     cmocka_unit_test(test_measure),
		cmocka_unit_test(test_last_props),     cmocka_unit_test(test_last_props_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
