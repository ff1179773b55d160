/* Inside pzp/ only: the link to the hub of a node, and what the node does for it. */
#ifndef PZ_PZP_UPLINK_OPS_H
#define PZ_PZP_UPLINK_OPS_H

#include "pzp/internal.h"

/** The uplink with what this node gives it. NULL: out of memory. */
struct pz_uplink *pz_node_uplink_new(struct pz_node *node);

#endif
