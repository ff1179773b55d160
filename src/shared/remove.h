/* Removing many values of what every device may write, at once: what a device has written, what an
 * app has stored. */
#ifndef PZ_SHARED_REMOVE_H
#define PZ_SHARED_REMOVE_H

#include "shared/shared.h"

/** True when this value is to be removed. */
typedef bool (*pz_shared_is_meant)(const void *arg, const struct pz_sync_kind *kind,
				   const struct pz_sync_chunk *chunk);

/**
 * Removes all values that `is_meant` selects, of preferences, user details and app data. Each
 * removal is a change of ours, as with pz_shared_write: it counts at once, and is sent to other
 * nodes.
 * @param meant_arg used during the call only
 * @param done when all is on disk, with the error of the last one; not called where nothing was
 * removed
 * @param out_count how many there were
 * Errors: LIMIT_MEMORY; some may be removed then, and done is not called.
 */
enum pz_err pz_shared_remove_all(struct pz_shared *shared, pz_shared_is_meant is_meant,
				 const void *meant_arg, pz_shared_done done, void *arg,
				 size_t *out_count, struct pz_errinfo *info) PZ_MUST_USE;

/** A pz_shared_is_meant: what a device has written or brought. @param arg its name, const char * */
bool pz_shared_is_by(const void *arg, const struct pz_sync_kind *kind,
		     const struct pz_sync_chunk *chunk);

/** What of an app is meant. */
struct pz_shared_app {
	const char *origin;
	const char *key; /* NULL: everything */
};
/** A pz_shared_is_meant: of an app. @param arg struct pz_shared_app */
bool pz_shared_is_of_app(const void *arg, const struct pz_sync_kind *kind,
			 const struct pz_sync_chunk *chunk);

#endif
