/*
 * The router: checks the sender of a message against its session, looks up the session of the
 * destination, and stops reading sessions when a queue is full.
 * @spec page 14 SPOOF-1, SPOOF-2, SPOOF-3, SPOOF-4, ROUT-1, REPL-3, DAT-5
 */
#ifndef PZ_ROUTE_ROUTER_H
#define PZ_ROUTE_ROUTER_H

#include "base/env.h"
#include "metrics/metrics.h"
#include "route/session.h"
#include "wire/envelope.h"

struct pz_router;

/** What the router asks of the node it belongs to. */
struct pz_router_ops {
	/**
	 * A message for this node (or a prop without `to`). Its `from` is one that `in` has proved.
	 * @param in the session it came in by; NULL when the node sent it to itself
	 * @param envelope, frame borrowed for the call
	 */
	void (*local)(void *arg, struct pz_session *in, const struct pz_envelope *envelope,
		      struct pz_slice frame);
	/**
	 * For a PZP: the session of the hub or relay that forwards to an address which has no
	 * session here (page 4 "Routing"); NULL: no route. When the op is NULL the hub forwards to
	 * all.
	 * @param node zone, or zone/device; borrowed for the call
	 */
	struct pz_session *(*next_hop)(void *arg, struct pz_slice node);
	/**
	 * True when another zone is a friend now. Called only for addresses outside of the own
	 * zone. NULL: no zone is a friend.
	 */
	bool (*is_friend)(void *arg, struct pz_slice zone);
	/**
	 * For a hub: judges a message that crosses the border of the zone, before it is delivered
	 * or forwarded (page 9, E3 and E4). Not called for messages inside the zone, nor for props,
	 * which never cross. NULL: no message crosses.
	 * @param in the session it came in by
	 * @param friend_hub the session of the friend's hub; equal to `in` when the message enters
	 * the zone
	 * @return false: it is refused, and answered with -32004
	 */
	bool (*may_cross)(void *arg, struct pz_session *in, struct pz_session *friend_hub,
			  const struct pz_envelope *envelope);
};

struct pz_router_config {
	const char *self;                         /* own address; copied */
	const struct pz_env *env;                 /* borrowed for the router's life */
	struct pz_metrics *metrics;               /* borrowed */
	size_t queue_high_bytes, queue_low_bytes; /* 0: the defaults of base/limits.h */
	const struct pz_router_ops *ops;
	void *arg;
};

/** New router without routes. Errors: LIMIT_MEMORY, PROTO_ADDRESS (self is no address). */
enum pz_err
pz_router_new(const struct pz_router_config *config, struct pz_router **out) PZ_MUST_USE;
/** All sessions must have been detached. NULL is fine. */
void pz_router_free(struct pz_router *router);

/** Changes the own address (a device enrols or leaves). No session may be attached. Errors: as
 * pz_router_new.
 */
enum pz_err pz_router_set_self(struct pz_router *router, const char *self) PZ_MUST_USE;

/**
 * Makes a session reachable under its address. The hub session of a PZP also becomes the next hop
 * to the rest of the zone. Errors: EXISTS (the address is our own, or has a session: close that one
 * first), LIMIT_MEMORY.
 */
enum pz_err pz_router_attach(struct pz_router *router, struct pz_session *session) PZ_MUST_USE;
/** Removes a session: its routes end, and sessions that waited for its queue are read again. The
 * owner may still pass frames that it received before to pz_router_frame; then it must detach the
 * session once more before freeing it. */
void pz_router_detach(struct pz_router *router, struct pz_session *session);

/** The session attached under exactly this address, or NULL. */
struct pz_session *pz_router_find(const struct pz_router *router, struct pz_slice address);

/** The session on which a message of this node to this address would leave now; NULL: no route, or
 * the address is our own. */
struct pz_session *pz_router_route(const struct pz_router *router, struct pz_slice address);

/** True when there is a route to this address now, or it is our own. */
bool pz_router_has_route(const struct pz_router *router, struct pz_slice address);

/**
 * The hot path (page 13): one frame that arrived on a session. The bytes are checked in
 * one pass, `from` against the session, `to` looked up, and the same bytes appended to the
 * destination's queue. No allocation, no tree.
 * @param frame complete, header included, borrowed
 * Errors: PROTO_* or LIMIT: the frame is not what page 4 allows; the caller closes the link.
 * Everything else (spoofed, expired, undeliverable) is answered or counted here and is PZ_OK.
 */
enum pz_err
pz_router_frame(struct pz_router *router, struct pz_session *in, struct pz_slice frame) PZ_MUST_USE;

/**
 * Sends a frame that this node has made. Delivers it locally when it is for this node.
 * Errors: NOTFOUND (no route), LIMIT_QUEUE, LIMIT_MEMORY, PROTO_*: nothing was sent.
 */
enum pz_err pz_router_send(struct pz_router *router, struct pz_slice frame) PZ_MUST_USE;

/**
 * Sends frames of this node on one attached session, whatever their `to`. They count against its
 * queue like forwarded frames, so an end that never reads is closed as a slow consumer. Errors:
 * those of the session's send.
 */
enum pz_err pz_router_push(struct pz_router *router, struct pz_session *session,
			   struct pz_slice frames) PZ_MUST_USE;

/**
 * Handles frames that were queued for a session which has ended: answers each JSON-RPC request
 * among them with the error (page 4: -32001 or -32002), and sends each receipt that was requested.
 * @param frames any number of complete frames; an incomplete one at the end is ignored
 */
void pz_router_bounce(struct pz_router *router, struct pz_slice frames, int rpc_code);

/** To be called when an attached session's queue has become shorter. Cheap when no session is
 * stopped. */
void pz_router_drained(struct pz_router *router, struct pz_session *session);

#endif
