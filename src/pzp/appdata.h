/*
 * Inside pzp/ only: what apps store on this device (page 8 app-data, page 11 webinos.storage, seed
 * "Application Content"). Whoever calls has verified the origin: the control socket is its owner's,
 * a page's is the one that its browser tells.
 *
 * appdata.c what there is, how it changes, when it is cleared; appdata_commands.c `pzp data`.
 */
#ifndef PZ_PZP_APPDATA_H
#define PZ_PZP_APPDATA_H

#include "pzp/internal.h"
#include "store/keep.h"
#include "sync/chunk.h"
#include "zone/app_key.h"
#include "zone/shared.h"

struct appdata {
	struct pz_node *node;
	struct pz_list removals; /* of everything of an app, on their way to the disk */
	bool is_marked;          /* a session is under way that ends with a clearing */
	struct pz_keep keep;     /* while the store does not say so */
};

/** NULL: out of memory. */
struct appdata *appdata_new(struct pz_node *node);
/** Changes under way are told nothing any more. NULL is fine. */
void appdata_free(struct appdata *data);
/**
 * After the preferences were read. A session that a crash has ended is cleared up after now.
 * Errors: those of pz_store_load.
 */
enum pz_err appdata_start(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;

/* ---- one app's own (page 14 DAT-2) ---- */

/**
 * A value, borrowed until the next change.
 * Errors: NOTFOUND (no such key), those of pz_app_key_make.
 */
enum pz_err appdata_get(const struct pz_node *node, const char *origin, const char *key,
			const struct pz_sync_chunk **out, struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Stores a value. It counts at once, for other devices too where the user wants that
 * (sync.app-data), and is taken back when it cannot be stored.
 * @param value JSON text
 * @param done when it is on disk; never called from inside. @param arg freed by nobody
 * Errors: those of pz_app_key_make and of zonedata_write; LIMIT with the numbers (the value, the
 * app's share, the number of apps); done is not called.
 */
enum pz_err
appdata_set(struct pz_node *node, const char *origin, const char *key, const char *value,
	    pz_shared_done done, void *arg, struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Removes one value, or everything of the app. Others are told where it is synchronised, else
 * nothing is left of it.
 * @param key NULL: everything
 * @param done once, with the first failure; never called from inside
 * @param out_count how many there were
 * Errors: NOTFOUND (there is none), those of pz_app_key_make and of zonedata_write.
 */
enum pz_err
appdata_remove(struct pz_node *node, const char *origin, const char *key, pz_shared_done done,
	       void *arg, size_t *out_count, struct pz_errinfo *info) PZ_MUST_USE;

/** What an app has here, from all devices. */
struct appdata_usage {
	size_t keys;  /* with a value */
	size_t bytes; /* of keys and values */
};
/** @param origin a good one */
void appdata_usage(const struct pz_node *node, const char *origin, struct appdata_usage *out);
/**
 * The chunks of an app that have a value, in bytewise order of keys.
 * @param prefix of the app's keys, "": all. @param after the last one that was seen, or NULL
 * @return the next, borrowed until the next change; NULL: no more
 */
const struct pz_sync_chunk *
appdata_next(const struct pz_node *node, const char *origin, const char *prefix, const char *after);
/** The next app that stored something, after `after` (NULL: the first), in bytewise order. False:
 * no more. */
bool appdata_next_origin(const struct pz_node *node, const char *after, char out[PZ_APP_KEY_CHARS]);

/* ---- what happens ---- */

/** Another device changed something: watchers are told. @param keys array of strings */
void appdata_synchronised(struct pz_node *node, const json_t *keys);
/** A session with the hub or a peer has begun. */
void appdata_session_began(struct pz_node *node);
/** One has ended: where the user wants it (app.clear-on-disconnect) everything goes. @param with
 * address of its other end */
void appdata_session_ended(struct pz_node *node, const char *with);

/* ---- commands (page 12 "pzp data") ---- */

void appdata_list_command(struct pz_request *request);
void appdata_get_command(struct pz_request *request);
void appdata_set_command(struct pz_request *request);
void appdata_remove_command(struct pz_request *request);

#endif
