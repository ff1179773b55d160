/* When the device leaves the zone: which values go, from the disk and from memory. */
#include <stdio.h>
#include <string.h>

#include "record/chunks.h"
#include "shared/internal.h"

/* A value of an app on this device: it stays. */
static bool
is_kept_app(const struct pz_shared *shared, const struct pz_sync_chunk *chunk)
{
	return !chunk->deleted && strcmp(chunk->origin, shared->self) == 0;
}

/* The device's name, without zone. */
static const char *
name_of(const struct pz_shared *shared)
{
	const char *slash = strchr(shared->self, '/');

	return slash ? slash + 1 : shared->self;
}

/* The chunk that stays, without a zone in its origin. */
static enum pz_err
kept_copy(const struct pz_shared *shared, const struct pz_sync_chunk *chunk,
	  struct pz_sync_item *item)
{
	struct pz_sync_chunk *copy = NULL;

	PZ_TRY(pz_shared_copy_chunk(chunk, name_of(shared), &copy));
	enum pz_err err = pz_sync_item_put(item, copy, NULL);
	if (err != PZ_OK)
		pz_sync_chunk_free(copy);
	return err;
}

enum pz_err
pz_shared_wipe(struct pz_shared *shared, bool keep_apps, struct pz_txn *txn)
{
	const struct pz_sync_item *apps = shared->items[PZ_SYNC_APP_DATA];
	PZ_AUTO(pz_sync_item_free)
	struct pz_sync_item *kept = pz_sync_item_new(pz_sync_item_kind(apps));

	if (kept == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	pz_keep_stop(&shared->keep); /* else it would store again what is being removed */
	PZ_TRY(pz_txn_remove_space(txn, shared->space));
	for (size_t i = 0; keep_apps && i < pz_sync_item_len(apps); i++)
		if (is_kept_app(shared, pz_sync_item_at(apps, i)))
			PZ_TRY(kept_copy(shared, pz_sync_item_at(apps, i), kept));
	for (size_t i = 0; i < pz_sync_item_len(kept); i++)
		PZ_TRY(pz_chunks_save(kept, pz_sync_item_at(kept, i)->key, shared->space, txn));
	return PZ_OK;
}

enum pz_err
pz_shared_wipe_again(struct pz_shared *shared, struct pz_txn *txn)
{
	return pz_shared_save_all(shared, txn);
}

/* After the commit of pz_shared_wipe: the same values go from memory. */
void
pz_shared_wiped(struct pz_shared *shared, bool keep_apps)
{
	pz_keep_stop(&shared->keep);
	for (size_t id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		struct pz_sync_item *item = shared->items[id];
		for (size_t i = item ? pz_sync_item_len(item) : 0; i-- > 0;) {
			const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
			char key[PZ_SYNC_KEY_BYTES_MAX + 1];
			snprintf(key, sizeof(key), "%s", chunk->key);
			/* If memory is out, the next start loads it from the disk. */
			if (!keep_apps || id != PZ_SYNC_APP_DATA || !is_kept_app(shared, chunk) ||
			    kept_copy(shared, chunk, item) != PZ_OK)
				(void)pz_sync_item_remove(item, key);
		}
	}
}
