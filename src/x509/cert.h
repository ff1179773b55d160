/* Certificates of the zone: the four profiles of page 2, issuing, reading, identity. */
#ifndef PZ_X509_CERT_H
#define PZ_X509_CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"
#include "x509/key.h"

struct x509_st;

/** The rows of the table of page 2. */
enum pz_cert_kind {
	PZ_CERT_PZH_CA,  /* self-signed, one per zone, 20 years */
	PZ_CERT_PZH_TLS, /* issued by the PZH CA, 397 days */
	PZ_CERT_PZP_CA,  /* issued by the PZH CA, one per device, 10 years */
	PZ_CERT_PZP_TLS, /* issued by the PZP CA, 90 days */
};

/** The subject that a certificate names. Borrowed strings. */
struct pz_cert_subject {
	const char *zone;
	const char *device; /* NULL for hub kinds */
	const char *host;   /* hub kinds: DNS name or IP literal of the provider; else ignored */
};

/** A certificate. Reference counted (thread-safe), immutable. */
struct pz_cert;

#define PZ_SERIAL_HEX_BYTES 65 /* 32 octets as hex and NUL; RFC 5280 4.1.2.2 allows 20 octets */

/**
 * Issues a certificate with the profile of its kind: CN (cut to 64 bytes on a character boundary),
 * SAN, basicConstraints, keyUsage, EKU, SKI, AKI; serial of 128 random bits; notBefore
 * PZ_CLOCK_SKEW_S before now; notAfter by the profile but never later than the issuer's.
 * Signed with SHA-256 (SHA-384 when the issuer key is P-384).
 * @param subject_key public part is certified
 * @param issuer NULL: self-signed (then issuer_key is the subject's key pair)
 * @param issuer_key key pair of the issuer
 * @param env time and serial number
 * @param out the caller's, pz_cert_free The caller checks that the issuer may certify this subject
 * (pz_verify_chain refuses a mismatch).
 * Errors: PROTO_ADDRESS (zone or device not valid by page 1), CONFIG (host), DENIED_WEAK (either
 * key), DENIED_EXPIRED (issuer is past notAfter), CRYPTO (issuer_key is not the issuer's, or
 * OpenSSL failed), LIMIT_MEMORY.
 * @spec page 2 table
 */
enum pz_err pz_cert_issue(enum pz_cert_kind kind, const struct pz_cert_subject *subject,
			  const struct pz_key *subject_key, const struct pz_cert *issuer,
			  const struct pz_key *issuer_key, const struct pz_env *env,
			  struct pz_cert **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * As pz_cert_issue with a validity chosen by the caller (tests of expiry); milliseconds since 1970
 * UTC, whole seconds count. The issuer's notAfter still bounds it.
 */
enum pz_err
pz_cert_issue_for(enum pz_cert_kind kind, const struct pz_cert_subject *subject,
		  const struct pz_key *subject_key, const struct pz_cert *issuer,
		  const struct pz_key *issuer_key, const struct pz_env *env, uint64_t not_before_ms,
		  uint64_t not_after_ms, struct pz_cert **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Reads exactly one PEM certificate and nothing else. Nothing is verified.
 * @param out the caller's, pz_cert_free
 * Errors: PROTO (malformed, several, serial negative or over 32 octets), LIMIT (over
 * PZ_CERT_PEM_BYTES_MAX), LIMIT_MEMORY.
 */
enum pz_err
pz_cert_from_pem(struct pz_slice pem, struct pz_cert **out, struct pz_errinfo *info) PZ_MUST_USE;

/** Appends the certificate as PEM. Errors: LIMIT_QUEUE, LIMIT_MEMORY. */
enum pz_err pz_cert_to_pem(const struct pz_cert *cert, struct pz_buf *out) PZ_MUST_USE;

/** Wraps an OpenSSL certificate and takes an additional reference to it. NULL: out of memory, or
 * the certificate is unusable (key or dates unreadable, serial as in pz_cert_from_pem). */
struct pz_cert *pz_cert_wrap(struct x509_st *x509);

/** One more reference; returns its argument. */
struct pz_cert *pz_cert_ref(struct pz_cert *cert);
/** Drops a reference. NULL is fine. */
void pz_cert_free(struct pz_cert *cert);
PZ_AUTO_DEFINE(struct pz_cert, pz_cert_free)

/** The OpenSSL certificate, borrowed. */
struct x509_st *pz_cert_x509(const struct pz_cert *cert);

/** Serial number, lower-case hex, whole octets, no leading zero octet. */
void pz_cert_serial_hex(const struct pz_cert *cert, char out[PZ_SERIAL_HEX_BYTES]);
/** SHA-256 over the DER. */
void pz_cert_fingerprint(const struct pz_cert *cert, uint8_t out[32]);
/** Begin of the validity, milliseconds since 1970 UTC (0 for dates before 1970). */
uint64_t pz_cert_not_before_ms(const struct pz_cert *cert);
/** End of the validity, likewise. */
uint64_t pz_cert_not_after_ms(const struct pz_cert *cert);
/** The later beginning of two validities, likewise. A chain of the two that is verified at this
 * time is accepted whatever the clock here shows: the handshake refuses what is expired or not
 * valid yet. */
uint64_t pz_cert_later_start_ms(const struct pz_cert *a, const struct pz_cert *b);
/** The time when the owner makes the next one: notBefore + 2/3 of the validity. @spec page 2 table
 */
uint64_t pz_cert_renew_at_ms(const struct pz_cert *cert);
/** SHA-256 over the SubjectPublicKeyInfo; equals pz_key_spki_hash of the subject's key. */
void pz_cert_spki_hash(const struct pz_cert *cert, uint8_t out[PZ_KEY_HASH_BYTES]);
/** True when the certificate certifies this key. */
bool pz_cert_key_matches(const struct pz_cert *cert, const struct pz_key *key);

/** Verifies a signature (pz_key_sign) of the certificate's key over the message. Whether the
 * certificate is believed, and its key strong enough, is pz_verify_chain's business.
 * Errors: DENIED_IDENTITY (the signature is not valid), LIMIT_MEMORY.
 */
enum pz_err pz_cert_verify_signature(const struct pz_cert *cert, struct pz_slice message,
				     struct pz_slice signature) PZ_MUST_USE;
/** The same for a signature in base64 (pz_key_sign_text). Errors: also those of pz_base64_decode.
 */
enum pz_err pz_cert_verify_signature_text(const struct pz_cert *cert, struct pz_slice message,
					  const char *signature) PZ_MUST_USE;

/**
 * The identity: the one `pz:` SAN URI, percent-decoded, both parts valid by page 1.
 * @param zone, device NUL-terminated; device is "" for a hub's certificate
 * Errors: PROTO (no such URI, several, malformed, or invalid names), LIMIT_MEMORY. The arrays are
 * untouched then.
 * @spec page 2 "the SAN URI is the identity"
 */
enum pz_err pz_cert_identity(const struct pz_cert *cert, char zone[PZ_ZONE_BYTES_MAX + 1],
			     char device[PZ_DEVICE_BYTES_MAX + 1]) PZ_MUST_USE;

#endif
