/*
 * How often a zone's authority acts for others: so many times within a minute, in any minute. Who
 * has stolen a right or a code gets no more of its signatures than that, and the owner is warned.
 * What the owner does at the hub itself, and revocations, are not counted. @spec page 14 CERT-7
 */
#ifndef PZ_ENROL_SIGNING_H
#define PZ_ENROL_SIGNING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/limits.h"

/** Zero-initialised is valid: nothing was signed. */
struct pz_signing {
	uint64_t at_us[PZ_SIGNATURES_MAX]; /* the last ones, in a ring; 0: none */
	uint32_t count;                    /* of places in use of the ring */
	uint32_t next;
};

/**
 * Takes one, if fewer than `max` were taken within the minute before.
 * @param max 1 to PZ_SIGNATURES_MAX; 0: no limit. Another one than before begins anew
 * @param now_us monotonic
 * @param out_wait_us untouched unless it is refused: when the next one is free
 */
bool
pz_signing_take(struct pz_signing *signing, uint32_t max, uint64_t now_us, uint64_t *out_wait_us);

#endif
