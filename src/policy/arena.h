/* Memory that is given back all at once: what a parsed document or a request consists of. */
#ifndef PZ_POLICY_ARENA_H
#define PZ_POLICY_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct pz_policy_chunk;

/** Zero-initialised is valid and empty. */
struct pz_policy_arena {
	struct pz_policy_chunk *chunks; /* owned; the first one has room */
	size_t left;                    /* bytes in it */
};

/** Zeroed memory for `count` objects of `size` bytes, aligned for any object; valid until
 * pz_policy_arena_fini. NULL: out of memory. For 0 bytes a valid pointer. */
void *pz_policy_arena_alloc(struct pz_policy_arena *arena, size_t count, size_t size);
/** Copies the bytes and puts a NUL behind them. @param out untouched on failure
 * @return false: out of memory */
bool pz_policy_arena_copy(struct pz_policy_arena *arena, struct pz_slice s, struct pz_slice *out);
/** Frees everything; the arena is then empty and usable. */
void pz_policy_arena_fini(struct pz_policy_arena *arena);

#endif
