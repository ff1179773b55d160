/*
 * Which children of a policy or set can apply to a request. A child that the index leaves out is
 * known to be inapplicable: some comparison that it needs, of api-feature or of a subject attribute
 * with a text, a pattern that has literal bytes, or a generic identity, is false. The results are
 * those of looking at every child, in the same order. @spec page 9, 16
 */
#ifndef PZ_POLICY_INDEX_H
#define PZ_POLICY_INDEX_H

#include "policy/node.h"
#include "policy/request.h"

#define PZ_POLICY_KEYS_MAX 96  /* texts of one request that are looked up; more: no index */
#define PZ_POLICY_LISTS_MAX 16 /* lists of children that one look-up merges; more: no index */

/** What a request is looked up by; filled once for a decision. */
struct pz_policy_keys {
	bool is_ready, is_unusable; /* unusable: every child is looked at */
	unsigned count;
	uint64_t hashes[PZ_POLICY_KEYS_MAX];
};

/** Walks over the children that can apply, in their order. */
struct pz_policy_cursor {
	const struct pz_policy_node *node;
	uint32_t at;    /* without lists: the next child */
	unsigned lists; /* 0: all children */
	bool is_listed;
	struct {
		const uint32_t *next, *end;
	} list[PZ_POLICY_LISTS_MAX];
};

/** Builds node->index for a policy or set, and for those below it. @return false: out of memory */
bool pz_policy_index_build(struct pz_arena *arena, struct pz_policy_node *node);

/** Begins to walk over the children of `node`. */
void pz_policy_index_start(struct pz_policy_cursor *cursor, const struct pz_policy_node *node,
			   struct pz_policy_keys *keys, const struct pz_policy_request *request);
/** The next child that can apply, or NULL. */
const struct pz_policy_node *pz_policy_index_next(struct pz_policy_cursor *cursor);

#endif
