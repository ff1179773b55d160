#include "kit/loop.h"

#include <signal.h>

struct pz_kit_loop pz_kit_loop;

static uint64_t
pushed_mono(void *arg)
{
	uint64_t now = pz_kit_loop.held_us != 0 ? pz_kit_loop.held_us : pz_kit_loop.mono_us(arg);

	return now + pz_kit_loop.pushed_us;
}

static void
on_tick(uv_timer_t *timer)
{
	(void)timer;
}

int
pz_kit_loop_open(void **state)
{
	struct pz_kit_loop *l = &pz_kit_loop;

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as the daemons do */
	if (pz_loop_init(&l->loop, 0) != PZ_OK)
		return -1;
	l->pushed_us = l->held_us = 0;
	l->mono_us = l->loop.env.mono_us;
	l->loop.env.mono_us = pushed_mono;
	uv_timer_init(&l->loop.uv, &l->tick);
	uv_timer_start(&l->tick, on_tick, PZ_KIT_TICK_MS, PZ_KIT_TICK_MS);
	return 0;
}

static void
count_process(uv_handle_t *handle, void *arg)
{
	unsigned *count = arg;

	*count += handle->type == UV_PROCESS && uv_is_active(handle);
}

/**
 * A daemon leaves its children after PZ_LOOP_END_MS, because its process ends. This one continues
 * and makes another loop at the same place, to which libuv would deliver the end of such a child.
 */
static void
wait_for_children(uv_loop_t *uv)
{
	for (unsigned count = 1; count > 0;) {
		count = 0;
		uv_walk(uv, count_process, &count);
		if (count > 0)
			uv_run(uv, UV_RUN_ONCE);
	}
}

int
pz_kit_loop_close(void **state)
{
	(void)state;
	wait_for_children(&pz_kit_loop.loop.uv);
	uv_close((uv_handle_t *)&pz_kit_loop.tick, NULL);
	pz_loop_fini(&pz_kit_loop.loop);
	return pz_kit_loop.loop.timers.root == NULL ? 0 : -1;
}

void
pz_kit_loop_hold(void)
{
	pz_kit_loop.held_us = pz_kit_loop.mono_us(pz_kit_loop.loop.env.arg);
}

void
pz_kit_loop_push(uint64_t us)
{
	pz_kit_loop.pushed_us += us;
}

void
pz_kit_loop_turn(void)
{
	uv_run(&pz_kit_loop.loop.uv, UV_RUN_ONCE);
}
