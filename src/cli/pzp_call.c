/* pzp call, serve. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/timer.h"
#include "cli/pzp.h"
#include "cli/run.h"
#include "cli/text.h"

#define CALL_TIMEOUT_MS (unsigned)(PZ_CALL_TIMEOUT_US / 1000)
#define WAIT_LONGER_MS 5000U /* than the daemon, which times the call itself */

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

/* ---- call ---- */

/* PARAMS-JSON; without one an empty list. NULL after the reason was told. */
static json_t *
call_params(const struct pz_cli *cli)
{
	const char *text = pz_cli_arg(cli, 2);
	json_error_t error;
	json_t *params;

	if (text == NULL)
		return json_array();
	params = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
	if (params == NULL)
		pz_cli_usage(cli, "PARAMS-JSON is not JSON: %s at column %d", error.text,
			     error.column);
	return params;
}

static bool
is_empty(const json_t *value)
{
	return json_is_null(value) || (json_is_object(value) && json_object_size(value) == 0);
}

static int
print_error(const struct pz_cli *cli, const json_t *error)
{
	json_int_t code = json_integer_value(json_object_get(error, "code"));
	const json_t *data = json_object_get(error, "data");
	char message_scratch[32], detail_scratch[32];
	const char *message = pz_cli_member(error, "message", message_scratch);
	const char *detail = json_is_string(data) ? json_string_value(data)
						  : pz_cli_member(data, "message", detail_scratch);
	bool more = detail[0] != '\0' && strcmp(detail, message) != 0;

	return pz_cli_fail(cli, exit_of_code(code), "%s%s%s (%" JSON_INTEGER_FORMAT ")",
			   message[0] ? message : "the call failed", more ? ": " : "",
			   more ? detail : "", code);
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
		return PZ_EXIT_DONE; /* the end of a stream that said all in call-backs */
	if (cli->json) {
		only = json_pack("{s:O}", error ? "error" : "result", error ? error : result);
		status = pz_cli_print_json(cli, only);
		json_decref(only);
	} else if (error == NULL) {
		status = pz_cli_print_value(cli, result);
	}
	return error ? print_error(cli, error) : status;
}

static bool
on_callback(void *arg, json_t *event)
{
	const struct pz_cli *cli = arg;

	if (json_object_get(event, "callback") == NULL)
		return true;
	return pz_cli_print_json(cli, event) == PZ_EXIT_DONE && !ferror(cli->out);
}

int
pz_pzp_cmd_call(struct pz_cli *cli)
{
	const char *timeout = pz_cli_opt(cli, "timeout");
	bool stream = pz_cli_opt(cli, "stream") != NULL;
	unsigned timeout_ms = stream ? 0 : CALL_TIMEOUT_MS;
	json_t *params = call_params(cli), *request, *outcome = NULL;
	int status = PZ_EXIT_DONE;

	if (params == NULL)
		return PZ_EXIT_USAGE;
	if (timeout && (!pz_cli_parse_seconds(timeout, &timeout_ms) || timeout_ms == 0)) {
		json_decref(params);
		return pz_cli_usage(cli, "--timeout must be more than 0");
	}
	request = json_pack("{s:s, s:s, s:o, s:I, s:b}", "service", pz_cli_arg(cli, 0), "function",
			    pz_cli_arg(cli, 1), "params", params, "timeout_ms",
			    (json_int_t)timeout_ms, "stream", (int)stream);
	if (request == NULL)
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	if (stream)
		status = pz_cli_catch_interrupts(cli);
	if (status != PZ_EXIT_DONE) {
		json_decref(request);
		return status;
	}
	status = pz_cli_request(cli, "call", request, timeout_ms ? timeout_ms + WAIT_LONGER_MS : 0,
				on_callback, cli, &outcome);
	if (status == PZ_EXIT_DONE && outcome)
		status = print_outcome(cli, outcome, stream);
	json_decref(outcome);
	return status;
}

/* ---- serve ---- */

/* The whole file, at most PZ_COMMAND_FILE_BYTES_MAX; NULL after the reason was told. */
static char *
read_file(const struct pz_cli *cli, const char *path, size_t *out_len)
{
	PZ_AUTO_FREE char *text = malloc(PZ_COMMAND_FILE_BYTES_MAX + 1);
	FILE *file = fopen(path, "re");
	size_t len;
	int failed;

	if (file == NULL || text == NULL) {
		pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s: %s", path, strerror(errno));
		if (file)
			fclose(file);
		return NULL;
	}
	len = fread(text, 1, PZ_COMMAND_FILE_BYTES_MAX + 1, file);
	failed = ferror(file) ? errno : 0;
	fclose(file);
	if (failed || len > PZ_COMMAND_FILE_BYTES_MAX) {
		pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s: %s", path,
			    failed ? strerror(failed) : "longer than 64 KiB");
		return NULL;
	}
	*out_len = len;
	return PZ_TAKE(text);
}

/* The description in FILE; NULL after the reason was told. What it means is the daemon's to check.
 */
static json_t *
read_description(const struct pz_cli *cli, const char *path)
{
	size_t len = 0;
	PZ_AUTO_FREE char *text = read_file(cli, path, &len);
	json_error_t error;
	json_t *description;

	if (text == NULL)
		return NULL;
	description = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(description))
		return description;
	if (description)
		pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s: not a JSON object", path);
	else
		pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s: line %d: %s", path, error.line,
			    error.text);
	json_decref(description);
	return NULL;
}

static bool
on_registered(void *arg, json_t *event)
{
	const struct pz_cli *cli = arg;
	const json_t *service = json_object_get(event, "registered");
	char *name, *address, *id;
	char scratch[32];

	if (cli->json)
		return pz_cli_print_json(cli, event) == PZ_EXIT_DONE && !ferror(cli->out);
	if (service == NULL)
		return true;
	name = pz_cli_clean(pz_cli_member(service, "displayName", scratch), false);
	address = pz_cli_clean(pz_cli_member(service, "serviceAddress", scratch), false);
	id = pz_cli_clean(pz_cli_member(service, "id", scratch), false);
	fprintf(cli->out, "serving %s at %s, id %s (Ctrl-C ends it)\n", name ? name : "",
		address ? address : "", id ? id : "");
	fflush(cli->out);
	free(name);
	free(address);
	free(id);
	return true;
}

int
pz_pzp_cmd_serve(struct pz_cli *cli)
{
	json_t *description = read_description(cli, pz_cli_arg(cli, 0)), *params, *result;
	int status;

	if (description == NULL)
		return PZ_EXIT_FAILED;
	params = json_pack("{s:o}", "description", description);
	status = pz_cli_catch_interrupts(cli);
	if (status != PZ_EXIT_DONE) {
		json_decref(params);
		return status;
	}
	status = pz_cli_request(cli, "serve", params, 0, on_registered, cli, &result);
	if (status == PZ_EXIT_DONE && result) /* it should not end by itself */
		status = pz_cli_fail(cli, PZ_EXIT_FAILED, "the daemon ended the service");
	json_decref(result);
	return status;
}
