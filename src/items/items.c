/* The items of a device: their life, and what every change of one has to observe. */
#include "items/items.h"

#include <stdlib.h>

#include "base/log.h"
#include "items/internal.h"

/* ---- life ---- */

struct pz_items *
pz_items_new(const struct pz_items_config *config)
{
	struct pz_items *items = calloc(1, sizeof(*items));

	if (items == NULL)
		return NULL;
	items->config = *config; /* the preferences are zero until pz_user_prefs_load */
	pz_app_data_init(items);
	return items;
}

void
pz_items_free(struct pz_items *items)
{
	if (items == NULL)
		return;
	pz_app_data_fini(items);
	pz_shared_free(items->shared);
	free(items);
}

static void
on_settled(void *arg, const struct pz_sync_kind *kind, const char *key, bool is_stored)
{
	const struct pz_items *items = arg;

	if (kind->id == PZ_SYNC_APP_DATA && !is_stored)
		items->config.ops->app_changed(items->config.arg, key);
	items->config.ops->settled(items->config.arg, kind, key, is_stored);
}

static enum pz_err
load(struct pz_items *items, const char *self, struct pz_errinfo *info)
{
	char space[PZ_SHARED_SPACE_CHARS];
	const struct pz_shared_config config = {
		.store = items->config.store,
		.env = items->config.env,
		.space = space,
		.self = self,
		.settled = on_settled,
		.arg = items,
	};
	size_t skipped = 0;

	pz_shared_space("", space);
	PZ_TRY(pz_shared_load(&config, &items->shared, &skipped, info));
	if (skipped > 0)
		pz_warning("user-records-left-out",
			   "%zu records about the zone's user are not readable and left out",
			   skipped);
	return PZ_OK;
}

/* Part of the data outlives the zone: it is loaded once, and afterwards only the address of its
 * writer changes. */
enum pz_err
pz_items_set_self(struct pz_items *items, const char *self, struct pz_errinfo *info)
{
	return items->shared ? pz_shared_set_self(items->shared, self) : load(items, self, info);
}

void
pz_items_set_app_data_max(struct pz_items *items, size_t bytes)
{
	items->config.app_data_bytes_max = bytes;
}

/* ---- the zone is left ---- */

/* If app data is synchronised it belongs to the zone, otherwise to this device. */
static bool
keeps_apps(const struct pz_items *items)
{
	return !pz_prefs_bool(pz_user_prefs(items), PZ_PREF_SYNC_APP_DATA);
}

enum pz_err
pz_items_wipe(struct pz_items *items, struct pz_txn *txn)
{
	return pz_shared_wipe(items->shared, keeps_apps(items), txn);
}

enum pz_err
pz_items_wipe_again(struct pz_items *items, struct pz_txn *txn)
{
	return pz_shared_wipe_again(items->shared, txn);
}

/* The preferences come last: one of them decides whether the data of apps stays. */
void
pz_items_wiped(struct pz_items *items)
{
	pz_shared_wiped(items->shared, keeps_apps(items));
	pz_user_prefs_wiped(items);
}
