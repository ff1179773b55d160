/*
 * What devices publish about themselves (pzpInfo), reduced to well-formed texts. A bad address is
 * left out, since addresses are only hints; a bad device name makes the whole list invalid, because
 * routes depend on lists of devices.
 */
#include "zone/info.h"

#include <string.h>

#include "base/limits.h"
#include "base/netaddr.h"
#include "base/slice.h"
#include "wire/address.h"
#include "wire/json.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* Not empty, not too long, and only of these characters. */
static bool
is_made_of(const char *text, size_t max_bytes, const char *characters)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len <= max_bytes && strspn(text, characters) == len;
}

static bool
is_address(const char *text)
{
	struct pz_netaddr address;

	return pz_netaddr_parse(text, &address);
}

bool
pz_info_is_instance(const char *text)
{
	return text[0] == '\0' || is_made_of(text, PZ_INSTANCE_BYTES_MAX, LETTERS DIGITS "+/=._:-");
}

/* Copies the texts of a list. @param is_strict a bad text makes the list invalid; otherwise it is
 * left out, and so is everything after `most` */
static json_t *
copy_list(const json_t *given, size_t most, bool (*is_good)(const char *text), bool is_strict)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(given); i++) {
		const char *text = pz_json_text(json_array_get(given, i));
		bool is_taken = text && is_good(text) && json_array_size(list) < most;
		if (is_taken) {
			json_array_append_new(list, json_string(text));
		} else if (is_strict) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *
pz_info_addresses(const json_t *given)
{
	return json_is_array(given) ? copy_list(given, PZ_INFO_ADDRESSES_MAX, is_address, false)
				    : NULL;
}

static bool
is_device(const char *text)
{
	return pz_device_is_valid(pz_slice_str(text));
}

json_t *
pz_info_devices(const json_t *given, size_t most)
{
	return given == NULL || json_is_array(given) ? copy_list(given, most, is_device, true)
						     : NULL;
}

const char *
pz_info_text(const json_t *object, const char *member)
{
	const char *text = pz_json_str(object, member);

	return text && pz_display_name_is_valid(pz_slice_str(text)) ? text : NULL;
}

static void
keep(json_t *entry, const char *member, const char *text)
{
	if (text)
		(void)json_object_set_new(entry, member, json_string(text));
}

json_t *
pz_info_entry(const json_t *given)
{
	const char *session = pz_json_str(given, "session");
	int64_t port = 0, seen;
	json_t *entry;

	(void)pz_json_int(given, "port", 0, UINT16_MAX, &port);
	entry = json_pack("{s:b, s:b, s:o?, s:I}", "connected",
			  json_is_true(json_object_get(given, "connected")), "listening",
			  json_is_true(json_object_get(given, "listening")), "ipaddress",
			  copy_list(json_object_get(given, "ipaddress"), PZ_INFO_ADDRESSES_MAX,
				    is_address, false),
			  "port", (json_int_t)port);
	keep(entry, "displayName", pz_info_text(given, "displayName"));
	keep(entry, "deviceType", pz_info_text(given, "deviceType"));
	if (session && session[0] && pz_info_is_instance(session))
		keep(entry, "session", session);
	if (pz_json_int(given, "lastSeen", 1, INT64_MAX, &seen))
		(void)json_object_set_new(entry, "lastSeen", json_integer(seen));
	return entry;
}
