/*
 * What the files of the calls call of each other. calls.c the whole; send.c, messages.c what goes
 * out and comes in; permit.c who may do what; resend.c what a lost link may have lost; discovery.c,
 * announce.c services of the zone and our own; friends.c friend zones; devices.c, target.c resolve
 * the names of devices and services; call.c, ping.c, listing.c, peer_commands.c the commands.
 */
#ifndef PZ_CALLS_INTERNAL_H
#define PZ_CALLS_INTERNAL_H

#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "calls/calls.h"
#include "calls/devices.h"
#include "calls/discovery.h"
#include "calls/friends.h"
#include "calls/target.h"
#include "command/table.h"
#include "command/watch.h"
#include "rpc/pending.h"
#include "service/dispatch.h"
#include "wire/address.h"

struct pz_calls {
	struct pz_calls_config config;
	const struct pz_env *env;          /* of config */
	struct pz_metrics *metrics;        /* of config */
	const struct pz_device_zone *zone; /* of config */
	struct pz_peers *peers;            /* pz_calls_connect */
	struct pz_uplink *uplink;          /* pz_calls_connect */
	struct pz_items *items;            /* pz_calls_connect */
	struct pz_router *router;
	struct pz_dispatcher *dispatcher;
	struct pz_pending *pending;    /* requests that wait for an answer */
	struct pz_log_rate served_log; /* messages.c */
	struct pz_list answers;        /* resend.c; so are the next two */
	size_t answer_count;           /* in `answers` */
	size_t answer_bytes;           /* of their payloads */
	struct pz_list finds;          /* running searches (discovery.c); so are the next two */
	json_t *known;                 /* device -> array of descriptors, as last received */
	json_t *learning; /* the same from an answer whose last part is still to come */
	json_t *friends;  /* what friend zones show (friends.c) */
	struct pz_registry_watch watch; /* announce.c */
	struct pz_timer announce;       /* announce.c */
	bool is_ending;
};

/* ---- send.c ---- */
/** As pz_calls_send. @param out_len bytes of the frame, also where it was not sent */
enum pz_err pz_calls_send_measured(struct pz_calls *calls, const char *to, json_t *payload,
				   size_t *out_len) PZ_MUST_USE;
/** The error of a request that pz_calls_send refused with PROTO_FRAME: too large, with the sizes.
 * New, or NULL. */
json_t *pz_calls_too_large(const struct pz_calls *calls, const char *to, json_t *payload);
/** The same for a frame that was made already. @param bytes of its body; @param code of the error
 */
json_t *pz_calls_too_large_by(const struct pz_calls *calls, const char *to, size_t bytes, int code);
/** A message to it was sent or is expected: the link is watched for signs of life. */
void pz_calls_watch_session(const struct pz_session *session);

/* ---- messages.c ---- */
/** Of pz_calls.router; its `arg` is the calls. */
extern const struct pz_router_ops pz_calls_router_ops;
/** Of pz_calls.dispatcher; its `arg` is the calls. */
extern const struct pz_dispatch_ops pz_calls_dispatch_ops;

/* ---- permit.c ---- */
/** pz_dispatch_ops.permit; `arg` is the calls. */
enum pz_permit pz_permit_ask(void *arg, struct pz_permit_query *query);
/** pz_dispatch_ops.permit_over. */
void pz_permit_over(void *arg, uint64_t ticket);
/**
 * E1: whether a program here may call a service. One of this device is judged where it runs.
 * @param address of the device that has it; @param function NULL: none yet
 */
bool pz_permit_send(struct pz_calls *calls, const char *address, const char *api,
		    const char *service_id, const char *function);
/** E6: whether a program here may see a service; the own ones are always shown. @param descriptor
 * borrowed */
bool pz_permit_show(struct pz_calls *calls, const json_t *descriptor);
/** The error of a denied call. New, or NULL. */
json_t *pz_permit_error(void);

/* ---- resend.c ---- */
/** Notes an answer, about to be sent, that may be lost with the link it goes out by.
 * @param payload borrowed; @param bytes about how long it is */
void pz_resend_note(struct pz_calls *calls, const char *to, json_t *payload, size_t bytes);
/** Frees the answers that are kept. */
void pz_resend_clear(struct pz_calls *calls);

/* ---- call.c ---- */
/** Requests that went by a session that is gone are sent by another. */
void pz_call_resend(struct pz_calls *calls, const struct pz_session *lost);

/* ---- discovery.c ---- */
/** Every search ends with what is known. */
void pz_discovery_end_all(struct pz_calls *calls);
/** pz_dispatch_ops.find: a program or another device searches. @param arg the calls */
void pz_discovery_find(void *arg, const char *caller, struct pz_find *find);

/* ---- announce.c ---- */
/** Readies timer and watch. */
void pz_announce_init(struct pz_calls *calls);
/** Stops both. */
void pz_announce_fini(struct pz_calls *calls);

#endif
