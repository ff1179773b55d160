/*
 * Props between devices on a direct link: one table of prop statuses (page 4), with who may send
 * each of them and when. The sender is the device that the link has proved; a claim in the message
 * is compared with it. What is kept of a message is a copy, member by member, with bounds, never
 * the received tree: it is shown to people, passed to other parts and forwarded.
 *
 * A friend's device is a guest: its calls pass, and of props only those that concern the link
 * and its own services.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "peers/internal.h"
#include "service/descriptor.h"
#include "sync/link.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/prop_error.h"
#include "zone/info.h"

#define NOTICES_REFUSED_MAX 3 /* of one link: each needs a signature verified */
#define TELL_DELAY_US (20 * PZ_US_PER_MS)

static void
send_error(struct peer_link *pl, enum pz_prop_error error, const char *text, const char *about)
{
	json_t *body = json_pack("{s:s, s:s, s:s}", "code", pz_prop_error_code(error), "message",
				 text, "about", about);

	pz_peer_link_answer(pl, "error", body);
	json_decref(body);
}

/* A device has sent something about itself or another one. */
static void
updated(struct pz_peers *peers, const char *device)
{
	pz_peer_consider(peers, device);
	peers->config.ops->updated(peers->config.arg, device);
}

/* ---- pzpInfo ---- */

static void
keep_text(json_t *info, const json_t *message, const char *name)
{
	const char *text = pz_info_text(message, name);

	if (text)
		(void)json_object_set_new(info, name, json_string(text));
}

/* The copy that is kept, without unknown members. NULL: malformed. */
static json_t *
kept_info(const json_t *message)
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
	return info;
}

static void
on_info(struct peer_link *pl, json_t *message)
{
	struct peer *peer = pl->peer;
	struct pz_peers *peers = pl->peers;
	const char *session = pz_json_str(message, "session");
	bool was_way_to_hub = peer->is_relay && peer->has_hub;

	json_t *info = kept_info(message);
	if (info == NULL) {
		send_error(pl, PZ_PROP_ERROR_BAD_REQUEST, "pzpInfo needs addresses and port",
			   "pzpInfo");
		return;
	}
	json_decref(peer->info);
	peer->info = info;
	peer->is_relay = json_is_true(json_object_get(message, "relay"));
	peer->has_hub = json_is_true(json_object_get(message, "hub"));
	peer->answers = json_is_true(json_object_get(message, "answers"));
	snprintf(peer->session, sizeof(peer->session), "%s",
		 session && pz_info_is_instance(session) ? session : "");
	/* Only when that is new: otherwise each pzpInfo would begin another attempt. */
	if (!was_way_to_hub && peer->is_relay && peer->has_hub && !pz_peers_has_hub(peers))
		peers->config.ops->saw_route_to_hub(peers->config.arg);
	pz_peers_dial_reached(peers);
	updated(peers, peer->device);
}

/* ---- services ---- */

/* Page 7, 4: a device announces its own services only. */
static void
on_register_services(struct peer_link *pl, json_t *message)
{
	const char *from = pz_json_str(message, "from");
	struct peer *peer = pl->peer;
	struct pz_errinfo info = {"not understood"};
	json_t *list = NULL;

	if (from == NULL || strcmp(from, peer->address) != 0 ||
	    pz_descriptors_copy(json_object_get(message, "services"), from, &list, &info) !=
		    PZ_OK) {
		pz_warning_of(&peer->log, pl->peers->env, "services-refused", "peer=%s %s",
			      peer->device, info.text);
		send_error(pl, PZ_PROP_ERROR_BAD_REQUEST, info.text, "registerServices");
		return;
	}
	json_decref(peer->services);
	peer->services = list;
	updated(pl->peers, peer->device);
}

/* ---- the rest ---- */

/* A peer that has sent bye is not dialled at once: it has stopped, or does not want the link. A
 * link that was replaced continues until its successor is registered. */
static void
on_bye(struct peer_link *pl, json_t *message)
{
	const char *reason = pz_json_str(message, "reason");
	struct peer *peer = pl->peer;

	if (reason && strcmp(reason, "replaced") == 0) {
		pl->is_leaving = true;
		/* The other link may need a moment longer: until then this one is still used. */
		if (pl->state == PEER_LINK_LIVE && pz_peer_link_in(peer, PEER_LINK_REGISTERING))
			return;
	}
	if (pl->state == PEER_LINK_LIVE)
		peer->is_wanted = false; /* it gave a reason, and must not be dialled at once */
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
	pz_peer_link_answer(pl, "keepAlive", NULL);
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

/* A notice is signed by the zone's hub and may be passed on by any member; after a few wrong ones
 * the link ends. */
static void
on_hub_moved(struct peer_link *pl, json_t *message)
{
	const struct pz_peers_config *config = &pl->peers->config;

	if (pl->notices_refused < NOTICES_REFUSED_MAX &&
	    !config->ops->hub_moved(config->arg, pl->peer->device, &pl->peer->log, message))
		pl->notices_refused++;
}

/* ---- questions for a person (page 9, 11.3) ---- */

static void
on_prompt_prop(struct peer_link *pl, const char *status, json_t *message)
{
	const struct pz_peers_config *config = &pl->peers->config;

	if (!config->ops->prompt(config->arg, pl->peer->device, status, message))
		send_error(pl, PZ_PROP_ERROR_BAD_REQUEST, "the question or answer is refused",
			   status);
}

static void
on_prompt(struct peer_link *pl, json_t *message)
{
	on_prompt_prop(pl, "prompt", message);
}

static void
on_prompt_answer(struct peer_link *pl, json_t *message)
{
	on_prompt_prop(pl, "promptAnswer", message);
}

static void
on_prompt_ended(struct peer_link *pl, json_t *message)
{
	on_prompt_prop(pl, "promptEnded", message);
}

static const struct {
	const char *status;
	void (*handle)(struct peer_link *pl, json_t *message);
	bool is_early;      /* also before both have registered */
	bool is_for_guests; /* also from devices of friend zones */
} statuses[] = {
	{"pzpInfo", on_info, false, false},
	{"registerServices", on_register_services, false, true},
	{"keepAlive", on_keepalive, false, true},
	{"bye", on_bye, true, true},
	{"error", on_error, true, true},
	{"probe", on_probe, false, true},
	{"hubMoved", on_hub_moved, false, false},
	{"prompt", on_prompt, false, false},
	{"promptAnswer", on_prompt_answer, false, false},
	{"promptEnded", on_prompt_ended, false, false},
	{"tryAddresses", pz_peer_on_try, false, false},
	{"triedAddresses", pz_peer_on_tried, false, false},
};

/* The peer sends data of our zone only. */
static void
refuse_guest(struct peer_link *pl, const char *status)
{
	pz_metric_add(pl->peers->metrics, PZ_METRIC_messages_dropped, 1);
	send_error(pl, PZ_PROP_ERROR_REFUSED, "only devices of the own zone may send this", status);
}

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
	/* Synchronisation and channels check their props themselves. Of the others, a known one
	 * that comes before both have registered is ignored without an answer. */
	if (pz_sync_link_on_prop(pl->sync, status, message) ||
	    pz_link_on_channel_prop(pl->link, status, message))
		;
	else if (i == n && pz_prop_is_for_hubs(status))
		send_error(pl, PZ_PROP_ERROR_REFUSED,
			   "only the zone's hub enrols and revokes devices", status);
	else if (i == n)
		send_error(pl, PZ_PROP_ERROR_UNKNOWN_STATUS, "this device does not know the status",
			   status);
	else if (pl->peer->is_friend && !statuses[i].is_for_guests)
		refuse_guest(pl, status);
	else if (statuses[i].is_early || pl->state >= PEER_LINK_LIVE)
		statuses[i].handle(pl, message);
	json_decref(payload);
}

/* ---- what we say ---- */

/* The same as for the hub, and what a peer needs besides for its routes. */
static json_t *
info_for(const struct peer_link *pl)
{
	const struct pz_peers *peers = pl->peers;
	json_t *info = pz_peers_info(peers);

	(void)json_object_set_new(info, "relay", json_boolean(peers->config.peer_prefs->relay));
	(void)json_object_set_new(info, "hub", json_boolean(pz_peers_has_direct_hub(peers)));
	(void)json_object_set_new(info, "answers",
				  json_boolean(peers->config.ops->answers(peers->config.arg)));
	(void)json_object_set_new(
		info, "reach", pz_peers_reach(pl->peers, pz_peers_relay_room(&pl->link->session)));
	return info;
}

/* Everything is sent again when it has read what waits. */
static bool
is_for_later(struct peer_link *pl)
{
	pl->is_info_late |= pz_peer_is_choked(pl);
	return pl->is_info_late;
}

static void
tell_info(struct peer_link *pl)
{
	if (pl->peer->is_friend || is_for_later(pl))
		return;
	json_t *info = info_for(pl);

	pz_peer_link_prop(pl, "pzpInfo", info);
	json_decref(info);
}

/* A friend's device gets the services that the policies let it see. */
static json_t *
services_for(const struct peer_link *pl)
{
	const struct pz_peers_config *config = &pl->peers->config;

	if (!pl->peer->is_friend)
		return pz_registry_list(config->registry, NULL);
	return config->ops->friends ? config->ops->friends->services(config->arg, pl->peer->address)
				    : json_array();
}

static void
tell_services(struct peer_link *pl)
{
	const struct pz_peers *peers = pl->peers;

	if (is_for_later(pl))
		return;
	json_t *message =
		json_pack("{s:o?, s:s}", "services", services_for(pl), "from", peers->config.self);
	pz_peer_link_prop(pl, "registerServices", message);
	json_decref(message);
}

static void
tell_moved(struct peer_link *pl)
{
	const struct pz_peers_config *config = &pl->peers->config;
	json_t *place = pl->peer->is_friend ? NULL : config->ops->hub_place(config->arg);

	if (place)
		pz_peer_link_prop(pl, "hubMoved", place);
	json_decref(place);
}

/* After both have registered, and again when a peer that did not read has caught up. */
void
pz_peer_greet(struct peer_link *pl)
{
	pl->is_info_late = false;
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

bool
pz_peers_send(struct pz_peers *peers, const char *device, const char *status, json_t *message)
{
	struct peer *peer = pz_peers_find(peers, device);

	if (peer == NULL || peer->live == NULL || peer->live->link->closing ||
	    pz_peer_is_choked(peer->live))
		return false;
	pz_peer_link_prop(peer->live, status, message);
	return true;
}

void
pz_peers_send_info(struct pz_peers *peers)
{
	each_live(peers, tell_info);
}

void
pz_peers_send_services(struct pz_peers *peers)
{
	each_live(peers, tell_services);
}

static void
tell_guest(struct peer_link *pl)
{
	if (pl->peer->is_friend)
		tell_services(pl);
}

void
pz_peers_send_friends_services(struct pz_peers *peers)
{
	each_live(peers, tell_guest);
}

void
pz_peers_send_hub_moved(struct pz_peers *peers)
{
	each_live(peers, tell_moved);
}

/* An earlier request stays: the delay is counted from the first change. */
void
pz_peers_send_info_soon(struct pz_peers *peers)
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
