/* The store in memory: a simulated disk on virtual time, for simulations and tests. */
#ifndef PZ_STORE_MEMORY_H
#define PZ_STORE_MEMORY_H

#include "base/env.h"
#include "store/store.h"

/** The part that survives a crash of the node. One store at a time uses a disk. */
struct pz_memory_disk;

/** An empty disk; NULL: out of memory. */
struct pz_memory_disk *pz_memory_disk_new(void);
/** Another disk with the same content, like a backup; it has no failures set. NULL: out of memory.
 */
struct pz_memory_disk *pz_memory_disk_copy(const struct pz_memory_disk *disk);
/** Frees it; no store may use it any more. NULL is fine. */
void pz_memory_disk_free(struct pz_memory_disk *disk);
PZ_AUTO_DEFINE(struct pz_memory_disk, pz_memory_disk_free)

/**
 * Fault injection: `commits` more transactions become durable, every one after them ends with
 * IO_FULL until this is called again. SIZE_MAX (the state of a new disk): never.
 */
void pz_memory_disk_fail_after(struct pz_memory_disk *disk, size_t commits);

/** Fault injection: the next `commits` transactions end with IO_FULL, those after them become
 * durable. */
void pz_memory_disk_fail_next(struct pz_memory_disk *disk, size_t commits);

/**
 * A store on the disk. A commit becomes durable commit_delay_us after its submission (not before
 * the earlier ones), by a timer of env->timers that also runs its call-back; pz_store_poll is never
 * needed. pz_store_load makes waiting commits durable at once. pz_store_free is the crash:
 * commits that are not durable yet are lost, none is applied in part.
 * @param env,disk borrowed for the store's life
 * @return NULL: out of memory
 */
struct pz_store *pz_store_new_memory(const struct pz_env *env, struct pz_memory_disk *disk,
				     uint64_t commit_delay_us);

#endif
