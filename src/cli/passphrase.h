/* Passphrases: from a terminal without echo, or from a file. */
#ifndef PZ_CLI_PASSPHRASE_H
#define PZ_CLI_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"
#include "cli/run.h"

/** A passphrase; wipe it with pz_cli_passphrase_wipe. */
struct pz_cli_passphrase {
	char text[PZ_PASSPHRASE_BYTES_MAX + 1];
	size_t len;
};

/**
 * Reads it: the first line of the file that --passphrase-file names ("-": of the standard input),
 * else what is typed; a new one twice. After pz_cli_catch_interrupts, so that no interrupt leaves
 * the terminal without echo. Refused: one under PZ_PASSPHRASE_CHARS_MIN characters, over
 * PZ_PASSPHRASE_BYTES_MAX bytes, or no UTF-8.
 * Returns the exit status so far; *out is wiped unless that is PZ_EXIT_DONE.
 */
int pz_cli_passphrase_read(const struct pz_cli *cli, bool is_new, struct pz_cli_passphrase *out);
/** Overwrites the passphrase. */
void pz_cli_passphrase_wipe(struct pz_cli_passphrase *passphrase);

#endif
