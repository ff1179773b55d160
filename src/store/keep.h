/*
 * Data that is current in memory first and is stored later: after a failed commit everything is
 * written again, in place of what is on disk.
 *
 * The owner changes memory, commits what has changed with pz_keep_commit, and offers one function
 * that writes everything. That function has to write every record of the spaces that it empties:
 * after a failed commit and its retry a restart loads exactly what was in memory.
 */
#ifndef PZ_STORE_KEEP_H
#define PZ_STORE_KEEP_H

#include "base/env.h"
#include "store/store.h"

struct pz_keep_config {
	struct pz_store *store;   /* borrowed; freed after the owner */
	const struct pz_env *env; /* borrowed */
	const char *what;         /* subject of the log lines, static: "what was synchronised" */
	/**
	 * Puts everything into a transaction, in place of what is stored. Any error: it is tried
	 * again later.
	 */
	enum pz_err (*save)(void *arg, struct pz_txn *txn);
	void *arg;
};

/** Embedded in its owner. */
struct pz_keep {
	struct pz_keep_config config;
	struct pz_timer again;
	bool is_ended;  /* see pz_keep_end */
	bool is_behind; /* the disk lacks something, or an attempt is running */
	unsigned saves; /* attempts to write everything, so far */
};

/** Starts with nothing to store. @param config copied; its pointers are borrowed */
void pz_keep_init(struct pz_keep *keep, const struct pz_keep_config *config);
/** Commits changes of memory. A failure is logged once, and everything is stored again after
 * PZ_STORE_AGAIN_US. @param takes not NULL */
void pz_keep_commit(struct pz_keep *keep, struct pz_txn *takes);
/** The same if no transaction could be made, or another commit has failed. @param detail one line
 */
void pz_keep_failed(struct pz_keep *keep, enum pz_err err, const char *detail);
/** Writes everything now, if the disk lacks something. */
void pz_keep_save_now(struct pz_keep *keep);
/** The data is being removed from the store for good: nothing may write it there again. */
void pz_keep_end(struct pz_keep *keep);
/** It was not removed after all: everything is written again, soon. @param why one line */
void pz_keep_resume(struct pz_keep *keep, const char *why);
/** Stops all writes, also after a running attempt: the data is gone from memory. Also for the end
 * of the owner. */
void pz_keep_stop(struct pz_keep *keep);

#endif
