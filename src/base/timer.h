/* Timers without a clock: a heap of due times that a real loop or a simulation drives. */
#ifndef PZ_BASE_TIMER_H
#define PZ_BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct pz_timer;
typedef void (*pz_timer_fn)(struct pz_timer *timer, void *arg);

/** One timer, embedded in its owner. Zero-initialised is valid and stopped. */
struct pz_timer {
	uint64_t due_us; /* meaningful while active */
	pz_timer_fn fn;
	void *arg;
	struct pz_timer *child, *sibling,
		*prev; /* pairing heap; prev is the parent or left sibling */
	bool active;
};

/** The heap. Zero-initialised is valid and empty. Starting a timer never allocates, so it cannot
 * fail. */
struct pz_timers {
	struct pz_timer *root;
};

#define PZ_US_PER_MS UINT64_C(1000)
#define PZ_US_PER_S UINT64_C(1000000)

/** Sets what the timer calls. */
void pz_timer_init(struct pz_timer *timer, pz_timer_fn fn, void *arg);
/** (Re)starts for an absolute monotonic time in microseconds. */
void pz_timer_start(struct pz_timers *timers, struct pz_timer *timer, uint64_t due_us);
/** Stops; does nothing when it is not active. */
void pz_timer_stop(struct pz_timers *timers, struct pz_timer *timer);
/** Due time of the earliest timer, or UINT64_MAX when no timer runs. */
uint64_t pz_timers_next_us(const struct pz_timers *timers);
/** Calls every timer that is due at now_us, earliest first; each is stopped before its call. */
void pz_timers_run(struct pz_timers *timers, uint64_t now_us);

#endif
