/* Keys of answers. */
#include "prompt/key.h"

#include <string.h>

#include "base/codec.h"

static const size_t longest[PZ_PROMPT_FIELDS] = {
	[PZ_PROMPT_ZONE] = PZ_ZONE_BYTES_MAX,
	[PZ_PROMPT_DEVICE] = PZ_DEVICE_BYTES_MAX,
	[PZ_PROMPT_APP] = PZ_APP_BYTES_MAX,
	[PZ_PROMPT_FEATURE] = PZ_METHOD_BYTES_MAX,
	[PZ_PROMPT_SERVICE] = PZ_PROMPT_SERVICE_BYTES_MAX,
	[PZ_PROMPT_INSTANCE] = PZ_APP_BYTES_MAX,
};

/* A NUL ends each field, so no field may contain one: otherwise two different callers could have
 * one key. */
enum pz_err
pz_prompt_key_make(const struct pz_slice fields[PZ_PROMPT_FIELDS], struct pz_prompt_key *out)
{
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < PZ_PROMPT_FIELDS; i++) {
		struct pz_slice field = fields[i];

		if (field.len > longest[i])
			return PZ_ERR_LIMIT;
		if (field.len > 0 &&
		    (memchr(field.ptr, '\0', field.len) || !pz_utf8_is_valid(field)))
			return PZ_ERR_PROTO;
		out->at[i] = (uint16_t)at;
		if (field.len > 0)
			memcpy(out->text + at, field.ptr, field.len);
		at += field.len + 1;
	}
	out->at[PZ_PROMPT_FIELDS] = (uint16_t)at;
	return PZ_OK;
}

const char *
pz_prompt_key_field(const struct pz_prompt_key *key, enum pz_prompt_field field)
{
	return key->text + key->at[field];
}

struct pz_slice
pz_prompt_key_slice(const struct pz_prompt_key *key, bool with_instance)
{
	return pz_slice_of(key->text,
			   key->at[with_instance ? PZ_PROMPT_FIELDS : PZ_PROMPT_INSTANCE]);
}

bool
pz_prompt_key_same_subject(const struct pz_prompt_key *a, const struct pz_prompt_key *b)
{
	return pz_slice_eq(pz_slice_of(a->text, a->at[PZ_PROMPT_FEATURE]),
			   pz_slice_of(b->text, b->at[PZ_PROMPT_FEATURE]));
}

bool
pz_prompt_key_is_of(const struct pz_prompt_key *key, const char *zone, const char *device)
{
	return strcmp(pz_prompt_key_field(key, PZ_PROMPT_ZONE), zone) == 0 &&
	       (device == NULL || strcmp(pz_prompt_key_field(key, PZ_PROMPT_DEVICE), device) == 0);
}
