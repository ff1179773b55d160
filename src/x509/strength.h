/*
 * The required strength of keys and signatures: the same for what is made here and what is
 * received. Not for other modules.
 * @spec page 2
 */
#ifndef PZ_X509_STRENGTH_H
#define PZ_X509_STRENGTH_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/err.h"

/** As pz_key_check_strength, for a key that need not be wrapped. Errors: DENIED_WEAK. */
enum pz_err pz_pkey_check_strength(EVP_PKEY *pkey, struct pz_errinfo *info) PZ_MUST_USE;
/** Key and digest of one certificate. Errors: DENIED_WEAK (also: the key is unusable),
 * LIMIT_MEMORY. */
enum pz_err pz_x509_check_strength(X509 *x, struct pz_errinfo *info) PZ_MUST_USE;

/** True for a signature with SHA-256 or better, or Ed25519. @param md_nid, pk_nid as
 * X509_get_signature_info gives them */
bool pz_signature_is_strong(int md_nid, int pk_nid);

#endif
