/*
 * The channels of one link (page 15): two-way byte streams with flow control of their own.
 * Sans-I/O: the owner of the link passes in what it received, sends what comes out, and decides
 * about channels that the other end opens.
 *
 * A channel belongs to its owner from pz_channel_open, or from the offer on, until `refused` or
 * `closed` was called, or until the owner calls pz_channel_refuse or pz_channel_close. Then the
 * pointer is dead. No call-back comes from inside a call of its owner, except from
 * pz_channels_free.
 */
#ifndef PZ_CHANNEL_CHANNEL_H
#define PZ_CHANNEL_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/slice.h"

struct pz_channels;
struct pz_channel;

/* X(name, on the wire). Why a channel is not opened. */
#define PZ_CHANNEL_REFUSALS(X)                                                                     \
	X(UNREACHABLE, "unreachable")                                                              \
	X(REFUSED, "refused")                                                                      \
	X(LIMIT, "limit")                                                                          \
	X(UNKNOWN_KIND, "unknownKind")                                                             \
	X(BAD_REQUEST, "badRequest")

enum pz_channel_refusal {
#define X(name, text) PZ_CHANNEL_##name,
	PZ_CHANNEL_REFUSALS(X)
#undef X
};

/** The word on the wire, static. */
const char *pz_channel_refusal_text(enum pz_channel_refusal why);

/** What a channelOpen asks for. Strings are borrowed. */
struct pz_channel_offer {
	const char *to, *kind;
	const char *from; /* set by a hop, else NULL */
	json_t *message;  /* the whole, for members of the kind; when opening: further members, or
			     NULL */
	uint32_t window;  /* bytes that the opener takes now (PZ_CHANNEL_WINDOW_BYTES) */
};

/** What happens to a channel. `arg` is what the owner gave. */
struct pz_channel_ops {
	/** The other end has accepted. @param message borrowed, @param window that it takes now */
	void (*accepted)(void *arg, json_t *message, uint32_t window);
	/** The other end has refused, or did not answer in time. The channel is gone. */
	void (*refused)(void *arg, enum pz_channel_refusal why);
	/** Bytes, borrowed. They count against the window until pz_channel_consumed. */
	void (*data)(void *arg, struct pz_slice data);
	/** The other end takes this many bytes more. May be NULL: for splices. */
	void (*credited)(void *arg, uint32_t bytes);
	/** pz_channel_send took less than it was given, and takes more now. May be NULL. */
	void (*writable)(void *arg);
	/** No more data comes. */
	void (*ended)(void *arg);
	/** The other end has closed, or the link is gone. The channel is gone. @param reason one
	 * word of the other end's, or "lost" @param message of the close, borrowed; NULL: lost */
	void (*closed)(void *arg, const char *reason, json_t *message);
};

/** What the channels ask of the link. */
struct pz_channels_ops {
	/** Sends a prop. @param message borrowed */
	void (*send)(void *arg, const char *status, json_t *message);
	/** pz_channels_next has frames. */
	void (*wake)(void *arg);
	/** The other end opens a channel: call pz_channel_accept, pz_channel_keep or
	 * pz_channel_refuse before it returns; else it is refused. */
	void (*offered)(void *arg, struct pz_channel *channel,
			const struct pz_channel_offer *offer);
};

/* ---- the channels of a link ---- */

/** @param env borrowed. NULL: out of memory. */
struct pz_channels *
pz_channels_new(const struct pz_env *env, const struct pz_channels_ops *ops, void *arg);
/** The link is gone: every channel is refused or closed ("lost"). NULL is fine. */
void pz_channels_free(struct pz_channels *channels);
/** Channels whose number is taken. */
size_t pz_channels_count(const struct pz_channels *channels);

/** True when a prop of this status is one of channels. */
bool pz_channels_is_prop(const char *status);
/**
 * A prop that came in. @param message borrowed, may be NULL
 * @return false: the status is not one of channels
 * @param out_err PROTO_*: the other end has broken the rules, the link must be closed
 */
bool pz_channels_on_prop(struct pz_channels *channels, const char *status, json_t *message,
			 enum pz_err *out_err);
/** A whole frame of pz_frame_cut_data came in, borrowed. Errors: PROTO (beyond the window, of a
 * channel that is not open, after its end): the link must be closed. */
enum pz_err pz_channels_on_frame(struct pz_channels *channels, struct pz_slice frame) PZ_MUST_USE;

/** What bulk may have in flight at first on this link (PZ_CHANNEL_BULK_WINDOW_BYTES unless set). */
void pz_channels_set_bulk_window(struct pz_channels *channels, uint32_t bytes);

/**
 * The next frame to send when no message waits: channels take turns, and after
 * PZ_CHANNEL_FLUSH_BYTES none comes in this turn of the loop; `wake` follows in the next one.
 * @return one whole frame, borrowed until pz_channels_sent; empty: none
 */
struct pz_slice pz_channels_next(struct pz_channels *channels);
/** What pz_channels_next gave was sent. No call-back comes from inside. */
void pz_channels_sent(struct pz_channels *channels);
/** After some frames: ends and closes that waited for them are sent, and channels may have become
 * writable. */
void pz_channels_flushed(struct pz_channels *channels);
/* ---- one channel ---- */

/** Opens a channel. Errors: LIMIT (PZ_CHANNELS_PER_LINK_MAX), LIMIT_MEMORY. */
enum pz_err
pz_channel_open(struct pz_channels *channels, const struct pz_channel_offer *offer,
		const struct pz_channel_ops *ops, void *arg, struct pz_channel **out) PZ_MUST_USE;
/** Accepts an offer. @param window bytes that are taken now (PZ_CHANNEL_WINDOW_BYTES) @param more
 * further members, or NULL */
void pz_channel_accept(struct pz_channel *channel, uint32_t window, json_t *more,
		       const struct pz_channel_ops *ops, void *arg);
/** Takes an offer to decide later: `closed` comes when the link is lost before. */
void pz_channel_keep(struct pz_channel *channel, const struct pz_channel_ops *ops, void *arg);
/** Refuses an offer. */
void pz_channel_refuse(struct pz_channel *channel, enum pz_channel_refusal why);
/** Closes at any time: what was sent still goes out. @param reason one word */
void pz_channel_close(struct pz_channel *channel, const char *reason);
/** The same with further members. @param takes_more object, or NULL */
void pz_channel_close_with(struct pz_channel *channel, const char *reason, json_t *takes_more);

/**
 * Sends as much as the other end's window and a queue of PZ_CHANNEL_UNSENT_BYTES take.
 * @param out_taken bytes; fewer than given: `writable` follows
 * Errors: LIMIT_MEMORY: nothing was taken.
 */
enum pz_err
pz_channel_send(struct pz_channel *channel, struct pz_slice data, size_t *out_taken) PZ_MUST_USE;
/** Bytes that pz_channel_send takes now; 0: `writable` follows, unless nothing may be sent at all.
 */
size_t pz_channel_room(struct pz_channel *channel);
/**
 * A message came on the link, and is handed up next; a prop of channels (pz_channels_on_prop) does
 * not count. For some time windows on a short way count for less, so that the next messages wait
 * for less. @param now_us monotonic: when its bytes were read
 */
void pz_channels_note_message(struct pz_channels *channels, uint64_t now_us);
/** The window for bulk on the link of this channel: see pz_channels_set_bulk_window. */
uint32_t pz_channel_bulk_window(const struct pz_channel *channel);
/** No more data from here; what was sent goes first. */
void pz_channel_end(struct pz_channel *channel);
/** Bytes of `data` are out of the way: the other end gets credit when half of the window is. */
void pz_channel_consumed(struct pz_channel *channel, size_t bytes);
/** Bytes of pz_channel_send that have not been sent yet, with their headers. */
size_t pz_channel_queued(const struct pz_channel *channel);
/** Bytes that pz_channel_send has taken, ever. */
uint64_t pz_channel_taken(const struct pz_channel *channel);

/* ---- for splices ---- */
/**
 * As pz_channel_close, where what still waits here counts for the owner.
 * @param gone called once with the channel's `arg`, when that was sent or dropped; not from inside
 * @return bytes that wait; 0: `gone` is not called
 */
size_t
pz_channel_close_waiting(struct pz_channel *channel, const char *reason, void (*gone)(void *arg));
/** Queues all of the data, which is within the other end's window. Errors: LIMIT_QUEUE (it is not),
 * LIMIT_MEMORY. */
enum pz_err pz_channel_forward(struct pz_channel *channel, struct pz_slice data) PZ_MUST_USE;
/** The other end may send this many bytes more. */
void pz_channel_credit(struct pz_channel *channel, uint32_t bytes);

#endif
