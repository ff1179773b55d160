/*
 * Clocks that are wrong, and clocks that jump.
 * @spec page 14 TLS-10
 */
#include "kit/test.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "kit/clock.h"

static struct {
	struct pz_kit_clock clock;
	struct pz_clock_watch watch;
	unsigned jumps;
	int64_t by_ms;
} w;

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
	pz_kit_clock_init(&w.clock);
	return 0;
}

static void
a_clock_before_the_build_is_wrong(void **state)
{
	struct pz_errinfo info = {""};

	(void)state;
	assert_ok(pz_clock_check(&w.clock.env, &info));
	w.clock.wall_ms = pz_build_time_ms();
	assert_ok(pz_clock_check(&w.clock.env, &info));
	w.clock.wall_ms--;
	assert_int_equal(pz_clock_check(&w.clock.env, &info), PZ_ERR_CONFIG);
	w.clock.wall_ms = 0;
	assert_int_equal(pz_clock_check(&w.clock.env, &info), PZ_ERR_CONFIG);
	assert_non_null(strstr(info.text, "1970-01-01 00:00 UTC"));
}

static void
a_jump_is_noticed_either_way_and_once(void **state)
{
	(void)state;
	pz_clock_watch_start(&w.watch, &w.clock.env, on_jump, NULL);
	pz_kit_clock_run(&w.clock, 10 * PZ_CLOCK_LOOK_US);
	assert_int_equal(w.jumps, 0);
	w.clock.wall_ms += PZ_CLOCK_JUMP_MS - 1; /* it is kept right in small steps */
	pz_kit_clock_run(&w.clock, PZ_CLOCK_LOOK_US);
	assert_int_equal(w.jumps, 0);
	w.clock.wall_ms += 3600000;
	pz_kit_clock_run(&w.clock, PZ_CLOCK_LOOK_US);
	assert_int_equal(w.jumps, 1);
	assert_true(w.by_ms >= 3600000);
	pz_kit_clock_run(&w.clock, PZ_CLOCK_LOOK_US);
	assert_int_equal(w.jumps, 1);
	w.clock.wall_ms -= 7200000;
	pz_clock_watch_look(&w.watch); /* the system says so: at once */
	assert_int_equal(w.jumps, 2);
	assert_int_equal(w.by_ms, -7200000);
	pz_clock_watch_stop(&w.watch);
	assert_true(pz_kit_clock_is_idle(&w.clock));
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
