/*
 * Waits for children that are not ours: as process 1 of a container, or with children that exec
 * left behind. Else they would stay as zombies. Children of process.c are libuv's to wait for.
 */
#include "net/reaper.h"

#include <signal.h>
#include <sys/wait.h>

/* Until libuv has waited for its own child. It does so in the same turn as a rule. */
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

/* waitpid(-1) would take the exit status of our own commands too, so each is looked at first. */
static void
reap(struct pz_reaper *reaper)
{
	for (;;) {
		siginfo_t info = {.si_pid = 0};
		/* WNOWAIT: only looked at, so that libuv still gets the status if the child is its
		 * own. */
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
	reap(reaper); /* what the program that became this one has left behind */
}

void
pz_reaper_stop(struct pz_reaper *reaper)
{
	pz_env_stop(&reaper->loop->env, &reaper->again);
	uv_close((uv_handle_t *)&reaper->signal, NULL);
}
