/* Inside pzp/ only: the calls of a node (calls/calls.h), and what the node does for them. */
#ifndef PZ_PZP_CALLS_OPS_H
#define PZ_PZP_CALLS_OPS_H

#include "pzp/internal.h"

/** Makes node->calls with what this node gives them. Errors: LIMIT_MEMORY. */
enum pz_err pz_node_calls_new(struct pz_node *node) PZ_MUST_USE;

#endif
