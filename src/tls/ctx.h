/* TLS settings of one kind of link: certificate, trust set, protocol versions, ciphers, ALPN. */
#ifndef PZ_TLS_CTX_H
#define PZ_TLS_CTX_H

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/env.h"
#include "base/err.h"
#include "x509/cert.h"
#include "x509/key.h"
#include "x509/verify.h"

#define PZ_TLS_ALPN "pz/1"
#define PZ_TLS_ALPN_ENROL "pz-enrol/1"
#define PZ_TLS_ALPN_PAIR "pz-pair/1"
#define PZ_TLS_ALPN_FRIEND "pz-friend/1"

/* Certificates of a peer in one handshake message, bytes: four of the largest that page 2 allows
 * (RSA 4096 leaf and CA are 2 KiB each) with room; bounds what a stranger makes us hold. */
#define PZ_TLS_CERT_LIST_BYTES_MAX (16U << 10)

/** The use of a context. */
enum pz_tls_kind {
	PZ_TLS_HUB_SERVER,    /* hub, zone links: devices and friend hubs dial in */
	PZ_TLS_ENROL_SERVER,  /* hub, enrolment: requests no certificate */
	PZ_TLS_CLIENT,        /* any outgoing zone link */
	PZ_TLS_ENROL_CLIENT,  /* virgin device: accepts any certificate for now */
	PZ_TLS_PEER_SERVER,   /* device, direct links: only devices dial in */
	PZ_TLS_PAIR_SERVER,   /* device, pairing window: presents a certificate of no zone,
			       * requests none */
	PZ_TLS_PAIR_CLIENT,   /* the same, dialling: accepts any certificate */
	PZ_TLS_FRIEND_SERVER, /* hub, a friend accepts an invitation: requests no certificate */
	PZ_TLS_FRIEND_CLIENT, /* hub that accepts one: accepts any certificate for now */
};

/** The purpose of a connection: its ALPN name. Certificates are verified for PZ_TLS_FOR_ZONE only;
 * for the others the messages prove the identity of the other end. */
enum pz_tls_purpose {
	PZ_TLS_FOR_ZONE,      /* pz/1, or no ALPN */
	PZ_TLS_FOR_ENROLMENT, /* pz-enrol/1 */
	PZ_TLS_FOR_PAIRING,   /* pz-pair/1 */
	PZ_TLS_FOR_FRIEND,    /* pz-friend/1 */
};

#define PZ_TLS_SECRET_BYTES 32

/** A secret that the devices of a zone share with the owner of a context: that of its own zone, or
 * of a friendship. */
struct pz_tls_secret {
	const char *zone; /* of the devices at the other end */
	const uint8_t *bytes;
};

/** The parts of a context. Borrowed during the call unless stated. */
struct pz_tls_config {
	enum pz_tls_kind kind;
	struct pz_cert *const *chain; /* leaf first, without the anchor */
	size_t chain_len;
	struct pz_key
		*key; /* of the leaf; NULL with chain_len 0 (clients that are not for a zone) */
	struct pz_trust
		*trust; /* the context takes a reference; NULL for kinds that are not for a zone */
	const struct pz_env *env; /* borrowed for the context's life: wall clock */
	/* Copied. A peer server presents its certificate to a client that proves one of them, and
	 * accepts only a device of that zone; without any it accepts no client. A client proves
	 * that of the zone whose device it dials. The other kinds ignore them. */
	const struct pz_tls_secret *secrets;
	size_t secrets_len;
};

/** Immutable, reference counted (thread-safe). A change of trust makes a new one (page 2). */
struct pz_tls_ctx;

/**
 * Makes a context.
 *
 * TLS 1.3 only (1.2 sends certificates in the clear); no compression,
 * tickets, session cache or early data. All other kinds authenticate both sides in every handshake
 * by pz_verify_chain with `trust` and the wall clock of the moment. A peer server refuses a client
 * that proves no secret with handshake_failure, before it has sent anything.
 * @param out the caller's, pz_tls_ctx_free
 * Errors: CONFIG (certificate, key or trust set missing, key of another certificate, or a hub's
 * certificate in a device's context or the other way round, a zone's name that is too long),
 * CRYPTO (OpenSSL refused a setting),
 * LIMIT_MEMORY.
 * @spec page 2 "TLS", page 3, page 6 "A port that shows no name", page 14 TLS-1 to TLS-3, TLS-8
 */
enum pz_err pz_tls_ctx_new(const struct pz_tls_config *config, struct pz_tls_ctx **out,
			   struct pz_errinfo *info) PZ_MUST_USE;

/** One more reference; returns its argument. */
struct pz_tls_ctx *pz_tls_ctx_ref(struct pz_tls_ctx *ctx);
/** Drops a reference. Sessions hold their own. NULL is fine. */
void pz_tls_ctx_free(struct pz_tls_ctx *ctx);
PZ_AUTO_DEFINE(struct pz_tls_ctx, pz_tls_ctx_free)

#endif
