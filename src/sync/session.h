/*
 * Synchronising with the other end of one link: messages in, messages out.
 *
 * An exchange, as page 8 has it; the end that dialled the link opens it, and either end may open
 * another later:
 *
 *     opener                                              other end
 *       Hash    {timestamp, items:{item: digest}}   ->
 *               <-   Change {timestamp, item:{key:[sha256,mtime,deleted]}…}  items that differ
 *       Data    {item:[{key,value,mtime,origin,deleted}], want:{item:[key]}}  ->
 *               <-   Data   what was wanted
 *
 * Statuses are Sync_Hash, Sync_Change, Sync_Data in an exchange that a hub opens, and Update_… in
 * one that a device opens, also between two devices. The answer to equal digests is a Change
 * without items. What does not fit into PZ_SYNC_PIECE_BYTES is split: every Change but the last of
 * an answer has "partial":true. Data stands for itself: it may come at any time (a change is pushed
 * to the connected nodes, without an exchange), and each message is complete; only a value that is
 * too long for one message comes in pieces, chunk objects in consecutive messages with "at" (bytes
 * of the value before this piece) and "size" (bytes of the whole value). A hub's Data has a
 * timestamp, too; and a device whose chunk does not count at the hub is sent the hub's.
 *
 * No state is needed at the other end but for an exchange under way, and all of it is bounded, so
 * a link may go at any time: the next one begins with a Hash again.
 */
#ifndef PZ_SYNC_SESSION_H
#define PZ_SYNC_SESSION_H

#include <jansson.h>

#include "base/auto.h"
#include "base/env.h"
#include "sync/item.h"
#include "sync/merge.h"

struct pz_sync_session;

/**
 * Functions of the owner. All but offered, number, refused and answered are needed. None of them
 * may free the session; only offered, changed, refused and answered may call its functions.
 */
struct pz_sync_ops {
	/**
	 * Sends a prop to the other end.
	 * @param message borrowed
	 * Errors: LIMIT_QUEUE: not now, and nothing was taken; the owner calls pz_sync_session_pump
	 * when there is room. Any other error is returned by the function of the session that was
	 * called.
	 */
	enum pz_err (*send)(void *arg, const char *status, json_t *message);
	/** What we hold of an item, borrowed; NULL: it is not synchronised here (opted out). The
	 * session puts chunks into it. */
	struct pz_sync_item *(*item)(void *arg, const struct pz_sync_kind *kind);
	/**
	 * A chunk of the other end, before it is compared with ours. Shape and sizes have been
	 * checked. The owner may handle the chunk itself.
	 * @param out_taken false; true: the session does nothing more with this chunk
	 * Any error refuses it, with the detail as the reason. NULL: the session decides alone.
	 */
	enum pz_err (*offered)(void *arg, const struct pz_sync_kind *kind,
			       const struct pz_sync_chunk *chunk, bool *out_taken,
			       struct pz_errinfo *info);
	/**
	 * Checks a chunk that would win, before anything of it is kept. Shape and sizes have been
	 * checked. Any error refuses it, with the detail as the reason.
	 */
	enum pz_err (*accept)(void *arg, const struct pz_sync_kind *kind,
			      const struct pz_sync_chunk *chunk, struct pz_errinfo *info);
	/**
	 * Chunks of one item have changed in memory (are gone where pz_sync_item_get finds none):
	 * to be stored, and passed to others. Once per message and item.
	 * @param keys array of strings, borrowed
	 */
	void (*changed)(void *arg, const struct pz_sync_kind *kind, const json_t *keys);
	/** See pz_sync_judge.number; NULL: no number can be read. */
	bool (*number)(void *arg, const struct pz_sync_kind *kind,
		       const struct pz_sync_chunk *chunk, uint64_t *out);
	/** Something was not accepted. @param key "" when it is not known. May be NULL. */
	void (*refused)(void *arg, const char *item, const char *key, const char *reason);
	/** The other end has answered our Hash completely. May be NULL. */
	void (*answered)(void *arg, bool is_equal);
};

struct pz_sync_config {
	enum pz_sync_role self, other;
	const struct pz_env *env;      /* borrowed */
	const struct pz_sync_ops *ops; /* borrowed */
	void *arg;
	/* Names of the devices at the two ends, copied. Of what has an owner (BY_OWNER) such an end
	 * gives its own chunk only: it cannot answer for those of others. NULL: it gives all, as
	 * the hub does. */
	const char *self_device, *other_device;
	/* Longest frame body that the other end takes, at least PZ_FRAME_BYTES_ENROL; 0: any. */
	size_t message_bytes_max;
};

/** A session for a link that has just come up. NULL: out of memory. */
struct pz_sync_session *pz_sync_session_new(const struct pz_sync_config *config);
/** Forgets everything, also in the middle of an exchange. NULL is fine. */
void pz_sync_session_free(struct pz_sync_session *session);
PZ_AUTO_DEFINE(struct pz_sync_session, pz_sync_session_free)

/** True for the statuses of page 4 that belong to a session. */
bool pz_sync_is_status(const char *status);

/*
 * Errors of the three functions that follow, besides their own: LIMIT_MEMORY and what send
 * returned (but LIMIT_QUEUE). The session stays usable; when one of these came the exchange may
 * have stopped half-way, so the owner opens another or closes the link.
 */

/**
 * Opens an exchange: the dialler when the link is up, either side when it wants one. While another
 * one is waiting for its answer, once more after that.
 */
enum pz_err pz_sync_session_open(struct pz_sync_session *session) PZ_MUST_USE;
/** Sends a chunk without an exchange, where the item may go that way and the chunk exists. */
enum pz_err pz_sync_session_push(struct pz_sync_session *session, const struct pz_sync_kind *kind,
				 const char *key) PZ_MUST_USE;
/** Goes on sending after LIMIT_QUEUE; does nothing when nothing waits. */
enum pz_err pz_sync_session_pump(struct pz_sync_session *session) PZ_MUST_USE;
/** How far the hub's clock at the other end is ahead of ours, in ms. False: not known, or no hub.
 */
bool pz_sync_session_ahead(const struct pz_sync_session *session, int64_t *out_ms);
/** True while something waits for room in the queue. */
bool pz_sync_session_is_blocked(const struct pz_sync_session *session);

/**
 * A prop from the other end.
 * @param message its payload.message; NULL counts as malformed
 * Errors: NOTFOUND (not one of ours), PROTO_MEMBER (malformed; answered with prop `error`
 * badRequest, and of a Data nothing was taken), PROTO (a listing without a Hash of ours, or a
 * second Hash while one is answered). A bad chunk is no error: it is refused, and the others are
 * kept.
 */
enum pz_err pz_sync_session_message(struct pz_sync_session *session, const char *status,
				    const json_t *message, struct pz_errinfo *info) PZ_MUST_USE;

#endif
