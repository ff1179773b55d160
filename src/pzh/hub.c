#include <stdio.h>
#include <stdlib.h>

#include "pzh/internal.h"
#include "pzh/result.h"

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
	hub->link_host = (struct pz_link_host){
		.env = c->env,
		.turn = c->turn,
		.metrics = &hub->metrics,
		.events = &hub_link_events,
		.frame_max = c->frame_max,
		.keepalive_us = c->keepalive_us,
	};
}

static void sweep_keys(struct pz_hub *hub);

/* A key that is used by what is only on its way to the disk must not be swept away. */
static bool
is_at_rest(const struct pz_hub *hub)
{
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone))
		if (((struct hub_zone *)zone)->is_changing)
			return false;
	return pz_map_len(hub->making) == 0;
}

static void
on_secret_stored(void *arg, enum pz_err err, const char *detail)
{
	struct pz_authority *authority = arg;

	if (err == PZ_OK)
		return;
	authority->is_secret_unsaved = true;
	pz_error("zone-secret-not-stored",
		 "zone=%s the zone's new secret is not stored, it will be tried again: %s",
		 authority->zone, detail);
}

/* An older version has stored a zone without a secret. Until this is on disk devices may have one
 * that a crash takes back: they get the next one as soon as they are connected. Not while a change
 * is under way: an older record would end up on top of a newer one. */
static void
save_secret(struct hub_zone *zone)
{
	struct pz_authority *authority = zone->authority;
	struct pz_txn *txn;

	if (!authority->is_secret_unsaved || zone->is_changing)
		return;
	txn = pz_txn_new();
	if (txn && pz_authority_save(authority, txn) == PZ_OK) {
		pz_store_commit(zone->hub->config.store, txn, on_secret_stored, authority);
		return;
	}
	pz_txn_free(txn);
	on_secret_stored(authority, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

static void
on_housekeeping(struct pz_timer *timer, void *arg)
{
	struct pz_hub *hub = arg;
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	if (hub->is_sweep_due && is_at_rest(hub)) {
		hub->is_sweep_due = false;
		sweep_keys(hub);
	}
	while (pz_map_next(hub->zones, &pos, &key, &zone)) {
		behind_clean(zone);
		twice_clean(zone);
		hub_enrol_clean(zone);
		zone_renew_if_due(zone);
		zone_check_conditions(zone);
		zone_save_seen(zone);
		save_secret(zone);
	}
	pz_env_start(hub->config.env, timer, HOUSEKEEPING_US);
}

/* Its own certificates may be due, or not have begun: no device can connect meanwhile. */
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

static enum pz_err
load_zone(void *arg, struct pz_authority *takes)
{
	struct hub_zone *zone;

	return hub_add_zone(arg, takes, &zone, NULL);
}

/* Key files that no zone refers to are left over from a crash between key and transaction, from a
 * renewal, or from one that failed. */
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
		pz_authority_key_uris(((struct hub_zone *)zone)->authority, keep + n);
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
	pz_list_init(&hub->links);
	pz_requests_init(&hub->requests, hub->config.env, hub);
	pz_list_init(&hub->removed);
	hub->started_us = pz_env_mono_us(config->env);
	hub->port = config->port; /* until it listens */
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
		config->env, &hub_doorway_ops, hub);
	hub->making = pz_map_new();
	hub->conditions = pz_conditions_new(config->env);
	pz_timer_init(&hub->housekeeping, on_housekeeping, hub);
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;
	if (hub->zones && hub->by_tag && hub->doorway && hub->making && hub->conditions)
		err = pz_authority_load_all(config->store, config->keys, config->env, load_zone,
					    hub, info);
	if (err != PZ_OK) {
		pz_hub_free(hub);
		return err;
	}
	sweep_keys(hub);
	*out = hub;
	return PZ_OK;
}

enum pz_err
pz_hub_start(struct pz_hub *hub, struct pz_errinfo *info)
{
	const struct pz_transport *transport = &hub->config.transport;

	PZ_TRY(transport->ops->listen(transport->self, hub->config.listen, hub->config.port,
				      hub_accept, hub, &hub->listener, &hub->port, info));
	pz_clock_watch_start(&hub->clock, hub->config.env, on_clock_jump, hub);
	on_housekeeping(&hub->housekeeping, hub);
	pz_notice("listening", "port=%u zones=%zu", hub->port, pz_map_len(hub->zones));
	return PZ_OK;
}

static void
close_all(struct pz_list *links)
{
	PZ_LIST_EACH (links, node, tmp) {
		struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
		hub_link_bye(link->owner, PZ_ERR_IO_CLOSED, "hub is stopping");
	}
}

void
pz_hub_stop(struct pz_hub *hub)
{
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	hub->is_stopping = true;
	if (hub->listener)
		hub->config.transport.ops->listen_close(hub->listener);
	hub->listener = NULL;
	close_all(&hub->links);
	while (pz_map_next(hub->zones, &pos, &key, &zone)) {
		close_all(&((struct hub_zone *)zone)->links);
		zone_save_seen(zone);
	}
	if (hub->is_sweep_due && is_at_rest(hub))
		sweep_keys(hub);
	pz_requests_report(&hub->requests);
}

static void
free_values(struct pz_map *map, void (*free_one)(void *value))
{
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	while (map && pz_map_next(map, &pos, &key, &value))
		free_one(value);
	pz_map_free(map);
}

static void
free_zone(void *zone)
{
	zone_free(zone);
}

void
pz_hub_free(struct pz_hub *hub)
{
	if (hub == NULL)
		return;
	pz_clock_watch_stop(&hub->clock);
	pz_env_stop(hub->config.env, &hub->housekeeping);
	pz_requests_fini(&hub->requests);
	free_values(hub->zones, free_zone);
	PZ_LIST_EACH (&hub->removed, node, tmp)
		zone_free(PZ_CONTAINER(node, struct hub_zone, removed_node));
	pz_map_free(hub->by_tag);
	free_values(hub->making, hub_drop_init);
	pz_doorway_free(hub->doorway);
	pz_conditions_free(hub->conditions);
	free(hub);
}

void
pz_hub_set_keepalive(struct pz_hub *hub, uint64_t keepalive_us)
{
	hub->link_host.keepalive_us = keepalive_us;
}

uint16_t
pz_hub_port(const struct pz_hub *hub)
{
	return hub->port;
}

struct pz_hub_counts
pz_hub_counts(const struct pz_hub *hub)
{
	struct pz_hub_counts counts = {.zones = pz_map_len(hub->zones)};
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone)) {
		counts.devices += pzh_count_devices(((struct hub_zone *)zone)->authority);
		counts.connected += ((struct hub_zone *)zone)->connected;
	}
	return counts;
}

struct pz_metrics *
pz_hub_metrics(struct pz_hub *hub)
{
	return &hub->metrics;
}

/* ---- zones ---- */

struct hub_zone *
hub_zone_by_name(struct pz_hub *hub, const char *zone)
{
	return pz_map_get(hub->zones, pz_slice_str(zone));
}

/* "…; give one of them with --zone: a@b, c@d" */
static enum pz_err
several_zones(struct pz_hub *hub, struct pz_errinfo *info)
{
	char names[160] = "";
	struct pz_slice key;
	size_t pos = 0, n = 0;
	void *zone;

	while (n < sizeof(names) && pz_map_next(hub->zones, &pos, &key, &zone))
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%.*s", n ? ", " : "",
				      (int)key.len, (const char *)key.ptr);
	return pz_fail(info, PZ_ERR_CONFIG,
		       "several zones are hosted here; give one of them with --zone: %s%s", names,
		       n < sizeof(names) ? "" : "...");
}

enum pz_err
hub_choose_zone(struct pz_hub *hub, const char *name, struct hub_zone **out,
		struct pz_errinfo *info)
{
	char normal[PZ_ZONE_BYTES_MAX + 1];
	size_t pos = 0;
	struct pz_slice key;
	void *zone = NULL;

	if (name) {
		if (pz_zone_normalise(pz_slice_str(name), normal) == PZ_OK)
			zone = hub_zone_by_name(hub, normal);
		if (zone == NULL)
			return pz_fail(info, PZ_ERR_NOTFOUND,
				       "no zone %s here; `pzh zones` lists those that are", name);
	} else if (pz_map_len(hub->zones) == 0) {
		return pz_fail(info, PZ_ERR_CONFIG,
			       "no zone yet; make one with `pzh init --zone user@domain --host "
			       "HOST`");
	} else if (pz_map_len(hub->zones) > 1) {
		return several_zones(hub, info);
	} else if (!pz_map_next(hub->zones, &pos, &key, &zone)) {
		return PZ_ERR_INTERNAL;
	}
	*out = zone;
	return PZ_OK;
}

enum pz_err
hub_add_zone(struct pz_hub *hub, struct pz_authority *takes, struct hub_zone **out,
	     struct pz_errinfo *info)
{
	struct hub_zone *zone = NULL;

	PZ_TRY(zone_new(hub, takes, &zone, info));
	enum pz_err err = pz_map_put(hub->zones, pz_slice_str(zone->authority->zone), zone, NULL);
	if (err == PZ_OK) {
		err = pz_map_put(hub->by_tag, pz_slice_str(zone->tag), zone, NULL);
		if (err != PZ_OK)
			pz_map_remove(hub->zones, pz_slice_str(zone->authority->zone));
	}
	if (err != PZ_OK) {
		zone_free(zone);
		return err;
	}
	save_secret(zone);
	pz_info("zone-ready", "zone=%s devices=%zu crl=%llu", zone->authority->zone,
		pz_map_len(zone->authority->members),
		(unsigned long long)pz_crl_number(zone->authority->crl));
	zone_check_conditions(zone);
	*out = zone;
	return PZ_OK;
}

bool
hub_has_live_code(struct pz_hub *hub)
{
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone))
		if (pz_codes_is_live(&((struct hub_zone *)zone)->codes, hub->config.env))
			return true;
	return false;
}
