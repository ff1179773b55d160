/* What a head of HTTP/1.1 must not contain, whatever a parser makes of it. */
#ifndef PZ_HTTP_LINES_H
#define PZ_HTTP_LINES_H

#include <stdbool.h>

#include "base/slice.h"

/** How far a head was looked at. Zero at its beginning. */
struct pz_http_lines {
	size_t seen;    /* bytes */
	size_t fields;  /* lines after the first one */
	size_t line_at; /* where the line begins that is not whole yet */
};

/**
 * Looks for the end of a head, and for what smuggling of requests needs: a bare LF or CR, a NUL, a
 * line that continues in the next one (obs-fold), white space before the colon, a line without a
 * colon, a first line that is no request.
 * @param bytes from the head's beginning on; more of the same on each call
 * @param out_bytes length of the head with its empty line; 0: it is not whole yet
 * @return 0, or the status that refuses it: 400; 431 (too long, or too many fields)
 * @spec RFC 9112 2.2, 5.1, 5.2; page 11
 */
int pz_http_lines_look(struct pz_http_lines *lines, struct pz_slice bytes, size_t *out_bytes);

#endif
