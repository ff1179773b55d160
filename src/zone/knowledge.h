/*
 * What a device knows about its zone from its hub, and from peers that forward it: page 8's items
 * trusted-pzh, trusted-pzp, crl, zone-secret, rights and policies, which are stored, and their
 * parsed values.
 *
 * It is fed by sync sessions: their item, accept and number operations are answered from here, and
 * after changed, pz_knowledge_apply reads what came in and says what is to be stored. Nothing in it
 * is needed to start or to reach the hub, so a record that cannot be read is left out and comes
 * again from the hub.
 */
#ifndef PZ_ZONE_KNOWLEDGE_H
#define PZ_ZONE_KNOWLEDGE_H

#include <jansson.h>

#include "base/auto.h"
#include "friends/friend.h"
#include "policies/record.h"
#include "record/record.h"
#include "store/store.h"
#include "sync/item.h"
#include "x509/crl.h"
#include "zone/crl_history.h"
#include "zone/membership.h"

struct pz_knowledge;

/** Another device of the zone, or this one. Read only. */
struct pz_known_device {
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char serial[PZ_SERIAL_HEX_BYTES]; /* of its PZP CA certificate */
	struct pz_cert *ca;
};

/**
 * Loads what is stored; at least the CRL of the enrolment is known afterwards.
 * @param membership borrowed for the call only
 * @param out_skipped records that were not readable or not good (but for certificates that have
 * been revoked); may be NULL
 * @param info may be NULL
 * Errors: IO (of the store), LIMIT_MEMORY.
 */
enum pz_err pz_knowledge_load(struct pz_store *store, const struct pz_membership *membership,
			      struct pz_knowledge **out, size_t *out_skipped,
			      struct pz_errinfo *info) PZ_MUST_USE;
/** Overwrites the secret and frees. NULL is fine. What is stored goes with pz_membership_wipe. */
void pz_knowledge_free(struct pz_knowledge *knowledge);
PZ_AUTO_DEFINE(struct pz_knowledge, pz_knowledge_free)

/* ---- for sessions ---- */

/** The item, borrowed; NULL: none that is kept here. */
struct pz_sync_item *
pz_knowledge_item(struct pz_knowledge *knowledge, const struct pz_sync_kind *kind);
/**
 * Checks a chunk. All of these are written by the hub, so origin must be the zone.
 *  - crl: of our zone, signed by its CA, crlNumber not lower than that of the newest one; or of a
 *    friend zone, signed by the CA that is pinned;
 *  - trusted-pzh: a friend zone whose text our zone's CA has signed, confirmed, or deleted;
 *  - trusted-pzp: a PZP CA certificate of the device that the key names, signed by our zone's CA,
 *    not revoked (dates are looked at when it is used), or deleted;
 *  - zone-secret: 32 bytes in base64;
 *  - rights: the key names a device;
 *  - policies: the owner's document, valid, signed by our zone's CA, with a number that is higher
 *    than that of the one that is here; where that one is damaged, not lower than its number.
 * Errors: DENIED_* (certificate, CRL, origin, or "older CRL"), PROTO (malformed), NOTFOUND (key, or
 * an item that is not kept here), LIMIT_MEMORY; with one line in info.
 * @spec page 8 "Store", page 14 ZON-6
 */
enum pz_err
pz_knowledge_accept(const struct pz_knowledge *knowledge, const struct pz_sync_kind *kind,
		    const struct pz_sync_chunk *chunk, struct pz_errinfo *info) PZ_MUST_USE;
/** A CRL compared with the newest one that is known here. */
struct pz_crl_difference {
	uint64_t number, known; /* its crlNumber, and ours */
	bool has_less;          /* ours revokes a serial that it does not revoke */
	bool has_more;          /* it revokes a serial that no list known here revokes */
};

/**
 * Weighs a chunk of `crl`; it is checked as pz_knowledge_accept does, but may be an older one.
 * Errors: as pz_knowledge_accept.
 */
enum pz_err
pz_knowledge_compare_crl(const struct pz_knowledge *knowledge, const struct pz_sync_chunk *chunk,
			 struct pz_crl_difference *out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Keeps an older list that has_more: its entries count as revoked, too, until one list has them
 * all.
 * Errors: as pz_knowledge_compare_crl; LIMIT (no room); LIMIT_MEMORY: it counts, but is not in txn.
 */
enum pz_err
pz_knowledge_keep_older_crl(struct pz_knowledge *knowledge, const struct pz_sync_chunk *chunk,
			    struct pz_txn *txn, struct pz_errinfo *info) PZ_MUST_USE;

/** crlNumber of a chunk of `crl`, sequence number of one of `policies`, unverified;
 * pz_sync_ops.number as it is. @param arg ignored */
bool pz_knowledge_number(void *arg, const struct pz_sync_kind *kind,
			 const struct pz_sync_chunk *chunk, uint64_t *out);

/**
 * Reads chunks that have changed in an item, and puts them into a transaction (those that have
 * gone: takes them out).
 * @param keys array of strings, as pz_sync_ops.changed gets it
 * Errors: LIMIT_MEMORY: what was read counts; nothing of the transaction should be committed (the
 * store then is older than memory, which the next exchange makes good).
 */
enum pz_err pz_knowledge_apply(struct pz_knowledge *knowledge, const struct pz_sync_kind *kind,
			       const json_t *keys, struct pz_txn *txn) PZ_MUST_USE;

/**
 * Puts a chunk of `policies` that was accepted into a transaction, with its number in a record of
 * its own: what damages the document leaves the number, below which nothing is accepted.
 * Nothing of it counts before pz_knowledge_apply_policy. Errors: LIMIT_MEMORY.
 */
enum pz_err
pz_knowledge_put_policy(const struct pz_sync_chunk *chunk, struct pz_txn *txn) PZ_MUST_USE;
/** The chunk is in force from now on. @param takes in any case. Errors: LIMIT_MEMORY (it is not).
 */
enum pz_err
pz_knowledge_apply_policy(struct pz_knowledge *knowledge, struct pz_sync_chunk *takes) PZ_MUST_USE;

/** Puts everything into a transaction, in place of what is stored: after a failed one. Errors:
 * LIMIT_MEMORY. */
enum pz_err pz_knowledge_save(const struct pz_knowledge *knowledge, struct pz_txn *txn) PZ_MUST_USE;

/* ---- what it says ---- */

/** What the owner lets a device do, of enum pz_right (record/rights.h). */
unsigned pz_knowledge_rights(const struct pz_knowledge *knowledge, const char *device);
/** PZ_ZONE_SECRET_BYTES, borrowed; NULL: not known yet. Never logged. */
const uint8_t *pz_knowledge_secret(const struct pz_knowledge *knowledge);
/** The friend zones of the hub's list, with their newest revocation lists. Borrowed until the next
 * apply. */
const struct pz_friends *pz_knowledge_friends(const struct pz_knowledge *knowledge);
/** The owner's policy, which has been verified. @param out borrowed until the next apply
 * @return false: the zone has none, or it is not known */
bool pz_knowledge_policy(const struct pz_knowledge *knowledge, struct pz_policy_record *out);
/** True when the policy that is stored cannot be read, is gone, or is older than the one that was
 * stored last, and the hub has not sent that one or a newer one. */
bool pz_knowledge_is_policy_unreadable(const struct pz_knowledge *knowledge);
/** Newest CRL of our zone, borrowed until the next apply. */
struct pz_crl *pz_knowledge_crl(const struct pz_knowledge *knowledge);
/** The older CRLs that the newest one does not replace; they are offered to the hub. Borrowed. */
const struct pz_crl_history *pz_knowledge_older_crls(const struct pz_knowledge *knowledge);
/** True when any of these lists revokes this serial. */
bool pz_knowledge_is_revoked(const struct pz_knowledge *knowledge, const char *serial_hex);
/** A device that is known and not revoked, borrowed until the next apply; NULL: none. */
const struct pz_known_device *
pz_knowledge_device(const struct pz_knowledge *knowledge, const char *device);
/** True when a different certificate of the device was received that pz_knowledge_apply has yet to
 * read: then a new device has the same name. */
bool pz_knowledge_is_replaced(const struct pz_knowledge *knowledge, const char *device);
/** True for a former device of the zone. */
bool pz_knowledge_has_left(const struct pz_knowledge *knowledge, const char *device);
/** Number of devices. */
size_t pz_knowledge_len(const struct pz_knowledge *knowledge);
/** Iteration in no particular order: start with *pos = 0; NULL at the end. */
const struct pz_known_device *pz_knowledge_next(const struct pz_knowledge *knowledge, size_t *pos);

#endif
