/*
 * One parser for both programs, driven by their tables (program.h): global options anywhere, and a
 * command followed by its options and arguments in any order; "--" ends the options. getopt_long
 * could parse, but not check values, suggest corrections of typing errors, and print the help from
 * the same table.
 *
 * Values are borrowed from argv. If an option is given twice the last one applies.
 */
#include "cli/args.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"

#define SECONDS_MAX 1000000U
#define HELP_COLUMN 26

const struct pz_cli_option pz_cli_global_options[] = {
	{"data-dir", "DIR", "the daemon's data directory", PZ_CLI_TEXT, 0, 0},
	{"control-socket", "PATH", "the daemon's control socket", PZ_CLI_TEXT, 0, 0},
	{"json", NULL, "print JSON: one document, one a line for streams", PZ_CLI_FLAG, 0, 0},
	{"long", NULL, "-l: all of each line, also where the terminal is narrower", PZ_CLI_FLAG, 0,
	 0},
	{"help", NULL, "show this help", PZ_CLI_FLAG, 0, 0},
	{"version", NULL, "show the version", PZ_CLI_FLAG, 0, 0},
	{NULL, NULL, NULL, PZ_CLI_FLAG, 0, 0},
};

/* ---- parsing ---- */

/* Position of the option whose name is the first `len` bytes of `name`, or -1. */
static int
find_option(const struct pz_cli_option *options, const char *name, size_t len)
{
	for (int i = 0; options && options[i].name; i++)
		if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
			return i;
	return -1;
}

/* Other words for the same command or option. */
static const char *
alias(const char *name)
{
	static const char *const aliases[][2] = {{"enroll", "enrol"},
						 {"unenrol", "leave"},
						 {"unenroll", "leave"},
						 {"ls", "services"}};

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcmp(name, aliases[i][0]) == 0)
			return aliases[i][1];
	return name;
}

static const struct pz_cli_command *
find_command(const struct pz_cli_program *program, const char *given)
{
	const char *name = alias(given);

	for (const struct pz_cli_command *c = program->commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

bool
pz_cli_parse_seconds(const char *text, unsigned *out_ms)
{
	unsigned ms = 0, scale = 100;
	const char *p = text;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++) {
		ms = ms * 10 + (unsigned)(*p - '0');
		if (ms > SECONDS_MAX)
			return false;
	}
	ms *= 1000;
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return false;
		for (; isdigit((unsigned char)*p); p++, scale /= 10)
			ms += (unsigned)(*p - '0') * scale; /* scale 0: digits past a millisecond */
	}
	if (*p != '\0')
		return false;
	*out_ms = ms;
	return true;
}

static enum pz_err
check_value(const struct pz_cli_option *o, const char *value, struct pz_errinfo *info)
{
	unsigned ms;

	if (o->kind == PZ_CLI_FLAG)
		return PZ_OK;
	if (value[0] == '\0')
		return pz_fail(info, PZ_ERR_CONFIG, "--%s: the value is empty", o->name);
	if (o->kind == PZ_CLI_SECONDS &&
	    (!pz_cli_parse_seconds(value, &ms) || ms < o->min_s * 1000 || ms > o->max_s * 1000))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "--%s %.40s: not a number of seconds from %u to %u", o->name, value,
			       o->min_s, o->max_s);
	return PZ_OK;
}

/* "unknown command stauts; did you mean status?" */
static enum pz_err
unknown_command(const struct pz_cli_program *program, const char *text, struct pz_errinfo *info)
{
	struct pz_suggest s;

	pz_suggest_init(&s, text);
	for (const struct pz_cli_command *c = program->commands; c->name; c++)
		pz_suggest_add(&s, c->name);
	return pz_fail(info, PZ_ERR_CONFIG, "unknown command %.60s%s%s%s", text,
		       s.best ? "; did you mean " : "", s.best ? s.best : "", s.best ? "?" : "");
}

static enum pz_err
unknown_option(const struct pz_cli_args *args, const char *name, size_t len,
	       struct pz_errinfo *info)
{
	char given[PZ_SUGGEST_BYTES_MAX + 2];
	struct pz_suggest s;

	snprintf(given, sizeof(given), "%.*s", (int)len, name);
	pz_suggest_init(&s, given);
	for (const struct pz_cli_option *o = pz_cli_global_options; o->name; o++)
		pz_suggest_add(&s, o->name);
	for (const struct pz_cli_option *o = args->command ? args->command->options : NULL;
	     o && o->name; o++)
		pz_suggest_add(&s, o->name);
	return pz_fail(info, PZ_ERR_CONFIG, "unknown option --%.*s%s%s%s", (int)len, name,
		       s.best ? "; did you mean --" : "", s.best ? s.best : "", s.best ? "?" : "");
}

/* Called when argv[*i] starts with "--". */
static enum pz_err
parse_option(struct pz_cli_args *args, int argc, char **argv, int *i, struct pz_errinfo *info)
{
	const char *name = argv[*i] + 2;
	const char *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct pz_cli_option *table = pz_cli_global_options;
	const char **values = args->global_values;
	const char *value = equals ? equals + 1 : NULL;
	int at = find_option(table, name, len);

	if (at < 0 && args->command) {
		table = args->command->options;
		values = args->values;
		at = find_option(table, name, len);
	}
	if (at < 0)
		return unknown_option(args, name, len, info);
	if (table[at].kind == PZ_CLI_FLAG) {
		if (value)
			return pz_fail(info, PZ_ERR_CONFIG, "--%s takes no value", table[at].name);
		value = "";
	} else if (value == NULL) {
		if (*i + 1 >= argc)
			return pz_fail(info, PZ_ERR_CONFIG, "--%s needs a value (%s)",
				       table[at].name, table[at].value);
		value = argv[++*i];
	}
	PZ_TRY(check_value(&table[at], value, info));
	values[at] = value;
	return PZ_OK;
}

/* The first one is the command; "help" and "version" work without dashes, too. */
static enum pz_err
parse_positional(const struct pz_cli_program *program, struct pz_cli_args *args, const char *text,
		 struct pz_errinfo *info)
{
	if (args->command == NULL) {
		args->command = find_command(program, text);
		if (args->command)
			return PZ_OK;
		args->is_help |= strcmp(text, "help") == 0;
		args->is_version |= strcmp(text, "version") == 0;
		return args->is_help || args->is_version ? PZ_OK
							 : unknown_command(program, text, info);
	}
	if (args->count >= args->command->max || args->count >= PZ_CLI_POSITIONALS_MAX)
		return pz_fail(info, PZ_ERR_CONFIG, "one argument too many: %.60s", text);
	args->positionals[args->count++] = text;
	return PZ_OK;
}

/* parse_option gets short options as their long ones. A negative number is an argument, not an
 * option. */
static enum pz_err
parse_one(const struct pz_cli_program *program, struct pz_cli_args *args, int argc, char **argv,
	  int *i, struct pz_errinfo *info)
{
	static const char *const shorts[][2] = {
		{"-h", "--help"}, {"-l", "--long"}, {"-r", "--recursive"}, {"-V", "--version"}};
	const char *arg = argv[*i];
	int zero = 0;

	for (size_t s = 0; s < sizeof(shorts) / sizeof(shorts[0]); s++) {
		char longer[16], *only[] = {longer};
		if (strcmp(arg, shorts[s][0]) != 0)
			continue;
		snprintf(longer, sizeof(longer), "%s", shorts[s][1]);
		return parse_option(args, 1, only, &zero, info);
	}
	if (strncmp(arg, "--", 2) == 0)
		return parse_option(args, argc, argv, i, info);
	if (arg[0] == '-' && arg[1] != '\0' && !isdigit((unsigned char)arg[1]))
		return pz_fail(info, PZ_ERR_CONFIG, "unknown option %.60s", arg);
	return parse_positional(program, args, arg, info);
}

enum pz_err
pz_cli_args_parse(const struct pz_cli_program *program, int argc, char **argv,
		  struct pz_cli_args *out, struct pz_errinfo *info)
{
	bool options = true;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options)
			PZ_TRY(parse_one(program, out, argc, argv, &i, info));
		else
			PZ_TRY(parse_positional(program, out, argv[i], info));
	}
	out->is_help |= pz_cli_args_value(out, "help") != NULL;
	out->is_version |= pz_cli_args_value(out, "version") != NULL;
	if (out->is_help || out->is_version)
		return PZ_OK;
	if (out->command == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "no command given");
	if (out->count < out->command->min)
		return pz_fail(info, PZ_ERR_CONFIG, "%s needs %s", out->command->name,
			       out->command->arguments);
	return PZ_OK;
}

const char *
pz_cli_args_value(const struct pz_cli_args *args, const char *name)
{
	size_t len = strlen(name);
	int at = find_option(pz_cli_global_options, name, len);

	if (at >= 0)
		return args->global_values[at];
	at = args->command ? find_option(args->command->options, name, len) : -1;
	return at >= 0 ? args->values[at] : NULL;
}

/* ---- help ---- */

/* A left side that is too long gets a line of its own. */
static void
help_line(FILE *out, const char *left, const char *right)
{
	if (strlen(left) > HELP_COLUMN - 4)
		fprintf(out, "  %s\n%*s%s\n", left, HELP_COLUMN, "", right);
	else
		fprintf(out, "  %-*s%s\n", HELP_COLUMN - 2, left, right);
}

static void
help_options(FILE *out, const char *title, const struct pz_cli_option *o)
{
	char left[64];

	if (o == NULL || o->name == NULL)
		return;
	fprintf(out, "\n%s:\n", title);
	for (; o->name; o++) {
		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		help_line(out, left, o->help);
	}
}

/* The note of the table about a command, or NULL. */
static const char *
note_of(const struct pz_cli_note *notes, const char *command)
{
	for (; notes && notes->command; notes++)
		if (strcmp(notes->command, command) == 0)
			return notes->text;
	return NULL;
}

static void
help_program(const struct pz_cli_program *program, FILE *out)
{
	fprintf(out, "Usage: %s [OPTION...] COMMAND [ARGUMENT...]\n\n%s\n\n", program->name,
		program->summary);
	for (const struct pz_cli_command *c = program->commands; c->name; c++) {
		char left[96];

		const char *title = note_of(program->groups, c->name);

		if (title)
			fprintf(out, "%s%s:\n", c == program->commands ? "" : "\n", title);
		snprintf(left, sizeof(left), "%s%s%s", c->name, c->arguments[0] ? " " : "",
			 c->arguments);
		help_line(out, left, c->summary);
	}
	help_options(out, "Options of every command", pz_cli_global_options);
	fprintf(out,
		"\nThe data directory is --data-dir, else $%s, else $STATE_DIRECTORY,\n"
		"else $XDG_STATE_HOME/%s, else ~/.local/state/%s.\n"
		"\nExit status: 0 done, 1 failed, 2 wrong usage, 3 %s cannot be reached,\n"
		"4 timed out, 5 denied.\n"
		"\n'%s COMMAND --help' shows more.\n",
		program->data_dir_env, program->leaf, program->leaf, program->daemon,
		program->name);
}

void
pz_cli_help(const struct pz_cli_program *program, const struct pz_cli_command *command, FILE *out)
{
	if (command == NULL) {
		help_program(program, out);
		return;
	}
	fprintf(out, "Usage: %s %s [OPTION...]%s%s\n\n%c%s.\n", program->name, command->name,
		command->arguments[0] ? " " : "", command->arguments,
		toupper((unsigned char)command->summary[0]), command->summary + 1);
	if (command->details)
		fprintf(out, "\n%s\n", command->details);
	if (note_of(program->examples, command->name))
		fprintf(out, "\nExample: %s\n", note_of(program->examples, command->name));
	help_options(out, "Options", command->options);
	help_options(out, "Options of every command", pz_cli_global_options);
}
