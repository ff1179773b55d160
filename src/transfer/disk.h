/*
 * Parts on a disk. What blocks runs as work (base/work.h).
 *
 * The temporary file is INBOX/.pzp-incoming/KEY. It is linked to its name, never renamed over
 * another file; while both names are there the file is placed and not yet noted, which a restart
 * shows by the number of its links: a file whose sender did not see the end is not there twice.
 */
#ifndef PZ_TRANSFER_DISK_H
#define PZ_TRANSFER_DISK_H

#include "base/work.h"
#include "transfer/part.h"

#define PZ_DISK_INCOMING ".pzp-incoming"

/** @param workers borrowed. Work under way when a part is closed ends by itself. */
struct pz_parts pz_disk_parts(const struct pz_workers *workers);

#endif
