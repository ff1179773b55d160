/*
 * The owner's policy of a hosted zone: changes that people make, and documents that devices return
 * to a restored hub. Both are changes of the zone, which are stored one after the other
 * (hosted/transact.h); zone/policy.h computes the new record. Each ends with a log line, since it
 * changes who may do what.
 *
 * A change is based on a number (compare and swap), and is checked when its turn comes: of two
 * changes that arrive together, only the first is based on the current document, and the second is
 * a conflict.
 */
#include "hosted/policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hosted/publish.h"
#include "hosted/transact.h"
#include "zone/policy.h"

static uint64_t
sequence_of(const struct pz_hosted *zone)
{
	return pz_authority_policy_sequence(zone->authority);
}

/* ---- a change ---- */

struct change {
	struct pz_hosted_transact t;
	struct pz_hosted_policy_edit edit;
};

/* Checked in its turn: a right that was removed while the change waited is gone, and so is a
 * removed device. */
static enum pz_err
check_right(const struct pz_authority *a, const char *device, struct pz_errinfo *info)
{
	const struct pz_member *m = device[0] ? pz_authority_member(a, device) : NULL;

	if (device[0] && (m == NULL || m->revoked || !(pz_member_rights(m) & PZ_RIGHT_POLICY)))
		return pz_fail(info, PZ_ERR_DENIED,
			       "device %s has no right to change the policy any more", device);
	return PZ_OK;
}

/* The author is part of the signed record: the hub, or the device whose link brought the change. */
static enum pz_err
prepare_change(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	const struct change *c = PZ_CONTAINER(t, struct change, t);
	const struct pz_hosted_policy_edit *e = &c->edit;
	struct pz_authority *a = t->zone->authority;
	char author[PZ_ADDRESS_BYTES_MAX + 1];

	PZ_TRY(check_right(a, e->device, info));
	snprintf(author, sizeof(author), "%s%s%s", a->zone, e->device[0] ? "/" : "", e->device);
	const struct pz_zone_policy_edit asked = {
		.document = pz_slice_of(e->document, e->len),
		.has_base = e->has_base,
		.base = e->base,
		.author = author,
		.device = e->device[0] ? e->device : NULL,
		.is_forced = e->is_forced,
	};
	return pz_authority_set_policy(a, &asked, txn, &t->change, info);
}

/* The policy is published only after its commit. `done` is called in either case; its owner checks
 * whether the requesting connection still exists. */
static void
change_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	    const char *detail)
{
	const struct change *c = PZ_CONTAINER(t, struct change, t);
	const struct pz_hosted_policy_edit *e = &c->edit;
	struct pz_hosted *zone = t->zone;
	const char *by = e->device[0] ? e->device : "the hub";

	(void)member;
	if (err == PZ_OK) {
		pz_notice("policy-changed", "zone=%s sequence=%" PRIu64 " by=%s bytes=%zu%s",
			  zone->authority->zone, sequence_of(zone), by, e->len,
			  e->is_forced ? " forced" : "");
		pz_hosted_publish(zone, PZ_SYNC_POLICIES, PZ_ZONE_POLICY_KEY);
	} else {
		pz_notice("policy-not-changed", "zone=%s by=%s %s", zone->authority->zone, by,
			  detail);
	}
	if (e->done)
		e->done(zone, e, err, detail, sequence_of(zone));
}

static void
release_change(struct pz_hosted_transact *t)
{
	free(PZ_CONTAINER(t, struct change, t)->edit.document);
}

static const struct pz_hosted_transact_ops change_ops = {prepare_change, change_done,
							 release_change};

/* Takes the document of the edit, even on failure. */
void
pz_hosted_policy_set(struct pz_hosted *zone, const struct pz_hosted_policy_edit *edit)
{
	struct change *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		free(edit->document);
		if (edit->done)
			edit->done(zone, edit, PZ_ERR_LIMIT_MEMORY, "out of memory",
				   sequence_of(zone));
		return;
	}
	c->edit = *edit;
	pz_hosted_transact(zone, &c->t, &change_ops);
}

/* ---- what a device gives back ---- */

struct offered {
	struct pz_hosted_transact t;
	char *text;
	size_t len;
	uint64_t old;
	char from[PZ_DEVICE_BYTES_MAX + 1];
};

/* The number is read here and not when the document arrived: another one may have been stored
 * since. */
static enum pz_err
prepare_offered(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct offered *o = PZ_CONTAINER(t, struct offered, t);

	o->old = sequence_of(t->zone);
	return pz_authority_add_policy(t->zone->authority, pz_slice_of(o->text, o->len), txn,
				       &t->change, info);
}

static void
offered_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	     const char *detail)
{
	const struct offered *o = PZ_CONTAINER(t, struct offered, t);
	struct pz_hosted *zone = t->zone;

	(void)member;
	if (err == PZ_OK) {
		pz_hosted_publish(zone, PZ_SYNC_POLICIES, PZ_ZONE_POLICY_KEY);
		pz_warning("policy-learned",
			   "zone=%s from=%s here=%" PRIu64 " now=%" PRIu64
			   " this hub's policy was older than what its devices have (restored from "
			   "a backup?); `pzh policy show --previous` shows what was here",
			   zone->authority->zone, o->from, o->old, sequence_of(zone));
	} else if (err != PZ_ERR_EXISTS) { /* the same document, from another device */
		pz_error("policy-not-learned",
			 "zone=%s cannot take the policy of %s, it comes again with the next link: "
			 "%s",
			 zone->authority->zone, o->from, detail);
	}
}

static void
release_offered(struct pz_hosted_transact *t)
{
	struct offered *o = PZ_CONTAINER(t, struct offered, t);

	t->zone->offered_policies--;
	free(o->text);
}

static const struct pz_hosted_transact_ops offered_ops = {prepare_offered, offered_done,
							  release_offered};

/* After a restore all devices offer what they have at the same time: only a few copies wait, and
 * the first that is stored makes the others unnecessary. */
static enum pz_err
queue(const struct pz_hosted_conn *conn, struct pz_slice text, struct pz_errinfo *info)
{
	struct pz_hosted *zone = conn->zone;
	struct offered *o = NULL;

	if (zone->offered_policies < PZ_POLICY_OFFERED_MAX)
		o = calloc(1, sizeof(*o));
	if (o)
		o->text = pz_slice_dup(text);
	if (o == NULL || o->text == NULL) {
		free(o);
		return pz_fail(info, PZ_ERR_LIMIT,
			       "other policies are being stored; come again with the next link");
	}
	zone->offered_policies++;
	o->len = text.len;
	snprintf(o->from, sizeof(o->from), "%s", conn->member ? conn->member->device : "?");
	pz_hosted_transact(zone, &o->t, &offered_ops);
	return PZ_OK;
}

/* A device synchronises this item like others, so it usually offers what is here already; the cheap
 * comparison comes before the signature. A forged record costs one verification for each chunk, and
 * the member that sends it is known. */
enum pz_err
pz_hosted_policy_offered(struct pz_hosted_conn *conn, const struct pz_sync_chunk *chunk,
			 struct pz_errinfo *info)
{
	const struct pz_authority *a = conn->zone->authority;
	struct pz_slice text = pz_slice_of(chunk->value, chunk->value_len);
	struct pz_policy_record record;

	if (strcmp(chunk->key, PZ_ZONE_POLICY_KEY) != 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "no such policy");
	if (chunk->deleted)
		return pz_fail(info, PZ_ERR_DENIED, "a policy is never deleted");
	PZ_TRY(pz_policy_record_parse(text, &record, info));
	if (!pz_authority_policy_adds(a, &record))
		return PZ_OK;
	PZ_TRY(pz_policy_record_check(&record, a->zone, a->ca, info));
	return queue(conn, text, info);
}
