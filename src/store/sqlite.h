/* The store on disk: one SQLite file, written by a thread of its own. */
#ifndef PZ_STORE_SQLITE_H
#define PZ_STORE_SQLITE_H

#include "store/store.h"

/**
 * Opens the file, made when missing (0600; its directory must exist), checks it, brings its schema
 * up to date and starts the store's thread. All waiting commits become one SQLite transaction.
 * @param path not NULL
 * @param wake called on the store's thread when pz_store_poll has something to do; must only signal
 * (uv_async_send, eventfd); may be NULL
 * @param wake_arg must live until pz_store_free has returned
 * @param out the caller frees it with pz_store_free; untouched on failure
 * @param info may be NULL; names the file and says what to do
 * Errors: DENIED_PERMISSION (not ours, or others have access), CONFIG (some other program's file,
 * or the schema is newer than this program), IO (damaged, unreadable), IO_FULL, IO_TIMEOUT (locked
 * by another process), LIMIT_MEMORY.
 * @spec page 8 "Store"
 */
enum pz_err pz_store_open_sqlite(const char *path, void (*wake)(void *arg), void *wake_arg,
				 struct pz_store **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * For a start that finds keys: a store that is missing, or was never written to, has been lost
 * then, and with an empty one in its place the keys would be removed as left over. Creates no file,
 * and changes nothing in a lost one.
 * @param path as for pz_store_open_sqlite, before it
 * @param keys where the keys are, for the message
 * @param info may be NULL; names the file and says what to do
 * Errors: NOTFOUND (lost). Other faults of the file are found when it is opened.
 * @spec page 8 "Store"
 */
enum pz_err
pz_store_check_not_lost(const char *path, const char *keys, struct pz_errinfo *info) PZ_MUST_USE;

#endif
