/* The table of peers: who they are, in which state, and which way leads to them. */
#include "pzp/peers.h"

#include <stdio.h>
#include <stdlib.h>

#include "pzp/devices.h"
#include "pzp/zonedata.h"
#include "wire/json.h"
#include "zone/details.h"

/* ---- the table ---- */

struct peer *
pz_peers_find(const struct pz_peers *peers, const char *device)
{
	return pz_map_get(peers->by_device, pz_slice_str(device));
}

static void
on_retry(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_peer_dial(arg, PZ_PEER_SEEK_US);
}

struct peer *
pz_peers_get(struct pz_peers *peers, const char *device)
{
	const struct pz_membership *m = peers->node->zone.membership;
	struct peer *peer = pz_peers_find(peers, device);

	if (peer)
		return peer;
	if (m == NULL || strcmp(device, m->device) == 0 ||
	    !pz_device_is_valid(pz_slice_str(device)) ||
	    pz_map_len(peers->by_device) >= PZ_DEVICES_PER_ZONE_MAX)
		return NULL;
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		return NULL;
	peer->peers = peers;
	snprintf(peer->device, sizeof(peer->device), "%s", device);
	snprintf(peer->address, sizeof(peer->address), "%s/%s", m->zone, device);
	pz_timer_init(&peer->retry, on_retry, peer);
	if (pz_map_put(peers->by_device, pz_slice_str(peer->device), peer, NULL) != PZ_OK) {
		free(peer);
		return NULL;
	}
	return peer;
}

static void
free_peer(struct peer *peer)
{
	pz_env_stop(peer->peers->node->config.env, &peer->retry);
	json_decref(peer->info);
	json_decref(peer->services);
	json_decref(peer->relayed);
	free(peer);
}

bool
pz_peer_event(struct peer *peer, enum pz_peer_event event, const char *reason)
{
	struct pz_node *node = peer->peers->node;
	enum pz_peer_state old = peer->state, next;

	if (!pz_peer_edge(old, event, &next))
		return false;
	peer->state = next;
	if (reason)
		snprintf(peer->reason, sizeof(peer->reason), "%s", reason);
	if (reason && reason[0])
		pz_info_of(&peer->log, peer->peers->node->config.env, "peer",
			   "device=%s old=%s new=%s event=\"%s\" reason=%s", peer->device,
			   pz_peer_state_text(old), pz_peer_state_text(next),
			   pz_peer_event_text(event), reason);
	else
		pz_info_of(&peer->log, peer->peers->node->config.env, "peer",
			   "device=%s old=%s new=%s event=\"%s\"", peer->device,
			   pz_peer_state_text(old), pz_peer_state_text(next),
			   pz_peer_event_text(event));
	pz_metric_add(&node->metrics, PZ_METRIC_state_changes, 1);
	node_tell(node,
		  json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "event", "peer", "name", peer->device,
			    "old", pz_peer_state_text(old), "new", pz_peer_state_text(next),
			    "cause", pz_peer_event_text(event), "reason", peer->reason));
	commands_peer_changed(node, peer->device);
	return true;
}

size_t
pz_peers_live_count(const struct pz_peers *peers)
{
	size_t pos = 0, count = 0;
	struct pz_slice key;
	void *peer;

	while (pz_map_next(peers->by_device, &pos, &key, &peer))
		count += ((struct peer *)peer)->live != NULL;
	return count;
}

/* ---- ways ---- */

static json_t *
directory_entry(const struct pz_node *node, const char *device)
{
	return json_object_get(node->directory, device);
}

static bool
is_at_hub(const struct pz_node *node, const char *device)
{
	return node->hub.is_registered &&
	       json_is_true(json_object_get(directory_entry(node, device), "connected"));
}

const char *
node_route_text(const struct pz_node *node, const char *device)
{
	const struct peer *peer = pz_peers_find(node->peers, device);

	if (peer && peer->live)
		return "direct";
	if (is_at_hub(node, device))
		return "hub";
	return pz_peers_relay_for(node, pz_slice_str(device)) ? "relay" : "none";
}

bool
node_has_route(const struct pz_node *node, const char *device)
{
	return strcmp(node_route_text(node, device), "none") != 0;
}

const char *
pz_peers_session_of(const struct pz_node *node, const char *device)
{
	const struct peer *peer = pz_peers_find(node->peers, device);
	const char *session = pz_json_str(directory_entry(node, device), "session");

	if (peer && peer->session[0])
		return peer->session;
	return session ? session : "";
}

/* ---- what is shown ---- */

static json_t *
shown_address(const struct peer *peer)
{
	return peer && peer->live ? json_string(peer->live->remote) : json_null();
}

static json_t *
text_or(const json_t *object, const char *name, const char *fallback)
{
	const char *text = pz_json_str(object, name);

	return json_string(text ? text : fallback);
}

/* How a device is called: it says so itself, or the hub does, who hears of every name. Without
 * either the zone's data tells how it was last named. */
static json_t *
shown_name(const struct pz_node *node, const char *device)
{
	const struct peer *peer = pz_peers_find(node->peers, device);
	char key[PZ_DETAILS_KEY_CHARS];
	json_t *entry = directory_entry(node, device);

	if (peer && peer->live && peer->info)
		return text_or(peer->info, "displayName", device);
	if (node->hub.is_registered && entry)
		return text_or(entry, "displayName", device);
	pz_details_key(device, key);
	char *given = pz_shared_text(node->zonedata->shared, PZ_SYNC_USER_DETAILS, key);
	json_t *name =
		given ? json_string(given)
		      : text_or(peer && peer->info ? peer->info : entry, "displayName", device);
	free(given);
	return name;
}

char *
devices_display_name(const struct pz_node *node, const char *device)
{
	if (strcmp(device, node->device) == 0)
		return strdup(node->display_name);
	json_t *name = shown_name(node, device);
	char *copy = name ? strdup(json_string_value(name)) : NULL;
	json_decref(name);
	return copy;
}

/* What is known of it: what it says itself counts more than what the hub tells. */
static json_t *
describe(const struct pz_node *node, const char *device)
{
	const struct peer *peer = pz_peers_find(node->peers, device);
	json_t *entry = peer && peer->info ? peer->info : directory_entry(node, device);
	json_t *addresses = json_object_get(entry, peer && peer->info ? "addresses" : "ipaddress");
	const json_t *seen = json_object_get(directory_entry(node, device), "lastSeen");
	int64_t port = 0;
	char id[PZ_ADDRESS_BYTES_MAX + 1];

	(void)pz_json_int(entry, "port", 0, UINT16_MAX, &port);
	snprintf(id, sizeof(id), "%s/%s", node->zone.membership->zone, device);
	return json_pack("{s:s, s:o?, s:o?, s:s, s:s, s:s, s:o?, s:O?, s:I, s:b, s:o}", "id", id,
			 "displayName", shown_name(node, device), "deviceType",
			 text_or(entry, "deviceType", ""), "state",
			 pz_peer_state_text(peer ? peer->state : PZ_PEER_NOT_CONNECTED), "route",
			 node_route_text(node, device), "reason", peer ? peer->reason : "",
			 "address", shown_address(peer), "addresses", addresses, "port",
			 (json_int_t)port, "friend", 0, "lastSeen",
			 json_is_integer(seen) ? json_incref((json_t *)(uintptr_t)seen)
					       : json_null());
}

json_t *
pz_peers_names(const struct pz_node *node)
{
	json_t *names = json_object(), *value;
	size_t pos = 0;
	struct pz_slice key;
	const char *device;
	void *peer;

	json_object_foreach (node->directory, device, value)
		(void)json_object_set_new(names, device, json_true());
	while (pz_map_next(node->peers->by_device, &pos, &key, &peer)) {
		const struct peer *p = peer;
		(void)json_object_set_new(names, p->device, json_true());
		json_object_foreach (p->relayed, device, value)
			(void)json_object_set_new(names, device, json_true());
	}
	pz_device_zone_add_devices(&node->zone, names);
	if (node->zone.membership)
		(void)json_object_del(names, node->zone.membership->device);
	return names;
}

json_t *
pz_peers_list(struct pz_node *node)
{
	json_t *list = json_array(), *names = devices_names(node), *value;
	const char *device;

	if (node->zone.membership)
		json_object_foreach (names, device, value)
			json_array_append_new(list, describe(node, device));
	json_decref(names);
	return list;
}

json_t *
pz_peers_status(struct pz_node *node)
{
	json_t *list = pz_peers_list(node), *entry;
	static const char *const more[] = {"deviceType", "addresses", "port", "reason"};
	size_t i;

	json_array_foreach (list, i, entry)
		for (size_t k = 0; k < sizeof(more) / sizeof(more[0]); k++)
			(void)json_object_del(entry, more[k]);
	return list;
}

/* ---- trust ---- */

static void
forget_everybody(struct pz_peers *peers)
{
	size_t pos = 0;
	struct pz_slice key;
	void *peer;

	PZ_LIST_EACH (&peers->attempts, n, tmp)
		pz_peer_attempt_drop(PZ_CONTAINER(n, struct peer_attempt, node), NULL);
	PZ_LIST_EACH (&peers->links, n, tmp)
		PZ_CONTAINER(n, struct peer_link, node)->peer = NULL;
	while (pz_map_next(peers->by_device, &pos, &key, &peer)) {
		pz_map_remove(peers->by_device, key);
		free_peer(peer);
	}
}

static void
close_revoked(struct pz_peers *peers)
{
	PZ_LIST_EACH (&peers->links, n, tmp) {
		struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->serial[0] && pz_device_zone_is_revoked(&peers->node->zone, pl->serial))
			pz_peer_link_close(pl, PZ_ERR_DENIED_REVOKED, "revoked");
	}
}

enum pz_err
pz_peers_set_membership(struct pz_peers *peers, struct pz_errinfo *info)
{
	struct pz_tls_ctx *ctx = NULL;

	if (peers->node->zone.membership == NULL) {
		pz_peers_unlisten(peers);
		pz_peers_stop(peers, "left the zone");
		forget_everybody(peers);
		pz_nearby_forget(peers->node->nearby);
	} else {
		PZ_TRY(node_make_tls_ctx(peers->node->config.env, &peers->node->zone,
					 PZ_TLS_PEER_SERVER, &ctx, info));
	}
	pz_tls_ctx_free(peers->server_ctx);
	peers->server_ctx = ctx;
	close_revoked(peers);
	if (ctx && peers->node->is_started)
		pz_peers_listen(peers);
	return PZ_OK;
}

/* ---- life ---- */

static void
on_tell(struct pz_timer *timer, void *arg)
{
	struct pz_peers *peers = arg;

	pz_peers_tell_info(peers);
	hub_send_info(peers->node);
	if (!peers->node->hub.is_registered) /* a consent to be spoken for grows old */
		pz_env_start(peers->node->config.env, timer, PZ_PEER_REFRESH_US);
	if (!peers->is_services_news)
		return;
	peers->is_services_news = false;
	pz_peers_tell_services(peers);
}

enum pz_err
pz_peers_new(struct pz_node *node, struct pz_peers **out)
{
	struct pz_peers *peers = calloc(1, sizeof(*peers));

	if (peers == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	peers->node = node;
	peers->by_device = pz_map_new();
	pz_list_init(&peers->links);
	pz_list_init(&peers->attempts);
	peers->link_host = node->link_host;
	peers->link_host.events = &pz_peer_link_events;
	pz_timer_init(&peers->tell, on_tell, peers);
	pz_peers_listen_init(peers);
	pz_env_uuid(node->config.env, peers->session);
	peers->doorway = pz_peers_doorway_new(peers);
	if (peers->by_device == NULL || peers->doorway == NULL) {
		pz_map_free(peers->by_device);
		pz_doorway_free(peers->doorway);
		free(peers);
		return PZ_ERR_LIMIT_MEMORY;
	}
	*out = peers;
	return PZ_OK;
}

void
pz_peers_stop(struct pz_peers *peers, const char *reason)
{
	size_t pos = 0;
	struct pz_slice key;
	void *peer;

	PZ_LIST_EACH (&peers->attempts, n, tmp)
		pz_peer_attempt_drop(PZ_CONTAINER(n, struct peer_attempt, node), NULL);
	PZ_LIST_EACH (&peers->links, n, tmp)
		pz_peer_link_close(PZ_CONTAINER(n, struct peer_link, node), PZ_OK, reason);
	while (pz_map_next(peers->by_device, &pos, &key, &peer)) {
		((struct peer *)peer)->is_wanted = false;
		pz_env_stop(peers->node->config.env, &((struct peer *)peer)->retry);
	}
	pz_env_stop(peers->node->config.env, &peers->tell);
}

void
pz_peers_free(struct pz_peers *peers)
{
	if (peers == NULL)
		return;
	pz_peers_unlisten(peers);
	forget_everybody(peers);
	pz_env_stop(peers->node->config.env, &peers->tell);
	pz_tls_ctx_free(peers->server_ctx);
	pz_map_free(peers->by_device);
	pz_doorway_free(peers->doorway);
	free(peers);
}

void
pz_peers_network_changed(struct pz_peers *peers)
{
	PZ_LIST_EACH (&peers->links, n, tmp) {
		struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->state == PEER_LINK_LIVE)
			pz_link_probe(pl->link, PZ_PEER_CONTEST_US);
	}
	pz_peers_listen_again(peers);
	pz_peers_tell_soon(peers);
}

/* peer.auto has been turned on: whom the hub tells an address of is dialled. */
static void
dial_everybody(struct pz_peers *peers)
{
	const char *device;
	json_t *entry;

	json_object_foreach (peers->node->directory, device, entry)
		pz_peers_consider(peers, device);
}

bool
pz_peers_is_spoken_for(const struct pz_peers *peers, const char *device)
{
	const struct pz_node *node = peers->node;
	const char *via = pz_json_str(json_object_get(node->directory, device), "via");

	return via && node->zone.membership && strcmp(via, node->zone.membership->device) == 0;
}

void
pz_peers_told_by_hub(struct pz_peers *peers, const char *device)
{
	if (pz_peers_is_spoken_for(peers, device)) /* it wants to hear that the hub hears it now */
		pz_peers_tell_soon(peers);
	node_peer_news(peers->node, device);
}

void
pz_peers_consider(struct pz_peers *peers, const char *device)
{
	const struct pz_node *node = peers->node;
	const json_t *entry = json_object_get(node->directory, device);
	struct peer *peer;

	if (!node->wishes.auto_dial || !json_is_true(json_object_get(entry, "connected")) ||
	    json_array_size(json_object_get(entry, "ipaddress")) == 0)
		return;
	peer = pz_peers_get(peers, device);
	/* One that failed lately waits for its retry. */
	if (peer && peer->live == NULL && peer->attempt == NULL && !peer->retry.active)
		pz_peer_dial(peer, 0);
}

void
pz_peers_wishes_changed(struct pz_peers *peers)
{
	pz_nearby_announce(peers->node->nearby);
	dial_everybody(peers);
	pz_peers_tell_soon(peers);
}
