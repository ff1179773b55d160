/* A change counts in memory at once, and the store follows in the order of the changes. So a
 * version that arrives while another is being written cannot end up below it on the disk. */
#include "shared/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/chunks.h"
#include "shared/app_share.h"
#include "shared/check.h"
#include "shared/internal.h"

#include "sync/merge.h"
#include "wire/json.h"

void
pz_shared_space(const char *zone, char out[PZ_SHARED_SPACE_CHARS])
{
	snprintf(out, PZ_SHARED_SPACE_CHARS, "shared%s%s", zone[0] ? ":" : "", zone);
}

void
pz_shared_free(struct pz_shared *shared)
{
	if (shared == NULL)
		return;
	pz_keep_stop(&shared->keep);
	pz_shared_writes_free(shared);
	for (size_t i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		pz_sync_item_free(shared->items[i]);
	free(shared);
}

struct pz_sync_item *
pz_shared_item(const struct pz_shared *shared, const struct pz_sync_kind *kind)
{
	return shared->items[kind->id];
}

void
pz_shared_set_ahead(struct pz_shared *shared, int64_t ahead_ms)
{
	shared->ahead_ms = ahead_ms;
}

/* ---- our own address ---- */

/* A chunk whose origin has no zone was written before there was one. */
static enum pz_err
own_chunk(struct pz_shared *shared, struct pz_sync_item *item, size_t i, struct pz_txn *txn)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
	struct pz_sync_chunk *owned = NULL;
	struct pz_address origin;

	PZ_TRY(pz_address_parse(pz_slice_str(chunk->origin), &origin));
	if (origin.zone.len > 0 || strcmp(chunk->origin, shared->self) == 0)
		return PZ_OK;
	PZ_TRY(pz_shared_copy_chunk(chunk, shared->self, &owned));
	enum pz_err err = pz_sync_item_put(item, owned, NULL);
	if (err != PZ_OK) {
		pz_sync_chunk_free(owned);
		return err;
	}
	return pz_chunks_save(item, owned->key, shared->space, txn);
}

/* ---- to the disk ---- */

void
pz_shared_save_again(struct pz_shared *shared)
{
	pz_keep_save_now(&shared->keep);
}

void
pz_shared_end(struct pz_shared *shared)
{
	pz_keep_end(&shared->keep);
}

void
pz_shared_resume(struct pz_shared *shared, const char *why)
{
	pz_keep_resume(&shared->keep, why);
}

void
pz_shared_rewrite(struct pz_shared *shared, const char *why)
{
	pz_keep_failed(&shared->keep, PZ_ERR_IO, why);
}

enum pz_err
pz_shared_set_self(struct pz_shared *shared, const char *self)
{
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	struct pz_address address;

	if (err == PZ_OK)
		err = pz_address_parse(pz_slice_str(self), &address);
	if (err != PZ_OK) {
		pz_txn_free(txn);
		return err;
	}
	snprintf(shared->self, sizeof(shared->self), "%s", self);
	snprintf(shared->zone, sizeof(shared->zone), "%.*s", (int)address.zone.len,
		 address.zone.len ? (const char *)address.zone.ptr : "");
	/* Each put replaces a chunk of the same key: positions stay. */
	for (size_t id = 0; err == PZ_OK && id < PZ_SYNC_KIND_COUNT; id++) {
		struct pz_sync_item *item = shared->items[id];
		for (size_t i = 0; err == PZ_OK && item && i < pz_sync_item_len(item); i++)
			err = own_chunk(shared, item, i, txn);
	}
	if (err == PZ_OK)
		pz_keep_commit(&shared->keep, txn);
	else
		pz_txn_free(txn);
	return err;
}

/* ---- loading ---- */

struct load {
	struct pz_shared *shared;
	struct pz_txn *stale; /* expired deletions, corrected times */
	uint64_t now_ms;
	size_t skipped;
};

/* Of our zone, or from before there was one; and valid, since an older version may have accepted
 * more. */
static bool
is_good(const struct pz_shared *shared, const struct pz_sync_kind *kind,
	const struct pz_sync_chunk *chunk)
{
	struct pz_address origin;

	if (pz_address_parse(pz_slice_str(chunk->origin), &origin) != PZ_OK)
		return false;
	return pz_shared_check(kind, chunk, origin.zone.len > 0 ? shared->zone : "", NULL) == PZ_OK;
}

/* Includes deletions that were received more than 90 days ago: see pz_sync_item_expire. */
static bool
is_over(const struct pz_sync_chunk *chunk, uint64_t now_ms)
{
	return pz_sync_is_expired(chunk->deleted, chunk->mtime_ms, now_ms) &&
	       pz_sync_is_expired(true, chunk->received_ms, now_ms);
}

/* An older version of the hub accepted chunks dated in the future, which no other chunk could
 * replace. */
static enum pz_err
clamp(const struct load *load, const struct pz_sync_kind *kind, struct pz_sync_chunk **chunk)
{
	struct pz_sync_parts parts = {
		.key = (*chunk)->key,
		.origin = (*chunk)->origin,
		.value = pz_slice_of((*chunk)->value, (*chunk)->value_len),
		.mtime_ms = load->now_ms,
		.deleted = (*chunk)->deleted,
	};
	struct pz_sync_chunk *next = NULL;

	if (strchr(load->shared->self, '/') || kind->order != PZ_SYNC_BY_TIME ||
	    pz_sync_is_believed((*chunk)->mtime_ms, load->now_ms))
		return PZ_OK;
	PZ_TRY(pz_sync_chunk_new(&parts, &next, NULL));
	pz_sync_chunk_mark(next, (*chunk)->via, (*chunk)->received_ms);
	pz_sync_chunk_free(*chunk);
	*chunk = next;
	return PZ_OK;
}

/* A record of an older version does not state that this device wrote it. */
static void
mark_own(const struct pz_shared *shared, struct pz_sync_chunk *chunk)
{
	const char *slash = strchr(shared->self, '/');

	if (slash && chunk->via[0] == '\0' && strcmp(chunk->origin, shared->self) == 0)
		pz_sync_chunk_mark(chunk, slash + 1, chunk->received_ms);
}

/* Takes the chunk if it puts it into an item; otherwise *chunk stays. */
static enum pz_err
learn(struct load *load, const char *place, const struct pz_sync_kind *kind,
      struct pz_sync_chunk **chunk)
{
	struct pz_sync_item *item = load->shared->items[kind->id];
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];

	if (item == NULL || !is_good(load->shared, kind, *chunk))
		return PZ_ERR_PROTO;
	mark_own(load->shared, *chunk);
	if (is_over(*chunk, load->now_ms))
		return pz_txn_remove(load->stale, load->shared->space, place);
	uint64_t mtime_ms = (*chunk)->mtime_ms;
	PZ_TRY(clamp(load, kind, chunk));
	bool is_clamped = (*chunk)->mtime_ms != mtime_ms;
	snprintf(key, sizeof(key), "%s", (*chunk)->key);
	PZ_TRY(pz_sync_item_put(item, *chunk, NULL));
	*chunk = NULL;
	if (is_clamped)
		return pz_shared_save_change(load->shared, item, key, load->stale);
	while (pz_sync_item_dropped(item, key))
		PZ_TRY(pz_chunks_save(item, key, load->shared->space, load->stale));
	return PZ_OK;
}

/* A record that is unreadable or invalid is counted and skipped; only lack of memory ends the load.
 */
static enum pz_err
load_one(void *arg, const char *place, struct pz_slice value)
{
	struct load *load = arg;
	const struct pz_sync_kind *kind;
	PZ_AUTO(pz_sync_chunk_free) struct pz_sync_chunk *chunk = NULL;
	enum pz_err err = pz_chunks_read(load->shared->space, place, value, &kind, &chunk);

	if (err == PZ_OK)
		err = learn(load, place, kind, &chunk);
	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	load->skipped += err != PZ_OK;
	return PZ_OK;
}

static struct pz_shared *
new_shared(const struct pz_shared_config *config)
{
	struct pz_shared *shared = calloc(1, sizeof(*shared));

	if (shared == NULL)
		return NULL;
	shared->store = config->store;
	shared->env = config->env;
	shared->settled = config->settled;
	shared->settled_arg = config->arg;
	snprintf(shared->space, sizeof(shared->space), "%s", config->space);
	pz_list_init(&shared->writes);
	pz_keep_init(&shared->keep, &(struct pz_keep_config){.store = config->store,
							     .env = config->env,
							     .what = "what was synchronised",
							     .save = pz_shared_save_all,
							     .arg = shared});
	for (int id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		if (!pz_shared_is_kept((enum pz_sync_id)id))
			continue;
		shared->items[id] = pz_sync_item_new(pz_sync_kind((enum pz_sync_id)id));
		if (shared->items[id] == NULL) {
			pz_shared_free(shared);
			return NULL;
		}
	}
	return shared;
}

/* The address is set twice: the check of a record needs the zone, and loaded chunks may have been
 * written before there was one. */
static enum pz_err
load_all(struct load *load, const char *self, struct pz_errinfo *info)
{
	struct pz_shared *shared = load->shared;

	if (shared == NULL || load->stale == NULL || pz_shared_set_self(shared, self) != PZ_OK)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(pz_store_load(shared->store, shared->space, load_one, load, info));
	if (pz_shared_set_self(shared, self) != PZ_OK)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	pz_store_commit(shared->store, PZ_TAKE(load->stale), NULL, NULL);
	return PZ_OK;
}

enum pz_err
pz_shared_load(const struct pz_shared_config *config, struct pz_shared **out, size_t *out_skipped,
	       struct pz_errinfo *info)
{
	struct load load = {
		.shared = new_shared(config),
		.stale = pz_txn_new(),
		.now_ms = pz_env_wall_ms(config->env),
	};
	enum pz_err err = load_all(&load, config->self, info);

	pz_txn_free(load.stale);
	if (err != PZ_OK) {
		pz_shared_free(load.shared);
		return err;
	}
	*out = load.shared;
	if (out_skipped)
		*out_skipped = load.skipped;
	return PZ_OK;
}

/* ---- values ---- */

/* NULL also for a deletion. */
const char *
pz_shared_value(const struct pz_shared *shared, enum pz_sync_id id, const char *key)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(shared->items[id], key);

	return chunk && !chunk->deleted ? chunk->value : NULL;
}

char *
pz_shared_text(const struct pz_shared *shared, enum pz_sync_id id, const char *key)
{
	const char *value = pz_shared_value(shared, id, key);
	json_t *text = value ? pz_json_parse(pz_slice_str(value), NULL) : NULL;
	char *copy = json_is_string(text) ? strdup(json_string_value(text)) : NULL;

	json_decref(text);
	return copy;
}

/* ---- what is received ---- */

/* Any device of the zone may send any value except another device's list of services. */
enum pz_err
pz_shared_accept(const struct pz_shared *shared, const struct pz_sync_kind *kind,
		 const struct pz_sync_chunk *chunk, const char *from, struct pz_errinfo *info)
{
	struct pz_address self;

	if (shared->zone[0] == '\0')
		return pz_fail(info, PZ_ERR_DENIED, "this device is not in a zone");
	PZ_TRY(pz_shared_check(kind, chunk, shared->zone, info));
	if (kind->id == PZ_SYNC_APP_DATA)
		return pz_app_share_check(shared->items[kind->id], chunk, PZ_APP_DATA_BYTES_MAX,
					  info);
	if (kind->id != PZ_SYNC_SERVICE_CACHE)
		return PZ_OK;
	PZ_TRY(pz_address_parse(pz_slice_str(shared->self), &self));
	if (from && strcmp(from, chunk->key) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "the list of services of another device");
	if (self.device.len > 0 && pz_slice_eq_str(self.device, chunk->key))
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "the list of services of this device");
	return PZ_OK;
}

/* It counts in memory already (sync/session.c); now it goes to the disk. */
void
pz_shared_received(struct pz_shared *shared, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	const json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		if (err == PZ_OK)
			err = pz_chunks_save(shared->items[kind->id], json_string_value(key),
					     shared->space, txn);
	}
	if (err == PZ_OK) {
		pz_keep_commit(&shared->keep, txn);
		return;
	}
	pz_txn_free(txn);
	pz_keep_failed(&shared->keep, err, "out of memory");
}
