/*
 * The settings of all TLS contexts in one place: version, suites, groups, signature algorithms, no
 * tickets, no early data, no renegotiation (page 2). They do not depend on the system's
 * openssl.cnf.
 *
 * Kinds differ in two things only: whether the other end must show a certificate, and the ALPN
 * name. Who the other end may be is decided in handshake.c. Contexts are reference counted:
 * sessions keep the one that they began with when the zone's trust changes.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/alert.h"
#include "tls/ctx.h"
#include "tls/internal.h"
#include "tls/proof.h"

/* Only forward secrecy with AEAD (page 2). AES-128 is first because it costs least (page 13). */
static const char suites_13[] =
	"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
static const char groups[] = "X25519:P-256:P-384";
/* No SHA-1 (page 2). */
static const char sigalgs[] = "ECDSA+SHA256:ed25519:ECDSA+SHA384:ECDSA+SHA512:"
			      "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
			      "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
			      "RSA+SHA256:RSA+SHA384:RSA+SHA512";

#define SECURITY_LEVEL 2 /* 112 bits: RSA 2048, even if the system's openssl.cnf permits less */

#define ALPN_BYTES_MAX 16 /* the longest name, with its length */

/* The ALPN name of a kind as it is sent, preceded by its length. */
static unsigned int
kind_alpn(enum pz_tls_kind kind, unsigned char out[ALPN_BYTES_MAX])
{
	const char *name = pz_tls_alpn_name(pz_tls_kind_purpose(kind));
	size_t len = strlen(name);

	out[0] = (unsigned char)len;
	memcpy(out + 1, name, len);
	return (unsigned int)len + 1;
}

enum pz_err
pz_tls_ssl_ctx_new(bool server, struct ssl_ctx_st **out, struct pz_errinfo *info)
{
	/* For this error only: the queue belongs to the thread, and an old entry would be reported
	 * as ours. */
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (ctx == NULL)
		return pz_tls_queue_error((struct pz_tls_alert_scene){0}, info);

	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	/* Switched off explicitly: a system's configuration may switch it on. */
	SSL_CTX_clear_options(ctx, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
					   SSL_OP_LEGACY_SERVER_CONNECT);
	/* The options name what TLS 1.3 no longer has; they are for an OpenSSL that is built with
	 * older versions. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* AUTO_RETRY: a read that meets only a key update continues, so that it always consumes all
	 * input. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_AUTO_RETRY);
	SSL_CTX_clear_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* pz_tls_idle does it, and costs less */
	/* No sessions and no tickets: each link makes a full handshake, which is checked against
	 * the present CRL (page 2). */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, PZ_TLS_CERT_LIST_BYTES_MAX);
	SSL_CTX_set_read_ahead(ctx, 0);
	bool ok = SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
		  SSL_CTX_set_recv_max_early_data(ctx, 0) == 1 &&
		  SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
		  SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
		  SSL_CTX_set_ciphersuites(ctx, suites_13) == 1 &&
		  SSL_CTX_set1_groups_list(ctx, groups) == 1 &&
		  SSL_CTX_set1_sigalgs_list(ctx, sigalgs) == 1;
	if (!ok) {
		enum pz_err err = pz_tls_queue_error((struct pz_tls_alert_scene){0}, info);
		SSL_CTX_free(ctx);
		return err == PZ_ERR_LIMIT_MEMORY ? err : PZ_ERR_CRYPTO;
	}
	*out = ctx;
	return PZ_OK;
}

/* Not called for a client without ALPN, which is accepted as pz/1 (page 2). */
static int
on_alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	       const unsigned char *offered, unsigned int offered_len, void *arg)
{
	const struct pz_tls_ctx *ctx = arg;
	struct pz_slice ours = pz_slice_str(pz_tls_alpn_name(pz_tls_kind_purpose(ctx->kind)));

	(void)ssl;
	/* The chosen name must outlive the call, so it points into what the client sent. */
	for (unsigned int at = 0; at < offered_len; at += 1U + offered[at]) {
		/* OpenSSL has checked the vector; this check makes the loop safe without relying on
		 * that. */
		if (offered[at] >= offered_len - at)
			break;
		if (!pz_slice_eq(pz_slice_of(offered + at + 1, offered[at]), ours))
			continue;
		*out = offered + at + 1;
		*out_len = offered[at];
		return SSL_TLSEXT_ERR_OK;
	}
	/* No common name is an error (RFC 7301 3.2): another protocol must not run on a zone's
	 * port. */
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Checks that the configuration is consistent before OpenSSL uses it. */
static enum pz_err
check(const struct pz_tls_config *config, struct pz_errinfo *info)
{
	bool has_cert = config->chain_len > 0;
	bool is_zone = pz_tls_kind_purpose(config->kind) == PZ_TLS_FOR_ZONE;
	bool is_client = !pz_tls_kind_is_server(config->kind);
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];

	if (config->env == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "TLS: no clock");
	if (has_cert != (config->key != NULL) || (!has_cert && (is_zone || !is_client)))
		return pz_fail(info, PZ_ERR_CONFIG, "TLS: certificate or key missing");
	if (is_zone && config->trust == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "TLS: trust set missing");
	if (is_client || config->kind == PZ_TLS_PAIR_SERVER)
		return PZ_OK;
	/* Page 2 rule 6: a hub never presents a device's certificate, nor a device a hub's. Every
	 * peer would refuse a certificate of the wrong role; this check shows the reason at the
	 * start. */
	if (pz_cert_identity(config->chain[0], zone, device) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG, "TLS: certificate without an identity");
	if ((device[0] != '\0') != (config->kind == PZ_TLS_PEER_SERVER))
		return pz_fail(info, PZ_ERR_CONFIG, "TLS: the certificate is a %s's",
			       device[0] ? "device" : "hub");
	return PZ_OK;
}

static enum pz_err
set_certificate(SSL_CTX *ssl_ctx, const struct pz_tls_config *config, struct pz_errinfo *info)
{
	if (config->chain_len == 0)
		return PZ_OK;
	ERR_clear_error();
	bool ok = SSL_CTX_use_certificate(ssl_ctx, pz_cert_x509(config->chain[0])) == 1;
	for (size_t i = 1; ok && i < config->chain_len; i++)
		ok = SSL_CTX_add1_chain_cert(ssl_ctx, pz_cert_x509(config->chain[i])) == 1;
	/* Otherwise the first handshake would fail at the peer, with a text about a bad
	 * signature. */
	ok = ok && SSL_CTX_use_PrivateKey(ssl_ctx, pz_key_evp(config->key)) == 1 &&
	     SSL_CTX_check_private_key(ssl_ctx) == 1;
	if (ok)
		return PZ_OK;
	enum pz_err err = pz_tls_queue_error((struct pz_tls_alert_scene){0}, info);
	return err == PZ_ERR_LIMIT_MEMORY ? err : PZ_ERR_CONFIG;
}

/* Sets what differs between the kinds. */
static enum pz_err
set_kind(struct pz_tls_ctx *ctx, struct pz_errinfo *info)
{
	unsigned char alpn[ALPN_BYTES_MAX];
	unsigned int len = kind_alpn(ctx->kind, alpn);

	SSL_CTX_set_verify(ctx->ssl_ctx, pz_tls_kind_verify_mode(ctx->kind), NULL);
	/* All verification is our own: OpenSSL knows nothing of zones, roles and our CRL. */
	SSL_CTX_set_cert_verify_callback(ctx->ssl_ctx, pz_tls_on_verify, ctx);
	if (ctx->kind == PZ_TLS_PEER_SERVER) /* the ClientHello after a HelloRetryRequest, too */
		SSL_CTX_set_client_hello_cb(ctx->ssl_ctx, pz_tls_on_client_hello, NULL);
	if (pz_tls_kind_is_server(ctx->kind))
		SSL_CTX_set_alpn_select_cb(ctx->ssl_ctx, on_alpn_select, ctx);
	else if (SSL_CTX_set_alpn_protos(ctx->ssl_ctx, alpn, len) != 0)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "TLS: out of memory");
	return PZ_OK;
}

enum pz_err
pz_tls_ctx_new(const struct pz_tls_config *config, struct pz_tls_ctx **out, struct pz_errinfo *info)
{
	PZ_TRY(check(config, info));
	PZ_AUTO(pz_tls_ctx_free) struct pz_tls_ctx *ctx = calloc(1, sizeof(*ctx));
	if (ctx == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "TLS: out of memory");
	atomic_init(&ctx->refs, 1);
	ctx->kind = config->kind;
	ctx->env = config->env;
	if (config->trust != NULL)
		ctx->trust = pz_trust_ref(config->trust);
	PZ_TRY(pz_tls_proofs_new(config->secrets, config->secrets_len, &ctx->proofs));
	PZ_TRY(pz_tls_ssl_ctx_new(pz_tls_kind_is_server(config->kind), &ctx->ssl_ctx, info));
	PZ_TRY(set_certificate(ctx->ssl_ctx, config, info));
	PZ_TRY(set_kind(ctx, info));
	*out = PZ_TAKE(ctx);
	return PZ_OK;
}

void
pz_tls_ctx_free(struct pz_tls_ctx *ctx)
{
	if (ctx == NULL || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(ctx->ssl_ctx);
	pz_trust_free(ctx->trust);
	pz_tls_proofs_free(ctx->proofs);
	free(ctx);
}
