/*
 * QR codes on a terminal.
 * @spec page 14 ENR-14
 */
#ifndef PZ_CLI_QR_H
#define PZ_CLI_QR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

/** What the place can show where a code is to be printed. */
struct pz_cli_qr_place {
	bool is_utf8;   /* the code is made of half blocks */
	bool is_dumb;   /* the terminal says that it shows plain lines only */
	bool colour;    /* colours are wanted: light on dark whatever the terminal's colours are */
	size_t columns; /* of the window; 0: not known */
};

/** The place that standard output is: locale, TERM. */
struct pz_cli_qr_place pz_cli_qr_place(bool colour, size_t columns);

/**
 * Prints the text as a QR code, or nothing and the reason in `info`.
 * Errors: LIMIT (the text is too long, or the window too narrow), CONFIG (the place cannot show
 * it), LIMIT_MEMORY.
 * @spec page 3 "The code"
 */
enum pz_err pz_cli_qr_print(const char *text, const struct pz_cli_qr_place *place, FILE *out,
			    struct pz_errinfo *info) PZ_MUST_USE;

#endif
