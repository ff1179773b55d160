/* The decision (PDP): a pure function of documents and request. @spec page 9, 2; page 9, 6 and 7;
 * page 9, 15 */
#ifndef PZ_POLICY_DECIDE_H
#define PZ_POLICY_DECIDE_H

#include "policy/document.h"
#include "policy/effect.h"
#include "policy/request.h"

enum pz_policy_slot {
	PZ_POLICY_SLOT_MANUFACTURER,
	PZ_POLICY_SLOT_EXCEPTIONS,
	PZ_POLICY_SLOT_USER,
	PZ_POLICY_SLOT_APP, /* counts when the request has an application's id */
	/* what this device grants: counts where the owner's document leaves a call open, in its
	 * place (page 9, 7.1) */
	PZ_POLICY_SLOT_GRANTS,
	PZ_POLICY_SLOTS,
};

/** The documents of the root policy. */
struct pz_policy_slots {
	const struct pz_policy_document *document[PZ_POLICY_SLOTS]; /* NULL: missing */
	bool is_corrupt[PZ_POLICY_SLOTS]; /* there is a document, and it is not valid; grants that
					     are not valid grant nothing */
};

enum pz_policy_decide_flags {
	PZ_POLICY_DHP = 1,   /* evaluate data-handling preferences */
	PZ_POLICY_PLAIN = 2, /* look at every element: the index is left out */
};

struct pz_policy_result {
	enum pz_policy_effect effect;
	/* that decided; NULL: none did, or the document is corrupt */
	const struct pz_policy_node *node;
	bool is_changing; /* an attribute was compared that is not lasting (attribute.h) */
	bool is_privacy;  /* it permits, but data-handling preferences are not satisfied */
};

struct pz_policy_decision {
	enum pz_policy_effect effect; /* permit, deny, or one of the prompts */
	int slot;                     /* enum pz_policy_slot that decided; -1: nothing applied */
	bool is_changing;             /* of one of the slots */
	struct pz_policy_result slots[PZ_POLICY_SLOTS];
};

/** Evaluates one document. @param flags of enum pz_policy_decide_flags */
struct pz_policy_result pz_policy_evaluate(const struct pz_policy_document *doc,
					   const struct pz_policy_request *request, unsigned flags);

/** Decides a request. Allocates only where a regular expression is tried. */
struct pz_policy_decision pz_policy_decide(const struct pz_policy_slots *slots,
					   const struct pz_policy_request *request, unsigned flags);

/** Name of a slot: "manufacturer", "exceptions", "user", "app", "grants". */
const char *pz_policy_slot_name(enum pz_policy_slot slot);

#endif
