/* The commands of the slots: policy-list, policy-show, policy-set; and a change of the owner's
 * policy, which the hub decides. @spec page 9, 13; page 12 "pzp" */
#ifndef PZ_POLICIES_COMMANDS_H
#define PZ_POLICIES_COMMANDS_H

#include "command/request.h"
#include "policies/policies.h"

/** Each ends the request, at once or later. Parameters: the table of pzpd's commands. */
void pz_policies_list_command(struct pz_policies *policies, struct pz_request *request);
/** One slot with its document. */
void pz_policies_show_command(struct pz_policies *policies, struct pz_request *request);
/** Replaces the document of a slot. */
void pz_policies_set_command(struct pz_policies *policies, struct pz_request *request);

/** Decides the last requests by another document of a slot. */
void pz_policies_compare_command(struct pz_policies *policies, struct pz_request *request);

/** What a change of the owner's policy needs of the node. */
struct pz_policies_hub {
	struct pz_requests *requests; /* commands under way */
	/** True when the hub can be asked. */
	bool (*is_up)(void *arg);
	/** Sends a prop to the hub. @param message borrowed */
	void (*send)(void *arg, const char *status, json_t *message);
	void *arg;
};

/**
 * Sends a document to the hub, piece by piece, and ends the request when the hub has stored it and
 * it counts here, or has refused it.
 * @param hub borrowed for the life of the request
 * @param base sequence number that the change is based on
 * @param is_forced also when it locks the owner out
 */
void pz_policies_ask_hub(struct pz_policies *policies, const struct pz_policies_hub *hub,
			 struct pz_request *request, struct pz_slice document, uint64_t base,
			 bool is_forced);
/** The hub answers (prop `policyEdited`). */
void pz_policies_hub_answered(const struct pz_policies_hub *hub, const json_t *message);
/** The owner's slot has changed: a change that waits for it ends. */
void pz_policies_hub_changed(const struct pz_policies_hub *hub);
/** The link to the hub has ended: no answer comes any more. */
void pz_policies_hub_lost(const struct pz_policies_hub *hub);

#endif
