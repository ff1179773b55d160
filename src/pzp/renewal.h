/* Inside pzp/ only: renewal of the PZP TLS certificate (page 2). */
#ifndef PZ_PZP_RENEWAL_H
#define PZ_PZP_RENEWAL_H

#include "pzp/internal.h"

struct pz_renewal;

/** @param node outlives it. NULL: out of memory. */
struct pz_renewal *pz_renewal_new(struct pz_node *node);
/** NULL is fine. */
void pz_renewal_free(struct pz_renewal *renewal);
/** Checks now and each hour: the certificate, and the conditions that only time brings. */
void pz_renewal_start(struct pz_renewal *renewal);
/** Starts to renew the TLS certificate when it is time; the new one counts from the next link on.
 */
void pz_renewal_check(struct pz_renewal *renewal);

#endif
