/* Origins of web pages: which may be an app, and the identity that follows from one. */
#ifndef PZ_APPS_ORIGIN_H
#define PZ_APPS_ORIGIN_H

#include <stdbool.h>

#include "base/slice.h"

/** What an origin proves. @spec page 11; page 14 APP-2 */
enum pz_origin_kind {
	PZ_ORIGIN_HTTPS,   /* a server with a certificate */
	PZ_ORIGIN_LOCAL,   /* http from localhost, 127.0.0.1 or [::1]: a program of this machine */
	PZ_ORIGIN_PLAIN,   /* http from elsewhere: anyone on the way can write such a page */
	PZ_ORIGIN_NULL,    /* "null": a file, a sandboxed frame */
	PZ_ORIGIN_PROGRAM, /* not a page's: a program with a token, whose name it is */
	PZ_ORIGIN_OTHER,   /* another scheme, or malformed */
};

/** Characters of an app's id. */
#define PZ_ORIGIN_ID_CHARS 32

/** Looks at the value of the field Origin. */
enum pz_origin_kind pz_origin_kind_of(struct pz_slice origin);
/** True for those that may be an app by what a browser sends. */
bool pz_origin_is_taken(enum pz_origin_kind kind);
/** A word for people: "https", "local", "http", "null", "program", "other". */
const char *pz_origin_kind_name(enum pz_origin_kind kind);
/** The id of an app in addresses: the first 32 hex digits of SHA-256 of the origin, on every device
 * the same. */
void pz_origin_id(struct pz_slice origin, char out[PZ_ORIGIN_ID_CHARS + 1]);

#endif
