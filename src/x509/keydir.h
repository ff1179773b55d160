/* A directory of key files; the part of the key store that touches the disk. Not for other modules.
 */
#ifndef PZ_X509_KEYDIR_H
#define PZ_X509_KEYDIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/slice.h"

/* 32 random hex digits and ".pem". */
#define PZ_KEYDIR_NAME_BYTES 37

struct pz_keydir;

/** Opens the directory, creating it if missing, or refuses it. Errors as pz_keystore_open_dir. */
enum pz_err
pz_keydir_open(const char *dir, struct pz_keydir **out, struct pz_errinfo *info) PZ_MUST_USE;
/** Closes the directory; the files stay. NULL is fine. */
void pz_keydir_free(struct pz_keydir *kd);
PZ_AUTO_DEFINE(struct pz_keydir, pz_keydir_free)

/** Absolute path, borrowed. */
const char *pz_keydir_path(const struct pz_keydir *kd);

/** Writes a new file: temporary name, fsync, rename, fsync of the directory. Errors: IO, IO_FULL.
 * Nothing is left behind on failure. */
enum pz_err
pz_keydir_write(struct pz_keydir *kd, struct pz_slice content, char out_name[PZ_KEYDIR_NAME_BYTES],
		struct pz_errinfo *info) PZ_MUST_USE;
/** Errors: NOTFOUND, IO. */
enum pz_err pz_keydir_remove(struct pz_keydir *kd, const char *name) PZ_MUST_USE;
/** The number of files that the store made; 0 also for a directory that cannot be read. */
size_t pz_keydir_count(struct pz_keydir *kd);
/** Removes every file that the store made and `keep` does not want. Errors: IO (continues). */
enum pz_err pz_keydir_sweep(struct pz_keydir *kd, bool (*keep)(void *arg, const char *name),
			    void *arg) PZ_MUST_USE;

/** True for names that pz_keydir_write gives. */
bool pz_keydir_name_is_ours(const char *name);

/** Checks that this is a regular file that only our user can access. Errors: NOTFOUND,
 * DENIED_PERMISSION, IO. */
enum pz_err pz_keydir_check_file(const char *path, struct pz_errinfo *info) PZ_MUST_USE;

#endif
