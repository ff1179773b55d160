/*
 * Finds the row of a command and checks its parameters against it, so that handlers need no checks.
 * Parameters that a row does not name are ignored: a newer program may send more to an older
 * daemon. null counts as absent, except where any JSON is a value.
 */
#include <string.h>

#include "command/table.h"

const struct pz_command *
pz_command_find(const struct pz_command *commands, const char *name)
{
	for (; commands->name; commands++)
		if (strcmp(commands->name, name) == 0)
			return commands;
	return NULL;
}

/* A string of JSON may contain NUL, where C would end it. */
static bool
is_text(const json_t *value)
{
	return json_is_string(value) &&
	       strlen(json_string_value(value)) == json_string_length(value);
}

static enum pz_err
check_integer(const struct pz_param *param, const json_t *value, struct pz_errinfo *info)
{
	json_int_t number = json_integer_value(value);
	const char *unit = param->unit ? param->unit : "";
	const char *blank = param->unit ? " " : "";

	if (json_is_integer(value) && number >= param->min && number <= param->max)
		return PZ_OK;
	if (param->max == INT64_MAX)
		return pz_fail(info, PZ_ERR_CONFIG, "%s must be at least %lld%s%s", param->name,
			       (long long)param->min, blank, unit);
	return pz_fail(info, PZ_ERR_CONFIG, "%s must be %lld to %lld%s%s", param->name,
		       (long long)param->min, (long long)param->max, blank, unit);
}

static enum pz_err
check_value(const struct pz_param *param, const json_t *value, struct pz_errinfo *info)
{
	switch (param->type) {
	case PZ_PARAM_TEXT:
		return is_text(value)
			       ? PZ_OK
			       : pz_fail(info, PZ_ERR_CONFIG, "%s must be a text", param->name);
	case PZ_PARAM_INTEGER:
		return check_integer(param, value, info);
	case PZ_PARAM_BOOL:
		return json_is_boolean(value) ? PZ_OK
					      : pz_fail(info, PZ_ERR_CONFIG,
							"%s must be true or false", param->name);
	case PZ_PARAM_OBJECT:
		return json_is_object(value) ? PZ_OK
					     : pz_fail(info, PZ_ERR_CONFIG,
						       "%s must be a JSON object", param->name);
	case PZ_PARAM_JSON:
	case PZ_PARAM_READ_FILE:
	case PZ_PARAM_WRITE_FILE:
		break;
	}
	return PZ_OK;
}

static bool
is_file(const struct pz_param *param)
{
	return param->type == PZ_PARAM_READ_FILE || param->type == PZ_PARAM_WRITE_FILE;
}

/* The row of the file parameter, or NULL. */
static const struct pz_param *
file_of(const struct pz_command *command)
{
	for (const struct pz_param *param = command->params; param->name; param++)
		if (is_file(param))
			return param;
	return NULL;
}

bool
pz_command_takes_file(const struct pz_command *command)
{
	return command && file_of(command) != NULL;
}

/* The program has opened the file and sent its descriptor with the request: so the permissions of
 * the person decide what may be read or written, not those of the daemon. */
static enum pz_err
check_file(const struct pz_command *command, const struct pz_file *file, struct pz_errinfo *info)
{
	const struct pz_param *param = file_of(command);
	bool is_read = param && param->type == PZ_PARAM_READ_FILE;

	if (param == NULL)
		return file == NULL
			       ? PZ_OK
			       : pz_fail(info, PZ_ERR_CONFIG, "%s takes no file", command->name);
	if (file == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "%s needs %s: %s", command->name, param->name,
			       param->help);
	if (!(is_read ? file->can_read : file->can_write))
		return pz_fail(info, PZ_ERR_CONFIG, "%s must be open for %s", param->name,
			       is_read ? "reading" : "writing");
	return PZ_OK;
}

/* Files are not members of `params`: check_file looks at their descriptor. */
enum pz_err
pz_command_check(const struct pz_command *command, const json_t *params, struct pz_errinfo *info)
{
	for (const struct pz_param *param = command->params; param->name; param++) {
		const json_t *value = json_object_get(params, param->name);
		if (is_file(param))
			continue;
		bool is_given = value && (param->type == PZ_PARAM_JSON || !json_is_null(value));
		if (is_given)
			PZ_TRY(check_value(param, value, info));
		else if (param->is_required)
			return pz_fail(info, PZ_ERR_CONFIG, "%s needs %s: %s", command->name,
				       param->name, param->help);
	}
	return PZ_OK;
}

/* The parameters are valid only during the handler's call: it has copied what it needs later. */
void
pz_command_run(const struct pz_command *commands, const char *name, struct pz_request *request)
{
	const struct pz_command *command = pz_command_find(commands, name);
	struct pz_errinfo info = {""};
	enum pz_err err =
		command ? pz_command_check(command, request->params, &info)
			: pz_fail(&info, PZ_ERR_NOTFOUND, "there is no command '%.80s'", name);

	if (err == PZ_OK)
		err = check_file(command, request->file, &info);
	if (err == PZ_OK)
		command->run(request);
	else
		pz_request_fail(request, err, info.text);
	json_decref(request->params);
	request->params = NULL;
}

struct pz_request *
pz_command_begin(const struct pz_command *commands, struct pz_requests *requests, const char *name,
		 json_t *params, struct pz_file *takes_file, const struct pz_reply *reply,
		 void *arg)
{
	struct pz_request *request = pz_request_new(requests, params, reply, arg);

	if (request == NULL) {
		pz_file_close(takes_file);
		return NULL;
	}
	pz_request_set_file(request, takes_file);
	pz_command_run(commands, name, request);
	return request;
}

int64_t
pz_request_int(const struct pz_request *request, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(request->params, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}
