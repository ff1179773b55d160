/*
 * What apps see of devices and of pairing: objects of the commands with fewer members, so that a
 * member that is added for the owner's command line does not reach apps by itself.
 */
#include "peerapi/shape.h"

#include <string.h>

#include "wire/json.h"

json_t *
pz_peerapi_pick(const json_t *object, const char *const *names)
{
	json_t *out = json_object();

	for (; *names; names++) {
		json_t *value = json_object_get(object, *names);
		if (value)
			(void)json_object_set(out, *names, value);
	}
	return out;
}

json_t *
pz_peerapi_peers(const json_t *list)
{
	static const char *const names[] = {"id",      "displayName", "deviceType", "state",
					    "route",   "private",     "friend",     "lastSeen",
					    "answers", NULL};
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(list); i++)
		(void)json_array_append_new(out, pz_peerapi_pick(json_array_get(list, i), names));
	return out;
}

json_t *
pz_peerapi_window(const json_t *window)
{
	static const char *const names[] = {"state",       "partner", "digits",
					    "secondsLeft", "port",    NULL};

	return pz_peerapi_pick(window, names);
}

json_t *
pz_peerapi_outcome(const json_t *result)
{
	static const char *const names[] = {"trusted", "remembered", "partner", "reason", NULL};

	return pz_peerapi_pick(result, names);
}

static const json_t *
peer_called(const json_t *list, const char *id)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *other = pz_json_str(json_array_get(list, i), "id");
		if (other && strcmp(other, id) == 0)
			return json_array_get(list, i);
	}
	return NULL;
}

/* By id; the order of a list says nothing. */
json_t *
pz_peerapi_changes(const json_t *old, const json_t *now)
{
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(now); i++) {
		json_t *peer = json_array_get(now, i);
		const char *id = pz_json_str(peer, "id");
		const json_t *before = id ? peer_called(old, id) : NULL;
		if (before == NULL || !json_equal(before, peer))
			(void)json_array_append_new(
				out, json_pack("{s:s, s:O}", "type", "peer", "peer", peer));
	}
	for (size_t i = 0; i < json_array_size(old); i++) {
		const char *id = pz_json_str(json_array_get(old, i), "id");
		if (id && peer_called(now, id) == NULL)
			(void)json_array_append_new(
				out, json_pack("{s:s, s:s}", "type", "gone", "id", id));
	}
	return out;
}
