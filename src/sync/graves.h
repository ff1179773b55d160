/* Inside sync/ only: the deletions of an item, the oldest first. A binary heap, so that a device
 * that deletes all the time costs no search through all chunks. */
#ifndef PZ_SYNC_GRAVES_H
#define PZ_SYNC_GRAVES_H

#include "sync/chunk.h"

/** Zero-initialised is valid and empty. The chunks belong to the item. */
struct pz_sync_graves {
	struct pz_sync_chunk **heap;
	size_t len, cap;
};

/** Frees the list, not the chunks; it is valid and empty afterwards. */
void pz_sync_graves_fini(struct pz_sync_graves *graves);
/** Makes room for one more, so that pz_sync_graves_add cannot fail. Errors: LIMIT_MEMORY. */
enum pz_err pz_sync_graves_reserve(struct pz_sync_graves *graves) PZ_MUST_USE;
/** @param chunk a deletion; its `grave` is kept by this object */
void pz_sync_graves_add(struct pz_sync_graves *graves, struct pz_sync_chunk *chunk);
/** @param chunk one that was added */
void pz_sync_graves_remove(struct pz_sync_graves *graves, const struct pz_sync_chunk *chunk);
/** The oldest by mtime, then key: the same on every device. NULL: it is empty. */
const struct pz_sync_chunk *pz_sync_graves_oldest(const struct pz_sync_graves *graves);
/** Is `a` older than `b`? */
bool pz_sync_is_older(const struct pz_sync_chunk *a, const struct pz_sync_chunk *b);

#endif
