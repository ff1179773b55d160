/* How the node follows its policies (policies/policies.h), and the commands of the slots. */
#ifndef PZ_PZP_POLICIES_OPS_H
#define PZ_PZP_POLICIES_OPS_H

#include "policies/commands.h"
#include "pzp/internal.h"

/** Makes the slots and reads what is stored. Errors: LIMIT_MEMORY, IO. */
enum pz_err pz_node_policies_new(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;
/** The zone's policy has changed, or the zone: the owner's slot follows. */
void pz_node_policies_follow(struct pz_node *node);
/** The command `policy-list`. */
void pz_node_policy_list_command(struct pz_request *request);
/** The command `policy-show`. */
void pz_node_policy_show_command(struct pz_request *request);
/** The command `policy-set`. */
void pz_node_policy_set_command(struct pz_request *request);
/** The command `policy-compare`. */
void pz_node_policy_compare_command(struct pz_request *request);

#endif
