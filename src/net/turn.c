/*
 * The end of a turn of the loop: links that have something to send encrypt and send it once, closed
 * links are freed. Buffers that a link needs only within a turn belong to the turn, so that a
 * thousand idle links cost none.
 */
#include "net/turn.h"

#include <stdlib.h>

#include "base/limits.h"
#include "net/link.h"

/* Most queues hold a message or two; the pool keeps as many blocks as links are busy in one turn.
 */
#define QUEUE_BLOCK_BYTES (8U << 10)
#define QUEUE_BLOCKS_KEPT 1024
/* One chunk and the overhead of its records (16 KiB each, 22 bytes), and a handshake flight. */
#define CIPHER_BLOCK_BYTES (PZ_TURN_CHUNK_BYTES + (8U << 10))
#define CIPHER_BLOCKS_KEPT 2

enum pz_err
pz_turn_init(struct pz_turn *turn, unsigned handshakes_max)
{
	*turn = (struct pz_turn){
		.handshakes_max = handshakes_max ? handshakes_max : PZ_HANDSHAKES_PER_TURN_MAX,
	};
	pz_list_init(&turn->dirty);
	pz_list_init(&turn->closing);
	turn->queue_pool = pz_buf_pool_new(QUEUE_BLOCK_BYTES, QUEUE_BLOCKS_KEPT);
	turn->cipher_pool = pz_buf_pool_new(CIPHER_BLOCK_BYTES, CIPHER_BLOCKS_KEPT);
	turn->plain = malloc(PZ_TURN_PLAIN_BYTES);
	if (turn->queue_pool == NULL || turn->cipher_pool == NULL || turn->plain == NULL) {
		pz_turn_fini(turn);
		return PZ_ERR_LIMIT_MEMORY;
	}
	pz_buf_init(&turn->cipher, 2 * CIPHER_BLOCK_BYTES, turn->cipher_pool);
	return PZ_OK;
}

void
pz_turn_fini(struct pz_turn *turn)
{
	pz_buf_fini(&turn->cipher);
	pz_buf_pool_free(turn->queue_pool);
	pz_buf_pool_free(turn->cipher_pool);
	free(turn->plain);
	*turn = (struct pz_turn){0};
}

void
pz_turn_end(struct pz_turn *turn)
{
	struct pz_list *node;

	turn->handshakes = 0;
	/* Until both lists are empty: the end of one link may make others send, or close them.
	 * Closed ones first, so that nothing is encrypted for them. */
	for (;;) {
		if ((node = pz_list_first(&turn->closing)) != NULL) {
			pz_list_remove(node);
			pz_link_finish(PZ_CONTAINER(node, struct pz_link, end.node));
		} else if ((node = pz_list_first(&turn->dirty)) != NULL) {
			pz_list_remove(node);
			pz_link_flush(PZ_CONTAINER(node, struct pz_link, dirty_node));
		} else {
			return;
		}
	}
}
