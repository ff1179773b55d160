/* The seven results of an evaluation. @spec page 9, 6.1 */
#ifndef PZ_POLICY_EFFECT_H
#define PZ_POLICY_EFFECT_H

#include <stdbool.h>

/** Numbers as on the wire. */
enum pz_policy_effect {
	PZ_POLICY_PERMIT = 0,
	PZ_POLICY_DENY = 1,
	PZ_POLICY_PROMPT_ONESHOT = 2,
	PZ_POLICY_PROMPT_SESSION = 3,
	PZ_POLICY_PROMPT_BLANKET = 4,
	PZ_POLICY_UNDETERMINED = 5, /* cannot be decided */
	PZ_POLICY_INAPPLICABLE = 6, /* says nothing about the request */
};

/** Name as in documents, e.g. "prompt-oneshot"; static storage. */
const char *pz_policy_effect_name(enum pz_policy_effect effect);

#endif
