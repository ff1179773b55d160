/* Changes of a zone's authority, one at a time, stored before they count: revocation and renewal.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzh/internal.h"

void
zone_take_turn(struct hub_zone *zone, struct zone_turn *turn)
{
	if (zone->is_changing) {
		pz_list_append(&zone->turns, &turn->node);
		return;
	}
	zone->is_changing = true;
	zone->turn = turn;
	turn->begin(turn);
}

void
zone_end_turn(struct hub_zone *zone)
{
	struct pz_list *node = pz_list_first(&zone->turns);

	zone->is_changing = false;
	zone->turn = NULL;
	zone->changing[0] = '\0';
	if (node == NULL)
		return;
	pz_list_remove(node);
	zone_take_turn(zone, PZ_CONTAINER(node, struct zone_turn, node));
}

void
zone_revoked(struct hub_zone *zone, struct pz_member *member, const char *reason)
{
	pz_notice("revoked", "zone=%s device=%s serial=%s crl=%llu %s", zone->authority->zone,
		  member->device, member->serial,
		  (unsigned long long)pz_crl_number(zone->authority->crl), reason);
	zone_close_revoked(zone, reason);
	twice_forget(zone, member->device);
	zone_device_gone(zone, member);
	zone_member_changed(zone, member);
}

/* A revocation or a renewal that waits for its turn, then for the disk. */
struct change {
	struct zone_turn turn;
	struct hub_zone *zone;
	struct pz_zone_change *change;
	struct pz_request *request;           /* the command that waits, or NULL */
	bool is_purge;                        /* what the device has written is to go, too */
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* "": a renewal */
	enum pz_revoked why;
};

static json_t *
revocation_result(const struct hub_zone *zone, const struct pz_member *member)
{
	return json_pack("{s:s, s:s, s:I}", "device", member->device, "serial", member->serial,
			 "crlNumber", (json_int_t)pz_crl_number(zone->authority->crl));
}

static void
drop_change(struct zone_turn *turn)
{
	struct change *change = (struct change *)(void *)turn;

	pz_authority_drop(change->change);
	free(change);
}

/* Tells the end, frees, and lets the next change begin. */
static void
end_change(struct change *change, enum pz_err err, const char *detail, json_t *takes_result)
{
	struct hub_zone *zone = change->zone;

	/* One that was revoked before: what it has written is still there. */
	if (change->is_purge && (err == PZ_OK || err == PZ_ERR_EXISTS))
		zone_purge(zone, change->device, takes_result, change->request);
	else if (change->request)
		pz_request_finish(change->request, err, detail, takes_result);
	else
		json_decref(takes_result);
	free(change);
	zone_end_turn(zone);
}

static void
on_changed(void *arg, enum pz_err err, const char *detail)
{
	struct change *change = arg;
	struct hub_zone *zone = change->zone;
	struct pz_errinfo info = {""};
	struct pz_member *member = NULL;

	if (change->device[0] == '\0') {
		zone->hub->is_sweep_due = true; /* the old key's file, or the new one's */
		zone_renewal_ended(zone, err == PZ_OK ? "" : detail);
	}
	if (err != PZ_OK) {
		pz_authority_drop(PZ_TAKE(change->change));
		pz_error("store", "zone=%s a change was not stored and did not happen: %s",
			 zone->authority->zone, detail);
	} else {
		member = pz_authority_apply(zone->authority, PZ_TAKE(change->change));
		if (member && change->device[0])
			zone_revoked(zone, member, pz_revoked_text(change->why));
		if (zone_refresh_trust(zone, &info) != PZ_OK)
			pz_error("trust", "zone=%s %s", zone->authority->zone, info.text);
		pz_hub_sync_membership_changed(zone, change->device);
	}
	end_change(change, err, detail, member ? revocation_result(zone, member) : NULL);
}

static void
begin_revocation(struct zone_turn *turn)
{
	struct change *change = (struct change *)(void *)turn;
	struct hub_zone *zone = change->zone;
	struct pz_errinfo info = {""};
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? pz_authority_revoke(zone->authority, change->device, change->why,
						    txn, &change->change, &info)
			      : PZ_ERR_LIMIT_MEMORY;

	if (err != PZ_OK) {
		pz_txn_free(txn);
		end_change(change, err, pz_errinfo_text(&info, err), NULL);
		return;
	}
	snprintf(zone->changing, sizeof(zone->changing), "%s", change->device);
	pz_store_commit(zone->hub->config.store, txn, on_changed, change);
}

static struct change *
new_change(struct hub_zone *zone, void (*begin)(struct zone_turn *turn), const char *device,
	   enum pz_revoked why)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		return NULL;
	change->turn = (struct zone_turn){.begin = begin, .drop = drop_change};
	change->zone = zone;
	change->why = why;
	snprintf(change->device, sizeof(change->device), "%s", device);
	return change;
}

static void
revoke(struct hub_zone *zone, const char *device, enum pz_revoked why, struct pz_request *request,
       bool is_purge)
{
	/* A name that is too long to be kept is nobody's. */
	bool is_name = strlen(device) <= PZ_DEVICE_BYTES_MAX;
	struct change *change = is_name ? new_change(zone, begin_revocation, device, why) : NULL;

	if (change) {
		change->request = request;
		change->is_purge = is_purge;
		zone_take_turn(zone, &change->turn);
	} else if (request) {
		pz_request_fail(request, is_name ? PZ_ERR_LIMIT_MEMORY : PZ_ERR_NOTFOUND,
				is_name ? "out of memory" : "the zone has no device of this name");
	}
}

void
zone_revoke(struct hub_zone *zone, const char *device, enum pz_revoked why,
	    struct pz_request *request)
{
	revoke(zone, device, why, request, false);
}

void
zone_revoke_and_purge(struct hub_zone *zone, const char *device, struct pz_request *request)
{
	revoke(zone, device, PZ_REVOKED_BY_OWNER, request, true);
}

static void
begin_renewal(struct zone_turn *turn)
{
	struct change *change = (struct change *)(void *)turn;
	struct hub_zone *zone = change->zone;
	struct pz_errinfo info = {""};
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? pz_authority_renew(zone->authority, zone->hub->config.keys, txn,
						   &change->change, &info)
			      : PZ_ERR_LIMIT_MEMORY;

	if (err != PZ_OK) {
		pz_txn_free(txn);
		zone->hub->is_sweep_due = true;
		zone_renewal_ended(zone, pz_errinfo_text(&info, err));
		pz_error("renewal", "zone=%s failed, will try again: %s", zone->authority->zone,
			 pz_errinfo_text(&info, err));
		end_change(change, err, pz_errinfo_text(&info, err), NULL);
		return;
	}
	pz_notice("renewal", "zone=%s new hub certificate or CRL", zone->authority->zone);
	pz_store_commit(zone->hub->config.store, txn, on_changed, change);
}

void
zone_renew_if_due(struct hub_zone *zone)
{
	if (zone->is_changing || !pz_authority_is_renewal_due(zone->authority))
		return;
	struct change *change = new_change(zone, begin_renewal, "", PZ_REVOKED_UNKNOWN);
	if (change)
		zone_take_turn(zone, &change->turn);
}
