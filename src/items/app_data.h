/*
 * What apps store on this device (page 8 app-data, page 11 webinos.storage, seed "Application
 * Content"). The caller has verified the origin: the control socket belongs to the owner of the
 * device, the origin of a page is the one that its browser sends.
 */
#ifndef PZ_ITEMS_APP_DATA_H
#define PZ_ITEMS_APP_DATA_H

#include "command/request.h"
#include "items/items.h"
#include "shared/app_key.h"
#include "sync/chunk.h"

/**
 * Loads whether a crash has ended a session, and clears its data if the user wants that. Called
 * once, after pz_user_prefs_load.
 * Errors: those of pz_store_load.
 */
enum pz_err pz_app_data_start(struct pz_items *items, struct pz_errinfo *info) PZ_MUST_USE;

/* ---- one app's own (page 14 DAT-2) ---- */

/**
 * A value, borrowed until the next change.
 * Errors: NOTFOUND (no such key), those of pz_app_key_make.
 */
enum pz_err pz_app_data_get(const struct pz_items *items, const char *origin, const char *key,
			    const struct pz_sync_chunk **out, struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Stores a value. It counts at once, for other devices too where the user wants that
 * (sync.app-data), and is undone when it cannot be stored.
 * @param value JSON text
 * @param done when it is on disk; never called from inside
 * @param arg must live until then or until the items are freed
 * Errors: those of pz_app_key_make and of pz_items_write; LIMIT with the numbers (the value, the
 * app's share, the number of apps); done is not called.
 */
enum pz_err
pz_app_data_set(struct pz_items *items, const char *origin, const char *key, const char *value,
		pz_shared_done done, void *arg, struct pz_errinfo *info) PZ_MUST_USE;
/** A running removal. */
struct pz_app_data_removal {
	pz_shared_done done; /* called once, with the first failure; never from inside */
	void *arg;
	size_t left; /* keys that the disk has not confirmed */
	enum pz_err err;
	struct pz_errinfo info;
};

/**
 * Removes one value, or everything of the app. Other devices receive the removal where apps' data
 * is synchronised, else nothing is left of it.
 * @param key NULL: everything
 * @param removal must live until its `done` was called or until the items are freed
 * @param out_count how many values are removed
 * Errors: NOTFOUND (no such value), those of pz_app_key_make and of pz_items_write; done is not
 * called.
 */
enum pz_err pz_app_data_remove(struct pz_items *items, const char *origin, const char *key,
			       struct pz_app_data_removal *removal, size_t *out_count,
			       struct pz_errinfo *info) PZ_MUST_USE;

/** What an app has here, from all devices. */
struct pz_app_data_usage {
	size_t keys;  /* with a value */
	size_t bytes; /* of keys and values */
};
/** Counts what an app has. @param origin a valid one */
void
pz_app_data_usage(const struct pz_items *items, const char *origin, struct pz_app_data_usage *out);
/**
 * The chunks of an app that have a value, in bytewise order of keys.
 * @param prefix of the app's keys, "": all. @param after the last one that was seen, or NULL
 * @return the next, borrowed until the next change; NULL: no more
 */
const struct pz_sync_chunk *pz_app_data_next(const struct pz_items *items, const char *origin,
					     const char *prefix, const char *after);
/** The next app that stored something, after `after` (NULL: the first), in bytewise order. False:
 * no more. */
bool pz_app_data_next_origin(const struct pz_items *items, const char *after,
			     char out[PZ_APP_KEY_CHARS]);

/* ---- what happens ---- */

/** The last session of an app on this device has ended: what it stored is removed here where the
 * user wants it (app.clear-on-disconnect). */
void pz_app_data_app_ended(struct pz_items *items, const char *origin);
/** Changes of other devices were received: programs that watch receive them as events. @param keys
 * array of strings */
void pz_app_data_synchronised(struct pz_items *items, const json_t *keys);
/** A session with the hub or a peer, or one of an app, has begun. */
void pz_app_data_session_began(struct pz_items *items);
/** A session has ended: everything is removed where the user wants it
 * (app.clear-on-disconnect). @param with address of its other end */
void pz_app_data_session_ended(struct pz_items *items, const char *with);

/* ---- commands (page 12 "pzp data") ---- */

/** The command `data-list`: params origin?, prefix?, after?. */
void pz_app_data_list_command(struct pz_items *items, struct pz_request *request);
/** The command `data-get`: params origin, key. */
void pz_app_data_get_command(struct pz_items *items, struct pz_request *request);
/** The command `data-set`: params origin, key, value. */
void pz_app_data_set_command(struct pz_items *items, struct pz_request *request);
/** The command `data-remove`: params origin, key?. */
void pz_app_data_remove_command(struct pz_items *items, struct pz_request *request);

#endif
