#include "pzh/transact.h"

#include <stdlib.h>

#include "pzh/internal.h"

static void
drop(struct pz_hub_transact *t)
{
	pz_authority_drop(t->change);
	if (t->ops->release)
		t->ops->release(t);
	free(t);
}

static void
finish(struct pz_hub_transact *t, enum pz_err err, const char *detail)
{
	struct hub_zone *zone = t->zone;
	struct pz_member *member = NULL;

	if (t->change && err == PZ_OK)
		member = pz_authority_apply(zone->authority, PZ_TAKE(t->change));
	t->ops->done(t, member, err, detail);
	drop(t);
	zone->transact = NULL;
	zone->is_changing = false;
	zone->changing[0] = '\0';
}

static void go_on(struct hub_zone *zone);

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct pz_hub_transact *t = arg;
	struct hub_zone *zone = t->zone;

	finish(t, err, detail);
	go_on(zone);
}

static void
begin(struct pz_hub_transact *t)
{
	struct pz_errinfo info = {""};

	if (t->ops->prepare == NULL) {
		finish(t, PZ_OK, "");
		return;
	}
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? t->ops->prepare(t, txn, &info) : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		pz_txn_free(txn);
		finish(t, err, pz_errinfo_text(&info, err));
		return;
	}
	t->is_committed = true;
	pz_store_commit(t->zone->hub->config.store, txn, on_stored, t);
}

/* A zone that was removed has no further changes: what waits is dropped with it. */
static void
go_on(struct hub_zone *zone)
{
	struct pz_list *node;

	while (!zone->is_changing && !pz_list_is_linked(&zone->removed_node) &&
	       (node = pz_list_first(&zone->transacts)) != NULL) {
		pz_list_remove(node);
		zone->is_changing = true;
		zone->transact = PZ_CONTAINER(node, struct pz_hub_transact, node);
		begin(zone->transact);
	}
}

void
pz_hub_transact(struct hub_zone *zone, struct pz_hub_transact *takes,
		const struct pz_hub_transact_ops *ops)
{
	takes->zone = zone;
	takes->ops = ops;
	pz_list_append(&zone->transacts, &takes->node);
	go_on(zone);
}

void
pz_hub_transact_drop_all(struct hub_zone *zone)
{
	PZ_LIST_EACH (&zone->transacts, node, tmp) {
		pz_list_remove(node);
		drop(PZ_CONTAINER(node, struct pz_hub_transact, node));
	}
	if (zone->transact)
		drop(PZ_TAKE(zone->transact));
}
