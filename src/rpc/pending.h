/* Requests that this node has sent and that are not answered yet; and their call-backs. */
#ifndef PZ_RPC_PENDING_H
#define PZ_RPC_PENDING_H

#include <stdbool.h>

#include <jansson.h>

#include "base/env.h"
#include "base/err.h"
#include "base/slice.h"

/** Longest request id of our own. */
#define PZ_PENDING_ID_BYTES_MAX 256

struct pz_pending;

/** Call-backs to the owner of a request. Static storage or outlives the request. */
struct pz_pending_ops {
	/**
	 * The answer: exactly one of result and error is set (both NULL: memory ran out while
	 * reporting a failure). Borrowed for the call. Not NULL. The request is forgotten before
	 * this is called, unless keep_callbacks is set and it is a result.
	 */
	void (*response)(void *arg, json_t *result, json_t *error);
	/** The time-out has passed and the request is forgotten. NULL: response() gets error
	 * -32003. */
	void (*timed_out)(void *arg);
	/** A call-back `<id>.<name>` of the peer; params borrowed, may be NULL. May be NULL. */
	void (*callback)(void *arg, const char *name, json_t *params);
	/**
	 * A call-back that wants an answer. @param id of it, borrowed @return true: it was taken,
	 * and its answer is the owner's matter. NULL, or false: `callback` gets it
	 */
	bool (*asked)(void *arg, const char *name, json_t *params, json_t *id);
	/**
	 * A streaming call: the entry survives its result until cancelled or failed. The first
	 * call-back or result ends its time-out. A later error ends it (response is then called a
	 * second time), a second result is dropped.
	 */
	bool keep_callbacks;
};

/** Empty table. @param env borrowed for the table's life. NULL: out of memory. */
struct pz_pending *pz_pending_new(const struct pz_env *env);
/** Forgets every request silently and frees. Not from within a call-back. NULL is fine. */
void pz_pending_free(struct pz_pending *p);

/**
 * Remembers a request that is about to be sent.
 * @param peer address that was asked; only it can answer
 * @param id of the request, unique for this peer
 * @param timeout_us from now; 0: never. Then timed_out() is called, or
 * response() gets error -32003 "timed out".
 * @param ops borrowed until the entry is gone
 * @param arg for the ops, borrowed
 * Errors: LIMIT (PZ_PENDING_CALLS_MAX outstanding, or peer or id too long), EXISTS, LIMIT_MEMORY.
 * @spec page 7, 6 and 6.2; page 14 SPOOF-5
 */
enum pz_err
pz_pending_add(struct pz_pending *p, const char *peer, const char *id, uint64_t timeout_us,
	       const struct pz_pending_ops *ops, void *arg) PZ_MUST_USE;

/** Ends a request's time-out, if it has one that has not ended, that long from now instead. */
void pz_pending_extend(struct pz_pending *p, const char *peer, const char *id, uint64_t timeout_us);

/**
 * Hands an answer to its request.
 * @param from proven origin of the message
 * @param id string, or an integer (compared in decimal); NULL matches no request
 * @return true when it was ours and from that very peer; false: the caller drops and counts it
 */
bool pz_pending_response(struct pz_pending *p, const char *from, json_t *id, json_t *result,
			 json_t *error);

/**
 * Hands a call-back to the request it refers to.
 * @param reference,name the two parts of the method (pz_method.reference, .function)
 * @param params borrowed, may be NULL
 * @param id of one that wants an answer, borrowed; NULL: none
 * @param out_is_answered the owner of the request answers it; false: the caller does, with {}
 * @return false when there is no such request of that peer, or it wants no call-backs
 * @spec page 7, 6.1
 */
bool pz_pending_callback(struct pz_pending *p, const char *from, struct pz_slice reference,
			 struct pz_slice name, json_t *params, json_t *id, bool *out_is_answered);

/**
 * Fails every request (and ends every stream) to that node and its apps; response() is called for
 * each. Call-backs may add and cancel requests.
 * @param node_prefix zone (its hub only), zone/device or device
 * @param error borrowed, not NULL
 */
void pz_pending_fail_peer(struct pz_pending *p, const char *node_prefix, json_t *error);

/** The same for every address within a space: a zone here means all of its devices too. */
void pz_pending_fail_space(struct pz_pending *p, const char *space, json_t *error);

/** Adds the node of each request to an address within a space, as a member with value true.
 * @param set object; out of memory: some are missing */
void pz_pending_peers(const struct pz_pending *p, const char *space, json_t *set);

/** Forgets one request silently; nothing happens when it is not in the table. */
void pz_pending_cancel(struct pz_pending *p, const char *peer, const char *id);

/** Outstanding requests and streams. */
size_t pz_pending_len(const struct pz_pending *p);

#endif
