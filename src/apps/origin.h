/* Origins of web pages: which may be an app. */
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

/** Looks at the value of the field Origin. */
enum pz_origin_kind pz_origin_kind_of(struct pz_slice origin);
/** True for those that may be an app by what a browser sends. */
bool pz_origin_is_taken(enum pz_origin_kind kind);
/** A word for people: "https", "local", "http", "null", "program", "other". */
const char *pz_origin_kind_name(enum pz_origin_kind kind);

#endif
