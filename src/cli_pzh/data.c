/* pzh data: shows and removes at the hub what apps have stored in a zone. @spec page 12 */
#include <stdlib.h>
#include <string.h>

#include "cli/apps.h"
#include "cli_pzh/commands.h"

#define REMOVE_TIMEOUT_MS 60000U

static int
print_apps(struct pz_cli *cli, const json_t *list)
{
	return pz_cli_print_apps(cli, list, "no app has stored anything that devices share");
}

static int
data_remove(struct pz_cli *cli)
{
	const char *origin = pz_cli_arg(cli, 1), *key = pz_cli_arg(cli, 2);

	if (origin == NULL)
		return pz_cli_usage(cli, "usage: data remove ORIGIN [KEY]");
	/* asked even for one key, because no device keeps a copy */
	int status = pz_cli_confirm(cli, "Remove %s%s%s on all devices?", key ? key : "all", " of ",
				    origin);
	if (status != PZ_EXIT_DONE)
		return status;
	json_t *params = json_pack("{s:s, s:s*}", "origin", origin, "key", key);
	if (params == NULL)
		return pz_cli_usage(cli, "ORIGIN and KEY are UTF-8");
	pz_cli_opt_param(cli, params, "zone");
	return pz_cli_show(cli, "data-remove", params, REMOVE_TIMEOUT_MS, pz_cli_print_removed);
}

int
pz_pzh_cmd_data(struct pz_cli *cli)
{
	const char *action = pz_cli_arg(cli, 0);

	if (action && strcmp(action, "remove") == 0)
		return data_remove(cli);
	if (action && (strcmp(action, "list") != 0 || pz_cli_arg(cli, 1)))
		return pz_cli_usage(cli, "usage: data [list | remove ORIGIN [KEY]]");
	json_t *params = json_object();
	pz_cli_opt_param(cli, params, "zone");
	return pz_cli_show(cli, "data", params, PZ_CLI_TIMEOUT_MS, print_apps);
}
