/*
 * One change at a time: each sees what the former has stored, and a record is never in two
 * transactions that could reach the disk in another order. Memory follows the disk (pz_authority_
 * apply), so a crash never undoes what a device was sent.
 */
#include "hosted/transact.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"

#include "hosted/zone.h"

static void
drop(struct pz_hosted_transact *t)
{
	pz_authority_drop(t->change);
	if (t->ops->release)
		t->ops->release(t);
	free(t);
}

static void
end(struct pz_hosted_transact *t)
{
	t->ops->done(t, NULL, PZ_ERR_IO_CLOSED, "the hub stops");
	drop(t);
}

static void
finish(struct pz_hosted_transact *t, enum pz_err err, const char *detail)
{
	struct pz_hosted *zone = t->zone;
	struct pz_member *member = NULL;

	/* First applied, then reported: done() finds the zone as it is now. */
	if (t->change && err == PZ_OK)
		member = pz_authority_apply(zone->authority, PZ_TAKE(t->change));
	/* done() may request a further change: it waits, because this one still counts as running.
	 */
	t->ops->done(t, member, err, detail);
	drop(t);
	zone->turns.now = NULL;
	zone->turns.is_changing = false;
	zone->turns.device[0] = '\0';
}

static void go_on(struct pz_hosted *zone);

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct pz_hosted_transact *t = arg;
	struct pz_hosted *zone = t->zone;

	finish(t, err, detail);
	go_on(zone);
}

static void
begin(struct pz_hosted_transact *t)
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
	/* Before the call: a failure from here on is a fault of the store. */
	t->is_committed = true;
	pz_store_commit(t->zone->hosting->store, txn, on_stored, t);
}

/* A removed zone accepts no further changes: waiting ones end with that error. */
static void
go_on(struct pz_hosted *zone)
{
	struct pz_list *hook;

	/* A loop: a change that fails at once, or has nothing to store, ends inside begin(). */
	while (!zone->turns.is_changing && (hook = pz_list_first(&zone->turns.waiting)) != NULL) {
		pz_list_remove(hook);
		zone->turns.is_changing = true;
		zone->turns.now = PZ_CONTAINER(hook, struct pz_hosted_transact, hook);
		if (pz_list_is_linked(&zone->removed_hook))
			finish(zone->turns.now, PZ_ERR_NOTFOUND,
			       "the zone was removed from this hub");
		else
			begin(zone->turns.now);
	}
}

void
pz_hosted_transact(struct pz_hosted *zone, struct pz_hosted_transact *takes,
		   const struct pz_hosted_transact_ops *ops)
{
	takes->zone = zone;
	takes->ops = ops;
	pz_list_append(&zone->turns.waiting, &takes->hook);
	go_on(zone);
}

void
pz_hosted_transact_end_all(struct pz_hosted *zone)
{
	struct pz_list *hook;

	/* A change that done() requests waits behind this one, and ends as well. */
	zone->turns.is_changing = true;
	if (zone->turns.now)
		end(PZ_TAKE(zone->turns.now));
	while ((hook = pz_list_first(&zone->turns.waiting)) != NULL) {
		pz_list_remove(hook);
		end(PZ_CONTAINER(hook, struct pz_hosted_transact, hook));
	}
}

bool
pz_hosted_is_changing(const struct pz_hosted *zone)
{
	return zone->turns.is_changing;
}

void
pz_hosted_transact_device(struct pz_hosted *zone, const char *device)
{
	snprintf(zone->turns.device, sizeof(zone->turns.device), "%s", device);
}

void
pz_hosted_transact_init(struct pz_hosted *zone)
{
	pz_list_init(&zone->turns.waiting);
}
