/* The least a router has to find out: two members of a message's top level. */
#ifndef PZ_BENCH_SCAN_H
#define PZ_BENCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/** Borrowed text between the quotes, escapes as they are; NULL when the member is absent. */
struct scanned {
	const char *to, *from;
	size_t to_len, from_len;
};

/**
 * One pass over one JSON object. Strings and nesting are followed, so that a "to" in the payload is
 * never taken for the envelope's; numbers, literals and UTF-8 are not checked.
 * @return false: brackets or quotes do not match
 */
bool bare_scan(const char *json, size_t len, struct scanned *out);

#endif
