#include "x509/encode.h"
#include "x509/fixture.h"
#include "x509/strength.h"

#include <openssl/err.h>

static void
assert_cn(const char *tmpl, const char *host, const char *expected)
{
	struct pz_cert_subject s = {ZONE, "laptop", host};
	char cn[PZ_CN_BYTES_MAX + 1];

	pz_cn_format(tmpl, &s, cn);
	assert_string_equal(cn, expected);
}

/* The cut never leaves half a character: 64 bytes, or fewer when one would be torn. */
static void
test_cn_cut_between_characters(void **state)
{
	static const char a59[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	char host[256], expected[256];

	(void)state;
	assert_cn("%h", "h", "h");
	assert_cn("Pzp:%z:%d", NULL, "Pzp:" ZONE ":laptop");
	snprintf(host, sizeof(host), "%saaaaa", a59);
	assert_cn("%h", host, host);
	snprintf(host, sizeof(host), "%saaaaab", a59);
	snprintf(expected, sizeof(expected), "%saaaaa", a59);
	assert_cn("%h", host, expected);
	snprintf(host, sizeof(host), "%saaa\xc3\xa9", a59); /* 64 bytes: fits */
	assert_cn("%h", host, host);
	snprintf(host, sizeof(host), "%saaaa\xc3\xa9", a59); /* 65: its second byte would go */
	snprintf(expected, sizeof(expected), "%saaaa", a59);
	assert_cn("%h", host, expected);
	snprintf(host, sizeof(host), "%saa\xf0\x9f\x98\x80", a59);
	snprintf(expected, sizeof(expected), "%saa", a59);
	assert_cn("%h", host, expected);
}

/* Longer than the buffer that it is built in. */
static void
test_cn_of_oversized_names(void **state)
{
	static char host[2000];
	char expected[65];

	(void)state;
	memset(host, 'h', sizeof(host) - 1);
	memset(expected, 'h', 64);
	expected[64] = '\0';
	assert_cn("%h:%z", host, expected);
}

static void
test_signature_algorithms(void **state)
{
	(void)state;
	assert_true(pz_signature_is_strong(NID_sha256, NID_rsaEncryption));
	assert_true(pz_signature_is_strong(NID_sha384, NID_X9_62_id_ecPublicKey));
	assert_true(pz_signature_is_strong(NID_sha512, NID_X9_62_id_ecPublicKey));
	assert_true(pz_signature_is_strong(NID_undef, NID_ED25519));
	assert_false(pz_signature_is_strong(NID_sha1, NID_rsaEncryption));
	assert_false(pz_signature_is_strong(NID_md5, NID_rsaEncryption));
	assert_false(pz_signature_is_strong(NID_sha224, NID_rsaEncryption));
	assert_false(pz_signature_is_strong(NID_undef, NID_undef));
	assert_false(pz_signature_is_strong(NID_undef, NID_ED448));
}

static void
test_times(void **state)
{
	static const uint64_t rows[] = {0, 1000, NOW_MS, UINT64_C(2524608000000) /* 2050 */,
					UINT64_C(4102444800000) /* 2100 */};
	ASN1_TIME *t = ASN1_TIME_new();
	uint64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(pz_asn1_time_set(t, rows[i] + 999));
		assert_true(pz_asn1_time_ms(t, &ms));
		assert_int_equal(ms, rows[i]);
	}
	assert_true(ASN1_TIME_set_string(t, "19600101000000Z"));
	assert_true(pz_asn1_time_ms(t, &ms));
	assert_int_equal(ms, 0);
	assert_false(pz_asn1_time_ms(NULL, &ms));
	assert_false(pz_asn1_time_set(NULL, 0));
	assert_false(pz_asn1_time_set(t, UINT64_MAX)); /* year 584 million */
	ERR_clear_error();
	ASN1_TIME_free(t);
}

static void
test_serials(void **state)
{
	static const char *const good[] = {
		"01", "ff", "0102", "8000000000000000000000000000000000000001",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
	static const char *const bad[] = {
		"",   "1",  "0",
		"xx", "-1", "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
	char hex[PZ_SERIAL_HEX_BYTES];
	ASN1_INTEGER *n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		n = pz_serial_parse(good[i]);
		assert_non_null(n);
		assert_true(pz_serial_format(n, hex));
		assert_string_equal(hex, good[i]);
		ASN1_INTEGER_free(n);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(pz_serial_parse(bad[i]));
	n = pz_serial_parse("00FF"); /* one number, one text */
	assert_true(pz_serial_format(n, hex));
	assert_string_equal(hex, "ff");
	assert_true(ASN1_INTEGER_set(n, 0));
	assert_false(pz_serial_format(n, hex));
	assert_true(ASN1_INTEGER_set(n, -5));
	assert_false(pz_serial_format(n, hex));
	ASN1_STRING_set(n, "0123456789012345678901234567890123456789", 33);
	n->type = V_ASN1_INTEGER;
	assert_false(pz_serial_format(n, hex));
	ASN1_INTEGER_free(n);
}

static void
test_openssl_failure_is_reported_and_cleared(void **state)
{
	struct pz_errinfo info;

	(void)state;
	ERR_raise(ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH);
	assert_int_equal(pz_openssl_fail(&info, PZ_ERR_CRYPTO, "trying"), PZ_ERR_CRYPTO);
	assert_string_equal(info.text, "trying: key type mismatch");
	assert_int_equal(ERR_peek_error(), 0);
	ERR_raise(ERR_LIB_X509, ERR_R_MALLOC_FAILURE);
	assert_int_equal(pz_openssl_fail(&info, PZ_ERR_CRYPTO, "trying"), PZ_ERR_LIMIT_MEMORY);
	assert_int_equal(pz_openssl_fail(NULL, PZ_ERR_PROTO, "trying"), PZ_ERR_PROTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cn_cut_between_characters),
		cmocka_unit_test(test_cn_of_oversized_names),
		cmocka_unit_test(test_signature_algorithms),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_openssl_failure_is_reported_and_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
