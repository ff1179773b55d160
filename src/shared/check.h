/* Inside zone/ only: what a chunk of a two-way item may be (shared/shared.h). */
#ifndef PZ_SHARED_CHECK_H
#define PZ_SHARED_CHECK_H

#include "sync/chunk.h"
#include "sync/kind.h"

/** True for the items that shared.c keeps. */
bool pz_shared_is_kept(enum pz_sync_id id);
/** True when a detail of the user can have this name; false for the keys of display names. */
bool pz_shared_is_field(const char *key);
/**
 * Key and value of a chunk, and whether its origin is of the zone.
 * @param zone "": a device without one, whose chunks have an origin without
 * Errors: those of pz_shared_accept.
 */
enum pz_err pz_shared_check(const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
			    const char *zone, struct pz_errinfo *info) PZ_MUST_USE;

#endif
