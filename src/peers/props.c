/* What devices say to each other on a direct link: one table of prop statuses (page 4). */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "peers/internal.h"
#include "service/descriptor.h"
#include "sync/link.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/prop_error.h"
#include "zone/attest.h"
#include "zone/info.h"

#define NOTICES_REFUSED_MAX 3 /* of one link: each is a signature to verify */
#define TELL_DELAY_US (20 * PZ_US_PER_MS)

/* A peer that does not read gets no more answers; true: this one is left out. */
static bool
is_unread(struct peer_link *pl)
{
	struct pz_peers *peers = pl->peers;

	if (!pz_peer_is_choked(pl))
		return false;
	pz_metric_add(peers->metrics, PZ_METRIC_messages_dropped, 1);
	return true;
}

static void
send_error(struct peer_link *pl, enum pz_prop_error error, const char *text, const char *about)
{
	if (is_unread(pl))
		return;
	json_t *body = json_pack("{s:s, s:s, s:s}", "code", pz_prop_error_code(error), "message",
				 text, "about", about);

	pz_peer_link_prop(pl, "error", body);
	json_decref(body);
}

/* A device has sent something about itself or another one. */
static void
news(struct pz_peers *peers, const char *device)
{
	pz_peer_consider(peers, device);
	peers->config.ops->news(peers->config.arg, device);
}

static void tell_info(struct peer_link *pl);
static void tell_services(struct peer_link *pl);

/* ---- pzpInfo ---- */

static void
keep_text(json_t *info, const json_t *message, const char *name)
{
	const char *text = pz_info_text(message, name);

	if (text)
		(void)json_object_set_new(info, name, json_string(text));
}

/* Its consent that we speak for it, and nothing else that may be called "behind". */
static void
keep_consent(json_t *info, const struct peer *peer, const json_t *message)
{
	json_t *consent = pz_attest_copy(json_object_get(message, "behind"));
	const char *device = pz_json_str(consent, "device"), *relay = pz_json_str(consent, "relay");

	if (consent && strcmp(device, peer->device) == 0 &&
	    strcmp(relay, peer->peers->config.zone->membership->device) == 0)
		(void)json_object_set(info, "behind", consent);
	json_decref(consent);
}

/* What is kept of it: built anew, and nothing that we do not know. NULL: it is of a wrong form. */
static json_t *
kept_info(const struct peer *peer, const json_t *message)
{
	json_t *addresses = pz_info_addresses(json_object_get(message, "addresses"));
	json_t *reach = pz_info_devices(json_object_get(message, "reach"), PZ_PEER_REACH_MAX);
	int64_t port = 0;

	if (!pz_json_int(message, "port", 0, UINT16_MAX, &port) || !addresses || !reach) {
		json_decref(addresses);
		json_decref(reach);
		return NULL;
	}
	json_t *info = json_pack("{s:o, s:I, s:o}", "addresses", addresses, "port",
				 (json_int_t)port, "reach", reach);
	keep_text(info, message, "displayName");
	keep_text(info, message, "deviceType");
	keep_consent(info, peer, message);
	return info;
}

/* It has lost its hub: what it could ask there it receives from us. */
static void
meet_needs(struct peer_link *pl, bool had_hub, bool was_relay_to_hub, bool was_speaking)
{
	const struct peer *peer = pl->peer;
	struct pz_peers *peers = pl->peers;

	if (had_hub && !peer->has_hub)
		tell_services(pl);
	if (!was_relay_to_hub && peer->is_relay && peer->has_hub && !pz_peers_has_hub(peers))
		peers->config.ops->saw_way_to_hub(peers->config.arg);
	pz_peers_dial_reached(peers);
	if (!was_speaking && peer->is_speaking && !pz_peers_has_hub(peers))
		peers->config.ops->announce(peers->config.arg);
}

static void
on_info(struct peer_link *pl, json_t *message)
{
	struct peer *peer = pl->peer;
	struct pz_peers *peers = pl->peers;
	const char *session = pz_json_str(message, "session");
	bool had_consent = json_object_get(peer->info, "behind") != NULL;
	bool had_hub = peer->has_hub, was_relay = peer->is_relay;
	bool was_speaking = peer->is_speaking;

	json_t *info = kept_info(peer, message);
	if (info == NULL) {
		send_error(pl, PZ_PROP_ERROR_BAD_REQUEST, "pzpInfo needs addresses and port",
			   "pzpInfo");
		return;
	}
	json_t *names = was_relay ? pz_peers_names(peers) : NULL;
	json_decref(peer->info);
	peer->info = info;
	peer->is_relay = json_is_true(json_object_get(message, "relay"));
	peer->has_hub = json_is_true(json_object_get(message, "hub"));
	peer->is_speaking = json_is_true(json_object_get(message, "speaks"));
	pl->link->session.relays = peer->is_relay;
	snprintf(peer->session, sizeof(peer->session), "%s",
		 session && pz_info_is_instance(session) ? session : "");
	/* At once: what it says next to the hub goes by us, and the hub must know by then. */
	if (had_consent || json_object_get(peer->info, "behind"))
		peers->config.ops->tell_hub(peers->config.arg);
	if (names) /* it may reach fewer than before */
		peers->config.ops->lost(peers->config.arg, &(struct pz_peers_loss){.names = names});
	json_decref(names);
	meet_needs(pl, had_hub, was_relay && had_hub, was_speaking);
	news(peers, peer->device);
}

/* ---- services ---- */

static struct peer *
list_owner(struct peer_link *pl, const char *from, struct pz_address *out)
{
	struct peer *peer = pl->peer;
	const struct pz_membership *m = pl->peers->config.zone->membership;

	if (from == NULL || pz_address_parse(pz_slice_str(from), out) != PZ_OK ||
	    !pz_slice_eq_str(out->zone, m->zone) || out->device.len == 0 || out->app.len > 0 ||
	    pz_slice_eq_str(out->device, m->device))
		return NULL;
	if (strcmp(from, peer->address) == 0 || peer->is_relay)
		return peer;
	return NULL;
}

/* Of a device that it passes on for; an empty list: no longer. */
static void
keep_relayed(struct peer *peer, const char *device, json_t *takes_list)
{
	if (peer->relayed == NULL)
		peer->relayed = json_object();
	if (json_array_size(takes_list) == 0) {
		(void)json_object_del(peer->relayed, device);
		json_decref(takes_list);
	} else if (json_object_get(peer->relayed, device) == NULL &&
		   json_object_size(peer->relayed) >= PZ_PEER_RELAYED_MAX) {
		json_decref(takes_list);
	} else {
		(void)json_object_set_new(peer->relayed, device, takes_list);
	}
}

static void
on_register_services(struct peer_link *pl, json_t *message)
{
	const char *from = pz_json_str(message, "from");
	struct peer *peer = pl->peer;
	struct pz_errinfo info = {"not understood"};
	struct pz_address owner;
	json_t *list = NULL;

	if (list_owner(pl, from, &owner) == NULL ||
	    pz_descriptors_copy(json_object_get(message, "services"), from, &list, &info) !=
		    PZ_OK) {
		pz_warning_of(&peer->log, pl->peers->env, "services-refused", "device=%s %s",
			      peer->device, info.text);
		send_error(pl, PZ_PROP_ERROR_BAD_REQUEST, info.text, "registerServices");
		return;
	}
	PZ_AUTO_FREE char *device = pz_slice_dup(owner.device);
	if (device == NULL) {
		json_decref(list);
	} else if (strcmp(device, peer->device) != 0) {
		keep_relayed(peer, device, list);
	} else if (peer->services && json_equal(peer->services, list)) {
		json_decref(
			list); /* no news: else two devices would send it to each other forever */
	} else {
		json_decref(peer->services);
		peer->services = list;
		pl->peers->is_services_news = true; /* for those that we pass them on to */
		pz_peers_tell_soon(pl->peers);
	}
	if (device)
		news(pl->peers, device);
}

/* ---- the rest ---- */

static void
on_bye(struct peer_link *pl, json_t *message)
{
	const char *reason = pz_json_str(message, "reason");
	struct peer *peer = pl->peer;

	if (reason && strcmp(reason, "replaced") == 0) {
		pl->is_leaving = true;
		/* The other link may need a moment more: until then this one still serves. */
		if (pl->state == PEER_LINK_LIVE && pz_peer_link_in(peer, PEER_LINK_REGISTERING))
			return;
	}
	if (pl->state == PEER_LINK_LIVE)
		peer->is_wanted = false; /* it said why, and does not want to be dialled at once */
	pz_link_close(pl->link, PZ_ERR_IO_CLOSED, reason ? reason : "bye");
}

static void
on_keepalive(struct peer_link *pl, json_t *message)
{
	(void)pl;
	(void)message;
}

static void
on_probe(struct peer_link *pl, json_t *message)
{
	(void)message;
	if (!is_unread(pl))
		pz_peer_link_prop(pl, "keepAlive", NULL);
}

static void
on_error(struct peer_link *pl, json_t *message)
{
	const char *code = pz_json_str(message, "code"), *about = pz_json_str(message, "about");

	if (about && strcmp(about, "tryAddresses") == 0)
		pz_peer_on_try_unknown(pl);
	pz_info_of(&pl->peer->log, pl->peers->env, "peer-error", "device=%s code=%s about=%s",
		   pl->peer->device, code ? code : "?", about ? about : "?");
}

static void
on_hub_moved(struct peer_link *pl, json_t *message)
{
	const struct pz_peers_config *config = &pl->peers->config;

	if (pl->notices_refused < NOTICES_REFUSED_MAX &&
	    !config->ops->hub_moved(config->arg, pl->peer->device, &pl->peer->log, message))
		pl->notices_refused++;
}

static const struct {
	const char *status;
	void (*handle)(struct peer_link *pl, json_t *message);
	bool is_early; /* also before both have registered */
} statuses[] = {
	{"pzpInfo", on_info, false},
	{"registerServices", on_register_services, false},
	{"keepAlive", on_keepalive, false},
	{"bye", on_bye, true},
	{"error", on_error, true},
	{"probe", on_probe, false},
	{"hubMoved", on_hub_moved, false},
	{"tryAddresses", pz_peer_on_try, false},
	{"triedAddresses", pz_peer_on_tried, false},
};

void
pz_peer_on_prop(struct peer_link *pl, const struct pz_envelope *envelope)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	if (pl->link->closing)
		return;
	if (pz_message_prop_parse(envelope, &payload, &status, &message) != PZ_OK) {
		pz_metric_add(pl->peers->metrics, PZ_METRIC_messages_dropped, 1);
		send_error(pl, PZ_PROP_ERROR_BAD_REQUEST, "a prop needs a readable payload.status",
			   "");
		return;
	}
	size_t i = 0, n = sizeof(statuses) / sizeof(statuses[0]);
	while (i < n && strcmp(statuses[i].status, status) != 0)
		i++;
	if (pz_sync_link_on_prop(pl->sync, status, message) ||
	    pz_link_on_channel_prop(pl->link, status, message))
		;
	else if (i == n && pz_prop_is_for_hubs(status))
		send_error(pl, PZ_PROP_ERROR_REFUSED,
			   "only the zone's hub enrols and revokes devices", status);
	else if (i == n)
		send_error(pl, PZ_PROP_ERROR_UNKNOWN_STATUS, "this device does not know the status",
			   status);
	else if (statuses[i].is_early || pl->state >= PEER_LINK_LIVE)
		statuses[i].handle(pl, message);
	json_decref(payload);
}

/* ---- what we say ---- */

/* What the hub receives, too, and besides what a peer needs for its ways. */
static json_t *
info_for(const struct peer_link *pl)
{
	const struct pz_peers *peers = pl->peers;
	const struct peer *peer = pl->peer;
	json_t *info = pz_peers_info(peers);

	(void)json_object_set_new(info, "relay", json_boolean(peers->config.wishes->relay));
	(void)json_object_set_new(info, "hub", json_boolean(pz_peers_has_direct_hub(peers)));
	(void)json_object_set_new(
		info, "reach", pz_peers_reach(pl->peers, pz_peers_relay_room(&pl->link->session)));
	(void)json_object_set_new(info, "speaks",
				  json_boolean(pz_peers_is_spoken_for(pl->peers, peer->device)));
	return info;
}

/* It is sent everything anew when it has read what waits. */
static bool
is_for_later(struct peer_link *pl)
{
	pl->is_told_late |= pz_peer_is_choked(pl);
	return pl->is_told_late;
}

static void
tell_info(struct peer_link *pl)
{
	if (is_for_later(pl))
		return;
	json_t *info = info_for(pl);

	pz_peer_link_prop(pl, "pzpInfo", info);
	json_decref(info);
}

static void
tell_list(struct peer_link *pl, const char *from, json_t *takes_list)
{
	json_t *message = json_pack("{s:o?, s:s}", "services", takes_list, "from", from);

	pz_peer_link_prop(pl, "registerServices", message);
	json_decref(message);
}

/* Ours, and those of the others to one that has no hub to ask. */
static void
tell_services(struct peer_link *pl)
{
	const struct pz_peers *peers = pl->peers;
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	if (is_for_later(pl))
		return;
	tell_list(pl, peers->config.self, pz_registry_list(peers->config.registry, NULL));
	if (!peers->config.wishes->relay || pl->peer->has_hub)
		return;
	while (pz_map_next(pl->peers->by_device, &pos, &key, &value)) {
		const struct peer *other = value;
		if (other != pl->peer && other->services)
			tell_list(pl, other->address, json_incref(other->services));
	}
}

static void
tell_moved(struct peer_link *pl)
{
	json_t *place = pl->peers->config.ops->hub_place(pl->peers->config.arg);

	if (place)
		pz_peer_link_prop(pl, "hubMoved", place);
	json_decref(place);
}

void
pz_peer_greet(struct peer_link *pl)
{
	pl->is_told_late = false;
	tell_info(pl);
	tell_services(pl);
	tell_moved(pl);
}

static void
each_live(struct pz_peers *peers, void (*tell)(struct peer_link *pl))
{
	PZ_LIST_EACH (&peers->links, n, tmp) {
		struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->state == PEER_LINK_LIVE && !pl->link->closing)
			tell(pl);
	}
}

void
pz_peers_tell_info(struct pz_peers *peers)
{
	each_live(peers, tell_info);
}

void
pz_peers_tell_services(struct pz_peers *peers)
{
	each_live(peers, tell_services);
}

void
pz_peers_tell_moved(struct pz_peers *peers)
{
	each_live(peers, tell_moved);
}

void
pz_peers_tell_soon(struct pz_peers *peers)
{
	const struct pz_env *env = peers->env;

	if (!peers->is_ending &&
	    (!peers->tell.active || peers->tell.due_us > pz_env_mono_us(env) + TELL_DELAY_US))
		pz_env_start(env, &peers->tell, TELL_DELAY_US);
}

void
pz_peers_on_prop(struct pz_session *in, const struct pz_envelope *envelope)
{
	pz_peer_on_prop(pz_link_of(in)->owner, envelope);
}
