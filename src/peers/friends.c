/*
 * Devices of friend zones (page 6 "A direct link between friends"): they are found and linked like
 * those of the own zone, but each is a guest. Nothing of our zone is synchronised with it or
 * forwarded for it, it gets no addresses and no names of our devices, and only the policies decide
 * what it may call.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "peers/internal.h"

bool
pz_peer_is_friend_name(const char *name)
{
	return strchr(name, '/') != NULL;
}

const struct pz_friend *
pz_peers_friend_of(const struct pz_peers *peers, const char *address)
{
	struct pz_address parsed;

	if (pz_address_parse(pz_slice_str(address), &parsed) != PZ_OK || parsed.device.len == 0 ||
	    parsed.app.len > 0)
		return NULL;
	const struct pz_friend *f = pz_device_zone_friend(peers->config.zone, parsed.zone);
	char device[PZ_DEVICE_BYTES_MAX + 1];

	snprintf(device, sizeof(device), "%.*s", (int)parsed.device.len,
		 (const char *)parsed.device.ptr);
	return f && pz_friend_covers(f, device) ? f : NULL;
}

bool
pz_peer_is_of_zone(const struct peer *peer, const char *zone)
{
	size_t len = strlen(zone);

	return peer->is_friend && strncmp(peer->device, zone, len) == 0 && peer->device[len] == '/';
}

bool
pz_peers_has_friend_at(const struct pz_peers *peers, const char *zone, const char *address)
{
	for (const struct pz_list *n = peers->links.next; n != &peers->links; n = n->next) {
		const struct peer_link *pl = PZ_CONTAINER(n, const struct peer_link, node);
		if (pl->peer && !pl->is_tunnel && pz_peer_is_of_zone(pl->peer, zone) &&
		    strcmp(pl->remote, address) == 0)
			return true;
	}
	return false;
}

/* ---- who it is ---- */

enum pz_err
pz_peer_identify_friend(const struct peer_link *pl, const struct pz_peer *who,
			struct pz_errinfo *info)
{
	const struct pz_device_zone *zone = pl->peers->config.zone;
	struct pz_slice name = pz_slice_str(who->zone);
	const struct pz_friend *f = pz_device_zone_friend(zone, name);

	if (f == NULL)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "it is of another zone");
	if (!pz_friend_covers(f, who->device))
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "only another device of its zone is trusted, which was paired with");
	/* The zone may have become a friend again, with another CA. */
	if (pl->trust != pl->peers->guests.trust)
		return pz_fail(info, PZ_ERR_DENIED,
			       "the friends of this zone have changed meanwhile; try again");
	if (pz_device_zone_friend_has_revoked(zone, name, who->ca_serial))
		return pz_fail(info, PZ_ERR_DENIED_REVOKED, "%s/%s is revoked", who->zone,
			       who->device);
	return PZ_OK;
}

/* ---- on the local network ---- */

/* The friends that were seen last come first: there may not be room for all. */
static int
by_last_seen(const void *a, const void *b)
{
	const struct pz_friend *one = *(const struct pz_friend *const *)a;
	const struct pz_friend *two = *(const struct pz_friend *const *)b;
	uint64_t mine = one->seen_ms ? one->seen_ms : one->since_ms;
	uint64_t other = two->seen_ms ? two->seen_ms : two->since_ms;

	return (mine < other) - (mine > other);
}

static size_t
list_friends(const struct pz_peers *peers, const struct pz_friend *list[PZ_FRIENDS_MAX])
{
	const struct pz_friend *f;
	size_t pos = 0, count = 0;

	while (count < PZ_FRIENDS_MAX &&
	       (f = pz_friends_next(peers->config.zone->friends, &pos)) != NULL)
		if (pz_friend_is_confirmed(f))
			list[count++] = f;
	qsort(list, count, sizeof(list[0]), by_last_seen);
	return count;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Unused places have tags that look the same and change as often, and the order is random, so an
 * observer cannot count the friends. */
bool
pz_peers_friend_tags(const struct pz_peers *peers, const char *instance,
		     char out[PZ_PEER_FRIEND_TXT + 1])
{
	const struct pz_friend *list[PZ_FRIENDS_MAX] = {NULL};
	char tags[PZ_NEARBY_FRIENDS][PZ_ZONE_FRIEND_TAG_CHARS + 1], filler[16];
	uint64_t now_ms = pz_env_wall_ms(peers->env);
	uint8_t secret[PZ_ZONE_SECRET_BYTES] = {0};
	size_t count = list_friends(peers, list);

	if (count == 0 || peers->config.zone->membership == NULL)
		return false;
	/* Without the zone's secret the first friend's secret makes them. */
	if (!pz_device_zone_secret(peers->config.zone, secret))
		memcpy(secret, list[0]->secret, sizeof(secret));
	for (size_t i = 0; i < PZ_NEARBY_FRIENDS; i++) {
		snprintf(filler, sizeof(filler), "filler %zu", i);
		pz_zone_friend_tag(i < count ? list[i]->secret : secret, now_ms, instance,
				   i < count ? peers->config.zone->membership->zone : filler,
				   tags[i]);
	}
	sodium_memzero(secret, sizeof(secret));
	qsort(tags, PZ_NEARBY_FRIENDS, sizeof(tags[0]), by_text);
	memcpy(out, "f=", 2);
	for (size_t i = 0; i < PZ_NEARBY_FRIENDS; i++)
		memcpy(out + 2 + i * PZ_ZONE_FRIEND_TAG_CHARS, tags[i], PZ_ZONE_FRIEND_TAG_CHARS);
	out[PZ_PEER_FRIEND_TXT] = '\0';
	return true;
}

/* Neighbouring days too: clocks may differ, and midnight passes. */
bool
pz_peer_is_friend_tagged(const struct pz_peers *peers, const struct pz_friend *f,
			 const char *instance, const char *tags)
{
	char tag[PZ_ZONE_FRIEND_TAG_CHARS + 1];
	bool is_tagged = false;

	if (strlen(tags) != PZ_PEER_FRIEND_DIGITS)
		return false;
	for (int day = -1; day <= 1; day++) {
		pz_zone_friend_tag(f->secret, pz_zone_tag_day(pz_env_wall_ms(peers->env), day),
				   instance, f->zone, tag);
		for (size_t i = 0; i < PZ_NEARBY_FRIENDS; i++)
			is_tagged |= sodium_memcmp(tags + i * PZ_ZONE_FRIEND_TAG_CHARS, tag,
						   PZ_ZONE_FRIEND_TAG_CHARS) == 0;
	}
	return is_tagged;
}
