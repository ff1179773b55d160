/* A zone as its hub keeps it, with members: created, changed and loaded again in a world. */
#ifndef PZ_KIT_AUTHORITY_H
#define PZ_KIT_AUTHORITY_H

#include "kit/world.h"
#include "kit/zone.h"
#include "zone/authority.h"
#include "zone/membership.h"

#define PZ_KIT_HUB_PORT 8041

/** Creates a zone at PZ_KIT_HOST, durably. @return the caller's, pz_authority_free */
struct pz_authority *pz_kit_authority_new(struct pz_kit_world *hub, const char *zone);
/** Restarts the hub and loads the zone again. @param authority freed and replaced */
void pz_kit_authority_restart(struct pz_kit_world *hub, struct pz_authority **authority);

/** Admits a device, durably. @param ca_key of its CA; NULL: a new one
 * @return the member, which belongs to the authority */
struct pz_member *pz_kit_admit(struct pz_kit_world *hub, struct pz_authority *authority,
			       const char *device, const struct pz_key *ca_key);
/** Admits a device, durably, and makes its keys and certificates.
 * @param out the caller's, pz_kit_identity_fini */
void pz_kit_admit_identity(struct pz_kit_world *hub, struct pz_authority *authority,
			   const char *device, struct pz_kit_identity *out);
/** Revokes a device, durably. @return the member, which belongs to the authority */
struct pz_member *pz_kit_revoke(struct pz_kit_world *hub, struct pz_authority *authority,
				const char *device, enum pz_revoked why);
/** Commits a change and applies it. @param takes_txn, takes_change that describe it
 * @return what pz_authority_apply returns */
struct pz_member *pz_kit_apply(struct pz_kit_world *hub, struct pz_authority *authority,
			       struct pz_txn *takes_txn, struct pz_zone_change *takes_change);

/**
 * Admits a device and makes its membership, as an enrolment does.
 * @param keys of the device
 * @param txn gets what the device stores; NULL: it is not stored
 * @return the caller's, pz_membership_free
 */
struct pz_membership *
pz_kit_enrol(struct pz_kit_world *hub, struct pz_authority *authority, const char *device,
	     struct pz_keystore *keys, struct pz_txn *txn);

#endif
