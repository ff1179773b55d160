/* Inside pzp/ only: the peers of a node, and what the node does for them. */
#ifndef PZ_PZP_PEER_OPS_H
#define PZ_PZP_PEER_OPS_H

#include "pzp/internal.h"

/** The peers with what this node gives them. NULL: out of memory. */
struct pz_peers *pz_node_peers_new(struct pz_node *node);

#endif
