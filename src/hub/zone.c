/* The zones of the hub: creating, finding and storing them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "border/border.h"
#include "hosted/clone.h"
#include "hosted/dates.h"
#include "hosted/names.h"
#include "hosted/sync.h"
#include "hub/friend.h"
#include "hub/internal.h"

/* ---- life ---- */

static enum pz_err
load_shared(struct pz_hosted *zone, struct pz_errinfo *info)
{
	char space[PZ_SHARED_SPACE_CHARS];
	struct pz_shared_config config = {
		.store = zone->hosting->store,
		.env = zone->hosting->env,
		.space = space,
		.self = zone->authority->zone,
		.settled = pz_sync_links_settled,
		.arg = &zone->sync,
	};
	size_t skipped = 0;

	pz_shared_space(zone->authority->zone, space);
	PZ_TRY(pz_shared_load(&config, &zone->shared, &skipped, info));
	if (skipped > 0)
		pz_warning("records-left-out",
			   "zone=%s %zu synchronised records are not readable and left out",
			   zone->authority->zone, skipped);
	return PZ_OK;
}

/* In the order of their dependencies. After a failure pz_hub_zone_free frees what exists. */
static enum pz_err
build(struct pz_hub *hub, struct pz_hosted *zone, struct pz_errinfo *info)
{
	struct pz_router_config config = {
		.self = zone->authority->zone,
		.env = hub->config.env,
		.metrics = &hub->hosting.metrics,
		.queue_high_bytes = hub->config.queue_high_bytes,
		.queue_low_bytes = hub->config.queue_low_bytes,
		.ops = &pz_hub_router_ops,
		.arg = zone,
	};

	PZ_TRY(pz_hosted_update_init(zone));
	PZ_TRY(pz_hosted_records_init(zone));
	PZ_TRY(pz_hosted_services_init(zone));
	zone->clones = pz_map_new();
	if (zone->clones == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	PZ_TRY(pz_router_new(&config, &zone->router));
	/* Sync before shared: the store's records report to the links' list (settled). */
	PZ_TRY(pz_hosted_sync_init(zone));
	PZ_TRY(load_shared(zone, info));
	pz_hosted_names_loaded(zone);
	zone->border = pz_border_new(zone);
	if (zone->border == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	zone->known_friends = zone->authority->friends.table;
	PZ_TRY(pz_hub_friends_start(zone));
	return pz_hosted_refresh_trust(zone, info);
}

void
pz_hub_zone_free(struct pz_hosted *zone)
{
	if (zone == NULL)
		return;
	pz_hub_friends_fini(zone);
	pz_border_free(zone->border);
	pz_hosted_update_fini(zone);
	pz_hosted_records_fini(zone);
	pz_hosted_transact_end_all(zone); /* waiting changes refer to the authority */
	pz_hosted_clone_fini(zone);
	pz_hosted_services_fini(zone);
	pz_router_free(zone->router);
	pz_hosted_trust_fini(zone);
	pz_codes_cancel_all(&zone->enrolment.codes);
	pz_shared_free(zone->shared);
	pz_sync_links_fini(&zone->sync);
	pz_authority_free(zone->authority);
	free(zone);
}

static enum pz_err
new_zone(struct pz_hub *hub, struct pz_authority *takes, struct pz_hosted **out,
	 struct pz_errinfo *info)
{
	struct pz_hosted *zone = calloc(1, sizeof(*zone));

	if (zone == NULL) {
		pz_authority_free(takes);
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	}
	zone->hosting = &hub->hosting;
	zone->authority = takes;
	pz_list_init(&zone->links);
	pz_hosted_transact_init(zone);
	pz_zone_sni_tag(pz_slice_str(takes->zone), zone->tag);
	enum pz_err err = build(hub, zone, info);
	if (err != PZ_OK) {
		pz_hub_zone_free(zone);
		return err;
	}
	*out = zone;
	return PZ_OK;
}

/* ---- finding and adding ---- */

struct pz_hosted *
pz_hub_zone_by_name(const struct pz_hub *hub, const char *zone)
{
	return pz_map_get(hub->zones, pz_slice_str(zone));
}

/* "…; give one of them with --zone: a@b, c@d" */
static enum pz_err
several_zones(const struct pz_hub *hub, struct pz_errinfo *info)
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
pz_hub_choose_zone(const struct pz_hub *hub, const char *name, struct pz_hosted **out,
		   struct pz_errinfo *info)
{
	char normal[PZ_ZONE_BYTES_MAX + 1];
	size_t pos = 0;
	struct pz_slice key;
	void *zone = NULL;

	if (name) {
		if (pz_zone_normalise(pz_slice_str(name), normal) == PZ_OK)
			zone = pz_hub_zone_by_name(hub, normal);
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

/* Found by its name for commands, and by its tag for handshakes: in both maps or in neither. */
enum pz_err
pz_hub_add_zone(struct pz_hub *hub, struct pz_authority *takes, struct pz_hosted **out,
		struct pz_errinfo *info)
{
	struct pz_hosted *zone = NULL;

	PZ_TRY(new_zone(hub, takes, &zone, info));
	enum pz_err err = pz_map_put(hub->zones, pz_slice_str(zone->authority->zone), zone, NULL);
	if (err == PZ_OK) {
		err = pz_map_put(hub->by_tag, pz_slice_str(zone->tag), zone, NULL);
		if (err != PZ_OK)
			pz_map_remove(hub->zones, pz_slice_str(zone->authority->zone));
	}
	if (err != PZ_OK) {
		pz_hub_zone_free(zone);
		return err;
	}
	pz_hosted_save_secret(zone);
	pz_info("zone-ready", "zone=%s devices=%zu crl=%llu", zone->authority->zone,
		pz_map_len(zone->authority->members),
		(unsigned long long)pz_crl_number(zone->authority->crl));
	pz_hosted_check_conditions(zone);
	*out = zone;
	return PZ_OK;
}

/* ---- a new zone ----
 *
 * It is hosted when it is on the disk, not before: a device that enrolled into a zone that a crash
 * takes back would have to be wiped by hand. Its name is taken meanwhile (hub->making).
 */

/* Waits for the disk. */
struct making {
	struct pz_hub *hub;
	struct pz_authority *authority;
	pz_hub_stored done;
	void *arg;
};

static void
drop_making(void *arg)
{
	struct making *making = arg;

	pz_authority_free(making->authority);
	free(making);
}

static void
on_zone_stored(void *arg, enum pz_err err, const char *detail)
{
	struct making *making = arg;
	struct pz_errinfo info = {""};
	struct pz_hosted *zone;
	struct pz_hub *hub = making->hub;

	pz_map_remove(hub->making, pz_slice_str(making->authority->zone));
	if (err == PZ_OK) {
		err = pz_hub_add_zone(hub, PZ_TAKE(making->authority), &zone, &info);
		detail = info.text;
	} else {
		hub->hosting.is_sweep_due = true;
	}
	making->done(making->arg, err, detail);
	drop_making(making);
}

enum pz_err
pz_hub_check_new_zone(const struct pz_hub *hub, const char *zone, struct pz_errinfo *info)
{
	if (pz_hub_zone_by_name(hub, zone) || pz_map_get(hub->making, pz_slice_str(zone)) != NULL)
		return pz_fail(info, PZ_ERR_EXISTS, "zone %s exists already", zone);
	return PZ_OK;
}

void
pz_hub_store_zone(struct pz_hub *hub, struct pz_authority *takes, struct pz_txn *takes_txn,
		  pz_hub_stored done, void *arg)
{
	struct making *making = calloc(1, sizeof(*making));
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (making)
		err = pz_map_put(hub->making, pz_slice_str(takes->zone), making, NULL);
	if (err != PZ_OK) {
		hub->hosting.is_sweep_due = true;
		pz_authority_free(takes);
		pz_txn_free(takes_txn);
		free(making);
		done(arg, err, "out of memory");
		return;
	}
	*making = (struct making){hub, takes, done, arg};
	pz_txn_on_drop(takes_txn, drop_making);
	pz_store_commit(hub->config.store, takes_txn, on_zone_stored, making);
}
