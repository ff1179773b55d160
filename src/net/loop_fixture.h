/* For the tests of this folder that need a real loop: one that cannot hang, and whose clock can be
 * pushed. */
#ifndef PZ_NET_LOOP_FIXTURE_H
#define PZ_NET_LOOP_FIXTURE_H

#include "kit/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/loop.h"

#define FX_TICK_MS 2
#define FX_TICKS_MAX 10000 /* 20 s: far more than anything here takes */

struct fx_loop {
	struct pz_loop loop;
	uv_timer_t tick; /* wakes the loop, so that a condition is looked at */
	uint64_t (*mono_us)(void *arg);
	uint64_t pushed_us;
};

static struct fx_loop fx;

static inline uint64_t
fx_pushed_mono(void *arg)
{
	return fx.mono_us(arg) + fx.pushed_us;
}

static inline void
fx_on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static inline int
fx_loop_open(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as the daemons do */
	if (pz_loop_init(&fx.loop, 0) != PZ_OK)
		return -1;
	fx.pushed_us = 0;
	fx.mono_us = fx.loop.env.mono_us;
	fx.loop.env.mono_us = fx_pushed_mono;
	uv_timer_init(&fx.loop.uv, &fx.tick);
	uv_timer_start(&fx.tick, fx_on_tick, FX_TICK_MS, FX_TICK_MS);
	return 0;
}

static inline int
fx_loop_close(void **state)
{
	(void)state;
	uv_close((uv_handle_t *)&fx.tick, NULL);
	pz_loop_fini(&fx.loop);
	return fx.loop.timers.root == NULL ? 0 : -1;
}

/** The clock jumps. */
static inline void
fx_push(uint64_t us)
{
	fx.pushed_us += us;
}

/** One turn of the loop, which something or the tick ends. */
static inline void
fx_turn(void)
{
	uv_run(&fx.loop.uv, UV_RUN_ONCE);
}

/** Turns until the condition holds; fails when it never does. */
#define fx_until(condition)                                                                        \
	do {                                                                                       \
		for (int fx_ticks = 0; !(condition); fx_ticks++) {                                 \
			if (fx_ticks == FX_TICKS_MAX)                                              \
				fail_msg("never: %s", #condition);                                 \
			fx_turn();                                                                 \
		}                                                                                  \
	} while (0)

#endif
