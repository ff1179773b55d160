/*
 * pzh init, token, revoke, remove. The first and the last work without a daemon (offline.c); a code
 * and a revocation need one, because both concern connecting devices.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "cli/qr.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzh/commands.h"

#define INIT_TIMEOUT_MS 60000U /* RSA 4096 keys may take long on a small machine */

/* Prints "label  member" for each member that is present. */
static int
print_members(const struct pz_cli *cli, const json_t *result, const char *const (*lines)[2],
	      size_t count)
{
	struct pz_cli_table *t = pz_cli_table_new(NULL, 2);

	for (size_t i = 0; t && i < count; i++) {
		char scratch[32];
		const char *value = pz_cli_member(result, lines[i][1], scratch);

		if (value[0] == '\0')
			continue;
		pz_cli_table_add(t, PZ_CLI_BOLD, lines[i][0]);
		pz_cli_table_add(t, PZ_CLI_PLAIN, value);
	}
	return pz_cli_print_whole_table(cli, t);
}

/* ---- init ---- */

/* Includes the next step; without a daemon that is to start it. */
static int
print_zone(struct pz_cli *cli, const json_t *result)
{
	static const char *const lines[][2] = {
		{"zone", "zone"}, {"host", "host"}, {"fingerprint", "fingerprint"}};
	int status = print_members(cli, result, lines, 3);

	if (status == PZ_EXIT_DONE)
		fprintf(cli->out, "\nnext: %s'pzh token' makes a code for the first device\n",
			cli->client ? "" : "start pzhd, then ");
	return status;
}

int
pz_pzh_cmd_init(struct pz_cli *cli)
{
	const char *zone = pz_cli_opt(cli, "zone"), *host = pz_cli_opt(cli, "host");

	if (zone == NULL || host == NULL)
		return pz_cli_usage(cli, "init needs --zone and --host");
	int status = pz_pzh_find_hub(cli);
	if (status != PZ_EXIT_DONE)
		return status;
	json_t *params = json_object();
	pz_cli_opt_param(cli, params, "zone");
	pz_cli_opt_param(cli, params, "host");
	pz_cli_opt_param(cli, params, "name");
	return pz_cli_show(cli, "init", params, INIT_TIMEOUT_MS, print_zone);
}

/* ---- token ---- */

/* Facts about earlier codes that the owner should know. */
static void
print_token_notes(struct pz_cli *cli, const json_t *token)
{
	json_int_t failed = json_integer_value(json_object_get(token, "failedAttempts"));

	if (json_is_true(json_object_get(token, "replaced")))
		fputs("the code before this one is cancelled; for several devices at once use "
		      "--device\n",
		      cli->out);
	if (failed > 0)
		fprintf(cli->out,
			"%lld attempts to enrol have failed within the last hour; if they were not "
			"yours, another machine is guessing (see `pzh status`)\n",
			(long long)failed);
}

static int
print_token(struct pz_cli *cli, const json_t *token)
{
	static const char *const lines[][2] = {
		{"code", "code"}, {"link", "link"}, {"zone", "zone"}};
	json_int_t left = json_integer_value(json_object_get(token, "expires")) - time(NULL);
	const char *link = json_string_value(json_object_get(token, "link"));
	const char *device = json_string_value(json_object_get(token, "device"));
	char span[32];

	/* First, so that code and link remain visible on a small terminal. */
	if (link)
		pz_cli_print_qr(cli, link);
	int status = print_members(cli, token, lines, 3);
	if (status != PZ_EXIT_DONE)
		return status;
	if (left > 0) {
		pz_cli_span((uint64_t)left, span);
		fprintf(cli->out,
			"\nvalid for %s, for %s%s\n"
			"next, on the device: pzp enrol '%s'\n",
			span, device ? "the device " : "one device; a new code cancels this one",
			device ? device : "", link ? link : "LINK");
	}
	print_token_notes(cli, token);
	return PZ_EXIT_DONE;
}

int
pz_pzh_cmd_token(struct pz_cli *cli)
{
	const char *ttl = pz_cli_opt(cli, "ttl");
	json_t *params = json_object();
	unsigned ms;

	pz_cli_opt_param(cli, params, "zone");
	pz_cli_opt_param(cli, params, "device");
	if (ttl && pz_cli_parse_seconds(ttl, &ms))
		json_object_set_new(params, "ttl", json_integer(ms / 1000));
	return pz_cli_show(cli, "token", params, PZ_CLI_TIMEOUT_MS, print_token);
}

/* ---- revoke ---- */

/* Names are cleaned, because a device chose them. */
static int
print_revoked(struct pz_cli *cli, const json_t *result)
{
	char device_scratch[32], serial_scratch[32];
	char *device = pz_cli_clean(pz_cli_member(result, "device", device_scratch), false);
	char *serial = pz_cli_clean(pz_cli_member(result, "serial", serial_scratch), false);

	fprintf(cli->out, "revoked %s%s%s\n", device ? device : "",
		serial && serial[0] ? ", serial " : "", serial ? serial : "");
	free(device);
	free(serial);
	const json_t *purged = json_object_get(result, "purged"); /* with --purge */
	if (purged)
		fprintf(cli->out, "%" JSON_INTEGER_FORMAT " values that it had written removed\n",
			json_integer_value(purged));
	return PZ_EXIT_DONE;
}

int
pz_pzh_cmd_revoke(struct pz_cli *cli)
{
	const char *device = pz_cli_arg(cli, 0), *zone = pz_cli_opt(cli, "zone");
	json_t *params;
	int status = pz_cli_confirm(cli, "Revoke %s%s%s? It cannot be undone.", device,
				    zone ? " of " : "", zone ? zone : "");

	if (status != PZ_EXIT_DONE)
		return status;
	params = json_pack("{s:s}", "device", device);
	if (params == NULL)
		return pz_cli_usage(cli, "DEVICE is not valid UTF-8");
	pz_cli_opt_param(cli, params, "zone");
	if (pz_cli_opt(cli, "purge"))
		json_object_set_new(params, "purge", json_true());
	return pz_cli_show(cli, "revoke", params, PZ_CLI_TIMEOUT_MS, print_revoked);
}

/* ---- rights ---- */

static int
print_rights(struct pz_cli *cli, const json_t *result)
{
	static const struct {
		const char *right, *meaning;
	} all[] = {
		{"answer", "answer questions of the owner's other devices"},
		{"policy", "change who may do what in the zone"},
		{"admin", "administer the zone: its friends"},
	};
	const json_t *list = json_object_get(result, "rights"), *value;
	struct pz_cli_table *t = pz_cli_table_new(NULL, 3);

	for (size_t i = 0; t && i < sizeof(all) / sizeof(all[0]); i++) {
		bool has = false;
		size_t at;

		json_array_foreach (list, at, value)
			has |= strcmp(json_string_value(value), all[i].right) == 0;
		pz_cli_table_add(t, PZ_CLI_BOLD, all[i].right);
		pz_cli_table_add(t, has ? PZ_CLI_GREEN : PZ_CLI_RED, has ? "yes" : "no");
		pz_cli_table_add(t, PZ_CLI_PLAIN, all[i].meaning);
	}
	return pz_cli_print_table(cli, t);
}

int
pz_pzh_cmd_rights(struct pz_cli *cli)
{
	const char *right = pz_cli_arg(cli, 1), *word = pz_cli_arg(cli, 2);
	bool has = word && strcmp(word, "yes") == 0;

	if ((right != NULL) != (word != NULL) || (word && !has && strcmp(word, "no") != 0))
		return pz_cli_usage(cli, "usage: rights DEVICE [answer|policy|admin "
					 "yes|no]");
	json_t *params = json_pack("{s:s, s:s*, s:b}", "device", pz_cli_arg(cli, 0), "right", right,
				   "has", has);
	if (params == NULL)
		return pz_cli_usage(cli, "DEVICE and RIGHT are UTF-8");
	pz_cli_opt_param(cli, params, "zone");
	return pz_cli_show(cli, "rights", params, PZ_CLI_TIMEOUT_MS, print_rights);
}

/* ---- remove ---- */

static int
print_removed(struct pz_cli *cli, const json_t *result)
{
	char scratch[32];
	PZ_AUTO_FREE char *zone = pz_cli_clean(pz_cli_member(result, "zone", scratch), false);

	fprintf(cli->out, "removed %s and its keys from this hub\n", zone ? zone : "");
	return PZ_EXIT_DONE;
}

int
pz_pzh_cmd_remove(struct pz_cli *cli)
{
	const char *zone = pz_cli_arg(cli, 0);
	int status = pz_cli_confirm(cli,
				    "Remove %s and its keys from this hub? Without an export that "
				    "cannot be undone.",
				    zone);

	if (status != PZ_EXIT_DONE)
		return status;
	json_t *params = json_pack("{s:s}", "zone", zone);
	if (params == NULL)
		return pz_cli_usage(cli, "ZONE is not valid UTF-8");
	status = pz_pzh_find_hub(cli);
	if (status != PZ_EXIT_DONE) {
		json_decref(params);
		return status;
	}
	return pz_cli_show(cli, "remove", params, PZ_CLI_TIMEOUT_MS, print_removed);
}
