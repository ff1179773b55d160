/* What apps have stored, as `pzp data` and `pzh data` print it. */
#ifndef PZ_CLI_APPS_H
#define PZ_CLI_APPS_H

#include "cli/run.h"

/** Prints a row for each app. @param list array of {origin, keys, bytes}
 * @param nothing the line that is printed for an empty list
 * @return exit status */
int pz_cli_print_apps(const struct pz_cli *cli, const json_t *list, const char *nothing);
/** Prints how many values were removed: for pz_cli_show. @param result {removed}
 * @return exit status */
int pz_cli_print_removed(struct pz_cli *cli, const json_t *result);

#endif
