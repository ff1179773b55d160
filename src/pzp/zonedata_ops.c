/*
 * The effects of a change of the zone's data. src/zonedata stores it; this file updates the links,
 * services, devices, preferences and names that it concerns.
 *
 * When a device is revoked, by a list that came from the hub or from any peer, this order matters:
 *
 * 1. The list is stored and counts (pz_zonedata_received; zonedata/data.c, keep_older_crl): from
 * now on it decides whether a device is revoked. A crash after this loses nothing: the next start
 * repeats the later steps that are not on disk.
 * 2. The services of the device are removed from memory and from the zone's data: programs may
 * search while its link ends, and must not find them.
 * 3. The TLS contexts are made again, so that no handshake that begins now succeeds, and only then
 *    the links with the device are closed (pz_node_refresh_trust): otherwise it could be back at
 *    once. A handshake that has begun before is refused when it ends (peers/link.c, identify).
 * 4. If this device itself is on the list it leaves the zone (wipe.c); a turn later, since the link
 * that brought the list ends with that.
 * 5. The device is removed from the hub's directory and from the peers. That is last: the end of
 * its link in 3 still uses these entries.
 *
 * A certificate of a device that is replaced or deleted (trusted-pzp) causes only 2 and 5: only
 * lists end links.
 */
#include "pzp/zonedata_ops.h"

#include "calls/devices.h"
#include "calls/discovery.h"
#include "items/app_data.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "items/user_details.h"
#include "pzp/membership.h"
#include "pzp/policy_ops.h"
#include "pzp/spread.h"
#include "pzp/wipe.h"

/* Step 2. */
static void
drop_services_of_left(struct pz_node *node)
{
	pz_service_cache_drop_left(node->items);
	if (node->zone.membership && !pz_wipe_is_running(node->wipe))
		pz_discovery_forget_left(node->calls);
}

static void
refresh_trust(struct pz_node *node)
{
	struct pz_errinfo info = {""};

	if (pz_node_refresh_trust(node, &info) != PZ_OK)
		pz_error("trust", "links keep using the previous trust: %s", info.text);
}

/* Steps 3 and 4. */
static void
follow_crl(struct pz_node *node)
{
	pz_notice("crl", "number=%llu",
		  (unsigned long long)pz_crl_number(pz_device_zone_crl(&node->zone)));
	refresh_trust(node);
	pz_zonedata_judge(node->zonedata);
}

static void
devices_changed(struct pz_node *node, bool is_crl)
{
	drop_services_of_left(node);
	if (is_crl)
		follow_crl(node);
	pz_devices_drop_left(node->calls);
	if (node->judge.asking)
		pz_asking_drop_left(node->judge.asking);
}

/* Handshakes prove the secrets of the zone and of friends, and announcements are made from them. */
static void
follow_secret(struct pz_node *node)
{
	refresh_trust(node);
	pz_peers_announce(node->peers);
}

/* Prompts are withdrawn from a device that may no longer answer them. */
static void
follow_rights(const struct pz_node *node)
{
	if (node->judge.asking)
		pz_asking_follow(node->judge.asking);
}

/* Before the certificate is stored: after a crash in between it is sent again. */
static void
on_receiving(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct pz_node *node = arg;

	if (kind->id == PZ_SYNC_TRUSTED_PZP && !pz_wipe_is_running(node->wipe))
		pz_service_cache_drop_replaced(node->items, keys);
}

static void
on_changed(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct pz_node *node = arg;
	enum pz_sync_id id = kind->id;

	if (id == PZ_SYNC_TRUSTED_PZH || id == PZ_SYNC_CRL) /* a list may be a friend's */
		pz_node_friends_follow(node);
	if (id == PZ_SYNC_TRUSTED_PZH)
		follow_secret(node);
	if (id == PZ_SYNC_CRL || id == PZ_SYNC_TRUSTED_PZP)
		devices_changed(node, id == PZ_SYNC_CRL);
	else if (id == PZ_SYNC_POLICIES)
		pz_node_policies_follow(node);
	else if (id == PZ_SYNC_RIGHTS)
		follow_rights(node);
	else if (id == PZ_SYNC_ZONE_SECRET)
		follow_secret(node);
	else if (id == PZ_SYNC_PREFERENCES)
		pz_user_prefs_synchronised(node->items, keys, pz_spread_is_first_exchange(node));
	else if (id == PZ_SYNC_USER_DETAILS)
		pz_user_details_received(node->items, keys);
	else if (id == PZ_SYNC_APP_DATA)
		pz_app_data_synchronised(node->items, keys);
}

/* An older list that revokes more is in force beside the newest: handled like a new one. */
static void
on_older_crl(void *arg)
{
	devices_changed(arg, true);
}

static void
on_self_revoked(void *arg)
{
	struct pz_node *node = arg;

	(void)pz_machine_event(pz_uplink_machine(node->uplink), PZ_EVENT_REVOKED,
			       "this device is on the zone's revocation list");
}

/* ---- the exchange ---- */

static void
on_hub_crl(void *arg, uint64_t number, uint64_t known)
{
	const struct pz_node *node = arg;

	pz_upkeep_saw_hub_crl(node->upkeep, number, known);
}

static void
on_hub_time(void *arg, int64_t ahead_ms)
{
	const struct pz_node *node = arg;

	pz_upkeep_saw_hub_time(node->upkeep, ahead_ms);
}

static bool
on_is_without_hub(void *arg)
{
	const struct pz_node *node = arg;

	return node->peer_prefs.is_peer_mode;
}

static void
on_first_exchange_ended(void *arg)
{
	pz_spread_first_exchange_ended(arg);
}

static void
on_unsent(void *arg, const struct pz_session *session, const char *status, enum pz_err err,
	  size_t bytes)
{
	const struct pz_node *node = arg;

	pz_calls_prop_unsent(node->calls, session, status, err, bytes);
}

static const struct pz_zonedata_ops ops = {
	.receiving = on_receiving,
	.changed = on_changed,
	.older_crl = on_older_crl,
	.self_revoked = on_self_revoked,
	.hub_crl = on_hub_crl,
	.hub_time = on_hub_time,
	.is_without_hub = on_is_without_hub,
	.first_exchange_ended = on_first_exchange_ended,
	.unsent = on_unsent,
};

struct pz_zonedata *
pz_node_zonedata_new(struct pz_node *node)
{
	const struct pz_zonedata_config config = {
		.env = node->config.env,
		.metrics = &node->metrics,
		.conditions = node->conditions,
		.store = node->config.store,
		.items = node->items,
		.requests = &node->requests,
		.zone = &node->zone,
		.self = node->names.self,
		.device = node->names.device,
		.ops = &ops,
		.arg = node,
	};

	return pz_zonedata_new(&config);
}
