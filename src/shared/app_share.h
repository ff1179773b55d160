/*
 * What one device may store for one app (page 8 app-data, page 14 DAT-2, APP-12): the same bound on
 * the device where an app stores it and on every node that receives it. Values that other devices
 * have stored for the app do not count, so they cannot shut this device out.
 */
#ifndef PZ_SHARED_APP_SHARE_H
#define PZ_SHARED_APP_SHARE_H

#include "sync/item.h"

/** What one device has stored for one app, as far as it has a value. */
struct pz_app_share {
	size_t keys, bytes; /* bytes of keys and values */
};

/** @param via the device: struct pz_sync_chunk.via */
void pz_app_share_get(const struct pz_sync_item *item, const char *origin, const char *via,
		      struct pz_app_share *out);

/**
 * Checks that this chunk of app-data, whose `via` is noted, may be put into the item. Only a chunk
 * that adds to the share can be refused: never a deletion, a chunk from the hub, or one that
 * another device has written.
 * @param bytes_max of keys and values
 * Errors: NOTFOUND (no key of an app), LIMIT, with the numbers.
 */
enum pz_err pz_app_share_check(const struct pz_sync_item *item, const struct pz_sync_chunk *chunk,
			       size_t bytes_max, struct pz_errinfo *info) PZ_MUST_USE;

#endif
