/*
 * Revocation lists that devices offer. A hub has the newest one itself, unless it was restored from
 * a backup: then its devices know which devices it has revoked since, and without their lists the
 * certificates of those devices would be valid again.
 */
#include <stdlib.h>

#include "base/auto.h"
#include "hosted/change.h"
#include "hosted/crl_history.h"
#include "hosted/publish.h"
#include "hosted/records.h"
#include "hosted/transact.h"
#include "zone/crl_history.h"

/* A list that waits for its turn, then for the disk. */
struct offered {
	struct pz_hosted_transact t;
	struct pz_crl *crl;
	uint64_t old; /* our former number */
	char from[PZ_DEVICE_BYTES_MAX + 1];
};

/* Marks the members with a valid record whose certificate the new list revokes, and ends their
 * links. @return how many */
static size_t
expel_listed(struct pz_hosted *zone)
{
	size_t pos = 0, count = 0;
	void *value;

	while (pz_map_next(zone->authority->members, &pos, NULL, &value)) {
		struct pz_member *member = value;
		if (!pz_authority_mark_listed(zone->authority, member))
			continue;
		count++;
		pz_hosted_revoked(zone, member,
				  "revoked before the hub was restored from a backup");
		pz_hosted_save_member(zone, member);
		pz_hosted_publish_device(zone, member->device);
	}
	return count;
}

static enum pz_err
prepare_offered(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct offered *o = PZ_CONTAINER(t, struct offered, t);
	struct pz_authority *a = t->zone->authority;

	o->old = pz_crl_number(a->crl);
	return pz_authority_add_crl(a, o->crl, txn, &t->change, info);
}

static void
applied(const struct offered *o)
{
	struct pz_hosted *zone = o->t.zone;
	struct pz_errinfo info = {""};

	pz_hosted_publish(zone, PZ_SYNC_CRL,
			  zone->authority->zone); /* first, so that it gets nothing more */
	size_t expelled = expel_listed(zone);
	if (pz_hosted_refresh_trust(zone, &info) != PZ_OK)
		pz_error("trust", "zone=%s links keep using the previous trust: %s",
			 zone->authority->zone, info.text);
	pz_warning("crl-learned",
		   "zone=%s from=%s number=%llu here=%llu now=%llu revoked=%zu this hub's data is "
		   "older than what its devices know (restored from a backup?): devices enrolled "
		   "since must leave and enrol again",
		   zone->authority->zone, o->from, (unsigned long long)pz_crl_number(o->crl),
		   (unsigned long long)o->old,
		   (unsigned long long)pz_crl_number(zone->authority->crl), expelled);
}

static void
offered_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	     const char *detail)
{
	const struct offered *o = PZ_CONTAINER(t, struct offered, t);
	const char *zone = t->zone->authority->zone;

	(void)member;
	if (err == PZ_OK)
		applied(o);
	else if (t->is_committed)
		pz_error("crl-not-stored",
			 "zone=%s the newer revocation list of %s was not stored and is not "
			 "applied; it comes again with the next link of a device: %s",
			 zone, o->from, detail);
	else if (err != PZ_ERR_EXISTS) /* the same list, from another device */
		pz_error("crl-not-learned", "zone=%s cannot take the list of %s: %s", zone, o->from,
			 detail);
}

static void
release_offered(struct pz_hosted_transact *t)
{
	const struct offered *o = PZ_CONTAINER(t, struct offered, t);

	t->zone->offered_lists--;
	pz_crl_free(o->crl);
}

static const struct pz_hosted_transact_ops offered_ops = {prepare_offered, offered_done,
							  release_offered};

/* Takes a reference. */
static enum pz_err
queue(struct pz_hosted_conn *conn, struct pz_crl *crl, struct pz_errinfo *info)
{
	struct pz_hosted *zone = conn->zone;
	struct offered *o = NULL;

	if (zone->offered_lists < PZ_CRL_OFFERED_MAX)
		o = calloc(1, sizeof(*o));
	if (o == NULL)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "other lists are being stored; come again with the next link");
	zone->offered_lists++;
	o->crl = pz_crl_ref(crl);
	snprintf(o->from, sizeof(o->from), "%s", conn->member ? conn->member->device : "?");
	pz_hosted_transact(zone, &o->t, &offered_ops);
	return PZ_OK;
}

enum pz_err
pz_hosted_crl_offered(struct pz_hosted_conn *conn, const struct pz_sync_chunk *chunk,
		      struct pz_errinfo *info)
{
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;
	const struct pz_authority *a = conn->zone->authority;

	if (strcmp(chunk->key, a->zone) != 0)
		return PZ_OK; /* of a friend, perhaps a former one: its own hub sends it */
	if (chunk->deleted)
		return pz_fail(info, PZ_ERR_DENIED, "a CRL is never deleted");
	PZ_TRY(pz_crl_from_pem(pz_slice_of(chunk->value, chunk->value_len), &crl, info));
	PZ_TRY(pz_crl_verify(crl, a->ca, info));
	/* A hub that was restored from a backup gets back the lists that it has signed since. */
	if (pz_authority_crl_adds(a, crl))
		return queue(conn, crl, info);
	if (pz_crl_number(crl) < pz_crl_number(a->crl))
		pz_info_of(conn->log, conn->hosting->env, "crl-older",
			   "device=%s number=%llu here=%llu", conn->link->session.address,
			   (unsigned long long)pz_crl_number(crl),
			   (unsigned long long)pz_crl_number(a->crl));
	return PZ_OK;
}
