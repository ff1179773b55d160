/* The check of a new member on what the hub has signed for it. */
#ifndef PZ_X509_DEVICE_CA_H
#define PZ_X509_DEVICE_CA_H

#include <stdint.h>

#include "base/err.h"

struct pz_cert;
struct pz_crl;

/**
 * Checks a PZP CA certificate of a device as pz_verify_chain checks the middle certificate of a
 * chain, without a leaf: signature, validity of both, CA and pathlen, keyUsage, key strength,
 * identity pz:<zone>/<device>, not revoked.
 * @param crl CRL of pzh_ca (its signature is checked too), or NULL
 * @param wall_ms time of the check, ms since 1970
 * @param info may be NULL
 * Errors: DENIED_CHAIN, DENIED_EXPIRED, DENIED_IDENTITY, DENIED_REVOKED, DENIED_WEAK,
 * LIMIT_MEMORY, CRYPTO.
 * @spec page 2 "What a verifier checks", page 3 step 4
 */
enum pz_err pz_verify_device_ca(const struct pz_cert *device_ca, const struct pz_cert *pzh_ca,
				const struct pz_crl *crl, uint64_t wall_ms, const char *zone,
				const char *device, struct pz_errinfo *info) PZ_MUST_USE;

#endif
