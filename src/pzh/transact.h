/*
 * Inside pzh/ only: the one way to change a zone's authority. A change waits for its turn, fills a
 * transaction, waits for the disk, and counts when it is there; the next one begins after that.
 *
 *     pz_hub_transact … prepare → commit … (the change is applied) done, release
 *                            ↘ error: done, release
 *
 * A command that needs a zone which does not change meanwhile (an export) takes a turn, too.
 */
#ifndef PZ_PZH_TRANSACT_H
#define PZ_PZH_TRANSACT_H

#include "base/list.h"
#include "zone/authority.h"

struct hub_zone;
struct pz_hub_transact;

struct pz_hub_transact_ops {
	/**
	 * It is its turn: fills the transaction, sets t->change where members, list or certificates
	 * change. Nothing may have changed when it fails. NULL: there is nothing to store.
	 */
	enum pz_err (*prepare)(struct pz_hub_transact *t, struct pz_txn *txn,
			       struct pz_errinfo *info);
	/**
	 * Its end, once, unless the zone goes before.
	 * @param member the one that t->change was about, when it is applied; may be NULL
	 * @param err,detail of prepare or, t->is_committed, of the store; with PZ_OK all of it
	 * counts
	 */
	void (*done)(struct pz_hub_transact *t, struct pz_member *member, enum pz_err err,
		     const char *detail);
	/** Releases what the change holds besides its own memory: after done, or when the zone goes
	 * (the store calls nobody back any more). May be NULL. */
	void (*release)(struct pz_hub_transact *t);
};

/** The first member of what a change keeps. */
struct pz_hub_transact {
	struct pz_list node; /* hub_zone.transacts */
	struct hub_zone *zone;
	const struct pz_hub_transact_ops *ops;
	struct pz_zone_change *change; /* until it is applied or dropped */
	bool is_committed;
};

/**
 * Has a change made; prepare, and after an error done, may be called from inside.
 * @param takes the first member of memory from calloc, which is freed at the end
 * @param ops static
 */
void pz_hub_transact(struct hub_zone *zone, struct pz_hub_transact *takes,
		     const struct pz_hub_transact_ops *ops);
/** The zone is about to be freed: so are the changes that wait. */
void pz_hub_transact_drop_all(struct hub_zone *zone);

#endif
