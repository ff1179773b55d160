/*
 * Certificate requests of page 3: a device proves that it has the private key of its future PZP CA,
 * and names itself. The hub takes only the key from a request. Subject and alternative name must be
 * exactly those of this enrolment, and the hub writes them anew into the certificate, so no other
 * extension of the request reaches it.
 */
#include "x509/csr.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "x509/encode.h"
#include "x509/strength.h"

#define CN_TEMPLATE "Pzp:%z:%d"

typedef STACK_OF(X509_EXTENSION) extension_stack;

static void
extensions_free(extension_stack *exts)
{
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}
PZ_AUTO_DEFINE(extension_stack, extensions_free)

static bool
set_subject(X509_REQ *req, const struct pz_cert_subject *subject)
{
	char cn[PZ_CN_BYTES_MAX + 1];

	pz_cn_format(CN_TEMPLATE, subject, cn);
	return X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(req), NID_commonName,
					  V_ASN1_UTF8STRING, (const unsigned char *)cn,
					  (int)strlen(cn), -1, 0) == 1;
}

static bool
set_san(X509_REQ *req, const struct pz_cert_subject *subject)
{
	/* The extensions of a request are one of its attributes (RFC 2986 4.1). */
	PZ_AUTO(GENERAL_NAMES_free) GENERAL_NAMES *names = pz_san_new(subject, true);
	PZ_AUTO(extensions_free) extension_stack *exts = NULL;

	return names &&
	       X509V3_add1_i2d(&exts, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
	       X509_REQ_add_extensions(req, exts);
}

enum pz_err
pz_csr_make(const struct pz_cert_subject *subject, const struct pz_key *key, struct pz_buf *out_pem,
	    struct pz_errinfo *info)
{
	PZ_AUTO(X509_REQ_free) X509_REQ *req = X509_REQ_new();
	PZ_AUTO(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
	EVP_PKEY *pkey = pz_key_evp(key);

	PZ_TRY(pz_subject_check(subject, true, info));
	if (req == NULL || bio == NULL || !X509_REQ_set_version(req, X509_REQ_VERSION_1) ||
	    !set_subject(req, subject) || !set_san(req, subject) ||
	    !X509_REQ_set_pubkey(req, pkey) || !X509_REQ_sign(req, pkey, pz_digest_for(pkey)) ||
	    !PEM_write_bio_X509_REQ(bio, req))
		return pz_openssl_fail(info, PZ_ERR_CRYPTO, "certificate request");
	return pz_bio_to_buf(bio, out_pem);
}

static enum pz_err
parse(struct pz_slice pem, X509_REQ **out, struct pz_errinfo *info)
{
	const unsigned char *at;
	uint8_t *der;
	size_t len;
	bool whole;

	PZ_TRY(pz_pem_read(pem, PZ_CSR_PEM_BYTES_MAX, PEM_STRING_X509_REQ, &der, &len, info));
	at = der;
	*out = d2i_X509_REQ(NULL, &at, (long)len);
	/* trailing bytes are refused: the signature does not cover them */
	whole = at == der + len;
	OPENSSL_free(der);
	if (*out == NULL || !whole)
		return pz_openssl_fail(info, PZ_ERR_PROTO, "malformed certificate request");
	return PZ_OK;
}

/* Cheap checks first: a weak key or digest is refused before the signature is verified. */
static enum pz_err
check_possession(X509_REQ *req, struct pz_key **out, struct pz_errinfo *info)
{
	EVP_PKEY *pkey = X509_REQ_get0_pubkey(req);
	PZ_AUTO(pz_key_free) struct pz_key *key = pkey ? pz_key_wrap(pkey) : NULL;
	int md = NID_undef, pk = NID_undef;

	if (key == NULL)
		return pz_openssl_fail(info, PZ_ERR_PROTO, "request with an unusable key");
	PZ_TRY(pz_key_check_strength(key, info));
	if (!OBJ_find_sigid_algs(X509_REQ_get_signature_nid(req), &md, &pk) ||
	    !pz_signature_is_strong(md, pk))
		return pz_fail(info, PZ_ERR_DENIED_WEAK, "request signed with a weak digest");
	if (X509_REQ_verify(req, pkey) != 1)
		return pz_openssl_fail(info, PZ_ERR_PROTO, "request not signed with its own key");
	*out = PZ_TAKE(key);
	return PZ_OK;
}

/* Exactly one attribute, the common name, with exactly this text. */
static bool
subject_is(X509_REQ *req, const struct pz_cert_subject *expected)
{
	X509_NAME *name = X509_REQ_get_subject_name(req);
	X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, 0);
	char cn[PZ_CN_BYTES_MAX + 1];
	unsigned char *text = NULL;
	int len;
	bool same;

	/* Another program could show a second attribute to people. */
	if (X509_NAME_entry_count(name) != 1 ||
	    OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) != NID_commonName)
		return false;
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
	if (len < 0)
		return false;
	pz_cn_format(CN_TEMPLATE, expected, cn);
	same = pz_slice_eq_str(pz_slice_of(text, (size_t)len), cn);
	OPENSSL_free(text);
	return same;
}

/* Exactly one alternative name. @param out false: none, several, or a wrong one */
static enum pz_err
san_is(X509_REQ *req, const struct pz_cert_subject *expected, bool *out)
{
	PZ_AUTO(extensions_free) extension_stack *exts = X509_REQ_get_extensions(req);
	PZ_AUTO(GENERAL_NAMES_free)
	GENERAL_NAMES *names = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
	struct pz_identity id;
	enum pz_err err = PZ_ERR_PROTO;

	ERR_clear_error();
	/* Counted before they are read: a careless hub would copy a second name of any kind into
	 * the certificate. */
	if (names && sk_GENERAL_NAME_num(names) == 1)
		err = pz_san_identity(names, &id);
	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	*out = err == PZ_OK && strcmp(id.zone, expected->zone) == 0 &&
	       strcmp(id.device, expected->device) == 0;
	return PZ_OK;
}

enum pz_err
pz_csr_check(struct pz_slice pem, const struct pz_cert_subject *expected, struct pz_key **out_key,
	     struct pz_errinfo *info)
{
	PZ_AUTO(X509_REQ_free) X509_REQ *req = NULL;
	PZ_AUTO(pz_key_free) struct pz_key *key = NULL;
	bool same = false;

	PZ_TRY(pz_subject_check(expected, true, info));
	PZ_TRY(parse(pem, &req, info));
	/* Possession before names: a request that another key has signed proves nothing. */
	PZ_TRY(check_possession(req, &key, info));
	if (!subject_is(req, expected))
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "request for another subject than Pzp:%s:%s", expected->zone,
			       expected->device);
	PZ_TRY(san_is(req, expected, &same));
	if (!same)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "request for another SAN than pz:%s/%s", expected->zone,
			       expected->device);
	*out_key = PZ_TAKE(key);
	return PZ_OK;
}
