/* What ends when in a zone, and the conditions that come of it. */
#ifndef PZ_HOSTED_DATES_H
#define PZ_HOSTED_DATES_H

#include "hosted/zone.h"

/** {tls, ca, crl}: days that certificates and revocation list have left, negative when they have
 * ended. New. */
json_t *pz_hosted_days_left(const struct pz_hosted *zone);
/** Raises or clears the condition that a renewal failed. @param failure why; "": it did not */
void pz_hosted_renewal_ended(struct pz_hosted *zone, const char *failure);
/** Raises and clears the conditions that time and a move bring. */
void pz_hosted_check_conditions(const struct pz_hosted *zone);

#endif
