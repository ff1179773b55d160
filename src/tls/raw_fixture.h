/* The other end of one of our sessions: OpenSSL as another program would use it. */
#ifndef PZ_TLS_RAW_FIXTURE_H
#define PZ_TLS_RAW_FIXTURE_H

#include "kit/test.h"

#include <openssl/ssl.h>

#include "kit/clock.h"
#include "kit/tls.h"

struct raw {
	SSL_CTX *ctx; /* as the test wants it, before raw_start */
	SSL *ssl;
	BIO *in, *out;
	int reason; /* of its first fatal error */
};

/* Makes the session of `ctx`, client or server as the context is; its app data is `r`. */
void raw_start(struct raw *r);
/* Frees it and the other end. */
void raw_fini(struct raw *r, struct pz_kit_tls_pair *p);

/* Takes what is in `in`, continues, appends to `out`. */
void raw_step(struct raw *r, struct pz_buf *in, struct pz_buf *out);

/* It starts and meets an end of ours, until nothing moves. @param p is initialised here */
void raw_meets_server(struct raw *r, struct pz_kit_tls_pair *p, struct pz_tls_ctx *server,
		      const struct pz_env *env);
void raw_meets_client(struct raw *r, struct pz_kit_tls_pair *p, struct pz_tls_ctx *client,
		      const struct pz_expect *expected, const struct pz_env *env);

#endif
