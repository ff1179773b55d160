/* `pzp inbox`: the received files, as a table. src/transfer receives them. */
#include <string.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_files/commands.h"
#include "cli_files/progress.h"

/* Devices of this zone by their name, those of friends with their zone. */
static const char *
sender(const json_t *one, char scratch[32])
{
	const char *from = pz_cli_member(one, "from", scratch), *slash = strrchr(from, '/');

	return slash && !json_is_true(json_object_get(one, "friend")) ? slash + 1 : from;
}

static int
print_list(struct pz_cli *cli, const json_t *list)
{
	static const char *const titles[] = {"FILE", "FROM", "SIZE", "RECEIVED"};
	struct pz_cli_table *t = pz_cli_table_new(titles, 4);
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		json_int_t ms = json_integer_value(json_object_get(one, "received"));
		char scratch[32], size[32], when[32];

		pz_files_amount(json_number_value(json_object_get(one, "size")), size);
		pz_cli_time(ms / 1000, when);
		pz_cli_table_add(t, PZ_CLI_PLAIN, json_string_value(json_object_get(one, "file")));
		pz_cli_table_add(t, PZ_CLI_PLAIN, sender(one, scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, size);
		pz_cli_table_add(t, PZ_CLI_PLAIN, when);
	}
	return pz_cli_print_table(cli, t);
}

int
pz_files_cmd_inbox(struct pz_cli *cli)
{
	return pz_cli_show(cli, "inbox", NULL, PZ_CLI_TIMEOUT_MS, print_list);
}
