/*
 * The share of an app is counted for each device that sent its values (`via`), so that an app which
 * stores too much on one device takes nothing from what the same app may store elsewhere. Values
 * that a node only forwarded count for no share: their own device has counted them.
 */
#include "shared/app_share.h"

#include <stdio.h>
#include <string.h>

#include "shared/app_key.h"

/* @param skip bytes of the key before the app's part */
static size_t
size_of(const struct pz_sync_chunk *chunk, size_t skip)
{
	return strlen(chunk->key) - skip + chunk->value_len;
}

/* True when the chunk counts for the share of that device. */
static bool
is_of(const struct pz_sync_chunk *chunk, const char *via)
{
	return !chunk->deleted && strcmp(chunk->via, via) == 0 &&
	       !pz_sync_chunk_is_forwarded(chunk);
}

void
pz_app_share_get(const struct pz_sync_item *item, const char *origin, const char *via,
		 struct pz_app_share *out)
{
	size_t skip = strlen(origin) + 1; /* and the space */
	char text[PZ_APP_KEY_CHARS + 1];

	*out = (struct pz_app_share){0};
	snprintf(text, sizeof(text), "%s ", origin);
	for (size_t i = pz_sync_item_after(item, text); i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		if (strncmp(chunk->key, text, skip) != 0)
			break; /* an app's keys are one range */
		if (!is_of(chunk, via))
			continue;
		out->keys++;
		out->bytes += size_of(chunk, skip);
	}
}

enum pz_err
pz_app_share_check(const struct pz_sync_item *item, const struct pz_sync_chunk *chunk,
		   size_t bytes_max, struct pz_errinfo *info)
{
	const struct pz_sync_chunk *former = pz_sync_item_get(item, chunk->key);
	char origin[PZ_APP_KEY_CHARS];
	struct pz_app_share share;

	if (chunk->deleted || chunk->via[0] == '\0' || pz_sync_chunk_is_forwarded(chunk))
		return PZ_OK;
	PZ_TRY(pz_app_key_split(chunk->key, origin, NULL, info));
	pz_app_share_get(item, origin, chunk->via, &share);
	size_t skip = strlen(origin) + 1;
	bool is_new = former == NULL || !is_of(former, chunk->via);
	/* An app over its share may still replace a value by a smaller one. */
	size_t before = is_new ? 0 : size_of(former, skip), more = size_of(chunk, skip);
	if (is_new && share.keys >= PZ_APP_KEYS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%.60s has stored %zu keys from %s, and may store %d from one "
			       "device; remove some first",
			       origin, share.keys, chunk->via, PZ_APP_KEYS_MAX);
	if (more > before && share.bytes - before + more > bytes_max)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%.60s may store %zu bytes of keys and values from one device and "
			       "has %zu from %s; these would be %zu",
			       origin, bytes_max, share.bytes, chunk->via,
			       share.bytes - before + more);
	return PZ_OK;
}
