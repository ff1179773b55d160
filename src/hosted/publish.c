/* The revocation list goes first: a device must be revoked before any other change reaches others.
 */
#include "hosted/publish.h"

#include <string.h>

#include "access/access.h"
#include "hosted/names.h"

void
pz_hosted_publish(struct pz_hosted *zone, enum pz_sync_id id, const char *key)
{
	pz_sync_links_push(&zone->sync, pz_sync_kind(id), key);
	if (id == PZ_SYNC_POLICIES) /* decisions of the former policy are made again */
		pz_access_changed(zone->services.access);
	if (id == PZ_SYNC_CRL && strcmp(key, zone->authority->zone) == 0 &&
	    zone->hosting->list_changed)
		zone->hosting->list_changed(zone);
}

static bool
is_of_another(void *arg, const struct pz_sync_chunk *chunk)
{
	return strcmp(arg, chunk->key) != 0;
}

void
pz_hosted_publish_device(struct pz_hosted *zone, const char *device)
{
	const struct pz_member *member = pz_authority_member(zone->authority, device);

	pz_hosted_publish(zone, PZ_SYNC_TRUSTED_PZP, device);
	if (member && member->revoked)
		pz_shared_forget(zone->shared, PZ_SYNC_SERVICE_CACHE, is_of_another,
				 (void *)device);
	pz_hosted_names_forget(zone, device);
}

void
pz_hosted_publish_membership(struct pz_hosted *zone, const char *device)
{
	pz_hosted_publish(zone, PZ_SYNC_CRL, zone->authority->zone);
	if (device[0])
		pz_hosted_publish_device(zone, device);
}
