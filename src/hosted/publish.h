/* What the hub writes and all devices get (page 8): the revocation list, and what is known of each
 * device. */
#ifndef PZ_HOSTED_PUBLISH_H
#define PZ_HOSTED_PUBLISH_H

#include "hosted/zone.h"

/** Sends a chunk that has changed to every device that is connected. */
void pz_hosted_publish(struct pz_hosted *zone, enum pz_sync_id id, const char *key);
/** What is known of one device has changed. */
void pz_hosted_publish_device(struct pz_hosted *zone, const char *device);
/** The revocation list and the data of one device have changed. @param device "": of none */
void pz_hosted_publish_membership(struct pz_hosted *zone, const char *device);

#endif
