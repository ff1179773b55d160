/*
 * The hub as a whole: configuration, listening, housekeeping, and its end. A hub hosts any number
 * of zones, which share only the port, the doorway of strangers, the store and the key directory:
 * each zone has its own router, trust and records (hosted/zone.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "hosted/change.h"
#include "hosted/clone.h"
#include "hosted/dates.h"
#include "hosted/records.h"
#include "hub/friend.h"
#include "hub/internal.h"

#define HOUSEKEEPING_US (600 * PZ_US_PER_S)

static unsigned
or_default(unsigned value, unsigned otherwise)
{
	return value ? value : otherwise;
}

static void
set_defaults(struct pz_hub *hub)
{
	struct pz_hub_config *c = &hub->config;

	c->unauthenticated_max = or_default(c->unauthenticated_max, PZ_HUB_UNAUTH_MAX);
	c->unauthenticated_per_address_max =
		or_default(c->unauthenticated_per_address_max, PZ_HUB_UNAUTH_PER_ADDRESS_MAX);
	c->per_address_max = or_default(c->per_address_max, PZ_HUB_PER_ADDRESS_MAX);
	c->frame_max = or_default(c->frame_max, PZ_FRAME_BYTES_DEFAULT);
	hub->link_events = pz_hub_link_events;
	hub->link_events.channel_prop = pz_hub_send_channel_prop;
	hub->link_events.channel_offered = pz_hub_on_channel;
	hub->link_host = (struct pz_link_host){
		.env = c->env,
		.turn = c->turn,
		.metrics = &hub->hosting.metrics,
		.events = &hub->link_events,
		.frame_max = c->frame_max,
		.keepalive_us = c->keepalive_us,
	};
}

static void
on_store(void *arg, enum pz_err err, const char *detail)
{
	pz_condition_outcome(arg, PZ_CONDITION_STORE_FAILED, err, detail);
}

static void
set_hosting(struct pz_hub *hub)
{
	const struct pz_hub_config *c = &hub->config;

	hub->hosting.env = c->env;
	hub->hosting.store = c->store;
	hub->hosting.keys = c->keys;
	hub->hosting.conditions = pz_conditions_new(c->env);
	pz_store_watch(c->store, on_store, hub->hosting.conditions);
	hub->hosting.queue_high_bytes = c->queue_high_bytes;
	hub->hosting.port = c->port; /* until it listens */
	hub->hosting.list_changed = pz_hub_friends_send_list;
	pz_list_init(&hub->hosting.links);
}

static void sweep_keys(struct pz_hub *hub);

/* A key that only a pending transaction refers to must not be swept away. */
static bool
is_at_rest(const struct pz_hub *hub)
{
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone))
		if (pz_hosted_is_changing(zone))
			return false;
	return pz_map_len(hub->making) == 0;
}

static void
on_housekeeping(struct pz_timer *timer, void *arg)
{
	struct pz_hub *hub = arg;
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	/* Due after a renewal or a new zone, also a failed one: otherwise no key is left over. */
	if (hub->hosting.is_sweep_due && is_at_rest(hub)) {
		hub->hosting.is_sweep_due = false;
		sweep_keys(hub);
	}
	/* Expiry first, then renewal, then the storing of both. */
	while (pz_map_next(hub->zones, &pos, &key, &zone)) {
		pz_hosted_clone_clean(zone);
		pz_hub_enrol_clean(zone);
		pz_hub_invitations_clean(zone);
		pz_hosted_renew_if_due(zone);
		pz_hosted_check_conditions(zone);
		pz_hosted_save_seen(zone);
		pz_hub_friends_save_seen(zone);
		pz_hosted_save_secret(zone);
	}
	pz_env_start(hub->config.env, timer, HOUSEKEEPING_US);
}

/* Its own certificates may be due, or not valid yet: then no device can connect. */
static void
on_clock_jump(void *arg, int64_t by_ms)
{
	struct pz_hub *hub = arg;

	(void)by_ms;
	pz_env_stop(hub->config.env, &hub->housekeeping);
	on_housekeeping(&hub->housekeeping, hub);
}

void
pz_hub_clock_set(struct pz_hub *hub)
{
	pz_clock_watch_look(&hub->clock);
}

/* One zone that cannot be built ends the start: otherwise its devices would find a hub that denies
 * them. */
static enum pz_err
load_zone(void *arg, struct pz_authority *takes)
{
	struct pz_hosted *zone;

	return pz_hub_add_zone(arg, takes, &zone, NULL);
}

/* Key files that no zone refers to: left over from a crash between key and transaction, from a
 * renewal, or from a failed renewal. */
static void
sweep_keys(struct pz_hub *hub)
{
	size_t count = 2 * pz_map_len(hub->zones), n = 0, pos = 0;
	const char **keep = calloc(count + 1, sizeof(*keep));
	struct pz_slice key;
	void *zone;

	if (keep == NULL)
		return;
	while (pz_map_next(hub->zones, &pos, &key, &zone)) {
		pz_authority_key_uris(((struct pz_hosted *)zone)->authority, keep + n);
		n += 2;
	}
	if (pz_keystore_sweep(hub->config.keys, keep, n) != PZ_OK)
		pz_warning("key-sweep", "could not remove left-over key files");
	free(keep);
}

enum pz_err
pz_hub_new(const struct pz_hub_config *config, struct pz_hub **out, struct pz_errinfo *info)
{
	struct pz_hub *hub = calloc(1, sizeof(*hub));

	if (hub == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	hub->config = *config;
	set_defaults(hub);
	set_hosting(hub);
	pz_requests_init(&hub->requests, hub->config.env, hub);
	pz_list_init(&hub->removed);
	pz_list_init(&hub->befriending);
	pz_splices_init(&hub->splices, config->env, &pz_hub_splice_limits);
	hub->started_us = pz_env_mono_us(config->env);
	hub->zones = pz_map_new();
	hub->by_tag = pz_map_new();
	hub->doorway = pz_doorway_new(
		&(struct pz_doorway_limits){
			.all = hub->config.unauthenticated_max,
			.per_net = hub->config.unauthenticated_per_address_max,
			.per_site =
				hub->config.unauthenticated_per_address_max * PZ_UNAUTH_SITE_FACTOR,
			.links_per_net = hub->config.per_address_max,
		},
		config->env, &pz_hub_doorway_ops, hub);
	hub->making = pz_map_new();
	pz_timer_init(&hub->housekeeping, on_housekeeping, hub);
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;
	if (hub->zones && hub->by_tag && hub->doorway && hub->making && hub->hosting.conditions)
		err = pz_authority_load_all(config->store, config->keys, config->env, load_zone,
					    hub, info);
	if (err != PZ_OK) {
		pz_hub_free(hub);
		return err;
	}
	sweep_keys(hub); /* all zones are loaded: keys that no zone refers to are left over */
	*out = hub;
	return PZ_OK;
}

enum pz_err
pz_hub_start(struct pz_hub *hub, struct pz_errinfo *info)
{
	const struct pz_transport *transport = &hub->config.transport;

	/* First: a port in use must end the start before anything has changed. */
	PZ_TRY(transport->ops->listen(transport->self, hub->config.listen, hub->config.port,
				      pz_hub_accept, hub, &hub->listener, &hub->hosting.port,
				      info));
	pz_clock_watch_start(&hub->clock, hub->config.env, on_clock_jump, hub);
	on_housekeeping(&hub->housekeeping, hub);
	pz_notice("listening", "port=%u zones=%zu", hub->hosting.port, pz_map_len(hub->zones));
	return PZ_OK;
}

/* Each link gets a bye, so devices know that the hub stops and was not lost. */
static void
close_all(struct pz_list *links)
{
	PZ_LIST_EACH (links, hook, tmp) {
		struct pz_link *link = PZ_CONTAINER(hook, struct pz_link, owner_node);
		pz_hosted_conn_bye(link->owner, PZ_ERR_IO_CLOSED, "hub is stopping");
	}
}

void
pz_hub_stop(struct pz_hub *hub)
{
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	hub->hosting.is_stopping = true; /* from now on members are stored at once */
	if (hub->listener)
		hub->config.transport.ops->listen_close(hub->listener);
	hub->listener = NULL;
	pz_hub_befriend_stop(hub);
	close_all(&hub->hosting.links);
	while (pz_map_next(hub->zones, &pos, &key, &zone)) {
		pz_hub_friends_stop(zone);
		pz_hub_friends_save_seen(zone);
		close_all(&((struct pz_hosted *)zone)->links);
		pz_hosted_save_seen(zone);
	}
	/* A hub without a daemon has no housekeeping, and its next start may be far off. */
	if (hub->hosting.is_sweep_due && is_at_rest(hub))
		sweep_keys(hub);
	pz_requests_report(&hub->requests);
}

void
pz_hub_free(struct pz_hub *hub)
{
	size_t pos = 0;
	void *zone;

	if (hub == NULL)
		return;
	pz_clock_watch_stop(&hub->clock);
	pz_env_stop(hub->config.env, &hub->housekeeping);
	/* Changes before requests, and these before zones: waiting changes report to a command, and
	 * a command may point into a zone. */
	while (hub->zones && pz_map_next(hub->zones, &pos, NULL, &zone))
		pz_hosted_transact_end_all(zone);
	PZ_LIST_EACH (&hub->removed, hook, tmp)
		pz_hosted_transact_end_all(PZ_CONTAINER(hook, struct pz_hosted, removed_hook));
	pos = 0;
	pz_requests_fini(&hub->requests);
	pz_hub_befriend_fini(hub);
	while (hub->zones && pz_map_next(hub->zones, &pos, NULL, &zone))
		pz_hub_zone_free(zone);
	pz_map_free(hub->zones);
	PZ_LIST_EACH (&hub->removed, hook, tmp)
		pz_hub_zone_free(PZ_CONTAINER(hook, struct pz_hosted, removed_hook));
	pz_map_free(hub->by_tag);
	pz_map_free(hub->making); /* its zones are freed with their commits */
	pz_doorway_free(hub->doorway);
	pz_store_watch(hub->config.store, NULL, NULL);
	pz_conditions_free(hub->hosting.conditions);
	free(hub);
}

void
pz_hub_set_keepalive(struct pz_hub *hub, uint64_t keepalive_us)
{
	hub->link_host.keepalive_us = keepalive_us;
}

void
pz_hub_network_changed(struct pz_hub *hub)
{
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone))
		pz_hub_friends_network_changed(zone);
}

uint16_t
pz_hub_port(const struct pz_hub *hub)
{
	return hub->hosting.port;
}

struct pz_hub_counts
pz_hub_counts(const struct pz_hub *hub)
{
	struct pz_hub_counts counts = {.zones = pz_map_len(hub->zones)};
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone)) {
		counts.devices += pz_authority_devices(((struct pz_hosted *)zone)->authority);
		counts.connected += ((struct pz_hosted *)zone)->connected;
	}
	return counts;
}

struct pz_metrics *
pz_hub_metrics(struct pz_hub *hub)
{
	return &hub->hosting.metrics;
}
