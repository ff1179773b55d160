/* The node's operations for its items (items/items.h), and the commands of the items. */
#include "pzp/item_ops.h"

#include "calls/devices.h"
#include "calls/discovery.h"
#include "items/app_data.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "items/user_details.h"
#include "pzp/spread.h"
#include "pzp/wipe.h"

/* ---- the state of the node ---- */

/* The zone "holds" a device from its first attempt to connect until the link has ended: preferences
 * that apply with a reconnect wait that long. */
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

/* A session of apps lasts while this device has a link with others, or a page is open. */
static bool
on_has_session(void *arg)
{
	const struct pz_node *node = arg;

	return pz_uplink_state(node->uplink) == PZ_STATE_CONNECTED ||
	       pz_peers_live_count(node->peers) > 0 || pz_apps_has_session(node->apps.apps);
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
	const struct pz_node *node = arg;

	return pz_discovery_services_of(node->calls, device);
}

static void
on_recall_services(void *arg, const char *device, json_t *takes_list)
{
	struct pz_node *node = arg;

	pz_discovery_recall(node->calls, device, takes_list);
}

static void
on_forget_services(void *arg, const char *device)
{
	struct pz_node *node = arg;

	pz_discovery_forget(node->calls, device);
}

static enum pz_err
on_find_device(void *arg, const char *text, char out[PZ_DEVICE_BYTES_MAX + 1],
	       struct pz_errinfo *info)
{
	const struct pz_node *node = arg;

	return pz_devices_find(node->calls, text, out, info);
}

static const char *
on_app_refusal(void *arg, const char *origin)
{
	const struct pz_node *node = arg;

	return pz_zonedata_app_refusal(node->zonedata, origin);
}

static bool
on_has_watcher(void *arg)
{
	const struct pz_node *node = arg;

	return pz_watch_has_any(&node->requests);
}

static void
on_event(void *arg, json_t *takes_event)
{
	struct pz_node *node = arg;

	pz_watch_event(&node->requests, takes_event);
}

static void
on_settled(void *arg, const struct pz_sync_kind *kind, const char *key, bool is_stored)
{
	struct pz_node *node = arg;

	pz_zonedata_settled(node->zonedata, kind, key, is_stored);
}

static void
on_app_changed(void *arg, const char *key)
{
	const struct pz_node *node = arg;

	pz_apps_stored(node->apps.apps, key);
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
	.prefs_changed = pz_spread_changed,
	.named = pz_spread_named,
	.app_changed = on_app_changed,
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
		.device = node->names.device,
		.registry = node->registry,
		.inbox = node->config.inbox,
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
	pz_spread(node);
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
