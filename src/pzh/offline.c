/*
 * A hub without a daemon: with the same lock, key store, store and loop, and a transport that does
 * not listen. So no command has a second implementation.
 *
 * The loop runs only while a command runs.
 */
#include "pzh/offline.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "daemon/file.h"
#include "net/loop.h"
#include "pzh/commands.h"
#include "store/lock.h"
#include "store/owner.h"
#include "store/sqlite.h"
#include "x509/key.h"
#include "x509/provider.h"

#define PATH_BYTES 4096

struct pz_pzh_offline {
	int lock_fd;
	struct pz_owner owner; /* root works as the directory's owner */
	struct pz_keystore *keys;
	struct pz_store *store;
	struct pz_loop loop;
	uv_async_t store_wake;
	bool has_loop;
	struct pz_hub *hub;
};

/* One command. */
struct run {
	struct pz_pzh_offline *offline;
	struct pz_request *request;
	uv_poll_t stop;
	enum pz_err err;
	struct pz_errinfo *info;
	json_t *result;
};

/* ---- opening and closing ---- */

/* Runs in the store's thread: uv_async_send is the one call of libuv that may. */
static void
on_store_wake(void *arg)
{
	struct pz_pzh_offline *offline = arg;

	uv_async_send(&offline->store_wake);
}

static void
on_store_async(uv_async_t *async)
{
	struct pz_pzh_offline *offline = async->data;

	pz_store_poll(offline->store);
}

/* The command line prints the reason of a failure; the log of the daemon is not shown. */
static enum pz_err
open_loop(struct pz_pzh_offline *offline, struct pz_errinfo *info)
{
	if (pz_log_threshold > PZ_LOG_ERROR)
		pz_log_threshold = PZ_LOG_ERROR;
	if (pz_loop_init(&offline->loop, 0) != PZ_OK)
		return pz_fail(info, PZ_ERR_INTERNAL, "cannot make an event loop");
	offline->has_loop = true;
	uv_async_init(&offline->loop.uv, &offline->store_wake, on_store_async);
	offline->store_wake.data = offline;
	return PZ_OK;
}

static enum pz_err
open_state(struct pz_pzh_offline *offline, const char *data_dir, struct pz_errinfo *info)
{
	char path[PATH_BYTES], keys[PATH_BYTES];

	PZ_TRY(pz_openssl_check(info));
	PZ_TRY(pz_owner_become(data_dir, &offline->owner, info));
	PZ_TRY(pz_lock_data_dir(data_dir, &offline->lock_fd, info));
	PZ_TRY(open_loop(offline, info));
	snprintf(keys, sizeof(keys), "%s/keys", data_dir);
	PZ_TRY(pz_keystore_open_dir(keys, &offline->keys, info));
	snprintf(path, sizeof(path), "%s/pzhd.db", data_dir);
	if (pz_keystore_count(offline->keys) > 0)
		PZ_TRY(pz_store_check_not_lost(path, keys, info));
	return pz_store_open_sqlite(path, on_store_wake, offline, &offline->store, info);
}

enum pz_err
pz_pzh_offline_open(const char *data_dir, uint16_t port, const char *key_type,
		    struct pz_pzh_offline **out, struct pz_errinfo *info)
{
	struct pz_pzh_offline *offline = calloc(1, sizeof(*offline));

	if (offline == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	offline->lock_fd = -1;
	enum pz_err err = open_state(offline, data_dir, info);
	/* The hub is not started: it does not listen, and renews nothing. */
	struct pz_hub_config config = {
		.env = &offline->loop.env,
		.turn = &offline->loop.turn,
		.store = offline->store,
		.keys = offline->keys,
		.key_type = key_type ? key_type : PZ_KEY_TYPE_DEFAULT,
		.port = port,
	};
	if (err == PZ_OK)
		err = pz_hub_new(&config, &offline->hub, info);
	if (err != PZ_OK) {
		pz_pzh_offline_close(offline);
		return err;
	}
	*out = offline;
	return PZ_OK;
}

void
pz_pzh_offline_close(struct pz_pzh_offline *offline)
{
	if (offline == NULL)
		return;
	if (offline->hub) {
		pz_hub_stop(offline->hub);
		pz_turn_end(&offline->loop.turn);
		pz_store_drain(offline->store);
	}
	pz_hub_free(offline->hub);
	pz_store_free(offline->store);
	if (offline->has_loop) {
		uv_close((uv_handle_t *)&offline->store_wake, NULL);
		pz_loop_fini(&offline->loop);
	}
	pz_keystore_free(offline->keys);
	if (offline->lock_fd >= 0)
		close(offline->lock_fd);
	pz_owner_return(&offline->owner);
	free(offline);
}

/* ---- commands ---- */

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct run *run = arg;

	run->request = NULL;
	run->err = err == PZ_OK ? PZ_OK : pz_fail(run->info, err, "%s", detail);
	run->result = json_incref(result);
	pz_loop_stop(&run->offline->loop);
}

static const struct pz_reply reply = {.done = on_done};

static void
on_stop(uv_poll_t *poll, int status, int events)
{
	struct run *run = poll->data;

	(void)status;
	(void)events;
	pz_request_cancel(run->request);
	run->request = NULL;
	uv_poll_stop(poll);
	pz_loop_stop(&run->offline->loop);
}

static enum pz_err
take_file(struct pz_pzh_offline *offline, int fd, struct pz_file **out, struct pz_errinfo *info)
{
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	*out = NULL;
	if (fd < 0)
		return PZ_OK;
	if (copy < 0)
		return pz_fail(info, PZ_ERR_IO, "too many open files");
	return pz_file_new(&offline->loop, copy, out, info);
}

enum pz_err
pz_pzh_offline_run(struct pz_pzh_offline *offline, const char *name, json_t *params, int file,
		   int stop_fd, json_t **out_result, struct pz_errinfo *info)
{
	struct run run = {.offline = offline, .info = info};
	struct pz_file *taken = NULL;

	*out_result = NULL;
	PZ_TRY(take_file(offline, file, &taken, info));
	run.request = pz_pzh_command(offline->hub, name, params, taken, &reply, &run);
	if (run.request == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	bool has_stop = stop_fd >= 0 && uv_poll_init(&offline->loop.uv, &run.stop, stop_fd) == 0;
	run.stop.data = &run;
	if (has_stop)
		uv_poll_start(&run.stop, UV_READABLE, on_stop);
	pz_loop_run(&offline->loop);
	if (has_stop) {
		uv_close((uv_handle_t *)&run.stop, NULL);
		uv_run(&offline->loop.uv, UV_RUN_NOWAIT); /* `run` ends with this function */
	}
	*out_result = run.result;
	return run.err;
}
