/* Announcing the services of this device (page 7, 4): to the hub, to the peers, and in the zone's
 * data. */
#include "calls/internal.h"
#include "items/service_cache.h"

/* Services that a program registers at once are announced once. */
#define DELAY_US (20 * PZ_US_PER_MS)

void
pz_discovery_announce(struct pz_calls *calls)
{
	const struct pz_calls_config *c = &calls->config;
	json_t *message = json_pack("{s:o?, s:s}", "services", pz_registry_list(c->registry, NULL),
				    "from", c->self);

	/* Without a link nothing is sent, and nothing is lost: each new link begins with an
	 * announcement. */
	pz_uplink_send_prop(calls->uplink, "registerServices", message);
	json_decref(message);
	pz_service_cache_announce(calls->items);
}

void
pz_discovery_announce_soon(struct pz_calls *calls)
{
	if (calls->zone->membership && !calls->announce.active)
		pz_env_start(calls->env, &calls->announce, DELAY_US);
}

static void
on_announce(struct pz_timer *timer, void *arg)
{
	struct pz_calls *calls = arg;

	(void)timer;
	pz_discovery_announce(calls);
	pz_peers_send_services(calls->peers);
}

static void
on_registry_change(void *arg, enum pz_registry_event event, struct pz_service *service)
{
	(void)event;
	(void)service;
	pz_discovery_announce_soon(arg);
}

void
pz_announce_init(struct pz_calls *calls)
{
	pz_timer_init(&calls->announce, on_announce, calls);
	calls->watch = (struct pz_registry_watch){.changed = on_registry_change, .arg = calls};
}

void
pz_announce_fini(struct pz_calls *calls)
{
	pz_env_stop(calls->env, &calls->announce);
	pz_registry_unwatch(&calls->watch);
}
