/*
 * Connects the backend (system.c where avahi-daemon runs, else own.c), the announcer (announce.c)
 * and the catalogue of found instances (catalogue.c). Call-backs of Avahi only record a state;
 * `choose` acts on it in a turn of its own.
 *
 * An attacker on the local network may crash the process of our own responder with a packet. It is
 * started again with a delay that doubles each time, up to an hour: one crash costs almost nothing,
 * and repeated crashes cost no CPU. From PZ_MDNS_DEATHS_MAX crashes on the owner is warned.
 */
#include "mdns/mdns.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mdns/announce.h"
#include "mdns/bus.h"
#include "mdns/catalogue.h"
#include "mdns/own.h"
#include "mdns/system.h"
#include "net/netwatch.h"

struct speaker {
	struct pz_mdns_backend *backend; /* NULL: not available */
	enum pz_mdns_backend_state state;
};

struct daemon_mdns {
	struct pz_mdns base;
	struct pz_loop *loop;
	struct pz_netwatch *netwatch; /* NULL: nothing is open, or there is no rtnetlink */
	struct speaker system, own;
	unsigned deaths; /* crashes of our own responder since it last ran for PZ_MDNS_WELL_US */
	uint64_t own_since_us;          /* when it was started */
	uint64_t own_again_us;          /* not started again before this time */
	bool is_reported;               /* the owner was warned that it does not run well */
	uint64_t system_until_us;       /* avahi-daemon is awaited until this time */
	uint64_t system_again_us;       /* no connection to the bus before this time */
	struct pz_mdns_backend *active; /* `system` or `own`, or NULL */
	struct pz_mdns_announcer announcer;
	struct pz_mdns_catalogue catalogue;
	struct pz_timer choose, retry, again;
};

/* ---- addresses of this machine ---- */

static bool
local_of(const struct ifaddrs *entry, struct pz_mdns_local *out)
{
	/* Interfaces that avahi-core and avahi-daemon do not use either: those that are down, and
	 * ends of a tunnel. */
	if (entry->ifa_addr == NULL || (entry->ifa_flags & IFF_UP) == 0 ||
	    (entry->ifa_flags & IFF_POINTOPOINT) != 0)
		return false;
	*out = (struct pz_mdns_local){.interface = (int)if_nametoindex(entry->ifa_name)};
	if (entry->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)entry->ifa_addr;
		out->len = 4;
		memcpy(out->bytes, &v4->sin_addr, 4);
	} else if (entry->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)entry->ifa_addr;
		out->len = 16;
		memcpy(out->bytes, &v6->sin6_addr, 16);
	}
	return out->len > 0 && out->interface > 0;
}

static void
on_network(void *arg)
{
	struct daemon_mdns *mdns = arg;
	struct pz_mdns_local locals[PZ_MDNS_ADDRESSES_MAX];
	struct ifaddrs *all = NULL;
	size_t len = 0;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *entry = all; entry && len < PZ_MDNS_ADDRESSES_MAX;
	     entry = entry->ifa_next)
		if (local_of(entry, &locals[len]))
			len++;
	freeifaddrs(all);
	pz_mdns_announcer_addresses(&mdns->announcer, locals, len);
}

/* ---- events of the two ---- */

static void
note_state(struct daemon_mdns *mdns, struct speaker *speaker, enum pz_mdns_backend_state state)
{
	speaker->state = state;
	pz_env_start(&mdns->loop->env, &mdns->choose, 0);
}

static void
on_system_state(void *arg, enum pz_mdns_backend_state state)
{
	struct daemon_mdns *mdns = arg;

	note_state(mdns, &mdns->system, state);
}

static void
on_own_state(void *arg, enum pz_mdns_backend_state state)
{
	struct daemon_mdns *mdns = arg;

	if (state == PZ_MDNS_READY)
		mdns->own.state = state; /* it was attached when it was started */
	else
		note_state(mdns, &mdns->own, state);
}

static void
on_collision(void *arg, void *entry)
{
	struct daemon_mdns *mdns = arg;

	/* The name may be replaced before it was ever established. */
	pz_mdns_catalogue_own_changed(&mdns->catalogue);
	pz_mdns_announcer_collision(&mdns->announcer, entry);
}

static void
on_failed(void *arg, bool is_watch, const char *reason)
{
	struct daemon_mdns *mdns = arg;

	if (is_watch)
		pz_mdns_catalogue_failed(&mdns->catalogue, reason);
	else
		pz_mdns_announcer_failed(&mdns->announcer, reason);
}

static void
on_established(void *arg, void *entry)
{
	struct daemon_mdns *mdns = arg;

	pz_mdns_announcer_established(&mdns->announcer, entry);
	pz_mdns_catalogue_own_changed(&mdns->catalogue);
}

static const struct pz_mdns_backend_events system_events = {
	.state = on_system_state,
	.collision = on_collision,
	.established = on_established,
	.failed = on_failed,
	.record = pz_mdns_catalogue_record,
};
static const struct pz_mdns_backend_events own_events = {
	.state = on_own_state,
	.collision = on_collision,
	.established = on_established,
	.failed = on_failed,
	.record = pz_mdns_catalogue_record,
};

/* ---- the backend in use ---- */

static void
attach(struct daemon_mdns *mdns, struct pz_mdns_backend *backend)
{
	if (mdns->active == backend)
		return;
	mdns->active = backend;
	pz_mdns_announcer_attach(&mdns->announcer, backend);
	pz_mdns_catalogue_attach(&mdns->catalogue, backend);
	if (backend != NULL)
		pz_info("mdns", "by=%s", backend->ops->kind);
}

static void
stop(struct daemon_mdns *mdns, struct speaker *speaker)
{
	if (speaker->backend == NULL)
		return;
	if (mdns->active == speaker->backend)
		attach(mdns, NULL);
	speaker->backend->ops->free(speaker->backend);
	*speaker = (struct speaker){NULL, PZ_MDNS_ASKED};
}

static void
tell_responder(struct daemon_mdns *mdns, const char *text)
{
	if (text != NULL || mdns->is_reported)
		pz_mdns_report_trouble(&mdns->base, PZ_MDNS_TROUBLE_RESPONDER, text);
	mdns->is_reported = text != NULL;
}

static void
stop_all(struct daemon_mdns *mdns)
{
	attach(mdns, NULL);
	stop(mdns, &mdns->system);
	mdns->system_again_us = 0;
	stop(mdns, &mdns->own);
	pz_netwatch_free(mdns->netwatch);
	mdns->netwatch = NULL;
	pz_env_stop(&mdns->loop->env, &mdns->retry);
	pz_env_stop(&mdns->loop->env, &mdns->again);
	tell_responder(mdns, NULL);
}

/** A bus may close every connection at once, for example when it cannot look up our user (a dynamic
 * user of systemd without libnss-systemd). So attempts are rare, and our own responder works in
 * between. */
static void
start_system(struct daemon_mdns *mdns)
{
	uint64_t now = pz_env_mono_us(&mdns->loop->env);
	struct pz_errinfo info = {""};

	if (mdns->system.state == PZ_MDNS_LOST)
		stop(mdns, &mdns->system);
	if (mdns->system.backend != NULL || now < mdns->system_again_us || !pz_mdns_bus_may_exist())
		return;
	mdns->system_again_us = now + PZ_MDNS_RETRY_US;
	enum pz_err err =
		pz_mdns_system_new(mdns->loop, &system_events, mdns, &mdns->system.backend, &info);
	if (err != PZ_OK) {
		mdns->system = (struct speaker){NULL, PZ_MDNS_ASKED};
		pz_debug("mdns-no-daemon", "%s", info.text);
		return;
	}
	mdns->system_until_us = now + PZ_MDNS_DAEMON_WAIT_US;
}

/** When the responder may be started again. */
static uint64_t
restart_delay_us(unsigned deaths)
{
	uint64_t delay = PZ_MDNS_RESTART_US;

	for (unsigned i = 1; i < deaths && delay < PZ_MDNS_RESTART_MAX_US; i++)
		delay *= 2;
	return delay < PZ_MDNS_RESTART_MAX_US ? delay : PZ_MDNS_RESTART_MAX_US;
}

/* Only deaths in a row count: a process that has run for PZ_MDNS_WELL_US was hardly under
 * attack. */
static void
count_death(struct daemon_mdns *mdns)
{
	uint64_t now = pz_env_mono_us(&mdns->loop->env);
	struct pz_errinfo text;

	if (now - mdns->own_since_us >= PZ_MDNS_WELL_US)
		mdns->deaths = 0;
	mdns->deaths++;
	uint64_t delay = restart_delay_us(mdns->deaths);
	mdns->own_again_us = now + delay;
	if (mdns->deaths < PZ_MDNS_DEATHS_MAX)
		return;
	(void)pz_fail(&text, PZ_ERR_IO,
		      "the process that speaks multicast DNS ended %u times, perhaps because of a "
		      "packet from the local network; it is started again after %llu s",
		      mdns->deaths, (unsigned long long)(delay / PZ_US_PER_S));
	tell_responder(mdns, text.text);
}

/** A responder that has run for a while is considered well, and its crashes are forgotten. */
static void
see_well(struct daemon_mdns *mdns)
{
	uint64_t now = pz_env_mono_us(&mdns->loop->env);

	if (mdns->own.backend == NULL || mdns->own.state != PZ_MDNS_READY)
		return;
	if (now - mdns->own_since_us >= PZ_MDNS_WELL_US) {
		mdns->deaths = 0;
		tell_responder(mdns, NULL);
	}
}

static enum pz_err
start_own(struct daemon_mdns *mdns)
{
	uint64_t now = pz_env_mono_us(&mdns->loop->env);
	struct pz_errinfo info = {""};

	if (mdns->own.state == PZ_MDNS_DIED)
		count_death(mdns);
	if (mdns->own.state == PZ_MDNS_DIED || mdns->own.state == PZ_MDNS_LOST) {
		bool is_unable = mdns->own.state == PZ_MDNS_LOST;
		stop(mdns, &mdns->own);
		if (is_unable)
			mdns->own_again_us = now + PZ_MDNS_RETRY_US;
	}
	see_well(mdns);
	if (mdns->own.backend != NULL)
		return PZ_OK;
	if (now < mdns->own_again_us) {
		pz_env_start(&mdns->loop->env, &mdns->again, mdns->own_again_us - now);
		return PZ_OK;
	}
	enum pz_err err = pz_mdns_own_new(mdns->loop, &own_events, mdns, &mdns->own.backend, &info);
	if (err != PZ_OK) {
		mdns->own_again_us = now + PZ_MDNS_RETRY_US;
		tell_responder(mdns, info.text);
	}
	mdns->own_since_us = now;
	if (mdns->is_reported) /* to report the recovery */
		pz_env_start(&mdns->loop->env, &mdns->again, PZ_MDNS_WELL_US);
	return err;
}

static bool
is_wanted(const struct daemon_mdns *mdns)
{
	return mdns->announcer.wanted != NULL || mdns->catalogue.is_on;
}

/** True when avahi-daemon may appear in a moment: our responder must not announce the same names
 * then. */
static bool
is_worth_waiting(struct daemon_mdns *mdns)
{
	uint64_t now = pz_env_mono_us(&mdns->loop->env);

	if (mdns->system.backend == NULL || mdns->system.state != PZ_MDNS_ASKED ||
	    mdns->own.backend != NULL || now >= mdns->system_until_us)
		return false;
	pz_env_start(&mdns->loop->env, &mdns->retry, mdns->system_until_us - now);
	return true;
}

/** Chooses the backend that is used, or none when there is nothing to announce or to query. */
static enum pz_err
choose(struct daemon_mdns *mdns)
{
	enum pz_err err = PZ_OK;

	pz_env_stop(&mdns->loop->env, &mdns->choose);
	if (!is_wanted(mdns)) {
		stop_all(mdns);
		return PZ_OK;
	}
	if (mdns->netwatch == NULL && pz_netwatch_new(mdns->loop, PZ_NETWATCH_LOCAL, on_network,
						      mdns, &mdns->netwatch) != PZ_OK)
		mdns->netwatch = NULL; /* then the present interfaces have to suffice */
	if (mdns->active == NULL)
		on_network(mdns);
	start_system(mdns);
	if (mdns->system.state == PZ_MDNS_READY) {
		attach(mdns, mdns->system.backend);
		stop(mdns, &mdns->own);
	} else if (!is_worth_waiting(mdns)) {
		err = start_own(mdns);
		attach(mdns, mdns->own.backend);
	}
	if (mdns->system.backend == NULL || err != PZ_OK)
		pz_env_start(&mdns->loop->env, &mdns->retry, PZ_MDNS_RETRY_US);
	return err;
}

static void
on_choose(struct pz_timer *timer, void *arg)
{
	(void)timer;
	(void)choose(arg); /* after a failure the timer, which choose has started, tries again */
}

/* ---- the interface ---- */

static enum pz_err
daemon_publish(struct pz_mdns *base, const struct pz_mdns_service *service)
{
	struct daemon_mdns *mdns = (struct daemon_mdns *)base;

	PZ_TRY(pz_mdns_announcer_publish(&mdns->announcer, service));
	return mdns->active != NULL ? PZ_OK : choose(mdns);
}

static void
daemon_unpublish(struct pz_mdns *base)
{
	struct daemon_mdns *mdns = (struct daemon_mdns *)base;

	pz_mdns_announcer_unpublish(&mdns->announcer);
	pz_env_start(&mdns->loop->env, &mdns->choose, 0);
}

static enum pz_err
daemon_browse(struct pz_mdns *base, bool on)
{
	struct daemon_mdns *mdns = (struct daemon_mdns *)base;

	pz_mdns_catalogue_browse(&mdns->catalogue, on);
	if (on && mdns->active == NULL)
		return choose(mdns);
	pz_env_start(&mdns->loop->env, &mdns->choose, 0);
	return PZ_OK;
}

static void
daemon_free(struct pz_mdns *base)
{
	struct daemon_mdns *mdns = (struct daemon_mdns *)base;

	base->events = NULL; /* the owner may be freed already */
	pz_mdns_announcer_fini(&mdns->announcer);
	pz_mdns_catalogue_fini(&mdns->catalogue);
	stop_all(mdns);
	/* attaching has started them again */
	pz_env_stop(&mdns->loop->env, &mdns->announcer.settle);
	pz_env_stop(&mdns->loop->env, &mdns->choose);
	free(mdns);
}

static const struct pz_mdns_ops daemon_ops = {
	.publish = daemon_publish,
	.unpublish = daemon_unpublish,
	.browse = daemon_browse,
	.free = daemon_free,
};

enum pz_err
pz_mdns_new(struct pz_loop *loop, struct pz_mdns **out, struct pz_errinfo *info)
{
	struct daemon_mdns *mdns = calloc(1, sizeof(*mdns));

	if (mdns == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "multicast DNS: out of memory");
	mdns->base.ops = &daemon_ops;
	mdns->loop = loop;
	pz_mdns_announcer_init(&mdns->announcer, &loop->env, &mdns->base);
	pz_mdns_catalogue_init(&mdns->catalogue, &loop->env, &mdns->base, mdns->announcer.instance);
	pz_timer_init(&mdns->choose, on_choose, mdns);
	pz_timer_init(&mdns->retry, on_choose, mdns);
	pz_timer_init(&mdns->again, on_choose, mdns);
	*out = &mdns->base;
	return PZ_OK;
}

const char *
pz_mdns_kind(const struct pz_mdns *mdns)
{
	const struct daemon_mdns *daemon = (const struct daemon_mdns *)mdns;

	if (mdns->ops != &daemon_ops || daemon->active == NULL ||
	    (daemon->active == daemon->own.backend && daemon->own.state != PZ_MDNS_READY))
		return "";
	return daemon->active->ops->kind;
}
