#include "kit/json.h"

#include <stdlib.h>
#include <string.h>

json_t *
pz_kit_json(const char *text)
{
	char *copy = strdup(text);
	json_error_t error;

	assert_non_null(copy);
	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json_t *tree = json_loads(copy, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (tree == NULL)
		fail_msg("%s: %s", error.text, copy);
	free(copy);
	return tree;
}

json_t *
pz_kit_json_texts(size_t count, const char *text)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		assert_int_equal(json_array_append_new(list, json_string(text)), 0);
	return list;
}

void
pz_kit_json_is(json_t *takes_tree, const char *expected, const char *file, int line)
{
	char *text = takes_tree ? json_dumps(takes_tree, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	_assert_string_equal(text ? text : "(none)", expected, file, line);
	free(text);
	json_decref(takes_tree);
}
