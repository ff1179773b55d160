/* Time passes only when a test advances it; and the example in CONTRIBUTING.md is up to date. */
#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/clock.h"

static struct pz_kit_clock test_clock;
static uint64_t ran_us; /* when the timer ran last */
static unsigned runs, turns;

static void
on_time(struct pz_timer *timer, void *arg)
{
	(void)timer;
	(void)arg;
	runs++;
	ran_us = test_clock.now_us;
}

static void
on_turn(void *arg)
{
	assert_ptr_equal(arg, &turns);
	turns++;
}

static int
set_up(void **state)
{
	(void)state;
	runs = turns = 0;
	pz_kit_clock_init(&test_clock);
	test_clock.turn = on_turn;
	test_clock.turn_arg = &turns;
	return 0;
}

static void
a_timer_runs_at_its_time_or_late_after_a_jump(void **state)
{
	struct pz_timer timer = {0};

	(void)state;
	pz_timer_init(&timer, on_time, NULL);
	pz_env_start(&test_clock.env, &timer, PZ_US_PER_S);
	pz_kit_clock_run(&test_clock, 3 * PZ_US_PER_S);
	assert_int_equal(ran_us, PZ_KIT_MONO_US + PZ_US_PER_S);
	assert_int_equal(turns, 1);
	pz_env_start(&test_clock.env, &timer, PZ_US_PER_S);
	pz_kit_clock_skip(&test_clock, 5 * PZ_US_PER_S);
	assert_int_equal(runs, 1);
	pz_kit_clock_jump(&test_clock, PZ_US_PER_S);
	assert_int_equal(runs, 2);
	assert_int_equal(ran_us, PZ_KIT_MONO_US + 9 * PZ_US_PER_S);
	assert_true(pz_kit_clock_is_idle(&test_clock));
	assert_false(pz_kit_clock_step(&test_clock));
}

static void
the_wall_clock_goes_with_it_until_a_test_sets_it(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++)
		pz_kit_clock_run(&test_clock, 999); /* less than a millisecond is not lost */
	assert_int_equal(pz_env_wall_ms(&test_clock.env), PZ_KIT_WALL_MS + 4995);
	test_clock.wall_ms = 7;
	pz_kit_clock_run(&test_clock, PZ_US_PER_S);
	assert_int_equal(pz_env_wall_ms(&test_clock.env), 1007);
}

static void
two_clocks_draw_the_same_numbers(void **state)
{
	static struct pz_kit_clock other = PZ_KIT_CLOCK(other);
	uint8_t a[20], b[20];

	(void)state;
	pz_env_random(&test_clock.env, a, sizeof(a));
	pz_env_random(&other.env, b, sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
	pz_env_random(&other.env, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static char *
read_all(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *file = fopen(path, "re");

	assert_non_null(text);
	if (file == NULL)
		fail_msg("%s cannot be read", path);
	assert_in_range(fread(text, 1, 65535, file), 1, 65534);
	fclose(file);
	return text;
}

static void
contributing_shows_the_example_as_it_is(void **state)
{
	char *code = read_all(PZ_SOURCE_DIR "/src/kit/world_test.c");
	char *page = read_all(PZ_SOURCE_DIR "/CONTRIBUTING.md");
	char *begin = strstr(code, "static void\n"), *end = strstr(begin, "\n}\n");

	(void)state;
	assert_non_null(end);
	end[3] = '\0';
	if (strstr(page, begin) == NULL)
		fail_msg("CONTRIBUTING.md, \"Writing a test\": copy this from world_test.c:\n%s",
			 begin);
	free(code);
	free(page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_timer_runs_at_its_time_or_late_after_a_jump, set_up),
		cmocka_unit_test_setup(the_wall_clock_goes_with_it_until_a_test_sets_it, set_up),
		cmocka_unit_test_setup(two_clocks_draw_the_same_numbers, set_up),
		cmocka_unit_test(contributing_shows_the_example_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
