/* The hash of a certificate's key equals that of the key, however the certificate encodes it. */
#include "x509/fixture.h"
#include "x509/strength.h"

#include <openssl/err.h>

/* Changes how a certificate writes its key. */
typedef void (*rewrite_fn)(X509 *x);

/* A signed certificate of the key as a peer would send it. */
static X509 *
certify(EVP_PKEY *pkey, rewrite_fn rewrite)
{
	struct fix_raw raw = {.cn = "spki"};
	struct pz_key *subject = fix_key_wrap(pkey), *signer = fix_key();
	X509 *made = fix_raw_x509(&raw, subject, NULL, signer), *parsed;
	unsigned char *der = NULL;
	const unsigned char *at;
	int len;

	if (rewrite) {
		rewrite(made);
		assert_true(X509_sign(made, pz_key_evp(signer), EVP_sha256()));
	}
	len = i2d_X509(made, &der);
	at = der;
	parsed = d2i_X509(NULL, &at, len);
	assert_non_null(parsed);
	OPENSSL_free(der);
	X509_free(made);
	pz_key_free(subject);
	pz_key_free(signer);
	ERR_clear_error();
	return parsed;
}

/* @param is_usual the certificate's own bytes give the same hash */
static void
assert_hash(EVP_PKEY *pkey, rewrite_fn rewrite, bool is_usual)
{
	X509 *x = certify(pkey, rewrite);
	struct pz_key *key = pz_key_wrap(X509_get0_pubkey(x));
	uint8_t of_cert[PZ_KEY_HASH_BYTES], of_key[PZ_KEY_HASH_BYTES], of_bytes[PZ_KEY_HASH_BYTES];
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	assert_non_null(key);
	assert_true(EVP_Digest(der, (size_t)len, of_bytes, NULL, EVP_sha256(), NULL));
	assert_true(pz_x509_spki_hash(x, of_cert));
	pz_key_spki_hash(key, of_key);
	assert_memory_equal(of_cert, of_key, sizeof(of_key));
	assert_int_equal(memcmp(of_bytes, of_key, sizeof(of_key)) == 0, is_usual);
	assert_int_equal(ERR_peek_error(), 0);
	OPENSSL_free(der);
	pz_key_free(key);
	X509_free(x);
}

static EVP_PKEY *
ec_key(const char *point_format)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	if (point_format)
		assert_true(EVP_PKEY_set_utf8_string_param(pkey, "point-format", point_format));
	return pkey;
}

static EVP_PKEY *
rsa_key(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
}

static void
test_usual_forms(void **state)
{
	(void)state;
	assert_hash(ec_key(NULL), NULL, true);
	assert_hash(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"), NULL, true);
	assert_hash(rsa_key(), NULL, true);
	assert_hash(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, true);
	assert_hash(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), NULL, true);
}

static void
test_other_points(void **state)
{
	(void)state;
	assert_hash(ec_key("compressed"), NULL, true);
	assert_hash(ec_key("hybrid"), NULL, true);
}

/* RFC 3279 2.3.1 wants a NULL here; OpenSSL reads keys without it. */
static void
drop_parameters(X509 *x)
{
	X509_PUBKEY *pub = X509_get_X509_PUBKEY(x);
	const unsigned char *key;
	int len;

	assert_true(X509_PUBKEY_get0_param(NULL, &key, &len, NULL, pub));
	assert_true(X509_PUBKEY_set0_param(pub, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_UNDEF, NULL,
					   OPENSSL_memdup(key, (size_t)len), len));
}

/* The length of the outer SEQUENCE in one octet more than it needs: BER, not DER. */
static void
lengthen(X509 *x)
{
	X509_PUBKEY *pub = X509_get_X509_PUBKEY(x);
	const unsigned char *key;
	unsigned char *longer;
	int len;

	assert_true(X509_PUBKEY_get0_param(NULL, &key, &len, NULL, pub));
	assert_int_equal(key[1], 0x82);
	longer = OPENSSL_malloc((size_t)len + 1);
	longer[0] = key[0];
	longer[1] = 0x83;
	longer[2] = 0;
	memcpy(longer + 3, key + 2, (size_t)len - 2);
	assert_true(X509_PUBKEY_set0_param(pub, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL,
					   longer, len + 1));
}

static void
append_byte(X509 *x)
{
	X509_PUBKEY *pub = X509_get_X509_PUBKEY(x);
	const unsigned char *key;
	unsigned char *longer;
	int len;

	assert_true(X509_PUBKEY_get0_param(NULL, &key, &len, NULL, pub));
	longer = OPENSSL_zalloc((size_t)len + 1);
	memcpy(longer, key, (size_t)len);
	assert_true(X509_PUBKEY_set0_param(pub, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL,
					   longer, len + 1));
}

/* The modulus without the octet 0 in front, which makes it a negative number. */
static void
negate(X509 *x)
{
	X509_PUBKEY *pub = X509_get_X509_PUBKEY(x);
	const unsigned char *key;
	unsigned char *shorter;
	int len;

	assert_true(X509_PUBKEY_get0_param(NULL, &key, &len, NULL, pub));
	/* SEQUENCE of two octets of length, INTEGER of 257 octets, the first of them 0 */
	assert_true(key[1] == 0x82 && key[4] == 0x02 && key[5] == 0x82 && key[8] == 0);
	shorter = OPENSSL_memdup(key, (size_t)len);
	memcpy(shorter + 8, key + 9, (size_t)len - 9);
	shorter[3]--; /* 0x010a and 0x0101 */
	shorter[7]--;
	assert_true(X509_PUBKEY_set0_param(pub, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL,
					   shorter, len - 1));
}

static void
test_unusual_rsa(void **state)
{
	(void)state;
	assert_hash(rsa_key(), drop_parameters, false);
	assert_hash(rsa_key(), lengthen, false);
	assert_hash(rsa_key(), append_byte, false);
	assert_hash(rsa_key(), negate, false);
}

/* The last bit of the key, a 0, declared as unused. */
static void
shorten_by_a_bit(X509 *x)
{
	ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(x);

	bits->flags = (bits->flags & ~0x07L) | ASN1_STRING_FLAG_BITS_LEFT | 1;
}

static void
test_unused_bits(void **state)
{
	EVP_PKEY *pkey = NULL;
	unsigned char *point = NULL;
	size_t len;

	(void)state;
	do {
		EVP_PKEY_free(pkey);
		OPENSSL_free(point);
		pkey = ec_key(NULL);
		len = EVP_PKEY_get1_encoded_public_key(pkey, &point);
		assert_int_equal(len, 65);
	} while (point[len - 1] & 1);
	OPENSSL_free(point);
	assert_hash(pkey, shorten_by_a_bit, false);
}

/* No point at all: the certificate can be read, its key cannot. */
static void
spoil(X509 *x)
{
	assert_true(X509_PUBKEY_set0_param(
		X509_get_X509_PUBKEY(x), OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
		OBJ_nid2obj(NID_X9_62_prime256v1), OPENSSL_memdup("\x04xy", 3), 3));
}

static void
test_unusable_key(void **state)
{
	X509 *x = certify(ec_key(NULL), spoil);
	uint8_t hash[PZ_KEY_HASH_BYTES] = {0x5a};
	struct pz_errinfo info = {""};

	(void)state;
	assert_false(pz_x509_spki_hash(x, hash));
	assert_int_equal(hash[0], 0x5a);
	assert_null(pz_cert_wrap(x));
	assert_int_equal(pz_x509_check_strength(x, &info), PZ_ERR_DENIED_WEAK);
	assert_non_null(strstr(info.text, "not usable"));
	X509_free(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual_forms),  cmocka_unit_test(test_other_points),
		cmocka_unit_test(test_unusual_rsa),  cmocka_unit_test(test_unused_bits),
		cmocka_unit_test(test_unusable_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
