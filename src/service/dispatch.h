/*
 * The dispatcher: executes the JSON-RPC requests that are addressed to this node. One per PZP.
 * Sans-I/O: answers and events leave through ops->send; time comes from the environment.
 */
#ifndef PZ_SERVICE_DISPATCH_H
#define PZ_SERVICE_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/env.h"
#include "rpc/pending.h"
#include "service/registry.h"

#define PZ_FINDS_PER_PEER_MAX 10             /* parallel searches of one caller (page 14, SRV-7) */
#define PZ_REPLAY_TTL_US (300 * PZ_US_PER_S) /* ids are remembered this long (page 14, REPL-1) */
#define PZ_LISTENER_RECHECK_US (900 * PZ_US_PER_S) /* policy again for listeners (page 7, 6.1) */
#define PZ_FIND_TIMEOUT_S_DEFAULT 120
#define PZ_FIND_TIMEOUT_S_MAX 120

#define PZ_API_DISCOVERY "http://webinos.org/api/discovery"

struct pz_dispatcher;

/** Answer of the permission hook. */
enum pz_permit {
	PZ_PERMIT_ALLOW,
	PZ_PERMIT_DENY,    /* by policy: -32004, SecurityError */
	PZ_PERMIT_REFUSED, /* by the person who was asked: -32005, SecurityError */
	PZ_PERMIT_PENDING, /* a person is asked, or counters are being stored;
			      pz_dispatcher_permit_result is called later */
};

/** The kind of permission (page 7, 8a). Only FIND, BIND and INVOKE may be answered with PENDING;
 * elsewhere PENDING counts as ALLOW. */
enum pz_permit_kind {
	PZ_PERMIT_FIND,   /* H2: feature = the requested type, api = PZ_API_DISCOVERY */
	PZ_PERMIT_SHOW,   /* H3: one result; also whether the caller may learn that api@id does not
			     exist */
	PZ_PERMIT_BIND,   /* H5 */
	PZ_PERMIT_INVOKE, /* H6 */
	PZ_PERMIT_LISTEN, /* H7: again, for a running listener */
	PZ_PERMIT_MANAGE, /* H10: an object that manages this node */
};

/** One question to the permission hook. All borrowed for the call; NULL where not applicable. */
struct pz_permit_query {
	enum pz_permit_kind kind;
	const char *from; /* verified caller */
	const char *api;  /* or the name of a built-in object */
	const char *service_id;
	const char *address;  /* SHOW: of the node that hosts the service; NULL: this one */
	const char *function; /* name in the static table, without path */
	const char *feature;
	const struct pz_method_def *def; /* of a service */
	/* The array that the function will get, where it exports parameters; NULL: none, or they do
	 * not fit */
	const json_t *params;
	uint64_t ticket; /* for pz_dispatcher_permit_result */
	/* A person was asked: given for LISTEN; the owner may set it for FIND, BIND and INVOKE. */
	bool was_asked;
	bool is_asking; /* the owner may set it with PENDING: a person is being asked */
};

/**
 * One call of findServices, which the owner helps to answer. Read-only for the owner, which calls
 * pz_find_done exactly once. Results after the time-out, or after the caller has cancelled or
 * ended, are ignored.
 */
struct pz_find {
	const char *caller;   /* verified; a caller of another zone must get only what it may see */
	const char *api;      /* pattern, see pz_api_matches */
	uint64_t timeout_us;  /* after this time the dispatcher sends the results that it has */
	bool cache;           /* true: answer from the cache; false: ask zone_ids live */
	bool remote_services; /* false: only this device and its local network */
	const char *const *zone_ids; /* zones or device addresses; zone_count may be 0 */
	size_t zone_count;
	const char *service_id; /* or NULL */
};

/** A call that has ended: caller and function, without parameters and results. Borrowed. */
struct pz_served {
	const char *from; /* verified caller */
	const struct pz_descriptor *service;
	const char *function;
	uint64_t us;     /* how long it was open */
	const char *end; /* "ok", "given up", "caller gone", or the name or text of its error */
};

/** Call-backs to the owner. send is required, the others may be NULL. */
struct pz_dispatch_ops {
	/**
	 * Sends a JSON-RPC payload to an address. Must not call back into the dispatcher. payload
	 * is taken.
	 */
	void (*send)(void *arg, const char *to, json_t *payload);
	/** Searches in what the node knows, and at other nodes. NULL: the dispatcher searches only
	 * its own registry. May call pz_find_done at once. */
	void (*find)(void *arg, const char *caller, struct pz_find *find);
	/** Permission. NULL: everything is allowed. */
	enum pz_permit (*permit)(void *arg, struct pz_permit_query *query);
	/** A call that waits for permission has ended, because its caller has. May be NULL. */
	void (*permit_over)(void *arg, uint64_t ticket);
	/**
	 * A function of a further built-in object that is judged like one of a service. NULL: there
	 * is no such function for this caller, and MANAGE is judged. The call then goes to
	 * `builtin`, by the names `interface` and `function` of the result. May be NULL.
	 * @param out_api what policies call it, static; NULL: it needs no permission
	 */
	const struct pz_method_def *(*judged)(void *arg, const char *from, const char *object,
					      const char *function, const char **out_api);
	/**
	 * Further built-in objects ("PolicyManagement", "ServiceConfiguration"...), once MANAGE is
	 * permitted. True: the owner finishes the call. False: unknown method. params: as received,
	 * borrowed, may be NULL.
	 */
	bool (*builtin)(void *arg, struct pz_call *call, const char *object, const char *function,
			const json_t *params);
	/** A function of a service was called, and the call has ended. May be NULL. */
	void (*served)(void *arg, const struct pz_served *served);
	/**
	 * Sends a request to the caller of a call; its answer, or an error after a time-out, goes
	 * to `ops` with `job`, for a program of this device also before the call returns. @param id
	 * of the request in `payload`, borrowed both. NULL: callers cannot be asked. @return false:
	 * nothing was sent
	 */
	bool (*ask)(void *arg, const char *to, const char *id, json_t *payload,
		    const struct pz_pending_ops *ops, void *job);
	/** The answer is no longer wanted. Must be set if `ask` is. */
	void (*ask_cancel)(void *arg, const char *to, const char *id);
	/** A call of `builtin` has ended because its caller has. */
	void (*builtin_ended)(void *arg, struct pz_call *call);
};

/**
 * A dispatcher that watches the registry.
 * @param env,registry,ops borrowed; must outlive the dispatcher
 * NULL: out of memory.
 */
struct pz_dispatcher *pz_dispatcher_new(const struct pz_env *env, struct pz_registry *registry,
					const struct pz_dispatch_ops *ops, void *arg);
/** Frees everything without sending anything, also searches that the owner has not finished. NULL
 * is fine. */
void pz_dispatcher_free(struct pz_dispatcher *d);

/**
 * Executes one JSON-RPC payload addressed to this node: a request, a notification or a batch (whose
 * answers come as one array when all are there; listeners answer on their own). Responses and
 * call-backs never get here: the owner gives them to rpc first. A request whose (from, id) was seen
 * within PZ_REPLAY_TTL_US, or is still open, is dropped silently.
 * @param from verified address of the caller
 * A caller must therefore not reuse ids after a restart (use UUIDs).
 * @param payload borrowed
 * @spec page 4 "JSON-RPC 2.0", page 7, 5 to 8, page 14 REPL-1
 */
void pz_dispatcher_request(struct pz_dispatcher *d, const char *from, json_t *payload);

/** Ends all calls, listeners, binds and searches of that node and of its apps ("zone/device"), of
 * one app (its full address), or of a whole zone ("zone"). Nothing is sent to them. */
void pz_dispatcher_peer_gone(struct pz_dispatcher *d, const char *node_prefix);

/** Adds the node of each caller with a call, a listener or a search that runs, within a space, as a
 * member with value true. @param set object; out of memory: some are missing */
void pz_dispatcher_peers(const struct pz_dispatcher *d, const char *space, json_t *set);

/** The answer to PZ_PERMIT_PENDING. Unknown tickets (the caller has ended) are ignored. @param
 * permit not PENDING @param was_asked a person has answered, now or earlier */
void pz_dispatcher_permit_result(struct pz_dispatcher *d, uint64_t ticket, enum pz_permit permit,
				 bool was_asked);

/** Asks permit again for every listener and every binder: after a change of policy, friends or
 * enrolment; runs by itself every 15 minutes. Denied listeners get one error and end; denied
 * binders get no more call-backs. @spec page 7, 6.1 */
void pz_dispatcher_recheck(struct pz_dispatcher *d);

/** Adds one result. Copied; out of memory drops it. */
void pz_find_add(struct pz_find *find, const struct pz_descriptor *descriptor);
/** Adds one result given as a descriptor object (borrowed); malformed ones are dropped. */
void pz_find_add_json(struct pz_find *find, const json_t *descriptor);
/** Notes that none of the zones asked could be reached: a search without results then ends with a
 * NetworkError. */
void pz_find_unreachable(struct pz_find *find);
/** No more results from the owner: everything is delivered and find is gone. */
void pz_find_done(struct pz_find *find);

/** A person has taken a permit back: calls that run by it are judged again, as if no person had
 * been asked.
 * @param is_of true for these calls @param from address of the caller @param api of the service
 */
void
pz_dispatcher_taken_back(struct pz_dispatcher *d,
			 bool (*is_of)(void *arg, const char *from, const char *api), void *arg);

/** Numbers for status and metrics. */
struct pz_dispatch_stats {
	uint64_t requests, errors, duplicates, events;
	size_t calls_open, listeners, binders, finds;
};
/** Copies the numbers of now. */
void pz_dispatcher_stats(const struct pz_dispatcher *d, struct pz_dispatch_stats *out);

#endif
