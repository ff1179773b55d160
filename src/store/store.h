/*
 * The store: a small transactional key/value store. Daemons keep their state in memory in other
 * modules; the store makes it durable and loads it at start. One owner thread uses a store.
 */
#ifndef PZ_STORE_STORE_H
#define PZ_STORE_STORE_H

#include "base/auto.h"
#include "base/err.h"
#include "base/slice.h"

struct pz_store;

/** A list of changes that is applied as a whole or not at all. Later changes win over earlier ones.
 */
struct pz_txn;

/** An empty transaction; NULL: out of memory. */
struct pz_txn *pz_txn_new(void);
/** Frees one that was not committed. The values in it are overwritten first. NULL is fine. */
void pz_txn_free(struct pz_txn *txn);
PZ_AUTO_DEFINE(struct pz_txn, pz_txn_free)

/**
 * Adds or replaces one item. Everything is copied.
 * @param space,key NUL-terminated UTF-8, not NULL; an empty key is allowed
 * Errors: LIMIT_MEMORY (the transaction is unchanged).
 */
enum pz_err pz_txn_put(struct pz_txn *txn, const char *space, const char *key,
		       struct pz_slice value) PZ_MUST_USE;
/** Removes one item; it need not exist. Errors: LIMIT_MEMORY. */
enum pz_err pz_txn_remove(struct pz_txn *txn, const char *space, const char *key) PZ_MUST_USE;
/** Removes every item of the space (also those put earlier in this transaction). Errors:
 * LIMIT_MEMORY. */
enum pz_err pz_txn_remove_space(struct pz_txn *txn, const char *space) PZ_MUST_USE;

/**
 * When this transaction is durable, nothing that it or an earlier one has removed or replaced is
 * left in the store's files. It costs more than another commit. If another process is reading the
 * file, the next such transaction does it, or the end of the store.
 */
void pz_txn_scrub(struct pz_txn *txn);

/**
 * Sets the function that frees the argument of the commit if its call-back never runs because the
 * store is freed first.
 * @param drop called from pz_store_free with the `arg` of pz_store_commit, in place of `done`; it
 * frees memory and does nothing else, since the owner of the commit may be gone
 */
void pz_txn_on_drop(struct pz_txn *txn, void (*drop)(void *arg));

/**
 * Reports how a commit ended. Runs on the owner's thread. It may commit, load and poll; it must not
 * free the store.
 * @param err PZ_OK: the changes are durable. Else nothing of the transaction was applied: IO_FULL
 * (no space), LIMIT_MEMORY, IO_TIMEOUT (another process holds the file), IO (anything else)
 * @param detail one line for people, "" on success; valid during the call
 */
typedef void (*pz_store_done)(void *arg, enum pz_err err, const char *detail);

/**
 * Submits a transaction; never blocks and cannot fail itself. Commits become durable, and their
 * call-backs run, in the order of submission. An empty transaction is a barrier: its call-back
 * reports that all earlier ones have ended.
 * @param takes_txn not NULL; the store takes it
 * @param done called later from pz_store_poll (or a timer), never from inside this call; may be
 * NULL
 * @param arg must live until `done` ran or the store is freed (see pz_txn_on_drop)
 */
void
pz_store_commit(struct pz_store *store, struct pz_txn *takes_txn, pz_store_done done, void *arg);

/** One item of a load; a failure ends the load with that error. key and value are borrowed. */
typedef enum pz_err (*pz_store_each)(void *arg, const char *key, struct pz_slice value);

/**
 * Reads a space in bytewise key order. Synchronous: waits for all commits that were submitted
 * before and sees those that succeeded; meant for start-up. `each` may commit (this load does not
 * see it) but must not load.
 * @param info may be NULL
 * Errors: that of `each`; IO (damaged or unreadable file, the detail names it); LIMIT_MEMORY.
 */
enum pz_err pz_store_load(struct pz_store *store, const char *space, pz_store_each each, void *arg,
			  struct pz_errinfo *info) PZ_MUST_USE;

/** Runs the call-backs of commits that have ended since. */
void pz_store_poll(struct pz_store *store);

/**
 * Before the end of a program: waits until everything that was submitted before has ended, runs the
 * call-backs, and continues as long as these submit more (PZ_STORE_DRAIN_ROUNDS_MAX). Logs
 * `store-stop-failed` when the store cannot be read any more.
 */
void pz_store_drain(struct pz_store *store);

/**
 * Reports how each commit that changes something, or fails, has ended, before its own call-back
 * runs: for a display of whether the disk can be written. There is one watcher.
 * @param watch as a pz_store_done; must not commit. NULL: no longer
 * @param arg must live until another watch is set
 */
void pz_store_watch(struct pz_store *store, pz_store_done watch, void *arg);

/** Commits whose call-back has not run yet (also those without one), for back-pressure. */
size_t pz_store_pending(const struct pz_store *store);

/** Waits for submitted commits (the memory store drops them: a crash), runs no call-backs. NULL is
 * fine. */
void pz_store_free(struct pz_store *store);
PZ_AUTO_DEFINE(struct pz_store, pz_store_free)

#endif
