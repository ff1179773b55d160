/* Inside pzp/ only: the upkeep of a node (upkeep/upkeep.h), and what the node does for it. */
#ifndef PZ_PZP_UPKEEP_OPS_H
#define PZ_PZP_UPKEEP_OPS_H

#include "pzp/internal.h"

/** The upkeep with what this node gives it. NULL: out of memory. */
struct pz_upkeep *pz_node_upkeep_new(struct pz_node *node);

#endif
