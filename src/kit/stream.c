#include "kit/stream.h"

#include "kit/check.h"

static struct pz_kit_stream *
of(struct pz_stream *stream)
{
	return (struct pz_kit_stream *)(void *)stream;
}

static size_t
on_send(struct pz_stream *stream, struct pz_slice bytes)
{
	struct pz_kit_stream *s = of(stream);

	PZ_KIT_CHECK(!s->is_closed && bytes.len > 0);
	s->sends++;
	size_t used = s->peer->in.len, room = s->peer->window > used ? s->peer->window - used : 0;
	size_t n = bytes.len < room ? bytes.len : room;
	s->is_full = n < bytes.len;
	PZ_KIT_OK(pz_buf_append(&s->peer->in, pz_slice_of(bytes.ptr, n)));
	return n;
}

static void
on_set_reading(struct pz_stream *stream, bool on)
{
	PZ_KIT_CHECK(!of(stream)->is_closed);
	of(stream)->is_reading = on;
}

/* What the other end has not read yet is on its way, unless it does not read at all. */
static void
on_measure(struct pz_stream *stream, struct pz_stream_measure *out)
{
	const struct pz_kit_stream *s = of(stream);
	size_t unread = s->peer->in.len;

	*out = (struct pz_stream_measure){.unacked = unread,
					  .in_flight = s->peer->is_reading ? unread : 0,
					  .round_trip_us = s->round_trip_us};
}

static void
on_close(struct pz_stream *stream)
{
	PZ_KIT_CHECK(!of(stream)->is_closed);
	of(stream)->is_closed = true;
}

static void
on_finish(struct pz_stream *stream, struct pz_slice rest)
{
	on_close(stream);
	PZ_KIT_OK(pz_buf_append(&of(stream)->rest, rest));
}

static size_t
lose(struct pz_stream *stream, struct pz_slice bytes)
{
	(void)stream;
	return bytes.len;
}

static void
lost_set_reading(struct pz_stream *stream, bool on)
{
	(void)stream;
	(void)on;
}

static void
lost_close(struct pz_stream *stream)
{
	(void)stream;
}

static void
lost_finish(struct pz_stream *stream, struct pz_slice rest)
{
	(void)stream;
	(void)rest;
}

struct pz_stream *
pz_kit_stream_lost(void)
{
	static const struct pz_stream_ops ops = {
		.send = lose,
		.set_reading = lost_set_reading,
		.close = lost_close,
		.finish = lost_finish,
	};
	static struct pz_stream lost = {.ops = &ops};

	return &lost;
}

void
pz_kit_stream_init(struct pz_kit_stream *stream, struct pz_kit_stream *peer)
{
	static const struct pz_stream_ops ops = {
		.send = on_send,
		.set_reading = on_set_reading,
		.measure = on_measure,
		.close = on_close,
		.finish = on_finish,
	};

	*stream = (struct pz_kit_stream){
		.stream.ops = &ops,
		.peer = peer,
		.window = PZ_KIT_STREAM_BYTES,
		.pool = pz_buf_pool_new(64U << 10, 1),
	};
	PZ_KIT_CHECK(stream->pool != NULL);
	pz_buf_init(&stream->in, PZ_KIT_STREAM_BYTES, stream->pool);
	pz_buf_init(&stream->rest, PZ_KIT_STREAM_BYTES, NULL);
}

void
pz_kit_stream_fini(struct pz_kit_stream *stream)
{
	pz_buf_fini(&stream->in);
	pz_buf_fini(&stream->rest);
	pz_buf_pool_free(stream->pool);
}

/* What the closed end could not send yet. */
static bool
take_rest(struct pz_kit_stream *stream)
{
	struct pz_buf *rest = &stream->peer->rest;
	size_t room = stream->window > stream->in.len ? stream->window - stream->in.len : 0;
	size_t n = rest->len < room ? rest->len : room;

	if (n == 0)
		return false;
	PZ_KIT_OK(pz_buf_append(&stream->in, pz_slice_of(pz_buf_slice(rest).ptr, n)));
	pz_buf_consume(rest, n);
	return true;
}

bool
pz_kit_stream_deliver(struct pz_kit_stream *stream)
{
	struct pz_link *link = stream->stream.link;
	size_t all = stream->in.len;
	size_t n = stream->piece && stream->piece < all ? stream->piece : all;

	if (stream->is_closed || !stream->is_reading || link == NULL || link->closing)
		return false;
	if (n > 0 && pz_link_wants_bytes(link)) {
		pz_link_on_bytes(link, pz_slice_of(pz_buf_slice(&stream->in).ptr, n));
		pz_buf_consume(&stream->in, n);
		return true;
	}
	if (take_rest(stream))
		return true;
	if (n > 0 || !stream->peer->is_closed || stream->is_ended)
		return false;
	stream->is_ended = true;
	pz_link_on_end(link, PZ_ERR_IO_CLOSED, "hang-up");
	return true;
}

bool
pz_kit_stream_resume(struct pz_kit_stream *stream)
{
	if (stream->is_closed || !stream->is_full || stream->peer->in.len >= stream->peer->window)
		return false;
	stream->is_full = false;
	pz_link_on_writable(stream->stream.link);
	return true;
}

void
pz_kit_far_init(struct pz_kit_far *far, struct pz_kit_stream *peer, struct pz_tls *takes_tls)
{
	*far = (struct pz_kit_far){.tls = takes_tls};
	pz_kit_stream_init(&far->end, peer);
	pz_buf_init(&far->plain, SIZE_MAX / 4, NULL);
}

void
pz_kit_far_fini(struct pz_kit_far *far)
{
	pz_kit_stream_fini(&far->end);
	pz_tls_free(far->tls);
	pz_buf_fini(&far->plain);
}

bool
pz_kit_far_read(struct pz_kit_far *far)
{
	struct pz_buf *out = &far->end.peer->in;
	uint8_t plain[16384];
	size_t len = 1, arrived = far->end.in.len, had = out->len;
	bool done;

	if (far->tls == NULL || far->err != PZ_OK || (arrived == 0 && pz_tls_is_ready(far->tls)))
		return false;
	pz_tls_input(far->tls, pz_buf_slice(&far->end.in));
	if (!pz_tls_is_ready(far->tls))
		far->err = pz_tls_handshake(far->tls, out, &done, NULL);
	while (far->err == PZ_OK && pz_tls_is_ready(far->tls) && len > 0) {
		far->err = pz_tls_read(far->tls, plain, sizeof(plain), &len, out, NULL);
		if (far->err == PZ_OK)
			PZ_KIT_OK(pz_buf_append(&far->plain, pz_slice_of(plain, len)));
	}
	pz_buf_consume(&far->end.in, arrived);
	return arrived > 0 || out->len != had;
}

void
pz_kit_far_write(struct pz_kit_far *far, struct pz_slice bytes)
{
	PZ_KIT_OK(pz_tls_write(far->tls, bytes, &far->end.peer->in));
}
