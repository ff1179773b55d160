/*
 * A store in memory, for tests and simulations, on virtual time: a commit becomes durable after
 * delay_us. The "disk" is a separate object that outlives the store. So a test simulates a crash by
 * freeing the store and opening another on the same disk: what was not durable is lost. Tests can
 * make the disk fail. The conformance tests run on this store and on SQLite.
 */
#include "store/memory.h"

#include "store/backend.h"

/* The disk: PUT changes of applied transactions, sorted by (space, key). */
struct pz_memory_disk {
	struct pz_change **items; /* owned */
	size_t count, cap;
	size_t commits_left; /* number of commits before they fail; SIZE_MAX: never */
	size_t to_fail;      /* number that fail then */
};

struct memory_store {
	struct pz_store base;
	const struct pz_env *env;
	struct pz_memory_disk *disk;
	uint64_t delay_us;
	struct pz_list queue; /* not durable yet, by due_us */
	struct pz_timer timer;
};

struct pz_memory_disk *
pz_memory_disk_new(void)
{
	struct pz_memory_disk *disk = calloc(1, sizeof(*disk));

	if (disk != NULL)
		disk->commits_left = SIZE_MAX;
	return disk;
}

void
pz_memory_disk_free(struct pz_memory_disk *disk)
{
	if (disk == NULL)
		return;
	for (size_t i = 0; i < disk->count; i++)
		pz_change_free(disk->items[i]);
	free(disk->items);
	free(disk);
}

void
pz_memory_disk_fail_after(struct pz_memory_disk *disk, size_t commits)
{
	disk->commits_left = commits;
}

void
pz_memory_disk_fail_next(struct pz_memory_disk *disk, size_t commits)
{
	disk->commits_left = SIZE_MAX;
	disk->to_fail = commits;
}

/** Index of the first item that is not below (space, key). */
static size_t
lower_bound(const struct pz_memory_disk *disk, const char *space, const char *key)
{
	size_t low = 0, high = disk->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(disk->items[mid]->space, space);

		if (order == 0)
			order = strcmp(disk->items[mid]->key, key);
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* True when there is an item at that index and it belongs to the space. */
static bool
is_at(const struct pz_memory_disk *disk, size_t at, const char *space)
{
	return at < disk->count && strcmp(disk->items[at]->space, space) == 0;
}

static void
drop(struct pz_memory_disk *disk, size_t from, size_t to)
{
	if (from == to)
		return;
	for (size_t i = from; i < to; i++)
		pz_change_free(disk->items[i]);
	memmove(disk->items + from, disk->items + to, (disk->count - to) * sizeof(*disk->items));
	disk->count -= to - from;
}

/** Applies one change; a PUT moves to the disk, which has room for it. */
static void
apply_change(struct pz_memory_disk *disk, struct pz_change *takes_change)
{
	/* Removes the item that it replaces, or all items of a space. */
	size_t at = lower_bound(disk, takes_change->space, takes_change->key), end = at;

	if (takes_change->kind == PZ_CHANGE_REMOVE_SPACE) {
		while (is_at(disk, end, takes_change->space))
			end++;
	} else if (is_at(disk, at, takes_change->space) &&
		   strcmp(disk->items[at]->key, takes_change->key) == 0) {
		end = at + 1;
	}
	drop(disk, at, end);
	if (takes_change->kind != PZ_CHANGE_PUT) {
		pz_change_free(takes_change);
		return;
	}
	memmove(disk->items + at + 1, disk->items + at, (disk->count - at) * sizeof(*disk->items));
	disk->items[at] = takes_change;
	disk->count++;
}

/** As a whole or not at all: memory is allocated before the first change. */
static enum pz_err
apply(struct pz_memory_disk *disk, struct pz_txn *txn)
{
	struct pz_list *node;

	if (disk->commits_left == 0 || disk->to_fail > 0) {
		disk->to_fail -= disk->to_fail > 0;
		return pz_fail(&txn->info, PZ_ERR_IO_FULL, "memory disk: no space left (injected)");
	}
	/* Each change adds one item at most. */
	if (disk->cap - disk->count < txn->change_count) {
		size_t cap = (disk->count + txn->change_count) * 2;
		struct pz_change **items = reallocarray(disk->items, cap, sizeof(*items));

		if (items == NULL)
			return pz_fail(&txn->info, PZ_ERR_LIMIT_MEMORY,
				       "memory disk: out of memory");
		disk->items = items;
		disk->cap = cap;
	}
	if (disk->commits_left != SIZE_MAX)
		disk->commits_left--;
	while ((node = pz_list_first(&txn->changes)) != NULL) {
		pz_list_remove(node);
		apply_change(disk, PZ_CONTAINER(node, struct pz_change, node));
	}
	return PZ_OK;
}

struct pz_memory_disk *
pz_memory_disk_copy(const struct pz_memory_disk *disk)
{
	PZ_AUTO(pz_memory_disk_free) struct pz_memory_disk *copy = pz_memory_disk_new();
	PZ_AUTO(pz_txn_free) struct pz_txn *txn = pz_txn_new();

	if (copy == NULL || txn == NULL)
		return NULL;
	for (size_t i = 0; i < disk->count; i++)
		if (pz_txn_put(txn, disk->items[i]->space, disk->items[i]->key,
			       disk->items[i]->value) != PZ_OK)
			return NULL;
	return apply(copy, txn) == PZ_OK ? PZ_TAKE(copy) : NULL;
}

/** Makes the due commits durable, and sets the timer for the rest. */
static void
advance(struct memory_store *store, uint64_t until_us)
{
	struct pz_list *node;

	while ((node = pz_list_first(&store->queue)) != NULL) {
		struct pz_txn *txn = PZ_CONTAINER(node, struct pz_txn, node);

		if (txn->due_us > until_us) {
			pz_timer_start(store->env->timers, &store->timer, txn->due_us);
			return;
		}
		pz_list_remove(node);
		txn->err = apply(store->disk, txn);
		pz_list_append(&store->base.ended, node);
	}
}

static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct memory_store *store = arg;

	(void)timer;
	advance(store, pz_env_mono_us(store->env));
	pz_store_run_ended(&store->base);
}

static void
memory_commit(struct pz_store *base, struct pz_txn *takes_txn)
{
	struct memory_store *store = (struct memory_store *)base;

	takes_txn->due_us = pz_env_mono_us(store->env) + store->delay_us;
	if (!store->timer.active) /* otherwise it is set for an earlier commit */
		pz_timer_start(store->env->timers, &store->timer, takes_txn->due_us);
	pz_list_append(&store->queue, &takes_txn->node);
}

static enum pz_err
memory_load(struct pz_store *base, const char *space, pz_store_each each, void *arg,
	    struct pz_errinfo *info)
{
	struct memory_store *store = (struct memory_store *)base;
	struct pz_memory_disk *disk = store->disk;

	(void)info;
	/* On virtual time waiting for commits is impossible: they end early instead. */
	advance(store, UINT64_MAX);
	if (!pz_list_is_empty(&base->ended))
		pz_timer_start(store->env->timers, &store->timer, pz_env_mono_us(store->env));
	for (size_t i = lower_bound(disk, space, ""); is_at(disk, i, space); i++)
		PZ_TRY(each(arg, disk->items[i]->key, disk->items[i]->value));
	return PZ_OK;
}

/* Commits that are not durable yet are lost, as in a crash. */
static void
memory_free(struct pz_store *base)
{
	struct memory_store *store = (struct memory_store *)base;

	pz_timer_stop(store->env->timers, &store->timer);
	pz_txn_free_all(&store->queue);
	pz_txn_free_all(&base->ended);
	free(store);
}

static const struct pz_store_ops memory_ops = {
	.commit = memory_commit,
	.load = memory_load,
	.poll = pz_store_run_ended,
	.free = memory_free,
};

struct pz_store *
pz_store_new_memory(const struct pz_env *env, struct pz_memory_disk *disk, uint64_t commit_delay_us)
{
	struct memory_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return NULL;
	pz_store_init(&store->base, &memory_ops);
	store->env = env;
	store->disk = disk;
	store->delay_us = commit_delay_us;
	pz_list_init(&store->queue);
	pz_timer_init(&store->timer, on_timer, store);
	return &store->base;
}
