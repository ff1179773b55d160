/*
 * Which devices the zone has, as far as is known here, and which one a person means by a name. What
 * is known comes from the hub's Update, from the zone's data (also of an earlier start), and from
 * peers; a device that the revocation list names is out, however the news came.
 */
#ifndef PZ_CALLS_DEVICES_H
#define PZ_CALLS_DEVICES_H

#include <jansson.h>

#include "base/err.h"
#include "wire/address.h"

struct pz_calls;

/** True for a device of the zone that is known here, this one included. */
bool pz_devices_has(const struct pz_calls *calls, const char *device);
/** Names of all other devices of the zone that are known here: {name: true}, new; NULL: out of
 * memory. */
json_t *pz_devices_names(const struct pz_calls *calls);
/**
 * The device that a person means: by its name, its address ZONE/NAME, its name in another case, or
 * its display name, in this order. While no device of the zone is known but this one (a fresh
 * enrolment without its hub), a valid name is taken as it is.
 * @param text as it was typed
 * @param out untouched on failure
 * @param info has the error and the name that was probably meant
 * Errors: NOTFOUND (no such device, or another zone), CONFIG (several are called so).
 */
enum pz_err pz_devices_find(const struct pz_calls *calls, const char *text,
			    char out[PZ_DEVICE_BYTES_MAX + 1], struct pz_errinfo *info) PZ_MUST_USE;
/** Why a device of the zone cannot be reached now, since when, and what to do, in one line. */
void pz_devices_why_unreachable(const struct pz_calls *calls, const char *device, char *out,
				size_t size);
/** The name that people see. New, or NULL. */
char *pz_devices_display_name(const struct pz_calls *calls, const char *device);
/** `pzp peers`: every device of the zone that we know of. New, or NULL. */
json_t *pz_devices_list(const struct pz_calls *calls);
/** The part of it that stands in `pzp status`. New, or NULL. */
json_t *pz_devices_status(const struct pz_calls *calls);
/** The zone's data has changed: devices that have left are forgotten, and no longer dialled. */
void pz_devices_drop_left(struct pz_calls *calls);

#endif
