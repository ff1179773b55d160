/*
 * A policy document as a tree of known elements: well-formed, without DOCTYPE, entities and
 * processing instructions, each element where the grammar has it, within the limits. What the words
 * mean is the business of build.h.
 */
#ifndef PZ_POLICY_XML_H
#define PZ_POLICY_XML_H

#include "base/arena.h"
#include "base/err.h"
#include "policy/fault.h"
#include "policy/grammar.h"

struct pz_policy_xml_value {
	struct pz_policy_xml_value *next;
	enum pz_policy_xml_attribute attribute;
	struct pz_slice text;
};

struct pz_policy_xml {
	enum pz_policy_element element;
	unsigned line; /* of its start tag, from 1 */
	struct pz_policy_xml_value *values;
	struct pz_slice text; /* without white space around it; only where the grammar has text */
	struct pz_policy_xml *parent, *next; /* next of the same parent */
	struct pz_policy_xml *first, *last;  /* children */
	size_t children;
};

/**
 * Reads a document.
 * @param arena everything that *out_root leads to
 * @param fault line and reason; untouched on success
 * Errors: CONFIG (not valid), LIMIT, LIMIT_MEMORY.
 */
enum pz_err
pz_policy_xml_read(struct pz_slice text, struct pz_arena *arena, struct pz_policy_xml **out_root,
		   struct pz_policy_fault *fault) PZ_MUST_USE;

/** An attribute's text; ptr is NULL when the element has none. */
struct pz_slice
pz_policy_xml_value(const struct pz_policy_xml *xml, enum pz_policy_xml_attribute attribute);

/** First child of a kind, or NULL. */
const struct pz_policy_xml *
pz_policy_xml_child(const struct pz_policy_xml *xml, enum pz_policy_element element);

#endif
