/*
 * A binary heap of deletions, oldest first, so that the one to drop is found without a search. Each
 * chunk knows its position (`tombstone`), so a chunk that is replaced or removed leaves the heap in
 * logarithmic time, too.
 */
#include "sync/tombstones.h"

#include <stdlib.h>
#include <string.h>

void
pz_sync_tombstones_fini(struct pz_sync_tombstones *g)
{
	free(g->heap);
	*g = (struct pz_sync_tombstones){.len = 0};
}

enum pz_err
pz_sync_tombstones_reserve(struct pz_sync_tombstones *g)
{
	if (g->len < g->cap)
		return PZ_OK;
	size_t cap = g->cap ? 2 * g->cap : 8;
	struct pz_sync_chunk **heap = reallocarray(g->heap, cap, sizeof(struct pz_sync_chunk *));
	if (heap == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	g->heap = heap;
	g->cap = cap;
	return PZ_OK;
}

bool
pz_sync_is_older(const struct pz_sync_chunk *a, const struct pz_sync_chunk *b)
{
	if (a->mtime_ms != b->mtime_ms)
		return a->mtime_ms < b->mtime_ms;
	return strcmp(a->key, b->key) < 0;
}

static void
place(struct pz_sync_tombstones *g, size_t at, struct pz_sync_chunk *chunk)
{
	g->heap[at] = chunk;
	chunk->tombstone = at;
}

/* Moves parents down until the chunk fits. */
static void
sift_up(struct pz_sync_tombstones *g, size_t at, struct pz_sync_chunk *chunk)
{
	while (at > 0 && pz_sync_is_older(chunk, g->heap[(at - 1) / 2])) {
		place(g, at, g->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(g, at, chunk);
}

/* Moves the older child up until the chunk fits. */
static void
sift_down(struct pz_sync_tombstones *g, size_t at, struct pz_sync_chunk *chunk)
{
	for (size_t child; (child = 2 * at + 1) < g->len; at = child) {
		if (child + 1 < g->len && pz_sync_is_older(g->heap[child + 1], g->heap[child]))
			child++;
		if (!pz_sync_is_older(g->heap[child], chunk))
			break;
		place(g, at, g->heap[child]);
	}
	place(g, at, chunk);
}

void
pz_sync_tombstones_add(struct pz_sync_tombstones *g, struct pz_sync_chunk *chunk)
{
	sift_up(g, g->len++, chunk);
}

/* The last chunk fills the gap and moves up or down from there. */
void
pz_sync_tombstones_remove(struct pz_sync_tombstones *g, const struct pz_sync_chunk *chunk)
{
	size_t at = chunk->tombstone;
	struct pz_sync_chunk *last = g->heap[--g->len];

	if (last == chunk)
		return;
	if (at > 0 && pz_sync_is_older(last, g->heap[(at - 1) / 2]))
		sift_up(g, at, last);
	else
		sift_down(g, at, last);
}

const struct pz_sync_chunk *
pz_sync_tombstones_oldest(const struct pz_sync_tombstones *g)
{
	return g->len > 0 ? g->heap[0] : NULL;
}
