#include "kit/test.h"
#include <stdlib.h>

#include "base/timer.h"

static uint64_t fired[64];
static size_t fired_count;

static void
record(struct pz_timer *timer, void *arg)
{
	(void)arg;
	assert_false(timer->active);
	fired[fired_count++] = timer->due_us;
}

static int
reset(void **state)
{
	(void)state;
	fired_count = 0;
	return 0;
}

static void
test_empty_heap(void **state)
{
	struct pz_timers timers = {0};
	struct pz_timer timer = {0};

	(void)state;
	assert_true(pz_timers_next_us(&timers) == UINT64_MAX);
	pz_timer_stop(&timers, &timer);
	pz_timers_run(&timers, UINT64_MAX);
}

static void
test_due_timers_run_earliest_first(void **state)
{
	static const uint64_t due[] = {50, 10, 40, 20, 30, 60};
	struct pz_timers timers = {0};
	struct pz_timer t[6];

	reset(state);
	for (size_t i = 0; i < 6; i++) {
		pz_timer_init(&t[i], record, NULL);
		pz_timer_start(&timers, &t[i], due[i]);
	}
	assert_int_equal(pz_timers_next_us(&timers), 10);
	pz_timers_run(&timers, 9);
	assert_int_equal(fired_count, 0);
	pz_timers_run(&timers, 50);
	assert_int_equal(fired_count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(fired[i], 10 * (i + 1));
	assert_true(t[5].active);
	assert_int_equal(pz_timers_next_us(&timers), 60);
}

static void
test_stop_and_restart(void **state)
{
	struct pz_timers timers = {0};
	struct pz_timer a, b;

	reset(state);
	pz_timer_init(&a, record, NULL);
	pz_timer_init(&b, record, NULL);
	pz_timer_start(&timers, &a, 10);
	pz_timer_start(&timers, &b, 20);
	pz_timer_start(&timers, &a, 30); /* later */
	assert_int_equal(pz_timers_next_us(&timers), 20);
	pz_timer_start(&timers, &a, 5); /* earlier */
	assert_int_equal(pz_timers_next_us(&timers), 5);
	pz_timer_stop(&timers, &a);
	pz_timer_stop(&timers, &a);
	pz_timers_run(&timers, 100);
	assert_int_equal(fired_count, 1);
	assert_int_equal(fired[0], 20);
}

static struct pz_timers *shared;

static void
restart_once(struct pz_timer *timer, void *arg)
{
	record(timer, arg);
	if (timer->due_us < 20)
		pz_timer_start(shared, timer, 20);
}

static void
stop_other(struct pz_timer *timer, void *arg)
{
	record(timer, NULL);
	pz_timer_stop(shared, arg);
}

static void
free_self(struct pz_timer *timer, void *arg)
{
	(void)arg;
	fired_count++;
	free(timer);
}

static void
test_call_backs_may_restart_stop_and_free(void **state)
{
	struct pz_timers timers = {0};
	struct pz_timer a, b, c, *d = malloc(sizeof(*d));

	reset(state);
	shared = &timers;
	pz_timer_init(&a, restart_once, NULL);
	pz_timer_init(&c, record, NULL);
	pz_timer_init(&b, stop_other, &c);
	pz_timer_start(&timers, &a, 10);
	pz_timer_start(&timers, &b, 11);
	pz_timer_start(&timers, &c, 12);
	pz_timers_run(&timers, 30);
	assert_int_equal(fired_count, 3);
	assert_int_equal(fired[0], 10);
	assert_int_equal(fired[1], 11);
	assert_int_equal(fired[2], 20);

	assert_non_null(d);
	pz_timer_init(d, free_self, NULL);
	pz_timer_start(&timers, d, 40);
	pz_timers_run(&timers, 40);
	assert_int_equal(fired_count, 4);
	assert_null(timers.root);
}

/* Random starts, stops and runs against a linear search. */
static void
test_random_use_keeps_the_order(void **state)
{
	static struct pz_timer t[10000];
	struct pz_timers timers = {0};
	uint32_t rnd = 7;
	uint64_t last = 0;
	size_t active = 0, ran = 0;

	(void)state;
	for (size_t round = 0; round < 30000; round++) {
		rnd = rnd * 1664525 + 1013904223;
		if ((rnd >> 24) % 3 == 0)
			pz_timer_stop(&timers, &t[(rnd >> 8) % 10000]);
		else
			pz_timer_start(&timers, &t[(rnd >> 8) % 10000], 1 + (rnd >> 4) % 100000);
	}
	for (size_t i = 0; i < 10000; i++)
		active += t[i].active;
	assert_true(active > 3000);
	while (timers.root) {
		uint64_t next = pz_timers_next_us(&timers), want = UINT64_MAX;
		assert_true(next >= last);
		if (ran % 97 == 0) {
			for (size_t i = 0; i < 10000; i++)
				want = t[i].active && t[i].due_us < want ? t[i].due_us : want;
			assert_int_equal(next, want);
		}
		last = next;
		pz_timer_stop(&timers, timers.root);
		ran++;
	}
	assert_int_equal(ran, active);
}

/* Ascending and descending starts make the widest and the deepest heaps: no recursion, no leak. */
static void
test_extreme_shapes(void **state)
{
	static struct pz_timer t[100000];
	struct pz_timers timers = {0};

	(void)state;
	for (int up = 0; up < 2; up++) {
		for (size_t i = 0; i < 100000; i++)
			pz_timer_start(&timers, &t[i], up ? i : 100000 - i);
		pz_timers_run(&timers, 100000);
		assert_null(timers.root);
		for (size_t i = 0; i < 100000; i++)
			assert_false(t[i].active);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_heap),
		cmocka_unit_test(test_due_timers_run_earliest_first),
		cmocka_unit_test(test_stop_and_restart),
		cmocka_unit_test(test_call_backs_may_restart_stop_and_free),
		cmocka_unit_test(test_random_use_keeps_the_order),
		cmocka_unit_test(test_extreme_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
