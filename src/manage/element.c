/*
 * Changes of a policy in its JSON form: one element or rule is added, replaced or removed. tree.c
 * writes the tree back as a document and validates the whole, so the changes here need not check
 * everything.
 */
#include "manage/element.h"

#include <string.h>

#include "base/limits.h"
#include "wire/json.h"

#define POLICY "policy"
#define SET "policy-set"
#define RULE "rule"

/* The place of an element. */
struct place {
	json_t *in;       /* array, or the tree for the root */
	size_t index;     /* its position in the array */
	json_t *element;  /* NULL: not found */
	const char *kind; /* static */
};

static const char *
id_of(const json_t *element)
{
	const char *id = pz_json_str(json_object_get(element, "$"), "id");

	return id ? id : "";
}

static struct place
find_in(json_t *set, const char *id, unsigned depth)
{
	static const char *const kinds[] = {POLICY, SET};
	struct place found = {0};

	/* No document is deeper, and the tree was made from one; the bound costs nothing. */
	for (size_t k = 0; k < 2 && depth < PZ_POLICY_DEPTH_MAX; k++) {
		json_t *list = json_object_get(set, kinds[k]), *child;
		size_t i;
		json_array_foreach (list, i, child) {
			if (strcmp(id_of(child), id) == 0)
				return (struct place){list, i, child, kinds[k]};
			found = find_in(child, id, depth + 1);
			if (found.element)
				return found;
		}
	}
	return found;
}

static struct place
find(json_t *tree, const char *id)
{
	const char *kind = json_object_get(tree, SET) ? SET : POLICY;
	json_t *root = json_object_get(tree, kind);

	if (id[0] == '\0')
		return (struct place){0};
	if (strcmp(id_of(root), id) == 0)
		return (struct place){tree, 0, root, kind};
	return find_in(root, id, 0);
}

static enum pz_err
none(const char *what, const char *id, struct pz_errinfo *info)
{
	return pz_fail(info, PZ_ERR_NOTFOUND, "there is no %s with the id '%.80s'", what, id);
}

/* The one member of an element, and its kind. NULL: it does not have exactly one. */
static json_t *
open(json_t *element, const char **out_kind)
{
	*out_kind = json_object_get(element, SET) ? SET : POLICY;
	json_t *inside = json_object_get(element, *out_kind);

	return json_object_size(element) == 1 && json_is_object(inside) ? inside : NULL;
}

static enum pz_err
insert(json_t *parent, const char *kind, json_int_t position, json_t *child)
{
	json_t *list = json_object_get(parent, kind);

	if (list == NULL) {
		list = json_array();
		if (json_object_set_new(parent, kind, list) != 0)
			return PZ_ERR_LIMIT_MEMORY;
	}
	size_t len = json_array_size(list);
	size_t at = position < 0 || (size_t)position > len ? len : (size_t)position;
	return json_array_insert(list, at, child) == 0 ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

enum pz_err
pz_policy_element_add(json_t *tree, const char *parent, json_int_t position, json_t *element,
		      struct pz_errinfo *info)
{
	struct place p = find(tree, parent);
	const char *kind;
	json_t *inside = open(element, &kind);

	if (p.element == NULL || strcmp(p.kind, SET) != 0)
		return none(SET, parent, info);
	if (inside == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "the element must be a policy or a policy-set");
	/* JSON has one array for each kind, so it cannot express the order between policies and
	 * sets of one parent, which matters with first-applicable. */
	if (json_object_get(p.element, strcmp(kind, SET) == 0 ? POLICY : SET))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the set '%.80s' has elements of the other kind, and their order "
			       "would be lost",
			       parent);
	return insert(p.element, kind, position, inside);
}

enum pz_err
pz_policy_element_update(json_t *tree, const char *id, json_t *element, struct pz_errinfo *info)
{
	struct place p = find(tree, id);
	const char *kind;
	json_t *inside = open(element, &kind);

	if (p.element == NULL)
		return none("policy or set", id, info);
	if (inside == NULL || strcmp(kind, p.kind) != 0)
		return pz_fail(info, PZ_ERR_CONFIG, "'%.80s' is a %s, and so must the element be",
			       id, p.kind);
	int failed = p.in == tree ? json_object_set(tree, kind, inside)
				  : json_array_set(p.in, p.index, inside);
	return failed ? PZ_ERR_LIMIT_MEMORY : PZ_OK;
}

/* Policies below a set. */
static size_t
count(const json_t *set, unsigned depth)
{
	size_t n = json_array_size(json_object_get(set, POLICY)), i;
	json_t *child;

	if (depth < PZ_POLICY_DEPTH_MAX)
		json_array_foreach (json_object_get(set, SET), i, child)
			n += count(child, depth + 1);
	return n;
}

enum pz_err
pz_policy_element_remove(json_t *tree, const char *id, struct pz_errinfo *info)
{
	struct place p = find(tree, id);
	json_t *root = json_object_get(tree, SET);

	if (p.element == NULL)
		return none("policy or set", id, info);
	size_t goes = strcmp(p.kind, SET) == 0 ? count(p.element, 0) : 1;
	/* A document without a policy denies everything, and this API could not change it any
	 * more. */
	if (root == NULL || p.in == tree || goes >= count(root, 0))
		return pz_fail(info, PZ_ERR_DENIED, "'%.80s' is the last policy, which stays", id);
	return json_array_remove(p.in, p.index) == 0 ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

enum pz_err
pz_policy_element_add_rule(json_t *tree, const char *policy, json_int_t position, json_t *element,
			   struct pz_errinfo *info)
{
	struct place p = find(tree, policy);
	json_t *inside = json_object_get(element, RULE);

	if (p.element == NULL || strcmp(p.kind, POLICY) != 0)
		return none(POLICY, policy, info);
	if (!json_is_object(element))
		return pz_fail(info, PZ_ERR_CONFIG, "the element must be a rule");
	/* Two forms are accepted: the rule, or an object with the rule as its only member. */
	return insert(p.element, RULE, position, json_is_object(inside) ? inside : element);
}

enum pz_err
pz_policy_element_remove_rule(json_t *tree, const char *policy, const char *rule,
			      struct pz_errinfo *info)
{
	struct place p = find(tree, policy);
	json_t *list = json_object_get(p.element, RULE), *one;
	size_t i;

	if (p.element == NULL || strcmp(p.kind, POLICY) != 0)
		return none(POLICY, policy, info);
	json_array_foreach (list, i, one) {
		if (rule[0] && strcmp(id_of(one), rule) == 0)
			return json_array_remove(list, i) == 0 ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	}
	return none(RULE, rule, info);
}
