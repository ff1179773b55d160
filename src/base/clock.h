/*
 * Wall clocks are wrong, and jump: a machine without a battery begins in 1970, and is put right
 * seconds later. What shows that, without a look at the system. @spec page 14 TLS-10
 */
#ifndef PZ_BASE_CLOCK_H
#define PZ_BASE_CLOCK_H

#include "base/env.h"
#include "base/err.h"

/** When this program was built, in ms since 1970: no clock that is right is before it. It is
 * SOURCE_DATE_EPOCH of the build, else a date that belongs to the version. */
uint64_t pz_build_time_ms(void);
/** Checks that the wall clock is not before the time of the build. Errors: CONFIG, with both dates
 * in info. */
enum pz_err pz_clock_check(const struct pz_env *env, struct pz_errinfo *info) PZ_MUST_USE;
/** "2026-11-29 23:05 UTC". */
void pz_clock_text(uint64_t wall_ms, char out[32]);

/** Notices that the wall clock was set: it moves away from the monotonic one. Embedded. */
struct pz_clock_watch {
	const struct pz_env *env;
	struct pz_timer timer;
	int64_t offset_ms; /* wall less monotonic, when it was last looked at */
	void (*jumped)(void *arg, int64_t by_ms);
	void *arg;
};

/** Looks every PZ_CLOCK_LOOK_US from now on. @param jumped by at least PZ_CLOCK_JUMP_MS */
void pz_clock_watch_start(struct pz_clock_watch *watch, const struct pz_env *env,
			  void (*jumped)(void *arg, int64_t by_ms), void *arg);
/** Looks now: the system says that the clock was set. */
void pz_clock_watch_look(struct pz_clock_watch *watch);
/** Also of one that was never started. */
void pz_clock_watch_stop(struct pz_clock_watch *watch);

#endif
