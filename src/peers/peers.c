/* The peers as a whole: their life, and the effects of changes of this device or the zone. */
#include <stdio.h>
#include <stdlib.h>

#include "peers/internal.h"

/* ---- trust ---- */

/* Links are detached from their peer first: they end at the end of the turn, when the entries are
 * gone. */
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
	while (pz_map_next(peers->by_device, &pos, &key, &peer))
		pz_peers_remove(peer);
}

/* Members only. A list of another zone has no meaning for ours, and a serial may be equal by
 * chance. */
static void
close_revoked(struct pz_peers *peers)
{
	PZ_LIST_EACH (&peers->links, n, tmp) {
		struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		bool is_own = pl->peer && !pl->peer->is_friend;
		if (is_own && pl->serial[0] &&
		    pz_device_zone_is_revoked(peers->config.zone, pl->serial))
			pz_peer_link_close(pl, PZ_ERR_DENIED_REVOKED, "revoked");
	}
}

/* The friendship may have ended, or the friend's own list may name the device. */
static bool
is_former(const struct peer_link *pl)
{
	const struct pz_friend *f = pz_peers_friend_of(pl->peers, pl->peer->address);

	return f == NULL || pz_device_zone_friend_has_revoked(pl->peers->config.zone,
							      pz_slice_str(f->zone), pl->serial);
}

static void
close_former_friends(struct pz_peers *peers)
{
	PZ_LIST_EACH (&peers->links, n, tmp) {
		struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->peer && pl->peer->is_friend && pl->serial[0] && is_former(pl))
			pz_peer_link_close(pl, PZ_ERR_DENIED_REVOKED,
					   "revoked, or of a zone that is no friend any more");
	}
}

/* Ends every attempt and link. */
static void
stop(struct pz_peers *peers, const char *reason)
{
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	PZ_LIST_EACH (&peers->attempts, n, tmp)
		pz_peer_attempt_drop(PZ_CONTAINER(n, struct peer_attempt, node), NULL);
	PZ_LIST_EACH (&peers->links, n, tmp)
		pz_peer_link_close(PZ_CONTAINER(n, struct peer_link, node), PZ_OK, reason);
	while (pz_map_next(peers->by_device, &pos, &key, &value)) {
		struct peer *peer = value;
		peer->is_wanted = false;
		pz_env_stop(peers->env, &peer->retry);
	}
	pz_env_stop(peers->env, &peers->tell);
	pz_peer_trials_stop(peers);
}

static const char left_the_zone[] = "left the zone";

/* Called with each change of trust, not only when a zone is entered or left: contexts are replaced
 * as a whole, and live links are judged by the new state. */
void
pz_peers_set_membership(struct pz_peers *peers, struct pz_tls_ctx *client,
			struct pz_tls_ctx *takes_server)
{
	peers->is_leaving = false;
	peers->client_ctx = client;
	peers->guests.trust++;
	/* Left the zone: no new link is accepted while the others are closed. */
	if (takes_server == NULL) {
		if (!peers->has_window)
			pz_peers_unlisten(peers);
		stop(peers, left_the_zone);
		forget_everybody(peers);
		pz_nearby_forget(peers->nearby);
	}
	pz_tls_ctx_free(peers->server_ctx);
	peers->server_ctx = takes_server;
	/* The context's CRL applies to new links; live links are checked here. */
	close_revoked(peers);
	close_former_friends(peers);
	if (takes_server && peers->is_started)
		pz_peers_listen(peers);
}

/* ---- life ---- */

/* Collected: several changes in one turn are sent once, to peers and to the hub. */
static void
on_tell(struct pz_timer *timer, void *arg)
{
	struct pz_peers *peers = arg;

	(void)timer;
	pz_peers_send_info(peers);
	pz_peers_dial_reached(peers);
	peers->config.ops->send_info_to_hub(peers->config.arg);
}

static void
release(struct pz_peers *peers)
{
	pz_nearby_free(peers->nearby);
	pz_peer_trials_free(peers->trials);
	pz_tls_ctx_free(peers->server_ctx);
	pz_map_free(peers->by_device);
	pz_doorway_free(peers->doorway);
	free(peers);
}

struct pz_peers *
pz_peers_new(const struct pz_peers_config *config)
{
	struct pz_peers *peers = calloc(1, sizeof(*peers));

	if (peers == NULL)
		return NULL;
	peers->config = *config;
	/* Not in the table of link.c: the files of the channels call link.c, which must not call
	 * them in turn. */
	peers->link_events = pz_peer_link_events;
	peers->link_events.channel_prop = pz_peer_channel_prop;
	peers->link_events.channel_offered = pz_peer_on_channel;
	peers->config.link_host.events = &peers->link_events;
	peers->env = config->link_host.env;
	peers->metrics = config->link_host.metrics;
	peers->by_device = pz_map_new();
	pz_list_init(&peers->links);
	pz_list_init(&peers->attempts);
	pz_splices_init(&peers->splices, peers->env, &pz_peers_splice_limits);
	pz_timer_init(&peers->tell, on_tell, peers);
	pz_peers_listen_init(peers);
	pz_env_uuid(peers->env, peers->session);
	peers->doorway = pz_peers_doorway_new(peers);
	peers->nearby = pz_nearby_new(peers, pz_peer_found);
	peers->trials = pz_peer_trials_new();
	if (peers->by_device == NULL || peers->doorway == NULL || peers->nearby == NULL ||
	    peers->trials == NULL) {
		release(peers);
		return NULL;
	}
	return peers;
}

void
pz_peers_start(struct pz_peers *peers)
{
	peers->is_started = true;
	if (peers->server_ctx)
		pz_peers_listen(peers);
}

/* No link is accepted while the wipe waits for the disk; pz_peers_set_membership follows. */
void
pz_peers_leave(struct pz_peers *peers)
{
	peers->is_leaving = true;
	pz_peers_unlisten(peers);
	stop(peers, left_the_zone);
}

void
pz_peers_end(struct pz_peers *peers)
{
	peers->is_ending = true;
	pz_peers_unlisten(peers);
	stop(peers, "stopping");
}

void
pz_peers_free(struct pz_peers *peers)
{
	if (peers == NULL)
		return;
	peers->is_ending = true;
	pz_peers_unlisten(peers);
	forget_everybody(peers);
	pz_env_stop(peers->env, &peers->tell);
	release(peers);
}

/* ---- what has changed ---- */

void
pz_peers_set_keepalive(struct pz_peers *peers, uint64_t keepalive_us)
{
	peers->config.link_host.keepalive_us = keepalive_us;
}

/* Links are probed, not closed: many survive. A link that does not answer soon is given up then,
 * instead of after TCP's time-out. */
void
pz_peers_network_changed(struct pz_peers *peers)
{
	PZ_LIST_EACH (&peers->links, n, tmp) {
		struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->state == PEER_LINK_LIVE)
			pz_link_probe(pl->link, PZ_PEER_CONTEST_US);
	}
	pz_peers_listen_again(peers);
	pz_peers_dial_anew(peers);
	pz_peers_send_info_soon(peers);
}

void
pz_peers_on_directory(struct pz_peers *peers, const char *device)
{
	pz_peer_consider(peers, device);
	peers->config.ops->updated(peers->config.arg, device);
}

/* peer.auto has been turned on: each device with an address in the directory is dialled. */
static void
dial_everybody(struct pz_peers *peers)
{
	const char *device;
	json_t *entry;

	json_object_foreach (peers->config.directory, device, entry)
		pz_peer_consider(peers, device);
}

/* A preference that was switched off takes effect when links are not renewed, except for relaying,
 * which stops now. */
void
pz_peers_prefs_changed(struct pz_peers *peers)
{
	if (!peers->config.peer_prefs->relay)
		pz_splices_end(&peers->splices);
	pz_nearby_announce(peers->nearby);
	dial_everybody(peers);
	pz_peers_send_info_soon(peers);
}

/* A live link proves that the device is a member after all, or is about to be closed by its
 * revocation. */
void
pz_peers_forget(struct pz_peers *peers, const char *device)
{
	struct peer *peer = pz_peers_find(peers, device);

	if (peer && peer->live == NULL)
		pz_peer_give_up(peer, "the device has left the zone");
	else if (peer)
		peer->is_wanted = false;
}

void
pz_peers_forget_friend(struct pz_peers *peers, const char *zone)
{
	static const char reason[] = "the zone is no friend any more";
	size_t pos = 0;
	void *value;

	PZ_LIST_EACH (&peers->links, n, tmp) {
		struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->peer && pz_peer_is_of_zone(pl->peer, zone))
			pz_peer_link_close(pl, PZ_ERR_DENIED, reason);
	}
	while (pz_map_next(peers->by_device, &pos, NULL, &value))
		if (pz_peer_is_of_zone(value, zone))
			pz_peer_give_up(value, reason);
}

void
pz_peers_drop_left(struct pz_peers *peers)
{
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(peers->by_device, &pos, &key, &value)) {
		struct peer *peer = value;
		if (peer->live == NULL && pz_peers_has_left(peers, peer->device))
			pz_peer_give_up(peer, "the device has left the zone");
	}
}

/* ---- looking for devices ---- */

bool
pz_peers_add(struct pz_peers *peers, const char *device)
{
	return pz_peers_get(peers, device) != NULL;
}

bool
pz_peers_dial(struct pz_peers *peers, const char *device, uint64_t seek_us)
{
	struct peer *peer = pz_peers_get(peers, device);

	if (peer == NULL)
		return false;
	pz_peer_dial(peer, seek_us);
	return true;
}

bool
pz_peers_connect(struct pz_peers *peers, const char *device)
{
	struct peer *peer = pz_peers_get(peers, device);

	if (peer == NULL)
		return false;
	peer->is_wanted = true;
	peer->failures = 0;
	pz_peer_dial(peer, PZ_PEER_SEEK_US);
	return true;
}

/* The address is an additional target, tried before others: the device that answers still has to
 * prove its identity. */
bool
pz_peers_connect_at(struct pz_peers *peers, const char *device, const char *address, uint16_t port)
{
	struct peer *peer = pz_peers_get(peers, device);

	if (peer == NULL)
		return false;
	peer->given = (struct peer_target){.kind = TARGET_ADDRESS, .port = port, .is_heard = true};
	snprintf(peer->given.address, sizeof(peer->given.address), "%s", address);
	return pz_peers_connect(peers, device);
}

bool
pz_peers_disconnect(struct pz_peers *peers, const char *device, const char *reason)
{
	struct peer *peer = pz_peers_find(peers, device);

	if (peer == NULL)
		return false;
	if (peer->live)
		pz_peer_link_close(peer->live, PZ_OK, reason);
	pz_peer_give_up(peer, reason);
	return true;
}

void
pz_peers_announce(struct pz_peers *peers)
{
	pz_nearby_announce(peers->nearby);
}

void
pz_peers_look(struct pz_peers *peers, uint64_t duration_us, bool dial)
{
	pz_nearby_look(peers->nearby, duration_us, dial);
}

void
pz_peers_look_for_zone(struct pz_peers *peers, const char *zone, uint64_t duration_us)
{
	pz_nearby_look_for_zone(peers->nearby, zone, duration_us);
}

uint64_t
pz_peers_look_left_us(const struct pz_peers *peers)
{
	return pz_nearby_left_us(peers->nearby);
}

json_t *
pz_peers_announced(struct pz_peers *peers)
{
	return pz_nearby_list(peers->nearby);
}
