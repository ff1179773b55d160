/*
 * pzp prefs: shows and sets preferences. The daemon has the table of keys, values and meanings;
 * this file prints its answers. @spec page 10, page 12
 */
#include <stdlib.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzp/commands.h"

#define RECONNECT_TIMEOUT_MS 60000U /* the daemon gives up earlier, with the reason */

const char *
pz_pzp_pref_text(const json_t *object, const char *key, char scratch[32])
{
	const json_t *value = json_object_get(object, key);

	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	return pz_cli_member(object, key, scratch);
}

/* Stored, but without effect in this version. */
static bool
is_idle(const json_t *one)
{
	return json_object_get(one, "note") != NULL;
}

/* ---- all ---- */

/* One line below the table, because a note in each row would make it too wide. */
static void
print_idle(const struct pz_cli *cli, const json_t *list)
{
	const char *lead = "no effect in this version: ";
	char scratch[32];
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		char *key = pz_cli_clean(pz_cli_member(one, "key", scratch), false);

		if (is_idle(one)) {
			fprintf(cli->out, "%s%s", lead, key ? key : "");
			lead = ", ";
		}
		free(key);
	}
	if (lead[0] == ',')
		fputc('\n', cli->out);
}

/* The last column is yellow: it has what does not apply yet. */
static int
print_list(struct pz_cli *cli, const json_t *list)
{
	static const char *const titles[] = {"KEY",    "VALUE", "DEFAULT",
					     "SOURCE", "SCOPE", "PENDING"};
	static const char *const members[] = {"key",    "value", "default",
					      "source", "scope", "pending"};
	struct pz_cli_table *t = pz_cli_table_new(titles, 6);
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		for (size_t m = 0; t && m < 6; m++) {
			char scratch[32];

			pz_cli_table_add(t, m == 5 ? PZ_CLI_YELLOW : PZ_CLI_PLAIN,
					 pz_pzp_pref_text(one, members[m], scratch));
		}
	}
	int status = pz_cli_print_table(cli, t);
	if (status == PZ_EXIT_DONE)
		print_idle(cli, list);
	return status;
}

/* ---- one ---- */

static int
print_one(struct pz_cli *cli, const json_t *one)
{
	static const char *const members[] = {"key",   "value",   "pending", "default", "source",
					      "scope", "allowed", "meaning", "note"};
	struct pz_cli_table *t = pz_cli_table_new(NULL, 2);

	for (size_t i = 0; t && i < sizeof(members) / sizeof(members[0]); i++) {
		char scratch[32];
		const char *text = pz_pzp_pref_text(one, members[i], scratch);

		if (text[0] == '\0') /* `pending` and `note` are optional */
			continue;
		pz_cli_table_add(t, PZ_CLI_BOLD, members[i]);
		pz_cli_table_add(t, PZ_CLI_PLAIN, text);
	}
	return pz_cli_print_whole_table(cli, t);
}

/* "ports.tls = 9000, from the next reconnect on: `pzp reconnect`, or --now" */
static int
print_set(struct pz_cli *cli, const json_t *one)
{
	bool is_pending = json_object_get(one, "pending") != NULL;
	char scratch[32], key_scratch[32];
	char *key = pz_cli_clean(pz_cli_member(one, "key", key_scratch), false);
	char *value = pz_cli_clean(pz_pzp_pref_text(one, is_pending ? "pending" : "value", scratch),
				   false);

	fprintf(cli->out, "%s = %s%s%s\n", key ? key : "", value ? value : "",
		is_pending ? ", from the next reconnect on: `pzp reconnect`, or --now" : "",
		is_idle(one) ? " (no effect in this version)" : "");
	free(key);
	free(value);
	return PZ_EXIT_DONE;
}

/* With --now the change applies at once. @param params takes ownership */
static int
set(struct pz_cli *cli, const char *key, json_t *params)
{
	json_t *one = NULL, *ignored = NULL;
	int status = pz_cli_request(cli, "prefs", params, PZ_CLI_TIMEOUT_MS, NULL, NULL, &one);

	if (status == PZ_EXIT_DONE && pz_cli_opt(cli, "now") && json_object_get(one, "pending")) {
		json_decref(one);
		one = NULL;
		status = pz_cli_request(cli, "reconnect", NULL, RECONNECT_TIMEOUT_MS, NULL, NULL,
					&ignored);
		json_decref(ignored);
		if (status == PZ_EXIT_DONE) /* the value after the reconnect */
			status = pz_cli_request(cli, "prefs", json_pack("{s:s}", "key", key),
						PZ_CLI_TIMEOUT_MS, NULL, NULL, &one);
	}
	if (status == PZ_EXIT_DONE && one)
		status = cli->json ? pz_cli_print_json(cli, one) : print_set(cli, one);
	json_decref(one);
	return status;
}

int
pz_pzp_cmd_prefs(struct pz_cli *cli)
{
	const char *key = pz_cli_arg(cli, 0), *value = pz_cli_arg(cli, 1);
	bool reset = pz_cli_opt(cli, "reset") != NULL;
	json_t *params = json_object();

	if (reset && (key == NULL || value != NULL)) {
		json_decref(params);
		return pz_cli_usage(cli, "--reset needs a KEY and no VALUE");
	}
	if ((key && json_object_set_new(params, "key", json_string(key)) != 0) ||
	    (value && json_object_set_new(params, "value", json_string(value)) != 0)) {
		json_decref(params);
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	}
	if (reset)
		json_object_set_new(params, "reset", json_true());
	if (value || reset)
		return set(cli, key, params);
	return pz_cli_show(cli, "prefs", params, PZ_CLI_TIMEOUT_MS, key ? print_one : print_list);
}
