/* pzp user, name; pzh user, name: the same except for --zone. @spec page 8, page 10 */
#include "cli/user.h"

#include <stdlib.h>

#include "cli/run.h"
#include "cli/text.h"

/* ---- user ---- */

static void
add_when(struct pz_cli_table *t, const json_t *detail)
{
	const json_t *changed = json_object_get(detail, "changed");
	char when[32] = "";

	if (json_is_integer(changed))
		pz_cli_time((int64_t)json_integer_value(changed), when);
	pz_cli_table_add(t, PZ_CLI_PLAIN, when);
}

static int
print_details(struct pz_cli *cli, const json_t *details)
{
	static const char *const titles[] = {"FIELD", "VALUE", "CHANGED", "BY"};
	struct pz_cli_table *t;
	json_t *detail;
	size_t i;

	if (json_array_size(details) == 0) {
		fprintf(cli->out,
			"no details of the user are set; '%s user fullName \"Alice Example\"' "
			"sets a detail\n",
			cli->program->name);
		return PZ_EXIT_DONE;
	}
	t = pz_cli_table_new(titles, 4);
	json_array_foreach (details, i, detail) {
		char scratch[32];

		if (t == NULL)
			break;
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(detail, "field", scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(detail, "value", scratch));
		add_when(t, detail);
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(detail, "by", scratch));
	}
	return pz_cli_print_table(cli, t);
}

/* Also for scripts: only the value is printed. */
static int
print_detail(struct pz_cli *cli, const json_t *detail)
{
	char scratch[32];
	char *value = pz_cli_clean(pz_cli_member(detail, "value", scratch), false);

	fprintf(cli->out, "%s\n", value ? value : "");
	free(value);
	return PZ_EXIT_DONE;
}

/* "fullName = Alice Example", or "fullName is removed" */
static int
print_changed(struct pz_cli *cli, const json_t *detail)
{
	char scratch[32], field_scratch[32];
	char *field = pz_cli_clean(pz_cli_member(detail, "field", field_scratch), false);
	char *value = pz_cli_clean(pz_cli_member(detail, "value", scratch), false);
	bool is_gone = json_is_null(json_object_get(detail, "value"));

	fprintf(cli->out, "%s%s%s\n", field ? field : "", is_gone ? " is removed" : " = ",
		value ? value : "");
	free(field);
	free(value);
	return PZ_EXIT_DONE;
}

/* Adds an argument as a text, if it was given; false: out of memory. */
static bool
add_text(json_t *params, const char *name, const char *text)
{
	return text == NULL || json_object_set_new(params, name, json_string(text)) == 0;
}

int
pz_cli_cmd_user(struct pz_cli *cli)
{
	const char *field = pz_cli_arg(cli, 0), *value = pz_cli_arg(cli, 1);
	bool is_removal = pz_cli_opt(cli, "remove") != NULL;
	json_t *params = json_object();

	if (is_removal && (field == NULL || value != NULL)) {
		json_decref(params);
		return pz_cli_usage(cli, "--remove needs a FIELD and no VALUE");
	}
	if (!add_text(params, "field", field) || !add_text(params, "value", value)) {
		json_decref(params);
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	}
	if (is_removal)
		json_object_set_new(params, "remove", json_true());
	pz_cli_opt_param(cli, params, "zone");
	return pz_cli_show(cli, "user", params, PZ_CLI_TIMEOUT_MS,
			   value || is_removal ? print_changed
			   : field             ? print_detail
					       : print_details);
}

/* ---- name ---- */

/* "tv is called Living room", or "tv is called what it calls itself" */
static int
print_name(struct pz_cli *cli, const json_t *result)
{
	char scratch[32], device_scratch[32];
	char *device = pz_cli_clean(pz_cli_member(result, "device", device_scratch), false);
	char *name = pz_cli_clean(pz_cli_member(result, "displayName", scratch), false);
	bool is_own = json_is_null(json_object_get(result, "displayName"));

	fprintf(cli->out, "%s is called %s\n", device ? device : "",
		is_own ? "what it calls itself"
		: name ? name
		       : "");
	free(device);
	free(name);
	return PZ_EXIT_DONE;
}

int
pz_cli_cmd_name(struct pz_cli *cli)
{
	const char *device = pz_cli_arg(cli, 0), *name = pz_cli_arg(cli, 1);
	bool is_reset = pz_cli_opt(cli, "reset") != NULL;
	json_t *params = json_object();

	if (is_reset == (name != NULL)) {
		json_decref(params);
		return pz_cli_usage(cli, "give either a NAME or --reset");
	}
	if (!add_text(params, "device", device) || !add_text(params, "name", name)) {
		json_decref(params);
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	}
	if (is_reset)
		json_object_set_new(params, "reset", json_true());
	pz_cli_opt_param(cli, params, "zone");
	return pz_cli_show(cli, "name", params, PZ_CLI_TIMEOUT_MS, print_name);
}
