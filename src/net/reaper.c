/*
 * Waits for children that this program did not start: as process 1 of a container, or children left
 * by the program that exec replaced. They would stay zombies otherwise. libuv waits for the
 * children of process.c.
 */
#include "net/reaper.h"

#include <signal.h>
#include <sys/wait.h>

/* Time for libuv to wait for its own child, which it usually does in the same turn. */
#define AGAIN_US (100 * PZ_US_PER_MS)

struct search {
	pid_t pid;
	bool is_found;
};

static void
compare(uv_handle_t *handle, void *arg)
{
	struct search *search = arg;

	if (handle->type == UV_PROCESS && uv_is_active(handle) &&
	    uv_process_get_pid((uv_process_t *)handle) == search->pid)
		search->is_found = true;
}

/* True for a child that uv_spawn started, whichever module asked for it. */
static bool
is_own(struct pz_loop *loop, pid_t pid)
{
	struct search search = {.pid = pid};

	uv_walk(&loop->uv, compare, &search);
	return search.is_found;
}

/* waitpid(-1) would take the exit status of our own commands too, so each is examined first. */
static void
reap(struct pz_reaper *reaper)
{
	for (;;) {
		siginfo_t info = {.si_pid = 0};
		/* WNOWAIT: the status stays for libuv if the child is its own. */
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			return;
		if (is_own(reaper->loop, info.si_pid)) {
			pz_env_start(&reaper->loop->env, &reaper->again, AGAIN_US);
			return;
		}
		(void)waitpid(info.si_pid, NULL, WNOHANG);
	}
}

static void
on_again(struct pz_timer *timer, void *arg)
{
	(void)timer;
	reap(arg);
}

static void
on_signal(uv_signal_t *signal, int signum)
{
	(void)signum;
	reap(signal->data);
}

void
pz_reaper_start(struct pz_reaper *reaper, struct pz_loop *loop)
{
	reaper->loop = loop;
	pz_timer_init(&reaper->again, on_again, reaper);
	uv_signal_init(&loop->uv, &reaper->signal);
	reaper->signal.data = reaper;
	uv_signal_start(&reaper->signal, on_signal, SIGCHLD);
	reap(reaper); /* children of the program that exec replaced */
}

void
pz_reaper_stop(struct pz_reaper *reaper)
{
	pz_env_stop(&reaper->loop->env, &reaper->again);
	uv_close((uv_handle_t *)&reaper->signal, NULL);
}
