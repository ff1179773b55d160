/*
 * Two uses of clocks that are wrong: a machine whose clock is before the time this program was
 * built would make certificates that other devices refuse, so its operator gets an error at once;
 * and jumps of the wall clock while the daemon runs are found by comparing it with the monotonic
 * clock.
 */
#include "base/clock.h"

#include <time.h>

#include "base/limits.h"
#include "base/log.h"

#ifndef PZ_BUILD_TIME_S
#error "the build sets PZ_BUILD_TIME_S (cmake/pz.cmake)"
#endif

uint64_t
pz_build_time_ms(void)
{
	return UINT64_C(1000) * PZ_BUILD_TIME_S;
}

void
pz_clock_text(uint64_t wall_ms, char out[32])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm = {0};

	(void)gmtime_r(&seconds, &tm);
	if (strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		out[0] = '\0';
}

enum pz_err
pz_clock_check(const struct pz_env *env, struct pz_errinfo *info)
{
	uint64_t now = pz_env_wall_ms(env);
	char here[32], built[32];

	if (now >= pz_build_time_ms())
		return PZ_OK;
	pz_clock_text(now, here);
	pz_clock_text(pz_build_time_ms(), built);
	return pz_fail(info, PZ_ERR_CONFIG,
		       "the clock of this machine says %s, but this program was built later, %s",
		       here, built);
}

/* Wall clock less monotonic clock: constant while the wall clock runs on, whatever the time. */
static int64_t
offset_of(const struct pz_env *env)
{
	return (int64_t)pz_env_wall_ms(env) - (int64_t)(pz_env_mono_us(env) / PZ_US_PER_MS);
}

void
pz_clock_watch_look(struct pz_clock_watch *watch)
{
	int64_t now = offset_of(watch->env), by_ms = now - watch->offset_ms;

	if (by_ms < PZ_CLOCK_JUMP_MS && by_ms > -PZ_CLOCK_JUMP_MS)
		return;
	watch->offset_ms = now;
	pz_notice("clock", "the clock was set %lld s %s",
		  (long long)(by_ms < 0 ? -by_ms : by_ms) / 1000, by_ms < 0 ? "back" : "ahead");
	watch->jumped(watch->arg, by_ms);
}

static void
on_look(struct pz_timer *timer, void *arg)
{
	struct pz_clock_watch *watch = arg;

	pz_env_start(watch->env, timer, PZ_CLOCK_LOOK_US);
	pz_clock_watch_look(watch);
}

void
pz_clock_watch_start(struct pz_clock_watch *watch, const struct pz_env *env,
		     void (*jumped)(void *arg, int64_t by_ms), void *arg)
{
	*watch = (struct pz_clock_watch){
		.env = env, .offset_ms = offset_of(env), .jumped = jumped, .arg = arg};
	pz_timer_init(&watch->timer, on_look, watch);
	pz_env_start(env, &watch->timer, PZ_CLOCK_LOOK_US);
}

void
pz_clock_watch_stop(struct pz_clock_watch *watch)
{
	if (watch->env)
		pz_env_stop(watch->env, &watch->timer);
}
