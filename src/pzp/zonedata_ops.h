/* Inside pzp/ only: the zone's data of a node (zonedata/zonedata.h), and what the node does when it
 * changes. */
#ifndef PZ_PZP_ZONEDATA_OPS_H
#define PZ_PZP_ZONEDATA_OPS_H

#include "pzp/internal.h"

/** The zone's data with what this node gives it. NULL: out of memory. */
struct pz_zonedata *pz_node_zonedata_new(struct pz_node *node);

#endif
