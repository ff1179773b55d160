/* QR codes on a terminal. */
#ifndef PZ_CLI_QR_H
#define PZ_CLI_QR_H

#include <stdio.h>

#include "base/err.h"

/**
 * Prints the text as a QR code of half blocks, light on dark whatever the terminal's colours are.
 * Errors: LIMIT (too long for a code), LIMIT_MEMORY.
 * @spec page 3 "The code"
 */
enum pz_err pz_cli_qr_print(const char *text, FILE *out) PZ_MUST_USE;

#endif
