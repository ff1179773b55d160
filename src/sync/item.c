/*
 * A sorted array of pointers: an item is read in key order all the time (digests, listings) and
 * changed seldom, and moving 16384 pointers is nothing beside the hash of one value.
 */
#include "sync/item.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "sync/merge.h"

/* Largest lv_cat of one chunk: four lengths of at most 2 bytes. */
#define ENTRY_BYTES_MAX (8 + PZ_SYNC_KEY_BYTES_MAX + PZ_SYNC_HASH_BYTES + 8 + 1)

struct pz_sync_item {
	const struct pz_sync_kind *kind;
	struct pz_sync_chunk **chunks; /* owned, sorted */
	size_t len, cap;
	size_t bytes; /* sum of size_of */
	bool has_digest;
	uint8_t digest[PZ_SYNC_HASH_BYTES];
};

static size_t
size_of(const struct pz_sync_chunk *chunk)
{
	return strlen(chunk->key) + chunk->value_len + strlen(chunk->origin);
}

struct pz_sync_item *
pz_sync_item_new(const struct pz_sync_kind *kind)
{
	struct pz_sync_item *item = calloc(1, sizeof(*item));

	if (item)
		item->kind = kind;
	return item;
}

void
pz_sync_item_free(struct pz_sync_item *item)
{
	if (item == NULL)
		return;
	for (size_t i = 0; i < item->len; i++)
		pz_sync_chunk_free(item->chunks[i]);
	free(item->chunks);
	free(item);
}

const struct pz_sync_kind *
pz_sync_item_kind(const struct pz_sync_item *item)
{
	return item->kind;
}

/* Position of the first key that is not less (is_after: that is greater). strcmp compares bytes as
 * unsigned, shorter first: the order of page 8. */
static size_t
position(const struct pz_sync_item *item, const char *key, bool is_after)
{
	size_t low = 0, high = item->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(item->chunks[middle]->key, key);
		if (order < 0 || (is_after && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_at(const struct pz_sync_item *item, size_t at, const char *key)
{
	return at < item->len && strcmp(item->chunks[at]->key, key) == 0;
}

enum pz_err
pz_sync_item_check(const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
		   struct pz_errinfo *info)
{
	if (chunk->value_len > kind->value_bytes_max)
		return pz_fail(info, PZ_ERR_LIMIT, "value is longer than %zu bytes",
			       kind->value_bytes_max);
	return PZ_OK;
}

static enum pz_err
make_room(struct pz_sync_item *item, struct pz_errinfo *info)
{
	if (item->len >= item->kind->chunks_max)
		return pz_fail(info, PZ_ERR_LIMIT, "%s has %zu chunks already", item->kind->name,
			       item->len);
	if (item->len < item->cap)
		return PZ_OK;
	size_t cap = item->cap ? 2 * item->cap : 8;
	struct pz_sync_chunk **grown =
		reallocarray(item->chunks, cap, sizeof(struct pz_sync_chunk *));
	if (grown == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	item->chunks = grown;
	item->cap = cap;
	return PZ_OK;
}

enum pz_err
pz_sync_item_put(struct pz_sync_item *item, struct pz_sync_chunk *takes, struct pz_errinfo *info)
{
	size_t at = position(item, takes->key, false);
	struct pz_sync_chunk *former = is_at(item, at, takes->key) ? item->chunks[at] : NULL;
	size_t bytes = item->bytes + size_of(takes) - (former ? size_of(former) : 0);

	PZ_TRY(pz_sync_item_check(item->kind, takes, info));
	if (bytes > PZ_SYNC_ITEM_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "%s would be larger than %u bytes",
			       item->kind->name, PZ_SYNC_ITEM_BYTES_MAX);
	if (former == NULL) {
		PZ_TRY(make_room(item, info));
		memmove(&item->chunks[at + 1], &item->chunks[at],
			(item->len - at) * sizeof(*item->chunks));
		item->len++;
	}
	pz_sync_chunk_free(former);
	item->chunks[at] = takes;
	item->bytes = bytes;
	item->has_digest = false;
	return PZ_OK;
}

static void
remove_at(struct pz_sync_item *item, size_t at)
{
	item->bytes -= size_of(item->chunks[at]);
	pz_sync_chunk_free(item->chunks[at]);
	item->len--;
	memmove(&item->chunks[at], &item->chunks[at + 1], (item->len - at) * sizeof(*item->chunks));
	item->has_digest = false;
}

bool
pz_sync_item_remove(struct pz_sync_item *item, const char *key)
{
	size_t at = position(item, key, false);

	if (!is_at(item, at, key))
		return false;
	remove_at(item, at);
	return true;
}

enum pz_err
pz_sync_item_write(struct pz_sync_item *item, const char *key, struct pz_slice value, bool deleted,
		   const char *origin, uint64_t now_ms, struct pz_errinfo *info)
{
	const struct pz_sync_chunk *former = pz_sync_item_get(item, key);
	struct pz_sync_parts parts = {key, origin, value, now_ms, deleted};
	struct pz_sync_chunk *chunk = NULL;

	/* One that is not believed loses to any that is: no need to run after it. */
	if (former && former->mtime_ms >= now_ms && pz_sync_is_believed(former->mtime_ms, now_ms))
		parts.mtime_ms = former->mtime_ms + 1;
	PZ_TRY(pz_sync_chunk_new(&parts, &chunk, info));
	enum pz_err err = pz_sync_item_put(item, chunk, info);
	if (err != PZ_OK)
		pz_sync_chunk_free(chunk);
	return err;
}

const struct pz_sync_chunk *
pz_sync_item_get(const struct pz_sync_item *item, const char *key)
{
	size_t at = position(item, key, false);

	return is_at(item, at, key) ? item->chunks[at] : NULL;
}

size_t
pz_sync_item_len(const struct pz_sync_item *item)
{
	return item->len;
}

const struct pz_sync_chunk *
pz_sync_item_at(const struct pz_sync_item *item, size_t i)
{
	return item->chunks[i];
}

size_t
pz_sync_item_after(const struct pz_sync_item *item, const char *key)
{
	return key ? position(item, key, true) : 0;
}

static enum pz_err
hash_chunk(crypto_hash_sha256_state *state, struct pz_buf *buf, const struct pz_sync_chunk *chunk)
{
	uint8_t mtime[8], deleted = chunk->deleted ? 1 : 0;
	struct pz_slice parts[] = {
		pz_slice_str(chunk->key),
		pz_slice_of(chunk->sha256, sizeof(chunk->sha256)),
		pz_slice_of(mtime, sizeof(mtime)),
		pz_slice_of(&deleted, 1),
	};

	for (size_t i = 0; i < sizeof(mtime); i++)
		mtime[i] = (uint8_t)(chunk->mtime_ms >> (56 - 8 * i));
	PZ_TRY(pz_lv_cat(buf, parts, sizeof(parts) / sizeof(parts[0])));
	crypto_hash_sha256_update(state, pz_buf_slice(buf).ptr, buf->len);
	pz_buf_consume(buf, buf->len);
	return PZ_OK;
}

enum pz_err
pz_sync_item_digest(struct pz_sync_item *item, uint8_t out[PZ_SYNC_HASH_BYTES])
{
	crypto_hash_sha256_state state;
	enum pz_err err = PZ_OK;
	struct pz_buf buf;

	if (!item->has_digest) {
		crypto_hash_sha256_init(&state);
		pz_buf_init(&buf, ENTRY_BYTES_MAX, NULL);
		for (size_t i = 0; err == PZ_OK && i < item->len; i++)
			err = hash_chunk(&state, &buf, item->chunks[i]);
		pz_buf_fini(&buf);
		if (err != PZ_OK)
			return err;
		crypto_hash_sha256_final(&state, item->digest);
		item->has_digest = true;
	}
	memcpy(out, item->digest, PZ_SYNC_HASH_BYTES);
	return PZ_OK;
}

size_t
pz_sync_item_expire(struct pz_sync_item *item, uint64_t now_ms)
{
	size_t before = item->len;

	for (size_t i = item->len; i-- > 0;)
		if (pz_sync_is_expired(item->chunks[i]->deleted, item->chunks[i]->mtime_ms, now_ms))
			remove_at(item, i);
	return before - item->len;
}
