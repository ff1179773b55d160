/*
 * Values and commands of the item user-details, for hub and device. What differs between them (the
 * names that are allowed, what a change causes) is in the owner's operations: struct
 * pz_details_owner.
 */
#include "shared/details.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/codec.h"
#include "shared/check.h"
#include "sync/item.h"
#include "wire/json.h"

#define PREFIX_LEN (sizeof(PZ_SHARED_DEVICE_PREFIX) - 1)

void
pz_details_key(const char *device, char out[PZ_DETAILS_KEY_CHARS])
{
	snprintf(out, PZ_DETAILS_KEY_CHARS, PZ_SHARED_DEVICE_PREFIX "%s", device);
}

const char *
pz_details_device(const char *key)
{
	return strncmp(key, PZ_SHARED_DEVICE_PREFIX, PREFIX_LEN) == 0 ? key + PREFIX_LEN : NULL;
}

/* ---- what is asked for ---- */

/* A member that is a text, or is absent. */
static bool
get_text(const json_t *params, const char *name, const char **out)
{
	const json_t *value = json_object_get(params, name);

	*out = json_string_value(value);
	return value == NULL || json_is_null(value) || *out != NULL;
}

static enum pz_err
check_text(const char *text, size_t max, const char *what, struct pz_errinfo *info)
{
	struct pz_slice slice = pz_slice_str(text);

	if (slice.len == 0 || slice.len > max || !pz_utf8_is_printable(slice))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "%s is 1 to %zu bytes of text without control characters", what,
			       max);
	return PZ_OK;
}

/* "Give a text, or take it away": a change has exactly one of the two. */
static enum pz_err
read_change(const json_t *params, const char *text, const char *away, struct pz_details_wish *out,
	    struct pz_errinfo *info)
{
	const json_t *is_away = json_object_get(params, away);

	if (!get_text(params, text, &out->value))
		return pz_fail(info, PZ_ERR_CONFIG, "%s must be a text", text);
	if (is_away && !json_is_boolean(is_away))
		return pz_fail(info, PZ_ERR_CONFIG, "%s must be true or false", away);
	if (out->value && json_is_true(is_away))
		return pz_fail(info, PZ_ERR_CONFIG, "either %s or %s, not both", text, away);
	out->is_change = out->value || json_is_true(is_away);
	return PZ_OK;
}

/* The result is written last: after a failure it is untouched. */
enum pz_err
pz_details_read(const json_t *params, struct pz_details_wish *out, struct pz_errinfo *info)
{
	struct pz_details_wish wish = {0};

	if (!get_text(params, "field", &wish.field))
		return pz_fail(info, PZ_ERR_CONFIG, "field must be a text");
	PZ_TRY(read_change(params, "value", "remove", &wish, info));
	if (wish.is_change && wish.field == NULL)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the field is missing: name the detail to change");
	if (wish.field && !pz_shared_is_field(wish.field))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "a field is 1 to %d letters, digits, '-' and '.', such as nickname",
			       PZ_USER_FIELD_BYTES_MAX);
	if (wish.value)
		PZ_TRY(check_text(wish.value, PZ_USER_DETAIL_BYTES_MAX, "a value", info));
	*out = wish;
	return PZ_OK;
}

enum pz_err
pz_details_read_name(const json_t *params, struct pz_details_wish *out, struct pz_errinfo *info)
{
	struct pz_details_wish wish = {0};

	PZ_TRY(read_change(params, "name", "reset", &wish, info));
	if (!wish.is_change)
		return pz_fail(info, PZ_ERR_CONFIG, "give a name, or reset");
	if (wish.value)
		PZ_TRY(check_text(wish.value, PZ_DISPLAY_NAME_BYTES_MAX, "a name", info));
	*out = wish;
	return PZ_OK;
}

/* ---- what there is ---- */

char *
pz_details_value(const char *text)
{
	json_t *string = json_string(text);
	char *value = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	json_decref(string);
	return value;
}

/* A field as the command shows it. */
static json_t *
describe(const struct pz_sync_chunk *chunk)
{
	json_t *value = pz_json_parse(pz_slice_of(chunk->value, chunk->value_len), NULL);

	return json_pack("{s:s, s:o, s:I, s:s}", "field", chunk->key, "value", value, "changed",
			 (json_int_t)(chunk->mtime_ms / 1000), "by", chunk->origin);
}

static struct pz_sync_item *
item_of(const struct pz_shared *shared)
{
	return pz_shared_item(shared, pz_sync_kind(PZ_SYNC_USER_DETAILS));
}

json_t *
pz_details_one(const struct pz_shared *shared, const char *field)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(item_of(shared), field);

	return chunk && !chunk->deleted ? describe(chunk) : NULL;
}

/* A name and a field have different members, like the commands that set them. */
json_t *
pz_details_changed(const struct pz_shared *shared, const char *key)
{
	const char *device = pz_details_device(key);
	json_t *one = device ? NULL : pz_details_one(shared, key);

	if (one)
		return one;
	if (device == NULL)
		return json_pack("{s:s, s:n}", "field", key, "value");
	char *name = pz_shared_text(shared, PZ_SYNC_USER_DETAILS, key);
	one = json_pack("{s:s, s:s?}", "device", device, "displayName", name);
	free(name);
	return one;
}

json_t *
pz_details_all(const struct pz_shared *shared)
{
	const struct pz_sync_item *item = item_of(shared);
	json_t *list = json_array();

	for (size_t i = 0; list && i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		if (!chunk->deleted && pz_details_device(chunk->key) == NULL)
			json_array_append_new(list, describe(chunk));
	}
	return list;
}

/* ---- the commands ---- */

/* A change on its way to the disk. */
struct detail_write {
	struct pz_request *request;
	struct pz_details_owner owner;
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];
};

/* It continues without its client: a commit cannot be cancelled. */
static const struct pz_request_kind write_kind = {.size = sizeof(struct detail_write),
						  .goes_on = true};

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	const struct detail_write *write = arg;
	struct pz_errinfo info = {""};
	json_t *result = NULL;

	if (err != PZ_OK) {
		(void)pz_fail(&info, err, "nothing was changed, it cannot be stored: %s", detail);
	} else {
		write->owner.written(write->owner.arg, write->key); /* first: it may be shown */
		result = pz_details_changed(write->owner.shared, write->key);
	}
	pz_request_finish(write->request, err, info.text, result);
}

/* Ends in on_written. */
static enum pz_err
write_wish(struct pz_request *request, const struct pz_details_owner *owner, const char *key,
	   const struct pz_details_wish *wish, struct pz_errinfo *info)
{
	PZ_AUTO_FREE char *value = wish->value ? pz_details_value(wish->value) : NULL;
	struct detail_write *write = pz_request_begin(request, &write_kind);

	if (write == NULL || (wish->value && value == NULL))
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	write->request = request;
	write->owner = *owner;
	snprintf(write->key, sizeof(write->key), "%s", key);
	return owner->write(owner->arg, key, value, on_written, write, info);
}

static enum pz_err
user(struct pz_request *request, const struct pz_details_owner *owner, struct pz_errinfo *info)
{
	struct pz_details_wish wish;

	PZ_TRY(pz_details_read(request->params, &wish, info));
	if (wish.field && !wish.value && /* shown or removed */
	    pz_shared_value(owner->shared, PZ_SYNC_USER_DETAILS, wish.field) == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND, "no %s is known of the user", wish.field);
	if (wish.is_change)
		return write_wish(request, owner, wish.field, &wish, info);
	pz_request_answer(request, wish.field ? pz_details_one(owner->shared, wish.field)
					      : pz_details_all(owner->shared));
	return PZ_OK;
}

void
pz_details_user(struct pz_request *request, const struct pz_details_owner *owner)
{
	struct pz_errinfo info = {""};
	enum pz_err err = user(request, owner, &info);

	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
}

void
pz_details_name(struct pz_request *request, const struct pz_details_owner *owner,
		const char *device)
{
	char key[PZ_DETAILS_KEY_CHARS];
	struct pz_details_wish wish;
	struct pz_errinfo info = {""};
	enum pz_err err = pz_details_read_name(request->params, &wish, &info);

	pz_details_key(device, key);
	if (err == PZ_OK)
		err = write_wish(request, owner, key, &wish, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
}
