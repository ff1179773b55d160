/*
 * The rules of today's default policy that a document lacks which was made from an older one, and
 * the document with them. Rules are known by their ids; a rule that the owner has removed counts as
 * one that is missing, so a person decides. Pure. @spec page 9, 12
 */
#ifndef PZ_POLICIES_UPGRADE_H
#define PZ_POLICIES_UPGRADE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

#define PZ_UPGRADE_RULES_MAX 64 /* of a default policy */

/** A rule of the default that is missing. Borrowed from the default's text. */
struct pz_upgrade_rule {
	struct pz_slice id, effect, description; /* as written: without '&' in what we ship */
	struct pz_slice text;                    /* the element */
	struct pz_slice before;                  /* id of the rule that it goes before */
};

/**
 * Finds the rules of `standard` whose policy the document has, with a later rule of it, and which
 * themselves it lacks.
 * @param document valid
 * @param out room for PZ_UPGRADE_RULES_MAX, in the order of the default
 * @return how many
 */
size_t pz_policies_missing(struct pz_slice document, struct pz_slice standard,
			   struct pz_upgrade_rule *out);

/**
 * Puts these rules into the document, which otherwise stays as its owner wrote it: each before the
 * rule that follows it in the default, so behind the owner's own first rules.
 * @param out new document, NUL-terminated, that the caller frees
 * Errors: CONFIG (the result would not be valid), LIMIT (too long), LIMIT_MEMORY.
 */
enum pz_err pz_policies_upgrade(struct pz_slice document, const struct pz_upgrade_rule *rules,
				size_t count, char **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * The next tag of a document that is known to be valid; comments, CDATA sections and instructions
 * are no tags. @param at in: where to look; out: behind the tag, or the end of the text @param out
 * from its `<` to its `>`
 * @return false: there is no further one, and *out is untouched
 */
bool pz_policies_next_tag(struct pz_slice text, size_t *at, struct pz_slice *out);

#endif
