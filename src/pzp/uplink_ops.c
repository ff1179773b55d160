/* The node's operations for its uplink (uplink/uplink.h): how the parts of the node react to events
 * of the link to the hub, and to the hub's messages. */
#include "pzp/uplink_ops.h"

#include "calls/discovery.h"
#include "calls/friends.h"
#include "enrolment/enrolment.h"
#include "items/app_data.h"
#include "items/prefs.h"
#include "pairing/pairing.h"
#include "pzp/wipe.h"

/* ---- modes and states ---- */

/* What apps stored for a session is removed with the session; preferences that waited for the end
 * of the link apply before programs get the event; commands that wait for the state end last. */
static void
on_changed(void *arg, enum pz_state old, enum pz_state now, enum pz_event event)
{
	struct pz_node *node = arg;
	const char *reason = pz_uplink_machine(node->uplink)->reason;

	if (old == PZ_STATE_CONNECTED && now != PZ_STATE_CONNECTED)
		pz_app_data_session_ended(node->items, node->zone.membership->zone);
	if (now == PZ_STATE_NOT_CONNECTED || now == PZ_STATE_VIRGIN)
		pz_user_prefs_apply(node->items);
	if (now == PZ_STATE_CONNECTED) {
		pz_app_data_session_began(node->items);
		pz_pairing_offer(node->pairing);
	}
	pz_watch_event(&node->requests,
		       json_pack("{s:s, s:s, s:s, s:s, s:s}", "event", "state", "old",
				 pz_state_text(old), "new", pz_state_text(now), "cause",
				 pz_event_text(event), "reason", reason));
	pz_commands_state_changed(node, now);
	pz_apps_changed(node->apps.apps);
}

static void
on_give_up(void *arg)
{
	struct pz_node *node = arg;

	pz_enrolment_drop(node->enrolment);
}

static const char *
on_enrolment_step(void *arg, char *out, size_t size)
{
	const struct pz_node *node = arg;

	return pz_enrolment_step(node->enrolment, out, size);
}

static void
on_wipe(void *arg)
{
	struct pz_node *node = arg;

	pz_wipe_start(node->wipe);
}

/* ---- the link ---- */

static void
on_dialling(void *arg)
{
	struct pz_node *node = arg;

	pz_user_prefs_apply(node->items);
	pz_upkeep_renew_if_due(node->upkeep); /* the clock may have been corrected since */
}

/* The server is opened before its port is sent to the hub. The peers are informed last: only when
 * the hub has our services is no relay needed to announce them there. */
static void
on_online(void *arg)
{
	struct pz_node *node = arg;

	pz_upkeep_saw_hub(node->upkeep);
	pz_peers_listen_again(node->peers);
	pz_uplink_send_info(node->uplink);
	pz_discovery_announce(node->calls);
	pz_peers_send_info_soon(node->peers);
}

/*
 * The link to the hub has ended, whichever end closed it, and no route uses it any more. All
 * effects are here, in the only order that works:
 *
 * 1. What never left its queue takes another route, or is answered as undeliverable. This comes
 * first, since these messages are older than what is sent again.
 * 2. Searches continue without the hub, with what is known.
 * 3. What was sent on it and may be lost takes another route or ends, device by device: devices
 * that only the hub reached are away. Then what waits for the hub itself ends.
 * 4. The peers are informed that this device reaches no hub, so that one of them relays for it;
 * that peer gets its services.
 *
 * If another link to the hub has replaced it, no device is away and nothing that waits for the hub
 * ends: what was sent on the old link is sent again on the new one.
 */
static void
on_lost(void *arg, const struct pz_uplink_loss *loss)
{
	struct pz_node *node = arg;

	pz_calls_undelivered(node->calls, loss->undelivered, loss->rpc_code);
	if (!loss->was_up)
		return;
	pz_upkeep_saw_hub(node->upkeep);
	pz_policies_hub_lost(&node->judge.policies_hub);
	pz_discovery_hub_gone(node->calls);
	if (loss->is_replaced) {
		pz_calls_lost(node->calls, loss->session, NULL);
		return;
	}
	json_t *names = pz_peers_names(node->peers);
	pz_calls_lost(node->calls, loss->session, names);
	json_decref(names);
	pz_calls_hub_gone(node->calls);
	pz_calls_friends_hub_gone(node->calls);
	pz_peers_send_info_soon(node->peers);
	pz_discovery_announce_soon(node->calls);
}

static struct pz_sync_link *
on_sync_open(void *arg, struct pz_link *link)
{
	const struct pz_node *node = arg;

	return pz_zonedata_open(node->zonedata, link, true, true);
}

static const char *
on_session(void *arg)
{
	const struct pz_node *node = arg;

	return pz_peers_session(node->peers);
}

static json_t *
on_info(void *arg)
{
	const struct pz_node *node = arg;

	return pz_peers_info_for_hub(node->peers);
}

static struct pz_link *
on_relay(void *arg, const char **out_relay)
{
	const struct pz_node *node = arg;

	return pz_peers_link_to_hub(node->peers, out_relay);
}

static void
on_unsent(void *arg, const struct pz_session *session, const char *status, enum pz_err err,
	  size_t bytes)
{
	struct pz_node *node = arg;

	pz_calls_prop_unsent(node->calls, session, status, err, bytes);
}

static void
on_saw_link(void *arg)
{
	const struct pz_node *node = arg;

	pz_upkeep_saw_link(node->upkeep, "hub");
}

static void
on_saw_refusal(void *arg, enum pz_err why, const char *detail)
{
	const struct pz_node *node = arg;

	pz_upkeep_saw_refusal(node->upkeep, "hub", why, detail);
}

/* ---- what the hub has sent ---- */

static void
on_channel_offered(void *arg, struct pz_link *link, struct pz_channel *channel,
		   const struct pz_channel_offer *offer)
{
	const struct pz_node *node = arg;

	pz_peers_on_hub_channel(node->peers, link, channel, offer);
}

/* A device with a live link is connected, whatever the hub reports. */
static void
on_device(void *arg, const char *device, bool is_connected, bool is_revoked)
{
	struct pz_node *node = arg;

	if (is_revoked) {
		pz_discovery_forget(node->calls, device);
		pz_peers_forget(node->peers, device);
	}
	if (!is_connected && !pz_peers_has_route(node->peers, device))
		pz_calls_device_gone(node->calls, device);
	pz_peers_on_directory(node->peers, device);
}

static void
on_came_or_went(void *arg, const char *device, bool is_connected)
{
	struct pz_node *node = arg;

	pz_watch_event(&node->requests, json_pack("{s:s, s:s, s:b}", "event", "device", "name",
						  device, "connected", (int)is_connected));
}

static void
on_updated(void *arg)
{
	const struct pz_node *node = arg;

	pz_zonedata_on_update(node->zonedata);
	pz_apps_changed(node->apps.apps);
}

static void
on_found(void *arg, json_t *message)
{
	struct pz_node *node = arg;

	pz_discovery_found(node->calls, message);
}

static void
on_friend_update(void *arg, const json_t *message)
{
	const struct pz_node *node = arg;

	pz_calls_friend_update(node->calls, message);
}

static void
on_refused(void *arg, const char *item, const char *key, const char *reason)
{
	const struct pz_node *node = arg;

	pz_zonedata_refused_by_hub(node->zonedata, item, key, reason);
}

static void
on_policy_edited(void *arg, const json_t *message)
{
	const struct pz_node *node = arg;

	pz_policies_hub_answered(&node->judge.policies_hub, message);
}

static void
on_notice(void *arg)
{
	struct pz_node *node = arg;

	pz_peers_send_hub_moved(node->peers);
}

static void
on_moved(void *arg, const struct pz_hub_address *at, const char *relay)
{
	struct pz_node *node = arg;

	pz_watch_event(&node->requests,
		       json_pack("{s:s, s:s, s:i, s:s?}", "event", "hub", "host", at->host, "port",
				 (int)at->port, "relay", relay[0] ? relay : NULL));
}

static const struct pz_uplink_ops ops = {
	.changed = on_changed,
	.give_up = on_give_up,
	.enrolment_step = on_enrolment_step,
	.wipe = on_wipe,
	.dialling = on_dialling,
	.online = on_online,
	.lost = on_lost,
	.sync_open = on_sync_open,
	.session = on_session,
	.info = on_info,
	.relay = on_relay,
	.unsent = on_unsent,
	.saw_link = on_saw_link,
	.saw_refusal = on_saw_refusal,
	.channel_offered = on_channel_offered,
	.device = on_device,
	.came_or_went = on_came_or_went,
	.updated = on_updated,
	.found = on_found,
	.friend_update = on_friend_update,
	.refused = on_refused,
	.policy_edited = on_policy_edited,
	.notice = on_notice,
	.moved = on_moved,
};

struct pz_uplink *
pz_node_uplink_new(struct pz_node *node)
{
	const struct pz_uplink_config config = {
		.link_host = pz_node_link_host(node),
		.transport = node->config.transport,
		.queue_high_bytes = node->config.queue_high_bytes,
		.store = node->config.store,
		.router = pz_calls_router(node->calls),
		.conditions = node->conditions,
		.zone = &node->zone,
		.self = node->names.self,
		.device = node->names.device,
		.ops = &ops,
		.arg = node,
	};

	return pz_uplink_new(&config);
}
