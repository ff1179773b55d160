/*
 * Received bytes wait in `in` until the tunnel's timer, without delay, passes them on. The channel
 * gets credit for the bytes that were passed on, so `in` is never longer than its window.
 */
#include "tunnel/tunnel.h"

#include <stdlib.h>

#include "base/limits.h"

/* Passed to the link at a time: its record is decrypted in the turn's buffer. */
#define PIECE_BYTES ((size_t)64 << 10)
/* Delay of the next try when the share of handshakes is used up. */
#define AGAIN_US (1 * PZ_US_PER_MS)

struct pz_tunnel {
	struct pz_stream stream;
	const struct pz_env *env;
	struct pz_link *carrier;    /* while there is a channel */
	struct pz_channel *channel; /* NULL: it has ended */
	struct pz_buf in;
	struct pz_timer deliver;
	const struct pz_dial_events *events; /* while it is being opened */
	void *arg;
	uint64_t acked; /* lower bound of the bytes that the next node has */
	uint64_t mark,
		mark_taken; /* when the carrier has come to mark, it has mark_taken of them */
	bool is_reading, is_failed;
	bool is_over;       /* no more bytes will come */
	struct pz_buf rest; /* of a link that has ended: sent before the channel closes */
	char reason[PZ_CHANNEL_REASON_BYTES_MAX + 1];
};

static struct pz_tunnel *
tunnel_of(struct pz_stream *stream)
{
	return (struct pz_tunnel *)(void *)stream;
}

static void
tunnel_free(struct pz_tunnel *tunnel)
{
	pz_env_stop(tunnel->env, &tunnel->deliver);
	pz_buf_fini(&tunnel->in);
	pz_buf_fini(&tunnel->rest);
	free(tunnel);
}

/* ---- in ---- */

static bool
has_news(const struct pz_tunnel *tunnel)
{
	return tunnel->is_reading && (tunnel->in.len > 0 || tunnel->is_over);
}

static void
deliver_soon(struct pz_tunnel *tunnel)
{
	if (has_news(tunnel) && !tunnel->deliver.active)
		pz_env_start(tunnel->env, &tunnel->deliver, 0);
}

/* The link may be closed inside; it is freed, with this stream, at the end of the turn. */
static void
on_deliver(struct pz_timer *timer, void *arg)
{
	struct pz_tunnel *tunnel = arg;
	struct pz_slice bytes = pz_buf_slice(&tunnel->in);

	if (!has_news(tunnel) || tunnel->stream.link == NULL)
		return;
	if (bytes.len == 0) {
		pz_link_on_end(tunnel->stream.link, PZ_ERR_IO_CLOSED,
			       tunnel->reason[0] ? tunnel->reason : "hang-up");
		return;
	}
	if (!pz_link_wants_bytes(tunnel->stream.link)) {
		pz_env_start(tunnel->env, timer, AGAIN_US);
		return;
	}
	if (bytes.len > PIECE_BYTES)
		bytes.len = PIECE_BYTES;
	pz_link_on_bytes(tunnel->stream.link, bytes);
	pz_buf_consume(&tunnel->in, bytes.len);
	if (tunnel->channel)
		pz_channel_consumed(tunnel->channel, bytes.len);
	deliver_soon(tunnel);
}

static void
fail(struct pz_tunnel *tunnel, enum pz_err err)
{
	if (tunnel->is_failed)
		return;
	tunnel->is_failed = true; /* closing flushes, which sends once more */
	if (tunnel->stream.link)
		pz_link_on_end(tunnel->stream.link, err, pz_err_text(err));
}

static void
on_data(void *arg, struct pz_slice data)
{
	struct pz_tunnel *tunnel = arg;

	enum pz_err err = pz_buf_append(&tunnel->in, data);
	if (err != PZ_OK)
		fail(tunnel, err);
	else
		deliver_soon(tunnel);
}

static void
on_over(struct pz_tunnel *tunnel)
{
	tunnel->is_over = true;
	deliver_soon(tunnel);
}

static void
on_ended(void *arg)
{
	on_over(arg);
}

static void
on_closed(void *arg, const char *reason, json_t *message)
{
	struct pz_tunnel *tunnel = arg;

	(void)message;
	tunnel->channel = NULL;
	tunnel->carrier = NULL;
	if (tunnel->rest.len > 0) {
		tunnel_free(tunnel);
		return;
	}
	snprintf(tunnel->reason, sizeof(tunnel->reason), "%s",
		 strcmp(reason, "ok") == 0 ? "" : reason);
	on_over(tunnel);
}

/* ---- out ---- */

static void stream_close(struct pz_stream *stream);

/* Frees the tunnel when nothing else uses it. */
static void
send_rest(struct pz_tunnel *tunnel)
{
	size_t taken = 0;

	enum pz_err err = pz_channel_send(tunnel->channel, pz_buf_slice(&tunnel->rest), &taken);
	if (err == PZ_OK)
		pz_buf_consume(&tunnel->rest, taken);
	if (err != PZ_OK || tunnel->rest.len == 0)
		stream_close(&tunnel->stream);
}

static void
on_writable(void *arg)
{
	struct pz_tunnel *tunnel = arg;

	if (tunnel->rest.len > 0)
		send_rest(tunnel);
	else if (tunnel->stream.link)
		pz_link_on_writable(tunnel->stream.link);
}

static size_t
stream_send(struct pz_stream *stream, struct pz_slice bytes)
{
	struct pz_tunnel *tunnel = tunnel_of(stream);
	size_t taken = 0;

	if (tunnel->channel == NULL || tunnel->is_failed)
		return 0;
	enum pz_err err = pz_channel_send(tunnel->channel, bytes, &taken);
	if (err != PZ_OK)
		fail(tunnel, err);
	return taken;
}

static void
stream_set_reading(struct pz_stream *stream, bool on)
{
	struct pz_tunnel *tunnel = tunnel_of(stream);

	tunnel->is_reading = on;
	deliver_soon(tunnel);
}

/* The link's byte count: bytes that ever left its queue, or were encrypted for it. */
static uint64_t
position(const struct pz_link *link)
{
	return link->session.drained + link->cipher.len;
}

/* Lower bound of what the next node has acknowledged: everything except what is in transit on the
 * carrier, of any channel; and everything before a mark once the carrier has passed it. */
static void
note_acked(struct pz_tunnel *tunnel, uint64_t carrier_acked)
{
	uint64_t taken = pz_channel_taken(tunnel->channel);
	uint64_t left =
		pz_channel_queued(tunnel->channel) + position(tunnel->carrier) - carrier_acked;

	if (taken > left && taken - left > tunnel->acked)
		tunnel->acked = taken - left;
	if (tunnel->mark_taken <= tunnel->acked && pz_channel_queued(tunnel->channel) == 0) {
		tunnel->mark = position(tunnel->carrier);
		tunnel->mark_taken = taken;
	}
	if (tunnel->mark_taken > tunnel->acked && carrier_acked >= tunnel->mark)
		tunnel->acked = tunnel->mark_taken;
}

static void
stream_measure(struct pz_stream *stream, struct pz_stream_measure *out)
{
	struct pz_tunnel *tunnel = tunnel_of(stream);
	struct pz_link *carrier = tunnel->carrier;
	struct pz_stream_measure below = {0};

	*out = (struct pz_stream_measure){0};
	if (carrier == NULL || carrier->stream == NULL)
		return;
	if (carrier->stream->ops->measure)
		carrier->stream->ops->measure(carrier->stream, &below);
	note_acked(tunnel, carrier->session.drained - below.unacked);
	out->unacked = (size_t)(pz_channel_taken(tunnel->channel) - tunnel->acked);
	out->in_flight = below.in_flight > 0 ? out->unacked : 0;
	out->round_trip_us = below.round_trip_us;
}

static void
stream_close(struct pz_stream *stream)
{
	struct pz_tunnel *tunnel = tunnel_of(stream);

	if (tunnel->channel)
		pz_channel_close(tunnel->channel, "ok");
	tunnel_free(tunnel);
}

static void
on_farewell_over(struct pz_timer *timer, void *arg)
{
	(void)timer;
	stream_close(arg);
}

static void
stream_finish(struct pz_stream *stream, struct pz_slice rest)
{
	struct pz_tunnel *tunnel = tunnel_of(stream);

	pz_buf_init(&tunnel->rest, rest.len, NULL);
	if (tunnel->channel == NULL || tunnel->is_failed ||
	    pz_buf_append(&tunnel->rest, rest) != PZ_OK) {
		stream_close(stream);
		return;
	}
	stream->link = NULL;
	tunnel->is_reading = false;
	pz_env_stop(tunnel->env, &tunnel->deliver);
	pz_timer_init(&tunnel->deliver, on_farewell_over, stream);
	pz_env_start(tunnel->env, &tunnel->deliver, PZ_FAREWELL_US);
	send_rest(tunnel);
}

static const struct pz_stream_ops stream_ops = {
	.send = stream_send,
	.set_reading = stream_set_reading,
	.measure = stream_measure,
	.close = stream_close,
	.finish = stream_finish,
};

bool
pz_stream_is_tunnel(const struct pz_stream *stream)
{
	return stream->ops == &stream_ops;
}

/* ---- opening ---- */

static struct pz_tunnel *
tunnel_new(struct pz_link *carrier)
{
	struct pz_tunnel *tunnel = calloc(1, sizeof(*tunnel));

	if (tunnel == NULL)
		return NULL;
	tunnel->stream.ops = &stream_ops;
	tunnel->stream.is_carried = true;
	tunnel->env = carrier->host->env;
	tunnel->carrier = carrier;
	pz_buf_init(&tunnel->in, 2 * (size_t)PZ_CHANNEL_WINDOW_BYTES_MAX, NULL);
	pz_timer_init(&tunnel->deliver, on_deliver, tunnel);
	return tunnel;
}

/* From here on the receiver owns it, and may close it at once. */
static void
on_accepted(void *arg, json_t *message, uint32_t window)
{
	struct pz_tunnel *tunnel = arg;
	const struct pz_dial_events *events = tunnel->events;

	(void)message;
	(void)window;
	tunnel->events = NULL;
	events->connected(tunnel->arg, &tunnel->stream);
}

static void
on_refused(void *arg, enum pz_channel_refusal why)
{
	struct pz_tunnel *tunnel = arg;
	const struct pz_dial_events *events = tunnel->events;
	void *owner = tunnel->arg;

	tunnel->channel = NULL;
	tunnel_free(tunnel);
	events->failed(owner, why == PZ_CHANNEL_UNREACHABLE ? PZ_ERR_IO : PZ_ERR_IO_REFUSED,
		       pz_channel_refusal_text(why));
}

static const struct pz_channel_ops channel_ops = {
	.accepted = on_accepted,
	.refused = on_refused,
	.data = on_data,
	.writable = on_writable,
	.ended = on_ended,
	.closed = on_closed,
};

enum pz_err
pz_tunnel_open(struct pz_link *carrier, const char *to, const struct pz_dial_events *events,
	       void *arg, struct pz_tunnel **out)
{
	const struct pz_channel_offer offer = {
		.to = to,
		.kind = "link",
		.window = PZ_CHANNEL_WINDOW_BYTES,
	};
	struct pz_channels *channels = pz_link_channels(carrier);

	if (channels == NULL)
		return PZ_ERR_IO_CLOSED;
	struct pz_tunnel *tunnel = tunnel_new(carrier);
	if (tunnel == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	tunnel->events = events;
	tunnel->arg = arg;
	enum pz_err err = pz_channel_open(channels, &offer, &channel_ops, tunnel, &tunnel->channel);
	if (err != PZ_OK) {
		tunnel_free(tunnel);
		return err;
	}
	*out = tunnel;
	return PZ_OK;
}

void
pz_tunnel_cancel(struct pz_tunnel *tunnel)
{
	if (tunnel)
		stream_close(&tunnel->stream);
}

struct pz_stream *
pz_tunnel_accept(struct pz_link *carrier, struct pz_channel *channel)
{
	struct pz_tunnel *tunnel = tunnel_new(carrier);

	if (tunnel == NULL) {
		pz_channel_refuse(channel, PZ_CHANNEL_LIMIT);
		return NULL;
	}
	tunnel->channel = channel;
	pz_channel_accept(channel, PZ_CHANNEL_WINDOW_BYTES, NULL, &channel_ops, tunnel);
	return &tunnel->stream;
}
