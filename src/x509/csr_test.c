#include "x509/csr.h"
#include "x509/fixture.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static const struct pz_cert_subject laptop = {ZONE, "laptop", NULL};

/* Any request at all. san NULL: none; key signs unless signer is given. */
struct raw {
	const char *cn, *org, *san, *extra;
	const char *digest;
	const struct pz_key *key, *signer;
};

static void
add_name(X509_NAME *name, int nid, const char *text)
{
	if (text)
		assert_true(X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING,
						       (const unsigned char *)text, -1, -1, 0));
}

static void
make_raw(const struct raw *raw, struct pz_buf *out)
{
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	BIO *bio = BIO_new(BIO_s_mem());
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, NULL, NULL, req, NULL, 0);
	add_name(X509_REQ_get_subject_name(req), NID_commonName, raw->cn);
	add_name(X509_REQ_get_subject_name(req), NID_organizationName, raw->org);
	if (raw->san)
		sk_X509_EXTENSION_push(
			exts, X509V3_EXT_nconf_nid(NULL, &ctx, NID_subject_alt_name, raw->san));
	if (raw->extra)
		sk_X509_EXTENSION_push(
			exts, X509V3_EXT_nconf_nid(NULL, &ctx, NID_basic_constraints, raw->extra));
	if (sk_X509_EXTENSION_num(exts) > 0)
		assert_true(X509_REQ_add_extensions(req, exts));
	X509_REQ_set_pubkey(req, pz_key_evp(raw->key));
	assert_true(X509_REQ_sign(req, pz_key_evp(raw->signer ? raw->signer : raw->key),
				  EVP_get_digestbyname(raw->digest ? raw->digest : "SHA256")));
	assert_true(PEM_write_bio_X509_REQ(bio, req));
	assert_ok(pz_bio_to_buf(bio, out));
	BIO_free_all(bio);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
}

static void
assert_raw(const struct raw *raw, enum pz_err expected)
{
	struct pz_errinfo info = {""};
	struct pz_key *out = NULL;
	struct pz_buf pem;

	pz_buf_init(&pem, PZ_CSR_PEM_BYTES_MAX, NULL);
	make_raw(raw, &pem);
	assert_int_equal(pz_csr_check(pz_buf_slice(&pem), &laptop, &out, &info), expected);
	assert_int_equal(out != NULL, expected == PZ_OK);
	assert_int_equal(info.text[0] == '\0', expected == PZ_OK);
	assert_int_equal(ERR_peek_error(), 0);
	pz_key_free(out);
	pz_buf_fini(&pem);
}

static void
test_make_and_check(void **state)
{
	struct pz_key *key = fix_key(), *out = NULL, *dup = NULL;
	uint8_t a[PZ_KEY_HASH_BYTES], b[PZ_KEY_HASH_BYTES];
	struct pz_buf pem;

	(void)state;
	pz_buf_init(&pem, PZ_CSR_PEM_BYTES_MAX, NULL);
	assert_ok(pz_csr_make(&laptop, key, &pem, NULL));
	assert_ok(pz_csr_check(pz_buf_slice(&pem), &laptop, &out, NULL));
	pz_key_spki_hash(key, a);
	pz_key_spki_hash(out, b);
	assert_memory_equal(a, b, sizeof(a));
	assert_ok(pz_csr_make(&laptop, key, &pem, NULL)); /* a second one behind it */
	assert_int_equal(pz_csr_check(pz_buf_slice(&pem), &laptop, &dup, NULL), PZ_ERR_PROTO);
	assert_null(dup);
	pz_buf_fini(&pem);
	pz_key_free(out);
	pz_key_free(key);
}

static void
test_names_at_their_limits(void **state)
{
	struct pz_key *key = fix_key(), *out = NULL;
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_cert_subject s = {zone, device, NULL};
	struct pz_buf pem;

	(void)state;
	snprintf(zone, sizeof(zone), "a+%060d@b%050d.c%050d.d%050d", 0, 0, 0, 0);
	memset(device, 'd', PZ_DEVICE_BYTES_MAX);
	device[PZ_DEVICE_BYTES_MAX] = '\0';
	pz_buf_init(&pem, PZ_CSR_PEM_BYTES_MAX, NULL);
	assert_ok(pz_csr_make(&s, key, &pem, NULL));
	assert_ok(pz_csr_check(pz_buf_slice(&pem), &s, &out, NULL));
	pz_key_free(out);
	out = NULL;
	device[5] = 'x'; /* the CN is cut before it, the SAN is not */
	assert_int_equal(pz_csr_check(pz_buf_slice(&pem), &s, &out, NULL), PZ_ERR_DENIED_IDENTITY);
	assert_null(out);
	pz_buf_fini(&pem);
	pz_key_free(key);
}

static void
test_invalid_names(void **state)
{
	static const struct pz_cert_subject bad[] = {
		{ZONE, "a/b", NULL}, {ZONE, NULL, NULL}, {"x", "y", NULL}};
	struct pz_key *key = fix_key(), *out = NULL;
	struct pz_buf pem;

	(void)state;
	pz_buf_init(&pem, PZ_CSR_PEM_BYTES_MAX, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(pz_csr_make(&bad[i], key, &pem, NULL), PZ_ERR_PROTO_ADDRESS);
		assert_int_equal(pz_csr_check(pz_slice_str("x"), &bad[i], &out, NULL),
				 PZ_ERR_PROTO_ADDRESS);
	}
	assert_int_equal(pem.len, 0);
	pz_buf_fini(&pem);
	pz_key_free(key);
}

static void
test_subject_and_san(void **state)
{
	static const char cn[] = "Pzp:" ZONE ":laptop", san[] = "URI:pz:" ZONE "/laptop";
	struct pz_key *key = fix_key();
	const struct {
		const char *cn, *org, *san, *extra;
		enum pz_err err;
	} rows[] = {
		{cn, NULL, san, NULL, PZ_OK},
		{cn, NULL, san, "critical,CA:TRUE", PZ_OK}, /* page 14 CERT-6: ignored */
		{NULL, NULL, san, NULL, PZ_ERR_DENIED_IDENTITY},
		{"Pzh:" ZONE ":laptop", NULL, san, NULL, PZ_ERR_DENIED_IDENTITY},
		{"Pzp:" ZONE ":laptopx", NULL, san, NULL, PZ_ERR_DENIED_IDENTITY},
		{"Pzp:" ZONE ":phone", NULL, san, NULL, PZ_ERR_DENIED_IDENTITY},
		{NULL, cn, san, NULL, PZ_ERR_DENIED_IDENTITY}, /* the text, but not as a CN */
		{cn, "org", san, NULL, PZ_ERR_DENIED_IDENTITY},
		{cn, NULL, NULL, NULL, PZ_ERR_DENIED_IDENTITY},
		{cn, NULL, NULL, "CA:TRUE", PZ_ERR_DENIED_IDENTITY},
		{cn, NULL, "URI:pz:" ZONE "/phone", NULL, PZ_ERR_DENIED_IDENTITY},
		{cn, NULL, "URI:pz:bob@example.org/laptop", NULL, PZ_ERR_DENIED_IDENTITY},
		{cn, NULL, "URI:pz:" ZONE, NULL, PZ_ERR_DENIED_IDENTITY},
		{cn, NULL, "DNS:laptop", NULL, PZ_ERR_DENIED_IDENTITY},
		{cn, NULL, "URI:pz:" ZONE "/laptop,DNS:hub.example.org", NULL,
		 PZ_ERR_DENIED_IDENTITY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct raw raw = {.cn = rows[i].cn,
				  .org = rows[i].org,
				  .san = rows[i].san,
				  .extra = rows[i].extra,
				  .key = key};
		assert_raw(&raw, rows[i].err);
	}
	pz_key_free(key);
}

static void
test_key_and_signature(void **state)
{
	struct raw raw = {.cn = "Pzp:" ZONE ":laptop", .san = "URI:pz:" ZONE "/laptop"};
	struct pz_key *key = fix_key(), *other = fix_key();
	struct pz_key *weak = fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024));

	(void)state;
	raw.key = key;
	raw.digest = "SHA384";
	assert_raw(&raw, PZ_OK);
	raw.digest = "SHA1";
	assert_raw(&raw, PZ_ERR_DENIED_WEAK);
	raw.digest = NULL;
	raw.signer = other; /* the public key of another device */
	assert_raw(&raw, PZ_ERR_PROTO);
	raw.key = weak;
	raw.signer = NULL;
	assert_raw(&raw, PZ_ERR_DENIED_WEAK);
	raw.digest = "MD5";
	assert_raw(&raw, PZ_ERR_DENIED_WEAK);
	pz_key_free(weak);
	pz_key_free(other);
	pz_key_free(key);
}

static void
test_malformed(void **state)
{
	static const char *const rows[] = {
		"", "hello",
		"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n",
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"};
	static char large[PZ_CSR_PEM_BYTES_MAX + 1];
	struct pz_key *out = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(pz_csr_check(pz_slice_str(rows[i]), &laptop, &out, NULL),
				 PZ_ERR_PROTO);
	assert_int_equal(pz_csr_check(pz_slice_of(large, sizeof(large)), &laptop, &out, NULL),
			 PZ_ERR_LIMIT);
	assert_null(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_and_check),
		cmocka_unit_test(test_names_at_their_limits),
		cmocka_unit_test(test_invalid_names),
		cmocka_unit_test(test_subject_and_san),
		cmocka_unit_test(test_key_and_signature),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
