/*
 * What a device may open through its hub (page 15 "A hop"): a link to another device of its zone,
 * whose bytes the hub forwards and cannot read, and, for a device that reaches the hub through the
 * opener, a link to the hub itself. A link to a device of a friend zone goes through the friend's
 * hub, which splices it to that device if the device is shown to the opener's zone: two hops, one
 * at each hub, and neither hub can read the bytes.
 */
#include <stdio.h>

#include "base/auto.h"
#include "border/border.h"
#include "hub/friend.h"
#include "hub/internal.h"
#include "tunnel/tunnel.h"
#include "wire/address.h"

const struct pz_splice_limits pz_hub_splice_limits = {.per_pair = PZ_HUB_SPLICES_PER_PAIR_MAX};

/* The live link of a device of the zone. NULL: it has none, or there is no such device. */
static struct pz_link *
link_of(struct pz_hosted *zone, const struct pz_address *to)
{
	PZ_AUTO_FREE char *device = pz_slice_dup(to->device);
	const struct pz_member *member =
		device ? pz_authority_member(zone->authority, device) : NULL;

	return member && !member->revoked && member->session ? pz_link_of(member->session) : NULL;
}

/* The link's own handshake identifies it, as for any connection; in the doorway it counts for the
 * device that it comes through. */
static void
accept_link(struct pz_hosted_conn *conn, struct pz_channel *channel)
{
	char remote[PZ_NETADDR_CHARS];
	struct pz_stream *stream = pz_tunnel_accept(conn->link, channel);

	snprintf(remote, sizeof(remote), "relay %s", conn->member->device);
	if (stream)
		pz_hub_accept(pz_hub_of(conn->hosting), stream, remote);
}

/* @param next NULL: there is no such link @param from who opens it, as was proved */
static void
splice(struct pz_hosted_conn *conn, struct pz_channel *channel,
       const struct pz_channel_offer *offer, struct pz_link *next, const char *from)
{
	struct pz_channels *channels = next && next != conn->link ? pz_link_channels(next) : NULL;

	if (channels == NULL)
		pz_channel_refuse(channel, PZ_CHANNEL_UNREACHABLE);
	else
		pz_splice_start(&pz_hub_of(conn->hosting)->splices, channel, offer, channels, from,
				offer->to);
}

/* ---- between friends ---- */

/* The link of the friend's hub when both owners have confirmed. NULL: no friend, or not connected.
 */
static struct pz_link *
link_of_friend(const struct pz_hosted *zone, struct pz_slice name)
{
	PZ_AUTO_FREE char *text = pz_slice_dup(name);
	const struct pz_hub_friend *f = text ? pz_hub_friend_find(zone, text) : NULL;

	return f && f->conn && pz_hub_confirmed_friend(zone, name) ? f->conn->link : NULL;
}

/* From one of our devices: to a device of a friend. */
static void
leave_zone(struct pz_hosted_conn *conn, struct pz_channel *channel,
	   const struct pz_channel_offer *offer, const struct pz_address *to)
{
	if (to->device.len == 0 || offer->from)
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
	else
		splice(conn, channel, offer, link_of_friend(conn->zone, to->zone),
		       conn->link->session.address);
}

/* From a friend's hub, for a device of its zone: to a device of ours that the zone may see. For
 * others the answer does not show whether the device exists. */
static void
enter_zone(struct pz_hosted_conn *conn, struct pz_channel *channel,
	   const struct pz_channel_offer *offer, const struct pz_address *to)
{
	struct pz_hosted *zone = conn->zone;
	const struct pz_hub_friend *f = conn->friend_link->of;
	PZ_AUTO_FREE char *device = pz_slice_dup(to->device);
	struct pz_address from;

	if (f == NULL || conn->state != PZ_HOSTED_LIVE || offer->from == NULL ||
	    pz_address_parse(pz_slice_str(offer->from), &from) != PZ_OK || from.app.len > 0 ||
	    from.device.len == 0 || !pz_slice_eq_str(from.zone, f->name))
		pz_channel_refuse(channel, PZ_CHANNEL_BAD_REQUEST);
	else if (device == NULL || !pz_slice_eq_str(to->zone, zone->authority->zone) ||
		 !pz_hub_confirmed_friend(zone, from.zone) ||
		 !pz_border_shows(zone->border, offer->from, device))
		pz_channel_refuse(channel, PZ_CHANNEL_UNREACHABLE);
	else
		splice(conn, channel, offer, link_of(zone, to), offer->from);
}

/* True for a link to the hub through a relay: for another device than the relay, and over one hop
 * only, so that no member nests links without end. */
static bool
is_passed_on(const struct pz_link *link, const struct pz_channel_offer *offer)
{
	return offer->from && strcmp(offer->from, link->session.address) != 0 &&
	       !pz_stream_is_tunnel(link->stream);
}

void
pz_hub_on_channel(struct pz_link *link, struct pz_channel *channel,
		  const struct pz_channel_offer *offer)
{
	struct pz_hosted_conn *conn = link->owner;
	struct pz_address to;

	if (strcmp(offer->kind, "link") != 0)
		pz_channel_refuse(channel, PZ_CHANNEL_UNKNOWN_KIND);
	else if (pz_address_parse(pz_slice_str(offer->to), &to) != PZ_OK || to.app.len > 0)
		pz_channel_refuse(channel, PZ_CHANNEL_BAD_REQUEST);
	else if (conn->friend_link)
		enter_zone(conn, channel, offer, &to);
	else if (conn->state != PZ_HOSTED_LIVE || conn->member == NULL)
		pz_channel_refuse(channel, PZ_CHANNEL_BAD_REQUEST);
	else if (!pz_slice_eq_str(to.zone, conn->zone->authority->zone))
		leave_zone(conn, channel, offer, &to);
	else if (to.device.len == 0 && is_passed_on(link, offer))
		accept_link(conn, channel);
	else if (to.device.len == 0 || offer->from) /* it has a link; and one hop is allowed */
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
	else
		splice(conn, channel, offer, link_of(conn->zone, &to), link->session.address);
}

void
pz_hub_send_channel_prop(struct pz_link *link, const char *status, json_t *message)
{
	struct pz_hosted_conn *conn = link->owner;

	pz_hosted_send_prop(conn->zone, link, status, message);
}
