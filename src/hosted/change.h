/* Changes of a zone's authority (hosted/transact.h): revocation, rights and renewal. */
#ifndef PZ_HOSTED_CHANGE_H
#define PZ_HOSTED_CHANGE_H

#include "hosted/zone.h"

/**
 * The end of a revocation.
 * @param result new; {device, serial, crlNumber} of the device that was revoked, else NULL
 */
typedef void (*pz_hosted_revoke_done)(void *arg, enum pz_err err, const char *detail,
				      json_t *takes_result);

/**
 * Revokes a device.
 * @param done called when that is durable, or has failed, perhaps from inside; may be NULL
 * Errors: NOTFOUND, EXISTS (it is revoked already), DENIED (the zone is moving), IO_*,
 * LIMIT_MEMORY.
 */
void pz_hosted_revoke(struct pz_hosted *zone, const char *device, enum pz_revoked why,
		      pz_hosted_revoke_done done, void *arg);
/**
 * Gives a device a right, or takes it away, visible to all devices.
 * @param done as of pz_hosted_revoke; the result is {device, rights}
 * Errors: NOTFOUND, DENIED (the zone is moving), IO_*, LIMIT_MEMORY.
 */
void pz_hosted_set_right(struct pz_hosted *zone, const char *device, enum pz_right right, bool has,
			 pz_hosted_revoke_done done, void *arg);
/** What follows a revocation that is durable (page 2 "Revocation"): links end, the others get it.
 */
void pz_hosted_revoked(struct pz_hosted *zone, struct pz_member *member, const char *reason);
/** Renews the hub's certificate and the revocation list where that is due. */
void pz_hosted_renew_if_due(struct pz_hosted *zone);

#endif
