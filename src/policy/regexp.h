/* Regular expressions of policies: compiled at load, matched within bounds. The only user of PCRE2.
 * @spec page 9, 5.2 */
#ifndef PZ_POLICY_REGEXP_H
#define PZ_POLICY_REGEXP_H

#include "base/err.h"
#include "base/slice.h"

struct pz_policy_regexp;

/** What one decision may spend on regular expressions. Zero-initialised is a fresh one. */
struct pz_policy_regexp_run {
	void *scratch;  /* memory of the matcher, from the first match on */
	unsigned parts; /* of expressions that were tried */
};

/** Three-valued result of a match, condition or target. */
enum pz_policy_tri {
	PZ_POLICY_FALSE,
	PZ_POLICY_TRUE,
	PZ_POLICY_UNKNOWN, /* undetermined */
};

/**
 * Compiles an expression in the style of ECMAScript 3.
 * @param out owned by the caller
 * @param out_bytes memory that it takes
 * @param reason what is wrong and where, one line
 * Errors: CONFIG (does not compile), LIMIT_MEMORY.
 */
enum pz_err pz_policy_regexp_compile(struct pz_slice pattern, struct pz_policy_regexp **out,
				     size_t *out_bytes, struct pz_errinfo *reason) PZ_MUST_USE;
/** NULL is fine. */
void pz_policy_regexp_free(struct pz_policy_regexp *regexp);

/** Searches `value` for the expression. UNKNOWN: a bound was reached (PZ_POLICY_REGEXP_STEPS_MAX,
 * PZ_POLICY_REGEXP_PARTS_MAX), or memory is out, or the value is not UTF-8. */
enum pz_policy_tri pz_policy_regexp_search(const struct pz_policy_regexp *regexp,
					   struct pz_slice value, struct pz_policy_regexp_run *run);
/** Gives back what the run has allocated. */
void pz_policy_regexp_run_fini(struct pz_policy_regexp_run *run);

#endif
