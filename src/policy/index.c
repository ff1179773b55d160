/*
 * A key is a hash of attribute and text. A child is listed under keys such that it can only apply
 * when the request has one of them: of an `and` the keys of one part are enough, of an `or` those
 * of all parts together. Two texts with one hash cost an evaluation that finds nothing; they change
 * no result. Where a child could be listed by its feature or by its subject, it is listed where
 * fewer others are.
 */
#include "policy/index.h"

#include <stdlib.h>

#include "policy/match.h"

#define CHILDREN_MIN 6      /* fewer are looked at one by one in less time */
#define NONE SIZE_MAX       /* cannot be ruled out by any key */
#define OPTION_KEYS_MAX 512 /* of one child: a list that is longer rules out little */

enum mask { BY_FEATURE = 1, BY_SUBJECT = 2, BY_EITHER = 3 };

struct bucket {
	uint64_t hash; /* 0: no bucket */
	uint32_t start, count;
};

struct identity {
	enum pz_policy_attribute_id attribute;
	enum pz_policy_macro macro;
	uint32_t start, count;
};

struct pz_policy_index {
	const uint32_t *positions; /* of children; the buckets are parts of it */
	uint32_t always;           /* the first ones are always looked at */
	uint32_t mask;
	struct bucket *buckets;
	uint32_t identity_count;
	struct identity *identities;
};

/* ---- hashes (FNV-1a; keys come from the document, so the owner picks them) ---- */

#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t
hash_start(enum pz_policy_attribute_id attribute, enum pz_policy_macro macro)
{
	return (UINT64_C(0xcbf29ce484222325) ^ ((uint64_t)attribute << 8 | (uint64_t)macro)) *
	       FNV_PRIME;
}

static uint64_t
hash_end(uint64_t hash)
{
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

static uint64_t
hash_text(enum pz_policy_attribute_id attribute, struct pz_slice text)
{
	uint64_t hash = hash_start(attribute, PZ_POLICY_MACRO_NONE);

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ text.ptr[i]) * FNV_PRIME;
	return hash_end(hash);
}

/* ---- the keys that a child needs ---- */

struct key {
	uint64_t hash;
	uint32_t child;
	uint16_t attribute; /* of an identity */
	uint16_t macro;
};

/*
 * The text that a value has to have, as a whole or (of a feature) before a '.' or '/'. A pattern of
 * features with a '*' or '?' needs what is before the last separator in front of it.
 */
static bool
key_text(const struct pz_policy_match *match, const struct pz_policy_pattern *pattern,
	 struct pz_slice *out)
{
	size_t n = 0;

	*out = pattern->text;
	if (match->func == PZ_POLICY_EQUAL || match->is_hierarchy)
		return true;
	if (match->func != PZ_POLICY_GLOB)
		return false;
	while (n < out->len && out->ptr[n] != '*' && out->ptr[n] != '?')
		n++;
	if (n == out->len)
		return true;
	while (n > 0 && out->ptr[n] != '.' && out->ptr[n] != '/')
		n--;
	out->len = n;
	return n > 0 && match->attr.id == PZ_POLICY_ATTR_API_FEATURE;
}

/* A modifier compares a part of the value only, and an attribute outside of the table has no
 * number: neither can be looked up by the hash of the whole value. */
static bool
is_indexed(const struct pz_policy_match *match, enum mask mask)
{
	if (match->attr.modifier != PZ_POLICY_MODIFIER_NONE ||
	    match->attr.id == PZ_POLICY_ATTR_OTHER)
		return false;
	if (match->attr.category == PZ_POLICY_SUBJECT)
		return (mask & BY_SUBJECT) != 0;
	return match->attr.id == PZ_POLICY_ATTR_API_FEATURE && (mask & BY_FEATURE) != 0;
}

/* The keys that one match needs: one for each pattern, since any of them may be the one that is
 * true. A pattern without a fixed text, or "any", can be true for every value, so the match
 * rules out nothing. */
static size_t
match_count(const struct pz_policy_match *match, enum mask mask)
{
	if (!is_indexed(match, mask))
		return NONE;
	for (size_t i = 0; i < match->count; i++) {
		const struct pz_policy_pattern *pattern = &match->patterns[i];

		struct pz_slice text;

		if (pattern->macro == PZ_POLICY_MACRO_ANY ||
		    (pattern->macro == PZ_POLICY_MACRO_NONE && !key_text(match, pattern, &text)))
			return NONE;
	}
	return match->count;
}

/* Where one part of an `or` cannot be ruled out, the whole cannot. The bound keeps one child
 * with thousands of names from filling the index: looking at it each time costs less. */
static size_t
add(size_t a, size_t b)
{
	return a == NONE || b == NONE || a + b > OPTION_KEYS_MAX ? NONE : a + b;
}

static size_t condition_count(const struct pz_policy_condition *condition, enum mask mask);

static size_t
term_count(const struct pz_policy_term *term, enum mask mask)
{
	return term->match ? match_count(term->match, mask)
			   : condition_count(term->condition, mask);
}

/* Of an `and` the part with the fewest keys is enough, because the whole is false without it.
 * An undetermined part does not matter here: a part that is listed has a subject or the one
 * feature of the request, neither of which is undetermined (prepare), and an `and` with a false
 * part is false. */
static size_t
condition_count(const struct pz_policy_condition *condition, enum mask mask)
{
	size_t count = condition->is_or ? 0 : NONE;

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
	size_t count = NONE;

	for (size_t i = 0; i < subject->count; i++) {
		size_t one = match_count(&subject->matches[i], BY_SUBJECT);

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
	size_t count = node->subject_count ? 0 : NONE, best;

	for (size_t i = 0; i < node->subject_count; i++)
		count = add(count, subject_count(&node->subjects[i], &best));
	return count;
}

/* All children of a policy or set have to be ruled out by keys. An undetermined target would count
 * although nothing below it applies, so that one must not be possible. */
static size_t node_count(const struct pz_policy_node *node, enum mask mask);

static size_t
children_count(const struct pz_policy_node *node, enum mask mask)
{
	size_t count = node->child_count && !node->has_target_regexp ? 0 : NONE;

	for (size_t i = 0; i < node->child_count && count != NONE; i++)
		count = add(count, node_count(&node->children[i], mask));
	return count;
}

/* A policy or set is left out when its target is false, or when all that is in it is. */
static size_t
node_count(const struct pz_policy_node *node, enum mask mask)
{
	size_t target, inside;

	if (node->kind == PZ_POLICY_KIND_RULE)
		return node->condition ? condition_count(node->condition, mask) : NONE;
	target = mask & BY_SUBJECT ? target_count(node) : NONE;
	inside = children_count(node, mask);
	return target < inside ? target : inside;
}

/* ---- and the keys themselves, by the same choices ---- */

static struct key *
match_keys(const struct pz_policy_match *match, struct key *out)
{
	for (size_t i = 0; i < match->count; i++, out++) {
		const struct pz_policy_pattern *pattern = &match->patterns[i];

		struct pz_slice text;

		out->attribute = (uint16_t)match->attr.id;
		out->macro = (uint16_t)pattern->macro;
		out->hash = hash_end(hash_start(match->attr.id, pattern->macro));
		if (pattern->macro == PZ_POLICY_MACRO_NONE && key_text(match, pattern, &text))
			out->hash = hash_text(match->attr.id, text);
	}
	return out;
}

static struct key *
condition_keys(const struct pz_policy_condition *condition, enum mask mask, struct key *out)
{
	const struct pz_policy_term *best = NULL;
	size_t count = NONE;

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

static struct key *
target_keys(const struct pz_policy_node *node, struct key *out)
{
	for (size_t i = 0; i < node->subject_count; i++) {
		size_t best = 0;

		subject_count(&node->subjects[i], &best);
		out = match_keys(&node->subjects[i].matches[best], out);
	}
	return out;
}

/* Chooses as node_count has chosen: what is written here must be as many keys as were counted,
 * for the array has that size. */
static struct key *
node_keys(const struct pz_policy_node *node, enum mask mask, struct key *out)
{
	if (node->kind == PZ_POLICY_KIND_RULE)
		return condition_keys(node->condition, mask, out);
	if ((mask & BY_SUBJECT) && target_count(node) <= children_count(node, mask))
		return target_keys(node, out);
	for (size_t i = 0; i < node->child_count; i++)
		out = node_keys(&node->children[i], mask, out);
	return out;
}

/* In first-matching-target a child is passed over by its target alone. */
static size_t
option_count(const struct pz_policy_node *parent, const struct pz_policy_node *child,
	     enum mask mask)
{
	if (parent->combine != PZ_POLICY_FIRST_MATCHING_TARGET)
		return node_count(child, mask);
	return mask == BY_SUBJECT ? target_count(child) : NONE;
}

static struct key *
option_keys(const struct pz_policy_node *parent, const struct pz_policy_node *child, enum mask mask,
	    struct key *out)
{
	if (parent->combine != PZ_POLICY_FIRST_MATCHING_TARGET)
		return node_keys(child, mask, out);
	return target_keys(child, out);
}

/* ---- building ---- */

struct build {
	const struct pz_policy_node *node;
	size_t room, count;
	struct key *keys; /* of all options of all children */
	uint64_t *hashes; /* of keys, sorted */
	size_t picked_count;
	struct key *picked; /* of the option that was chosen for each child */
	uint32_t *always;
	uint32_t always_count;
};

static int
compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->macro != y->macro) /* never in one list, whatever their hashes are */
		return x->macro < y->macro ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->child < y->child ? -1 : x->child > y->child;
}

/* How many keys of all options have this hash. */
static size_t
frequency(const struct build *b, uint64_t hash)
{
	size_t low = 0, high = b->count, first;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b->hashes[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	first = low;
	high = b->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b->hashes[middle] <= hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low - first;
}

static const enum mask masks[] = {BY_FEATURE, BY_SUBJECT, BY_EITHER};

/* Keys of every option; `either` only where there is no other. It lists a child by feature or
 * subject, whichever each of its parts has, and is needed where neither alone covers all of
 * them. */
static void
collect(struct build *b)
{
	struct key *at = b->keys;

	for (uint32_t i = 0; i < b->node->child_count; i++) {
		const struct pz_policy_node *child = &b->node->children[i];
		struct key *start = at;

		for (size_t m = 0; m < 3; m++) {
			if ((m == 2 && at > start) ||
			    option_count(b->node, child, masks[m]) == NONE)
				continue;
			at = option_keys(b->node, child, masks[m], at);
		}
	}
	b->count = (size_t)(at - b->keys);
	for (size_t i = 0; i < b->count; i++)
		b->hashes[i] = b->keys[i].hash;
	qsort(b->hashes, b->count, sizeof(*b->hashes), compare_hashes);
}

static size_t
weight(const struct build *b, const struct key *keys, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += frequency(b, keys[i].hash);
	return sum;
}

/* Of the options of each child the one with the shortest lists. */
static void
pick(struct build *b)
{
	const struct key *at = b->keys;

	for (uint32_t i = 0; i < b->node->child_count; i++) {
		const struct pz_policy_node *child = &b->node->children[i];
		const struct key *best = NULL;
		size_t best_count = 0, best_weight = NONE;

		for (size_t m = 0; m < 3; m++) {
			size_t count = option_count(b->node, child, masks[m]);

			if (count == NONE || (m == 2 && best))
				continue;
			size_t one = weight(b, at, count);
			if (one < best_weight) {
				best = at;
				best_count = count;
				best_weight = one;
			}
			at += count;
		}
		if (best == NULL) {
			b->always[b->always_count++] = i;
			continue;
		}
		for (size_t k = 0; k < best_count; k++) {
			b->picked[b->picked_count] = best[k];
			b->picked[b->picked_count++].child = i;
		}
	}
	qsort(b->picked, b->picked_count, sizeof(*b->picked), compare_keys);
}

static void
place(struct pz_policy_index *index, struct bucket bucket)
{
	uint32_t at = (uint32_t)bucket.hash & index->mask;

	while (index->buckets[at].hash)
		at = (at + 1) & index->mask;
	index->buckets[at] = bucket;
}

static bool
is_same_list(const struct key *a, const struct key *b)
{
	return a->hash == b->hash && a->macro == b->macro;
}

/* The lists one after the other, each child once in a list. A list is a run of equal keys.
 * Identities have lists of their own: whether a value is a friend or a device of the zone is
 * known at the time of the call only. */
static bool
fill(struct build *b, struct pz_arena *arena, struct pz_policy_index *index)
{
	uint32_t *positions =
		pz_arena_alloc(arena, b->picked_count + b->always_count, sizeof(uint32_t));
	uint32_t used = b->always_count, lists = 1;

	for (size_t i = 1; i < b->picked_count; i++)
		lists += is_same_list(&b->picked[i], &b->picked[i - 1]) ? 0 : 1;
	/* At most half full: a search for a hash that is not there ends soon, and it ends at
	 * all. */
	for (index->mask = 7; index->mask < lists * 2;)
		index->mask = index->mask * 2 + 1;
	index->buckets = pz_arena_alloc(arena, index->mask + 1, sizeof(*index->buckets));
	index->identities = pz_arena_alloc(arena, lists, sizeof(*index->identities));
	if (positions == NULL || index->buckets == NULL || index->identities == NULL)
		return false;
	memcpy(positions, b->always, b->always_count * sizeof(uint32_t));
	for (size_t i = 0, next; i < b->picked_count; i = next) {
		const struct key *key = &b->picked[i];
		struct bucket bucket = {key->hash, used, 0};

		for (next = i; next < b->picked_count && is_same_list(&b->picked[next], key);
		     next++) {
			if (next == i || b->picked[next].child != b->picked[next - 1].child)
				positions[used++] = b->picked[next].child;
		}
		bucket.count = used - bucket.start;
		if (key->macro == PZ_POLICY_MACRO_NONE)
			place(index, bucket);
		else
			index->identities[index->identity_count++] = (struct identity){
				(enum pz_policy_attribute_id)key->attribute,
				(enum pz_policy_macro)key->macro, bucket.start, bucket.count};
	}
	index->positions = positions;
	index->always = b->always_count;
	return true;
}

static size_t
count_keys(const struct pz_policy_node *node)
{
	size_t count = 0;

	for (size_t i = 0; i < node->child_count; i++) {
		for (size_t m = 0; m < 3; m++) {
			size_t one = option_count(node, &node->children[i], masks[m]);

			count += one == NONE ? 0 : one;
		}
	}
	return count;
}

/* Without memory the document is refused, not used without its index: what is slow only on a
 * bad day would be found on that day. */
static bool
build_one(struct pz_arena *arena, struct pz_policy_node *node)
{
	struct build b = {.node = node, .room = count_keys(node)};
	struct pz_policy_index *index;
	bool is_done = false;

	if (node->child_count < CHILDREN_MIN || b.room == 0)
		return true;
	index = pz_arena_alloc(arena, 1, sizeof(*index));
	b.keys = calloc(b.room, sizeof(*b.keys));
	b.picked = calloc(b.room, sizeof(*b.picked));
	b.hashes = calloc(b.room, sizeof(*b.hashes));
	b.always = calloc(node->child_count, sizeof(*b.always));
	if (index && b.keys && b.picked && b.hashes && b.always) {
		collect(&b);
		pick(&b);
		is_done = fill(&b, arena, index);
	}
	free(b.keys);
	free(b.picked);
	free(b.hashes);
	free(b.always);
	if (is_done)
		node->index = index;
	return is_done;
}

bool
pz_policy_index_build(struct pz_arena *arena, struct pz_policy_node *node)
{
	if (node->kind == PZ_POLICY_KIND_RULE)
		return true;
	for (size_t i = 0; i < node->child_count; i++) {
		if (!pz_policy_index_build(arena, &node->children[i]))
			return false;
	}
	return build_one(arena, node);
}

/* ---- looking up ---- */

/* A caller with very many values is decided without the index. It costs time then, which the
 * bounds of a request limit, and never a rule that was not looked at. */
static void
push(struct pz_policy_keys *keys, uint64_t hash)
{
	if (keys->count == PZ_POLICY_KEYS_MAX)
		keys->is_unusable = true;
	else
		keys->hashes[keys->count++] = hash;
}

/* The feature, and what it continues with '.' or '/'. */
static void
push_feature(struct pz_policy_keys *keys, struct pz_slice feature)
{
	uint64_t hash = hash_start(PZ_POLICY_ATTR_API_FEATURE, PZ_POLICY_MACRO_NONE);

	for (size_t i = 0; i < feature.len; i++) {
		uint8_t c = feature.ptr[i];

		if (c == '.' || c == '/')
			push(keys, hash_end(hash));
		hash = (hash ^ c) * FNV_PRIME;
	}
	push(keys, hash_end(hash));
}

/* Without exactly one feature a comparison with it may be undetermined, or true in more ways. */
static void
prepare(struct pz_policy_keys *keys, const struct pz_policy_request *request)
{
	const struct pz_policy_bag *features = &request->bags[PZ_POLICY_ATTR_API_FEATURE];

	keys->is_ready = true;
	if (features->count != 1) {
		keys->is_unusable = true;
		return;
	}
	push_feature(keys, features->values[0]);
	for (unsigned a = 0; a < PZ_POLICY_ATTR_API_FEATURE; a++) {
		const struct pz_policy_bag *bag = &request->bags[a];

		for (size_t i = 0; i < bag->count; i++)
			push(keys, hash_text((enum pz_policy_attribute_id)a, bag->values[i]));
	}
}

static bool
add_list(struct pz_policy_cursor *cursor, const uint32_t *positions, uint32_t count)
{
	if (count == 0)
		return true;
	if (cursor->lists == PZ_POLICY_LISTS_MAX)
		return false;
	cursor->list[cursor->lists].next = positions;
	cursor->list[cursor->lists++].end = positions + count;
	return true;
}

static bool
look_up(struct pz_policy_cursor *cursor, const struct pz_policy_keys *keys,
	const struct pz_policy_request *request)
{
	const struct pz_policy_index *index = cursor->node->index;

	if (!add_list(cursor, index->positions, index->always))
		return false;
	for (unsigned i = 0; i < keys->count; i++) {
		uint32_t at = (uint32_t)keys->hashes[i] & index->mask;

		while (index->buckets[at].hash && index->buckets[at].hash != keys->hashes[i])
			at = (at + 1) & index->mask;
		if (!add_list(cursor, index->positions + index->buckets[at].start,
			      index->buckets[at].count))
			return false;
	}
	for (uint32_t i = 0; i < index->identity_count; i++) {
		const struct identity *one = &index->identities[i];

		if (pz_policy_macro_matches(one->macro, one->attribute,
					    &request->bags[one->attribute], &request->identities) &&
		    !add_list(cursor, index->positions + one->start, one->count))
			return false;
	}
	return true;
}

void
pz_policy_index_start(struct pz_policy_cursor *cursor, const struct pz_policy_node *node,
		      struct pz_policy_keys *keys, const struct pz_policy_request *request)
{
	cursor->node = node;
	cursor->at = 0;
	cursor->lists = 0;
	cursor->is_listed = false;
	if (node->index == NULL || keys->is_unusable)
		return;
	if (!keys->is_ready)
		prepare(keys, request);
	if (!keys->is_unusable)
		cursor->is_listed = look_up(cursor, keys, request);
}

/* The lists are merged by position, so children come in the written order and each once, as
 * they would without the index. There are few lists, so looking through all of them is cheaper
 * than a heap. */
const struct pz_policy_node *
pz_policy_index_next(struct pz_policy_cursor *cursor)
{
	uint32_t first = UINT32_MAX;

	if (!cursor->is_listed)
		return cursor->at < cursor->node->child_count
			       ? &cursor->node->children[cursor->at++]
			       : NULL;
	for (unsigned i = 0; i < cursor->lists; i++) {
		if (cursor->list[i].next < cursor->list[i].end && *cursor->list[i].next < first)
			first = *cursor->list[i].next;
	}
	if (first == UINT32_MAX)
		return NULL;
	for (unsigned i = 0; i < cursor->lists; i++) {
		if (cursor->list[i].next < cursor->list[i].end && *cursor->list[i].next == first)
			cursor->list[i].next++;
	}
	return &cursor->node->children[first];
}
