/* The storage of private keys: a 0700 directory of 0600 files, a token, or memory (simulation). */
#ifndef PZ_X509_KEYSTORE_H
#define PZ_X509_KEYSTORE_H

#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "x509/key.h"

#define PZ_KEY_URI_MAX 512 /* bytes with NUL */

struct pz_keystore;

/**
 * Opens a directory of key files; makes it (0700, one level) when it is missing; removes temporary
 * files that a crash left over.
 * @param out the caller's, pz_keystore_free
 * Errors: DENIED_PERMISSION (the directory or a file in it can be used by group or others, or is
 * not ours; info names the path and the command that repairs it), CONFIG (not a directory, or the
 * path is too long for PZ_KEY_URI_MAX), IO, IO_FULL, LIMIT_MEMORY.
 * @spec page 2 "Key store", page 14 KEY-1, KEY-2
 */
enum pz_err pz_keystore_open_dir(const char *dir, struct pz_keystore **out,
				 struct pz_errinfo *info) PZ_MUST_USE;
/** A store in memory, empty. NULL: out of memory. */
struct pz_keystore *pz_keystore_new_memory(void);
/** NULL is fine. Keys that were handed out live on. */
void pz_keystore_free(struct pz_keystore *ks);
PZ_AUTO_DEFINE(struct pz_keystore, pz_keystore_free)

/**
 * Makes a key pair and stores it: random file name, temporary file, fsync, rename, fsync of the
 * directory. After success the key survives a crash.
 * @param type as pz_key_generate
 * @param out_uri "keys:<name>", which does not depend on the path of the directory, so it can be
 * moved ("mem:<n>" in memory)
 * @param out the caller's, pz_key_free; may be NULL
 * Errors: as pz_key_generate, IO, IO_FULL (disk, quota or file size limit).
 */
enum pz_err
pz_keystore_create(struct pz_keystore *ks, const char *type, char out_uri[PZ_KEY_URI_MAX],
		   struct pz_key **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Stores a key pair that was made elsewhere, as pz_keystore_create does.
 * @param key the store takes a reference or writes a copy
 * Errors: DENIED_WEAK, CRYPTO (public key only, or held in a token), IO, IO_FULL, LIMIT_MEMORY.
 */
enum pz_err pz_keystore_add(struct pz_keystore *ks, struct pz_key *key,
			    char out_uri[PZ_KEY_URI_MAX], struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Loads a key pair by URI through OpenSSL's store API, so that pkcs11: and others work where their
 * provider is installed. Files are checked like those of the directory, wherever they are. Older
 * versions used "file:<absolute path>": if the directory has a file of that name it is used, even
 * if the directory had another path then.
 * @param out the caller's, pz_key_free
 * Errors: NOTFOUND (also for a file of the directory that has no key in it any more: the text says
 * what to do), CONFIG (not a URI, or a relative path), DENIED_PERMISSION, DENIED_WEAK, CRYPTO
 * (no private key in it, or no provider for it), IO, LIMIT_MEMORY.
 */
enum pz_err pz_keystore_load(struct pz_keystore *ks, const char *uri, struct pz_key **out,
			     struct pz_errinfo *info) PZ_MUST_USE;

/** Deletes a key of this store. Errors: NOTFOUND (missing, or not a key of this store: those are
 * left alone), IO. */
enum pz_err pz_keystore_remove(struct pz_keystore *ks, const char *uri) PZ_MUST_USE;

/** The number of keys in the store: its own files, complete or not. A directory that cannot be read
 * counts as empty. */
size_t pz_keystore_count(const struct pz_keystore *ks);

/**
 * Deletes the store's own keys that nothing refers to (left over from a crash between making a key
 * and recording it). Files with names that the store did not make stay.
 * @param keep_uris may be NULL when count is 0
 * Errors: IO, LIMIT_MEMORY; continues to the end in any case.
 */
enum pz_err
pz_keystore_sweep(struct pz_keystore *ks, const char *const *keep_uris, size_t count) PZ_MUST_USE;

#endif
