/* CPace: a balanced password-authenticated key exchange over ristretto255 with SHA-512. */
#ifndef PZ_PAKE_CPACE_H
#define PZ_PAKE_CPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/slice.h"

#define PZ_CPACE_SHARE_BYTES 32
#define PZ_CPACE_ISK_BYTES 64
#define PZ_CPACE_SID_BYTES_MAX 64 /* ours have 32 (page 3), the official vector 16 */

/** One side of one exchange. Zero-initialised is valid and idle. Holds a secret: end with
 * pz_cpace_wipe. */
struct pz_cpace {
	uint8_t scalar[32]; /* secret */
	uint8_t share[PZ_CPACE_SHARE_BYTES];
	uint8_t sid[PZ_CPACE_SID_BYTES_MAX];
	uint8_t sid_len;
	bool is_started;
};

/**
 * The generator that both sides derive from the password.
 * @param prs the password; @param ci channel identifier; @param sid session id; each may be empty
 * @param out_g encoded group element; secret as long as the password is
 * Errors: LIMIT_MEMORY.
 * @spec draft-irtf-cfrg-cpace "calculate_generator"
 */
enum pz_err pz_cpace_generator(struct pz_slice prs, struct pz_slice ci, struct pz_slice sid,
			       uint8_t out_g[32]) PZ_MUST_USE;

/**
 * Draws the secret scalar (64 bytes of env's random source, reduced) and makes our share.
 * @param cpace overwritten; wiped on failure
 * @param sid at most PZ_CPACE_SID_BYTES_MAX bytes, copied
 * @param env used during the call only
 * Errors: LIMIT (sid too long), LIMIT_MEMORY, CRYPTO (the random source gave a zero scalar).
 * @spec draft-irtf-cfrg-cpace "Protocol Flow", page 3
 */
enum pz_err
pz_cpace_start(struct pz_cpace *cpace, struct pz_slice prs, struct pz_slice ci, struct pz_slice sid,
	       const struct pz_env *env, uint8_t out_share[PZ_CPACE_SHARE_BYTES]) PZ_MUST_USE;

/**
 * Computes the intermediate session key in the initiator-responder form. Works once: the scalar is
 * wiped whatever the result.
 * @param is_initiator true on the side whose share is Ya
 * @param ad_a, ad_b associated data of the initiator and of the responder; may be empty
 * Errors: CRYPTO (peer_share is no group element, or the result is the neutral element:
 * scalar_mult_vfy), LIMIT_MEMORY, INTERNAL (not started).
 * The caller wipes out_isk. Equal keys still have to be confirmed by both sides (enrol/confirm.h).
 * @spec draft-irtf-cfrg-cpace "Protocol Flow", page 3
 */
enum pz_err pz_cpace_finish(struct pz_cpace *cpace, bool is_initiator, struct pz_slice ad_a,
			    struct pz_slice ad_b, const uint8_t peer_share[PZ_CPACE_SHARE_BYTES],
			    uint8_t out_isk[PZ_CPACE_ISK_BYTES]) PZ_MUST_USE;

/** Overwrites all secrets of the exchange. Call it at the end, also after a failure. */
void pz_cpace_wipe(struct pz_cpace *cpace);

#endif
