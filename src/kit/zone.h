/*
 * A zone: the hub's CA, its TLS certificate, and devices with theirs, in memory. For tests that
 * need certificates but no store; kit/authority.h has a zone as the hub keeps it.
 */
#ifndef PZ_KIT_ZONE_H
#define PZ_KIT_ZONE_H

#include "base/env.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/key.h"
#include "x509/verify.h"

#define PZ_KIT_ZONE "alice@example.org"
#define PZ_KIT_HOST "hub.example.org"

/** What a hub or a device proves itself with. */
struct pz_kit_identity {
	struct pz_key *key;    /* of `tls` */
	struct pz_key *ca_key; /* of `ca`; NULL: a hub */
	union {
		struct pz_cert *chain[2]; /* as struct pz_tls_config takes it */
		struct {
			struct pz_cert *tls; /* the TLS certificate */
			struct pz_cert *ca;  /* the CA of a device; NULL: a hub */
		};
	};
	size_t chain_len; /* 1: a hub, 2: a device */
};

/** A zone with two devices, "laptop" and "phone". */
struct pz_kit_zone {
	const char *name;
	const struct pz_env *env;
	struct pz_key *ca_key;
	struct pz_cert *ca;
	struct pz_crl *crl; /* number 1, without entries */
	uint8_t secret[32]; /* the zone's, made of its name */
	struct pz_kit_identity hub, laptop, phone;
};

/** Makes a zone. @param name, env borrowed until pz_kit_zone_fini */
void pz_kit_zone_init(struct pz_kit_zone *zone, const char *name, const struct pz_env *env);
/** Frees what the zone holds. */
void pz_kit_zone_fini(struct pz_kit_zone *zone);

/** A certificate of the zone. @param device NULL: the hub's @param issuer NULL: self-signed.
 * @return the caller's, pz_cert_free */
struct pz_cert *pz_kit_issue(const struct pz_kit_zone *zone, enum pz_cert_kind kind,
			     const char *device, const struct pz_key *key,
			     const struct pz_cert *issuer, const struct pz_key *issuer_key);
/** Makes one more device of the zone; pz_kit_identity_fini frees it. */
void pz_kit_device_init(struct pz_kit_identity *device, const struct pz_kit_zone *zone,
			const char *name);
/** Frees what the identity holds. */
void pz_kit_identity_fini(struct pz_kit_identity *identity);

/** A CRL of the zone. @param revoked NULL: no entry @return the caller's, pz_crl_free */
struct pz_crl *
pz_kit_crl(const struct pz_kit_zone *zone, const struct pz_cert *revoked, uint64_t number);
/** A set that trusts the zone. @param crl NULL: none @return the caller's, pz_trust_free */
struct pz_trust *pz_kit_trust(const struct pz_kit_zone *zone, const struct pz_crl *crl);

#endif
