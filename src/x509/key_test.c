#include "x509/fixture.h"
#include "x509/key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

static void
test_types(void **state)
{
	(void)state;
	assert_true(pz_key_type_is_valid("ec-p256"));
	assert_true(pz_key_type_is_valid("ec-p384"));
	assert_true(pz_key_type_is_valid("rsa3072"));
	assert_true(pz_key_type_is_valid("rsa4096"));
	assert_false(pz_key_type_is_valid("rsa2048"));
	assert_false(pz_key_type_is_valid("EC-P256"));
	assert_false(pz_key_type_is_valid(""));
	assert_false(pz_key_type_is_valid(NULL));
}

static void
test_generate_kinds(void **state)
{
	static const struct {
		const char *type, *kind;
		int bits;
	} rows[] = {{NULL, "EC", 256},
		    {"ec-p256", "EC", 256},
		    {"ec-p384", "EC", 384},
		    {"rsa3072", "RSA", 3072}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_key *key = NULL;
		assert_ok(pz_key_generate(rows[i].type, &key, NULL));
		assert_true(EVP_PKEY_is_a(pz_key_evp(key), rows[i].kind));
		assert_int_equal(EVP_PKEY_get_bits(pz_key_evp(key)), rows[i].bits);
		assert_ok(pz_key_check_strength(key, NULL));
		pz_key_free(key);
	}
}

static void
test_generate_unknown_type(void **state)
{
	struct pz_errinfo info = {""};
	struct pz_key *key = NULL;

	(void)state;
	assert_int_equal(pz_key_generate("rsa512", &key, &info), PZ_ERR_CONFIG);
	assert_null(key);
	assert_non_null(strstr(info.text, "rsa512"));
}

static void
test_pem_round_trip(void **state)
{
	uint8_t a[PZ_KEY_HASH_BYTES], b[PZ_KEY_HASH_BYTES];
	struct pz_key *key = fix_key(), *other = fix_key(), *again = NULL;
	struct pz_buf pem;

	(void)state;
	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	assert_ok(pz_key_to_pem(key, &pem));
	assert_memory_equal(pz_buf_slice(&pem).ptr, "-----BEGIN PRIVATE KEY-----", 27);
	assert_ok(pz_key_from_pem(pz_buf_slice(&pem), &again, NULL));
	assert_int_equal(EVP_PKEY_eq(pz_key_evp(key), pz_key_evp(again)), 1);
	pz_key_spki_hash(key, a);
	pz_key_spki_hash(again, b);
	assert_memory_equal(a, b, sizeof(a));
	pz_key_spki_hash(other, b);
	assert_memory_not_equal(a, b, sizeof(a));
	pz_buf_wipe(&pem);
	pz_key_free(again);
	pz_key_free(other);
	pz_key_free(key);
}

/* Two blocks, text before, garbage, another kind of block, too long: refused, OpenSSL's queue
 * clean. */
static void
test_pem_refused(void **state)
{
	struct pz_key *key = fix_key(), *out = NULL;
	struct pz_cert *cert = fix_issue(PZ_CERT_PZH_CA, ZONE, NULL, key, NULL, key);
	struct pz_buf pem, bad;

	(void)state;
	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	pz_buf_init(&bad, 4 * PZ_KEY_PEM_BYTES_MAX, NULL);
	assert_ok(pz_key_to_pem(key, &pem));

	assert_int_equal(pz_key_from_pem(pz_slice_str(""), &out, NULL), PZ_ERR_PROTO);
	assert_int_equal(
		pz_key_from_pem(pz_slice_str("-----BEGIN PRIVATE KEY-----\nAAAA\n"), &out, NULL),
		PZ_ERR_PROTO);
	assert_int_equal(pz_key_from_pem(pz_slice_str("-----BEGIN PRIVATE KEY-----\nMAA=\n"
						      "-----END PRIVATE KEY-----\n"),
					 &out, NULL),
			 PZ_ERR_PROTO);
	assert_ok(pz_buf_printf(&bad, "%.*s%.*s", PZ_SLICE_FMT(pz_buf_slice(&pem)),
				PZ_SLICE_FMT(pz_buf_slice(&pem))));
	assert_int_equal(pz_key_from_pem(pz_buf_slice(&bad), &out, NULL), PZ_ERR_PROTO);
	pz_buf_wipe(&bad);
	assert_ok(pz_buf_printf(&bad, "text\n%.*s", PZ_SLICE_FMT(pz_buf_slice(&pem))));
	assert_int_equal(pz_key_from_pem(pz_buf_slice(&bad), &out, NULL), PZ_ERR_PROTO);
	pz_buf_wipe(&bad);
	assert_ok(pz_cert_to_pem(cert, &bad));
	assert_int_equal(pz_key_from_pem(pz_buf_slice(&bad), &out, NULL), PZ_ERR_PROTO);
	pz_buf_wipe(&bad);
	assert_ok(pz_buf_printf(&bad, "%.*s%*s", PZ_SLICE_FMT(pz_buf_slice(&pem)),
				(int)PZ_KEY_PEM_BYTES_MAX, ""));
	assert_int_equal(pz_key_from_pem(pz_buf_slice(&bad), &out, NULL), PZ_ERR_LIMIT);
	assert_null(out);
	assert_int_equal(ERR_peek_error(), 0);
	pz_buf_wipe(&bad);
	pz_buf_wipe(&pem);
	pz_cert_free(cert);
	pz_key_free(key);
}

static void
test_pem_buffer_too_small(void **state)
{
	struct pz_key *key = fix_key();
	struct pz_buf pem;

	(void)state;
	pz_buf_init(&pem, 20, NULL);
	assert_int_equal(pz_key_to_pem(key, &pem), PZ_ERR_LIMIT_QUEUE);
	pz_buf_wipe(&pem);
	pz_key_free(key);
}

/* A public key alone has no PEM of this kind. */
static void
test_public_key_has_no_pem(void **state)
{
	struct pz_key *key = fix_key(), *public_key;
	struct pz_cert *cert = fix_issue(PZ_CERT_PZH_CA, ZONE, NULL, key, NULL, key);
	struct pz_buf pem;

	(void)state;
	public_key = pz_key_wrap(X509_get0_pubkey(pz_cert_x509(cert)));
	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	assert_int_equal(pz_key_to_pem(public_key, &pem), PZ_ERR_CRYPTO);
	pz_buf_wipe(&pem);
	pz_key_free(public_key);
	pz_cert_free(cert);
	pz_key_free(key);
}

static void
assert_strength(EVP_PKEY *pkey, enum pz_err expected, const char *word)
{
	struct pz_key *key = fix_key_wrap(pkey);
	struct pz_errinfo info = {""};

	assert_int_equal(pz_key_check_strength(key, &info), expected);
	assert_non_null(strstr(info.text, word));
	pz_key_free(key);
}

static EVP_PKEY *
explicit_curve(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *made = NULL, *parsed;
	unsigned char *der = NULL;
	const unsigned char *at;
	int len;

	assert_true(EVP_PKEY_keygen_init(ctx) > 0);
	assert_true(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) > 0);
	assert_true(EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE) > 0);
	assert_true(EVP_PKEY_keygen(ctx, &made) > 0);
	len = i2d_PUBKEY(made, &der);
	at = der;
	parsed = d2i_PUBKEY(NULL, &at, len);
	OPENSSL_free(der);
	EVP_PKEY_free(made);
	EVP_PKEY_CTX_free(ctx);
	return parsed;
}

static void
test_strength(void **state)
{
	(void)state;
	assert_strength(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), PZ_ERR_DENIED_WEAK,
			"1024");
	assert_strength(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2047), PZ_ERR_DENIED_WEAK,
			"2047");
	assert_strength(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), PZ_OK, "");
	assert_strength(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224"), PZ_ERR_DENIED_WEAK, "224");
	assert_strength(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521"), PZ_OK, "");
	assert_strength(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), PZ_OK, "");
	assert_strength(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), PZ_ERR_DENIED_WEAK, "neither");
	assert_strength(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), PZ_ERR_DENIED_WEAK, "neither");
	assert_strength(explicit_curve(), PZ_ERR_DENIED_WEAK, "named curve");
}

/* A modulus that is too long: 16384 bits, odd; it need not be a product of primes. */
static void
test_strength_huge_rsa(void **state)
{
	static unsigned char n[2048];
	size_t e = 65537;
	OSSL_PARAM params[] = {OSSL_PARAM_BN("n", n, sizeof(n)), OSSL_PARAM_size_t("e", &e),
			       OSSL_PARAM_END};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;

	(void)state;
	memset(n, 0xff, sizeof(n));
	assert_true(EVP_PKEY_fromdata_init(ctx) > 0);
	assert_true(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) > 0);
	EVP_PKEY_CTX_free(ctx);
	assert_strength(pkey, PZ_ERR_DENIED_WEAK, "16384");
}

static void
test_refs(void **state)
{
	struct pz_key *key = fix_key();

	(void)state;
	assert_ptr_equal(pz_key_ref(key), key);
	pz_key_free(key);
	assert_ok(pz_key_check_strength(key, NULL));
	pz_key_free(key);
	pz_key_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_generate_kinds),
		cmocka_unit_test(test_generate_unknown_type),
		cmocka_unit_test(test_pem_round_trip),
		cmocka_unit_test(test_pem_refused),
		cmocka_unit_test(test_pem_buffer_too_small),
		cmocka_unit_test(test_public_key_has_no_pem),
		cmocka_unit_test(test_strength),
		cmocka_unit_test(test_strength_huge_rsa),
		cmocka_unit_test(test_refs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
