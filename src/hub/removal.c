/*
 * A zone is removed from this hub (`pzh remove`).
 *
 * When the removal has begun no device reaches the zone and no command finds it, so nothing is
 * written after the transaction that removes it. Links are freed at the end of the turn and point
 * to their zone, so the zone's memory stays until the hub ends.
 */
#include <stdlib.h>

#include "archive/removal.h"
#include "hub/friend.h"
#include "hub/internal.h"

struct removal {
	struct pz_hosted_transact t;
	pz_hub_stored done;
	void *arg;
};

static void
close_links(struct pz_list *links, const struct pz_hosted *zone)
{
	PZ_LIST_EACH (links, hook, tmp) {
		struct pz_link *link = PZ_CONTAINER(hook, struct pz_link, owner_node);
		struct pz_hosted_conn *conn = link->owner;
		if (conn->zone == zone)
			pz_hosted_conn_bye(conn, PZ_ERR_IO_CLOSED,
					   "the zone was removed from this hub");
	}
}

static void
hide(struct pz_hosted *zone)
{
	struct pz_hub *hub = pz_hub_of(zone->hosting);

	zone->is_removed = true;
	pz_map_remove(hub->zones, pz_slice_str(zone->authority->zone));
	pz_map_remove(hub->by_tag, pz_slice_str(zone->tag));
	/* Nothing may write to the zone's spaces after the transaction that empties them. */
	pz_hosted_update_stop(zone);
	pz_hosted_records_stop(zone);
	pz_shared_end(zone->shared);
	pz_codes_cancel_all(&zone->enrolment.codes);
	pz_hub_friends_stop(zone);
	close_links(&zone->links, zone);
	close_links(&hub->hosting.links, zone);
}

/* The disk refused the removal: the zone stays as before, and its devices come back. */
static enum pz_err
show(struct pz_hosted *zone)
{
	struct pz_hub *hub = pz_hub_of(zone->hosting);

	PZ_TRY(pz_map_put(hub->zones, pz_slice_str(zone->authority->zone), zone, NULL));
	enum pz_err err = pz_map_put(hub->by_tag, pz_slice_str(zone->tag), zone, NULL);
	if (err == PZ_OK) {
		zone->is_removed = false;
		pz_shared_resume(zone->shared, "the zone was not removed");
		(void)!pz_hub_friends_start(zone); /* they exist: nothing is allocated */
	} else {
		pz_map_remove(hub->zones, pz_slice_str(zone->authority->zone));
	}
	return err;
}

static enum pz_err
prepare_removal(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	(void)info;
	PZ_TRY(pz_authority_remove(t->zone->authority, txn));
	hide(t->zone);
	return PZ_OK;
}

static void
not_removed(struct pz_hosted *zone, const char *detail)
{
	const char *name = zone->authority->zone;

	pz_error("removal-failed", "zone=%s was not removed: %s", name, detail);
	if (show(zone) != PZ_OK)
		pz_error("removal-not-served", "zone=%s is served again after a restart only",
			 name);
}

static void
removed(struct pz_hosted *zone)
{
	const char *name = zone->authority->zone;

	if (pz_authority_remove_keys(zone->authority, zone->hosting->keys) != PZ_OK) {
		pz_error("removal-keys-left",
			 "zone=%s its keys could not be deleted; it will be tried again", name);
		zone->hosting->is_sweep_due = true;
	}
	pz_notice("removed", "zone=%s is gone from this hub", name);
	pz_list_append(&pz_hub_of(zone->hosting)->removed, &zone->removed_hook);
}

static void
removal_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	     const char *detail)
{
	const struct removal *removal = PZ_CONTAINER(t, struct removal, t);
	struct pz_hosted *zone = t->zone;

	(void)member;
	if (err == PZ_OK)
		removed(zone);
	else if (t->is_committed)
		not_removed(zone, detail);
	removal->done(removal->arg, err, detail);
}

static const struct pz_hosted_transact_ops removal_ops = {prepare_removal, removal_done, NULL};

void
pz_hub_remove_zone(struct pz_hosted *zone, pz_hub_stored done, void *arg)
{
	struct removal *removal = calloc(1, sizeof(*removal));

	if (removal == NULL) {
		done(arg, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	removal->done = done;
	removal->arg = arg;
	pz_hosted_transact(zone, &removal->t, &removal_ops);
}
