/*
 * Who an app is, and the keys of what it stores (page 8 app-data, page 14 DAT-2).
 *
 * The key of a chunk is the app's origin, one space, and the app's own key. An origin has no space
 * in it, so the first space ends it: no app's key can look like one of another app.
 */
#ifndef PZ_SHARED_APP_KEY_H
#define PZ_SHARED_APP_KEY_H

#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

/** Size of a chunk's key, and so of both of its parts. */
#define PZ_APP_KEY_CHARS (PZ_SYNC_KEY_BYTES_MAX + 1)

/**
 * Checks that this is the origin of an app:
 *  - of a page: scheme "://" host [":" port] as RFC 6454 6.2 serialises it: lower case, an IPv6
 *    address in brackets, no port that is the scheme's own, nothing behind it;
 *  - of a program: 1 or more letters, digits, '.', '_' and '-', the first no sign. Not "null",
 *    which is what a browser calls all pages that have no origin.
 * Errors: CONFIG, with one line that says how it is written.
 */
enum pz_err pz_app_origin_check(const char *origin, struct pz_errinfo *info) PZ_MUST_USE;

/** Characters of an app's id. */
#define PZ_APP_ID_CHARS 32

/** The id of an app in addresses: the first 32 hex digits of SHA-256 of the origin, on every device
 * the same. */
void pz_app_id(struct pz_slice origin, char out[PZ_APP_ID_CHARS + 1]);

/**
 * The key of a chunk.
 * @param key the app's own: text without control characters
 * Errors: CONFIG (origin or key is malformed), LIMIT (both together are too long).
 */
enum pz_err pz_app_key_make(const char *origin, const char *key, char out[PZ_APP_KEY_CHARS],
			    struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Takes the key of a chunk apart.
 * @param out_origin,out_key may be NULL
 * Errors: NOTFOUND (it is not the key of an app's chunk).
 */
enum pz_err pz_app_key_split(const char *chunk_key, char out_origin[PZ_APP_KEY_CHARS],
			     const char **out_key, struct pz_errinfo *info) PZ_MUST_USE;

#endif
