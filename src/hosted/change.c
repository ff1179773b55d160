/* Changes of a zone's authority (hosted/transact.h): revocation, rights and renewal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "hosted/change.h"
#include "hosted/clone.h"
#include "hosted/dates.h"
#include "hosted/publish.h"
#include "hosted/services.h"
#include "hosted/transact.h"
#include "hosted/update.h"

void
pz_hosted_revoked(struct pz_hosted *zone, struct pz_member *member, const char *reason)
{
	pz_notice("revoked", "zone=%s device=%s serial=%s crl=%llu %s", zone->authority->zone,
		  member->device, member->serial,
		  (unsigned long long)pz_crl_number(zone->authority->crl), reason);
	/* The links first: what follows is sent only to devices that are still in the zone. */
	pz_hosted_close_revoked(zone, reason);
	pz_hosted_clone_forget(zone, member->device);
	pz_hosted_device_gone(zone, member);
	pz_hosted_member_changed(zone, member);
}

/* Trust and published data follow the authority (page 14 TLS-7, REV-3). @param device "": no member
 * has changed */
static void
follow(struct pz_hosted *zone, const char *device)
{
	struct pz_errinfo info = {""};

	if (pz_hosted_refresh_trust(zone, &info) != PZ_OK)
		pz_error("trust", "zone=%s links keep using the previous trust: %s",
			 zone->authority->zone, info.text);
	pz_hosted_publish_membership(zone, device);
}

static void
not_stored(const struct pz_hosted *zone, const char *detail)
{
	pz_error("change-not-stored", "zone=%s a change was not stored and is not made: %s",
		 zone->authority->zone, detail);
}

/* ---- a revocation ---- */

struct revocation {
	struct pz_hosted_transact t;
	pz_hosted_revoke_done done; /* may be NULL */
	void *arg;
	char device[PZ_DEVICE_BYTES_MAX + 1];
	enum pz_revoked why;
};

static enum pz_err
prepare_revocation(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	const struct revocation *r = PZ_CONTAINER(t, struct revocation, t);
	struct pz_hosted *zone = t->zone;

	PZ_TRY(pz_authority_revoke(zone->authority, r->device, r->why, txn, &t->change, info));
	pz_hosted_transact_device(zone, r->device);
	return PZ_OK;
}

static json_t *
revocation_result(const struct pz_hosted *zone, const struct pz_member *member)
{
	return json_pack("{s:s, s:s, s:I}", "device", member->device, "serial", member->serial,
			 "crlNumber", (json_int_t)pz_crl_number(zone->authority->crl));
}

static void
revocation_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
		const char *detail)
{
	const struct revocation *r = PZ_CONTAINER(t, struct revocation, t);
	struct pz_hosted *zone = t->zone;
	json_t *result = NULL;

	/* Links are closed and the list is pushed only now that the revocation is on disk: a crash
	 * cannot undo what devices have received. */
	if (err == PZ_OK) {
		if (member)
			pz_hosted_revoked(zone, member, pz_revoked_text(r->why));
		follow(zone, r->device);
		result = member ? revocation_result(zone, member) : NULL;
	} else if (t->is_committed) {
		not_stored(zone, detail);
	}
	if (r->done)
		r->done(r->arg, err, detail, result);
	else
		json_decref(result);
}

static const struct pz_hosted_transact_ops revocation_ops = {prepare_revocation, revocation_done,
							     NULL};

void
pz_hosted_revoke(struct pz_hosted *zone, const char *device, enum pz_revoked why,
		 pz_hosted_revoke_done done, void *arg)
{
	/* No device can have a name that is too long to store. */
	bool is_name = strlen(device) <= PZ_DEVICE_BYTES_MAX;
	struct revocation *r = is_name ? calloc(1, sizeof(*r)) : NULL;

	if (r) {
		r->done = done;
		r->arg = arg;
		r->why = why;
		snprintf(r->device, sizeof(r->device), "%s", device);
		pz_hosted_transact(zone, &r->t, &revocation_ops);
	} else if (done) {
		done(arg, is_name ? PZ_ERR_LIMIT_MEMORY : PZ_ERR_NOTFOUND,
		     is_name ? "out of memory" : "the zone has no device of this name", NULL);
	}
}

/* ---- rights ---- */

struct rights {
	struct pz_hosted_transact t;
	pz_hosted_revoke_done done;
	void *arg;
	char device[PZ_DEVICE_BYTES_MAX + 1];
	enum pz_right right;
	bool has;
};

/* The device's state is read now: another change may have been made since the command. */
static enum pz_err
prepare_rights(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	const struct rights *r = PZ_CONTAINER(t, struct rights, t);
	struct pz_authority *a = t->zone->authority;
	const struct pz_member *m = pz_authority_member(a, r->device);
	unsigned before = m ? pz_member_rights(m) : 0;

	PZ_TRY(pz_authority_set_rights(a, r->device,
				       r->has ? before | r->right : before & ~(unsigned)r->right,
				       txn, &t->change, info));
	pz_hosted_transact_device(t->zone, r->device);
	return PZ_OK;
}

static void
rights_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	    const char *detail)
{
	const struct rights *r = PZ_CONTAINER(t, struct rights, t);
	char text[PZ_RIGHTS_TEXT_CHARS];

	if (err == PZ_OK) {
		pz_notice("rights-changed", "zone=%s device=%s right=%s has=%s",
			  t->zone->authority->zone, r->device, pz_rights_text(r->right, text),
			  r->has ? "yes" : "no");
		pz_hosted_publish(t->zone, PZ_SYNC_RIGHTS, r->device);
	} else if (t->is_committed) {
		not_stored(t->zone, detail);
	}
	r->done(r->arg, err, detail,
		err == PZ_OK && member ? json_pack("{s:s, s:o}", "device", r->device, "rights",
						   pz_rights_json(pz_member_rights(member)))
				       : NULL);
}

static const struct pz_hosted_transact_ops rights_ops = {prepare_rights, rights_done, NULL};

void
pz_hosted_set_right(struct pz_hosted *zone, const char *device, enum pz_right right, bool has,
		    pz_hosted_revoke_done done, void *arg)
{
	bool is_name = strlen(device) <= PZ_DEVICE_BYTES_MAX;
	struct rights *r = is_name ? calloc(1, sizeof(*r)) : NULL;

	if (r == NULL) {
		done(arg, is_name ? PZ_ERR_LIMIT_MEMORY : PZ_ERR_NOTFOUND,
		     is_name ? "out of memory" : "the zone has no device of this name", NULL);
		return;
	}
	r->done = done;
	r->arg = arg;
	r->right = right;
	r->has = has;
	snprintf(r->device, sizeof(r->device), "%s", device);
	pz_hosted_transact(zone, &r->t, &rights_ops);
}

/* ---- a renewal ---- */

static enum pz_err
prepare_renewal(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct pz_hosted *zone = t->zone;

	PZ_TRY(pz_authority_renew(zone->authority, zone->hosting->keys, txn, &t->change, info));
	pz_notice("hub-renewal", "zone=%s new hub certificate or CRL", zone->authority->zone);
	return PZ_OK;
}

static void
renewal_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	     const char *detail)
{
	struct pz_hosted *zone = t->zone;

	(void)member;
	/* Key files are not part of the transaction: either the old or the new one is left over. */
	zone->hosting->is_sweep_due = true;
	pz_hosted_renewal_ended(zone, err == PZ_OK ? "" : detail);
	if (err == PZ_OK)
		follow(zone, "");
	else if (t->is_committed)
		not_stored(zone, detail);
	else /* housekeeping tries again; the condition is raised already */
		pz_error("hub-renewal-failed", "zone=%s failed, will try again: %s",
			 zone->authority->zone, detail);
}

static const struct pz_hosted_transact_ops renewal_ops = {prepare_renewal, renewal_done, NULL};

void
pz_hosted_renew_if_due(struct pz_hosted *zone)
{
	if (pz_hosted_is_changing(zone))
		return;
	if (!pz_authority_is_renewal_due(zone->authority)) {
		pz_hosted_renewal_ended(zone, ""); /* a wrong clock has been set since */
		return;
	}
	struct pz_hosted_transact *t = calloc(1, sizeof(*t));
	if (t)
		pz_hosted_transact(zone, t, &renewal_ops);
}
