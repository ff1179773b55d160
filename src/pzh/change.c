/* Changes of a zone's authority (pzh/transact.h): revocation and renewal. */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzh/internal.h"
#include "pzh/transact.h"

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

/* Trust and published data follow the authority. @param device "": no member has changed */
static void
follow(struct hub_zone *zone, const char *device)
{
	struct pz_errinfo info = {""};

	if (zone_refresh_trust(zone, &info) != PZ_OK)
		pz_error("trust", "zone=%s links go on with the trust of before: %s",
			 zone->authority->zone, info.text);
	pz_hub_sync_membership_changed(zone, device);
}

static void
not_stored(const struct hub_zone *zone, const char *detail)
{
	pz_error("change-not-stored", "zone=%s a change was not stored and did not happen: %s",
		 zone->authority->zone, detail);
}

/* ---- a revocation ---- */

struct revocation {
	struct pz_hub_transact t;
	struct pz_request *request; /* the command that waits, or NULL */
	bool is_purge;              /* what the device has written is to go, too */
	char device[PZ_DEVICE_BYTES_MAX + 1];
	enum pz_revoked why;
};

static enum pz_err
prepare_revocation(struct pz_hub_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	const struct revocation *r = PZ_CONTAINER(t, struct revocation, t);
	struct hub_zone *zone = t->zone;

	PZ_TRY(pz_authority_revoke(zone->authority, r->device, r->why, txn, &t->change, info));
	snprintf(zone->changing, sizeof(zone->changing), "%s", r->device);
	return PZ_OK;
}

static json_t *
revocation_result(const struct hub_zone *zone, const struct pz_member *member)
{
	return json_pack("{s:s, s:s, s:I}", "device", member->device, "serial", member->serial,
			 "crlNumber", (json_int_t)pz_crl_number(zone->authority->crl));
}

static void
revocation_done(struct pz_hub_transact *t, struct pz_member *member, enum pz_err err,
		const char *detail)
{
	const struct revocation *r = PZ_CONTAINER(t, struct revocation, t);
	struct hub_zone *zone = t->zone;
	json_t *result = NULL;

	if (err == PZ_OK) {
		if (member)
			zone_revoked(zone, member, pz_revoked_text(r->why));
		follow(zone, r->device);
		result = member ? revocation_result(zone, member) : NULL;
	} else if (t->is_committed) {
		not_stored(zone, detail);
	}
	/* One that was revoked before: what it has written is still there. */
	if (r->is_purge && (err == PZ_OK || err == PZ_ERR_EXISTS))
		zone_purge(zone, r->device, result, r->request);
	else if (r->request)
		pz_request_finish(r->request, err, detail, result);
	else
		json_decref(result);
}

static const struct pz_hub_transact_ops revocation_ops = {prepare_revocation, revocation_done,
							  NULL};

static void
revoke(struct hub_zone *zone, const char *device, enum pz_revoked why, struct pz_request *request,
       bool is_purge)
{
	/* No device has a name that is too long to be kept. */
	bool is_name = strlen(device) <= PZ_DEVICE_BYTES_MAX;
	struct revocation *r = is_name ? calloc(1, sizeof(*r)) : NULL;

	if (r) {
		r->request = request;
		r->is_purge = is_purge;
		r->why = why;
		snprintf(r->device, sizeof(r->device), "%s", device);
		pz_hub_transact(zone, &r->t, &revocation_ops);
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

/* ---- a renewal ---- */

static enum pz_err
prepare_renewal(struct pz_hub_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct hub_zone *zone = t->zone;

	PZ_TRY(pz_authority_renew(zone->authority, zone->hub->config.keys, txn, &t->change, info));
	pz_notice("hub-renewal", "zone=%s new hub certificate or CRL", zone->authority->zone);
	return PZ_OK;
}

static void
renewal_done(struct pz_hub_transact *t, struct pz_member *member, enum pz_err err,
	     const char *detail)
{
	struct hub_zone *zone = t->zone;

	(void)member;
	zone->hub->is_sweep_due = true; /* the old key's file, or the new one's */
	zone_renewal_ended(zone, err == PZ_OK ? "" : detail);
	if (err == PZ_OK)
		follow(zone, "");
	else if (t->is_committed)
		not_stored(zone, detail);
	else
		pz_error("hub-renewal-failed", "zone=%s failed, will try again: %s",
			 zone->authority->zone, detail);
}

static const struct pz_hub_transact_ops renewal_ops = {prepare_renewal, renewal_done, NULL};

void
zone_renew_if_due(struct hub_zone *zone)
{
	if (zone->is_changing || !pz_authority_is_renewal_due(zone->authority))
		return;
	struct pz_hub_transact *t = calloc(1, sizeof(*t));
	if (t)
		pz_hub_transact(zone, t, &renewal_ops);
}
