/* Hash map from byte strings to pointers; keyed hash, so a stranger cannot choose collisions. */
#ifndef PZ_BASE_MAP_H
#define PZ_BASE_MAP_H

#include "base/err.h"
#include "base/slice.h"

struct pz_map;

/** Empty map; NULL when memory is out. */
struct pz_map *pz_map_new(void);
/** Frees the map, not the values. NULL is fine. */
void pz_map_free(struct pz_map *map);

/** Adds or replaces; the key is copied. @param out_old previous value or NULL, may be NULL. Errors:
 * LIMIT_MEMORY. */
enum pz_err
pz_map_put(struct pz_map *map, struct pz_slice key, void *value, void **out_old) PZ_MUST_USE;
/** Value or NULL. No allocation. */
void *pz_map_get(const struct pz_map *map, struct pz_slice key);
/** Removes and returns the value, or NULL. Safe during pz_map_next on the current entry. */
void *pz_map_remove(struct pz_map *map, struct pz_slice key);
/** Number of entries. */
size_t pz_map_len(const struct pz_map *map);

/** Iteration in insertion order: start with *pos = 0; false at the end. Adding while iterating is
 * not allowed. */
bool pz_map_next(const struct pz_map *map, size_t *pos, struct pz_slice *out_key, void **out_value);

#endif
