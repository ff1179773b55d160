/* When the loop wakes up for a timer. No time is measured: the test checks the alarm. */
#include "kit/test.h"

#include "net/loop.h"

static struct {
	struct pz_loop loop;
	struct pz_timer first, second;
	uv_prepare_t after; /* runs after the loop's own */
	unsigned looks;
} w;

static void
on_first(struct pz_timer *timer, void *arg)
{
	(void)timer;
	(void)arg;
	pz_env_start(&w.loop.env, &w.second, 0);
}

/* Within one microsecond both run before the loop looks: then once more. */
static void
on_second(struct pz_timer *timer, void *arg)
{
	(void)timer;
	(void)arg;
	if (w.looks > 0)
		pz_loop_stop(&w.loop);
	else
		pz_env_start(&w.loop.env, &w.first, 0);
}

static void
on_after(uv_prepare_t *prepare)
{
	(void)prepare;
	if (!w.second.active)
		return;
	assert_int_equal(uv_timer_get_due_in(&w.loop.alarm), 0);
	w.looks++;
}

static void
a_timer_without_delay_that_a_timer_starts_waits_for_nothing(void **state)
{
	(void)state;
	assert_ok(pz_loop_init(&w.loop, 0));
	pz_timer_init(&w.first, on_first, NULL);
	pz_timer_init(&w.second, on_second, NULL);
	assert_int_equal(uv_prepare_init(&w.loop.uv, &w.after), 0);
	/* What is started last runs first. */
	uv_prepare_cb own = w.loop.prepare.prepare_cb;
	uv_prepare_stop(&w.loop.prepare);
	uv_prepare_start(&w.after, on_after);
	uv_prepare_start(&w.loop.prepare, own);
	pz_env_start(&w.loop.env, &w.first, 0);
	pz_loop_run(&w.loop);
	assert_true(w.looks > 0);
	uv_close((uv_handle_t *)&w.after, NULL);
	pz_loop_fini(&w.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_without_delay_that_a_timer_starts_waits_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
