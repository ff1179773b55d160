/*
 * Inside channel/ only.
 *
 * A channel's states, and what may come for its number in each:
 *
 *   OPENING    we have sent channelOpen        channelAccept, channelRefuse
 *   ABANDONED  the same, and do not want it    channelAccept (is closed at once), channelRefuse
 *   OFFERED    the other end has opened        nothing: it does not know our number yet
 *   OPEN                                       data, channelCredit, channelEnd, channelClose
 *   CLOSING    we close                        the same; data is dropped
 *
 * Anything else is a violation and closes the link. The number is taken until channelRefuse came,
 * or channelClose went both ways. Whatever goes out about a channel follows its data: end and close
 * wait until its queue is empty.
 */
#ifndef PZ_CHANNEL_INTERNAL_H
#define PZ_CHANNEL_INTERNAL_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/list.h"
#include "channel/channel.h"
#include "wire/frame.h"

enum channel_state {
	CHANNEL_OPENING,
	CHANNEL_ABANDONED,
	CHANNEL_OFFERED,
	CHANNEL_OPEN,
	CHANNEL_CLOSING,
};

/** What a close says. */
struct pz_channel_farewell {
	char reason[PZ_CHANNEL_REASON_BYTES_MAX + 1];
	json_t *more; /* further members of ours, or NULL */
};

/* How long the way is, and what comes by it. */
struct pz_channel_pace {
	uint64_t way_us;      /* shortest time from a credit to what came for it */
	uint64_t timed_limit; /* the limit before the credit that is timed now ... */
	uint64_t timed_us;    /* ... and when that was given; 0: none is */
	uint64_t since_us;    /* the rate is measured from here on ... */
	uint64_t came;        /* ... by the bytes that were received before */
};

struct pz_channel {
	struct pz_list ready_node; /* channels->ready while there is something in out */
	struct pz_channels *channels;
	const struct pz_channel_ops *ops; /* NULL: without an owner */
	void *arg;
	struct pz_timer timer; /* to be answered */
	struct pz_buf out;     /* whole frames; each but the last is full */
	uint64_t taken;        /* bytes that ever went into out */
	uint64_t received;     /* bytes that ever came in */
	uint64_t limit;        /* what it may have sent in all */
	struct pz_channel_pace pace;
	uint32_t number, peer; /* ours, the other end's */
	uint32_t send_left;    /* what the other end still takes */
	uint32_t window, consumed;
	uint32_t tail; /* data bytes of the last frame in out */
	enum channel_state state;
	bool has_ended;   /* the other end sends no more */
	bool is_ending;   /* we send no more ... */
	bool is_end_sent; /* ... and have said so */
	bool is_close_sent;
	bool is_wanted; /* the owner waits for `writable` */
	bool has_sent;  /* since pz_channels_flushed */
	struct pz_channel_farewell close;
	void (*gone)(void *arg); /* pz_channel_close_waiting, while something waits */
};

/* Credit is given for half of a window, or one frame less: a frame that does not end there would
 * else delay it by as much as a round trip. */
static inline uint32_t
pz_channel_credit_bytes(uint32_t window)
{
	return window / 2 > 2 * PZ_DATA_BYTES_MAX ? window / 2 - PZ_DATA_BYTES_MAX : window / 2;
}

struct pz_channels {
	const struct pz_env *env;
	const struct pz_channels_ops *ops;
	void *arg;
	struct pz_list ready;      /* in the order of their turns */
	size_t budget;             /* bytes that may still go in this turn */
	uint32_t bulk_window;      /* of those who receive much */
	uint64_t shared_us;        /* when the last message came; 0: none did */
	uint64_t shared_before_us; /* the same without the very last one */
	struct pz_timer turn;      /* the next one, when the budget is used up */
	bool has_sent;             /* some channel, since pz_channels_flushed */
	struct pz_channel *by_number[PZ_CHANNELS_PER_LINK_MAX]; /* number - 1 */
};

/* ---- message.c ---- */
/** Sends channelOpen. */
void pz_channel_send_open(struct pz_channel *channel, const struct pz_channel_offer *offer);
/** Sends channelAccept. @param more borrowed, or NULL */
void pz_channel_send_accept(struct pz_channel *channel, json_t *more);
/** Refuses what has no channel here. @param peer number of the other end */
void
pz_channels_send_refuse(struct pz_channels *channels, uint32_t peer, enum pz_channel_refusal why);
/** Sends channelCredit. */
void pz_channel_send_credit(struct pz_channel *channel, uint32_t bytes);
/** Sends channelEnd. */
void pz_channel_send_end(struct pz_channel *channel);
/** Sends channelClose with the channel's reason. */
void pz_channel_send_close(struct pz_channel *channel);

/* ---- flow.c ---- */
/** A new turn: PZ_CHANNEL_FLUSH_BYTES may go. */
void pz_channels_refill(struct pz_channels *channels);
/** Calls `gone`, once. */
void pz_channel_report_gone(struct pz_channel *channel);
/** Sends the end or the close that waits, once the queue is empty. */
void pz_channel_settle(struct pz_channel *channel);
/** Calls `writable` when its owner waits for room and there is some. */
void pz_channel_offer_room(struct pz_channel *channel);
/** Bytes of the other end have come in. */
void pz_channel_note_received(struct pz_channel *channel, size_t bytes);
/** The channel is open: how much it may receive at first. */
void pz_channel_set_window(struct pz_channel *channel, uint32_t window);

/* ---- channel.c ---- */
/** A channel with a free number. NULL: no number is free, or out of memory. */
struct pz_channel *pz_channel_new(struct pz_channels *channels);
/** Frees the channel and its number; no call-back but `gone`. */
void pz_channel_free(struct pz_channel *channel);
/** The channel of this number, or NULL. */
struct pz_channel *pz_channels_find(const struct pz_channels *channels, uint32_t number);
/** Keeps a reason: printable ASCII, cut to its maximum. @param reason NULL: "" */
void pz_channel_set_reason(struct pz_channel *channel, const char *reason);

#endif
