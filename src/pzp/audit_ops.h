/* How the node fills and shows its log of decisions (audit/audit.h). */
#ifndef PZ_PZP_AUDIT_OPS_H
#define PZ_PZP_AUDIT_OPS_H

#include "pzp/internal.h"

struct pz_access_entry;

/** Makes node->audit and reads where the log ends. Errors: IO, LIMIT_MEMORY. */
enum pz_err pz_node_audit_new(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;
/** Records a decision: pz_access_ops.record. @param node struct pz_node */
void pz_node_audit_record(void *node, const struct pz_access_entry *entry);
/** The command `audit`. */
void pz_node_audit_command(struct pz_request *request);
/** The command `audit-verify`. */
void pz_node_audit_verify_command(struct pz_request *request);

#endif
