/* A certificate of no zone: for connections on which something else proves the other end. */
#ifndef PZ_X509_STRANGER_H
#define PZ_X509_STRANGER_H

#include "x509/cert.h"

#define PZ_STRANGER_CERT_DAYS 2 /* it is used for one pairing window; the clocks may differ */

/**
 * Issues a self-signed certificate without a name in it: the same CN for all, no SAN, so that
 * pz_cert_identity refuses it and pz_verify_chain never accepts it.
 * @param key key pair that is certified
 * @param env time and serial number
 * @param out the caller's, pz_cert_free
 * Errors: DENIED_WEAK, CRYPTO, LIMIT_MEMORY.
 * @spec page 6 "Strangers: the peer-to-peer certificate exchange (SHCBK)"
 */
enum pz_err pz_cert_issue_stranger(const struct pz_key *key, const struct pz_env *env,
				   struct pz_cert **out, struct pz_errinfo *info) PZ_MUST_USE;

/** Checks such a certificate of another device: its key and digest are strong, and it names no
 * identity, so that a member of a zone cannot pass as a device without a zone. Errors: DENIED_WEAK,
 * DENIED_IDENTITY. */
enum pz_err pz_cert_check_stranger(const struct pz_cert *cert, struct pz_errinfo *info) PZ_MUST_USE;

#endif
