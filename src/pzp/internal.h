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
#include "uplink/uplink.h"
#include "wire/address.h"
#include "zone/device.h"

struct pz_enrolment;
struct pz_wipe;
struct pz_items;
struct zonedata;
struct pz_sync_link;

struct pz_node {
	struct pz_node_config config;
	struct pz_metrics metrics;
	struct pz_device_zone zone; /* which it is in, and what it knows of it */
	struct pz_router *router;
	struct pz_registry *registry;
	struct pz_registry_watch registry_watch;
	struct pz_dispatcher *dispatcher;
	struct pz_pending *pending;
	struct pz_link_host link_host;
	struct pz_uplink *uplink;
	struct pz_enrolment *enrolment;
	struct pz_wipe *wipe;
	json_t *known;    /* device -> array of descriptors, as last heard */
	json_t *learning; /* the same from an answer whose last part is still to come, or NULL */
	struct pz_items *items;
	struct pz_requests requests;
	struct pz_list finds; /* findServices under way */
	struct pz_peers *peers;
	struct zonedata *zonedata;
	struct servicefiles *service_files; /* NULL: none were loaded */
	struct pz_peers_wishes wishes;
	struct pz_conditions *conditions; /* what is wrong now, for `status` */
	struct pz_log_rate served_log;
	struct pz_list answers; /* resend.c */
	size_t answer_count, answer_bytes;
	struct pz_clock_watch clock;
	struct pz_timer renewal, announce;
	struct pz_keep names; /* while the store does not have `device` */
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char display_name[PZ_DISPLAY_NAME_BYTES_MAX + 1];
	char device_type[PZ_DEVICE_TYPE_BYTES_MAX + 1];
	char self[PZ_ADDRESS_BYTES_MAX + 1];
	uint64_t started_us;
	bool is_stopping;
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
/** A message to it was sent or is expected: a direct link is watched for signs of life. */
void pz_node_watch_session(const struct pz_session *session);

/* tell.c */
/** When an event happens: seconds since 1970, with milliseconds. New. */
json_t *node_event_time(const struct pz_node *node);
/** Sends every watcher an event, with its time. @param event taken */
void node_tell(struct pz_node *node, json_t *event);
/** Is an event sent to any program? */
bool node_has_watcher(const struct pz_node *node);
/** The command `watch`: an event `watching`, then those of node_tell. */
void node_watch_command(struct pz_request *request);

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
