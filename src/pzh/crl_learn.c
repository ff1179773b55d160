/*
 * Revocation lists that devices offer. A hub has the newest one itself, unless it was restored from
 * a backup: then its devices know whom it had revoked since, and what it signed counts again.
 */
#include <stdlib.h>

#include "base/auto.h"
#include "pzh/internal.h"

/* A list that waits for its turn, then for the disk. */
struct learning {
	struct zone_turn turn;
	struct hub_zone *zone;
	struct pz_crl *crl;
	struct pz_zone_change *change;
	char from[PZ_DEVICE_BYTES_MAX + 1];
};

static void
free_learning(struct learning *l)
{
	l->zone->learning--;
	pz_crl_free(l->crl);
	free(l);
}

static void
drop_learning(struct zone_turn *turn)
{
	struct learning *l = (struct learning *)(void *)turn;

	pz_authority_drop(l->change);
	free_learning(l);
}

static void
end_learning(struct learning *l)
{
	struct hub_zone *zone = l->zone;

	free_learning(l);
	zone_end_turn(zone);
}

/* Whose record says that it is in the zone, while the list says otherwise. @return how many */
static size_t
expel_listed(struct hub_zone *zone)
{
	size_t pos = 0, count = 0;
	void *value;

	while (pz_map_next(zone->authority->members, &pos, NULL, &value)) {
		struct pz_member *member = value;
		if (!pz_authority_mark_listed(zone->authority, member))
			continue;
		count++;
		zone_revoked(zone, member, "revoked before the hub was restored from a backup");
		zone_save_member(zone, member);
		pz_hub_sync_device_changed(zone, member->device);
	}
	return count;
}

static void
on_learned(void *arg, enum pz_err err, const char *detail)
{
	struct learning *l = arg;
	struct hub_zone *zone = l->zone;
	struct pz_errinfo info = {""};

	if (err != PZ_OK) {
		pz_authority_drop(PZ_TAKE(l->change));
		pz_error("store",
			 "zone=%s the newer revocation list of %s was not stored and does not "
			 "count here; it comes again with the next link of a device: %s",
			 zone->authority->zone, l->from, detail);
		end_learning(l);
		return;
	}
	uint64_t old = pz_crl_number(zone->authority->crl);
	(void)pz_authority_apply(zone->authority, PZ_TAKE(l->change));
	pz_hub_sync_push(zone, PZ_SYNC_CRL, zone->authority->zone); /* first: who is out is out */
	size_t expelled = expel_listed(zone);
	if (zone_refresh_trust(zone, &info) != PZ_OK)
		pz_error("trust", "zone=%s %s", zone->authority->zone, info.text);
	pz_warning("crl-learned",
		   "zone=%s from=%s number=%llu here=%llu now=%llu revoked=%zu this hub's data is "
		   "older than what its devices know (restored from a backup?): devices enrolled "
		   "since must leave and enrol again",
		   zone->authority->zone, l->from, (unsigned long long)pz_crl_number(l->crl),
		   (unsigned long long)old, (unsigned long long)pz_crl_number(zone->authority->crl),
		   expelled);
	end_learning(l);
}

static void
begin_learning(struct zone_turn *turn)
{
	struct learning *l = (struct learning *)(void *)turn;
	struct hub_zone *zone = l->zone;
	struct pz_errinfo info = {""};
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? pz_authority_learn(zone->authority, l->crl, txn, &l->change, &info)
			      : PZ_ERR_LIMIT_MEMORY;

	if (err == PZ_OK) {
		pz_store_commit(zone->hub->config.store, txn, on_learned, l);
		return;
	}
	pz_txn_free(txn);
	if (err != PZ_ERR_EXISTS) /* that one: another device was first */
		pz_error("crl", "zone=%s cannot take the list of %s: %s", zone->authority->zone,
			 l->from, pz_errinfo_text(&info, err));
	end_learning(l);
}

/* Takes a reference. */
static enum pz_err
queue(struct hub_peer *peer, struct pz_crl *crl, struct pz_errinfo *info)
{
	struct hub_zone *zone = peer->zone;
	struct learning *l = NULL;

	if (zone->learning < PZ_CRL_LEARNING_MAX)
		l = calloc(1, sizeof(*l));
	if (l == NULL)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "other lists are being stored; come again with the next link");
	zone->learning++;
	l->turn = (struct zone_turn){.begin = begin_learning, .drop = drop_learning};
	l->zone = zone;
	l->crl = pz_crl_ref(crl);
	snprintf(l->from, sizeof(l->from), "%s", peer->member ? peer->member->device : "?");
	zone_take_turn(zone, &l->turn);
	return PZ_OK;
}

enum pz_err
crl_learn_offered(struct hub_peer *peer, const struct pz_sync_chunk *chunk, struct pz_errinfo *info)
{
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;
	const struct pz_authority *a = peer->zone->authority;

	if (strcmp(chunk->key, a->zone) != 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "CRL of a zone that is not this one");
	if (chunk->deleted)
		return pz_fail(info, PZ_ERR_DENIED, "a CRL is never deleted");
	PZ_TRY(pz_crl_from_pem(pz_slice_of(chunk->value, chunk->value_len), &crl, info));
	PZ_TRY(pz_crl_verify(crl, a->ca, info));
	if (pz_authority_is_news(a, crl))
		return queue(peer, crl, info);
	if (pz_crl_number(crl) < pz_crl_number(a->crl))
		pz_info_of(peer->log, peer->hub->config.env, "crl-older",
			   "device=%s number=%llu here=%llu", peer->link->session.address,
			   (unsigned long long)pz_crl_number(crl),
			   (unsigned long long)pz_crl_number(a->crl));
	return PZ_OK;
}
