/* What the node does for files from device to device (transfer/transfer.h). */
#ifndef PZ_PZP_FILE_OPS_H
#define PZ_PZP_FILE_OPS_H

#include "pzp/internal.h"

/** Makes node->transfers; after items, calls and peers. Errors: those of pz_transfers_new. */
enum pz_err pz_node_transfers_new(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;

#endif
