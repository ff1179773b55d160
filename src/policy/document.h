/*
 * Policy documents: parsed, validated whole, immutable, counted references. A document that
 * pz_policy_document_parse does not accept is corrupt: its slot decides "undetermined".
 * @spec page 9, 3
 */
#ifndef PZ_POLICY_DOCUMENT_H
#define PZ_POLICY_DOCUMENT_H

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "policy/effect.h"
#include "policy/fault.h"

#define PZ_POLICY_SHA256_BYTES 32
#define PZ_POLICY_LABEL_BYTES 80 /* of one element in a path, with the NUL */

struct pz_policy_attribute;
struct pz_policy_document;
struct pz_policy_node;

/**
 * Parses and validates a document.
 * @param text UTF-8 XML; may be empty, which is not valid
 * @param out one reference for the caller
 * @param fault line and reason; may be NULL
 * Errors: CONFIG (not valid), LIMIT (a limit of page 9, 3.3), LIMIT_MEMORY.
 */
enum pz_err pz_policy_document_parse(struct pz_slice text, struct pz_policy_document **out,
				     struct pz_policy_fault *fault) PZ_MUST_USE;
/** One more reference to the same document. */
struct pz_policy_document *pz_policy_document_ref(struct pz_policy_document *doc);
/** Gives a reference back; the last one frees the document. NULL is fine. */
void pz_policy_document_unref(struct pz_policy_document *doc);
PZ_AUTO_DEFINE(struct pz_policy_document, pz_policy_document_unref)

/** SHA-256 of the text. @return PZ_POLICY_SHA256_BYTES bytes, borrowed */
const uint8_t *pz_policy_document_sha256(const struct pz_policy_document *doc);
/** Number of rules. */
size_t pz_policy_document_rules(const struct pz_policy_document *doc);

/* ---- elements that decided ---- */

/** Element of `doc` above `node` at `depth` (0: the root), or NULL below `node`. */
const struct pz_policy_node *pz_policy_node_at(const struct pz_policy_node *node, unsigned depth);
/** Its id, or its kind and position such as "rule[2]"; cut to the buffer. */
void pz_policy_node_label(const struct pz_policy_node *node, char out[PZ_POLICY_LABEL_BYTES]);
/** Its sentence for people; empty when it has none. Borrowed from the document. */
struct pz_slice pz_policy_node_description(const struct pz_policy_node *node);
/** Line of its start tag, from 1. */
unsigned pz_policy_node_line(const struct pz_policy_node *node);

/** True for a rule that denies what no other rule was about: it has no condition, and what is above
 * it compares nothing but a `user-id` with generic identities (page 9, 4.2). */
bool pz_policy_node_is_default(const struct pz_policy_node *node);
/** Calls `each` for every attribute that the element itself compares: in its target, or in its
 * condition. An attribute may come several times. @param attr borrowed from the document */
void pz_policy_node_attributes(const struct pz_policy_node *node,
			       void (*each)(void *arg, const struct pz_policy_attribute *attr),
			       void *arg);

/** How many calls a rule lets through in all: the first number below which its condition wants a
 * counter. @param out_name of the counter, borrowed. False: it has no such limit. */
bool pz_policy_node_call_limit(const struct pz_policy_node *rule, struct pz_slice *out_name,
			       uint64_t *out_limit);

/** Calls `each` for every rule, in the order of the document. @param effect that it has */
void pz_policy_document_each_rule(const struct pz_policy_document *doc,
				  void (*each)(void *arg, const struct pz_policy_node *rule,
					       enum pz_policy_effect effect),
				  void *arg);

/** Calls `each` for every attribute that counts calls (pz_policy_attribute_is_counter); one may
 * come several times. @param name of the attribute, borrowed from the document */
void pz_policy_document_each_counter(const struct pz_policy_document *doc,
				     void (*each)(void *arg, struct pz_slice name), void *arg);

/**
 * When what the document says may change with nothing but the time.
 * @param now_s seconds since 1970
 * @param out_has_clock true: it compares the time of day or the date, so at each new minute, too
 * @return the next moment that it compares `time` with, in seconds since 1970; 0: none is left
 */
uint64_t pz_policy_document_next_time(const struct pz_policy_document *doc, uint64_t now_s,
				      bool *out_has_clock);

/* ---- documents by their hash ---- */

struct pz_policy_cache;

/** Keeps up to PZ_POLICY_DOCUMENTS_KEPT documents. NULL: out of memory. */
struct pz_policy_cache *pz_policy_cache_new(void);
/** Gives its references back. NULL is fine. */
void pz_policy_cache_free(struct pz_policy_cache *cache);
/** As pz_policy_document_parse, but a text that is in the cache is not parsed again. */
enum pz_err
pz_policy_cache_parse(struct pz_policy_cache *cache, struct pz_slice text,
		      struct pz_policy_document **out, struct pz_policy_fault *fault) PZ_MUST_USE;

#endif
