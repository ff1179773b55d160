/*
 * Memory that is freed all at once: parsed documents and what belongs to them. Chunks are zeroed
 * and never move, so pointers into them are good until pz_arena_fini.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

#define CHUNK_BYTES 16384U
#define ALIGN sizeof(max_align_t)

struct pz_arena_chunk {
	struct pz_arena_chunk *next;
	size_t size;
	max_align_t memory[];
};

static bool
grow(struct pz_arena *arena, size_t bytes)
{
	size_t usual = arena->chunk_bytes ? arena->chunk_bytes : CHUNK_BYTES;
	/* The rest of the former chunk is given up: documents allocate little pieces, so it is
	 * small. */
	size_t size = bytes > usual ? bytes : usual;
	struct pz_arena_chunk *chunk = calloc(1, sizeof(*chunk) + size);

	if (chunk == NULL)
		return false;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->left = size;
	return true;
}

void *
pz_arena_alloc(struct pz_arena *arena, size_t count, size_t size)
{
	size_t bytes;

	/* Half the address space, so that rounding up and the chunk's head cannot overflow. */
	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + ALIGN) / ALIGN * ALIGN; /* at least one unit: never the end of a chunk */
	if (bytes > arena->left && !grow(arena, bytes))
		return NULL;
	struct pz_arena_chunk *chunk = arena->chunks;
	void *at = (char *)chunk->memory + (chunk->size - arena->left);
	arena->left -= bytes;
	return at;
}

bool
pz_arena_copy(struct pz_arena *arena, struct pz_slice s, struct pz_slice *out)
{
	/* With a NUL behind it, so that a name can be given to C functions, too. */
	char *copy = pz_arena_alloc(arena, s.len + 1, 1);

	if (copy == NULL)
		return false;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	*out = pz_slice_of(copy, s.len);
	return true;
}

void
pz_arena_fini(struct pz_arena *arena)
{
	while (arena->chunks) {
		struct pz_arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	arena->left = 0;
}
