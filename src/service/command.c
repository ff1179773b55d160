/*
 * Reads the file of a service made of commands and makes the service; command_job.c runs its calls.
 *
 * The file belongs to the operator. Everything that is unknown or malformed is an error with the
 * name of the member: a typing error must not silently become a command without a time-out. The
 * commands themselves never pass a shell.
 */
#include "service/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "service/command_job.h"
#include "service/methods.h"

/* ---- description ---- */

/* Refuses unknown members. */
static enum pz_err
check_members(const json_t *object, const char *const *known, const char *where,
	      struct pz_errinfo *info)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size_t i = 0;
		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (known[i] == NULL)
			return pz_fail(info, PZ_ERR_CONFIG, "%s: unknown member \"%.64s\"", where,
				       key);
	}
	return PZ_OK;
}

static bool
is_identifier(const char *s)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char more[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
	size_t len = strlen(s);
	return len > 0 && len < 128 && strchr(first, s[0]) && strspn(s, more) == len;
}

/* argv of the command. The first is an absolute path: the daemon's PATH is not the operator's. */
static enum pz_err
read_exec(const json_t *exec, struct pz_command *out, const char *name, struct pz_errinfo *info)
{
	size_t count = json_array_size(exec);
	if (count == 0)
		return pz_fail(info, PZ_ERR_CONFIG, "%s: exec must be a list of strings", name);
	out->argv = calloc(count + 1, sizeof(*out->argv));
	if (out->argv == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	for (size_t i = 0; i < count; i++) {
		const json_t *arg = json_array_get(exec, i);
		const char *text = json_string_value(arg);
		if (text == NULL || strlen(text) != json_string_length(arg))
			return pz_fail(info, PZ_ERR_CONFIG, "%s: exec must be a list of strings",
				       name);
		out->argv[i] = strdup(text);
		if (out->argv[i] == NULL)
			return PZ_ERR_LIMIT_MEMORY;
	}
	if (out->argv[0][0] != '/')
		return pz_fail(info, PZ_ERR_CONFIG, "%s: exec must begin with an absolute path",
			       name);
	return PZ_OK;
}

/* Time-out and kind of output. */
static enum pz_err
read_options(const json_t *method, struct pz_command *out, const char *name,
	     struct pz_errinfo *info)
{
	const json_t *timeout = json_object_get(method, "timeout");
	const json_t *stream = json_object_get(method, "stream");
	json_int_t seconds = json_integer_value(timeout);
	if (stream && !json_is_boolean(stream))
		return pz_fail(info, PZ_ERR_CONFIG, "%s: stream must be true or false", name);
	if (timeout &&
	    (!json_is_integer(timeout) || seconds < 1 || seconds > PZ_COMMAND_TIMEOUT_S_MAX))
		return pz_fail(info, PZ_ERR_CONFIG, "%s: timeout must be 1 to %d seconds", name,
			       PZ_COMMAND_TIMEOUT_S_MAX);
	out->is_stream = json_is_true(stream);
	if (timeout == NULL) /* a stream runs until its caller or its process ends it */
		seconds = out->is_stream ? 0 : PZ_COMMAND_TIMEOUT_S_DEFAULT;
	out->timeout_us = (uint64_t)seconds * PZ_US_PER_S;
	return PZ_OK;
}

/* What people see of a method: a descriptor must be able to carry it. */
static enum pz_err
check_description(const json_t *method, const char *name, struct pz_errinfo *info)
{
	static const char *const texts[] = {"returns", "text"};
	const json_t *params = json_object_get(method, "params");
	if (params && (!json_is_array(params) || json_array_size(params) > PZ_METHOD_PARAMS_MAX))
		return pz_fail(info, PZ_ERR_CONFIG, "%s: params must be a list of at most %d names",
			       name, PZ_METHOD_PARAMS_MAX);
	for (size_t i = 0; i < json_array_size(params); i++)
		if (!json_is_string(json_array_get(params, i)))
			return pz_fail(info, PZ_ERR_CONFIG, "%s: params must be a list of names",
				       name);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const json_t *text = json_object_get(method, texts[i]);
		if (text &&
		    (!json_is_string(text) || json_string_length(text) > PZ_METHOD_TEXT_BYTES_MAX))
			return pz_fail(info, PZ_ERR_CONFIG,
				       "%s: %s must be a text of at most %d bytes", name, texts[i],
				       PZ_METHOD_TEXT_BYTES_MAX);
	}
	return PZ_OK;
}

static enum pz_err
read_command(const char *name, const json_t *method, struct pz_command *out,
	     struct pz_errinfo *info)
{
	static const char *const known[] = {"exec",    "timeout", "stream", "params",
					    "returns", "text",    NULL};
	if (!is_identifier(name))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "methods: \"%.64s\" is not a name of letters, digits and \"_\"",
			       name);
	if (strcmp(name, "removeEventListener") == 0)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "methods: every service has removeEventListener already: it ends a "
			       "call; choose another name");
	if (!json_is_object(method))
		return pz_fail(info, PZ_ERR_CONFIG, "%s: must be an object", name);
	PZ_TRY(check_members(method, known, name, info));
	PZ_TRY(read_exec(json_object_get(method, "exec"), out, name, info));
	PZ_TRY(read_options(method, out, name, info));
	PZ_TRY(check_description(method, name, info));
	out->function = strdup(name);
	return out->function ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

/* ---- state ---- */

/* Jobs may still run: they are detached from the service first, and end by themselves. */
static void
commands_free(struct pz_commands *state)
{
	pz_command_jobs_detach(state);
	for (size_t i = 0; i < state->count; i++) {
		struct pz_command *c = &state->commands[i];
		for (size_t a = 0; c->argv && c->argv[a]; a++)
			free(c->argv[a]);
		free(c->argv);
		free(c->function);
	}
	free(state->commands);
	free(state->methods);
	free(state);
}

/* The index in the table of methods is that of the command. */
static void
on_invoke(struct pz_service *service, struct pz_call *call, json_t *params)
{
	struct pz_commands *state = service->state;
	size_t index = (size_t)(call->method - state->methods);
	pz_command_job_start(state, &state->commands[index], call, params);
}

/* The caller is gone or has given up: its process is killed. */
static void
on_ended(struct pz_service *service, struct pz_call *call)
{
	(void)service;
	pz_command_job_abandon(call);
}

static void
on_destroy(struct pz_service *service)
{
	commands_free(service->state);
}

static enum pz_err
read_methods(struct pz_commands *state, json_t *methods, struct pz_errinfo *info)
{
	const char *name;
	json_t *method;
	size_t count = json_object_size(methods);
	if (count == 0)
		return pz_fail(info, PZ_ERR_CONFIG, "methods: must be an object with members");
	/* Allocated with the final size: services and calls point into both tables. */
	state->commands = calloc(count, sizeof(*state->commands));
	state->methods = calloc(count, sizeof(*state->methods));
	if (!state->commands || !state->methods)
		return PZ_ERR_LIMIT_MEMORY;
	json_object_foreach (methods, name, method) {
		struct pz_command *c = &state->commands[state->count++];
		PZ_TRY(read_command(name, method, c, info));
		state->methods[state->count - 1] = (struct pz_method_def){
			.function = c->function, .form = PZ_PARAMS_RAW, .invoke = on_invoke};
	}
	return PZ_OK;
}

/* The table owns no texts: the file has them, and the descriptor has a copy. */
static void
describe_methods(struct pz_service *service, const json_t *methods)
{
	json_t *list = json_array(), *method;
	const char *name;
	json_object_foreach ((json_t *)(uintptr_t)methods, name, method) {
		json_t *one = json_copy(method);
		(void)json_object_set_new(one, "name", json_string(name));
		(void)json_array_append_new(list, one);
	}
	json_decref(service->descriptor.methods);
	service->descriptor.methods = pz_methods_copy(list);
	json_decref(list);
}

static enum pz_err
read_state(const json_t *description, struct pz_commands *state, struct pz_service **out,
	   struct pz_errinfo *info)
{
	static const char *const known[] = {"api", "displayName", "description", "methods", NULL};
	const char *texts[3] = {NULL};
	if (!json_is_object(description))
		return pz_fail(info, PZ_ERR_CONFIG, "the description must be a JSON object");
	PZ_TRY(check_members(description, known, "description", info));
	for (size_t i = 0; i < 3; i++) {
		texts[i] = json_string_value(json_object_get(description, known[i]));
		if (texts[i] == NULL)
			return pz_fail(info, PZ_ERR_CONFIG, "%s: must be a string", known[i]);
	}
	PZ_TRY(read_methods(state, json_object_get(description, "methods"), info));
	enum pz_err err = pz_service_new(texts[0], texts[1], texts[2], state->methods, state->count,
					 out, info);
	if (err == PZ_OK)
		describe_methods(*out, json_object_get(description, "methods"));
	/* the same check as for a peer's descriptor, but here a failure is the operator's mistake
	 */
	return err == PZ_ERR_PROTO_MEMBER ? PZ_ERR_CONFIG : err;
}

enum pz_err
pz_command_service_parse(const json_t *description, const struct pz_env *env,
			 const struct pz_process_ops *ops, void *ops_arg, struct pz_service **out,
			 struct pz_errinfo *info)
{
	struct pz_service *service = NULL;
	struct pz_commands *state = calloc(1, sizeof(*state));
	if (state == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	pz_list_init(&state->jobs);
	state->env = env;
	state->ops = ops;
	state->ops_arg = ops_arg;
	enum pz_err err = read_state(description, state, &service, info);
	if (err != PZ_OK) {
		commands_free(state);
		return err;
	}
	service->state = state;
	service->call_ended = on_ended;
	service->destroy = on_destroy;
	*out = service;
	return PZ_OK;
}
