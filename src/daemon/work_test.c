/* Work in the threads of a real loop. */
#include "kit/test.h"

#include <pthread.h>

#include "base/list.h"
#include "daemon/work.h"

static struct pz_loop loop;

struct sum {
	struct pz_work work;
	pthread_t thread;
	int runs, ends;
};

static void
run(struct pz_work *work)
{
	struct sum *sum = PZ_CONTAINER(work, struct sum, work);

	sum->thread = pthread_self();
	sum->runs++;
}

static void
done(struct pz_work *work)
{
	struct sum *sum = PZ_CONTAINER(work, struct sum, work);

	assert_int_equal(sum->runs, 1);
	assert_true(pthread_equal(pthread_self(), *(pthread_t *)loop.uv.data));
	sum->ends++;
}

/* As at the end of a daemon: the loop does not run any more. */
static void
work_ends_on_the_thread_of_the_loop(void **state)
{
	pthread_t self = pthread_self();
	struct sum sums[20] = {0};

	(void)state;
	assert_ok(pz_loop_init(&loop, 0));
	loop.uv.data = &self;
	struct pz_workers workers = pz_loop_workers(&loop);
	for (size_t i = 0; i < 20; i++) {
		sums[i].work = (struct pz_work){.run = run, .done = done};
		pz_work_start(&workers, &sums[i].work);
		assert_int_equal(sums[i].ends, 0);
	}
	pz_loop_fini(&loop);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(sums[i].ends, 1);
		assert_false(pthread_equal(sums[i].thread, self));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_ends_on_the_thread_of_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
