/*
 * Changes made here. A change counts in memory at once, and ends with its commit. When the commit
 * fails, the change is undone, but not what came after it: a version that was received meanwhile
 * stays, and a later change of ours inherits the former version.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/chunks.h"
#include "shared/check.h"
#include "shared/internal.h"

/* A change that is being written to the disk. */
struct write {
	struct pz_list list;
	struct pz_shared *shared;
	struct pz_sync_item *item;
	struct pz_sync_chunk *former; /* NULL: there was none */
	uint64_t mtime_ms;            /* time of ours; 0: nothing was written */
	bool is_forgetting;           /* ours is the absence of a chunk */
	unsigned saves;               /* attempt of the keep with which this was submitted */
	pz_shared_done done;
	void *arg;
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];
};

static void
free_write(struct write *write)
{
	pz_list_remove(&write->list);
	pz_sync_chunk_free(write->former);
	free(write);
}

void
pz_shared_writes_free(struct pz_shared *shared)
{
	for (struct pz_list *n; (n = pz_list_first(&shared->writes)) != NULL;)
		free_write(PZ_CONTAINER(n, struct write, list));
}

/* ---- the end of a change ---- */

/* True when the current chunk (or its absence) is the result of this write. */
static bool
is_by(const struct pz_sync_chunk *chunk, const struct write *write)
{
	if (write->is_forgetting)
		return chunk == NULL;
	return chunk && chunk->mtime_ms == write->mtime_ms &&
	       strcmp(chunk->origin, write->shared->self) == 0;
}

/* A later change of ours that is still being written must not restore what is undone here. */
static void
hand_on(struct write *write)
{
	PZ_LIST_EACH (&write->shared->writes, n, tmp) {
		struct write *later = PZ_CONTAINER(n, struct write, list);
		if (later == write || later->item != write->item ||
		    strcmp(later->key, write->key) != 0 || !is_by(later->former, write))
			continue;
		pz_sync_chunk_free(later->former);
		later->former = PZ_TAKE(write->former);
		return;
	}
}

/* Restores the former version, unless a newer one has arrived meanwhile. */
static void
take_back(struct write *write)
{
	if (!is_by(pz_sync_item_get(write->item, write->key), write)) {
		hand_on(write);
		return;
	}
	if (write->former == NULL)
		(void)pz_sync_item_remove(write->item, write->key);
	else if (pz_sync_item_put(write->item, write->former, NULL) == PZ_OK)
		write->former = NULL;
}

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	struct write *write = arg;
	const struct pz_shared *shared = write->shared;
	const struct pz_sync_kind *kind = pz_sync_item_kind(write->item);
	pz_shared_done done = write->done;
	void *done_arg = write->arg;
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];
	bool is_change = write->mtime_ms > 0;

	memcpy(key, write->key, sizeof(key));
	if (err != PZ_OK) {
		take_back(write);
		/* The whole space was written meanwhile, with this change, which is undone now: it
		 * has to be written again. */
		if (write->saves != shared->keep.saves)
			pz_keep_failed(&write->shared->keep, err, detail);
	}
	free_write(write);
	if (is_change && shared->settled)
		shared->settled(shared->settled_arg, kind, key, err == PZ_OK);
	if (done)
		done(done_arg, err, detail);
}

/* ---- its beginning ---- */

/* Times in a zone follow the hub's clock. */
static uint64_t
zone_time_ms(const struct pz_shared *shared)
{
	uint64_t now = pz_env_wall_ms(shared->env);

	if (shared->ahead_ms >= 0)
		return now + (uint64_t)shared->ahead_ms;
	return now > (uint64_t)-shared->ahead_ms ? now - (uint64_t)-shared->ahead_ms : 0;
}

static enum pz_err
change_item(struct write *write, const char *value, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct pz_shared *shared = write->shared;
	const struct pz_sync_chunk *former = pz_sync_item_get(write->item, write->key);

	if (former)
		PZ_TRY(pz_shared_copy_chunk(former, former->origin, &write->former));
	if (value == NULL && (former == NULL || former->deleted))
		return PZ_OK;
	PZ_TRY(pz_sync_item_write(write->item, write->key, pz_slice_str(value ? value : ""),
				  value == NULL, shared->self, zone_time_ms(shared), info));
	const struct pz_sync_chunk *ours = pz_sync_item_get(write->item, write->key);
	write->mtime_ms = ours->mtime_ms;
	enum pz_err err = pz_shared_check(pz_sync_item_kind(write->item), ours, shared->zone, info);
	if (err == PZ_OK)
		err = pz_shared_save_change(shared, write->item, write->key, txn);
	if (err != PZ_OK)
		take_back(write);
	return err;
}

/* Adds a change to the list of writes, without a former version yet. */
static enum pz_err
begin_write(struct pz_shared *shared, enum pz_sync_id id, const char *key, pz_shared_done done,
	    void *arg, struct write **out, struct pz_txn **out_txn)
{
	struct write *write = calloc(1, sizeof(*write));
	struct pz_txn *txn = pz_txn_new();

	if (write == NULL || txn == NULL) {
		free(write);
		pz_txn_free(txn);
		return PZ_ERR_LIMIT_MEMORY;
	}
	write->shared = shared;
	write->item = shared->items[id];
	write->done = done;
	write->arg = arg;
	write->saves = shared->keep.saves;
	snprintf(write->key, sizeof(write->key), "%s", key);
	pz_list_append(&shared->writes, &write->list);
	*out = write;
	*out_txn = txn;
	return PZ_OK;
}

/* Takes both. */
static enum pz_err
submit_write(struct write *write, struct pz_txn *txn, enum pz_err err)
{
	if (err != PZ_OK) {
		free_write(write);
		pz_txn_free(txn);
		return err;
	}
	pz_store_commit(write->shared->store, txn, on_written, write);
	return PZ_OK;
}

enum pz_err
pz_shared_write(struct pz_shared *shared, enum pz_sync_id id, const char *key, const char *value,
		pz_shared_done done, void *arg, struct pz_errinfo *info)
{
	struct write *write;
	struct pz_txn *txn;

	if (!pz_sync_key_is_valid(key))
		return pz_fail(info, PZ_ERR_CONFIG, "a key is 1 to %d bytes of text",
			       PZ_SYNC_KEY_BYTES_MAX);
	if (begin_write(shared, id, key, done, arg, &write, &txn) != PZ_OK)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return submit_write(write, txn, change_item(write, value, txn, info));
}

/* ---- without a trace ---- */

void
pz_shared_forget(struct pz_shared *shared, enum pz_sync_id id,
		 bool (*keep)(void *arg, const struct pz_sync_chunk *chunk), void *arg)
{
	struct pz_sync_item *item = shared->items[id];
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? PZ_OK : PZ_ERR_LIMIT_MEMORY;

	for (size_t i = pz_sync_item_len(item); err == PZ_OK && i-- > 0;) {
		char key[PZ_SYNC_KEY_BYTES_MAX + 1];
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		if (keep && keep(arg, chunk))
			continue;
		snprintf(key, sizeof(key), "%s", chunk->key);
		(void)pz_sync_item_remove(item, key);
		err = pz_chunks_save(item, key, shared->space, txn);
	}
	if (err == PZ_OK) {
		pz_keep_commit(&shared->keep, txn);
		return;
	}
	pz_txn_free(txn);
	pz_keep_failed(&shared->keep, err, "out of memory");
}

/* As if the chunk had never existed. */
static enum pz_err
forget_one(struct write *write, struct pz_txn *txn)
{
	const struct pz_sync_chunk *former = pz_sync_item_get(write->item, write->key);

	PZ_TRY(pz_shared_copy_chunk(former, former->origin, &write->former));
	write->is_forgetting = true;
	(void)pz_sync_item_remove(write->item, write->key);
	enum pz_err err = pz_chunks_save(write->item, write->key, write->shared->space, txn);
	if (err != PZ_OK)
		take_back(write);
	return err;
}

enum pz_err
pz_shared_forget_key(struct pz_shared *shared, enum pz_sync_id id, const char *key,
		     pz_shared_done done, void *arg, struct pz_errinfo *info)
{
	struct write *write;
	struct pz_txn *txn;

	if (pz_sync_item_get(shared->items[id], key) == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND, "there is no such key");
	if (begin_write(shared, id, key, done, arg, &write, &txn) != PZ_OK ||
	    submit_write(write, txn, forget_one(write, txn)) != PZ_OK)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return PZ_OK;
}
