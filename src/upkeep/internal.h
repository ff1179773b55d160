/* What the files of the upkeep call of each other. upkeep.c the whole; renewal.c the certificate;
 * clocks.c clocks that are apart; contact.c the last word from the hub; warnings.c what ends some
 * day. */
#ifndef PZ_UPKEEP_INTERNAL_H
#define PZ_UPKEEP_INTERNAL_H

#include "base/clock.h"
#include "base/log.h"
#include "upkeep/upkeep.h"

struct pz_upkeep {
	struct pz_upkeep_config config;
	const struct pz_env *env; /* of config */
	struct pz_timer hourly;
	struct pz_clock_watch clock;
	uint64_t contact_ms, stored_contact_ms; /* wall clock: the hub was there (contact.c) */
	unsigned offline_days;
	bool is_renewing; /* a certificate is being stored (renewal.c) */
	bool is_ending;
};

/** Why the certificate was not renewed; "": it is. */
void pz_upkeep_note_renewal(struct pz_upkeep *upkeep, const char *failure);
/** Raises or clears the condition that the hub has been silent for long. */
void pz_upkeep_check_contact(struct pz_upkeep *upkeep);
/** Raises or clears the condition that this device's clock is wrong. */
void pz_upkeep_check_clock(struct pz_upkeep *upkeep);

#endif
