#include "net/link_fixture.h"

/* ---- time ---- */

void
fx_advance(struct fx_world *w, uint64_t us)
{
	pz_kit_clock_jump(&w->clock, us);
	pz_turn_end(&w->turn);
}

/* ---- events ---- */

void
fx_close(struct fx_end *which)
{
	if (which && which->link)
		pz_link_close(which->link, PZ_ERR_DENIED, "told to");
}

static void
fx_on_secured(struct pz_link *link)
{
	struct fx_end *end = link->owner;

	end->secured++;
	assert_int_equal(end->closed, 0);
	if (end->establish_in_secured)
		pz_link_establish(link);
	fx_close(end->close_in_secured);
}

static enum pz_err
fx_on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct fx_end *end = link->owner;

	end->frame_count++;
	assert_int_equal(end->closed, 0);
	assert_false(link->closing); /* nothing comes up once it is marked */
	if (!end->counts_only)
		assert_ok(pz_buf_append(&end->frames, frame));
	fx_close(end->close_in_frame);
	pz_link_rest(link, end->rest_us);
	return end->frame_err;
}

static void
fx_on_keepalive(struct pz_link *link)
{
	struct fx_end *end = link->owner;

	end->keepalives++;
	fx_close(end->close_in_keepalive);
}

/* A frame without content stands for the probe. */
static void
fx_on_probe(struct pz_link *link)
{
	struct fx_end *end = link->owner;

	end->probes++;
	assert_ok(pz_link_send(link, pz_slice_of("\x02\0\0\0{}", 6)));
}

static void
fx_on_alive(struct pz_link *link)
{
	((struct fx_end *)link->owner)->alive++;
}

static void
fx_on_drained(struct pz_link *link)
{
	struct fx_end *end = link->owner;

	end->drained++;
	fx_close(end->close_in_drained);
}

static void
fx_on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct fx_end *end = link->owner;

	end->closed++;
	end->why = why;
	snprintf(end->detail, sizeof(end->detail), "%s", detail);
	assert_ok(pz_buf_append(&end->undelivered, undelivered));
	/* It is too late for anything, and harmless. */
	assert_int_equal(pz_link_send(link, pz_slice_of("x", 1)), PZ_ERR_IO_CLOSED);
	link->session.ops->set_reading(&link->session, true);
	pz_link_close(link, PZ_ERR_INTERNAL, "again");
	end->link = NULL;
}

const struct pz_link_events fx_events = {
	.secured = fx_on_secured,
	.frame = fx_on_frame,
	.keepalive = fx_on_keepalive,
	.probe = fx_on_probe,
	.alive = fx_on_alive,
	.drained = fx_on_drained,
	.closed = fx_on_closed,
};

void
fx_run(struct fx_end *a, struct fx_end *b)
{
	bool moved;

	pz_turn_end(&a->world->turn);
	do {
		moved = pz_kit_stream_deliver(&a->stream);
		moved |= b && pz_kit_stream_deliver(&b->stream);
		moved |= pz_kit_stream_resume(&a->stream);
		moved |= b && pz_kit_stream_resume(&b->stream);
		pz_turn_end(&a->world->turn);
	} while (moved);
}

/* ---- set-up ---- */

void
fx_open(struct fx_world *w)
{
	*w = (struct fx_world){0};
	pz_kit_clock_init(&w->clock);
	assert_ok(pz_turn_init(&w->turn, 0));
	w->host = (struct pz_link_host){
		.env = &w->clock.env,
		.turn = &w->turn,
		.metrics = &w->metrics,
		.events = &fx_events,
		.frame_max = PZ_FRAME_BYTES_DEFAULT,
	};
	pz_kit_zone_init(&w->zone, "alice@example.org", &w->clock.env);
	pz_kit_zone_init(&w->stranger, "eve@example.org", &w->clock.env);
	w->hub_ctx = pz_kit_tls_ctx(PZ_TLS_HUB_SERVER, &w->zone.hub, &w->zone, NULL);
	w->laptop_ctx = pz_kit_tls_ctx(PZ_TLS_CLIENT, &w->zone.laptop, &w->zone, NULL);
	w->stranger_ctx = pz_kit_tls_ctx(PZ_TLS_CLIENT, &w->stranger.laptop, &w->zone, NULL);
}

void
fx_shut(struct fx_world *w)
{
	pz_tls_ctx_free(w->hub_ctx);
	pz_tls_ctx_free(w->laptop_ctx);
	pz_tls_ctx_free(w->stranger_ctx);
	pz_kit_zone_fini(&w->zone);
	pz_kit_zone_fini(&w->stranger);
	assert_true(pz_list_is_empty(&w->turn.dirty));
	assert_true(pz_list_is_empty(&w->turn.closing));
	assert_int_equal(w->turn.cipher.len, 0);
	pz_turn_fini(&w->turn);
	assert_true(pz_kit_clock_is_idle(&w->clock));
}

static struct pz_tls_ctx *
fx_select(void *arg, const char *label, enum pz_tls_purpose purpose)
{
	(void)label;
	(void)purpose;
	return ((struct fx_world *)arg)->hub_ctx;
}

void
fx_end_init(struct fx_world *w, struct fx_end *end, struct pz_kit_stream *peer)
{
	*end = (struct fx_end){.world = w};
	pz_kit_stream_init(&end->stream, peer);
	pz_buf_init(&end->frames, SIZE_MAX / 4, NULL);
	pz_buf_init(&end->undelivered, SIZE_MAX / 4, NULL);
}

struct pz_tls *
fx_client_tls(struct pz_tls_ctx *ctx)
{
	struct pz_expect hub = {.zone = "alice@example.org", .role = PZ_EXPECT_HUB};
	struct pz_tls *tls = NULL;

	assert_ok(pz_tls_new_client(ctx, "hub.example", &hub, &tls));
	return tls;
}

struct pz_tls *
fx_server_tls(struct fx_world *w)
{
	struct pz_tls *tls = NULL;

	assert_ok(pz_tls_new_server(fx_select, w, &w->clock.env, &tls));
	return tls;
}

void
fx_link(struct fx_end *end, struct pz_tls *tls)
{
	assert_ok(pz_link_new(&end->world->host, &end->stream.stream, tls, PZ_HANDSHAKE_TIMEOUT_US,
			      end, &end->link));
}

void
fx_pair(struct fx_world *w, struct fx_end *hub, struct fx_end *laptop, struct pz_tls_ctx *ctx)
{
	fx_end_init(w, hub, &laptop->stream);
	fx_end_init(w, laptop, &hub->stream);
	fx_link(hub, fx_server_tls(w));
	fx_link(laptop, fx_client_tls(ctx));
}

void
fx_established(struct fx_world *w, struct fx_end *hub, struct fx_end *laptop)
{
	fx_pair(w, hub, laptop, w->laptop_ctx);
	hub->establish_in_secured = laptop->establish_in_secured = true;
	fx_run(hub, laptop);
	assert_int_equal(hub->secured, 1);
	assert_int_equal(laptop->secured, 1);
	assert_ok(pz_link_identify(hub->link, PZ_SESSION_DEVICE, "alice@example.org/laptop"));
	assert_ok(pz_link_identify(laptop->link, PZ_SESSION_HUB, "alice@example.org"));
	hub->stream.sends = laptop->stream.sends = 0;
}

void
fx_end_fini(struct fx_end *a, struct fx_end *b)
{
	struct fx_end *ends[] = {a, b};

	for (int i = 0; i < 2 && ends[i]; i++)
		if (ends[i]->link)
			pz_link_close(ends[i]->link, PZ_OK, "");
	pz_turn_end(&a->world->turn);
	for (int i = 0; i < 2 && ends[i]; i++) {
		assert_int_equal(ends[i]->closed, 1); /* exactly once, whatever happened */
		assert_true(ends[i]->stream.is_closed);
		pz_buf_fini(&ends[i]->frames);
		pz_buf_fini(&ends[i]->undelivered);
		pz_kit_stream_fini(&ends[i]->stream);
	}
}

/* ---- the bare other end ---- */

void
fx_far_run(struct pz_kit_far *far, struct fx_end *hub)
{
	do {
		(void)pz_kit_far_read(far);
		fx_run(hub, NULL);
	} while (far->end.in.len > 0);
}

void
fx_far_open(struct fx_world *w, struct fx_end *hub, struct pz_kit_far *far, bool establish)
{
	pz_kit_far_init(far, &hub->stream, fx_client_tls(w->laptop_ctx));
	fx_end_init(w, hub, &far->end);
	hub->establish_in_secured = establish;
	fx_link(hub, fx_server_tls(w));
	fx_far_run(far, hub);
	fx_far_run(far, hub);
	assert_int_equal(hub->secured, 1);
}

void
fx_far_write(struct pz_kit_far *far, struct fx_end *hub, const void *bytes, size_t len)
{
	pz_kit_far_write(far, pz_slice_of(bytes, len));
	fx_far_run(far, hub);
}

uint8_t *
fx_make_frame(size_t body_len, unsigned seed)
{
	uint8_t *frame = malloc(PZ_FRAME_HEADER_BYTES + body_len);

	assert_non_null(frame);
	pz_frame_put_header(frame, body_len);
	for (size_t i = 0; i < body_len; i++)
		frame[PZ_FRAME_HEADER_BYTES + i] = (uint8_t)(seed * 31 + i * 7 + i / 251);
	return frame;
}

void
fx_send(struct fx_end *end, size_t body_len, unsigned seed)
{
	uint8_t *frame = fx_make_frame(body_len, seed);

	assert_ok(pz_link_send(end->link, pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + body_len)));
	free(frame);
}

static size_t
write_message(char *out, size_t size, const char *type, unsigned number)
{
	int len = snprintf(out, size, "{\"type\":\"%s\",\"id\":%u,\"text\":\"", type, number);

	assert_in_range(len, 1, size - 1);
	return (size_t)len;
}

void
fx_send_message(struct fx_end *end, const char *type, unsigned number, size_t text_len)
{
	size_t size = 100 + text_len;
	char *frame = malloc(size), *body = frame + PZ_FRAME_HEADER_BYTES;

	assert_non_null(frame);
	size_t len = write_message(body, 90, type, number);
	memset(body + len, 'x', text_len);
	memcpy(body + len + text_len, "\"}", 2);
	len += text_len + 2;
	pz_frame_put_header((uint8_t *)frame, len);
	assert_ok(pz_link_send(end->link, pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + len)));
	free(frame);
}

void
fx_expect_message(struct pz_buf *frames, const char *type, unsigned number)
{
	char begin[90];
	struct pz_slice frame;
	size_t need, len = write_message(begin, sizeof(begin), type, number);

	assert_ok(pz_frame_cut(pz_buf_slice(frames), PZ_FRAME_BYTES_MAX, &frame, &need));
	assert_true(frame.len > len);
	assert_memory_equal(pz_frame_body(frame).ptr, begin, len);
	pz_buf_consume(frames, frame.len);
}

void
fx_expect(struct pz_buf *frames, size_t body_len, unsigned seed)
{
	uint8_t *frame = fx_make_frame(body_len, seed);
	size_t len = PZ_FRAME_HEADER_BYTES + body_len;

	assert_true(frames->len >= len);
	assert_memory_equal(pz_buf_slice(frames).ptr, frame, len);
	pz_buf_consume(frames, len);
	free(frame);
}
