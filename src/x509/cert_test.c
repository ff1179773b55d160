#include "x509/cert.h"
#include "x509/fixture.h"

#include <openssl/err.h>

/* One zone, made once: keys and certificates of all four kinds. */
static struct pz_kit_zone z;

static int
setup(void **state)
{
	(void)state;
	pz_kit_zone_init(&z, ZONE, &fix_env);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_kit_zone_fini(&z);
	return 0;
}

static void
assert_row(const struct pz_cert *cert, const char *cn, const char *device, bool ca, long pathlen,
	   uint32_t usage, uint32_t ext_usage, unsigned days)
{
	X509 *x = pz_cert_x509(cert);
	char text[256], zone[PZ_ZONE_BYTES_MAX + 1], got_device[PZ_DEVICE_BYTES_MAX + 1];
	uint32_t flags = X509_get_extension_flags(x);

	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, sizeof(text));
	assert_string_equal(text, cn);
	assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(x)), 1);
	assert_ok(pz_cert_identity(cert, zone, got_device));
	assert_string_equal(zone, ZONE);
	assert_string_equal(got_device, device);
	assert_int_equal(X509_get_version(x), X509_VERSION_3);
	assert_true(flags & EXFLAG_BCONS);
	assert_int_equal((flags & EXFLAG_CA) != 0, ca);
	assert_int_equal(X509_get_pathlen(x), pathlen);
	assert_int_equal(X509_get_key_usage(x), usage);
	assert_int_equal(X509_get_extended_key_usage(x), ext_usage);
	assert_int_equal(X509_get_signature_nid(x), NID_ecdsa_with_SHA256);
	assert_non_null(X509_get0_subject_key_id(x));
	assert_int_equal(pz_cert_not_before_ms(cert), NOW_MS - PZ_CLOCK_SKEW_S * 1000);
	assert_int_equal(pz_cert_not_after_ms(cert) - pz_cert_not_before_ms(cert),
			 days * FIX_DAY_MS);
}

static void
test_table_of_page_2(void **state)
{
	uint32_t tls = XKU_SSL_SERVER | XKU_SSL_CLIENT;

	(void)state;
	assert_row(z.ca, "Pzh:" HOST ":" ZONE, "", true, 1, KU_KEY_CERT_SIGN | KU_CRL_SIGN,
		   UINT32_MAX, 7305);
	assert_row(z.hub.tls, HOST, "", false, -1, KU_DIGITAL_SIGNATURE, tls, 397);
	assert_row(z.laptop.ca, "Pzp:" ZONE ":laptop", "laptop", true, 0, KU_KEY_CERT_SIGN,
		   UINT32_MAX, 3652);
	assert_row(z.laptop.tls, "laptop", "laptop", false, -1, KU_DIGITAL_SIGNATURE, tls, 90);
	assert_null(X509_get0_authority_key_id(pz_cert_x509(z.ca)));
	assert_int_equal(ASN1_STRING_cmp(X509_get0_authority_key_id(pz_cert_x509(z.laptop.tls)),
					 X509_get0_subject_key_id(pz_cert_x509(z.laptop.ca))),
			 0);
}

/* The URI as it stands in the certificate, and the host beside it. */
static void
test_san_bytes(void **state)
{
	static const struct {
		const char *zone, *device, *host, *uri;
		int type, len;
	} rows[] = {
		{"a.b_c-d@example.org", "x.y_z-1", NULL, "pz:a.b_c-d@example.org/x.y_z-1", 0, 0},
		{"a+b@example.org", NULL, HOST, "pz:a%2Bb@example.org", GEN_DNS, 15},
		{ZONE, NULL, "192.0.2.7", "pz:" ZONE, GEN_IPADD, 4},
		{ZONE, NULL, "2001:db8::1", "pz:" ZONE, GEN_IPADD, 16},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_cert_subject s = {rows[i].zone, rows[i].device, rows[i].host};
		bool hub = rows[i].device == NULL;
		char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
		struct pz_cert *cert = NULL;
		GENERAL_NAMES *names;
		ASN1_STRING *value;
		int type;

		assert_ok(pz_cert_issue(hub ? PZ_CERT_PZH_TLS : PZ_CERT_PZP_CA, &s, z.hub.key, z.ca,
					z.ca_key, &fix_env, &cert, NULL));
		names = X509_get_ext_d2i(pz_cert_x509(cert), NID_subject_alt_name, NULL, NULL);
		assert_int_equal(sk_GENERAL_NAME_num(names), hub ? 2 : 1);
		value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &type);
		assert_int_equal(type, GEN_URI);
		assert_true(pz_slice_eq_str(pz_slice_of(ASN1_STRING_get0_data(value),
							(size_t)ASN1_STRING_length(value)),
					    rows[i].uri));
		if (hub) {
			value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 1), &type);
			assert_int_equal(type, rows[i].type);
			assert_int_equal(ASN1_STRING_length(value), rows[i].len);
		}
		assert_ok(pz_cert_identity(cert, zone, device));
		assert_string_equal(zone, rows[i].zone);
		assert_string_equal(device, hub ? "" : rows[i].device);
		GENERAL_NAMES_free(names);
		pz_cert_free(cert);
	}
}

static void
test_cn_is_cut(void **state)
{
	char device[PZ_DEVICE_BYTES_MAX + 1], cn[128];
	struct pz_cert *cert;

	(void)state;
	memset(device, 'd', PZ_DEVICE_BYTES_MAX);
	device[PZ_DEVICE_BYTES_MAX] = '\0';
	cert = fix_issue(PZ_CERT_PZP_CA, ZONE, device, z.laptop.ca_key, z.ca, z.ca_key);
	assert_int_equal(X509_NAME_get_text_by_NID(X509_get_subject_name(pz_cert_x509(cert)),
						   NID_commonName, cn, sizeof(cn)),
			 64);
	assert_memory_equal(cn, "Pzp:" ZONE ":dddd", 26);
	pz_cert_free(cert);
}

static void
test_digest_follows_the_issuer_key(void **state)
{
	struct pz_key *p384 = NULL;
	struct pz_key *ed = fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	struct pz_cert *a, *b;

	(void)state;
	assert_ok(pz_key_generate("ec-p384", &p384, NULL));
	a = fix_issue(PZ_CERT_PZH_CA, ZONE, NULL, p384, NULL, p384);
	b = fix_issue(PZ_CERT_PZH_CA, ZONE, NULL, ed, NULL, ed);
	assert_int_equal(X509_get_signature_nid(pz_cert_x509(a)), NID_ecdsa_with_SHA384);
	assert_int_equal(X509_get_signature_nid(pz_cert_x509(b)), NID_ED25519);
	pz_cert_free(a);
	pz_cert_free(b);
	pz_key_free(p384);
	pz_key_free(ed);
}

static void
zero_random(void *arg, void *out, size_t len)
{
	(void)arg;
	memset(out, 0, len);
}

/* Its first bit would make an INTEGER negative. */
static void
negative_random(void *arg, void *out, size_t len)
{
	(void)arg;
	memset(out, 0x80, len);
}

static void
test_serial(void **state)
{
	struct pz_env env = fix_env;
	struct pz_cert_subject s = {ZONE, NULL, HOST};
	char a[PZ_SERIAL_HEX_BYTES], b[PZ_SERIAL_HEX_BYTES];
	struct pz_cert *cert = NULL;

	(void)state;
	pz_cert_serial_hex(z.ca, a);
	pz_cert_serial_hex(z.hub.tls, b);
	assert_int_equal(strlen(a), 32);
	assert_string_not_equal(a, b);
	env.random = negative_random;
	assert_ok(pz_cert_issue(PZ_CERT_PZH_CA, &s, z.ca_key, NULL, z.ca_key, &env, &cert, NULL));
	assert_int_not_equal(ASN1_STRING_type(X509_get0_serialNumber(pz_cert_x509(cert))),
			     V_ASN1_NEG_INTEGER);
	pz_cert_free(PZ_TAKE(cert));
	env.random = zero_random;
	assert_ok(pz_cert_issue(PZ_CERT_PZH_CA, &s, z.ca_key, NULL, z.ca_key, &env, &cert, NULL));
	pz_cert_serial_hex(cert, a);
	assert_string_equal(a, "01");
	pz_cert_free(cert);
}

static void
test_never_outlives_the_issuer(void **state)
{
	struct pz_cert_subject hub = {ZONE, NULL, HOST}, dev = {ZONE, "laptop", NULL};
	struct pz_cert *ca = NULL, *dead = NULL, *leaf = NULL;

	(void)state;
	assert_ok(pz_cert_issue_for(PZ_CERT_PZH_CA, &hub, z.ca_key, NULL, z.ca_key, &fix_env,
				    NOW_MS - FIX_DAY_MS, NOW_MS + FIX_DAY_MS, &ca, NULL));
	assert_ok(pz_cert_issue(PZ_CERT_PZP_CA, &dev, z.laptop.ca_key, ca, z.ca_key, &fix_env,
				&leaf, NULL));
	assert_int_equal(pz_cert_not_after_ms(leaf), NOW_MS + FIX_DAY_MS);
	pz_cert_free(leaf);
	leaf = NULL;
	assert_ok(pz_cert_issue_for(PZ_CERT_PZH_CA, &hub, z.ca_key, NULL, z.ca_key, &fix_env,
				    NOW_MS - FIX_DAY_MS, NOW_MS, &dead, NULL));
	assert_int_equal(pz_cert_issue(PZ_CERT_PZP_CA, &dev, z.laptop.ca_key, dead, z.ca_key,
				       &fix_env, &leaf, NULL),
			 PZ_ERR_DENIED_EXPIRED);
	assert_int_equal(pz_cert_issue_for(PZ_CERT_PZP_CA, &dev, z.laptop.ca_key, dead, z.ca_key,
					   &fix_env, NOW_MS, NOW_MS + FIX_DAY_MS, &leaf, NULL),
			 PZ_ERR_DENIED_EXPIRED);
	assert_null(leaf);
	pz_cert_free(dead);
	pz_cert_free(ca);
}

static void
test_early_clock(void **state)
{
	struct pz_cert_subject s = {ZONE, NULL, HOST};
	struct pz_cert *cert = NULL;

	(void)state;
	assert_ok(pz_cert_issue_for(PZ_CERT_PZH_CA, &s, z.ca_key, NULL, z.ca_key, &fix_env, 0,
				    3 * FIX_DAY_MS, &cert, NULL));
	assert_int_equal(pz_cert_not_before_ms(cert), 0);
	assert_int_equal(pz_cert_renew_at_ms(cert), 2 * FIX_DAY_MS);
	pz_cert_free(cert);
}

static void
test_renew_at_two_thirds(void **state)
{
	(void)state;
	assert_int_equal(pz_cert_renew_at_ms(z.laptop.tls),
			 NOW_MS - PZ_CLOCK_SKEW_S * 1000 + 60 * FIX_DAY_MS);
}

static void
test_issue_refusals(void **state)
{
	struct pz_key *weak = fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024));
	char long_host[PZ_HOST_BYTES_MAX + 2];
	const struct {
		enum pz_cert_kind kind;
		struct pz_cert_subject subject;
		const struct pz_key *key, *signer;
		enum pz_err err;
	} rows[] = {
		{PZ_CERT_PZP_CA,
		 {"Alice@example.org", "x", NULL},
		 z.laptop.key,
		 z.ca_key,
		 PZ_ERR_PROTO_ADDRESS},
		{PZ_CERT_PZP_CA, {NULL, "x", NULL}, z.laptop.key, z.ca_key, PZ_ERR_PROTO_ADDRESS},
		{PZ_CERT_PZP_CA, {ZONE, "x/y", NULL}, z.laptop.key, z.ca_key, PZ_ERR_PROTO_ADDRESS},
		{PZ_CERT_PZP_CA, {ZONE, NULL, NULL}, z.laptop.key, z.ca_key, PZ_ERR_PROTO_ADDRESS},
		{PZ_CERT_PZH_TLS, {ZONE, NULL, NULL}, z.laptop.key, z.ca_key, PZ_ERR_CONFIG},
		{PZ_CERT_PZH_TLS, {ZONE, NULL, ""}, z.laptop.key, z.ca_key, PZ_ERR_CONFIG},
		{PZ_CERT_PZH_TLS, {ZONE, NULL, "a b"}, z.laptop.key, z.ca_key, PZ_ERR_CONFIG},
		{PZ_CERT_PZH_TLS, {ZONE, NULL, long_host}, z.laptop.key, z.ca_key, PZ_ERR_CONFIG},
		{PZ_CERT_PZP_CA, {ZONE, "x", NULL}, weak, z.ca_key, PZ_ERR_DENIED_WEAK},
		{PZ_CERT_PZP_CA, {ZONE, "x", NULL}, z.laptop.key, weak, PZ_ERR_DENIED_WEAK},
		{PZ_CERT_PZP_CA, {ZONE, "x", NULL}, z.laptop.key, z.laptop.key, PZ_ERR_CRYPTO},
	};

	(void)state;
	memset(long_host, 'h', sizeof(long_host) - 1);
	long_host[sizeof(long_host) - 1] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_errinfo info = {""};
		struct pz_cert *cert = NULL;
		assert_int_equal(pz_cert_issue(rows[i].kind, &rows[i].subject, rows[i].key, z.ca,
					       rows[i].signer, &fix_env, &cert, &info),
				 rows[i].err);
		assert_null(cert);
		assert_true(info.text[0] != '\0');
	}
	pz_key_free(weak);
}

/* A self-signed certificate with the key of another zone. */
static void
test_self_signed_needs_its_own_key(void **state)
{
	struct pz_cert_subject s = {ZONE, NULL, HOST};
	struct pz_cert *cert = NULL;

	(void)state;
	assert_int_equal(
		pz_cert_issue(PZ_CERT_PZH_CA, &s, z.ca_key, NULL, z.hub.key, &fix_env, &cert, NULL),
		PZ_ERR_CRYPTO);
}

static void
test_pem_round_trip(void **state)
{
	uint8_t a[32], b[32];
	struct pz_cert *again = NULL, *none = NULL;
	struct pz_buf pem, two;

	(void)state;
	pz_buf_init(&pem, PZ_CERT_PEM_BYTES_MAX, NULL);
	pz_buf_init(&two, 2 * PZ_CERT_PEM_BYTES_MAX, NULL);
	assert_ok(pz_cert_to_pem(z.laptop.tls, &pem));
	assert_ok(pz_cert_from_pem(pz_buf_slice(&pem), &again, NULL));
	pz_cert_fingerprint(z.laptop.tls, a);
	pz_cert_fingerprint(again, b);
	assert_memory_equal(a, b, sizeof(a));
	pz_cert_fingerprint(z.laptop.ca, b);
	assert_memory_not_equal(a, b, sizeof(a));

	assert_ok(pz_buf_append(&two, pz_buf_slice(&pem)));
	assert_ok(pz_buf_append(&two, pz_buf_slice(&pem)));
	assert_int_equal(pz_cert_from_pem(pz_buf_slice(&two), &none, NULL), PZ_ERR_PROTO);
	assert_int_equal(pz_cert_from_pem(pz_slice_str("-----BEGIN CERTIFICATE-----\nMAA=\n"
						       "-----END CERTIFICATE-----\n"),
					  &none, NULL),
			 PZ_ERR_PROTO);
	two.len = 0;
	assert_ok(pz_buf_printf(&two, "%*s", (int)PZ_CERT_PEM_BYTES_MAX + 1, ""));
	assert_int_equal(pz_cert_from_pem(pz_buf_slice(&two), &none, NULL), PZ_ERR_LIMIT);
	assert_null(none);
	pz_buf_fini(&two);
	pz_buf_fini(&pem);
	pz_cert_free(again);
}

static void
test_negative_serial_is_refused(void **state)
{
	struct fix_raw raw = {.cn = "x", .no_serial = true};
	X509 *x = fix_raw_x509(&raw, z.laptop.key, NULL, z.laptop.key);

	(void)state;
	assert_null(pz_cert_wrap(x));
	X509_free(x);
}

static void
test_key_matches(void **state)
{
	uint8_t a[PZ_KEY_HASH_BYTES], b[PZ_KEY_HASH_BYTES];

	(void)state;
	assert_true(pz_cert_key_matches(z.laptop.tls, z.laptop.key));
	assert_false(pz_cert_key_matches(z.laptop.tls, z.laptop.ca_key));
	pz_cert_spki_hash(z.laptop.tls, a);
	pz_key_spki_hash(z.laptop.key, b);
	assert_memory_equal(a, b, sizeof(a));
}

static void
test_identity_refusals(void **state)
{
	static const struct {
		const char *san, *san2;
		bool ok;
	} rows[] = {
		{"URI:pz:" ZONE "/laptop", NULL, true},
		{"DNS:x.example,URI:https://x.example/,URI:pz:" ZONE "/laptop", NULL, true},
		{"URI:pz:alice%40example.org/laptop", NULL, true},
		{NULL, NULL, false},
		{"DNS:x.example", NULL, false},
		{"URI:pz:" ZONE "/laptop,URI:pz:" ZONE "/phone", NULL, false},
		{"URI:pz:" ZONE "/laptop,URI:PZ:" ZONE "/phone", NULL, false},
		{"URI:pz:" ZONE "/laptop", "URI:pz:" ZONE "/phone", false}, /* extension twice */
		{"URI:PZ:" ZONE "/laptop", NULL, false},
		{"URI:pz:", NULL, false},
		{"URI:pz:" ZONE "/", NULL, false},
		{"URI:pz:/laptop", NULL, false},
		{"URI:pz:" ZONE "/laptop/app", NULL, false},
		{"URI:pz:" ZONE "%2Flaptop", NULL, false},
		{"URI:pz:" ZONE "/lap%00top", NULL, false},
		{"URI:pz:" ZONE "/lap%0", NULL, false},
		{"URI:pz:" ZONE "/lap%20top", NULL, false},
		{"URI:pz:Alice@example.org/laptop", NULL, false},
		{"URI:pz:" ZONE
		 "/ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
		 NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fix_raw raw = {.cn = "x", .san = rows[i].san, .san2 = rows[i].san2};
		char zone[PZ_ZONE_BYTES_MAX + 1] = "?", device[PZ_DEVICE_BYTES_MAX + 1] = "?";
		struct pz_cert *cert = fix_raw(&raw, z.laptop.key, NULL, z.laptop.key);
		enum pz_err err = pz_cert_identity(cert, zone, device);

		assert_int_equal(err, rows[i].ok ? PZ_OK : PZ_ERR_PROTO);
		assert_string_equal(zone, rows[i].ok ? ZONE : "?");
		assert_string_equal(device, rows[i].ok ? "laptop" : "?");
		assert_int_equal(ERR_peek_error(), 0);
		pz_cert_free(cert);
	}
}

static void
test_refs(void **state)
{
	(void)state;
	assert_ptr_equal(pz_cert_ref(z.ca), z.ca);
	pz_cert_free(z.ca);
	assert_true(pz_cert_key_matches(z.ca, z.ca_key));
	pz_cert_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_of_page_2),
		cmocka_unit_test(test_san_bytes),
		cmocka_unit_test(test_cn_is_cut),
		cmocka_unit_test(test_digest_follows_the_issuer_key),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_never_outlives_the_issuer),
		cmocka_unit_test(test_early_clock),
		cmocka_unit_test(test_renew_at_two_thirds),
		cmocka_unit_test(test_issue_refusals),
		cmocka_unit_test(test_self_signed_needs_its_own_key),
		cmocka_unit_test(test_pem_round_trip),
		cmocka_unit_test(test_negative_serial_is_refused),
		cmocka_unit_test(test_key_matches),
		cmocka_unit_test(test_identity_refusals),
		cmocka_unit_test(test_refs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
