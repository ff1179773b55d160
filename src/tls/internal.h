/* The structs behind ctx.h and session.h, and what their files share. Inside this module only. */
#ifndef PZ_TLS_INTERNAL_H
#define PZ_TLS_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "tls/ctx.h"
#include "tls/session.h"

struct pz_tls_known;
struct pz_tls_proofs;
struct ssl_ctx_st;
struct ssl_st;
struct x509_store_ctx_st;

struct pz_tls_ctx {
	atomic_uint refs;
	enum pz_tls_kind kind;
	struct ssl_ctx_st *ssl_ctx;
	struct pz_trust *trust;
	struct pz_tls_proofs *proofs; /* NULL: no secret */
	const struct pz_env *env;
};

/** The state of a session. */
enum pz_tls_phase { PZ_TLS_HANDSHAKE, PZ_TLS_READY, PZ_TLS_FAILED };

/** Copy of a struct pz_expect; lives as long as the handshake. */
struct pz_tls_expect {
	const struct pz_tls_known *known; /* of the context: the secret that a client proves, or
					   * that a server's client has proved; NULL: none */
	uint8_t proof[32];                /* a client's, until OpenSSL has copied it */
	struct pz_expect want;
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char device[PZ_DEVICE_BYTES_MAX + 1];
};

struct pz_tls {
	struct ssl_st *ssl;
	struct pz_tls_ctx *ctx; /* own reference; server: NULL until the client spoke */
	const struct pz_env *env;
	struct pz_slice in;      /* borrowed input that was not consumed yet */
	struct pz_buf *out;      /* inside a call only */
	struct pz_errinfo *info; /* inside a call only; may be NULL */
	pz_tls_select select;    /* server */
	void *select_arg;
	struct pz_tls_expect *expect; /* until the handshake is done; NULL: nothing is expected */
	struct pz_peer *peer; /* set by pz_tls_on_verify; shown to others once PZ_TLS_READY */
	enum pz_err fault;    /* why a call-back stopped OpenSSL, PZ_OK: it was not us */
	uint8_t phase;        /* enum pz_tls_phase */
	bool is_client;
	bool close_sent;
};

/** True for the kinds that answer connections. */
bool pz_tls_kind_is_server(enum pz_tls_kind kind);
/** The purpose of connections of this kind. */
enum pz_tls_purpose pz_tls_kind_purpose(enum pz_tls_kind kind);
/** Their ALPN name. Static. */
const char *pz_tls_alpn_name(enum pz_tls_purpose purpose);
/** SSL_VERIFY_* of a kind. */
int pz_tls_kind_verify_mode(enum pz_tls_kind kind);

/**
 * Copies the expected identity of the other end, which outlives the caller's strings.
 * @param out the caller's, free
 * Errors: CONFIG (a name is too long), LIMIT_MEMORY.
 */
enum pz_err
pz_tls_expect_copy(const struct pz_expect *from, struct pz_tls_expect **out) PZ_MUST_USE;

/**
 * A fresh SSL_CTX with the settings that all kinds share: versions, ciphers, groups, signatures,
 * no tickets and so on. A server's session starts on such a context before its zone is known, and
 * SSL_set_SSL_CTX does not carry these settings over: so they must be the same in all.
 * Errors: LIMIT_MEMORY, CRYPTO.
 */
enum pz_err
pz_tls_ssl_ctx_new(bool server, struct ssl_ctx_st **out, struct pz_errinfo *info) PZ_MUST_USE;

/** SSL_CTX_set_client_hello_cb function of the neutral context: moves the session to its zone's. */
int pz_tls_on_client_hello(struct ssl_st *ssl, int *alert, void *arg);
/** SSL_CTX_set_cert_verify_callback function of every context. */
int pz_tls_on_verify(struct x509_store_ctx_st *store, void *arg);

#endif
