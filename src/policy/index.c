/*
 * The lists of children by their keys (index_key.h), and the walk over those children that can
 * apply to a request. Two texts with the same hash cost a useless evaluation; they change no
 * result. A child that could be listed by its feature or by its subject goes to the shorter list.
 *
 * Patterns with '*' or '?' are looked up for each pair of lengths that the patterns of an attribute
 * have, so the cost depends on the number of lengths and not of patterns. Patterns without a
 * literal end are looked up at each position of a value.
 */
#include "policy/index.h"

#include <stdlib.h>

#include "policy/index_key.h"
#include "policy/match.h"

#define CHILDREN_MIN 6 /* fewer children are faster to evaluate one by one */

struct bucket {
	uint64_t hash; /* 0: no bucket */
	uint32_t start, count;
};

struct identity {
	enum pz_policy_attribute_id attribute;
	enum pz_policy_macro macro;
	uint32_t start, count;
};

/** Which parts of an attribute's values are looked up, for patterns with '*' or '?'. */
struct affixes {
	enum pz_policy_attribute_id attribute;
	bool has_parts;
	uint8_t prefix_max, suffix_max; /* of the pairs */
	uint32_t count;
	struct pz_policy_pair *pairs;
};

struct pz_policy_index {
	const uint32_t *positions; /* of children; each bucket is a part of it */
	uint32_t always;           /* the first ones are always evaluated */
	uint32_t mask;
	struct bucket *buckets;
	uint32_t identity_count;
	struct identity *identities;
	uint32_t affix_count;
	struct affixes *affixes;
};

/* ---- building ---- */

struct build {
	const struct pz_policy_node *node;
	size_t room, count;
	struct pz_policy_key *keys; /* of all options of all children */
	uint64_t *hashes;           /* of keys, sorted */
	size_t picked_count;
	struct pz_policy_key *picked; /* of the option chosen for each child */
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
	const struct pz_policy_key *x = a, *y = b;

	if (x->macro != y->macro) /* never in the same list, whatever their hashes are */
		return x->macro < y->macro ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->child < y->child ? -1 : x->child > y->child;
}

/* The number of keys with this hash, over all options. */
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

static const enum pz_policy_key_mask masks[] = {PZ_POLICY_BY_FEATURE, PZ_POLICY_BY_SUBJECT,
						PZ_POLICY_BY_EITHER};

/* Keys of every option; `either` only if there is no other. That option lists each part of a child
 * by feature or by subject, whichever the part has, and is needed when neither alone covers all
 * parts. */
static void
collect(struct build *b)
{
	struct pz_policy_key *at = b->keys;

	for (uint32_t i = 0; i < b->node->child_count; i++) {
		const struct pz_policy_node *child = &b->node->children[i];
		struct pz_policy_key *start = at;

		for (size_t m = 0; m < 3; m++) {
			if ((m == 2 && at > start) ||
			    pz_policy_key_count(b->node, child, masks[m]) == PZ_POLICY_KEY_NONE)
				continue;
			at = pz_policy_key_fill(b->node, child, masks[m], at);
		}
	}
	b->count = (size_t)(at - b->keys);
	for (size_t i = 0; i < b->count; i++)
		b->hashes[i] = b->keys[i].hash;
	qsort(b->hashes, b->count, sizeof(*b->hashes), compare_hashes);
}

static size_t
weight(const struct build *b, const struct pz_policy_key *keys, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += frequency(b, keys[i].hash);
	return sum;
}

/* Chooses for each child the option with the shortest lists. */
static void
pick(struct build *b)
{
	const struct pz_policy_key *at = b->keys;

	for (uint32_t i = 0; i < b->node->child_count; i++) {
		const struct pz_policy_node *child = &b->node->children[i];
		const struct pz_policy_key *best = NULL;
		size_t best_count = 0, best_weight = PZ_POLICY_KEY_NONE;

		for (size_t m = 0; m < 3; m++) {
			size_t count = pz_policy_key_count(b->node, child, masks[m]);

			if (count == PZ_POLICY_KEY_NONE || (m == 2 && best))
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
is_same_list(const struct pz_policy_key *a, const struct pz_policy_key *b)
{
	return a->hash == b->hash && a->macro == b->macro;
}

/* The pairs of lengths of one attribute, each once: `seen` has a bit for each. */
static bool
fill_pairs(const struct build *b, struct pz_arena *arena, struct affixes *a)
{
	const size_t side = PZ_POLICY_AFFIX_MAX + 1;
	uint8_t seen[(PZ_POLICY_AFFIX_MAX + 1) * (PZ_POLICY_AFFIX_MAX + 1)] = {0};

	for (size_t i = 0; i < b->picked_count; i++) {
		const struct pz_policy_key *key = &b->picked[i];

		if (key->attribute != a->attribute)
			continue;
		a->has_parts |= key->kind == PZ_POLICY_BY_PART;
		if (key->kind != PZ_POLICY_BY_AFFIX)
			continue;
		uint8_t *one = &seen[key->pair.prefix * side + key->pair.suffix];
		a->count += *one == 0;
		*one = 1;
	}
	a->pairs = pz_arena_alloc(arena, a->count + 1, sizeof(*a->pairs));
	if (a->pairs == NULL)
		return false;
	a->count = 0;
	for (size_t at = 0; at < side * side; at++) {
		struct pz_policy_pair pair = {(uint8_t)(at / side), (uint8_t)(at % side)};

		if (!seen[at])
			continue;
		a->pairs[a->count++] = pair;
		if (pair.prefix > a->prefix_max)
			a->prefix_max = pair.prefix;
		if (pair.suffix > a->suffix_max)
			a->suffix_max = pair.suffix;
	}
	return true;
}

static bool
fill_affixes(const struct build *b, struct pz_arena *arena, struct pz_policy_index *index)
{
	bool has[PZ_POLICY_ATTR_API_FEATURE + 1] = {false};

	for (size_t i = 0; i < b->picked_count; i++) {
		const struct pz_policy_key *key = &b->picked[i];

		if (key->kind != PZ_POLICY_BY_AFFIX && key->kind != PZ_POLICY_BY_PART)
			continue;
		index->affix_count += !has[key->attribute];
		has[key->attribute] = true;
	}
	index->affixes = pz_arena_alloc(arena, index->affix_count + 1, sizeof(*index->affixes));
	if (index->affixes == NULL)
		return false;
	index->affix_count = 0;
	for (unsigned id = 0; id <= PZ_POLICY_ATTR_API_FEATURE; id++) {
		struct affixes *a = &index->affixes[index->affix_count];

		if (!has[id])
			continue;
		*a = (struct affixes){.attribute = (enum pz_policy_attribute_id)id};
		if (!fill_pairs(b, arena, a))
			return false;
		index->affix_count++;
	}
	return true;
}

/* The lists, one after the other, each child at most once in a list. A list is a run of equal keys.
 * Identities have lists of their own: whether a value is a friend or a device of the zone is only
 * known during the call. */
static bool
fill(struct build *b, struct pz_arena *arena, struct pz_policy_index *index)
{
	uint32_t *positions =
		pz_arena_alloc(arena, b->picked_count + b->always_count, sizeof(uint32_t));
	uint32_t used = b->always_count, lists = 1;

	for (size_t i = 1; i < b->picked_count; i++)
		lists += is_same_list(&b->picked[i], &b->picked[i - 1]) ? 0 : 1;
	/* At most half full: so a search for a missing hash ends, and soon. */
	for (index->mask = 7; index->mask < lists * 2;)
		index->mask = index->mask * 2 + 1;
	index->buckets = pz_arena_alloc(arena, index->mask + 1, sizeof(*index->buckets));
	index->identities = pz_arena_alloc(arena, lists, sizeof(*index->identities));
	if (positions == NULL || index->buckets == NULL || index->identities == NULL)
		return false;
	memcpy(positions, b->always, b->always_count * sizeof(uint32_t));
	for (size_t i = 0, next; i < b->picked_count; i = next) {
		const struct pz_policy_key *key = &b->picked[i];
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
			size_t one = pz_policy_key_count(node, &node->children[i], masks[m]);

			count += one == PZ_POLICY_KEY_NONE ? 0 : one;
		}
	}
	return count;
}

/* If memory is out the document is refused, not used without its index: it would be slow exactly
 * when memory is short. */
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
		is_done = fill(&b, arena, index) && fill_affixes(&b, arena, index);
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

/* A caller with very many values is decided without the index. That costs time, which the limits of
 * a request bound, but never skips a rule. */
static void
push(struct pz_policy_keys *keys, uint64_t hash)
{
	if (keys->count == PZ_POLICY_KEYS_MAX)
		keys->is_unusable = true;
	else
		keys->hashes[keys->count++] = hash;
}

/* The feature, and every prefix of it before a '.' or '/'. */
static void
push_feature(struct pz_policy_keys *keys, struct pz_slice feature)
{
	uint64_t hash = pz_policy_key_start(PZ_POLICY_ATTR_API_FEATURE, PZ_POLICY_MACRO_NONE);

	for (size_t i = 0; i < feature.len; i++) {
		uint8_t c = feature.ptr[i];

		if (c == '.' || c == '/')
			push(keys, pz_policy_key_end(hash));
		hash = (hash ^ c) * PZ_POLICY_FNV_PRIME;
	}
	push(keys, pz_policy_key_end(hash));
}

/* Without exactly one feature, a comparison with it may be undetermined, or true for several. */
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
			push(keys,
			     pz_policy_key_text((enum pz_policy_attribute_id)a, bag->values[i]));
	}
}

static bool
add_list(struct pz_policy_cursor *cursor, const uint32_t *positions, uint32_t count)
{
	if (count == 0)
		return true;
	for (unsigned i = 0; i < cursor->lists; i++)
		if (cursor->list[i].end == positions + count) /* twice in a value */
			return true;
	if (cursor->lists == PZ_POLICY_LISTS_MAX)
		return false;
	cursor->list[cursor->lists].next = positions;
	cursor->list[cursor->lists++].end = positions + count;
	return true;
}

/* Adds the list of one hash. @return false: too many lists */
static bool
look(struct pz_policy_cursor *cursor, uint64_t hash)
{
	const struct pz_policy_index *index = cursor->node->index;
	uint32_t at = (uint32_t)hash & index->mask;

	while (index->buckets[at].hash && index->buckets[at].hash != hash)
		at = (at + 1) & index->mask;
	return add_list(cursor, index->positions + index->buckets[at].start,
			index->buckets[at].count);
}

static bool
look_pairs(struct pz_policy_cursor *cursor, const struct affixes *a, struct pz_slice value)
{
	uint64_t prefix[PZ_POLICY_AFFIX_MAX + 1], suffix[PZ_POLICY_AFFIX_MAX + 1];

	pz_policy_key_affixes(value, false, a->prefix_max, prefix);
	pz_policy_key_affixes(value, true, a->suffix_max, suffix);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct pz_policy_pair *pair = &a->pairs[i];

		if ((size_t)pair->prefix + pair->suffix <= value.len &&
		    !look(cursor, pz_policy_key_pair(a->attribute, prefix[pair->prefix],
						     suffix[pair->suffix])))
			return false;
	}
	return true;
}

static bool
look_affixes(struct pz_policy_cursor *cursor, const struct affixes *a,
	     const struct pz_policy_bag *bag)
{
	for (size_t i = 0; i < bag->count; i++) {
		struct pz_slice value = bag->values[i];

		if (a->count && !look_pairs(cursor, a, value))
			return false;
		for (size_t at = 0; a->has_parts && at + PZ_POLICY_PART_BYTES <= value.len; at++)
			if (!look(cursor, pz_policy_key_part(a->attribute, value.ptr + at)))
				return false;
	}
	return true;
}

static bool
look_up(struct pz_policy_cursor *cursor, const struct pz_policy_keys *keys,
	const struct pz_policy_request *request)
{
	const struct pz_policy_index *index = cursor->node->index;

	if (!add_list(cursor, index->positions, index->always))
		return false;
	for (unsigned i = 0; i < keys->count; i++)
		if (!look(cursor, keys->hashes[i]))
			return false;
	for (uint32_t i = 0; i < index->affix_count; i++) {
		const struct affixes *a = &index->affixes[i];

		if (!look_affixes(cursor, a, &request->bags[a->attribute]))
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

/* The lists are merged by position, so that children are visited in the written order and once
 * each, as without the index. There are few lists, so a scan of them is cheaper than a heap. */
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
