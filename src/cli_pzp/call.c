/* pzp call, describe. */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/timer.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli/value.h"
#include "cli_pzp/commands.h"

#define CALL_TIMEOUT_MS (unsigned)(PZ_CALL_TIMEOUT_US / 1000)
#define ASKED_MS (unsigned)(PZ_CALL_ASKED_US / 1000)
#define WAIT_LONGER_MS 5000U /* more than the daemon's limit, which ends the call itself */

/* Error codes with an exit status of their own (page 4 "JSON-RPC 2.0", page 12). */
static int
exit_of_code(json_int_t code)
{
	switch (code) {
	case -32003:
		return PZ_EXIT_TIMEOUT;
	case -32004:
	case -32005:
		return PZ_EXIT_DENIED;
	default:
		return PZ_EXIT_FAILED;
	}
}

#define CODE_UNREACHABLE (-32001)

/* ---- call ---- */

static bool
is_empty(const json_t *value)
{
	return json_is_null(value) || (json_is_object(value) && json_object_size(value) == 0);
}

/* The device in ZONE/DEVICE, else the whole text. */
static const char *
device_in(const char *address)
{
	const char *slash = strchr(address, '/');

	return slash ? slash + 1 : address;
}

/*
 * Prints "get42 on tv: " before an error of a service; an error of the daemon, or one that names
 * the function, needs no prefix.
 */
static void
where_it_failed(const struct pz_cli *cli, json_int_t code, const char *at, const char *detail,
		char *out, size_t size)
{
	const char *function = pz_cli_arg(cli, 1);
	bool is_named = function && strncmp(detail, function, strlen(function)) == 0;

	out[0] = '\0';
	if (at[0] == '\0' || function == NULL || code == CODE_UNREACHABLE)
		return;
	snprintf(out, size, "%.128s%son %.63s: ", is_named ? "" : function, is_named ? "" : " ",
		 device_in(at));
}

/* Texts for errors that have only a code. */
static const char *
meaning_of(json_int_t code)
{
	switch (code) {
	case -32601:
		return "no such function; `pzp describe SERVICE` lists those that exist";
	case -32602:
		return "the parameters do not fit; `pzp describe SERVICE` shows them";
	case -32002:
		return "too many messages wait for the device; try again later";
	default:
		return "";
	}
}

static int
print_error(const struct pz_cli *cli, const json_t *outcome)
{
	const json_t *error = json_object_get(outcome, "error");
	json_int_t code = json_integer_value(json_object_get(error, "code"));
	const json_t *data = json_object_get(error, "data");
	char message_scratch[32], detail_scratch[32], at_scratch[32], where[256];
	const char *detail = json_is_string(data) ? json_string_value(data)
						  : pz_cli_member(data, "message", detail_scratch);

	if (detail[0] == '\0')
		detail = meaning_of(code);
	if (detail[0] == '\0')
		detail = pz_cli_member(error, "message", message_scratch);
	if (detail[0] == '\0')
		detail = "the call failed";
	where_it_failed(cli, code, pz_cli_member(outcome, "at", at_scratch), detail, where,
			sizeof(where));
	return pz_cli_fail(cli, exit_of_code(code), "%s%s", where, detail);
}

/* The answer {"result":…} or {"error":…}. */
static int
print_outcome(const struct pz_cli *cli, const json_t *outcome, bool stream)
{
	json_t *error = json_object_get(outcome, "error");
	json_t *result = json_object_get(outcome, "result");
	json_t *only;
	int status = PZ_EXIT_DONE;

	if (error == NULL && result == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "the daemon's answer has no result");
	if (error == NULL && stream && is_empty(result))
		return PZ_EXIT_DONE; /* the end of a stream whose values came in call-backs */
	if (cli->json) {
		only = json_pack("{s:O}", error ? "error" : "result", error ? error : result);
		status = pz_cli_print_json(cli, only);
		json_decref(only);
	} else if (error == NULL) {
		status = pz_cli_print_value(cli, result);
	}
	if (error && cli->json) /* the JSON document has everything */
		return exit_of_code(json_integer_value(json_object_get(error, "code")));
	return error ? print_error(cli, outcome) : status;
}

/* A text of one line unchanged, any other value as compact JSON, in a string. NULL: out of
 * memory. */
static json_t *
line_of(json_t *value)
{
	PZ_AUTO_FREE char *text = NULL;

	if (json_is_string(value) && strchr(json_string_value(value), '\n') == NULL)
		return json_incref(value);
	text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))
		     : strdup("null");
	return text ? json_string(text) : NULL;
}

/* One value of a stream on each line: a text unchanged, any other value as JSON; with --json also
 * the call-back that sent it. */
static bool
on_callback(void *arg, json_t *event)
{
	const struct pz_cli *cli = arg;
	json_t *line;
	int status;

	if (json_is_true(json_object_get(event, "asking")) && !cli->json)
		fprintf(cli->err, "pzp: a person is asked to allow this; waiting for the answer\n");
	if (json_object_get(event, "callback") == NULL)
		return true;
	if (cli->json)
		return pz_cli_print_json(cli, event) == PZ_EXIT_DONE && !ferror(cli->out);
	line = line_of(json_object_get(event, "params"));
	if (line == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "out of memory") == PZ_EXIT_DONE;
	status = pz_cli_print_value(cli, line);
	json_decref(line);
	return status == PZ_EXIT_DONE && !ferror(cli->out);
}

/* Without --timeout the daemon decides: it waits longer while a person is asked. NULL: an argument
 * is not valid UTF-8. @param takes_params takes ownership @param timeout_ms 0: none given */
static json_t *
call_request(const struct pz_cli *cli, json_t *takes_params, unsigned timeout_ms, bool stream)
{
	json_t *request =
		json_pack("{s:s, s:s, s:o, s:b}", "service", pz_cli_arg(cli, 0), "function",
			  pz_cli_arg(cli, 1), "params", takes_params, "stream", (int)stream);

	if (request && (timeout_ms > 0 || stream))
		json_object_set_new(request, "timeout_ms", json_integer(timeout_ms));
	return request;
}

static int
call_function(struct pz_cli *cli)
{
	const char *timeout = pz_cli_opt(cli, "timeout"), *text = pz_cli_arg(cli, 2);
	bool stream = pz_cli_opt(cli, "stream") != NULL;
	unsigned timeout_ms = 0, wait_ms = stream ? 0 : ASKED_MS + WAIT_LONGER_MS;
	int status = PZ_EXIT_DONE;
	json_t *outcome = NULL;

	if (timeout && (!pz_cli_parse_seconds(timeout, &timeout_ms) || timeout_ms == 0))
		return pz_cli_usage(cli, "--timeout must be more than 0");
	json_t *params = text ? pz_cli_value(cli, "PARAMS-JSON", text, &status) : json_array();
	if (params == NULL)
		return status;
	json_t *request = call_request(cli, params, timeout_ms, stream);
	if (request == NULL)
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	status = stream ? pz_cli_catch_interrupts(cli) : PZ_EXIT_DONE;
	if (status != PZ_EXIT_DONE) {
		json_decref(request);
		return status;
	}
	if (timeout_ms > 0)
		wait_ms = timeout_ms + WAIT_LONGER_MS;
	status = pz_cli_request(cli, "call", request, wait_ms, on_callback, cli, &outcome);
	if (status == PZ_EXIT_DONE && outcome)
		status = print_outcome(cli, outcome, stream);
	json_decref(outcome);
	return status;
}

/* ---- describe ---- */

/* "get42(number)" */
static void
add_signature(struct pz_cli_table *t, const json_t *method)
{
	char scratch[32], text[512];
	const json_t *params = json_object_get(method, "params");
	size_t used = (size_t)snprintf(text, sizeof(text), "%.127s(",
				       pz_cli_member(method, "name", scratch));

	for (size_t i = 0; i < json_array_size(params) && used + 140 < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.127s",
					 i ? ", " : "",
					 json_string_value(json_array_get(params, i)));
	snprintf(text + used, sizeof(text) - used, ")");
	pz_cli_table_add(t, PZ_CLI_BOLD, text);
}

static int
print_methods(struct pz_cli *cli, const json_t *methods)
{
	static const char *const titles[] = {"FUNCTION", "KIND", "RETURNS", "DOES"};
	struct pz_cli_table *t = pz_cli_table_new(titles, 4);

	for (size_t i = 0; t && i < json_array_size(methods); i++) {
		const json_t *method = json_array_get(methods, i);
		char scratch[32];

		add_signature(t, method);
		pz_cli_table_add(t, PZ_CLI_PLAIN,
				 json_is_true(json_object_get(method, "stream")) ? "stream"
										 : "call");
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(method, "returns", scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(method, "text", scratch));
	}
	return pz_cli_print_table(cli, t);
}

static int
print_description(struct pz_cli *cli, const json_t *service)
{
	const json_t *methods = json_object_get(service, "methods");
	char name_scratch[32], at_scratch[32], text_scratch[32];
	char *name = pz_cli_clean(pz_cli_member(service, "displayName", name_scratch), false);
	char *text = pz_cli_clean(pz_cli_member(service, "description", text_scratch), false);
	char *at = pz_cli_clean(pz_cli_member(service, "serviceAddress", at_scratch), false);
	int status = PZ_EXIT_DONE;

	fprintf(cli->out, "%s on %s: %s\n", name ? name : "", at ? device_in(at) : "",
		text ? text : "");
	free(name);
	free(text);
	free(at);
	if (json_array_size(methods) > 0)
		status = print_methods(cli, methods);
	else
		fputs("the device does not list its functions (it runs an older version)\n",
		      cli->out);
	return status;
}

/* @param print is called with the descriptor */
static int
describe(struct pz_cli *cli, int (*print)(struct pz_cli *cli, const json_t *service))
{
	json_t *request = json_pack("{s:s}", "service", pz_cli_arg(cli, 0)), *outcome = NULL;

	if (request == NULL)
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	int status = pz_cli_request(cli, "describe", request, CALL_TIMEOUT_MS + WAIT_LONGER_MS,
				    NULL, NULL, &outcome);
	const json_t *service = json_object_get(outcome, "service");
	if (status == PZ_EXIT_DONE && outcome && service == NULL)
		status = print_outcome(cli, outcome, false);
	else if (status == PZ_EXIT_DONE && service)
		status = print(cli, service);
	json_decref(outcome);
	return status;
}

static int
print_either(struct pz_cli *cli, const json_t *service)
{
	return cli->json ? pz_cli_print_json(cli, service) : print_description(cli, service);
}

int
pz_pzp_cmd_describe(struct pz_cli *cli)
{
	return describe(cli, print_either);
}

/* A call without a function is wrong usage; the error lists the functions. */
static int
no_function(struct pz_cli *cli)
{
	struct pz_cli aside = *cli;

	aside.out = cli->err;
	aside.json = aside.colour = aside.out_is_tty = false;
	(void)pz_cli_usage(cli, "call needs a FUNCTION");
	(void)describe(&aside, print_description);
	cli->client = aside.client; /* opened by now, and closed with the others */
	return PZ_EXIT_USAGE;
}

int
pz_pzp_cmd_call(struct pz_cli *cli)
{
	return pz_cli_arg(cli, 1) ? call_function(cli) : no_function(cli);
}
