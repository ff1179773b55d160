/* One match element against the values of its attribute. @spec page 9, 5 */
#ifndef PZ_POLICY_MATCH_H
#define PZ_POLICY_MATCH_H

#include "policy/node.h"
#include "policy/regexp.h"
#include "policy/request.h"

/** Result of a match. Undetermined: the attribute is, or a regular expression reached a bound. */
enum pz_policy_tri
pz_policy_match_evaluate(const struct pz_policy_match *match,
			 const struct pz_policy_request *request, struct pz_policy_regexp_run *run);

/** True when the whole value matches the pattern: '*' any bytes, '?' one byte. */
bool pz_policy_glob(struct pz_slice pattern, struct pz_slice value);
/** True for a pattern without '*' and '?'. */
bool pz_policy_glob_is_literal(struct pz_slice pattern);
/** The same with the rule of features: a pattern without '*' and '?' also covers what continues
 * with '.' or '/'. @spec page 9, 5.2 */
bool pz_policy_glob_feature(struct pz_slice pattern, struct pz_slice value);

#define PZ_POLICY_AFFIX_MAX 64 /* bytes of a beginning or end that are looked up */
#define PZ_POLICY_PART_BYTES 4 /* of a part in the middle */

/** What every value that a pattern with '*' or '?' covers has: these bytes at its beginning and at
 * its end, or where both are empty this part of PZ_POLICY_PART_BYTES somewhere. */
struct pz_policy_affix {
	struct pz_slice prefix, suffix, part;
};

/** Finds that. @return false: a value needs nothing of it (or the pattern has no '*' and no '?') */
bool pz_policy_glob_affix(struct pz_slice pattern, struct pz_policy_affix *out);

/** True when one of the values is what the macro stands for. @param macro not NONE */
bool pz_policy_macro_matches(enum pz_policy_macro macro, enum pz_policy_attribute_id attribute,
			     const struct pz_policy_bag *bag,
			     const struct pz_policy_identities *identities);

/** Reads 1 to 10 decimal digits. False: it is something else. */
bool pz_policy_number(struct pz_slice text, uint64_t *out);

#endif
