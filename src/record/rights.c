#include "record/rights.h"

#include <stdio.h>
#include <string.h>

#include "wire/address.h"

static const struct {
	const char *name;
	enum pz_right right;
} names[] = {{"answer", PZ_RIGHT_ANSWER}, {"policy", PZ_RIGHT_POLICY}, {"admin", PZ_RIGHT_ADMIN}};

#define COUNT (sizeof(names) / sizeof(names[0]))

const char *
pz_rights_text(unsigned rights, char out[PZ_RIGHTS_TEXT_CHARS])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < COUNT; i++)
		if (rights & names[i].right)
			len += (size_t)snprintf(out + len, PZ_RIGHTS_TEXT_CHARS - len, "%s%s",
						len ? " " : "", names[i].name);
	return out;
}

static unsigned
find(struct pz_slice name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (pz_slice_eq_str(name, names[i].name))
			return names[i].right;
	return 0;
}

unsigned
pz_right_find(const char *name)
{
	return find(pz_slice_str(name));
}

/* A right of a later version must not make the device keep the former text: it would keep a right
 * that was taken away. */
unsigned
pz_rights_parse(struct pz_slice text)
{
	unsigned rights = 0;

	while (text.len > 0) {
		const uint8_t *space = memchr(text.ptr, ' ', text.len);
		size_t len = space ? (size_t)(space - text.ptr) : text.len;
		size_t used = space ? len + 1 : len;
		rights |= find(pz_slice_of(text.ptr, len));
		text = pz_slice_of(text.ptr + used, text.len - used);
	}
	return rights;
}

json_t *
pz_rights_json(unsigned rights)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < COUNT; i++)
		if (rights & names[i].right)
			(void)json_array_append_new(list, json_string(names[i].name));
	return list;
}

enum pz_err
pz_rights_check(const struct pz_sync_chunk *chunk, struct pz_errinfo *info)
{
	if (!pz_device_is_valid(pz_slice_str(chunk->key)))
		return pz_fail(info, PZ_ERR_PROTO, "rights of what is no device");
	return PZ_OK;
}

unsigned
pz_rights_of(const struct pz_sync_item *item, const char *device)
{
	const struct pz_sync_chunk *chunk = item ? pz_sync_item_get(item, device) : NULL;

	return chunk && !chunk->deleted
		       ? pz_rights_parse(pz_slice_of(chunk->value, chunk->value_len))
		       : PZ_RIGHTS_ALL;
}
