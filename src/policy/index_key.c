/*
 * A child is listed by keys: it can apply only when the request has one of them. For an `and` the
 * keys of one part suffice; an `or` needs those of all parts.
 */
#include "policy/index_key.h"

#include <stdlib.h>

#include "policy/match.h"

#define OPTION_KEYS_MAX 512 /* of one child: a longer list excludes little */

/* ---- hashes (FNV-1a; keys come from the document, so the owner picks them) ---- */

uint64_t
pz_policy_key_start(enum pz_policy_attribute_id attribute, unsigned seed)
{
	return (UINT64_C(0xcbf29ce484222325) ^ ((uint64_t)attribute << 8 | seed)) *
	       PZ_POLICY_FNV_PRIME;
}

uint64_t
pz_policy_key_end(uint64_t hash)
{
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

uint64_t
pz_policy_key_text(enum pz_policy_attribute_id attribute, struct pz_slice text)
{
	uint64_t hash = pz_policy_key_start(attribute, PZ_POLICY_MACRO_NONE);

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ text.ptr[i]) * PZ_POLICY_FNV_PRIME;
	return pz_policy_key_end(hash);
}

/* Seeds that differ from those of whole texts and identities. */
enum { SEED_AFFIX = 0x40, SEED_PART = 0x41 };

uint64_t
pz_policy_key_part(enum pz_policy_attribute_id attribute, const uint8_t *bytes)
{
	uint64_t hash = pz_policy_key_start(attribute, SEED_PART);

	for (size_t i = 0; i < PZ_POLICY_PART_BYTES; i++)
		hash = (hash ^ bytes[i]) * PZ_POLICY_FNV_PRIME;
	return pz_policy_key_end(hash);
}

/* Hashes of the first n bytes for each n up to `max`, in out[n]; of the last n bytes with `is_end`.
 */
void
pz_policy_key_affixes(struct pz_slice text, bool is_end, size_t max, uint64_t *out)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	out[0] = hash;
	for (size_t n = 0; n < max && n < text.len; n++) {
		hash = (hash ^ text.ptr[is_end ? text.len - 1 - n : n]) * PZ_POLICY_FNV_PRIME;
		out[n + 1] = hash;
	}
}

uint64_t
pz_policy_key_pair(enum pz_policy_attribute_id attribute, uint64_t prefix, uint64_t suffix)
{
	uint64_t hash = pz_policy_key_start(attribute, SEED_AFFIX);

	hash = (hash ^ prefix) * PZ_POLICY_FNV_PRIME;
	return pz_policy_key_end((hash ^ (suffix << 32 | suffix >> 32)) * PZ_POLICY_FNV_PRIME);
}

/* ---- the keys that a child needs ---- */

static bool
affix_key(enum pz_policy_attribute_id attribute, struct pz_slice pattern, struct pz_policy_key *out)
{
	uint64_t prefix[PZ_POLICY_AFFIX_MAX + 1], suffix[PZ_POLICY_AFFIX_MAX + 1];
	struct pz_policy_affix affix;

	if (!pz_policy_glob_affix(pattern, &affix))
		return false;
	if (affix.part.len) {
		out->kind = PZ_POLICY_BY_PART;
		out->hash = pz_policy_key_part(attribute, affix.part.ptr);
		return true;
	}
	pz_policy_key_affixes(affix.prefix, false, affix.prefix.len, prefix);
	pz_policy_key_affixes(affix.suffix, true, affix.suffix.len, suffix);
	out->kind = PZ_POLICY_BY_AFFIX;
	out->pair = (struct pz_policy_pair){(uint8_t)affix.prefix.len, (uint8_t)affix.suffix.len};
	out->hash =
		pz_policy_key_pair(attribute, prefix[affix.prefix.len], suffix[affix.suffix.len]);
	return true;
}

/* The key of one pattern. False: it can match values that have nothing in common. */
static bool
pattern_key(const struct pz_policy_match *match, const struct pz_policy_pattern *pattern,
	    struct pz_policy_key *out)
{
	enum pz_policy_attribute_id attribute = match->attr.id;

	*out = (struct pz_policy_key){.attribute = (uint16_t)attribute,
				      .macro = (uint16_t)pattern->macro};
	if (pattern->macro != PZ_POLICY_MACRO_NONE) {
		out->kind = PZ_POLICY_BY_IDENTITY;
		out->hash = pz_policy_key_end(pz_policy_key_start(attribute, pattern->macro));
		return pattern->macro != PZ_POLICY_MACRO_ANY;
	}
	if (match->func == PZ_POLICY_GLOB && !match->is_hierarchy &&
	    affix_key(attribute, pattern->text, out))
		return true;
	out->hash = pz_policy_key_text(attribute, pattern->text);
	return match->func == PZ_POLICY_EQUAL || match->is_hierarchy ||
	       (match->func == PZ_POLICY_GLOB && pz_policy_glob_is_literal(pattern->text));
}

/* A modifier compares a part of the value only, and an attribute outside of the table has no
 * number: neither can be looked up by the hash of the whole value. */
static bool
is_indexed(const struct pz_policy_match *match, enum pz_policy_key_mask mask)
{
	if (match->attr.modifier != PZ_POLICY_MODIFIER_NONE ||
	    match->attr.id == PZ_POLICY_ATTR_OTHER)
		return false;
	if (match->attr.category == PZ_POLICY_SUBJECT)
		return (mask & PZ_POLICY_BY_SUBJECT) != 0;
	return match->attr.id == PZ_POLICY_ATTR_API_FEATURE && (mask & PZ_POLICY_BY_FEATURE) != 0;
}

/* The keys of one match: one for each pattern, since any of them may match. A pattern without
 * literal bytes, or "any", can match every value, so such a match excludes nothing. */
static size_t
match_count(const struct pz_policy_match *match, enum pz_policy_key_mask mask)
{
	struct pz_policy_key key;

	if (!is_indexed(match, mask))
		return PZ_POLICY_KEY_NONE;
	for (size_t i = 0; i < match->count; i++)
		if (!pattern_key(match, &match->patterns[i], &key))
			return PZ_POLICY_KEY_NONE;
	return match->count;
}

/* If one part of an `or` cannot be excluded, the whole cannot. The bound keeps one child with
 * thousands of names from filling the index: evaluating it each time costs less. */
static size_t
add(size_t a, size_t b)
{
	return a == PZ_POLICY_KEY_NONE || b == PZ_POLICY_KEY_NONE || a + b > OPTION_KEYS_MAX
		       ? PZ_POLICY_KEY_NONE
		       : a + b;
}

static size_t
condition_count(const struct pz_policy_condition *condition, enum pz_policy_key_mask mask);

static size_t
term_count(const struct pz_policy_term *term, enum pz_policy_key_mask mask)
{
	return term->match ? match_count(term->match, mask)
			   : condition_count(term->condition, mask);
}

/* For an `and` the part with the fewest keys suffices, because the whole is false without it. An
 * undetermined part does not matter here: a part that is listed has a subject or the one feature of
 * the request, neither of which is undetermined (prepare), and an `and` with a false part is false.
 */
static size_t
condition_count(const struct pz_policy_condition *condition, enum pz_policy_key_mask mask)
{
	size_t count = condition->is_or ? 0 : PZ_POLICY_KEY_NONE;

	for (size_t i = 0; i < condition->count; i++) {
		size_t one = term_count(&condition->terms[i], mask);

		if (condition->is_or)
			count = add(count, one);
		else if (one < count)
			count = one;
	}
	return count;
}

static size_t
subject_count(const struct pz_policy_subject *subject, size_t *out_best)
{
	size_t count = PZ_POLICY_KEY_NONE;

	for (size_t i = 0; i < subject->count; i++) {
		size_t one = match_count(&subject->matches[i], PZ_POLICY_BY_SUBJECT);

		if (one < count) {
			count = one;
			*out_best = i;
		}
	}
	return count;
}

static size_t
target_count(const struct pz_policy_node *node)
{
	size_t count = node->subject_count ? 0 : PZ_POLICY_KEY_NONE, best;

	for (size_t i = 0; i < node->subject_count; i++)
		count = add(count, subject_count(&node->subjects[i], &best));
	return count;
}

/* Keys have to exclude all children of a policy or set. An undetermined target would count even if
 * none of its children applies, so a policy or set whose target can be undetermined is not indexed.
 */
static size_t node_count(const struct pz_policy_node *node, enum pz_policy_key_mask mask);

static size_t
children_count(const struct pz_policy_node *node, enum pz_policy_key_mask mask)
{
	size_t count = node->child_count && !node->has_target_regexp ? 0 : PZ_POLICY_KEY_NONE;

	for (size_t i = 0; i < node->child_count && count != PZ_POLICY_KEY_NONE; i++)
		count = add(count, node_count(&node->children[i], mask));
	return count;
}

/* A policy or set is skipped when its target is false, or when all its children are skipped. */
static size_t
node_count(const struct pz_policy_node *node, enum pz_policy_key_mask mask)
{
	size_t target, inside;

	if (node->kind == PZ_POLICY_KIND_RULE)
		return node->condition ? condition_count(node->condition, mask)
				       : PZ_POLICY_KEY_NONE;
	target = mask & PZ_POLICY_BY_SUBJECT ? target_count(node) : PZ_POLICY_KEY_NONE;
	inside = children_count(node, mask);
	return target < inside ? target : inside;
}

/* ---- and the keys themselves, by the same choices ---- */

static struct pz_policy_key *
match_keys(const struct pz_policy_match *match, struct pz_policy_key *out)
{
	for (size_t i = 0; i < match->count; i++, out++)
		(void)pattern_key(match, &match->patterns[i], out);
	return out;
}

static struct pz_policy_key *
condition_keys(const struct pz_policy_condition *condition, enum pz_policy_key_mask mask,
	       struct pz_policy_key *out)
{
	const struct pz_policy_term *best = NULL;
	size_t count = PZ_POLICY_KEY_NONE;

	for (size_t i = 0; i < condition->count; i++) {
		const struct pz_policy_term *term = &condition->terms[i];
		size_t one = term_count(term, mask);

		if (condition->is_or)
			out = term->match ? match_keys(term->match, out)
					  : condition_keys(term->condition, mask, out);
		else if (one < count) {
			count = one;
			best = term;
		}
	}
	if (best)
		out = best->match ? match_keys(best->match, out)
				  : condition_keys(best->condition, mask, out);
	return out;
}

static struct pz_policy_key *
target_keys(const struct pz_policy_node *node, struct pz_policy_key *out)
{
	for (size_t i = 0; i < node->subject_count; i++) {
		size_t best = 0;

		subject_count(&node->subjects[i], &best);
		out = match_keys(&node->subjects[i].matches[best], out);
	}
	return out;
}

/* Makes the same choices as node_count: the array has exactly room for the keys that were counted.
 */
static struct pz_policy_key *
node_keys(const struct pz_policy_node *node, enum pz_policy_key_mask mask,
	  struct pz_policy_key *out)
{
	if (node->kind == PZ_POLICY_KIND_RULE)
		return condition_keys(node->condition, mask, out);
	if ((mask & PZ_POLICY_BY_SUBJECT) && target_count(node) <= children_count(node, mask))
		return target_keys(node, out);
	for (size_t i = 0; i < node->child_count; i++)
		out = node_keys(&node->children[i], mask, out);
	return out;
}

/* In first-matching-target the target alone excludes a child. */
size_t
pz_policy_key_count(const struct pz_policy_node *parent, const struct pz_policy_node *child,
		    enum pz_policy_key_mask mask)
{
	if (parent->combine != PZ_POLICY_FIRST_MATCHING_TARGET)
		return node_count(child, mask);
	return mask == PZ_POLICY_BY_SUBJECT ? target_count(child) : PZ_POLICY_KEY_NONE;
}

struct pz_policy_key *
pz_policy_key_fill(const struct pz_policy_node *parent, const struct pz_policy_node *child,
		   enum pz_policy_key_mask mask, struct pz_policy_key *out)
{
	if (parent->combine != PZ_POLICY_FIRST_MATCHING_TARGET)
		return node_keys(child, mask, out);
	return target_keys(child, out);
}
