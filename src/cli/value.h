/* Texts that a person types, pipes in, or has in a file. */
#ifndef PZ_CLI_VALUE_H
#define PZ_CLI_VALUE_H

#include <jansson.h>

struct pz_cli;

/**
 * A whole file, or standard input where the path is "-".
 * @param bytes_max a longer one is refused
 * @return with a NUL behind it, the caller frees it; NULL after the reason was printed
 */
char *
pz_cli_read_file(const struct pz_cli *cli, const char *path, size_t bytes_max, size_t *out_len);

/**
 * One JSON value from an argument, or from standard input where the argument is "-".
 * @param what the argument's name in errors, e.g. "VALUE"
 * @param out_status PZ_EXIT_USAGE or PZ_EXIT_FAILED where NULL is returned
 * @return new reference; NULL after the reason was printed
 */
json_t *pz_cli_value(const struct pz_cli *cli, const char *what, const char *text, int *out_status);

#endif
