/* Memory that is given back all at once: a parsed document, a request. */
#ifndef PZ_BASE_ARENA_H
#define PZ_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct pz_arena_chunk;

/** Zero-initialised is valid and empty. */
struct pz_arena {
	struct pz_arena_chunk *chunks; /* owned; the first one has room */
	size_t left;                   /* bytes in it */
	size_t chunk_bytes;            /* of a new chunk; 0: 16 KiB */
};

/** Zeroed memory for `count` objects of `size` bytes, aligned for any object; valid until
 * pz_arena_fini. NULL: out of memory. For 0 bytes a valid pointer. */
void *pz_arena_alloc(struct pz_arena *arena, size_t count, size_t size);
/** Copies the bytes and puts a NUL behind them. @param out untouched on failure
 * @return false: out of memory */
bool pz_arena_copy(struct pz_arena *arena, struct pz_slice s, struct pz_slice *out);
/** Frees everything; the arena is then empty and usable. */
void pz_arena_fini(struct pz_arena *arena);

#endif
