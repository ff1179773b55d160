/*
 * A policy document as JSON, and back: attributes under "$", children as arrays by name, text under
 * "_". A set whose policies and sets are mixed is exported with each policy in a separate set, so
 * that their order is kept.
 * @spec page 9, 14.1
 */
#ifndef PZ_MANAGE_TREE_H
#define PZ_MANAGE_TREE_H

#include <jansson.h>

#include "policy/document.h"

/** @param out new object with one member, the root
 * Errors: CONFIG (not valid; in fault), LIMIT, LIMIT_MEMORY. */
enum pz_err pz_policy_tree_from_text(struct pz_slice text, json_t **out,
				     struct pz_policy_fault *fault) PZ_MUST_USE;
/** @param out text that the caller frees; it is not validated
 * Errors: PROTO_MEMBER (not of that form), LIMIT (depth or size), LIMIT_MEMORY. */
enum pz_err
pz_policy_tree_to_text(const json_t *tree, char **out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
