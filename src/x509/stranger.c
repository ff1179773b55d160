/*
 * Certificates of two devices that meet for pairing (page 6): self-signed, for a key of this
 * pairing only, and without any name. They prove nothing; the six digits do (pair/digits.c).
 */
#include "x509/stranger.h"

#include <openssl/bn.h>

#include "x509/encode.h"
#include "x509/strength.h"

#define DAY_MS UINT64_C(86400000)

static bool
set_serial(X509 *x, const struct pz_env *env)
{
	PZ_AUTO(BN_free) BIGNUM *number = NULL;
	uint8_t bytes[16];

	pz_env_random(env, bytes, sizeof(bytes));
	bytes[0] = (uint8_t)(bytes[0] | 1U); /* RFC 5280 4.1.2.2: not zero */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	return number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
}

static bool
set_name(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);

	/* The same name for all: a real one would be readable before anything is proved. */
	return X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
					  (const unsigned char *)"pz", -1, -1, 0) &&
	       X509_set_issuer_name(x, name);
}

enum pz_err
pz_cert_issue_stranger(const struct pz_key *key, const struct pz_env *env, struct pz_cert **out,
		       struct pz_errinfo *info)
{
	PZ_AUTO(X509_free) X509 *x = X509_new();
	EVP_PKEY *signer = pz_key_evp(key);
	/* Begins a day ago, since the clock of a device without a hub may be wrong; this way the
	 * date does not show when the certificate was made either. */
	uint64_t now = pz_env_wall_ms(env), before = now > DAY_MS ? now - DAY_MS : 0;
	struct pz_cert *cert;

	PZ_TRY(pz_key_check_strength(key, info));
	if (x == NULL || !X509_set_version(x, X509_VERSION_3) || !set_serial(x, env) ||
	    !pz_asn1_time_set(X509_getm_notBefore(x), before) ||
	    !pz_asn1_time_set(X509_getm_notAfter(x), before + PZ_STRANGER_CERT_DAYS * DAY_MS) ||
	    !set_name(x) || !X509_set_pubkey(x, signer) ||
	    !X509_sign(x, signer, pz_digest_for(signer)))
		return pz_openssl_fail(info, PZ_ERR_CRYPTO, "issuing a certificate");
	cert = pz_cert_wrap(x);
	if (cert == NULL)
		return pz_openssl_fail(info, PZ_ERR_LIMIT_MEMORY, "certificate");
	*out = cert;
	return PZ_OK;
}

/* A member's certificate here would show the zone to a stranger, or ask people to confirm what the
 * zone has already confirmed. */
enum pz_err
pz_cert_check_stranger(const struct pz_cert *cert, struct pz_errinfo *info)
{
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];

	if (pz_cert_identity(cert, zone, device) == PZ_OK)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "it names no zone, but has the certificate of one");
	return pz_x509_check_strength(pz_cert_x509(cert), info);
}
