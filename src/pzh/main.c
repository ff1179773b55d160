/* pzhd: the hub as a daemon. The daemon has the loop, the store and the control socket
 * (daemon/daemon.h), the hub the rest: this file only connects them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "net/netwatch.h"
#include "pzh/commands.h"

static void
on_stop(void *arg)
{
	pz_hub_stop(arg);
}

static struct pz_request *
begin(void *arg, const char *name, json_t *params, struct pz_file *takes_file,
      const struct pz_reply *reply, void *reply_arg)
{
	return pz_pzh_command(arg, name, params, takes_file, reply, reply_arg);
}

/* Only settings that can change without breaking links; the daemon lists the others as waiting. */
static void
on_reload(void *arg, const struct pz_settings *settings)
{
	pz_hub_set_keepalive(arg, settings->keepalive * PZ_US_PER_S);
}

static void
on_describe(void *arg, char *out, size_t size)
{
	struct pz_hub_counts n = pz_hub_counts(arg);

	snprintf(out, size, "%zu zone%s, %zu of %zu devices connected", n.zones,
		 n.zones == 1 ? "" : "s", n.connected, n.devices);
}

/* Shown once after the start: the owner of a new hub needs the next command, not a manual. */
static void
on_next_step(void *arg, char *out, size_t size)
{
	struct pz_hub_counts n = pz_hub_counts(arg);

	if (n.zones == 0)
		snprintf(out, size,
			 "no zone is hosted here; `pzh init --zone user@domain --host HOST` makes "
			 "one");
	else if (n.devices == 0)
		snprintf(out, size, "no device is enrolled; `pzh token` shows a code for one");
}

static void
on_clock_set(void *arg)
{
	pz_hub_clock_set(arg);
}

static void
on_network_changed(void *arg)
{
	pz_hub_network_changed(arg);
}

static const struct pz_daemon_ops ops = {
	.stop = on_stop,
	.describe = on_describe,
	.next_step = on_next_step,
	.reload = on_reload,
	.clock_set = on_clock_set,
	.begin = begin,
	.takes_file = pz_pzh_takes_file,
};

static enum pz_err
make_hub(struct pz_daemon *d, struct pz_hub **out, struct pz_errinfo *info)
{
	const struct pz_settings *s = &d->settings;
	struct pz_hub_config config = {
		.env = &d->loop.env,
		.transport = pz_loop_transport(&d->loop),
		.turn = &d->loop.turn,
		.store = d->store,
		.keys = d->keys,
		.key_type = s->key_type,
		.listen = s->listen,
		.port = s->port,
		.frame_max = s->limit_frame,
		.queue_high_bytes = s->limit_queue_high,
		.queue_low_bytes = s->limit_queue_low,
		.unauthenticated_max = pz_loop_room(&d->loop, s->limit_unauthenticated),
		.unauthenticated_per_address_max = s->limit_unauthenticated_per_address,
		.per_address_max = s->limit_per_address,
		.signatures_per_minute = s->limit_signatures,
		.keepalive_us = s->keepalive * PZ_US_PER_S,
	};

	return pz_hub_new(&config, out, info);
}

int
main(int argc, char **argv)
{
	struct pz_daemon daemon;
	struct pz_errinfo info = {""};
	struct pz_hub *hub = NULL;
	struct pz_netwatch *watch = NULL;
	int code = 1;

	if (!pz_daemon_open(&daemon, PZ_PROGRAM_PZHD, argc, argv, &code))
		return code;
	if (make_hub(&daemon, &hub, &info) == PZ_OK && pz_hub_start(hub, &info) == PZ_OK) {
		if (pz_netwatch_new(&daemon.loop, PZ_NETWATCH_REACHABLE, on_network_changed, hub,
				    &watch) != PZ_OK)
			pz_warning("netwatch", "changes of the network will not be noticed");
		code = pz_daemon_run(&daemon, &ops, hub);
	} else {
		pz_daemon_complain(&daemon, info.text);
	}
	pz_daemon_close_control(&daemon);
	pz_netwatch_free(watch);
	pz_hub_free(hub);
	pz_daemon_close(&daemon);
	return code;
}
