#include "pzp/servicecache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pzp/internal.h"
#include "pzp/zonedata.h"
#include "wire/json.h"

/* ---- our own ---- */

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	(void)arg;
	if (err != PZ_OK)
		pz_error("store", "the list of this device's services is not stored: %s", detail);
}

static bool
has_changed(const struct pz_node *node, const char *list)
{
	const char *former = pz_shared_value(node->zonedata->shared, PZ_SYNC_SERVICE_CACHE,
					     node->zone.membership->device);

	return former == NULL || strcmp(former, list) != 0;
}

void
servicecache_announce(struct pz_node *node)
{
	json_t *list = pz_registry_list(node->registry, NULL);
	char *text = list ? json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	struct pz_errinfo info = {""};
	enum pz_err err = text ? PZ_OK : PZ_ERR_LIMIT_MEMORY;

	if (text && node->zone.membership && !node->is_wiping && has_changed(node, text))
		err = zonedata_write(node, PZ_SYNC_SERVICE_CACHE, node->zone.membership->device,
				     text, on_written, NULL, &info);
	if (err != PZ_OK)
		on_written(NULL, err, pz_errinfo_text(&info, err));
	free(text);
	json_decref(list);
}

/* ---- those who are out ---- */

static bool
is_not_among(void *arg, const struct pz_sync_chunk *chunk)
{
	return json_object_get(arg, chunk->key) == NULL;
}

/* Its list would stay for ever where the former device's clock was ahead of the new one's. */
void
servicecache_drop_replaced(struct pz_node *node, const json_t *keys)
{
	const struct zonedata *data = node->zonedata;
	json_t *replaced = json_object();
	const json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		const char *device = json_string_value(key);
		if (strcmp(device, node->zone.membership->device) == 0 ||
		    !pz_knowledge_is_replaced(node->zone.knowledge, device))
			continue;
		(void)json_object_set_new(replaced, device, json_true());
		(void)json_object_del(node->known, device);
	}
	if (json_object_size(replaced) > 0)
		pz_shared_forget(data->shared, PZ_SYNC_SERVICE_CACHE, is_not_among, replaced);
	json_decref(replaced);
}

/* Of ourselves the hub tells by another way, and what peers say may be old. */
static bool
is_in(void *arg, const struct pz_sync_chunk *chunk)
{
	const struct pz_node *node = arg;

	return pz_device_zone_is_self(&node->zone, chunk->key) ||
	       !pz_device_zone_has_left(&node->zone, chunk->key);
}

void
servicecache_drop_revoked(struct pz_node *node)
{
	const char *device;
	json_t *list;
	void *next;

	if (node->zone.knowledge == NULL || node->zone.membership == NULL || node->is_wiping)
		return;
	pz_shared_forget(node->zonedata->shared, PZ_SYNC_SERVICE_CACHE, is_in, node);
	json_object_foreach_safe (node->known, next, device, list) {
		if (pz_device_zone_has_left(&node->zone, device))
			json_object_del(node->known, device);
	}
}

static bool
is_own(void *arg, const struct pz_sync_chunk *chunk)
{
	const struct pz_node *node = arg;

	return pz_device_zone_is_self(&node->zone, chunk->key);
}

void
servicecache_drop_others(struct pz_node *node)
{
	if (node->zonedata->shared && !node->is_wiping)
		pz_shared_forget(node->zonedata->shared, PZ_SYNC_SERVICE_CACHE, is_own, node);
}

/* ---- those who are away ---- */

bool
servicecache_is_offline(const struct pz_node *node, const json_t *descriptor)
{
	const char *text = pz_json_str(descriptor, "serviceAddress");
	char device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_address address;

	if (text == NULL || pz_address_parse(pz_slice_str(text), &address) != PZ_OK ||
	    pz_slice_eq_str(address.device, node->device))
		return false;
	snprintf(device, sizeof(device), "%.*s", (int)address.device.len,
		 (const char *)address.device.ptr);
	/* The hub names those that are there, at times before its Update does. */
	if (node->hub.is_registered && json_object_get(node->known, device))
		return false;
	return !pz_peers_has_route(node->peers, device);
}

static void
each_of(const struct pz_sync_chunk *chunk, void (*each)(void *arg, json_t *descriptor), void *arg)
{
	json_t *list = pz_json_parse(pz_slice_of(chunk->value, chunk->value_len), NULL), *one;
	size_t i;

	json_array_foreach (list, i, one)
		each(arg, one);
	json_decref(list);
}

void
servicecache_each_offline(const struct pz_node *node, void (*each)(void *arg, json_t *descriptor),
			  void *arg)
{
	const struct pz_sync_item *item =
		pz_shared_item(node->zonedata->shared, pz_sync_kind(PZ_SYNC_SERVICE_CACHE));

	for (size_t i = 0; node->zone.membership && i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		if (!chunk->deleted && strcmp(chunk->key, node->device) != 0 &&
		    !pz_peers_has_route(node->peers, chunk->key) &&
		    discovery_list_of(node, chunk->key) == NULL)
			each_of(chunk, each, arg);
	}
}

static void
recall(struct pz_node *node, const struct pz_sync_chunk *chunk)
{
	json_t *list = NULL;

	if (chunk->deleted || strcmp(chunk->key, node->device) == 0 ||
	    !pz_peers_has_route(node->peers, chunk->key) || discovery_list_of(node, chunk->key))
		return;
	list = pz_json_parse(pz_slice_of(chunk->value, chunk->value_len), NULL);
	if (list)
		(void)json_object_set_new(node->known, chunk->key, list);
}

void
servicecache_recall(struct pz_node *node, const char *device)
{
	const struct pz_sync_item *item =
		pz_shared_item(node->zonedata->shared, pz_sync_kind(PZ_SYNC_SERVICE_CACHE));
	const struct pz_sync_chunk *one = device ? pz_sync_item_get(item, device) : NULL;

	if (node->zone.membership == NULL)
		return;
	if (one)
		recall(node, one);
	for (size_t i = 0; device == NULL && i < pz_sync_item_len(item); i++)
		recall(node, pz_sync_item_at(item, i));
}
