/* One element of a document in its JSON form: found by its id, added, replaced, removed. The result
 * is validated by its user. @spec page 9, 14 */
#ifndef PZ_MANAGE_ELEMENT_H
#define PZ_MANAGE_ELEMENT_H

#include <jansson.h>

#include "base/err.h"

/** Adds a policy or a set to a set. @param position among those of its kind, from 0; less than 0,
 * or more than there are: at the end @param element {"policy": {…}} or {"policy-set": {…}}
 * Errors: NOTFOUND (no such set), CONFIG (the element, or the set has the other kind). */
enum pz_err pz_policy_element_add(json_t *tree, const char *parent, json_int_t position,
				  json_t *element, struct pz_errinfo *info) PZ_MUST_USE;
/** Puts an element in the place of a policy or set. Errors: as add. */
enum pz_err pz_policy_element_update(json_t *tree, const char *id, json_t *element,
				     struct pz_errinfo *info) PZ_MUST_USE;
/** Removes a policy or set. Errors: NOTFOUND, DENIED (the last policy). */
enum pz_err
pz_policy_element_remove(json_t *tree, const char *id, struct pz_errinfo *info) PZ_MUST_USE;
/** Adds a rule to a policy. @param element {"rule": {…}} or what that holds
 * Errors: NOTFOUND, CONFIG. */
enum pz_err pz_policy_element_add_rule(json_t *tree, const char *policy, json_int_t position,
				       json_t *element, struct pz_errinfo *info) PZ_MUST_USE;
/** Removes a rule of a policy. Errors: NOTFOUND. */
enum pz_err pz_policy_element_remove_rule(json_t *tree, const char *policy, const char *rule,
					  struct pz_errinfo *info) PZ_MUST_USE;

#endif
