/*
 * What follows when the zone's data has changed. zonedata.c stores it; here are the links, services
 * and devices that it concerns, preferences and names.
 *
 * When a device is revoked, by a list that came from the hub or from any peer, this order matters:
 *
 * 1. The list is stored and counts (pz_zonedata_received, pz_zonedata_offered): each question
 *    whether a device is revoked is answered with it from now on. A crash after this loses nothing:
 *    what follows is done again at the next start, where it is not on disk.
 * 2. The services of the device go, from memory and from the zone's data: while its link ends
 *    programs may search, and must not find them.
 * 3. The TLS contexts are made anew, so that no handshake that begins now succeeds, and only then
 *    the links with the device are closed (pz_node_refresh_trust): else it could be back at once.
 *    A handshake that has begun before is refused when it ends (peers/link.c, identify).
 * 4. Where this device itself is on the list it leaves the zone (wipe.c); a turn later, since the
 *    link by which the list came ends with that.
 * 5. The device is removed from the hub's directory and from the peers. That is last: the end of
 * its link in 3 reports to those that know it.
 *
 * A certificate of a device that is replaced or deleted (trusted-pzp) has 2 and 5 only: links end
 * with lists.
 */
#include "calls/devices.h"
#include "calls/discovery.h"
#include "items/app_data.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "items/user_details.h"
#include "pzp/membership.h"
#include "pzp/spread.h"
#include "pzp/wipe.h"
#include "pzp/zonedata.h"

/* Step 2. */
static void
drop_services_of_left(struct pz_node *node)
{
	pz_service_cache_drop_left(node->items);
	if (node->zone.membership && !pz_wipe_is_running(node->wipe))
		pz_discovery_forget_left(node->calls);
}

/* Steps 3 and 4. */
static void
follow_crl(struct pz_node *node)
{
	struct pz_errinfo info = {""};

	pz_notice("crl", "number=%llu",
		  (unsigned long long)pz_crl_number(pz_device_zone_crl(&node->zone)));
	if (pz_node_refresh_trust(node, &info) != PZ_OK)
		pz_error("trust", "links keep using the previous trust: %s", info.text);
	pz_zonedata_judge(node);
}

static void
devices_changed(struct pz_node *node, bool is_crl)
{
	drop_services_of_left(node);
	if (is_crl)
		follow_crl(node);
	pz_devices_drop_left(node->calls);
}

static void
follow(struct pz_node *node, enum pz_sync_id id, const json_t *keys)
{
	if (id == PZ_SYNC_CRL || id == PZ_SYNC_TRUSTED_PZP)
		devices_changed(node, id == PZ_SYNC_CRL);
	else if (id == PZ_SYNC_ZONE_SECRET)
		pz_peers_announce(node->peers);
	else if (id == PZ_SYNC_PREFERENCES)
		pz_user_prefs_synchronised(node->items, keys, pz_spread_is_first_exchange(node));
	else if (id == PZ_SYNC_USER_DETAILS)
		pz_user_details_received(node->items, keys);
	else if (id == PZ_SYNC_APP_DATA)
		pz_app_data_synchronised(node->items, keys);
}

enum pz_err
pz_node_zone_offered(struct pz_sync_link *from, const struct pz_sync_kind *kind,
		     const struct pz_sync_chunk *chunk, bool *out_taken, struct pz_errinfo *info)
{
	struct pz_node *node = from->links->config.arg;
	bool is_kept = false;
	enum pz_err err = pz_zonedata_offered(from, kind, chunk, out_taken, &is_kept, info);

	if (is_kept) /* an older list that revokes more counts beside the newest */
		devices_changed(node, true);
	return err;
}

void
pz_node_zone_received(struct pz_node *node, const struct pz_sync_kind *kind, const json_t *keys)
{
	/* Before the certificate is stored: after a crash in between it is sent again. */
	if (kind->id == PZ_SYNC_TRUSTED_PZP && !pz_wipe_is_running(node->wipe))
		pz_service_cache_drop_replaced(node->items, keys);
	pz_zonedata_received(node, kind, keys);
	follow(node, kind->id, keys);
}
