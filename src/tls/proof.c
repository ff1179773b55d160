/*
 * A proof must cover the client's ephemeral public key, because the server encrypts its certificate
 * to that key. If it covered only the client's random bytes, a machine that has seen one
 * ClientHello could replay the proof with a key of its own, and read the certificate.
 *
 * OpenSSL creates the key after the extensions of an application (SSL_CTX_add_custom_ext), so the
 * proof cannot be such an extension. It is the identity of a pre-shared key: the call-back that
 * names it runs later. TLS 1.3 allows a server not to use a key that a client offers, and to
 * continue with certificates (RFC 8446 4.2.11); ours never use it, they only read its identity. The
 * key itself is derived from the secret, so that no other machine can use it either.
 */
#include "tls/proof.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include "tls/hello.h"
#include "tls/internal.h"

#define PROOF_BYTES 32 /* SHA-256 */
#define RANDOM_BYTES SSL3_RANDOM_SIZE
#define PUBLIC_KEY_BYTES_MAX 133 /* a point of P-521, the largest curve of TLS 1.3 */

static const char label_proof[] = "pz-hello/1", label_key[] = "pz-hello-key/1";
/* The one cipher suite that every TLS 1.3 implementation has: the key is bound to its digest. */
static const unsigned char suite[] = {0x13, 0x01};

struct pz_tls_proofs {
	size_t count;
	struct pz_tls_known known[];
};

/* Copies the secrets, because sessions keep their context while the zone's friends change. */
enum pz_err
pz_tls_proofs_new(const struct pz_tls_secret *secrets, size_t count, struct pz_tls_proofs **out)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(secrets[i].zone) > PZ_ZONE_BYTES_MAX)
			return PZ_ERR_CONFIG;
	if (count == 0) {
		*out = NULL;
		return PZ_OK;
	}
	struct pz_tls_proofs *proofs =
		calloc(1, sizeof(*proofs) + count * sizeof(proofs->known[0]));
	if (proofs == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	proofs->count = count;
	for (size_t i = 0; i < count; i++) {
		struct pz_tls_known *known = &proofs->known[i];

		memcpy(known->zone, secrets[i].zone, strlen(secrets[i].zone));
		memcpy(known->secret, secrets[i].bytes, sizeof(known->secret));
	}
	*out = proofs;
	return PZ_OK;
}

void
pz_tls_proofs_free(struct pz_tls_proofs *proofs)
{
	if (proofs == NULL)
		return;
	OPENSSL_cleanse(proofs->known, proofs->count * sizeof(proofs->known[0]));
	free(proofs);
}

const struct pz_tls_known *
pz_tls_proofs_find(const struct pz_tls_proofs *proofs, const char *zone)
{
	for (size_t i = 0; proofs && i < proofs->count; i++)
		if (strcmp(proofs->known[i].zone, zone) == 0)
			return &proofs->known[i];
	return NULL;
}

/* HMAC-SHA-256(secret, label, random, key). */
static bool
make_mac(const struct pz_tls_known *known, const char *label, struct pz_slice random,
	 struct pz_slice key, uint8_t out[PROOF_BYTES])
{
	uint8_t text[sizeof(label_key) + RANDOM_BYTES + PUBLIC_KEY_BYTES_MAX];
	size_t len = strlen(label);
	unsigned int out_len;

	/* The random bytes have a fixed length, so that no byte can move between label, random and
	 * key. */
	if (random.len != RANDOM_BYTES || key.len > PUBLIC_KEY_BYTES_MAX)
		return false;
	memcpy(text, label, len);
	memcpy(text + len, random.ptr, random.len);
	memcpy(text + len + random.len, key.ptr, key.len);
	return HMAC(EVP_sha256(), known->secret, sizeof(known->secret), text,
		    len + random.len + key.len, out, &out_len) != NULL;
}

/* ---- the client ---- */

static bool
make_offer(SSL *ssl, const struct pz_tls_known *known, uint8_t proof[PROOF_BYTES],
	   uint8_t secret_key[PROOF_BYTES])
{
	unsigned char random[RANDOM_BYTES], *key = NULL;
	EVP_PKEY *pair = NULL;
	bool is_made = false;

	if (SSL_get_tmp_key(ssl, &pair) != 1)
		return false;
	size_t len = EVP_PKEY_get1_encoded_public_key(pair, &key);
	if (len > 0) {
		struct pz_slice of = pz_slice_of(key, len);
		/* The random bytes bind the proof to this handshake, the public key binds it to
		 * this client: a copy proves nothing. */
		struct pz_slice nonce =
			pz_slice_of(random, SSL_get_client_random(ssl, random, sizeof(random)));
		is_made = make_mac(known, label_proof, nonce, of, proof) &&
			  make_mac(known, label_key, nonce, of, secret_key);
	}
	OPENSSL_free(key);
	EVP_PKEY_free(pair);
	return is_made;
}

/* Called once for each ClientHello, when it has its key. @param md of the cipher suite that the
 * server has chosen already; NULL: none yet */
static int
on_offer(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len, SSL_SESSION **out)
{
	struct pz_tls *tls = BIO_get_data(SSL_get_rbio(ssl));
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	uint8_t key[PROOF_BYTES];

	*out = NULL;
	/* Another digest after a HelloRetryRequest: our servers send no such request. Without the
	 * offer the handshake continues; the server then cannot identify us and refuses. */
	if (cipher == NULL || (md && !EVP_MD_is_a(md, "SHA256")))
		return 1;
	SSL_SESSION *session = SSL_SESSION_new();
	bool ok = session && make_offer(ssl, tls->expect->known, tls->expect->proof, key) &&
		  SSL_SESSION_set1_master_key(session, key, sizeof(key)) == 1 &&
		  SSL_SESSION_set_cipher(session, cipher) == 1 &&
		  SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1;
	OPENSSL_cleanse(key, sizeof(key));
	if (!ok) {
		SSL_SESSION_free(session);
		return 0;
	}
	*id = tls->expect->proof;
	*id_len = PROOF_BYTES;
	*out = session;
	return 1;
}

void
pz_tls_proof_offer(SSL *ssl)
{
	SSL_set_psk_use_session_callback(ssl, on_offer);
}

/* ---- the server ---- */

static bool
hello_parts(SSL *ssl, struct pz_slice *random, struct pz_slice *proof, struct pz_slice *key)
{
	const unsigned char *ptr;
	size_t len;

	len = SSL_client_hello_get0_random(ssl, &ptr);
	*random = pz_slice_of(ptr, len);
	return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &ptr, &len) == 1 &&
	       pz_tls_hello_identity(pz_slice_of(ptr, len), proof) == PZ_OK &&
	       proof->len == PROOF_BYTES &&
	       SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_key_share, &ptr, &len) == 1 &&
	       pz_tls_hello_key(pz_slice_of(ptr, len), key) == PZ_OK;
}

const struct pz_tls_known *
pz_tls_proof_check(const struct pz_tls_proofs *proofs, SSL *ssl)
{
	struct pz_slice random, proof, key;
	uint8_t expected[PROOF_BYTES];

	if (proofs == NULL || !hello_parts(ssl, &random, &proof, &key))
		return NULL;
	/* Each known zone costs one HMAC: PZ_FRIENDS_MAX bounds the cost of one ClientHello. */
	for (size_t i = 0; i < proofs->count; i++)
		if (make_mac(&proofs->known[i], label_proof, random, key, expected) &&
		    CRYPTO_memcmp(expected, proof.ptr, sizeof(expected)) == 0)
			return &proofs->known[i];
	return NULL;
}
