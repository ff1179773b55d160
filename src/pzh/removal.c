/*
 * pzh remove: a zone is gone from this hub.
 *
 * From the beginning of the removal on no device reaches the zone and no command finds it, so that
 * nothing is written behind the transaction that removes it. Links are freed at the end of the turn
 * and point to their zone, so the zone's memory stays until the hub ends.
 */
#include <stdlib.h>

#include "archive/removal.h"
#include "pzh/internal.h"
#include "pzh/transact.h"
#include "wire/json.h"

struct removal {
	struct pz_hub_transact t;
	struct pz_request *request;
};

static void
close_links(struct pz_list *links, const struct hub_zone *zone)
{
	PZ_LIST_EACH (links, node, tmp) {
		struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
		struct hub_peer *peer = link->owner;
		if (peer->zone == zone)
			hub_link_bye(peer, PZ_ERR_IO_CLOSED, "the zone was removed from this hub");
	}
}

static void
hide(struct hub_zone *zone)
{
	struct pz_hub *hub = zone->hub;

	zone->is_removed = true;
	pz_map_remove(hub->zones, pz_slice_str(zone->authority->zone));
	pz_map_remove(hub->by_tag, pz_slice_str(zone->tag));
	pz_env_stop(hub->config.env, &zone->update_timer);
	pz_env_stop(hub->config.env, &zone->save_timer);
	pz_shared_end(zone->shared);
	pz_codes_cancel_all(&zone->codes);
	close_links(&zone->links, zone);
	close_links(&hub->links, zone);
}

/* After a disk that did not take it: the zone is here as before, its devices come back. */
static enum pz_err
show(struct hub_zone *zone)
{
	struct pz_hub *hub = zone->hub;

	PZ_TRY(pz_map_put(hub->zones, pz_slice_str(zone->authority->zone), zone, NULL));
	enum pz_err err = pz_map_put(hub->by_tag, pz_slice_str(zone->tag), zone, NULL);
	if (err == PZ_OK) {
		zone->is_removed = false;
		pz_shared_resume(zone->shared, "the zone was not removed");
	} else {
		pz_map_remove(hub->zones, pz_slice_str(zone->authority->zone));
	}
	return err;
}

static enum pz_err
prepare_removal(struct pz_hub_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	(void)info;
	PZ_TRY(pz_authority_remove(t->zone->authority, txn));
	hide(t->zone);
	return PZ_OK;
}

static void
not_removed(struct hub_zone *zone, const char *detail)
{
	const char *name = zone->authority->zone;

	pz_error("removal-failed", "zone=%s was not removed: %s", name, detail);
	if (show(zone) != PZ_OK)
		pz_error("removal-not-served", "zone=%s is served again after a restart only",
			 name);
}

static void
removed(struct hub_zone *zone)
{
	const char *name = zone->authority->zone;

	if (pz_authority_remove_keys(zone->authority, zone->hub->config.keys) != PZ_OK) {
		pz_error("removal-keys-left",
			 "zone=%s its keys could not be deleted, that is tried again", name);
		zone->hub->is_sweep_due = true;
	}
	pz_notice("removed", "zone=%s is gone from this hub", name);
	pz_list_append(&zone->hub->removed, &zone->removed_node);
}

static void
removal_done(struct pz_hub_transact *t, struct pz_member *member, enum pz_err err,
	     const char *detail)
{
	const struct removal *removal = PZ_CONTAINER(t, struct removal, t);
	struct hub_zone *zone = t->zone;

	(void)member;
	if (err == PZ_OK) {
		removed(zone);
		pz_request_answer(removal->request,
				  json_pack("{s:s}", "zone", zone->authority->zone));
		return;
	}
	if (t->is_committed)
		not_removed(zone, detail);
	pz_request_fail(removal->request, err, detail);
}

static const struct pz_hub_transact_ops removal_ops = {prepare_removal, removal_done, NULL};

void
cmd_remove(struct pz_request *request)
{
	const char *name = pz_json_str(request->params, "zone");
	struct pz_errinfo info = {""};
	struct hub_zone *zone = NULL;
	struct removal *removal = NULL;

	enum pz_err err = hub_choose_zone(hub_of(request), name, &zone, &info);
	if (err == PZ_OK && (removal = calloc(1, sizeof(*removal))) == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	removal->request = request;
	pz_hub_transact(zone, &removal->t, &removal_ops);
}
