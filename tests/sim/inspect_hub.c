#include <stdio.h>

#include "border/border.h"
#include "inspect.h"
#include "pzh/internal.h"
#include "zone.h"

static struct pz_hosted *
zone_of(const struct sim_node *hub)
{
	return pz_map_get(hub->hub->zones, pz_slice_str(SIM_ZONE));
}

struct pz_authority *
inspect_authority(const struct sim_node *hub)
{
	return zone_of(hub)->authority;
}

struct pz_sync_item *
inspect_policies(const struct sim_node *hub, const char *zone)
{
	struct pz_hosted *hosted = pz_map_get(hub->hub->zones, pz_slice_str(zone));

	return hosted ? pz_authority_item(hosted->authority, pz_sync_kind(PZ_SYNC_POLICIES)) : NULL;
}

bool
inspect_has_friend_link(const struct sim_node *hub, const char *zone, const char *friend)
{
	const struct pz_hosted *hosted =
		hub->is_running ? pz_map_get(hub->hub->zones, pz_slice_str(zone)) : NULL;
	uint64_t seen_ms;

	return hosted && pz_border_is_connected(hosted->border, friend, &seen_ms);
}

static const struct pz_crl *
hub_crl(const struct sim_node *hub)
{
	return zone_of(hub)->authority->crl;
}

static struct pz_sync_item *
hub_item(const struct sim_node *hub, enum pz_sync_id id)
{
	struct pz_sync_item *item = pz_shared_item(zone_of(hub)->shared, pz_sync_kind(id));

	return item ? item : pz_authority_item(zone_of(hub)->authority, pz_sync_kind(id));
}

static enum pz_err
hub_write(const struct sim_node *hub, enum pz_sync_id id, const char *key, const char *value,
	  struct pz_errinfo *info)
{
	return pz_shared_write(zone_of(hub)->shared, id, key, value, NULL, NULL, info);
}

static const char *
hub_revoked_link(const struct sim_node *hub, const struct pz_crl *crl)
{
	PZ_LIST_EACH (&zone_of(hub)->links, node, tmp) {
		const struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
		const struct pz_hosted_conn *conn = link->owner;
		if (pz_crl_has_serial(crl, conn->serial))
			return link->session.address;
	}
	return NULL;
}

static bool
hub_is_revoked(const struct sim_node *hub, const char *serial)
{
	return pz_crl_has_serial(hub_crl(hub), serial);
}

static bool
hub_has_route(const struct sim_node *hub, const char *device)
{
	const struct pz_hosted *zone = zone_of(hub);
	const struct pz_member *m = pz_authority_member(zone->authority, device);
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(address, sizeof(address), "%s/%s", SIM_ZONE, device);
	return (m && pz_member_is_connected(m)) ||
	       pz_router_has_route(zone->router, pz_slice_str(address));
}

const struct inspect inspect_hub = {
	.crl = hub_crl,
	.item = hub_item,
	.held = hub_item,
	.write = hub_write,
	.revoked_link = hub_revoked_link,
	.is_revoked = hub_is_revoked,
	.has_route = hub_has_route,
};
