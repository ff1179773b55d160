/*
 * The table of peers: the devices that are known, their states, and what is known about each. An
 * entry begins with the first reason to know a device (it is dialled, it connects, a person names
 * it) and lasts as long as the membership; entries of friends' devices, whose number has no bound,
 * are removed when they are idle and the room is needed.
 *
 * The state of an entry changes only by events (pz_peer_take_event), from one table of edges
 * (state.h); that function logs, counts and reports each change.
 *
 * Names of members are "tv", those of guests "zone/tv": one map has both, and no name can be both.
 */
#include <stdio.h>
#include <stdlib.h>

#include "peers/internal.h"
#include "tunnel/tunnel.h"
#include "wire/json.h"

/* ---- the table ---- */

struct peer *
pz_peers_find(const struct pz_peers *peers, const char *device)
{
	return pz_map_get(peers->by_device, pz_slice_str(device));
}

/* The caller knows that no link, attempt or use of the entry is left (is_idle), or that all of
 * it ends. */
void
pz_peers_remove(struct peer *peer)
{
	peer->peers->guests.count -= peer->is_friend;
	pz_map_remove(peer->peers->by_device, pz_slice_str(peer->device));
	pz_env_stop(peer->peers->env, &peer->retry);
	pz_env_stop(peer->peers->env, &peer->unneeded);
	json_decref(peer->info);
	json_decref(peer->services);
	free(peer);
}

/* ---- room for guests ---- */

/* A link that has not registered yet is only in the list of links, and points to its peer. */
static bool
is_idle(const struct peer *peer)
{
	const struct pz_peers *peers = peer->peers;

	if (peer->live || peer->attempt || peer->is_wanted || peer->retry.active ||
	    peer->private_uses > 0)
		return false;
	for (const struct pz_list *n = peers->links.next; n != &peers->links; n = n->next)
		if (PZ_CONTAINER(n, const struct peer_link, node)->peer == peer)
			return false;
	return true;
}

static size_t
count_friends(const struct pz_peers *peers, const char *zone)
{
	size_t pos = 0, count = 0;
	void *value;

	while (pz_map_next(peers->by_device, &pos, NULL, &value)) {
		const struct peer *peer = value;
		count += pz_peer_is_of_zone(peer, zone);
	}
	return count;
}

/* A friend's zone can have any number of devices, and new ones each day. */
static void
drop_idle(struct pz_peers *peers)
{
	size_t pos = 0;
	void *value;

	while (pz_map_next(peers->by_device, &pos, NULL, &value)) {
		struct peer *peer = value;
		if (peer->is_friend && is_idle(peer))
			pz_peers_remove(peer);
	}
}

static bool
is_full(const struct pz_peers *peers, const char *zone)
{
	return peers->guests.count >= PZ_PEER_FRIENDS_MAX ||
	       count_friends(peers, zone) >= PZ_PEER_PER_FRIEND_MAX;
}

/* A device of no friend gets no entry: names of strangers are stored nowhere. */
static bool
has_friend_room(struct pz_peers *peers, const char *address)
{
	const struct pz_friend *f = pz_peers_friend_of(peers, address);

	if (f == NULL)
		return false;
	if (is_full(peers, f->zone))
		drop_idle(peers);
	return !is_full(peers, f->zone);
}

/* Peers and the network give names too: never more than a zone can have. */
static bool
may_be_ours(const struct pz_peers *peers, const char *device)
{
	return !pz_device_zone_is_self(peers->config.zone, device) &&
	       pz_device_is_valid(pz_slice_str(device)) &&
	       pz_map_len(peers->by_device) - peers->guests.count < PZ_DEVICES_PER_ZONE_MAX;
}

/* NULL is no error: the device cannot be a peer (it is this one, the name is invalid, there is no
 * membership), or there is no room. Callers continue without it. */
struct peer *
pz_peers_get(struct pz_peers *peers, const char *device)
{
	const struct pz_membership *m = peers->config.zone->membership;
	struct peer *peer = pz_peers_find(peers, device);
	bool is_friend = pz_peer_is_friend_name(device);

	if (peer)
		return peer;
	if (m == NULL || !(is_friend ? has_friend_room(peers, device) : may_be_ours(peers, device)))
		return NULL;
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		return NULL;
	peer->peers = peers;
	peer->is_friend = is_friend;
	snprintf(peer->device, sizeof(peer->device), "%s", device);
	snprintf(peer->address, sizeof(peer->address), "%s%s%s", is_friend ? "" : m->zone,
		 is_friend ? "" : "/", device);
	if (pz_map_put(peers->by_device, pz_slice_str(peer->device), peer, NULL) != PZ_OK) {
		free(peer);
		return NULL;
	}
	peers->guests.count += is_friend;
	return peer;
}

static void
log_change(struct peer *peer, const struct pz_peer_change *change, const char *reason)
{
	const struct pz_env *env = peer->peers->env;
	const char *old = pz_peer_state_text(change->old), *now = pz_peer_state_text(change->now);
	const char *event = pz_peer_event_text(change->event);

	if (reason && reason[0])
		pz_info_of(&peer->log, env, "peer",
			   "device=%s old=%s new=%s event=\"%s\" reason=%s", peer->device, old, now,
			   event, reason);
	else
		pz_info_of(&peer->log, env, "peer", "device=%s old=%s new=%s event=\"%s\"",
			   peer->device, old, now, event);
}

/* An event that the state does not list is ignored: the two ends of a link may see its end in
 * another order. The former `reason` stays when the event has none. */
bool
pz_peer_take_event(struct peer *peer, enum pz_peer_event event, const char *reason)
{
	const struct pz_peers *peers = peer->peers;
	struct pz_peer_change change = {
		.device = peer->device,
		.old = peer->state,
		.event = event,
		.reason = peer->reason,
	};

	if (!pz_peer_edge(change.old, event, &change.now))
		return false;
	peer->state = change.now;
	if (reason)
		snprintf(peer->reason, sizeof(peer->reason), "%s", reason);
	log_change(peer, &change, reason);
	pz_metric_add(peers->metrics, PZ_METRIC_state_changes, 1);
	peers->config.ops->changed(peers->config.arg, &change);
	return true;
}

/* ---- what is known ---- */

bool
pz_peers_has_hub(const struct pz_peers *peers)
{
	return peers->config.ops->hub_is_up(peers->config.arg);
}

/* The link to the hub may itself be a channel of a peer's link, and then others must not be relayed
 * through it. */
bool
pz_peers_has_direct_hub(const struct pz_peers *peers)
{
	struct pz_session *hub = pz_peers_hub(peers);

	return hub && !pz_stream_is_tunnel(pz_link_of(hub)->stream);
}

struct pz_session *
pz_peers_hub(const struct pz_peers *peers)
{
	const struct pz_peers_config *config = &peers->config;

	return config->ops->hub_is_up(config->arg) ? config->ops->hub_session(config->arg) : NULL;
}

json_t *
pz_peers_entry(const struct pz_peers *peers, const char *device)
{
	return json_object_get(peers->config.directory, device);
}

bool
pz_peers_is_at_hub(const struct pz_peers *peers, const char *device)
{
	return pz_peers_has_hub(peers) &&
	       json_is_true(json_object_get(pz_peers_entry(peers, device), "connected"));
}

bool
pz_peers_is_linked(const struct pz_peers *peers, const char *device)
{
	const struct peer *peer = pz_peers_find(peers, device);

	return peer && peer->live;
}

/* A device that left the zone, by the zone's data, may be back under its name, with a new key,
 * before the data follows. A device that the hub lists as connected, or that a link has proved, is
 * a member. */
bool
pz_peers_has_left(const struct pz_peers *peers, const char *device)
{
	return !pz_device_zone_is_self(peers->config.zone, device) &&
	       pz_device_zone_has_left(peers->config.zone, device) &&
	       !pz_peers_is_at_hub(peers, device) && !pz_peers_is_linked(peers, device);
}

size_t
pz_peers_live_count(const struct pz_peers *peers)
{
	size_t pos = 0, count = 0;
	void *value;

	while (pz_map_next(peers->by_device, &pos, NULL, &value))
		count += ((const struct peer *)value)->live != NULL;
	return count;
}

const char *
pz_peers_next_linked(const struct pz_peers *peers, size_t *pos)
{
	struct pz_slice key;
	void *value;

	while (pz_map_next(peers->by_device, pos, &key, &value)) {
		const struct peer *peer = value;
		if (peer->live && !peer->is_friend)
			return peer->device;
	}
	return NULL;
}

/* For a search: true for a peer that is being dialled, or has not sent its services yet. */
bool
pz_peers_is_expecting(const struct pz_peers *peers)
{
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(peers->by_device, &pos, &key, &value)) {
		const struct peer *peer = value;
		if (peer->attempt || (peer->live && peer->services == NULL && !peer->is_friend))
			return true;
	}
	return false;
}

bool
pz_peers_is_expecting_of(const struct pz_peers *peers, const char *zone)
{
	for (const struct pz_list *n = peers->attempts.next; n != &peers->attempts; n = n->next) {
		const struct peer_attempt *a = PZ_CONTAINER(n, const struct peer_attempt, node);
		if (a->peer ? pz_peer_is_of_zone(a->peer, zone) : strcmp(a->zone, zone) == 0)
			return true;
	}
	for (const struct pz_list *n = peers->links.next; n != &peers->links; n = n->next) {
		const struct peer_link *pl = PZ_CONTAINER(n, const struct peer_link, node);
		if (pl->peer && pz_peer_is_of_zone(pl->peer, zone) && pl->peer->services == NULL &&
		    !pl->link->closing)
			return true;
	}
	return false;
}

bool
pz_peers_view(const struct pz_peers *peers, const char *device, struct pz_peer_view *out)
{
	const struct peer *peer = pz_peers_find(peers, device);

	*out = (struct pz_peer_view){.address = "", .reason = ""};
	if (peer == NULL)
		return false;
	out->address = peer->address;
	out->state = peer->state;
	out->reason = peer->reason;
	out->is_linked = peer->live != NULL;
	out->remote = peer->live && !peer->live->is_tunnel ? peer->live->remote : NULL;
	out->is_private = peer->live != NULL;
	out->relay = peer->live && peer->live->via[0] ? peer->live->via : NULL;
	out->round_trip_us = peer->live ? pz_link_round_trip_us(peer->live->link) : 0;
	out->info = peer->info;
	out->is_dialled = peer->attempt != NULL;
	out->answers = peer->live != NULL && peer->answers;
	return true;
}

json_t *
pz_peers_services(const struct pz_peers *peers, const char *device)
{
	const struct peer *peer = pz_peers_find(peers, device);

	return peer && peer->live ? peer->services : NULL;
}

/* What the device sent on a link wins over what the hub sent: after a restart it is newer. */
const char *
pz_peers_session_of(const struct pz_peers *peers, const char *device)
{
	const struct peer *peer = pz_peers_find(peers, device);
	const char *session = pz_json_str(pz_peers_entry(peers, device), "session");

	if (peer && peer->session[0])
		return peer->session;
	return session ? session : "";
}

json_t *
pz_peers_friends(const struct pz_peers *peers)
{
	json_t *names = json_object();
	size_t pos = 0;
	void *value;

	while (pz_map_next(peers->by_device, &pos, NULL, &value)) {
		const struct peer *peer = value;
		if (peer->is_friend && peer->live)
			(void)json_object_set_new(names, peer->address, json_true());
	}
	return names;
}

/* Three sources: the hub's directory, known peers, and the zone's data. Any of them may be the
 * first to have a device. */
json_t *
pz_peers_names(const struct pz_peers *peers)
{
	const struct pz_device_zone *zone = peers->config.zone;
	json_t *names = json_object(), *value;
	size_t pos = 0;
	struct pz_slice key;
	const char *device;
	void *peer;

	json_object_foreach (peers->config.directory, device, value)
		(void)json_object_set_new(names, device, json_true());
	while (pz_map_next(peers->by_device, &pos, &key, &peer)) {
		const struct peer *p = peer;
		if (!p->is_friend)
			(void)json_object_set_new(names, p->device, json_true());
	}
	pz_device_zone_add_devices(zone, names);
	if (zone->membership)
		(void)json_object_del(names, zone->membership->device);
	return names;
}

const char *
pz_peers_session(const struct pz_peers *peers)
{
	return peers->session;
}

uint16_t
pz_peers_port(const struct pz_peers *peers)
{
	return peers->port;
}
