/*
 * Channels that others open (page 6 "Relaying", page 15): a link in such a channel ends here, or
 * continues to the next node. As a relay this device splices only its own direct links, never a
 * second relay, and cannot read the bytes.
 */
#include <stdio.h>

#include "peers/internal.h"
#include "tunnel/tunnel.h"

const struct pz_splice_limits pz_peers_splice_limits = {
	.count = PZ_RELAY_SPLICES_MAX,
	.per_opener = PZ_RELAY_SPLICES_PER_DEVICE_MAX,
};

/* A link to this device: its own handshake shows who it is. */
static void
accept_link(struct pz_peers *peers, struct pz_link *carrier, const char *via,
	    struct pz_channel *channel)
{
	if (peers->server_ctx == NULL || peers->is_ending || peers->is_leaving) {
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
		return;
	}
	struct pz_stream *stream = pz_tunnel_accept(carrier, channel);
	if (stream && pz_peer_link_accept_via(peers, stream, via) == NULL)
		pz_warning_of(&peers->refuse_log, peers->env, "link-refused", "via=%s %s", via,
			      "out of memory");
}

/* The next node: the hub, or a device with a direct link. */
static struct pz_link *
next_link(const struct pz_peers *peers, const struct pz_address *to)
{
	char device[PZ_DEVICE_BYTES_MAX + 1];

	if (to->device.len == 0)
		return pz_peers_has_direct_hub(peers) ? pz_link_of(pz_peers_hub(peers)) : NULL;
	snprintf(device, sizeof(device), "%.*s", PZ_SLICE_FMT(to->device));
	const struct peer *peer = pz_peers_find(peers, device);
	return peer && peer->live && !peer->live->is_tunnel ? peer->live->link : NULL;
}

static void
splice(struct peer_link *pl, struct pz_channel *channel, const struct pz_channel_offer *offer,
       const struct pz_address *to)
{
	struct pz_peers *peers = pl->peers;
	struct pz_link *next = next_link(peers, to);
	struct pz_channels *channels = next && next != pl->link ? pz_link_channels(next) : NULL;

	if (channels == NULL)
		pz_channel_refuse(channel, PZ_CHANNEL_UNREACHABLE);
	else
		pz_splice_start(&peers->splices, channel, offer, channels, pl->peer->address,
				offer->to);
}

/* True when the offer is a link to an address of our zone; otherwise it is refused. */
static bool
read_destination(const struct pz_peers *peers, struct pz_channel *channel,
		 const struct pz_channel_offer *offer, struct pz_address *out)
{
	const struct pz_membership *m = peers->config.zone->membership;

	if (strcmp(offer->kind, "link") != 0)
		pz_channel_refuse(channel, PZ_CHANNEL_UNKNOWN_KIND);
	else if (pz_address_parse(pz_slice_str(offer->to), out) != PZ_OK || out->app.len > 0)
		pz_channel_refuse(channel, PZ_CHANNEL_BAD_REQUEST);
	else if (m == NULL || !pz_slice_eq_str(out->zone, m->zone))
		pz_channel_refuse(channel, PZ_CHANNEL_UNREACHABLE);
	else
		return true;
	return false;
}

/* Only for this device, never forwarded: a hop could read it. A friend's device is judged as if it
 * called, and named by its full address. */
static void
take_file(struct peer_link *pl, struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	struct pz_peers *peers = pl->peers;

	if (peers->config.ops->file_offered == NULL)
		pz_channel_refuse(channel, PZ_CHANNEL_UNKNOWN_KIND);
	else if (pl->state != PEER_LINK_LIVE || offer->from || peers->is_ending ||
		 peers->is_leaving || strcmp(offer->to, peers->config.self) != 0)
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
	else
		peers->config.ops->file_offered(peers->config.arg, pl->peer->device, channel,
						offer);
}

void
pz_peer_on_channel(struct pz_link *link, struct pz_channel *channel,
		   const struct pz_channel_offer *offer)
{
	struct peer_link *pl = link->owner;
	struct pz_peers *peers = pl->peers;
	struct pz_address to;

	if (strcmp(offer->kind, "file") == 0) {
		take_file(pl, channel, offer);
		return;
	}
	if (!read_destination(peers, channel, offer, &to))
		return;
	if (pl->peer == NULL || pl->is_tunnel || pl->peer->is_friend) /* only one hop is allowed */
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
	else if (strcmp(offer->to, peers->config.self) == 0)
		accept_link(peers, link, pl->peer->device, channel);
	else if (offer->from || !peers->config.peer_prefs->relay)
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
	else
		splice(pl, channel, offer, &to);
}

void
pz_peers_on_hub_channel(struct pz_peers *peers, struct pz_link *link, struct pz_channel *channel,
			const struct pz_channel_offer *offer)
{
	struct pz_address to;

	if (!read_destination(peers, channel, offer, &to))
		return;
	if (strcmp(offer->to, peers->config.self) == 0)
		accept_link(peers, link, "", channel);
	else
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
}
