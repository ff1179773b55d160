/* How long to wait before the next attempt: doubled with each failure, spread at random (page 5).
 */
#ifndef PZ_BASE_BACKOFF_H
#define PZ_BASE_BACKOFF_H

#include <stdint.h>

#include "base/limits.h"
#include "base/timer.h"

/** PZ_BACKOFF_FIRST_US, doubled with each attempt after the first, up to `max_us`. */
static inline uint64_t
pz_backoff_doubled_us(unsigned attempts, uint64_t max_us)
{
	uint64_t us = PZ_BACKOFF_FIRST_US;

	while (attempts > 1 && us < max_us) {
		us *= 2;
		attempts--;
	}
	return us < max_us ? us : max_us;
}

/** Microseconds until attempt number `attempts` (1 = after the first failure), up to
 * PZ_BACKOFF_MAX_US, +-20 % by `random`. */
static inline uint64_t
pz_backoff_us(unsigned attempts, uint32_t random)
{
	uint64_t us = pz_backoff_doubled_us(attempts, PZ_BACKOFF_MAX_US);

	/* 80 % to 120 % */
	return us * 8 / 10 + us * 4 / 10 * random / UINT32_MAX;
}

#endif
