/* Chunks of page 8 in the store: one record each, named item "/" key. */
#ifndef PZ_RECORD_CHUNKS_H
#define PZ_RECORD_CHUNKS_H

#include "store/store.h"
#include "sync/item.h"

/**
 * Writes the chunk that the item has for a key, or removes its record when it has none.
 * Errors: LIMIT_MEMORY.
 */
enum pz_err pz_chunks_save(const struct pz_sync_item *item, const char *key, const char *space,
			   struct pz_txn *txn) PZ_MUST_USE;
/** Writes one that need not be in an item. Errors: LIMIT_MEMORY. */
enum pz_err pz_chunks_put(const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
			  const char *space, struct pz_txn *txn) PZ_MUST_USE;
/** Writes all of them. Errors: LIMIT_MEMORY. */
enum pz_err pz_chunks_save_all(const struct pz_sync_item *item, const char *space,
			       struct pz_txn *txn) PZ_MUST_USE;
/**
 * Reads a record.
 * @param place its key in the store
 * @param out the caller's
 * Errors: PROTO (no such item, or malformed), those of pz_sync_chunk_from_json.
 */
enum pz_err
pz_chunks_read(const char *space, const char *place, struct pz_slice value,
	       const struct pz_sync_kind **out_kind, struct pz_sync_chunk **out) PZ_MUST_USE;

#endif
