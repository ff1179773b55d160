/*
 * A zone that moves to another hub, as a hub holds it: the newest notice of its address, and
 * whether the zone is moving away from here.
 */
#ifndef PZ_ZONE_MOVING_H
#define PZ_ZONE_MOVING_H

#include <stdbool.h>

#include "store/store.h"
#include "zone/notice.h"

struct pz_authority;

/** Part of an authority. All zero: has never moved. */
struct pz_hub_move {
	struct pz_hub_notice notice; /* number 0: none */
	bool is_moving; /* the zone moves away: this hub enrols and revokes no device any more */
};

/**
 * Prepares the next notice: it is in force (authority->move) once the transaction is durable.
 * @param is_moving the address is that of another hub
 * @param out what is to become authority->move then
 * Errors: CONFIG (host or port), CRYPTO, LIMIT_MEMORY.
 */
enum pz_err
pz_authority_announce(const struct pz_authority *authority, const struct pz_hub_address *at,
		      bool is_moving, struct pz_txn *txn, struct pz_hub_move *out,
		      struct pz_errinfo *info) PZ_MUST_USE;
/** Writes such a record, or removes it where there has been no notice. Errors: LIMIT_MEMORY. */
enum pz_err pz_authority_put_move(const struct pz_authority *authority,
				  const struct pz_hub_move *move, struct pz_txn *txn) PZ_MUST_USE;
/** Reads it into authority->move; a zone that has never moved has none. Errors: PROTO, DENIED
 * (unreadable, or not signed by the zone's CA), IO_*, LIMIT_MEMORY. */
enum pz_err pz_authority_load_move(struct pz_store *store, struct pz_authority *authority,
				   struct pz_errinfo *info) PZ_MUST_USE;

/** Nothing that the other hub would have to know may be decided here. Errors: DENIED (the zone is
 * moving; info says where to and what to do). */
enum pz_err
pz_authority_check_stays(const struct pz_authority *authority, struct pz_errinfo *info) PZ_MUST_USE;

#endif
