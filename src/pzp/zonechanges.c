/*
 * What follows when the zone's data has changed: links of revoked devices end, what is known of
 * devices that have left is dropped, preferences and names are taken over. zonedata.c stores it.
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

static void
follow_crl(struct pz_node *node)
{
	struct pz_errinfo info = {""};

	pz_notice("crl", "number=%llu",
		  (unsigned long long)pz_crl_number(pz_device_zone_crl(&node->zone)));
	if (pz_node_refresh_trust(node, &info) != PZ_OK)
		pz_error("trust", "links keep using the previous trust: %s", info.text);
	/* Not from here: if it revokes this device, the link ends that it came by. */
	pz_zonedata_judge(node);
}

/* Before links of revoked devices end: their services are not offered meanwhile. */
static void
drop_services_of_left(struct pz_node *node)
{
	pz_service_cache_drop_left(node->items);
	if (node->zone.membership && !pz_wipe_is_running(node->wipe))
		pz_discovery_forget_left(node->calls);
}

static void
follow(struct pz_node *node, enum pz_sync_id id, const json_t *keys)
{
	if (id == PZ_SYNC_CRL || id == PZ_SYNC_TRUSTED_PZP)
		drop_services_of_left(node);
	if (id == PZ_SYNC_CRL)
		follow_crl(node);
	if (id == PZ_SYNC_CRL || id == PZ_SYNC_TRUSTED_PZP)
		pz_devices_drop_left(node->calls);
	if (id == PZ_SYNC_ZONE_SECRET)
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

	if (is_kept)
		follow_crl(node);
	return err;
}

void
pz_node_zone_received(struct pz_node *node, const struct pz_sync_kind *kind, const json_t *keys)
{
	/* First: if we are killed in between, the certificate comes again. */
	if (kind->id == PZ_SYNC_TRUSTED_PZP && !pz_wipe_is_running(node->wipe))
		pz_service_cache_drop_replaced(node->items, keys);
	pz_zonedata_received(node, kind, keys);
	follow(node, kind->id, keys);
}
