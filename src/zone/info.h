/*
 * What a device says about itself (`pzpInfo`) and a hub about a device (`Update`), taken apart and
 * rebuilt: what is kept of a message of others has only members that we know, within limits.
 */
#ifndef PZ_ZONE_INFO_H
#define PZ_ZONE_INFO_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"

/**
 * Addresses that a device claims.
 * @param given a list, the best first; entries that are no numeric address are left out, and so are
 * those after PZ_INFO_ADDRESSES_MAX: a part is better than nothing
 * @return a new list; NULL: it is no list, or out of memory
 * @spec page 4 "pzpInfo"
 */
json_t *pz_info_addresses(const json_t *given);

/**
 * Names of devices.
 * @param given a list of at most `most` device names; NULL counts as an empty one
 * @return a new list; NULL: it is no such list, or out of memory
 */
json_t *pz_info_devices(const json_t *given, size_t most);

/** A text for people (at most PZ_DISPLAY_NAME_BYTES_MAX bytes, no control characters). Borrowed
 * from the object; NULL: it has none. */
const char *pz_info_text(const json_t *object, const char *member);

/** A device's name for its own start: at most PZ_INSTANCE_BYTES_MAX letters, digits and "+/=._:-".
 */
bool pz_info_is_instance(const char *text);

/**
 * An entry of `Update`. What is of a wrong form is left out.
 * @param given an entry whose name has been checked
 * @return {"connected", "listening", "ipaddress", "port"} and, where they are there, "displayName",
 * "deviceType", "session", "lastSeen"; new. NULL: out of memory
 * @spec page 4 "Update"
 */
json_t *pz_info_entry(const json_t *given);

#endif
