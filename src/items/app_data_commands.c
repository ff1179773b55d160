/*
 * `pzp data` (page 12): what apps have stored, for the owner of the device. An answer is one line
 * of the control socket, so a long list is answered in parts: `next` is the last row of a part, and
 * the next request passes it as `after`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "items/internal.h"
#include "wire/json.h"

/* The bound of one answer. */
#define LIST_BYTES_MAX (PZ_CTL_LINE_BYTES_MAX / 4)
#define LISTED_BYTES 128 /* the bytes of a row without its texts */

/* ---- looking ---- */

static json_t *
list_origins(const struct pz_items *items, const char *after)
{
	char origin[PZ_APP_KEY_CHARS] = "";
	json_t *list = json_array();
	json_t *result = json_pack("{s:o?}", "origins", list);
	size_t bytes = 0;

	for (bool more = pz_app_data_next_origin(items, after, origin); result && more;
	     more = pz_app_data_next_origin(items, origin, origin)) {
		struct pz_app_data_usage usage;
		pz_app_data_usage(items, origin, &usage);
		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "origin", origin, "keys",
						      (json_int_t)usage.keys, "bytes",
						      (json_int_t)usage.bytes));
		bytes += LISTED_BYTES + strlen(origin);
		if (bytes > LIST_BYTES_MAX) {
			json_object_set_new(result, "next", json_string(origin));
			break;
		}
	}
	return result;
}

/* Sizes instead of values: the list must stay short whatever the apps store. */
static json_t *
list_keys(const struct pz_items *items, const char *origin, const char *prefix, const char *after)
{
	const size_t skip = strlen(origin) + 1; /* of a chunk's key, before the app's own */
	json_t *list = json_array();
	json_t *result = json_pack("{s:o?}", "keys", list);
	const struct pz_sync_chunk *chunk = pz_app_data_next(items, origin, prefix, after);
	size_t bytes = 0;

	for (; result && chunk;
	     chunk = pz_app_data_next(items, origin, prefix, chunk->key + skip)) {
		const char *key = chunk->key + skip;
		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:s}", "key", key, "size",
						      (json_int_t)chunk->value_len, "mtime_ms",
						      (json_int_t)chunk->mtime_ms, "from",
						      chunk->origin));
		bytes += LISTED_BYTES + strlen(key) + strlen(chunk->origin);
		if (bytes > LIST_BYTES_MAX) {
			json_object_set_new(result, "next", json_string(key));
			break;
		}
	}
	return result;
}

void
pz_app_data_list_command(struct pz_items *items, struct pz_request *request)
{
	json_t *params = request->params;
	const char *origin = pz_json_str(params, "origin");
	const char *prefix = pz_json_str(params, "prefix");
	const char *after = pz_json_str(params, "after");
	struct pz_errinfo info = {""};
	enum pz_err err = PZ_OK;
	json_t *result = NULL;

	if (after && strlen(after) >= PZ_APP_KEY_CHARS)
		err = pz_fail(&info, PZ_ERR_CONFIG, "after is longer than any key");
	else if (origin)
		err = pz_app_origin_check(origin, &info);
	else if (prefix)
		err = pz_fail(&info, PZ_ERR_CONFIG, "a prefix of whose keys? give the origin too");
	if (err == PZ_OK)
		result = origin ? list_keys(items, origin, prefix ? prefix : "", after)
				: list_origins(items, after);
	pz_request_finish(request, err, info.text, result);
}

void
pz_app_data_get_command(struct pz_items *items, struct pz_request *request)
{
	json_t *params = request->params;
	const struct pz_sync_chunk *chunk = NULL;
	const char *origin = pz_json_str(params, "origin"), *key = pz_json_str(params, "key");
	struct pz_errinfo info = {""};
	json_t *result = NULL;
	enum pz_err err = pz_app_data_get(items, origin, key, &chunk, &info);

	if (err == PZ_OK) {
		struct pz_slice value = pz_slice_of(chunk->value, chunk->value_len);
		result = json_pack("{s:s, s:s, s:o?, s:I, s:I, s:s}", "origin", origin, "key", key,
				   "value", pz_json_parse(value, NULL), "size",
				   (json_int_t)chunk->value_len, "mtime_ms",
				   (json_int_t)chunk->mtime_ms, "from", chunk->origin);
	}
	pz_request_finish(request, err, info.text, result);
}

/* ---- changing ---- */

/* A change that is not confirmed by the disk yet. */
struct change {
	struct pz_request *request;
	struct pz_items *items;
	struct pz_app_data_removal removal;
	json_t *result;
};

static void
release_change(struct pz_request *request)
{
	struct change *change = request->state;

	json_decref(change->result);
}

/* It continues without its client, because a commit cannot be cancelled. */
static const struct pz_request_kind change_kind = {
	.size = sizeof(struct change), .release = release_change, .goes_on = true};

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct change *change = arg;
	struct pz_errinfo info = {""};

	if (err != PZ_OK)
		(void)pz_fail(&info, err, "not changed, it cannot be stored: %s", detail);
	pz_request_finish(change->request, err, info.text,
			  err == PZ_OK ? json_incref(change->result) : NULL);
}

/* Begins a change, which is answered when it is on disk. */
static void
begin_change(struct pz_items *items, struct pz_request *request,
	     enum pz_err (*begin)(struct change *change, struct pz_errinfo *info))
{
	struct change *change = pz_request_begin(request, &change_kind);
	struct pz_errinfo info = {""};

	if (change == NULL)
		return;
	change->request = request;
	change->items = items;
	enum pz_err err = begin(change, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

/* The result is built now: by the time the disk has confirmed the value, it may have changed
 * again. */
static enum pz_err
set_value(struct change *change, struct pz_errinfo *info)
{
	struct pz_items *items = change->items;
	json_t *params = change->request->params;
	json_t *value = json_object_get(params, "value");
	const char *origin = pz_json_str(params, "origin"), *key = pz_json_str(params, "key");

	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	if (text == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_app_data_set(items, origin, key, text, on_stored, change, info);
	if (err == PZ_OK)
		change->result =
			json_pack("{s:s, s:s, s:I, s:s*}", "origin", origin, "key", key, "size",
				  (json_int_t)strlen(text), "refusedByHub",
				  items->config.ops->app_refusal(items->config.arg, origin));
	free(text);
	return err;
}

void
pz_app_data_set_command(struct pz_items *items, struct pz_request *request)
{
	begin_change(items, request, set_value);
}

/* on_stored cannot run before the result is set: no commit ends inside this call. */
static enum pz_err
remove_values(struct change *change, struct pz_errinfo *info)
{
	struct pz_items *items = change->items;
	json_t *params = change->request->params;
	const char *origin = pz_json_str(params, "origin");
	size_t count = 0;

	change->removal = (struct pz_app_data_removal){.done = on_stored, .arg = change};
	PZ_TRY(pz_app_data_remove(items, origin, pz_json_str(params, "key"), &change->removal,
				  &count, info));
	change->result = json_pack("{s:I}", "removed", (json_int_t)count);
	return PZ_OK;
}

void
pz_app_data_remove_command(struct pz_items *items, struct pz_request *request)
{
	begin_change(items, request, remove_values);
}
