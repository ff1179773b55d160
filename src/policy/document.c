/*
 * One document: its life, and queries about its content other than decisions. Parsing has three
 * stages, each of which can refuse it: elements (xml.c), nodes (build.c, dhp_build.c), index
 * (index.c). The memory of the first stage is freed at once; the rest is in one arena, and is freed
 * as a whole with the last reference.
 *
 * A document never changes after it was parsed. So a slot swaps a pointer, a running decision keeps
 * the document that it began with, and the cache may return one object for the same bytes. The hash
 * is that of the text: two documents are equal when their bytes are.
 *
 * The walks below recurse as deep as the document, at most PZ_POLICY_DEPTH_MAX.
 */
#include "policy/document.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "policy/build.h"
#include "policy/index.h"
#include "policy/node.h"
#include "policy/regexp.h"
#include "policy/xml.h"

static enum pz_err
read_into(struct pz_policy_document *doc, struct pz_slice text, struct pz_arena *elements,
	  struct pz_policy_fault *fault)
{
	struct pz_policy_xml *root = NULL;

	PZ_TRY(pz_policy_xml_read(text, elements, &root, fault));
	PZ_TRY(pz_policy_build(doc, root, fault));
	PZ_TRY(pz_policy_dhp_build(doc, root, fault));
	if (!pz_policy_index_build(&doc->arena, doc->root))
		return pz_policy_fail(fault, 0, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return PZ_OK;
}

enum pz_err
pz_policy_document_parse(struct pz_slice text, struct pz_policy_document **out,
			 struct pz_policy_fault *fault)
{
	struct pz_policy_document *doc = calloc(1, sizeof(*doc));
	struct pz_arena elements = {0};
	enum pz_err err;

	if (doc == NULL)
		return pz_policy_fail(fault, 0, PZ_ERR_LIMIT_MEMORY, "out of memory");
	doc->references = 1;
	crypto_hash_sha256(doc->sha256, text.ptr, text.len);
	err = read_into(doc, text, &elements, fault);
	pz_arena_fini(&elements);
	if (err == PZ_OK)
		*out = doc;
	else
		pz_policy_document_unref(doc);
	return err;
}

struct pz_policy_document *
pz_policy_document_ref(struct pz_policy_document *doc)
{
	doc->references++;
	return doc;
}

void
pz_policy_document_unref(struct pz_policy_document *doc)
{
	if (doc == NULL || --doc->references > 0)
		return;
	for (size_t i = 0; i < doc->regexp_count; i++)
		pz_policy_regexp_free(doc->regexps[i]);
	free(doc->regexps);
	pz_arena_fini(&doc->arena);
	free(doc);
}

const uint8_t *
pz_policy_document_sha256(const struct pz_policy_document *doc)
{
	return doc->sha256;
}

size_t
pz_policy_document_rules(const struct pz_policy_document *doc)
{
	return doc->rule_count;
}

/* ---- elements that decided ---- */

/* Nodes have a pointer to their parent but no depth, which only explanations need. */
const struct pz_policy_node *
pz_policy_node_at(const struct pz_policy_node *node, unsigned depth)
{
	unsigned own = 0;

	for (const struct pz_policy_node *up = node; up && up->parent; up = up->parent)
		own++;
	for (; node && own > depth; own--)
		node = node->parent;
	return own == depth ? node : NULL;
}

void
pz_policy_node_label(const struct pz_policy_node *node, char out[PZ_POLICY_LABEL_BYTES])
{
	const char *kind = pz_policy_elements[PZ_POLICY_E_SET + node->kind].name;

	if (node->id.len > 0)
		snprintf(out, PZ_POLICY_LABEL_BYTES, "%s", (const char *)node->id.ptr);
	else if (node->position > 0)
		snprintf(out, PZ_POLICY_LABEL_BYTES, "%s[%u]", kind, node->position);
	else
		snprintf(out, PZ_POLICY_LABEL_BYTES, "%s", kind);
}

struct pz_slice
pz_policy_node_description(const struct pz_policy_node *node)
{
	return node->description;
}

unsigned
pz_policy_node_line(const struct pz_policy_node *node)
{
	return node->line;
}

struct visit {
	void (*each)(void *arg, const struct pz_policy_attribute *attr);
	void *arg;
};

static void
visit_condition(const struct pz_policy_condition *condition, const struct visit *visit)
{
	for (size_t i = 0; i < condition->count; i++) {
		const struct pz_policy_term *term = &condition->terms[i];

		if (term->match)
			visit->each(visit->arg, &term->match->attr);
		else
			visit_condition(term->condition, visit);
	}
}

/* A target that names a zone, a device or anything else applies to those only. */
static bool
is_generic(const struct pz_policy_node *node)
{
	for (size_t i = 0; i < node->subject_count; i++) {
		const struct pz_policy_subject *subject = &node->subjects[i];

		for (size_t k = 0; k < subject->count; k++) {
			const struct pz_policy_match *match = &subject->matches[k];

			if (match->attr.id != PZ_POLICY_ATTR_USER_ID)
				return false;
			for (size_t n = 0; n < match->count; n++)
				if (match->patterns[n].macro == PZ_POLICY_MACRO_NONE)
					return false;
		}
	}
	return true;
}

bool
pz_policy_node_is_default(const struct pz_policy_node *node)
{
	if (node->kind != PZ_POLICY_KIND_RULE || node->effect != PZ_POLICY_DENY || node->condition)
		return false;
	for (; node; node = node->parent)
		if (!is_generic(node))
			return false;
	return true;
}

void
pz_policy_node_attributes(const struct pz_policy_node *node,
			  void (*each)(void *arg, const struct pz_policy_attribute *attr),
			  void *arg)
{
	const struct visit visit = {each, arg};

	for (size_t i = 0; i < node->subject_count; i++) {
		for (size_t k = 0; k < node->subjects[i].count; k++)
			each(arg, &node->subjects[i].matches[k].attr);
	}
	if (node->condition)
		visit_condition(node->condition, &visit);
}

/* The first one in the written order. `pzp rules` shows it as the limit of the rule; a call is
 * counted for every name in it. */
static const struct pz_policy_match *
find_limit(const struct pz_policy_condition *condition)
{
	const struct pz_policy_match *found = NULL;

	for (size_t i = 0; i < condition->count && found == NULL; i++) {
		const struct pz_policy_term *term = &condition->terms[i];

		if (term->condition)
			found = find_limit(term->condition);
		else if (term->match->func == PZ_POLICY_LESS &&
			 pz_policy_attribute_is_counter(&term->match->attr))
			found = term->match;
	}
	return found;
}

bool
pz_policy_node_call_limit(const struct pz_policy_node *rule, struct pz_slice *out_name,
			  uint64_t *out_limit)
{
	const struct pz_policy_match *match = rule->condition ? find_limit(rule->condition) : NULL;

	if (match == NULL)
		return false;
	*out_name = match->attr.name;
	*out_limit = match->patterns[0].number;
	return true;
}

static void
visit_rules(const struct pz_policy_node *node,
	    void (*each)(void *arg, const struct pz_policy_node *rule,
			 enum pz_policy_effect effect),
	    void *arg)
{
	if (node->kind == PZ_POLICY_KIND_RULE)
		each(arg, node, node->effect);
	for (size_t i = 0; i < node->child_count; i++)
		visit_rules(&node->children[i], each, arg);
}

void
pz_policy_document_each_rule(const struct pz_policy_document *doc,
			     void (*each)(void *arg, const struct pz_policy_node *rule,
					  enum pz_policy_effect effect),
			     void *arg)
{
	visit_rules(doc->root, each, arg);
}

/* ---- time ---- */

struct times {
	uint64_t now_s, next_s; /* 0: none */
	bool has_clock;
};

/* Whether the bound itself is still before it depends on the function, so both moments are bounds.
 */
static void
note_times(struct times *t, const struct pz_policy_match *match)
{
	enum pz_policy_attribute_id id = match->attr.id;

	if (id == PZ_POLICY_ATTR_TIMEMIN || id == PZ_POLICY_ATTR_DAYS_OF_WEEK ||
	    id == PZ_POLICY_ATTR_DAYS_OF_MONTH)
		t->has_clock = true;
	if (id != PZ_POLICY_ATTR_TIME || !pz_policy_func_is_numeric(match->func))
		return;
	for (size_t i = 0; i < match->count; i++) {
		/* "less-than 100" changes its result at 100, "less-equal-than 100" at 101. */
		for (uint64_t at = match->patterns[i].number; at <= match->patterns[i].number + 1;
		     at++) {
			if (at > t->now_s && (t->next_s == 0 || at < t->next_s))
				t->next_s = at;
		}
	}
}

static void
note_condition(struct times *t, const struct pz_policy_condition *condition)
{
	for (size_t i = 0; i < condition->count; i++) {
		if (condition->terms[i].match)
			note_times(t, condition->terms[i].match);
		else
			note_condition(t, condition->terms[i].condition);
	}
}

static void
note_node(struct times *t, const struct pz_policy_node *node)
{
	if (node->condition)
		note_condition(t, node->condition);
	for (size_t i = 0; i < node->child_count; i++)
		note_node(t, &node->children[i]);
}

uint64_t
pz_policy_document_next_time(const struct pz_policy_document *doc, uint64_t now_s,
			     bool *out_has_clock)
{
	struct times t = {.now_s = now_s};

	note_node(&t, doc->root);
	*out_has_clock = t.has_clock;
	return t.next_s;
}

/* ---- counters ---- */

struct counters {
	void (*each)(void *arg, struct pz_slice name);
	void *arg;
};

static void
visit_counter(void *arg, const struct pz_policy_attribute *attr)
{
	const struct counters *c = arg;

	if (pz_policy_attribute_is_counter(attr))
		c->each(c->arg, attr->name);
}

static void
visit_counters(void *arg, const struct pz_policy_node *rule, enum pz_policy_effect effect)
{
	(void)effect;
	pz_policy_node_attributes(rule, visit_counter, arg);
}

void
pz_policy_document_each_counter(const struct pz_policy_document *doc,
				void (*each)(void *arg, struct pz_slice name), void *arg)
{
	struct counters c = {.each = each, .arg = arg};

	pz_policy_document_each_rule(doc, visit_counters, &c);
}

/* ---- documents by their hash ---- */

struct entry {
	struct pz_policy_document *doc; /* NULL: free */
	uint64_t used;                  /* time of the last use, in look-ups */
};

struct pz_policy_cache {
	struct entry entries[PZ_POLICY_DOCUMENTS_KEPT];
	uint64_t look_ups;
};

struct pz_policy_cache *
pz_policy_cache_new(void)
{
	return calloc(1, sizeof(struct pz_policy_cache));
}

void
pz_policy_cache_free(struct pz_policy_cache *cache)
{
	for (size_t i = 0; cache && i < PZ_POLICY_DOCUMENTS_KEPT; i++)
		pz_policy_document_unref(cache->entries[i].doc);
	free(cache);
}

/* Documents recur: with each synchronisation, when a hub is restored, when an edit is compared and
 * then set. The entry that was not used for the longest time is replaced. An invalid document is
 * not cached: it is parsed each time. */
enum pz_err
pz_policy_cache_parse(struct pz_policy_cache *cache, struct pz_slice text,
		      struct pz_policy_document **out, struct pz_policy_fault *fault)
{
	struct entry *oldest = &cache->entries[0];
	struct pz_policy_document *doc = NULL;
	uint8_t sha256[PZ_POLICY_SHA256_BYTES];

	crypto_hash_sha256(sha256, text.ptr, text.len);
	cache->look_ups++;
	for (size_t i = 0; i < PZ_POLICY_DOCUMENTS_KEPT; i++) {
		struct entry *entry = &cache->entries[i];

		if (entry->doc && memcmp(entry->doc->sha256, sha256, sizeof(sha256)) == 0) {
			entry->used = cache->look_ups;
			*out = pz_policy_document_ref(entry->doc);
			return PZ_OK;
		}
		if (entry->used < oldest->used)
			oldest = entry;
	}
	PZ_TRY(pz_policy_document_parse(text, &doc, fault));
	pz_policy_document_unref(oldest->doc);
	oldest->doc = pz_policy_document_ref(doc);
	oldest->used = cache->look_ups;
	*out = doc;
	return PZ_OK;
}
