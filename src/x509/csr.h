/* Certificate requests of enrolment: the device creates one, the hub checks it. */
#ifndef PZ_X509_CSR_H
#define PZ_X509_CSR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "x509/cert.h"
#include "x509/key.h"

/**
 * Appends a PEM request for a PZP CA certificate: CN Pzp:<zone>:<device> (cut to 64 bytes), SAN URI
 * pz:<zone>/<device>, signed with the key.
 * @param subject zone and device
 * @param key key pair
 * Errors: PROTO_ADDRESS (names not valid by page 1), CRYPTO, LIMIT_QUEUE, LIMIT_MEMORY.
 * @spec page 3 step 3
 */
enum pz_err pz_csr_make(const struct pz_cert_subject *subject, const struct pz_key *key,
			struct pz_buf *out_pem, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Checks a request: exactly one PEM request, digest SHA-256 or better, key strength, its own
 * signature (possession of the key), subject exactly the expected CN and nothing else, SAN exactly
 * the one expected URI. Other requested extensions are ignored: the issuer writes its own.
 * @param expected zone and device
 * @param out_key the public key to certify; the caller's, pz_key_free
 * Errors: PROTO (malformed, several, signature wrong), DENIED_WEAK (digest or key),
 * DENIED_IDENTITY (subject or SAN), PROTO_ADDRESS (expected names invalid), LIMIT (over
 * PZ_CSR_PEM_BYTES_MAX), LIMIT_MEMORY.
 * @spec page 3 step 3, page 14 CERT-6
 */
enum pz_err pz_csr_check(struct pz_slice pem, const struct pz_cert_subject *expected,
			 struct pz_key **out_key, struct pz_errinfo *info) PZ_MUST_USE;

#endif
