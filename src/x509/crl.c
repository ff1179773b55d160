/*
 * Certificate revocation lists of a zone. Only complete lists are accepted: delta lists and lists
 * with a scope are refused when they are read, so that the absence of a serial always means "not
 * revoked". The look-up is OpenSSL's, which sorts once and searches in logarithmic time.
 */
#include "x509/crl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <string.h>

#include "base/codec.h"
#include "x509/encode.h"
#include "x509/strength.h"

struct pz_crl {
	X509_CRL *crl; /* owned */
	uint64_t number, this_update_ms, next_update_ms;
	atomic_uint refs;
};

static bool
read_number(X509_CRL *crl, uint64_t *out)
{
	PZ_AUTO(ASN1_INTEGER_free)
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);

	return n && ASN1_INTEGER_get_uint64(out, n);
}

/* Takes the list on success. */
static enum pz_err
wrap(X509_CRL *crl, struct pz_crl **out, struct pz_errinfo *info)
{
	struct pz_crl c = {.crl = crl};

	/* A list with a scope (issuingDistributionPoint) and a delta list have critical extensions
	 * (RFC 5280 5.2). An incomplete list must not be taken for a complete one. */
	if (X509_CRL_get_ext_by_critical(crl, 1, -1) >= 0)
		return pz_fail(info, PZ_ERR_PROTO, "CRL with a critical extension");
	if (!read_number(crl, &c.number))
		return pz_openssl_fail(info, PZ_ERR_PROTO, "CRL without a usable crlNumber");
	if (!pz_asn1_time_ms(X509_CRL_get0_lastUpdate(crl), &c.this_update_ms))
		return pz_openssl_fail(info, PZ_ERR_PROTO, "CRL with a malformed date");
	if (X509_CRL_get0_nextUpdate(crl) &&
	    !pz_asn1_time_ms(X509_CRL_get0_nextUpdate(crl), &c.next_update_ms))
		return pz_openssl_fail(info, PZ_ERR_PROTO, "CRL with a malformed date");
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "CRL: out of memory");
	/* The last step: from here on *out owns the list. */
	(*out)->crl = crl;
	(*out)->number = c.number;
	(*out)->this_update_ms = c.this_update_ms;
	(*out)->next_update_ms = c.next_update_ms;
	atomic_init(&(*out)->refs, 1);
	return PZ_OK;
}

struct pz_crl *
pz_crl_ref(struct pz_crl *crl)
{
	atomic_fetch_add(&crl->refs, 1);
	return crl;
}

void
pz_crl_free(struct pz_crl *crl)
{
	if (crl == NULL || atomic_fetch_sub(&crl->refs, 1) != 1)
		return;
	X509_CRL_free(crl->crl);
	free(crl);
}

/* The list owns an entry only after X509_CRL_add0_revoked has succeeded, so every failure frees it
 * here. */
static enum pz_err
add_entry(X509_CRL *crl, const struct pz_crl_entry *entry, struct pz_errinfo *info)
{
	PZ_AUTO(ASN1_INTEGER_free) ASN1_INTEGER *serial = pz_serial_parse(entry->serial_hex);
	PZ_AUTO(ASN1_TIME_free) ASN1_TIME *when = ASN1_TIME_new();
	X509_REVOKED *revoked;

	if (serial == NULL)
		return pz_fail(info, PZ_ERR_PROTO, "CRL entry with a malformed serial");
	revoked = X509_REVOKED_new();
	if (revoked == NULL || !pz_asn1_time_set(when, entry->when_ms) ||
	    !X509_REVOKED_set_serialNumber(revoked, serial) ||
	    !X509_REVOKED_set_revocationDate(revoked, when) ||
	    !X509_CRL_add0_revoked(crl, revoked)) {
		X509_REVOKED_free(revoked);
		return pz_openssl_fail(info, PZ_ERR_CRYPTO, "CRL entry");
	}
	return PZ_OK;
}

/* After nextUpdate devices warn, but still apply the list (page 2). */
static bool
set_dates(X509_CRL *crl, uint64_t now_ms)
{
	PZ_AUTO(ASN1_TIME_free) ASN1_TIME *t = ASN1_TIME_new();

	return pz_asn1_time_set(t, now_ms) && X509_CRL_set1_lastUpdate(crl, t) &&
	       pz_asn1_time_set(t, now_ms + PZ_CRL_VALIDITY_S * 1000) &&
	       X509_CRL_set1_nextUpdate(crl, t);
}

/* RFC 5280 5.2.1 and 5.2.3: the issuer's key identifier and the number. */
static bool
set_extensions(X509_CRL *crl, X509 *ca, uint64_t number)
{
	PZ_AUTO(ASN1_INTEGER_free) ASN1_INTEGER *n = ASN1_INTEGER_new();
	X509_EXTENSION *aki;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, ca, NULL, NULL, crl, 0);
	aki = X509V3_EXT_nconf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	ok = aki && X509_CRL_add_ext(crl, aki, -1) && n && ASN1_INTEGER_set_uint64(n, number) &&
	     X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, X509V3_ADD_DEFAULT) == 1;
	X509_EXTENSION_free(aki);
	return ok;
}

enum pz_err
pz_crl_issue(const struct pz_cert *ca, const struct pz_key *ca_key,
	     const struct pz_crl_entry *entries, size_t count, uint64_t number,
	     const struct pz_env *env, struct pz_crl **out, struct pz_errinfo *info)
{
	PZ_AUTO(X509_CRL_free) X509_CRL *crl = X509_CRL_new();
	X509 *issuer = pz_cert_x509(ca);
	EVP_PKEY *pkey = pz_key_evp(ca_key);
	struct pz_crl *made = NULL;

	/* As for certificates: every device would refuse a list that a wrong key has signed. */
	if (!pz_cert_key_matches(ca, ca_key))
		return pz_fail(info, PZ_ERR_CRYPTO, "the signing key is not the CA's");
	if (crl == NULL || !X509_CRL_set_version(crl, X509_CRL_VERSION_2) ||
	    !X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) ||
	    !set_dates(crl, pz_env_wall_ms(env)) || !set_extensions(crl, issuer, number))
		return pz_openssl_fail(info, PZ_ERR_CRYPTO, "issuing a CRL");
	for (size_t i = 0; i < count; i++)
		PZ_TRY(add_entry(crl, &entries[i], info));
	/* Sorted before signing: the signature covers the entries in their order. */
	if (!X509_CRL_sort(crl) || !X509_CRL_sign(crl, pkey, pz_digest_for(pkey)))
		return pz_openssl_fail(info, PZ_ERR_CRYPTO, "signing a CRL");
	PZ_TRY(wrap(crl, &made, info));
	crl = NULL;
	*out = made;
	return PZ_OK;
}

enum pz_err
pz_crl_from_pem(struct pz_slice pem, struct pz_crl **out, struct pz_errinfo *info)
{
	PZ_AUTO(X509_CRL_free) X509_CRL *crl = NULL;
	const unsigned char *at;
	struct pz_crl *made = NULL;
	uint8_t *der;
	size_t len;
	bool whole;

	PZ_TRY(pz_pem_read(pem, PZ_CRL_PEM_BYTES_MAX, PEM_STRING_X509_CRL, &der, &len, info));
	at = der;
	crl = d2i_X509_CRL(NULL, &at, (long)len);
	whole = at == der + len;
	OPENSSL_free(der);
	if (crl == NULL || !whole)
		return pz_openssl_fail(info, PZ_ERR_PROTO, "malformed CRL");
	ERR_clear_error(); /* errors of extensions that OpenSSL could not read */
	PZ_TRY(wrap(crl, &made, info));
	crl = NULL;
	*out = made;
	return PZ_OK;
}

enum pz_err
pz_crl_to_pem(const struct pz_crl *crl, struct pz_buf *out)
{
	PZ_AUTO(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());

	if (bio == NULL || !PEM_write_bio_X509_CRL(bio, crl->crl))
		return pz_openssl_fail(NULL, PZ_ERR_LIMIT_MEMORY, "PEM");
	return pz_bio_to_buf(bio, out);
}

/* The digest is checked before the signature: a signature with a weak digest proves nothing. */
enum pz_err
pz_crl_verify(const struct pz_crl *crl, const struct pz_cert *ca, struct pz_errinfo *info)
{
	X509 *issuer = pz_cert_x509(ca);
	int md = NID_undef, pk = NID_undef;

	/* By name and by key: another zone's list of the same name must not be taken for ours. */
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl->crl), X509_get_subject_name(issuer)) != 0)
		return pz_fail(info, PZ_ERR_DENIED_CHAIN, "CRL of another issuer");
	if (!OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl->crl), &md, &pk) ||
	    !pz_signature_is_strong(md, pk))
		return pz_fail(info, PZ_ERR_DENIED_WEAK, "CRL signed with a weak digest");
	if (X509_CRL_verify(crl->crl, X509_get0_pubkey(issuer)) != 1)
		return pz_openssl_fail(info, PZ_ERR_DENIED_CHAIN, "CRL not signed by this CA");
	return PZ_OK;
}

uint64_t
pz_crl_number(const struct pz_crl *crl)
{
	return crl->number;
}

/* A serial that cannot be parsed counts as revoked, which is the safe choice. Links and simulations
 * call this very often, so the search key is built on the stack: no number, no allocation. */
bool
pz_crl_has_serial(const struct pz_crl *crl, const char *serial_hex)
{
	uint8_t bytes[(PZ_SERIAL_HEX_BYTES - 1) / 2];
	ASN1_INTEGER serial = {.type = V_ASN1_INTEGER, .data = bytes};
	size_t len = strlen(serial_hex) / 2;
	X509_REVOKED *found;

	if (len == 0 || len > sizeof(bytes) ||
	    pz_hex_decode(pz_slice_str(serial_hex), bytes, len) != PZ_OK)
		return true;
	while (len > 1 && *serial.data == 0) { /* as BN_to_ASN1_INTEGER writes a number */
		serial.data++;
		len--;
	}
	serial.length = (int)len;
	/* 2 is removeFromCRL, which is valid in delta lists only: it counts as revoked. */
	return X509_CRL_get0_by_serial(crl->crl, &found, &serial) != 0;
}

uint64_t
pz_crl_this_update_ms(const struct pz_crl *crl)
{
	return crl->this_update_ms;
}

uint64_t
pz_crl_next_update_ms(const struct pz_crl *crl)
{
	return crl->next_update_ms;
}

size_t
pz_crl_len(const struct pz_crl *crl)
{
	/* NULL for an empty list, for which OpenSSL reports -1 entries. */
	int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl->crl));

	return n > 0 ? (size_t)n : 0;
}

void
pz_crl_entry_at(const struct pz_crl *crl, size_t i, struct pz_crl_entry *out)
{
	const X509_REVOKED *entry = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl->crl), (int)i);

	*out = (struct pz_crl_entry){0};
	(void)pz_serial_format(X509_REVOKED_get0_serialNumber(entry), out->serial_hex);
	(void)pz_asn1_time_ms(X509_REVOKED_get0_revocationDate(entry), &out->when_ms);
}
