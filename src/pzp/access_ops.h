/* Inside pzp/ only: who may do what on this node (access/access.h). */
#ifndef PZ_PZP_ACCESS_OPS_H
#define PZ_PZP_ACCESS_OPS_H

#include "pzp/internal.h"

/** Makes node->access, which decides by node->policies. Errors: LIMIT_MEMORY. */
enum pz_err pz_node_access_new(struct pz_node *node) PZ_MUST_USE;

/** The command `policy-why`. */
void pz_node_why_command(struct pz_request *request);

#endif
