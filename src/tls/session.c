/*
 * A session is an SSL object with a BIO of our own: its read side returns the borrowed input, its
 * write side appends to the output buffer of the current call. So OpenSSL never sees a descriptor
 * and makes the only copies.
 *
 * No application data is sent or received before pz_tls_is_ready: read and write refuse until the
 * handshake with its verification (handshake.c) is complete.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/alert.h"
#include "tls/internal.h"
#include "tls/proof.h"
#include "tls/session.h"

/* Every idle link has one; without OpenSSL's part its state must stay under 0.6 KiB (page 13). */
_Static_assert(sizeof(struct pz_tls) <= 128, "struct pz_tls has grown");

/* ---- the BIO ---- */

static int
bio_read(BIO *bio, char *to, size_t len, size_t *out_len)
{
	struct pz_tls *tls = BIO_get_data(bio);
	size_t n = tls->in.len < len ? tls->in.len : len;

	/* Without input OpenSSL must stop and try again later, and not take the end of the buffer
	 * for the end of the stream. */
	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(to, tls->in.ptr, n);
	tls->in = pz_slice_of(tls->in.ptr + n, tls->in.len - n);
	*out_len = n;
	return 1;
}

static int
bio_write(BIO *bio, const char *from, size_t len, size_t *out_len)
{
	struct pz_tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	/* Outside of a call there is no buffer, because OpenSSL then has nothing to write. */
	enum pz_err err =
		tls->out ? pz_buf_append(tls->out, pz_slice_of(from, len)) : PZ_ERR_INTERNAL;
	if (err != PZ_OK) {
		tls->fault = pz_fail(tls->info, err, "TLS: output: %s", pz_err_text(err));
		return 0;
	}
	*out_len = len;
	return 1;
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	/* The other commands are for BIOs that have a buffer of their own. */
	return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_DUP;
}

/* ---- what all sessions share ---- */

static struct {
	pthread_mutex_t lock;
	BIO_METHOD *method;
	SSL_CTX *base_ctx;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static BIO_METHOD *
method_new(void)
{
	int type = BIO_get_new_index();
	BIO_METHOD *method =
		type == -1 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "pz session");

	if (method == NULL || BIO_meth_set_read_ex(method, bio_read) != 1 ||
	    BIO_meth_set_write_ex(method, bio_write) != 1 ||
	    BIO_meth_set_ctrl(method, bio_ctrl) != 1) {
		BIO_meth_free(method);
		return NULL;
	}
	return method;
}

/* Made on first use and kept: one for each process. After a failure the next session tries
 * again. */
static enum pz_err
share(BIO_METHOD **out_method, SSL_CTX **out_base)
{
	enum pz_err err = PZ_OK;

	pthread_mutex_lock(&shared.lock);
	if (shared.method == NULL)
		shared.method = method_new();
	if (shared.method == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	else if (shared.base_ctx == NULL) {
		err = pz_tls_ssl_ctx_new(true, &shared.base_ctx, NULL);
		if (err == PZ_OK)
			SSL_CTX_set_client_hello_cb(shared.base_ctx, pz_tls_on_client_hello, NULL);
	}
	*out_method = shared.method;
	*out_base = shared.base_ctx;
	pthread_mutex_unlock(&shared.lock);
	return err;
}

/* ---- life ---- */

/* A server's session begins with a context that only reads the ClientHello; then the right one is
 * chosen. */
static enum pz_err
session_new(struct pz_tls_ctx *client_ctx, const struct pz_env *env, struct pz_tls **out)
{
	BIO_METHOD *method;
	SSL_CTX *base;

	PZ_TRY(share(&method, &base));
	PZ_AUTO(pz_tls_free) struct pz_tls *tls = calloc(1, sizeof(*tls));
	if (tls == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	tls->env = env;
	tls->is_client = client_ctx != NULL;
	if (client_ctx != NULL)
		tls->ctx = pz_tls_ctx_ref(client_ctx);
	tls->ssl = SSL_new(client_ctx ? client_ctx->ssl_ctx : base);
	BIO *bio = tls->ssl ? BIO_new(method) : NULL;
	if (bio == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	/* From here on the SSL owns the BIO. */
	SSL_set_bio(tls->ssl, bio, bio);
	if (client_ctx != NULL)
		SSL_set_connect_state(tls->ssl);
	else
		SSL_set_accept_state(tls->ssl);
	*out = PZ_TAKE(tls);
	return PZ_OK;
}

enum pz_err
pz_tls_new_server(pz_tls_select select, void *arg, const struct pz_env *env, struct pz_tls **out)
{
	struct pz_tls *tls;

	PZ_TRY(session_new(NULL, env, &tls));
	tls->select = select;
	tls->select_arg = arg;
	*out = tls;
	return PZ_OK;
}

static bool
is_host_name(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return len > 0 && len <= TLSEXT_MAXLEN_host_name && s[len] == '\0';
}

enum pz_err
pz_tls_new_client(struct pz_tls_ctx *ctx, const char *sni, const struct pz_expect *expect,
		  struct pz_tls **out)
{
	PZ_AUTO(pz_tls_free) struct pz_tls *tls = NULL;

	if (pz_tls_kind_is_server(ctx->kind))
		return PZ_ERR_CONFIG;
	/* A client that expects no particular peer would accept any member. */
	if (expect == NULL && pz_tls_kind_purpose(ctx->kind) == PZ_TLS_FOR_ZONE)
		return PZ_ERR_CONFIG;
	if (sni != NULL && !is_host_name(sni))
		return PZ_ERR_CONFIG;
	PZ_TRY(session_new(ctx, ctx->env, &tls));
	if (expect != NULL)
		PZ_TRY(pz_tls_expect_copy(expect, &tls->expect));
	if (expect != NULL && expect->role == PZ_EXPECT_DEVICE && expect->zone != NULL)
		tls->expect->known = pz_tls_proofs_find(ctx->proofs, expect->zone);
	if (tls->expect != NULL && tls->expect->known != NULL)
		pz_tls_proof_offer(tls->ssl);
	if (sni != NULL && SSL_set_tlsext_host_name(tls->ssl, sni) != 1)
		return PZ_ERR_LIMIT_MEMORY;
	*out = PZ_TAKE(tls);
	return PZ_OK;
}

void
pz_tls_free(struct pz_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	pz_tls_ctx_free(tls->ctx);
	free(tls->expect);
	free(tls->peer);
	free(tls);
}

/* ---- bytes ---- */

void
pz_tls_input(struct pz_tls *tls, struct pz_slice cipher)
{
	/* Borrowed until the next call of handshake or read, which consumes all of it. */
	tls->in = cipher;
}

/* Before each call of OpenSSL: sets where its call-backs write, and clears the error queue. */
static void
enter(struct pz_tls *tls, struct pz_buf *out, struct pz_errinfo *info)
{
	tls->out = out;
	tls->info = info;
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

/* True if the server's chain is verified later, against what its messages prove. */
static bool
is_judged_later(enum pz_tls_kind kind)
{
	enum pz_tls_purpose purpose = pz_tls_kind_purpose(kind);

	return purpose == PZ_TLS_FOR_ENROLMENT || purpose == PZ_TLS_FOR_FRIEND;
}

/* After each call of OpenSSL. @return PZ_OK also when OpenSSL only needs more input */
static enum pz_err
leave(struct pz_tls *tls, int ret)
{
	struct pz_errinfo *info = tls->info;
	int why = ret == 1 ? SSL_ERROR_NONE : SSL_get_error(tls->ssl, ret);

	tls->out = NULL;
	tls->info = NULL;
	if (why == SSL_ERROR_NONE || why == SSL_ERROR_WANT_READ)
		return PZ_OK;
	/* After an error the remaining input is useless, and the caller's memory ends with the
	 * call. */
	tls->in = pz_slice_of(NULL, 0);
	if (why == SSL_ERROR_ZERO_RETURN)
		return pz_fail(info, PZ_ERR_IO_CLOSED, "peer closed the session");

	struct pz_tls_alert_scene scene = {
		.proven = tls->phase == PZ_TLS_READY,
		.enrol = tls->ctx != NULL && is_judged_later(tls->ctx->kind),
	};
	tls->phase = PZ_TLS_FAILED;
	if (tls->fault == PZ_OK)
		return pz_tls_queue_error(scene, info);
	ERR_clear_error();
	return tls->fault; /* the call-back has set its text */
}

/*
 * The peer's public key, 2 KiB in OpenSSL's form, is not needed after its signature is checked:
 * there is neither renegotiation nor post-handshake authentication. The certificate belongs to this
 * session alone, so its key object may be emptied.
 */
static void
drop_peer_key(SSL *ssl)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	EVP_PKEY *key = leaf ? X509_get0_pubkey(leaf) : NULL;

	if (key != NULL)
		(void)EVP_PKEY_set_type(key, EVP_PKEY_ED25519);
}

/* Checks what must hold after the handshake in addition to OpenSSL's checks. */
static enum pz_err
finish(struct pz_tls *tls, struct pz_errinfo *info)
{
	const unsigned char *alpn;
	unsigned int len;
	enum pz_tls_purpose purpose = pz_tls_kind_purpose(tls->ctx->kind);
	bool is_zone = purpose == PZ_TLS_FOR_ZONE;
	const char *ours = pz_tls_alpn_name(purpose);

	/* pz_tls_on_verify has checked the expectation. */
	free(tls->expect);
	tls->expect = NULL;
	SSL_get0_alpn_selected(tls->ssl, &alpn, &len);
	/* pz/1 may be missing, the other names may not: their peer was not verified. */
	if (!pz_slice_eq_str(pz_slice_of(alpn, len), ours) && (!is_zone || len > 0))
		return pz_fail(info, PZ_ERR_PROTO, "TLS: peer does not speak %s", ours);
	if (is_zone && tls->peer == NULL)
		return pz_fail(info, PZ_ERR_INTERNAL, "TLS: peer was not verified");
	if (is_zone)
		drop_peer_key(tls->ssl);
	return PZ_OK;
}

enum pz_err
pz_tls_handshake(struct pz_tls *tls, struct pz_buf *cipher_out, bool *out_done,
		 struct pz_errinfo *info)
{
	if (tls->phase == PZ_TLS_FAILED)
		return pz_fail(info, PZ_ERR_IO_CLOSED, "session has failed");
	/* Waits for the first bytes: a stranger that sends nothing must not get OpenSSL's buffers
	 * of 40 KiB. */
	if (!tls->is_client && tls->in.len == 0 && SSL_in_before(tls->ssl)) {
		*out_done = false;
		return PZ_OK;
	}
	if (tls->phase == PZ_TLS_HANDSHAKE) {
		enter(tls, cipher_out, info);
		int ret = SSL_do_handshake(tls->ssl);
		enum pz_err err = leave(tls, ret);
		if (err == PZ_OK && ret == 1) {
			err = finish(tls, info);
			if (err == PZ_OK)
				tls->phase = PZ_TLS_READY;
		}
		if (err != PZ_OK) {
			tls->phase = PZ_TLS_FAILED;
			return err;
		}
	}
	*out_done = tls->phase == PZ_TLS_READY;
	return PZ_OK;
}

enum pz_err
pz_tls_read(struct pz_tls *tls, uint8_t *plain, size_t cap, size_t *out_len,
	    struct pz_buf *cipher_out, struct pz_errinfo *info)
{
	size_t len = 0;

	if (tls->phase == PZ_TLS_FAILED)
		/* The reason is reported once; later calls would only report consequences. */
		return pz_fail(info, PZ_ERR_IO_CLOSED, "session has failed");
	if (tls->phase != PZ_TLS_READY)
		return pz_fail(info, PZ_ERR_INTERNAL, "handshake is not done");
	/* Without read-ahead OpenSSL holds no complete record except the one that it is
	 * returning. */
	if (tls->in.len > 0 || SSL_pending(tls->ssl) > 0 || SSL_get_shutdown(tls->ssl) != 0) {
		enter(tls, cipher_out, info);
		PZ_TRY(leave(tls, SSL_read_ex(tls->ssl, plain, cap, &len)));
	}
	*out_len = len;
	return PZ_OK;
}

/* Records are written as they come, because the link has already coalesced the messages. */
enum pz_err
pz_tls_write(struct pz_tls *tls, struct pz_slice plain, struct pz_buf *cipher_out)
{
	if (tls->phase == PZ_TLS_FAILED || tls->close_sent)
		return PZ_ERR_IO_CLOSED;
	if (tls->phase != PZ_TLS_READY)
		return PZ_ERR_INTERNAL;
	while (plain.len > 0) {
		size_t len = 0;

		enter(tls, cipher_out, NULL);
		PZ_TRY(leave(tls, SSL_write_ex(tls->ssl, plain.ptr, plain.len, &len)));
		plain = pz_slice_of(plain.ptr + len, plain.len - len);
	}
	return PZ_OK;
}

void
pz_tls_close(struct pz_tls *tls, struct pz_buf *cipher_out)
{
	if (tls->phase != PZ_TLS_READY || tls->close_sent)
		return;
	tls->close_sent = true;
	enter(tls, cipher_out, NULL);
	/* Best effort: the connection ends in any case. */
	(void)SSL_shutdown(tls->ssl); /* without memory there is no close_notify: the peer then sees
					 a hang-up */
	tls->out = NULL;
	ERR_clear_error();
}

void
pz_tls_idle(struct pz_tls *tls)
{
	if (tls->phase != PZ_TLS_READY)
		return;
	(void)SSL_free_buffers(tls->ssl); /* refuses while a record is incomplete */
}

/* ---- questions ---- */

bool
pz_tls_is_ready(const struct pz_tls *tls)
{
	return tls->phase == PZ_TLS_READY;
}

bool
pz_tls_has_hello(const struct pz_tls *tls)
{
	return tls->ctx != NULL;
}

bool
pz_tls_is_enrol(const struct pz_tls *tls)
{
	return tls->phase == PZ_TLS_READY &&
	       pz_tls_kind_purpose(tls->ctx->kind) == PZ_TLS_FOR_ENROLMENT;
}

bool
pz_tls_is_pairing(const struct pz_tls *tls)
{
	return tls->phase == PZ_TLS_READY &&
	       pz_tls_kind_purpose(tls->ctx->kind) == PZ_TLS_FOR_PAIRING;
}

bool
pz_tls_is_befriending(const struct pz_tls *tls)
{
	return tls->phase == PZ_TLS_READY &&
	       pz_tls_kind_purpose(tls->ctx->kind) == PZ_TLS_FOR_FRIEND;
}

const struct pz_peer *
pz_tls_peer(const struct pz_tls *tls)
{
	return tls->phase == PZ_TLS_READY ? tls->peer : NULL;
}

void
pz_tls_drop_peer(struct pz_tls *tls)
{
	if (tls->phase != PZ_TLS_READY)
		return; /* finish() still has to know that the peer was verified */
	/* By now the owner has what it needs of the peer; otherwise a thousand links would keep it
	 * a thousand times. */
	free(tls->peer);
	tls->peer = NULL;
}

enum pz_err
pz_tls_export(struct pz_tls *tls, const char *label, uint8_t *out, size_t len)
{
	if (tls->phase != PZ_TLS_READY)
		return PZ_ERR_INTERNAL;
	ERR_clear_error();
	/* RFC 8446 7.5, without a context: both ends of this connection get the same bytes, and
	 * nothing between them can. */
	if (SSL_export_keying_material(tls->ssl, out, len, label, strlen(label), NULL, 0, 0) == 1)
		return PZ_OK;
	ERR_clear_error();
	return PZ_ERR_CRYPTO;
}

/* OpenSSL still holds the chain that the server has sent. */
enum pz_err
pz_tls_verify_peer(struct pz_tls *tls, const struct pz_trust *trust, const struct pz_expect *expect,
		   uint64_t wall_ms, struct pz_errinfo *info)
{
	struct pz_peer peer;

	if (tls->phase != PZ_TLS_READY || !is_judged_later(tls->ctx->kind) || !tls->is_client)
		return pz_fail(info, PZ_ERR_INTERNAL, "not a session that is judged later");
	X509 *leaf = SSL_get0_peer_certificate(tls->ssl);
	if (leaf == NULL)
		return pz_fail(info, PZ_ERR_DENIED_CHAIN, "hub showed no certificate");
	/* The same six rules as in a handshake, but later: the anchor was not known then. */
	enum pz_err err = pz_verify_chain(trust, leaf, SSL_get_peer_cert_chain(tls->ssl), expect,
					  wall_ms, &peer, NULL, info);
	ERR_clear_error();
	return err;
}

const char *
pz_tls_describe(const struct pz_tls *tls)
{
	static _Thread_local char text[64];

	if (tls->phase != PZ_TLS_READY)
		return "";
	(void)snprintf(text, sizeof(text), "%s %s", SSL_get_version(tls->ssl),
		       SSL_CIPHER_standard_name(SSL_get_current_cipher(tls->ssl)));
	return text;
}
