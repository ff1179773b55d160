/*
 * Clearing at the hub what devices have shared: `data` shows what apps have stored, `data-remove`
 * removes it for all devices, and `revoke` with `purge` also removes what the device has written.
 */
#include <stdlib.h>
#include <string.h>

#include "pzh/internal.h"
#include "wire/json.h"
#include "zone/app_key.h"
#include "zone/shared_remove.h"

#define LISTED_MAX 1000 /* apps in one answer: it fits into a line */

/* A command that waits for the disk. */
struct clearing {
	struct pz_list node; /* hub_zone.clearings */
	struct hub_zone *zone;
	pz_hub_done done;
	void *arg;
	json_t *result;
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* of revoke */
};

static void
free_clearing(struct clearing *c)
{
	pz_list_remove(&c->node);
	json_decref(c->result);
	free(c);
}

void
zone_data_free(struct hub_zone *zone)
{
	for (struct pz_list *n; (n = pz_list_first(&zone->clearings)) != NULL;)
		free_clearing(PZ_CONTAINER(n, struct clearing, node));
}

static void
end(struct clearing *c, enum pz_err err, const char *detail)
{
	json_t *result = err == PZ_OK ? json_incref(c->result) : NULL;
	pz_hub_done done = c->done;
	void *arg = c->arg;

	free_clearing(c);
	if (err == PZ_OK && result == NULL)
		done(arg, PZ_ERR_LIMIT_MEMORY, "out of memory", NULL);
	else
		done(arg, err, err == PZ_OK ? "" : detail, result);
	json_decref(result);
}

static void
on_removed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_errinfo info = {""};

	if (err != PZ_OK)
		(void)pz_fail(&info, err, "not all was removed, it cannot be stored: %s", detail);
	end(arg, err, info.text);
}

static struct clearing *
new_clearing(struct hub_zone *zone, pz_hub_done done, void *arg)
{
	struct clearing *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		done(arg, PZ_ERR_LIMIT_MEMORY, "out of memory", NULL);
		return NULL;
	}
	*c = (struct clearing){.zone = zone, .done = done, .arg = arg};
	pz_list_append(&zone->clearings, &c->node);
	return c;
}

/* Removes what is meant, puts the number into the result, and ends the command then. */
static void
clear(struct clearing *c, pz_shared_is_meant is_meant, const void *meant_arg, const char *member)
{
	struct pz_errinfo info = {""};
	size_t count = 0;

	enum pz_err err = pz_shared_remove_all(c->zone->shared, is_meant, meant_arg, on_removed, c,
					       &count, &info);
	if (c->result)
		(void)json_object_set_new(c->result, member, json_integer((json_int_t)count));
	if (err == PZ_OK)
		pz_notice("data-removed", "zone=%s values=%zu", c->zone->authority->zone, count);
	if (err != PZ_OK || count == 0)
		end(c, err, info.text);
}

/* ---- revoke, with purge ---- */

static void
on_revoked(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct clearing *c = arg;
	char device[sizeof(c->device)];

	/* It was revoked before: what it has written is still there. */
	if (err != PZ_OK && err != PZ_ERR_EXISTS) {
		end(c, err, detail);
		return;
	}
	memcpy(device, c->device, sizeof(device));
	c->result = result ? json_copy(result) : json_pack("{s:s}", "device", device);
	clear(c, pz_shared_is_by, device, "purged");
}

void
zone_revoke_and_purge(struct hub_zone *zone, const char *device, pz_hub_done done, void *arg)
{
	struct clearing *c = new_clearing(zone, done, arg);

	if (c == NULL)
		return;
	snprintf(c->device, sizeof(c->device), "%s", device);
	zone_revoke(zone, device, PZ_REVOKED_BY_OWNER, on_revoked, c);
}

/* ---- what apps have stored ---- */

static void
add_app(json_t *list, const char *origin, size_t keys, size_t bytes)
{
	if (keys > 0)
		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:I}", "origin", origin, "keys",
						(json_int_t)keys, "bytes", (json_int_t)bytes));
}

static json_t *
list_apps(const struct hub_zone *zone)
{
	const struct pz_sync_item *item =
		pz_shared_item(zone->shared, pz_sync_kind(PZ_SYNC_APP_DATA));
	char origin[PZ_APP_KEY_CHARS] = "", one[PZ_APP_KEY_CHARS];
	size_t keys = 0, bytes = 0;
	json_t *list = json_array();

	for (size_t i = 0; list && i < pz_sync_item_len(item) && json_array_size(list) < LISTED_MAX;
	     i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		const char *key;
		if (chunk->deleted || pz_app_key_split(chunk->key, one, &key, NULL) != PZ_OK)
			continue;
		if (strcmp(one, origin) != 0) {
			add_app(list, origin, keys, bytes);
			memcpy(origin, one, sizeof(origin));
			keys = bytes = 0;
		}
		keys++;
		bytes += strlen(key) + chunk->value_len;
	}
	if (list && json_array_size(list) < LISTED_MAX)
		add_app(list, origin, keys, bytes);
	return list;
}

void
zone_data_list(struct pz_hub *hub, const json_t *params, pz_hub_done done, void *arg)
{
	struct pz_errinfo info = {""};
	struct hub_zone *zone;

	enum pz_err err = hub_choose_zone(hub, pz_json_str(params, "zone"), &zone, &info);
	json_t *result = err == PZ_OK ? list_apps(zone) : NULL;
	if (err == PZ_OK && result == NULL)
		err = pz_fail(&info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	done(arg, err, info.text, result);
	json_decref(result);
}

void
zone_data_remove(struct pz_hub *hub, const json_t *params, pz_hub_done done, void *arg)
{
	struct pz_shared_app app = {pz_json_str(params, "origin"), pz_json_str(params, "key")};
	struct pz_errinfo info = {""};
	struct hub_zone *zone;

	enum pz_err err = hub_choose_zone(hub, pz_json_str(params, "zone"), &zone, &info);
	if (err == PZ_OK && app.origin == NULL)
		err = pz_fail(&info, PZ_ERR_CONFIG,
			      "data-remove needs the origin of an app; `pzh data` lists them");
	if (err != PZ_OK) {
		done(arg, err, info.text, NULL);
		return;
	}
	struct clearing *c = new_clearing(zone, done, arg);
	if (c == NULL)
		return;
	c->result = json_object();
	clear(c, pz_shared_is_of_app, &app, "removed");
}
