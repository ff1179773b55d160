/*
 * CPace with ristretto255 and SHA-512 (draft-irtf-cfrg-cpace). It has only what enrolment needs:
 * the initiator-responder form of the key. The strings that are hashed:
 *
 *   generator  lv_cat(DSI, PRS, zeros, CI, sid), zeros filling the first SHA-512 block so that the
 *              time of the hash of the password does not depend on what follows it
 *   ISK        lv_cat(DSI || "_ISK", sid, K) || lv_cat(Ya, ADa) || lv_cat(Yb, ADb)
 *
 * Both contain secrets, so their buffers are wiped. pz_buf_append may move a growing buffer and
 * leave a copy behind; the room is therefore reserved in one piece beforehand.
 */
#include "pake/cpace.h"

#include <sodium.h>

#include "base/buf.h"
#include "base/codec.h"

#define DSI "CPaceRistretto255"
#define DSI_ISK DSI "_ISK"
#define HASH_BLOCK_BYTES 128 /* s_in_bytes of SHA-512 */
#define LEB128_BYTES_MAX 10

/** Hashes lv_cat of the parts. lv_cat(a) || lv_cat(b) is lv_cat(a, b), so one list serves the ISK.
 */
static enum pz_err
hash_lv(const struct pz_slice *parts, size_t count, uint8_t out[crypto_hash_sha512_BYTES])
{
	size_t max = 0;
	for (size_t i = 0; i < count; i++)
		max += LEB128_BYTES_MAX + parts[i].len;

	struct pz_buf buf;
	uint8_t *room;
	pz_buf_init(&buf, max, NULL);
	enum pz_err err = pz_buf_reserve(&buf, max, &room);
	if (err == PZ_OK)
		err = pz_lv_cat(&buf, parts, count);
	if (err == PZ_OK) {
		struct pz_slice all = pz_buf_slice(&buf);
		crypto_hash_sha512(out, all.ptr, all.len);
	}
	pz_buf_wipe(&buf);
	return err;
}

static size_t
leb128_len(size_t value)
{
	size_t len = 1;
	while (value >>= 7)
		len++;
	return len;
}

enum pz_err
pz_cpace_generator(struct pz_slice prs, struct pz_slice ci, struct pz_slice sid, uint8_t out_g[32])
{
	static const uint8_t zeros[HASH_BLOCK_BYTES];
	const size_t dsi_len = sizeof(DSI) - 1;

	/* len_zpad = MAX(0, s_in_bytes - 1 - len(prepend_len(PRS)) - len(prepend_len(DSI))) */
	size_t used = 1 + leb128_len(prs.len) + prs.len + leb128_len(dsi_len) + dsi_len;
	size_t pad = used < HASH_BLOCK_BYTES ? HASH_BLOCK_BYTES - used : 0;

	const struct pz_slice parts[] = {
		pz_slice_of(DSI, dsi_len), prs, pz_slice_of(zeros, pad), ci, sid,
	};
	uint8_t hash[crypto_hash_sha512_BYTES];
	PZ_TRY(hash_lv(parts, sizeof(parts) / sizeof(parts[0]), hash));
	/* The one-way map of ristretto255 takes any 64 bytes. */
	(void)crypto_core_ristretto255_from_hash(out_g, hash);
	sodium_memzero(hash, sizeof(hash));
	return PZ_OK;
}

/** A uniform scalar: 512 random bits modulo the group order leave no usable bias. */
static enum pz_err
draw_scalar(const struct pz_env *env, uint8_t out[32])
{
	uint8_t wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES];
	pz_env_random(env, wide, sizeof(wide));
	crypto_core_ristretto255_scalar_reduce(out, wide);
	sodium_memzero(wide, sizeof(wide));
	return sodium_is_zero(out, 32) ? PZ_ERR_CRYPTO : PZ_OK;
}

enum pz_err
pz_cpace_start(struct pz_cpace *cpace, struct pz_slice prs, struct pz_slice ci, struct pz_slice sid,
	       const struct pz_env *env, uint8_t out_share[PZ_CPACE_SHARE_BYTES])
{
	pz_cpace_wipe(cpace);
	if (sid.len > sizeof(cpace->sid))
		return PZ_ERR_LIMIT;

	uint8_t g[32];
	PZ_TRY(pz_cpace_generator(prs, ci, sid, g));
	enum pz_err err = draw_scalar(env, cpace->scalar);
	if (err == PZ_OK && crypto_scalarmult_ristretto255(cpace->share, cpace->scalar, g) != 0)
		err = PZ_ERR_CRYPTO; /* the generator is the neutral element: 2^-252 */
	sodium_memzero(g, sizeof(g));
	if (err != PZ_OK) {
		pz_cpace_wipe(cpace);
		return err;
	}
	if (sid.len > 0)
		memcpy(cpace->sid, sid.ptr, sid.len);
	cpace->sid_len = (uint8_t)sid.len;
	cpace->is_started = true;
	memcpy(out_share, cpace->share, PZ_CPACE_SHARE_BYTES);
	return PZ_OK;
}

enum pz_err
pz_cpace_finish(struct pz_cpace *cpace, bool is_initiator, struct pz_slice ad_a,
		struct pz_slice ad_b, const uint8_t peer_share[PZ_CPACE_SHARE_BYTES],
		uint8_t out_isk[PZ_CPACE_ISK_BYTES])
{
	if (!cpace->is_started)
		return PZ_ERR_INTERNAL;
	cpace->is_started = false;

	/* scalar_mult_vfy: libsodium refuses encodings that are not canonical, and a neutral
	 * result. */
	uint8_t k[32];
	int rc = crypto_scalarmult_ristretto255(k, cpace->scalar, peer_share);
	sodium_memzero(cpace->scalar, sizeof(cpace->scalar));
	if (rc != 0) {
		sodium_memzero(k, sizeof(k));
		return PZ_ERR_CRYPTO;
	}

	const uint8_t *ya = is_initiator ? cpace->share : peer_share;
	const uint8_t *yb = is_initiator ? peer_share : cpace->share;
	const struct pz_slice parts[] = {
		pz_slice_of(DSI_ISK, sizeof(DSI_ISK) - 1),
		pz_slice_of(cpace->sid, cpace->sid_len),
		pz_slice_of(k, sizeof(k)),
		pz_slice_of(ya, PZ_CPACE_SHARE_BYTES),
		ad_a,
		pz_slice_of(yb, PZ_CPACE_SHARE_BYTES),
		ad_b,
	};
	enum pz_err err = hash_lv(parts, sizeof(parts) / sizeof(parts[0]), out_isk);
	sodium_memzero(k, sizeof(k));
	return err;
}

void
pz_cpace_wipe(struct pz_cpace *cpace)
{
	sodium_memzero(cpace, sizeof(*cpace));
}
