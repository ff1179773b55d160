/* Elements, attributes and words of policy documents. @spec page 9, 3.1 and 8.1 */
#ifndef PZ_POLICY_GRAMMAR_H
#define PZ_POLICY_GRAMMAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "policy/attribute.h"
#include "policy/effect.h"

enum pz_policy_element {
	PZ_POLICY_E_NONE, /* what the root is in */
	PZ_POLICY_E_SET,
	PZ_POLICY_E_POLICY,
	PZ_POLICY_E_RULE,
	PZ_POLICY_E_TARGET,
	PZ_POLICY_E_SUBJECT,
	PZ_POLICY_E_CONDITION,
	PZ_POLICY_E_SUBJECT_MATCH,
	PZ_POLICY_E_RESOURCE_MATCH,
	PZ_POLICY_E_ENVIRONMENT_MATCH,
	/* data handling (page 9, 8) */
	PZ_POLICY_E_PREFERENCES,
	PZ_POLICY_E_AUTHORIZATIONS_SET,
	PZ_POLICY_E_AUTHZ_USE,
	PZ_POLICY_E_PURPOSE,
	PZ_POLICY_E_OBLIGATIONS_SET,
	PZ_POLICY_E_OBLIGATION,
	PZ_POLICY_E_TRIGGERS_SET,
	PZ_POLICY_E_TRIGGER_AT_TIME,
	PZ_POLICY_E_TRIGGER_ACCESSED,
	PZ_POLICY_E_TRIGGER_DELETED,
	PZ_POLICY_E_TRIGGER_ACCESS,
	PZ_POLICY_E_START_TIME,
	PZ_POLICY_E_START_NOW,
	PZ_POLICY_E_DATE_AND_TIME,
	PZ_POLICY_E_MAX_DELAY,
	PZ_POLICY_E_DURATION,
	PZ_POLICY_E_ACCESS_URI,
	PZ_POLICY_E_ACTION_DELETE,
	PZ_POLICY_E_ACTION_ANONYMIZE,
	PZ_POLICY_E_ACTION_NOTIFY,
	PZ_POLICY_E_ACTION_LOG,
	PZ_POLICY_E_ACTION_SECURE_LOG,
	PZ_POLICY_E_MEDIA,
	PZ_POLICY_E_ADDRESS,
	PZ_POLICY_E_PROVISIONAL_ACTIONS,
	PZ_POLICY_E_PROVISIONAL_ACTION,
	PZ_POLICY_E_ATTRIBUTE_VALUE,
	PZ_POLICY_E_DEVELOPER_DESCRIPTION,
	PZ_POLICY_E_COUNT,
};

enum pz_policy_xml_attribute {
	PZ_POLICY_A_ID,
	PZ_POLICY_A_DESCRIPTION,
	PZ_POLICY_A_COMBINE,
	PZ_POLICY_A_EFFECT,
	PZ_POLICY_A_REQUIRE_REAUTH,
	PZ_POLICY_A_AUTH_EXPIRES,
	PZ_POLICY_A_ATTR,
	PZ_POLICY_A_MATCH,
	PZ_POLICY_A_FUNC,
	PZ_POLICY_A_POLICY_ID,
	PZ_POLICY_A_COUNT,
};

struct pz_policy_element_info {
	const char *name;
	uint64_t parents;    /* bit of each element that it may be in */
	unsigned attributes; /* bit of each attribute that it may have */
	bool once;           /* at most once in its parent */
	bool text;           /* its text has a meaning */
	bool needs_children; /* at least one, of whatever kind */
};

extern const struct pz_policy_element_info pz_policy_elements[PZ_POLICY_E_COUNT];

/** Number of an element's name, or PZ_POLICY_E_NONE. Elements of data handling are known in lower
 * camel case too (page 9, 3.1). */
enum pz_policy_element pz_policy_element_find(const char *name);
/** True for the elements of page 9, 8.1. */
bool pz_policy_element_is_privacy(enum pz_policy_element element);
/** Name of an attribute; static storage. */
const char *pz_policy_xml_attribute_name(enum pz_policy_xml_attribute attribute);
/** Number of an attribute's name, or PZ_POLICY_A_COUNT. */
enum pz_policy_xml_attribute pz_policy_xml_attribute_find(const char *name);

enum pz_policy_combine {
	PZ_POLICY_DENY_OVERRIDES,
	PZ_POLICY_PERMIT_OVERRIDES,
	PZ_POLICY_FIRST_APPLICABLE,      /* policies only */
	PZ_POLICY_FIRST_MATCHING_TARGET, /* sets only */
};

enum pz_policy_func {
	PZ_POLICY_GLOB,
	PZ_POLICY_EQUAL,
	PZ_POLICY_REGEXP,
	PZ_POLICY_GREATER,
	PZ_POLICY_GREATER_EQUAL,
	PZ_POLICY_LESS,
	PZ_POLICY_LESS_EQUAL,
	PZ_POLICY_IN_SET,
};

/** An identity that is resolved when a request is decided. @spec page 9, 4.2 */
enum pz_policy_macro {
	PZ_POLICY_MACRO_NONE,
	PZ_POLICY_MACRO_OWNER,
	PZ_POLICY_MACRO_KNOWN,
	PZ_POLICY_MACRO_UNKNOWN,
	PZ_POLICY_MACRO_ANY,
	PZ_POLICY_MACRO_DEVICE,
	PZ_POLICY_MACROS,
};

/** Words of documents to numbers. False, *out untouched: no such word (there). */
bool pz_policy_combine_parse(struct pz_slice word, bool is_set, enum pz_policy_combine *out);
/** The same for a comparison. */
bool pz_policy_func_parse(struct pz_slice word, enum pz_policy_func *out);
/** The five effects that a rule may have. */
bool pz_policy_effect_parse(struct pz_slice word, enum pz_policy_effect *out);
/** True for the functions that compare numbers. */
bool pz_policy_func_is_numeric(enum pz_policy_func func);
/** The macro that a whole pattern is, or PZ_POLICY_MACRO_NONE. */
enum pz_policy_macro pz_policy_macro_find(struct pz_slice pattern);

#endif
