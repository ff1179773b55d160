/*
 * The list of each device is one chunk of the item service-cache: its device writes it, and all
 * others store it. Lists that may be wrong are dropped without sending a deletion: each node knows
 * which devices have left the zone, and a device that returns writes its list again.
 */
#include "items/service_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "items/internal.h"
#include "wire/json.h"

/* ---- what the node knows ---- */

static bool
is_leaving(const struct pz_items *items)
{
	return items->config.ops->is_leaving(items->config.arg);
}

static bool
has_route(const struct pz_items *items, const char *device)
{
	return items->config.ops->has_route(items->config.arg, device);
}

static json_t *
services_of(const struct pz_items *items, const char *device)
{
	return items->config.ops->services_of(items->config.arg, device);
}

static struct pz_sync_item *
item_of(const struct pz_items *items)
{
	return pz_shared_item(items->shared, pz_sync_kind(PZ_SYNC_SERVICE_CACHE));
}

/* ---- our own ---- */

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	(void)arg;
	if (err != PZ_OK)
		pz_error("own-services-not-stored",
			 "the list of this device's services is not stored: %s", detail);
}

/* An equal list is not written again: each write is a newer version, which is sent to all. */
static bool
has_changed(const struct pz_items *items, const char *list)
{
	const char *former = pz_shared_value(items->shared, PZ_SYNC_SERVICE_CACHE,
					     items->config.zone->membership->device);

	return former == NULL || strcmp(former, list) != 0;
}

void
pz_service_cache_announce(struct pz_items *items)
{
	json_t *list = pz_registry_list(items->config.registry, NULL);
	/* with sorted keys, equal lists are equal texts */
	char *text = list ? json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	struct pz_errinfo info = {""};
	enum pz_err err = text ? PZ_OK : PZ_ERR_LIMIT_MEMORY;

	if (text && items->config.zone->membership && !is_leaving(items) &&
	    has_changed(items, text))
		err = pz_items_write(items, PZ_SYNC_SERVICE_CACHE,
				     items->config.zone->membership->device, text, on_written, NULL,
				     &info);
	if (err != PZ_OK)
		on_written(NULL, err, pz_errinfo_text(&info, err));
	free(text);
	json_decref(list);
}

/* ---- devices that have left ---- */

static bool
is_not_among(void *arg, const struct pz_sync_chunk *chunk)
{
	return json_object_get(arg, chunk->key) == NULL;
}

/* If the former device's clock was ahead of the new one's, its list would never be replaced. */
void
pz_service_cache_drop_replaced(struct pz_items *items, const json_t *keys)
{
	json_t *replaced = json_object();
	const json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		const char *device = json_string_value(key);
		if (strcmp(device, items->config.zone->membership->device) == 0 ||
		    !pz_knowledge_is_replaced(items->config.zone->knowledge, device))
			continue;
		(void)json_object_set_new(replaced, device, json_true());
		items->config.ops->forget_services(items->config.arg, device);
	}
	if (json_object_size(replaced) > 0)
		pz_shared_forget(items->shared, PZ_SYNC_SERVICE_CACHE, is_not_among, replaced);
	json_decref(replaced);
}

/* Our own list is kept: the hub reports our own revocation in another way, and the list of a peer
 * may be old. */
static bool
is_in(void *arg, const struct pz_sync_chunk *chunk)
{
	const struct pz_items *items = arg;

	return pz_device_zone_is_self(items->config.zone, chunk->key) ||
	       !pz_device_zone_has_left(items->config.zone, chunk->key);
}

void
pz_service_cache_drop_left(struct pz_items *items)
{
	if (items->config.zone->knowledge == NULL || items->config.zone->membership == NULL ||
	    is_leaving(items))
		return;
	pz_shared_forget(items->shared, PZ_SYNC_SERVICE_CACHE, is_in, items);
}

static bool
is_own(void *arg, const struct pz_sync_chunk *chunk)
{
	const struct pz_items *items = arg;

	return pz_device_zone_is_self(items->config.zone, chunk->key);
}

void
pz_service_cache_drop_others(struct pz_items *items)
{
	if (items->shared && !is_leaving(items))
		pz_shared_forget(items->shared, PZ_SYNC_SERVICE_CACHE, is_own, items);
}

/* ---- devices that are away ---- */

bool
pz_service_cache_is_offline(const struct pz_items *items, const json_t *descriptor)
{
	const char *text = pz_json_str(descriptor, "serviceAddress");
	char device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_address address;

	if (text == NULL || pz_address_parse(pz_slice_str(text), &address) != PZ_OK ||
	    pz_slice_eq_str(address.device, items->config.device))
		return false;
	snprintf(device, sizeof(device), "%.*s", (int)address.device.len,
		 (const char *)address.device.ptr);
	/* The hub names the connected devices, at times before its Update does. */
	if (items->config.ops->hub_is_up(items->config.arg) && services_of(items, device))
		return false;
	return !has_route(items, device);
}

/* Calls `each` for the descriptors of one list. */
static void
each_of(const struct pz_sync_chunk *chunk, void (*each)(void *arg, json_t *descriptor), void *arg)
{
	json_t *list = pz_json_parse(pz_slice_of(chunk->value, chunk->value_len), NULL), *one;
	size_t i;

	json_array_foreach (list, i, one)
		each(arg, one);
	json_decref(list);
}

/* If the node has the services of a device, they are newer than its list, even when the device is
 * offline. */
void
pz_service_cache_each_offline(const struct pz_items *items,
			      void (*each)(void *arg, json_t *descriptor), void *arg)
{
	const struct pz_sync_item *item = item_of(items);

	for (size_t i = 0; items->config.zone->membership && i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		if (!chunk->deleted && strcmp(chunk->key, items->config.device) != 0 &&
		    !has_route(items, chunk->key) && services_of(items, chunk->key) == NULL)
			each_of(chunk, each, arg);
	}
}

/* Does nothing if the device has sent its services: those are newer. */
static void
recall(struct pz_items *items, const struct pz_sync_chunk *chunk)
{
	json_t *list = NULL;

	if (chunk->deleted || strcmp(chunk->key, items->config.device) == 0 ||
	    !has_route(items, chunk->key) || services_of(items, chunk->key))
		return;
	list = pz_json_parse(pz_slice_of(chunk->value, chunk->value_len), NULL);
	if (list)
		items->config.ops->recall_services(items->config.arg, chunk->key, list);
}

void
pz_service_cache_recall(struct pz_items *items, const char *device)
{
	const struct pz_sync_item *item = item_of(items);
	const struct pz_sync_chunk *one = device ? pz_sync_item_get(item, device) : NULL;

	if (items->config.zone->membership == NULL)
		return;
	if (one)
		recall(items, one);
	for (size_t i = 0; device == NULL && i < pz_sync_item_len(item); i++)
		recall(items, pz_sync_item_at(item, i));
}
