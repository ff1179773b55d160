/* Inside pzp/ only: the questions of a node (prompt/prompt.h), and what the node does for them:
 * other devices of the owner that may answer, and the calls that wait. @spec page 9, 11.3 */
#ifndef PZ_PZP_PROMPT_OPS_H
#define PZ_PZP_PROMPT_OPS_H

#include "pzp/internal.h"

struct pz_node_prompts;

/** Reads what was answered before. Errors: those of pz_prompts_new. */
enum pz_err pz_node_prompts_new(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;
/** After the peers and the requests. NULL is fine. */
void pz_node_prompts_free(struct pz_node_prompts *prompts);

/* ---- what happens ---- */

/** Preferences have changed. */
void pz_node_prompts_follow(struct pz_node *node);
/** A device has sent news, or its link has come or gone: it may be able to answer, or not any more.
 */
void pz_node_prompts_device(struct pz_node *node, const char *device);
/** A device has no direct link any more. @param address zone/device */
void pz_node_prompts_gone(struct pz_node *node, const char *address);
/** Devices have left the zone. */
void pz_node_prompts_drop_left(struct pz_node *node);
/** For pz_peers_ops.answers. @param arg the node */
bool pz_node_prompts_answers(void *arg);
/** For pz_peers_ops.prompt. @param arg the node */
bool
pz_node_prompts_on_prop(void *arg, const char *device, const char *status, const json_t *message);
/** Puts the removal of all answers into the transaction that leaves the zone. Errors: LIMIT_MEMORY.
 */
enum pz_err pz_node_prompts_wipe(const struct pz_node *node, struct pz_txn *txn) PZ_MUST_USE;
/** The zone was left. */
void pz_node_prompts_wiped(struct pz_node *node);

/* ---- for access ---- */

/** For pz_access_ops.ask. @param arg the node */
enum pz_access_answer pz_node_prompts_ask(void *arg, const struct pz_access_question *question);
/** For pz_access_ops.withdraw. @param arg the node */
void pz_node_prompts_withdraw(void *arg, uint64_t ticket);

/* ---- the commands ---- */

/** `prompts`. */
void pz_node_prompts_command(struct pz_request *request);
/** `prompt-answers`. */
void pz_node_prompt_answers_command(struct pz_request *request);

#endif
