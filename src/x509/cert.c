/*
 * Issuing and reading certificates. `profiles` is the table of page 2; everything that differs
 * between the four kinds is in it, so a kind is never made by an if in the code below. verify.c
 * checks the same rules on what peers send.
 *
 * What is asked of a certificate later (serial, dates, hashes) is read when it is wrapped: a
 * certificate that cannot be read completely is refused there, and the accessors cannot fail.
 * Reference counts are atomic: a certificate may be part of trust sets in several threads.
 */
#include "x509/cert.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdatomic.h>

#include "base/codec.h"
#include "base/host.h"
#include "x509/encode.h"

#define DAY_MS (UINT64_C(86400) * 1000)
#define YEAR_DAYS 365.25

struct pz_cert {
	X509 *x509; /* owned */
	/* Read once, when the certificate is wrapped, so that the accessors cannot fail. */
	uint8_t fingerprint[32], key_hash[PZ_KEY_HASH_BYTES];
	uint64_t not_before_ms, not_after_ms;
	char serial[PZ_SERIAL_HEX_BYTES];
	atomic_uint refs;
};

/* The table of page 2, row by row. */
static const struct profile {
	const char *cn; /* template, pz_cn_format */
	bool has_device, has_host_san;
	const char *constraints, *usage, *ext_usage;
	unsigned days;
} profiles[] = {
	[PZ_CERT_PZH_CA] = {"Pzh:%h:%z", false, false, "critical,CA:TRUE,pathlen:1",
			    "critical,keyCertSign,cRLSign", NULL, (unsigned)(20 * YEAR_DAYS)},
	[PZ_CERT_PZH_TLS] = {"%h", false, true, "critical,CA:FALSE", "critical,digitalSignature",
			     "serverAuth,clientAuth", 397},
	[PZ_CERT_PZP_CA] = {"Pzp:%z:%d", true, false, "critical,CA:TRUE,pathlen:0",
			    "critical,keyCertSign", NULL, (unsigned)(10 * YEAR_DAYS)},
	[PZ_CERT_PZP_TLS] = {"%d", true, false, "critical,CA:FALSE", "critical,digitalSignature",
			     "serverAuth,clientAuth", 90},
};

/* A certificate that is being built. */
struct order {
	const struct profile *profile;
	const struct pz_cert_subject *subject;
	const struct pz_key *subject_key, *issuer_key;
	const struct pz_cert *issuer; /* NULL: self-signed */
	uint64_t not_before_ms, not_after_ms;
	const struct pz_env *env;
};

struct pz_cert *
pz_cert_wrap(struct x509_st *x509)
{
	/* All fields are read here: a certificate without one of them would fail later, in an
	 * accessor that cannot report it. */
	struct pz_cert *cert = calloc(1, sizeof(*cert));

	if (cert == NULL || !pz_x509_spki_hash(x509, cert->key_hash) ||
	    !X509_digest(x509, EVP_sha256(), cert->fingerprint, NULL) ||
	    !pz_asn1_time_ms(X509_get0_notBefore(x509), &cert->not_before_ms) ||
	    !pz_asn1_time_ms(X509_get0_notAfter(x509), &cert->not_after_ms) ||
	    !pz_serial_format(X509_get0_serialNumber(x509), cert->serial) || !X509_up_ref(x509)) {
		ERR_clear_error();
		free(cert);
		return NULL;
	}
	cert->x509 = x509;
	atomic_init(&cert->refs, 1);
	return cert;
}

struct pz_cert *
pz_cert_ref(struct pz_cert *cert)
{
	atomic_fetch_add(&cert->refs, 1);
	return cert;
}

void
pz_cert_free(struct pz_cert *cert)
{
	if (cert == NULL || atomic_fetch_sub(&cert->refs, 1) != 1)
		return;
	X509_free(cert->x509);
	free(cert);
}

/* @param out_len 4 or 16 when true */
static bool
is_ip(const char *host, uint8_t out[16], int *out_len)
{
	*out_len = 4;
	if (inet_pton(AF_INET, host, out) == 1)
		return true;
	*out_len = 16;
	return inet_pton(AF_INET6, host, out) == 1;
}

static enum pz_err
check_host(const char *host, struct pz_errinfo *info)
{
	if (host == NULL || !pz_host_is_valid(host))
		return pz_fail(info, PZ_ERR_CONFIG, "host '%s' is not a DNS name or IP address",
			       host ? host : "");
	return PZ_OK;
}

/* Refuses what every verifier would refuse, before anything is signed. */
static enum pz_err
check_order(const struct order *o, struct pz_errinfo *info)
{
	uint8_t a[PZ_KEY_HASH_BYTES], b[PZ_KEY_HASH_BYTES];

	PZ_TRY(pz_subject_check(o->subject, o->profile->has_device, info));
	if (!o->profile->has_device)
		PZ_TRY(check_host(o->subject->host, info));
	PZ_TRY(pz_key_check_strength(o->subject_key, info));
	PZ_TRY(pz_key_check_strength(o->issuer_key, info));
	pz_key_spki_hash(o->issuer_key, a);
	if (o->issuer)
		pz_cert_spki_hash(o->issuer, b);
	else
		pz_key_spki_hash(o->subject_key, b);
	/* OpenSSL signs with any key that it gets; the first peer would find the mistake. */
	if (memcmp(a, b, sizeof(a)) != 0)
		return pz_fail(info, PZ_ERR_CRYPTO, "the signing key is not the issuer's");
	if (o->not_after_ms / 1000 <= o->not_before_ms / 1000)
		return pz_fail(info, PZ_ERR_DENIED_EXPIRED,
			       "certificate would end before it begins: the issuer has expired");
	return PZ_OK;
}

/* 128 random bits are unique without a counter, which a restored backup would repeat. */
static bool
set_serial(X509 *x, const struct pz_env *env)
{
	PZ_AUTO(BN_free) BIGNUM *number = NULL;
	uint8_t bytes[16];

	pz_env_random(env, bytes, sizeof(bytes));
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	if (number == NULL || (BN_is_zero(number) && !BN_one(number)))
		return false; /* RFC 5280 4.1.2.2: not zero */
	return BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
}

static bool
set_names(X509 *x, const struct order *o)
{
	X509_NAME *name = X509_get_subject_name(x);
	char cn[PZ_CN_BYTES_MAX + 1];

	pz_cn_format(o->profile->cn, o->subject, cn);
	/* The length -1 makes OpenSSL measure the text. */
	return X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
					  (const unsigned char *)cn, (int)strlen(cn), -1, 0) &&
	       X509_set_issuer_name(x, o->issuer ? X509_get_subject_name(o->issuer->x509) : name);
}

/* An IP literal is an iPAddress name: verifiers never match a dNSName with an address
 * (RFC 6125 6.4). */
static bool
add_host(GENERAL_NAMES *names, const char *host)
{
	uint8_t ip[16];
	int len;
	bool literal = is_ip(host, ip, &len);
	ASN1_STRING *value = literal ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	if (value == NULL || !ASN1_STRING_set(value, literal ? (const void *)ip : host,
					      literal ? len : (int)strlen(host))) {
		ASN1_STRING_free(value);
		return false;
	}
	return pz_san_add(names, literal ? GEN_IPADD : GEN_DNS, value);
}

static bool
add_san(X509 *x, const struct order *o)
{
	PZ_AUTO(GENERAL_NAMES_free)
	GENERAL_NAMES *names = pz_san_new(o->subject, o->profile->has_device);

	if (names == NULL || (o->profile->has_host_san && !add_host(names, o->subject->host)))
		return false;
	return X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
}

static bool
add_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, ctx, nid, value);
	bool ok = ext && X509_add_ext(x, ext, -1);

	X509_EXTENSION_free(ext);
	return ok;
}

static bool
add_extensions(X509 *x, const struct order *o)
{
	/* "critical" in the text makes it a critical extension: verifiers that do not know it must
	 * refuse the certificate (RFC 5280 4.2). */
	const struct profile *p = o->profile;
	/* A CA certificate from another program may lack the identifier. */
	bool has_issuer_id = o->issuer && X509_get0_subject_key_id(o->issuer->x509);
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, o->issuer ? o->issuer->x509 : x, x, NULL, NULL, 0);
	/* The subject's key identifier lets OpenSSL find the issuer among several of one name. */
	return add_extension(x, &ctx, NID_basic_constraints, p->constraints) &&
	       add_extension(x, &ctx, NID_key_usage, p->usage) &&
	       (p->ext_usage == NULL || add_extension(x, &ctx, NID_ext_key_usage, p->ext_usage)) &&
	       add_extension(x, &ctx, NID_subject_key_identifier, "hash") &&
	       (!has_issuer_id ||
		add_extension(x, &ctx, NID_authority_key_identifier, "keyid:always")) &&
	       add_san(x, o);
}

/* A certificate that was built still holds the subject's private key in memory; a parsed one
 * cannot. */
static struct pz_cert *
reread(X509 *x)
{
	PZ_AUTO(X509_free) X509 *parsed = NULL;
	unsigned char *der = NULL;
	const unsigned char *at;
	int len = i2d_X509(x, &der);

	if (len <= 0)
		return NULL;
	at = der;
	parsed = d2i_X509(NULL, &at, len);
	OPENSSL_free(der);
	return parsed ? pz_cert_wrap(parsed) : NULL;
}

static enum pz_err
make(const struct order *o, struct pz_cert **out, struct pz_errinfo *info)
{
	PZ_AUTO(X509_free) X509 *x = X509_new();
	EVP_PKEY *signer = pz_key_evp(o->issuer_key);
	struct pz_cert *cert;

	if (x == NULL || !X509_set_version(x, X509_VERSION_3) || !set_serial(x, o->env) ||
	    !pz_asn1_time_set(X509_getm_notBefore(x), o->not_before_ms) ||
	    !pz_asn1_time_set(X509_getm_notAfter(x), o->not_after_ms) || !set_names(x, o) ||
	    !X509_set_pubkey(x, pz_key_evp(o->subject_key)) || !add_extensions(x, o) ||
	    !X509_sign(x, signer, pz_digest_for(signer)))
		return pz_openssl_fail(info, PZ_ERR_CRYPTO, "issuing a certificate");
	cert = reread(x);
	if (cert == NULL)
		return pz_openssl_fail(info, PZ_ERR_LIMIT_MEMORY, "certificate");
	*out = cert;
	return PZ_OK;
}

/* No certificate outlives its issuer: after the issuer's end verifiers would refuse it. */
enum pz_err
pz_cert_issue_for(enum pz_cert_kind kind, const struct pz_cert_subject *subject,
		  const struct pz_key *subject_key, const struct pz_cert *issuer,
		  const struct pz_key *issuer_key, const struct pz_env *env, uint64_t not_before_ms,
		  uint64_t not_after_ms, struct pz_cert **out, struct pz_errinfo *info)
{
	struct order o = {
		.profile = &profiles[kind],
		.subject = subject,
		.subject_key = subject_key,
		.issuer_key = issuer_key,
		.issuer = issuer,
		.not_before_ms = not_before_ms,
		.not_after_ms = not_after_ms,
		.env = env,
	};

	/* The dates are compared before the check, so that the check refuses an issuer that has
	 * expired. */
	if (issuer && issuer->not_after_ms < o.not_after_ms)
		o.not_after_ms = issuer->not_after_ms;
	PZ_TRY(check_order(&o, info));
	return make(&o, out, info);
}

enum pz_err
pz_cert_issue(enum pz_cert_kind kind, const struct pz_cert_subject *subject,
	      const struct pz_key *subject_key, const struct pz_cert *issuer,
	      const struct pz_key *issuer_key, const struct pz_env *env, struct pz_cert **out,
	      struct pz_errinfo *info)
{
	uint64_t now = pz_env_wall_ms(env), skew = UINT64_C(1000) * PZ_CLOCK_SKEW_S;
	/* a device with a slow clock must accept the certificate at once */
	uint64_t begin = now > skew ? now - skew : 0;

	if (issuer && issuer->not_after_ms <= now)
		return pz_fail(info, PZ_ERR_DENIED_EXPIRED, "the issuer has expired");
	return pz_cert_issue_for(kind, subject, subject_key, issuer, issuer_key, env, begin,
				 begin + profiles[kind].days * DAY_MS, out, info);
}

enum pz_err
pz_cert_from_pem(struct pz_slice pem, struct pz_cert **out, struct pz_errinfo *info)
{
	PZ_AUTO(X509_free) X509 *x = NULL;
	const unsigned char *at;
	struct pz_cert *cert;
	uint8_t *der;
	size_t len;
	bool whole;

	PZ_TRY(pz_pem_read(pem, PZ_CERT_PEM_BYTES_MAX, PEM_STRING_X509, &der, &len, info));
	at = der;
	x = d2i_X509(NULL, &at, (long)len);
	/* trailing bytes are refused: the signature would not cover them */
	whole = at == der + len;
	OPENSSL_free(der);
	if (x == NULL || !whole)
		return pz_openssl_fail(info, PZ_ERR_PROTO, "malformed certificate");
	cert = pz_cert_wrap(x);
	if (cert == NULL)
		return pz_fail(info, PZ_ERR_PROTO, "certificate with an unusable key or serial");
	*out = cert;
	return PZ_OK;
}

enum pz_err
pz_cert_to_pem(const struct pz_cert *cert, struct pz_buf *out)
{
	PZ_AUTO(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());

	if (bio == NULL || !PEM_write_bio_X509(bio, cert->x509))
		return pz_openssl_fail(NULL, PZ_ERR_LIMIT_MEMORY, "PEM");
	return pz_bio_to_buf(bio, out);
}

struct x509_st *
pz_cert_x509(const struct pz_cert *cert)
{
	return cert->x509;
}

void
pz_cert_serial_hex(const struct pz_cert *cert, char out[PZ_SERIAL_HEX_BYTES])
{
	memcpy(out, cert->serial, sizeof(cert->serial));
}

void
pz_cert_fingerprint(const struct pz_cert *cert, uint8_t out[32])
{
	memcpy(out, cert->fingerprint, sizeof(cert->fingerprint));
}

uint64_t
pz_cert_not_before_ms(const struct pz_cert *cert)
{
	return cert->not_before_ms;
}

uint64_t
pz_cert_not_after_ms(const struct pz_cert *cert)
{
	return cert->not_after_ms;
}

uint64_t
pz_cert_later_start_ms(const struct pz_cert *a, const struct pz_cert *b)
{
	return a->not_before_ms > b->not_before_ms ? a->not_before_ms : b->not_before_ms;
}

uint64_t
pz_cert_renew_at_ms(const struct pz_cert *cert)
{
	if (cert->not_after_ms <= cert->not_before_ms)
		return cert->not_before_ms;
	/* The last third of the validity is for renewal: a month for a device, which may be
	 * switched off during that time. */
	return cert->not_before_ms + (cert->not_after_ms - cert->not_before_ms) / 3 * 2;
}

void
pz_cert_spki_hash(const struct pz_cert *cert, uint8_t out[PZ_KEY_HASH_BYTES])
{
	memcpy(out, cert->key_hash, sizeof(cert->key_hash));
}

bool
pz_cert_key_matches(const struct pz_cert *cert, const struct pz_key *key)
{
	uint8_t hash[PZ_KEY_HASH_BYTES];

	pz_key_spki_hash(key, hash);
	return memcmp(hash, cert->key_hash, sizeof(hash)) == 0;
}

/* DENIED_IDENTITY also for a malformed signature: for the caller both mean that the signer is not
 * the certificate's owner. */
enum pz_err
pz_cert_verify_signature(const struct pz_cert *cert, struct pz_slice message,
			 struct pz_slice signature)
{
	PZ_AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *pkey = X509_get0_pubkey(cert->x509);

	if (ctx == NULL)
		return pz_openssl_fail(NULL, PZ_ERR_LIMIT_MEMORY, "signature");
	if (EVP_DigestVerifyInit(ctx, NULL, pz_digest_for(pkey), NULL, pkey) != 1 ||
	    EVP_DigestVerify(ctx, signature.ptr, signature.len, message.ptr, message.len) != 1)
		return pz_openssl_fail(NULL, PZ_ERR_DENIED_IDENTITY, "signature");
	return PZ_OK;
}

enum pz_err
pz_cert_verify_signature_text(const struct pz_cert *cert, struct pz_slice message,
			      const char *signature)
{
	struct pz_buf bytes;

	pz_buf_init(&bytes, PZ_SIGNATURE_BYTES_MAX, NULL);
	enum pz_err err = pz_base64_decode(pz_slice_str(signature), &bytes);
	if (err == PZ_OK)
		err = pz_cert_verify_signature(cert, message, pz_buf_slice(&bytes));
	pz_buf_fini(&bytes);
	return err;
}

enum pz_err
pz_cert_identity(const struct pz_cert *cert, char zone[PZ_ZONE_BYTES_MAX + 1],
		 char device[PZ_DEVICE_BYTES_MAX + 1])
{
	/* NULL also when there are two such extensions, because they could name two identities. */
	PZ_AUTO(GENERAL_NAMES_free)
	GENERAL_NAMES *names = X509_get_ext_d2i(cert->x509, NID_subject_alt_name, NULL, NULL);
	struct pz_identity id;

	ERR_clear_error();
	if (names == NULL)
		return PZ_ERR_PROTO;
	PZ_TRY(pz_san_identity(names, &id));
	memcpy(zone, id.zone, strlen(id.zone) + 1);
	memcpy(device, id.device, strlen(id.device) + 1);
	return PZ_OK;
}
