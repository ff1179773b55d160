/* A real loop for tests that need sockets or processes: it cannot hang, and its clock can be
 * pushed.
 */
#ifndef PZ_KIT_LOOP_H
#define PZ_KIT_LOOP_H

#include "kit/test.h"

#include "net/loop.h"

#define PZ_KIT_TICK_MS 2
#define PZ_KIT_TICKS_MAX 10000 /* 20 s: far more than any test takes */

/** The loop of this process. */
struct pz_kit_loop {
	struct pz_loop loop;
	uv_timer_t tick; /* wakes the loop, so that a condition is looked at */
	uint64_t (*mono_us)(void *arg);
	uint64_t pushed_us;
	uint64_t held_us; /* where the monotonic clock stands still; 0: it runs */
};

extern struct pz_kit_loop pz_kit_loop;

/** Set-up of a cmocka test: opens the loop. @return 0, or -1 */
int pz_kit_loop_open(void **state);
/** Tear-down of a cmocka test. @return 0, or -1: a timer is still active */
int pz_kit_loop_close(void **state);
/** From now on the monotonic clock moves only when it is pushed: however slowly the machine runs,
 * no timer of ours ends early in a test that counts what happens before it. */
void pz_kit_loop_hold(void);
/** Sets the monotonic clock forward. */
void pz_kit_loop_push(uint64_t us);
/** One turn of the loop, which an event or the tick ends. */
void pz_kit_loop_turn(void);

/** Turns until the condition holds; fails when it never does. */
#define pz_kit_until(condition)                                                                    \
	do {                                                                                       \
		for (int kit_ticks = 0; !(condition); kit_ticks++) {                               \
			if (kit_ticks == PZ_KIT_TICKS_MAX)                                         \
				fail_msg("never: %s", #condition);                                 \
			pz_kit_loop_turn();                                                        \
		}                                                                                  \
	} while (0)

#endif
