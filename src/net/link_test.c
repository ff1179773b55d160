/* The promises of a link: it receives and sends frames, whatever the stream and the other end
 * do. */

#include "base/limits.h"
#include "net/link_world_fixture.h"

/* ---- the ordinary life ---- */

static void
frames_go_both_ways(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	fx_send(&hub, 1, 1);
	fx_send(&hub, 300, 2);
	fx_send(&laptop, 5000, 3);
	fx_run(&hub, &laptop);
	fx_expect(&laptop.frames, 1, 1);
	fx_expect(&laptop.frames, 300, 2);
	fx_expect(&hub.frames, 5000, 3);
	assert_int_equal(laptop.frames.len + hub.frames.len, 0);
	assert_int_equal(hub.link->session.queued, 0);
	assert_int_equal(pz_metric_get(&w.metrics, PZ_METRIC_links_opened), 2);
	fx_end_fini(&hub, &laptop);
	assert_int_equal(pz_metric_get(&w.metrics, PZ_METRIC_links_closed), 2);
}

/* Page 13: one TLS write and one system call per destination and turn. */
static void
one_flush_a_turn(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	for (unsigned i = 0; i < 40; i++)
		fx_send(&hub, 300, i);
	assert_int_equal(hub.stream.sends, 0);
	assert_int_equal(hub.link->session.queued, 40 * 304);
	pz_turn_end(&w.turn);
	assert_int_equal(hub.stream.sends, 1);
	assert_int_equal(laptop.stream.in.len, 40 * 304 + 22); /* one record */
	assert_int_equal(hub.link->session.queued, 0);
	assert_int_equal(hub.drained, 1);
	pz_turn_end(&w.turn);
	assert_int_equal(hub.stream.sends, 1);
	fx_run(&hub, &laptop);
	for (unsigned i = 0; i < 40; i++)
		fx_expect(&laptop.frames, 300, i);
	fx_end_fini(&hub, &laptop);
}

static void
a_dribbling_network_changes_nothing(void **state)
{
	struct fx_end hub, laptop;
	static const size_t pieces[] = {1, 2, 7, 1000, 16384 + 22};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		fx_pair(&w, &hub, &laptop, w.laptop_ctx);
		hub.establish_in_secured = laptop.establish_in_secured = true;
		hub.stream.piece = laptop.stream.piece = pieces[i];
		fx_run(&hub, &laptop);
		for (unsigned k = 0; k < 20; k++)
			fx_send(&hub, 1 + 97 * k, k);
		fx_send(&laptop, 40000, 99);
		fx_run(&hub, &laptop);
		for (unsigned k = 0; k < 20; k++)
			fx_expect(&laptop.frames, 1 + 97 * k, k);
		fx_expect(&hub.frames, 40000, 99);
		fx_end_fini(&hub, &laptop);
	}
}

/* ---- frames of every shape ---- */

static void
a_frame_may_be_cut_anywhere(void **state)
{
	struct fx_end hub;
	struct pz_kit_far raw;
	enum { BODY = 37, LEN = 3 * (PZ_FRAME_HEADER_BYTES + BODY) };
	uint8_t bytes[LEN];

	(void)state;
	fx_far_open(&w, &hub, &raw, true);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t *frame = fx_make_frame(BODY, i);
		memcpy(bytes + i * (PZ_FRAME_HEADER_BYTES + BODY), frame,
		       PZ_FRAME_HEADER_BYTES + BODY);
		free(frame);
	}
	for (size_t cut = 1; cut < LEN; cut++) {
		fx_far_write(&raw, &hub, bytes, cut);
		fx_far_write(&raw, &hub, bytes + cut, LEN - cut);
		for (unsigned i = 0; i < 3; i++)
			fx_expect(&hub.frames, BODY, i);
	}
	for (size_t at = 0; at < LEN; at++)
		fx_far_write(&raw, &hub, bytes + at, 1);
	for (unsigned i = 0; i < 3; i++)
		fx_expect(&hub.frames, BODY, i);
	assert_int_equal(hub.link->rx.len, 0);
	assert_null(hub.link->rx.mem); /* an idle link holds no buffer */
	fx_end_fini(&hub, NULL);
	pz_kit_far_fini(&raw);
}

static void
frames_larger_than_a_read(void **state)
{
	struct fx_end hub, laptop;
	static const size_t bodies[] = {
		PZ_FRAME_BYTES_ENROL,   PZ_TURN_PLAIN_BYTES - 5, PZ_TURN_PLAIN_BYTES - 4,
		PZ_TURN_PLAIN_BYTES,    PZ_FRAME_BYTES_DEFAULT,  PZ_FRAME_BYTES_MAX - 70000,
		PZ_FRAME_BYTES_MAX - 1, PZ_FRAME_BYTES_MAX,
	};

	(void)state;
	w.host.frame_max = PZ_FRAME_BYTES_MAX;
	fx_established(&w, &hub, &laptop);
	laptop.stream.window = 64U << 10;
	laptop.stream.piece = 5000; /* so that it is looked at when nearly complete */
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		fx_send(&hub, 100, 1);
		fx_send(&hub, bodies[i], 2);
		fx_send(&hub, 100, 3);
		fx_run(&hub, &laptop);
		assert_non_null(laptop.link);
		fx_expect(&laptop.frames, 100, 1);
		fx_expect(&laptop.frames, bodies[i], 2);
		fx_expect(&laptop.frames, 100, 3);
	}
	fx_end_fini(&hub, &laptop);
}

static void
more_frames_than_a_read_holds(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	for (unsigned i = 0; i < 3000; i++)
		fx_send(&hub, 300 + i % 77, i);
	fx_run(&hub, &laptop);
	for (unsigned i = 0; i < 3000; i++)
		fx_expect(&laptop.frames, 300 + i % 77, i);
	fx_end_fini(&hub, &laptop);
}

static void
frame_lengths_out_of_range_close_the_link(void **state)
{
	static const struct {
		bool establish;
		uint32_t len;
		bool passes;
	} rows[] = {
		{false, PZ_FRAME_BYTES_ENROL, true},
		{false, PZ_FRAME_BYTES_ENROL + 1, false},
		{false, 0, false},
		{true, PZ_FRAME_BYTES_ENROL + 1, true},
		{true, PZ_FRAME_BYTES_DEFAULT, true},
		{true, PZ_FRAME_BYTES_DEFAULT + 1, false},
		{true, 0, false},
		{true, 0x80000001, false},
		{true, 0xffffffff, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fx_end hub;
		struct pz_kit_far raw;
		uint8_t header[PZ_FRAME_HEADER_BYTES];
		fx_far_open(&w, &hub, &raw, rows[i].establish);
		pz_frame_put_header(header, rows[i].len);
		fx_far_write(&raw, &hub, header, sizeof(header));
		if (rows[i].passes) {
			uint8_t *body = calloc(1, rows[i].len);
			fx_far_write(&raw, &hub, body, rows[i].len);
			free(body);
			assert_int_equal(hub.frame_count, 1);
			assert_int_equal(hub.closed, 0);
		} else {
			assert_int_equal(hub.closed, 1);
			assert_int_equal(hub.why, PZ_ERR_PROTO_FRAME);
			assert_int_equal(raw.err, PZ_ERR_IO_CLOSED); /* with close_notify */
		}
		fx_end_fini(&hub, NULL);
		pz_kit_far_fini(&raw);
	}
}

static void
an_error_of_the_owner_closes_and_ends_it(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	hub.frame_err = PZ_ERR_PROTO_JSON;
	for (unsigned i = 0; i < 5; i++)
		fx_send(&laptop, 10, i);
	fx_run(&hub, &laptop);
	assert_int_equal(hub.frame_count,
			 1); /* what came behind in the same piece is not handed up */
	assert_int_equal(hub.why, PZ_ERR_PROTO_JSON);
	assert_string_equal(hub.detail, pz_err_text(PZ_ERR_PROTO_JSON));
	assert_int_equal(laptop.why, PZ_ERR_IO_CLOSED);
	fx_end_fini(&hub, &laptop);
}

/* ---- the stream does not take everything ---- */

static void
a_slow_stream_delays_but_loses_nothing(void **state)
{
	struct fx_end hub, laptop;
	unsigned sent = 0;

	(void)state;
	fx_established(&w, &hub, &laptop);
	laptop.stream.window = 5000;
	laptop.stream.piece = 777;
	for (; sent < 300; sent++)
		fx_send(&hub, 1000 + sent, sent);
	pz_turn_end(&w.turn);
	assert_true(hub.link->session.queued > 250000);
	assert_true(hub.link->cipher.len > 0);
	/* No more than one chunk is encrypted ahead. */
	assert_true(hub.link->cipher.len <= PZ_TURN_CHUNK_BYTES + 200);
	fx_run(&hub, &laptop);
	assert_int_equal(hub.link->session.queued, 0);
	assert_true(hub.link->session.drained >= 300 * 1000);
	assert_true(hub.drained > 10);
	for (unsigned i = 0; i < sent; i++)
		fx_expect(&laptop.frames, 1000 + i, i);
	assert_int_equal(laptop.frames.len, 0);
	fx_end_fini(&hub, &laptop);
}

/* Whatever leaves counts, also when what TLS adds makes the queue longer meanwhile. */
static void
every_byte_that_leaves_is_progress(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	laptop.stream.window = 10;
	fx_send(&hub, 200000, 1);
	pz_turn_end(&w.turn);
	uint64_t seen = hub.link->session.drained;
	for (int i = 0; i < 100; i++) {
		/* The reader takes ten bytes, and this test throws them away. */
		pz_buf_consume(&laptop.stream.in, laptop.stream.in.len);
		pz_link_on_writable(hub.link);
		pz_turn_end(&w.turn);
		assert_int_equal(hub.link->session.drained, seen + 10);
		seen += 10;
	}
	fx_end_fini(&hub, &laptop);
}

static void
the_queue_is_bounded(void **state)
{
	struct fx_end hub, laptop;
	enum pz_err err = PZ_OK;
	uint8_t *frame = fx_make_frame(PZ_FRAME_BYTES_DEFAULT, 1);
	struct pz_slice slice = pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + PZ_FRAME_BYTES_DEFAULT);
	size_t count = 0;

	(void)state;
	fx_established(&w, &hub, &laptop);
	laptop.stream.window = 0;
	while ((err = pz_link_send(hub.link, slice)) == PZ_OK) {
		count++;
		pz_turn_end(&w.turn);
	}
	assert_int_equal(err, PZ_ERR_LIMIT_QUEUE);
	assert_in_range(count, 38, 41);
	assert_true(hub.link->session.queued <= PZ_QUEUE_MAX_BYTES + PZ_TURN_CHUNK_BYTES + 200);
	assert_int_equal(hub.closed, 0);
	laptop.stream.window = PZ_KIT_STREAM_BYTES;
	laptop.counts_only = true;
	fx_run(&hub, &laptop);
	assert_int_equal(laptop.frame_count, count);
	assert_ok(pz_link_send(hub.link, slice));
	free(frame);
	fx_end_fini(&hub, &laptop);
}

/* Sent before the handshake is done: kept until it is. */
static void
early_frames_wait(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_pair(&w, &hub, &laptop, w.laptop_ctx);
	fx_send(&laptop, 100, 1);
	fx_send(&hub, 100, 2);
	fx_run(&hub, &laptop);
	fx_expect(&hub.frames, 100, 1);
	fx_expect(&laptop.frames, 100, 2);
	fx_end_fini(&hub, &laptop);
}

/* ---- closing ---- */

static void
what_is_queued_still_goes(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	fx_send(&hub, 500, 1);
	pz_link_close(hub.link, PZ_ERR_EXISTS, "replaced");
	pz_link_close(hub.link, PZ_ERR_INTERNAL, "the first reason counts");
	assert_int_equal(pz_link_send(hub.link, pz_slice_of("abcd", 4)), PZ_ERR_IO_CLOSED);
	assert_int_equal(hub.closed, 0); /* never from inside */
	fx_run(&hub, &laptop);
	assert_int_equal(hub.closed, 1);
	assert_int_equal(hub.why, PZ_ERR_EXISTS);
	assert_string_equal(hub.detail, "replaced");
	assert_int_equal(hub.undelivered.len, 0);
	fx_expect(&laptop.frames, 500, 1);
	assert_int_equal(laptop.why, PZ_ERR_IO_CLOSED);
	assert_string_not_equal(laptop.detail, "hang-up"); /* it was said, in TLS */
	fx_end_fini(&hub, &laptop);
}

/* What never left is given back in whole frames; one that was begun may have arrived and is not. */
static void
undelivered_frames_are_given_back(void **state)
{
	static const size_t windows[] = {0, 1, 1000, 65536, 70000, 131072, 200000, 400000};

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		struct fx_end hub, laptop;
		enum { FRAMES = 60, BODY = 7001 };
		fx_established(&w, &hub, &laptop);
		laptop.stream.window = windows[i];
		for (unsigned k = 0; k < FRAMES; k++)
			fx_send(&hub, BODY, k);
		pz_turn_end(&w.turn);
		pz_link_close(hub.link, PZ_ERR_LIMIT_QUEUE, "slow consumer");
		fx_run(&hub, &laptop);
		assert_int_equal(hub.closed, 1);
		assert_int_equal(hub.undelivered.len % (BODY + PZ_FRAME_HEADER_BYTES), 0);
		unsigned given_back =
			(unsigned)(hub.undelivered.len / (BODY + PZ_FRAME_HEADER_BYTES));
		unsigned arrived = laptop.frame_count;
		assert_true(arrived + given_back <= FRAMES);
		/* at most what one chunk touches is in doubt */
		assert_true(FRAMES - arrived - given_back <= PZ_TURN_CHUNK_BYTES / BODY + 3);
		for (unsigned k = 0; k < arrived; k++)
			fx_expect(&laptop.frames, BODY, k);
		for (unsigned k = FRAMES - given_back; k < FRAMES; k++)
			fx_expect(&hub.undelivered, BODY, k);
		if (windows[i] == 0)
			assert_true(given_back >= FRAMES - PZ_TURN_CHUNK_BYTES / BODY - 2);
		fx_end_fini(&hub, &laptop);
	}
}

/* The stream has room for a part of the record, or none: the rest of it goes all the same, with the
 * props that wait and the end in TLS. Calls go another way. */
static void
the_last_props_go_when_the_stream_is_full(void **state)
{
	static const size_t windows[] = {0, 1, 20, 100, 300, 1000, 1U << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		struct fx_end hub, laptop;

		fx_established(&w, &hub, &laptop);
		laptop.stream.window = windows[i];
		fx_send_message(&hub, "prop", 1, 150);
		pz_turn_end(&w.turn); /* what the stream does not take of its record waits */
		bool is_full = hub.link->cipher.len > 0;
		fx_send_message(&hub, "JSONRPC", 2, 150);
		fx_send_message(&hub, "prop", 3, 150);
		fx_close(&hub);
		pz_turn_end(&w.turn);
		laptop.stream.window = 200;
		fx_run(&hub, &laptop);
		fx_expect_message(&laptop.frames, "prop", 1);
		fx_expect_message(is_full ? &hub.undelivered : &laptop.frames, "JSONRPC", 2);
		fx_expect_message(&laptop.frames, "prop", 3);
		assert_int_equal(laptop.frames.len, 0);
		assert_int_equal(laptop.why, PZ_ERR_IO_CLOSED);
		assert_string_not_equal(laptop.detail, "hang-up"); /* close_notify has come */
		fx_end_fini(&hub, &laptop);
	}
}

/* A frame that was begun comes first, and of too many props the newest count. */
static void
of_many_props_the_newest_go(void **state)
{
	enum { PROPS = 40, TEXT = 7000, FIT = PZ_FAREWELL_BYTES / (TEXT + 60) };
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	laptop.stream.window = 1000;
	for (unsigned i = 0; i < PROPS; i++)
		fx_send_message(&hub, "prop", i, TEXT);
	pz_turn_end(&w.turn);
	assert_true(hub.link->tx_begun > 0);
	fx_close(&hub);
	pz_turn_end(&w.turn);
	laptop.stream.window = PZ_KIT_STREAM_BYTES;
	fx_run(&hub, &laptop);
	unsigned begun = PZ_TURN_CHUNK_BYTES / (TEXT + 40) + 1;
	for (unsigned i = 0; i < begun; i++)
		fx_expect_message(&laptop.frames, "prop", i);
	assert_true(laptop.frame_count - begun >= FIT && laptop.frame_count < PROPS);
	for (unsigned i = PROPS - (laptop.frame_count - begun); i < PROPS; i++)
		fx_expect_message(&laptop.frames, "prop", i);
	assert_string_not_equal(laptop.detail, "hang-up");
	fx_end_fini(&hub, &laptop);
}

/* One that does not read gets no more, and one that has hung up cannot. */
static void
nothing_follows_for_one_that_does_not_take_it(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fx_end hub, laptop;

		fx_established(&w, &hub, &laptop);
		laptop.stream.window = 0;
		fx_send_message(&hub, "prop", 1, 100);
		pz_turn_end(&w.turn);
		if (i == 0)
			pz_link_close(hub.link, PZ_ERR_LIMIT_QUEUE, "slow consumer");
		else
			pz_link_on_end(hub.link, PZ_ERR_IO_CLOSED, "hang-up");
		pz_turn_end(&w.turn);
		assert_int_equal(hub.stream.rest.len, 0);
		fx_end_fini(&hub, &laptop);
	}
}

static void
nothing_is_given_back_of_a_frame_begun(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	laptop.stream.window = 100000;
	fx_send(&hub, 900000, 1);
	pz_turn_end(&w.turn);
	assert_true(hub.link->tx.len > 0);
	fx_close(&hub);
	fx_run(&hub, &laptop);
	assert_int_equal(hub.undelivered.len, 0);
	assert_int_equal(laptop.frame_count, 0);
	fx_end_fini(&hub, &laptop);
}

static void
a_hang_up_is_noticed_after_the_data(void **state)
{
	struct fx_end hub;
	struct pz_kit_far raw;
	uint8_t *frame = fx_make_frame(100, 1);

	(void)state;
	fx_far_open(&w, &hub, &raw, true);
	pz_kit_far_write(&raw, pz_slice_of(frame, 104));
	pz_kit_far_write(&raw, pz_slice_of(frame, 50)); /* half a frame */
	raw.end.is_closed = true;
	fx_far_run(&raw, &hub);
	fx_expect(&hub.frames, 100, 1);
	assert_int_equal(hub.frames.len, 0);
	assert_int_equal(hub.why, PZ_ERR_IO_CLOSED);
	assert_string_equal(hub.detail, "hang-up");
	free(frame);
	fx_end_fini(&hub, NULL);
	pz_kit_far_fini(&raw);
}

static void
damage_closes_the_link(void **state)
{
	struct fx_end hub;
	struct pz_kit_far raw;
	uint8_t *frame = fx_make_frame(100, 1);

	(void)state;
	fx_far_open(&w, &hub, &raw, true);
	pz_kit_far_write(&raw, pz_slice_of(frame, 104));
	hub.stream.in.mem[hub.stream.in.start + 20] ^= 1;
	fx_far_run(&raw, &hub);
	assert_int_equal(hub.frame_count, 0);
	assert_int_equal(hub.why, PZ_ERR_PROTO);
	free(frame);
	fx_end_fini(&hub, NULL);
	pz_kit_far_fini(&raw);
}

static void
whatever_is_no_tls_is_refused(void **state)
{
	struct fx_end hub;
	struct pz_kit_stream other;

	(void)state;
	pz_kit_stream_init(&other, &hub.stream);
	fx_end_init(&w, &hub, &other);
	fx_link(&hub, fx_server_tls(&w));
	assert_ok(pz_buf_append_str(&hub.stream.in, "GET / HTTP/1.1\r\n\r\n"));
	fx_run(&hub, NULL);
	assert_int_equal(hub.closed, 1);
	assert_int_equal(hub.why, PZ_ERR_PROTO);
	assert_int_equal(hub.secured, 0);
	assert_int_equal(pz_metric_get(&w.metrics, PZ_METRIC_handshakes_failed), 1);
	pz_kit_stream_fini(&other);
	fx_end_fini(&hub, NULL);
}

static void
a_stranger_is_refused_before_any_frame(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_pair(&w, &hub, &laptop, w.stranger_ctx);
	fx_send(&laptop, 100, 1);
	fx_run(&hub, &laptop);
	assert_int_equal(hub.secured, 0);
	assert_int_equal(hub.frame_count, 0);
	assert_int_equal(hub.why, PZ_ERR_DENIED_CHAIN);
	assert_true(hub.detail[0] != '\0');
	assert_int_equal(laptop.why, PZ_ERR_DENIED_REMOTE); /* the alert arrives */
	fx_end_fini(&hub, &laptop);
}

/* ---- closing from inside every call-back ---- */

static void
closing_from_inside_is_safe(void **state)
{
	(void)state;
	for (int which = 0; which < 8; which++) {
		struct fx_end hub, laptop;
		bool other = which >= 4; /* it closes the other end's link, which shares the turn */
		fx_pair(&w, &hub, &laptop, w.laptop_ctx);
		hub.establish_in_secured = laptop.establish_in_secured = true;
		if (which % 4 == 0)
			hub.close_in_secured = other ? &laptop : &hub;
		fx_run(&hub, &laptop);
		if (which % 4 != 0)
			assert_int_equal(hub.closed + laptop.closed, 0);
		if (which % 4 == 1)
			hub.close_in_frame = other ? &laptop : &hub;
		if (which % 4 == 2)
			hub.close_in_drained = other ? &laptop : &hub;
		if (which % 4 == 3)
			hub.close_in_keepalive = other ? &laptop : &hub;
		if (laptop.link && hub.link) {
			fx_send(&laptop, 100, 1);
			fx_send(&laptop, 100, 2);
			fx_send(&hub, 100, 3);
		}
		fx_run(&hub, &laptop);
		fx_advance(&w, PZ_KEEPALIVE_SEND_US);
		fx_run(&hub, &laptop);
		assert_int_equal(hub.closed, 1);
		assert_int_equal(laptop.closed, 1);
		assert_int_equal((other ? &laptop : &hub)->why, PZ_ERR_DENIED);
		fx_end_fini(&hub, &laptop);
	}
}

static void
a_link_may_be_closed_before_it_has_begun(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_pair(&w, &hub, &laptop, w.laptop_ctx);
	pz_link_close(hub.link, PZ_ERR_LIMIT, NULL);
	fx_run(&hub, &laptop);
	assert_int_equal(hub.why, PZ_ERR_LIMIT);
	assert_string_equal(hub.detail, "");
	assert_int_equal(laptop.why, PZ_ERR_IO_CLOSED);
	fx_end_fini(&hub, &laptop);
}

/* The other end would close the link for it. */
static void
what_the_other_end_does_not_take_is_not_queued(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_established(&w, &hub, &laptop);
	assert_int_equal(hub.link->session.frame_max, hub.link->host->frame_max); /* not reported */
	hub.link->session.frame_max = 300;
	uint8_t *frame = fx_make_frame(301, 1);
	assert_int_equal(pz_link_send(hub.link, pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + 301)),
			 PZ_ERR_PROTO_FRAME);
	assert_int_equal(hub.link->session.queued, 0);
	free(frame);
	fx_send(&hub, 300, 2);
	struct pz_buf many; /* whole frames, each of them short */
	pz_buf_init(&many, 4096, NULL);
	frame = fx_make_frame(200, 3);
	assert_ok(pz_buf_append(&many, pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + 200)));
	assert_ok(pz_buf_append(&many, pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + 200)));
	assert_ok(pz_link_send(hub.link, pz_buf_slice(&many)));
	pz_buf_fini(&many);
	free(frame);
	fx_run(&hub, &laptop);
	fx_expect(&laptop.frames, 300, 2);
	fx_expect(&laptop.frames, 200, 3);
	fx_expect(&laptop.frames, 200, 3);
	fx_end_fini(&hub, &laptop);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		LINK_TEST(frames_go_both_ways),
		LINK_TEST(one_flush_a_turn),
		LINK_TEST(a_dribbling_network_changes_nothing),
		LINK_TEST(a_frame_may_be_cut_anywhere),
		LINK_TEST(frames_larger_than_a_read),
		LINK_TEST(more_frames_than_a_read_holds),
		LINK_TEST(frame_lengths_out_of_range_close_the_link),
		LINK_TEST(an_error_of_the_owner_closes_and_ends_it),
		LINK_TEST(a_slow_stream_delays_but_loses_nothing),
		LINK_TEST(every_byte_that_leaves_is_progress),
		LINK_TEST(the_queue_is_bounded),
		LINK_TEST(what_the_other_end_does_not_take_is_not_queued),
		LINK_TEST(early_frames_wait),
		LINK_TEST(what_is_queued_still_goes),
		LINK_TEST(undelivered_frames_are_given_back),
		LINK_TEST(the_last_props_go_when_the_stream_is_full),
		LINK_TEST(of_many_props_the_newest_go),
		LINK_TEST(nothing_follows_for_one_that_does_not_take_it),
		LINK_TEST(nothing_is_given_back_of_a_frame_begun),
		LINK_TEST(a_hang_up_is_noticed_after_the_data),
		LINK_TEST(damage_closes_the_link),
		LINK_TEST(whatever_is_no_tls_is_refused),
		LINK_TEST(a_stranger_is_refused_before_any_frame),
		LINK_TEST(closing_from_inside_is_safe),
		LINK_TEST(a_link_may_be_closed_before_it_has_begun),
	};

	pz_log_threshold = PZ_LOG_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
