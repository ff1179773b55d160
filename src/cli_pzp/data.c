/* pzp data: what apps have stored on this device. pzp sync: exchanges the zone's data, and shows
 * what was transferred; fails if an exchange is incomplete, so that a script notices. @spec page 8,
 * page 12 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/apps.h"
#include "cli/text.h"
#include "cli/value.h"
#include "cli_pzp/commands.h"

/* A list of many thousand keys is long. */
#define DATA_TIMEOUT_MS (4 * PZ_CLI_TIMEOUT_MS)

/* {origin?, key?} from the arguments; NULL after printing the reason. */
static json_t *
make_params(const struct pz_cli *cli, const char *second)
{
	const char *origin = pz_cli_arg(cli, 1), *key = pz_cli_arg(cli, 2);
	json_t *params = json_object();

	if ((origin && json_object_set_new(params, "origin", json_string(origin)) != 0) ||
	    (key && json_object_set_new(params, second, json_string(key)) != 0)) {
		pz_cli_usage(cli, "an argument is not valid UTF-8");
		json_decref(params);
		return NULL;
	}
	return params;
}

/* ---- list ---- */

/* Requests parts until the list is complete. @param out_all the rows of all parts, owned by the
 * caller */
static int
fetch_all(struct pz_cli *cli, const json_t *params, const char *member, json_t **out_all)
{
	json_t *all = json_array(), *ask = json_copy((json_t *)params);
	int status;

	do {
		json_t *part = NULL;
		status = pz_cli_request(cli, "data-list", json_copy(ask), DATA_TIMEOUT_MS, NULL,
					NULL, &part);
		json_array_extend(all, json_object_get(part, member));
		json_object_set(ask, "after", json_object_get(part, "next"));
		if (json_object_get(part, "next") == NULL)
			json_object_del(ask, "after");
		json_decref(part);
	} while (status == PZ_EXIT_DONE && json_object_get(ask, "after"));
	json_decref(ask);
	*out_all = all;
	return status;
}

/* Sizes instead of values, which `data get` prints. */
static int
print_keys(const struct pz_cli *cli, const json_t *list)
{
	static const char *const titles[] = {"KEY", "BYTES", "CHANGED", "BY"};
	struct pz_cli_table *t;
	json_t *one;
	size_t i;

	if (json_array_size(list) == 0) {
		fputs("no such keys\n", cli->out);
		return PZ_EXIT_DONE;
	}
	t = pz_cli_table_new(titles, 4);
	json_array_foreach (list, i, one) {
		json_int_t mtime_ms = json_integer_value(json_object_get(one, "mtime_ms"));
		char scratch[32], when[32];
		if (t == NULL)
			break;
		pz_cli_time(mtime_ms / 1000, when);
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, "key", scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, "size", scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, when);
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, "from", scratch));
	}
	return pz_cli_print_table(cli, t);
}

static int
data_list(struct pz_cli *cli)
{
	bool is_one = pz_cli_arg(cli, 1) != NULL;
	json_t *params = make_params(cli, "prefix"), *all = NULL;

	if (params == NULL)
		return PZ_EXIT_USAGE;
	int status = fetch_all(cli, params, is_one ? "keys" : "origins", &all);
	json_decref(params);
	if (status == PZ_EXIT_DONE && cli->json)
		status = pz_cli_print_json(cli, all);
	else if (status == PZ_EXIT_DONE)
		status = is_one ? print_keys(cli, all)
				: pz_cli_print_apps(cli, all, "no app has stored anything");
	json_decref(all);
	return status;
}

/* ---- get ---- */

static int
print_value(struct pz_cli *cli, const json_t *one)
{
	return pz_cli_print_value(cli, json_object_get(one, "value"));
}

static int
data_get(struct pz_cli *cli)
{
	json_t *params = make_params(cli, "key");

	if (params == NULL)
		return PZ_EXIT_USAGE;
	return pz_cli_show(cli, "data-get", params, PZ_CLI_TIMEOUT_MS, print_value);
}

/* ---- set ---- */

/* A value that the hub refuses is stored here nevertheless: that is a warning, not a failure. */
static int
print_set(struct pz_cli *cli, const json_t *one)
{
	char scratch[32];
	char *key = pz_cli_clean(pz_cli_member(one, "key", scratch), false);

	fprintf(cli->out, "%s: %s bytes stored\n", key ? key : "",
		pz_cli_member(one, "size", scratch));
	free(key);
	const char *text = json_string_value(json_object_get(one, "refusedByHub"));
	char *refusal = text ? pz_cli_clean(text, false) : NULL;
	if (refusal)
		fprintf(cli->err, "pzp: stored on this device only, the hub refuses it: %s\n",
			refusal);
	free(refusal);
	return PZ_EXIT_DONE;
}

static int
data_set(struct pz_cli *cli)
{
	json_t *params = make_params(cli, "key");
	int status = PZ_EXIT_USAGE;
	json_t *value = params ? pz_cli_value(cli, "VALUE", pz_cli_arg(cli, 3), &status) : NULL;

	if (value == NULL) {
		json_decref(params);
		return status;
	}
	json_object_set_new(params, "value", value);
	return pz_cli_show(cli, "data-set", params, PZ_CLI_TIMEOUT_MS, print_set);
}

/* ---- remove ---- */

static int
data_remove(struct pz_cli *cli)
{
	json_t *params = make_params(cli, "key");
	int status = PZ_EXIT_DONE;

	if (params == NULL)
		return PZ_EXIT_USAGE;
	if (pz_cli_arg(cli, 2) == NULL) /* all data of the app */
		status = pz_cli_confirm(cli, "Remove everything that %.100s has stored?",
					pz_cli_arg(cli, 1));
	if (status != PZ_EXIT_DONE) {
		json_decref(params);
		return status;
	}
	return pz_cli_show(cli, "data-remove", params, DATA_TIMEOUT_MS, pz_cli_print_removed);
}

/* ---- all ---- */

static const struct {
	const char *name, *arguments;
	unsigned min, max; /* the number of arguments after the name */
	int (*run)(struct pz_cli *cli);
} actions[] = {
	{"list", "[ORIGIN [PREFIX]]", 0, 2, data_list},
	{"get", "ORIGIN KEY", 2, 2, data_get},
	{"set", "ORIGIN KEY VALUE-JSON", 3, 3, data_set},
	{"remove", "ORIGIN [KEY]", 1, 2, data_remove},
};

int
pz_pzp_cmd_data(struct pz_cli *cli)
{
	const char *name = pz_cli_arg(cli, 0);
	unsigned count = 0;

	while (pz_cli_arg(cli, count + 1)) /* the table has one maximum for all subcommands */
		count++;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		if (count < actions[i].min || count > actions[i].max)
			return pz_cli_usage(cli, "usage: data %s %s", name, actions[i].arguments);
		return actions[i].run(cli);
	}
	return pz_cli_usage(cli, "unknown action '%.40s'; use list, get, set or remove", name);
}

/* ---- sync ---- */

#define SYNC_TIMEOUT_MS 30000U /* the daemon waits 20 s for its partners */

/* "received 2 user-details, 1 crl". @param lead before the next part; returns the lead of the part
 * after it */
static const char *
print_moved(const struct pz_cli *cli, const char *lead, const char *verb, const json_t *moved)
{
	const char *between = " ", *item;
	json_t *count;

	if (json_object_size(moved) == 0)
		return lead;
	fprintf(cli->out, "%s%s", lead, verb);
	json_object_foreach ((json_t *)moved, item, count) {
		char scratch[32];
		char *clean = pz_cli_clean(item, false);

		fprintf(cli->out, "%s%s %s", between, pz_cli_member(moved, item, scratch),
			clean ? clean : "");
		between = ", ";
		free(clean);
	}
	return "; ";
}

/* One line for each partner of the exchange. */
static int
print_partners(struct pz_cli *cli, const json_t *partners)
{
	json_t *partner;
	size_t i;

	json_array_foreach (partners, i, partner) {
		const json_t *received = json_object_get(partner, "received");
		const json_t *sent = json_object_get(partner, "sent");
		bool is_complete = json_is_true(json_object_get(partner, "complete"));
		char scratch[32];
		char *id = pz_cli_clean(pz_cli_member(partner, "id", scratch), false);

		fprintf(cli->out, "%s  ", id ? id : "");
		const char *lead = print_moved(cli, "", "received", received);
		lead = print_moved(cli, lead, "sent", sent);
		if (!is_complete)
			fprintf(cli->out, "%snot complete", lead);
		else if (lead[0] == '\0')
			fputs("nothing to move", cli->out);
		fputc('\n', cli->out);
		free(id);
	}
	return PZ_EXIT_DONE;
}

static bool
is_complete(const json_t *partners)
{
	for (size_t i = 0; i < json_array_size(partners); i++)
		if (!json_is_true(json_object_get(json_array_get(partners, i), "complete")))
			return false;
	return true;
}

int
pz_pzp_cmd_sync(struct pz_cli *cli)
{
	json_t *partners = NULL;
	int status = pz_cli_request(cli, "sync", NULL, SYNC_TIMEOUT_MS, NULL, NULL, &partners);

	if (status == PZ_EXIT_DONE && partners) {
		status = cli->json ? pz_cli_print_json(cli, partners)
				   : print_partners(cli, partners);
		if (status == PZ_EXIT_DONE && !is_complete(partners))
			status = pz_cli_fail(cli, PZ_EXIT_FAILED,
					     "not everything was exchanged: an answer did not come "
					     "in time, or a link ended; try again");
	}
	json_decref(partners);
	return status;
}
