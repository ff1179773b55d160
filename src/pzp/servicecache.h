/*
 * Inside pzp/ only: the devices' lists of services as the zone's data keeps them (page 7, 4; page 8
 * service-cache), so that one is known of a device that cannot be reached now.
 */
#ifndef PZ_PZP_SERVICECACHE_H
#define PZ_PZP_SERVICECACHE_H

#include "pzp/internal.h"

/** What this device announces becomes its list there, where it has changed. */
void servicecache_announce(struct pz_node *node);
/** Certificates came in, and are not read yet: where it is another one, what is kept is another
 * device's. @param keys array of names */
void servicecache_drop_replaced(struct pz_node *node, const json_t *keys);
/** Of devices that the zone has revoked nothing is kept (page 14 REV-8). */
void servicecache_drop_revoked(struct pz_node *node);
/** What is known of other devices is forgotten: it would grow old (sync.service-cache is off). */
void servicecache_drop_others(struct pz_node *node);
/** Calls for each descriptor of each other device that cannot be reached, and of which nothing
 * newer was heard. @param descriptor borrowed */
void servicecache_each_offline(const struct pz_node *node,
			       void (*each)(void *arg, json_t *descriptor), void *arg);
/** A device that can be reached and has not said yet what it has (it has just come back) has what
 * it had: that becomes known. @param device NULL: all such devices */
void servicecache_recall(struct pz_node *node, const char *device);
/** Is it of a device that cannot be reached now? */
bool servicecache_is_offline(const struct pz_node *node, const json_t *descriptor);

#endif
