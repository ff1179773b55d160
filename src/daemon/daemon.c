/*
 * What pzpd and pzhd do around their node, in order: settings, lock of the data directory, key
 * store, store; control socket, signals, systemd's protocol; the loop; then all of it is closed in
 * the reverse order.
 *
 * Every step whose failure ends the daemon comes before READY=1, so the service manager and the
 * person at the terminal see the reason and the exit status (2: wrong usage or configuration, 1:
 * anything else).
 *
 * The store writes in its own thread. It wakes the loop by a uv_async (on_store_wake is the only
 * function here that runs in that thread), and the loop handles the commits that have ended.
 */
#include "daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/log_ring.h"
#include "daemon/sdnotify.h"
#include "daemon/startup.h"
#include "store/lock.h"
#include "store/sqlite.h"
#include "x509/provider.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define PATH_BYTES 4096
#define STATUS_US (2 * PZ_US_PER_S)
#define NAMES_BYTES 4096 /* more than all names of settings together */

void
pz_daemon_complain(const struct pz_daemon *daemon, const char *text)
{
	fprintf(stderr, "%s: %s\n", daemon->name, text);
}

/* ---- opening ---- */

/* False: the program ends with *out_exit, also after --help and --version. */
static bool
load_settings(struct pz_daemon *d, int *out_exit)
{
	struct pz_errinfo info = {""};

	if (pz_settings_load(d->program, d->argc, d->argv, &d->settings, &info) != PZ_OK) {
		pz_daemon_complain(d, info.text);
		*out_exit = EXIT_USAGE;
		return false;
	}
	if (d->settings.show_help)
		pz_settings_help(d->program, stdout);
	else if (d->settings.show_version)
		printf("%s %s\n", d->name, PZ_VERSION);
	else
		return true;
	*out_exit = 0;
	if (fflush(stdout) != 0) {
		pz_daemon_complain(d, "cannot write the output");
		*out_exit = EXIT_FAILED;
	}
	pz_settings_free(&d->settings);
	return false;
}

static void
apply_log_level(const struct pz_settings *settings)
{
	enum pz_log_level level;

	if (pz_log_level_parse(settings->log_level, &level) == PZ_OK)
		pz_log_threshold = level;
}

/* Runs in the store's thread: uv_async_send is the only call of libuv that is allowed there. */
static void
on_store_wake(void *arg)
{
	struct pz_daemon *d = arg;

	uv_async_send(&d->store_wake);
}

static void
on_store_async(uv_async_t *async)
{
	struct pz_daemon *d = async->data;

	pz_store_poll(d->store);
}

static enum pz_err
open_state(struct pz_daemon *d, struct pz_errinfo *info)
{
	char path[PATH_BYTES], keys[PATH_BYTES];

	snprintf(keys, sizeof(keys), "%s/keys", d->settings.data_dir);
	PZ_TRY(pz_keystore_open_dir(keys, &d->keys, info));
	snprintf(path, sizeof(path), "%s/%s.db", d->settings.data_dir, d->name);
	if (pz_keystore_count(d->keys) > 0)
		PZ_TRY(pz_store_check_not_lost(path, keys, info));
	return pz_store_open_sqlite(path, on_store_wake, d, &d->store, info);
}

/* The lock is taken before everything that it protects. A failure closes what was opened here; the
 * caller closes the lock. */
static bool
open_all(struct pz_daemon *d, struct pz_errinfo *info)
{
	if (pz_openssl_check(info) != PZ_OK || pz_loop_check_file_limit(info) != PZ_OK ||
	    pz_lock_data_dir(d->settings.data_dir, &d->lock_fd, info) != PZ_OK)
		return false;
	if (pz_loop_init(&d->loop, d->settings.handshakes_per_turn) != PZ_OK) {
		(void)pz_fail(info, PZ_ERR_INTERNAL, "cannot make an event loop");
		return false;
	}
	pz_loop_raise_file_limit(&d->loop);
	uv_async_init(&d->loop.uv, &d->store_wake, on_store_async);
	d->store_wake.data = d;
	if (open_state(d, info) == PZ_OK)
		return true;
	pz_keystore_free(d->keys);
	uv_close((uv_handle_t *)&d->store_wake, NULL);
	pz_loop_fini(&d->loop);
	return false;
}

bool
pz_daemon_open(struct pz_daemon *d, enum pz_program program, int argc, char **argv, int *out_exit)
{
	struct pz_errinfo info = {""};

	*d = (struct pz_daemon){
		.program = program,
		.name = program == PZ_PROGRAM_PZPD ? "pzpd" : "pzhd",
		.argc = argc,
		.argv = argv,
		.lock_fd = -1,
	};
	if (pz_startup_open_standard() != PZ_OK) {
		*out_exit = EXIT_FAILED;
		return false; /* there is no output for the reason */
	}
	pz_startup_hide_memory();
	if (!load_settings(d, out_exit))
		return false;
	apply_log_level(&d->settings);
	pz_log_ring_start();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that grows too large makes its write fail instead */
	if (open_all(d, &info))
		return true;
	pz_daemon_complain(d, info.text);
	*out_exit = EXIT_FAILED;
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	pz_settings_free(&d->settings);
	return false;
}

/* ---- running ---- */

/* The node sends its goodbyes, the turn writes them out, and submitted commits are on disk before
 * the loop ends. */
static void
on_stop_signal(uv_signal_t *handle, int signum)
{
	struct pz_daemon *d = handle->data;

	pz_notice("stopping", "signal=%d", signum);
	pz_daemon_notify("STOPPING=1");
	d->ops->stop(d->arg);
	pz_turn_end(&d->loop.turn);
	pz_store_drain(d->store);
	pz_loop_stop(&d->loop);
}

/* Settings that can change at run time are taken over; the others are named, and apply from the
 * next start. */
static void
take_over(struct pz_daemon *d, struct pz_settings *fresh)
{
	struct pz_buf changed, waiting;

	pz_buf_init(&changed, NAMES_BYTES, NULL);
	pz_buf_init(&waiting, NAMES_BYTES, NULL);
	if (pz_settings_reload(d->program, &d->settings, fresh, &changed, &waiting) != PZ_OK)
		pz_error("reload-incomplete",
			 "out of memory; part of the configuration was not reloaded");
	apply_log_level(&d->settings);
	if (d->ops->reload)
		d->ops->reload(d->arg, &d->settings);
	pz_notice("reloaded", "configuration: %s%.*s", changed.len > 0 ? "changed " : "no change",
		  PZ_SLICE_FMT(pz_buf_slice(&changed)));
	if (waiting.len > 0)
		pz_warning("reload-needs-restart", "needs a restart: %.*s",
			   PZ_SLICE_FMT(pz_buf_slice(&waiting)));
	pz_buf_fini(&changed);
	pz_buf_fini(&waiting);
}

/* The service manager waits until READY=1 is sent again. @spec sd_notify(3) */
static void
tell_reloading(const struct pz_daemon *d)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)pz_env_mono_us(&d->loop.env));
	pz_daemon_notify(text);
}

/* READY=1 is sent even after a failure: the former settings still apply, and the service manager
 * must not wait. */
static void
on_reload_signal(uv_signal_t *handle, int signum)
{
	struct pz_daemon *d = handle->data;
	struct pz_settings fresh;
	struct pz_errinfo info = {""};

	(void)signum;
	tell_reloading(d);
	if (pz_settings_load(d->program, d->argc, d->argv, &fresh, &info) != PZ_OK) {
		pz_error("reload-failed", "the configuration was not reloaded: %s", info.text);
	} else {
		take_over(d, &fresh);
		pz_settings_free(&fresh);
	}
	pz_daemon_notify("READY=1");
}

/* A terminal that closes sends SIGHUP: a daemon that was started in it ends, unless it was started
 * with nohup. */
static void
watch_hangup(struct pz_daemon *d)
{
	struct sigaction before;

	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN &&
	    isatty(STDERR_FILENO))
		return;
	uv_signal_start(&d->hup, isatty(STDERR_FILENO) ? on_stop_signal : on_reload_signal, SIGHUP);
}

static void
watch_signals(struct pz_daemon *d)
{
	uv_signal_init(&d->loop.uv, &d->term);
	uv_signal_init(&d->loop.uv, &d->intr);
	uv_signal_init(&d->loop.uv, &d->hup);
	d->term.data = d->intr.data = d->hup.data = d;
	uv_signal_start(&d->term, on_stop_signal, SIGTERM);
	uv_signal_start(&d->intr, on_stop_signal, SIGINT);
	watch_hangup(d);
}

static void
on_clock_set(void *arg)
{
	struct pz_daemon *d = arg;

	if (d->ops->clock_set)
		d->ops->clock_set(d->arg);
}

/* pz_daemon_watchdog_us halves the interval that systemd requires. */
static void
on_watchdog(struct pz_timer *timer, void *arg)
{
	struct pz_daemon *d = arg;

	pz_daemon_notify("WATCHDOG=1");
	pz_env_start(&d->loop.env, timer, pz_daemon_watchdog_us());
}

/* Events of many modules change the status line, so it is refreshed at intervals. */
static void
on_status(struct pz_timer *timer, void *arg)
{
	struct pz_daemon *d = arg;
	char now[DESCRIPTION_BYTES], text[sizeof("STATUS=") + DESCRIPTION_BYTES];

	d->ops->describe(d->arg, now, sizeof(now));
	if (strcmp(now, d->described) != 0) {
		snprintf(d->described, sizeof(d->described), "%s", now);
		snprintf(text, sizeof(text), "STATUS=%s", now);
		pz_daemon_notify(text);
	}
	pz_env_start(&d->loop.env, timer, STATUS_US);
}

static void
on_command(void *arg, struct pz_ctl_call *call, const char *method, json_t *params)
{
	struct pz_daemon *d = arg;
	struct pz_daemon_commands commands = {d->ops->begin, d->ops->takes_file, d->arg};

	pz_daemon_command(&commands, &d->loop, call, method, params);
}

/* A group cannot reach a socket inside the data directory, whose mode is 0700. */
static enum pz_err
open_control(struct pz_daemon *d, struct pz_errinfo *info)
{
	const struct pz_settings *s = &d->settings;
	size_t len = strlen(s->data_dir);

	if (s->control_group && strncmp(s->control_socket, s->data_dir, len) == 0 &&
	    s->control_socket[len] == '/')
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"control-group %s: its members cannot reach a socket in the data "
			"directory; give a control-socket outside it, e.g. /run/%s/control.sock",
			s->control_group, d->program == PZ_PROGRAM_PZPD ? "pzp" : "pzh");
	PZ_TRY(pz_ctl_server_new(&d->loop.uv, s->control_socket, on_command, d, &d->ctl, info));
	enum pz_err err = PZ_OK;
	if (s->control_group)
		err = pz_ctl_server_allow_group(d->ctl, s->control_group, info);
	if (err != PZ_OK)
		pz_ctl_server_free(PZ_TAKE(d->ctl));
	return err;
}

/* Logs one line with the daemon's addresses and the next step. */
static void
tell_where(struct pz_daemon *d)
{
	char next[DESCRIPTION_BYTES] = "";

	d->ops->next_step(d->arg, next, sizeof(next));
	pz_notice("ready", "data-dir=%s control-socket=%s%s%s", d->settings.data_dir,
		  d->settings.control_socket, next[0] ? " next: " : "", next);
}

int
pz_daemon_run(struct pz_daemon *d, const struct pz_daemon_ops *ops, void *arg)
{
	struct pz_errinfo info = {""};

	d->ops = ops;
	d->arg = arg;
	if (open_control(d, &info) != PZ_OK) {
		pz_daemon_complain(d, info.text);
		ops->stop(arg);
		pz_turn_end(&d->loop.turn);
		return EXIT_FAILED;
	}
	watch_signals(d);
	pz_reaper_start(&d->reaper, &d->loop);
	pz_clockwatch_start(&d->clock, &d->loop.uv, on_clock_set, d);
	pz_timer_init(&d->watchdog, on_watchdog, d);
	if (pz_daemon_watchdog_us())
		on_watchdog(&d->watchdog, d);
	pz_timer_init(&d->status, on_status, d);
	if (getenv("NOTIFY_SOCKET"))
		on_status(&d->status, d);
	tell_where(d);
	pz_daemon_notify("READY=1");
	pz_loop_run(&d->loop);
	return 0;
}

/* Before the node is freed: no command may reach it after that. */
void
pz_daemon_close_control(struct pz_daemon *d)
{
	if (d->ctl == NULL)
		return;
	pz_env_stop(&d->loop.env, &d->watchdog);
	pz_env_stop(&d->loop.env, &d->status);
	pz_ctl_server_free(d->ctl);
	d->ctl = NULL;
	uv_close((uv_handle_t *)&d->term, NULL);
	uv_close((uv_handle_t *)&d->intr, NULL);
	uv_close((uv_handle_t *)&d->hup, NULL);
	pz_reaper_stop(&d->reaper);
	pz_clockwatch_stop(&d->clock);
}

void
pz_daemon_close(struct pz_daemon *d)
{
	pz_store_free(d->store); /* waits for submitted commits */
	uv_close((uv_handle_t *)&d->store_wake, NULL);
	pz_loop_fini(&d->loop);
	pz_keystore_free(d->keys);
	pz_settings_free(&d->settings);
	close(d->lock_fd);
}
