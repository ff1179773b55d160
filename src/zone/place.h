/*
 * Where a device finds its hub: the address that counts, the one before it, and the newest notice
 * of the zone. The enrolment sets it first; the user (`pzp hub`) and notices change it, and the
 * higher number wins.
 */
#ifndef PZ_ZONE_PLACE_H
#define PZ_ZONE_PLACE_H

#include <stdbool.h>

#include "store/store.h"
#include "zone/membership.h"

struct pz_hub_place {
	struct pz_hub_address at;
	struct pz_hub_address former; /* port 0: none; tried in turn when `at` does not answer */
	uint64_t number;              /* of the notice or command that set `at`; 0: the enrolment */
	struct pz_hub_notice notice;  /* the newest that was verified, also when a command of the
					 user is newer: it is passed on; number 0: none */
};

/** What a notice changes. */
enum pz_place_news {
	PZ_PLACE_OLD,   /* known, or older than the known one */
	PZ_PLACE_HEARD, /* newer than the one before: kept and passed on, but `at` stays */
	PZ_PLACE_MOVED, /* `at` has changed */
};

/** As the enrolment left it. */
void pz_hub_place_init(struct pz_hub_place *place, const struct pz_membership *membership);
/** The same, then what is stored. @param place untouched on failure. Errors: PROTO (unreadable
 * record), IO_*, LIMIT_MEMORY. */
enum pz_err pz_hub_place_load(struct pz_store *store, const struct pz_membership *membership,
			      struct pz_hub_place *place, struct pz_errinfo *info) PZ_MUST_USE;
/** Puts it beside the membership: pz_membership_wipe and pz_membership_create remove it. Errors:
 * LIMIT_MEMORY. */
enum pz_err pz_hub_place_put(const struct pz_hub_place *place, struct pz_txn *txn) PZ_MUST_USE;

/** True when this notice would change something. Called before it is verified, which costs more. */
bool
pz_hub_place_is_changed_by(const struct pz_hub_place *place, const struct pz_hub_notice *notice);
/** Takes a notice that was verified. */
enum pz_place_news
pz_hub_place_take(struct pz_hub_place *place, const struct pz_hub_notice *notice);
/** The user's word, which beats every notice that was made before. @return false: that address
 * counted already */
bool pz_hub_place_set_by_user(struct pz_hub_place *place, const struct pz_hub_address *at,
			      uint64_t wall_ms);

#endif
