/* Private and public keys: generation, PEM, strength, hash of the public key. */
#ifndef PZ_X509_KEY_H
#define PZ_X509_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

struct evp_pkey_st;

#define PZ_KEY_TYPE_DEFAULT "ec-p256"
#define PZ_KEY_HASH_BYTES 32
#define PZ_KEY_PEM_BYTES_MAX (16U << 10) /* RSA 8192 takes 6.4 KiB */
#define PZ_SIGNATURE_BYTES_MAX 1024      /* RSA 8192 */
#define PZ_RSA_BITS_MAX 8192             /* a larger modulus of a peer would only cost us time */

/** Characters of a signature in base64. */
#define PZ_SIGNATURE_CHARS_MAX (4 * ((PZ_SIGNATURE_BYTES_MAX + 2) / 3))

/** A key pair or a public key alone. Reference counted (thread-safe), immutable. */
struct pz_key;

/** True for "ec-p256", "ec-p384", "rsa3072", "rsa4096". @param type may be NULL (false).
 * @spec page 2 "Keys" */
bool pz_key_type_is_valid(const char *type);

/**
 * Makes a key pair from OpenSSL's random source.
 * @param type as above, or NULL for the default
 * @param out the caller's, pz_key_free
 * Errors: CONFIG (unknown type), CRYPTO, LIMIT_MEMORY.
 */
enum pz_err
pz_key_generate(const char *type, struct pz_key **out, struct pz_errinfo *info) PZ_MUST_USE;

/** Wraps an OpenSSL key and takes an additional reference to it. NULL: out of memory, or a key
 * without a public part. */
struct pz_key *pz_key_wrap(struct evp_pkey_st *pkey);

/** One more reference; returns its argument. */
struct pz_key *pz_key_ref(struct pz_key *key);
/** Drops a reference; the last one wipes and frees. NULL is fine. */
void pz_key_free(struct pz_key *key);
PZ_AUTO_DEFINE(struct pz_key, pz_key_free)

/**
 * Appends the key pair as unencrypted PKCS#8 PEM. The bytes are secret: wipe with pz_buf_wipe.
 * Errors: CRYPTO (public key only, or held in a token), LIMIT_QUEUE, LIMIT_MEMORY.
 */
enum pz_err pz_key_to_pem(const struct pz_key *key, struct pz_buf *out) PZ_MUST_USE;

/**
 * Reads exactly one unencrypted PKCS#8 block ("BEGIN PRIVATE KEY") and nothing else.
 * @param out the caller's, pz_key_free
 * Errors: PROTO (anything else), LIMIT (over PZ_KEY_PEM_BYTES_MAX), LIMIT_MEMORY.
 */
enum pz_err
pz_key_from_pem(struct pz_slice pem, struct pz_key **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Checks that a key is strong enough to be trusted.
 * Errors: DENIED_WEAK: RSA below PZ_RSA_BITS_MIN or over PZ_RSA_BITS_MAX bits, EC below
 * PZ_EC_BITS_MIN bits or with explicit curve parameters, any kind other than RSA, EC, Ed25519.
 * @spec page 2 "Keys"
 */
enum pz_err pz_key_check_strength(const struct pz_key *key, struct pz_errinfo *info) PZ_MUST_USE;

/** SHA-256 over the DER SubjectPublicKeyInfo. Cannot fail. */
void pz_key_spki_hash(const struct pz_key *key, uint8_t out[PZ_KEY_HASH_BYTES]);

/**
 * Appends the key's signature over the message: ECDSA as DER, RSA with PKCS #1 v1.5 padding, with
 * SHA-256 (SHA-384 for P-384, as certificates are signed); Ed25519 as it is. The message should
 * begin with words that no other message signed by this key begins with.
 * @param out at least PZ_SIGNATURE_BYTES_MAX must fit
 * Errors: CRYPTO (public key only, or the token refuses), LIMIT_QUEUE, LIMIT_MEMORY.
 */
enum pz_err
pz_key_sign(const struct pz_key *key, struct pz_slice message, struct pz_buf *out) PZ_MUST_USE;

/**
 * As pz_key_sign, in base64, as records and notices carry it.
 * @param out terminated; untouched on failure
 * Errors: CRYPTO, LIMIT_MEMORY.
 */
enum pz_err pz_key_sign_text(const struct pz_key *key, struct pz_slice message,
			     char out[PZ_SIGNATURE_CHARS_MAX + 1]) PZ_MUST_USE;

/** The OpenSSL key, borrowed. */
struct evp_pkey_st *pz_key_evp(const struct pz_key *key);

#endif
