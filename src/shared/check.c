/* One check for each item, of keys and values. Errors never contain a value. */
#include "shared/check.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/codec.h"
#include "conf/prefs.h"
#include "service/descriptor.h"
#include "shared/app_key.h"
#include "shared/shared.h"
#include "wire/address.h"
#include "wire/json.h"

PZ_AUTO_DEFINE(json_t, json_decref)

#define FIELD_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-."

bool
pz_shared_is_kept(enum pz_sync_id id)
{
	return id == PZ_SYNC_PREFERENCES || id == PZ_SYNC_USER_DETAILS ||
	       id == PZ_SYNC_SERVICE_CACHE || id == PZ_SYNC_APP_DATA;
}

/* ---- preferences ---- */

/* The same check as for a command: one table parses what people and peers send. */
static enum pz_err
check_preference(const struct pz_sync_chunk *chunk, const json_t *value, struct pz_errinfo *info)
{
	struct pz_pref_value ignored;
	enum pz_pref pref;

	if (pz_pref_find(chunk->key, &pref, NULL) != PZ_OK)
		return pz_fail(info, PZ_ERR_NOTFOUND, "no such preference");
	if (!pz_pref_table[pref].is_zone)
		return pz_fail(info, PZ_ERR_NOTFOUND, "a preference of one device only");
	if (chunk->deleted) /* a reset; the value is ignored */
		return PZ_OK;
	if (pz_pref_parse_json(pref, value, &ignored, NULL) != PZ_OK)
		return pz_fail(info, PZ_ERR_PROTO, "a value that the preference cannot have");
	return PZ_OK;
}

/* ---- details of the user ---- */

bool
pz_shared_is_field(const char *key)
{
	size_t len = strlen(key);

	return len > 0 && len <= PZ_USER_FIELD_BYTES_MAX && strspn(key, FIELD_SET) == len;
}

/* A field of the user, or the name of a device; both are one line of text. */
static enum pz_err
check_detail(const struct pz_sync_chunk *chunk, const json_t *value, struct pz_errinfo *info)
{
	const size_t prefix = strlen(PZ_SHARED_DEVICE_PREFIX);
	bool is_device = strncmp(chunk->key, PZ_SHARED_DEVICE_PREFIX, prefix) == 0;
	size_t max = is_device ? PZ_DISPLAY_NAME_BYTES_MAX : PZ_USER_DETAIL_BYTES_MAX;

	if (is_device ? !pz_device_is_valid(pz_slice_str(chunk->key + prefix))
		      : !pz_shared_is_field(chunk->key))
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "a field is 1 to %d letters, digits, '-' and '.'",
			       PZ_USER_FIELD_BYTES_MAX);
	if (chunk->deleted)
		return PZ_OK;
	struct pz_slice text = pz_slice_of(json_string_value(value), json_string_length(value));
	if (!json_is_string(value) || text.len == 0 || text.len > max ||
	    !pz_utf8_is_printable(text))
		return pz_fail(info, PZ_ERR_PROTO,
			       "a value is 1 to %zu bytes of text without control characters", max);
	return PZ_OK;
}

/* ---- lists of services ---- */

/* Only a device itself writes its list: otherwise a device could offer services in the name of a
 * different one (page 14 DAT-3). */
static enum pz_err
check_list(const struct pz_sync_chunk *chunk, const json_t *value, const char *zone,
	   struct pz_errinfo *info)
{
	PZ_AUTO(json_decref) json_t *copy = NULL;
	char owner[PZ_ADDRESS_BYTES_MAX + 1];

	if (!pz_device_is_valid(pz_slice_str(chunk->key)))
		return pz_fail(info, PZ_ERR_NOTFOUND, "the key is no name of a device");
	snprintf(owner, sizeof(owner), "%s%s%s", zone, zone[0] ? "/" : "", chunk->key);
	if (strcmp(chunk->origin, owner) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "a list of services that its device has not written");
	return chunk->deleted ? PZ_OK : pz_descriptors_copy(value, owner, &copy, info);
}

/* ---- all ---- */

/* True for a device of this zone; false for an app on one. */
static enum pz_err
check_origin(const struct pz_sync_chunk *chunk, const char *zone, struct pz_errinfo *info)
{
	struct pz_address origin;

	PZ_TRY(pz_address_parse(pz_slice_str(chunk->origin), &origin));
	if (!pz_slice_eq_str(origin.zone, zone) || origin.app.len > 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "not written in zone %s", zone);
	return PZ_OK;
}

enum pz_err
pz_shared_check(const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
		const char *zone, struct pz_errinfo *info)
{
	PZ_AUTO(json_decref) json_t *value = NULL;

	if (!pz_shared_is_kept(kind->id))
		return pz_fail(info, PZ_ERR_NOTFOUND, "%s is not kept here", kind->name);
	PZ_TRY(check_origin(chunk, zone, info));
	if (!chunk->deleted) {
		struct pz_errinfo why = {""};
		value = pz_json_parse(pz_slice_of(chunk->value, chunk->value_len), &why);
		if (value == NULL)
			return pz_fail(info, PZ_ERR_PROTO, "the value is no JSON that is taken: %s",
				       why.text);
	}
	if (kind->id == PZ_SYNC_PREFERENCES)
		return check_preference(chunk, value, info);
	if (kind->id == PZ_SYNC_USER_DETAILS)
		return check_detail(chunk, value, info);
	if (kind->id == PZ_SYNC_SERVICE_CACHE)
		return check_list(chunk, value, zone, info);
	return pz_app_key_split(chunk->key, NULL, NULL, info);
}
