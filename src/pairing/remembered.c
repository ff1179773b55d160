/*
 * The result of a pairing: the partner's zone becomes a friend of this device, either for one
 * device and this session, or stored. A stored friend is on disk before it is trusted, and before
 * the other side gets "trusted" (page 6). The hub's list takes precedence: our own record of a
 * friend in it is removed, so that a friend that the owner removes does not return at the next
 * start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pairing/internal.h"
#include "record/record.h"

#define SPACE "paired" /* key: own zone, ' ', the friend's; value: pz_friend_text */
#define KEY_BYTES (2 * PZ_ZONE_BYTES_MAX + 2)

static void
key_of(const struct pz_pairing *pairing, const char *zone, char out[KEY_BYTES])
{
	snprintf(out, KEY_BYTES, "%s %s", pairing->own_zone, zone);
}

struct pair_record {
	struct pz_list node;        /* in pairing.records; in no list: it has no effect any more */
	struct pz_pairing *pairing; /* NULL: nothing is written for it any more */
	struct pz_friend *f;        /* NULL: a friend already, or removed in the meantime */
	char key[KEY_BYTES];
	void (*done)(void *arg, enum pz_err err, const char *detail);
	void *arg;
	unsigned saves;  /* the keep's counter when this was submitted */
	bool is_writing; /* its call-back has not run yet */
	bool is_stored;
	bool is_over; /* its owner has released it: its call-back frees it */
};

/* ---- disk ---- */

static enum pz_err
put(const char *key, const struct pz_friend *f, struct pz_txn *txn)
{
	char *text = pz_friend_text(f);

	if (text == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = pz_txn_put(txn, SPACE, key, pz_slice_str(text));
	pz_record_text_wipe(text);
	return err;
}

/* Writes all friends in place of the stored ones, and of what an earlier transaction may have
 * stored. */
static enum pz_err
save(void *arg, struct pz_txn *txn)
{
	struct pz_pairing *pairing = arg;
	const struct pz_friend *f;
	char key[KEY_BYTES];
	size_t pos = 0;

	PZ_TRY(pz_txn_remove_space(txn, SPACE));
	while ((f = pz_friends_next(pairing->own, &pos)) != NULL) {
		key_of(pairing, f->zone, key);
		PZ_TRY(put(key, f, txn));
	}
	PZ_LIST_EACH (&pairing->records, n, tmp) {
		const struct pair_record *record = PZ_CONTAINER(n, struct pair_record, node);
		if (record->f)
			PZ_TRY(put(record->key, record->f, txn));
	}
	return PZ_OK;
}

static void
commit(struct pz_pairing *pairing, struct pz_txn *txn, enum pz_err err)
{
	if (err == PZ_OK) {
		pz_keep_commit(&pairing->keep, txn);
		return;
	}
	pz_txn_free(txn);
	pz_keep_failed(&pairing->keep, err, "out of memory");
}

/* Removes the record that a window has stored; a former pairing with the same friend is restored in
 * its place. */
static void
remove_key(struct pz_pairing *pairing, const char *key)
{
	const char *zone = strchr(key, ' ');
	const struct pz_friend *before =
		zone ? pz_friends_find(pairing->own, pz_slice_str(zone + 1)) : NULL;
	struct pz_txn *txn = pz_txn_new();

	if (txn == NULL)
		commit(pairing, NULL, PZ_ERR_LIMIT_MEMORY);
	else
		commit(pairing, txn,
		       before ? put(key, before, txn) : pz_txn_remove(txn, SPACE, key));
}

/* The record that a window has stored of the same zone is removed too, and is not trusted any
 * more. */
static void
unstore(struct pz_pairing *pairing, const char *zone)
{
	char key[KEY_BYTES];

	key_of(pairing, zone, key);
	(void)pz_friends_remove(pairing->own, pz_slice_str(zone));
	PZ_LIST_EACH (&pairing->records, n, tmp) {
		struct pair_record *record = PZ_CONTAINER(n, struct pair_record, node);
		if (strcmp(record->key, key) == 0) {
			pz_friend_free(record->f);
			record->f = NULL;
		}
	}
	remove_key(pairing, key);
}

void
pz_pairing_keep_init(struct pz_pairing *pairing)
{
	const struct pz_keep_config config = {
		.store = pairing->config.store,
		.env = pairing->config.env,
		.what = "who was paired with",
		.save = save,
		.arg = pairing,
	};

	pz_keep_init(&pairing->keep, &config);
}

/* ---- loading ---- */

/* A record that cannot be read is skipped: everything else works. Records of another zone are left
 * from before that zone was left. */
static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct pz_pairing *pairing = arg;
	size_t len = strlen(pairing->own_zone);
	struct pz_friend *f = NULL;
	struct pz_errinfo info = {""};

	if (len == 0 || strncmp(key, pairing->own_zone, len) != 0 || key[len] != ' ')
		return PZ_OK;
	enum pz_err err = pz_friend_parse(value, &f, &info);
	if (err == PZ_OK && (strcmp(f->zone, key + len + 1) != 0 || f->sig[0]))
		err = PZ_ERR_PROTO;
	if (err == PZ_OK)
		err = pz_friends_put(pairing->own, PZ_TAKE(f), &info);
	pz_friend_free(f);
	if (err != PZ_OK && err != PZ_ERR_LIMIT_MEMORY)
		pz_warning("paired-unreadable", "%s: %s", key, pz_errinfo_text(&info, err));
	return err == PZ_ERR_LIMIT_MEMORY ? err : PZ_OK;
}

enum pz_err
pz_pairing_load(struct pz_pairing *pairing, const char *own_zone, struct pz_errinfo *info)
{
	const struct pz_friend *f;
	size_t pos = 0;

	snprintf(pairing->own_zone, sizeof(pairing->own_zone), "%s", own_zone ? own_zone : "");
	PZ_TRY(pz_store_load(pairing->config.store, SPACE, load_one, pairing, info));
	while ((f = pz_friends_next(pairing->own, &pos)) != NULL) {
		struct pz_friend *copy = pz_friend_copy(f);
		if (copy == NULL)
			return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
		PZ_TRY(pz_friends_put(pairing->config.zone->friends, copy, info));
	}
	return PZ_OK;
}

/* ---- the hub ---- */

/* No answer is awaited: what the hub accepts returns in its list (pz_pairing_follow_hub), and until
 * then it is offered again on each link. Number 0 belongs to no command. */
static void
offer(const struct pz_pairing *pairing, const struct pz_friend *f)
{
	char *text = pz_friend_text(f);
	json_t *message = text ? json_pack("{s:i, s:s}", "id", 0, "friend", text) : NULL;

	if (message)
		pairing->config.ops->offer(pairing->config.arg, message);
	pz_record_wipe(message, "friend");
	json_decref(message);
	pz_record_text_wipe(text);
}

void
pz_pairing_offer(struct pz_pairing *pairing)
{
	const struct pz_friend *f;
	size_t pos = 0;

	while ((f = pz_friends_next(pairing->own, &pos)) != NULL)
		offer(pairing, f);
}

/* ---- friends ---- */

static bool
has_same_ca(const struct pz_friend *f, const struct pz_cert *ca)
{
	uint8_t ours[PZ_KEY_HASH_BYTES], theirs[PZ_KEY_HASH_BYTES];

	pz_cert_spki_hash(f->ca, ours);
	pz_cert_spki_hash(ca, theirs);
	return memcmp(ours, theirs, sizeof(ours)) == 0;
}

enum pz_err
pz_pairing_check_zone(const struct pz_pairing *pairing, const struct pz_pair_card *partner,
		      struct pz_errinfo *info)
{
	const struct pz_friend *f =
		pz_friends_find(pairing->config.zone->friends, pz_slice_str(partner->zone));

	if (f && !has_same_ca(f, partner->pzh_ca))
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "%s is known here by another certificate authority: either its hub "
			       "was made anew, then remove that friend first, or this is an "
			       "impostor",
			       partner->zone);
	return PZ_OK;
}

static enum pz_err
make_friend(const struct pz_pairing *pairing, const struct pz_pair_result *result,
	    struct pz_friend **out)
{
	const struct pz_pair_card *partner = result->partner;
	struct pz_friend *f = NULL;

	PZ_TRY(pz_friend_new(partner->zone, partner->pzh_ca, &f, NULL));
	snprintf(f->display_name, sizeof(f->display_name), "%s", partner->display_name);
	memcpy(f->secret, result->secret, sizeof(f->secret));
	f->since_ms = f->changed_ms = pz_env_wall_ms(pairing->config.env);
	f->is_confirmed_here = f->is_confirmed_there = true;
	snprintf(f->by, sizeof(f->by), "%s", pairing->config.names->device);
	*out = f;
	return PZ_OK;
}

static bool
is_friend(const struct pz_pairing *pairing, const char *zone)
{
	const struct pz_friend *f =
		pz_friends_find(pairing->config.zone->friends, pz_slice_str(zone));

	return f && pz_friend_is_confirmed(f) && f->only[0] == '\0';
}

/* The hubs of both zones have a secret for it: a pairing does not change it. */
static bool
is_listed(const struct pz_pairing *pairing, const char *zone)
{
	const struct pz_friend *f =
		pz_friends_find(pairing->config.zone->friends, pz_slice_str(zone));

	return f && f->sig[0] && is_friend(pairing, zone);
}

/* ---- before it counts ---- */

static void
free_record(void *arg)
{
	struct pair_record *record = arg;

	pz_list_remove(&record->node);
	pz_friend_free(record->f);
	free(record);
}

/* The store is freed first: the owner still has the record, and no commit of it is running. */
static void
on_dropped(void *arg)
{
	struct pair_record *record = arg;

	record->is_writing = false;
	if (record->is_over)
		free_record(record);
}

static void
on_recorded(void *arg, enum pz_err err, const char *detail)
{
	struct pair_record *record = arg;

	record->is_writing = false;
	record->is_stored = err == PZ_OK && record->f;
	/* A failed write may have been stored since, together with everything else. */
	if (err != PZ_OK && record->pairing && record->f &&
	    record->saves != record->pairing->keep.saves)
		remove_key(record->pairing, record->key);
	if (err != PZ_OK)
		pz_list_remove(&record->node);
	if (record->is_over)
		free_record(record);
	else
		record->done(record->arg, err, detail);
}

static enum pz_err
check_room(const struct pz_pairing *pairing, const char *zone, struct pz_errinfo *info)
{
	const struct pz_friends *friends = pairing->config.zone->friends;

	if (pairing->keep.is_ended)
		return pz_fail(info, PZ_ERR_EXISTS, "the zone is being left");
	if (pz_friends_find(friends, pz_slice_str(zone)) == NULL &&
	    pz_friends_len(friends) >= PZ_FRIENDS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "there are %d friends already; remove one with `pzp friend remove`",
			       PZ_FRIENDS_MAX);
	return PZ_OK;
}

static enum pz_err
fill(struct pair_record *record, const struct pz_pair_result *result, struct pz_txn *txn)
{
	const struct pz_pairing *pairing = record->pairing;

	if (is_listed(pairing, result->partner->zone))
		return PZ_OK; /* a barrier: it is stored, or being stored */
	PZ_TRY(make_friend(pairing, result, &record->f));
	return put(record->key, record->f, txn);
}

enum pz_err
pz_pairing_record(struct pz_pairing *pairing, const struct pz_pair_result *result,
		  void (*done)(void *arg, enum pz_err err, const char *detail), void *arg,
		  struct pair_record **out, struct pz_errinfo *info)
{
	PZ_AUTO(pz_txn_free) struct pz_txn *txn = NULL;
	struct pair_record *record;

	PZ_TRY(check_room(pairing, result->partner->zone, info));
	txn = pz_txn_new();
	record = calloc(1, sizeof(*record));
	if (record) {
		record->pairing = pairing;
		record->done = done;
		record->arg = arg;
		record->saves = pairing->keep.saves;
		key_of(pairing, result->partner->zone, record->key);
	}
	if (txn == NULL || record == NULL || fill(record, result, txn) != PZ_OK) {
		if (record)
			free_record(record);
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	}
	record->is_writing = true;
	pz_list_append(&pairing->records, &record->node);
	pz_txn_on_drop(txn, on_dropped);
	pz_store_commit(pairing->config.store, PZ_TAKE(txn), on_recorded, record);
	*out = record;
	return PZ_OK;
}

/* The removal is submitted at once, after the write: the daemon may stop before the write has
 * ended. Commits end in their order. */
void
pz_pairing_unrecord(struct pair_record *record)
{
	if (record == NULL)
		return;
	pz_list_remove(&record->node);
	if (record->pairing && record->f && (record->is_writing || record->is_stored))
		remove_key(record->pairing, record->key);
	record->is_over = true;
	record->pairing = NULL;
	if (!record->is_writing)
		free_record(record);
}

void
pz_pairing_records_end(struct pz_pairing *pairing)
{
	PZ_LIST_EACH (&pairing->records, n, tmp) {
		struct pair_record *record = PZ_CONTAINER(n, struct pair_record, node);
		pz_list_remove(&record->node);
		record->pairing = NULL;
	}
}

/* ---- it counts ---- */

/* The record stays on disk, and is one of this device's own friends from now on. */
static enum pz_err
take_record(struct pz_pairing *pairing, struct pair_record *record, struct pz_friend **out)
{
	struct pz_friend *copy = pz_friend_copy(record->f);

	if (copy == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = pz_friends_put(pairing->own, copy, NULL);
	if (err == PZ_OK)
		*out = PZ_TAKE(record->f);
	return err;
}

static enum pz_err
put_friend(struct pz_pairing *pairing, const struct pz_pair_result *result,
	   struct pair_record *record)
{
	const struct pz_pair_card *partner = result->partner;
	struct pz_friend *f = NULL;
	enum pz_err err;

	if (result->remembered) {
		err = take_record(pairing, record, &f);
	} else {
		err = make_friend(pairing, result, &f);
		if (err == PZ_OK)
			snprintf(f->only, sizeof(f->only), "%s", partner->device);
	}
	if (err == PZ_OK)
		err = pz_friends_put(pairing->config.zone->friends, f, NULL);
	if (err == PZ_OK && result->remembered)
		offer(pairing, pz_friends_find(pairing->own, pz_slice_str(partner->zone)));
	else if (err != PZ_OK && result->remembered)
		unstore(pairing, partner->zone);
	return err;
}

bool
pz_pairing_trust(struct pz_pairing *pairing, const struct pz_pair_result *result,
		 struct pair_record *takes_record)
{
	const char *zone = result->partner->zone;
	struct pz_pair_result now = *result;
	enum pz_err err = PZ_OK;

	/* A person has removed this friend here since it was stored: so it is trusted for this
	 * session only. */
	now.remembered = result->remembered && takes_record && takes_record->f;
	/* If either device has no zone, there is no zone that could become a friend; and a friend
	 * already in the list is not changed. But the other side may have lost a friend that this
	 * one still has: then both take the secret of this pairing. */
	bool is_all = pairing->own_zone[0] == '\0' || zone[0] == '\0' ||
		      (is_friend(pairing, zone) && (!now.remembered || is_listed(pairing, zone)));
	if (!is_all)
		err = put_friend(pairing, &now, takes_record);
	pz_pairing_unrecord(takes_record);
	if (!is_all && err == PZ_OK)
		pairing->config.ops->trust_changed(pairing->config.arg);
	return is_all || (err == PZ_OK && now.remembered == result->remembered);
}

void
pz_pairing_follow_hub(struct pz_pairing *pairing)
{
	const struct pz_friend *f;
	size_t pos = 0;

	while ((f = pz_friends_next(pairing->own, &pos)) != NULL) {
		const struct pz_friend *now =
			pz_friends_find(pairing->config.zone->friends, pz_slice_str(f->zone));
		char zone[PZ_ZONE_BYTES_MAX + 1];

		memcpy(zone, f->zone, sizeof(zone));
		if (now == NULL || now->sig[0])
			unstore(pairing, zone);
	}
}

bool
pz_pairing_forget(struct pz_pairing *pairing, const char *zone)
{
	struct pz_friends *friends = pairing->config.zone->friends;
	const struct pz_friend *f = pz_friends_find(friends, pz_slice_str(zone));

	if (f == NULL || f->sig[0])
		return false;
	(void)pz_friends_remove(friends, pz_slice_str(zone));
	unstore(pairing, zone);
	pairing->config.ops->trust_changed(pairing->config.arg);
	return true;
}

/* ---- the zone is left ---- */

enum pz_err
pz_pairing_wipe(struct pz_pairing *pairing, struct pz_txn *txn)
{
	if (pairing->own_zone[0]) /* otherwise it was wiped, and this is tried again */
		pz_keep_end(&pairing->keep);
	return pz_txn_remove_space(txn, SPACE);
}

void
pz_pairing_wiped(struct pz_pairing *pairing)
{
	struct pz_friends *friends = pairing->config.zone->friends;
	const struct pz_friend *f;
	size_t pos = 0;

	while ((f = pz_friends_next(friends, &pos)) != NULL)
		if (f->sig[0] == '\0')
			(void)pz_friends_remove(friends, pz_slice_str(f->zone));
	pos = 0;
	while ((f = pz_friends_next(pairing->own, &pos)) != NULL)
		(void)pz_friends_remove(pairing->own, pz_slice_str(f->zone));
	pz_keep_stop(&pairing->keep);
	pairing->own_zone[0] = '\0';
	pz_pairing_keep_init(pairing);
}

void
pz_pairing_joined(struct pz_pairing *pairing, const char *own_zone)
{
	snprintf(pairing->own_zone, sizeof(pairing->own_zone), "%s", own_zone);
}
