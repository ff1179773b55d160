/* TLS contexts of a zone's nodes, and two sessions joined in memory. */
#ifndef PZ_KIT_TLS_H
#define PZ_KIT_TLS_H

#include "base/buf.h"
#include "kit/zone.h"
#include "tls/ctx.h"
#include "tls/session.h"

/**
 * A context with the clock of the zone. Unless it is for enrolment or pairing, it accepts the nodes
 * of the zone, and proves the zone's secret to its devices.
 * @param node NULL: without a certificate
 * @param revoked a certificate that the zone has revoked; NULL: none
 * @return the caller's, pz_tls_ctx_free
 */
struct pz_tls_ctx *pz_kit_tls_ctx(enum pz_tls_kind kind, const struct pz_kit_identity *node,
				  const struct pz_kit_zone *zone, const struct pz_cert *revoked);

/** Two sessions and the bytes between them. */
struct pz_kit_tls_pair {
	struct pz_tls *client, *server;
	struct pz_buf to_server, to_client;
	size_t piece;                       /* bytes handed over at a time; 0: all */
	enum pz_err client_err, server_err; /* first error of each side */
	struct pz_errinfo client_info, server_info;
	struct pz_tls_ctx *answer;   /* the context that the server selects, borrowed */
	char label[64];              /* first label of the name that the client asked for */
	enum pz_tls_purpose purpose; /* what the client asked for */
	int selects;
	size_t app_bytes; /* application bytes that came out on either side */
};

/** Opens a pair. @param client NULL: no client session @param server the answer to each client */
void pz_kit_tls_pair_init(struct pz_kit_tls_pair *pair, struct pz_tls_ctx *client,
			  struct pz_tls_ctx *server, const char *sni,
			  const struct pz_expect *expect, const struct pz_env *env);
/** Frees sessions and bytes; the contexts stay. */
void pz_kit_tls_pair_fini(struct pz_kit_tls_pair *pair);

/** Drives one side with the bytes that wait for it, `piece` at a time. @param in for it @param out
 * from it @param err its first error, or PZ_OK */
void pz_kit_tls_side(struct pz_kit_tls_pair *pair, struct pz_tls *tls, struct pz_buf *in,
		     struct pz_buf *out, enum pz_err *err, struct pz_errinfo *info);
/** Drives both sides until no byte moves. */
void pz_kit_tls_pair_run(struct pz_kit_tls_pair *pair);

#endif
