/* One TLS session as a pure object: bytes in, bytes out; no sockets, never blocks. */
#ifndef PZ_TLS_SESSION_H
#define PZ_TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "base/slice.h"
#include "tls/ctx.h"
#include "x509/verify.h"

/*
 * How to drive a session:
 *
 *     pz_tls_handshake(tls, out, ...)              a client: its first flight; a server: nothing
 * yet for each piece that arrives: pz_tls_input(tls, piece) if (!pz_tls_is_ready(tls))
 * pz_tls_handshake(tls, out, &done, ...) if (pz_tls_is_ready(tls)) pz_tls_read(tls, ...) until it
 * yields 0 bytes send what is in out
 *
 * After an error `out` may hold an alert: send it, then close, so that the other side learns why.
 * A session belongs to one thread at a time.
 */
struct pz_tls;

/**
 * Chooses the context for a new connection from the client's first message.
 * @param sni_first_label lower-cased first label of the server name; "" when the client sent none
 * @param purpose what the client wants: its ALPN name
 * @return borrowed context (the session takes a reference) of a kind for this purpose; NULL refuses
 * the connection (alert unrecognized_name; access_denied for other purposes than the zone)
 * @spec page 2 "SNI", page 3 "only while a code is live"
 */
typedef struct pz_tls_ctx *(*pz_tls_select)(void *arg, const char *sni_first_label,
					    enum pz_tls_purpose purpose);

/**
 * Makes the server side of a connection.
 * @param select called once, inside pz_tls_handshake; @param arg is for it
 * @param env borrowed for the session's life: wall clock of the verification
 * @param out the caller's, pz_tls_free
 * Errors: LIMIT_MEMORY, CRYPTO (OpenSSL cannot be set up).
 */
enum pz_err pz_tls_new_server(pz_tls_select select, void *arg, const struct pz_env *env,
			      struct pz_tls **out) PZ_MUST_USE;

/**
 * Makes the client side of a connection.
 * @param ctx of a kind that dials; the session takes a reference
 * @param sni whole server name to send; NULL: none
 * @param expect the identity that must answer, copied; NULL only for other purposes than the zone.
 * A device of a zone whose secret the context has gets a ClientHello that proves the secret.
 * @param out the caller's, pz_tls_free
 * Errors: CONFIG (kind of ctx, expect missing, sni is no host name), LIMIT_MEMORY.
 * @spec page 2 rule 5
 */
enum pz_err pz_tls_new_client(struct pz_tls_ctx *ctx, const char *sni,
			      const struct pz_expect *expect, struct pz_tls **out) PZ_MUST_USE;

/** Frees the session at once; sends nothing to the peer. NULL is fine. */
void pz_tls_free(struct pz_tls *tls);
PZ_AUTO_DEFINE(struct pz_tls, pz_tls_free)

/**
 * Passes in bytes from the network. They are borrowed, not copied: they must stay until
 * pz_tls_handshake has reported "not done" or an error, or pz_tls_read has yielded 0 bytes or an
 * error (then all bytes are consumed). The next input may come only after that.
 */
void pz_tls_input(struct pz_tls *tls, struct pz_slice cipher);

/**
 * Continues the handshake as far as the input reaches. Does nothing when it is done.
 * @param cipher_out bytes for the network are appended, on errors too (alerts)
 * @param out_done true: both sides' certificates are verified as far as this side can know (with
 * TLS 1.3 a server's refusal reaches a client only in pz_tls_read)
 * Errors, our refusal: DENIED_CHAIN (also no certificate), DENIED_EXPIRED, DENIED_REVOKED,
 * DENIED_WEAK, DENIED_IDENTITY as pz_verify_chain; DENIED (select refused; the ClientHello proves
 * none of the secrets of a peer server);
 * PROTO (no common version, cipher or ALPN; bytes that are no TLS); IO_CLOSED (close_notify).
 * The peer's refusal: by its alert as pz_tls_read, but DENIED_REMOTE in place of DENIED_REVOKED:
 * the sender of an alert has proved nothing here, and a device wipes itself when its hub says that
 * it is revoked. NOTFOUND (alert unrecognized_name: the zone is not served there).
 * Besides: LIMIT_QUEUE (cipher_out is full), LIMIT_MEMORY, CRYPTO.
 * Every error is final: later calls fail with IO_CLOSED.
 * @spec page 2, page 14 TLS-2, TLS-4
 */
enum pz_err pz_tls_handshake(struct pz_tls *tls, struct pz_buf *cipher_out, bool *out_done,
			     struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Decrypts up to `cap` bytes of the input.
 * @param plain at least cap bytes; @param cap > 0, 16 KiB takes a whole record at once
 * @param out_len 0: the input is used up and more is wanted
 * @param cipher_out as in pz_tls_handshake (alerts, answers to key updates)
 * Errors: IO_CLOSED (the peer's close_notify, in order after all data); PROTO (bad record, other
 * fatal alerts); the peer's fatal alert about our certificate: DENIED_REVOKED
 * (certificate_revoked), DENIED_REMOTE_DATE (certificate_expired), DENIED_REMOTE (unknown_ca,
 * bad_certificate, unsupported_certificate, certificate_unknown, certificate_required,
 * access_denied; for an enrolment or a friend access_denied is DENIED); INTERNAL (the handshake is
 * not done); LIMIT_QUEUE, LIMIT_MEMORY, CRYPTO. Every error is final, but after IO_CLOSED
 * pz_tls_write still works.
 */
enum pz_err pz_tls_read(struct pz_tls *tls, uint8_t *plain, size_t cap, size_t *out_len,
			struct pz_buf *cipher_out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Encrypts all of `plain` into records of up to 16 KiB.
 * Errors: LIMIT_QUEUE (cipher_out has no room; the session is then dead), LIMIT_MEMORY, CRYPTO,
 * INTERNAL (the handshake is not done), IO_CLOSED (after an error or pz_tls_close).
 */
enum pz_err
pz_tls_write(struct pz_tls *tls, struct pz_slice plain, struct pz_buf *cipher_out) PZ_MUST_USE;

/** Appends close_notify if the handshake is done and nothing failed; otherwise does nothing. */
void pz_tls_close(struct pz_tls *tls, struct pz_buf *cipher_out);

/** Gives the record buffers back (33 KiB); they return with the next bytes. Nothing happens while a
 * record has arrived in part. @spec page 13 */
void pz_tls_idle(struct pz_tls *tls);

/** True when the handshake is done and nothing failed since. */
bool pz_tls_is_ready(const struct pz_tls *tls);
/** True for a client, and for a server when it has a whole ClientHello that `select` accepted. */
bool pz_tls_has_hello(const struct pz_tls *tls);
/** True when the handshake is done and agreed on ALPN pz-enrol/1. */
bool pz_tls_is_enrol(const struct pz_tls *tls);
/** True when the handshake is done and agreed on ALPN pz-pair/1. */
bool pz_tls_is_pairing(const struct pz_tls *tls);
/** True when the handshake is done and agreed on ALPN pz-friend/1. */
bool pz_tls_is_befriending(const struct pz_tls *tls);

/** The verified identity; NULL before the handshake is done, on a session that is not for a zone,
 * and after pz_tls_drop_peer. Borrowed until then. */
const struct pz_peer *pz_tls_peer(const struct pz_tls *tls);
/** Frees the copy of the identity: after admission the session table knows it. */
void pz_tls_drop_peer(struct pz_tls *tls);

/**
 * Keying material of this connection (exporter without context).
 * @param out len bytes; secret, the caller wipes
 * Errors: INTERNAL (the handshake is not done), CRYPTO.
 * @spec RFC 8446 7.5, page 3
 */
enum pz_err
pz_tls_export(struct pz_tls *tls, const char *label, uint8_t *out, size_t len) PZ_MUST_USE;

/**
 * Verifies the chain that the server of an enrolment, or of an invitation to a friend, showed
 * against a trust set that was received later. @param expect NULL: any identity within the trust
 * set Errors: as pz_verify_chain; INTERNAL (not such a client's finished session).
 * @spec page 3 step 4
 */
enum pz_err
pz_tls_verify_peer(struct pz_tls *tls, const struct pz_trust *trust, const struct pz_expect *expect,
		   uint64_t wall_ms, struct pz_errinfo *info) PZ_MUST_USE;

/** Version and cipher, "TLSv1.3 TLS_AES_128_GCM_SHA256"; "" before the handshake is done. Borrowed
 * until the next call in this thread. */
const char *pz_tls_describe(const struct pz_tls *tls);

#endif
