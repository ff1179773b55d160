/*
 * Data. Outgoing bytes wait in the channel's queue as whole frames, each filled before the next one
 * begins: so many small pieces use no more memory than their window. Everything in a queue is
 * within the other end's window and can be sent at once. Channels with something to send form a
 * ring; each sends one frame in its turn.
 */
#include "base/auto.h"
#include "channel/internal.h"

/* Headers of a full window, and one more frame. */
#define QUEUE_BYTES_MAX                                                                            \
	((size_t)PZ_CHANNEL_WINDOW_BYTES_MAX / PZ_DATA_BYTES_MAX * PZ_DATA_HEADER_BYTES +          \
	 PZ_CHANNEL_WINDOW_BYTES_MAX + PZ_DATA_FRAME_BYTES_MAX)

/* A longer measured round trip means that the path was not used meanwhile. */
#define WAY_US_MAX (60 * PZ_US_PER_S)
#define RATE_US_MIN (10 * PZ_US_PER_MS)
/* A piece of this size is not the last one. */
#define BULK_BYTES (PZ_DATA_BYTES_MAX / 2)

/* ---- out ---- */

/* The data first fills the last frame of the queue, as far as there is room. */
static size_t
fill_last(struct pz_channel *channel, struct pz_slice data)
{
	size_t room = channel->tail ? PZ_DATA_BYTES_MAX - channel->tail : 0;
	size_t n = data.len < room ? data.len : room;

	if (n == 0 || pz_buf_append(&channel->out, pz_slice_of(data.ptr, n)) != PZ_OK)
		return 0;
	struct pz_buf *out = &channel->out;
	channel->tail += (uint32_t)n;
	pz_frame_put_data_header(out->mem + out->start + out->len - channel->tail -
					 PZ_DATA_HEADER_BYTES,
				 channel->peer, channel->tail);
	return n;
}

static enum pz_err
add_frame(struct pz_channel *channel, struct pz_slice data)
{
	uint8_t *mem;

	PZ_TRY(pz_buf_reserve(&channel->out, PZ_DATA_HEADER_BYTES + data.len, &mem));
	pz_frame_put_data_header(mem, channel->peer, data.len);
	memcpy(mem + PZ_DATA_HEADER_BYTES, data.ptr, data.len);
	pz_buf_commit(&channel->out, PZ_DATA_HEADER_BYTES + data.len);
	channel->tail = (uint32_t)data.len;
	return PZ_OK;
}

/* Reserves memory for these bytes and what usually follows in the same turn, so that the queue does
 * not grow and get copied frame by frame. If that fails, frames allocate their own. */
static void
make_room(struct pz_channel *channel, size_t len)
{
	size_t frames = len / PZ_DATA_BYTES_MAX + 1;
	size_t need = len + frames * PZ_DATA_HEADER_BYTES;
	uint8_t *mem;

	if (need < PZ_CHANNEL_UNSENT_BYTES && channel->out.len == 0)
		need = PZ_CHANNEL_UNSENT_BYTES;
	(void)!pz_buf_reserve(&channel->out, need, &mem);
}

/* Queues bytes that are within the window; *out_taken: all, or those before memory ran out. */
static enum pz_err
queue(struct pz_channel *channel, struct pz_slice data, size_t *out_taken)
{
	enum pz_err err = PZ_OK;
	size_t done = fill_last(channel, data);

	if (data.len - done >= BULK_BYTES)
		make_room(channel, data.len - done);
	while (done < data.len && err == PZ_OK) {
		size_t n = data.len - done;
		if (n > PZ_DATA_BYTES_MAX)
			n = PZ_DATA_BYTES_MAX;
		err = add_frame(channel, pz_slice_of(data.ptr + done, n));
		if (err == PZ_OK)
			done += n;
	}
	channel->send_left -= (uint32_t)done;
	channel->taken += done;
	*out_taken = done;
	if (channel->out.len > 0 && !pz_list_is_linked(&channel->ready_node)) {
		pz_list_append(&channel->channels->ready, &channel->ready_node);
		channel->channels->ops->wake(channel->channels->arg);
	}
	return done > 0 ? PZ_OK : err;
}

static bool
may_send(const struct pz_channel *channel)
{
	return channel->state == CHANNEL_OPEN && !channel->is_ending;
}

/* Bytes that the queue still takes from its owner: with their headers they fill one flush. */
static size_t
own_room(const struct pz_channel *channel)
{
	size_t queued = channel->out.len;
	size_t room = queued < PZ_CHANNEL_UNSENT_BYTES ? PZ_CHANNEL_UNSENT_BYTES - queued : 0;
	size_t headers = (room / PZ_DATA_FRAME_BYTES_MAX + 1) * PZ_DATA_HEADER_BYTES;

	return room > headers ? room - headers : 0;
}

static size_t
room(const struct pz_channel *channel)
{
	size_t own = own_room(channel);

	return own < channel->send_left ? own : channel->send_left;
}

size_t
pz_channel_room(struct pz_channel *channel)
{
	size_t n = may_send(channel) ? room(channel) : 0;

	channel->is_wanted |= n == 0 && may_send(channel);
	return n;
}

enum pz_err
pz_channel_send(struct pz_channel *channel, struct pz_slice data, size_t *out_taken)
{
	size_t n = data.len;

	*out_taken = 0;
	if (!may_send(channel) || data.len == 0)
		return PZ_OK;
	if (n > room(channel))
		n = room(channel);
	enum pz_err err = n > 0 ? queue(channel, pz_slice_of(data.ptr, n), out_taken) : PZ_OK;
	channel->is_wanted = *out_taken < data.len;
	return err;
}

enum pz_err
pz_channel_forward(struct pz_channel *channel, struct pz_slice data)
{
	size_t taken = 0;

	if (!may_send(channel) || data.len > channel->send_left)
		return PZ_ERR_LIMIT_QUEUE;
	PZ_TRY(queue(channel, data, &taken));
	return taken == data.len ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

void
pz_channel_report_gone(struct pz_channel *channel)
{
	void (*gone)(void *arg) = PZ_TAKE(channel->gone);

	if (gone)
		gone(channel->arg);
}

void
pz_channel_settle(struct pz_channel *channel)
{
	if (channel->out.len > 0)
		return;
	if (channel->is_ending && !channel->is_end_sent && !channel->is_close_sent) {
		channel->is_end_sent = true;
		pz_channel_send_end(channel);
	}
	if (channel->state == CHANNEL_CLOSING && !channel->is_close_sent) {
		channel->is_close_sent = true;
		pz_channel_send_close(channel);
		pz_channel_report_gone(channel);
	}
}

void
pz_channel_end(struct pz_channel *channel)
{
	if (!may_send(channel))
		return;
	channel->is_ending = true;
	pz_channel_settle(channel);
}

size_t
pz_channel_queued(const struct pz_channel *channel)
{
	return channel->out.len;
}

uint64_t
pz_channel_taken(const struct pz_channel *channel)
{
	return channel->taken;
}

/* ---- turns ---- */

struct pz_slice
pz_channels_next(struct pz_channels *channels)
{
	struct pz_list *node = pz_list_first(&channels->ready);
	struct pz_slice frame = {0};
	size_t need;

	if (node == NULL || channels->budget == 0)
		return frame;
	struct pz_channel *channel = PZ_CONTAINER(node, struct pz_channel, ready_node);
	if (pz_frame_cut_data(pz_buf_slice(&channel->out), &frame, &need) != PZ_OK)
		return (struct pz_slice){0};
	return frame;
}

/* A channel with more to send goes to the end of the list, so that all channels get their turn. */
void
pz_channels_sent(struct pz_channels *channels)
{
	struct pz_slice frame = pz_channels_next(channels);
	struct pz_list *node = pz_list_first(&channels->ready);

	if (frame.len == 0)
		return;
	struct pz_channel *channel = PZ_CONTAINER(node, struct pz_channel, ready_node);
	channels->budget -= frame.len < channels->budget ? frame.len : channels->budget;
	channel->has_sent = channels->has_sent = true;
	pz_buf_consume(&channel->out, frame.len);
	pz_list_remove(node);
	if (channel->out.len > 0)
		pz_list_append(&channels->ready, node);
	else
		channel->tail = 0;
}

void
pz_channel_offer_room(struct pz_channel *channel)
{
	if (!channel->is_wanted || channel->ops == NULL || channel->send_left == 0 ||
	    channel->out.len >= PZ_CHANNEL_UNSENT_BYTES / 2)
		return;
	channel->is_wanted = false;
	if (channel->ops->writable)
		channel->ops->writable(channel->arg);
}

/* The share of this turn is used up: a timer without delay fires in the next turn, so that other
 * links are read and answered in between. A call-back may close channels, which frees none that has
 * sent something. */
void
pz_channels_flushed(struct pz_channels *channels)
{
	if (channels->budget == 0 && !pz_list_is_empty(&channels->ready) && !channels->turn.active)
		pz_env_start(channels->env, &channels->turn, 0);
	if (!channels->has_sent)
		return;
	channels->has_sent = false;
	for (size_t i = 0; i < PZ_CHANNELS_PER_LINK_MAX; i++) {
		struct pz_channel *channel = channels->by_number[i];
		if (channel == NULL || !channel->has_sent)
			continue;
		channel->has_sent = false;
		pz_channel_settle(channel);
		pz_channel_offer_room(channel);
	}
}

void
pz_channels_refill(struct pz_channels *channels)
{
	channels->budget = PZ_CHANNEL_FLUSH_BYTES;
	if (!pz_list_is_empty(&channels->ready))
		channels->ops->wake(channels->arg);
}

/* ---- in ---- */

void
pz_channels_set_bulk_window(struct pz_channels *channels, uint32_t bytes)
{
	channels->bulk_window = bytes;
}

uint32_t
pz_channel_bulk_window(const struct pz_channel *channel)
{
	return channel->channels->bulk_window;
}

/* The queue's maximum is set here, since nothing may be sent before. */
void
pz_channel_set_window(struct pz_channel *channel, uint32_t window)
{
	channel->window = window;
	channel->limit = channel->window;
	channel->pace.way_us = UINT64_MAX;
	channel->pace.since_us = channel->pace.timed_us = pz_env_mono_us(channel->channels->env);
	pz_buf_init(&channel->out, QUEUE_BYTES_MAX, NULL);
}

void
pz_channel_credit(struct pz_channel *channel, uint32_t bytes)
{
	if (channel->state != CHANNEL_OPEN || channel->has_ended || bytes == 0)
		return;
	if (channel->pace.timed_us == 0) {
		channel->pace.timed_limit = channel->limit;
		channel->pace.timed_us = pz_env_mono_us(channel->channels->env);
	}
	channel->limit += bytes;
	pz_channel_send_credit(channel, bytes);
}

/* Bytes beyond a limit arrive only after the credit that moved it has travelled to the other end;
 * the first ones, after the channel was opened, when no other data of the channel can be in
 * transit. */
void
pz_channel_note_received(struct pz_channel *channel, size_t bytes)
{
	channel->received += bytes;
	if (channel->pace.timed_us == 0 || channel->received <= channel->pace.timed_limit)
		return;
	uint64_t took_us = pz_env_mono_us(channel->channels->env) - channel->pace.timed_us;
	if (took_us < channel->pace.way_us)
		channel->pace.way_us = took_us;
	channel->pace.timed_us = 0;
}

/*
 * The capacity of the path is what arrives during one round trip without queueing. A window less
 * than twice as large doubles. A larger window would make bytes queue at the narrowest point, or at
 * a busy node, and calls wait behind them. The rate is measured over several round trips, since
 * bytes that arrive at once were collected on the path.
 */
static bool
is_window_short(struct pz_channel *channel)
{
	uint64_t now_us = pz_env_mono_us(channel->channels->env);
	uint64_t took_us = now_us - channel->pace.since_us,
		 came = channel->received - channel->pace.came;

	if (channel->pace.way_us > WAY_US_MAX || took_us < RATE_US_MIN ||
	    took_us < 4 * channel->pace.way_us)
		return false;
	channel->pace.since_us = now_us;
	channel->pace.came = channel->received;
	return channel->window < PZ_CHANNEL_WINDOW_BYTES_MAX &&
	       took_us * channel->window < 2 * channel->pace.way_us * came;
}

void
pz_channels_note_message(struct pz_channels *channels, uint64_t now_us)
{
	channels->shared_before_us = channels->shared_us;
	channels->shared_us = now_us;
}

static bool
is_shared(const struct pz_channel *channel)
{
	const struct pz_channels *channels = channel->channels;

	return channels->shared_us != 0 && channel->pace.way_us <= PZ_CHANNEL_SHARED_WAY_US &&
	       pz_env_mono_us(channels->env) - channels->shared_us < PZ_CHANNEL_SHARED_US;
}

/* The part of a window that is credited now. Credit that was given stays; the rest is given later.
 * In each node a message waits behind the bytes in transit, so while there are messages the bytes
 * in transit are limited to those of a bounded rate; and to one frame at least, since with less the
 * other end would stop. */
static uint32_t
window_now(const struct pz_channel *channel)
{
	uint64_t shared = channel->pace.way_us * PZ_CHANNEL_SHARED_BYTES_PER_US;

	if (!is_shared(channel))
		return channel->window;
	if (shared < PZ_DATA_FRAME_BYTES_MAX)
		shared = PZ_DATA_FRAME_BYTES_MAX;
	return shared < channel->window ? (uint32_t)shared : channel->window;
}

/* When all credited bytes were consumed, the new credit is a whole current window: so the other end
 * never stops. */
void
pz_channel_consumed(struct pz_channel *channel, size_t bytes)
{
	uint32_t window = window_now(channel), kept = channel->window - window;

	channel->consumed += (uint32_t)bytes;
	if (channel->consumed < kept || channel->consumed - kept < pz_channel_credit_bytes(window))
		return;
	uint32_t credit = channel->consumed - kept;
	channel->consumed = kept;
	if (kept == 0 && is_window_short(channel)) {
		credit += channel->window;
		channel->window *= 2;
	}
	pz_channel_credit(channel, credit);
}
