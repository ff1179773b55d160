/* The owner's policy of a zone that has none: packaging/policies/user.xml, as it was when the
 * program was built. @spec page 9, 12 */
#ifndef PZ_POLICIES_DEFAULT_H
#define PZ_POLICIES_DEFAULT_H

#include "base/slice.h"

/** Its text; static storage. */
struct pz_slice pz_policies_default(void);

#endif
