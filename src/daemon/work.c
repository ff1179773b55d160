/*
 * Work on libuv's thread pool, for modules that only know struct pz_work: hashes, files. `run` is
 * called on a thread of the pool and uses only its own work; `done` is called on the loop's thread.
 */
#include "daemon/work.h"

#include <assert.h>

#include "base/list.h"

/* Stored in pz_work.impl. */
struct errand {
	uv_work_t op;
	struct pz_work *work;
};

static_assert(sizeof(struct errand) <= PZ_WORK_IMPL_BYTES, "libuv keeps more for a piece of work");

static void
on_thread(uv_work_t *op)
{
	const struct errand *errand = PZ_CONTAINER(op, struct errand, op);

	errand->work->run(errand->work);
}

static void
on_done(uv_work_t *op, int status)
{
	const struct errand *errand = PZ_CONTAINER(op, struct errand, op);

	(void)status; /* it is never cancelled */
	errand->work->done(errand->work);
}

/* libuv only refuses work without a function. */
static void
start(void *self, struct pz_work *work)
{
	struct pz_loop *loop = self;
	struct errand *errand = (struct errand *)(void *)work->impl;

	errand->work = work;
	(void)!uv_queue_work(&loop->uv, &errand->op, on_thread, on_done);
}

struct pz_workers
pz_loop_workers(struct pz_loop *loop)
{
	return (struct pz_workers){.start = start, .self = loop};
}
