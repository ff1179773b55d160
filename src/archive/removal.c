/* Removes a zone: its records are in six spaces of the store, its two keys beside it. */
#include "archive/removal.h"

#include "shared/shared.h"
#include "zone/change.h"
#include "zone/policy.h"

#define KEYS 2

enum pz_err
pz_authority_remove(const struct pz_authority *a, struct pz_txn *txn)
{
	char members[PZ_MEMBER_SPACE_CHARS], shared[PZ_SHARED_SPACE_CHARS];
	char policy[PZ_POLICY_SPACE_CHARS], friends[PZ_FRIENDS_SPACE_CHARS];

	pz_authority_member_space(a->zone, members);
	pz_shared_space(a->zone, shared);
	pz_authority_policy_space(a->zone, policy);
	pz_friends_space(a->zone, friends);
	PZ_TRY(pz_txn_remove(txn, "zone", a->zone));
	PZ_TRY(pz_txn_remove(txn, "moved", a->zone));
	PZ_TRY(pz_txn_remove_space(txn, members));
	PZ_TRY(pz_txn_remove_space(txn, shared));
	PZ_TRY(pz_txn_remove_space(txn, policy));
	PZ_TRY(pz_txn_remove_space(txn, friends));
	pz_txn_scrub(txn); /* it contained the zone's secret */
	return PZ_OK;
}

/* All are tried: a key that cannot be removed must not prevent the removal of the other. */
enum pz_err
pz_authority_remove_keys(const struct pz_authority *a, struct pz_keystore *keys)
{
	const char *uris[KEYS];
	enum pz_err result = PZ_OK;

	pz_authority_key_uris(a, uris);
	for (size_t i = 0; i < KEYS; i++) {
		enum pz_err err = pz_keystore_remove(keys, uris[i]);
		if (err != PZ_OK && err != PZ_ERR_NOTFOUND)
			result = err;
	}
	return result;
}
