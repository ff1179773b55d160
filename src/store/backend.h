/* Inside of src/store: what a kind of store implements, and what a transaction is made of. */
#ifndef PZ_STORE_BACKEND_H
#define PZ_STORE_BACKEND_H

#include "base/list.h"
#include "store/store.h"

enum pz_change_kind {
	PZ_CHANGE_PUT,
	PZ_CHANGE_REMOVE,
	PZ_CHANGE_REMOVE_SPACE,
};

/** One change, a single allocation; space, key and value lie in `text`. */
struct pz_change {
	struct pz_list node; /* in pz_txn.changes */
	enum pz_change_kind kind;
	const char *space;
	const char *key; /* "" for REMOVE_SPACE */
	struct pz_slice value;
	size_t text_len;
	char text[];
};

/** A transaction carries its own place in the queue and its result, so a commit allocates nothing.
 */
struct pz_txn {
	struct pz_list node; /* in a queue of the store */
	struct pz_list changes;
	size_t change_count;
	bool is_scrubbing; /* see pz_txn_scrub */
	pz_store_done done;
	void (*drop)(void *arg); /* see pz_txn_on_drop; NULL: `arg` has another owner */
	void *arg;
	uint64_t due_us; /* memory store: when it becomes durable */
	enum pz_err err;
	struct pz_errinfo info;
};

struct pz_store_ops {
	void (*commit)(struct pz_store *store, struct pz_txn *takes_txn);
	enum pz_err (*load)(struct pz_store *store, const char *space, pz_store_each each,
			    void *arg, struct pz_errinfo *info);
	void (*poll)(struct pz_store *store);
	void (*free)(struct pz_store *store);
};

/** First member of every kind of store. Only the owner's thread touches it. */
struct pz_store {
	const struct pz_store_ops *ops;
	struct pz_list ended; /* finished, call-back not run yet, in order */
	size_t pending;
	pz_store_done watch; /* see pz_store_watch; NULL: none */
	void *watch_arg;
};

/** For implementations: sets the operations; no commit is pending. */
void pz_store_init(struct pz_store *store, const struct pz_store_ops *ops);
/** Runs the call-backs of store->ended, also when one of them polls again. */
void pz_store_run_ended(struct pz_store *store);

/** Overwrites and frees one change that is in no list. */
void pz_change_free(struct pz_change *change);
/** Frees all transactions of a list without `done`; `drop` frees their arguments. */
void pz_txn_free_all(struct pz_list *txns);
/** Moves all nodes of `from` to the end of `to`. */
void pz_txn_move_all(struct pz_list *from, struct pz_list *to);

#endif
