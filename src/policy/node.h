/* What a document consists of once it is read. Internal; nothing in it changes afterwards. */
#ifndef PZ_POLICY_NODE_H
#define PZ_POLICY_NODE_H

#include "base/arena.h"
#include "policy/attribute.h"
#include "policy/grammar.h"

struct pz_policy_index;
struct pz_policy_regexp;
struct pz_policy_dhp;

struct pz_policy_pattern {
	struct pz_slice text;
	enum pz_policy_macro macro;
	uint64_t number;                 /* of a numeric function */
	struct pz_policy_regexp *regexp; /* of func regexp; borrowed from the document */
};

struct pz_policy_match {
	struct pz_policy_attribute attr;
	enum pz_policy_func func;
	bool is_hierarchy; /* the pattern covers what continues with '.' or '/' */
	bool is_any_day;   /* days-of-…, pattern "*" */
	size_t count;      /* of patterns, at least one */
	struct pz_policy_pattern *patterns;
};

/** One of the two is NULL. */
struct pz_policy_term {
	struct pz_policy_match *match;
	struct pz_policy_condition *condition;
};

struct pz_policy_condition {
	bool is_or;
	size_t count; /* at least one */
	struct pz_policy_term *terms;
};

struct pz_policy_subject {
	size_t count; /* at least one */
	struct pz_policy_match *matches;
};

enum pz_policy_kind {
	PZ_POLICY_KIND_SET,
	PZ_POLICY_KIND_POLICY,
	PZ_POLICY_KIND_RULE,
};

/** ProvisionalAction: a feature pattern and a PolicyId, in either order. */
struct pz_policy_binding {
	struct pz_slice a, b;
};

struct pz_policy_bindings {
	size_t count;
	struct pz_policy_binding *list;
};

/** A set, a policy or a rule. */
struct pz_policy_node {
	enum pz_policy_kind kind;
	const struct pz_policy_node *parent;
	unsigned position; /* among its siblings, from 1; 0: the root */
	unsigned line;
	struct pz_slice id, description; /* empty: none */

	/* sets and policies */
	enum pz_policy_combine combine;
	size_t subject_count;
	struct pz_policy_subject *subjects; /* of the target */
	size_t child_count;
	struct pz_policy_node *children;
	bool has_target_regexp;        /* of its own, or of one below it */
	struct pz_policy_index *index; /* NULL: few children, or none of them can be ruled out */

	/* rules */
	enum pz_policy_effect effect; /* deny where require-reauth cannot be met (page 9, 3.1) */
	struct pz_policy_condition *condition;

	size_t bindings_count; /* elements ProvisionalActions */
	struct pz_policy_bindings *bindings;
};

struct pz_policy_document {
	unsigned references;
	uint8_t sha256[32];
	struct pz_arena arena;
	struct pz_policy_node *root;
	size_t rule_count;
	struct pz_policy_dhp *dhp; /* preferences, in the arena; NULL: none */
	size_t regexp_count;
	struct pz_policy_regexp **regexps; /* owned */
};

#endif
