/* The props of channels that we send (page 15 "On the wire"). */
#include "channel/internal.h"

const char *
pz_channel_refusal_text(enum pz_channel_refusal why)
{
	static const char *const texts[] = {
#define X(name, text) text,
		PZ_CHANNEL_REFUSALS(X)
#undef X
	};

	return texts[why];
}

/* If memory is out nothing is sent: the other end waits, and gives up by its own timer. */
static void
say(struct pz_channels *channels, const char *status, json_t *takes_message)
{
	if (takes_message)
		channels->ops->send(channels->arg, status, takes_message);
	json_decref(takes_message);
}

static void
add(json_t *message, const char *name, const char *value)
{
	if (message && value)
		(void)json_object_set_new(message, name, json_string(value));
}

void
pz_channel_send_open(struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	json_t *message = offer->message ? json_copy(offer->message) : json_object();

	if (message) {
		(void)json_object_set_new(message, "channel", json_integer(channel->number));
		(void)json_object_set_new(message, "window", json_integer(channel->window));
		(void)json_object_del(message, "from"); /* of the hop before */
	}
	add(message, "to", offer->to);
	add(message, "kind", offer->kind);
	add(message, "from", offer->from);
	say(channel->channels, "channelOpen", message);
}

void
pz_channel_send_accept(struct pz_channel *channel, json_t *more)
{
	json_t *message = more ? json_copy(more) : json_object();

	if (message) {
		(void)json_object_set_new(message, "channel", json_integer(channel->peer));
		(void)json_object_set_new(message, "peer", json_integer(channel->number));
		(void)json_object_set_new(message, "window", json_integer(channel->window));
	}
	say(channel->channels, "channelAccept", message);
}

void
pz_channels_send_refuse(struct pz_channels *channels, uint32_t peer, enum pz_channel_refusal why)
{
	say(channels, "channelRefuse",
	    json_pack("{s:I, s:s}", "channel", (json_int_t)peer, "reason",
		      pz_channel_refusal_text(why)));
}

void
pz_channel_send_credit(struct pz_channel *channel, uint32_t bytes)
{
	say(channel->channels, "channelCredit",
	    json_pack("{s:I, s:I}", "channel", (json_int_t)channel->peer, "bytes",
		      (json_int_t)bytes));
}

void
pz_channel_send_end(struct pz_channel *channel)
{
	say(channel->channels, "channelEnd",
	    json_pack("{s:I}", "channel", (json_int_t)channel->peer));
}

void
pz_channel_send_close(struct pz_channel *channel)
{
	json_t *message = channel->close.more ? json_copy(channel->close.more) : json_object();

	if (message)
		(void)json_object_set_new(message, "channel", json_integer(channel->peer));
	add(message, "reason", channel->close.reason);
	say(channel->channels, "channelClose", message);
}
