/*
 * The devices' lists of services as the zone's data keeps them (page 7, 4; page 8 service-cache),
 * so that the services of a device are known while it cannot be reached.
 */
#ifndef PZ_ITEMS_SERVICE_CACHE_H
#define PZ_ITEMS_SERVICE_CACHE_H

#include "items/items.h"

/** Writes the services of this device into its list, where they have changed. */
void pz_service_cache_announce(struct pz_items *items);
/** Certificates were received and are not read yet: drops the list of each device whose certificate
 * is replaced, for it belongs to a different device of that name. @param keys array of names */
void pz_service_cache_drop_replaced(struct pz_items *items, const json_t *keys);
/** Drops the lists of devices that the zone has revoked or that have left it (page 14 REV-8). */
void pz_service_cache_drop_left(struct pz_items *items);
/** Drops the lists of all other devices: with sync.service-cache off they would grow old. */
void pz_service_cache_drop_others(struct pz_items *items);
/** Calls `each` for each descriptor of each other device that cannot be reached, and of which
 * nothing newer was received. @param descriptor borrowed */
void pz_service_cache_each_offline(const struct pz_items *items,
				   void (*each)(void *arg, json_t *descriptor), void *arg);
/** A device that can be reached and has not sent its services yet (it has just come back) has those
 * of its list: they are given to the node. @param device NULL: all such devices */
void pz_service_cache_recall(struct pz_items *items, const char *device);
/** True for a service of a device that cannot be reached now. */
bool pz_service_cache_is_offline(const struct pz_items *items, const json_t *descriptor);

#endif
