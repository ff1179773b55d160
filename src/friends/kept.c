/*
 * Records: "friend/" zone: {text, seen, crl?}; "ended/" zone: {at}; "invitation/" id. A friend's
 * text holds a secret: trees and texts are overwritten. A confirmed friend is signed by our own
 * zone's CA, so a change of the archive or the file by another program is detected.
 */
#include "friends/kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"
#include "wire/address.h"
#include "wire/json.h"

#define FRIEND "friend/"
#define ENDED "ended/"
#define INVITATION "invitation/"
#define KEY_CHARS (PZ_ZONE_BYTES_MAX + 16)

void
pz_friends_space(const char *zone, char out[PZ_FRIENDS_SPACE_CHARS])
{
	snprintf(out, PZ_FRIENDS_SPACE_CHARS, "friend:%s", zone);
}

enum pz_err
pz_friends_kept_init(struct pz_friends_kept *kept)
{
	*kept = (struct pz_friends_kept){.table = pz_friends_new(), .ended = json_object()};
	return kept->table && kept->ended ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

void
pz_friends_kept_fini(struct pz_friends_kept *kept)
{
	pz_friends_free(kept->table);
	json_decref(kept->ended);
	for (size_t i = 0; i < kept->invitations.len; i++)
		pz_invitation_wipe(&kept->invitations.list[i]);
	*kept = (struct pz_friends_kept){.table = NULL};
}

/* ---- reading ---- */

/* What follows the prefix in a key; NULL: another prefix. */
static const char *
after(const char *key, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(key, prefix, len) == 0 ? key + len : NULL;
}

static enum pz_err
read_crl(struct pz_friend *f, const json_t *record, struct pz_errinfo *info)
{
	struct pz_crl *crl = NULL;

	if (json_object_get(record, "crl") == NULL)
		return PZ_OK;
	PZ_TRY(pz_record_get_crl(record, "crl", &crl, info));
	enum pz_err err = pz_friend_set_crl(f, crl, info);
	pz_crl_free(crl);
	return err;
}

/* Strict: a record that cannot be read stops the loading of the zone. If a friend were skipped
 * silently, its devices would be strangers and lose their permissions without an explanation. */
static enum pz_err
read_friend(struct pz_friends_kept *kept, const char *name, const json_t *record, const char *zone,
	    const struct pz_cert *ca, struct pz_errinfo *info)
{
	const char *text = pz_json_str(record, "text");
	PZ_AUTO(pz_friend_free) struct pz_friend *f = NULL;
	int64_t seen = 0;

	if (text == NULL)
		return pz_fail(info, PZ_ERR_PROTO, "friend %s: its record has no text", name);
	PZ_TRY(pz_friend_parse(pz_slice_str(text), &f, info));
	if (strcmp(f->zone, name) != 0 || strcmp(f->zone, zone) == 0)
		return pz_fail(info, PZ_ERR_PROTO, "friend %s: the record is of another zone",
			       name);
	if (pz_friend_is_confirmed(f))
		PZ_TRY(pz_friend_check(f, zone, ca, info));
	(void)pz_json_int(record, "seen", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &seen);
	f->seen_ms = (uint64_t)seen;
	PZ_TRY(read_crl(f, record, info));
	return pz_friends_put(kept->table, PZ_TAKE(f), info);
}

static enum pz_err
read_end(struct pz_friends_kept *kept, const char *name, const json_t *record,
	 struct pz_errinfo *info)
{
	int64_t at = 0;

	if (!pz_zone_is_valid(pz_slice_str(name)) ||
	    !pz_json_int(record, "at", 1, (int64_t)PZ_SYNC_TIME_MS_MAX, &at))
		return pz_fail(info, PZ_ERR_PROTO, "friend %s: the record of its end is malformed",
			       name);
	pz_friends_note_end(kept, name, (uint64_t)at);
	return PZ_OK;
}

static enum pz_err
read_invitation(struct pz_friends_kept *kept, const char *id, const json_t *record,
		const char *zone, const struct pz_cert *ca, struct pz_errinfo *info)
{
	char *text = json_dumps(record, JSON_COMPACT);
	struct pz_invitation i;

	if (text == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_invitation_read(pz_slice_str(text), zone, ca, &i);
	pz_record_text_wipe(text);
	if (err != PZ_OK || strcmp(i.id, id) != 0)
		return pz_fail(info, PZ_ERR_PROTO, "the record of an invitation is malformed");
	(void)!pz_invitations_add(&kept->invitations, &i); /* more than the maximum */
	pz_invitation_wipe(&i);
	return PZ_OK;
}

enum pz_err
pz_friends_kept_read(struct pz_friends_kept *kept, const char *key, const json_t *record,
		     const char *zone, const struct pz_cert *ca, struct pz_errinfo *info)
{
	const char *name;

	if ((name = after(key, FRIEND)) != NULL)
		return read_friend(kept, name, record, zone, ca, info);
	if ((name = after(key, ENDED)) != NULL)
		return read_end(kept, name, record, info);
	if ((name = after(key, INVITATION)) != NULL)
		return read_invitation(kept, name, record, zone, ca, info);
	return pz_fail(info, PZ_ERR_PROTO, "friends: a record has an unknown name");
}

struct load {
	struct pz_friends_kept *kept;
	const char *space, *zone;
	const struct pz_cert *ca;
	struct pz_errinfo *info;
};

static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	const struct load *load = arg;
	json_t *record = NULL;

	PZ_TRY(pz_record_parse(load->space, key, value, &record, load->info));
	enum pz_err err =
		pz_friends_kept_read(load->kept, key, record, load->zone, load->ca, load->info);
	pz_record_wipe(record, "text");
	pz_record_wipe(record, "secret");
	json_decref(record);
	return err;
}

enum pz_err
pz_friends_kept_load(struct pz_store *store, const char *zone, const struct pz_cert *ca,
		     struct pz_friends_kept *kept, struct pz_errinfo *info)
{
	char space[PZ_FRIENDS_SPACE_CHARS];
	struct load load = {kept, space, zone, ca, info};

	pz_friends_space(zone, space);
	return pz_store_load(store, space, load_one, &load, info);
}

/* ---- writing ---- */

/* `record` is referenced here as well, so that its secret can be wiped after the store has copied
 * it. */
static enum pz_err
put_friend(const struct pz_friend *f, const char *space, struct pz_txn *txn)
{
	char key[KEY_CHARS];
	char *text = pz_friend_text(f);
	json_t *record =
		text ? json_pack("{s:s, s:I}", "text", text, "seen", (json_int_t)f->seen_ms) : NULL;

	pz_record_text_wipe(text);
	if (record && f->crl)
		(void)json_object_set_new(record, "crl", pz_record_crl(f->crl));
	snprintf(key, sizeof(key), FRIEND "%s", f->zone);
	json_incref(record);
	enum pz_err err = pz_record_put(txn, space, key, record);
	pz_record_wipe(record, "text");
	json_decref(record);
	return err;
}

static enum pz_err
put_end(const char *friend_zone, uint64_t ended_ms, const char *space, struct pz_txn *txn)
{
	char key[KEY_CHARS];

	snprintf(key, sizeof(key), ENDED "%s", friend_zone);
	return pz_record_put(txn, space, key, json_pack("{s:I}", "at", (json_int_t)ended_ms));
}

/* A friendship that begins again removes its end in the same transaction: both records at once
 * would contradict each other. */
enum pz_err
pz_friends_put_record(const struct pz_friend *f, const char *zone, struct pz_txn *txn)
{
	char space[PZ_FRIENDS_SPACE_CHARS], key[KEY_CHARS];

	pz_friends_space(zone, space);
	snprintf(key, sizeof(key), ENDED "%s", f->zone);
	PZ_TRY(pz_txn_remove(txn, space, key));
	return put_friend(f, space, txn);
}

enum pz_err
pz_friends_end_record(const char *friend_zone, uint64_t ended_ms, const char *zone,
		      struct pz_txn *txn)
{
	char space[PZ_FRIENDS_SPACE_CHARS], key[KEY_CHARS];

	pz_friends_space(zone, space);
	snprintf(key, sizeof(key), FRIEND "%s", friend_zone);
	PZ_TRY(pz_txn_remove(txn, space, key));
	pz_txn_scrub(txn); /* it contained the secret of the friendship */
	return put_end(friend_zone, ended_ms, space, txn);
}

enum pz_err
pz_friends_kept_save(const struct pz_friends_kept *kept, const char *space, struct pz_txn *txn)
{
	size_t pos = 0;
	const struct pz_friend *f;
	const char *name;
	const json_t *at;

	while ((f = pz_friends_next(kept->table, &pos)) != NULL)
		PZ_TRY(put_friend(f, space, txn));
	json_object_foreach ((json_t *)kept->ended, name, at)
		PZ_TRY(put_end(name, (uint64_t)json_integer_value(at), space, txn));
	return PZ_OK;
}

/* ---- ends ---- */

/* The oldest end is dropped: a device that was away for longer learns of it when the friend refuses
 * it. */
static void
bound_ends(struct pz_friends_kept *kept)
{
	const char *name, *oldest = NULL;
	const json_t *at;
	json_int_t first = 0;

	if (json_object_size(kept->ended) <= PZ_FRIENDS_MAX)
		return;
	json_object_foreach (kept->ended, name, at) {
		if (oldest && json_integer_value(at) >= first)
			continue;
		oldest = name;
		first = json_integer_value(at);
	}
	if (oldest)
		(void)json_object_del(kept->ended, oldest);
}

void
pz_friends_note_end(struct pz_friends_kept *kept, const char *friend_zone, uint64_t ended_ms)
{
	if (ended_ms == 0)
		(void)json_object_del(kept->ended, friend_zone);
	else
		(void)json_object_set_new(kept->ended, friend_zone,
					  json_integer((json_int_t)ended_ms));
	bound_ends(kept);
}

uint64_t
pz_friends_ended_ms(const struct pz_friends_kept *kept, const char *friend_zone)
{
	return (uint64_t)json_integer_value(json_object_get(kept->ended, friend_zone));
}

/* ---- invitations ---- */

enum pz_err
pz_friends_put_invitation(const struct pz_invitation *i, struct pz_txn *txn)
{
	char space[PZ_FRIENDS_SPACE_CHARS], key[KEY_CHARS];
	char *text = pz_invitation_text(i);

	pz_friends_space(i->zone, space);
	snprintf(key, sizeof(key), INVITATION "%s", i->id);
	enum pz_err err =
		text ? pz_txn_put(txn, space, key, pz_slice_str(text)) : PZ_ERR_LIMIT_MEMORY;
	pz_record_text_wipe(text);
	return err;
}

enum pz_err
pz_friends_remove_invitation(const char *id, const char *zone, struct pz_txn *txn)
{
	char space[PZ_FRIENDS_SPACE_CHARS], key[KEY_CHARS];

	pz_friends_space(zone, space);
	snprintf(key, sizeof(key), INVITATION "%s", id);
	return pz_txn_remove(txn, space, key);
}
