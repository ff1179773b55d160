/*
 * What apps store on this device. It is an item of the zone's data (page 8): here is what makes it
 * an app's own, its share, and when it is cleared.
 *
 * A session ends with its link, and what a crash ends is cleared at the next start. So that this
 * happens once, and never where there was no session, a record says that one is under way.
 */
#include "pzp/appdata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pzp/internal.h"
#include "pzp/zonedata.h"
#include "zone/app_share.h"
#include "zone/record.h"

#define SPACE "apps"
#define KEY_SESSION "session" /* while app.clear-on-disconnect has something to do at its end */

/* Of everything that an app has: one change for each key. */
struct removal {
	struct pz_list list;
	size_t left;
	enum pz_err err;
	struct pz_errinfo info;
	pz_shared_done done;
	void *arg;
};

static struct pz_sync_item *
item_of(const struct pz_node *node)
{
	return pz_shared_item(node->zonedata->shared, pz_sync_kind(PZ_SYNC_APP_DATA));
}

/* Are others to hear of a change? */
static bool
is_synchronised(const struct pz_node *node)
{
	return node->zone.membership && pz_prefs_bool(prefs_active(node), PZ_PREF_SYNC_APP_DATA);
}

/* ---- looking ---- */

/* The app's own key of a chunk of this app; NULL: of another. */
static const char *
own_key(const struct pz_sync_chunk *chunk, const char *origin)
{
	size_t len = strlen(origin);

	if (strncmp(chunk->key, origin, len) != 0 || chunk->key[len] != ' ')
		return NULL;
	return chunk->key + len + 1;
}

/* Position of the first chunk of this app behind that key. */
static size_t
position(const struct pz_node *node, const char *origin, const char *after)
{
	char text[2 * PZ_APP_KEY_CHARS];

	snprintf(text, sizeof(text), "%s %s", origin, after);
	return pz_sync_item_after(item_of(node), text);
}

const struct pz_sync_chunk *
appdata_next(const struct pz_node *node, const char *origin, const char *prefix, const char *after)
{
	const struct pz_sync_item *item = item_of(node);

	for (size_t i = position(node, origin, after ? after : ""); i < pz_sync_item_len(item);
	     i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		const char *key = own_key(chunk, origin);
		if (key == NULL)
			break;
		if (!chunk->deleted && strncmp(key, prefix, strlen(prefix)) == 0)
			return chunk;
	}
	return NULL;
}

bool
appdata_next_origin(const struct pz_node *node, const char *after, char out[PZ_APP_KEY_CHARS])
{
	const struct pz_sync_item *item = item_of(node);
	char seen[PZ_APP_KEY_CHARS + 1] = "";

	/* '!' follows the space that ends an origin. */
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
appdata_usage(const struct pz_node *node, const char *origin, struct appdata_usage *out)
{
	const struct pz_sync_item *item = item_of(node);

	*out = (struct appdata_usage){0};
	for (size_t i = position(node, origin, ""); i < pz_sync_item_len(item); i++) {
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
appdata_get(const struct pz_node *node, const char *origin, const char *key,
	    const struct pz_sync_chunk **out, struct pz_errinfo *info)
{
	char text[PZ_APP_KEY_CHARS];

	PZ_TRY(pz_app_key_make(origin, key, text, info));
	const struct pz_sync_chunk *chunk = pz_sync_item_get(item_of(node), text);
	if (chunk == NULL || chunk->deleted)
		return pz_fail(info, PZ_ERR_NOTFOUND, "%.80s has no key \"%.100s\"", origin, key);
	*out = chunk;
	return PZ_OK;
}

/* ---- what an app may have ---- */

/* Apps that stored something from here: those of other devices cannot keep one of ours out. */
static size_t
count_own_apps(const struct pz_node *node, const char *via)
{
	const struct pz_sync_item *item = item_of(node);
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
check_apps(const struct pz_node *node, const char *origin, const char *via, struct pz_errinfo *info)
{
	struct pz_app_share share;

	pz_app_share_get(item_of(node), origin, via, &share);
	if (share.keys > 0)
		return PZ_OK;
	size_t count = count_own_apps(node, via);
	if (count < PZ_APP_ORIGINS_MAX)
		return PZ_OK;
	return pz_fail(info, PZ_ERR_LIMIT,
		       "%zu apps have stored something on this device, and there may be %d: `pzp "
		       "data remove` one before %.60s can",
		       count, PZ_APP_ORIGINS_MAX, origin);
}

/* The chunk as it would be, which decides whether it may. */
static enum pz_err
check_share(const struct pz_node *node, const char *origin, const char *key, const char *value,
	    struct pz_errinfo *info)
{
	PZ_AUTO(pz_sync_chunk_free) struct pz_sync_chunk *chunk = NULL;
	size_t len = strlen(value);
	char text[PZ_APP_KEY_CHARS];

	PZ_TRY(pz_app_key_make(origin, key, text, info));
	if (len > PZ_SYNC_VALUE_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "the value has %zu bytes, at most %u fit", len,
			       PZ_SYNC_VALUE_BYTES_MAX);
	struct pz_sync_parts parts = {
		.key = text, .origin = node->device, .value = pz_slice_of(value, len)};
	PZ_TRY(pz_sync_chunk_new(&parts, &chunk, info));
	pz_sync_chunk_mark(chunk, node->device, 0);
	PZ_TRY(check_apps(node, origin, node->device, info));
	return pz_app_share_check(item_of(node), chunk, node->config.app_data_bytes_max, info);
}

/* ---- changing ---- */

enum pz_err
appdata_set(struct pz_node *node, const char *origin, const char *key, const char *value,
	    pz_shared_done done, void *arg, struct pz_errinfo *info)
{
	char text[PZ_APP_KEY_CHARS];

	PZ_TRY(check_share(node, origin, key, value, info));
	PZ_TRY(pz_app_key_make(origin, key, text, info));
	return zonedata_write(node, PZ_SYNC_APP_DATA, text, value, done, arg, info);
}

static enum pz_err
remove_chunk(struct pz_node *node, const char *text, pz_shared_done done, void *arg,
	     struct pz_errinfo *info)
{
	if (node->is_wiping || is_synchronised(node))
		return zonedata_write(node, PZ_SYNC_APP_DATA, text, NULL, done, arg, info);
	return pz_shared_forget_key(node->zonedata->shared, PZ_SYNC_APP_DATA, text, done, arg,
				    info);
}

static void
end_removal(struct removal *r)
{
	struct removal copy = *r;

	pz_list_remove(&r->list);
	free(r);
	copy.done(copy.arg, copy.err, copy.info.text);
}

static void
on_removed(void *arg, enum pz_err err, const char *detail)
{
	struct removal *r = arg;

	if (r->err == PZ_OK && err != PZ_OK)
		r->err = pz_fail(&r->info, err, "%s", detail);
	if (--r->left == 0)
		end_removal(r);
}

static enum pz_err
remove_each(struct pz_node *node, const char *origin, struct removal *r, struct pz_errinfo *info)
{
	const struct pz_sync_chunk *chunk = appdata_next(node, origin, "", NULL);
	enum pz_err err = PZ_OK;

	while (err == PZ_OK && chunk) {
		char text[PZ_APP_KEY_CHARS];
		snprintf(text, sizeof(text), "%s", chunk->key);
		err = remove_chunk(node, text, on_removed, r, info);
		r->left += err == PZ_OK;
		chunk = appdata_next(node, origin, "", text + strlen(origin) + 1);
	}
	return err;
}

static enum pz_err
remove_all(struct pz_node *node, const char *origin, pz_shared_done done, void *arg,
	   size_t *out_count, struct pz_errinfo *info)
{
	struct removal *r = calloc(1, sizeof(*r));
	enum pz_err err;

	if (r == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	r->done = done;
	r->arg = arg;
	pz_list_append(&node->appdata->removals, &r->list);
	err = remove_each(node, origin, r, info);
	if (err == PZ_OK && r->left == 0)
		err = pz_fail(info, PZ_ERR_NOTFOUND, "%.80s has stored nothing", origin);
	*out_count = r->left;
	if (r->left > 0) { /* the disk tells the end */
		if (err != PZ_OK)
			r->err = pz_fail(&r->info, err, "%s", info ? info->text : "");
		return PZ_OK;
	}
	pz_list_remove(&r->list);
	free(r);
	return err;
}

enum pz_err
appdata_remove(struct pz_node *node, const char *origin, const char *key, pz_shared_done done,
	       void *arg, size_t *out_count, struct pz_errinfo *info)
{
	const struct pz_sync_chunk *ignored;
	char text[PZ_APP_KEY_CHARS];

	PZ_TRY(pz_app_origin_check(origin, info));
	if (key == NULL)
		return remove_all(node, origin, done, arg, out_count, info);
	PZ_TRY(appdata_get(node, origin, key, &ignored, info));
	PZ_TRY(pz_app_key_make(origin, key, text, info));
	*out_count = 1;
	return remove_chunk(node, text, done, arg, info);
}

/* ---- what happens ---- */

void
appdata_synchronised(struct pz_node *node, const json_t *keys)
{
	const json_t *text;
	size_t i;

	if (!node_has_watcher(node))
		return;
	json_array_foreach (keys, i, text) {
		const struct pz_sync_chunk *chunk =
			pz_sync_item_get(item_of(node), json_string_value(text));
		char origin[PZ_APP_KEY_CHARS];
		const char *key;
		if (chunk && pz_app_key_split(chunk->key, origin, &key, NULL) == PZ_OK)
			node_tell(node, json_pack("{s:s, s:s, s:s, s:b, s:s}", "event", "data",
						  "origin", origin, "key", key, "deleted",
						  chunk->deleted, "from", chunk->origin));
	}
}

/* ---- app.clear-on-disconnect ---- */

static bool
is_cleared(const struct pz_node *node)
{
	return pz_prefs_bool(prefs_active(node), PZ_PREF_APP_CLEAR_ON_DISCONNECT);
}

static bool
has_session(const struct pz_node *node)
{
	return node->machine.state == PZ_STATE_CONNECTED || pz_peers_live_count(node->peers) > 0;
}

static enum pz_err
save_mark(void *arg, struct pz_txn *txn)
{
	const struct appdata *data = arg;

	return data->is_marked ? pz_record_put(txn, SPACE, KEY_SESSION, json_object())
			       : pz_txn_remove(txn, SPACE, KEY_SESSION);
}

/* Until it is on disk a crash would leave what apps store, or clear it once more. */
static void
set_mark(struct appdata *data, bool is_marked)
{
	struct pz_txn *txn = pz_txn_new();

	data->is_marked = is_marked;
	if (txn && save_mark(data, txn) == PZ_OK) {
		pz_keep_commit(&data->keep, txn);
		return;
	}
	pz_txn_free(txn);
	pz_keep_failed(&data->keep, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

static size_t
count_values(const struct pz_node *node)
{
	const struct pz_sync_item *item = item_of(node);
	size_t count = 0;

	for (size_t i = 0; i < pz_sync_item_len(item); i++)
		count += !pz_sync_item_at(item, i)->deleted;
	return count;
}

static void
scrub(struct pz_node *node)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn == NULL)
		return;
	pz_txn_scrub(txn);
	pz_store_commit(node->config.store, txn, NULL, NULL);
}

/* Without a trace, so that no deletion travels. */
static void
clear(struct pz_node *node, const char *with)
{
	size_t count = count_values(node);

	pz_shared_forget(node->zonedata->shared, PZ_SYNC_APP_DATA, NULL, NULL);
	scrub(node);
	pz_notice("data-cleared", "keys=%zu with=%s", count, with);
	node_tell(node, json_pack("{s:s, s:I, s:s}", "event", "data-cleared", "keys",
				  (json_int_t)count, "with", with));
}

void
appdata_session_began(struct pz_node *node)
{
	if (is_cleared(node) && !node->appdata->is_marked && has_session(node))
		set_mark(node->appdata, true);
}

void
appdata_session_ended(struct pz_node *node, const char *with)
{
	if (is_cleared(node))
		clear(node, with);
	if (node->appdata->is_marked && !has_session(node))
		set_mark(node->appdata, false);
}

/* ---- life ---- */

static enum pz_err
load_mark(void *arg, const char *key, struct pz_slice value)
{
	struct appdata *data = arg;

	(void)value;
	data->is_marked |= strcmp(key, KEY_SESSION) == 0;
	return PZ_OK;
}

enum pz_err
appdata_start(struct pz_node *node, struct pz_errinfo *info)
{
	struct appdata *data = node->appdata;

	PZ_TRY(pz_store_load(node->config.store, SPACE, load_mark, data, info));
	if (!data->is_marked)
		return PZ_OK;
	if (is_cleared(node))
		clear(node, "(before this start)");
	set_mark(data, false);
	return PZ_OK;
}

struct appdata *
appdata_new(struct pz_node *node)
{
	struct appdata *data = calloc(1, sizeof(*data));

	if (data == NULL)
		return NULL;
	data->node = node;
	pz_keep_init(&data->keep,
		     &(struct pz_keep_config){.store = node->config.store,
					      .env = node->config.env,
					      .what = "that apps' data is to be cleared",
					      .save = save_mark,
					      .arg = data});
	pz_list_init(&data->removals);
	return data;
}

void
appdata_free(struct appdata *data)
{
	if (data == NULL)
		return;
	pz_keep_stop(&data->keep);
	for (struct pz_list *n; (n = pz_list_first(&data->removals)) != NULL;) {
		pz_list_remove(n);
		free(PZ_CONTAINER(n, struct removal, list));
	}
	free(data);
}
