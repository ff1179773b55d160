/* An item: a set of chunks in bytewise key order, and its digest. */
#ifndef PZ_SYNC_ITEM_H
#define PZ_SYNC_ITEM_H

#include "sync/chunk.h"
#include "sync/kind.h"

/** The chunks of one item that a node has stored. */
struct pz_sync_item;

/** Empty item. NULL: out of memory. */
struct pz_sync_item *pz_sync_item_new(const struct pz_sync_kind *kind);
/** Frees it and its chunks. NULL is fine. */
void pz_sync_item_free(struct pz_sync_item *item);
PZ_AUTO_DEFINE(struct pz_sync_item, pz_sync_item_free)

/** The kind that was given to pz_sync_item_new. */
const struct pz_sync_kind *pz_sync_item_kind(const struct pz_sync_item *item);

/** Checks that the chunk keeps the item's size limit. Errors: LIMIT. */
enum pz_err pz_sync_item_check(const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
			       struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Adds a chunk or replaces the one with its key, whatever their ages (pz_sync_wins compares those).
 * Deletions are dropped to make room for values, and the oldest one when there are more than
 * PZ_SYNC_DELETED_MAX: see pz_sync_item_dropped. In an item that every device writes, each device
 * has a share; a chunk counts against the share of its `via`.
 * @param takes on success only
 * Errors: LIMIT (value, number or sum of sizes over the item's or the device's limits),
 * LIMIT_MEMORY.
 */
enum pz_err pz_sync_item_put(struct pz_sync_item *item, struct pz_sync_chunk *takes,
			     struct pz_errinfo *info) PZ_MUST_USE;
/** Returns each key that the last put has dropped to make room; to be called until it returns
 * false. The caller removes these keys from the disk, too. */
bool pz_sync_item_dropped(struct pz_sync_item *item, char out_key[PZ_SYNC_KEY_BYTES_MAX + 1]);
/** True for a deletion that a put would drop at once: the item has no chunk of its key, is full,
 * and all deletions in it are newer. */
bool pz_sync_item_is_dropped(const struct pz_sync_item *item, const struct pz_sync_chunk *chunk);
/** Removes a chunk, without keeping a deletion. @return false: the item has no such chunk */
bool pz_sync_item_remove(struct pz_sync_item *item, const char *key);

/**
 * Makes a change on this node: puts a chunk whose mtime is now, or 1 ms after that of the version
 * which it replaces, when that is later and pz_sync_is_believed.
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
/** The chunk at a position in bytewise key order. @param i less than pz_sync_item_len */
const struct pz_sync_chunk *pz_sync_item_at(const struct pz_sync_item *item, size_t i);
/** Position of the first chunk whose key is greater than `key` (NULL: the first chunk). */
size_t pz_sync_item_after(const struct pz_sync_item *item, const char *key);

/**
 * SHA-256 over lv_cat(key, sha256, mtime as 8 bytes big-endian, deleted as 1 byte) of each chunk
 * that is shown, in bytewise key order. The result is cached until the item changes. Errors:
 * LIMIT_MEMORY.
 * @spec page 8 "How"
 */
enum pz_err
pz_sync_item_digest(struct pz_sync_item *item, uint8_t out[PZ_SYNC_HASH_BYTES]) PZ_MUST_USE;

/** True when the chunk is part of digests and listings. Deletions that were older than 90 days at
 * the last pz_sync_item_expire are not. */
bool pz_sync_item_is_shown(const struct pz_sync_item *item, const struct pz_sync_chunk *chunk);
/** Hides deletions that are older than 90 days, and drops those that were also received more than
 * 90 days ago: an old deletion that was received late still has to win against values that arrive
 * even later.
 * @return how many were dropped. @spec page 8 "Conflicts" */
size_t pz_sync_item_expire(struct pz_sync_item *item, uint64_t now_ms);

#endif
