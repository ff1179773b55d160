/* Inside sync/ only: the deletions of an item, the oldest first. A binary heap, so that a device
 * that deletes all the time costs no search through all chunks. */
#ifndef PZ_SYNC_TOMBSTONES_H
#define PZ_SYNC_TOMBSTONES_H

#include "sync/chunk.h"

/** Zero-initialised is valid and empty. The chunks belong to the item. */
struct pz_sync_tombstones {
	struct pz_sync_chunk **heap;
	size_t len, cap;
};

/** Frees the list, not the chunks; it is valid and empty afterwards. */
void pz_sync_tombstones_fini(struct pz_sync_tombstones *tombstones);
/** Makes room for one more, so that pz_sync_tombstones_add cannot fail. Errors: LIMIT_MEMORY. */
enum pz_err pz_sync_tombstones_reserve(struct pz_sync_tombstones *tombstones) PZ_MUST_USE;
/** @param chunk a deletion; its `tombstone` is kept by this object */
void pz_sync_tombstones_add(struct pz_sync_tombstones *tombstones, struct pz_sync_chunk *chunk);
/** @param chunk one that was added */
void
pz_sync_tombstones_remove(struct pz_sync_tombstones *tombstones, const struct pz_sync_chunk *chunk);
/** The oldest by mtime, then key: the same on every device. NULL: it is empty. */
const struct pz_sync_chunk *pz_sync_tombstones_oldest(const struct pz_sync_tombstones *tombstones);
/** True when `a` is older than `b`. */
bool pz_sync_is_older(const struct pz_sync_chunk *a, const struct pz_sync_chunk *b);

#endif
