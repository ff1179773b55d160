/* JSON that a person types or pipes in. */
#ifndef PZ_CLI_VALUE_H
#define PZ_CLI_VALUE_H

#include <jansson.h>

struct pz_cli;

/**
 * One JSON value from an argument, or from standard input where the argument is "-".
 * @param what the argument's name in errors, e.g. "VALUE"
 * @param out_status PZ_EXIT_USAGE or PZ_EXIT_FAILED where NULL is returned
 * @return new reference; NULL after the reason was printed
 */
json_t *pz_cli_value(const struct pz_cli *cli, const char *what, const char *text, int *out_status);

#endif
