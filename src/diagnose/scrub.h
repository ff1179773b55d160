/*
 * A report that a person hands to others (`pzp bugreport`) names no person, device, address, key or
 * value. Each is replaced by a short token, the same one in the whole report: "device-2",
 * "address-1".
 *
 * Three rules, from sure to careful: known names, wherever they appear; the values of the fields of
 * log lines and of the JSON members that hold names; and what looks like an address, a host name,
 * an identity, a path, a URL or a key. What is replaced without need costs a reader little; what is
 * missed costs the sender more.
 */
#ifndef PZ_DIAGNOSE_SCRUB_H
#define PZ_DIAGNOSE_SCRUB_H

#include <jansson.h>

#include "base/err.h"

struct pz_scrub;

/** NULL: out of memory. */
struct pz_scrub *pz_scrub_new(void);
/** NULL is fine. */
void pz_scrub_free(struct pz_scrub *scrub);

/**
 * A name that the report must not show, in any case of letters.
 * @param kind of the token, static, e.g. "device"
 * @param name NULL or "": nothing
 * Errors: LIMIT_MEMORY.
 */
enum pz_err pz_scrub_add(struct pz_scrub *scrub, const char *kind, const char *name) PZ_MUST_USE;

/** A text without what must not be shown: of log lines, findings. New; NULL: out of memory. */
char *pz_scrub_text(struct pz_scrub *scrub, const char *text);
/** The same for the texts in a value; numbers and names of members stay. New; NULL: out of memory.
 */
json_t *pz_scrub_json(struct pz_scrub *scrub, const json_t *value);

#endif
