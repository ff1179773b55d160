/* pzp policy why: explains a decision of this device. Text that callers have chosen is shown as
 * plain text. @spec page 9, 10; page 12 */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli_policy/commands.h"

#define ID_MAX 9007199254740991LL /* the daemon's limit */

/* ---- one decision ---- */

/* "  label: text" if there is a text. */
static void
print_line(const struct pz_cli *cli, const char *label, const char *text)
{
	PZ_AUTO_FREE char *clean = pz_cli_clean(text, false);

	if (clean && clean[0])
		fprintf(cli->out, "  %s: %s\n", label, clean);
}

static const char *
verdict_of(const json_t *why)
{
	const char *verdict = json_string_value(json_object_get(why, "verdict"));

	if (verdict && strcmp(verdict, "permit") == 0)
		return "allowed";
	return verdict && strcmp(verdict, "refused") == 0 ? "refused by the person asked"
							  : "denied";
}

/* The elements from the document's root to the rule, with the sentence of the last element that has
 * one. */
static void
print_slot(const struct pz_cli *cli, const char *name, const json_t *slot)
{
	const char *sentence = NULL;
	char scratch[32], line[32];
	json_t *one;
	size_t i;

	fprintf(cli->out, "  %s policy: %s", name, pz_cli_member(slot, "effect", scratch));
	json_array_foreach (json_object_get(slot, "path"), i, one) {
		PZ_AUTO_FREE char *id = pz_cli_clean(pz_cli_member(one, "id", scratch), false);

		fprintf(cli->out, "%s%s", i == 0 ? ", by " : " > ", id ? id : "");
		if (i + 1 == json_array_size(json_object_get(slot, "path")))
			fprintf(cli->out, " (line %s)", pz_cli_member(one, "line", line));
		if (json_object_get(one, "text"))
			sentence = json_string_value(json_object_get(one, "text"));
	}
	PZ_AUTO_FREE char *clean = sentence ? pz_cli_clean(sentence, false) : NULL;
	fprintf(cli->out, "%s%s\n", clean ? ": " : "", clean ? clean : "");
}

static void
print_attribute(const struct pz_cli *cli, const char *name, const json_t *values)
{
	PZ_AUTO_FREE char *clean_name = pz_cli_clean(name, false);
	json_t *one;
	size_t i;

	fprintf(cli->out, "    %s:", clean_name ? clean_name : "");
	json_array_foreach (values, i, one) {
		PZ_AUTO_FREE char *clean = pz_cli_clean(json_string_value(one), false);

		fprintf(cli->out, "%s %s", i ? "," : "", clean ? clean : "");
	}
	fputs(json_is_null(values)           ? " not known\n"
	      : json_array_size(values) == 0 ? " none\n"
					     : "\n",
	      cli->out);
}

static void
print_asked(const struct pz_cli *cli, const json_t *why)
{
	const char *name = json_string_value(json_object_get(why, "answeredBy"));
	PZ_AUTO_FREE char *clean = name ? pz_cli_clean(name, false) : NULL;

	fprintf(cli->out, "  a person was %sasked%s%s\n",
		json_is_true(json_object_get(why, "asked")) ? "" : "not ",
		clean ? ": answered by " : "", clean ? clean : "");
}

static int
print_why(struct pz_cli *cli, const json_t *why)
{
	const char *name;
	json_t *value;
	char scratch[32], when[32];

	pz_cli_time(json_integer_value(json_object_get(why, "time")) / 1000, when);
	fprintf(cli->out, "decision %s, %s: %s\n", pz_cli_member(why, "id", scratch), when,
		verdict_of(why));
	print_line(cli, "who", pz_cli_member(why, "from", scratch));
	print_line(cli, "is", pz_cli_member(why, "caller", scratch));
	print_line(cli, "what", pz_cli_member(why, "feature", scratch));
	print_line(cli, "function", pz_cli_member(why, "function", scratch));
	print_line(cli, "service", pz_cli_member(why, "service", scratch));
	print_line(cli, "on", pz_cli_member(why, "target", scratch));
	print_line(cli, "where", pz_cli_member(why, "point", scratch));
	print_line(cli, "because", pz_cli_member(why, "fault", scratch));
	json_object_foreach (json_object_get(why, "slots"), name, value)
		print_slot(cli, name, value);
	if (json_object_get(why, "slot") == NULL)
		fputs("  no rule of a policy applies to it\n", cli->out);
	else
		print_line(cli, "decided by", pz_cli_member(why, "slot", scratch));
	if (json_object_size(json_object_get(why, "attributes")) > 0)
		fputs("  what was compared:\n", cli->out);
	json_object_foreach (json_object_get(why, "attributes"), name, value)
		print_attribute(cli, name, value);
	print_asked(cli, why);
	return PZ_EXIT_DONE;
}

/* ---- the last decisions ---- */

static int
print_list(struct pz_cli *cli, const json_t *list)
{
	static const char *const titles[] = {"ID", "WHEN", "WHO", "WHAT", "FUNCTION", "VERDICT"};
	struct pz_cli_table *table = pz_cli_table_new(titles, 6);
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *verdict = verdict_of(one);
		char scratch[32], when[32];

		pz_cli_time(json_integer_value(json_object_get(one, "time")) / 1000, when);
		pz_cli_table_add(table, PZ_CLI_PLAIN, pz_cli_member(one, "id", scratch));
		pz_cli_table_add(table, PZ_CLI_PLAIN, when);
		pz_cli_table_add(table, PZ_CLI_PLAIN, pz_cli_member(one, "from", scratch));
		pz_cli_table_add(table, PZ_CLI_PLAIN, pz_cli_member(one, "feature", scratch));
		pz_cli_table_add(table, PZ_CLI_PLAIN, pz_cli_member(one, "function", scratch));
		pz_cli_table_add(table, strcmp(verdict, "allowed") == 0 ? PZ_CLI_GREEN : PZ_CLI_RED,
				 verdict);
	}
	return pz_cli_print_table(cli, table);
}

int
pz_pzp_policy_why(struct pz_cli *cli)
{
	const char *text = pz_cli_arg(cli, 1);
	bool is_all = pz_cli_opt(cli, "all") != NULL;
	char *end = NULL;

	if (cli->args.count > 2 || (is_all && text))
		return pz_cli_usage(cli, "usage: policy why [ID], or policy why --all");
	if (is_all)
		return pz_cli_show(cli, "policy-why", json_pack("{s:b}", "all", 1),
				   PZ_CLI_TIMEOUT_MS, print_list);
	if (text == NULL)
		return pz_cli_show(cli, "policy-why", NULL, PZ_CLI_TIMEOUT_MS, print_why);
	long long id = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || id < 1 || id > ID_MAX)
		return pz_cli_usage(cli, "%s: must be a number that 'pzp policy why --all' shows",
				    text);
	return pz_cli_show(cli, "policy-why", json_pack("{s:I}", "id", (json_int_t)id),
			   PZ_CLI_TIMEOUT_MS, print_why);
}
