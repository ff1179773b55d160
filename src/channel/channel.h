/*
 * The channels of one link (page 15): two-way byte streams, each with its own flow control.
 * Sans-I/O: the owner of the link passes received frames and props in, sends those that come out,
 * and decides about channels that the other end opens.
 *
 * The owner of a channel may use its pointer from pz_channel_open, or from the offer, until
 * `refused` or `closed` returns, or until it calls pz_channel_refuse or pz_channel_close. No
 * call-back comes from inside a call of its owner, except from pz_channels_free.
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

/** The text on the wire, static. */
const char *pz_channel_refusal_text(enum pz_channel_refusal why);

/** What a channelOpen asks for. Strings are borrowed. */
struct pz_channel_offer {
	const char *to, *kind;
	const char *from; /* set by a hop, else NULL */
	json_t *message;  /* the whole message, whose further members depend on the kind; when
			     opening: further members, or NULL */
	uint32_t window;  /* bytes that the opener accepts now (PZ_CHANNEL_WINDOW_BYTES) */
};

/** Call-backs to the owner of a channel. `arg` is that of pz_channel_open, _accept or _keep. */
struct pz_channel_ops {
	/** The other end has accepted. @param message borrowed @param window bytes that it accepts
	 * now */
	void (*accepted)(void *arg, json_t *message, uint32_t window);
	/** The other end has refused, or has not answered in time. The channel is freed after the
	 * call. */
	void (*refused)(void *arg, enum pz_channel_refusal why);
	/** Bytes, borrowed. They count against the window until pz_channel_consumed. */
	void (*data)(void *arg, struct pz_slice data);
	/** The other end accepts this many bytes more. Only splices need it; may be NULL. */
	void (*credited)(void *arg, uint32_t bytes);
	/** pz_channel_send, which had taken less than it was given, takes more now. May be NULL. */
	void (*writable)(void *arg);
	/** The other end sends no more data. */
	void (*ended)(void *arg);
	/** The other end has closed the channel, or the link has ended. The channel is freed after
	 * the call. @param reason one word: that of the other end, or "lost" when the link has
	 * ended @param message of the close, borrowed; NULL when the link has ended */
	void (*closed)(void *arg, const char *reason, json_t *message);
};

/** What the channels need from the owner of the link. */
struct pz_channels_ops {
	/** Sends a prop. @param message borrowed */
	void (*send)(void *arg, const char *status, json_t *message);
	/** pz_channels_next has frames to send. */
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
/** The link has ended: calls `refused` or `closed` ("lost") of every channel, and frees all. NULL
 * is fine. */
void pz_channels_free(struct pz_channels *channels);
/** How many channel numbers are in use. */
size_t pz_channels_count(const struct pz_channels *channels);

/** True when a prop of this status is one of channels. */
bool pz_channels_is_prop(const char *status);
/**
 * Handles a received prop. @param message borrowed, may be NULL
 * @return false: the status is not one of channels
 * @param out_err PROTO_*: the other end has broken the rules, the link must be closed
 */
bool pz_channels_on_prop(struct pz_channels *channels, const char *status, json_t *message,
			 enum pz_err *out_err);
/** Handles a received frame, whole, as pz_frame_cut_data cuts it; borrowed. Errors: PROTO (more
 * than the window, no such channel, data after its end): the link must be closed. */
enum pz_err pz_channels_on_frame(struct pz_channels *channels, struct pz_slice frame) PZ_MUST_USE;

/** Sets the initial window of bulk channels on this link (PZ_CHANNEL_BULK_WINDOW_BYTES unless set).
 */
void pz_channels_set_bulk_window(struct pz_channels *channels, uint32_t bytes);

/**
 * The next frame to send when no message waits. Channels take turns; after PZ_CHANNEL_FLUSH_BYTES
 * the function returns no more frames in this turn of the loop, and `wake` is called in the next
 * one.
 * @return one whole frame, borrowed until pz_channels_sent; empty: no frame
 */
struct pz_slice pz_channels_next(struct pz_channels *channels);
/** The owner has sent the frame of pz_channels_next. Makes no call-back. */
void pz_channels_sent(struct pz_channels *channels);
/** To be called after some frames: sends ends and closes that waited for them, and calls `writable`
 * of channels that take more. */
void pz_channels_flushed(struct pz_channels *channels);

/* ---- one channel ---- */

/** Opens a channel. Errors: LIMIT (PZ_CHANNELS_PER_LINK_MAX), LIMIT_MEMORY. */
enum pz_err
pz_channel_open(struct pz_channels *channels, const struct pz_channel_offer *offer,
		const struct pz_channel_ops *ops, void *arg, struct pz_channel **out) PZ_MUST_USE;
/** Accepts an offer. @param window bytes that are accepted now (PZ_CHANNEL_WINDOW_BYTES) @param
 * more further members, or NULL */
void pz_channel_accept(struct pz_channel *channel, uint32_t window, json_t *more,
		       const struct pz_channel_ops *ops, void *arg);
/** Keeps an offer, to accept or refuse it later. `closed` is called when the link ends before that.
 */
void pz_channel_keep(struct pz_channel *channel, const struct pz_channel_ops *ops, void *arg);
/** Refuses an offer. */
void pz_channel_refuse(struct pz_channel *channel, enum pz_channel_refusal why);
/** Closes a channel, at any time; data that pz_channel_send has taken is still sent. @param reason
 * one word */
void pz_channel_close(struct pz_channel *channel, const char *reason);
/** The same with further members. @param takes_more object, or NULL */
void pz_channel_close_with(struct pz_channel *channel, const char *reason, json_t *takes_more);

/**
 * Queues as much data as the other end's window and a queue of PZ_CHANNEL_UNSENT_BYTES allow.
 * @param out_taken bytes that were queued; when fewer than given, `writable` is called later
 * Errors: LIMIT_MEMORY: nothing was taken.
 */
enum pz_err
pz_channel_send(struct pz_channel *channel, struct pz_slice data, size_t *out_taken) PZ_MUST_USE;
/** Bytes that pz_channel_send takes now. After 0 `writable` is called later, unless the channel may
 * not send at all.
 */
size_t pz_channel_room(struct pz_channel *channel);
/**
 * The link has received a message (not a prop of channels, pz_channels_on_prop). For some time a
 * part of the windows on fast links is left unused, so that the next messages wait behind less
 * data. @param now_us monotonic time at which its bytes were read
 */
void pz_channels_note_message(struct pz_channels *channels, uint64_t now_us);
/** The window for bulk on the link of this channel: see pz_channels_set_bulk_window. */
uint32_t pz_channel_bulk_window(const struct pz_channel *channel);
/** Ends the data of this side; data that was taken before is sent first. */
void pz_channel_end(struct pz_channel *channel);
/** The owner has processed bytes of `data`. When half of the window is processed, the other end
 * gets credit. */
void pz_channel_consumed(struct pz_channel *channel, size_t bytes);
/** Bytes that pz_channel_send has taken and that have not been sent yet, with frame headers. */
size_t pz_channel_queued(const struct pz_channel *channel);
/** Bytes that pz_channel_send has taken since the channel was opened. */
uint64_t pz_channel_taken(const struct pz_channel *channel);

/* ---- for splices ---- */
/**
 * As pz_channel_close, where what still waits here counts for the owner.
 * @param gone called once with the channel's `arg`, when that was sent or dropped; not from inside
 * @return bytes that wait; 0: `gone` is not called
 */
size_t
pz_channel_close_waiting(struct pz_channel *channel, const char *reason, void (*gone)(void *arg));
/** Queues all of the data. Errors: LIMIT_QUEUE (more than the other end's window), LIMIT_MEMORY. */
enum pz_err pz_channel_forward(struct pz_channel *channel, struct pz_slice data) PZ_MUST_USE;
/** Lets the other end send this many bytes more. */
void pz_channel_credit(struct pz_channel *channel, uint32_t bytes);

#endif
