/* What the node does for its items (items/items.h), and how a change of preferences spreads to the
 * other parts of the node. */
#include "pzp/item_ops.h"

#include <stdio.h>
#include <string.h>

#include "items/app_data.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "items/user_details.h"
#include "pzp/devices.h"
#include "pzp/wipe.h"
#include "pzp/zonedata.h"

/* ---- preferences in the node ---- */

/* A device that has just enrolled cannot find its peers: the hub has to be asked once. */
bool
pz_node_is_unsynchronised(const struct pz_node *node)
{
	return node->zone.membership && node->zonedata->is_new;
}

/* Copies active values to those parts of the node that keep their own. */
static void
spread(struct pz_node *node)
{
	const struct pz_prefs *active = pz_user_prefs(node->items);
	bool is_peer_mode = strcmp(pz_prefs_text(active, PZ_PREF_CONNECTION), "hub") != 0;
	bool wants_hub = !is_peer_mode || pz_node_is_unsynchronised(node);

	snprintf(node->display_name, sizeof(node->display_name), "%s",
		 pz_prefs_text(active, PZ_PREF_NAME));
	snprintf(node->device_type, sizeof(node->device_type), "%s",
		 pz_prefs_text(active, PZ_PREF_DEVICE_TYPE));
	if (wants_hub == pz_uplink_machine(node->uplink)->is_unwanted)
		pz_machine_want_hub(pz_uplink_machine(node->uplink), wants_hub);
	node->wishes = (struct pz_peers_wishes){
		.listen = pz_prefs_bool(active, PZ_PREF_PEER_LISTEN),
		.relay = pz_prefs_bool(active, PZ_PREF_PEER_RELAY),
		.auto_dial = pz_prefs_bool(active, PZ_PREF_PEER_AUTO),
		.is_peer_mode = is_peer_mode,
		.tls_port = (uint16_t)pz_prefs_int(active, PZ_PREF_PORTS_TLS),
	};
	pz_router_set_relaying(node->router, node->wishes.relay);
}

/* To want the hub again is to be told to connect, also after a disconnect by hand. */
static void
return_to_hub(struct pz_node *node, bool was_unwanted)
{
	if (was_unwanted && !pz_uplink_machine(node->uplink)->is_unwanted && !node->is_stopping &&
	    pz_uplink_state(node->uplink) == PZ_STATE_NOT_CONNECTED)
		(void)pz_machine_event(pz_uplink_machine(node->uplink), PZ_EVENT_CONNECT, NULL);
}

/* An event is put to the machine only where the change was a choice: else the machine itself may
 * be in the middle of a change of state. */
static void
on_prefs_changed(void *arg, uint32_t changed, bool is_choice)
{
	struct pz_node *node = arg;
	bool was_unwanted = pz_uplink_machine(node->uplink)->is_unwanted;

	spread(node);
	if (changed & (PZ_PREF_BIT(PZ_PREF_PEER_LISTEN) | PZ_PREF_BIT(PZ_PREF_PORTS_TLS)))
		pz_peers_listen(node->peers);
	if ((changed & PZ_PREF_BIT(PZ_PREF_SYNC_SERVICE_CACHE)) &&
	    !pz_prefs_bool(pz_user_prefs(node->items), PZ_PREF_SYNC_SERVICE_CACHE))
		pz_service_cache_drop_others(node->items);
	pz_peers_wishes_changed(node->peers);
	pz_app_data_session_began(node->items); /* one with a peer may be under way */
	if (is_choice)
		return_to_hub(node, was_unwanted);
}

static void
on_named(void *arg)
{
	struct pz_node *node = arg;

	spread(node);
	pz_peers_tell_soon(node->peers);
}

void
pz_node_prefs_membership_changed(struct pz_node *node)
{
	if (pz_user_prefs_are_loaded(node->items))
		spread(node);
}

void
pz_node_prefs_hub_exchanged(struct pz_node *node)
{
	bool was_unwanted = pz_uplink_machine(node->uplink)->is_unwanted;

	spread(node);
	if (!was_unwanted && pz_uplink_machine(node->uplink)->is_unwanted &&
	    pz_uplink_state(node->uplink) == PZ_STATE_CONNECTED)
		(void)pz_machine_event(pz_uplink_machine(node->uplink), PZ_EVENT_DISCONNECT,
				       "the first synchronisation is complete");
}

/* ---- the state of the node ---- */

static bool
on_is_held(void *arg)
{
	const struct pz_node *node = arg;
	enum pz_state state = pz_uplink_state(node->uplink);

	return state == PZ_STATE_CONNECTING || state == PZ_STATE_CONNECTED ||
	       state == PZ_STATE_DISCONNECTING;
}

static bool
on_is_leaving(void *arg)
{
	const struct pz_node *node = arg;

	return pz_wipe_is_running(node->wipe);
}

static bool
on_has_session(void *arg)
{
	const struct pz_node *node = arg;

	return pz_uplink_state(node->uplink) == PZ_STATE_CONNECTED ||
	       pz_peers_live_count(node->peers) > 0;
}

static bool
on_hub_is_up(void *arg)
{
	const struct pz_node *node = arg;

	return pz_uplink_is_up(node->uplink);
}

static bool
on_has_route(void *arg, const char *device)
{
	return pz_peers_has_route(((const struct pz_node *)arg)->peers, device);
}

static json_t *
on_services_of(void *arg, const char *device)
{
	return discovery_list_of(arg, device);
}

static void
on_recall_services(void *arg, const char *device, json_t *takes_list)
{
	(void)json_object_set_new(((struct pz_node *)arg)->known, device, takes_list);
}

static void
on_forget_services(void *arg, const char *device)
{
	(void)json_object_del(((struct pz_node *)arg)->known, device);
}

static enum pz_err
on_find_device(void *arg, const char *text, char out[PZ_DEVICE_BYTES_MAX + 1],
	       struct pz_errinfo *info)
{
	return devices_find(arg, text, out, info);
}

static const char *
on_app_refusal(void *arg, const char *origin)
{
	return sync_app_refusal(arg, origin);
}

static bool
on_has_watcher(void *arg)
{
	return node_has_watcher(arg);
}

static void
on_event(void *arg, json_t *takes_event)
{
	node_tell(arg, takes_event);
}

static void
on_settled(void *arg, const struct pz_sync_kind *kind, const char *key, bool is_stored)
{
	struct pz_node *node = arg;

	pz_sync_links_settled(&node->zonedata->links, kind, key, is_stored);
}

static const struct pz_items_ops ops = {
	.is_held = on_is_held,
	.is_leaving = on_is_leaving,
	.has_session = on_has_session,
	.hub_is_up = on_hub_is_up,
	.has_route = on_has_route,
	.services_of = on_services_of,
	.recall_services = on_recall_services,
	.forget_services = on_forget_services,
	.find_device = on_find_device,
	.app_refusal = on_app_refusal,
	.has_watcher = on_has_watcher,
	.event = on_event,
	.prefs_changed = on_prefs_changed,
	.named = on_named,
	.settled = on_settled,
};

/* ---- life ---- */

struct pz_items *
pz_node_items_new(struct pz_node *node)
{
	const struct pz_items_config config = {
		.env = node->config.env,
		.store = node->config.store,
		.zone = &node->zone,
		.device = node->device,
		.registry = node->registry,
		.app_data_bytes_max = node->config.app_data_bytes_max,
		.ops = &ops,
		.arg = node,
	};

	return pz_items_new(&config);
}

enum pz_err
pz_node_items_start(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_node_config *c = &node->config;
	const struct pz_user_prefs_configured configured = {
		.display_name = c->display_name,
		.device_type = c->device_type,
		.tls_port = c->tls_port,
		.web_port = c->web_port,
	};

	PZ_TRY(pz_user_prefs_load(node->items, &configured, info));
	spread(node);
	return pz_app_data_start(node->items, info);
}

/* ---- the commands ---- */

static struct pz_items *
items_of(const struct pz_request *request)
{
	return ((const struct pz_node *)request->self)->items;
}

void
pz_node_prefs_command(struct pz_request *request)
{
	pz_user_prefs_command(items_of(request), request);
}

void
pz_node_user_command(struct pz_request *request)
{
	pz_user_details_command(items_of(request), request);
}

void
pz_node_name_command(struct pz_request *request)
{
	pz_user_details_name_command(items_of(request), request);
}

void
pz_node_data_list_command(struct pz_request *request)
{
	pz_app_data_list_command(items_of(request), request);
}

void
pz_node_data_get_command(struct pz_request *request)
{
	pz_app_data_get_command(items_of(request), request);
}

void
pz_node_data_set_command(struct pz_request *request)
{
	pz_app_data_set_command(items_of(request), request);
}

void
pz_node_data_remove_command(struct pz_request *request)
{
	pz_app_data_remove_command(items_of(request), request);
}
