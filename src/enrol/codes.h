/* The enrolment codes of one zone: one without a device's name, and one for each of some names. */
#ifndef PZ_ENROL_CODES_H
#define PZ_ENROL_CODES_H

#include "enrol/code.h"

/** Zero-initialised is valid: none. A code keeps its place until another one takes it. */
struct pz_codes {
	struct pz_code *list[PZ_CODES_MAX];
};

/**
 * Issues a code. A live one for the same device's name, or of the same lack of one, is gone.
 * @param device only a device of this name may use it; NULL or "": any
 * @param out borrowed, until the next call that issues or cancels
 * @param out_replaced true: a live code was cancelled by this one
 * Errors: LIMIT (PZ_CODES_MAX are live), LIMIT_MEMORY. Nothing is cancelled then.
 * @spec page 3 "The code"
 */
enum pz_err pz_codes_issue(struct pz_codes *codes, const struct pz_env *env, const char *device,
			   unsigned ttl_s, struct pz_code **out, bool *out_replaced) PZ_MUST_USE;

/** The code that a device of this name uses: a live one for its name, else the one without a name,
 * live or not, else one for its name that has ended, else a live one for another name, which says
 * PZ_CODE_DEVICE. NULL: none. */
struct pz_code *pz_codes_find(struct pz_codes *codes, const struct pz_env *env, const char *device);
/** The code of this issue number, or NULL. */
struct pz_code *pz_codes_of_issue(struct pz_codes *codes, uint64_t issue);
/** True while one can be used. */
bool pz_codes_is_live(const struct pz_codes *codes, const struct pz_env *env);
/** Cancels all codes: wipes and frees them. */
void pz_codes_cancel_all(struct pz_codes *codes);

#endif
