/* The proof of a client in its ClientHello that it knows the zone's secret (page 6, "A port that
 * shows no name"): without it a device answers no direct link. */
#ifndef PZ_BENCH_PROOF_H
#define PZ_BENCH_PROOF_H

#include <openssl/ssl.h>

#include "zone/tag.h"

/** What a session proves, and the identity that it sends; lives as long as the session. */
struct proof {
	unsigned char secret[PZ_ZONE_SECRET_BYTES];
	unsigned char identity[32];
};

/** Reads the secret of the first zone of a layout. */
void proof_init(struct proof *proof, const char *dir);
/** Lets a session prove it, before its handshake. @param proof borrowed */
void proof_offer(SSL *ssl, struct proof *proof);

#endif
