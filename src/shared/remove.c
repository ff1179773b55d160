/* Keys are collected first and removed later, since a removal changes the item that is being read.
 * Lists of services stay: only their device writes them. */
#include "shared/remove.h"

#include <string.h>

#include "shared/app_key.h"

static const enum pz_sync_id ids[] = {PZ_SYNC_PREFERENCES, PZ_SYNC_USER_DETAILS, PZ_SYNC_APP_DATA};

#define IDS (sizeof(ids) / sizeof(ids[0]))

/* Appends [item, key] for each value to be removed. */
static enum pz_err
find(const struct pz_shared *shared, enum pz_sync_id id, pz_shared_is_meant is_meant,
     const void *meant_arg, json_t *keys)
{
	const struct pz_sync_kind *kind = pz_sync_kind(id);
	const struct pz_sync_item *item = pz_shared_item(shared, kind);

	for (size_t i = 0; i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		if (!chunk->deleted && is_meant(meant_arg, kind, chunk) &&
		    json_array_append_new(keys, json_pack("[i, s]", (int)id, chunk->key)))
			return PZ_ERR_LIMIT_MEMORY;
	}
	return PZ_OK;
}

/* Commits end in their order: when the last one has ended, all have. */
static enum pz_err
remove_found(struct pz_shared *shared, const json_t *keys, pz_shared_done done, void *arg,
	     struct pz_errinfo *info)
{
	size_t count = json_array_size(keys), i;
	const json_t *one;

	json_array_foreach (keys, i, one) {
		bool is_last = i + 1 == count;
		PZ_TRY(pz_shared_write(shared,
				       (enum pz_sync_id)json_integer_value(json_array_get(one, 0)),
				       json_string_value(json_array_get(one, 1)), NULL,
				       is_last ? done : NULL, is_last ? arg : NULL, info));
	}
	return PZ_OK;
}

enum pz_err
pz_shared_remove_all(struct pz_shared *shared, pz_shared_is_meant is_meant, const void *meant_arg,
		     pz_shared_done done, void *arg, size_t *out_count, struct pz_errinfo *info)
{
	json_t *keys = json_array();
	enum pz_err err = keys ? PZ_OK : PZ_ERR_LIMIT_MEMORY;

	for (size_t i = 0; err == PZ_OK && i < IDS; i++)
		err = find(shared, ids[i], is_meant, meant_arg, keys);
	if (err == PZ_OK)
		err = remove_found(shared, keys, done, arg, info);
	else
		(void)pz_fail(info, err, "out of memory");
	*out_count = json_array_size(keys);
	json_decref(keys);
	return err;
}

bool
pz_shared_is_by(const void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk)
{
	const char *slash = strchr(chunk->origin, '/');

	(void)kind;
	/* brought by the device, or written by it and brought by a relay */
	return strcmp(chunk->via, arg) == 0 || (slash && strcmp(slash + 1, arg) == 0);
}

bool
pz_shared_is_of_app(const void *arg, const struct pz_sync_kind *kind,
		    const struct pz_sync_chunk *chunk)
{
	const struct pz_shared_app *app = arg;
	char origin[PZ_APP_KEY_CHARS];
	const char *key;

	return kind->id == PZ_SYNC_APP_DATA &&
	       pz_app_key_split(chunk->key, origin, &key, NULL) == PZ_OK &&
	       strcmp(origin, app->origin) == 0 && (app->key == NULL || strcmp(key, app->key) == 0);
}
