/* Inside zone/ only: what a chunk of a two-way item may be (zone/shared.h). */
#ifndef PZ_ZONE_SHARED_CHECK_H
#define PZ_ZONE_SHARED_CHECK_H

#include "sync/chunk.h"
#include "sync/kind.h"

/** Is this item kept by zone/shared? */
bool pz_shared_is_kept(enum pz_sync_id id);
/** Can a detail of the user have this name? That of a device's name is none. */
bool pz_shared_is_field(const char *key);
/**
 * Key and value of a chunk, and whether its origin is of the zone.
 * @param zone "": a device without one, whose chunks have an origin without
 * Errors: those of pz_shared_accept.
 */
enum pz_err pz_shared_check(const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
			    const char *zone, struct pz_errinfo *info) PZ_MUST_USE;

#endif
