/* Forgetting a zone that this hub hosts. @spec page 14 WIP-6 */
#ifndef PZ_ARCHIVE_REMOVAL_H
#define PZ_ARCHIVE_REMOVAL_H

#include "store/store.h"
#include "zone/authority.h"

/**
 * Prepares the removal of the zone from the store, and from its files, once the transaction is
 * durable: its record, its members, its devices' shared data, its notice of a move. Its keys are
 * files beside the store: pz_authority_remove_keys, after the commit.
 * Errors: LIMIT_MEMORY.
 * @spec page 12 "pzh remove"
 */
enum pz_err
pz_authority_remove(const struct pz_authority *authority, struct pz_txn *txn) PZ_MUST_USE;

/** Deletes the zone's private keys. Errors: IO (one is still there); a key that is gone is fine. */
enum pz_err pz_authority_remove_keys(const struct pz_authority *authority,
				     struct pz_keystore *keys) PZ_MUST_USE;

#endif
