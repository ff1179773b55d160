/* The names of devices for people (page 8, item user-details; page 10, name): what follows at the
 * hub when a name has changed. */
#ifndef PZ_HOSTED_NAMES_H
#define PZ_HOSTED_NAMES_H

#include "hosted/zone.h"

/** The value of one key of the user's details has changed: a device's name is applied to its
 * record, one of a device that the zone does not have is removed. */
void pz_hosted_name_changed(struct pz_hosted *zone, const char *key);
/** Details came in from a device. @param keys array of strings */
void pz_hosted_names_received(struct pz_hosted *zone, const json_t *keys);
/** The zone has been loaded: members' records may be older than the names that were stored. */
void pz_hosted_names_loaded(struct pz_hosted *zone);
/** A device has come into the zone, or is out of it: the name that a device of the same name was
 * given is removed, as a deletion that travels. @param device "": none */
void pz_hosted_names_forget(struct pz_hosted *zone, const char *device);

#endif
