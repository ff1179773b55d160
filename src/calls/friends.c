/*
 * What this device knows about friend zones and their devices, and what ends with them. The own hub
 * sends it (prop friendUpdate), from what the friend's hub shows, as far as their policies let our
 * zone see it.
 *
 *     calls->friends: {zone: {"connected", "lastSeen"?, "devices": {name: entry}}}
 *
 * A zone may be named before the list of friends has arrived; it is used once it is a friend. A
 * device of a friend may be reached by the two hubs or by a direct link: when one route is lost,
 * calls end only if there is no other.
 */
#include "calls/friends.h"

#include <stdio.h>
#include <string.h>

#include "access/permit.h"
#include "calls/discovery.h"
#include "calls/internal.h"
#include "rpc/error.h"
#include "wire/json.h"
#include "zone/info.h"

static bool
is_friend(const struct pz_calls *calls, const char *zone)
{
	return pz_device_zone_friend(calls->zone, pz_slice_str(zone)) != NULL;
}

static json_t *
devices_of(const struct pz_calls *calls, const char *zone)
{
	return json_object_get(json_object_get(calls->friends, zone), "devices");
}

static bool
is_zone_connected(const struct pz_calls *calls, const char *zone)
{
	return json_is_true(json_object_get(json_object_get(calls->friends, zone), "connected"));
}

bool
pz_calls_is_of_friend(const struct pz_calls *calls, const char *address,
		      struct pz_address *out_address)
{
	struct pz_address parsed;

	if (pz_address_parse(pz_slice_str(address), &parsed) != PZ_OK || parsed.zone.len == 0 ||
	    pz_device_zone_friend(calls->zone, parsed.zone) == NULL)
		return false;
	if (out_address)
		*out_address = parsed;
	return true;
}

enum pz_err
pz_calls_find_device(const struct pz_calls *calls, const char *text,
		     char out[PZ_ADDRESS_BYTES_MAX + 1], struct pz_errinfo *info)
{
	char device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_address parsed;

	if (text && pz_calls_is_of_friend(calls, text, &parsed) && parsed.device.len > 0 &&
	    parsed.app.len == 0) {
		snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%.*s/%.*s", PZ_SLICE_FMT(parsed.zone),
			 PZ_SLICE_FMT(parsed.device));
		return PZ_OK;
	}
	PZ_TRY(pz_devices_find(calls, text, device, info));
	memcpy(out, device, sizeof(device));
	return PZ_OK;
}

enum pz_err
pz_calls_find_other(const struct pz_calls *calls, const char *text,
		    char out[PZ_ADDRESS_BYTES_MAX + 1], struct pz_errinfo *info)
{
	char device[PZ_ADDRESS_BYTES_MAX + 1];

	PZ_TRY(pz_calls_find_device(calls, text, device, info));
	if (strcmp(device, calls->config.device) == 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "'%.80s' is this device itself", text);
	memcpy(out, device, sizeof(device));
	return PZ_OK;
}

const json_t *
pz_calls_friend_entry(const struct pz_calls *calls, const char *address)
{
	char zone[PZ_ZONE_BYTES_MAX + 1];
	const char *slash = strchr(address, '/');

	if (slash == NULL)
		return NULL;
	snprintf(zone, sizeof(zone), "%.*s", (int)(slash - address), address);
	return json_object_get(devices_of(calls, zone), slash + 1);
}

/* With `private` nothing is sent through the hubs, which could read it. */
bool
pz_calls_friend_has_route(const struct pz_calls *calls, const char *address)
{
	char zone[PZ_ZONE_BYTES_MAX + 1];
	const json_t *entry = pz_calls_friend_entry(calls, address);

	if (pz_router_find(calls->router, pz_slice_str(address)) != NULL)
		return true;
	if (pz_peers_is_private(calls->peers))
		return false;
	snprintf(zone, sizeof(zone), "%.*s", (int)strcspn(address, "/"), address);
	return pz_uplink_is_up(calls->uplink) && is_zone_connected(calls, zone) &&
	       json_is_true(json_object_get(entry, "connected"));
}

/* ---- what ends ---- */

void
pz_calls_friend_device_gone(struct pz_calls *calls, const char *address)
{
	json_t *error = pz_rpc_unreachable(address);
	if (error)
		pz_pending_fail_peer(calls->pending, address, error);
	json_decref(error);
	pz_dispatcher_peer_gone(calls->dispatcher, address);
}

static void
address_of(const char *zone, const char *device, char out[PZ_ADDRESS_BYTES_MAX + 1])
{
	snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s/%s", zone, device);
}

/* Without a direct link it is reached only through the hubs. */
static void
device_gone(struct pz_calls *calls, const char *address)
{
	if (pz_router_find(calls->router, pz_slice_str(address)) == NULL)
		pz_calls_friend_device_gone(calls, address);
}

/* Also devices that exchange messages with us and that the hub has not named: collects their data,
 * with a bound. */
static void
hub_gone(struct pz_calls *calls, const char *zone)
{
	json_t *entry, *error = pz_rpc_unreachable(zone), *busy = json_object(), *value;
	char text[PZ_ADDRESS_BYTES_MAX + 1];
	const char *device, *address;

	if (error)
		pz_pending_fail_peer(calls->pending, zone, error);
	json_decref(error);
	json_object_foreach (devices_of(calls, zone), device, entry) {
		(void)json_object_set_new(entry, "connected", json_false());
		address_of(zone, device, text);
		(void)json_object_set_new(busy, text, json_true());
	}
	pz_pending_peers(calls->pending, zone, busy);
	pz_dispatcher_peers(calls->dispatcher, zone, busy);
	json_object_foreach (busy, address, value)
		if (strchr(address, '/'))
			device_gone(calls, address);
	json_decref(busy);
}

/* At once and in both directions: our calls there, and their calls here. */
void
pz_calls_friend_gone(struct pz_calls *calls, const char *zone)
{
	json_t *error = pz_rpc_unreachable(zone);
	char text[PZ_ZONE_BYTES_MAX + 64];

	snprintf(text, sizeof(text), "%s is no friend of this zone any more", zone);
	(void)json_object_set_new(json_object_get(error, "data"), "message", json_string(text));
	(void)json_object_del(calls->friends, zone);
	if (error)
		pz_pending_fail_space(calls->pending, zone, error);
	json_decref(error);
	pz_dispatcher_peer_gone(calls->dispatcher, zone);
}

/* Our own hub is lost, so nothing is known about any friend's hub. Zones that are no friends were
 * kept only while the hub named them. */
void
pz_calls_friends_hub_gone(struct pz_calls *calls)
{
	const char *zone;
	json_t *known;
	void *next;

	json_object_foreach_safe (calls->friends, next, zone, known) {
		(void)json_object_set_new(known, "connected", json_false());
		hub_gone(calls, zone);
		if (!is_friend(calls, zone))
			(void)json_object_del(calls->friends, zone);
	}
}

/* ---- friendUpdate ---- */

/* A bounded copy: a friend's hub may send anything. */
static void
take_device(struct pz_calls *calls, const char *zone, const json_t *given)
{
	const char *name = pz_json_str(given, "name");
	json_t *devices = devices_of(calls, zone);

	if (name == NULL || !pz_device_is_valid(pz_slice_str(name)))
		return;
	bool is_hidden = json_is_true(json_object_get(given, "hidden"));
	bool is_connected = json_is_true(json_object_get(given, "connected"));
	if (is_hidden)
		(void)json_object_del(devices, name);
	else if (json_object_get(devices, name) ||
		 json_object_size(devices) < PZ_FRIEND_DEVICES_MAX)
		(void)json_object_set_new(devices, name, pz_info_entry(given));
	if (!is_connected) { /* also one that was not known to be there */
		char address[PZ_ADDRESS_BYTES_MAX + 1];
		address_of(zone, name, address);
		device_gone(calls, address);
	}
}

/* Devices that a whole list omits are not shown any more; running calls with them continue. */
static json_t *
zone_entry(struct pz_calls *calls, const char *zone, bool is_partial)
{
	json_t *known = json_object_get(calls->friends, zone);

	if (known && is_partial)
		return known;
	(void)json_object_set_new(calls->friends, zone, json_pack("{s:{}}", "devices"));
	return json_object_get(calls->friends, zone);
}

/* The hub's data about friends is checked: names must be valid, few, and not our own. */
static bool
may_be_told(const struct pz_calls *calls, const char *zone)
{
	return pz_zone_is_valid(pz_slice_str(zone)) &&
	       strcmp(zone, calls->zone->membership->zone) != 0 &&
	       (json_object_get(calls->friends, zone) ||
		json_object_size(calls->friends) < PZ_FRIENDS_MAX);
}

void
pz_calls_friend_update(struct pz_calls *calls, const json_t *message)
{
	const char *zone = pz_json_str(message, "zone");
	bool is_connected = json_is_true(json_object_get(message, "connected"));
	bool is_partial = json_is_true(json_object_get(message, "partial"));
	int64_t seen = 0;
	const json_t *entry;
	size_t i;

	if (zone == NULL || !may_be_told(calls, zone)) {
		pz_metric_add(calls->metrics, PZ_METRIC_messages_dropped, 1);
		return;
	}
	bool was_connected = is_zone_connected(calls, zone);
	json_t *known = zone_entry(calls, zone, is_partial || !is_connected);
	(void)json_object_set_new(known, "connected", json_boolean(is_connected));
	if (was_connected && !is_connected) /* the message that ends it has the reason */
		hub_gone(calls, zone);
	if (pz_json_int(message, "lastSeen", 1, INT32_MAX * INT64_C(1000), &seen))
		(void)json_object_set_new(known, "lastSeen", json_integer(seen));
	json_array_foreach (json_object_get(message, "PZP"), i, entry)
		take_device(calls, zone, entry);
	if (was_connected != is_connected && is_friend(calls, zone))
		pz_watch_event(calls->config.requests,
			       json_pack("{s:s, s:s, s:b}", "event", "friend", "zone", zone,
					 "connected", (int)is_connected));
}

/* ---- for people ---- */

bool
pz_calls_is_friend_connected(const struct pz_calls *calls, const char *zone)
{
	return pz_uplink_is_up(calls->uplink) && is_zone_connected(calls, zone);
}

/* From what is nearest to this device to what is farthest: the first missing part is the reason. */
void
pz_calls_friend_why_unreachable(const struct pz_calls *calls, const char *address, char *out,
				size_t size)
{
	struct pz_address parsed;
	char zone[PZ_ZONE_BYTES_MAX + 1];

	if (!pz_calls_is_of_friend(calls, address, &parsed)) {
		snprintf(out, size, "%s is not in a friend zone; `pzp friends` lists them",
			 address);
		return;
	}
	snprintf(zone, sizeof(zone), "%.*s", PZ_SLICE_FMT(parsed.zone));
	if (!pz_uplink_is_up(calls->uplink))
		snprintf(out, size, "%s is out of reach: the hub is not connected", address);
	else if (!is_zone_connected(calls, zone))
		snprintf(out, size, "%s is out of reach: the hub of %s is not connected to ours",
			 address, zone);
	else if (pz_calls_friend_entry(calls, address))
		snprintf(out, size, "%s is not connected", address);
	else
		snprintf(out, size, "%s is not connected, or its zone does not show it to ours",
			 address);
}

static json_t *
text_or(const json_t *object, const char *name, const char *fallback)
{
	const char *text = pz_json_str(object, name);

	return json_string(text ? text : fallback);
}

/* @param entry what its hub has shown, or NULL: it is linked without it */
static json_t *
one_peer(const struct pz_calls *calls, const char *id, const json_t *entry)
{
	json_t *addresses = json_object_get(entry, "ipaddress");
	const json_t *seen = json_object_get(entry, "lastSeen");
	const char *device = strchr(id, '/') + 1;
	struct pz_peer_view peer;
	int64_t port = 0;

	(void)pz_peers_view(calls->peers, id, &peer);
	const char *route = pz_peers_route(calls->peers, id);
	if (!peer.is_linked && pz_calls_friend_has_route(calls, id))
		route = "hub";
	(void)pz_json_int(entry, "port", 0, UINT16_MAX, &port);
	return json_pack(
		"{s:s, s:o, s:o, s:s, s:s, s:s, s:n, s:b, s:o, s:o, s:o, s:I, s:b, s:b, "
		"s:o}",
		"id", id, "displayName", text_or(entry, "displayName", device), "deviceType",
		text_or(entry, "deviceType", ""), "state", pz_peer_state_text(peer.state), "route",
		route, "reason", peer.reason, "relay", "private", (int)peer.is_private, "address",
		peer.remote ? json_string(peer.remote) : json_null(), "latencyMs",
		peer.round_trip_us ? json_real((double)peer.round_trip_us / 1000) : json_null(),
		"addresses", addresses ? json_incref(addresses) : json_array(), "port",
		(json_int_t)port, "friend", 1, "answers", 0, "lastSeen",
		seen ? json_incref((json_t *)(uintptr_t)seen) : json_null());
}

/* Devices that the hub shows, and devices that are linked without it. */
void
pz_calls_friend_peers(const struct pz_calls *calls, json_t *list)
{
	char id[PZ_ADDRESS_BYTES_MAX + 1];
	const char *zone, *device, *address;
	json_t *known, *entry, *linked = pz_peers_friends(calls->peers), *value;

	json_object_foreach (calls->friends, zone, known) {
		if (!is_friend(calls, zone))
			continue;
		json_object_foreach (json_object_get(known, "devices"), device, entry) {
			snprintf(id, sizeof(id), "%s/%s", zone, device);
			(void)json_array_append_new(list, one_peer(calls, id, entry));
			(void)json_object_del(linked, id);
		}
	}
	json_object_foreach (linked, address, value)
		(void)json_array_append_new(list, one_peer(calls, address, NULL));
	json_decref(linked);
}

/* What each device of the zone may use, as far as this device knows services and policies. */
static void
add_allowed(const struct pz_calls *calls, const char *zone, json_t *services, json_t *may)
{
	char text[PZ_API_BYTES_MAX + PZ_DEVICE_BYTES_MAX + 2];
	json_t *one;
	size_t i;

	json_array_foreach (services, i, one) {
		const char *api = pz_json_str(one, "api");
		const char *address = pz_json_str(one, "serviceAddress");
		const char *slash = address ? strchr(address, '/') : NULL;

		if (api == NULL || slash == NULL ||
		    !pz_access_allows(calls->config.access, PZ_ACCESS_SHOW, zone, address, api,
				      pz_json_str(one, "id"), NULL))
			continue;
		snprintf(text, sizeof(text), "%s@%s", api, slash + 1);
		(void)json_array_append_new(may, json_string(text));
	}
}

static json_t *
may_of(const struct pz_calls *calls, const char *zone)
{
	json_t *may = json_array(), *own = pz_registry_list(calls->config.registry, NULL), *value;
	json_t *names = pz_devices_names(calls);
	const char *device;

	add_allowed(calls, zone, own, may);
	json_object_foreach (names, device, value)
		add_allowed(calls, zone, pz_discovery_services_of(calls, device), may);
	json_decref(names);
	json_decref(own);
	return may;
}

static json_t *
seconds(uint64_t ms)
{
	return ms ? json_integer((json_int_t)(ms / 1000)) : json_null();
}

json_t *
pz_calls_friends(const struct pz_calls *calls)
{
	json_t *list = json_array();
	const struct pz_friend *f;
	size_t pos = 0;

	while ((f = pz_friends_next(calls->zone->friends, &pos)) != NULL) {
		const json_t *known = json_object_get(calls->friends, f->zone);
		const json_t *seen = json_object_get(known, "lastSeen");

		(void)json_array_append_new(
			list,
			json_pack(
				"{s:s, s:s, s:o, s:b, s:s, s:s?, s:b, s:o, s:o?}", "zone", f->zone,
				"displayName", f->display_name, "since", seconds(f->since_ms),
				"confirmed", (int)pz_friend_is_confirmed(f), "by", f->by, "only",
				f->only[0] ? f->only : NULL, "connected",
				pz_uplink_is_up(calls->uplink) && is_zone_connected(calls, f->zone),
				"lastSeen",
				seen ? json_incref((json_t *)(uintptr_t)seen) : seconds(f->seen_ms),
				"may", may_of(calls, f->zone)));
	}
	return list;
}

void
pz_calls_friends_command(struct pz_calls *calls, struct pz_request *request)
{
	pz_request_answer(request, pz_calls_friends(calls));
}
