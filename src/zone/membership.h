/* The zone as one of its devices holds it: own certificates, the zone's CA and CRL, where the hub
 * is. */
#ifndef PZ_ZONE_MEMBERSHIP_H
#define PZ_ZONE_MEMBERSHIP_H

#include "base/env.h"
#include "base/limits.h"
#include "store/store.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/keystore.h"
#include "zone/notice.h"

/* Its record, and beside it where the hub is now (zone/place.h). */
#define PZ_MEMBERSHIP_SPACE "membership"
#define PZ_MEMBERSHIP_PLACE_KEY "hub"

/** What an enrolled device has. Fields are read directly, changed through the functions below. */
struct pz_membership {
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char hub_host[PZ_HOST_BYTES_MAX + 1]; /* as at the enrolment; now: zone/place.h */
	uint16_t hub_port;
	char key_type[16];
	char ca_key_uri[PZ_KEY_URI_MAX], tls_key_uri[PZ_KEY_URI_MAX];
	struct pz_key *ca_key, *tls_key;
	struct pz_cert *device_ca, *tls, *master;
	struct pz_crl *crl;
};

/** What the enrolment brought. Certificates and keys are shared (references are taken). */
struct pz_membership_grant {
	const char *zone, *device, *hub_host, *key_type, *ca_key_uri;
	uint16_t hub_port;
	struct pz_key *ca_key;
	struct pz_cert *device_ca, *master;
	struct pz_crl *crl;
};

/**
 * Makes the PZP TLS key and certificate and fills a transaction with everything: when it is
 * durable, the device is enrolled, before that it is virgin (page 3, step 4).
 * Errors: CRYPTO, IO_*, LIMIT_MEMORY.
 */
enum pz_err pz_membership_create(const struct pz_membership_grant *grant, struct pz_keystore *keys,
				 const struct pz_env *env, struct pz_txn *txn,
				 struct pz_membership **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Loads it.
 * @param out *out NULL: the device is virgin. Its tls_key is NULL where the key file is lost: then
 * the caller replaces the membership by that of pz_membership_renew before it is used.
 * Errors: PROTO (unreadable record), NOTFOUND (the key of the device's CA is lost), IO_*, DENIED_*
 * (key files).
 */
enum pz_err pz_membership_load(struct pz_store *store, struct pz_keystore *keys,
			       struct pz_membership **out, struct pz_errinfo *info) PZ_MUST_USE;
/** Frees the membership with its keys and certificates; the key store keeps the keys. NULL is fine.
 */
void pz_membership_free(struct pz_membership *membership);

/** Removes everything that is bound to the zone (page 2 "Revocation"). Errors: LIMIT_MEMORY. */
enum pz_err pz_membership_wipe(struct pz_txn *txn) PZ_MUST_USE;

/** True when the PZP TLS certificate has passed two thirds of its life, or has not begun it (the
 * clock was wrong when it was made). */
bool pz_membership_is_renewal_due(const struct pz_membership *membership, const struct pz_env *env);
/**
 * A copy with a new PZP TLS key and certificate, to replace the membership once the transaction is
 * durable. No hub is needed. Errors: CRYPTO, IO_*, LIMIT_MEMORY.
 */
enum pz_err pz_membership_renew(const struct pz_membership *membership, struct pz_keystore *keys,
				const struct pz_env *env, struct pz_txn *txn,
				struct pz_membership **out, struct pz_errinfo *info) PZ_MUST_USE;

/** The URIs of the keys in use, borrowed: CA and TLS. For pz_keystore_sweep. */
void pz_membership_key_uris(const struct pz_membership *membership, const char *out[2]);

#endif
