/* Command lines by the tables of program.h. */
#ifndef PZ_CLI_ARGS_H
#define PZ_CLI_ARGS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "cli/program.h"

/** A parsed command line; points into argv. */
struct pz_cli_args {
	const struct pz_cli_command *command;          /* NULL: none was named */
	const char *global_values[PZ_CLI_OPTIONS_MAX]; /* by table position; NULL: not given */
	const char *values[PZ_CLI_OPTIONS_MAX];        /* likewise, of the command */
	const char *positionals[PZ_CLI_POSITIONALS_MAX];
	unsigned count;           /* of positionals */
	bool is_help, is_version; /* asked for, by option or as a command */
};

/**
 * Parses a command line: "--name VALUE" or "--name=VALUE", the last one counts; "--" ends options;
 * "-h" is "--help", "-l" is "--long", "-V" is "--version"; the commands `help` and `version` are
 * the options. A misspelt command or option gets the one that was meant. A number such as -5 is no
 * option.
 * @param argc, argv without the program's name
 * @param info names the argument and what is wrong; may be NULL
 * With --help or --version among the arguments the number of positionals is not checked.
 * Errors: CONFIG. *out is then filled as far as it was understood.
 */
enum pz_err pz_cli_args_parse(const struct pz_cli_program *program, int argc, char **argv,
			      struct pz_cli_args *out, struct pz_errinfo *info) PZ_MUST_USE;

/** Value of an option of the command or of every command; "" for a flag that was given; NULL: not
 * given, or the command has no such option. */
const char *pz_cli_args_value(const struct pz_cli_args *args, const char *name);

/** Seconds with up to three decimals to milliseconds; false when the text is no number or over
 * 10^6. */
bool pz_cli_parse_seconds(const char *text, unsigned *out_ms);

/** --help of the program, or of a command when it is not NULL. */
void
pz_cli_help(const struct pz_cli_program *program, const struct pz_cli_command *command, FILE *out);

#endif
