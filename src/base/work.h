/*
 * Work that blocks (disks, digests of much), done beside the thread of the loop. Its owner is given
 * a table of functions: a daemon's has threads (daemon/work.h), a test's does it in a turn of its
 * own.
 */
#ifndef PZ_BASE_WORK_H
#define PZ_BASE_WORK_H

#include <stddef.h>

/* Room for what the threads keep about a piece of work, so that it can be begun without memory. */
#define PZ_WORK_IMPL_BYTES 256

/** One piece of work; a member of what it is about. The owner sets both functions. */
struct pz_work {
	/** In a thread: touches only what belongs to this work. */
	void (*run)(struct pz_work *work);
	/** Afterwards, on the thread of the loop; never from inside pz_work_start. Always called
	 * once, also when the daemon ends meanwhile. */
	void (*done)(struct pz_work *work);
	max_align_t impl[PZ_WORK_IMPL_BYTES / sizeof(max_align_t)]; /* of those who do it */
};

/** What does the work. */
struct pz_workers {
	void (*start)(void *self, struct pz_work *work);
	void *self;
};

/** Begins a piece of work. */
static inline void
pz_work_start(const struct pz_workers *workers, struct pz_work *work)
{
	workers->start(workers->self, work);
}

#endif
