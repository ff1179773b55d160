/*
 * pzp enrol, leave, connect, disconnect, reconnect, hub. The daemon has the time-outs of long
 * steps, because it knows the reason of a failure; the limits here are longer.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "cli/host.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzp/commands.h"

#define LINK_SCHEME "pzp://"
#define ENROL_TIMEOUT_MS 180000U  /* the daemon gives up earlier, with the reason */
#define CONNECT_TIMEOUT_MS 60000U /* likewise */
#define PEER_PORT 8040            /* unless preferences say otherwise (page 10) */

/* ---- enrol ---- */

/* Eight digits; the dash that is shown to people may be anywhere. */
static bool
is_code(const char *text)
{
	size_t digits = 0;

	for (; *text; text++) {
		if (isdigit((unsigned char)*text))
			digits++;
		else if (*text != '-' && *text != ' ')
			return false;
	}
	return digits == PZ_CODE_DIGITS;
}

/* Parameters of `enrol`, or NULL after the reason was printed. */
static json_t *
enrol_params(const struct pz_cli *cli)
{
	const char *where = pz_cli_arg(cli, 0);
	const char *zone = pz_cli_opt(cli, "zone"), *code = pz_cli_opt(cli, "code");
	bool is_link = strncasecmp(where, LINK_SCHEME, strlen(LINK_SCHEME)) == 0;
	char host[PZ_HOST_BYTES_MAX + 1];
	unsigned port = 0; /* 0: the daemon's default */
	json_t *params;

	if (is_link && (zone || code)) {
		pz_cli_usage(cli, "the link contains zone and code: leave --zone and --code out");
		return NULL;
	}
	if (!is_link && (zone == NULL || code == NULL)) {
		pz_cli_usage(cli,
			     "%.80s is not a pzp:// link; with a HOST give --zone and --code too",
			     where);
		return NULL;
	}
	if (!is_link && !pz_cli_split_host(where, host, &port)) {
		pz_cli_usage(cli, "%.80s: not a HOST[:PORT]", where);
		return NULL;
	}
	if (code && !is_code(code)) {
		pz_cli_usage(cli, "--code: %d digits, e.g. 1234-5678", PZ_CODE_DIGITS);
		return NULL;
	}
	if (is_link)
		params = json_pack("{s:s}", "link", where);
	else
		params = json_pack("{s:s, s:s, s:s}", "host", host, "zone", zone, "code", code);
	if (params == NULL) {
		pz_cli_usage(cli, "an argument is not valid UTF-8");
		return NULL;
	}
	if (port)
		json_object_set_new(params, "port", json_integer(port));
	pz_cli_opt_param(cli, params, "device");
	return params;
}

/* The present step as text; NULL: nothing to print. */
static const char *
step_text(const char *state)
{
	static const struct {
		const char *state, *text;
	} steps[] = {
		{"virgin-connecting", "connecting to the hub"},
		{"virgin-connected", "the code is right, storing the certificates"},
		{"connecting", "enrolled, connecting as a device of the zone"},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(state, steps[i].state) == 0)
			return steps[i].text;
	return NULL;
}

/* Progress goes to standard error, and only on a terminal: standard output has only the result. */
static bool
on_enrol_event(void *arg, json_t *event)
{
	const struct pz_cli *cli = arg;
	char scratch[32];
	const char *step = step_text(pz_cli_member(event, "state", scratch));

	if (cli->err_is_tty && step)
		fprintf(cli->err, "%s: %s ...\n", cli->program->name, step);
	return true;
}

static int
print_enrolled(struct pz_cli *cli, const json_t *result)
{
	char scratch[32];
	char *id = pz_cli_clean(pz_cli_member(result, "id", scratch), false);

	fprintf(cli->out, "enrolled%s%s\n", id && id[0] ? " as " : "", id ? id : "");
	free(id);
	return PZ_EXIT_DONE;
}

int
pz_pzp_cmd_enrol(struct pz_cli *cli)
{
	json_t *params = enrol_params(cli), *result;
	int status;

	if (params == NULL)
		return PZ_EXIT_USAGE;
	status = pz_cli_request(cli, "enrol", params, ENROL_TIMEOUT_MS, on_enrol_event, cli,
				&result);
	if (status == PZ_EXIT_DONE && result)
		status = cli->json ? pz_cli_print_json(cli, result) : print_enrolled(cli, result);
	json_decref(result);
	return status;
}

/* ---- leave, connect, disconnect ---- */

static int
print_left(struct pz_cli *cli, const json_t *result)
{
	(void)result;
	fputs("left the zone; this device is not in a zone now\n", cli->out);
	return PZ_EXIT_DONE;
}

int
pz_pzp_cmd_leave(struct pz_cli *cli)
{
	int status = pz_cli_confirm(
		cli, "Give up the enrolment of this device and wipe its keys and zone data?");

	if (status != PZ_EXIT_DONE)
		return status;
	return pz_cli_show(cli, "leave", NULL, CONNECT_TIMEOUT_MS, print_left);
}

/* Without a PEER the command is about the hub. */
static json_t *
peer_params(const struct pz_cli *cli)
{
	const char *peer = pz_cli_arg(cli, 0);
	json_t *params = json_object();

	if (peer)
		json_object_set_new(params, "peer", json_string(peer));
	return params;
}

static int
print_with_peer(struct pz_cli *cli, const char *what, const char *link_word)
{
	const char *peer = pz_cli_arg(cli, 0);

	fprintf(cli->out, "%s %s %s\n", what, link_word, peer ? peer : "the hub");
	return PZ_EXIT_DONE;
}

static int
print_connected(struct pz_cli *cli, const json_t *result)
{
	(void)result;
	return print_with_peer(cli, "connected", "to");
}

static int
print_disconnected(struct pz_cli *cli, const json_t *result)
{
	(void)result;
	return print_with_peer(cli, "disconnected", "from");
}

int
pz_pzp_cmd_connect(struct pz_cli *cli)
{
	const char *where = pz_cli_opt(cli, "address");
	char address[PZ_HOST_BYTES_MAX + 1];
	unsigned port = PEER_PORT;
	json_t *params = peer_params(cli);

	if (where && (pz_cli_arg(cli, 0) == NULL || !pz_cli_split_host(where, address, &port))) {
		json_decref(params);
		return pz_cli_usage(cli, "--address needs a PEER and an IP[:PORT]");
	}
	if (where) {
		(void)json_object_set_new(params, "address", json_string(address));
		(void)json_object_set_new(params, "port", json_integer((json_int_t)port));
	}
	return pz_cli_show(cli, "connect", params, CONNECT_TIMEOUT_MS, print_connected);
}

int
pz_pzp_cmd_disconnect(struct pz_cli *cli)
{
	return pz_cli_show(cli, "disconnect", peer_params(cli), CONNECT_TIMEOUT_MS,
			   print_disconnected);
}

/* Not a failure if the user wants no hub (connection = peer): the reason shows that. */
static int
print_reconnected(struct pz_cli *cli, const json_t *result)
{
	char scratch[32];
	bool is_there = strcmp(pz_cli_member(result, "state", scratch), "connected") == 0;
	char *reason = pz_cli_clean(pz_cli_member(result, "reason", scratch), false);

	fprintf(cli->out, is_there ? "reconnected to the hub\n" : "not connected to the hub: %s\n",
		reason ? reason : "");
	free(reason);
	return PZ_EXIT_DONE;
}

int
pz_pzp_cmd_reconnect(struct pz_cli *cli)
{
	return pz_cli_show(cli, "reconnect", NULL, CONNECT_TIMEOUT_MS, print_reconnected);
}

/* ---- hub ---- */

/* "WHAT host port 8041" */
static int
print_place(struct pz_cli *cli, const char *what, const json_t *place)
{
	char host_scratch[32], port[32];
	char *host = pz_cli_clean(pz_cli_member(place, "host", host_scratch), false);

	fprintf(cli->out, "%s %s port %s\n", what, host ? host : "",
		pz_cli_member(place, "port", port));
	free(host);
	return PZ_EXIT_DONE;
}

/* The present address, and the one that a move has announced. */
static int
print_hub(struct pz_cli *cli, const json_t *result)
{
	const json_t *next = json_object_get(result, "next");
	int status = print_place(cli, "the hub is at", result);

	return next ? print_place(cli, "and will be at", next) : status;
}

/* The address was tried: if the hub was not reached, that is a failure. */
static int
print_new_hub(struct pz_cli *cli, const json_t *result)
{
	return print_place(cli, "connected to the hub at", result);
}

int
pz_pzp_cmd_hub(struct pz_cli *cli)
{
	const char *where = pz_cli_arg(cli, 0);
	char host[PZ_HOST_BYTES_MAX + 1];
	unsigned port = PZ_CLI_HUB_PORT;

	if (where && !pz_cli_split_host(where, host, &port))
		return pz_cli_usage(cli, "%.80s: not a HOST[:PORT]", where);
	json_t *params =
		where ? json_pack("{s:s, s:i}", "host", host, "port", (int)port) : json_object();
	if (params == NULL)
		return pz_cli_usage(cli, "HOST is not valid UTF-8");
	return pz_cli_show(cli, "hub", params, where ? CONNECT_TIMEOUT_MS : PZ_CLI_TIMEOUT_MS,
			   where ? print_new_hub : print_hub);
}
