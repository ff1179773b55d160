/*
 * Writes and reads the offer of a file as a message (page 15). It comes from another device, which
 * may be a friend's: names and paths are checked part by part, numbers have their range, and absent
 * and null members are the same. Nothing of an invalid offer is used.
 */
#include "transfer/offer.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "transfer/name.h"
#include "wire/json.h"

/* A JSON string may contain NUL, which no path can. */
static struct pz_slice
text_of(const json_t *value)
{
	return pz_slice_of(json_string_value(value), json_string_length(value));
}

static enum pz_err
take_name(const json_t *value, char out[PZ_TRANSFER_NAME_BYTES_MAX + 1], struct pz_errinfo *info)
{
	/* The length detects a name with a NUL or a slash: JSON strings may contain both. */
	const char *fault = json_is_string(value) ? pz_transfer_name_fault(text_of(value))
						  : "is missing, or no text";

	if (fault)
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "its name %s", fault);
	snprintf(out, PZ_TRANSFER_NAME_BYTES_MAX + 1, "%s", json_string_value(value));
	return PZ_OK;
}

/* A path is a list of names, not a text with slashes: no name can contain one, so none leads out of
 * the inbox. */
enum pz_err
pz_transfer_path_join(const json_t *path, char out[PZ_TRANSFER_PATH_BYTES_MAX + 1],
		      struct pz_errinfo *info)
{
	char joined[PZ_TRANSFER_PATH_BYTES_MAX + 1] = "";
	char name[PZ_TRANSFER_NAME_BYTES_MAX + 1];
	size_t len = 0;

	if (path && !json_is_array(path))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "path: not a list of names");
	/* Counted before the parts are joined: a list may be as long as a frame. */
	if (json_array_size(path) > PZ_TRANSFER_PATH_DEPTH_MAX)
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "path: deeper than %d directories",
			       PZ_TRANSFER_PATH_DEPTH_MAX);
	for (size_t i = 0; i < json_array_size(path); i++) {
		PZ_TRY(take_name(json_array_get(path, i), name, info));
		size_t need = strlen(name) + (len > 0);
		if (len + need > PZ_TRANSFER_PATH_BYTES_MAX)
			return pz_fail(info, PZ_ERR_PROTO_MEMBER, "path: longer than %d bytes",
				       PZ_TRANSFER_PATH_BYTES_MAX);
		snprintf(joined + len, sizeof(joined) - len, "%s%s", len > 0 ? "/" : "", name);
		len += need;
	}
	memcpy(out, joined, len + 1);
	return PZ_OK;
}

/* The id names the offer in the log and for the sender; it is not used as a file name. */
static bool
is_id(const char *id)
{
	size_t len = id ? strlen(id) : 0;

	return len > 0 && len <= PZ_TRANSFER_ID_BYTES_MAX && pz_utf8_is_printable(pz_slice_str(id));
}

static bool
is_hash(const char *hex)
{
	uint8_t bytes[PZ_TRANSFER_HASH_BYTES];

	return pz_hex_decode(pz_slice_str(hex), bytes, sizeof(bytes)) == PZ_OK;
}

/* True when a member is absent or null, which mean the same. */
static bool
is_absent(const json_t *message, const char *name)
{
	const json_t *value = json_object_get(message, name);

	return value == NULL || json_is_null(value);
}

static enum pz_err
read_numbers(const json_t *message, struct pz_transfer_offer *offer, struct pz_errinfo *info)
{
	int64_t size = 0;

	offer->has_size = !is_absent(message, "size");
	if (offer->has_size && !pz_json_int(message, "size", 0, INT64_MAX, &size))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "size: not a number of bytes");
	offer->size = (uint64_t)size;
	/* The range that every JSON parser keeps exact, in both directions. */
	if (!is_absent(message, "mtime") &&
	    !pz_json_int(message, "mtime", -(INT64_C(1) << 53), INT64_C(1) << 53, &offer->mtime_ms))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "mtime: not a number of milliseconds");
	return PZ_OK;
}

enum pz_err
pz_transfer_offer_parse(const json_t *message, struct pz_transfer_offer *out,
			struct pz_errinfo *info)
{
	struct pz_transfer_offer offer = {.id = ""};
	const char *id = pz_json_str(message, "id"), *sha256 = pz_json_str(message, "sha256");

	PZ_TRY(take_name(json_object_get(message, "name"), offer.name, info));
	PZ_TRY(pz_transfer_path_join(json_object_get(message, "path"), offer.path, info));
	PZ_TRY(read_numbers(message, &offer, info));
	if (!is_id(id))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "id: not a text of 1 to %d bytes",
			       PZ_TRANSFER_ID_BYTES_MAX);
	snprintf(offer.id, sizeof(offer.id), "%s", id);
	if (!is_absent(message, "sha256") && (sha256 == NULL || !is_hash(sha256)))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "sha256: not 64 digits of hex");
	snprintf(offer.sha256, sizeof(offer.sha256), "%s", sha256 ? sha256 : "");
	/* Unknown members are ignored, so that later versions can offer files here. */
	offer.no_digest = json_is_false(json_object_get(message, "digest"));
	offer.is_fresh = json_is_true(json_object_get(message, "fresh"));
	*out = offer;
	return PZ_OK;
}

static json_t *
path_json(const char *path)
{
	json_t *list = json_array();

	while (*path) {
		size_t len = strcspn(path, "/");
		(void)json_array_append_new(list, json_stringn(path, len));
		path += len + (path[len] == '/');
	}
	return list;
}

json_t *
pz_transfer_offer_json(const struct pz_transfer_offer *offer)
{
	json_t *message =
		json_pack("{s:s, s:s, s:I, s:b}", "id", offer->id, "name", offer->name, "mtime",
			  (json_int_t)offer->mtime_ms, "fresh", (int)offer->is_fresh);

	if (message && offer->has_size)
		(void)json_object_set_new(message, "size", json_integer((json_int_t)offer->size));
	if (message && offer->path[0])
		(void)json_object_set_new(message, "path", path_json(offer->path));
	if (message && offer->no_digest)
		(void)json_object_set_new(message, "digest", json_false());
	if (message && offer->sha256[0])
		(void)json_object_set_new(message, "sha256", json_string(offer->sha256));
	return message;
}

/* ---- what the receiver says at the end: it is shown to programs and people ---- */

const char *
pz_transfer_receipt_sha256(const json_t *message)
{
	const char *hex = pz_json_str(message, "sha256");

	return hex && is_hash(hex) ? hex : NULL;
}

const char *
pz_transfer_receipt_file(const json_t *message)
{
	const char *file = pz_json_str(message, "file");
	struct pz_slice text = pz_slice_str(file ? file : "");

	return text.len > 0 && text.len <= PZ_TRANSFER_FILE_BYTES_MAX && pz_utf8_is_printable(text)
		       ? file
		       : NULL;
}
