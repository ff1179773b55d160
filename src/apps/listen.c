/* The port: one listener for each family of loopback, both at the same number. A port that another
 * program uses must not end the daemon: everything else works, and the port is tried again each
 * minute. */
#include "apps/internal.h"

static const char *const addresses[PZ_APPS_FAMILIES] = {"127.0.0.1", "::1"};

static void
on_accept(void *arg, struct pz_stream *stream, const char *remote)
{
	(void)remote;
	pz_visitor_new(arg, stream);
}

static void
close_all(struct pz_apps *apps)
{
	for (size_t i = 0; i < PZ_APPS_FAMILIES; i++) {
		if (apps->listeners[i])
			apps->config.transport.ops->listen_close(apps->listeners[i]);
		apps->listeners[i] = NULL;
	}
	apps->port = 0;
}

static enum pz_err
open_one(struct pz_apps *apps, size_t i, uint16_t port, uint16_t *out_port, struct pz_errinfo *info)
{
	const struct pz_transport *t = &apps->config.transport;

	enum pz_err err = t->ops->listen(t->self, addresses[i], port, on_accept, apps,
					 &apps->listeners[i], out_port, info);
	if (err != PZ_OK)
		apps->listeners[i] = NULL;
	return err;
}

/* A machine without IPv6 has one family. If only one of two got the port, a page could reach
 * another program, depending on how its browser resolves localhost. */
static enum pz_err
open_all(struct pz_apps *apps, struct pz_errinfo *info)
{
	struct pz_errinfo second = {""};
	uint16_t port = 0, same = 0;

	PZ_TRY(open_one(apps, 0, apps->wanted_port, &port, info));
	/* Only a port in use: without IPv6 the second listener fails for another reason, and the
	 * first suffices. */
	if (open_one(apps, 1, port, &same, &second) == PZ_ERR_EXISTS) {
		close_all(apps);
		return pz_fail(info, PZ_ERR_EXISTS, "%s", second.text);
	}
	apps->port = port;
	return PZ_OK;
}

static void
try_open(struct pz_apps *apps)
{
	struct pz_errinfo info = {""};

	if (open_all(apps, &info) != PZ_OK) {
		pz_condition_raise(apps->config.conditions, PZ_CONDITION_NO_WEB_PORT, "",
				   "web pages and local programs cannot connect to this device: %s",
				   info.text);
		pz_env_start(apps->env, &apps->listen_again, PZ_WEB_LISTEN_AGAIN_US);
		return;
	}
	pz_condition_clear(apps->config.conditions, PZ_CONDITION_NO_WEB_PORT, NULL);
	pz_notice("web-listen", "port=%u", apps->port);
}

static void
on_again(struct pz_timer *timer, void *arg)
{
	struct pz_apps *apps = arg;

	(void)timer;
	if (apps->is_listening && apps->port == 0)
		try_open(apps);
}

void
pz_apps_listen_init(struct pz_apps *apps)
{
	pz_timer_init(&apps->listen_again, on_again, apps);
}

void
pz_apps_unlisten(struct pz_apps *apps)
{
	pz_env_stop(apps->env, &apps->listen_again);
	close_all(apps);
	apps->is_listening = false;
}

void
pz_apps_listen(struct pz_apps *apps, uint16_t port)
{
	if (apps == NULL || apps->config.transport.ops == NULL || apps->is_ending)
		return;
	/* The port changes only if it differs; sessions continue on a listener that stays. */
	if (apps->is_listening && apps->port != 0 && (port == 0 || port == apps->port))
		return;
	pz_apps_unlisten(apps);
	apps->is_listening = true;
	apps->wanted_port = port;
	try_open(apps);
}

uint16_t
pz_apps_port(const struct pz_apps *apps)
{
	return apps ? apps->port : 0;
}
