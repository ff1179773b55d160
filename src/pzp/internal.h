/* Inside pzp/ only: the node's struct and what its files call of each other. */
#ifndef PZ_PZP_INTERNAL_H
#define PZ_PZP_INTERNAL_H

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "command/table.h"
#include "condition/condition.h"
#include "net/link.h"
#include "peers/peers.h"
#include "pzp/node.h"
#include "route/router.h"
#include "rpc/pending.h"
#include "service/dispatch.h"
#include "service/registry.h"
#include "store/keep.h"
#include "wire/address.h"
#include "zone/device.h"

/** A connection that the node dials: to enrol, or to its hub. Its link may outlive the interest in
 * it. */
struct node_conn {
	struct pz_node *node;
	struct pz_dial *dial;
	struct pz_link *link;
	bool is_registered;
};

struct enrolment;
struct pz_items;
struct zonedata;
struct moved;
struct pz_sync_link;

struct pz_node {
	struct pz_node_config config;
	struct pz_metrics metrics;
	struct pz_machine machine;
	struct pz_device_zone zone; /* which it is in, and what it knows of it */
	struct pz_tls_ctx *tls_ctx; /* for outgoing links */
	struct pz_router *router;
	struct pz_registry *registry;
	struct pz_registry_watch registry_watch;
	struct pz_dispatcher *dispatcher;
	struct pz_pending *pending;
	struct pz_link_host link_host;
	struct node_conn hub;
	struct enrolment *enrolment; /* while one runs */
	struct enrolment *dropped;   /* freed by enrol_reaper */
	struct enrolment *storing;   /* wait for the disk, dropped or not */
	struct pz_timer enrol_reaper;
	struct pz_log_rate hub_log; /* lines that the hub causes */
	json_t *directory;          /* device -> entry of the hub's Update */
	json_t *told;     /* device -> whether watchers were last told that it is connected */
	json_t *known;    /* device -> array of descriptors, as last heard */
	json_t *learning; /* the same from an answer whose last part is still to come, or NULL */
	struct pz_items *items;
	struct pz_requests requests;
	struct pz_list finds; /* findServices under way */
	struct pz_peers *peers;
	struct zonedata *zonedata;
	struct servicefiles *service_files; /* NULL: none were loaded */
	struct moved *moved;                /* where the hub is: moved.h */
	struct twice *twice;                /* another machine with our identity: twice.h */
	struct pz_sync_link *hub_data;      /* the exchange with the hub, or NULL */
	struct pz_peers_wishes wishes;
	struct pz_conditions *conditions; /* what is wrong now, for `status` */
	struct pz_log_rate served_log;
	struct pz_list answers; /* resend.c */
	size_t answer_count, answer_bytes;
	struct pz_clock_watch clock;
	struct pz_timer renewal, announce, leave_timer, wipe_retry;
	struct pz_keep names; /* while the store does not have `device` */
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char display_name[PZ_DISPLAY_NAME_BYTES_MAX + 1];
	char device_type[PZ_DEVICE_TYPE_BYTES_MAX + 1];
	char self[PZ_ADDRESS_BYTES_MAX + 1];
	uint64_t started_us;
	uint64_t hub_since_ms;
	bool is_stopping;
	bool is_wiping;
	bool is_wipe_failed; /* virgin in memory, but what binds us to the zone is still stored */
	bool is_renewing;
};

/* messages.c */
extern const struct pz_router_ops node_router_ops;
extern const struct pz_dispatch_ops node_dispatch_ops;
/** Sends a JSON-RPC payload. @param payload borrowed. Errors: those of pz_router_send. */
enum pz_err node_send_rpc(struct pz_node *node, const char *to, json_t *payload) PZ_MUST_USE;
/** The error of a request that node_send_rpc refused with PROTO_FRAME: too large, with the sizes.
 * New, or NULL. */
json_t *node_too_large(const struct pz_node *node, const char *to, json_t *payload);
/** A prop was not sent by this session: logged, or a condition where it is too long for it.
 * @param bytes of the frame */
void node_prop_unsent(struct pz_node *node, const struct pz_session *session, const char *status,
		      enum pz_err err, size_t bytes);
/** Does the other end not read what it is told? Then it gets no answers for now. */
bool node_is_choked(const struct pz_node *node, const struct pz_session *session);
/** A message to it was sent or is expected: a direct link is watched for signs of life. */
void node_watch_session(struct pz_node *node, const struct pz_session *session);

/* tell.c */
/** When an event happens: seconds since 1970, with milliseconds. New. */
json_t *node_event_time(const struct pz_node *node);
/** Sends every watcher an event, with its time. @param event taken */
void node_tell(struct pz_node *node, json_t *event);
/** Is an event sent to any program? */
bool node_has_watcher(const struct pz_node *node);
/** The command `watch`: an event `watching`, then those of node_tell. */
void node_watch_command(struct pz_request *request);

/* node.c */
/** Takes over another membership (NULL: virgin again): address, TLS context, registry. */
enum pz_err node_set_membership(struct pz_node *node, struct pz_membership *takes,
				struct pz_errinfo *info) PZ_MUST_USE;
void node_sweep_keys(struct pz_node *node);
/* names.c */
/** The device's name: as configured, else stored, else made from the host's. Errors: CONFIG, IO_*,
 * PROTO, LIMIT_MEMORY. */
enum pz_err node_settle_names(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;

/* renewal.c */
/** Starts to renew the TLS certificate when it is time; the new one counts from the next link on.
 */
void node_renew_if_due(struct pz_node *node);

/* warnings.c */
/** {tls, ca, crl}: days that certificates and revocation list have left, negative when they have
 * ended. New; null where there are none. */
json_t *warnings_days(const struct pz_node *node);
/** The hub has shown a revocation list of that number, while ours has this one. */
void warnings_hub_crl(struct pz_node *node, uint64_t number, uint64_t known);
/** Why the certificate was not renewed; "": it is. */
void warnings_renewal(struct pz_node *node, const char *failure);
/** Raises and clears the conditions that only time brings. */
void warnings_check(struct pz_node *node);
/** What is wrong now, each a line of text. New. */
json_t *warnings_list(struct pz_node *node);
/** There is no zone any more. */
void warnings_forget(struct pz_node *node);

/** A context of our certificate and the zone's trust, for outgoing links or for our server. Errors:
 * those of pz_tls_ctx_new. */
enum pz_err node_make_tls_ctx(const struct pz_env *env, const struct pz_device_zone *zone,
			      enum pz_tls_kind kind, struct pz_tls_ctx **out,
			      struct pz_errinfo *info) PZ_MUST_USE;
/** New TLS contexts from the newest CRL; links of who is on it end. Errors: those of
 * pz_tls_ctx_new. */
enum pz_err node_refresh_trust(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;

/* zonedata.c */
/** NULL: out of memory. */
struct zonedata *zonedata_new(struct pz_node *node);
/** NULL is fine. */
void zonedata_free(struct zonedata *data);
/** Loads what is known of the zone, or forgets it. Errors: those of pz_knowledge_load and
 * pz_shared_load. */
enum pz_err zonedata_set_membership(struct pz_node *node, const struct pz_membership *membership,
				    struct pz_errinfo *info) PZ_MUST_USE;
/** The exchange on a link that has come up; the dialler opens it. The owner of the link frees it.
 * NULL: none (out of memory, or no zone). */
struct pz_sync_link *
zonedata_open(struct pz_node *node, struct pz_link *over, bool is_hub, bool is_opener);
/** Soon, not from here: do we stand on the newest CRL ourselves? Then we are out. */
void zonedata_judge(struct pz_node *node);

/* hublink.c */
/** TLS over a connected stream, with the SNI of page 2. Takes the stream. */
enum pz_err
hub_open_link(struct node_conn *conn, struct pz_stream *stream, struct pz_tls_ctx *ctx,
	      const char *zone, const char *host, const struct pz_expect *expect) PZ_MUST_USE;
void hub_dial(struct pz_node *node);
void hub_online(struct pz_node *node);
/** Drops the attempt or link to the hub and ends what depended on it. */
void hub_clean(struct pz_node *node);
void hub_wipe(struct pz_node *node);
/** A wipe that the disk refused is tried again. */
void hub_wipe_again(struct pz_node *node);
void hub_send_info(struct pz_node *node);
/** Something was sent that deserves an answer: without a sign of life the link is probed. */
void hub_watch(struct pz_node *node);
/** Asks for a sign of life; without one the link is closed. */
void hub_probe(struct pz_node *node, uint64_t patience_us);
/** A prop to the hub: by our link, else by a relay that has one. @param message borrowed */
void hub_send_zone_prop(struct pz_node *node, const char *status, json_t *message);
/** Sends a prop to the hub when the link is registered. @param message borrowed */
void hub_send_prop(struct pz_node *node, const char *status, json_t *message);
extern const struct pz_link_events node_link_events;

/* hubprops.c */
/** A prop from the hub for this node. @param is_relayed by a peer, who could have made it up: only
 * what does no harm is believed */
void node_on_hub_prop(struct pz_node *node, const struct pz_envelope *envelope, bool is_relayed);

/* enrolment.c */
/** Starts one. Errors: CONFIG (params), DENIED (not virgin, or one is running). */
enum pz_err
enrolment_start(struct pz_node *node, json_t *params, struct pz_errinfo *info) PZ_MUST_USE;
/** Ends the one that runs, unless its certificates are being stored already. @return false: there
 * is none, or it is too late */
bool enrolment_call_off(struct pz_node *node, const char *reason);
/** The step that is under way, with the hub's address, e.g. "the TLS handshake with h port 8041".
 * @return out, or "" without an enrolment */
const char *enrolment_step(const struct pz_node *node, char *out, size_t size);
/** Drops it; nothing of it stays behind. */
void enrolment_drop(struct pz_node *node);
/** Frees what was dropped, when nobody stands inside it any more. */
void enrolment_reap(struct pz_node *node);
/** The node goes: frees also what waits for a store that will not call back any more. */
void enrolment_free_all(struct pz_node *node);
void enrolment_secured(struct pz_node *node, struct pz_link *link);
enum pz_err enrolment_frame(struct pz_node *node, struct pz_slice frame) PZ_MUST_USE;
void enrolment_closed(struct pz_node *node, enum pz_err why, const char *detail);
bool enrolment_is_conn(const struct pz_node *node, const struct node_conn *conn);

/* discovery.c */
/** Ends a search: list borrowed; always called, once, unless cancelled; never from inside
 * discovery_start. */
typedef void (*discovery_done)(void *arg, json_t *descriptors);
struct discovery;
/**
 * Searches own services and the zone's: through the hub, without it (or where it does not see the
 * device) among peers, which are looked for and linked with.
 * @param api pattern or NULL; @param device the only one whose services matter, or NULL
 * @return the search, or NULL: out of memory, and done is not called
 */
struct discovery *discovery_start(struct pz_node *node, const char *api, const char *device,
				  discovery_done done, void *arg);
void discovery_cancel(struct discovery *discovery);
void discovery_found(struct pz_node *node, json_t *message);
/** The hub is gone: searches go on without it. */
void discovery_hub_gone(struct pz_node *node);
/** Every search ends with what is known. */
void discovery_end_all(struct pz_node *node);
/** A peer has come, gone, or said something: searches look again. */
void discovery_news(struct pz_node *node);
/** What is known of a device's services, borrowed, or NULL. */
json_t *discovery_list_of(const struct pz_node *node, const char *device);
void discovery_announce_soon(struct pz_node *node);
void discovery_announce(struct pz_node *node);
void discovery_find(void *arg, const char *caller, struct pz_find *find);

/* listing.c */
/** The command `services`: params api?, zone?, device?, all?. */
void services_command(struct pz_request *request);

/* reason.c */
/** An error and its detail as one text in which nothing stands twice. @param detail may be "".
 * @return out->text */
const char *reason_of(enum pz_err err, const char *detail, struct pz_errinfo *out);
/** The same of a dial that failed. @param detail begins with the address. @return out->text */
const char *reason_of_dial(enum pz_err err, const char *detail, struct pz_errinfo *out);
/** pz_machine_ops.explain_timeout. @param arg struct pz_node */
void node_explain_timeout(void *arg, enum pz_state state, char *out, size_t size);

/* commands.c, calls.c */
/** The command `call`: params service, function, params?, stream?, timeout_ms?. */
void call_start(struct pz_request *request);
/** The command `describe`: the descriptor of a service with its functions, from its device. */
void call_describe(struct pz_request *request);
/** The command `ping`: params device, count?, until_direct?; an event for each answer. */
void ping_command(struct pz_request *request);
/** Requests that went by a link that is gone are sent by another. */
void calls_resend(struct pz_node *node, const struct pz_session *lost);
/** Tells the commands that wait for a peer. */
void commands_peer_changed(struct pz_node *node, const char *device);

/* peer_commands.c */
/** `pzp connect PEER`: done when the link is there. @param name of the device, or its address */
void peer_connect_start(struct pz_request *request, const char *name);
/** `pzp disconnect PEER`. @param name as above */
void peer_disconnect(struct pz_request *request, const char *name);
/** `pzp discover`: looks around for `timeout_ms` and lists what it heard. */
void discover_start(struct pz_request *request);

/* commands.c */
/** Tells the commands that wait for it what became of a change of state. */
void commands_state_changed(struct pz_node *node, enum pz_state now);
json_t *status_result(struct pz_node *node);

#endif
