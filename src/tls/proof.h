/*
 * The proof in a ClientHello that its sender knows a secret of the server's zone, or of a
 * friendship. Inside this module only.
 * @spec page 6 "A port that shows no name"
 */
#ifndef PZ_TLS_PROOF_H
#define PZ_TLS_PROOF_H

#include "base/err.h"
#include "base/limits.h"
#include "tls/ctx.h"

struct pz_tls_proofs;
struct ssl_st;

/** One secret, copied. */
struct pz_tls_known {
	char zone[PZ_ZONE_BYTES_MAX + 1]; /* whose devices know it */
	uint8_t secret[PZ_TLS_SECRET_BYTES];
};

/**
 * Copies secrets.
 * @param out NULL where there are none; the caller's, pz_tls_proofs_free
 * Errors: CONFIG (a zone's name is too long), LIMIT_MEMORY.
 */
enum pz_err pz_tls_proofs_new(const struct pz_tls_secret *secrets, size_t count,
			      struct pz_tls_proofs **out) PZ_MUST_USE;
/** Overwrites and frees. NULL is fine. */
void pz_tls_proofs_free(struct pz_tls_proofs *proofs);

/** The secret of this zone, borrowed, or NULL. @param proofs NULL: none is known */
const struct pz_tls_known *pz_tls_proofs_find(const struct pz_tls_proofs *proofs, const char *zone);

/** Lets a client's ClientHello prove the secret that its session's expectation names. */
void pz_tls_proof_offer(struct ssl_st *ssl);

/**
 * Finds which secret the ClientHello that is being read proves.
 * @param ssl a server's, inside the call-back for its ClientHello
 * @return borrowed from `proofs`; NULL: none
 */
const struct pz_tls_known *
pz_tls_proof_check(const struct pz_tls_proofs *proofs, struct ssl_st *ssl);

#endif
