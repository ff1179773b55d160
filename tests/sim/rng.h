/* A small deterministic random source: splitmix64. Not for secrets. */
#ifndef PZ_SIM_RNG_H
#define PZ_SIM_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rng {
	uint64_t state;
};

static inline uint64_t
rng_next(struct rng *rng)
{
	uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/** 0 to bound - 1; 0 when bound is 0. */
static inline uint64_t
rng_below(struct rng *rng, uint64_t bound)
{
	return bound ? rng_next(rng) % bound : 0;
}

/** low to high, both possible. */
static inline uint64_t
rng_between(struct rng *rng, uint64_t low, uint64_t high)
{
	return high > low ? low + rng_below(rng, high - low + 1) : low;
}

/** True in `percent` of a hundred cases. */
static inline bool
rng_chance(struct rng *rng, unsigned percent)
{
	return rng_below(rng, 100) < percent;
}

/** A number whose order of magnitude is uniform: short things are as likely as long ones. */
static inline uint64_t
rng_spread(struct rng *rng, uint64_t low, uint64_t high)
{
	uint64_t top = high;

	while (top / 2 > low && rng_chance(rng, 50))
		top /= 2;
	return rng_between(rng, low, top);
}

static inline void
rng_fill(struct rng *rng, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
		uint64_t word = rng_next(rng);
		memcpy(p + i, &word, len - i < sizeof(word) ? len - i : sizeof(word));
	}
}

#endif
