/* The findings of `pzp doctor`: a list of checks, each with its result and, where something is
 * wrong, what to do. @spec page 12 "pzp doctor" */
#ifndef PZ_DIAGNOSE_FINDING_H
#define PZ_DIAGNOSE_FINDING_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/**
 * The checks: X(enumerator, name, title).
 *   name   stable, the member `check` of a finding
 *   title  for people
 */
#define PZ_CHECK_LIST(X)                                                                           \
	X(DAEMON, "daemon", "pzpd")                                                                \
	X(VERSION, "version", "versions")                                                          \
	X(ZONE, "zone", "zone")                                                                    \
	X(HUB_NAME, "hub-name", "name of the hub")                                                 \
	X(HUB_PORT, "hub-port", "port of the hub")                                                 \
	X(HUB_LINK, "hub-link", "link to the hub")                                                 \
	X(CLOCK, "clock", "clock")                                                                 \
	X(CERTIFICATE, "certificate", "certificate")                                               \
	X(AUTHORITY, "authority", "authority of this device")                                      \
	X(REVOCATION_LIST, "revocation-list", "revocation list")                                   \
	X(MULTICAST_SENT, "multicast-sent", "multicast sent")                                      \
	X(MULTICAST_RECEIVED, "multicast-received", "multicast received")                          \
	X(REACHABLE, "reachable", "reachable from a peer")                                         \
	X(DISK, "disk", "disk")                                                                    \
	X(WARNING, "warning", "warning")

enum pz_check {
#define X(enumerator, name, title) PZ_CHECK_##enumerator,
	PZ_CHECK_LIST(X)
#undef X
		PZ_CHECK_COUNT
};

/** The name of a check in JSON. Static. */
const char *pz_check_name(enum pz_check check);
/** The name of a check for people. @param name as in JSON. Static; `name` when it is not known. */
const char *pz_check_title(const char *name);

/** Adds a check that found nothing wrong. @param list an array; out of memory: nothing is added
 * @param fmt one line: what was found */
void pz_finding_ok(json_t *list, enum pz_check check, const char *fmt, ...) PZ_PRINTF(3, 4);
/** Adds a check that found something wrong. @param advice what to do, one line
 * @param fmt one line: what is wrong */
void pz_finding_bad(json_t *list, enum pz_check check, const char *advice, const char *fmt, ...)
	PZ_PRINTF(4, 5);
/** Adds a check that could not be made. @param fmt one line: why not */
void pz_finding_skipped(json_t *list, enum pz_check check, const char *fmt, ...) PZ_PRINTF(3, 4);

/** True when no finding is bad. */
bool pz_findings_are_ok(const json_t *list);

#endif
