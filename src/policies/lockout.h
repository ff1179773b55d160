/* Whether a document shuts the owner of the zone out. @spec page 9, 13 */
#ifndef PZ_POLICIES_LOCKOUT_H
#define PZ_POLICIES_LOCKOUT_H

#include <time.h>

#include "base/err.h"
#include "policy/document.h"

/**
 * Decides what the owner's own tools need most: that a device of the zone, without an app, may look
 * for services. A document that denies it, or says nothing of it, locks the owner out.
 * @param zone the owner's; @param device of the zone that asks; NULL: not known which
 * @param local time and date now; some documents permit at times only
 * Errors: DENIED (it locks the owner out; the detail says so), LIMIT_MEMORY.
 */
enum pz_err pz_policies_check_lockout(const struct pz_policy_document *document, const char *zone,
				      const char *device, const struct tm *local,
				      struct pz_errinfo *info) PZ_MUST_USE;

#endif
