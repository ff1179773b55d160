/* Certificate revocation lists of a PZH CA. */
#ifndef PZ_X509_CRL_H
#define PZ_X509_CRL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "base/slice.h"
#include "x509/cert.h"
#include "x509/key.h"

/** A revocation list. Reference counted (thread-safe), immutable. */
struct pz_crl;

/** One revoked certificate. */
struct pz_crl_entry {
	char serial_hex[PZ_SERIAL_HEX_BYTES]; /* as pz_cert_serial_hex writes it */
	uint64_t when_ms;                     /* revocation date, milliseconds since 1970 UTC */
};

#define PZ_CRL_VALIDITY_S (UINT64_C(30) * 86400) /* nextUpdate - thisUpdate */

/**
 * Issues a version 2 list with crlNumber and AKI, thisUpdate now, nextUpdate in 30 days.
 * @param entries may be NULL when count is 0
 * @param number crlNumber; the caller counts it up
 * @param out the caller's, pz_crl_free
 * Errors: PROTO (serial is not hex), CRYPTO (ca_key is not the CA's, or OpenSSL failed),
 * LIMIT_MEMORY.
 * @spec page 2 "Revocation", RFC 5280 5
 */
enum pz_err
pz_crl_issue(const struct pz_cert *ca, const struct pz_key *ca_key,
	     const struct pz_crl_entry *entries, size_t count, uint64_t number,
	     const struct pz_env *env, struct pz_crl **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Reads exactly one PEM list and nothing else. Nothing is verified.
 * Errors: PROTO (malformed, several, no usable crlNumber, or a critical extension: such a list
 * could be partial), LIMIT (over PZ_CRL_PEM_BYTES_MAX), LIMIT_MEMORY.
 */
enum pz_err
pz_crl_from_pem(struct pz_slice pem, struct pz_crl **out, struct pz_errinfo *info) PZ_MUST_USE;

/** Appends the list as PEM. Errors: LIMIT_QUEUE, LIMIT_MEMORY. */
enum pz_err pz_crl_to_pem(const struct pz_crl *crl, struct pz_buf *out) PZ_MUST_USE;

/** One more reference; returns its argument. */
struct pz_crl *pz_crl_ref(struct pz_crl *crl);
/** Drops a reference. NULL is fine. */
void pz_crl_free(struct pz_crl *crl);
PZ_AUTO_DEFINE(struct pz_crl, pz_crl_free)

/**
 * Checks that the list was signed by the CA. Its dates do not matter: what an old list revokes
 * stays revoked.
 * Errors: DENIED_CHAIN (other issuer, wrong signature), DENIED_WEAK (SHA-1 and the like).
 * @spec page 2 rule 4
 */
enum pz_err pz_crl_verify(const struct pz_crl *crl, const struct pz_cert *ca,
			  struct pz_errinfo *info) PZ_MUST_USE;

/** The crlNumber, which increases with each list of a zone. */
uint64_t pz_crl_number(const struct pz_crl *crl);
/** True when the serial is on the list. Also true when it cannot be looked up (not hex, out of
 * memory): fails closed. */
bool pz_crl_has_serial(const struct pz_crl *crl, const char *serial_hex);
/** Number of entries. */
size_t pz_crl_len(const struct pz_crl *crl);
/** One entry, to copy it into the next list. @param i less than pz_crl_len */
void pz_crl_entry_at(const struct pz_crl *crl, size_t i, struct pz_crl_entry *out);
/** thisUpdate, milliseconds since 1970 UTC. */
uint64_t pz_crl_this_update_ms(const struct pz_crl *crl);
/** nextUpdate, milliseconds since 1970 UTC; 0 when the list has none. */
uint64_t pz_crl_next_update_ms(const struct pz_crl *crl);

#endif
