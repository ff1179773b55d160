/* What the outer world hands to sans-I/O code: time, randomness, timers. */
#ifndef PZ_BASE_ENV_H
#define PZ_BASE_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/timer.h"

/** Time source and random source of one node. The daemons use the system's, simulations their own.
 */
struct pz_env {
	uint64_t (*mono_us)(void *arg); /* monotonic microseconds */
	uint64_t (*wall_ms)(void *arg); /* milliseconds since 1970-01-01 UTC */
	void (*random)(void *arg, void *out,
		       size_t len); /* cryptographic in the daemons (page 14, KEY-6) */
	void *arg;
	struct pz_timers *timers; /* borrowed */
};

/** Environment of a real process: CLOCK_MONOTONIC, CLOCK_REALTIME, libsodium's random source. */
void pz_env_system(struct pz_env *env, struct pz_timers *timers);

static inline uint64_t
pz_env_mono_us(const struct pz_env *env)
{
	return env->mono_us(env->arg);
}

static inline uint64_t
pz_env_wall_ms(const struct pz_env *env)
{
	return env->wall_ms(env->arg);
}

/** Whole days from now until then, rounded down: -1 when it has just passed. */
int64_t pz_env_days_left(const struct pz_env *env, uint64_t end_ms);

static inline void
pz_env_random(const struct pz_env *env, void *out, size_t len)
{
	env->random(env->arg, out, len);
}

/** Starts a timer `delay_us` from now. */
void pz_env_start(const struct pz_env *env, struct pz_timer *timer, uint64_t delay_us);
/** Stops a timer. Nothing happens when it does not run. */
void pz_env_stop(const struct pz_env *env, struct pz_timer *timer);

/** A random UUID version 4 as 36 characters and NUL (RFC 4122 4.4). */
void pz_env_uuid(const struct pz_env *env, char out[37]);

#endif
