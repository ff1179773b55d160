/* Codes of the prop `error`: the one table of them (page 4; docs/errors.md is checked against it).
 */
#ifndef PZ_WIRE_PROP_ERROR_H
#define PZ_WIRE_PROP_ERROR_H

#include <stdbool.h>
#include <string.h>

/* X(name, code on the wire, meaning) */
#define PZ_PROP_ERRORS(X)                                                                          \
	X(UNKNOWN_STATUS, "unknownStatus", "the receiver does not know this prop status")          \
	X(BAD_REQUEST, "badRequest", "a member is missing, of the wrong type or out of range")     \
	X(REFUSED, "refused",                                                                      \
	  "a synchronised value is not taken; `about` names the item, `key` the value. Or a "      \
	  "device "                                                                                \
	  "is asked for what only a hub does")

enum pz_prop_error {
#define X(name, code, meaning) PZ_PROP_ERROR_##name,
	PZ_PROP_ERRORS(X)
#undef X
};

/** A status that would request an enrolment or a revocation by the hub: a device refuses it (page
 * 1). */
static inline bool
pz_prop_is_for_hubs(const char *status)
{
	return strncmp(status, "enrol", strlen("enrol")) == 0 || strcmp(status, "revoke") == 0 ||
	       strcmp(status, "token") == 0;
}

/** The code as sent on the wire. */
static inline const char *
pz_prop_error_code(enum pz_prop_error error)
{
	static const char *const codes[] = {
#define X(name, code, meaning) code,
		PZ_PROP_ERRORS(X)
#undef X
	};

	return codes[error];
}

#endif
