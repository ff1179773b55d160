/*
 * Work that blocks (disks, digests of much), done beside the thread of the loop. What begins it
 * is given a table of functions: a daemon's has threads (daemon/work.h), a test's does it in a turn
 * of its own.
 */
#ifndef PZ_BASE_WORK_H
#define PZ_BASE_WORK_H

#include "base/err.h"

/** One piece of work; a member of what it is about. The owner sets both functions. */
struct pz_work {
	/** In a thread: touches only what belongs to this work. */
	void (*run)(struct pz_work *work);
	/** Afterwards, on the thread of the loop; never from inside pz_work_start. Always called
	 * once, also when the daemon ends meanwhile. */
	void (*done)(struct pz_work *work);
};

/** What does the work. */
struct pz_workers {
	/** Errors: LIMIT_MEMORY; neither function is called then. */
	enum pz_err (*start)(void *self, struct pz_work *work);
	void *self;
};

/** Begins a piece of work. Errors: LIMIT_MEMORY. */
static inline enum pz_err PZ_MUST_USE
pz_work_start(const struct pz_workers *workers, struct pz_work *work)
{
	return workers->start(workers->self, work);
}

#endif
