/* Revocation lists that devices offer to a hub that was restored from a backup. */
#ifndef PZ_HOSTED_CRL_HISTORY_H
#define PZ_HOSTED_CRL_HISTORY_H

#include "hosted/conn.h"
#include "sync/item.h"

/**
 * A device offers a revocation list. A list that revokes more than ours is in force as soon as it
 * is stored; an older one is ignored. Errors: DENIED_* (not signed by this zone's CA), PROTO,
 * NOTFOUND (of another zone), LIMIT (too many lists wait).
 */
enum pz_err pz_hosted_crl_offered(struct pz_hosted_conn *conn, const struct pz_sync_chunk *chunk,
				  struct pz_errinfo *info) PZ_MUST_USE;

#endif
