/* What the other end sends: the props of channels and their data, checked against the rules of page
 * 15. A violation is an error, and the owner closes the link. */
#include "base/auto.h"
#include "channel/internal.h"
#include "wire/json.h"

/* ---- reading ---- */

static bool
read_u32(const json_t *message, const char *name, uint32_t *out)
{
	int64_t value = 0;

	if (!pz_json_int(message, name, 0, UINT32_MAX, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

/* The channel that a prop refers to. NULL: not a channel of ours. */
static struct pz_channel *
named(const struct pz_channels *channels, const json_t *message)
{
	uint32_t number = 0;

	return read_u32(message, "channel", &number) ? pz_channels_find(channels, number) : NULL;
}

/* The other end uses a number of its own that is still taken: bytes of two channels would be mixed.
 */
static bool
is_peer_number_taken(const struct pz_channels *channels, uint32_t peer)
{
	for (size_t i = 0; i < PZ_CHANNELS_PER_LINK_MAX; i++) {
		const struct pz_channel *channel = channels->by_number[i];
		if (channel && channel->peer == peer && channel->state >= CHANNEL_OFFERED)
			return true;
	}
	return false;
}

/* ---- open ---- */

static bool
read_offer(json_t *message, struct pz_channel_offer *out)
{
	*out = (struct pz_channel_offer){
		.to = pz_json_str(message, "to"),
		.kind = pz_json_str(message, "kind"),
		.from = pz_json_str(message, "from"),
		.message = message,
	};
	return out->to && strlen(out->to) <= PZ_ADDRESS_BYTES_MAX && out->kind &&
	       strlen(out->kind) <= PZ_CHANNEL_KIND_BYTES_MAX &&
	       (out->from == NULL || strlen(out->from) <= PZ_ADDRESS_BYTES_MAX) &&
	       (json_object_get(message, "from") == NULL || out->from) &&
	       read_u32(message, "window", &out->window);
}

static enum pz_err
on_open(struct pz_channels *channels, json_t *message)
{
	struct pz_channel_offer offer;
	uint32_t peer = 0;

	if (!read_u32(message, "channel", &peer) || is_peer_number_taken(channels, peer))
		return PZ_ERR_PROTO_MEMBER;
	if (!read_offer(message, &offer)) {
		pz_channels_send_refuse(channels, peer, PZ_CHANNEL_BAD_REQUEST);
		return PZ_OK;
	}
	struct pz_channel *channel = pz_channel_new(channels);
	if (channel == NULL) {
		pz_channels_send_refuse(channels, peer, PZ_CHANNEL_LIMIT);
		return PZ_OK;
	}
	uint32_t number = channel->number;
	channel->state = CHANNEL_OFFERED;
	channel->peer = peer;
	channel->send_left = offer.window;
	channels->ops->offered(channels->arg, channel, &offer);
	/* It may have been refused: looked up again. */
	channel = pz_channels_find(channels, number);
	if (channel && channel->state == CHANNEL_OFFERED && channel->ops == NULL)
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
	return PZ_OK;
}

static enum pz_err
on_accept(struct pz_channels *channels, json_t *message)
{
	struct pz_channel *channel = named(channels, message);
	uint32_t peer = 0, window = 0;

	if (channel == NULL || channel->state > CHANNEL_ABANDONED ||
	    !read_u32(message, "peer", &peer) || !read_u32(message, "window", &window) ||
	    is_peer_number_taken(channels, peer))
		return PZ_ERR_PROTO_MEMBER;
	pz_env_stop(channels->env, &channel->timer);
	channel->peer = peer;
	channel->send_left = window;
	/* The other end has accepted what this end has given up: it has to be closed in the usual
	 * way before the number is free. */
	if (channel->state == CHANNEL_ABANDONED) {
		channel->state = CHANNEL_CLOSING;
		pz_channel_set_reason(channel, "late");
		pz_channel_settle(channel);
		return PZ_OK;
	}
	channel->state = CHANNEL_OPEN;
	channel->ops->accepted(channel->arg, message, window);
	return PZ_OK;
}

/* An unknown word is a refusal, too. */
static enum pz_channel_refusal
read_refusal(const json_t *message)
{
	const char *reason = pz_json_str(message, "reason");

	for (unsigned why = 0; reason && why <= PZ_CHANNEL_BAD_REQUEST; why++)
		if (strcmp(reason, pz_channel_refusal_text(why)) == 0)
			return why;
	return PZ_CHANNEL_REFUSED;
}

/* The owner is called after its channel is gone: it may open the next one at once. */
static enum pz_err
on_refuse(struct pz_channels *channels, json_t *message)
{
	struct pz_channel *channel = named(channels, message);

	if (channel == NULL || channel->state > CHANNEL_ABANDONED)
		return PZ_ERR_PROTO_MEMBER;
	const struct pz_channel_ops *ops = channel->ops;
	void *arg = channel->arg;
	pz_channel_free(channel);
	if (ops)
		ops->refused(arg, read_refusal(message));
	return PZ_OK;
}

/* ---- while it is open ---- */

static struct pz_channel *
named_open(const struct pz_channels *channels, const json_t *message)
{
	struct pz_channel *channel = named(channels, message);

	return channel && channel->state >= CHANNEL_OPEN ? channel : NULL;
}

static enum pz_err
on_credit(struct pz_channels *channels, json_t *message)
{
	struct pz_channel *channel = named_open(channels, message);
	uint32_t bytes = 0;

	if (channel == NULL || !read_u32(message, "bytes", &bytes) ||
	    bytes > UINT32_MAX - channel->send_left)
		return PZ_ERR_PROTO_MEMBER;
	channel->send_left += bytes;
	if (channel->ops && channel->ops->credited)
		channel->ops->credited(channel->arg, bytes);
	pz_channel_offer_room(channel); /* unless the call-back has closed it */
	return PZ_OK;
}

static enum pz_err
on_end(struct pz_channels *channels, json_t *message)
{
	struct pz_channel *channel = named_open(channels, message);

	if (channel == NULL || channel->has_ended)
		return PZ_ERR_PROTO;
	channel->has_ended = true;
	if (channel->ops)
		channel->ops->ended(channel->arg);
	return PZ_OK;
}

/* Ours may be in transit already: then this one is its answer. */
static enum pz_err
on_close(struct pz_channels *channels, json_t *message)
{
	struct pz_channel *channel = named_open(channels, message);
	char reason[PZ_CHANNEL_REASON_BYTES_MAX + 1];

	if (channel == NULL)
		return PZ_ERR_PROTO;
	pz_channel_set_reason(channel, pz_json_str(message, "reason"));
	memcpy(reason, channel->close.reason, sizeof(reason));
	json_decref(PZ_TAKE(channel->close.more));
	if (!channel->is_close_sent)
		pz_channel_send_close(channel);
	const struct pz_channel_ops *ops = channel->ops;
	void *arg = channel->arg;
	pz_channel_free(channel);
	if (ops)
		ops->closed(arg, reason, message);
	return PZ_OK;
}

static const struct {
	const char *status;
	enum pz_err (*handle)(struct pz_channels *channels, json_t *message);
} statuses[] = {
	{"channelOpen", on_open},     {"channelAccept", on_accept}, {"channelRefuse", on_refuse},
	{"channelCredit", on_credit}, {"channelEnd", on_end},       {"channelClose", on_close},
};

#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

static size_t
find_status(const char *status)
{
	size_t i = 0;

	while (i < STATUSES && strcmp(statuses[i].status, status) != 0)
		i++;
	return i;
}

bool
pz_channels_is_prop(const char *status)
{
	return find_status(status) < STATUSES;
}

bool
pz_channels_on_prop(struct pz_channels *channels, const char *status, json_t *message,
		    enum pz_err *out_err)
{
	size_t i = find_status(status);

	if (i == STATUSES)
		return false;
	/* Credit for a file in the other direction is not a call that waits behind this file. */
	channels->shared_us = channels->shared_before_us;
	*out_err = statuses[i].handle(channels, message);
	return true;
}

/* ---- data ---- */

enum pz_err
pz_channels_on_frame(struct pz_channels *channels, struct pz_slice frame)
{
	struct pz_slice data;
	struct pz_channel *channel = pz_channels_find(channels, pz_frame_data(frame, &data));

	if (channel == NULL || channel->state < CHANNEL_OPEN || channel->has_ended ||
	    data.len > channel->limit - channel->received)
		return PZ_ERR_PROTO;
	pz_channel_note_received(channel, data.len);
	if (channel->ops)
		channel->ops->data(channel->arg, data);
	return PZ_OK;
}
