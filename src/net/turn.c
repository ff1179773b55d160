/*
 * The end of a turn of the loop: links with something to send encrypt and send it once; closed
 * links send their last bytes and are freed. Buffers that a link needs only within a turn belong to
 * the turn, so a thousand idle links use none.
 */
#include "net/turn.h"

#include <stdlib.h>

#include "base/limits.h"
#include "net/link.h"
#include "wire/last_props.h"

/* Most queues have a message or two; the pool keeps as many blocks as there are busy links in one
 * turn. */
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

/* ---- the end of a link ---- */

static enum pz_err
write_last(struct pz_link *link, struct pz_slice bytes)
{
	if (bytes.len > 0)
		PZ_TRY(pz_tls_write(link->tls, bytes, &link->host->turn->cipher));
	return pz_link_emit(link);
}

/* Bytes of the queue that no other link can deliver: the rest of a frame that has begun, and the
 * last props. */
static enum pz_err
write_last_props(struct pz_link *link)
{
	struct pz_slice all = pz_buf_slice(&link->tx);
	size_t begun = link->tx_begun < all.len ? link->tx_begun : all.len;
	struct pz_buf props;

	/* Nothing can follow an incomplete frame. */
	if (begun > PZ_FAREWELL_BYTES)
		return PZ_ERR_LIMIT;
	pz_buf_init(&props, PZ_FAREWELL_BYTES, NULL);
	enum pz_err err = write_last(link, pz_slice_of(all.ptr, begun));
	if (err == PZ_OK && all.len > begun)
		err = pz_last_props(pz_slice_of(all.ptr + begun, all.len - begun), &props);
	if (err == PZ_OK)
		err = write_last(link, pz_buf_slice(&props));
	pz_buf_fini(&props);
	return err;
}

/* A link inside a channel may have sent its last bytes too. */
static enum pz_err
write_last_data(struct pz_link *link)
{
	struct pz_slice frame;

	while (link->channels && (frame = pz_channels_next(link->channels)).len > 0) {
		PZ_TRY(write_last(link, frame));
		pz_channels_sent(link->channels);
	}
	return PZ_OK;
}

static enum pz_err
write_end(struct pz_link *link, bool is_taken)
{
	if (is_taken) {
		PZ_TRY(write_last_props(link));
		PZ_TRY(write_last_data(link));
	} else if (link->cipher.len > 0) {
		/* The alert would be inside a record. */
		return PZ_ERR_IO_CLOSED;
	}
	pz_tls_close(link->tls, &link->host->turn->cipher);
	return pz_link_emit(link);
}

/* The stream may live on for a moment (tcp.c lingers), detached from the link. */
static void
end_stream(struct pz_link *link)
{
	struct pz_buf *cipher = &link->host->turn->cipher;
	bool is_taken = !link->end.is_hang_up && link->end.why != PZ_ERR_LIMIT_QUEUE;

	/* After an error a record may be missing: only what has been encrypted before is sent. */
	if (link->secured && write_end(link, is_taken) != PZ_OK)
		pz_buf_consume(cipher, cipher->len);
	if (is_taken && link->cipher.len > 0)
		link->stream->ops->finish(link->stream, pz_buf_slice(&link->cipher));
	else
		link->stream->ops->close(link->stream);
	link->stream = NULL;
}

/* Owners that lose a channel cannot open another one here. */
static void
free_channels(struct pz_link *link)
{
	struct pz_channels *channels = link->channels;

	link->channels = NULL;
	pz_channels_free(channels);
}

/* Sends the last props and close_notify, reports events.closed, frees the link. */
static void
finish(struct pz_link *link)
{
	struct pz_slice left = pz_buf_slice(&link->tx);

	pz_env_stop(link->host->env, &link->timer);
	end_stream(link);
	/* A frame that has begun may have arrived: if it was sent again, its call could run twice.
	 */
	if (link->tx_begun > 0 && link->tx_begun <= left.len)
		left = pz_slice_of(left.ptr + link->tx_begun, left.len - link->tx_begun);
	pz_metric_add(link->host->metrics, PZ_METRIC_links_closed, 1);
	/* Before `closed`: owners of channels are informed while the link's owner still has its
	 * link. */
	free_channels(link);
	link->host->events->closed(link, link->end.why, link->end.detail ? link->end.detail : "",
				   left);
	pz_tls_free(link->tls);
	pz_buf_fini(&link->rx);
	pz_buf_fini(&link->tx);
	pz_buf_fini(&link->cipher);
	free(link->session.address);
	free(link->end.detail);
	free(link);
}

/* ---- the end of a turn ---- */

void
pz_turn_end(struct pz_turn *turn)
{
	struct pz_list *node;

	turn->handshakes = 0;
	/* Until both lists are empty: the end of one link may make others send or close. Closed
	 * ones first, so that nothing is encrypted for them. */
	for (;;) {
		if ((node = pz_list_first(&turn->closing)) != NULL) {
			pz_list_remove(node);
			finish(PZ_CONTAINER(node, struct pz_link, end.node));
		} else if ((node = pz_list_first(&turn->dirty)) != NULL) {
			pz_list_remove(node);
			pz_link_flush(PZ_CONTAINER(node, struct pz_link, dirty_node));
		} else {
			return;
		}
	}
}
