/*
 * The hub's own data that it publishes to its devices as items of page 8: members and their rights,
 * friends, revocation lists, the zone's secret, the owner's policy. An item is made from the stored
 * data when it is first read, and updated by each change after that; when an update fails the item
 * is dropped, and made again at the next read. So a zone without connected devices costs nothing.
 *
 * A chunk has the time of the event (enrolled, revoked, signed), not of its writing: a hub that was
 * restarted or moved publishes the same bytes, and its devices see no difference.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/merge.h"
#include "zone/change.h"
#include "zone/policy.h"

#define SECRET_KEY "zone-secret"

static enum pz_err
put(const struct pz_authority *a, struct pz_sync_item *item, const char *key, const char *value,
    uint64_t mtime_ms)
{
	struct pz_sync_parts parts = {key, a->zone, pz_slice_str(value), mtime_ms, value == NULL};
	struct pz_sync_chunk *chunk = NULL;

	PZ_TRY(pz_sync_chunk_new(&parts, &chunk, NULL));
	enum pz_err err = pz_sync_item_put(item, chunk, NULL);
	if (err != PZ_OK)
		pz_sync_chunk_free(chunk);
	return err;
}

/* A device may be enrolled and revoked within one millisecond, or the clock set back between: the
 * deletion has to be later than what it deletes. */
uint64_t
pz_authority_gone_ms(const struct pz_member *m)
{
	return m->revoked_ms > m->enrolled_ms ? m->revoked_ms : m->enrolled_ms + 1;
}

/* A member that this version revoked is published as a deletion as long as devices may still have
 * it. What an older version enrolled or revoked is not published. */
static enum pz_err
put_member(const struct pz_authority *a, struct pz_sync_item *item, const struct pz_member *m)
{
	uint64_t gone_ms = pz_authority_gone_ms(m);

	if (!m->revoked && m->ca_pem)
		return put(a, item, m->device, m->ca_pem, m->enrolled_ms);
	if (m->revoked && m->revoked_ms > 0 &&
	    !pz_sync_is_expired(true, gone_ms, pz_env_wall_ms(a->env)))
		return put(a, item, m->device, NULL, gone_ms);
	pz_sync_item_remove(item, m->device);
	return PZ_OK;
}

static enum pz_err
put_members(const struct pz_authority *a, struct pz_sync_item *item)
{
	size_t pos = 0;
	void *m;

	while (pz_map_next(a->members, &pos, NULL, &m))
		PZ_TRY(put_member(a, item, m));
	return PZ_OK;
}

static enum pz_err
put_crl(const struct pz_authority *a, struct pz_sync_item *item)
{
	char *pem = pz_record_crl_text(a->crl);
	enum pz_err err = pem ? put(a, item, a->zone, pem, pz_crl_this_update_ms(a->crl))
			      : PZ_ERR_LIMIT_MEMORY;

	free(pem);
	return err;
}

/* Published to devices only after both owners have confirmed. */
static enum pz_err
put_friend(const struct pz_authority *a, struct pz_sync_item *item, const char *zone)
{
	const struct pz_friend *f = pz_friends_find(a->friends.table, pz_slice_str(zone));
	uint64_t ended_ms = pz_friends_ended_ms(&a->friends, zone);

	if (f && pz_friend_is_confirmed(f)) {
		char *text = pz_friend_text(f);
		enum pz_err err =
			text ? put(a, item, zone, text, f->changed_ms) : PZ_ERR_LIMIT_MEMORY;
		pz_record_text_wipe(text);
		return err;
	}
	if (f == NULL && ended_ms > 0 &&
	    !pz_sync_is_expired(true, ended_ms, pz_env_wall_ms(a->env)))
		return put(a, item, zone, NULL, ended_ms);
	pz_sync_item_remove(item, zone);
	return PZ_OK;
}

/* An end is published too: a device that was off has to remove the zone. */
static enum pz_err
put_friends(const struct pz_authority *a, struct pz_sync_item *item)
{
	size_t pos = 0;
	const struct pz_friend *f;
	const char *zone;
	json_t *at;

	while ((f = pz_friends_next(a->friends.table, &pos)) != NULL)
		PZ_TRY(put_friend(a, item, f->zone));
	json_object_foreach (a->friends.ended, zone, at)
		PZ_TRY(put_friend(a, item, zone));
	return PZ_OK;
}

/* A friend's list is in force for its zone only: it is published under the zone's name. */
static enum pz_err
put_friend_crl(const struct pz_authority *a, struct pz_sync_item *item, const char *zone)
{
	const struct pz_friend *f = pz_friends_find(a->friends.table, pz_slice_str(zone));

	if (f == NULL || f->crl == NULL || !pz_friend_is_confirmed(f)) {
		pz_sync_item_remove(item, zone);
		return PZ_OK;
	}
	char *pem = pz_record_crl_text(f->crl);
	enum pz_err err =
		pem ? put(a, item, zone, pem, pz_crl_this_update_ms(f->crl)) : PZ_ERR_LIMIT_MEMORY;
	free(pem);
	return err;
}

static enum pz_err
put_crls(const struct pz_authority *a, struct pz_sync_item *item)
{
	size_t pos = 0;
	const struct pz_friend *f;

	while ((f = pz_friends_next(a->friends.table, &pos)) != NULL)
		PZ_TRY(put_friend_crl(a, item, f->zone));
	return put_crl(a, item);
}

static enum pz_err
put_secret(const struct pz_authority *a, struct pz_sync_item *item)
{
	char *text = pz_record_secret_text(a->secret);
	/* It has the zone's time even if it was made later: the hub's version wins anyway. */
	enum pz_err err = text ? put(a, item, SECRET_KEY, text, pz_cert_not_before_ms(a->ca))
			       : PZ_ERR_LIMIT_MEMORY;

	pz_record_text_wipe(text);
	return err;
}

static enum pz_err
put_policy(const struct pz_authority *a, struct pz_sync_item *item)
{
	return a->policy ? put(a, item, PZ_ZONE_POLICY_KEY, a->policy->text,
			       a->policy->record.version.time_ms)
			 : PZ_OK;
}

/* Nothing is published about a device whose rights were never changed: it has all of them. */
static enum pz_err
put_rights(const struct pz_authority *a, struct pz_sync_item *item, const struct pz_member *m)
{
	char text[PZ_RIGHTS_TEXT_CHARS];

	if (!m->revoked && m->rights_ms > 0)
		return put(a, item, m->device, pz_rights_text(pz_member_rights(m), text),
			   m->rights_ms);
	pz_sync_item_remove(item, m->device);
	return PZ_OK;
}

static enum pz_err
put_all_rights(const struct pz_authority *a, struct pz_sync_item *item)
{
	size_t pos = 0;
	void *m;

	while (pz_map_next(a->members, &pos, NULL, &m))
		PZ_TRY(put_rights(a, item, m));
	return PZ_OK;
}

static enum pz_err
fill(const struct pz_authority *a, struct pz_sync_item *item)
{
	enum pz_sync_id id = pz_sync_item_kind(item)->id;

	if (id == PZ_SYNC_TRUSTED_PZP)
		return put_members(a, item);
	if (id == PZ_SYNC_TRUSTED_PZH)
		return put_friends(a, item);
	if (id == PZ_SYNC_POLICIES)
		return put_policy(a, item);
	if (id == PZ_SYNC_RIGHTS)
		return put_all_rights(a, item);
	return id == PZ_SYNC_CRL ? put_crls(a, item) : put_secret(a, item);
}

/* Devices write the other items (src/shared). */
static bool
is_written_here(enum pz_sync_id id)
{
	return id == PZ_SYNC_TRUSTED_PZP || id == PZ_SYNC_TRUSTED_PZH || id == PZ_SYNC_CRL ||
	       id == PZ_SYNC_ZONE_SECRET || id == PZ_SYNC_POLICIES || id == PZ_SYNC_RIGHTS;
}

struct pz_sync_item *
pz_authority_item(struct pz_authority *a, const struct pz_sync_kind *kind)
{
	struct pz_sync_item *item = a->published[kind->id];

	if (item || !is_written_here(kind->id))
		return item;
	item = pz_sync_item_new(kind);
	if (item && fill(a, item) != PZ_OK) {
		pz_sync_item_free(item);
		return NULL;
	}
	a->published[kind->id] = item;
	return item;
}

/* Half a change is worse than no item: the next read makes it again. */
static void
drop_if_failed(struct pz_authority *a, enum pz_sync_id id, enum pz_err err)
{
	if (err == PZ_OK)
		return;
	pz_sync_item_free(a->published[id]);
	a->published[id] = NULL;
}

void
pz_authority_republish(struct pz_authority *a, const struct pz_member *member, bool has_crl)
{
	struct pz_sync_item *devices = a->published[PZ_SYNC_TRUSTED_PZP];
	struct pz_sync_item *rights = a->published[PZ_SYNC_RIGHTS];
	struct pz_sync_item *list = a->published[PZ_SYNC_CRL];

	if (member && devices)
		drop_if_failed(a, PZ_SYNC_TRUSTED_PZP, put_member(a, devices, member));
	if (member && rights)
		drop_if_failed(a, PZ_SYNC_RIGHTS, put_rights(a, rights, member));
	if (has_crl && list)
		drop_if_failed(a, PZ_SYNC_CRL, put_crl(a, list));
}

void
pz_authority_republish_policy(struct pz_authority *a)
{
	struct pz_sync_item *policies = a->published[PZ_SYNC_POLICIES];

	if (policies)
		drop_if_failed(a, PZ_SYNC_POLICIES, put_policy(a, policies));
}

void
pz_authority_friend_changed(struct pz_authority *a, const char *zone)
{
	struct pz_sync_item *friends = a->published[PZ_SYNC_TRUSTED_PZH];
	struct pz_sync_item *lists = a->published[PZ_SYNC_CRL];

	if (friends)
		drop_if_failed(a, PZ_SYNC_TRUSTED_PZH, put_friend(a, friends, zone));
	if (lists)
		drop_if_failed(a, PZ_SYNC_CRL, put_friend_crl(a, lists, zone));
}

void
pz_authority_unpublish(struct pz_authority *a)
{
	for (size_t i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		pz_sync_item_free(a->published[i]);
}
