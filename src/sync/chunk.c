/*
 * One version of one value. Key, value and origin follow the struct in the same allocation, each
 * with a NUL, so that a chunk is wiped and freed at once. Everything that comes from a peer or from
 * the disk passes check(); later code relies on its limits.
 *
 * The digest is computed once, here: listings and comparisons use it instead of the value.
 */
#include "sync/chunk.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "wire/address.h"
#include "wire/json.h"

bool
pz_sync_key_is_valid(const char *key)
{
	size_t len = strnlen(key, PZ_SYNC_KEY_BYTES_MAX + 1);

	return len > 0 && len <= PZ_SYNC_KEY_BYTES_MAX &&
	       pz_utf8_is_printable(pz_slice_of(key, len));
}

/* A value is a JSON document or a PEM file: UTF-8 without NUL, so that C string functions can read
 * it. */
static bool
is_value_text(struct pz_slice value)
{
	return value.len == 0 ||
	       (memchr(value.ptr, '\0', value.len) == NULL && pz_utf8_is_valid(value));
}

static enum pz_err
check(const struct pz_sync_parts *parts, struct pz_slice value, struct pz_errinfo *info)
{
	struct pz_address address;

	if (!pz_sync_key_is_valid(parts->key))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "key is not 1 to %d bytes of text",
			       PZ_SYNC_KEY_BYTES_MAX);
	if (pz_address_parse(pz_slice_str(parts->origin), &address) != PZ_OK)
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "origin is no address");
	if (parts->mtime_ms > PZ_SYNC_TIME_MS_MAX)
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "mtime is out of range");
	if (value.len > PZ_SYNC_VALUE_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "value is longer than %u bytes",
			       PZ_SYNC_VALUE_BYTES_MAX);
	if (!is_value_text(value))
		return pz_fail(info, PZ_ERR_PROTO_UTF8, "value is no text");
	return PZ_OK;
}

/* Copies a text to *at, appends NUL, and moves *at past it. */
static const char *
place(char **at, struct pz_slice text)
{
	char *copy = *at;

	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	*at += text.len + 1;
	return copy;
}

/* Struct and texts are one allocation, since a zone may have many thousand chunks. */
enum pz_err
pz_sync_chunk_new(const struct pz_sync_parts *parts, struct pz_sync_chunk **out,
		  struct pz_errinfo *info)
{
	struct pz_slice key = pz_slice_str(parts->key), origin = pz_slice_str(parts->origin);
	struct pz_slice value = parts->deleted ? pz_slice_of(NULL, 0) : parts->value;

	PZ_TRY(check(parts, value, info));
	struct pz_sync_chunk *chunk = malloc(sizeof(*chunk) + key.len + value.len + origin.len + 3);
	if (chunk == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	char *at = (char *)(chunk + 1);
	chunk->key = place(&at, key);
	chunk->value = place(&at, value);
	chunk->origin = place(&at, origin);
	chunk->value_len = value.len;
	chunk->mtime_ms = parts->mtime_ms;
	chunk->deleted = parts->deleted;
	chunk->via[0] = '\0';
	chunk->received_ms = 0;
	crypto_hash_sha256(chunk->sha256, (const uint8_t *)chunk->value, value.len);
	*out = chunk;
	return PZ_OK;
}

void
pz_sync_chunk_mark(struct pz_sync_chunk *chunk, const char *via, uint64_t received_ms)
{
	snprintf(chunk->via, sizeof(chunk->via), "%s", via ? via : "");
	chunk->received_ms = received_ms;
}

/* `via` is the name of the device that sent the chunk, the origin is "zone/device". A device
 * vouches for a chunk of its own; a chunk of another origin proves nothing about it. */
bool
pz_sync_chunk_is_forwarded(const struct pz_sync_chunk *chunk)
{
	const char *slash = strchr(chunk->origin, '/');

	return chunk->via[0] && strcmp(slash ? slash + 1 : chunk->origin, chunk->via) != 0;
}

/* Values may be secret (the zone's secret, details of the user). */
void
pz_sync_chunk_free(struct pz_sync_chunk *chunk)
{
	if (chunk == NULL)
		return;
	sodium_memzero((void *)(chunk + 1),
		       strlen(chunk->key) + chunk->value_len + strlen(chunk->origin) + 3);
	free(chunk);
}

bool
pz_sync_chunk_is_same(const struct pz_sync_chunk *a, const struct pz_sync_chunk *b)
{
	return a->mtime_ms == b->mtime_ms && a->deleted == b->deleted &&
	       memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
}

json_t *
pz_sync_chunk_to_json(const struct pz_sync_chunk *chunk)
{
	return json_pack("{s:s, s:s%, s:I, s:s, s:b}", "key", chunk->key, "value", chunk->value,
			 chunk->value_len, "mtime", (json_int_t)chunk->mtime_ms, "origin",
			 chunk->origin, "deleted", chunk->deleted);
}

/* Only a deletion may lack "value". */
enum pz_err
pz_sync_chunk_from_json(const json_t *object, struct pz_sync_chunk **out, struct pz_errinfo *info)
{
	const json_t *value = json_object_get(object, "value");
	const json_t *deleted = json_object_get(object, "deleted");
	struct pz_sync_parts parts = {
		.key = pz_json_str(object, "key"),
		.origin = pz_json_str(object, "origin"),
		.deleted = json_is_true(deleted),
	};
	int64_t mtime;

	if (parts.key == NULL || parts.origin == NULL || (deleted && !json_is_boolean(deleted)) ||
	    (!parts.deleted && !json_is_string(value)) ||
	    !pz_json_int(object, "mtime", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &mtime))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER,
			       "key, value, mtime, origin or deleted is missing or malformed");
	if (json_is_string(value))
		parts.value = pz_slice_of(json_string_value(value), json_string_length(value));
	parts.mtime_ms = (uint64_t)mtime;
	return pz_sync_chunk_new(&parts, out, info);
}
