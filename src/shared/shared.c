/* Memory is what counts, and the store follows in the order of the changes: a version that came in
 * while another was on its way to the disk can so never end up below it. */
#include "shared/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "record/chunks.h"
#include "shared/app_share.h"
#include "shared/check.h"
#include "store/keep.h"
#include "sync/merge.h"
#include "wire/json.h"

struct pz_shared {
	struct pz_store *store;
	const struct pz_env *env;
	char space[PZ_SHARED_SPACE_CHARS];
	char self[PZ_ADDRESS_BYTES_MAX + 1];
	char zone[PZ_ZONE_BYTES_MAX + 1]; /* "": none */
	struct pz_sync_item *items[PZ_SYNC_KIND_COUNT];
	struct pz_list writes;
	void (*settled)(void *arg, const struct pz_sync_kind *kind, const char *key,
			bool is_stored);
	void *settled_arg;
	struct pz_keep keep; /* while the disk has not all that counts */
	int64_t ahead_ms;    /* the hub's clock less ours */
};

/* A change on its way to the disk. */
struct write {
	struct pz_list list;
	struct pz_shared *shared;
	struct pz_sync_item *item;
	struct pz_sync_chunk *former; /* NULL: there was none */
	uint64_t mtime_ms;            /* of ours; 0: nothing was written */
	bool is_forgetting;           /* ours is: no chunk at all */
	unsigned saves;               /* of the keep, when this was submitted */
	pz_shared_done done;
	void *arg;
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];
};

void
pz_shared_space(const char *zone, char out[PZ_SHARED_SPACE_CHARS])
{
	snprintf(out, PZ_SHARED_SPACE_CHARS, "shared%s%s", zone[0] ? ":" : "", zone);
}

static void
free_write(struct write *write)
{
	pz_list_remove(&write->list);
	pz_sync_chunk_free(write->former);
	free(write);
}

void
pz_shared_free(struct pz_shared *shared)
{
	if (shared == NULL)
		return;
	pz_keep_stop(&shared->keep);
	for (struct pz_list *n; (n = pz_list_first(&shared->writes)) != NULL;)
		free_write(PZ_CONTAINER(n, struct write, list));
	for (size_t i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		pz_sync_item_free(shared->items[i]);
	free(shared);
}

struct pz_sync_item *
pz_shared_item(const struct pz_shared *shared, const struct pz_sync_kind *kind)
{
	return shared->items[kind->id];
}

/* With another origin it is this device's own. */
static enum pz_err
copy_chunk(const struct pz_sync_chunk *chunk, const char *origin, struct pz_sync_chunk **out)
{
	const char *slash = strchr(origin, '/');
	struct pz_sync_parts parts = {
		.key = chunk->key,
		.origin = origin,
		.value = pz_slice_of(chunk->value, chunk->value_len),
		.mtime_ms = chunk->mtime_ms,
		.deleted = chunk->deleted,
	};

	PZ_TRY(pz_sync_chunk_new(&parts, out, NULL));
	if (strcmp(origin, chunk->origin) == 0)
		pz_sync_chunk_mark(*out, chunk->via, chunk->received_ms);
	else
		pz_sync_chunk_mark(*out, slash ? slash + 1 : origin, chunk->received_ms);
	return PZ_OK;
}

/* A change, and what had to go for it: to the transaction. */
static enum pz_err
save_change(struct pz_shared *shared, struct pz_sync_item *item, const char *key,
	    struct pz_txn *txn)
{
	char dropped[PZ_SYNC_KEY_BYTES_MAX + 1];

	PZ_TRY(pz_chunks_save(item, key, shared->space, txn));
	while (pz_sync_item_dropped(item, dropped))
		PZ_TRY(pz_chunks_save(item, dropped, shared->space, txn));
	return PZ_OK;
}

/* ---- our own address ---- */

/* What has an origin without zone was written before there was one. */
static enum pz_err
own_chunk(struct pz_shared *shared, struct pz_sync_item *item, size_t i, struct pz_txn *txn)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
	struct pz_sync_chunk *owned = NULL;
	struct pz_address origin;

	PZ_TRY(pz_address_parse(pz_slice_str(chunk->origin), &origin));
	if (origin.zone.len > 0 || strcmp(chunk->origin, shared->self) == 0)
		return PZ_OK;
	PZ_TRY(copy_chunk(chunk, shared->self, &owned));
	enum pz_err err = pz_sync_item_put(item, owned, NULL);
	if (err != PZ_OK) {
		pz_sync_chunk_free(owned);
		return err;
	}
	return pz_chunks_save(item, owned->key, shared->space, txn);
}

/* ---- to the disk ---- */

/* The space has nothing but these items. */
static enum pz_err
save_all(void *arg, struct pz_txn *txn)
{
	const struct pz_shared *shared = arg;

	PZ_TRY(pz_txn_remove_space(txn, shared->space));
	for (size_t id = 0; id < PZ_SYNC_KIND_COUNT; id++)
		if (shared->items[id])
			PZ_TRY(pz_chunks_save_all(shared->items[id], shared->space, txn));
	return PZ_OK;
}

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
	struct pz_txn *stale; /* deletions that are not needed any more, times that are mended */
	uint64_t now_ms;
	size_t skipped;
};

/* Of our zone, or of before there was one; and good, for an older version may have taken more. */
static bool
is_good(const struct pz_shared *shared, const struct pz_sync_kind *kind,
	const struct pz_sync_chunk *chunk)
{
	struct pz_address origin;

	if (pz_address_parse(pz_slice_str(chunk->origin), &origin) != PZ_OK)
		return false;
	return pz_shared_check(kind, chunk, origin.zone.len > 0 ? shared->zone : "", NULL) == PZ_OK;
}

/* Deletions that came more than 90 days ago, too: see pz_sync_item_expire. */
static bool
is_over(const struct pz_sync_chunk *chunk, uint64_t now_ms)
{
	return pz_sync_is_expired(chunk->deleted, chunk->mtime_ms, now_ms) &&
	       pz_sync_is_expired(true, chunk->received_ms, now_ms);
}

/* An older version of the hub took chunks dated in the future, which no other could replace. */
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

/* A record of an older version does not say that this device has written it. */
static void
mark_own(const struct pz_shared *shared, struct pz_sync_chunk *chunk)
{
	const char *slash = strchr(shared->self, '/');

	if (slash && chunk->via[0] == '\0' && strcmp(chunk->origin, shared->self) == 0)
		pz_sync_chunk_mark(chunk, slash + 1, chunk->received_ms);
}

/* Takes the chunk where it puts it into an item; else *chunk stays. */
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
		return save_change(load->shared, item, key, load->stale);
	while (pz_sync_item_dropped(item, key))
		PZ_TRY(pz_chunks_save(item, key, load->shared->space, load->stale));
	return PZ_OK;
}

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
							     .save = save_all,
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

/* ---- what comes in ---- */

/* Anything but a list of services may come from any device of the zone. */
enum pz_err
pz_shared_accept(const struct pz_shared *shared, const struct pz_sync_kind *kind,
		 const struct pz_sync_chunk *chunk, const char *from, struct pz_errinfo *info)
{
	struct pz_address self;

	if (shared->zone[0] == '\0')
		return pz_fail(info, PZ_ERR_DENIED, "this device is in no zone");
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

/* ---- changes made here ---- */

/* True when the chunk (or its absence) is what this write has made. */
static bool
is_by(const struct pz_sync_chunk *chunk, const struct write *write)
{
	if (write->is_forgetting)
		return chunk == NULL;
	return chunk && chunk->mtime_ms == write->mtime_ms &&
	       strcmp(chunk->origin, write->shared->self) == 0;
}

/* A later change of ours that is still on its way shall not bring back what we take back. */
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

/* Back to what was before, where nothing newer has come meanwhile. */
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
		/* Everything has been written since, and this with it. */
		if (write->saves != shared->keep.saves)
			pz_keep_failed(&write->shared->keep, err, detail);
	}
	free_write(write);
	if (is_change && shared->settled)
		shared->settled(shared->settled_arg, kind, key, err == PZ_OK);
	if (done)
		done(done_arg, err, detail);
}

void
pz_shared_set_ahead(struct pz_shared *shared, int64_t ahead_ms)
{
	shared->ahead_ms = ahead_ms;
}

/* Times of the zone are the hub's. */
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
		PZ_TRY(copy_chunk(former, former->origin, &write->former));
	if (value == NULL && (former == NULL || former->deleted))
		return PZ_OK;
	PZ_TRY(pz_sync_item_write(write->item, write->key, pz_slice_str(value ? value : ""),
				  value == NULL, shared->self, zone_time_ms(shared), info));
	const struct pz_sync_chunk *ours = pz_sync_item_get(write->item, write->key);
	write->mtime_ms = ours->mtime_ms;
	enum pz_err err = pz_shared_check(pz_sync_item_kind(write->item), ours, shared->zone, info);
	if (err == PZ_OK)
		err = save_change(shared, write->item, write->key, txn);
	if (err != PZ_OK)
		take_back(write);
	return err;
}

/* A change that is in the list of writes, without a former version yet. */
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

/* NULL for a deletion, too. */
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

/* As if the chunk had never been here. */
static enum pz_err
forget_one(struct write *write, struct pz_txn *txn)
{
	const struct pz_sync_chunk *former = pz_sync_item_get(write->item, write->key);

	PZ_TRY(copy_chunk(former, former->origin, &write->former));
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

/* ---- the zone is left ---- */

/* A value of an app on this device: it stays with the device. */
static bool
is_kept_app(const struct pz_shared *shared, const struct pz_sync_chunk *chunk)
{
	return !chunk->deleted && strcmp(chunk->origin, shared->self) == 0;
}

/* The device's name, without zone. */
static const char *
name_of(const struct pz_shared *shared)
{
	const char *slash = strchr(shared->self, '/');

	return slash ? slash + 1 : shared->self;
}

/* The chunk as it stays: without a zone in its origin. */
static enum pz_err
kept_copy(const struct pz_shared *shared, const struct pz_sync_chunk *chunk,
	  struct pz_sync_item *item)
{
	struct pz_sync_chunk *copy = NULL;

	PZ_TRY(copy_chunk(chunk, name_of(shared), &copy));
	enum pz_err err = pz_sync_item_put(item, copy, NULL);
	if (err != PZ_OK)
		pz_sync_chunk_free(copy);
	return err;
}

enum pz_err
pz_shared_wipe(struct pz_shared *shared, bool keep_apps, struct pz_txn *txn)
{
	const struct pz_sync_item *apps = shared->items[PZ_SYNC_APP_DATA];
	PZ_AUTO(pz_sync_item_free)
	struct pz_sync_item *kept = pz_sync_item_new(pz_sync_item_kind(apps));

	if (kept == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	pz_keep_stop(&shared->keep); /* it would put back what goes */
	PZ_TRY(pz_txn_remove_space(txn, shared->space));
	for (size_t i = 0; keep_apps && i < pz_sync_item_len(apps); i++)
		if (is_kept_app(shared, pz_sync_item_at(apps, i)))
			PZ_TRY(kept_copy(shared, pz_sync_item_at(apps, i), kept));
	for (size_t i = 0; i < pz_sync_item_len(kept); i++)
		PZ_TRY(pz_chunks_save(kept, pz_sync_item_at(kept, i)->key, shared->space, txn));
	return PZ_OK;
}

enum pz_err
pz_shared_wipe_again(struct pz_shared *shared, struct pz_txn *txn)
{
	return save_all(shared, txn);
}

/* After the commit of pz_shared_wipe: memory follows the disk. */
void
pz_shared_wiped(struct pz_shared *shared, bool keep_apps)
{
	pz_keep_stop(&shared->keep);
	for (size_t id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		struct pz_sync_item *item = shared->items[id];
		for (size_t i = item ? pz_sync_item_len(item) : 0; i-- > 0;) {
			const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
			char key[PZ_SYNC_KEY_BYTES_MAX + 1];
			snprintf(key, sizeof(key), "%s", chunk->key);
			/* Without memory it is back at the next start. */
			if (!keep_apps || id != PZ_SYNC_APP_DATA || !is_kept_app(shared, chunk) ||
			    kept_copy(shared, chunk, item) != PZ_OK)
				(void)pz_sync_item_remove(item, key);
		}
	}
}
