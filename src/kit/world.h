/*
 * What a node keeps, in memory: a disk with a store, and keys; and the clock that both use. A test
 * restarts the node by pz_kit_world_restart: what was not durable is lost.
 */
#ifndef PZ_KIT_WORLD_H
#define PZ_KIT_WORLD_H

#include "kit/clock.h"
#include "store/memory.h"
#include "x509/keystore.h"

/** One node's disk and keys. */
struct pz_kit_world {
	struct pz_kit_clock clock;
	struct pz_kit_clock *time; /* `clock`, or that of another world */
	struct pz_memory_disk *disk;
	struct pz_store *store;
	struct pz_keystore *keys;
	uint64_t commit_us;     /* that a commit takes */
	const char *key_type;   /* of new keys: "ec-p256" */
	struct pz_errinfo info; /* for the test's calls */
};

/** Makes an empty disk, no keys, and a new clock. @param commit_us that a commit takes */
void pz_kit_world_init(struct pz_kit_world *world, uint64_t commit_us);
/** The same on the clock of `other`, which must stay as long. Commits take no time. */
void pz_kit_world_init_beside(struct pz_kit_world *world, struct pz_kit_world *other);
/** Frees store, disk and keys. */
void pz_kit_world_fini(struct pz_kit_world *world);

/** Another machine takes over on the same clock: with an empty disk and without keys. */
void pz_kit_world_replace(struct pz_kit_world *world);
/** The process ends and starts again: the store is read from the disk. */
void pz_kit_world_restart(struct pz_kit_world *world);

/** A new transaction. @return the caller's, pz_txn_free or pz_store_commit */
struct pz_txn *pz_kit_txn(void);
/** Commits and waits for the end. @param takes freed @return the result of the commit */
enum pz_err pz_kit_world_commit(struct pz_kit_world *world, struct pz_txn *takes);
/** The end of a commit for a test that waits for it. @param arg enum pz_err *, gets the result */
void pz_kit_note_end(void *arg, enum pz_err err, const char *detail);
/** The wake function of a store on disk. @param arg int *, an eventfd */
void pz_kit_wake(void *arg);
/** Waits until each commit of a store on disk has ended. @param event_fd that pz_kit_wake writes */
void pz_kit_settle(struct pz_store *store, int event_fd);
/** Replaces a record by this text, durably. */
void
pz_kit_world_put(struct pz_kit_world *world, const char *space, const char *key, const char *text);
/** Number of records in a space of the store. */
size_t pz_kit_world_count(struct pz_kit_world *world, const char *space);

#endif
