/* `data` of both programs lists apps in the same way: origins are the same on a device and at its
 * hub. */
#include "cli/apps.h"

#define COLUMNS 3

int
pz_cli_print_apps(const struct pz_cli *cli, const json_t *list, const char *nothing)
{
	static const char *const titles[COLUMNS] = {"ORIGIN", "KEYS", "BYTES"};
	static const char *const members[COLUMNS] = {"origin", "keys", "bytes"};

	if (json_array_size(list) == 0) {
		fprintf(cli->out, "%s\n", nothing);
		return PZ_EXIT_DONE;
	}
	return pz_cli_print_rows(cli, list, titles, members, COLUMNS);
}

int
pz_cli_print_removed(struct pz_cli *cli, const json_t *result)
{
	json_int_t count = json_integer_value(json_object_get(result, "removed"));

	fprintf(cli->out, "%" JSON_INTEGER_FORMAT " %s removed\n", count,
		count == 1 ? "value" : "values");
	return PZ_EXIT_DONE;
}
