/*
 * Inside pzp/ only: which service a person means by SERVICE of `pzp call` (page 12): an instance
 * id, an API URI or its last part, or a display name, in any case, with @DEVICE or @ZONE/DEVICE.
 */
#ifndef PZ_PZP_TARGET_H
#define PZ_PZP_TARGET_H

#include "pzp/internal.h"

struct target {
	char *service;                        /* without @DEVICE */
	char *device_text;                    /* as it was typed, or NULL */
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* the one that is meant, "": any or not known yet */
};

/** Takes SERVICE apart. Release with target_fini, also after a failure. Errors: CONFIG (nothing
 * after the @), LIMIT_MEMORY. */
enum pz_err
target_init(struct target *target, const char *text, struct pz_errinfo *info) PZ_MUST_USE;
void target_fini(struct target *target);

/** Finds out which device is meant; none was named: nothing to do. Errors: as devices_find. */
enum pz_err target_resolve(struct target *target, const struct pz_node *node,
			   struct pz_errinfo *info) PZ_MUST_USE;

/** The descriptor that is meant best by the target: a name as it is before one in another case,
 * before a display name; of equal ones the first. Borrowed from the list, or NULL. */
json_t *target_choose(const struct target *target, json_t *descriptors);

/** The same among what this device and those linked with it offer, by their own last word; no
 * message is sent. New reference, or NULL. */
json_t *target_choose_near(const struct target *target, const struct pz_node *node);

/** True when the device's own word of what it offers is here: asking others adds nothing. */
bool target_is_near(const struct target *target, const struct pz_node *node);

/** What to say when there is no such service: what the device offers instead, what was probably
 * meant. @param descriptors what there is; may be NULL */
void target_explain(const struct target *target, json_t *descriptors, char *out, size_t size);

#endif
