/*
 * A sorted array of pointers: an item is read in key order all the time (digests, listings) and
 * changed seldom, and moving 16384 pointers costs far less than hashing one value.
 */
#include "sync/item.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/map.h"
#include "sync/merge.h"
#include "sync/tombstones.h"
#include "wire/address.h"

/* Largest lv_cat of one chunk: four lengths of at most 2 bytes. */
#define ENTRY_BYTES_MAX (8 + PZ_SYNC_KEY_BYTES_MAX + PZ_SYNC_HASH_BYTES + 8 + 1)

/* Values that one device has brought. */
struct share {
	size_t chunks, bytes;
};

#define DROPPED_MAX 2 /* after one put: one dropped for room, one because there were too many */

struct pz_sync_item {
	const struct pz_sync_kind *kind;
	struct pz_sync_chunk **chunks; /* owned, sorted */
	size_t len, cap;
	size_t bytes;                         /* sum of size_of */
	struct pz_sync_tombstones tombstones; /* chunks that are deletions */
	uint64_t shown_ms;                    /* deletions from before are not shown */
	struct pz_map *shares; /* device -> struct share, owned; where each device has one */
	struct share forwarded;
	char dropped[DROPPED_MAX][PZ_SYNC_KEY_BYTES_MAX + 1];
	size_t dropped_count;
	bool has_digest;
	uint8_t digest[PZ_SYNC_HASH_BYTES];
};

static size_t
size_of(const struct pz_sync_chunk *chunk)
{
	return strlen(chunk->key) + chunk->value_len + strlen(chunk->origin);
}

/* True for items that every device may write freely. In preferences a table limits the keys; a list
 * of services belongs to one device. */
static bool
has_shares(const struct pz_sync_kind *kind)
{
	return kind->direction == PZ_SYNC_BOTH_DIRECTIONS && kind->order == PZ_SYNC_BY_TIME &&
	       kind->chunks_max >= PZ_SYNC_CHUNKS_MAX;
}

struct pz_sync_item *
pz_sync_item_new(const struct pz_sync_kind *kind)
{
	struct pz_sync_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return NULL;
	item->kind = kind;
	if (has_shares(kind) && (item->shares = pz_map_new()) == NULL) {
		free(item);
		return NULL;
	}
	return item;
}

void
pz_sync_item_free(struct pz_sync_item *item)
{
	if (item == NULL)
		return;
	for (size_t i = 0; i < item->len; i++)
		pz_sync_chunk_free(item->chunks[i]);
	size_t pos = 0;
	void *share;
	while (item->shares && pz_map_next(item->shares, &pos, NULL, &share))
		free(share);
	pz_map_free(item->shares);
	pz_sync_tombstones_fini(&item->tombstones);
	free(item->chunks);
	free(item);
}

const struct pz_sync_kind *
pz_sync_item_kind(const struct pz_sync_item *item)
{
	return item->kind;
}

/* Position of the first key that is not less (is_after: that is greater). strcmp compares bytes as
 * unsigned, a prefix first: the order of page 8. */
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

/* ---- each device's share ---- */

/* The share that a value belongs to; NULL: none. *out_err: LIMIT_MEMORY. */
static struct share *
share_of(struct pz_sync_item *item, const struct pz_sync_chunk *chunk, enum pz_err *out_err)
{
	*out_err = PZ_OK;
	if (item->shares == NULL || chunk == NULL || chunk->deleted || chunk->via[0] == '\0')
		return NULL;
	if (pz_sync_chunk_is_forwarded(chunk))
		return &item->forwarded;
	struct share *share = pz_map_get(item->shares, pz_slice_str(chunk->via));
	if (share)
		return share;
	share = calloc(1, sizeof(*share));
	if (share && pz_map_put(item->shares, pz_slice_str(chunk->via), share, NULL) == PZ_OK)
		return share;
	free(share);
	*out_err = PZ_ERR_LIMIT_MEMORY;
	return NULL;
}

static enum pz_err
check_forwarded(const struct pz_sync_item *item, size_t chunks, size_t bytes,
		struct pz_errinfo *info)
{
	if (chunks <= PZ_SYNC_FORWARDED_CHUNKS_MAX && bytes <= PZ_SYNC_FORWARDED_BYTES_MAX)
		return PZ_OK;
	return pz_fail(info, PZ_ERR_LIMIT,
		       "%s: no more values are taken from devices that did not write them; the "
		       "devices that wrote them have to connect",
		       item->kind->name);
}

/* Only a chunk that increases the share is refused. */
static enum pz_err
check_share(struct pz_sync_item *item, const struct pz_sync_chunk *former,
	    const struct pz_sync_chunk *next, struct pz_errinfo *info)
{
	enum pz_err err;
	const struct share *share = share_of(item, next, &err);
	const struct share *before = share ? share_of(item, former, &err) : NULL;
	size_t less = former && share && share == before ? size_of(former) : 0;

	if (share == NULL)
		return err == PZ_OK ? err : pz_fail(info, err, "out of memory");
	size_t chunks = share->chunks + (share != before);
	size_t bytes = share->bytes - less + size_of(next);
	if (share == before && size_of(next) <= less)
		return PZ_OK;
	if (share == &item->forwarded)
		return check_forwarded(item, chunks, bytes, info);
	if (chunks > PZ_SYNC_WRITER_CHUNKS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%s: %s has stored %zu values, and one device may store no more; "
			       "remove some first",
			       item->kind->name, next->via, share->chunks);
	if (bytes > PZ_SYNC_WRITER_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%s: %s has stored %zu bytes, and one device may store %u; remove "
			       "some first",
			       item->kind->name, next->via, share->bytes, PZ_SYNC_WRITER_BYTES_MAX);
	return PZ_OK;
}

/* check_share came first, so there is room and memory. */
static void
count(struct pz_sync_item *item, struct pz_sync_chunk *chunk, bool is_more)
{
	enum pz_err ignored;
	struct share *share = share_of(item, chunk, &ignored);

	item->bytes = is_more ? item->bytes + size_of(chunk) : item->bytes - size_of(chunk);
	if (chunk->deleted && is_more)
		pz_sync_tombstones_add(&item->tombstones, chunk);
	else if (chunk->deleted)
		pz_sync_tombstones_remove(&item->tombstones, chunk);
	if (share && is_more) {
		share->chunks++;
		share->bytes += size_of(chunk);
	} else if (share) {
		share->chunks--;
		share->bytes -= size_of(chunk);
	}
}

/* ---- deletions that go ---- */

bool
pz_sync_item_is_dropped(const struct pz_sync_item *item, const struct pz_sync_chunk *chunk)
{
	const struct pz_sync_chunk *oldest = pz_sync_tombstones_oldest(&item->tombstones);

	if (!chunk->deleted || oldest == NULL ||
	    item->tombstones.len < PZ_SYNC_DELETED_MAX(item->kind->chunks_max) ||
	    pz_sync_item_get(item, chunk->key))
		return false;
	return pz_sync_is_older(chunk, oldest);
}

bool
pz_sync_item_dropped(struct pz_sync_item *item, char out_key[PZ_SYNC_KEY_BYTES_MAX + 1])
{
	if (item->dropped_count == 0)
		return false;
	memcpy(out_key, item->dropped[--item->dropped_count], PZ_SYNC_KEY_BYTES_MAX + 1);
	return true;
}

static void
remove_at(struct pz_sync_item *item, size_t at)
{
	count(item, item->chunks[at], false);
	pz_sync_chunk_free(item->chunks[at]);
	item->len--;
	memmove(&item->chunks[at], &item->chunks[at + 1], (item->len - at) * sizeof(*item->chunks));
	item->has_digest = false;
}

/* The oldest deletion goes first: it has had the longest time to reach all devices. */
static void
drop_oldest(struct pz_sync_item *item)
{
	size_t at = position(item, pz_sync_tombstones_oldest(&item->tombstones)->key, false);

	if (item->dropped_count < DROPPED_MAX)
		snprintf(item->dropped[item->dropped_count++], sizeof(item->dropped[0]), "%s",
			 item->chunks[at]->key);
	remove_at(item, at);
}

/* ---- putting ---- */

/* To make room, a full item drops deletions, never values. */
static enum pz_err
make_room(struct pz_sync_item *item, struct pz_errinfo *info)
{
	if (item->len >= item->kind->chunks_max && item->tombstones.len > 0)
		drop_oldest(item);
	if (item->len >= item->kind->chunks_max)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%s is full: %zu values are stored, by all devices together; remove "
			       "some first",
			       item->kind->name, item->len);
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

/* Everything that can fail is checked before the item changes: put succeeds as a whole or changes
 * nothing. */
static enum pz_err
check_put(struct pz_sync_item *item, const struct pz_sync_chunk *former,
	  const struct pz_sync_chunk *next, struct pz_errinfo *info)
{
	PZ_TRY(pz_sync_item_check(item->kind, next, info));
	if (item->bytes + size_of(next) - (former ? size_of(former) : 0) > PZ_SYNC_ITEM_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%s is full: it would be larger than %u bytes; remove some first",
			       item->kind->name, PZ_SYNC_ITEM_BYTES_MAX);
	if (next->deleted && pz_sync_tombstones_reserve(&item->tombstones) != PZ_OK)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return check_share(item, former, next, info);
}

enum pz_err
pz_sync_item_put(struct pz_sync_item *item, struct pz_sync_chunk *takes, struct pz_errinfo *info)
{
	size_t at = position(item, takes->key, false);
	struct pz_sync_chunk *former = is_at(item, at, takes->key) ? item->chunks[at] : NULL;

	item->dropped_count = 0;
	PZ_TRY(check_put(item, former, takes, info));
	if (former == NULL) {
		PZ_TRY(make_room(item, info));
		at = position(item, takes->key, false); /* a deletion may have been dropped */
		memmove(&item->chunks[at + 1], &item->chunks[at],
			(item->len - at) * sizeof(*item->chunks));
		item->len++;
	} else {
		count(item, former, false);
	}
	pz_sync_chunk_free(former);
	item->chunks[at] = takes;
	count(item, takes, true);
	item->has_digest = false;
	if (item->tombstones.len > PZ_SYNC_DELETED_MAX(item->kind->chunks_max))
		drop_oldest(item);
	return PZ_OK;
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
	char device[PZ_DEVICE_BYTES_MAX + 1] = "";
	struct pz_sync_chunk *chunk = NULL;
	struct pz_address address;

	/* A former time that is not believed loses anyway: only a believed one must be exceeded. */
	if (former && former->mtime_ms >= now_ms && pz_sync_is_believed(former->mtime_ms, now_ms))
		parts.mtime_ms = former->mtime_ms + 1;
	PZ_TRY(pz_sync_chunk_new(&parts, &chunk, info));
	if (pz_address_parse(pz_slice_str(origin), &address) == PZ_OK && address.device.len > 0)
		snprintf(device, sizeof(device), "%.*s", (int)address.device.len,
			 (const char *)address.device.ptr);
	pz_sync_chunk_mark(chunk, device, now_ms);
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

/* One entry of the digest (page 8): key, hash of the value, time, deleted. */
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

/* Computed again only after a change. */
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
			if (pz_sync_item_is_shown(item, item->chunks[i]))
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

bool
pz_sync_item_is_shown(const struct pz_sync_item *item, const struct pz_sync_chunk *chunk)
{
	return !chunk->deleted || chunk->mtime_ms >= item->shown_ms;
}

/* A time of receipt in the future was recorded while our clock was wrong. */
static bool
is_over(struct pz_sync_chunk *chunk, uint64_t now_ms)
{
	if (chunk->received_ms > now_ms)
		chunk->received_ms = now_ms;
	return pz_sync_is_expired(chunk->deleted, chunk->mtime_ms, now_ms) &&
	       pz_sync_is_expired(true, chunk->received_ms, now_ms);
}

/* The digest omits old deletions, so it has to be computed again when one passes that age. The loop
 * runs from the end because a removal moves the chunks after it. */
size_t
pz_sync_item_expire(struct pz_sync_item *item, uint64_t now_ms)
{
	uint64_t shown_ms = now_ms > PZ_SYNC_DELETED_MS ? now_ms - PZ_SYNC_DELETED_MS : 0;
	size_t before = item->len;

	for (size_t i = item->len; i-- > 0;) {
		const struct pz_sync_chunk *chunk = item->chunks[i];
		if (chunk->deleted &&
		    (chunk->mtime_ms < item->shown_ms) != (chunk->mtime_ms < shown_ms))
			item->has_digest = false;
		if (is_over(item->chunks[i], now_ms))
			remove_at(item, i);
	}
	item->shown_ms = shown_ms;
	return before - item->len;
}
