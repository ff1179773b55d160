/* The enrolment link: pzp://<host>:<port>/<zone>?code=<digits>, typed, clicked or scanned. */
#ifndef PZ_ENROL_LINK_H
#define PZ_ENROL_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

/** A parsed link. The code is a secret: wipe the struct after use. */
struct pz_enrol_link {
	char host[PZ_HOST_BYTES_MAX + 1]; /* name or address, IPv6 without brackets */
	uint16_t port;
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char code[PZ_CODE_DIGITS + 1]; /* "" when the link carries none */
};

/**
 * Appends the link to `out` (a secret, when it carries a code).
 * @param host name or address; an IPv6 literal (with or without brackets) is put in brackets
 * @param zone as it is; what is not safe in a path is percent-encoded
 * @param digits PZ_CODE_DIGITS digits, or NULL: no "?code="
 * Errors: CONFIG (empty or impossible host, port 0), LIMIT_QUEUE, LIMIT_MEMORY.
 * @spec page 3 "The code"
 */
enum pz_err pz_enrol_link_format(const char *host, uint16_t port, const char *zone,
				 const char *digits, struct pz_buf *out) PZ_MUST_USE;

/**
 * Reads a link. Scheme in any case; host and port required; the zone percent-decoded and
 * lower-cased; parameters other than "code" are ignored.
 * @param link NUL-terminated, white space at the ends ignored
 * @param out wiped first, so all zeros on failure; holds the code on success
 * @param info may be NULL
 * Errors: CONFIG (with a line that says what is wrong), LIMIT_MEMORY.
 */
enum pz_err pz_enrol_link_parse(const char *link, struct pz_enrol_link *out,
				struct pz_errinfo *info) PZ_MUST_USE;

#endif
