/*
 * Grants: what this device alone lets a friend do, without a hub. Each is one row on the disk, and
 * all of them are the document of the slot `grants`, which counts for friends only, and only where
 * the policy of the owner leaves a call open (page 9, 7.1).
 *
 * A new grant counts when it is on the disk. One that is taken back, or whose zone is no friend any
 * more, ends at once, and the disk follows.
 * @spec page 9, 7.1
 */
#ifndef PZ_POLICIES_GRANTS_H
#define PZ_POLICIES_GRANTS_H

#include "command/request.h"
#include "policies/policies.h"

/** Reads what is stored. Errors: IO (of the store), LIMIT_MEMORY. */
enum pz_err pz_grants_load(struct pz_policies *policies, struct pz_errinfo *info) PZ_MUST_USE;
/** The friends of this device have changed: grants of zones that are no friends end. */
void pz_grants_follow_friends(struct pz_policies *policies);
/** Removes all of them with the zone. Errors: LIMIT_MEMORY. */
enum pz_err pz_grants_wipe(struct pz_policies *policies, struct pz_txn *txn) PZ_MUST_USE;

/* Commands. Each ends the request, at once or later. Parameters: the table of pzpd's commands. */
/** Grants a friend a service of this device. */
void pz_grants_add_command(struct pz_policies *policies, struct pz_request *request);
/** Takes back what was granted so. */
void pz_grants_remove_command(struct pz_policies *policies, struct pz_request *request);

#endif
