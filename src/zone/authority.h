/*
 * The zone as its hub holds it: certificate authority, members, revocation list (page 2).
 *
 * Every change is made in two steps, so that memory never runs ahead of the disk: a prepare
 * function fills a store transaction and a pending change; when the transaction is durable the
 * change is applied (or dropped).
 * @spec page 14 CERT-9, REV-2, REV-11
 */
#ifndef PZ_ZONE_AUTHORITY_H
#define PZ_ZONE_AUTHORITY_H

#include <jansson.h>

#include "base/env.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "friends/kept.h"
#include "record/record.h"
#include "record/rights.h"
#include "store/store.h"
#include "sync/item.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/keystore.h"
#include "x509/verify.h"
#include "zone/moving.h"

/** Why a device was revoked. Stored by name. */
enum pz_revoked {
	PZ_REVOKED_UNKNOWN, /* not revoked, or by an older version */
	PZ_REVOKED_BY_OWNER,
	PZ_REVOKED_LEFT,     /* it has left by itself */
	PZ_REVOKED_REPLACED, /* its name was enrolled again before it had ever connected */
	PZ_REVOKED_LISTED,   /* on a revocation list that this hub signed and does not remember */
	PZ_REVOKED_COUNT
};

/** The same for people; "" if unknown. */
const char *pz_revoked_text(enum pz_revoked why);
/** As in a record of a member, such as those in pz_member.former. */
enum pz_revoked pz_revoked_of(const json_t *record, const char *name);

/** One device of the zone, connected or not, also a revoked one. */
struct pz_member {
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char display_name[PZ_DISPLAY_NAME_BYTES_MAX + 1];
	char device_type[PZ_DEVICE_TYPE_BYTES_MAX + 1];
	char serial[PZ_SERIAL_HEX_BYTES];       /* of its PZP CA certificate */
	uint8_t ca_key_hash[PZ_KEY_HASH_BYTES]; /* SPKI of its PZP CA */
	char *ca_pem; /* that certificate, owned; NULL: revoked, or of an older version */
	uint64_t enrolled_ms, last_seen_ms; /* 0: never seen */
	uint64_t revoked_ms;                /* 0: not revoked, or by an older version */
	bool confirmed; /* has had a link since its enrolment; until then its name may be enrolled
			   again */
	bool revoked;
	enum pz_revoked revoked_why;
	unsigned rights_lost; /* of enum pz_right, that the owner took from it */
	uint64_t rights_ms;   /* time of their last change; 0: never */
	json_t *former;  /* former holders of the name: array of {serial, enrolled, revokedAt, why},
			    the  newest last, owned; NULL: no former holder */
	bool is_unsaved; /* last_seen_ms is newer in memory than on disk; kept by the hub */
	struct pz_session *session;               /* its link, or NULL; kept by the hub */
	char instance[PZ_INSTANCE_BYTES_MAX + 1]; /* its name for the start that has its link, or
						     ""; kept by the hub */
	char *summary; /* the hub's text of its names and addresses for Update, or NULL; owned */
	json_t *info;  /* last pzpInfo, owned, or NULL */
	struct pz_log_rate log; /* lines that its messages and links cause; kept by the hub */
};

/** Its rights, of enum pz_right. */
static inline unsigned
pz_member_rights(const struct pz_member *member)
{
	return PZ_RIGHTS_ALL & ~member->rights_lost;
}

/** True while it has a link, its own or through a relay. */
static inline bool
pz_member_is_connected(const struct pz_member *member)
{
	return member->session != NULL;
}

struct pz_zone_policy;

/** One zone. Members are read directly, changed through the functions below. */
struct pz_authority {
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char host[PZ_HOST_BYTES_MAX + 1];
	char name[PZ_DISPLAY_NAME_BYTES_MAX + 1];
	char key_type[16];
	char ca_key_uri[PZ_KEY_URI_MAX], tls_key_uri[PZ_KEY_URI_MAX];
	struct pz_key *ca_key, *tls_key;
	struct pz_cert *ca, *tls;
	struct pz_crl *crl;
	struct pz_map *members; /* device -> struct pz_member */
	uint8_t secret[PZ_ZONE_SECRET_BYTES];
	struct pz_hub_move move;
	struct pz_friends_kept friends;
	struct pz_zone_policy *policy; /* of the owner (zone/policy.h); NULL: the default counts */
	bool is_secret_unsaved;        /* made while loading what an older version has stored */
	/* Items that devices get, made when first read; see pz_authority_item. */
	struct pz_sync_item *published[PZ_SYNC_KIND_COUNT];
	const struct pz_env *env;
};

/**
 * Makes a zone: keys, PZH CA, PZH TLS certificate, first CRL.
 * @param zone normalised; @param host DNS name or IP literal; @param name shown to people, NULL:
 * the zone
 * @param txn receives the records; until it is durable the zone does not exist
 * Errors: CONFIG (zone, host or name not valid), CRYPTO, IO_* (key files), LIMIT_MEMORY.
 */
enum pz_err
pz_authority_create(const char *zone, const char *host, const char *name, const char *key_type,
		    struct pz_keystore *keys, const struct pz_env *env, struct pz_txn *txn,
		    struct pz_authority **out, struct pz_errinfo *info) PZ_MUST_USE;

/** Loads every zone of the store. @param each takes the authority. Errors: as create; PROTO (record
 * not readable). */
enum pz_err
pz_authority_load_all(struct pz_store *store, struct pz_keystore *keys, const struct pz_env *env,
		      enum pz_err (*each)(void *arg, struct pz_authority *takes), void *arg,
		      struct pz_errinfo *info) PZ_MUST_USE;
/** Writes the zone's own record, where is_secret_unsaved says so. Errors: LIMIT_MEMORY. */
enum pz_err pz_authority_save(struct pz_authority *authority, struct pz_txn *txn) PZ_MUST_USE;
/** Frees the authority with its members; the key store keeps the keys. NULL is fine. */
void pz_authority_free(struct pz_authority *authority);

/** The number of devices of the zone that are not revoked. */
size_t pz_authority_devices(const struct pz_authority *authority);
/** Member by device name, also a revoked one; NULL when the zone has no such member. */
struct pz_member *pz_authority_member(const struct pz_authority *authority, const char *device);

/**
 * True when this name may be enrolled now: no member has it, its member is revoked, or its
 * enrolment was never followed by a link (it may have failed on the device after we stored it:
 * "asking again with a new code always works", page 3).
 */
bool pz_authority_is_name_free(const struct pz_authority *authority, const char *device);

/** A change that waits for its transaction. */
struct pz_zone_change;
/** Applies it to memory and frees it; returns the member concerned, or NULL. */
struct pz_member *pz_authority_apply(struct pz_authority *authority, struct pz_zone_change *takes);
/** Drops it (the transaction failed). */
void pz_authority_drop(struct pz_zone_change *takes);

/** What signing a device needs from its enrolment. */
struct pz_admission {
	const char *device, *display_name, *device_type;
	const struct pz_key *key; /* of the CSR */
};

/**
 * Signs a device's PZP CA and prepares its membership. A former holder of the name that was never
 * confirmed is revoked in the same transaction.
 * @param out_cert the PZP CA certificate, the caller frees; @param out_crl the CRL that will be in
 * force, caller frees Errors: EXISTS (name taken), LIMIT (too many devices), CRYPTO, LIMIT_MEMORY.
 */
enum pz_err
pz_authority_admit(struct pz_authority *authority, const struct pz_admission *admission,
		   struct pz_txn *txn, struct pz_zone_change **out, struct pz_cert **out_cert,
		   struct pz_crl **out_crl, struct pz_errinfo *info) PZ_MUST_USE;

/** Prepares a revocation: CRL with crlNumber + 1, member marked. Errors: NOTFOUND, EXISTS (is
 * revoked already), CRYPTO. */
enum pz_err pz_authority_revoke(struct pz_authority *authority, const char *device,
				enum pz_revoked why, struct pz_txn *txn,
				struct pz_zone_change **out, struct pz_errinfo *info) PZ_MUST_USE;

/** Prepares that a device has other rights. @param rights of enum pz_right
 * Errors: NOTFOUND (no such device, or revoked), DENIED (the zone is moving), LIMIT_MEMORY. */
enum pz_err
pz_authority_set_rights(struct pz_authority *authority, const char *device, unsigned rights,
			struct pz_txn *txn, struct pz_zone_change **out,
			struct pz_errinfo *info) PZ_MUST_USE;

/*
 * A hub that was restored from a backup has lost its later revocations. Its devices have the CRLs
 * that it signed since, offer them, and the hub applies them again.
 */

/** Marks a member whose certificate our CRL revokes although its record says valid. In memory only:
 * the CRL on disk counts, whatever the records say. @return true when it was marked */
bool pz_authority_mark_listed(struct pz_authority *authority, struct pz_member *member);

/** Writes a member's record (confirmed, last seen, display name) into a transaction. */
enum pz_err
pz_authority_save_member(const struct pz_authority *authority, const struct pz_member *member,
			 struct pz_txn *txn) PZ_MUST_USE;

/**
 * Admission, after each handshake and again whenever members change (page 2 "TLS"): the chain's
 * PZP CA must be the one on record for this device, by serial and by key, and not be revoked.
 * Errors: DENIED_IDENTITY (no such member, or another CA), DENIED_REVOKED.
 */
enum pz_err pz_authority_admits(const struct pz_authority *authority, const struct pz_peer *peer,
				struct pz_member **out_member, struct pz_errinfo *info) PZ_MUST_USE;

/** True when the PZH TLS certificate has passed two thirds of its life, or the CRL half of its. */
bool pz_authority_is_renewal_due(const struct pz_authority *authority);
/** Makes a new PZH TLS key and certificate and a fresh CRL; applied by pz_authority_apply. */
enum pz_err
pz_authority_renew(struct pz_authority *authority, struct pz_keystore *keys, struct pz_txn *txn,
		   struct pz_zone_change **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * The content of an item as the zone's devices get it now (page 8):
 *  - trusted-pzp: key device, value PZP CA as PEM; deleted for 90 days after a revocation;
 *  - crl: key zone, value the list as PEM, mtime its thisUpdate; also those of friends;
 *  - trusted-pzh: key a friend zone, value its signed text; deleted for 90 days after its end;
 *  - zone-secret: key "zone-secret", value base64;
 *  - rights: key device, value the names of its rights, where the owner has changed them once;
 *  - policies: key "user", value the signed record, where the owner has set one.
 * pz_authority_apply keeps them up to date.
 * @return borrowed until the next change; only the authority changes it, and sessions that drop
 * expired deletions. NULL: the hub writes no such item (yet), or memory is out (the next call tries
 * again).
 */
struct pz_sync_item *
pz_authority_item(struct pz_authority *authority, const struct pz_sync_kind *kind);

/** Brings what is published up to date after a friend was added, has changed, or has gone.
 * @param zone of the friend */
void pz_authority_friend_changed(struct pz_authority *authority, const char *zone);

/** Key URIs in use by this zone. */
void pz_authority_key_uris(const struct pz_authority *authority, const char *out[2]);

#endif
