/*
 * The kind of a context (what it is for), and its references: all that a handshake needs of a
 * context that was made elsewhere.
 */
#include <openssl/ssl.h>

#include "tls/ctx.h"
#include "tls/internal.h"

static const char *const alpn_names[] = {
	[PZ_TLS_FOR_ZONE] = PZ_TLS_ALPN,
	[PZ_TLS_FOR_ENROLMENT] = PZ_TLS_ALPN_ENROL,
	[PZ_TLS_FOR_PAIRING] = PZ_TLS_ALPN_PAIR,
	[PZ_TLS_FOR_FRIEND] = PZ_TLS_ALPN_FRIEND,
};

bool
pz_tls_kind_is_server(enum pz_tls_kind kind)
{
	return kind == PZ_TLS_HUB_SERVER || kind == PZ_TLS_ENROL_SERVER ||
	       kind == PZ_TLS_PEER_SERVER || kind == PZ_TLS_PAIR_SERVER ||
	       kind == PZ_TLS_FRIEND_SERVER;
}

enum pz_tls_purpose
pz_tls_kind_purpose(enum pz_tls_kind kind)
{
	if (kind == PZ_TLS_ENROL_SERVER || kind == PZ_TLS_ENROL_CLIENT)
		return PZ_TLS_FOR_ENROLMENT;
	if (kind == PZ_TLS_PAIR_SERVER || kind == PZ_TLS_PAIR_CLIENT)
		return PZ_TLS_FOR_PAIRING;
	if (kind == PZ_TLS_FRIEND_SERVER || kind == PZ_TLS_FRIEND_CLIENT)
		return PZ_TLS_FOR_FRIEND;
	return PZ_TLS_FOR_ZONE;
}

const char *
pz_tls_alpn_name(enum pz_tls_purpose purpose)
{
	return alpn_names[purpose];
}

/* SSL_VERIFY_FAIL_IF_NO_PEER_CERT matters for servers only; clients ignore it. */
int
pz_tls_kind_verify_mode(enum pz_tls_kind kind)
{
	/* A device that enrols has no certificate yet; the code authenticates it (page 3). The
	 * certificate of a stranger proves nothing; the exchange authenticates it (page 6). */
	if (kind == PZ_TLS_ENROL_SERVER || kind == PZ_TLS_PAIR_SERVER ||
	    kind == PZ_TLS_FRIEND_SERVER)
		return SSL_VERIFY_NONE;
	return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

struct pz_tls_ctx *
pz_tls_ctx_ref(struct pz_tls_ctx *ctx)
{
	atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
	return ctx;
}
