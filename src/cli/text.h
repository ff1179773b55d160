/* Text for people: strings that cannot harm a terminal (page 14, PRS-6), times, aligned tables. */
#ifndef PZ_CLI_TEXT_H
#define PZ_CLI_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum pz_cli_colour {
	PZ_CLI_PLAIN,
	PZ_CLI_BOLD,
	PZ_CLI_GREEN,
	PZ_CLI_YELLOW,
	PZ_CLI_RED,
};

/**
 * A copy in which every character that could steer a terminal or hide text (controls, bidirectional
 * overrides, line separators) and every byte that is no UTF-8 is '?'.
 * @param keep_lines leaves line feeds and tabs as they are
 * The caller frees it; NULL: out of memory.
 */
char *pz_cli_clean(const char *text, bool keep_lines);

/** Columns that clean text takes on a terminal. */
size_t pz_cli_width(const char *text);
/** Bytes of clean text that take at most so many columns. @param out_width what these take */
size_t pz_cli_prefix(const char *text, size_t columns, size_t *out_width);

/** A member as text: a string as it is, a number or boolean written out, anything else "". The
 * result is `scratch` or borrowed from the object. @param object may be NULL */
const char *pz_cli_member(const json_t *object, const char *key, char scratch[32]);

/** Local time, e.g. "2025-03-01 12:30:05"; "never" for 0. @param unix_s seconds since 1970 */
void pz_cli_time(int64_t unix_s, char out[32]);

/** A span, e.g. "2 h 13 min". */
void pz_cli_span(uint64_t seconds, char out[32]);

/** Rows of cells; the columns become as wide as they need. */
struct pz_cli_table;

/** @param titles of the columns, borrowed, or NULL for no head line. NULL: out of memory. */
struct pz_cli_table *pz_cli_table_new(const char *const *titles, size_t columns);
/** Frees the table. NULL is fine. */
void pz_cli_table_free(struct pz_cli_table *table);

/** Adds the next cell, cleaned; rows fill up by themselves. An empty one is shown as "-" in a table
 * with titles. Running out of memory is reported when the table is printed. */
void pz_cli_table_add(struct pz_cli_table *table, enum pz_cli_colour colour, const char *text);
/** As pz_cli_table_add, with formatted text. */
void pz_cli_table_addf(struct pz_cli_table *table, enum pz_cli_colour colour, const char *fmt, ...)
	PZ_PRINTF(3, 4);

/** Adds "ends  certificate in 59 days, …" of {tls, ca, crl}, as far as it has them. @param
 * authority the name of the CA, e.g. "zone's authority" */
void pz_cli_add_days(struct pz_cli_table *table, const json_t *days, const char *authority);
/** Adds "warning  …" for each. */
void pz_cli_add_warnings(struct pz_cli_table *table, const json_t *warnings);

/**
 * Prints the whole rows.
 * @param width columns of the terminal: the widest cells are cut, with a mark, until the rows fit;
 * 0: nothing is cut Errors: LIMIT_MEMORY (a cell is missing; nothing is printed).
 */
enum pz_err pz_cli_table_print(const struct pz_cli_table *table, FILE *out, bool colour,
			       size_t width) PZ_MUST_USE;

#endif
