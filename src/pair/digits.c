/*
 * The cryptography of pairing (page 6): the commitment, the six digits, the secret of two friends,
 * and what each signs. Both sides must compute the same, so the values of the two sides are ordered
 * by identity. The exchange is pair.c.
 */
#include "pair/digits.h"

#include <sodium.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/limits.h"

#define PROTOCOL "pz-pair/1"
#define SECRET_LABEL "pz-pair/1 friend"
#define PROOF_LABEL "pz-pair/1 proof"
#define WORDS_BYTES_MAX                                                                            \
	(2 * PZ_PAIR_INFO_BYTES_MAX + 1024) /* labels, identity, numbers, lengths                  \
					     */

_Static_assert(PZ_PAIR_NUMBER_BYTES == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(PZ_PAIR_NUMBER_BYTES == crypto_auth_hmacsha256_KEYBYTES, "HMAC-SHA-256");

static struct pz_slice
number(const uint8_t *bytes)
{
	return pz_slice_of(bytes, PZ_PAIR_NUMBER_BYTES);
}

/* The dialling side may differ between two connections; the order of identities does not. */
static bool
is_one_a(const struct pz_pair_both *both)
{
	return strcmp(both->one.identity, both->other.identity) < 0;
}

static struct pz_slice
info_a(const struct pz_pair_both *both)
{
	return is_one_a(both) ? both->one.info : both->other.info;
}

static struct pz_slice
info_b(const struct pz_pair_both *both)
{
	return is_one_a(both) ? both->other.info : both->one.info;
}

enum pz_err
pz_pair_commit(const struct pz_pair_side *side, uint8_t out[PZ_PAIR_NUMBER_BYTES])
{
	const struct pz_slice parts[] = {
		pz_slice_str(PROTOCOL),
		pz_slice_str(side->identity),
		side->info,
		number(side->k),
	};
	struct pz_buf words;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = pz_lv_cat(&words, parts, sizeof(parts) / sizeof(parts[0]));
	if (err == PZ_OK)
		crypto_hash_sha256(out, pz_buf_slice(&words).ptr, pz_buf_slice(&words).len);
	pz_buf_wipe(&words); /* k is secret until it is revealed */
	return err;
}

/* HMAC-SHA-256 of the words with kA xor kB. Each number alone would be a sufficient key; with both,
 * neither side can choose the result, because each commits to its number before it sees the
 * other. */
static void
mac(const struct pz_pair_both *both, struct pz_slice words, uint8_t out[PZ_PAIR_NUMBER_BYTES])
{
	uint8_t key[PZ_PAIR_NUMBER_BYTES];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = both->one.k[i] ^ both->other.k[i];
	crypto_auth_hmacsha256(out, words.ptr, words.len, key);
	sodium_memzero(key, sizeof(key));
}

static enum pz_err
mac_of(const struct pz_pair_both *both, const struct pz_slice *parts, size_t count,
       uint8_t out[PZ_PAIR_NUMBER_BYTES])
{
	struct pz_buf words;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = pz_lv_cat(&words, parts, count);
	if (err == PZ_OK)
		mac(both, pz_buf_slice(&words), out);
	pz_buf_fini(&words);
	return err;
}

enum pz_err
pz_pair_digits(const struct pz_pair_both *both, char out[PZ_PAIR_DIGITS + 1])
{
	const struct pz_slice parts[] = {info_a(both), info_b(both), number(both->exporter)};
	uint8_t tag[PZ_PAIR_NUMBER_BYTES];

	PZ_TRY(mac_of(both, parts, sizeof(parts) / sizeof(parts[0]), tag));
	/* The bias of the remainder is 2^-12 of one in a million. */
	uint32_t first =
		(uint32_t)tag[0] << 24 | (uint32_t)tag[1] << 16 | (uint32_t)tag[2] << 8 | tag[3];
	snprintf(out, PZ_PAIR_DIGITS + 1, "%06u", (unsigned)(first % 1000000));
	return PZ_OK;
}

enum pz_err
pz_pair_secret(const struct pz_pair_both *both, uint8_t out[PZ_PAIR_NUMBER_BYTES])
{
	const struct pz_slice parts[] = {pz_slice_str(SECRET_LABEL), info_a(both), info_b(both),
					 number(both->exporter)};

	return mac_of(both, parts, sizeof(parts) / sizeof(parts[0]), out);
}

enum pz_err
pz_pair_proof_words(const struct pz_pair_both *both, const struct pz_pair_side *of,
		    struct pz_buf *out)
{
	/* Includes the signer's identity: the signature of one side cannot be sent back as that of
	 * the other. */
	const struct pz_slice parts[] = {pz_slice_str(PROOF_LABEL), pz_slice_str(of->identity),
					 info_a(both), info_b(both), number(both->exporter)};

	return pz_lv_cat(out, parts, sizeof(parts) / sizeof(parts[0]));
}
