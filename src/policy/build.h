/* The nodes of a document from its tree of elements: what words mean, and the rest of validation.
 */
#ifndef PZ_POLICY_BUILD_H
#define PZ_POLICY_BUILD_H

#include "policy/node.h"
#include "policy/xml.h"

/**
 * Builds what is below doc->root, doc->rule_count and doc->regexps.
 * @param doc with an arena; what was built is freed with it, also after a failure
 * Errors: CONFIG, LIMIT, LIMIT_MEMORY.
 */
enum pz_err pz_policy_build(struct pz_policy_document *doc, const struct pz_policy_xml *root,
			    struct pz_policy_fault *fault) PZ_MUST_USE;

/** Builds doc->dhp (dhp_build.c). Errors: CONFIG, LIMIT_MEMORY. */
enum pz_err pz_policy_dhp_build(struct pz_policy_document *doc, const struct pz_policy_xml *root,
				struct pz_policy_fault *fault) PZ_MUST_USE;
/** Builds the bindings of one element. Errors: CONFIG, LIMIT_MEMORY. */
enum pz_err
pz_policy_bindings_build(struct pz_policy_document *doc, const struct pz_policy_xml *xml,
			 struct pz_policy_node *node, struct pz_policy_fault *fault) PZ_MUST_USE;

#endif
