/*
 * What follows when the zone's data has changed: links of revoked devices end, what is known of
 * devices that have left is dropped, preferences and names are taken over. zonedata.c stores it.
 */
#include "pzp/appdata.h"
#include "pzp/devices.h"
#include "pzp/internal.h"
#include "pzp/servicecache.h"
#include "pzp/zonedata.h"

static void
follow_crl(struct pz_node *node)
{
	struct pz_errinfo info = {""};

	pz_notice("crl", "number=%llu",
		  (unsigned long long)pz_crl_number(pz_device_zone_crl(&node->zone)));
	if (node_refresh_trust(node, &info) != PZ_OK)
		pz_error("trust", "%s", info.text);
	/* Not from here: should we stand on it ourselves, the link goes that we hear it by. */
	zonedata_judge(node);
}

static void
follow(struct pz_node *node, enum pz_sync_id id, const json_t *keys)
{
	if (id == PZ_SYNC_CRL || id == PZ_SYNC_TRUSTED_PZP)
		servicecache_drop_revoked(node);
	if (id == PZ_SYNC_CRL)
		follow_crl(node);
	if (id == PZ_SYNC_CRL || id == PZ_SYNC_TRUSTED_PZP)
		devices_drop_left(node);
	if (id == PZ_SYNC_ZONE_SECRET)
		pz_peers_announce(node->peers);
	else if (id == PZ_SYNC_PREFERENCES)
		prefs_synchronised(node, keys);
	else if (id == PZ_SYNC_USER_DETAILS)
		details_received(node, keys);
	else if (id == PZ_SYNC_APP_DATA)
		appdata_synchronised(node, keys);
}

enum pz_err
pz_node_zone_offered(struct pz_sync_link *from, const struct pz_sync_kind *kind,
		     const struct pz_sync_chunk *chunk, bool *out_taken, struct pz_errinfo *info)
{
	struct pz_node *node = from->links->config.arg;
	bool is_kept = false;
	enum pz_err err = zonedata_offered(from, kind, chunk, out_taken, &is_kept, info);

	if (is_kept)
		follow_crl(node);
	return err;
}

void
pz_node_zone_received(struct pz_node *node, const struct pz_sync_kind *kind, const json_t *keys)
{
	/* First: if we are killed in between, the certificate comes again. */
	if (kind->id == PZ_SYNC_TRUSTED_PZP && !node->is_wiping)
		servicecache_drop_replaced(node, keys);
	zonedata_received(node, kind, keys);
	follow(node, kind->id, keys);
}
