/* pzpd: the PZP as a daemon. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "conf/hostname.h"
#include "conf/inbox.h"
#include "daemon/daemon.h"
#include "daemon/work.h"
#include "desktop/desktop.h"
#include "diagnose/system.h"
#include "mdns/responder.h"
#include "net/netwatch.h"
#include "net/process.h"
#include "pzp/node.h"

#define SERVICES_DIRECTORY "services.d" /* in the data directory */

static void
on_stop(void *arg)
{
	pz_node_stop(arg);
}

static void
on_network_changed(void *arg)
{
	pz_node_network_changed(arg);
}

static struct pz_request *
begin(void *arg, const char *name, json_t *params, struct pz_file *takes_file,
      const struct pz_reply *reply, void *reply_arg)
{
	return pz_node_command_with(arg, name, params, takes_file, reply, reply_arg);
}

/* ---- settings ---- */

/* What may change while the node runs. The ports are the operator's value for what the user may set
 * as a preference (page 10). */
static void
set_changeable(struct pz_node_config *config, const struct pz_settings *s)
{
	bool has_tls = pz_settings_is_given(PZ_PROGRAM_PZPD, s, "tls-port");
	bool has_web = pz_settings_is_given(PZ_PROGRAM_PZPD, s, "web-port");

	config->keepalive_us = s->keepalive * PZ_US_PER_S;
	config->call_timeout_us = s->call_timeout * PZ_US_PER_S;
	config->app_data_bytes_max = s->limit_app_data;
	config->tls_port = has_tls ? &s->tls_port : NULL;
	config->web_port = has_web ? &s->web_port : NULL;
}

static void
serve_files(struct pz_node *node, const struct pz_settings *settings)
{
	PZ_AUTO_FREE char *directory = NULL;

	if (asprintf(&directory, "%s/" SERVICES_DIRECTORY, settings->data_dir) < 0)
		directory = NULL;
	pz_node_serve_files(node, settings->services, settings->service_count, directory);
}

/* A file that exists and cannot be read may have denied something: it counts as corrupt. */
static void
read_policy(struct pz_node *node, const char *path, bool is_needed)
{
	PZ_AUTO_FREE char *text = malloc(PZ_POLICY_DOCUMENT_BYTES_MAX + 1);
	int fd = text ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	size_t len = 0;
	ssize_t got = -1;

	if (fd < 0 && text && errno == ENOENT && !is_needed) {
		pz_node_set_manufacturer_policy(node, pz_slice_str(NULL), NULL);
		return;
	}
	while (fd >= 0 && len <= PZ_POLICY_DOCUMENT_BYTES_MAX &&
	       (got = read(fd, text + len, PZ_POLICY_DOCUMENT_BYTES_MAX + 1 - len)) > 0)
		len += (size_t)got;
	const char *why = got < 0 ? strerror(errno) : NULL;
	if (fd >= 0)
		close(fd);
	/* A text that is too long is refused when it is parsed. */
	pz_node_set_manufacturer_policy(node, pz_slice_of(text, len), why);
}

static void
read_manufacturer_policy(struct pz_node *node, const struct pz_settings *settings)
{
	const char *given = settings->manufacturer_policy;

	read_policy(node, given ? given : PZ_MANUFACTURER_POLICY, given != NULL);
}

static void
on_reload(void *arg, const struct pz_settings *settings)
{
	struct pz_node_config config = {0};

	set_changeable(&config, settings);
	pz_node_reconfigure(arg, &config);
	serve_files(arg, settings);
	read_manufacturer_policy(arg, settings);
}

static void
on_describe(void *arg, char *out, size_t size)
{
	if (pz_node_state(arg) == PZ_STATE_VIRGIN)
		snprintf(out, size, "not in a zone");
	else
		snprintf(out, size, "%s: %s", pz_node_address(arg),
			 pz_state_text(pz_node_state(arg)));
}

static void
on_next_step(void *arg, char *out, size_t size)
{
	if (pz_node_state(arg) == PZ_STATE_VIRGIN)
		snprintf(
			out, size,
			"this device is not in a zone; run `pzh token` on the hub, then `pzp enrol "
			"LINK` here");
}

static void
on_clock_set(void *arg)
{
	pz_node_clock_set(arg);
}

static const struct pz_daemon_ops ops = {
	.stop = on_stop,
	.describe = on_describe,
	.next_step = on_next_step,
	.reload = on_reload,
	.clock_set = on_clock_set,
	.begin = begin,
	.takes_file = pz_node_takes_file,
};

/* ---- start ---- */

/* A device that listens only on loopback has nothing to find on a network. */
static bool
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static struct pz_mdns *
make_mdns(struct pz_daemon *d)
{
	struct pz_errinfo info = {""};
	struct pz_mdns *mdns = NULL;

	if (is_loopback(d->settings.listen))
		return NULL;
	if (pz_mdns_new(&d->loop, &mdns, &info) != PZ_OK)
		pz_warning("nearby-off", "no discovery on the local network: %s", info.text);
	return mdns;
}

static enum pz_err
make_node(struct pz_daemon *d, struct pz_mdns *mdns, struct pz_node **out, struct pz_errinfo *info)
{
	static char display[PZ_DISPLAY_NAME_BYTES_MAX + 1]; /* borrowed by the node */
	static struct pz_diagnose_machine machine;          /* likewise, as the next two */
	static struct pz_workers workers;
	static char inbox[PZ_PREF_TEXT_BYTES_MAX + 1];
	char host[256] = "";
	const struct pz_settings *s = &d->settings;

	workers = pz_loop_workers(&d->loop);
	pz_inbox_default(s->data_dir, inbox, sizeof(inbox));
	machine = (struct pz_diagnose_machine){&pz_diagnose_this_system, &d->loop, s->data_dir};
	struct pz_node_config config = {
		.env = &d->loop.env,
		.transport = pz_loop_transport(&d->loop),
		.web = pz_loop_transport(&d->loop),
		.unauthenticated_max = pz_loop_room(&d->loop, s->limit_unauthenticated),
		.unauthenticated_per_address_max = s->limit_unauthenticated_per_address,
		.turn = &d->loop.turn,
		.store = d->store,
		.keys = d->keys,
		.key_type = s->key_type,
		.device = s->device,
		.frame_max = s->limit_frame,
		.queue_high_bytes = s->limit_queue_high,
		.queue_low_bytes = s->limit_queue_low,
		.listen = s->listen,
		.mdns = mdns,
		.addresses = pz_netwatch_addresses,
		.machine = &machine,
		.processes = &pz_loop_process_ops,
		.processes_arg = &d->loop,
		.workers = &workers,
		.inbox = inbox,
	};

	set_changeable(&config, s);
	(void)gethostname(host, sizeof(host) - 1);
	if (s->device == NULL && pz_hostname_display(host, display, sizeof(display)))
		config.display_name = display; /* "Müller-PC", whose device name is Mueller-PC */
	return pz_node_new(&config, out, info);
}

/* A daemon of a user's session has the session's bus; a system daemon has none. NULL: no desktop.
 */
static struct pz_desktop *
make_desktop(struct pz_daemon *d, struct pz_node *node)
{
	char address[256];

	if (!pz_desktop_bus_address(address, sizeof(address)))
		return NULL;
	return pz_desktop_new(&d->loop, address, pz_node_prompts(node));
}

int
main(int argc, char **argv)
{
	struct pz_daemon daemon;
	struct pz_errinfo info = {""};
	struct pz_node *node = NULL;
	struct pz_netwatch *watch = NULL;
	struct pz_desktop *desktop = NULL;
	int code = 1;

	pz_mdns_responder_main(argc, argv);
	if (!pz_daemon_open(&daemon, PZ_PROGRAM_PZPD, argc, argv, &code))
		return code;
	struct pz_mdns *mdns = make_mdns(&daemon);
	if (make_node(&daemon, mdns, &node, &info) == PZ_OK) {
		read_manufacturer_policy(node, &daemon.settings);
		serve_files(node, &daemon.settings);
		if (pz_netwatch_new(&daemon.loop, PZ_NETWATCH_REACHABLE, on_network_changed, node,
				    &watch) != PZ_OK)
			pz_warning("netwatch", "changes of the network will not be noticed");
		pz_node_start(node);
		desktop = make_desktop(&daemon, node);
		code = pz_daemon_run(&daemon, &ops, node);
	} else {
		pz_daemon_complain(&daemon, info.text);
	}
	pz_daemon_close_control(&daemon);
	pz_netwatch_free(watch);
	pz_desktop_free(desktop);
	pz_node_free(node);
	if (mdns)
		mdns->ops->free(mdns);
	pz_daemon_close(&daemon);
	return code;
}
