/* Limits how often one caller may prompt a person: one that was denied again and again waits,
 * longer each time. @spec page 9, 11.6; page 14 PRM-5 */
#ifndef PZ_PROMPT_PATIENCE_H
#define PZ_PROMPT_PATIENCE_H

#include "base/timer.h"
#include "prompt/key.h"

/** One caller that was denied. */
struct pz_patience_entry {
	struct pz_prompt_key key; /* of its last question */
	unsigned denials;         /* in a row; 0: the entry is free */
	uint64_t last_us, until_us;
};

/** Those that were denied last. Zeroed: none. */
struct pz_patience {
	struct pz_patience_entry entries[PZ_PROMPT_PATIENCE_MAX];
};

/** True while the caller has to wait. @param now_us monotonic */
bool
pz_patience_is_over(struct pz_patience *patience, const struct pz_prompt_key *key, uint64_t now_us);
/** A question of the caller has ended with a no, or with nothing. */
void
pz_patience_denied(struct pz_patience *patience, const struct pz_prompt_key *key, uint64_t now_us);
/** A question of the caller has ended with a yes: all is forgiven. */
void pz_patience_allowed(struct pz_patience *patience, const struct pz_prompt_key *key);

#endif
