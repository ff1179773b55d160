/*
 * Synchronisation with the other end of one link, sans-I/O: messages in, messages out.
 *
 * An exchange (page 8). The end that dialled the link opens the first one; later either end may
 * open another:
 *
 *     opener                                              other end
 *       Hash    {timestamp, items:{item: digest}}   ->
 *               <-   Change {timestamp, item:{key:[sha256,mtime,deleted]}…}  items that differ
 *       Data    {item:[{key,value,mtime,origin,deleted}], want:{item:[key]}}  ->
 *               <-   Data   what was wanted
 *
 * Statuses are Sync_Hash, Sync_Change, Sync_Data in an exchange that a hub opens, and Update_… in
 * one that a device opens, also between two devices. The answer to equal digests is a Change
 * without items. An answer that does not fit into PZ_SYNC_PIECE_BYTES is split: every Change but
 * the last has "partial":true. Data may come at any time, without an exchange (a change is pushed
 * to the connected nodes), and each message is complete. Only a value that is too long for one
 * message is split, into chunk objects in consecutive messages with "at" (bytes of the value before
 * this piece) and "size" (bytes of the whole value). Data of a hub has a timestamp, too. When the
 * chunk of a device loses at the hub, the hub sends the device its own version.
 *
 * State exists only during an exchange, and is bounded. A link may break at any time: the next one
 * begins with a Hash again.
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
 * Call-backs to the owner. All are required but offered, number, refused and answered. None of them
 * may free the session; only offered, changed, refused and answered may call its functions.
 */
struct pz_sync_ops {
	/**
	 * Sends a prop to the other end.
	 * @param message borrowed
	 * Errors: LIMIT_QUEUE: the queue is full, and nothing was sent; the owner calls
	 * pz_sync_session_pump when there is room. Any other error is returned by the function of
	 * the session that was called.
	 */
	enum pz_err (*send)(void *arg, const char *status, json_t *message);
	/** The item on this node, borrowed; NULL: it is not synchronised here (opted out). The
	 * session puts chunks into it. */
	struct pz_sync_item *(*item)(void *arg, const struct pz_sync_kind *kind);
	/**
	 * The other end has sent a chunk, which was not yet compared with ours. Its form and sizes
	 * are valid. The owner may handle the chunk itself.
	 * @param out_taken false at first; set to true, the session ignores this chunk
	 * Any error refuses it, with the detail as the reason. NULL: the session decides alone.
	 */
	enum pz_err (*offered)(void *arg, const struct pz_sync_kind *kind,
			       const struct pz_sync_chunk *chunk, bool *out_taken,
			       struct pz_errinfo *info);
	/**
	 * Checks a chunk that would win, before it is stored. Its form and sizes are valid. Any
	 * error refuses it, with the detail as the reason.
	 */
	enum pz_err (*accept)(void *arg, const struct pz_sync_kind *kind,
			      const struct pz_sync_chunk *chunk, struct pz_errinfo *info);
	/**
	 * Chunks of one item have changed in memory (or were removed: pz_sync_item_get finds none).
	 * The owner stores them and passes them on. Called once per message and item.
	 * @param keys array of strings, borrowed
	 */
	void (*changed)(void *arg, const struct pz_sync_kind *kind, const json_t *keys);
	/** See pz_sync_judge.number; NULL: no number can be read. */
	bool (*number)(void *arg, const struct pz_sync_kind *kind,
		       const struct pz_sync_chunk *chunk, uint64_t *out);
	/** A chunk or an item was refused. @param key "" when it is not known. May be NULL. */
	void (*refused)(void *arg, const char *item, const char *key, const char *reason);
	/** The other end has answered our Hash completely. May be NULL. */
	void (*answered)(void *arg, bool is_equal);
};

struct pz_sync_config {
	enum pz_sync_role self, other;
	const struct pz_env *env;      /* borrowed */
	const struct pz_sync_ops *ops; /* borrowed */
	void *arg;
	/* Names of the devices at the two ends, copied. Of an item BY_OWNER such an end sends its
	 * own chunk only: it cannot vouch for those of others. NULL: it sends all, as the hub does.
	 */
	const char *self_device, *other_device;
	/* Longest frame body that the other end accepts, at least PZ_FRAME_BYTES_ENROL; 0: any. */
	size_t message_bytes_max;
};

/** A session for a link that has just come up. NULL: out of memory. */
struct pz_sync_session *pz_sync_session_new(const struct pz_sync_config *config);
/** Frees the session, also in the middle of an exchange. NULL is fine. */
void pz_sync_session_free(struct pz_sync_session *session);
PZ_AUTO_DEFINE(struct pz_sync_session, pz_sync_session_free)

/** True for the statuses of page 4 that belong to a session. */
bool pz_sync_is_status(const char *status);

/*
 * Errors of the three functions that follow, besides their own: LIMIT_MEMORY and what send
 * returned (but LIMIT_QUEUE). The session stays usable. After one of these errors the exchange may
 * have stopped half-way, so the owner opens another or closes the link.
 */

/**
 * Opens an exchange: the end that dialled when the link is up, either end at any time. While
 * another exchange of ours waits for its answer, the new one is opened after it.
 */
enum pz_err pz_sync_session_open(struct pz_sync_session *session) PZ_MUST_USE;
/** Sends a chunk without an exchange, if the item travels in this direction and the chunk exists.
 */
enum pz_err pz_sync_session_push(struct pz_sync_session *session, const struct pz_sync_kind *kind,
				 const char *key) PZ_MUST_USE;
/** Continues sending after LIMIT_QUEUE. Does nothing when nothing waits. */
enum pz_err pz_sync_session_pump(struct pz_sync_session *session) PZ_MUST_USE;
/** How far the clock of the hub at the other end is ahead of ours, in ms. @return false: not known,
 * or the other end is no hub
 */
bool pz_sync_session_ahead(const struct pz_sync_session *session, int64_t *out_ms);
/** True while something waits for room in the queue. */
bool pz_sync_session_is_blocked(const struct pz_sync_session *session);

/**
 * Handles a prop from the other end.
 * @param message its payload.message; NULL counts as malformed
 * Errors: NOTFOUND (pz_sync_is_status is false), PROTO_MEMBER (malformed; answered with prop
 * `error` badRequest, and no chunk of a Data was stored), PROTO (a listing without a Hash of ours,
 * or a second Hash while one is answered). A bad chunk is no error: it is refused, and the others
 * are stored.
 */
enum pz_err pz_sync_session_message(struct pz_sync_session *session, const char *status,
				    const json_t *message, struct pz_errinfo *info) PZ_MUST_USE;

#endif
