/*
 * Descriptions of functions in a descriptor, for people and completion only: calls do not depend on
 * them. Those of other nodes are copied part by part; a part that is malformed or too long is left
 * out, so that a faulty description does not hide the service.
 */
#include "service/methods.h"

#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "service/service.h"

static json_t *
params_of(const struct pz_method_def *def)
{
	json_t *params = json_array();

	for (size_t i = 0; def->names && def->names[i]; i++)
		(void)json_array_append_new(params, json_string(def->names[i]));
	return params;
}

static json_t *
method_of(const struct pz_method_def *def)
{
	return json_pack("{s:s, s:o, s:s, s:b, s:s}", "name", def->function, "params",
			 params_of(def), "returns", def->returns ? def->returns : "", "stream",
			 (int)def->is_stream, "text", def->text ? def->text : "");
}

json_t *
pz_methods_of(const struct pz_method_def *table, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, method_of(&table[i]));
	json_t *copy = pz_methods_copy(list); /* the same check for ours and for those of others */
	json_decref(list);
	return copy;
}

/* ---- of others ---- */

/* Dots are allowed: an interface may precede the function. */
static bool
is_name(const json_t *value)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.";
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	return text && len > 0 && len <= PZ_METHOD_NAME_BYTES_MAX && strspn(text, allowed) == len;
}

/* "" instead of a text that cannot be displayed. */
static json_t *
copy_text(const json_t *value)
{
	const char *text = json_string_value(value);
	struct pz_slice slice = pz_slice_of(text, json_string_length(value));

	if (text == NULL || slice.len > PZ_METHOD_TEXT_BYTES_MAX || !pz_utf8_is_printable(slice))
		return json_string("");
	return json_stringn(text, slice.len);
}

static json_t *
copy_params(const json_t *list)
{
	json_t *copy = json_array();

	for (size_t i = 0; i < json_array_size(list) && i < PZ_METHOD_PARAMS_MAX; i++)
		if (is_name(json_array_get(list, i)))
			(void)json_array_append_new(
				copy, json_string(json_string_value(json_array_get(list, i))));
	return copy;
}

/* Built anew member by member, so that nothing unknown from another node is stored or passed on. */
json_t *
pz_methods_copy(const json_t *list)
{
	json_t *copy;

	if (!json_is_array(list) || json_array_size(list) > PZ_METHODS_PER_SERVICE_MAX)
		return NULL;
	copy = json_array();
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i), *name = json_object_get(one, "name");
		if (!is_name(name))
			continue;
		(void)json_array_append_new(
			copy,
			json_pack("{s:s, s:o, s:o, s:b, s:o}", "name", json_string_value(name),
				  "params", copy_params(json_object_get(one, "params")), "returns",
				  copy_text(json_object_get(one, "returns")), "stream",
				  json_is_true(json_object_get(one, "stream")), "text",
				  copy_text(json_object_get(one, "text"))));
	}
	if (json_array_size(copy) > 0)
		return copy;
	json_decref(copy);
	return NULL;
}
