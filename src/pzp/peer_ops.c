/*
 * What the node does for its peers (peers/peers.h): how the parts of the node react to events of
 * the direct links. The peers know only this table of the node, so this file shows which parts
 * react to which event, and in which order.
 *
 * A link has three events: `live` when it is registered and messages pass, `updated` whenever the
 * device sends data about itself or its services, `lost` when it ends. `gone` follows `lost` if no
 * other link to the device is left; `changed` is for people and lists. Calls are ended or sent
 * again in `lost`; what depends on the device itself ends in `gone`.
 */
#include "pzp/peer_ops.h"

#include "access/permit.h"
#include "calls/discovery.h"
#include "calls/friends.h"
#include "items/app_data.h"
#include "pairing/pairing.h"
#include "pzp/membership.h"
#include "pzp/policy_ops.h"
#include "transfer/transfer.h"
#include "wire/json.h"

static struct pz_calls *
calls_of(const struct pz_node *node)
{
	return node->calls;
}

static struct pz_items *
items_of(const struct pz_node *node)
{
	return node->items;
}

static bool
on_hub_is_up(void *arg)
{
	const struct pz_node *node = arg;

	return pz_uplink_is_up(node->uplink);
}

static struct pz_session *
on_hub_session(void *arg)
{
	const struct pz_node *node = arg;

	return pz_uplink_session(node->uplink);
}

static void
on_send_info_to_hub(void *arg)
{
	struct pz_node *node = arg;

	pz_uplink_send_info(node->uplink);
}

static void
on_saw_route_to_hub(void *arg)
{
	const struct pz_node *node = arg;

	pz_uplink_saw_relay(node->uplink);
}

/* An event for programs that watch, and for displays of the devices' state. Nothing is decided by
 * it. */
static void
on_changed(void *arg, const struct pz_peer_change *change)
{
	struct pz_node *node = arg;

	pz_watch_event(&node->requests,
		       json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "event", "peer", "name",
				 change->device, "old", pz_peer_state_text(change->old), "new",
				 pz_peer_state_text(change->now), "cause",
				 pz_peer_event_text(change->event), "reason", change->reason));
	pz_calls_peer_changed(node->calls, change->device);
	pz_apps_changed(node->apps.apps);
	pz_transfers_route_changed(node->transfers, change->device, false);
}

/* A device of a friend zone is a guest: it answers no prompts of this device, and has no part in
 * the sessions of apps. */
static bool
is_guest(const char *name)
{
	return strchr(name, '/') != NULL;
}

/* A link makes a device an agent for prompts only with its first update: before that the list of
 * peers lacks its data. Files wait for a route, not for updates: waiting files continue at once. */
static void
on_live(void *arg, const char *device)
{
	const struct pz_node *node = arg;

	if (!is_guest(device)) {
		pz_asking_device(node->judge.asking, device);
		pz_app_data_session_began(items_of(arg));
	}
	pz_discovery_look_again(calls_of(arg));
	pz_transfers_route_changed(node->transfers, device, false);
}

static void
on_updated(void *arg, const char *device)
{
	const struct pz_node *node = arg;

	if (!is_guest(device))
		pz_asking_device(node->judge.asking, device);
	pz_discovery_look_again(calls_of(arg));
	pz_transfers_route_changed(node->transfers, device, true);
}

static bool
on_answers(void *arg)
{
	const struct pz_node *node = arg;

	return pz_asking_answers(node->judge.asking);
}

static bool
on_prompt(void *arg, const char *device, const char *status, const json_t *message)
{
	const struct pz_node *node = arg;

	return pz_asking_on_prop(node->judge.asking, device, status, message);
}

/* Files are made after the peers, and a link could exist in between. */
static void
on_file_offered(void *arg, const char *device, struct pz_channel *channel,
		const struct pz_channel_offer *offer)
{
	const struct pz_node *node = arg;

	if (node->transfers)
		pz_transfers_offered(node->transfers, device, channel, offer);
}

/* Messages that never left the queue come first: they are older than what is sent again. The peers
 * determine the order of the other effects (peers/link.c). */
static void
on_lost(void *arg, const struct pz_peers_loss *loss)
{
	pz_calls_undelivered(calls_of(arg), loss->undelivered, loss->rpc_code);
	pz_calls_lost(calls_of(arg), loss->session, loss->names);
}

/* A session of apps ends with the last link to that device (preference data.clear). */
static void
on_gone(void *arg, const char *address)
{
	const struct pz_node *node = arg;

	pz_app_data_session_ended(node->items, address);
	pz_asking_gone(node->judge.asking, address);
}

static struct pz_sync_link *
on_sync_open(void *arg, struct pz_link *link, bool is_opener)
{
	const struct pz_node *node = arg;

	return pz_zonedata_open(node->zonedata, link, false, is_opener);
}

static json_t *
on_hub_place(void *arg)
{
	const struct pz_node *node = arg;

	return pz_uplink_notice(node->uplink);
}

static bool
on_hub_moved(void *arg, const char *device, struct pz_log_rate *log, json_t *message)
{
	struct pz_node *node = arg;

	return pz_uplink_on_notice(node->uplink, device, log, message);
}

static void
on_unsent(void *arg, const struct pz_session *session, const char *status, enum pz_err err,
	  size_t bytes)
{
	pz_calls_prop_unsent(calls_of(arg), session, status, err, bytes);
}

/* ---- devices of friend zones ---- */

static struct pz_tls_ctx *
on_friend_ctx(void *arg, const char *zone)
{
	return pz_node_friend_ctx(arg, zone);
}

static const json_t *
on_friend_entry(void *arg, const char *address)
{
	return pz_calls_friend_entry(calls_of(arg), address);
}

/* Each service of this device that the policies show to that device of a friend zone, judged for it
 * (E6): the lists of two friends differ. */
static json_t *
on_services_for(void *arg, const char *address)
{
	const struct pz_node *node = arg;
	json_t *all = pz_registry_list(node->registry, NULL), *shown = json_array(), *one;
	size_t i;

	json_array_foreach (all, i, one)
		if (pz_access_allows(node->judge.access, PZ_ACCESS_SHOW, address, node->names.self,
				     pz_json_str(one, "api"), pz_json_str(one, "id"), NULL))
			(void)json_array_append(shown, one);
	json_decref(all);
	return shown;
}

static const struct pz_peers_friend_ops friend_ops = {
	.ctx = on_friend_ctx,
	.entry = on_friend_entry,
	.services = on_services_for,
};

/* After days without contact to the hub no new link begins (page 14 REV-6): the newest revocations
 * may be missing here. */
static enum pz_err
on_may_link(void *arg, struct pz_errinfo *info)
{
	const struct pz_node *node = arg;

	return pz_upkeep_may_link(node->upkeep, info);
}

static void
on_saw_day(void *arg, const char *device, int days)
{
	const struct pz_node *node = arg;

	pz_upkeep_saw_day(node->upkeep, device, days);
}

static void
on_saw_link(void *arg, const char *device)
{
	const struct pz_node *node = arg;

	pz_upkeep_saw_link(node->upkeep, device);
}

static void
on_saw_refusal(void *arg, const char *device, enum pz_err why, const char *detail)
{
	const struct pz_node *node = arg;

	pz_upkeep_saw_refusal(node->upkeep, device, why, detail);
}

/* The server accepts strangers only while a pairing window is open; otherwise NULL, and the
 * handshake is refused before a certificate is presented. */
static struct pz_tls_ctx *
on_stranger_ctx(void *arg)
{
	const struct pz_node *node = arg;

	return pz_pairing_server_ctx(node->pairing);
}

static void
on_stranger(void *arg, struct pz_link *link, const char *remote)
{
	const struct pz_node *node = arg;

	(void)remote;
	pz_pairing_on_stranger(node->pairing, link);
}

static void
on_saw_window(void *arg, const struct pz_peers_window *window)
{
	const struct pz_node *node = arg;

	pz_pairing_on_window(node->pairing, window);
}

static const struct pz_peers_ops ops = {
	.hub_is_up = on_hub_is_up,
	.hub_session = on_hub_session,
	.send_info_to_hub = on_send_info_to_hub,
	.saw_route_to_hub = on_saw_route_to_hub,
	.changed = on_changed,
	.live = on_live,
	.updated = on_updated,
	.lost = on_lost,
	.gone = on_gone,
	.sync_open = on_sync_open,
	.hub_place = on_hub_place,
	.hub_moved = on_hub_moved,
	.file_offered = on_file_offered,
	.unsent = on_unsent,
	.answers = on_answers,
	.prompt = on_prompt,
	.stranger_ctx = on_stranger_ctx,
	.stranger = on_stranger,
	.saw_window = on_saw_window,
	.friends = &friend_ops,
	.may_link = on_may_link,
	.saw_day = on_saw_day,
	.saw_link = on_saw_link,
	.saw_refusal = on_saw_refusal,
};

struct pz_peers *
pz_node_peers_new(struct pz_node *node)
{
	const struct pz_peers_config config = {
		.link_host = pz_node_link_host(node),
		.transport = node->config.transport,
		.mdns = node->config.mdns,
		.addresses = node->config.addresses,
		.listen = node->config.listen,
		.unauthenticated_max = node->config.unauthenticated_max,
		.unauthenticated_per_address_max = node->config.unauthenticated_per_address_max,
		.queue_high_bytes = node->config.queue_high_bytes,
		.router = pz_calls_router(node->calls),
		.registry = node->registry,
		.conditions = node->conditions,
		.zone = &node->zone,
		.peer_prefs = &node->peer_prefs,
		.directory = pz_uplink_directory(node->uplink),
		.self = node->names.self,
		.display_name = node->names.display_name,
		.device_type = node->names.device_type,
		.ops = &ops,
		.arg = node,
	};

	return pz_peers_new(&config);
}
