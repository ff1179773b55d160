/*
 * The virtual clock of all tests: monotonic time, wall time, timers and random numbers of one node.
 * Time passes only when a test says so, and each run draws the same numbers.
 *
 *     struct pz_kit_clock clock;
 *     pz_kit_clock_init(&clock);
 *     thing = pz_thing_new(&clock.env);
 *     pz_kit_clock_run(&clock, 5 * PZ_US_PER_S);
 */
#ifndef PZ_KIT_CLOCK_H
#define PZ_KIT_CLOCK_H

#include <stdbool.h>

#include "base/env.h"

#define PZ_KIT_MONO_US (1000 * PZ_US_PER_S)    /* monotonic time of a new clock */
#define PZ_KIT_WALL_MS UINT64_C(1800000000000) /* wall time of a new clock: 2027-01-15 */
#define PZ_KIT_DAY_MS UINT64_C(86400000)

/** One clock. It must not move in memory: `env` points to it. */
struct pz_kit_clock {
	struct pz_env env;       /* for the code under test */
	struct pz_timers timers; /* those of `env` */
	uint64_t now_us;         /* monotonic time */
	uint64_t wall_ms;        /* wall time: a test sets the wall clock by writing it */
	uint64_t random;         /* state of the random numbers: set it for another sequence */
	void (*turn)(void *arg); /* called when due timers have run: the end of a loop's turn; may
				    be NULL */
	void *turn_arg;
};

/** The value of a static clock, which then needs no pz_kit_clock_init. @param clock its name */
#define PZ_KIT_CLOCK(clock)                                                                        \
	{                                                                                          \
		.env = {pz_kit_mono_us, pz_kit_wall_ms, pz_kit_random, &(clock), &(clock).timers}, \
		.now_us = PZ_KIT_MONO_US, .wall_ms = PZ_KIT_WALL_MS                                \
	}

/** Starts a clock at PZ_KIT_MONO_US and PZ_KIT_WALL_MS, without timers and without `turn`. */
void pz_kit_clock_init(struct pz_kit_clock *clock);

/** Lets `us` microseconds pass. Each timer runs at its time, and `turn` after it. */
void pz_kit_clock_run(struct pz_kit_clock *clock, uint64_t us);

/** Lets `us` microseconds pass at once, as during a suspend: timers run late, then `turn`. */
void pz_kit_clock_jump(struct pz_kit_clock *clock, uint64_t us);

/** Lets `us` microseconds pass without running timers, as while one call runs for long. */
void pz_kit_clock_skip(struct pz_kit_clock *clock, uint64_t us);

/** Jumps to the next timer and runs it, then `turn`. @return false: no timer is active */
bool pz_kit_clock_step(struct pz_kit_clock *clock);

/** True when no timer is active. */
bool pz_kit_clock_is_idle(const struct pz_kit_clock *clock);

/** The functions of `env`, for tests that replace one of them. @param arg the clock */
uint64_t pz_kit_mono_us(void *arg);
/** @copydoc pz_kit_mono_us */
uint64_t pz_kit_wall_ms(void *arg);
/** Fills `out` from the clock's sequence (splitmix64). @param arg the clock */
void pz_kit_random(void *arg, void *out, size_t len);

#endif
