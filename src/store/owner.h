/*
 * For a process of root that works on the data directory of another user, such as `sudo pzh export`
 * while the system's hub is stopped (with DynamicUser= its user does not exist then). Files that it
 * makes there must belong to that user, or the daemon could not start any more.
 */
#ifndef PZ_STORE_OWNER_H
#define PZ_STORE_OWNER_H

#include <stdbool.h>

#include "base/err.h"

/** The user and group to return to. Zero-initialised: nothing was changed. */
struct pz_owner {
	bool is_other;
	unsigned gid;
};

/**
 * Takes on the effective user and group of a directory's owner, where this process is root's and
 * the directory is not. It continues reading what root may read: the way to the directory may be
 * closed to its owner (/var/lib/private). The whole process is concerned; threads that are started
 * later are, too.
 * @param dir need not exist: then nothing happens
 * Errors: DENIED_PERMISSION (the system does not allow it; nothing has changed).
 */
enum pz_err
pz_owner_become(const char *dir, struct pz_owner *out, struct pz_errinfo *info) PZ_MUST_USE;
/** Back to root, where pz_owner_become changed something. */
void pz_owner_return(struct pz_owner *owner);

#endif
