#include <stdio.h>
#include <string.h>

#include "inspect.h"
#include "items/items.h"
#include "peers/internal.h"
#include "pzp/internal.h"
#include "zonedata/zonedata.h"

bool
inspect_serial(const struct sim_node *device, char out[PZ_SERIAL_HEX_BYTES])
{
	const struct pz_membership *membership =
		device->is_running ? device->node->zone.membership : NULL;

	if (membership)
		pz_cert_serial_hex(membership->device_ca, out);
	return membership != NULL;
}

bool
inspect_knows(const struct sim_node *device, const char *other)
{
	return pz_knowledge_device(device->node->zone.knowledge, other) != NULL;
}

static const struct pz_crl *
device_crl(const struct sim_node *device)
{
	return pz_device_zone_crl(&device->node->zone);
}

bool
inspect_has_grant(const struct sim_node *device, const char *zone)
{
	struct pz_slice text =
		pz_policies_slot(device->node->judge.policies, PZ_POLICY_SLOT_GRANTS).text;
	char match[160];

	snprintf(match, sizeof(match), "attr=\"user-id\" func=\"equal\" match=\"%s\"", zone);
	return text.ptr && memmem(text.ptr, text.len, match, strlen(match)) != NULL;
}

static struct pz_sync_item *
device_item(const struct sim_node *device, enum pz_sync_id id)
{
	return pz_zonedata_item(device->node->zonedata, pz_sync_kind(id));
}

static struct pz_sync_item *
device_held(const struct sim_node *device, enum pz_sync_id id)
{
	struct pz_sync_item *item =
		pz_shared_item(pz_items_shared(device->node->items), pz_sync_kind(id));

	return item ? item : pz_knowledge_item(device->node->zone.knowledge, pz_sync_kind(id));
}

static enum pz_err
device_write(const struct sim_node *device, enum pz_sync_id id, const char *key, const char *value,
	     struct pz_errinfo *info)
{
	return pz_items_write(device->node->items, id, key, value, NULL, NULL, info);
}

static const char *
device_revoked_link(const struct sim_node *device, const struct pz_crl *crl)
{
	PZ_LIST_EACH (&device->node->peers->links, n, tmp) {
		const struct peer_link *link = PZ_CONTAINER(n, struct peer_link, node);
		if (link->serial[0] && !link->link->closing && pz_crl_has_serial(crl, link->serial))
			return link->peer ? link->peer->device : "somebody";
	}
	return NULL;
}

static bool
device_is_revoked(const struct sim_node *device, const char *serial)
{
	return pz_device_zone_is_revoked(&device->node->zone, serial);
}

static bool
device_has_route(const struct sim_node *device, const char *other)
{
	return pz_peers_has_route(device->node->peers, other);
}

const struct inspect inspect_device = {
	.crl = device_crl,
	.item = device_item,
	.held = device_held,
	.write = device_write,
	.revoked_link = device_revoked_link,
	.is_revoked = device_is_revoked,
	.has_route = device_has_route,
};

const struct inspect *
inspect(const struct sim_node *node)
{
	return node->is_hub ? &inspect_hub : &inspect_device;
}
