#include "load/proof.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/bench.h"
#include "common/tls.h"

#define LABEL "pz-hello/1"
#define RANDOM_BYTES 32
#define KEY_BYTES_MAX 256

static const unsigned char suite[] = {0x13, 0x01}; /* TLS_AES_128_GCM_SHA256 */

void
proof_init(struct proof *proof, const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/secret", dir);
	FILE *file = fopen(path, "re");
	if (file == NULL || fread(proof->secret, sizeof(proof->secret), 1, file) != 1)
		bench_fail("%s", path);
	fclose(file);
}

static void
make_identity(SSL *ssl, struct proof *proof)
{
	unsigned char text[sizeof(LABEL) - 1 + RANDOM_BYTES + KEY_BYTES_MAX], *key = NULL;
	size_t used = sizeof(LABEL) - 1;
	EVP_PKEY *pair = NULL;
	unsigned int len;

	if (SSL_get_tmp_key(ssl, &pair) != 1)
		bench_tls_fail("key share");
	size_t key_len = EVP_PKEY_get1_encoded_public_key(pair, &key);
	if (key_len == 0 || key_len > KEY_BYTES_MAX)
		bench_tls_fail("key share");
	memcpy(text, LABEL, used);
	used += SSL_get_client_random(ssl, text + used, RANDOM_BYTES);
	memcpy(text + used, key, key_len);
	if (HMAC(EVP_sha256(), proof->secret, sizeof(proof->secret), text, used + key_len,
		 proof->identity, &len) == NULL)
		bench_tls_fail("proof");
	OPENSSL_free(key);
	EVP_PKEY_free(pair);
}

/* The key of the session is never used: no server takes it. */
static int
on_offer(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len, SSL_SESSION **out)
{
	struct proof *proof = SSL_get_app_data(ssl);
	SSL_SESSION *session = SSL_SESSION_new();

	(void)md;
	make_identity(ssl, proof);
	if (session == NULL ||
	    SSL_SESSION_set1_master_key(session, proof->identity, sizeof(proof->identity)) != 1 ||
	    SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, suite)) != 1 ||
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) != 1)
		bench_tls_fail("session of the proof");
	*id = proof->identity;
	*id_len = sizeof(proof->identity);
	*out = session;
	return 1;
}

void
proof_offer(SSL *ssl, struct proof *proof)
{
	SSL_set_app_data(ssl, proof);
	SSL_set_psk_use_session_callback(ssl, on_offer);
}
