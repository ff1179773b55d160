/* pzp serve: the service exists as long as this command, and is registered again after a restart of
 * the daemon. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli/value.h"
#include "cli_pzp/commands.h"
#include "ctl/client.h"
#include "ctl/server.h"

#define AGAIN_FIRST_MS 500 /* a daemon that restarts is back within a second */
#define AGAIN_MAX_MS 30000

struct serving {
	struct pz_cli *cli;
	json_t *params;
	bool is_registered; /* it was registered at least once: from then on the command waits for a
			       lost daemon */
	int wait_ms;
};

/* The description in FILE; NULL after the reason was printed. The daemon checks its content. */
static json_t *
read_description(const struct pz_cli *cli, const char *path)
{
	size_t len = 0;
	PZ_AUTO_FREE char *text = pz_cli_read_file(cli, path, PZ_COMMAND_FILE_BYTES_MAX, &len);
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

/* Flushed: a script waits for this line before it calls the service. */
static void
print_registered(const struct pz_cli *cli, const json_t *service)
{
	char *name, *address, *id;
	char scratch[32];

	name = pz_cli_clean(pz_cli_member(service, "displayName", scratch), false);
	address = pz_cli_clean(pz_cli_member(service, "serviceAddress", scratch), false);
	id = pz_cli_clean(pz_cli_member(service, "id", scratch), false);
	fprintf(cli->out, "serving %s at %s, id %s (Ctrl-C ends it)\n", name ? name : "",
		address ? address : "", id ? id : "");
	fflush(cli->out);
	free(name);
	free(address);
	free(id);
}

/* The first event. From here on the command waits for a lost daemon, because the description is
 * known to be valid. */
static bool
on_registered(void *arg, json_t *event)
{
	struct serving *s = arg;
	const struct pz_cli *cli = s->cli;
	const json_t *service = json_object_get(event, "registered");

	if (service) {
		s->is_registered = true;
		s->wait_ms = AGAIN_FIRST_MS;
	}
	if (cli->json)
		return pz_cli_print_json(cli, event) == PZ_EXIT_DONE && !ferror(cli->out);
	if (service)
		print_registered(cli, service);
	return true;
}

/* @return true: interrupted */
static bool
wait_a_while(struct serving *s)
{
	struct pollfd stop = {.fd = s->cli->stop_fd, .events = POLLIN};

	int ready = poll(&stop, 1, s->wait_ms);
	s->wait_ms = s->wait_ms * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : s->wait_ms * 2;
	return ready > 0;
}

/* One connection to the daemon. @return true: it was lost, and the next attempt follows */
static bool
serve_once(struct serving *s, int *out_status)
{
	struct pz_cli *cli = s->cli;
	struct pz_errinfo info = {""};
	struct pz_ctl_error error = {.exit = 0};
	json_t *result = NULL;

	enum pz_err err = pz_cli_connect(cli, &info);
	if (err != PZ_OK && s->is_registered)
		return true;
	if (err != PZ_OK) { /* the same request once more prints the reason */
		*out_status = pz_cli_request(cli, "serve", json_incref(s->params), 0, on_registered,
					     s, &result);
		json_decref(result);
		return false;
	}
	err = pz_ctl_request(cli->client, "serve", json_incref(s->params), 0, on_registered, s,
			     &result, &error, &info);
	if (err != PZ_OK && s->is_registered)
		return true;
	if (err != PZ_OK)
		*out_status = pz_cli_fail(
			cli, err == PZ_ERR_IO_CLOSED ? PZ_EXIT_NO_DAEMON : pz_ctl_exit_code(err),
			"%s: %s", cli->program->daemon,
			info.text[0] ? info.text : pz_err_text(err));
	else if (error.exit != 0)
		*out_status = pz_cli_fail(cli, error.exit, "%.200s: %s", pz_cli_arg(cli, 0),
					  error.message);
	else if (result)
		*out_status = pz_cli_fail(cli, PZ_EXIT_FAILED, "the daemon ended the service");
	json_decref(result);
	return false;
}

static int
serve(struct serving *s)
{
	struct pz_cli *cli = s->cli;
	int status = PZ_EXIT_DONE;

	while (serve_once(s, &status)) {
		pz_ctl_client_free(cli->client);
		cli->client = NULL;
		if (s->wait_ms == AGAIN_FIRST_MS) /* once only; it is not a failure */
			fprintf(cli->err,
				"%s: %s has ended; the service returns when it is back (Ctrl-C "
				"ends "
				"it)\n",
				cli->program->name, cli->program->daemon);
		if (wait_a_while(s))
			break;
	}
	return status;
}

int
pz_pzp_cmd_serve(struct pz_cli *cli)
{
	json_t *description = read_description(cli, pz_cli_arg(cli, 0));
	struct serving s = {.cli = cli, .wait_ms = AGAIN_FIRST_MS};

	if (description == NULL)
		return PZ_EXIT_FAILED;
	s.params = json_pack("{s:o}", "description", description);
	int status = pz_cli_catch_interrupts(cli);
	if (status == PZ_EXIT_DONE)
		status = serve(&s);
	json_decref(s.params);
	return status;
}
