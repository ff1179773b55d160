/* The system says when its wall clock is set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). */
#ifndef PZ_DAEMON_CLOCKWATCH_H
#define PZ_DAEMON_CLOCKWATCH_H

#include <uv.h>

struct pz_clockwatch {
	uv_poll_t poll;
	int fd; /* -1: the system has no such thing; jumps are noticed by the node's own timer */
	void (*set)(void *arg);
	void *arg;
};

/** @param set called in the loop after each time that the clock was set */
void pz_clockwatch_start(struct pz_clockwatch *watch, uv_loop_t *loop, void (*set)(void *arg),
			 void *arg);
/** The loop has to run once more. */
void pz_clockwatch_stop(struct pz_clockwatch *watch);

#endif
