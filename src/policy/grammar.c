/*
 * The grammar of policies (page 9, 3.1) as tables: which element may be in which, how often, with
 * which attributes, whether it has text, whether it may be empty. xml.c reads them while the parser
 * runs, so an element in the wrong place is refused before it is stored. An element or attribute
 * that no table lists is an error, since a misspelt one would change what is allowed (page 9, 3.4,
 * rule 1).
 *
 * Columns of an element: name; parents; attributes; at most once in its parent; has text; needs
 * children. The order of elements, effects and functions is that of the enumerations in the
 * headers, some of which other code computes with: matches follow each other in the order of
 * the categories, triggers and actions in that of their kinds.
 */
#include "policy/grammar.h"

#include <string.h>

/* A set of elements as bits: there are fewer than 64, and IN(NONE) means "at the root". */
#define IN(element) (UINT64_C(1) << PZ_POLICY_E_##element)
#define ATTR(name) (1U << PZ_POLICY_A_##name)
#define LABEL (ATTR(ID) | ATTR(DESCRIPTION))
#define MATCH (LABEL | ATTR(ATTR) | ATTR(MATCH) | ATTR(FUNC))
#define MATCHED_IN (IN(SUBJECT) | IN(CONDITION))
#define RULED (IN(SET) | IN(POLICY) | IN(RULE))
#define TRIGGER (IN(TRIGGER_AT_TIME) | IN(TRIGGER_ACCESSED) | IN(TRIGGER_DELETED))

const struct pz_policy_element_info pz_policy_elements[PZ_POLICY_E_COUNT] = {
	[PZ_POLICY_E_SET] = {"policy-set", IN(NONE) | IN(SET), LABEL | ATTR(COMBINE), 0, 0, 0},
	[PZ_POLICY_E_POLICY] = {"policy", IN(NONE) | IN(SET), LABEL | ATTR(COMBINE), 0, 0, 0},
	[PZ_POLICY_E_RULE] = {"rule", IN(POLICY),
			      LABEL | ATTR(EFFECT) | ATTR(REQUIRE_REAUTH) | ATTR(AUTH_EXPIRES), 0,
			      0, 0},
	[PZ_POLICY_E_TARGET] = {"target", IN(SET) | IN(POLICY), LABEL, 1, 0, 0},
	[PZ_POLICY_E_SUBJECT] = {"subject", IN(TARGET), LABEL, 0, 0, 1},
	[PZ_POLICY_E_CONDITION] = {"condition", IN(RULE) | IN(CONDITION), LABEL | ATTR(COMBINE), 0,
				   0, 1},
	[PZ_POLICY_E_SUBJECT_MATCH] = {"subject-match", MATCHED_IN, MATCH, 0, 1, 0},
	[PZ_POLICY_E_RESOURCE_MATCH] = {"resource-match", IN(CONDITION), MATCH, 0, 1, 0},
	[PZ_POLICY_E_ENVIRONMENT_MATCH] = {"environment-match", IN(CONDITION), MATCH, 0, 1, 0},

	[PZ_POLICY_E_PREFERENCES] = {"DataHandlingPreferences", RULED, ATTR(POLICY_ID), 0, 0, 0},
	[PZ_POLICY_E_AUTHORIZATIONS_SET] = {"AuthorizationsSet", IN(PREFERENCES), 0, 1, 0, 0},
	[PZ_POLICY_E_AUTHZ_USE] = {"AuthzUseForPurpose", IN(AUTHORIZATIONS_SET), 0, 1, 0, 0},
	[PZ_POLICY_E_PURPOSE] = {"Purpose", IN(AUTHZ_USE) | IN(TRIGGER_ACCESSED), 0, 0, 1, 0},
	[PZ_POLICY_E_OBLIGATIONS_SET] = {"ObligationsSet", IN(PREFERENCES), 0, 1, 0, 0},
	[PZ_POLICY_E_OBLIGATION] = {"Obligation", IN(OBLIGATIONS_SET), 0, 0, 0, 0},
	[PZ_POLICY_E_TRIGGERS_SET] = {"TriggersSet", IN(OBLIGATION), 0, 1, 0, 0},
	[PZ_POLICY_E_TRIGGER_AT_TIME] = {"TriggerAtTime", IN(TRIGGERS_SET), 0, 0, 0, 1},
	[PZ_POLICY_E_TRIGGER_ACCESSED] = {"TriggerPersonalDataAccessedForPurpose", IN(TRIGGERS_SET),
					  0, 0, 0, 1},
	[PZ_POLICY_E_TRIGGER_DELETED] = {"TriggerPersonalDataDeleted", IN(TRIGGERS_SET), 0, 0, 0,
					 1},
	[PZ_POLICY_E_TRIGGER_ACCESS] = {"TriggerDataSubjectAccess", IN(TRIGGERS_SET), 0, 0, 0, 1},
	[PZ_POLICY_E_START_TIME] = {"StartTime", IN(TRIGGER_AT_TIME), 0, 1, 0, 1},
	[PZ_POLICY_E_START_NOW] = {"StartNow", IN(START_TIME), 0, 1, 0, 0},
	[PZ_POLICY_E_DATE_AND_TIME] = {"DateAndTime", IN(START_TIME), 0, 1, 1, 0},
	[PZ_POLICY_E_MAX_DELAY] = {"MaxDelay", TRIGGER, 0, 1, 0, 1},
	[PZ_POLICY_E_DURATION] = {"Duration", IN(MAX_DELAY), 0, 1, 1, 0},
	[PZ_POLICY_E_ACCESS_URI] = {"AccessURI", IN(TRIGGER_ACCESS), 0, 1, 1, 0},
	[PZ_POLICY_E_ACTION_DELETE] = {"ActionDeletePersonalData", IN(OBLIGATION), 0, 1, 0, 0},
	[PZ_POLICY_E_ACTION_ANONYMIZE] = {"ActionAnonymizePersonalData", IN(OBLIGATION), 0, 1, 0,
					  0},
	[PZ_POLICY_E_ACTION_NOTIFY] = {"ActionNotifyDataSubject", IN(OBLIGATION), 0, 1, 0, 1},
	[PZ_POLICY_E_ACTION_LOG] = {"ActionLog", IN(OBLIGATION), 0, 1, 0, 0},
	[PZ_POLICY_E_ACTION_SECURE_LOG] = {"ActionSecureLog", IN(OBLIGATION), 0, 1, 0, 0},
	[PZ_POLICY_E_MEDIA] = {"Media", IN(ACTION_NOTIFY), 0, 1, 1, 0},
	[PZ_POLICY_E_ADDRESS] = {"Address", IN(ACTION_NOTIFY), 0, 1, 1, 0},
	[PZ_POLICY_E_PROVISIONAL_ACTIONS] = {"ProvisionalActions", RULED, 0, 0, 0, 0},
	[PZ_POLICY_E_PROVISIONAL_ACTION] = {"ProvisionalAction", IN(PROVISIONAL_ACTIONS), 0, 0, 0,
					    1},
	[PZ_POLICY_E_ATTRIBUTE_VALUE] = {"AttributeValue", IN(PROVISIONAL_ACTION), 0, 0, 1, 0},
	[PZ_POLICY_E_DEVELOPER_DESCRIPTION] = {"DeveloperProvidedDescription",
					       IN(PROVISIONAL_ACTION), 0, 0, 1, 0},
};

static const char *const attribute_names[PZ_POLICY_A_COUNT] = {
	"id",   "description", "combine", "effect",  "require-reauth", "auth-expires-after-min",
	"attr", "match",       "func",    "PolicyId"};

static const char *const effect_names[] = {"permit",         "deny",           "prompt-oneshot",
					   "prompt-session", "prompt-blanket", "undetermined",
					   "inapplicable"};

static const char *const combine_names[] = {"deny-overrides", "permit-overrides",
					    "first-applicable", "first-matching-target"};

static const char *const func_names[] = {
	"glob",      "equal",           "regexp", "greater-than", "greater-equal-than",
	"less-than", "less-equal-than", "in-set"};

static const struct {
	const char *uri;
	enum pz_policy_macro macro;
} macros[] = {
	{"http://webinos.org/subject/id/PZ-Owner", PZ_POLICY_MACRO_OWNER},
	{"http://webinos.org/subject/id/known", PZ_POLICY_MACRO_KNOWN},
	{"http://webinos.org/subject/id/unknown", PZ_POLICY_MACRO_UNKNOWN},
	{"http://webinos.org/subject/id/any", PZ_POLICY_MACRO_ANY},
	{"http://webinos.org/subject/domain/any", PZ_POLICY_MACRO_ANY},
	{"http://webinos.org/subject/id/device", PZ_POLICY_MACRO_DEVICE},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Index of a word, or `count`. */
static size_t
find(const char *const *words, size_t count, struct pz_slice word)
{
	size_t i = 0;

	while (i < count && !pz_slice_eq_str(word, words[i]))
		i++;
	return i;
}

/* Data handling begins with the preferences; all later values of the enumeration belong to it. */
bool
pz_policy_element_is_privacy(enum pz_policy_element element)
{
	return element >= PZ_POLICY_E_PREFERENCES;
}

/* dataHandlingPreferences is DataHandlingPreferences. */
static bool
is_named(enum pz_policy_element element, const char *name)
{
	const char *wanted = pz_policy_elements[element].name;

	if (strcmp(name, wanted) == 0)
		return true;
	return pz_policy_element_is_privacy(element) && name[0] == wanted[0] + ('a' - 'A') &&
	       strcmp(name + 1, wanted + 1) == 0;
}

enum pz_policy_element
pz_policy_element_find(const char *name)
{
	for (unsigned e = PZ_POLICY_E_NONE + 1; e < PZ_POLICY_E_COUNT; e++) {
		if (is_named((enum pz_policy_element)e, name))
			return (enum pz_policy_element)e;
	}
	return PZ_POLICY_E_NONE;
}

const char *
pz_policy_xml_attribute_name(enum pz_policy_xml_attribute attribute)
{
	return attribute_names[attribute];
}

enum pz_policy_xml_attribute
pz_policy_xml_attribute_find(const char *name)
{
	if (strcmp(name, "policyId") == 0)
		return PZ_POLICY_A_POLICY_ID;
	return (enum pz_policy_xml_attribute)find(attribute_names, COUNT(attribute_names),
						  pz_slice_str(name));
}

const char *
pz_policy_effect_name(enum pz_policy_effect effect)
{
	return effect_names[effect];
}

/* A document may not say "undetermined" or "inapplicable": these are results, so the search ends
 * before them. */
bool
pz_policy_effect_parse(struct pz_slice word, enum pz_policy_effect *out)
{
	size_t i = find(effect_names, PZ_POLICY_UNDETERMINED, word);

	if (i == PZ_POLICY_UNDETERMINED)
		return false;
	*out = (enum pz_policy_effect)i;
	return true;
}

/* A set chooses among targets and a policy among rules, so each has one word that the other lacks.
 */
bool
pz_policy_combine_parse(struct pz_slice word, bool is_set, enum pz_policy_combine *out)
{
	size_t i = find(combine_names, COUNT(combine_names), word);
	size_t refused = is_set ? PZ_POLICY_FIRST_APPLICABLE : PZ_POLICY_FIRST_MATCHING_TARGET;

	if (i == COUNT(combine_names) || i == refused)
		return false;
	*out = (enum pz_policy_combine)i;
	return true;
}

bool
pz_policy_func_parse(struct pz_slice word, enum pz_policy_func *out)
{
	size_t i = find(func_names, COUNT(func_names), word);

	if (i == COUNT(func_names))
		return false;
	*out = (enum pz_policy_func)i;
	return true;
}

/* Those from "greater-than" on, and in-set: it splits a number into bits. */
bool
pz_policy_func_is_numeric(enum pz_policy_func func)
{
	return func >= PZ_POLICY_GREATER;
}

enum pz_policy_macro
pz_policy_macro_find(struct pz_slice pattern)
{
	for (size_t i = 0; i < COUNT(macros); i++) {
		if (pz_slice_eq_str(pattern, macros[i].uri))
			return macros[i].macro;
	}
	return PZ_POLICY_MACRO_NONE;
}
