/*
 * Permissions at installation: for an app whose manifest the owner has installed on this device,
 * what the manifest lists is decided as before, and everything else is denied. It narrows, it never
 * widens: the slots of page 9 are combined by the strictest.
 *
 * A change counts when it is on the disk, one at a time.
 * @spec page 9, 7.2; page 14 AC-13
 */
#ifndef PZ_MANIFESTS_MANIFESTS_H
#define PZ_MANIFESTS_MANIFESTS_H

#include "command/request.h"
#include "policies/policies.h"
#include "store/store.h"

struct pz_manifests;

/** Loads the stored manifests, and fills the slot. @param store, policies borrowed; freed after it.
 * Errors: IO (of the store), LIMIT_MEMORY. */
enum pz_err pz_manifests_new(struct pz_store *store, struct pz_policies *policies,
			     struct pz_manifests **out, struct pz_errinfo *info) PZ_MUST_USE;
/** A running commit is not reported. NULL is fine. */
void pz_manifests_free(struct pz_manifests *manifests);
PZ_AUTO_DEFINE(struct pz_manifests, pz_manifests_free)

/** True when the app has a manifest here. @param arg struct pz_manifests @param id of the app */
bool pz_manifests_has(const void *arg, const char *id);

/** This device leaves its zone: puts the removal of all into the transaction. Errors: LIMIT_MEMORY.
 */
enum pz_err pz_manifests_wipe(struct pz_txn *txn) PZ_MUST_USE;
/** The zone was left: memory follows. */
void pz_manifests_wiped(struct pz_manifests *manifests);

/* Commands. Each ends the request, at once or later. Parameters: the table of pzpd's commands. */
/** Installs a manifest, or shows its effect. */
void pz_manifests_install_command(struct pz_manifests *manifests, struct pz_request *request);
/** One of them, or all. */
void pz_manifests_show_command(struct pz_manifests *manifests, struct pz_request *request);
/** Takes one back: the app may ask for everything again. */
void pz_manifests_remove_command(struct pz_manifests *manifests, struct pz_request *request);

#endif
