/* The data of the items: reading it and changing it. */
#include "items/internal.h"

struct pz_shared *
pz_items_shared(const struct pz_items *items)
{
	return items->shared;
}

/* After the wipe has removed data from the disk, it must not be written there again. */
enum pz_err
pz_items_write(struct pz_items *items, enum pz_sync_id id, const char *key, const char *value,
	       pz_shared_done done, void *arg, struct pz_errinfo *info)
{
	if (items->config.ops->is_leaving(items->config.arg))
		return pz_fail(info, PZ_ERR_DENIED, "the device is leaving its zone");
	return pz_shared_write(items->shared, id, key, value, done, arg, info);
}
