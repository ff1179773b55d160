/* One chunk: the unit in which items are compared, sent and stored. */
#ifndef PZ_SYNC_CHUNK_H
#define PZ_SYNC_CHUNK_H

#include <jansson.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

#define PZ_SYNC_HASH_BYTES 32

/** A chunk. Immutable but for pz_sync_chunk_mark; one block of memory. Zone secrets are chunks:
 * values are never logged. */
struct pz_sync_chunk {
	const char *key;    /* text without control characters, 1 to PZ_SYNC_KEY_BYTES_MAX */
	const char *value;  /* UTF-8 without NUL: JSON text, PEM or base64; "" when deleted */
	const char *origin; /* address of the writer */
	size_t value_len;
	uint64_t mtime_ms; /* since 1970, by the writer's clock */
	bool deleted;
	uint8_t sha256[PZ_SYNC_HASH_BYTES]; /* of the value; of nothing, if deleted */
	/* Known here only, never sent: */
	char via[PZ_DEVICE_BYTES_MAX + 1]; /* the device that has brought it, as its link has
					      proved, or this one; "": the hub, or not known */
	uint64_t received_ms;              /* when it came, by our clock; 0: not known */
	size_t tombstone;                  /* of a deletion in an item: sync/tombstones.h */
};

/** Parts of a chunk that is to be made. */
struct pz_sync_parts {
	const char *key, *origin;
	struct pz_slice value; /* ignored when deleted */
	uint64_t mtime_ms;
	bool deleted;
};

/**
 * Makes a chunk; checks shape and the sizes that every item has.
 * @param parts everything is copied
 * @param out the caller's, pz_sync_chunk_free
 * Errors: PROTO_MEMBER (key, origin or mtime malformed), PROTO_UTF8 (value), LIMIT (a size),
 * LIMIT_MEMORY. The detail names the member and nothing of its content.
 * @spec page 8 "How"
 */
enum pz_err pz_sync_chunk_new(const struct pz_sync_parts *parts, struct pz_sync_chunk **out,
			      struct pz_errinfo *info) PZ_MUST_USE;
/** Notes where and when it came. @param via may be NULL: "" */
void pz_sync_chunk_mark(struct pz_sync_chunk *chunk, const char *via, uint64_t received_ms);
/** True when its origin is not the device that has sent it: it was passed on. */
bool pz_sync_chunk_is_forwarded(const struct pz_sync_chunk *chunk);
/** Overwrites and frees. NULL is fine. */
void pz_sync_chunk_free(struct pz_sync_chunk *chunk);
PZ_AUTO_DEFINE(struct pz_sync_chunk, pz_sync_chunk_free)

/** True when both look the same in a listing: same value, mtime and deleted. */
bool pz_sync_chunk_is_same(const struct pz_sync_chunk *a, const struct pz_sync_chunk *b);

/**
 * {"key","value","mtime","origin","deleted"}, as it is sent and stored. The caller decrefs; NULL:
 * out of memory.
 */
json_t *pz_sync_chunk_to_json(const struct pz_sync_chunk *chunk);
/**
 * Reads the same; `deleted` may be absent (false), `value` too when it is true. Members that are
 * not known are ignored. Errors: as pz_sync_chunk_new; PROTO_MEMBER (absent or of the wrong type).
 */
enum pz_err pz_sync_chunk_from_json(const json_t *object, struct pz_sync_chunk **out,
				    struct pz_errinfo *info) PZ_MUST_USE;

/** True for a key that a chunk can have. */
bool pz_sync_key_is_valid(const char *key);

#endif
