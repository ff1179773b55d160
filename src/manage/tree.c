/*
 * A policy document as a JSON tree and back (page 9, 14): attributes under "$", text under "_",
 * children in arrays by name. Only names of the grammar are accepted, and the parser validates the
 * result like any other document.
 */
#include "manage/tree.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "policy/xml.h"

#define ATTRIBUTES "$"
#define TEXT "_"

/* ---- to JSON ---- */

static json_t *
text_of(struct pz_slice s)
{
	return json_stringn((const char *)s.ptr, s.len);
}

static const char *
name_of(const struct pz_policy_xml *xml)
{
	return pz_policy_elements[xml->element].name;
}

static void
append(json_t *parent, const char *name, json_t *takes_child)
{
	json_t *list = json_object_get(parent, name);

	if (list == NULL) {
		list = json_array();
		(void)json_object_set_new(parent, name, list);
	}
	(void)json_array_append_new(list, takes_child);
}

/* True if a set contains both policies and sets: the JSON form keeps only the order within each
 * kind. */
static bool
is_mixed(const struct pz_policy_xml *xml)
{
	return pz_policy_xml_child(xml, PZ_POLICY_E_POLICY) &&
	       pz_policy_xml_child(xml, PZ_POLICY_E_SET);
}

static json_t *export(const struct pz_policy_xml *xml, unsigned depth);

/* A set with the policy's target and only this policy decides as the policy does. */
static json_t *
wrap(const struct pz_policy_xml *policy, unsigned depth)
{
	const struct pz_policy_xml *target = pz_policy_xml_child(policy, PZ_POLICY_E_TARGET);
	json_t *set = json_object();

	if (target)
		append(set, name_of(target), export(target, depth));
	append(set, name_of(policy), export(policy, depth));
	return set;
}

/* The depth is bounded, because the document was parsed. */
static json_t *export(const struct pz_policy_xml *xml, unsigned depth)
{
	json_t *out = json_object(), *attributes = json_object();
	bool mixed = is_mixed(xml);

	for (const struct pz_policy_xml_value *v = xml->values; v; v = v->next)
		(void)json_object_set_new(attributes, pz_policy_xml_attribute_name(v->attribute),
					  text_of(v->text));
	if (json_object_size(attributes) > 0)
		(void)json_object_set(out, ATTRIBUTES, attributes);
	json_decref(attributes);
	if (xml->text.len > 0)
		(void)json_object_set_new(out, TEXT, text_of(xml->text));
	for (const struct pz_policy_xml *c = xml->first; c; c = c->next) {
		if (mixed && c->element == PZ_POLICY_E_POLICY)
			append(out, name_of(xml), wrap(c, depth + 1));
		else
			append(out, name_of(c), export(c, depth + 1));
	}
	return out;
}

enum pz_err
pz_policy_tree_from_text(struct pz_slice text, json_t **out, struct pz_policy_fault *fault)
{
	struct pz_policy_document *document = NULL;
	struct pz_policy_xml *root = NULL;
	struct pz_arena arena = {0};

	/* The whole document is validated first: the export below then needs no checks, and no
	 * bound on depth. */
	PZ_TRY(pz_policy_document_parse(text, &document,
					fault)); /* an invalid document has no tree */
	pz_policy_document_unref(document);
	enum pz_err err = pz_policy_xml_read(text, &arena, &root, fault);
	if (err == PZ_OK) {
		*out = json_object();
		(void)json_object_set_new(*out, name_of(root), export(root, 0));
	}
	pz_arena_fini(&arena);
	return err;
}

/* ---- to text ---- */

static enum pz_err
put(struct pz_buf *buf, const char *text)
{
	return pz_buf_append(buf, pz_slice_str(text));
}

static enum pz_err
put_escaped(struct pz_buf *buf, const json_t *value)
{
	const char *text = json_string_value(value);

	for (size_t i = 0, len = json_string_length(value); i < len; i++) {
		switch (text[i]) {
		case '&':
			PZ_TRY(put(buf, "&amp;"));
			break;
		case '<':
			PZ_TRY(put(buf, "&lt;"));
			break;
		case '>':
			PZ_TRY(put(buf, "&gt;"));
			break;
		case '"':
			PZ_TRY(put(buf, "&quot;"));
			break;
		/* As references, because a parser turns them into blanks in an attribute (XML 1.0,
		 * 3.3.3). */
		case '\n':
			PZ_TRY(put(buf, "&#10;"));
			break;
		case '\r':
			PZ_TRY(put(buf, "&#13;"));
			break;
		case '\t':
			PZ_TRY(put(buf, "&#9;"));
			break;
		default:
			PZ_TRY(pz_buf_append(buf, pz_slice_of(text + i, 1)));
		}
	}
	return PZ_OK;
}

static enum pz_err
put_attributes(struct pz_buf *buf, const json_t *attributes)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)attributes, name, value) {
		if (pz_policy_xml_attribute_find(name) == PZ_POLICY_A_COUNT ||
		    !json_is_string(value))
			return PZ_ERR_PROTO_MEMBER;
		PZ_TRY(put(buf, " "));
		PZ_TRY(put(buf, name));
		PZ_TRY(put(buf, "=\""));
		PZ_TRY(put_escaped(buf, value));
		PZ_TRY(put(buf, "\""));
	}
	return PZ_OK;
}

static enum pz_err
put_element(struct pz_buf *buf, const char *name, const json_t *element, unsigned depth);

static enum pz_err
put_children(struct pz_buf *buf, const char *name, const json_t *list, unsigned depth)
{
	json_t *child;
	size_t i;

	if (!json_is_array(list) || pz_policy_element_find(name) == PZ_POLICY_E_NONE)
		return PZ_ERR_PROTO_MEMBER;
	json_array_foreach (list, i, child)
		PZ_TRY(put_element(buf, name, child, depth));
	return PZ_OK;
}

static enum pz_err
put_content(struct pz_buf *buf, const json_t *element, unsigned depth)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)element, name, value) {
		if (strcmp(name, ATTRIBUTES) == 0)
			continue;
		if (strcmp(name, TEXT) == 0 && json_is_string(value))
			PZ_TRY(put_escaped(buf, value));
		else
			PZ_TRY(put_children(buf, name, value, depth + 1));
	}
	return PZ_OK;
}

/* Writes only names of the grammar, so that no name can end an element early. */
static enum pz_err
put_element(struct pz_buf *buf, const char *name, const json_t *element, unsigned depth)
{
	if (depth >= PZ_POLICY_DEPTH_MAX)
		return PZ_ERR_LIMIT;
	if (!json_is_object(element) || pz_policy_element_find(name) == PZ_POLICY_E_NONE)
		return PZ_ERR_PROTO_MEMBER;
	PZ_TRY(put(buf, "<"));
	PZ_TRY(put(buf, name));
	PZ_TRY(put_attributes(buf, json_object_get(element, ATTRIBUTES)));
	PZ_TRY(put(buf, ">"));
	PZ_TRY(put_content(buf, element, depth));
	PZ_TRY(put(buf, "</"));
	PZ_TRY(put(buf, name));
	return put(buf, ">\n");
}

enum pz_err
pz_policy_tree_to_text(const json_t *tree, char **out, struct pz_errinfo *info)
{
	void *at = json_object_iter((json_t *)(uintptr_t)tree);
	enum pz_err err = PZ_ERR_PROTO_MEMBER;
	struct pz_buf buf;

	/* With this limit a program's tree cannot become a longer text than a document may be. */
	pz_buf_init(&buf, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	if (at && json_object_size(tree) == 1)
		err = put_element(&buf, json_object_iter_key(at), json_object_iter_value(at), 0);
	if (err == PZ_OK) {
		*out = pz_slice_dup(pz_buf_slice(&buf));
		err = *out ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	}
	pz_buf_fini(&buf);
	return err == PZ_OK ? err
			    : pz_fail(info, err, "not a policy document in its JSON form: %s",
				      pz_err_text(err));
}
