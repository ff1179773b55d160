/*
 * What follows from a pairing: the partner's zone is a friend at this device, for one device and
 * this session, or stored. A friend that the hub's list has is the hub's matter: our own record of
 * it goes, so that a friend that the owner removes does not come back with the next start.
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

/* ---- disk ---- */

static enum pz_err
put(const struct pz_pairing *pairing, const struct pz_friend *f, struct pz_txn *txn)
{
	char key[KEY_BYTES], *text = pz_friend_text(f);

	if (text == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	key_of(pairing, f->zone, key);
	enum pz_err err = pz_txn_put(txn, SPACE, key, pz_slice_str(text));
	pz_record_text_wipe(text);
	return err;
}

/* All of it, in place of what is stored. */
static enum pz_err
save(void *arg, struct pz_txn *txn)
{
	const struct pz_pairing *pairing = arg;
	const struct pz_friend *f;
	size_t pos = 0;

	PZ_TRY(pz_txn_remove_space(txn, SPACE));
	while ((f = pz_friends_next(pairing->own, &pos)) != NULL)
		PZ_TRY(put(pairing, f, txn));
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

static void
store(struct pz_pairing *pairing, const struct pz_friend *f)
{
	struct pz_txn *txn = pz_txn_new();

	commit(pairing, txn, txn ? put(pairing, f, txn) : PZ_ERR_LIMIT_MEMORY);
}

static void
unstore(struct pz_pairing *pairing, const char *zone)
{
	struct pz_txn *txn = pz_txn_new();
	char key[KEY_BYTES];

	key_of(pairing, zone, key);
	(void)pz_friends_remove(pairing->own, pz_slice_str(zone));
	commit(pairing, txn, txn ? pz_txn_remove(txn, SPACE, key) : PZ_ERR_LIMIT_MEMORY);
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

/* One that cannot be read is left out: everything else works. What belongs to another zone was left
 * behind when that zone was left. */
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

/* Its answer is not waited for: what it has taken comes back in its list (pz_pairing_follow_hub),
 * and is offered again with the next link until then. Number 0 is no command's. */
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
	if (!result->remembered)
		snprintf(f->only, sizeof(f->only), "%s", partner->device);
	*out = f;
	return PZ_OK;
}

static void
remember(struct pz_pairing *pairing, const struct pz_friend *f)
{
	store(pairing, f);
	offer(pairing, f);
}

bool
pz_pairing_trust(struct pz_pairing *pairing, const struct pz_pair_result *result)
{
	struct pz_friends *friends = pairing->config.zone->friends;
	struct pz_slice zone = pz_slice_str(result->partner->zone);
	const struct pz_friend *known = pz_friends_find(friends, zone);
	struct pz_friend *f = NULL, *copy = NULL;

	/* A device without a zone, here or there, has none that could be a friend. */
	if (pairing->own_zone[0] == '\0' || zone.len == 0)
		return true;
	if (known && pz_friend_is_confirmed(known) && known->only[0] == '\0')
		return true; /* friends already: neither more nor less */
	enum pz_err err = make_friend(pairing, result, &f);
	if (err == PZ_OK && result->remembered) {
		copy = pz_friend_copy(f);
		err = copy ? pz_friends_put(pairing->own, PZ_TAKE(copy), NULL)
			   : PZ_ERR_LIMIT_MEMORY;
	}
	if (err == PZ_OK)
		err = pz_friends_put(friends, PZ_TAKE(f), NULL);
	pz_friend_free(f);
	if (err == PZ_OK && result->remembered)
		remember(pairing, pz_friends_find(pairing->own, zone));
	if (err == PZ_OK)
		pairing->config.ops->trust_changed(pairing->config.arg);
	return err == PZ_OK;
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
	if (pairing->own_zone[0]) /* else it was wiped, and this is tried again */
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
