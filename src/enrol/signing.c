#include "enrol/signing.h"

#include <string.h>

/* The place that is next holds the oldest of the last `max`: when that one is older than a minute,
 * fewer than `max` are within it. */
bool
pz_signing_take(struct pz_signing *signing, uint32_t max, uint64_t now_us, uint64_t *out_wait_us)
{
	if (max == 0)
		return true;
	if (max > PZ_SIGNATURES_MAX)
		max = PZ_SIGNATURES_MAX;
	if (signing->count != max) { /* the setting has changed */
		memset(signing, 0, sizeof(*signing));
		signing->count = max;
	}
	uint64_t *oldest = &signing->at_us[signing->next];
	if (*oldest && now_us < *oldest + PZ_SIGNATURES_WITHIN_US) {
		*out_wait_us = *oldest + PZ_SIGNATURES_WITHIN_US - now_us;
		return false;
	}
	*oldest = now_us ? now_us : 1; /* 0 is a place that was never used */
	signing->next = (signing->next + 1) % max;
	return true;
}
