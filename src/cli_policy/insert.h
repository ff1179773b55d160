/*
 * A rule that is put into a document, which otherwise stays as its owner wrote it. It becomes the
 * first rule of the policy that decides about its caller now; the result is tried out before it is
 * given back. Pure.
 */
#ifndef PZ_CLI_POLICY_INSERT_H
#define PZ_CLI_POLICY_INSERT_H

#include "base/err.h"
#include "policies/rule.h"

/**
 * Puts the rule into a document.
 * @param now_s seconds since 1970
 * @param out new document, NUL-terminated, that the caller frees
 * Errors: CONFIG (the document is not valid, or is built in a way that such a rule would not decide
 * in), LIMIT, LIMIT_MEMORY.
 */
enum pz_err pz_rule_insert(const struct pz_rule *rule, struct pz_slice document, uint64_t now_s,
			   char **out, struct pz_errinfo *info) PZ_MUST_USE;

/** True when the document denies what the rule is about by a rule that is about that, not only for
 * want of another one (pz_policy_node_is_default): a share of one device does not change it. One
 * that is not valid denies. @param now_s seconds since 1970 */
bool pz_rule_is_denied(const struct pz_rule *rule, struct pz_slice document, uint64_t now_s);

/**
 * Removes the shares (is_share) for the same caller and service, with or without an end, as
 * pz_rule_insert has written them.
 * @param out_count how many there were; 0: *out is untouched
 * @param out new document, NUL-terminated, that the caller frees
 * Errors: CONFIG (the rest would not be valid), LIMIT_MEMORY.
 */
enum pz_err pz_rule_remove_shares(const struct pz_rule *rule, struct pz_slice document, char **out,
				  unsigned *out_count, struct pz_errinfo *info) PZ_MUST_USE;

#endif
