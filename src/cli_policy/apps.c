/* pzp apps: web pages and other programs that have used this device, the answers about them, and
 * what they store. @spec page 11; page 12 "pzp" */
#include <stdio.h>
#include <string.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_policy/commands.h"

#define MAY_BYTES 512

/* The last part of a feature, as a person would name it. */
static const char *
short_name(const char *feature)
{
	const char *slash = strrchr(feature, '/');

	return slash && slash[1] ? slash + 1 : feature;
}

/* "apps, sensors, not mediaplay": the remembered answers. */
static void
write_may(const json_t *answers, char out[MAY_BYTES])
{
	const json_t *one;
	size_t i, len = 0;

	out[0] = '\0';
	json_array_foreach (answers, i, one) {
		char feature[32], answer[32];
		bool is_yes = strcmp(pz_cli_member(one, "answer", answer), "allow") == 0;
		int n = snprintf(out + len, MAY_BYTES - len, "%s%s%s", i ? ", " : "",
				 is_yes ? "" : "not ",
				 short_name(pz_cli_member(one, "feature", feature)));
		if (n < 0 || (size_t)n >= MAY_BYTES - len)
			return;
		len += (size_t)n;
	}
}

static const char *
kind_words(const char *kind)
{
	static const struct {
		const char *kind, *words;
	} table[] = {
		{"https", "https page"},
		{"local", "page of this device"},
		{"program", "program"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].kind, kind) == 0)
			return table[i].words;
	return kind;
}

static int
print_list(struct pz_cli *cli, const json_t *list)
{
	static const char *const titles[] = {"ORIGIN", "KIND",     "OPEN", "LAST HERE",
					     "STORES", "MANIFEST", "MAY"};
	struct pz_cli_table *t = pz_cli_table_new(titles, 7);
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const json_t *storage = json_object_get(one, "storage");
		char scratch[32], when[32], may[MAY_BYTES];

		pz_cli_time((int64_t)json_number_value(json_object_get(one, "last")), when);
		write_may(json_object_get(one, "answers"), may);
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, "origin", scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, kind_words(pz_cli_member(one, "kind", scratch)));
		pz_cli_table_addf(t, PZ_CLI_PLAIN, "%lld",
				  (long long)json_integer_value(json_object_get(one, "sessions")));
		pz_cli_table_add(t, PZ_CLI_PLAIN, when);
		pz_cli_table_addf(t, PZ_CLI_PLAIN, "%lld bytes",
				  (long long)json_integer_value(json_object_get(storage, "bytes")));
		pz_cli_table_add(t, PZ_CLI_PLAIN,
				 json_is_true(json_object_get(one, "manifest")) ? "yes" : "-");
		pz_cli_table_add(t, PZ_CLI_PLAIN, may);
	}
	return pz_cli_print_table(cli, t);
}

static int
print_forgotten(struct pz_cli *cli, const json_t *result)
{
	long long removed = (long long)json_integer_value(json_object_get(result, "removed"));

	fputs("forgotten: the person is asked when it comes again\n", cli->out);
	if (removed > 0)
		fprintf(cli->out, "removed: %lld values that it had stored\n", removed);
	return PZ_EXIT_DONE;
}

int
pz_pzp_cmd_apps(struct pz_cli *cli)
{
	const char *verb = pz_cli_arg(cli, 0), *origin = pz_cli_arg(cli, 1);

	if (verb == NULL)
		return pz_cli_show(cli, "apps", NULL, PZ_CLI_TIMEOUT_MS, print_list);
	if (strcmp(verb, "forget") != 0 || origin == NULL)
		return pz_cli_usage(cli, "apps takes no argument, or: forget ORIGIN");
	json_t *params = json_pack("{s:s}", "forget", origin);
	if (params == NULL)
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	return pz_cli_show(cli, "apps", params, PZ_CLI_TIMEOUT_MS, print_forgotten);
}
