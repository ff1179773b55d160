#include "x509/crl.h"
#include "x509/fixture.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static struct pz_kit_zone z, same; /* of one name */
static struct pz_cert *other_name; /* with the key of `z` */

static int
setup(void **state)
{
	(void)state;
	pz_kit_zone_init(&z, ZONE, &fix_env);
	pz_kit_zone_init(&same, ZONE, &fix_env);
	other_name = fix_issue(PZ_CERT_PZH_CA, "bob@example.org", NULL, z.ca_key, NULL, z.ca_key);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_kit_zone_fini(&z);
	pz_kit_zone_fini(&same);
	pz_cert_free(other_name);
	return 0;
}

static const struct pz_crl_entry entries[] = {
	{"ff00000000000000000000000000000001", NOW_MS - 5000},
	{"0102", NOW_MS},
};

static struct pz_crl *
issue(size_t count, uint64_t number)
{
	struct pz_crl *crl = NULL;

	assert_ok(pz_crl_issue(z.ca, z.ca_key, entries, count, number, &fix_env, &crl, NULL));
	return crl;
}

static void
test_issue_and_read_back(void **state)
{
	struct pz_crl *crl = issue(2, UINT64_C(0x123456789abcdef0)), *again = NULL;
	struct pz_buf pem;

	(void)state;
	pz_buf_init(&pem, PZ_CRL_PEM_BYTES_MAX, NULL);
	assert_ok(pz_crl_to_pem(crl, &pem));
	assert_ok(pz_crl_from_pem(pz_buf_slice(&pem), &again, NULL));
	for (int i = 0; i < 2; i++) {
		struct pz_crl *c = i == 0 ? crl : again;
		assert_ok(pz_crl_verify(c, z.ca, NULL));
		assert_int_equal(pz_crl_number(c), UINT64_C(0x123456789abcdef0));
		assert_int_equal(pz_crl_this_update_ms(c), NOW_MS);
		assert_int_equal(pz_crl_next_update_ms(c), NOW_MS + 30 * FIX_DAY_MS);
		assert_true(pz_crl_has_serial(c, "0102"));
		assert_true(pz_crl_has_serial(c, "ff00000000000000000000000000000001"));
		assert_true(pz_crl_has_serial(c, "FF00000000000000000000000000000001"));
		assert_true(pz_crl_has_serial(c, "00000102")); /* the same number */
		assert_false(pz_crl_has_serial(c, "010200"));
		assert_false(pz_crl_has_serial(c, "0103"));
		assert_false(pz_crl_has_serial(c, "00"));
		assert_false(pz_crl_has_serial(c, "01"));
	}
	assert_ok(pz_buf_append_str(&pem, "-----BEGIN X509 CRL-----\n"));
	pz_crl_free(crl);
	crl = NULL;
	assert_int_equal(pz_crl_from_pem(pz_buf_slice(&pem), &crl, NULL), PZ_ERR_PROTO);
	assert_null(crl);
	pz_buf_fini(&pem);
	pz_crl_free(again);
}

static void
test_profile(void **state)
{
	struct pz_crl *crl = issue(0, 0);
	struct pz_buf pem;
	X509_CRL *x;
	BIO *bio;

	(void)state;
	pz_buf_init(&pem, PZ_CRL_PEM_BYTES_MAX, NULL);
	assert_ok(pz_crl_to_pem(crl, &pem));
	bio = BIO_new_mem_buf(pz_buf_slice(&pem).ptr, (int)pem.len);
	x = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	assert_int_equal(X509_CRL_get_version(x), X509_CRL_VERSION_2);
	assert_true(X509_CRL_get_ext_by_NID(x, NID_authority_key_identifier, -1) >= 0);
	assert_true(X509_CRL_get_ext_by_NID(x, NID_crl_number, -1) >= 0);
	assert_int_equal(X509_CRL_get_signature_nid(x), NID_ecdsa_with_SHA256);
	assert_null(X509_CRL_get_REVOKED(x)); /* empty list: the member is absent */
	assert_false(pz_crl_has_serial(crl, "0102"));
	X509_CRL_free(x);
	BIO_free_all(bio);
	pz_buf_fini(&pem);
	pz_crl_free(crl);
}

/* What cannot be looked up counts as revoked. */
static void
test_lookup_fails_closed(void **state)
{
	struct pz_crl *crl = issue(0, 1);
	char longest[PZ_SERIAL_HEX_BYTES + 2]; /* by two digits too long */

	(void)state;
	memset(longest, '1', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_true(pz_crl_has_serial(crl, ""));
	assert_true(pz_crl_has_serial(crl, "xyz"));
	assert_true(pz_crl_has_serial(crl, "0103f"));
	assert_false(pz_crl_has_serial(crl, longest + 2));
	assert_true(pz_crl_has_serial(crl, longest));
	assert_int_equal(ERR_peek_error(), 0);
	pz_crl_free(crl);
}

static void
test_issue_refusals(void **state)
{
	static const struct pz_crl_entry bad = {"no hex", NOW_MS};
	static const struct pz_crl_entry late = {"01", UINT64_MAX};
	struct pz_crl *crl = NULL;

	(void)state;
	assert_int_equal(pz_crl_issue(z.ca, same.ca_key, NULL, 0, 1, &fix_env, &crl, NULL),
			 PZ_ERR_CRYPTO);
	assert_int_equal(pz_crl_issue(z.ca, z.ca_key, &bad, 1, 1, &fix_env, &crl, NULL),
			 PZ_ERR_PROTO);
	assert_int_equal(pz_crl_issue(z.ca, z.ca_key, &late, 1, 1, &fix_env, &crl, NULL),
			 PZ_ERR_CRYPTO);
	assert_null(crl);
}

static void
test_verify(void **state)
{
	struct pz_crl *crl = issue(1, 1);
	struct pz_errinfo info = {""};

	(void)state;
	assert_ok(pz_crl_verify(crl, z.ca, &info));
	assert_int_equal(pz_crl_verify(crl, same.ca, &info), PZ_ERR_DENIED_CHAIN);
	assert_non_null(strstr(info.text, "not signed"));
	assert_int_equal(pz_crl_verify(crl, other_name, &info), PZ_ERR_DENIED_CHAIN);
	assert_non_null(strstr(info.text, "issuer"));
	assert_int_equal(ERR_peek_error(), 0);
	pz_crl_free(crl);
}

/* A list as others could make it. number NULL: no crlNumber. */
static void
make_raw(const char *digest, const char *number, int critical_nid, bool next, struct pz_buf *out)
{
	X509_CRL *x = X509_CRL_new();
	BIO *bio = BIO_new(BIO_s_mem());
	ASN1_INTEGER *n = number ? pz_serial_parse(number) : NULL;
	ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)(NOW_MS / 1000));

	X509_CRL_set_version(x, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(x, X509_get_subject_name(pz_cert_x509(z.ca)));
	X509_CRL_set1_lastUpdate(x, t);
	if (next)
		X509_CRL_set1_nextUpdate(x, t);
	if (n)
		X509_CRL_add1_ext_i2d(x, NID_crl_number, n, 0, 0);
	if (critical_nid != NID_undef)
		X509_CRL_add1_ext_i2d(x, critical_nid, n, 1, 0);
	assert_true(X509_CRL_sign(x, pz_key_evp(z.ca_key), EVP_get_digestbyname(digest)));
	assert_true(PEM_write_bio_X509_CRL(bio, x));
	out->len = 0;
	assert_ok(pz_bio_to_buf(bio, out));
	ASN1_TIME_free(t);
	ASN1_INTEGER_free(n);
	BIO_free_all(bio);
	X509_CRL_free(x);
}

static void
test_foreign_lists(void **state)
{
	struct pz_crl *crl = NULL;
	struct pz_buf pem;

	(void)state;
	pz_buf_init(&pem, PZ_CRL_PEM_BYTES_MAX, NULL);
	make_raw("SHA256", "05", NID_undef, false, &pem);
	assert_ok(pz_crl_from_pem(pz_buf_slice(&pem), &crl, NULL));
	assert_ok(pz_crl_verify(crl, z.ca, NULL));
	assert_int_equal(pz_crl_number(crl), 5);
	assert_int_equal(pz_crl_next_update_ms(crl), 0);
	pz_crl_free(crl);
	make_raw("SHA1", "05", NID_undef, true, &pem);
	assert_ok(pz_crl_from_pem(pz_buf_slice(&pem), &crl, NULL));
	assert_int_equal(pz_crl_verify(crl, z.ca, NULL), PZ_ERR_DENIED_WEAK);
	pz_crl_free(crl);
	crl = NULL;
	make_raw("SHA256", NULL, NID_undef, true, &pem);
	assert_int_equal(pz_crl_from_pem(pz_buf_slice(&pem), &crl, NULL), PZ_ERR_PROTO);
	make_raw("SHA256", "010000000000000000", NID_undef, true, &pem); /* over 64 bits */
	assert_int_equal(pz_crl_from_pem(pz_buf_slice(&pem), &crl, NULL), PZ_ERR_PROTO);
	make_raw("SHA256", "05", NID_delta_crl, true, &pem);
	assert_int_equal(pz_crl_from_pem(pz_buf_slice(&pem), &crl, NULL), PZ_ERR_PROTO);
	assert_null(crl);
	assert_int_equal(ERR_peek_error(), 0);
	pz_buf_fini(&pem);
}

/* An extension that OpenSSL cannot read, and that is not needed, spoils neither the list nor the
 * thread. */
static void
test_unreadable_extension(void **state)
{
	ASN1_OCTET_STRING *text = ASN1_OCTET_STRING_new();
	ASN1_INTEGER *n = pz_serial_parse("05");
	BIO *bio = BIO_new(BIO_s_mem());
	X509_CRL *x = X509_CRL_new();
	struct pz_crl *crl = NULL;
	X509_EXTENSION *ext;
	char *pem;

	(void)state;
	assert_true(ASN1_OCTET_STRING_set(text, (const unsigned char *)"x", 1));
	ext = X509_EXTENSION_create_by_NID(NULL, NID_authority_key_identifier, 0, text);
	assert_true(X509_CRL_set_version(x, X509_CRL_VERSION_2));
	assert_true(X509_CRL_set_issuer_name(x, X509_get_subject_name(pz_cert_x509(z.ca))));
	assert_true(X509_CRL_set1_lastUpdate(x, X509_get0_notBefore(pz_cert_x509(z.ca))));
	assert_true(X509_CRL_add_ext(x, ext, -1));
	assert_true(X509_CRL_add1_ext_i2d(x, NID_crl_number, n, 0, 0));
	assert_true(X509_CRL_sign(x, pz_key_evp(z.ca_key), EVP_sha256()));
	assert_true(PEM_write_bio_X509_CRL(bio, x));
	long len = BIO_get_mem_data(bio, &pem);
	assert_ok(pz_crl_from_pem(pz_slice_of(pem, (size_t)len), &crl, NULL));
	assert_int_equal(ERR_peek_error(), 0);
	pz_crl_free(crl);
	X509_CRL_free(x);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(text);
	ASN1_INTEGER_free(n);
	BIO_free_all(bio);
}

static void
test_malformed(void **state)
{
	static char large[PZ_CRL_PEM_BYTES_MAX + 1];
	struct pz_crl *crl = NULL;

	(void)state;
	assert_int_equal(pz_crl_from_pem(pz_slice_str(""), &crl, NULL), PZ_ERR_PROTO);
	assert_int_equal(pz_crl_from_pem(pz_slice_str("-----BEGIN X509 CRL-----\nMAA=\n"
						      "-----END X509 CRL-----\n"),
					 &crl, NULL),
			 PZ_ERR_PROTO);
	assert_int_equal(pz_crl_from_pem(pz_slice_of(large, sizeof(large)), &crl, NULL),
			 PZ_ERR_LIMIT);
	assert_null(crl);
}

static void
test_refs(void **state)
{
	struct pz_crl *crl = issue(1, 9);

	(void)state;
	assert_ptr_equal(pz_crl_ref(crl), crl);
	pz_crl_free(crl);
	assert_int_equal(pz_crl_number(crl), 9);
	pz_crl_free(crl);
	pz_crl_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_issue_and_read_back),
		cmocka_unit_test(test_profile),
		cmocka_unit_test(test_lookup_fails_closed),
		cmocka_unit_test(test_issue_refusals),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_foreign_lists),
		cmocka_unit_test(test_unreadable_extension),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_refs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
