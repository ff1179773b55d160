/*
 * Which service a person means by SERVICE of `pzp call` (page 12): an instance id, an API URI or
 * its last part, or a display name, in any case, with @DEVICE or @ZONE/DEVICE.
 */
#ifndef PZ_CALLS_TARGET_H
#define PZ_CALLS_TARGET_H

#include <jansson.h>

#include "base/err.h"
#include "wire/address.h"

struct pz_calls;

/** SERVICE, taken apart. */
struct pz_target {
	char *service;                        /* without @DEVICE */
	char *device_text;                    /* as it was typed, or NULL */
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* the resolved device, "": any or not known yet */
	char zone[PZ_ZONE_BYTES_MAX + 1];     /* a friend's that it is in; "": the own one */
};

/** Takes SERVICE apart. Release with pz_target_fini, also after a failure. Errors: CONFIG (nothing
 * after the @), LIMIT_MEMORY. */
enum pz_err
pz_target_init(struct pz_target *target, const char *text, struct pz_errinfo *info) PZ_MUST_USE;
/** Frees its contents. A zeroed one is fine. */
void pz_target_fini(struct pz_target *target);
/** Resolves the device; none was named: nothing to do. One of a friend zone is named by its whole
 * address. Errors: as pz_devices_find. */
enum pz_err pz_target_resolve(struct pz_target *target, const struct pz_calls *calls,
			      struct pz_errinfo *info) PZ_MUST_USE;
/** The descriptor that matches the target best: a name as it is before one in another case, before
 * a display name; of equal ones the first. Borrowed from the list, or NULL. */
json_t *pz_target_choose(const struct pz_target *target, json_t *descriptors);
/** The same among the services of this device and of linked devices, as last received; no message
 * is sent. New reference, or NULL. */
json_t *pz_target_choose_near(const struct pz_target *target, const struct pz_calls *calls);
/** True when the device's list of services was received from it: asking others adds nothing. */
bool pz_target_is_near(const struct pz_target *target, const struct pz_calls *calls);
/** What to say when there is no such service: the services of the device, and the one that was
 * probably meant. @param descriptors what there is; may be NULL */
void pz_target_explain(const struct pz_target *target, json_t *descriptors, char *out, size_t size);

#endif
