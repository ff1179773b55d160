/* The data directory: private to its owner, and used by one daemon at a time. @spec page 14 ENR-12
 * and DAT-1 */
#ifndef PZ_STORE_LOCK_H
#define PZ_STORE_LOCK_H

#include "base/err.h"

/**
 * Makes the directory (0700, missing parents too), checks it and takes the lock <dir>/lock. The
 * lock ends when the descriptor is closed or the process dies; the file stays.
 * @param out_fd the caller closes it; untouched on failure
 * @param info may be NULL; says what to do
 * Errors: EXISTS (another process holds the lock; the detail has its name and pid),
 * DENIED_PERMISSION (not ours, or others have access), CONFIG (not a directory), IO, IO_FULL.
 * @spec page 12 "never run twice on one data directory", page 2 "Key store"
 */
enum pz_err pz_lock_data_dir(const char *dir, int *out_fd, struct pz_errinfo *info) PZ_MUST_USE;

#endif
