/*
 * The one way to change a zone's authority. A change waits for its turn, fills a transaction, waits
 * for the disk, and is in force when it is stored; the next one begins after that.
 *
 *     pz_hosted_transact … prepare → commit … (the change is applied) done, release
 *                            ↘ error: done, release
 *
 * A command that needs a zone which does not change meanwhile (an export) takes a turn, too.
 */
#ifndef PZ_HOSTED_TRANSACT_H
#define PZ_HOSTED_TRANSACT_H

#include "base/err.h"
#include "base/list.h"
#include "wire/address.h"
#include "zone/authority.h"

struct pz_hosted;
struct pz_hosted_transact;

struct pz_hosted_transact_ops {
	/**
	 * It is its turn: fills the transaction, sets t->change where members, list or certificates
	 * change. Nothing may have changed when it fails. NULL: there is nothing to store.
	 */
	enum pz_err (*prepare)(struct pz_hosted_transact *t, struct pz_txn *txn,
			       struct pz_errinfo *info);
	/**
	 * Its end, once.
	 * @param member the one that t->change was about, when it is applied; may be NULL
	 * @param err,detail of prepare or, t->is_committed, of the store; with PZ_OK all of it
	 * counts. IO_CLOSED: the hub stops; one that is_committed may be stored all the same
	 */
	void (*done)(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
		     const char *detail);
	/** Frees the objects of the change besides its own memory: after done. May be NULL. */
	void (*release)(struct pz_hosted_transact *t);
};

/** The changes of one zone. */
struct pz_hosted_turns {
	struct pz_list waiting;         /* struct pz_hosted_transact.hook */
	struct pz_hosted_transact *now; /* whose turn it is, or NULL */
	bool is_changing;               /* a change has begun, and may wait for the disk */
	/* The device whose record that change writes, "" if none: no one else may, or an older
	 * record would end up on top of a newer one. */
	char device[PZ_DEVICE_BYTES_MAX + 1];
};

/** The first member of what a change keeps. */
struct pz_hosted_transact {
	struct pz_list hook; /* pz_hosted_turns.waiting */
	struct pz_hosted *zone;
	const struct pz_hosted_transact_ops *ops;
	struct pz_zone_change *change; /* until it is applied or dropped */
	bool is_committed;
};

/**
 * Has a change made; prepare, and after an error done, may be called from inside.
 * @param takes the first member of memory from calloc, which is freed at the end
 * @param ops static
 */
void pz_hosted_transact(struct pz_hosted *zone, struct pz_hosted_transact *takes,
			const struct pz_hosted_transact_ops *ops);
/** True while a change is running. */
bool pz_hosted_is_changing(const struct pz_hosted *zone);
/** For prepare: the change writes the record of this device. */
void pz_hosted_transact_device(struct pz_hosted *zone, const char *device);
/** Before the first change. */
void pz_hosted_transact_init(struct pz_hosted *zone);
/** The hub stops, and the store reports no commit any more: all changes end with that error, while
 * their links and requests still exist. Later changes wait for ever, so it is called again before
 * the zone is freed. */
void pz_hosted_transact_end_all(struct pz_hosted *zone);

#endif
