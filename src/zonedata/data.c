/*
 * Receives the zone's data (page 8): what the hub has signed (zone/knowledge.h), and what every
 * device may write (shared/shared.h). Data is checked, applied at once, and stored afterwards; a
 * crash in between costs one more exchange, a full disk further attempts. The owner's policy is the
 * exception (policy.c). Other modules read the result from zone/device.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "friends/chunk.h"
#include "items/items.h"
#include "items/prefs.h"
#include "shared/shared.h"
#include "zone/tag.h"
#include "zonedata/internal.h"

/* ---- what is synchronised ---- */

/* Page 10: items that the user cannot opt out of have no preference. */
static bool
is_opted_out(const struct pz_zonedata *data, const struct pz_sync_kind *kind)
{
	enum pz_pref pref;

	return kind->preference && pz_pref_find(kind->preference, &pref, NULL) == PZ_OK &&
	       !pz_prefs_bool(pz_user_prefs(data->config.items), pref);
}

struct pz_sync_item *
pz_zonedata_item(const struct pz_zonedata *data, const struct pz_sync_kind *kind)
{
	/* Without a zone nothing is exchanged: the link is about to end. */
	if (data->zone->knowledge == NULL || is_opted_out(data, kind))
		return NULL;
	struct pz_sync_item *item = pz_shared_item(pz_items_shared(data->config.items), kind);
	return item ? item : pz_knowledge_item(data->zone->knowledge, kind);
}

static enum pz_err
keep_older_crl(struct pz_zonedata *data, const struct pz_sync_chunk *chunk, bool *out_kept,
	       struct pz_errinfo *info)
{
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (txn)
		err = pz_knowledge_keep_older_crl(data->zone->knowledge, chunk, txn, info);
	if (err == PZ_OK && !data->is_leaving)
		pz_keep_commit(&data->keep, PZ_TAKE(txn));
	pz_txn_free(txn);
	if (err == PZ_ERR_LIMIT_MEMORY && !data->is_leaving) /* it may apply nevertheless */
		pz_keep_failed(&data->keep, err, "out of memory");
	*out_kept = err == PZ_OK || err == PZ_ERR_LIMIT_MEMORY;
	return err;
}

static struct pz_zonedata *
data_of(const struct pz_sync_link *link)
{
	return link->links->config.arg;
}

/* A deletion has no signature. A deletion of what the hub writes is accepted only from the hub,
 * because a peer could otherwise make the zone forget a device. The revocation list, too, shows
 * that a device is out. */
static bool
is_only_said(const struct pz_sync_link *from, const struct pz_sync_kind *kind,
	     const struct pz_sync_chunk *chunk)
{
	return chunk->deleted && from->other != PZ_SYNC_HUB &&
	       pz_knowledge_item(data_of(from)->zone->knowledge, kind) != NULL;
}

/* The hub's policy is older than ours: its data was restored. It gets the policy that it has signed
 * since. */
static void
give_back_policy(struct pz_sync_link *hub, const struct pz_sync_kind *kind,
		 const struct pz_sync_chunk *chunk)
{
	const struct pz_zonedata *data = data_of(hub);
	struct pz_policy_record ours;
	uint64_t number;

	if (!pz_knowledge_policy(data->zone->knowledge, &ours) ||
	    !pz_knowledge_number(NULL, kind, chunk, &number) || number >= ours.version.sequence)
		return;
	pz_info_of(hub->log, data->env, "policy-older", "from=%s number=%llu here=%llu", hub->to,
		   (unsigned long long)number, (unsigned long long)ours.version.sequence);
	(void)!pz_sync_session_push(hub->session, kind, chunk->key);
}

/*
 * An older revocation list never applies. From a peer it only means that the peer was offline; the
 * hub can have it only if its data was restored, and then it gets our list. The same holds if the
 * hub's list is newer but lacks an entry: the hub has revoked others since. Meanwhile a device on
 * either list is out.
 */
static enum pz_err
weigh(struct pz_sync_link *from, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
      bool *out_taken, bool *out_kept, struct pz_errinfo *info)
{
	struct pz_zonedata *data = data_of(from);
	const struct pz_zonedata_config *c = &data->config;
	bool is_hub = from->other == PZ_SYNC_HUB;
	struct pz_crl_difference weight;

	*out_taken = is_only_said(from, kind, chunk);
	if (*out_taken)
		pz_metric_add(data->config.metrics, PZ_METRIC_messages_dropped, 1);
	if (*out_taken || kind->id != PZ_SYNC_CRL)
		return PZ_OK;
	if (strcmp(chunk->key, data->zone->membership->zone) != 0) {
		*out_taken = pz_friend_chunk_is_old_crl(pz_knowledge_friends(data->zone->knowledge),
							chunk);
		return PZ_OK;
	}
	PZ_TRY(pz_knowledge_compare_crl(data->zone->knowledge, chunk, &weight, info));
	*out_taken = weight.number < weight.known;
	if (*out_taken && weight.has_more)
		PZ_TRY(keep_older_crl(data, chunk, out_kept, info));
	else if (*out_taken && !is_hub)
		pz_info_of(from->log, data->env, "crl-older", "from=%s number=%llu here=%llu",
			   from->to, (unsigned long long)weight.number,
			   (unsigned long long)weight.known);
	if (!is_hub)
		return PZ_OK;
	c->ops->hub_crl(c->arg, weight.number, weight.known);
	if (weight.number >= weight.known) /* this also clears what was refused because of it */
		pz_condition_clear(data->config.conditions, PZ_CONDITION_SYNC_REFUSED, from->to);
	if (*out_taken || weight.has_less)
		(void)!pz_sync_session_push(from->session, kind, chunk->key);
	return PZ_OK;
}

static enum pz_err
weigh_policy(struct pz_sync_link *from, const struct pz_sync_kind *kind,
	     const struct pz_sync_chunk *chunk, bool *out_taken, struct pz_errinfo *info)
{
	if (from->other == PZ_SYNC_HUB)
		give_back_policy(from, kind, chunk);
	return pz_zonedata_policy_offered(from, kind, chunk, out_taken, info);
}

/* A list that is kept may apply even if the disk has refused it: then the node acts on it too;
 * last, because that may end a link. */
enum pz_err
pz_zonedata_offered(struct pz_sync_link *from, const struct pz_sync_kind *kind,
		    const struct pz_sync_chunk *chunk, bool *out_taken, struct pz_errinfo *info)
{
	const struct pz_zonedata_config *c = &data_of(from)->config;
	bool is_kept = false;
	enum pz_err err = weigh(from, kind, chunk, out_taken, &is_kept, info);

	if (err == PZ_OK && !*out_taken && kind->id == PZ_SYNC_POLICIES)
		return weigh_policy(from, kind, chunk, out_taken, info);
	if (is_kept)
		c->ops->older_crl(c->arg);
	return err;
}

enum pz_err
pz_zonedata_accept(const struct pz_sync_link *from, const struct pz_sync_kind *kind,
		   const struct pz_sync_chunk *chunk, struct pz_errinfo *info)
{
	const struct pz_zonedata *data = data_of(from);

	if (pz_shared_item(pz_items_shared(data->config.items), kind) == NULL)
		return pz_knowledge_accept(data->zone->knowledge, kind, chunk, info);
	return pz_shared_accept(pz_items_shared(data->config.items), kind, chunk,
				from->other == PZ_SYNC_HUB ? NULL : from->device, info);
}

/* ---- to the disk ---- */

static enum pz_err
save_knowledge(void *arg, struct pz_txn *txn)
{
	const struct pz_zonedata *data = arg;

	if (data->zone->knowledge == NULL || data->is_leaving)
		return PZ_ERR_DENIED;
	PZ_TRY(pz_knowledge_save(data->zone->knowledge, txn));
	return pz_zonedata_policy_save(data, txn);
}

void
pz_zonedata_save_again(struct pz_zonedata *data)
{

	pz_shared_save_again(pz_items_shared(data->config.items));
	pz_keep_save_now(&data->keep);
}

void
pz_zonedata_rewrite(struct pz_zonedata *data, const char *why)
{
	pz_keep_failed(&data->keep, PZ_ERR_IO, why);
	pz_shared_rewrite(pz_items_shared(data->config.items), why);
}

static void
learn(struct pz_zonedata *data, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn == NULL || pz_knowledge_apply(data->zone->knowledge, kind, keys, txn) != PZ_OK) {
		pz_txn_free(txn);
		pz_keep_failed(&data->keep, PZ_ERR_LIMIT_MEMORY, "out of memory");
	} else if (data->is_leaving) {
		pz_txn_free(txn);
	} else {
		pz_keep_commit(&data->keep, txn);
	}
}

/* ---- are we out? ---- */

/* Data that a peer passes on is as valid as the hub's own message, because the hub has signed
 * it. */
static void
on_verdict(struct pz_timer *timer, void *arg)
{
	struct pz_zonedata *data = arg;

	(void)timer;
	if (pz_device_zone_is_self_revoked(data->zone))
		data->config.ops->self_revoked(data->config.arg);
}

void
pz_zonedata_judge(struct pz_zonedata *data)
{
	pz_env_start(data->env, &data->verdict, 0);
}

void
pz_zonedata_received(struct pz_zonedata *data, const struct pz_sync_kind *kind, const json_t *keys)
{
	const struct pz_zonedata_config *c = &data->config;
	struct pz_shared *shared = pz_items_shared(c->items);

	c->ops->receiving(c->arg, kind, keys);
	if (pz_shared_item(shared, kind) == NULL)
		learn(data, kind, keys);
	else if (!data->is_leaving)
		pz_shared_received(shared, kind, keys);
	c->ops->changed(c->arg, kind, keys);
}

bool
pz_zonedata_is_new(const struct pz_zonedata *data)
{
	return data->is_new;
}

/* ---- the zone is left ---- */

enum pz_err
pz_zonedata_wipe(struct pz_zonedata *data, struct pz_txn *txn)
{
	PZ_TRY(pz_membership_wipe(txn));
	PZ_TRY(pz_items_wipe(data->config.items, txn));
	pz_zonedata_policy_drop(data);
	data->is_leaving = true;
	return PZ_OK;
}

enum pz_err
pz_zonedata_wipe_again(const struct pz_zonedata *data, struct pz_txn *txn)
{
	PZ_TRY(pz_membership_wipe(txn));
	return pz_items_wipe_again(data->config.items, txn);
}

void
pz_zonedata_wiped(struct pz_zonedata *data)
{
	data->is_leaving = false;
	pz_items_wiped(data->config.items);
	json_object_clear(data->refusals);
	pz_condition_clear(data->config.conditions, PZ_CONDITION_DATA_REFUSED, NULL);
}

/* ---- life ---- */

void
pz_zonedata_store_init(struct pz_zonedata *data)
{
	const struct pz_keep_config keep = {
		.store = data->config.store,
		.env = data->env,
		.what = "data of the zone",
		.save = save_knowledge,
		.arg = data,
	};

	pz_timer_init(&data->verdict, on_verdict, data);
	pz_keep_init(&data->keep, &keep);
}

void
pz_zonedata_store_fini(struct pz_zonedata *data)
{
	pz_env_stop(data->env, &data->verdict);
	pz_keep_stop(&data->keep);
	pz_zonedata_policy_drop(data);
	pz_knowledge_free(PZ_TAKE(data->zone->knowledge));
}

/* Sets the address under which this device writes. */
static enum pz_err
set_self(struct pz_zonedata *data, const struct pz_membership *membership, struct pz_errinfo *info)
{
	char self[PZ_ADDRESS_BYTES_MAX + 1];

	if (membership == NULL)
		return pz_items_set_self(data->config.items, data->config.device, info);
	snprintf(self, sizeof(self), "%s/%s", membership->zone, membership->device);
	return pz_items_set_self(data->config.items, self, info);
}

enum pz_err
pz_zonedata_set_membership(struct pz_zonedata *data, const struct pz_membership *membership,
			   struct pz_errinfo *info)
{
	struct pz_knowledge *fresh = NULL;
	size_t skipped = 0;

	PZ_TRY(set_self(data, membership, info));
	if (membership == NULL) {
		pz_keep_stop(&data->keep);
		pz_zonedata_policy_drop(data);
		pz_knowledge_free(PZ_TAKE(data->zone->knowledge));
		return PZ_OK;
	}
	if (data->zone->knowledge) /* a renewal: the zone is the same */
		return PZ_OK;
	PZ_TRY(pz_knowledge_load(data->config.store, membership, &fresh, &skipped, info));
	if (skipped > 0)
		pz_warning("zone-records-left-out",
			   "%zu records about the zone are not readable and left out", skipped);
	data->zone->knowledge = fresh;
	data->is_new = pz_knowledge_secret(fresh) == NULL;
	return PZ_OK;
}
