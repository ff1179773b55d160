/* Completion of command lines, for the shells: `pzp __complete WORD…`. */
#ifndef PZ_CLI_COMPLETE_H
#define PZ_CLI_COMPLETE_H

#include "cli/run.h"

#define PZ_CLI_COMPLETE "__complete"               /* of the program itself */
#define PZ_CLI_COMPLETE_DAEMON "__complete-daemon" /* of its daemon */

/**
 * Prints what the last word may become, one candidate a line: commands, options, and what the word
 * stands for by the tables of the program, asked of the daemon where that knows (devices, services,
 * functions, keys). A last line ":files" or ":dirs" asks the shell for names of files. Prints
 * nothing where nothing is known; never fails, never says anything on standard error.
 * @param argc, argv the words after the program's name; the last one, perhaps "", is completed
 */
void pz_cli_complete(struct pz_cli *cli, int argc, char **argv);

/** The same of the daemon's command line, which has options only. */
void pz_cli_complete_daemon(struct pz_cli *cli, int argc, char **argv);

#endif
