/*
 * The call-backs of a handshake: they find the zone that the client wants, and verify the peer.
 *
 * A server's session starts on a neutral SSL_CTX (base_ctx in session.c) because the zone is known
 * only from the ClientHello. pz_tls_on_client_hello asks the owner and moves the session to the
 * zone's SSL_CTX; SSL_set_SSL_CTX carries over the certificate, the verify call-back and the ALPN
 * call-back, but not the verify mode, which is set separately.
 */
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/alert.h"
#include "tls/hello.h"
#include "tls/internal.h"
#include "tls/proof.h"

static struct pz_tls *
session_of(const SSL *ssl)
{
	return BIO_get_data(SSL_get_rbio(ssl));
}

/* One extension of the ClientHello; false if it is absent. */
static bool
hello_extension(SSL *ssl, unsigned int type, struct pz_slice *out)
{
	const unsigned char *ptr;
	size_t len;

	if (SSL_client_hello_get0_ext(ssl, type, &ptr, &len) != 1)
		return false;
	*out = pz_slice_of(ptr, len);
	return true;
}

static int
refuse_hello(struct pz_tls *tls, int *alert, int number, enum pz_err err, const char *why)
{
	*alert = number;
	tls->fault = pz_fail(tls->info, err, "%s", why);
	return SSL_CLIENT_HELLO_ERROR;
}

/* Moves the session to the SSL_CTX of its zone. */
static bool
adopt(struct pz_tls *tls, struct pz_tls_ctx *ctx)
{
	/* The chain and the key come with the context. */
	if (SSL_set_SSL_CTX(tls->ssl, ctx->ssl_ctx) == NULL)
		return false;
	SSL_set_verify(tls->ssl, pz_tls_kind_verify_mode(ctx->kind), NULL);
	tls->ctx = pz_tls_ctx_ref(ctx);
	return true;
}

/* If a client offers several, the first of ours in its list counts. */
static enum pz_tls_purpose
purpose_of(const struct pz_tls_alpn *alpn)
{
	if (alpn->zone)
		return PZ_TLS_FOR_ZONE;
	if (alpn->enrol)
		return PZ_TLS_FOR_ENROLMENT;
	return alpn->friend ? PZ_TLS_FOR_FRIEND : PZ_TLS_FOR_PAIRING;
}

/* The reason when there is no context for this purpose. */
static const char *
refusal(enum pz_tls_purpose purpose)
{
	if (purpose == PZ_TLS_FOR_PAIRING)
		return "no pairing window is open";
	return purpose == PZ_TLS_FOR_FRIEND ? "no invitation is open" : "enrolment refused";
}

/*
 * A device shows its certificate only to devices that share a secret with it (page 6), and accepts
 * only a device of the zone whose secret was proved. A ClientHello after a HelloRetryRequest has a
 * new public key, and must prove the same secret again.
 */
static int
judge_proof(struct pz_tls *tls, const struct pz_tls_ctx *ctx, int *alert)
{
	struct pz_expect expect = {.role = PZ_EXPECT_DEVICE};

	if (ctx->kind != PZ_TLS_PEER_SERVER)
		return SSL_CLIENT_HELLO_SUCCESS;
	const struct pz_tls_known *known = pz_tls_proof_check(ctx->proofs, tls->ssl);
	/* The same secret as in the first ClientHello: otherwise a second one could change the
	 * zone. */
	if (known == NULL || (tls->expect && tls->expect->known != known))
		return refuse_hello(tls, alert, SSL_AD_HANDSHAKE_FAILURE, PZ_ERR_DENIED,
				    "it does not prove a secret of this zone or of a friend's");
	if (tls->expect)
		return SSL_CLIENT_HELLO_SUCCESS;
	expect.zone = known->zone;
	if (pz_tls_expect_copy(&expect, &tls->expect) != PZ_OK)
		return refuse_hello(tls, alert, SSL_AD_INTERNAL_ERROR, PZ_ERR_LIMIT_MEMORY,
				    "TLS: out of memory");
	tls->expect->known = known;
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* Reads what the client wants, and from which zone. @return an SSL_CLIENT_HELLO_* */
static int
read_hello(struct pz_tls *tls, char label[PZ_TLS_LABEL_BYTES], enum pz_tls_purpose *out_purpose,
	   int *alert)
{
	struct pz_tls_alpn alpn = {.zone = true}; /* no ALPN is accepted (page 2) */
	struct pz_slice ext;

	if (hello_extension(tls->ssl, TLSEXT_TYPE_server_name, &ext) &&
	    pz_tls_hello_label(ext, label) != PZ_OK)
		return refuse_hello(tls, alert, SSL_AD_DECODE_ERROR, PZ_ERR_PROTO,
				    "TLS: malformed server name");
	if (hello_extension(tls->ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &ext) &&
	    pz_tls_hello_alpn(ext, &alpn) != PZ_OK)
		return refuse_hello(tls, alert, SSL_AD_DECODE_ERROR, PZ_ERR_PROTO,
				    "TLS: malformed ALPN");
	if (!alpn.zone && !alpn.enrol && !alpn.pair && !alpn.friend)
		return refuse_hello(tls, alert, SSL_AD_NO_APPLICATION_PROTOCOL, PZ_ERR_PROTO,
				    "TLS: peer speaks none of our protocols");
	*out_purpose = purpose_of(&alpn);
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* The owner has chosen no context. */
static int
refuse_choice(struct pz_tls *tls, enum pz_tls_purpose purpose, int *alert)
{
	if (purpose == PZ_TLS_FOR_ZONE)
		return refuse_hello(tls, alert, SSL_AD_UNRECOGNIZED_NAME, PZ_ERR_DENIED,
				    "no zone for this server name");
	return refuse_hello(tls, alert, SSL_AD_ACCESS_DENIED, PZ_ERR_DENIED, refusal(purpose));
}

int
pz_tls_on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct pz_tls *tls = session_of(ssl);
	char label[PZ_TLS_LABEL_BYTES] = "";
	enum pz_tls_purpose purpose;

	(void)arg;
	/* The first ClientHello has chosen the zone; a second one cannot change it. */
	if (tls->ctx != NULL) /* after a HelloRetryRequest */
		return judge_proof(tls, tls->ctx, alert);
	int verdict = read_hello(tls, label, &purpose, alert);
	if (verdict != SSL_CLIENT_HELLO_SUCCESS)
		return verdict;
	struct pz_tls_ctx *ctx = tls->select(tls->select_arg, label, purpose);
	if (ctx == NULL)
		return refuse_choice(tls, purpose, alert);
	/* A fault of the owner must not lead to a handshake with the wrong rules. */
	if (!pz_tls_kind_is_server(ctx->kind) || pz_tls_kind_purpose(ctx->kind) != purpose)
		return refuse_hello(tls, alert, SSL_AD_INTERNAL_ERROR, PZ_ERR_INTERNAL,
				    "TLS: context of the wrong kind");
	verdict = judge_proof(tls, ctx, alert);
	if (verdict == SSL_CLIENT_HELLO_SUCCESS && !adopt(tls, ctx))
		return refuse_hello(tls, alert, SSL_AD_INTERNAL_ERROR, PZ_ERR_LIMIT_MEMORY,
				    "TLS: out of memory");
	return verdict;
}

/*
 * The peer's intermediate certificates are not needed after the verification, and OpenSSL would
 * keep them as long as the session (5 KiB). The stack is the one that becomes the session's peer
 * chain; the leaf stays because CertificateVerify needs its key.
 */
static void
drop_intermediates(STACK_OF(X509) * chain)
{
	while (sk_X509_num(chain) > 1)
		X509_free(sk_X509_pop(chain));
}

int
pz_tls_on_verify(X509_STORE_CTX *store, void *arg)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct pz_tls *tls = session_of(ssl);
	int x509_error = X509_V_OK;
	enum pz_err err;

	(void)arg;
	/* Verified later: by pz_tls_verify_peer, or by the exchange of two strangers. Only the key
	 * matters here, and CertificateVerify proves it. */
	if (pz_tls_kind_purpose(tls->ctx->kind) != PZ_TLS_FOR_ZONE) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store);
	free(tls->peer);
	tls->peer = calloc(1, sizeof(*tls->peer));
	if (tls->peer == NULL)
		err = pz_fail(tls->info, PZ_ERR_LIMIT_MEMORY, "TLS: out of memory");
	else
		err = pz_verify_chain(tls->ctx->trust, X509_STORE_CTX_get0_cert(store), chain,
				      tls->expect ? &tls->expect->want : NULL,
				      pz_env_wall_ms(tls->env), tls->peer, &x509_error, tls->info);
	ERR_clear_error(); /* drops what a failed signature left in the queue */
	/* The cause becomes the alert, which shows the peer only the kind of error (alert.c). */
	if (err != PZ_OK) {
		free(tls->peer);
		tls->peer = NULL;
		tls->fault = err;
		X509_STORE_CTX_set_error(store, pz_tls_alert_cause(err, x509_error));
		return 0;
	}
	drop_intermediates(chain);
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}
