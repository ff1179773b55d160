/* `pzp services`: what the search has found, and what is known about devices that are away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls/internal.h"
#include "items/service_cache.h"
#include "wire/json.h"

struct listing {
	struct pz_request *request;
	struct pz_calls *calls;
	struct pz_search *search;
	char *api, *zone, *wanted;            /* wanted: the device as typed */
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* the resolved device, "": any, or unknown yet */
	bool is_friends;                      /* the zone is a friend's */
	bool has_offline;                     /* also services that cannot be reached or used */
	json_t *list;
};

static void
release_listing(struct pz_request *request)
{
	struct listing *l = request->state;

	pz_search_cancel(l->search);
	json_decref(l->list);
	free(l->api);
	free(l->zone);
	free(l->wanted);
}

static const struct pz_request_kind listing_kind = {.size = sizeof(struct listing),
						    .release = release_listing};

static bool
is_listed(const struct listing *l, json_t *descriptor)
{
	const char *text = pz_json_str(descriptor, "serviceAddress");
	struct pz_address address;

	if (text == NULL || pz_address_parse(pz_slice_str(text), &address) != PZ_OK)
		return false;
	return (l->zone == NULL || pz_slice_eq_str(address.zone, l->zone)) &&
	       (l->wanted == NULL || pz_slice_eq_str(address.device, l->device)) &&
	       (l->has_offline || pz_permit_show(l->calls, descriptor));
}

static void
add_online(struct listing *l, json_t *descriptor)
{
	if (is_listed(l, descriptor) &&
	    (l->is_friends || !pz_service_cache_is_offline(l->calls->items, descriptor)))
		json_array_append(l->list, descriptor);
}

static void
add_offline(void *arg, json_t *descriptor)
{
	struct listing *l = arg;
	const char *api = pz_json_str(descriptor, "api");
	json_t *copy;

	if (!is_listed(l, descriptor) || (l->api && (!api || !pz_api_matches(l->api, api))))
		return;
	copy = json_copy(descriptor); /* it may be what others are shown, too */
	json_object_set_new(copy, "offline", json_true());
	json_array_append_new(l->list, copy);
}

static void
on_listed(void *arg, json_t *descriptors)
{
	struct listing *l = arg;
	struct pz_calls *calls = l->calls;
	size_t i;
	json_t *one;

	struct pz_errinfo info = {""};

	l->search = NULL;
	/* The hub has answered: a device that enrolled a moment ago is known now. */
	if (l->wanted && !l->is_friends &&
	    pz_devices_find(calls, l->wanted, l->device, &info) != PZ_OK) {
		pz_request_fail(l->request, PZ_ERR_NOTFOUND, info.text);
		return;
	}
	l->list = json_array();
	json_array_foreach (descriptors, i, one)
		add_online(l, one);
	json_array_foreach (descriptors, i, one)
		if (l->has_offline && !l->is_friends &&
		    pz_service_cache_is_offline(calls->items, one))
			add_offline(l, one);
	if (l->has_offline && !l->is_friends)
		pz_service_cache_each_offline(calls->items, add_offline, l);
	pz_request_answer(l->request, json_incref(l->list));
}

static char *
copy_param(json_t *params, const char *name)
{
	const char *text = pz_json_str(params, name);

	return text ? strdup(text) : NULL;
}

/* Services of friends are searched in their zone; a device of it is named there. */
static void
begin_in_friend_zone(struct listing *l)
{
	struct pz_address parsed;
	const char *device = l->wanted;

	if (device && pz_calls_is_of_friend(l->calls, device, &parsed) && parsed.device.len > 0)
		device = strchr(device, '/') + 1;
	l->is_friends = true;
	if (device)
		snprintf(l->device, sizeof(l->device), "%s", device);
	l->search = pz_search_start_in(l->calls, l->zone, NULL, l->api, on_listed, l);
	if (l->search == NULL)
		pz_request_fail(l->request, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

/* A zone that is neither ours nor a friend's. */
static bool
is_unknown_zone(const struct listing *l)
{
	const struct pz_membership *m = l->calls->zone->membership;

	return l->zone && m && strcmp(l->zone, m->zone) != 0 &&
	       !pz_calls_is_of_friend(l->calls, l->zone, NULL);
}

/* The device that was given is a zone: the request fails. */
static bool
is_zone_for_device(const struct listing *l)
{
	struct pz_address parsed;
	char text[2 * PZ_ZONE_BYTES_MAX + 96];

	if (l->wanted == NULL || !pz_calls_is_of_friend(l->calls, l->wanted, &parsed) ||
	    parsed.device.len > 0)
		return false;
	snprintf(text, sizeof(text),
		 "%.254s is a zone; name a device of it, or list all with --zone %.254s", l->wanted,
		 l->wanted);
	pz_request_fail(l->request, PZ_ERR_CONFIG, text);
	return true;
}

void
pz_calls_services(struct pz_calls *calls, struct pz_request *request)
{
	json_t *params = request->params;
	struct listing *l = pz_request_begin(request, &listing_kind);
	struct pz_errinfo info = {""};

	if (l == NULL)
		return;
	l->request = request;
	l->calls = calls;
	l->api = copy_param(params, "api");
	l->zone = copy_param(params, "zone");
	l->wanted = copy_param(params, "device");
	l->has_offline = json_is_true(json_object_get(params, "all"));
	if (is_zone_for_device(l))
		return;
	if (l->wanted && l->zone == NULL && pz_calls_is_of_friend(calls, l->wanted, NULL))
		l->zone = strndup(l->wanted, strcspn(l->wanted, "/"));
	if (l->zone && pz_calls_is_of_friend(calls, l->zone, NULL)) {
		begin_in_friend_zone(l);
		return;
	}
	if (is_unknown_zone(l)) {
		char text[PZ_ZONE_BYTES_MAX + 96];

		snprintf(text, sizeof(text),
			 "%.254s is no friend of this zone; `pzp friends` lists them", l->zone);
		pz_request_fail(request, PZ_ERR_NOTFOUND, text);
		return;
	}
	enum pz_err err = l->wanted ? pz_devices_find(calls, l->wanted, l->device, &info) : PZ_OK;
	if (err != PZ_OK && (err != PZ_ERR_NOTFOUND || !pz_uplink_is_up(calls->uplink))) {
		pz_request_fail(request, err, info.text);
		return;
	}
	l->search = pz_search_start(calls, pz_json_str(params, "api"),
				    l->device[0] ? l->device : NULL, on_listed, l);
	if (l->search == NULL)
		pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
}
