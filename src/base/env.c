/*
 * Time and randomness of the system behind struct pz_env. Modules use the struct only, so that
 * tests and simulations give them a clock and random bytes of their own.
 */
#include "base/env.h"

#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "base/codec.h"

static uint64_t
system_mono_us(void *arg)
{
	struct timespec ts;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * PZ_US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t
system_wall_ms(void *arg)
{
	struct timespec ts;

	(void)arg;
	/* Before 1970 is a clock that was never set; times are unsigned everywhere. */
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec < 0 ? 0 : (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
system_random(void *arg, void *out, size_t len)
{
	(void)arg;
	randombytes_buf(out, len);
}

void
pz_env_system(struct pz_env *env, struct pz_timers *timers)
{
	/* Without a random source nothing is safe. No peer can cause this abort: no connection
	 * exists yet. */
	if (sodium_init() < 0)
		abort();
	*env = (struct pz_env){
		.mono_us = system_mono_us,
		.wall_ms = system_wall_ms,
		.random = system_random,
		.timers = timers,
	};
}

/* A delay of "for ever" must not wrap around to the past. */
void
pz_env_start(const struct pz_env *env, struct pz_timer *timer, uint64_t delay_us)
{
	uint64_t now = pz_env_mono_us(env);

	pz_timer_start(env->timers, timer,
		       delay_us > UINT64_MAX - now ? UINT64_MAX : now + delay_us);
}

void
pz_env_stop(const struct pz_env *env, struct pz_timer *timer)
{
	pz_timer_stop(env->timers, timer);
}

void
pz_env_uuid(const struct pz_env *env, char out[37])
{
	static const uint8_t groups[] = {4, 2, 2, 2, 6}; /* bytes between the dashes */
	uint8_t raw[16];
	size_t from = 0;

	pz_env_random(env, raw, sizeof(raw));
	raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40); /* version 4 */
	raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80); /* variant of RFC 4122 */
	for (size_t i = 0; i < sizeof(groups); i++) {
		pz_hex_encode(raw + from, groups[i], out);
		out += 2 * groups[i];
		from += groups[i];
		if (from < sizeof(raw))
			*out++ = '-';
	}
}

/* Rounded towards the worse: less than a day left is 0, just ended is -1. */
int64_t
pz_env_days_left(const struct pz_env *env, uint64_t end_ms)
{
	const uint64_t day_ms = UINT64_C(86400) * 1000;
	uint64_t now_ms = pz_env_wall_ms(env);

	if (end_ms >= now_ms)
		return (int64_t)((end_ms - now_ms) / day_ms);
	return -(int64_t)((now_ms - end_ms + day_ms - 1) / day_ms);
}
