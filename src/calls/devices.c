/*
 * The devices of the zone, their names, and which one a person means. Four sources list devices,
 * none of them all: the hub's directory, links, cached services, and the zone's data. They may
 * contradict each other for a moment, after a revocation or a new enrolment; what a link has proved
 * comes first, then the zone's lists, then the rest (pz_devices_has).
 *
 * Texts here are read by people: each says what is wrong, and what to do.
 */
#include "calls/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/suggest.h"
#include "calls/internal.h"
#include "items/items.h"
#include "shared/details.h"
#include "wire/json.h"

/* ---- which there are ---- */

static bool
is_own(const struct pz_calls *calls, const char *device)
{
	return strcmp(device, calls->config.device) == 0;
}

/* The hub lists it as connected: after an enrolment under a former name this arrives before the new
 * certificate. */
static bool
is_at_hub(const struct pz_calls *calls, const char *device)
{
	const json_t *entry = json_object_get(pz_uplink_directory(calls->uplink), device);

	return pz_uplink_is_up(calls->uplink) && json_is_true(json_object_get(entry, "connected"));
}

/* A link wins over lists: a device whose revocation is not known here yet is connected. A
 * revocation list wins over what a peer or the hub reports. */
bool
pz_devices_has(const struct pz_calls *calls, const char *device)
{
	if (is_own(calls, device) || pz_peers_is_linked(calls->peers, device))
		return true;
	if (pz_peers_has_left(calls->peers, device))
		return false;
	return json_object_get(pz_uplink_directory(calls->uplink), device) ||
	       json_object_get(calls->known, device) || pz_device_zone_has(calls->zone, device);
}

json_t *
pz_devices_names(const struct pz_calls *calls)
{
	json_t *names = pz_peers_names(calls->peers), *value;
	const char *device;
	void *next;

	json_object_foreach_safe (names, next, device, value) {
		if (!pz_devices_has(calls, device))
			json_object_del(names, device);
	}
	return names;
}

/* ---- what is shown ---- */

static json_t *
text_or(const json_t *object, const char *name, const char *fallback)
{
	const char *text = pz_json_str(object, name);

	return json_string(text ? text : fallback);
}

/* The name of a device for people: its own, else the hub's, else that of the zone's data. */
static json_t *
shown_name(const struct pz_calls *calls, const char *device)
{
	struct pz_peer_view peer;
	char key[PZ_DETAILS_KEY_CHARS];
	json_t *entry = json_object_get(pz_uplink_directory(calls->uplink), device);

	(void)pz_peers_view(calls->peers, device, &peer);
	if (peer.is_linked && peer.info)
		return text_or(peer.info, "displayName", device);
	if (pz_uplink_is_up(calls->uplink) && entry)
		return text_or(entry, "displayName", device);
	pz_details_key(device, key);
	char *given = pz_shared_text(pz_items_shared(calls->items), PZ_SYNC_USER_DETAILS, key);
	json_t *name = given ? json_string(given)
			     : text_or(peer.info ? peer.info : entry, "displayName", device);
	free(given);
	return name;
}

char *
pz_devices_display_name(const struct pz_calls *calls, const char *device)
{
	if (strcmp(device, calls->config.device) == 0)
		return strdup(calls->config.display_name);
	json_t *name = shown_name(calls, device);
	char *copy = name ? strdup(json_string_value(name)) : NULL;
	json_decref(name);
	return copy;
}

/* In ms; null: not known. */
static json_t *
latency(uint64_t round_trip_us)
{
	return round_trip_us ? json_real((double)round_trip_us / 1000) : json_null();
}

/* What is known about it: its own data wins over the hub's. */
static json_t *
describe(const struct pz_calls *calls, const char *device)
{
	const json_t *told = json_object_get(pz_uplink_directory(calls->uplink), device),
		     *entry = told;
	struct pz_peer_view peer;
	int64_t port = 0;
	char id[PZ_ADDRESS_BYTES_MAX + 1];

	(void)pz_peers_view(calls->peers, device, &peer);
	if (peer.info)
		entry = peer.info;
	json_t *addresses = json_object_get(entry, peer.info ? "addresses" : "ipaddress");
	const json_t *seen = json_object_get(told, "lastSeen");
	(void)pz_json_int(entry, "port", 0, UINT16_MAX, &port);
	snprintf(id, sizeof(id), "%s/%s", calls->zone->membership->zone, device);
	return json_pack("{s:s, s:o?, s:o?, s:s, s:s, s:s, s:s?, s:b, s:o?, s:o?, s:O?, s:I, s:b, "
			 "s:b, s:o}",
			 "id", id, "displayName", shown_name(calls, device), "deviceType",
			 text_or(entry, "deviceType", ""), "state", pz_peer_state_text(peer.state),
			 "route", pz_peers_route(calls->peers, device), "reason", peer.reason,
			 "relay", peer.relay, "private", (int)peer.is_private, "address",
			 peer.remote ? json_string(peer.remote) : json_null(), "latencyMs",
			 latency(peer.round_trip_us), "addresses", addresses, "port",
			 (json_int_t)port, "friend", 0, "answers", (int)peer.answers, "lastSeen",
			 json_is_integer(seen) ? json_incref((json_t *)(uintptr_t)seen)
					       : json_null());
}

json_t *
pz_devices_list(const struct pz_calls *calls)
{
	json_t *list = json_array(), *names = pz_devices_names(calls), *value;
	const char *device;

	if (calls->zone->membership)
		json_object_foreach (names, device, value)
			json_array_append_new(list, describe(calls, device));
	json_decref(names);
	return list;
}

/* The same objects without the members that only `pzp peers` shows. */
json_t *
pz_devices_status(const struct pz_calls *calls)
{
	json_t *list = pz_devices_list(calls), *entry;
	static const char *const more[] = {"deviceType", "addresses", "port", "reason", "answers"};
	size_t i;

	json_array_foreach (list, i, entry)
		for (size_t k = 0; k < sizeof(more) / sizeof(more[0]); k++)
			(void)json_object_del(entry, more[k]);
	return list;
}

/* ---- which one is meant ---- */

struct search {
	const struct pz_calls *calls;
	const char *text;
	const char *found; /* borrowed */
	size_t count;
	char all[160]; /* the names of the matches, for people */
};

static void
note_match(struct search *s, const char *device)
{
	size_t len = strlen(s->all);

	s->count++;
	s->found = device;
	snprintf(s->all + len, sizeof(s->all) - len, "%s%s", len ? ", " : "", device);
}

static bool
is_in_other_case(const struct search *s, const char *device)
{
	return strcasecmp(device, s->text) == 0;
}

static bool
is_called(const struct search *s, const char *device)
{
	char *name = pz_devices_display_name(s->calls, device);
	bool is_it = name && strcasecmp(name, s->text) == 0;

	free(name);
	return is_it;
}

static void
match_all(struct search *s, json_t *names, bool (*matches)(const struct search *, const char *))
{
	const char *device;
	json_t *value;

	json_object_foreach (names, device, value)
		if (matches(s, device))
			note_match(s, device);
}

static bool
is_zone(const struct pz_calls *calls, const char *text)
{
	const struct pz_membership *m = calls->zone->membership;

	return (m && strcmp(text, m->zone) == 0) ||
	       pz_device_zone_friend(calls->zone, pz_slice_str(text)) != NULL;
}

/* The best guess first, then the most frequent mistakes. */
static enum pz_err
not_found(const struct search *s, json_t *names, struct pz_errinfo *info)
{
	const struct pz_calls *calls = s->calls;
	const char *zone =
		calls->zone->membership ? calls->zone->membership->zone : "this device's zone";
	struct pz_suggest meant;
	const char *device;
	json_t *value;

	if (is_zone(calls, s->text))
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "'%.80s' is a zone; name a device of it, %.80s/DEVICE", s->text,
			       s->text);
	pz_suggest_init(&meant, s->text);
	json_object_foreach (names, device, value)
		pz_suggest_add(&meant, device);
	if (meant.best)
		return pz_fail(info, PZ_ERR_NOTFOUND, "no device '%.80s' in %s; did you mean '%s'?",
			       s->text, zone, meant.best);
	if (strcasecmp(s->text, "hub") == 0)
		return pz_fail(
			info, PZ_ERR_NOTFOUND,
			"no device '%.80s' in %s; `pzp connect` and `pzp disconnect` without "
			"a name mean the hub",
			s->text, zone);
	if (calls->zone->membership == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "no device '%.80s': this device (%s) is not in a zone; `pzp enrol` "
			       "joins one",
			       s->text, calls->config.device);
	return pz_fail(info, PZ_ERR_NOTFOUND, "no device '%.80s' in %s; %s", s->text, zone,
		       pz_uplink_is_up(calls->uplink)
			       ? "`pzp peers` lists the devices"
			       : "the hub is not connected: `pzp services` finds new ones near by");
}

/* The whole list is searched only if the name is not exact. */
static enum pz_err
find_inexact(struct search *s, json_t *names, struct pz_errinfo *info)
{
	match_all(s, names, is_in_other_case);
	if (s->count == 0)
		match_all(s, names, is_called);
	if (s->count > 1)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "'%.80s' matches several devices: %s; use one of these names",
			       s->text, s->all);
	if (s->count == 1)
		return PZ_OK;
	bool is_alone = json_object_size(names) <= 1 && s->calls->zone->membership &&
			!pz_uplink_is_up(s->calls->uplink);
	if (is_alone && pz_device_is_valid(pz_slice_str(s->text))) {
		s->found = s->text;
		return PZ_OK;
	}
	return not_found(s, names, info);
}

/* The part after ZONE/ of an address; NULL: another zone. */
static const char *
without_zone(const struct pz_calls *calls, const char *text, struct pz_errinfo *info)
{
	const char *slash = strchr(text, '/'), *at = strchr(text, '@');
	const char *zone = calls->zone->membership ? calls->zone->membership->zone : "";

	if (slash == NULL || at == NULL || at > slash)
		return text;
	if (strlen(zone) == (size_t)(slash - text) && strncmp(text, zone, strlen(zone)) == 0)
		return slash + 1;
	(void)pz_fail(info, PZ_ERR_NOTFOUND,
		      "'%.80s' is not in this device's zone%s%.80s, nor in that of a friend; `pzp "
		      "friends` lists these",
		      text, zone[0] ? ", " : "", zone);
	return NULL;
}

enum pz_err
pz_devices_find(const struct pz_calls *calls, const char *text, char out[PZ_DEVICE_BYTES_MAX + 1],
		struct pz_errinfo *info)
{
	struct search s = {.calls = calls, .text = without_zone(calls, text, info)};
	enum pz_err err = PZ_OK;
	json_t *names = NULL;

	if (s.text == NULL)
		return PZ_ERR_NOTFOUND;
	if (pz_devices_has(calls, s.text)) {
		s.found = s.text;
	} else {
		names = pz_devices_names(calls);
		(void)json_object_set_new(names, calls->config.device, json_true());
		err = find_inexact(&s, names, info);
	}
	if (err == PZ_OK)
		snprintf(out, PZ_DEVICE_BYTES_MAX + 1, "%s", s.found);
	json_decref(names);
	return err;
}

/* ---- one that is away ---- */

/* ", last seen …" if the hub has sent the time. */
static void
since_when(const struct pz_calls *calls, const char *device, char *out, size_t size)
{
	const json_t *entry = json_object_get(pz_uplink_directory(calls->uplink), device);
	uint64_t now_s = pz_env_wall_ms(calls->env) / 1000;
	int64_t seen = 0;
	struct tm seen_tm, now_tm;
	time_t seen_t, now_t = (time_t)now_s;

	out[0] = '\0';
	if (!pz_json_int(entry, "lastSeen", 1, INT32_MAX * INT64_C(1000), &seen))
		return;
	seen_t = (time_t)seen;
	if (localtime_r(&seen_t, &seen_tm) == NULL || localtime_r(&now_t, &now_tm) == NULL)
		return;
	bool is_today = seen_tm.tm_yday == now_tm.tm_yday && seen_tm.tm_year == now_tm.tm_year;
	(void)strftime(out, size, is_today ? ", last seen %H:%M" : ", last seen %Y-%m-%d %H:%M",
		       &seen_tm);
}

/* By what this device knows now: whether the hub is connected, and what the hub has sent. */
void
pz_devices_why_unreachable(const struct pz_calls *calls, const char *device, char *out, size_t size)
{
	char since[64];

	since_when(calls, device, since, sizeof(since));
	if (calls->zone->membership == NULL)
		snprintf(out, size, "this device is not in a zone; `pzp enrol` joins one");
	else if (pz_uplink_is_up(calls->uplink) && !is_at_hub(calls, device))
		snprintf(out, size, "%s is not connected%s", device, since);
	else if (pz_uplink_is_up(calls->uplink))
		snprintf(out, size, "%s does not answer: the way to it was lost; try again",
			 device);
	else
		snprintf(
			out, size,
			"%s is out of reach: the hub is not connected, and no direct way to %s was "
			"found%s",
			device, device, since);
}

/* ---- those that are out ---- */

static bool
has_left(void *arg, const char *device)
{
	const struct pz_calls *calls = arg;

	return pz_peers_has_left(calls->peers, device);
}

/* Called when the zone's data has changed. While the device leaves the zone nothing is removed one
 * by one: the wipe removes everything. */
void
pz_devices_drop_left(struct pz_calls *calls)
{
	const struct pz_calls_config *c = &calls->config;
	const char *device;
	json_t *value;
	void *next;

	if (calls->zone->knowledge == NULL || calls->zone->membership == NULL ||
	    c->ops->is_leaving(c->arg))
		return;
	json_object_foreach_safe (calls->known, next, device, value) {
		if (has_left(calls, device))
			pz_discovery_forget(calls, device);
	}
	pz_uplink_drop_devices(calls->uplink, has_left, calls);
	pz_peers_drop_left(calls->peers);
}
