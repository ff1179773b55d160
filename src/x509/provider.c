/*
 * Checks that OpenSSL's configuration leaves the algorithms that we need: at the start, where the
 * operator sees the error, not in the first handshake.
 */
#include "x509/provider.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

static bool
has_digest(const char *name)
{
	EVP_MD *digest = EVP_MD_fetch(NULL, name, NULL);

	EVP_MD_free(digest);
	return digest != NULL;
}

static bool
has_cipher(const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);

	EVP_CIPHER_free(cipher);
	return cipher != NULL;
}

static bool
has_key_type(const char *name)
{
	EVP_KEYMGMT *keys = EVP_KEYMGMT_fetch(NULL, name, NULL);

	EVP_KEYMGMT_free(keys);
	return keys != NULL;
}

enum pz_err
pz_openssl_check(struct pz_errinfo *info)
{
	static const struct {
		const char *name;
		bool (*is_there)(const char *name);
	} needed[] = {
		{"SHA-256", has_digest}, /* fingerprints, signatures */
		{"SHA-384", has_digest}, /* signatures of P-384 keys */
		{"MD5", has_digest},     /* ids of services (page 7); no security depends on it */
		{"AES-128-GCM", has_cipher}, /* TLS 1.3 requires it (RFC 8446 9.1) */
		{"AES-256-GCM", has_cipher}, {"EC", has_key_type},
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (needed[i].is_there(needed[i].name))
			continue;
		ERR_clear_error();
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"OpenSSL offers no %s: its configuration loads no provider that has it; "
			"see openssl.cnf (or the file that OPENSSL_CONF names)",
			needed[i].name);
	}
	return PZ_OK;
}
