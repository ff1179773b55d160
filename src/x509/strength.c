#include "x509/strength.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/limits.h"
#include "x509/encode.h"

/* There is also an upper bound: a peer could keep our CPU busy with a huge modulus. */
static enum pz_err
check_rsa(int bits, struct pz_errinfo *info)
{
	if (bits < PZ_RSA_BITS_MIN || bits > PZ_RSA_BITS_MAX)
		return pz_fail(info, PZ_ERR_DENIED_WEAK, "RSA key of %d bits (accepted: %d to %d)",
			       bits, PZ_RSA_BITS_MIN, PZ_RSA_BITS_MAX);
	return PZ_OK;
}

static enum pz_err
check_ec(EVP_PKEY *pkey, int bits, struct pz_errinfo *info)
{
	int explicit_params = 0;

	if (bits < PZ_EC_BITS_MIN)
		return pz_fail(info, PZ_ERR_DENIED_WEAK, "EC key of %d bits (accepted: %d or more)",
			       bits, PZ_EC_BITS_MIN);
	/* Explicit parameters need not be those of a good curve: a peer could choose some for which
	 * it knows every private key. */
	if (!EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				    &explicit_params))
		ERR_clear_error(); /* a key in a token may not have this parameter */
	if (explicit_params)
		return pz_fail(info, PZ_ERR_DENIED_WEAK, "EC key without a named curve");
	return PZ_OK;
}

/* Every kind that is not listed here is refused. */
enum pz_err
pz_pkey_check_strength(EVP_PKEY *pkey, struct pz_errinfo *info)
{
	int bits = EVP_PKEY_get_bits(pkey);

	if (EVP_PKEY_is_a(pkey, "EC"))
		return check_ec(pkey, bits, info);
	if (EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS"))
		return check_rsa(bits, info);
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return PZ_OK;
	return pz_fail(info, PZ_ERR_DENIED_WEAK, "key is neither RSA, EC nor Ed25519");
}

bool
pz_signature_is_strong(int md_nid, int pk_nid)
{
	return pk_nid == NID_ED25519 || md_nid == NID_sha256 || md_nid == NID_sha384 ||
	       md_nid == NID_sha512;
}

enum pz_err
pz_x509_check_strength(X509 *x, struct pz_errinfo *info)
{
	EVP_PKEY *pkey = X509_get0_pubkey(x);
	int md = NID_undef, pk = NID_undef;

	if (pkey == NULL)
		return pz_openssl_fail(info, PZ_ERR_DENIED_WEAK, "certificate key not usable");
	PZ_TRY(pz_pkey_check_strength(pkey, info));
	if (!X509_get_signature_info(x, &md, &pk, NULL, NULL) || !pz_signature_is_strong(md, pk))
		return pz_openssl_fail(info, PZ_ERR_DENIED_WEAK,
				       "certificate signed with a weak digest");
	return PZ_OK;
}
