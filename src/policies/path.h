/* Which element of a document has decided, as JSON for programs. */
#ifndef PZ_POLICIES_PATH_H
#define PZ_POLICIES_PATH_H

#include <jansson.h>

#include "policy/document.h"

/** The labels from the document's root down to this element. @param node NULL: no element has
 * decided, which gives an empty array. New; NULL: out of memory. */
json_t *pz_policies_path_json(const struct pz_policy_node *node);

#endif
