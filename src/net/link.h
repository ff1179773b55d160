/*
 * A link: one mutually authenticated connection that carries frames (page 4). It adds TLS and
 * framing to an abstract stream and uses no descriptor, so simulations run the same code.
 *
 * Life: pz_link_new -> handshake -> events.secured -> events.frame... -> events.closed -> freed.
 * No call of the owner frees or reports anything: pz_link_close only marks the link; the end of the
 * turn (net/turn.h) reports and frees it.
 */
#ifndef PZ_NET_LINK_H
#define PZ_NET_LINK_H

#include "base/env.h"
#include "channel/channel.h"
#include "net/liveness.h"
#include "net/stream.h"
#include "net/turn.h"
#include "route/router.h"
#include "tls/session.h"

/** Call-backs to the owner of a link. */
struct pz_link_events {
	/** The handshake is done and the certificates are verified; admission is the owner's
	 * decision. */
	void (*secured)(struct pz_link *link);
	/** One frame, header included, borrowed. An error closes the link with that reason. */
	enum pz_err (*frame)(struct pz_link *link, struct pz_slice frame);
	/** The link has sent nothing for pz_link_host.keepalive_us: the owner sends a keepAlive.
	 * May be NULL for links that never become live. */
	void (*keepalive)(struct pz_link *link);
	/** The owner sends a prop `probe`, which the other end answers at once. NULL as above. */
	void (*probe)(struct pz_link *link);
	/** Something was received on a link that was probed. May be NULL. */
	void (*alive)(struct pz_link *link);
	/** The queue has become shorter. May be NULL. */
	void (*drained)(struct pz_link *link);
	/** Sends a prop of the link's channels. NULL: links of this owner carry none. */
	void (*channel_prop)(struct pz_link *link, const char *status, json_t *message);
	/** The other end opens a channel: see pz_channels_ops.offered. NULL as above. */
	void (*channel_offered)(struct pz_link *link, struct pz_channel *channel,
				const struct pz_channel_offer *offer);
	/**
	 * The link has ended, and is freed after this call; its channels were freed before. @param
	 * detail one line or ""
	 * @param undelivered complete frames that never left the queue, borrowed; the props among
	 * them went with the end of the link, if the other end takes them
	 */
	void (*closed)(struct pz_link *link, enum pz_err why, const char *detail,
		       struct pz_slice undelivered);
};

/** Configuration that all links of a node share. Borrowed for their life. */
struct pz_link_host {
	const struct pz_env *env;
	struct pz_turn *turn;
	struct pz_metrics *metrics;
	const struct pz_link_events *events;
	uint32_t frame_max;    /* for established links */
	uint64_t keepalive_us; /* 0: PZ_KEEPALIVE_SEND_US; dead after twice that */
};

/** Deadlines of a link that is not established, monotonic time. */
struct pz_link_until {
	uint64_t deadline_us; /* to be established, or to make progress */
	uint64_t hello_us;    /* until when a client has to send its ClientHello; 0: it has */
	uint64_t patience_us; /* each frame sets the deadline to this long from now; 0: no frame
				 does */
};

/** Bytes of the other end that we leave in the socket, or in `rx`. */
struct pz_link_held {
	struct pz_timer rest;
	bool is_resting; /* until the timer fires: pz_link_rest */
	bool is_by_turn; /* for a turn, which has had enough handshakes */
};

/** Why a link ends; set when `closing` is. */
struct pz_link_end {
	struct pz_list node; /* of the turn's links that end */
	char *detail;        /* one line, or NULL */
	enum pz_err why;
	bool is_hang_up; /* the stream has ended: nothing is sent any more */
};

struct pz_link {
	struct pz_session session; /* the router's view; address owned by the link */
	const struct pz_link_host *host;
	void *owner; /* the owner's own data */
	struct pz_stream *stream;
	struct pz_tls *tls;
	struct pz_buf rx;     /* the beginning of a frame */
	struct pz_buf tx;     /* frames, not yet encrypted */
	struct pz_buf cipher; /* ciphertext that the stream did not take yet */
	struct pz_timer timer;
	struct pz_liveness life;
	struct pz_link_until until;
	uint64_t rx_us, tx_us;
	uint64_t unverified_us; /* on a carried stream: since when bytes are here that TLS has
				 * not verified; 0: all are */
	struct pz_list dirty_node;
	struct pz_list owner_node; /* for the owner's list of links */
	struct pz_link_end end;
	uint32_t frame_max;
	uint32_t tx_begun; /* front bytes of tx: the rest of a frame that is partly sent */
	struct pz_channels *channels; /* NULL: no channel was used yet */
	struct pz_link_held held;
	bool secured, live, idle, closing;
};

/**
 * New link over a connected stream; the handshake starts at once.
 * @param stream, tls taken, also on failure
 * @param deadline_us how long the other end has to be established; the ClientHello of one that
 * dialled has to come within PZ_HELLO_TIMEOUT_US
 * Errors: LIMIT_MEMORY.
 */
enum pz_err
pz_link_new(const struct pz_link_host *host, struct pz_stream *stream, struct pz_tls *tls,
	    uint64_t deadline_us, void *owner, struct pz_link **out) PZ_MUST_USE;

/** Sets the session's address and kind, when the owner has admitted the proved identity. Errors:
 * LIMIT_MEMORY. */
enum pz_err
pz_link_identify(struct pz_link *link, enum pz_session_kind kind, const char *address) PZ_MUST_USE;
/** The other end has registered: removes the deadline, starts keep-alive, and allows frames of up
 * to pz_link_host.frame_max. */
void pz_link_establish(struct pz_link *link);
/** For an enrolment link: it is closed after this long without a frame. */
void pz_link_set_patience(struct pz_link *link, uint64_t patience_us);

/** Queues whole frames. Errors: LIMIT_QUEUE, LIMIT_MEMORY, IO_CLOSED, PROTO_FRAME (one is longer
 * than session.frame_max: the other end would close the link). Also reachable through session.ops.
 */
enum pz_err pz_link_send(struct pz_link *link, struct pz_slice frame) PZ_MUST_USE;
/**
 * Marks the link for closing at the end of the turn. Queued frames are still sent as far as the
 * stream takes them now. Of the rest, the record that was begun and the newest PZ_FAREWELL_BYTES of
 * props are sent for up to PZ_FAREWELL_US: they often contain the reason, and no other link carries
 * them. This is not done after a hang-up, nor for a slow consumer (LIMIT_QUEUE). Only the reason of
 * the first call counts. @param detail copied, one line
 */
void pz_link_close(struct pz_link *link, enum pz_err why, const char *detail);

/**
 * Nothing is received from it for that long, so that others are served: frames that it has sent
 * already wait. May be called for the frame under way; ignored while it rests.
 * @param rest_us microseconds, 0: it continues
 * @spec page 4 "Pressure", page 14 DOS-1
 */
void pz_link_rest(struct pz_link *link, uint64_t rest_us);
/** A stable pointer's link from its session. */
static inline struct pz_link *
pz_link_of(struct pz_session *session)
{
	return (struct pz_link *)(void *)session;
}

/* ---- channels (page 15) ---- */
/** The channels of a live link. They are created by the first call; before it, a frame of a channel
 * closes the link. NULL: the owner has no channel call-backs, the link is closing, or out of
 * memory. */
struct pz_channels *pz_link_channels(struct pz_link *link);
/** Handles a received prop; one that breaks a rule of channels closes the link. @return false: the
 * status is not one of channels, or the link has none. */
bool pz_link_on_channel_prop(struct pz_link *link, const char *status, json_t *message);

/* ---- for streams ---- */
/** True when the stream should read. False in a turn that has used up its share of handshakes. */
bool pz_link_wants_bytes(struct pz_link *link);
/** Handles received bytes, borrowed: decrypts them and passes each whole frame to events.frame; a
 * failure closes the link. */
void pz_link_on_bytes(struct pz_link *link, struct pz_slice bytes);
/** The stream takes bytes again. */
void pz_link_on_writable(struct pz_link *link);
/** End of stream or error. @param detail one line, may be NULL */
void pz_link_on_end(struct pz_link *link, enum pz_err why, const char *detail);

/* ---- for the turn ---- */
/** Encrypts and sends what is queued, as far as the stream takes it; a failure closes the link. */
void pz_link_flush(struct pz_link *link);
/** Gives what TLS has written into the turn's buffer to the stream; what that does not take waits.
 * Errors: LIMIT_QUEUE, LIMIT_MEMORY. */
enum pz_err pz_link_emit(struct pz_link *link) PZ_MUST_USE;

#endif
