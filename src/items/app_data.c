/*
 * What apps store on this device. It is an item of the zone's data (page 8): this file limits each
 * app to its own keys and its share of the space, and clears the data if the user has chosen that.
 *
 * A session ends with its link; after a crash the data is cleared at the next start. A record marks
 * a running session, so that this happens once, and never without a session.
 */
#include "items/app_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "items/internal.h"
#include "record/record.h"
#include "shared/app_share.h"

#define SPACE "apps"
#define KEY_SESSION "session" /* while app.clear-on-disconnect will have to clear at its end */

static struct pz_sync_item *
item_of(const struct pz_items *items)
{
	return pz_shared_item(items->shared, pz_sync_kind(PZ_SYNC_APP_DATA));
}

/* True when a change is sent to other devices. */
static bool
is_synchronised(const struct pz_items *items)
{
	return items->config.zone->membership &&
	       pz_prefs_bool(pz_user_prefs(items), PZ_PREF_SYNC_APP_DATA);
}

/* ---- looking ---- */

/* The part of a chunk's key that the app uses; NULL: the chunk belongs to another app. */
static const char *
own_key(const struct pz_sync_chunk *chunk, const char *origin)
{
	size_t len = strlen(origin);

	if (strncmp(chunk->key, origin, len) != 0 || chunk->key[len] != ' ')
		return NULL;
	return chunk->key + len + 1;
}

/* Position of the first chunk of this app after that key. */
static size_t
position(const struct pz_items *items, const char *origin, const char *after)
{
	char text[2 * PZ_APP_KEY_CHARS];

	snprintf(text, sizeof(text), "%s %s", origin, after);
	return pz_sync_item_after(item_of(items), text);
}

const struct pz_sync_chunk *
pz_app_data_next(const struct pz_items *items, const char *origin, const char *prefix,
		 const char *after)
{
	const struct pz_sync_item *item = item_of(items);

	for (size_t i = position(items, origin, after ? after : ""); i < pz_sync_item_len(item);
	     i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		const char *key = own_key(chunk, origin);
		if (key == NULL) /* the keys of an app are one range */
			break;
		if (!chunk->deleted && strncmp(key, prefix, strlen(prefix)) == 0)
			return chunk;
	}
	return NULL;
}

bool
pz_app_data_next_origin(const struct pz_items *items, const char *after, char out[PZ_APP_KEY_CHARS])
{
	const struct pz_sync_item *item = item_of(items);
	char seen[PZ_APP_KEY_CHARS + 1] = "";

	/* '!' is the character after the space that ends an origin. */
	if (after)
		snprintf(seen, sizeof(seen), "%s!", after);
	for (size_t i = pz_sync_item_after(item, seen); i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		if (!chunk->deleted && pz_app_key_split(chunk->key, out, NULL, NULL) == PZ_OK)
			return true;
	}
	return false;
}

void
pz_app_data_usage(const struct pz_items *items, const char *origin, struct pz_app_data_usage *out)
{
	const struct pz_sync_item *item = item_of(items);

	*out = (struct pz_app_data_usage){0};
	for (size_t i = position(items, origin, ""); i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		const char *key = own_key(chunk, origin);
		if (key == NULL)
			break;
		if (chunk->deleted)
			continue;
		out->keys++;
		out->bytes += strlen(key) + chunk->value_len;
	}
}

enum pz_err
pz_app_data_get(const struct pz_items *items, const char *origin, const char *key,
		const struct pz_sync_chunk **out, struct pz_errinfo *info)
{
	char text[PZ_APP_KEY_CHARS];

	PZ_TRY(pz_app_key_make(origin, key, text, info));
	const struct pz_sync_chunk *chunk = pz_sync_item_get(item_of(items), text);
	if (chunk == NULL || chunk->deleted)
		return pz_fail(info, PZ_ERR_NOTFOUND, "%.80s has no key \"%.100s\"", origin, key);
	*out = chunk;
	return PZ_OK;
}

/* ---- what an app may have ---- */

/* Apps that have stored something on this device: those of other devices cannot use up the
 * limit. */
static size_t
count_own_apps(const struct pz_items *items, const char *via)
{
	const struct pz_sync_item *item = item_of(items);
	char origin[PZ_APP_KEY_CHARS] = "", one[PZ_APP_KEY_CHARS];
	size_t count = 0;

	for (size_t i = 0; i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		if (chunk->deleted || strcmp(chunk->via, via) != 0 ||
		    pz_app_key_split(chunk->key, one, NULL, NULL) != PZ_OK ||
		    strcmp(one, origin) == 0)
			continue;
		memcpy(origin, one, sizeof(origin));
		count++;
	}
	return count;
}

static enum pz_err
check_apps(const struct pz_items *items, const char *origin, const char *via,
	   struct pz_errinfo *info)
{
	struct pz_app_share share;

	pz_app_share_get(item_of(items), origin, via, &share);
	if (share.keys > 0)
		return PZ_OK;
	size_t count = count_own_apps(items, via);
	if (count < PZ_APP_ORIGINS_MAX)
		return PZ_OK;
	return pz_fail(info, PZ_ERR_LIMIT,
		       "%zu apps have stored something on this device, and there may be %d: `pzp "
		       "data remove` one before %.60s can",
		       count, PZ_APP_ORIGINS_MAX, origin);
}

/* Checks the value in the form of its future chunk, because the share counts the size of a chunk.
 * @param text key of the chunk, of this origin */
static enum pz_err
check_share(const struct pz_items *items, const char *origin, const char *text, const char *value,
	    struct pz_errinfo *info)
{
	PZ_AUTO(pz_sync_chunk_free) struct pz_sync_chunk *chunk = NULL;
	size_t len = strlen(value);

	if (len > PZ_SYNC_VALUE_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "the value has %zu bytes, at most %u fit", len,
			       PZ_SYNC_VALUE_BYTES_MAX);
	struct pz_sync_parts parts = {
		.key = text, .origin = items->config.device, .value = pz_slice_of(value, len)};
	PZ_TRY(pz_sync_chunk_new(&parts, &chunk, info));
	pz_sync_chunk_mark(chunk, items->config.device, 0);
	PZ_TRY(check_apps(items, origin, items->config.device, info));
	return pz_app_share_check(item_of(items), chunk, items->config.app_data_bytes_max, info);
}

/* ---- changing ---- */

static void
notify(const struct pz_items *items, const char *text)
{
	items->config.ops->app_changed(items->config.arg, text);
}

enum pz_err
pz_app_data_set(struct pz_items *items, const char *origin, const char *key, const char *value,
		pz_shared_done done, void *arg, struct pz_errinfo *info)
{
	char text[PZ_APP_KEY_CHARS];

	PZ_TRY(pz_app_key_make(origin, key, text, info));
	PZ_TRY(check_share(items, origin, text, value, info));
	PZ_TRY(pz_items_write(items, PZ_SYNC_APP_DATA, text, value, done, arg, info));
	notify(items, text);
	return PZ_OK;
}

/* If no other device has the value (and in a zone that is being left) it is removed without a
 * trace; otherwise a deletion is written, which the others receive. */
static enum pz_err
remove_chunk(struct pz_items *items, const char *text, pz_shared_done done, void *arg,
	     struct pz_errinfo *info)
{
	if (items->config.ops->is_leaving(items->config.arg) || is_synchronised(items))
		PZ_TRY(pz_items_write(items, PZ_SYNC_APP_DATA, text, NULL, done, arg, info));
	else
		PZ_TRY(pz_shared_forget_key(items->shared, PZ_SYNC_APP_DATA, text, done, arg,
					    info));
	notify(items, text);
	return PZ_OK;
}

static void
on_removed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_app_data_removal *r = arg;

	if (r->err == PZ_OK && err != PZ_OK)
		r->err = pz_fail(&r->info, err, "%s", detail);
	if (--r->left == 0)
		r->done(r->arg, r->err, r->info.text);
}

/* Each key is searched again after the one before, because its removal has moved the others. */
static enum pz_err
remove_each(struct pz_items *items, const char *origin, struct pz_app_data_removal *r,
	    struct pz_errinfo *info)
{
	const struct pz_sync_chunk *chunk = pz_app_data_next(items, origin, "", NULL);
	enum pz_err err = PZ_OK;

	while (err == PZ_OK && chunk) {
		char text[PZ_APP_KEY_CHARS];
		snprintf(text, sizeof(text), "%s", chunk->key);
		err = remove_chunk(items, text, on_removed, r, info);
		r->left += err == PZ_OK;
		chunk = pz_app_data_next(items, origin, "", text + strlen(origin) + 1);
	}
	return err;
}

/* `done` reports a failure after the first key, when the earlier keys have ended: their commits
 * still refer to the removal. */
static enum pz_err
remove_all(struct pz_items *items, const char *origin, struct pz_app_data_removal *r,
	   size_t *out_count, struct pz_errinfo *info)
{
	PZ_TRY(pz_app_origin_check(origin, info));
	enum pz_err err = remove_each(items, origin, r, info);
	if (err == PZ_OK && r->left == 0)
		err = pz_fail(info, PZ_ERR_NOTFOUND, "%.80s has stored nothing", origin);
	*out_count = r->left;
	if (r->left == 0)
		return err;
	if (err != PZ_OK)
		r->err = pz_fail(&r->info, err, "%s", info ? info->text : "");
	return PZ_OK;
}

static enum pz_err
remove_one(struct pz_items *items, const char *origin, const char *key,
	   struct pz_app_data_removal *r, struct pz_errinfo *info)
{
	const struct pz_sync_chunk *chunk = NULL;
	char text[PZ_APP_KEY_CHARS];

	PZ_TRY(pz_app_data_get(items, origin, key, &chunk, info));
	snprintf(text, sizeof(text), "%s", chunk->key); /* the chunk will be freed */
	PZ_TRY(remove_chunk(items, text, on_removed, r, info));
	r->left = 1;
	return PZ_OK;
}

enum pz_err
pz_app_data_remove(struct pz_items *items, const char *origin, const char *key,
		   struct pz_app_data_removal *removal, size_t *out_count, struct pz_errinfo *info)
{
	if (key == NULL)
		return remove_all(items, origin, removal, out_count, info);
	PZ_TRY(remove_one(items, origin, key, removal, info));
	*out_count = 1;
	return PZ_OK;
}

/* ---- what happens ---- */

static void
emit(const struct pz_items *items, json_t *takes_event)
{
	items->config.ops->event(items->config.arg, takes_event);
}

void
pz_app_data_synchronised(struct pz_items *items, const json_t *keys)
{
	const json_t *text;
	size_t i;

	json_array_foreach (keys, i, text)
		notify(items, json_string_value(text));
	if (!items->config.ops->has_watcher(items->config.arg))
		return;
	json_array_foreach (keys, i, text) {
		const struct pz_sync_chunk *chunk =
			pz_sync_item_get(item_of(items), json_string_value(text));
		char origin[PZ_APP_KEY_CHARS];
		const char *key;
		if (chunk && pz_app_key_split(chunk->key, origin, &key, NULL) == PZ_OK)
			emit(items, json_pack("{s:s, s:s, s:s, s:b, s:s}", "event", "data",
					      "origin", origin, "key", key, "deleted",
					      chunk->deleted, "from", chunk->origin));
	}
}

/* ---- app.clear-on-disconnect ---- */

/* True if the user wants everything removed at the end of a session. */
static bool
is_cleared(const struct pz_items *items)
{
	return pz_prefs_bool(pz_user_prefs(items), PZ_PREF_APP_CLEAR_ON_DISCONNECT);
}

static bool
has_session(const struct pz_items *items)
{
	return items->config.ops->has_session(items->config.arg);
}

static enum pz_err
save_mark(void *arg, struct pz_txn *txn)
{
	const struct pz_items *items = arg;

	return items->is_app_marked ? pz_record_put(txn, SPACE, KEY_SESSION, json_object())
				    : pz_txn_remove(txn, SPACE, KEY_SESSION);
}

/* Until the mark is on disk, a crash would leave the data of apps, or clear it twice. */
static void
set_mark(struct pz_items *items, bool is_marked)
{
	struct pz_txn *txn = pz_txn_new();

	items->is_app_marked = is_marked;
	if (txn && save_mark(items, txn) == PZ_OK) {
		pz_keep_commit(&items->app_keep, txn);
		return;
	}
	pz_txn_free(txn);
	pz_keep_failed(&items->app_keep, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

/* For the log and the event. */
static size_t
count_values(const struct pz_items *items)
{
	const struct pz_sync_item *item = item_of(items);
	size_t count = 0;

	for (size_t i = 0; i < pz_sync_item_len(item); i++)
		count += !pz_sync_item_at(item, i)->deleted;
	return count;
}

/* The values must not remain in free pages of the store's file. */
static void
scrub(struct pz_items *items)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn == NULL)
		return;
	pz_txn_scrub(txn);
	pz_store_commit(items->config.store, txn, NULL, NULL);
}

/* Without a trace, so that no deletion is sent to other devices. */
static void
clear(struct pz_items *items, const char *with)
{
	size_t count = count_values(items);

	pz_shared_forget(items->shared, PZ_SYNC_APP_DATA, NULL, NULL);
	scrub(items);
	pz_notice("data-cleared", "keys=%zu with=%s", count, with);
	emit(items, json_pack("{s:s, s:I, s:s}", "event", "data-cleared", "keys", (json_int_t)count,
			      "with", with));
	notify(items, NULL);
}

/* Marked before the session stores anything, so that the mark is there after a crash. */
void
pz_app_data_session_began(struct pz_items *items)
{
	if (is_cleared(items) && !items->is_app_marked && has_session(items))
		set_mark(items, true);
}

void
pz_app_data_session_ended(struct pz_items *items, const char *with)
{
	if (is_cleared(items))
		clear(items, with);
	if (items->is_app_marked && !has_session(items))
		set_mark(items, false);
}

static bool
is_of_another(void *arg, const struct pz_sync_chunk *chunk)
{
	return own_key(chunk, arg) == NULL;
}

void
pz_app_data_app_ended(struct pz_items *items, const char *origin)
{
	struct pz_app_data_usage usage;
	char name[PZ_APP_KEY_CHARS];

	pz_app_data_usage(items, origin, &usage);
	if (is_cleared(items) && usage.keys > 0) {
		snprintf(name, sizeof(name), "%s", origin);
		pz_shared_forget(items->shared, PZ_SYNC_APP_DATA, is_of_another, name);
		scrub(items);
		pz_notice("data-cleared", "keys=%zu with=%s", usage.keys, origin);
		emit(items, json_pack("{s:s, s:I, s:s}", "event", "data-cleared", "keys",
				      (json_int_t)usage.keys, "with", origin));
	}
	if (items->is_app_marked && !has_session(items))
		set_mark(items, false);
}

/* ---- life ---- */

static enum pz_err
load_mark(void *arg, const char *key, struct pz_slice value)
{
	struct pz_items *items = arg;

	(void)value;
	items->is_app_marked |= strcmp(key, KEY_SESSION) == 0;
	return PZ_OK;
}

enum pz_err
pz_app_data_start(struct pz_items *items, struct pz_errinfo *info)
{
	PZ_TRY(pz_store_load(items->config.store, SPACE, load_mark, items, info));
	if (!items->is_app_marked)
		return PZ_OK;
	if (is_cleared(items))
		clear(items, "(before this start)");
	set_mark(items, false);
	return PZ_OK;
}

void
pz_app_data_init(struct pz_items *items)
{
	pz_keep_init(&items->app_keep,
		     &(struct pz_keep_config){.store = items->config.store,
					      .env = items->config.env,
					      .what = "that apps' data is to be cleared",
					      .save = save_mark,
					      .arg = items});
}

void
pz_app_data_fini(struct pz_items *items)
{
	pz_keep_stop(&items->app_keep);
}
