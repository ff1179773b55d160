/*
 * Removes shared data at the hub: `data` shows what apps have stored, `data-remove` removes it for
 * all devices, and `revoke` with `purge` also removes what the device has written.
 */
#include <stdlib.h>
#include <string.h>

#include "hosted/change.h"
#include "pzh/internal.h"
#include "shared/app_key.h"
#include "shared/remove.h"
#include "wire/json.h"

#define LISTED_MAX 1000 /* apps in one answer: it fits into a line */

/* A command that waits for the disk, and before that for its revocation, if there is one. */
struct clearing {
	struct pz_request *request;
	struct pz_hosted *zone;
	json_t *result;
	bool is_purge; /* of `revoke`: also remove what the device has written */
	char device[PZ_DEVICE_BYTES_MAX + 1];
};

static void
release_clearing(struct pz_request *request)
{
	struct clearing *c = request->state;

	json_decref(c->result);
}

static const struct pz_request_kind clearing_kind = {
	.size = sizeof(struct clearing), .release = release_clearing, .goes_on = true};

static void
on_removed(void *arg, enum pz_err err, const char *detail)
{
	struct clearing *c = arg;
	struct pz_errinfo info = {""};

	if (err != PZ_OK)
		(void)pz_fail(&info, err, "not all was removed, it cannot be stored: %s", detail);
	pz_request_finish(c->request, err, info.text, err == PZ_OK ? json_incref(c->result) : NULL);
}

/* NULL: the request has ended. */
static struct clearing *
begin_clearing(struct pz_request *request, struct pz_hosted *zone)
{
	struct clearing *c = pz_request_begin(request, &clearing_kind);

	if (c) {
		c->request = request;
		c->zone = zone;
	}
	return c;
}

/* Removes the selected data, puts the number into the result, and then ends the command. */
static void
clear(struct clearing *c, json_t *takes_result, pz_shared_is_meant is_meant, const void *meant_arg,
      const char *member)
{
	struct pz_errinfo info = {""};
	size_t count = 0;

	c->result = takes_result;
	enum pz_err err = pz_shared_remove_all(c->zone->shared, is_meant, meant_arg, on_removed, c,
					       &count, &info);
	if (c->result)
		(void)json_object_set_new(c->result, member, json_integer((json_int_t)count));
	if (err == PZ_OK)
		pz_notice("data-removed", "zone=%s values=%zu", c->zone->authority->zone, count);
	/* With a count, on_removed ends the request. */
	if (err != PZ_OK)
		pz_request_fail(c->request, err, info.text);
	else if (count == 0)
		pz_request_answer(c->request, json_incref(c->result));
}

/* ---- revoke ---- */

static void
on_revoked(void *arg, enum pz_err err, const char *detail, json_t *takes_result)
{
	struct clearing *c = arg;
	json_t *result = takes_result;

	/* A device that was revoked before: what it has written still exists. */
	if (c->is_purge && (err == PZ_OK || err == PZ_ERR_EXISTS)) {
		if (result == NULL)
			result = json_pack("{s:s}", "device", c->device);
		clear(c, result, pz_shared_is_by, c->device, "purged");
	} else {
		pz_request_finish(c->request, err, detail, result);
	}
}

void
pz_pzh_run_revoke(struct pz_request *request)
{
	const char *device = pz_json_str(request->params, "device");
	struct pz_hosted *zone;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	struct clearing *c = begin_clearing(request, zone);
	if (c == NULL)
		return;
	c->is_purge = json_is_true(json_object_get(request->params, "purge"));
	snprintf(c->device, sizeof(c->device), "%s", device);
	pz_hosted_revoke(zone, device, PZ_REVOKED_BY_OWNER, on_revoked, c);
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
list_apps(const struct pz_hosted *zone)
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
pz_pzh_run_data(struct pz_request *request)
{
	struct pz_hosted *zone;

	if (pz_pzh_choose_zone(request, &zone))
		pz_request_answer(request, list_apps(zone));
}

void
pz_pzh_run_data_remove(struct pz_request *request)
{
	const json_t *params = request->params;
	struct pz_shared_app app = {pz_json_str(params, "origin"), pz_json_str(params, "key")};
	struct pz_hosted *zone;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	struct clearing *c = begin_clearing(request, zone);
	if (c)
		clear(c, json_object(), pz_shared_is_of_app, &app, "removed");
}
