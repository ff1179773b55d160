/* An item: a set of chunks in bytewise key order, and its digest. */
#ifndef PZ_SYNC_ITEM_H
#define PZ_SYNC_ITEM_H

#include "sync/chunk.h"
#include "sync/kind.h"

/** What a node holds of one item. */
struct pz_sync_item;

/** Empty item. NULL: out of memory. */
struct pz_sync_item *pz_sync_item_new(const struct pz_sync_kind *kind);
/** Frees it and its chunks. NULL is fine. */
void pz_sync_item_free(struct pz_sync_item *item);
PZ_AUTO_DEFINE(struct pz_sync_item, pz_sync_item_free)

const struct pz_sync_kind *pz_sync_item_kind(const struct pz_sync_item *item);

/** Does the chunk keep to the item's size limit? Errors: LIMIT. */
enum pz_err pz_sync_item_check(const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
			       struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Adds a chunk or replaces the one with its key, whatever their ages (pz_sync_wins decides that).
 * @param takes on success only
 * Errors: LIMIT (value, number or sum of sizes over the item's limits), LIMIT_MEMORY.
 */
enum pz_err pz_sync_item_put(struct pz_sync_item *item, struct pz_sync_chunk *takes,
			     struct pz_errinfo *info) PZ_MUST_USE;
/** Takes a chunk out without a trace. False: there is none. */
bool pz_sync_item_remove(struct pz_sync_item *item, const char *key);

/**
 * A change made here: puts a chunk whose mtime is now, or 1 ms after the version that it replaces
 * where that is later and is believed.
 * @param value of a deletion: ignored
 * Errors: as pz_sync_chunk_new and pz_sync_item_put.
 */
enum pz_err
pz_sync_item_write(struct pz_sync_item *item, const char *key, struct pz_slice value, bool deleted,
		   const char *origin, uint64_t now_ms, struct pz_errinfo *info) PZ_MUST_USE;

/** The chunk of a key, also a deleted one, borrowed until the item changes; NULL: none. */
const struct pz_sync_chunk *pz_sync_item_get(const struct pz_sync_item *item, const char *key);
/** Chunks, deleted ones included. */
size_t pz_sync_item_len(const struct pz_sync_item *item);
/** One chunk in bytewise key order. @param i less than pz_sync_item_len */
const struct pz_sync_chunk *pz_sync_item_at(const struct pz_sync_item *item, size_t i);
/** Position of the first chunk whose key is greater than `key` (NULL: the first chunk). */
size_t pz_sync_item_after(const struct pz_sync_item *item, const char *key);

/**
 * SHA-256 over lv_cat(key, sha256, mtime as 8 bytes big-endian, deleted as 1 byte) of each chunk in
 * bytewise key order. Remembered until the item changes. Errors: LIMIT_MEMORY.
 * @spec page 8 "How"
 */
enum pz_err
pz_sync_item_digest(struct pz_sync_item *item, uint8_t out[PZ_SYNC_HASH_BYTES]) PZ_MUST_USE;

/** Drops deletions that are older than 90 days. @return how many. @spec page 8 "Conflicts" */
size_t pz_sync_item_expire(struct pz_sync_item *item, uint64_t now_ms);

#endif
