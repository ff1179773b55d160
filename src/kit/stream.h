/*
 * Streams in memory, below links: what one end sends arrives at its peer when a test delivers it.
 * The other end of a link belongs to another link, or to a bare TLS session that sends what a test
 * wants.
 */
#ifndef PZ_KIT_STREAM_H
#define PZ_KIT_STREAM_H

#include "base/buf.h"
#include "net/link.h"
#include "tls/session.h"

#define PZ_KIT_STREAM_BYTES (48U << 20)

/** One end of a connection. */
struct pz_kit_stream {
	struct pz_stream stream;    /* for the link of this end */
	struct pz_kit_stream *peer; /* the other end */
	struct pz_buf in;           /* arrived, and not delivered yet */
	struct pz_buf rest;         /* of a closed end: has not left yet */
	struct pz_buf_pool *pool; /* of `in`: a test of the code's allocations sees none of ours */
	size_t window;            /* bytes that fit into `in`: PZ_KIT_STREAM_BYTES */
	size_t piece;             /* delivered at a time; 0: all */
	bool is_reading, is_closed; /* as the link of this end has set it */
	bool is_full, is_ended;
	unsigned sends;
	uint64_t round_trip_us; /* that it measures */
};

/** Makes one end. @param peer borrowed; it may be initialised later */
void pz_kit_stream_init(struct pz_kit_stream *stream, struct pz_kit_stream *peer);
/** Frees what has arrived. */
void pz_kit_stream_fini(struct pz_kit_stream *stream);

/** A stream that loses what is sent, for any number of links whose bytes a test takes elsewhere. */
struct pz_stream *pz_kit_stream_lost(void);

/** Hands the next piece, or the end of the stream, to the link of this end.
 * @return true: something moved */
bool pz_kit_stream_deliver(struct pz_kit_stream *stream);
/** Lets the link of this end continue when its peer has room again. @return true: it continued */
bool pz_kit_stream_resume(struct pz_kit_stream *stream);

/** The end of a connection that is a TLS session without a link. */
struct pz_kit_far {
	struct pz_kit_stream end;
	struct pz_tls *tls;
	struct pz_buf plain; /* what it has received */
	enum pz_err err;     /* of the session */
};

/** Makes the far end of a connection. @param peer borrowed @param takes_tls NULL: silent */
void pz_kit_far_init(struct pz_kit_far *far, struct pz_kit_stream *peer, struct pz_tls *takes_tls);
/** Frees the session and what has arrived. */
void pz_kit_far_fini(struct pz_kit_far *far);
/** Reads what has arrived and answers it. @return true: something moved */
bool pz_kit_far_read(struct pz_kit_far *far);
/** Sends bytes as one TLS record, or more over 16 KiB. */
void pz_kit_far_write(struct pz_kit_far *far, struct pz_slice bytes);

#endif
