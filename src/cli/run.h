/* What every command of pzp and pzh needs: its arguments, the daemon, output, the reason of
 * failure. */
#ifndef PZ_CLI_RUN_H
#define PZ_CLI_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "cli/args.h"
#include "cli/program.h"

struct pz_cli_table;
struct pz_ctl_client;

#define PZ_CLI_TIMEOUT_MS 15000U /* for what a daemon answers by itself */

/** What answers requests in this process when no daemon runs; all zero: nothing. */
struct pz_cli_offline {
	void *self;
	/** @param params object, borrowed; @param file, stop_fd borrowed descriptors, -1: none.
	 * @param out_result new; NULL with OK: it was given up */
	enum pz_err (*run)(void *self, const char *method, json_t *params, int file, int stop_fd,
			   json_t **out_result, struct pz_errinfo *info);
	void (*close)(void *self);
};

/** One run of a program. The caller sets the first part, pz_cli_run the rest. */
struct pz_cli {
	const struct pz_cli_program *program;
	FILE *in, *out, *err;
	bool in_is_tty, out_is_tty, err_is_tty;
	size_t width; /* columns that tables may take, 0: as many as they need */

	struct pz_cli_args args;
	bool json;             /* --json */
	bool colour;           /* text may be coloured */
	bool is_system_denied; /* the daemon of the system runs, and this user may not use it */
	struct pz_ctl_client *client;
	struct pz_cli_offline offline; /* closed at the end of the command */
	int file;    /* descriptor that goes with the next request, borrowed; -1: none */
	int stop_fd; /* readable when the person interrupts; -1: interrupts end the program */
};

/** main() of a program: standard streams. Returns the exit status. */
int pz_cli_main(const struct pz_cli_program *program, int argc, char **argv);

/** Parses and runs a command line. @param argv argv[0] is skipped. Returns the exit status. */
int pz_cli_run(struct pz_cli *cli, int argc, char **argv);

/** Positional argument by number, or NULL. */
const char *pz_cli_arg(const struct pz_cli *cli, unsigned number);
/** Value of an option, "" for a flag that was given, NULL when it was not. */
const char *pz_cli_opt(const struct pz_cli *cli, const char *name);
/** Adds an option's value to params under the option's name when it was given. */
void pz_cli_opt_param(const struct pz_cli *cli, json_t *params, const char *name);

/** Writes the reason as one line on stderr, with --json as {error:{exit, message}} on stdout
 * instead; returns the exit status it got. */
int pz_cli_fail(const struct pz_cli *cli, int status, const char *fmt, ...) PZ_PRINTF(3, 4);
/** The same about one file of several: with --json the document has `file`, too.
 * @param file its name, cleaned here */
int pz_cli_fail_file(const struct pz_cli *cli, int status, const char *file, const char *fmt, ...)
	PZ_PRINTF(4, 5);
/** Wrong usage: the reason and where help is; returns PZ_EXIT_USAGE. */
int pz_cli_usage(const struct pz_cli *cli, const char *fmt, ...) PZ_PRINTF(2, 3);

/** The data directory; the caller frees it. Errors: CONFIG, LIMIT_MEMORY. */
enum pz_err
pz_cli_data_dir(const struct pz_cli *cli, char **out_dir, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Connects to the daemon unless that was done. Where the person names no data directory and has no
 * daemon of their own, the one of the system is tried (/run/pzp, /var/lib/pzp; pzh: /run/pzh,
 * /var/lib/pzh), and named on standard error. Errors: as pz_ctl_connect, pz_cli_data_dir; those of
 * the first place that was tried.
 */
enum pz_err pz_cli_connect(struct pz_cli *cli, struct pz_errinfo *info) PZ_MUST_USE;

/** Writes why pz_cli_connect has failed, and the way out. @param more behind it, or "" @return
 * PZ_EXIT_NO_DAEMON */
int pz_cli_no_daemon(const struct pz_cli *cli, enum pz_err err, const struct pz_errinfo *info,
		     const char *more);

/** The daemon, or what stands in for it, gets a copy of this descriptor with the next request.
 * @param fd borrowed until that request ends */
void pz_cli_pass(struct pz_cli *cli, int fd);

/** Ends what answers in this process, if anything does: the data directory is free again, and root
 * is root. At the latest at the end of the command. */
void pz_cli_close_offline(struct pz_cli *cli);

/**
 * Makes a request, of the daemon or of cli->offline; a failure is printed on standard error.
 * @param params takes; NULL for none
 * @param timeout_ms 0: none
 * @param on_event as for pz_ctl_request
 * @param out_result owned by the caller; NULL unless PZ_EXIT_DONE, and NULL too when on_event or an
 *     interrupt ended the request
 * Returns the exit status so far.
 */
int pz_cli_request(struct pz_cli *cli, const char *method, json_t *params, unsigned timeout_ms,
		   bool (*on_event)(void *arg, json_t *event), void *arg, json_t **out_result);

/** Makes a request and prints its result: as JSON with --json, else with `print`.
 * @param params takes. Returns the exit status. */
int pz_cli_show(struct pz_cli *cli, const char *method, json_t *params, unsigned timeout_ms,
		int (*print)(struct pz_cli *cli, const json_t *result));

/** One document on one line. Returns the exit status. */
int pz_cli_print_json(const struct pz_cli *cli, const json_t *value);
/** A value for people: a string as it is, anything else as indented JSON. Returns the exit status.
 */
int pz_cli_print_value(const struct pz_cli *cli, const json_t *value);

/** A link as a QR code, on a terminal and without --no-qr; the link itself follows as text. */
void pz_cli_print_qr(const struct pz_cli *cli, const char *link);

/** Prints a table. @param table takes; NULL stands for memory that ran out. Returns the exit
 * status.
 */
int pz_cli_print_table(const struct pz_cli *cli, struct pz_cli_table *table);
/** Prints a table with a row for each object of a list, and a column for each of its members.
 * @param titles,members of the columns. Returns the exit status. */
int pz_cli_print_rows(const struct pz_cli *cli, const json_t *list, const char *const *titles,
		      const char *const *members, size_t columns);
/** The same, and nothing is cut to the terminal. */
int pz_cli_print_whole_table(const struct pz_cli *cli, struct pz_cli_table *table);

/**
 * Asks y/n on the terminal unless --yes was given.
 * Returns PZ_EXIT_DONE for yes, PZ_EXIT_FAILED for no, PZ_EXIT_USAGE without a terminal.
 */
int pz_cli_confirm(const struct pz_cli *cli, const char *fmt, ...) PZ_PRINTF(2, 3);

/** From now on SIGINT and SIGTERM end a waiting request instead of the program. Returns the exit
 * status so far. */
int pz_cli_catch_interrupts(struct pz_cli *cli);

#endif
