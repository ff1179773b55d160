/* Two machines with one identity: how that shows, and the condition. */
#ifndef PZ_HOSTED_CLONE_H
#define PZ_HOSTED_CLONE_H

#include "hosted/conn.h"

/** The link is about to be replaced by a newer one of its device. */
void pz_hosted_clone_replaced(struct pz_hosted_conn *older);
/** The device has named the start of it that is connected (member->instance). */
void pz_hosted_clone_named(struct pz_hosted_conn *conn);
/** Drops old entries, and clears the condition. */
void pz_hosted_clone_clean(struct pz_hosted *zone);
/** The device is out of the zone. */
void pz_hosted_clone_forget(struct pz_hosted *zone, const char *device);
/** Frees all. A zeroed zone is fine. */
void pz_hosted_clone_fini(struct pz_hosted *zone);

#endif
