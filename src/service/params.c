/* Converts the allowed forms of parameters to positional ones. @spec page 7, 5 "Parameters" */
#include <string.h>

#include "service/internal.h"

static size_t
name_count(const struct pz_method_def *def)
{
	size_t n = 0;
	while (def->names && def->names[n])
		n++;
	return n;
}

static bool
is_name(const struct pz_method_def *def, const char *key)
{
	for (size_t i = 0; def->names && def->names[i]; i++) {
		if (strcmp(def->names[i], key) == 0)
			return true;
	}
	return false;
}

/* True when the object has members, and each is the name of a parameter. */
static bool
is_named(const struct pz_method_def *def, json_t *object)
{
	const char *key;
	json_t *value;
	json_object_foreach (object, key, value) {
		if (!is_name(def, key))
			return false;
	}
	return json_object_size(object) > 0;
}

/* Values in the order of the names; a missing one in between becomes null, missing ones at the end
 * are left out. */
static json_t *
by_name(const struct pz_method_def *def, const json_t *object)
{
	json_t *array = json_array();
	size_t left = json_object_size(object);
	for (size_t i = 0; def->names && def->names[i] && left > 0; i++) {
		json_t *value = json_object_get(object, def->names[i]);
		if (value)
			left--;
		if (json_array_append_new(array, value ? json_incref(value) : json_null()) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *
wrap(json_t *value)
{
	return json_pack("[O]", value);
}

json_t *
pz_service_params_bind(const struct pz_method_def *def, json_t *params)
{
	if (params == NULL || json_is_null(params))
		return json_array();
	if (def->form == PZ_PARAMS_RAW || json_is_array(params))
		return json_incref(params);
	bool positional = def->form == PZ_PARAMS_POSITIONAL;
	/* An object may hold the parameters by name, or be the only parameter. It is read by name
	 * only when each of its members is the name of a parameter. */
	if (json_is_object(params)) {
		if (is_named(def, params) || (positional && json_object_size(params) == 0))
			return by_name(def, params);
		return positional ? NULL : wrap(params);
	}
	if (def->form == PZ_PARAMS_BARE || name_count(def) == 1)
		return wrap(params);
	return NULL;
}
