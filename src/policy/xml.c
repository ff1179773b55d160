/*
 * Expat calls start, text and end; a call-back that refuses stops the parser, and the first reason
 * is reported. Entities cannot be declared, because the DOCTYPE is refused before its content is
 * read, so that the five predefined ones and character references are all that is ever expanded:
 * the size of the tree is bounded by the size of the text.
 */
#include "policy/xml.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/limits.h"

struct reader {
	XML_Parser expat;
	struct pz_arena *arena;
	struct pz_policy_xml *root, *at; /* at: the innermost open element */
	unsigned depth, rules;
	char text[PZ_POLICY_ATTRIBUTE_BYTES_MAX]; /* of `at`, where the grammar has text */
	size_t text_len;
	struct pz_policy_fault *fault;
	enum pz_err err;
};

enum pz_err
pz_policy_fail(struct pz_policy_fault *fault, unsigned line, enum pz_err err, const char *fmt, ...)
{
	char text[sizeof(fault->info.text)];
	va_list ap;

	if (fault == NULL)
		return err;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fault->line = line;
	return pz_fail(&fault->info, err, "%s", text);
}

static unsigned
line_of(const struct reader *r)
{
	return (unsigned)XML_GetCurrentLineNumber(r->expat);
}

/* Only the first reason is kept: expat may make more call-backs after it was stopped. */
#define REFUSE(r, error, ...)                                                                      \
	do {                                                                                       \
		if ((r)->err == PZ_OK)                                                             \
			(r)->err = pz_policy_fail((r)->fault, line_of(r), error, __VA_ARGS__);     \
		XML_StopParser((r)->expat, XML_FALSE);                                             \
	} while (0)

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ---- start of an element ---- */

static const char *
name_of(enum pz_policy_element element)
{
	return element == PZ_POLICY_E_NONE ? "the document" : pz_policy_elements[element].name;
}

static void
check_place(struct reader *r, enum pz_policy_element element, const char *name)
{
	enum pz_policy_element parent = r->at ? r->at->element : PZ_POLICY_E_NONE;
	const struct pz_policy_element_info *info = &pz_policy_elements[element];

	if (element == PZ_POLICY_E_NONE)
		REFUSE(r, PZ_ERR_CONFIG, "<%.40s> is not an element of policies", name);
	else if (!(info->parents >> parent & 1))
		REFUSE(r, PZ_ERR_CONFIG, "<%s> cannot be in %s", info->name, name_of(parent));
	else if (info->once && r->at && pz_policy_xml_child(r->at, element))
		REFUSE(r, PZ_ERR_CONFIG, "a second <%s> in <%s>: write one", info->name,
		       name_of(parent));
	else if (element == PZ_POLICY_E_CONDITION && parent == PZ_POLICY_E_RULE &&
		 pz_policy_xml_child(r->at, element))
		REFUSE(r, PZ_ERR_CONFIG,
		       "a second <condition> in <rule>: put both into one <condition>");
	else if (r->depth == PZ_POLICY_DEPTH_MAX)
		REFUSE(r, PZ_ERR_LIMIT, "<%s> is nested deeper than %d levels", info->name,
		       PZ_POLICY_DEPTH_MAX);
	else if (element == PZ_POLICY_E_RULE && ++r->rules > PZ_POLICY_RULES_MAX)
		REFUSE(r, PZ_ERR_LIMIT, "more than %d rules in one document", PZ_POLICY_RULES_MAX);
}

/* Expat itself refuses two attributes of one name, but the two spellings of PolicyId are two names
 * to it. */
static void
add_value(struct reader *r, struct pz_policy_xml *xml, const char *name, const char *text)
{
	const struct pz_policy_element_info *info = &pz_policy_elements[xml->element];
	enum pz_policy_xml_attribute attribute = pz_policy_xml_attribute_find(name);
	struct pz_policy_xml_value *value;

	if (strlen(text) > PZ_POLICY_ATTRIBUTE_BYTES_MAX) {
		REFUSE(r, PZ_ERR_LIMIT, "%.40s of <%s> is longer than %d bytes", name, info->name,
		       PZ_POLICY_ATTRIBUTE_BYTES_MAX);
		return;
	}
	if (attribute == PZ_POLICY_A_COUNT || !(info->attributes >> attribute & 1)) {
		/* data handling has more attributes than page 9 names; none of them affects access
		 */
		if (!pz_policy_element_is_privacy(xml->element))
			REFUSE(r, PZ_ERR_CONFIG, "<%s> has no attribute %.40s", info->name, name);
		return;
	}
	if (pz_policy_xml_value(xml, attribute).ptr != NULL) { /* PolicyId and policyId */
		REFUSE(r, PZ_ERR_CONFIG, "<%s> has %.40s twice", info->name, name);
		return;
	}
	value = pz_arena_alloc(r->arena, 1, sizeof(*value));
	if (value == NULL || !pz_arena_copy(r->arena, pz_slice_str(text), &value->text)) {
		REFUSE(r, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	value->attribute = attribute;
	value->next = xml->values;
	xml->values = value;
}

/* The number of open elements; xml.c never recurses, but later walks through the tree do. */
static void
append(struct reader *r, struct pz_policy_xml *xml)
{
	struct pz_policy_xml *parent = r->at;

	xml->parent = parent;
	if (parent == NULL)
		r->root = xml;
	else if (parent->last == NULL)
		parent->first = xml;
	else
		parent->last->next = xml;
	if (parent) {
		parent->last = xml;
		parent->children++;
	}
	r->at = xml;
	r->depth++;
	r->text_len = 0;
}

static void
on_start(void *arg, const XML_Char *name, const XML_Char **values)
{
	struct reader *r = arg;
	enum pz_policy_element element = pz_policy_element_find(name);
	struct pz_policy_xml *xml;

	if (r->err != PZ_OK)
		return;
	check_place(r, element, name);
	if (r->err != PZ_OK)
		return;
	xml = pz_arena_alloc(r->arena, 1, sizeof(*xml));
	if (xml == NULL) {
		REFUSE(r, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	xml->element = element;
	xml->line = line_of(r);
	for (size_t i = 0; values[i] && r->err == PZ_OK; i += 2)
		add_value(r, xml, values[i], values[i + 1]);
	append(r, xml);
}

/* ---- text and end ---- */

/* Expat gives text in pieces: at each character reference, at line ends, at the end of its buffer.
 * They are joined before the text is checked. In the grammar an element with text has no children,
 * so one buffer is enough. */
static void
on_text(void *arg, const XML_Char *text, int len)
{
	struct reader *r = arg;
	size_t i = 0, n = (size_t)len;

	if (r->err != PZ_OK || r->at == NULL)
		return;
	if (pz_policy_elements[r->at->element].text) {
		if (n > sizeof(r->text) - r->text_len) {
			REFUSE(r, PZ_ERR_LIMIT, "text of <%s> is longer than %d bytes",
			       name_of(r->at->element), PZ_POLICY_ATTRIBUTE_BYTES_MAX);
			return;
		}
		memcpy(r->text + r->text_len, text, n);
		r->text_len += n;
		return;
	}
	while (i < n && is_space(text[i]))
		i++;
	if (i < n)
		REFUSE(r, PZ_ERR_CONFIG, "text in <%s>, which only has elements",
		       name_of(r->at->element));
}

/* White space around a text is dropped (page 9, 3.4, rule 3); inside it is kept. */
static void
on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	struct pz_policy_xml *xml = r->at;
	size_t start = 0, end = r->text_len;

	(void)name;
	if (r->err != PZ_OK)
		return;
	const struct pz_policy_element_info *info = &pz_policy_elements[xml->element];
	if (info->needs_children && xml->children == 0)
		REFUSE(r, PZ_ERR_CONFIG, "<%s> is empty", info->name);
	if (info->text) {
		while (start < end && is_space(r->text[start]))
			start++;
		while (end > start && is_space(r->text[end - 1]))
			end--;
		if (!pz_arena_copy(r->arena, pz_slice_of(r->text + start, end - start), &xml->text))
			REFUSE(r, PZ_ERR_LIMIT_MEMORY, "out of memory");
	}
	r->at = xml->parent;
	r->depth--;
	r->text_len = 0;
}

/* ---- what is refused wherever it is ---- */

/* The parser reads UTF-8, whatever a declaration says. A document that declares another encoding
 * would be read as a different text than its author sees. */
static void
on_declaration(void *arg, const XML_Char *version, const XML_Char *encoding, int standalone)
{
	struct reader *r = arg;

	(void)standalone;
	if (version && strcmp(version, "1.0") != 0)
		REFUSE(r, PZ_ERR_CONFIG, "XML version %.20s: write version=\"1.0\"", version);
	else if (encoding && strcasecmp(encoding, "UTF-8") != 0 &&
		 strcasecmp(encoding, "US-ASCII") != 0)
		REFUSE(r, PZ_ERR_CONFIG, "encoding %.40s: a policy is UTF-8", encoding);
}

static void
on_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public,
	   int has_internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_internal;
	REFUSE((struct reader *)arg, PZ_ERR_CONFIG,
	       "a DOCTYPE, which can declare entities: remove it");
}

static void
on_instruction(void *arg, const XML_Char *target, const XML_Char *data)
{
	(void)data;
	REFUSE((struct reader *)arg, PZ_ERR_CONFIG, "a processing instruction <?%.40s: remove it",
	       target);
}

static enum pz_err
parse(struct reader *r, struct pz_slice text)
{
	enum XML_Status status;

	XML_SetUserData(r->expat, r);
	XML_SetElementHandler(r->expat, on_start, on_end);
	XML_SetCharacterDataHandler(r->expat, on_text);
	XML_SetXmlDeclHandler(r->expat, on_declaration);
	XML_SetStartDoctypeDeclHandler(r->expat, on_doctype);
	XML_SetProcessingInstructionHandler(r->expat, on_instruction);
	status = XML_Parse(r->expat, (const char *)text.ptr, (int)text.len, XML_TRUE);
	if (r->err != PZ_OK)
		return r->err;
	if (status == XML_STATUS_OK)
		return PZ_OK;
	enum XML_Error error = XML_GetErrorCode(r->expat);
	if (error == XML_ERROR_NO_MEMORY)
		return pz_policy_fail(r->fault, 0, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return pz_policy_fail(r->fault, line_of(r), PZ_ERR_CONFIG, "not well-formed XML: %s",
			      XML_ErrorString(error));
}

enum pz_err
pz_policy_xml_read(struct pz_slice text, struct pz_arena *arena, struct pz_policy_xml **out_root,
		   struct pz_policy_fault *fault)
{
	struct reader r = {.arena = arena, .fault = fault};

	if (text.len == 0)
		return pz_policy_fail(fault, 0, PZ_ERR_CONFIG,
				      "empty: a policy has at least <policy/>");
	if (text.len > PZ_POLICY_DOCUMENT_BYTES_MAX)
		return pz_policy_fail(fault, 0, PZ_ERR_LIMIT, "longer than %u bytes",
				      PZ_POLICY_DOCUMENT_BYTES_MAX);
	r.expat = XML_ParserCreate("UTF-8");
	if (r.expat == NULL)
		return pz_policy_fail(fault, 0, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = parse(&r, text);
	XML_ParserFree(r.expat);
	if (err == PZ_OK)
		*out_root = r.root;
	return err;
}

struct pz_slice
pz_policy_xml_value(const struct pz_policy_xml *xml, enum pz_policy_xml_attribute attribute)
{
	const struct pz_policy_xml_value *value = xml->values;

	while (value && value->attribute != attribute)
		value = value->next;
	return value ? value->text : (struct pz_slice){NULL, 0};
}

const struct pz_policy_xml *
pz_policy_xml_child(const struct pz_policy_xml *xml, enum pz_policy_element element)
{
	const struct pz_policy_xml *child = xml->first;

	while (child && child->element != element)
		child = child->next;
	return child;
}
