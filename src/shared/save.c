/* Writes the items of a zone to the store: one change, or everything. */
#include <string.h>

#include "record/chunks.h"
#include "shared/internal.h"

/* Otherwise the chunk is this device's own. */
enum pz_err
pz_shared_copy_chunk(const struct pz_sync_chunk *chunk, const char *origin,
		     struct pz_sync_chunk **out)
{
	const char *slash = strchr(origin, '/');
	struct pz_sync_parts parts = {
		.key = chunk->key,
		.origin = origin,
		.value = pz_slice_of(chunk->value, chunk->value_len),
		.mtime_ms = chunk->mtime_ms,
		.deleted = chunk->deleted,
	};

	PZ_TRY(pz_sync_chunk_new(&parts, out, NULL));
	if (strcmp(origin, chunk->origin) == 0)
		pz_sync_chunk_mark(*out, chunk->via, chunk->received_ms);
	else
		pz_sync_chunk_mark(*out, slash ? slash + 1 : origin, chunk->received_ms);
	return PZ_OK;
}

/* Adds a change, and the deletions that were dropped for it, to the transaction. */
enum pz_err
pz_shared_save_change(struct pz_shared *shared, struct pz_sync_item *item, const char *key,
		      struct pz_txn *txn)
{
	char dropped[PZ_SYNC_KEY_BYTES_MAX + 1];

	PZ_TRY(pz_chunks_save(item, key, shared->space, txn));
	while (pz_sync_item_dropped(item, dropped))
		PZ_TRY(pz_chunks_save(item, dropped, shared->space, txn));
	return PZ_OK;
}

/* The space has only these items. */
enum pz_err
pz_shared_save_all(void *arg, struct pz_txn *txn)
{
	const struct pz_shared *shared = arg;

	PZ_TRY(pz_txn_remove_space(txn, shared->space));
	for (size_t id = 0; id < PZ_SYNC_KIND_COUNT; id++)
		if (shared->items[id])
			PZ_TRY(pz_chunks_save_all(shared->items[id], shared->space, txn));
	return PZ_OK;
}
