/*
 * The arithmetic of two strangers' exchange: commitment, six digits, what proves a certificate, and
 * the secret of the friendship. Pure.
 * @spec page 6 "Strangers: the peer-to-peer certificate exchange (SHCBK)"
 */
#ifndef PZ_PAIR_DIGITS_H
#define PZ_PAIR_DIGITS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define PZ_PAIR_NUMBER_BYTES 32 /* k, commitment, E, secret */
#define PZ_PAIR_DIGITS 6
#define PZ_PAIR_EXPORTER "EXPORTER-pz-pair" /* TLS exporter, no context: E */

/** One side of an exchange. Borrowed. */
struct pz_pair_side {
	const char *identity;
	struct pz_slice info; /* the JSON text as it was sent */
	const uint8_t *k;     /* PZ_PAIR_NUMBER_BYTES; secret until it is revealed */
};

/** Both sides, in either order (A is the one with the bytewise smaller identity), and E. */
struct pz_pair_both {
	struct pz_pair_side one, other;
	const uint8_t *exporter; /* E: PZ_PAIR_NUMBER_BYTES */
};

/** SHA-256(lv_cat("pz-pair/1", identity, info, k)). Errors: LIMIT_MEMORY. */
enum pz_err
pz_pair_commit(const struct pz_pair_side *side, uint8_t out[PZ_PAIR_NUMBER_BYTES]) PZ_MUST_USE;

/** The six digits that people compare: the first 4 bytes, big-endian, of
 * HMAC-SHA-256(kA xor kB, lv_cat(infoA, infoB, E)) mod 10^6. Errors: LIMIT_MEMORY. */
enum pz_err
pz_pair_digits(const struct pz_pair_both *both, char out[PZ_PAIR_DIGITS + 1]) PZ_MUST_USE;

/** The secret of the friendship: HMAC-SHA-256(kA xor kB, lv_cat("pz-pair/1 friend", infoA, infoB,
 * E)). The caller wipes it. Errors: LIMIT_MEMORY. */
enum pz_err
pz_pair_secret(const struct pz_pair_both *both, uint8_t out[PZ_PAIR_NUMBER_BYTES]) PZ_MUST_USE;

/**
 * Appends what the key of a side's `pzpCa` signs: lv_cat("pz-pair/1 proof", identity, infoA, infoB,
 * E).
 * @param of the side that signs: one of `both`; k is not used
 * Errors: LIMIT_QUEUE, LIMIT_MEMORY.
 */
enum pz_err pz_pair_proof_words(const struct pz_pair_both *both, const struct pz_pair_side *of,
				struct pz_buf *out) PZ_MUST_USE;

#endif
