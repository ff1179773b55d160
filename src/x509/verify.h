/*
 * Decides whether a peer's certificate chain is accepted: the six rules of page 2.
 * @spec page 14 CERT-4, CERT-5, TLS-5
 */
#ifndef PZ_X509_VERIFY_H
#define PZ_X509_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/limits.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/key.h"

struct x509_st;
struct stack_st_X509;

/** The trust set of one kind of link: PZH CAs and their newest CRLs. Reference counted
 * (thread-safe); immutable once it is shared. */
struct pz_trust;

/** Empty set, which trusts no chain. NULL: out of memory. */
struct pz_trust *pz_trust_new(void);
/** One more reference; returns its argument. */
struct pz_trust *pz_trust_ref(struct pz_trust *trust);
/** Drops a reference. NULL is fine. */
void pz_trust_free(struct pz_trust *trust);
PZ_AUTO_DEFINE(struct pz_trust, pz_trust_free)

/**
 * Adds an anchor; only before the set is shared.
 * @param pzh_ca, crl the set takes references of its own; crl may be NULL
 * Errors: DENIED_CHAIN (not a self-signed PZH CA, or the CRL is not its own), DENIED_WEAK, EXISTS
 * (the set has another key for the same zone: the user of a link is derived from the zone of its
 * anchor, so two owners of one name could not be distinguished), LIMIT_MEMORY.
 */
enum pz_err pz_trust_add(struct pz_trust *trust, const struct pz_cert *pzh_ca,
			 const struct pz_crl *crl, struct pz_errinfo *info) PZ_MUST_USE;

/** What a verified chain proved. */
struct pz_peer {
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* "" = hub */
	bool is_hub;
	uint8_t key_hash[PZ_KEY_HASH_BYTES];    /* SPKI of the leaf */
	uint8_t ca_key_hash[PZ_KEY_HASH_BYTES]; /* SPKI of the PZP CA; hub: of the PZH CA */
	char ca_serial[PZ_SERIAL_HEX_BYTES];    /* of the PZP CA; hub: of the leaf */
};

/** The identity that is expected of the other end. */
struct pz_expect {
	const char *zone;   /* NULL: any */
	const char *device; /* NULL: any; implies a device */
	enum { PZ_EXPECT_ANY, PZ_EXPECT_HUB, PZ_EXPECT_DEVICE } role;
};

/**
 * Verifies what a peer presented in a handshake.
 *  1 the chain is built from what the peer sent and the trust set only, exactly leaf -> PZP CA ->
 *    PZH CA for a device and leaf -> PZH CA for a hub; at most PZ_CHAIN_CERTS_MAX certificates;
 *  2 dates (at wall_ms), basicConstraints, pathlen, keyUsage, EKU (serverAuth and clientAuth);
 *    every certificate's key and digest is strong;
 *  3 SAN URI of the leaf = that of its PZP CA, zone = zone of the PZH CA;
 *  4 the serial of the PZP CA (hub: of the leaf) is on no CRL held for that zone, however old;
 *  5 zone and device are the expected ones;
 *  6 the role is the expected one, and chain and name agree about it.
 * @param leaf, untrusted borrowed; untrusted may be NULL and may hold the leaf and the root too
 * @param expect NULL: any identity within the trust set
 * @param wall_ms now, milliseconds since 1970 UTC
 * @param out_x509_error X509_V_ERR_* for the TLS alert (X509_V_OK on success); may be NULL
 * @param out untouched on failure
 * Errors: DENIED_CHAIN, DENIED_EXPIRED (also not yet valid), DENIED_REVOKED, DENIED_WEAK,
 * DENIED_IDENTITY, LIMIT_MEMORY; each with one line in info.
 * @spec page 2 "What a verifier checks"
 */
enum pz_err
pz_verify_chain(const struct pz_trust *trust, struct x509_st *leaf, struct stack_st_X509 *untrusted,
		const struct pz_expect *expect, uint64_t wall_ms, struct pz_peer *out,
		int *out_x509_error, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * The same for certificates of a device that were not received in a handshake.
 * @param leaf, device_ca its PZP TLS and PZP CA certificate, borrowed
 * Errors: as pz_verify_chain.
 */
enum pz_err
pz_verify_device(const struct pz_trust *trust, const struct pz_cert *leaf,
		 const struct pz_cert *device_ca, const struct pz_expect *expect, uint64_t wall_ms,
		 struct pz_peer *out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
