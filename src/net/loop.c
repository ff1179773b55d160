/*
 * Our timers, links and libuv in one loop. One uv timer (`alarm`) is armed for the earliest of our
 * timers; they run in the prepare handle, right before libuv waits. Then the turn ends, and
 * everything that it has produced is sent. So a simulation can run the same timers and turns
 * without libuv.
 */
#include "net/loop.h"

#include <limits.h>
#include <stdlib.h>

#include "base/limits.h"
#include "net/lookup.h"
#include "net/tcp.h"

static void
on_alarm(uv_timer_t *alarm)
{
	(void)alarm; /* the prepare handle runs the timers */
}

/* Rounded up to milliseconds: a timer must not find that it is too early, and spin. A timer that
 * this turn's timers started without a delay is due by now, and runs at once. */
static void
arm(struct pz_loop *loop)
{
	uint64_t due = pz_timers_next_us(&loop->timers);

	/* Most turns change nothing: the uv timer stays as it is. */
	if (due == loop->armed_us && uv_is_active((uv_handle_t *)&loop->alarm))
		return;
	loop->armed_us = due;
	if (due == UINT64_MAX) {
		uv_timer_stop(&loop->alarm);
		return;
	}
	uint64_t now_us = pz_env_mono_us(&loop->env);
	uint64_t delay_ms = due > now_us ? (due - now_us + PZ_US_PER_MS - 1) / PZ_US_PER_MS : 0;
	/* libuv counts from its own time of the turn's beginning. */
	uv_update_time(&loop->uv);
	uv_timer_start(&loop->alarm, on_alarm, delay_ms, 0);
}

/* Right before the loop waits: the output of this turn is sent, in one piece for each link. */
static void
on_prepare(uv_prepare_t *prepare)
{
	struct pz_loop *loop = prepare->data;
	uint64_t now = pz_env_mono_us(&loop->env);

	if (pz_timers_next_us(&loop->timers) <= now)
		pz_timers_run(&loop->timers, now);
	pz_turn_end(&loop->turn);
	arm(loop);
}

static void
set_files_max(struct pz_loop *loop, rlim_t max)
{
	loop->files_max = max < UINT_MAX ? (unsigned)max : UINT_MAX;
}

enum pz_err
pz_loop_init(struct pz_loop *loop, unsigned handshakes_max)
{
	*loop = (struct pz_loop){0};
	pz_env_system(&loop->env, &loop->timers);
	pz_list_init(&loop->lingering);
	if (getrlimit(RLIMIT_NOFILE, &loop->files_at_start) != 0)
		return PZ_ERR_INTERNAL;
	set_files_max(loop, loop->files_at_start.rlim_cur);
	PZ_TRY(pz_turn_init(&loop->turn, handshakes_max));
	loop->read_buf = malloc(PZ_LOOP_READ_BYTES);
	if (loop->read_buf == NULL || uv_loop_init(&loop->uv) != 0) {
		free(loop->read_buf);
		pz_turn_fini(&loop->turn);
		return PZ_ERR_LIMIT_MEMORY;
	}
	if (uv_timer_init(&loop->uv, &loop->alarm) != 0 ||
	    uv_prepare_init(&loop->uv, &loop->prepare) != 0)
		return PZ_ERR_INTERNAL;
	PZ_TRY(pz_lookups_init(loop));
	loop->prepare.data = loop;
	if (uv_prepare_start(&loop->prepare, on_prepare) != 0)
		return PZ_ERR_INTERNAL;
	return PZ_OK;
}

void
pz_loop_run(struct pz_loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void
pz_loop_stop(struct pz_loop *loop)
{
	uv_stop(&loop->uv);
}

/* A child did not end in time; the rest is closed without it. */
static void
on_end_alarm(uv_timer_t *alarm)
{
	uv_stop(alarm->loop);
}

/* Connections whose other end does not read have had their time; children get more. */
static void
on_farewell_alarm(uv_timer_t *alarm)
{
	struct pz_loop *loop = alarm->data;

	if (loop->end_lingering)
		loop->end_lingering(loop, false);
	uv_timer_start(alarm, on_end_alarm, PZ_LOOP_END_MS - PZ_FAREWELL_US / PZ_US_PER_MS, 0);
}

void
pz_loop_fini(struct pz_loop *loop)
{
	pz_turn_end(&loop->turn);
	if (loop->end_lingering)
		loop->end_lingering(loop, true);
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	pz_lookups_fini(loop);
	/* A child that was asked to end needs a moment (the goodbye of mdns), and so do connections
	 * with unsent bytes, but no longer than PZ_LOOP_END_MS and PZ_FAREWELL_US. */
	loop->alarm.data = loop;
	uv_timer_start(&loop->alarm, on_farewell_alarm, PZ_FAREWELL_US / PZ_US_PER_MS, 0);
	uv_unref((uv_handle_t *)&loop->alarm);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&loop->alarm, NULL);
	/* Closing handles need a turn or two. */
	for (int i = 0; i < 1000 && uv_run(&loop->uv, UV_RUN_NOWAIT) != 0; i++)
		;
	(void)uv_loop_close(&loop->uv);
	pz_turn_fini(&loop->turn);
	free(loop->read_buf);
}

/* Only the soft limit is raised: systemd and shells set it low, while the hard limit is the
 * administrator's. */
enum pz_err
pz_loop_check_file_limit(struct pz_errinfo *info)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return PZ_OK;
	if (limit.rlim_max < PZ_FILES_MIN)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "at most %llu files may be open, and at least %d are needed: raise "
			       "the limit (`ulimit -n`, or LimitNOFILE= of the unit)",
			       (unsigned long long)limit.rlim_max, PZ_FILES_MIN);
	if (limit.rlim_cur < PZ_FILES_MIN) {
		limit.rlim_cur = PZ_FILES_MIN;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	return PZ_OK;
}

void
pz_loop_raise_file_limit(struct pz_loop *loop)
{
	struct rlimit limit = loop->files_at_start;

	limit.rlim_cur = limit.rlim_max;
	/* If this fails the daemon accepts fewer connections. */
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		set_files_max(loop, limit.rlim_cur);
}

unsigned
pz_loop_files_for_links(const struct pz_loop *loop)
{
	unsigned quarter = loop->files_max / 4;

	/* The reserve is for the owner's commands: a flooded daemon must still accept `stop`. */
	return loop->files_max -
	       (quarter < PZ_FILES_RESERVED_MAX ? quarter : PZ_FILES_RESERVED_MAX);
}

/* A third: the rest is for links with a proved identity, and for dialling. */
unsigned
pz_loop_room(const struct pz_loop *loop, unsigned wanted)
{
	unsigned third = pz_loop_files_for_links(loop) / 3;

	return third < wanted ? third : wanted;
}

struct pz_transport
pz_loop_transport(struct pz_loop *loop)
{
	return (struct pz_transport){.ops = &pz_tcp_transport_ops, .self = loop};
}
