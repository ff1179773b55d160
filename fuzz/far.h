/* A link of a node to another device whose other end is the input. The links are real but for
 * their handshake, which is skipped: TLS has fuzz targets of its own. */
#ifndef PZ_FUZZ_FAR_H
#define PZ_FUZZ_FAR_H

#include "fuzz.h"

#include "peers/internal.h"
#include "pzp/internal.h"
#include "wire/frame.h"
#include "wire/message.h"

/** The end of a link that the node holds. */
struct fuzz_far {
	struct pz_stream stream;
	struct peer_link *pl; /* NULL: closed */
};

static inline size_t
fuzz_far_send(struct pz_stream *stream, struct pz_slice bytes)
{
	(void)stream;
	return bytes.len;
}

static inline void
fuzz_far_set_reading(struct pz_stream *stream, bool on)
{
	(void)stream;
	(void)on;
}

static inline void
fuzz_far_close(struct pz_stream *stream)
{
	((struct fuzz_far *)(void *)stream)->pl = NULL;
}

/* The node dials what a peer names; no dial ever ends. */
static inline enum pz_err
fuzz_dial(void *self, const char *host, uint16_t port, const struct pz_dial_events *events,
	  void *arg, struct pz_dial **out)
{
	(void)events;
	(void)arg;
	FUZZ_CHECK(host[0] != '\0' && port != 0);
	*out = self;
	return PZ_OK;
}

static inline void
fuzz_dial_cancel(struct pz_dial *cancelled)
{
	(void)cancelled;
}

static const struct pz_transport_ops fuzz_transport_ops = {.dial = fuzz_dial,
							   .dial_cancel = fuzz_dial_cancel};

static inline void
fuzz_far_finish(struct pz_stream *stream, struct pz_slice rest)
{
	(void)rest;
	fuzz_far_close(stream);
}

/** Registered both ways, as if TLS had proved who it is. @param device the name in `address` */
static inline void
fuzz_far_open(struct fuzz_far *far, struct pz_node *node, const char *device, const char *address)
{
	static const struct pz_stream_ops ops = {.send = fuzz_far_send,
						 .set_reading = fuzz_far_set_reading,
						 .close = fuzz_far_close,
						 .finish = fuzz_far_finish};
	struct pz_buf frame;

	far->stream = (struct pz_stream){.ops = &ops};
	far->pl = pz_peer_link_accept(node->peers, &far->stream, "192.0.2.9");
	FUZZ_CHECK(far->pl != NULL);
	far->pl->peer = pz_peers_get(node->peers, device);
	FUZZ_CHECK(far->pl->peer != NULL);
	pz_guest_proved(&far->pl->guest);
	FUZZ_CHECK(pz_link_identify(far->pl->link, PZ_SESSION_PEER, address) == PZ_OK);
	far->pl->state = PEER_LINK_REGISTERING;
	pz_buf_init(&frame, PZ_FRAME_BYTES_ENROL, NULL);
	FUZZ_CHECK(pz_message_register(&frame, address, pz_node_address(node),
				       PZ_FRAME_BYTES_DEFAULT, NULL) == PZ_OK);
	FUZZ_CHECK(pz_peer_link_events.frame(far->pl->link, pz_buf_slice(&frame)) == PZ_OK);
	FUZZ_CHECK(far->pl->state == PEER_LINK_LIVE);
	pz_buf_fini(&frame);
}

/** The device sends a frame with this body, where its link is open. */
static inline void
fuzz_far_says(struct fuzz_far *far, const struct pz_kit_clock *clock, struct pz_slice body)
{
	struct pz_link *link;
	uint8_t *frame;

	if (far->pl == NULL)
		return;
	frame = malloc(PZ_FRAME_HEADER_BYTES + body.len);
	FUZZ_CHECK(frame != NULL);
	pz_frame_put_header(frame, body.len);
	if (body.len > 0)
		memcpy(frame + PZ_FRAME_HEADER_BYTES, body.ptr, body.len);
	link = far->pl->link;
	link->rx_us = clock->now_us;
	enum pz_err err = pz_peer_link_events.frame(
		link, pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + body.len));
	if (err != PZ_OK)
		pz_link_close(link, err, "");
	free(frame);
}

#endif
