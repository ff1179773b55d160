/* Synchronisation with the zone's devices (page 8). */
#ifndef PZ_HOSTED_SYNC_H
#define PZ_HOSTED_SYNC_H

#include "hosted/conn.h"

/** Readies the exchange on the zone's links. Errors: LIMIT_MEMORY. */
enum pz_err pz_hosted_sync_init(struct pz_hosted *zone) PZ_MUST_USE;
/** The link is live: its device may ask what has changed. Without memory it is not synchronised. */
void pz_hosted_sync_begin(struct pz_hosted_conn *conn);

#endif
