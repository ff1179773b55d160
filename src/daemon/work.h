/* Runs blocking work on the threads of libuv. */
#ifndef PZ_DAEMON_WORK_H
#define PZ_DAEMON_WORK_H

#include "base/work.h"
#include "net/loop.h"

/** @param loop borrowed; work that was begun ends before pz_loop_fini returns */
struct pz_workers pz_loop_workers(struct pz_loop *loop);

#endif
