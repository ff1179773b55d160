/*
 * Converts the tree of elements (xml.c) to the nodes that decisions walk through (node.h). The tree
 * is freed afterwards, so every text that stays is copied into the arena of the document.
 *
 * xml.c has checked which element may be where, how often and how deep (grammar.c). This file
 * checks values: words, numbers, patterns, ids. All of them are checked here and none when a call
 * is decided: a document that was built can only be evaluated, and a document with one wrong value
 * is refused as a whole. Skipping an unreadable rule could allow what it forbids.
 *
 * The arena grows with the text, whose length is bounded. Regular expressions are the exception:
 * their compiled form can be much longer than the text, so it has a bound of its own.
 */
#include "policy/build.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/map.h"
#include "policy/match.h"
#include "policy/regexp.h"

struct builder {
	struct pz_policy_document *doc;
	struct pz_policy_fault *fault;
	struct pz_map *ids;
	size_t regexp_bytes, regexp_room;
};

static const char *
name_of(const struct pz_policy_xml *xml)
{
	return pz_policy_elements[xml->element].name;
}

static enum pz_err
out_of_memory(struct builder *b)
{
	return pz_policy_fail(b->fault, 0, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

static void *
alloc(struct builder *b, size_t count, size_t size)
{
	return pz_arena_alloc(&b->doc->arena, count, size);
}

static enum pz_err
copy(struct builder *b, struct pz_slice s, struct pz_slice *out)
{
	return pz_arena_copy(&b->doc->arena, s, out) ? PZ_OK : out_of_memory(b);
}

/* Each id occurs once in the document, not only among siblings: `pzp policy why` and the management
 * calls name an element by it. The map has the line of the first one, for the error. */
static enum pz_err
check_id(struct builder *b, const struct pz_policy_xml *xml)
{
	struct pz_slice id = pz_policy_xml_value(xml, PZ_POLICY_A_ID);
	void *old = NULL;

	if (id.len == 0)
		return PZ_OK;
	if (pz_map_put(b->ids, id, (void *)(uintptr_t)xml->line, &old) != PZ_OK)
		return out_of_memory(b);
	if (old)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
				      "id \"%.60s\" is on line %u already: an id names one element",
				      (const char *)id.ptr, (unsigned)(uintptr_t)old);
	return PZ_OK;
}

static enum pz_err
unknown_word(struct builder *b, const struct pz_policy_xml *xml,
	     enum pz_policy_xml_attribute attribute, const char *words)
{
	struct pz_slice value = pz_policy_xml_value(xml, attribute);

	return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
			      "%s=\"%.40s\" of <%s>: must be one of %s",
			      pz_policy_xml_attribute_name(attribute), (const char *)value.ptr,
			      name_of(xml), words);
}

/* ---- matches ---- */

/* The list belongs to the document, which frees each expression: PCRE2 allocates outside of the
 * arena. An expression enters the list before its memory is counted, so that one which exceeds the
 * bound is freed with the others when the document is refused. */
static enum pz_err
keep_regexp(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_pattern *pattern)
{
	struct pz_policy_document *doc = b->doc;
	struct pz_errinfo reason = {""};
	size_t bytes = 0;

	if (doc->regexp_count == b->regexp_room) {
		size_t room = b->regexp_room * 2 + 8;
		void *list = reallocarray(doc->regexps, room, sizeof(struct pz_policy_regexp *));

		if (list == NULL)
			return out_of_memory(b);
		doc->regexps = list;
		b->regexp_room = room;
	}
	enum pz_err err =
		pz_policy_regexp_compile(pattern->text, &pattern->regexp, &bytes, &reason);
	if (err != PZ_OK)
		return pz_policy_fail(b->fault, xml->line, err, "regular expression \"%.60s\": %s",
				      (const char *)pattern->text.ptr, reason.text);
	doc->regexps[doc->regexp_count++] = pattern->regexp;
	b->regexp_bytes += bytes;
	if (b->regexp_bytes > PZ_POLICY_REGEXP_BYTES_MAX)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_LIMIT,
				      "the regular expressions up to here take more than %u bytes "
				      "of memory: use fewer, or glob",
				      PZ_POLICY_REGEXP_BYTES_MAX);
	return PZ_OK;
}

/* An identity such as PZ-Owner is recognised here, and only as a whole pattern, not when a call is
 * decided: a value that happens to have the text of an identity is never compared with it (PV-64).
 * A day that is matched by "*" is not parsed. A regular expression that is an identity is the
 * identity (page 9, 5.4, rule 5). */
static enum pz_err
build_pattern(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_match *match,
	      struct pz_slice text)
{
	struct pz_policy_pattern *pattern = &match->patterns[match->count++];

	PZ_TRY(copy(b, text, &pattern->text));
	if (match->attr.category == PZ_POLICY_SUBJECT)
		pattern->macro = pz_policy_macro_find(text);
	if (match->is_any_day)
		return PZ_OK;
	if (pz_policy_func_is_numeric(match->func)) {
		if (!pz_policy_number(text, &pattern->number))
			return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
					      "\"%.40s\" of <%s>: this comparison needs 1 to 10 "
					      "decimal digits",
					      (const char *)pattern->text.ptr, name_of(xml));
		return PZ_OK;
	}
	if (match->func == PZ_POLICY_REGEXP && pattern->macro == PZ_POLICY_MACRO_NONE)
		return keep_regexp(b, xml, pattern);
	return PZ_OK;
}

static struct pz_slice
trim(struct pz_slice s)
{
	static const char spaces[] = " \t\r\n";

	while (s.len > 0 && memchr(spaces, s.ptr[0], 4))
		s = pz_slice_of(s.ptr + 1, s.len - 1);
	while (s.len > 0 && memchr(spaces, s.ptr[s.len - 1], 4))
		s.len--;
	return s;
}

/* The next item of a list with commas; false at the end. Empty items are skipped. */
static bool
next_item(struct pz_slice *rest, struct pz_slice *out)
{
	while (rest->len > 0) {
		const uint8_t *comma = memchr(rest->ptr, ',', rest->len);
		size_t len = comma ? (size_t)(comma - rest->ptr) : rest->len;
		size_t step = len + (comma ? 1 : 0);

		*out = trim(pz_slice_of(rest->ptr, len));
		*rest = pz_slice_of(rest->ptr + step, rest->len - step);
		if (out->len > 0)
			return true;
	}
	return false;
}

/* Only subjects have lists: in the value of a resource or environment attribute a comma is a normal
 * character (page 9, 5.1). Items are counted first, so that the array gets its final size. */
static enum pz_err
build_patterns(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_match *match,
	       struct pz_slice text)
{
	struct pz_slice rest = text, item;
	size_t count = 0;

	if (match->attr.category != PZ_POLICY_SUBJECT) {
		match->patterns = alloc(b, 1, sizeof(*match->patterns));
		return match->patterns ? build_pattern(b, xml, match, text) : out_of_memory(b);
	}
	while (next_item(&rest, &item))
		count++;
	if (count == 0)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
				      "<%s> has no pattern: only commas and spaces", name_of(xml));
	if (count > PZ_POLICY_ITEMS_MAX)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_LIMIT,
				      "<%s> has more than %d patterns: write several", name_of(xml),
				      PZ_POLICY_ITEMS_MAX);
	match->patterns = alloc(b, count, sizeof(*match->patterns));
	if (match->patterns == NULL)
		return out_of_memory(b);
	for (rest = text; next_item(&rest, &item);)
		PZ_TRY(build_pattern(b, xml, match, item));
	return PZ_OK;
}

static bool
has_wildcard(struct pz_slice s)
{
	return memchr(s.ptr, '*', s.len) || memchr(s.ptr, '?', s.len);
}

/* Days are sets, whatever func says (page 9, 5.2). */
static void
set_days(struct pz_policy_match *match, struct pz_slice text)
{
	if (match->attr.id != PZ_POLICY_ATTR_DAYS_OF_WEEK &&
	    match->attr.id != PZ_POLICY_ATTR_DAYS_OF_MONTH)
		return;
	match->func = PZ_POLICY_IN_SET;
	match->is_any_day = pz_slice_eq_str(text, "*");
}

/* The element determines the category, in the order of both enumerations. The attribute's name is
 * copied before it is parsed, since the parsed parts point into it. */
static enum pz_err
build_match(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_match *match)
{
	struct pz_slice attr = pz_policy_xml_value(xml, PZ_POLICY_A_ATTR);
	struct pz_slice text = pz_policy_xml_value(xml, PZ_POLICY_A_MATCH);
	struct pz_slice func = pz_policy_xml_value(xml, PZ_POLICY_A_FUNC);
	struct pz_slice name;

	if (text.len == 0)
		text = xml->text;
	PZ_TRY(check_id(b, xml));
	PZ_TRY(copy(b, attr, &name));
	match->attr = pz_policy_attribute_parse(
		(enum pz_policy_category)(xml->element - PZ_POLICY_E_SUBJECT_MATCH), name);
	if (match->attr.name.len == 0)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
				      "<%s> needs attr=\"…\": the attribute to compare",
				      name_of(xml));
	if (text.len == 0)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
				      "<%s> needs match=\"…\": what %.40s is compared with",
				      name_of(xml), (const char *)name.ptr);
	if (func.ptr && !pz_policy_func_parse(func, &match->func))
		return unknown_word(b, xml, PZ_POLICY_A_FUNC,
				    "glob, equal, regexp, greater-than, greater-equal-than, "
				    "less-than, less-equal-than, in-set");
	set_days(match, text);
	/* The hierarchy of features applies to literal patterns only: with a wildcard the owner has
	 * said what may follow. It is decided here, once, for each pattern of the element; a
	 * resource match has one pattern. */
	match->is_hierarchy = match->attr.id == PZ_POLICY_ATTR_API_FEATURE &&
			      match->func == PZ_POLICY_GLOB && !has_wildcard(text);
	return build_patterns(b, xml, match, text);
}

/* ---- conditions and targets ---- */

/* The depth of the document bounds the recursion; xml.c has checked it (PZ_POLICY_DEPTH_MAX). A
 * condition has at least one child: xml.c refuses an empty one, which would be true as an `and` and
 * false as an `or`. */
static enum pz_err
build_condition(struct builder *b, const struct pz_policy_xml *xml,
		struct pz_policy_condition **out)
{
	struct pz_slice combine = pz_policy_xml_value(xml, PZ_POLICY_A_COMBINE);
	struct pz_policy_condition *c = alloc(b, 1, sizeof(*c));

	if (c == NULL)
		return out_of_memory(b);
	PZ_TRY(check_id(b, xml));
	c->is_or = pz_slice_eq_str(combine, "or");
	if (combine.ptr && !c->is_or && !pz_slice_eq_str(combine, "and"))
		return unknown_word(b, xml, PZ_POLICY_A_COMBINE, "and, or");
	c->terms = alloc(b, xml->children, sizeof(*c->terms));
	if (c->terms == NULL)
		return out_of_memory(b);
	for (const struct pz_policy_xml *child = xml->first; child; child = child->next) {
		struct pz_policy_term *term = &c->terms[c->count++];

		if (child->element == PZ_POLICY_E_CONDITION) {
			PZ_TRY(build_condition(b, child, &term->condition));
			continue;
		}
		term->match = alloc(b, 1, sizeof(*term->match));
		if (term->match == NULL)
			return out_of_memory(b);
		PZ_TRY(build_match(b, child, term->match));
	}
	*out = c;
	return PZ_OK;
}

static enum pz_err
build_subject(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_subject *subject)
{
	PZ_TRY(check_id(b, xml));
	subject->matches = alloc(b, xml->children, sizeof(*subject->matches));
	if (subject->matches == NULL)
		return out_of_memory(b);
	for (const struct pz_policy_xml *child = xml->first; child; child = child->next)
		PZ_TRY(build_match(b, child, &subject->matches[subject->count++]));
	return PZ_OK;
}

static enum pz_err
build_target(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_node *node)
{
	if (xml == NULL)
		return PZ_OK;
	PZ_TRY(check_id(b, xml));
	node->subjects = alloc(b, xml->children, sizeof(*node->subjects));
	if (node->subjects == NULL)
		return out_of_memory(b);
	for (const struct pz_policy_xml *child = xml->first; child; child = child->next) {
		struct pz_policy_subject *subject = &node->subjects[node->subject_count++];

		PZ_TRY(build_subject(b, child, subject));
		for (size_t i = 0; i < subject->count; i++)
			/* A regular expression that reaches its bound makes the target
			 * undetermined, so the index must not skip its children (index.c). */
			node->has_target_regexp |= subject->matches[i].func == PZ_POLICY_REGEXP;
	}
	return PZ_OK;
}

/* ---- rules, policies and sets ---- */

/* The effect has no default. The grammar of the original has "permit" for a rule without an effect,
 * so a misspelt attribute would have allowed what the rule was to deny (page 9, 15.6). */
static enum pz_err
build_rule(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_node *node)
{
	struct pz_slice effect = pz_policy_xml_value(xml, PZ_POLICY_A_EFFECT);
	struct pz_slice reauth = pz_policy_xml_value(xml, PZ_POLICY_A_REQUIRE_REAUTH);
	struct pz_slice minutes = pz_policy_xml_value(xml, PZ_POLICY_A_AUTH_EXPIRES);
	const struct pz_policy_xml *condition = pz_policy_xml_child(xml, PZ_POLICY_E_CONDITION);
	uint64_t number;

	b->doc->rule_count++;
	if (effect.ptr == NULL)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
				      "<rule> needs effect=\"…\": permit, deny, prompt-oneshot, "
				      "prompt-session or prompt-blanket");
	if (!pz_policy_effect_parse(effect, &node->effect))
		return unknown_word(b, xml, PZ_POLICY_A_EFFECT,
				    "permit, deny, prompt-oneshot, prompt-session, prompt-blanket");
	if (pz_slice_eq_str(reauth, "local") || pz_slice_eq_str(reauth, "remote"))
		node->effect = PZ_POLICY_DENY; /* no node can authenticate again yet */
	else if (reauth.ptr && !pz_slice_eq_str(reauth, "none"))
		return unknown_word(b, xml, PZ_POLICY_A_REQUIRE_REAUTH, "none, local, remote");
	if (minutes.ptr && !pz_policy_number(minutes, &number))
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
				      "auth-expires-after-min=\"%.40s\": must be a number of "
				      "minutes, 1 to 10 decimal digits",
				      (const char *)minutes.ptr);
	return condition ? build_condition(b, condition, &node->condition) : PZ_OK;
}

/* The other children of a policy or set are its target and data handling. */
static bool
is_node(const struct pz_policy_xml *xml)
{
	return xml->element == PZ_POLICY_E_SET || xml->element == PZ_POLICY_E_POLICY ||
	       xml->element == PZ_POLICY_E_RULE;
}

static enum pz_err
build_node(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_node *node);

/* Nodes of one parent are consecutive in one array, in the written order, which matters for
 * first-applicable and first-matching-target. `position` counts from 1: 0 is the root. */
static enum pz_err
build_children(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_node *node)
{
	size_t count = 0;

	for (const struct pz_policy_xml *child = xml->first; child; child = child->next)
		count += is_node(child) ? 1 : 0;
	node->children = alloc(b, count, sizeof(*node->children));
	if (node->children == NULL)
		return out_of_memory(b);
	for (const struct pz_policy_xml *child = xml->first; child; child = child->next) {
		if (!is_node(child))
			continue;
		struct pz_policy_node *one = &node->children[node->child_count++];

		one->parent = node;
		one->position = (unsigned)node->child_count;
		PZ_TRY(build_node(b, child, one));
		node->has_target_regexp |= one->has_target_regexp;
	}
	return PZ_OK;
}

/* The default of `combine` is deny-overrides for both (page 9, 3.1), the first value of the
 * enumeration. */
static enum pz_err
build_container(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_node *node)
{
	struct pz_slice combine = pz_policy_xml_value(xml, PZ_POLICY_A_COMBINE);
	bool is_set = node->kind == PZ_POLICY_KIND_SET;

	if (combine.ptr && !pz_policy_combine_parse(combine, is_set, &node->combine))
		return unknown_word(b, xml, PZ_POLICY_A_COMBINE,
				    is_set ? "deny-overrides, permit-overrides, "
					     "first-matching-target"
					   : "deny-overrides, permit-overrides, first-applicable");
	PZ_TRY(build_target(b, pz_policy_xml_child(xml, PZ_POLICY_E_TARGET), node));
	return build_children(b, xml, node);
}

static enum pz_err
build_node(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_node *node)
{
	node->kind = (enum pz_policy_kind)(xml->element - PZ_POLICY_E_SET);
	node->line = xml->line;
	PZ_TRY(check_id(b, xml));
	PZ_TRY(copy(b, pz_policy_xml_value(xml, PZ_POLICY_A_ID), &node->id));
	PZ_TRY(copy(b, pz_policy_xml_value(xml, PZ_POLICY_A_DESCRIPTION), &node->description));
	PZ_TRY(pz_policy_bindings_build(b->doc, xml, node, b->fault));
	return node->kind == PZ_POLICY_KIND_RULE ? build_rule(b, xml, node)
						 : build_container(b, xml, node);
}

/* What was built of a refused document stays in it; the caller frees the whole. */
enum pz_err
pz_policy_build(struct pz_policy_document *doc, const struct pz_policy_xml *root,
		struct pz_policy_fault *fault)
{
	struct builder b = {.doc = doc, .fault = fault, .ids = pz_map_new()};
	enum pz_err err = PZ_OK;

	doc->root = pz_arena_alloc(&doc->arena, 1, sizeof(*doc->root));
	err = doc->root && b.ids ? build_node(&b, root, doc->root) : out_of_memory(&b);
	pz_map_free(b.ids);
	return err;
}
