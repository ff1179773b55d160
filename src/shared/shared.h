/*
 * The items that every device of a zone may write (page 8's two-way items): preferences that hold
 * for the zone, details of its user, the devices' lists of services, what apps stored. The hub
 * keeps them for each zone, a device for its own (and, while it has none, for one yet to come).
 *
 * An item in memory is what counts; the store follows in the order of the changes. A change made
 * here counts at once, is reported as done when it is on disk, and is undone when it cannot be
 * stored.
 *
 * Keys:
 *   preferences    the preference's key, of those that hold for a zone; value as JSON
 *   user-details   a field (letters, digits, "-", "."), value a JSON string; or "device/" and a
 *                  device's name: how that device is called, value a JSON string
 *   service-cache  the device's name; value its announcement, a JSON array of descriptors
 *   app-data       the app's origin, a space, the app's key (shared/app_key.h); value any JSON
 */
#ifndef PZ_SHARED_SHARED_H
#define PZ_SHARED_SHARED_H

#include <jansson.h>

#include "base/auto.h"
#include "base/env.h"
#include "store/store.h"
#include "sync/item.h"
#include "wire/address.h"

/** Key prefix in user-details: what follows is a device whose display name the value is. */
#define PZ_SHARED_DEVICE_PREFIX "device/"

/** Size of a space's name. */
#define PZ_SHARED_SPACE_CHARS (PZ_ZONE_BYTES_MAX + 16)

struct pz_shared;

/** Space of the store where a hub keeps it for one of its zones; of "": where a device does. */
void pz_shared_space(const char *zone, char out[PZ_SHARED_SPACE_CHARS]);

struct pz_shared_config {
	struct pz_store *store;   /* borrowed; freed after this */
	const struct pz_env *env; /* borrowed */
	const char *space;        /* of the store; copied */
	const char *self;         /* see pz_shared_set_self */
	/**
	 * A change made here is on disk: send it to the other nodes. Or it was undone: nodes that
	 * received it meanwhile, in an exchange, need a further exchange. Called before
	 * pz_shared_done; key is borrowed. May be NULL.
	 */
	void (*settled)(void *arg, const struct pz_sync_kind *kind, const char *key,
			bool is_stored);
	void *arg;
};

/**
 * Loads what is stored.
 * @param out_skipped records that were not readable or not good; may be NULL
 * @param info may be NULL
 * Errors: IO (of the store), LIMIT_MEMORY.
 */
enum pz_err pz_shared_load(const struct pz_shared_config *config, struct pz_shared **out,
			   size_t *out_skipped, struct pz_errinfo *info) PZ_MUST_USE;
/** Frees the data; `done` of writes under way is not called any more. NULL is fine. */
void pz_shared_free(struct pz_shared *shared);
PZ_AUTO_DEFINE(struct pz_shared, pz_shared_free)

/** Who writes here from now on: the hub's, or the device's address, of a zone or of none. What a
 * device without zone wrote becomes the new address's. Errors: LIMIT_MEMORY. */
enum pz_err pz_shared_set_self(struct pz_shared *shared, const char *self) PZ_MUST_USE;

/** How far the hub's clock is ahead of ours: changes made here carry its time, or a device whose
 * clock is wrong could not change anything (page 8 "Conflicts"). 0 before the first call. */
void pz_shared_set_ahead(struct pz_shared *shared, int64_t ahead_ms);

/* ---- for sessions ---- */

/** The item, borrowed; NULL: not kept here. */
struct pz_sync_item *
pz_shared_item(const struct pz_shared *shared, const struct pz_sync_kind *kind);

/**
 * Checks a chunk that came in. Its origin must be of our zone, its key and value as above.
 * @param from device that the link belongs to: of service lists it gives its own only. NULL: the
 * hub, which gives those of all but ours
 * Errors: NOTFOUND (not kept here, or no such key), DENIED_IDENTITY (origin, another's list), PROTO
 * (malformed), LIMIT (too long), LIMIT_MEMORY; with one line in info, without the value.
 * @spec page 8 "Store", page 14 DAT-3
 */
enum pz_err pz_shared_accept(const struct pz_shared *shared, const struct pz_sync_kind *kind,
			     const struct pz_sync_chunk *chunk, const char *from,
			     struct pz_errinfo *info) PZ_MUST_USE;

/** Stores chunks that came in, as the item has them now (what it has not is removed). A failure is
 * logged, and all is stored again after PZ_STORE_AGAIN_US. @param keys array of strings */
void
pz_shared_received(struct pz_shared *shared, const struct pz_sync_kind *kind, const json_t *keys);
/** The store has more than memory: all is stored again, in the same way. @param why one line */
void pz_shared_rewrite(struct pz_shared *shared, const char *why);
/** The store is being emptied for good: nothing is stored again on its own. */
void pz_shared_end(struct pz_shared *shared);
/** It was not emptied after all. @param why one line */
void pz_shared_resume(struct pz_shared *shared, const char *why);
/** Tries that at once, if something waits for it. */
void pz_shared_save_again(struct pz_shared *shared);

/* ---- changes made here ---- */

/**
 * The end of a change.
 * @param err PZ_OK: it is on disk; otherwise it was undone, with the error of the commit
 */
typedef void (*pz_shared_done)(void *arg, enum pz_err err, const char *detail);

/**
 * Writes a value, or deletes it. It counts at once; `done` comes later.
 * @param value JSON text, borrowed; NULL: a deletion (also of what is not there: then nothing is
 * written, and done says OK)
 * @param done never called from inside this call; may be NULL
 * @param arg must live until then or until the shared data is freed
 * Errors: those of pz_shared_accept and of pz_sync_item_put; done is not called.
 */
enum pz_err
pz_shared_write(struct pz_shared *shared, enum pz_sync_id id, const char *key, const char *value,
		pz_shared_done done, void *arg, struct pz_errinfo *info) PZ_MUST_USE;
/** The value, borrowed until the next change; NULL: none, or deleted. */
const char *pz_shared_value(const struct pz_shared *shared, enum pz_sync_id id, const char *key);
/** The text of a value that is a JSON string, the caller frees; NULL: none. */
char *pz_shared_text(const struct pz_shared *shared, enum pz_sync_id id, const char *key);

/**
 * Forgets chunks without a deletion that is sent to others: from memory at once, from the disk
 * later.
 * @param keep NULL: all of the item; else those for which it is false
 */
void pz_shared_forget(struct pz_shared *shared, enum pz_sync_id id,
		      bool (*keep)(void *arg, const struct pz_sync_chunk *chunk), void *arg);
/**
 * Forgets one chunk in the same way, and calls `done` when it is gone from the disk.
 * @param done as for pz_shared_write; what could not be removed is back at once
 * Errors: NOTFOUND (no such chunk), LIMIT_MEMORY; done is not called.
 */
enum pz_err
pz_shared_forget_key(struct pz_shared *shared, enum pz_sync_id id, const char *key,
		     pz_shared_done done, void *arg, struct pz_errinfo *info) PZ_MUST_USE;

/* ---- the zone is left (page 2 "Revocation") ---- */

/**
 * Takes everything out of the store but, with keep_apps, what this device's own apps stored. From
 * then on nothing is tried again.
 * Errors: LIMIT_MEMORY.
 */
enum pz_err
pz_shared_wipe(struct pz_shared *shared, bool keep_apps, struct pz_txn *txn) PZ_MUST_USE;
/** The same again, where that has failed: what memory has by now takes the place of what is stored.
 * Errors: LIMIT_MEMORY. */
enum pz_err pz_shared_wipe_again(struct pz_shared *shared, struct pz_txn *txn) PZ_MUST_USE;
/** The same in memory, once that is durable (or failed: in memory we are out all the same). */
void pz_shared_wiped(struct pz_shared *shared, bool keep_apps);

#endif
