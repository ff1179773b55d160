/* The life of channels: numbers, opening, deciding about offers, closing. */
#include "channel/internal.h"

#include <stdlib.h>

/* ---- the channels of a link ---- */

static void
on_turn(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_channels_refill(arg);
}

struct pz_channels *
pz_channels_new(const struct pz_env *env, const struct pz_channels_ops *ops, void *arg)
{
	struct pz_channels *channels = calloc(1, sizeof(*channels));

	if (channels == NULL)
		return NULL;
	channels->env = env;
	channels->ops = ops;
	channels->arg = arg;
	channels->budget = PZ_CHANNEL_FLUSH_BYTES;
	channels->bulk_window = PZ_CHANNEL_BULK_WINDOW_BYTES;
	pz_list_init(&channels->ready);
	pz_timer_init(&channels->turn, on_turn, channels);
	return channels;
}

/* The owner's last call-back for the channel, by its state. */
static void
report_loss(struct pz_channel *channel)
{
	if (channel->ops == NULL)
		return;
	if (channel->state == CHANNEL_OPENING)
		channel->ops->refused(channel->arg, PZ_CHANNEL_UNREACHABLE);
	else
		channel->ops->closed(channel->arg, "lost", NULL);
}

/* An owner that loses one channel may close another one. */
void
pz_channels_free(struct pz_channels *channels)
{
	if (channels == NULL)
		return;
	for (size_t i = 0; i < PZ_CHANNELS_PER_LINK_MAX; i++) {
		if (channels->by_number[i] == NULL)
			continue;
		report_loss(channels->by_number[i]);
		pz_channel_free(channels->by_number[i]);
	}
	pz_env_stop(channels->env, &channels->turn);
	free(channels);
}

size_t
pz_channels_count(const struct pz_channels *channels)
{
	size_t count = 0;

	for (size_t i = 0; i < PZ_CHANNELS_PER_LINK_MAX; i++)
		count += channels->by_number[i] != NULL;
	return count;
}

/* ---- numbers ---- */

struct pz_channel *
pz_channels_find(const struct pz_channels *channels, uint32_t number)
{
	return number >= 1 && number <= PZ_CHANNELS_PER_LINK_MAX ? channels->by_number[number - 1]
								 : NULL;
}

/* No answer came in time. */
static void
on_unanswered(struct pz_timer *timer, void *arg)
{
	struct pz_channel *channel = arg;
	const struct pz_channel_ops *ops = channel->ops;

	(void)timer;
	channel->state = CHANNEL_ABANDONED;
	channel->ops = NULL;
	if (ops)
		ops->refused(channel->arg, PZ_CHANNEL_UNREACHABLE);
}

struct pz_channel *
pz_channel_new(struct pz_channels *channels)
{
	size_t i = 0;

	while (i < PZ_CHANNELS_PER_LINK_MAX && channels->by_number[i])
		i++;
	if (i == PZ_CHANNELS_PER_LINK_MAX)
		return NULL;
	struct pz_channel *channel = calloc(1, sizeof(*channel));
	if (channel == NULL)
		return NULL;
	channel->channels = channels;
	channel->number = (uint32_t)i + 1;
	pz_timer_init(&channel->timer, on_unanswered, channel);
	channels->by_number[i] = channel;
	return channel;
}

void
pz_channel_free(struct pz_channel *channel)
{
	struct pz_channels *channels = channel->channels;

	pz_channel_report_gone(channel);
	pz_env_stop(channels->env, &channel->timer);
	pz_list_remove(&channel->ready_node);
	pz_buf_fini(&channel->out);
	json_decref(channel->close.more);
	channels->by_number[channel->number - 1] = NULL;
	free(channel);
}

/* It appears in logs and in a message: only printable ASCII. */
void
pz_channel_set_reason(struct pz_channel *channel, const char *reason)
{
	size_t n = 0;

	for (; reason && reason[n] && n < PZ_CHANNEL_REASON_BYTES_MAX; n++)
		channel->close.reason[n] =
			(char)(reason[n] > ' ' && reason[n] <= '~' ? reason[n] : '?');
	channel->close.reason[n] = '\0';
}

/* ---- ours ---- */

enum pz_err
pz_channel_open(struct pz_channels *channels, const struct pz_channel_offer *offer,
		const struct pz_channel_ops *ops, void *arg, struct pz_channel **out)
{
	struct pz_channel *channel = pz_channel_new(channels);

	if (channel == NULL)
		return pz_channels_count(channels) == PZ_CHANNELS_PER_LINK_MAX
			       ? PZ_ERR_LIMIT
			       : PZ_ERR_LIMIT_MEMORY;
	channel->ops = ops;
	channel->arg = arg;
	channel->state = CHANNEL_OPENING;
	pz_channel_set_window(channel, offer->window);
	pz_env_start(channels->env, &channel->timer, PZ_CHANNEL_OPEN_US);
	pz_channel_send_open(channel, offer);
	*out = channel;
	return PZ_OK;
}

/* ---- the other end's ---- */

void
pz_channel_keep(struct pz_channel *channel, const struct pz_channel_ops *ops, void *arg)
{
	channel->ops = ops;
	channel->arg = arg;
}

void
pz_channel_accept(struct pz_channel *channel, uint32_t window, json_t *more,
		  const struct pz_channel_ops *ops, void *arg)
{
	pz_channel_keep(channel, ops, arg);
	channel->state = CHANNEL_OPEN;
	pz_channel_set_window(channel, window);
	pz_channel_send_accept(channel, more);
}

void
pz_channel_refuse(struct pz_channel *channel, enum pz_channel_refusal why)
{
	pz_channels_send_refuse(channel->channels, channel->peer, why);
	pz_channel_free(channel);
}

void
pz_channel_close(struct pz_channel *channel, const char *reason)
{
	pz_channel_close_with(channel, reason, NULL);
}

/* An opening channel stays until the other end has answered: its number must not be used again
 * before. */
void
pz_channel_close_with(struct pz_channel *channel, const char *reason, json_t *takes_more)
{
	json_decref(channel->close.more);
	channel->close.more = takes_more;
	channel->ops = NULL;
	switch (channel->state) {
	case CHANNEL_OPENING:
		channel->state = CHANNEL_ABANDONED;
		pz_env_stop(channel->channels->env, &channel->timer);
		break;
	case CHANNEL_OFFERED:
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
		break;
	case CHANNEL_OPEN:
		pz_channel_set_reason(channel, reason);
		channel->state = CHANNEL_CLOSING;
		pz_channel_settle(channel);
		break;
	case CHANNEL_ABANDONED:
	case CHANNEL_CLOSING:
		break;
	}
}

/* Data waits only while the channel is open, and pz_channel_close leaves it in the queue. */
size_t
pz_channel_close_waiting(struct pz_channel *channel, const char *reason, void (*gone)(void *arg))
{
	size_t waiting = channel->state == CHANNEL_OPEN ? channel->out.len : 0;

	if (waiting > 0)
		channel->gone = gone;
	pz_channel_close(channel, reason);
	return waiting;
}
