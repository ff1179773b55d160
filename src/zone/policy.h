/*
 * The owner's policy of a zone as its hub holds it: the master, signed by the zone's CA, with a
 * sequence number that only increases.
 *
 * A change is based on a version (compare and swap). A hub that was restored from a backup has an
 * older document than its devices: they return theirs, and the hub adopts what it has signed itself
 * (pz_authority_add_policy), so that an older policy never comes back.
 * @spec page 9, 13
 */
#ifndef PZ_ZONE_POLICY_H
#define PZ_ZONE_POLICY_H

#include <stdlib.h>

#include "policies/record.h"
#include "zone/authority.h"

#define PZ_ZONE_POLICY_KEY "user" /* of the chunk of the item `policies`, and of the record */

/** One signed document. */
struct pz_zone_policy {
	char *text;                     /* the whole record, owned */
	struct pz_policy_record record; /* its document is borrowed from text */
};

/** @param takes_text freed also on failure. Errors: those of pz_policy_record_parse. */
enum pz_err pz_zone_policy_new(char *takes_text, struct pz_zone_policy **out,
			       struct pz_errinfo *info) PZ_MUST_USE;
/** NULL is fine. */
static inline void
pz_zone_policy_free(struct pz_zone_policy *policy)
{
	if (policy)
		free(policy->text);
	free(policy);
}

/** A requested change. */
struct pz_zone_policy_edit {
	struct pz_slice document;
	bool has_base;      /* false: based on the current document */
	uint64_t base;      /* sequence number; 0: on the default */
	const char *author; /* address */
	const char *device; /* of the author; NULL: the hub */
	bool is_forced;     /* also a document that locks the owner out */
};

/** Sequence number of the current document; 0: the zone has none. */
uint64_t pz_authority_policy_sequence(const struct pz_authority *authority);

/**
 * Prepares a change: validates the document whole, signs it with the next sequence number.
 * @param out change for pz_authority_apply, when txn is durable
 * Errors: EXISTS (conflict: based on an older version), CONFIG and LIMIT (not valid; with the
 * line), DENIED (it locks the owner out), CRYPTO, LIMIT_MEMORY; those of pz_authority_check_stays.
 */
enum pz_err
pz_authority_set_policy(struct pz_authority *authority, const struct pz_zone_policy_edit *edit,
			struct pz_txn *txn, struct pz_zone_change **out,
			struct pz_errinfo *info) PZ_MUST_USE;

/** True when a record that this zone has signed is news here: its number is higher, or equal with
 * another document. Nothing is verified. */
bool pz_authority_policy_adds(const struct pz_authority *authority,
			      const struct pz_policy_record *record);
/**
 * Prepares to take over a record that a device has given back. One with a higher number becomes
 * ours. With an equal number the later change is signed again, with a number above both: a restored
 * hub has used the number twice.
 * @param text of the record
 * Errors: those of pz_policy_record_parse and _check; EXISTS (it is no news), CRYPTO, LIMIT_MEMORY.
 */
enum pz_err
pz_authority_add_policy(struct pz_authority *authority, struct pz_slice text, struct pz_txn *txn,
			struct pz_zone_change **out, struct pz_errinfo *info) PZ_MUST_USE;

/** Loads the zone's policy; none is fine. Errors: PROTO, LIMIT_MEMORY, IO. */
enum pz_err pz_authority_load_policy(struct pz_store *store, struct pz_authority *authority,
				     struct pz_errinfo *info) PZ_MUST_USE;
/** The document before this one, as it is stored, for an owner who regrets. @param out owned by the
 * caller; NULL: no document was replaced yet. Reads the store synchronously. Errors: as load. */
enum pz_err
pz_authority_former_policy(struct pz_store *store, const struct pz_authority *authority,
			   struct pz_zone_policy **out, struct pz_errinfo *info) PZ_MUST_USE;
/** Puts a zone's policy into a transaction. @param former NULL: none. Errors: LIMIT_MEMORY. */
enum pz_err
pz_authority_put_policy(const struct pz_authority *authority, const struct pz_zone_policy *policy,
			const struct pz_zone_policy *former, struct pz_txn *txn) PZ_MUST_USE;

#define PZ_POLICY_SPACE_CHARS (PZ_ZONE_BYTES_MAX + 8)
/** Name of the store's space that holds the policy of a zone. */
void pz_authority_policy_space(const char *zone, char out[PZ_POLICY_SPACE_CHARS]);
/** Reads a record of that space. Errors: PROTO, LIMIT_MEMORY. */
enum pz_err pz_authority_read_policy(const json_t *record, struct pz_zone_policy **out,
				     struct pz_errinfo *info) PZ_MUST_USE;

#endif
