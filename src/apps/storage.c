/*
 * What an app stores (`webinos.storage`): the object `AppStorage` of this device. An app can only
 * use the keys of its own origin, which the browser has sent; there is no parameter for another
 * one. The values are those of page 8 (app-data), with its limits; a change is answered when it is
 * on disk.
 * @spec page 11 "What apps store"
 */
#include <stdio.h>
#include <stdlib.h>

#include "apps/internal.h"
#include "items/app_data.h"
#include "rpc/error.h"
#include "wire/json.h"

/* A change that is not on disk yet. */
struct write {
	struct pz_list hook;        /* pz_apps.writes */
	struct pz_visitor *visitor; /* NULL: it has disconnected */
	json_t *id;
	json_t *result;
	struct pz_app_data_removal removal;
};

/* ---- answers ---- */

static json_t *
refusal(json_t *id, enum pz_err err, const char *text)
{
	enum pz_err_category category = pz_err_category(err);
	/* Names of errors as the web's storage has them. */
	const char *name = category == PZ_CAT_LIMIT || err == PZ_ERR_IO_FULL ? "QuotaExceededError"
									     : "InvalidStateError";

	return pz_rpc_failure(id, category == PZ_CAT_CONFIG
					  ? pz_rpc_error(PZ_RPC_INVALID_PARAMS, text, NULL)
					  : pz_rpc_api_error(name, text));
}

static void
write_free(struct write *write)
{
	pz_list_remove(&write->hook);
	json_decref(write->id);
	json_decref(write->result);
	free(write);
}

/* The detail names files of this device, which only its owner may see. */
static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct write *write = arg;

	(void)detail;
	if (write->visitor && err == PZ_OK) {
		pz_app_send_rpc(write->visitor, pz_rpc_result(write->id, PZ_TAKE(write->result)));
	} else if (write->visitor) {
		pz_app_send_rpc(write->visitor,
				refusal(write->id, err,
					err == PZ_ERR_IO_FULL
						? "not changed: the disk of the device is full"
						: "not changed: the device cannot write it to its "
						  "disk"));
	}
	write_free(write);
}

static size_t
count_writes(const struct pz_visitor *visitor)
{
	size_t count = 0;

	/* A page that writes in a loop must fill neither memory nor the queue of the disk. */
	PZ_LIST_EACH (&visitor->apps->writes, node, tmp)
		count += PZ_CONTAINER(node, struct write, hook)->visitor == visitor;
	return count;
}

/* @return NULL: too many are pending */
static struct write *
write_new(struct pz_visitor *visitor, json_t *id)
{
	struct write *write = NULL;

	if (count_writes(visitor) < PZ_APP_WRITES_MAX)
		write = calloc(1, sizeof(*write));
	if (write == NULL)
		return NULL;
	write->visitor = visitor;
	write->id = json_incref(id);
	write->removal = (struct pz_app_data_removal){.done = on_stored, .arg = write};
	pz_list_append(&visitor->apps->writes, &write->hook);
	return write;
}

static json_t *
too_many(json_t *id)
{
	return refusal(id, PZ_ERR_LIMIT, "too many changes of this page wait for the disk");
}

/* ---- functions ---- */

static const char *
key_of(const struct pz_rpc *rpc, struct pz_errinfo *info)
{
	const char *key = pz_json_text(json_array_get(rpc->params, 0));

	if (key == NULL || key[0] == '\0')
		(void)pz_fail(info, PZ_ERR_CONFIG, "the first parameter must be a key, a text");
	return key && key[0] ? key : NULL;
}

/* A key without a value has no member `value`. */
static json_t *
get(struct pz_visitor *visitor, const struct pz_rpc *rpc)
{
	const struct pz_sync_chunk *chunk = NULL;
	struct pz_errinfo info = {""};
	const char *key = key_of(rpc, &info);
	enum pz_err err = PZ_ERR_CONFIG;

	if (key)
		err = pz_app_data_get(visitor->apps->config.items, visitor->origin, key, &chunk,
				      &info);
	/* null, not an error: a key that was never set is a usual case. */
	if (err == PZ_ERR_NOTFOUND)
		return pz_rpc_result(rpc->id, NULL);
	if (err != PZ_OK)
		return refusal(rpc->id, err, info.text);
	struct pz_slice bytes = pz_slice_of(chunk->value, chunk->value_len);
	return pz_rpc_result(rpc->id, json_pack("{s:o}", "value", pz_json_parse(bytes, NULL)));
}

static enum pz_err
set_value(struct pz_visitor *visitor, const char *key, const json_t *value, struct write *write,
	  struct pz_errinfo *info)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	if (text == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "the second parameter must be the value");
	enum pz_err err = pz_app_data_set(visitor->apps->config.items, visitor->origin, key, text,
					  on_stored, write, info);
	free(text);
	return err;
}

static json_t *
set(struct pz_visitor *visitor, const struct pz_rpc *rpc)
{
	struct write *write = write_new(visitor, rpc->id);
	struct pz_errinfo info = {""};
	const char *key = key_of(rpc, &info);
	enum pz_err err = PZ_ERR_CONFIG;

	if (write == NULL)
		return too_many(rpc->id);
	if (key)
		/* The value is copied before this returns; the answer follows the commit. */
		err = set_value(visitor, key, json_array_get(rpc->params, 1), write, &info);
	if (err == PZ_OK)
		return NULL;
	write_free(write);
	return refusal(rpc->id, err, pz_errinfo_text(&info, err));
}

/* @param key NULL: all of them. A missing key counts as removed. */
static json_t *
remove_keys(struct pz_visitor *visitor, const struct pz_rpc *rpc, const char *key)
{
	struct write *write = write_new(visitor, rpc->id);
	struct pz_errinfo info = {""};
	size_t count = 0;

	if (write == NULL)
		return too_many(rpc->id);
	enum pz_err err = pz_app_data_remove(visitor->apps->config.items, visitor->origin, key,
					     &write->removal, &count, &info);
	if (err == PZ_OK) {
		write->result = json_pack("{s:I}", "removed", (json_int_t)count);
		return NULL;
	}
	write_free(write);
	if (err == PZ_ERR_NOTFOUND)
		return pz_rpc_result(rpc->id, json_pack("{s:i}", "removed", 0));
	return refusal(rpc->id, err, pz_errinfo_text(&info, err));
}

static json_t *
remove_one(struct pz_visitor *visitor, const struct pz_rpc *rpc)
{
	struct pz_errinfo info = {""};
	const char *key = key_of(rpc, &info);

	return key ? remove_keys(visitor, rpc, key) : refusal(rpc->id, PZ_ERR_CONFIG, info.text);
}

static json_t *
clear(struct pz_visitor *visitor, const struct pz_rpc *rpc)
{
	return remove_keys(visitor, rpc, NULL);
}

/* A list that is too long for one answer ends with `next`: the next request gives it as the second
 * parameter. */
static json_t *
keys(struct pz_visitor *visitor, const struct pz_rpc *rpc)
{
	const struct pz_items *items = visitor->apps->config.items;
	const size_t skip = strlen(visitor->origin) + 1; /* of a chunk's key */
	const char *prefix = pz_json_text(json_array_get(rpc->params, 0));
	const char *after = pz_json_text(json_array_get(rpc->params, 1));
	json_t *list = json_array(), *result = json_pack("{s:o?}", "keys", list);
	size_t bytes = 0;

	/* Longer than any key, so it was never in a list. */
	if (after && strlen(after) >= PZ_APP_KEY_CHARS)
		after = NULL;
	const struct pz_sync_chunk *chunk =
		pz_app_data_next(items, visitor->origin, prefix ? prefix : "", after);
	for (; result && chunk; chunk = pz_app_data_next(items, visitor->origin,
							 prefix ? prefix : "", chunk->key + skip)) {
		const char *key = chunk->key + skip;
		(void)json_array_append_new(list, json_string(key));
		bytes += strlen(key) + 3;
		/* The list continues after this key; keys are sorted. */
		if (bytes > PZ_APP_KEYS_BYTES) {
			(void)json_object_set_new(result, "next", json_string(key));
			break;
		}
	}
	return pz_rpc_result(rpc->id, result);
}

static json_t *
watch(struct pz_visitor *visitor, const struct pz_rpc *rpc)
{
	visitor->wants_changes = true;
	return pz_rpc_result(rpc->id, NULL);
}

json_t *
pz_app_storage_request(struct pz_visitor *visitor, const struct pz_rpc *rpc, const char *function)
{
	static const struct {
		const char *name;
		json_t *(*run)(struct pz_visitor *visitor, const struct pz_rpc *rpc);
	} functions[] = {{"get", get},     {"set", set},   {"remove", remove_one},
			 {"clear", clear}, {"keys", keys}, {"watch", watch}};

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (strcmp(function, functions[i].name) == 0)
			return functions[i].run(visitor, rpc);
	return pz_rpc_failure(rpc->id, pz_rpc_error(PZ_RPC_METHOD_NOT_FOUND, NULL, NULL));
}

/* ---- changes ---- */

static void
send_change(struct pz_visitor *visitor, const char *key)
{
	json_t *params = key ? json_pack("{s:s}", "key", key) : json_object();

	pz_app_send_rpc(visitor, pz_rpc_request(NULL, "AppStorage.changed", params));
}

/* Without the value: a page that wants it requests it, and gets the value of that time. */
void
pz_apps_stored(struct pz_apps *apps, const char *key)
{
	char origin[PZ_APP_KEY_CHARS];
	const char *own = NULL;

	if (apps == NULL || (key && pz_app_key_split(key, origin, &own, NULL) != PZ_OK))
		return;
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);
		if (visitor->state == PZ_APP_OPEN && visitor->wants_changes &&
		    (key == NULL || strcmp(visitor->origin, origin) == 0))
			send_change(visitor, own);
	}
}

/* ---- the end ---- */

bool
pz_apps_has_session(const struct pz_apps *apps)
{
	if (apps == NULL)
		return false;
	PZ_LIST_EACH (&apps->visitors, node, tmp)
		if (PZ_CONTAINER(node, struct pz_visitor, hook)->state == PZ_APP_OPEN)
			return true;
	return false;
}

static bool
is_open_elsewhere(const struct pz_visitor *ended)
{
	PZ_LIST_EACH (&ended->apps->visitors, node, tmp) {
		const struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);
		if (visitor != ended && visitor->state == PZ_APP_OPEN &&
		    strcmp(visitor->origin, ended->origin) == 0)
			return true;
	}
	return false;
}

/* When the daemon ends, the next start clears them: the session is marked on the disk. */
void
pz_app_storage_end(struct pz_visitor *visitor)
{
	struct pz_apps *apps = visitor->apps;

	PZ_LIST_EACH (&apps->writes, node, tmp) {
		struct write *write = PZ_CONTAINER(node, struct write, hook);
		/* The write continues; only its answer has no receiver. */
		if (write->visitor == visitor)
			write->visitor = NULL;
	}
	/* Other tabs of the same origin may still use it. */
	if (!apps->is_ending && !is_open_elsewhere(visitor))
		pz_app_data_app_ended(apps->config.items, visitor->origin);
}

void
pz_app_storage_move(struct pz_visitor *from, struct pz_visitor *to)
{
	PZ_LIST_EACH (&from->apps->writes, node, tmp) {
		struct write *write = PZ_CONTAINER(node, struct write, hook);
		if (write->visitor == from)
			write->visitor = to;
	}
}

void
pz_app_storage_fini(struct pz_apps *apps)
{
	struct pz_list *first;

	while ((first = pz_list_first(&apps->writes)) != NULL)
		write_free(PZ_CONTAINER(first, struct write, hook));
}
