/*
 * The keys by which the index lists children: a key is a hash of an attribute and of what a value
 * of it must be or have for a comparison to be true. Inside src/policy only. @spec page 9, 16
 */
#ifndef PZ_POLICY_INDEX_KEY_H
#define PZ_POLICY_INDEX_KEY_H

#include "policy/node.h"

#define PZ_POLICY_KEY_NONE SIZE_MAX /* a child that cannot be ruled out by any key */
#define PZ_POLICY_FNV_PRIME UINT64_C(0x100000001b3)

/** By which attributes a child may be listed. */
enum pz_policy_key_mask {
	PZ_POLICY_BY_FEATURE = 1,
	PZ_POLICY_BY_SUBJECT = 2,
	PZ_POLICY_BY_EITHER = 3
};

/** What of a value the key is made of: all of it, what it stands for, its ends, a part of it. */
enum pz_policy_key_kind {
	PZ_POLICY_BY_TEXT,
	PZ_POLICY_BY_IDENTITY,
	PZ_POLICY_BY_AFFIX,
	PZ_POLICY_BY_PART
};

/** Lengths of beginning and end, at most PZ_POLICY_AFFIX_MAX (match.h). */
struct pz_policy_pair {
	uint8_t prefix, suffix;
};

/** One key of a child. */
struct pz_policy_key {
	uint64_t hash;
	uint32_t child;
	uint16_t attribute;
	uint16_t macro; /* of an identity */
	enum pz_policy_key_kind kind;
	struct pz_policy_pair pair; /* by affix */
};

/** Begins the hash of a text of an attribute; each byte c follows as
 * (hash ^ c) * PZ_POLICY_FNV_PRIME. @param seed a macro, or another number for what is no text */
uint64_t pz_policy_key_start(enum pz_policy_attribute_id attribute, unsigned seed);
/** Ends it; never 0. */
uint64_t pz_policy_key_end(uint64_t hash);
/** The key of a whole text. */
uint64_t pz_policy_key_text(enum pz_policy_attribute_id attribute, struct pz_slice text);
/** The key of PZ_POLICY_PART_BYTES bytes somewhere in a value. */
uint64_t pz_policy_key_part(enum pz_policy_attribute_id attribute, const uint8_t *bytes);
/** Hashes of the first n bytes for each n up to `max`, into out[n]; with is_end of the last n. What
 * is longer than the text is left out. */
void pz_policy_key_affixes(struct pz_slice text, bool is_end, size_t max, uint64_t *out);
/** The key of a beginning and an end, from those hashes. */
uint64_t
pz_policy_key_pair(enum pz_policy_attribute_id attribute, uint64_t prefix, uint64_t suffix);

/** How many keys a child is listed under, by the attributes of `mask`. PZ_POLICY_KEY_NONE: they
 * cannot rule it out */
size_t pz_policy_key_count(const struct pz_policy_node *parent, const struct pz_policy_node *child,
			   enum pz_policy_key_mask mask);
/** Writes as many keys as pz_policy_key_count has counted; `child` of them is left at 0.
 * @return behind the last one */
struct pz_policy_key *
pz_policy_key_fill(const struct pz_policy_node *parent, const struct pz_policy_node *child,
		   enum pz_policy_key_mask mask, struct pz_policy_key *out);

#endif
