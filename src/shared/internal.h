/* Inside shared/ only: the items, and what its files call of each other. */
#ifndef PZ_SHARED_INTERNAL_H
#define PZ_SHARED_INTERNAL_H

#include "base/list.h"
#include "shared/shared.h"
#include "store/keep.h"

struct pz_shared {
	struct pz_store *store;
	const struct pz_env *env;
	char space[PZ_SHARED_SPACE_CHARS];
	char self[PZ_ADDRESS_BYTES_MAX + 1];
	char zone[PZ_ZONE_BYTES_MAX + 1]; /* "": none */
	struct pz_sync_item *items[PZ_SYNC_KIND_COUNT];
	struct pz_list writes;
	void (*settled)(void *arg, const struct pz_sync_kind *kind, const char *key,
			bool is_stored);
	void *settled_arg;
	struct pz_keep keep; /* while the disk has not all that counts */
	int64_t ahead_ms;    /* the hub's clock less ours */
};

/* save.c */
/** A copy of a chunk. @param origin of the copy; where it differs from the chunk's, the copy is of
 * this device's own. Errors: LIMIT_MEMORY. */
enum pz_err pz_shared_copy_chunk(const struct pz_sync_chunk *chunk, const char *origin,
				 struct pz_sync_chunk **out) PZ_MUST_USE;
/** Puts a changed key into a transaction, and the keys that had to go for it. Errors: LIMIT_MEMORY.
 */
enum pz_err pz_shared_save_change(struct pz_shared *shared, struct pz_sync_item *item,
				  const char *key, struct pz_txn *txn) PZ_MUST_USE;
/** pz_keep_config.save: everything, in place of what is stored. @param arg struct pz_shared */
enum pz_err pz_shared_save_all(void *arg, struct pz_txn *txn) PZ_MUST_USE;

/* write.c */
/** Frees changes that the disk has not confirmed; they are not reported any more. */
void pz_shared_writes_free(struct pz_shared *shared);

#endif
