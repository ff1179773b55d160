/*
 * Copies preferences from the items to the other parts of the node. There are three causes: a value
 * was set (by a command, or elsewhere in the zone), the state of the connection has changed and
 * waiting values apply, or a membership began or ended.
 */
#include "pzp/spread.h"

#include <string.h>

#include "audit/audit.h"
#include "items/app_data.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "pzp/policy_ops.h"

/* A device that has just enrolled cannot find its peers: it needs the hub once. */
bool
pz_spread_is_first_exchange(const struct pz_node *node)
{
	return node->zone.membership && pz_zonedata_is_new(node->zonedata);
}

uint16_t
pz_spread_web_port(const struct pz_node *node)
{
	return (uint16_t)pz_prefs_int(pz_user_prefs(node->items), PZ_PREF_PORTS_WEB);
}

/* Copies active values to those parts of the node that keep their own. */
void
pz_spread(struct pz_node *node)
{
	const struct pz_prefs *active = pz_user_prefs(node->items);
	bool is_peer_mode = strcmp(pz_prefs_text(active, PZ_PREF_CONNECTION), "hub") != 0;
	bool wants_hub = !is_peer_mode || pz_spread_is_first_exchange(node);

	pz_audit_set_retention(node->judge.audit, pz_prefs_int(active, PZ_PREF_AUDIT_DAYS),
			       pz_prefs_int(active, PZ_PREF_AUDIT_BYTES));
	pz_upkeep_set_offline_days(node->upkeep,
				   (unsigned)pz_prefs_int(active, PZ_PREF_OFFLINE_DAYS));
	pz_names_set_shown(&node->names, pz_prefs_text(active, PZ_PREF_NAME),
			   pz_prefs_text(active, PZ_PREF_DEVICE_TYPE));
	if (wants_hub == pz_uplink_machine(node->uplink)->is_unwanted)
		pz_machine_want_hub(pz_uplink_machine(node->uplink), wants_hub);
	node->peer_prefs = (struct pz_peers_prefs){
		.listen = pz_prefs_bool(active, PZ_PREF_PEER_LISTEN),
		.relay = pz_prefs_bool(active, PZ_PREF_PEER_RELAY),
		.auto_dial = pz_prefs_bool(active, PZ_PREF_PEER_AUTO),
		.is_private = pz_prefs_bool(active, PZ_PREF_PRIVATE),
		.is_peer_mode = is_peer_mode,
		.tls_port = (uint16_t)pz_prefs_int(active, PZ_PREF_PORTS_TLS),
	};
	pz_asking_follow(node->judge.asking);
}

/* Preferring the hub again is a request to connect, also after a disconnect by hand. */
static void
return_to_hub(struct pz_node *node, bool was_unwanted)
{
	if (was_unwanted && !pz_uplink_machine(node->uplink)->is_unwanted && !node->is_stopping &&
	    pz_uplink_state(node->uplink) == PZ_STATE_NOT_CONNECTED)
		(void)pz_machine_event(pz_uplink_machine(node->uplink), PZ_EVENT_CONNECT, NULL);
}

/* An event is sent to the machine only if the change was a choice: otherwise the machine itself may
 * be in the middle of a change of state. */
void
pz_spread_changed(void *arg, uint32_t changed, bool is_choice)
{
	struct pz_node *node = arg;
	bool was_unwanted = pz_uplink_machine(node->uplink)->is_unwanted;

	pz_spread(node);
	if (changed & PZ_PREF_BIT(PZ_PREF_PORTS_WEB))
		pz_apps_listen(node->apps.apps, pz_spread_web_port(node));
	if (changed & (PZ_PREF_BIT(PZ_PREF_PEER_LISTEN) | PZ_PREF_BIT(PZ_PREF_PORTS_TLS)))
		pz_peers_listen(node->peers);
	if ((changed & PZ_PREF_BIT(PZ_PREF_SYNC_SERVICE_CACHE)) &&
	    !pz_prefs_bool(pz_user_prefs(node->items), PZ_PREF_SYNC_SERVICE_CACHE))
		pz_service_cache_drop_others(node->items);
	if (changed & PZ_PREF_BIT(PZ_PREF_PROMPTS_ANSWER))
		pz_peers_send_info_soon(node->peers);
	pz_peers_prefs_changed(node->peers);
	pz_app_data_session_began(node->items); /* an attempt with a peer may be running */
	if (is_choice)
		return_to_hub(node, was_unwanted);
}

void
pz_spread_named(void *arg)
{
	struct pz_node *node = arg;

	pz_spread(node);
	pz_peers_send_info_soon(node->peers);
}

void
pz_spread_membership_changed(struct pz_node *node)
{
	if (pz_user_prefs_are_loaded(node->items))
		pz_spread(node);
}

void
pz_spread_first_exchange_ended(struct pz_node *node)
{
	bool was_unwanted = pz_uplink_machine(node->uplink)->is_unwanted;

	pz_spread(node);
	if (!was_unwanted && pz_uplink_machine(node->uplink)->is_unwanted &&
	    pz_uplink_state(node->uplink) == PZ_STATE_CONNECTED)
		(void)pz_machine_event(pz_uplink_machine(node->uplink), PZ_EVENT_DISCONNECT,
				       "the first synchronisation is complete");
}
