/* Checks that OpenSSL offers what this program needs: its configuration file decides. */
#ifndef PZ_X509_PROVIDER_H
#define PZ_X509_PROVIDER_H

#include "base/err.h"

/**
 * Fetches each algorithm once: digests, cipher, key type.
 * Errors: CONFIG, with the name of the first that is missing and where to look (openssl.cnf).
 * @spec config(5ssl), OSSL_PROVIDER-default(7)
 */
enum pz_err pz_openssl_check(struct pz_errinfo *info) PZ_MUST_USE;

#endif
