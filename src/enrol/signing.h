/*
 * How often a zone's authority acts for others: so many times at once, and as many more in a
 * minute. A stolen right or code gets no more of its signatures than that, and the owner is warned.
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
	uint64_t due_us; /* monotonic: when all of the bucket is free again */
};

/**
 * Takes a place in the bucket.
 * @param max places, and how many get free in a minute; 0: no limit
 * @param now_us monotonic
 * @param patience_us how long the caller can wait for its turn
 * @param out_wait_us set in each case: after this its turn comes, or would come; 0: now
 * @return false: that is longer than the patience, and nothing was taken
 */
bool pz_signing_take(struct pz_signing *signing, uint32_t max, uint64_t now_us,
		     uint64_t patience_us, uint64_t *out_wait_us);

#endif
