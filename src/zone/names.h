/* What this device is called, in its zone and by people. All write it through these functions. */
#ifndef PZ_ZONE_NAMES_H
#define PZ_ZONE_NAMES_H

#include "base/limits.h"
#include "store/keep.h"
#include "wire/address.h"

/** The names; each is read by others, and stays at its place. */
struct pz_names {
	char device[PZ_DEVICE_BYTES_MAX + 1];             /* in the zone, or while virgin */
	char self[PZ_ADDRESS_BYTES_MAX + 1];              /* ZONE/DEVICE; virgin: the device */
	char display_name[PZ_DISPLAY_NAME_BYTES_MAX + 1]; /* for people */
	char device_type[PZ_DEVICE_TYPE_BYTES_MAX + 1];   /* for people: "phone" */
	struct pz_keep keep;                              /* while the store lacks `device` */
};

/** What it is given. Borrowed; env and store for the life of the names. */
struct pz_names_config {
	const struct pz_env *env;
	struct pz_store *store;
	const char *device; /* as configured; NULL: not */
};

/** The device's name: as configured, else stored, else made from the host's, and stored.
 * @param names zeroed; stays at its place until pz_names_stop
 * Errors: CONFIG, IO_*, PROTO, LIMIT_MEMORY; pz_names_stop is right then, too. */
enum pz_err pz_names_settle(struct pz_names *names, const struct pz_names_config *config,
			    struct pz_errinfo *info) PZ_MUST_USE;
/** Stores nothing any more. */
void pz_names_stop(struct pz_names *names);
/** The device is a member of this zone under this name. */
void pz_names_set_member(struct pz_names *names, const char *zone, const char *device);
/** The zone is left: the device keeps its name in it (page 2 "Revocation"). */
void pz_names_set_virgin(struct pz_names *names);
/** The name that people see; cut to the length that the preferences allow. */
void pz_names_set_shown(struct pz_names *names, const char *display_name, const char *device_type);

#endif
