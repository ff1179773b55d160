#include "x509/fixture.h"

struct pz_kit_clock fix_clock = PZ_KIT_CLOCK(fix_clock);

struct pz_key *
fix_key(void)
{
	struct pz_key *key = NULL;

	assert_ok(pz_key_generate(NULL, &key, NULL));
	return key;
}

struct pz_key *
fix_key_wrap(EVP_PKEY *pkey)
{
	struct pz_key *key;

	assert_non_null(pkey);
	key = pz_key_wrap(pkey);
	assert_non_null(key);
	EVP_PKEY_free(pkey);
	return key;
}

struct pz_cert *
fix_issue(enum pz_cert_kind kind, const char *zone, const char *device, const struct pz_key *key,
	  const struct pz_cert *issuer, const struct pz_key *issuer_key)
{
	struct pz_cert_subject subject = {zone, device, device ? NULL : HOST};
	struct pz_cert *cert = NULL;

	assert_ok(pz_cert_issue(kind, &subject, key, issuer, issuer_key, &fix_env, &cert, NULL));
	return cert;
}

static void
fix_extension(X509 *x, int nid, const char *text)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	if (text == NULL)
		return;
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, text);
	assert_non_null(ext);
	assert_true(X509_add_ext(x, ext, -1));
	X509_EXTENSION_free(ext);
}

X509 *
fix_raw_x509(const struct fix_raw *raw, const struct pz_key *key, const struct pz_cert *issuer,
	     const struct pz_key *issuer_key)
{
	static long serial = 1000;
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	int to_day = raw->from_day == 0 && raw->to_day == 0 ? 10 : raw->to_day;
	int64_t from = (int64_t)NOW_MS + ((int64_t)raw->from_day - 1) * (int64_t)FIX_DAY_MS;
	int64_t to = (int64_t)NOW_MS + (int64_t)to_day * (int64_t)FIX_DAY_MS;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), raw->no_serial ? -1 : ++serial);
	assert_true(pz_asn1_time_set(X509_getm_notBefore(x), (uint64_t)from));
	assert_true(pz_asn1_time_set(X509_getm_notAfter(x), (uint64_t)to));
	X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
				   (const unsigned char *)raw->cn, -1, -1, 0);
	X509_set_issuer_name(x, issuer ? X509_get_subject_name(pz_cert_x509(issuer)) : name);
	X509_set_pubkey(x, pz_key_evp(key));
	fix_extension(x, NID_basic_constraints, raw->constraints);
	fix_extension(x, NID_key_usage, raw->usage);
	fix_extension(x, NID_ext_key_usage, raw->ext_usage);
	fix_extension(x, NID_subject_alt_name, raw->san);
	fix_extension(x, NID_subject_alt_name, raw->san2);
	assert_true(X509_sign(x, pz_key_evp(issuer_key),
			      EVP_get_digestbyname(raw->digest ? raw->digest : "SHA256")));
	return x;
}

struct pz_cert *
fix_raw(const struct fix_raw *raw, const struct pz_key *key, const struct pz_cert *issuer,
	const struct pz_key *issuer_key)
{
	X509 *x = fix_raw_x509(raw, key, issuer, issuer_key);
	struct pz_cert *cert = pz_cert_wrap(x);

	assert_non_null(cert);
	X509_free(x);
	return cert;
}
