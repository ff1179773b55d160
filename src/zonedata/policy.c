/*
 * Stores the owner's policy. Unlike the other data of the zone it applies when it is stored, not
 * before: after a crash a device must not permit what it has denied before, nor lose a policy that
 * it has reported as its own (page 9, 13). A commit is short. A policy that the disk refuses
 * applies nevertheless, because a full disk must not keep a former policy in force; it is stored
 * later with the rest (store/keep.h).
 *
 * At most one document is being stored and one more waits: the one with the highest number. Only
 * documents with the signature of the zone's CA and a rising number get here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zonedata/internal.h"

/* One commit. */
struct pz_zonedata_policy {
	struct pz_zonedata *data; /* NULL: freed, or the zone is being left */
	struct pz_sync_chunk *chunk;
	uint64_t number;
	char from[PZ_ADDRESS_BYTES_MAX + 1]; /* the end that has sent it */
};

static void
policy_free(void *arg)
{
	struct pz_zonedata_policy *p = arg;

	if (p == NULL)
		return;
	pz_sync_chunk_free(p->chunk);
	free(p);
}

static const struct pz_sync_link *
link_to(const struct pz_zonedata *data, const char *address)
{
	PZ_LIST_EACH (&data->links.list, node, tmp) {
		const struct pz_sync_link *link = PZ_CONTAINER(node, struct pz_sync_link, node);
		if (strcmp(link->to, address) == 0)
			return link;
	}
	return NULL;
}

/* Other nodes get it when it applies here. */
static void
apply(struct pz_zonedata *data, struct pz_zonedata_policy *p)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_POLICIES);
	json_t *keys = json_pack("[s]", p->chunk->key);

	if (keys == NULL ||
	    pz_knowledge_apply_policy(data->zone->knowledge, PZ_TAKE(p->chunk)) != PZ_OK) {
		pz_error("policy-not-applied",
			 "out of memory for policy number=%llu: the next exchange brings it again",
			 (unsigned long long)p->number);
	} else {
		pz_sync_links_pass_on(&data->links, link_to(data, p->from), kind, keys);
		data->config.ops->changed(data->config.arg, kind, keys);
	}
	json_decref(keys);
}

static void commit(struct pz_zonedata *data, struct pz_zonedata_policy *takes);

/* It applies also after a failure: see the head of this file. */
static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct pz_zonedata_policy *p = arg;
	struct pz_zonedata *data = p->data;

	if (data) {
		struct pz_zonedata_policy *next = PZ_TAKE(data->policy_waiting);
		data->policy_storing = NULL;
		data->is_policy_behind = err != PZ_OK;
		if (err != PZ_OK)
			pz_keep_failed(&data->keep, err, detail);
		apply(data, p);
		if (next)
			commit(data, next);
	}
	policy_free(p);
}

static void
commit(struct pz_zonedata *data, struct pz_zonedata_policy *takes)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn == NULL || pz_knowledge_put_policy(takes->chunk, txn) != PZ_OK) {
		pz_txn_free(txn);
		data->is_policy_behind = true;
		pz_keep_failed(&data->keep, PZ_ERR_LIMIT_MEMORY, "out of memory");
		apply(data, takes);
		policy_free(takes);
		return;
	}
	data->policy_storing = takes;
	pz_txn_on_drop(txn, policy_free);
	pz_store_commit(data->config.store, txn, on_stored, takes);
}

/* NULL: out of memory. */
static struct pz_zonedata_policy *
policy_new(struct pz_zonedata *data, const struct pz_sync_link *from,
	   const struct pz_sync_chunk *chunk, uint64_t number)
{
	const struct pz_sync_parts parts = {
		.key = chunk->key,
		.origin = chunk->origin,
		.value = pz_slice_of(chunk->value, chunk->value_len),
		.mtime_ms = chunk->mtime_ms,
	};
	struct pz_zonedata_policy *p = calloc(1, sizeof(*p));

	if (p == NULL || pz_sync_chunk_new(&parts, &p->chunk, NULL) != PZ_OK) {
		policy_free(p);
		return NULL;
	}
	p->data = data;
	p->number = number;
	snprintf(p->from, sizeof(p->from), "%s", from->to);
	return p;
}

/* It was received from another node, and is being stored. */
static bool
is_under_way(const struct pz_zonedata *data, uint64_t number)
{
	const struct pz_zonedata_policy *last =
		data->policy_waiting ? data->policy_waiting : data->policy_storing;

	return last && number <= last->number;
}

enum pz_err
pz_zonedata_policy_offered(struct pz_sync_link *from, const struct pz_sync_kind *kind,
			   const struct pz_sync_chunk *chunk, bool *out_taken,
			   struct pz_errinfo *info)
{
	struct pz_zonedata *data = from->links->config.arg;
	const struct pz_sync_judge judge = {.kind = kind, .number = pz_knowledge_number};
	const struct pz_sync_item *item = pz_knowledge_item(data->zone->knowledge, kind);
	uint64_t number = 0;

	/* A chunk that is not newer, or not a policy, is handled like other items. */
	if (item == NULL || !pz_knowledge_number(NULL, kind, chunk, &number) ||
	    !pz_sync_wins(pz_sync_item_get(item, chunk->key), chunk, &judge))
		return PZ_OK;
	*out_taken = true;
	if (data->is_leaving || is_under_way(data, number))
		return PZ_OK;
	PZ_TRY(pz_knowledge_accept(data->zone->knowledge, kind, chunk, info));
	struct pz_zonedata_policy *p = policy_new(data, from, chunk, number);
	if (p == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (data->policy_storing) {
		policy_free(data->policy_waiting);
		data->policy_waiting = p;
	} else {
		commit(data, p);
	}
	return PZ_OK;
}

enum pz_err
pz_zonedata_policy_save(const struct pz_zonedata *data, struct pz_txn *txn)
{
	return data->policy_storing ? pz_knowledge_put_policy(data->policy_storing->chunk, txn)
				    : PZ_OK;
}

bool
pz_zonedata_is_policy_stored(const struct pz_zonedata *data)
{
	return !data->is_policy_behind || !data->keep.is_behind;
}

void
pz_zonedata_policy_drop(struct pz_zonedata *data)
{
	if (data->policy_storing)
		data->policy_storing->data = NULL;
	data->policy_storing = NULL;
	policy_free(PZ_TAKE(data->policy_waiting));
	data->is_policy_behind = false;
}
