/* Which certificates count: the zone's CA and its revocation list, as TLS sees them. */
#ifndef PZ_HOSTED_TRUST_H
#define PZ_HOSTED_TRUST_H

#include "base/err.h"

struct pz_hosted;
struct pz_tls_ctx;
struct pz_trust;

struct pz_hosted_trust {
	struct pz_tls_ctx *link_ctx, *enrol_ctx, *friend_ctx; /* of new handshakes */
	struct pz_trust *anchors; /* own CA and CRL of now, and those of friends */
};

/** Makes new TLS contexts from the authority's certificates and revocation list; live links are
 * checked again. Errors: LIMIT_MEMORY, CRYPTO; the contexts of before stay then. */
enum pz_err pz_hosted_refresh_trust(struct pz_hosted *zone, struct pz_errinfo *info) PZ_MUST_USE;
/** Closes every link whose certificate is on the revocation list, also one that has not registered.
 */
void pz_hosted_close_revoked(struct pz_hosted *zone, const char *reason);
/** Frees the contexts. A zeroed zone is fine. */
void pz_hosted_trust_fini(struct pz_hosted *zone);

#endif
