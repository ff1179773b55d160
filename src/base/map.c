/*
 * Entries stand in an array in insertion order; an open-addressed index of entry numbers finds
 * them. Removing only marks the entry, so positions of a running iteration stay true; marked
 * entries go away when a put finds the array full. The hash is SipHash with a random key of the
 * process.
 */
#include "base/map.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define FIRST_ENTRIES 8
#define ENTRIES_MAX ((size_t)1 << 30) /* index values are 32 bits */

struct entry {
	uint8_t *key; /* owned; NULL: removed */
	size_t key_len;
	uint64_t hash;
	void *value;
};

struct pz_map {
	struct entry *entries; /* cap */
	size_t used, cap;      /* slots taken, removed ones included */
	size_t live;
	uint32_t *index; /* 2 * cap, a power of two; entry number + 1, or 0 */
};

static pthread_once_t hash_once = PTHREAD_ONCE_INIT;
static bool hash_ready;
static unsigned char hash_key[crypto_shorthash_KEYBYTES];

static void
hash_setup(void)
{
	if (sodium_init() < 0)
		return;
	crypto_shorthash_keygen(hash_key);
	hash_ready = true;
}

static uint64_t
hash_of(struct pz_slice key)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;

	crypto_shorthash(out, key.len > 0 ? key.ptr : (const uint8_t *)"", key.len, hash_key);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

struct pz_map *
pz_map_new(void)
{
	pthread_once(&hash_once, hash_setup);
	return hash_ready ? calloc(1, sizeof(struct pz_map)) : NULL;
}

void
pz_map_free(struct pz_map *map)
{
	if (map == NULL)
		return;
	for (size_t i = 0; i < map->used; i++)
		free(map->entries[i].key);
	free(map->entries);
	free(map->index);
	free(map);
}

static struct entry *
find(const struct pz_map *map, struct pz_slice key, uint64_t hash)
{
	size_t mask = 2 * map->cap - 1;

	if (map->live == 0)
		return NULL;
	for (size_t i = hash & mask; map->index[i] != 0; i = (i + 1) & mask) {
		struct entry *e = &map->entries[map->index[i] - 1];
		if (e->key && e->hash == hash && pz_slice_eq(key, pz_slice_of(e->key, e->key_len)))
			return e;
	}
	return NULL;
}

static void
index_entry(uint32_t *index, size_t mask, uint64_t hash, size_t number)
{
	size_t i = hash & mask;

	while (index[i] != 0)
		i = (i + 1) & mask;
	index[i] = (uint32_t)(number + 1);
}

/* Moves the living entries to fresh memory: of twice the size when most of them live. */
static enum pz_err
rebuild(struct pz_map *map)
{
	size_t cap = FIRST_ENTRIES, n = 0;
	struct entry *entries;
	uint32_t *index;

	while (cap / 2 < map->live)
		cap *= 2;
	if (cap > ENTRIES_MAX)
		return PZ_ERR_LIMIT_MEMORY;
	entries = calloc(cap, sizeof(*entries));
	index = calloc(2 * cap, sizeof(*index));
	if (entries == NULL || index == NULL) {
		free(entries);
		free(index);
		return PZ_ERR_LIMIT_MEMORY;
	}
	for (size_t i = 0; i < map->used; i++) {
		if (map->entries[i].key == NULL)
			continue;
		entries[n] = map->entries[i];
		index_entry(index, 2 * cap - 1, entries[n].hash, n);
		n++;
	}
	free(map->entries);
	free(map->index);
	map->entries = entries;
	map->index = index;
	map->used = n;
	map->cap = cap;
	return PZ_OK;
}

enum pz_err
pz_map_put(struct pz_map *map, struct pz_slice key, void *value, void **out_old)
{
	uint64_t hash = hash_of(key);
	struct entry *e = find(map, key, hash);
	void *old = e ? e->value : NULL;
	uint8_t *copy;

	if (e == NULL) {
		if (map->used == map->cap)
			PZ_TRY(rebuild(map));
		copy = (uint8_t *)pz_slice_dup(key);
		if (copy == NULL)
			return PZ_ERR_LIMIT_MEMORY;
		e = &map->entries[map->used];
		*e = (struct entry){.key = copy, .key_len = key.len, .hash = hash};
		index_entry(map->index, 2 * map->cap - 1, hash, map->used);
		map->used++;
		map->live++;
	}
	e->value = value;
	if (out_old)
		*out_old = old;
	return PZ_OK;
}

void *
pz_map_get(const struct pz_map *map, struct pz_slice key)
{
	struct entry *e = map->live > 0 ? find(map, key, hash_of(key)) : NULL;

	return e ? e->value : NULL;
}

void *
pz_map_remove(struct pz_map *map, struct pz_slice key)
{
	struct entry *e = map->live > 0 ? find(map, key, hash_of(key)) : NULL;

	if (e == NULL)
		return NULL;
	free(e->key);
	e->key = NULL;
	map->live--;
	return e->value;
}

size_t
pz_map_len(const struct pz_map *map)
{
	return map->live;
}

bool
pz_map_next(const struct pz_map *map, size_t *pos, struct pz_slice *out_key, void **out_value)
{
	while (*pos < map->used) {
		const struct entry *e = &map->entries[(*pos)++];
		if (e->key == NULL)
			continue;
		if (out_key)
			*out_key = pz_slice_of(e->key, e->key_len);
		if (out_value)
			*out_value = e->value;
		return true;
	}
	return false;
}
