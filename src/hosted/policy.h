/* The owner's policy of a zone (zone/policy.h): its changes, and the documents that devices return
 * to a hub that was restored from a backup. @spec page 9, 13 */
#ifndef PZ_HOSTED_POLICY_H
#define PZ_HOSTED_POLICY_H

#include "hosted/conn.h"
#include "sync/item.h"

/** A requested change, and its end. */
struct pz_hosted_policy_edit {
	char *document; /* taken */
	size_t len;
	bool has_base; /* false: based on the current document */
	uint64_t base;
	bool is_forced;                       /* also a document that locks the owner out */
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* that asks; "": the hub */
	char serial[PZ_SERIAL_HEX_BYTES];     /* of its CA, and its name for the change */
	int64_t id;
	/**
	 * Its end, once, perhaps from inside, unless the zone goes before.
	 * @param err as of pz_authority_set_policy, or of the store
	 * @param sequence of the policy that counts now
	 */
	void (*done)(struct pz_hosted *zone, const struct pz_hosted_policy_edit *edit,
		     enum pz_err err, const char *detail, uint64_t sequence);
	void *arg; /* for done */
};

/** Changes the policy, and sends it to all devices when it is stored. @param edit copied; its
 * document is taken in any case */
void pz_hosted_policy_set(struct pz_hosted *zone, const struct pz_hosted_policy_edit *edit);

/**
 * A device returns a document that the zone has signed. A newer policy than ours is in force as
 * soon as it is stored; an older one is ignored. Errors: DENIED_* (not signed by this zone's CA),
 * PROTO, NOTFOUND (another key), LIMIT (too many wait).
 */
enum pz_err pz_hosted_policy_offered(struct pz_hosted_conn *conn, const struct pz_sync_chunk *chunk,
				     struct pz_errinfo *info) PZ_MUST_USE;

#endif
