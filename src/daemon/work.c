#include "daemon/work.h"

#include <stdlib.h>

/* libuv's part of a piece of work, which the work itself need not know. */
struct errand {
	uv_work_t op;
	struct pz_work *work;
};

static void
on_thread(uv_work_t *op)
{
	const struct errand *errand = op->data;

	errand->work->run(errand->work);
}

static void
on_done(uv_work_t *op, int status)
{
	struct errand *errand = op->data;
	struct pz_work *work = errand->work;

	(void)status; /* it is never called off */
	free(errand);
	work->done(work);
}

static enum pz_err
start(void *self, struct pz_work *work)
{
	struct pz_loop *loop = self;
	struct errand *errand = calloc(1, sizeof(*errand));

	if (errand == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	errand->work = work;
	errand->op.data = errand;
	if (uv_queue_work(&loop->uv, &errand->op, on_thread, on_done) != 0) {
		free(errand);
		return PZ_ERR_LIMIT_MEMORY;
	}
	return PZ_OK;
}

struct pz_workers
pz_loop_workers(struct pz_loop *loop)
{
	return (struct pz_workers){.start = start, .self = loop};
}
