/*
 * Calls: what local programs call in the zone, and what others call here. Receives and sends the
 * messages of this node, searches and announces services, and repeats what a lost link may have
 * lost. This header is the whole: what the calls are given, their life, messages, and the commands.
 * discovery.h has the search for services, devices.h the devices of the zone.
 */
#ifndef PZ_CALLS_CALLS_H
#define PZ_CALLS_CALLS_H

#include <jansson.h>

#include "access/access.h"
#include "command/request.h"
#include "condition/condition.h"
#include "items/items.h"
#include "metrics/metrics.h"
#include "peers/peers.h"
#include "route/router.h"
#include "rpc/pending.h"
#include "service/registry.h"
#include "uplink/uplink.h"
#include "zone/device.h"

struct pz_calls;

/* ---- what the calls are given ---- */

/** What the node does for its calls. `arg` is that of the configuration. */
struct pz_calls_ops {
	/** True while the zone is being left: no search starts after that. */
	bool (*is_leaving)(void *arg);
	/** Built-in objects of this device, as in pz_dispatch_ops. NULL: there are none. */
	bool (*builtin)(void *arg, struct pz_call *call, const char *object, const char *function,
			const json_t *params);
	/** See pz_dispatch_ops. May be NULL. */
	const struct pz_method_def *(*judged)(void *arg, const char *from, const char *object,
					      const char *function, const char **out_api);
	/** See pz_dispatch_ops. NULL together with builtin. */
	void (*builtin_ended)(void *arg, struct pz_call *call);
};

/** Everything borrowed for the life of the calls; the node keeps its targets up to date. */
struct pz_calls_config {
	const struct pz_env *env;
	struct pz_metrics *metrics;
	struct pz_registry *registry; /* the services of this device */
	struct pz_conditions *conditions;
	struct pz_requests *requests; /* running commands */
	const struct pz_device_zone *zone;
	struct pz_access *access; /* judges every call; NULL: none may do anything */
	const char *self, *device, *display_name; /* of this device */
	size_t queue_high_bytes, queue_low_bytes; /* of links; 0: the defaults of the router */
	uint64_t timeout_us;                      /* of a call that names none; 0: none */
	bool has_mdns;                            /* devices can be searched on the local network */
	const struct pz_calls_ops *ops;
	void *arg;
};

/* ---- life ---- */

/** Errors: LIMIT_MEMORY. @param out owned by the caller */
enum pz_err pz_calls_new(const struct pz_calls_config *config, struct pz_calls **out) PZ_MUST_USE;
/** The other parts, which need the router of the calls: once, before anything is sent. All
 * borrowed. */
void pz_calls_connect(struct pz_calls *calls, struct pz_peers *peers, struct pz_uplink *uplink,
		      struct pz_items *items);
/** From now on changes of the registry are announced. */
void pz_calls_start(struct pz_calls *calls);
/** The node ends: no search starts after that. */
void pz_calls_end(struct pz_calls *calls);
/** Ends every search and drops what could be sent again; before peers and uplink are freed. NULL is
 * fine. */
void pz_calls_stop(struct pz_calls *calls);
/** After pz_calls_stop; before the registry is freed. NULL is fine. */
void pz_calls_free(struct pz_calls *calls);
/** Sets pz_calls_config.timeout_us. */
void pz_calls_set_timeout(struct pz_calls *calls, uint64_t timeout_us);
/** The router of this node, for peers and uplink. Borrowed. */
struct pz_router *pz_calls_router(const struct pz_calls *calls);

/* ---- messages ---- */

/** Sends a JSON-RPC payload. @param payload borrowed. Errors: those of pz_router_send. */
enum pz_err pz_calls_send(struct pz_calls *calls, const char *to, json_t *payload) PZ_MUST_USE;
/**
 * Sends a request of ours whose answer and call-backs `ops` gets; without a time-out.
 * @param id of the request in `payload`, both borrowed. Errors: those of pz_pending_add and of
 * pz_router_send; then `ops` is not called.
 */
enum pz_err
pz_calls_request(struct pz_calls *calls, const char *to, const char *id, json_t *payload,
		 const struct pz_pending_ops *ops, void *arg) PZ_MUST_USE;
/** Its answer is not needed any more; unknown ones are fine. */
void pz_calls_request_cancel(struct pz_calls *calls, const char *to, const char *id);
/** A prop was not sent by this session: logged, or a condition where it is too long for it.
 * @param bytes of the frame */
void pz_calls_prop_unsent(struct pz_calls *calls, const struct pz_session *session,
			  const char *status, enum pz_err err, size_t bytes);

/* ---- lost links ---- */

/** Frames that never left a queue: ours find another way, or are answered as undeliverable.
 * @param rpc_code of those answers */
void pz_calls_undelivered(struct pz_calls *calls, struct pz_slice frames, int rpc_code);
/**
 * Ways are gone: what went by them and has another way is sent again.
 * @param lost the session that is gone, only compared; NULL: it stays
 * @param names devices that may have no way any more; what waits for those ends. May be NULL
 */
void pz_calls_lost(struct pz_calls *calls, const struct pz_session *lost, json_t *names);
/** A device has no way left: calls that wait for it, and calls that it began here, end. */
void pz_calls_device_gone(struct pz_calls *calls, const char *device);
/** The hub has no way left: calls that wait for its answer end. */
void pz_calls_hub_gone(struct pz_calls *calls);

/** A session of an app here has ended: its calls, call-backs and searches end, and so does what
 * waits for an answer of it. @param address of the session */
void pz_calls_app_gone(struct pz_calls *calls, const char *address);

/* ---- who may do what ---- */

/** E1: may an app here call a method at another node? What is no call of a service may pass.
 * @param from, to addresses */
bool
pz_calls_may_send(struct pz_calls *calls, const char *from, const char *to, struct pz_slice method);

/** Streams and binders are judged again: those that may not continue end (page 7, 6.1). */
void pz_calls_recheck(struct pz_calls *calls);

/** As pz_dispatcher_taken_back. */
void pz_calls_taken_back(struct pz_calls *calls,
			 bool (*is_of)(void *arg, const char *from, const char *api), void *arg);

/* ---- commands; each ends its request ---- */

/** `call`: params service, function, params?, stream?, timeout_ms?. */
void pz_calls_call(struct pz_calls *calls, struct pz_request *request);
/** `describe`: the descriptor of a service with its functions, from its device. */
void pz_calls_describe(struct pz_calls *calls, struct pz_request *request);
/** `ping`: params device, count?, interval_ms?, until_direct?; an event for each answer. */
void pz_calls_ping(struct pz_calls *calls, struct pz_request *request);
/** `services`: params api?, zone?, device?, all?. */
void pz_calls_services(struct pz_calls *calls, struct pz_request *request);
/** `connect PEER`: params address?, port?; done when there is a direct link. @param name of the
 * device, or its address: that of a friend's device, too */
void pz_calls_peer_connect(struct pz_calls *calls, struct pz_request *request, const char *name);
/** `disconnect PEER`. @param name as above */
void pz_calls_peer_disconnect(struct pz_calls *calls, struct pz_request *request, const char *name);
/** `discover`: browses for `timeout_ms` and lists what was received. */
void pz_calls_discover(struct pz_calls *calls, struct pz_request *request);
/** The state of a peer has changed: commands that wait for it end. */
void pz_calls_peer_changed(struct pz_calls *calls, const char *device);

#endif
