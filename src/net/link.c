/*
 * Reading: the stream passes on the bytes of one system call. TLS decrypts them into the turn's
 * scratch buffer (or, when a frame has begun, directly after its beginning); frames are cut in
 * place and passed up. Only an incomplete frame is ever copied.
 *
 * Writing: frames are appended to `tx`; the turn's end encrypts up to 64 KiB at a time (full
 * records when much is waiting, one small record for a single message) and gives it to the stream.
 * When the stream takes less, the rest waits in `cipher` and nothing more is encrypted: so the
 * bytes in `tx` are known to be undelivered, and can be answered if the link ends.
 *
 * Time: one timer for each link, set to the earliest deadline; traffic only records the time and
 * never sets the timer.
 */
#include "net/link.h"

#include <stdlib.h>

#include "base/limits.h"
#include "wire/frame.h"

#define RECORD_BYTES (16U << 10)
/* Bytes that are decrypted at a time after the beginning of a frame. */
#define BEGUN_BYTES (4 * RECORD_BYTES)

static const struct pz_session_ops session_ops;
static void on_rested(struct pz_timer *timer, void *arg);

/* Flushed at the end of the turn, once. */
static void
mark_dirty(struct pz_link *link)
{
	if (!pz_list_is_linked(&link->dirty_node) && !link->closing)
		pz_list_append(&link->host->turn->dirty, &link->dirty_node);
}

static void
count_queue(struct pz_link *link)
{
	link->session.queued = link->tx.len + link->cipher.len;
}

/* ---- output ---- */

/* Bytes that the stream takes are progress, however few; the queue alone would also count the
 * overhead of TLS. */
static void
give(struct pz_link *link, struct pz_buf *cipher)
{
	size_t n = link->stream->ops->send(link->stream, pz_buf_slice(cipher));

	pz_buf_consume(cipher, n);
	link->session.drained += n;
}

/* Sends the output of TLS; the rest waits in link->cipher. */
enum pz_err
pz_link_emit(struct pz_link *link)
{
	struct pz_buf *cipher = &link->host->turn->cipher;
	enum pz_err err = PZ_OK;

	if (cipher->len == 0)
		return PZ_OK;
	pz_metric_add(link->host->metrics, PZ_METRIC_bytes_out, cipher->len);
	/* In order only: older bytes go first. */
	if (link->cipher.len == 0)
		give(link, cipher);
	if (cipher->len > 0) {
		err = pz_buf_append(&link->cipher, pz_buf_slice(cipher));
		pz_buf_consume(cipher, cipher->len);
	}
	return err;
}

/* Removes `len` bytes from the front of tx, and updates where the next frame begins. */
static void
consume_tx(struct pz_link *link, size_t len)
{
	if (len == link->tx.len) {
		link->tx_begun = 0;
	} else {
		const uint8_t *p = link->tx.mem + link->tx.start;
		size_t at = link->tx_begun;
		/* Each frame begins with its length (page 4), so each boundary follows from the one
		 * before. */
		while (at < len)
			at += PZ_FRAME_HEADER_BYTES + ((size_t)p[at] | (size_t)p[at + 1] << 8 |
						       (size_t)p[at + 2] << 16 |
						       (size_t)p[at + 3] << 24);
		link->tx_begun = (uint32_t)(at - len);
	}
	pz_buf_consume(&link->tx, len);
}

static enum pz_err
flush_messages(struct pz_link *link)
{
	if (link->cipher.len > 0)
		give(link, &link->cipher);
	/* Before the handshake is complete only its own flights are sent, also the rest of one. One
	 * chunk at a time: as soon as the stream takes less, the rest stays in tx as plain text,
	 * where it counts as not sent. */
	while (link->secured && link->tx.len > 0 && link->cipher.len == 0) {
		struct pz_slice chunk = pz_buf_slice(&link->tx);
		if (chunk.len > PZ_TURN_CHUNK_BYTES)
			chunk.len = PZ_TURN_CHUNK_BYTES;
		PZ_TRY(pz_tls_write(link->tls, chunk, &link->host->turn->cipher));
		consume_tx(link, chunk.len);
		PZ_TRY(pz_link_emit(link));
		link->tx_us = pz_env_mono_us(link->host->env);
	}
	return PZ_OK;
}

/* Channel data comes after all messages: one record for each of its frames. */
static enum pz_err
flush_channels(struct pz_link *link)
{
	struct pz_slice frame;
	bool has_sent = false;

	/* Channels carry bulk data: a message never waits for more than one flush of them left in
	 * the stream. */
	if (link->channels == NULL || link->tx.len > 0 || link->cipher.len > 0)
		return PZ_OK;
	while ((frame = pz_channels_next(link->channels)).len > 0) {
		PZ_TRY(pz_tls_write(link->tls, frame, &link->host->turn->cipher));
		pz_channels_sent(link->channels);
		has_sent = true;
	}
	if (has_sent)
		link->tx_us = pz_env_mono_us(link->host->env);
	PZ_TRY(pz_link_emit(link));
	/* Now the channels may fill their queues again, for the next turn. */
	pz_channels_flushed(link->channels);
	return PZ_OK;
}

void
pz_link_flush(struct pz_link *link)
{
	size_t before = link->session.queued;

	if (link->closing)
		return;
	enum pz_err err = flush_messages(link);
	if (err == PZ_OK)
		err = flush_channels(link);
	count_queue(link);
	if (err != PZ_OK) {
		/* The buffer belongs to the turn: bytes that this link left in it would be sent on
		 * the next link. */
		pz_buf_consume(&link->host->turn->cipher, link->host->turn->cipher.len);
		pz_link_close(link, err, "cannot send");
		return;
	}
	if (link->session.queued < before && link->host->events->drained)
		link->host->events->drained(link);
}

/* The cheap test first: the total of several frames may exceed the limit for one. */
static bool
is_too_long(const struct pz_link *link, struct pz_slice frames)
{
	size_t max = link->session.frame_max;

	return max > 0 && frames.len > max + PZ_FRAME_HEADER_BYTES && !pz_frames_fit(frames, max);
}

/* The first bytes after a pause: a check soon shows whether they arrive. Once for each pause, so
 * that traffic costs no timer. */
static void
leave_idle(struct pz_link *link)
{
	uint64_t soon = pz_env_mono_us(link->host->env) + PZ_LINK_IDLE_US;

	link->idle = false;
	if (link->live && link->timer.active && link->timer.due_us > soon)
		pz_timer_start(link->host->env->timers, &link->timer, soon);
}

static void
wake(struct pz_link *link)
{
	if (link->idle)
		leave_idle(link);
	mark_dirty(link);
}

enum pz_err
pz_link_send(struct pz_link *link, struct pz_slice frame)
{
	if (link->closing)
		return PZ_ERR_IO_CLOSED;
	if (is_too_long(link, frame))
		return PZ_ERR_PROTO_FRAME;
	/* tx has a maximum (PZ_QUEUE_MAX_BYTES); the router stops the sources long before. */
	PZ_TRY(pz_buf_append(&link->tx, frame));
	link->session.queued += frame.len;
	wake(link);
	return PZ_OK;
}

/* ---- channels ---- */

static void
on_channel_prop(void *arg, const char *status, json_t *message)
{
	struct pz_link *link = arg;

	if (link->closing)
		return;
	/* An end that opens channels and does not read gets no more answers: its opens end at their
	 * time limit. The number of channels bounds everything else that waits here. */
	if (link->session.queued > PZ_QUEUE_HIGH_BYTES && strcmp(status, "channelRefuse") == 0) {
		pz_metric_add(link->host->metrics, PZ_METRIC_messages_dropped, 1);
		return;
	}
	link->host->events->channel_prop(link, status, message);
}

static void
on_channel_wake(void *arg)
{
	wake(arg);
}

static void
on_channel_offered(void *arg, struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	struct pz_link *link = arg;

	link->host->events->channel_offered(link, channel, offer);
}

static const struct pz_channels_ops channels_ops = {
	.send = on_channel_prop,
	.wake = on_channel_wake,
	.offered = on_channel_offered,
};

struct pz_channels *
pz_link_channels(struct pz_link *link)
{
	if (link->closing || !link->live || link->host->events->channel_offered == NULL)
		return NULL;
	if (link->channels == NULL) {
		link->channels = pz_channels_new(link->host->env, &channels_ops, link);
		if (link->channels && link->stream->is_carried)
			pz_channels_set_bulk_window(link->channels,
						    PZ_CHANNEL_CARRIED_WINDOW_BYTES);
	}
	return link->channels;
}

/* An unknown status does not create the channels. */
bool
pz_link_on_channel_prop(struct pz_link *link, const char *status, json_t *message)
{
	struct pz_channels *channels = pz_channels_is_prop(status) ? pz_link_channels(link) : NULL;
	enum pz_err err = PZ_OK;

	if (channels == NULL || !pz_channels_on_prop(channels, status, message, &err))
		return false;
	/* A channel that breaks the rules ends the link: the counts of both ends differ from then
	 * on. */
	if (err != PZ_OK)
		pz_link_close(link, err, "a prop breaks the rules of channels");
	return true;
}

/* ---- time ---- */

static uint64_t
keepalive_us(const struct pz_link *link)
{
	return link->host->keepalive_us ? link->host->keepalive_us : PZ_KEEPALIVE_SEND_US;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* One timer for all deadlines of a link; on_time finds out which one has passed. */
static void
arm(struct pz_link *link)
{
	uint64_t due = UINT64_MAX;

	if (!link->live) {
		/* hello_us is 0 once the ClientHello has come. */
		due = link->until.hello_us ? earlier(link->until.hello_us, link->until.deadline_us)
					   : link->until.deadline_us;
	} else if (link->life.is_in_flight) {
		due = pz_env_mono_us(link->host->env) + PZ_LIVENESS_WATCH_US;
	} else {
		/* keepAlives are sent when nothing else was; two intervals of silence end the link
		 * (page 4). */
		due = earlier(link->rx_us + 2 * keepalive_us(link),
			      link->tx_us + keepalive_us(link));
		if (!link->idle)
			due = earlier(due, (link->rx_us > link->tx_us ? link->rx_us : link->tx_us) +
						   PZ_LINK_IDLE_US);
	}
	pz_timer_start(link->host->env->timers, &link->timer, due);
}

/* What has not arrived in time; NULL: there is time left. */
static const char *
late_for(struct pz_link *link, uint64_t now)
{
	if (now >= link->until.deadline_us)
		return link->until.patience_us ? "no progress"
		       : link->secured         ? "not registered in time"
					       : "the TLS handshake took too long";
	if (link->until.hello_us == 0 || now < link->until.hello_us)
		return NULL;
	if (!pz_tls_has_hello(link->tls) && !link->held.is_by_turn)
		return "no whole ClientHello in time";
	/* It has arrived, or may be in the socket while other links have their turn. */
	link->until.hello_us = pz_tls_has_hello(link->tls) ? 0 : now + PZ_HELLO_TIMEOUT_US;
	link->held.is_by_turn = false;
	return NULL;
}

/* Before the link is live its deadline applies; afterwards silence, keepAlives, a stalled path and
 * idle buffers. */
static void
on_time(struct pz_timer *timer, void *arg)
{
	struct pz_link *link = arg;
	uint64_t now = pz_env_mono_us(link->host->env);

	(void)timer;
	if (!link->live) {
		const char *late = late_for(link, now);
		if (late) {
			pz_link_close(link, PZ_ERR_IO_TIMEOUT, late);
			return;
		}
		/* While we do not read, silence proves nothing. */
	} else if (now >= link->rx_us + 2 * keepalive_us(link) && link->session.blocked == 0) {
		pz_link_close(link, PZ_ERR_IO_TIMEOUT, "nothing received, not even a keepAlive");
		return;
	} else {
		if (link->session.blocked > 0)
			link->rx_us = now; /* we are the end that does not read */
		if (now >= link->tx_us + keepalive_us(link)) {
			link->tx_us = now;
			link->host->events->keepalive(link);
		}
		if (pz_liveness_is_stalled(link)) {
			pz_link_close(link, PZ_ERR_IO_TIMEOUT, "what is sent does not arrive");
			return;
		}
		if (!link->idle && !link->life.is_in_flight &&
		    now >= link->rx_us + PZ_LINK_IDLE_US && now >= link->tx_us + PZ_LINK_IDLE_US) {
			link->idle = true;
			pz_tls_idle(link->tls);
		}
	}
	arm(link);
}

void
pz_link_establish(struct pz_link *link)
{
	link->live = true;
	link->until.deadline_us = 0;
	link->frame_max = link->host->frame_max;
	if (link->session.frame_max == 0)
		link->session.frame_max = link->host->frame_max;
	link->rx_us = link->tx_us = pz_env_mono_us(link->host->env);
	arm(link);
}

/* Each frame moves the deadline by this time. */
void
pz_link_set_patience(struct pz_link *link, uint64_t patience_us)
{
	link->until.patience_us = patience_us;
	link->until.deadline_us = pz_env_mono_us(link->host->env) + patience_us;
	arm(link);
}

/* ---- life ---- */

static void
on_life(struct pz_timer *timer, void *arg)
{
	struct pz_link *link = arg;

	(void)timer;
	if (pz_liveness_is_over(link))
		pz_link_close(link, PZ_ERR_IO_TIMEOUT, "no sign of life");
}

enum pz_err
pz_link_new(const struct pz_link_host *host, struct pz_stream *stream, struct pz_tls *tls,
	    uint64_t deadline_us, void *owner, struct pz_link **out)
{
	struct pz_link *link = calloc(1, sizeof(*link));

	if (link == NULL) {
		pz_tls_free(tls);
		stream->ops->close(stream);
		return PZ_ERR_LIMIT_MEMORY;
	}
	link->session.ops = &session_ops;
	link->host = host;
	link->owner = owner;
	link->stream = stream;
	link->tls = tls;
	/* Until pz_link_establish: the most memory that a stranger can make us use. */
	link->frame_max = PZ_FRAME_BYTES_ENROL;
	pz_buf_init(&link->rx, PZ_FRAME_HEADER_BYTES + PZ_FRAME_BYTES_MAX + BEGUN_BYTES,
		    host->turn->queue_pool);
	pz_buf_init(&link->tx, PZ_QUEUE_MAX_BYTES, host->turn->queue_pool);
	pz_buf_init(&link->cipher, 4 * PZ_TURN_CHUNK_BYTES, NULL);
	pz_timer_init(&link->timer, on_time, link);
	pz_timer_init(&link->held.rest, on_rested, link);
	pz_liveness_init(link, on_life);
	link->rx_us = link->tx_us = pz_env_mono_us(host->env);
	link->until.deadline_us = link->rx_us + deadline_us;
	link->until.hello_us = pz_tls_has_hello(tls) ? 0 : link->rx_us + PZ_HELLO_TIMEOUT_US;
	stream->link = link;
	arm(link);
	pz_metric_add(host->metrics, PZ_METRIC_links_opened, 1);
	*out = link;
	stream->ops->set_reading(stream, true);
	/* A client sends first; a server's handshake step without input produces nothing. */
	pz_link_on_bytes(link, (struct pz_slice){NULL, 0});
	return PZ_OK;
}

/* The router's map refers to this address: it stays until the link is freed. */
enum pz_err
pz_link_identify(struct pz_link *link, enum pz_session_kind kind, const char *address)
{
	char *copy = strdup(address);

	if (copy == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	/* Freed only now: `address` may be a part of the former one. */
	free(link->session.address);
	link->session.address = copy;
	link->session.address_len = strlen(copy);
	link->session.kind = kind;
	return PZ_OK;
}

void
pz_link_close(struct pz_link *link, enum pz_err why, const char *detail)
{
	if (link->closing)
		return;
	/* A slow consumer gets no more: the senders get errors for what it did not take. What was
	 * sent before the close is still delivered if possible: often it is the reason. */
	if (link->secured && why != PZ_ERR_LIMIT_QUEUE) {
		if (flush_messages(link) != PZ_OK)
			pz_buf_consume(&link->host->turn->cipher, link->host->turn->cipher.len);
		count_queue(link);
	}
	link->closing = true;
	link->end.why = why;
	link->end.detail = detail ? strdup(detail) : NULL;
	pz_liveness_stop(link);
	pz_env_stop(link->host->env, &link->held.rest);
	pz_list_remove(&link->dirty_node);
	/* At the end of the turn: callers up the stack still use the link. */
	pz_list_append(&link->host->turn->closing, &link->end.node);
}

/* ---- input ---- */

bool
pz_link_wants_bytes(struct pz_link *link)
{
	/* A handshake costs a thousand times as much as a message: their number in one turn is
	 * limited, so that live links are served. */
	bool wants =
		link->secured || link->host->turn->handshakes < link->host->turn->handshakes_max;

	link->held.is_by_turn = !wants;
	return wants;
}

/* One step of the handshake. True when it is complete. */
static bool
handshake(struct pz_link *link)
{
	struct pz_errinfo info = {""};
	bool done = false;

	enum pz_err err = pz_tls_handshake(link->tls, &link->host->turn->cipher, &done, &info);
	if (link->host->turn->cipher.len > 0)
		pz_liveness_on_flight(link);
	if (pz_link_emit(link) != PZ_OK && err == PZ_OK)
		err = PZ_ERR_LIMIT_QUEUE;
	if (err != PZ_OK) {
		pz_metric_add(link->host->metrics, PZ_METRIC_handshakes_failed, 1);
		pz_link_close(link, err, info.text);
		return false;
	}
	if (!done)
		return false;
	link->secured = true;
	link->host->events->secured(link);
	if (link->tx.len > 0)
		mark_dirty(link);
	return !link->closing;
}

static enum pz_err
take_message(struct pz_link *link, struct pz_slice frame)
{
	if (link->channels)
		pz_channels_note_message(link->channels, link->rx_us);
	return link->host->events->frame(link, frame);
}

/* Passes up every complete frame. @return the bytes used */
static size_t
cut_frames(struct pz_link *link, struct pz_slice bytes)
{
	size_t used = 0, need = 0;
	struct pz_slice frame;

	while (!link->closing && !link->held.is_resting && used < bytes.len) {
		struct pz_slice rest = pz_slice_of(bytes.ptr + used, bytes.len - used);
		enum pz_err err = pz_frame_cut(rest, link->frame_max, &frame, &need);
		/* A length with the highest bit set is malformed for a message; with channels it
		 * may be one of their frames. */
		bool is_data = err == PZ_ERR_PROTO_FRAME && link->channels;
		if (is_data)
			err = pz_frame_cut_data(rest, &frame, &need);
		if (err == PZ_OK && frame.len == 0)
			break;
		if (err == PZ_OK) {
			/* Counted before it is passed up: the call may close the link, and then no
			 * more frames are cut. */
			used += frame.len;
			err = is_data ? pz_channels_on_frame(link->channels, frame)
				      : take_message(link, frame);
			if (link->until.patience_us)
				link->until.deadline_us = link->rx_us + link->until.patience_us;
		}
		if (err != PZ_OK)
			pz_link_close(link, err, pz_err_text(err));
	}
	return used;
}

/* Router and rest may each hold it back. */
static void
set_reading(struct pz_link *link, bool on)
{
	if (on) /* the silence was ours */
		link->rx_us = pz_env_mono_us(link->host->env);
	link->stream->ops->set_reading(link->stream, on);
}

static void
on_rested(struct pz_timer *timer, void *arg)
{
	struct pz_link *link = arg;

	(void)timer;
	link->held.is_resting = false;
	pz_buf_consume(&link->rx, cut_frames(link, pz_buf_slice(&link->rx)));
	if (!link->held.is_resting && !link->closing && link->session.blocked == 0)
		set_reading(link, true);
}

void
pz_link_rest(struct pz_link *link, uint64_t rest_us)
{
	if (rest_us == 0 || link->closing || link->held.is_resting)
		return;
	link->held.is_resting = true;
	set_reading(link, false);
	pz_env_start(link->host->env, &link->held.rest, rest_us);
}

/* Reads plaintext into buf until TLS has no more or less than a record fits. */
static enum pz_err
decrypt(struct pz_link *link, uint8_t *buf, size_t cap, size_t *out_len, struct pz_errinfo *info)
{
	size_t len = 0, n = 0;
	enum pz_err err = PZ_OK;

	/* TLS writes whole records: with less room than one, bytes would stay in OpenSSL. */
	while (cap - len >= RECORD_BYTES) {
		err = pz_tls_read(link->tls, buf + len, cap - len, &n, &link->host->turn->cipher,
				  info);
		if (err != PZ_OK || n == 0)
			break;
		len += n;
	}
	*out_len = len;
	return err;
}

/* Bytes of the other end have arrived. */
static void
note_received(struct pz_link *link)
{
	link->rx_us = pz_env_mono_us(link->host->env);
	if (!link->secured || link->life.is_probed)
		pz_liveness_on_bytes(link);
}

/* Bytes count before their record is whole, since a slow line takes long for one. A node that
 * relays the link can make up such bytes, or deliver a record piece by piece: there they count only
 * for a limited time. */
static void
note_bytes(struct pz_link *link)
{
	uint64_t now = pz_env_mono_us(link->host->env);

	link->idle = false;
	if (link->secured && link->stream->is_carried) {
		if (link->unverified_us == 0)
			link->unverified_us = now;
		if (now - link->unverified_us >= PZ_LIVENESS_UNVERIFIED_US)
			return;
	}
	note_received(link);
}

static void
note_verified(struct pz_link *link)
{
	if (link->unverified_us != 0)
		note_received(link);
	link->unverified_us = 0;
}

/* One round: decrypt, cut, keep the rest. *out_more: there may be another round. */
static enum pz_err
pump_once(struct pz_link *link, bool *out_more, struct pz_errinfo *info)
{
	struct pz_turn *turn = link->host->turn;
	bool begun = link->rx.len > 0;
	uint8_t *buf = turn->plain;
	size_t cap = PZ_TURN_PLAIN_BYTES, len = 0;

	if (begun) {
		cap = BEGUN_BYTES;
		if (pz_buf_reserve(&link->rx, cap, &buf) != PZ_OK)
			return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "no memory for a frame");
	}
	enum pz_err end = decrypt(link, buf, cap, &len, info);
	if (len > 0)
		note_verified(link);
	/* The turn's cipher buffer must be empty before another link can use it. */
	if (pz_link_emit(link) != PZ_OK && end == PZ_OK)
		end = PZ_ERR_LIMIT_QUEUE;
	*out_more = len > 0 && cap - len < RECORD_BYTES;
	if (begun) {
		/* The buffer belongs to the link here, so an incomplete frame stays where it is. */
		pz_buf_commit(&link->rx, len);
		pz_buf_consume(&link->rx, cut_frames(link, pz_buf_slice(&link->rx)));
		return end;
	}
	size_t used = cut_frames(link, pz_slice_of(buf, len));
	/* Now an incomplete frame has begun: this is the only copy. */
	if (used < len && !link->closing)
		PZ_TRY(pz_buf_append(&link->rx, pz_slice_of(buf + used, len - used)));
	return end;
}

void
pz_link_on_bytes(struct pz_link *link, struct pz_slice bytes)
{
	struct pz_errinfo info = {""};
	enum pz_err err = PZ_OK;
	bool more = true;

	if (link->closing)
		return;
	pz_metric_add(link->host->metrics, PZ_METRIC_bytes_in, bytes.len);
	note_bytes(link);
	pz_tls_input(link->tls, bytes);
	/* The very first step, without bytes, is cheap: a flood of silent connections must not use
	 * up the share of the others. */
	if (!link->secured && bytes.len > 0)
		link->host->turn->handshakes++;
	if (!link->secured && !handshake(link))
		return;
	while (more && err == PZ_OK && !link->closing)
		err = pump_once(link, &more, &info);
	if (err != PZ_OK)
		pz_link_close(link, err, info.text[0] ? info.text : pz_err_text(err));
}

void
pz_link_on_writable(struct pz_link *link)
{
	mark_dirty(link);
}

void
pz_link_on_end(struct pz_link *link, enum pz_err why, const char *detail)
{
	link->end.is_hang_up = true;
	pz_link_close(link, why, detail);
}

/* ---- as a session ---- */

static enum pz_err
session_send(struct pz_session *session, struct pz_slice frame)
{
	return pz_link_send(pz_link_of(session), frame);
}

/* Called by the router's back-pressure. */
static void
session_set_reading(struct pz_session *session, bool on)
{
	struct pz_link *link = pz_link_of(session);

	if (link->stream == NULL || link->closing)
		return;
	pz_liveness_on_reading(link, on);
	set_reading(link, on && !link->held.is_resting);
}

static void
session_close(struct pz_session *session, enum pz_err why, const char *detail)
{
	pz_link_close(pz_link_of(session), why, detail);
}

static const struct pz_session_ops session_ops = {
	.send = session_send,
	.set_reading = session_set_reading,
	.close = session_close,
};
