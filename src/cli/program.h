/* What a command line program is made of: tables, from which parsing and --help come. */
#ifndef PZ_CLI_PROGRAM_H
#define PZ_CLI_PROGRAM_H

#include <stddef.h>

#include "conf/settings.h"

struct pz_cli;

#define PZ_CLI_OPTIONS_MAX 16       /* of one command */
#define PZ_CLI_POSITIONALS_MAX 4096 /* arguments that are no options */

/** Exit status of both programs. @spec page 12 */
enum pz_cli_exit {
	PZ_EXIT_DONE = 0,
	PZ_EXIT_FAILED = 1,
	PZ_EXIT_USAGE = 2,
	PZ_EXIT_NO_DAEMON = 3,
	PZ_EXIT_TIMEOUT = 4,
	PZ_EXIT_DENIED = 5,
};

enum pz_cli_kind {
	PZ_CLI_FLAG,    /* no value */
	PZ_CLI_TEXT,    /* any text but the empty one */
	PZ_CLI_SECONDS, /* a decimal number of seconds, down to milliseconds, within min and max */
};

struct pz_cli_option {
	const char *name;  /* without the dashes; NULL ends a table */
	const char *value; /* what --help calls its value; NULL for a flag */
	const char *help;  /* one line */
	enum pz_cli_kind kind;
	unsigned min_s, max_s; /* PZ_CLI_SECONDS */
};

struct pz_cli_command {
	const char *name;      /* NULL ends a table */
	const char *arguments; /* as in "SERVICE FUNCTION [PARAMS-JSON]"; "" for none */
	unsigned min, max;     /* how many */
	const char *summary;   /* one line for the program's --help */
	const char *details;   /* more for the command's --help, or NULL */
	const struct pz_cli_option *options;
	/** Runs the command; returns an enum pz_cli_exit. */
	int (*run)(struct pz_cli *cli);
};

/** Something about a command. */
struct pz_cli_note {
	const char *command; /* NULL ends a table */
	const char *text;
};

struct pz_cli_program {
	const char *name;
	const char *daemon;       /* the daemon that it talks to */
	enum pz_program settings; /* of that daemon */
	const char *summary;
	const char *data_dir_env;
	const char *leaf; /* of the default data directory */
	const struct pz_cli_command *commands;
	/** Titles in --help, each above its first command. NULL: none. */
	const struct pz_cli_note *groups;
	/** A command line that shows how a command is used. NULL: none. */
	const struct pz_cli_note *examples;
};

/** Options that every command has, before or after its name. */
extern const struct pz_cli_option pz_cli_global_options[];

/** The two programs. */
extern const struct pz_cli_program pz_pzp_program;
extern const struct pz_cli_program pz_pzh_program;

#endif
