/*
 * For the tests of this folder: links over streams in memory, on virtual time, with real TLS. The
 * other end of a stream belongs to another link, or to a bare TLS session that sends what a test
 * wants.
 */
#ifndef PZ_NET_LINK_FIXTURE_H
#define PZ_NET_LINK_FIXTURE_H

#include "kit/test.h"

#include "kit/clock.h"
#include "kit/stream.h"
#include "kit/tls.h"
#include "net/link.h"
#include "wire/frame.h"

struct fx_world {
	struct pz_kit_clock clock;
	struct pz_turn turn;
	struct pz_metrics metrics;
	struct pz_link_host host;
	struct pz_kit_zone zone, stranger;
	struct pz_tls_ctx *hub_ctx, *laptop_ctx, *stranger_ctx;
};

/** A link and what it reported. */
struct fx_end {
	struct fx_world *world;
	struct pz_kit_stream stream;
	struct pz_link *link; /* NULL once closed */
	struct pz_buf frames; /* received */
	unsigned frame_count;
	int secured, keepalives, probes, alive, drained, closed;
	enum pz_err why;
	char detail[256];
	struct pz_buf undelivered;
	/* what the owner does */
	enum pz_err frame_err; /* answer to a frame */
	struct fx_end *close_in_secured, *close_in_frame, *close_in_keepalive, *close_in_drained;
	uint64_t rest_us; /* after each frame */
	bool establish_in_secured, counts_only;
};

/* ---- time ---- */

void fx_advance(struct fx_world *w, uint64_t us);

/* ---- events ---- */

void fx_close(struct fx_end *which);

extern const struct pz_link_events fx_events;

/** Until nothing moves any more. */
void fx_run(struct fx_end *a, struct fx_end *b);

/* ---- set-up ---- */

void fx_open(struct fx_world *w);

void fx_shut(struct fx_world *w);

void fx_end_init(struct fx_world *w, struct fx_end *end, struct pz_kit_stream *peer);

struct pz_tls *fx_client_tls(struct pz_tls_ctx *ctx);

struct pz_tls *fx_server_tls(struct fx_world *w);

void fx_link(struct fx_end *end, struct pz_tls *tls);

/** Both ends of one connection, as links; nothing has moved yet. */
void fx_pair(struct fx_world *w, struct fx_end *hub, struct fx_end *laptop, struct pz_tls_ctx *ctx);

/** The same, registered on both sides. */
void fx_established(struct fx_world *w, struct fx_end *hub, struct fx_end *laptop);

/** Closes what is still open and frees the ends. @param b NULL: a bare end has no link */
void fx_end_fini(struct fx_end *a, struct fx_end *b);

/* ---- the bare other end ---- */

/** Moves everything between the bare end and the link. */
void fx_far_run(struct pz_kit_far *far, struct fx_end *hub);

/** An established link at the hub whose other end is bare. */
void fx_far_open(struct fx_world *w, struct fx_end *hub, struct pz_kit_far *far, bool establish);

/** One TLS record (or more, over 16 KiB), delivered at once. */
void fx_far_write(struct pz_kit_far *far, struct fx_end *hub, const void *bytes, size_t len);

/** A frame of `body_len` bytes whose content depends on `seed`; the caller frees. */
uint8_t *fx_make_frame(size_t body_len, unsigned seed);

void fx_send(struct fx_end *end, size_t body_len, unsigned seed);

/** A prop, or a call, with a number and so many bytes of text besides. */
void fx_send_message(struct fx_end *end, const char *type, unsigned number, size_t text_len);
/** Takes such a message off the front and checks its type and number. */
void fx_expect_message(struct pz_buf *frames, const char *type, unsigned number);

/** Takes one frame off the front and checks that it is the one that was made so. */
void fx_expect(struct pz_buf *frames, size_t body_len, unsigned seed);

#endif
