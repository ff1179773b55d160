/*
 * Keys, private or public, as a wrapper of EVP_PKEY: kinds and strength of page 2, encoding, hash
 * of the public key, signatures. The hash identifies a key everywhere (members, peers), so it is
 * computed once, when the key is wrapped.
 *
 * The digest belongs to the key's kind (pz_digest_for), never to the caller, so the two ends of a
 * signature cannot disagree.
 */
#include "x509/key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/codec.h"
#include "base/limits.h"
#include "x509/encode.h"
#include "x509/strength.h"

struct pz_key {
	EVP_PKEY *pkey;                  /* owned */
	uint8_t hash[PZ_KEY_HASH_BYTES]; /* computed when the key is wrapped, so that the accessor
					    cannot fail */
	atomic_uint refs;
};

/* The kinds of page 2. */
static const struct key_type {
	const char *name, *algorithm, *curve;
	size_t bits;
} key_types[] = {
	{"ec-p256", "EC", "P-256", 256},
	{"ec-p384", "EC", "P-384", 384},
	{"rsa3072", "RSA", NULL, 3072},
	{"rsa4096", "RSA", NULL, 4096},
};

/* NULL is not a type. */
static const struct key_type *
type_find(const char *name)
{
	for (size_t i = 0; name && i < sizeof(key_types) / sizeof(key_types[0]); i++) {
		if (strcmp(key_types[i].name, name) == 0)
			return &key_types[i];
	}
	return NULL;
}

bool
pz_key_type_is_valid(const char *type)
{
	return type_find(type) != NULL;
}

/* Frees the encoding. */
static bool
hash_der(unsigned char *der, int len, uint8_t out[PZ_KEY_HASH_BYTES])
{
	bool ok = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

/* SHA-256 over the SubjectPublicKeyInfo in DER. */
static bool
spki_hash(EVP_PKEY *pkey, uint8_t out[PZ_KEY_HASH_BYTES])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(pkey, &der);

	return hash_der(der, len, out);
}

/* True when no INTEGER is negative. OpenSSL reads a negative modulus as a positive number, and
 * would write it with another byte in front. */
static bool
has_no_negative(const ASN1_SEQUENCE_ANY *items)
{
	for (int i = 0; i < sk_ASN1_TYPE_num(items); i++) {
		const ASN1_TYPE *item = sk_ASN1_TYPE_value(items, i);

		if (item->type == V_ASN1_INTEGER && item->value.integer->type == V_ASN1_NEG_INTEGER)
			return false;
	}
	return true;
}

/* True for a SEQUENCE of primitive values in DER without negative numbers: OpenSSL encodes such a
 * value to the same bytes that it has read. */
static bool
is_der_sequence(const unsigned char *bytes, int len)
{
	const unsigned char *at = bytes;
	ASN1_SEQUENCE_ANY *items = d2i_ASN1_SEQUENCE_ANY(NULL, &at, len);
	unsigned char *again = NULL;
	/* Encoded again and compared: the cheapest proof that the bytes are canonical. */
	int again_len = items ? i2d_ASN1_SEQUENCE_ANY(items, &again) : -1;
	bool same = again_len == len && memcmp(bytes, again, (size_t)len) == 0 &&
		    has_no_negative(items);

	sk_ASN1_TYPE_pop_free(items, ASN1_TYPE_free);
	OPENSSL_free(again);
	ERR_clear_error();
	return same;
}

/* True when the certificate's key is encoded as i2d_PUBKEY would encode it. Only the usual forms
 * are recognised. */
static bool
is_usual_spki(X509 *x)
{
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(x);
	const unsigned char *key;
	const ASN1_OBJECT *oid;
	X509_ALGOR *algorithm;
	int len, params;

	if (bits == NULL || (bits->flags & 0x07) != 0 || /* unused bits */
	    !X509_PUBKEY_get0_param(NULL, &key, &len, &algorithm, X509_get_X509_PUBKEY(x)))
		return false;
	X509_ALGOR_get0(&oid, &params, NULL, algorithm);
	switch (OBJ_obj2nid(oid)) {
	case NID_X9_62_id_ecPublicKey: /* a named curve, the point not compressed */
		return params == V_ASN1_OBJECT && len > 0 && key[0] == 0x04;
	case NID_rsaEncryption:
		return params == V_ASN1_NULL && is_der_sequence(key, len);
	case NID_ED25519:
		return params == V_ASN1_UNDEF;
	default:
		return false;
	}
}

bool
pz_x509_spki_hash(X509 *x, uint8_t out[PZ_KEY_HASH_BYTES])
{
	EVP_PKEY *pkey = X509_get0_pubkey(x);
	unsigned char *der = NULL;
	int len;

	if (pkey == NULL)
		return false;
	/* i2d_PUBKEY searches for an encoder each time, which costs as much as a signature. But
	 * with the fast method a key in an unusual encoding would get a second hash, and so a
	 * second identity. */
	if (!is_usual_spki(x))
		return spki_hash(pkey, out);
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	return hash_der(der, len, out);
}

struct pz_key *
pz_key_wrap(struct evp_pkey_st *pkey)
{
	struct pz_key *key = calloc(1, sizeof(*key));

	/* A reference of its own: the caller's may belong to a certificate. */
	if (key == NULL || !spki_hash(pkey, key->hash) || !EVP_PKEY_up_ref(pkey)) {
		ERR_clear_error();
		free(key);
		return NULL;
	}
	key->pkey = pkey;
	atomic_init(&key->refs, 1);
	return key;
}

struct pz_key *
pz_key_ref(struct pz_key *key)
{
	atomic_fetch_add(&key->refs, 1);
	return key;
}

void
pz_key_free(struct pz_key *key)
{
	if (key == NULL || atomic_fetch_sub(&key->refs, 1) != 1)
		return;
	EVP_PKEY_free(key->pkey); /* also wipes the private parts */
	free(key);
}

/* OpenSSL 3's one-call generator: the table gives the curve or the size. */
enum pz_err
pz_key_generate(const char *type, struct pz_key **out, struct pz_errinfo *info)
{
	const struct key_type *t = type_find(type ? type : PZ_KEY_TYPE_DEFAULT);
	PZ_AUTO(EVP_PKEY_free) EVP_PKEY *pkey = NULL;
	struct pz_key *key;

	if (t == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "%s: not a key type", type);
	if (t->curve)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, t->algorithm, t->curve);
	else
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, t->algorithm, t->bits);
	if (pkey == NULL)
		return pz_openssl_fail(info, PZ_ERR_CRYPTO, "key generation");
	key = pz_key_wrap(pkey);
	if (key == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "key generation: out of memory");
	*out = key;
	return PZ_OK;
}

enum pz_err
pz_key_to_pem(const struct pz_key *key, struct pz_buf *out)
{
	/* This kind of BIO clears its memory when it is freed or grows. */
	PZ_AUTO(BIO_free_all) BIO *bio = BIO_new(BIO_s_secmem());

	if (bio == NULL)
		return pz_openssl_fail(NULL, PZ_ERR_LIMIT_MEMORY, "PEM");
	/* No passphrase: the mode of the directory protects the file, and a daemon has no person to
	 * ask. */
	if (!PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL)) {
		ERR_clear_error(); /* OpenSSL reports a missing private part as "malloc failure" */
		return PZ_ERR_CRYPTO;
	}
	return pz_bio_to_buf(bio, out);
}

enum pz_err
pz_key_from_pem(struct pz_slice pem, struct pz_key **out, struct pz_errinfo *info)
{
	PZ_AUTO(EVP_PKEY_free) EVP_PKEY *pkey = NULL;
	PKCS8_PRIV_KEY_INFO *p8;
	const unsigned char *at;
	struct pz_key *key;
	uint8_t *der;
	size_t len;

	PZ_TRY(pz_pem_read(pem, PZ_KEY_PEM_BYTES_MAX, PEM_STRING_PKCS8INF, &der, &len, info));
	at = der;
	p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)len);
	/* Trailing bytes are not part of the key, and no file of ours has any. */
	if (p8 && at == der + len)
		pkey = EVP_PKCS82PKEY(p8);
	PKCS8_PRIV_KEY_INFO_free(p8);
	OPENSSL_clear_free(der, len);
	if (pkey == NULL)
		return pz_openssl_fail(info, PZ_ERR_PROTO, "not a private key");
	key = pz_key_wrap(pkey);
	if (key == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "private key: out of memory");
	*out = key;
	return PZ_OK;
}

enum pz_err
pz_key_check_strength(const struct pz_key *key, struct pz_errinfo *info)
{
	return pz_pkey_check_strength(key->pkey, info);
}

void
pz_key_spki_hash(const struct pz_key *key, uint8_t out[PZ_KEY_HASH_BYTES])
{
	memcpy(out, key->hash, PZ_KEY_HASH_BYTES);
}

enum pz_err
pz_key_sign(const struct pz_key *key, struct pz_slice message, struct pz_buf *out)
{
	PZ_AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = PZ_SIGNATURE_BYTES_MAX;
	uint8_t *at;

	if (ctx == NULL)
		return pz_openssl_fail(NULL, PZ_ERR_LIMIT_MEMORY, "signature");
	PZ_TRY(pz_buf_reserve(out, len, &at));
	if (EVP_DigestSignInit(ctx, NULL, pz_digest_for(key->pkey), NULL, key->pkey) != 1 ||
	    EVP_DigestSign(ctx, at, &len, message.ptr, message.len) != 1)
		return pz_openssl_fail(NULL, PZ_ERR_CRYPTO, "signature");
	/* The length is known only after signing: it varies with ECDSA. */
	pz_buf_commit(out, len);
	return PZ_OK;
}

enum pz_err
pz_key_sign_text(const struct pz_key *key, struct pz_slice message,
		 char out[PZ_SIGNATURE_CHARS_MAX + 1])
{
	struct pz_buf signature;
	PZ_AUTO_FREE char *text = NULL;

	pz_buf_init(&signature, PZ_SIGNATURE_BYTES_MAX, NULL);
	enum pz_err err = pz_key_sign(key, message, &signature);
	if (err == PZ_OK) {
		text = pz_base64_encode(pz_buf_slice(&signature));
		err = text ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	}
	pz_buf_fini(&signature);
	if (err == PZ_OK)
		snprintf(out, PZ_SIGNATURE_CHARS_MAX + 1, "%s", text);
	return err;
}

struct evp_pkey_st *
pz_key_evp(const struct pz_key *key)
{
	return key->pkey;
}
