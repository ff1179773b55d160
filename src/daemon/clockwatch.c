/*
 * Reports when the system's clock is set: the validity of certificates and deletions depends on it.
 * If the kernel cannot report this, a timer of the node notices it later (PZ_CLOCK_LOOK_US).
 */
#include "daemon/clockwatch.h"

#include <errno.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"

/* A timer that never expires (in the year 2242): only its cancellation matters. */
static int
arm(int fd)
{
	const struct itimerspec never = {.it_value.tv_sec = (time_t)4 * INT32_MAX};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct pz_clockwatch *watch = poll->data;
	uint64_t ignored;

	(void)events;
	if (status < 0)
		return;
	/* It must be read, or the loop would spin, and armed again, or the next jump would be
	 * missed. ECANCELED is the only expected result: the clock was set. */
	if (read(watch->fd, &ignored, sizeof(ignored)) < 0 && errno == EAGAIN)
		return;
	if (arm(watch->fd) != 0)
		pz_warning("clock-watch-failed", "the next jump of the clock is noticed late");
	watch->set(watch->arg);
}

void
pz_clockwatch_start(struct pz_clockwatch *watch, uv_loop_t *loop, void (*set)(void *arg), void *arg)
{
	watch->set = set;
	watch->arg = arg;
	watch->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (watch->fd >= 0 && arm(watch->fd) == 0 &&
	    uv_poll_init(loop, &watch->poll, watch->fd) == 0) {
		watch->poll.data = watch;
		uv_poll_start(&watch->poll, UV_READABLE, on_poll);
		return;
	}
	pz_info("clock-watch-missing",
		"jumps of the clock are noticed late: the system does not report them");
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
}

static void
on_closed(uv_handle_t *handle)
{
	struct pz_clockwatch *watch = handle->data;

	close(watch->fd);
	watch->fd = -1;
}

/* on_closed closes the descriptor: libuv may poll it until then. */
void
pz_clockwatch_stop(struct pz_clockwatch *watch)
{
	if (watch->fd >= 0)
		uv_close((uv_handle_t *)&watch->poll, on_closed);
}
