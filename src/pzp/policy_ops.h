/* Inside pzp/ only: who may do what on this node: the slots, the questions, the log, and what
 * judges calls by them. */
#ifndef PZ_PZP_POLICY_OPS_H
#define PZ_PZP_POLICY_OPS_H

#include "asking/asking.h"
#include "policies/commands.h"
#include "pzp/internal.h"

/** Makes the slots and reads what is stored. Errors: LIMIT_MEMORY, IO. */
enum pz_err pz_node_policies_new(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;
/** The zone's policy has changed, or the zone: the owner's slot follows. */
void pz_node_policies_follow(struct pz_node *node);
/** Makes node->judge.audit and reads where the log ends. Errors: IO, LIMIT_MEMORY. */
enum pz_err pz_node_audit_new(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;
/** Makes node->judge.access, which decides by node->judge.policies. Errors: LIMIT_MEMORY. */
enum pz_err pz_node_access_new(struct pz_node *node) PZ_MUST_USE;
/** Makes node->judge.asking. The calls and the items are there already. Errors: those of
 * pz_asking_new.
 */
enum pz_err pz_node_asking_new(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;

/* ---- commands ---- */

/** The command `policy-list`. */
void pz_node_policy_list_command(struct pz_request *request);
/** The command `policy-show`. */
void pz_node_policy_show_command(struct pz_request *request);
/** The command `policy-set`. */
void pz_node_policy_set_command(struct pz_request *request);
/** The command `policy-compare`. */
void pz_node_policy_compare_command(struct pz_request *request);
/** The command `grant`. */
void pz_node_grant_command(struct pz_request *request);
/** The command `grant-remove`. */
void pz_node_grant_remove_command(struct pz_request *request);
/** The command `app-install`. */
void pz_node_app_install_command(struct pz_request *request);
/** The command `app-show`. */
void pz_node_app_show_command(struct pz_request *request);
/** The command `app-remove`. */
void pz_node_app_remove_command(struct pz_request *request);
/** The command `policy-why`. */
void pz_node_why_command(struct pz_request *request);
/** The command `prompts`. */
void pz_node_prompts_command(struct pz_request *request);
/** The command `prompt-answers`. */
void pz_node_prompt_answers_command(struct pz_request *request);
/** The command `audit`. */
void pz_node_audit_command(struct pz_request *request);
/** The command `audit-verify`. */
void pz_node_audit_verify_command(struct pz_request *request);

/** pz_calls_ops.builtin: the management of policies. @param arg struct pz_node */
bool pz_node_builtin(void *arg, struct pz_call *call, const char *object, const char *function,
		     const json_t *params);
/** pz_calls_ops.builtin_ended. */
void pz_node_builtin_ended(void *arg, struct pz_call *call);

#endif
