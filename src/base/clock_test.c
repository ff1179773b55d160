/* Clocks that are wrong, and that jump. */
#include "kit/test.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

static struct {
	uint64_t now_us, wall_ms;
	struct pz_timers timers;
	struct pz_env env;
	struct pz_clock_watch watch;
	unsigned jumps;
	int64_t by_ms;
} w;

static uint64_t
mono(void *arg)
{
	(void)arg;
	return w.now_us;
}

static uint64_t
wall(void *arg)
{
	(void)arg;
	return w.wall_ms;
}

static void
on_jump(void *arg, int64_t by_ms)
{
	(void)arg;
	w.jumps++;
	w.by_ms = by_ms;
}

static int
set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.wall_ms = UINT64_C(1800000000000);
	w.env = (struct pz_env){.mono_us = mono, .wall_ms = wall, .timers = &w.timers};
	return 0;
}

static void
pass(uint64_t us)
{
	w.now_us += us;
	w.wall_ms += us / PZ_US_PER_MS;
	pz_timers_run(&w.timers, w.now_us);
}

static void
a_clock_before_the_build_is_wrong(void **state)
{
	struct pz_errinfo info = {""};

	(void)state;
	assert_int_equal(pz_clock_check(&w.env, &info), PZ_OK);
	w.wall_ms = pz_build_time_ms();
	assert_int_equal(pz_clock_check(&w.env, &info), PZ_OK);
	w.wall_ms--;
	assert_int_equal(pz_clock_check(&w.env, &info), PZ_ERR_CONFIG);
	w.wall_ms = 0;
	assert_int_equal(pz_clock_check(&w.env, &info), PZ_ERR_CONFIG);
	assert_non_null(strstr(info.text, "1970-01-01 00:00 UTC"));
}

static void
a_jump_is_noticed_either_way_and_once(void **state)
{
	(void)state;
	pz_clock_watch_start(&w.watch, &w.env, on_jump, NULL);
	pass(10 * PZ_CLOCK_LOOK_US);
	assert_int_equal(w.jumps, 0);
	w.wall_ms += PZ_CLOCK_JUMP_MS - 1; /* it is kept right in small steps */
	pass(PZ_CLOCK_LOOK_US);
	assert_int_equal(w.jumps, 0);
	w.wall_ms += 3600000;
	pass(PZ_CLOCK_LOOK_US);
	assert_int_equal(w.jumps, 1);
	assert_true(w.by_ms >= 3600000);
	pass(PZ_CLOCK_LOOK_US);
	assert_int_equal(w.jumps, 1);
	w.wall_ms -= 7200000;
	pz_clock_watch_look(&w.watch); /* the system says so: at once */
	assert_int_equal(w.jumps, 2);
	assert_int_equal(w.by_ms, -7200000);
	pz_clock_watch_stop(&w.watch);
	assert_int_equal(pz_timers_next_us(&w.timers), UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_clock_before_the_build_is_wrong, set_up),
		cmocka_unit_test_setup(a_jump_is_noticed_either_way_and_once, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
