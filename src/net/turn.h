/*
 * What links of one thread share, and what is done once at the end of each loop turn: a link that
 * was sent to is flushed once, whatever the number of messages (page 13), and a link that was
 * closed is freed when none of its functions is on the stack any more.
 */
#ifndef PZ_NET_TURN_H
#define PZ_NET_TURN_H

#include "base/buf.h"
#include "base/list.h"

/** Plaintext of one read; holds many messages and at least one TLS record. */
#define PZ_TURN_PLAIN_BYTES (256U << 10)
/** Plaintext that is encrypted before the stream is asked to take it. */
#define PZ_TURN_CHUNK_BYTES (64U << 10)

struct pz_turn {
	struct pz_list dirty;   /* links with something to flush */
	struct pz_list closing; /* links to be closed and freed */
	struct pz_buf_pool *queue_pool, *cipher_pool;
	struct pz_buf cipher; /* ciphertext on its way to a stream; empty between calls */
	uint8_t *plain;       /* PZ_TURN_PLAIN_BYTES */
	unsigned handshakes;  /* steps done in this turn */
	unsigned handshakes_max;
};

/** Errors: LIMIT_MEMORY. @param handshakes_max 0: PZ_HANDSHAKES_PER_TURN_MAX */
enum pz_err pz_turn_init(struct pz_turn *turn, unsigned handshakes_max) PZ_MUST_USE;
/** Every link must be gone (closed, and a turn ended since). */
void pz_turn_fini(struct pz_turn *turn);
/** Ends the turn: closes, flushes, until nothing is left to do. */
void pz_turn_end(struct pz_turn *turn);

#endif
