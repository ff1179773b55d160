/*
 * The other devices of the zone, and those of friend zones, as far as they are reached without the
 * hub (page 6): direct links, and the links of others that pass on. What of it the node sees and
 * asks for. `device` is the name of a device in the zone; a friend's device has its whole address
 * as its name, so that two zones with equal names do not mix.
 * @spec page 14 TLS-11, DOS-5
 */
#ifndef PZ_PEERS_PEERS_H
#define PZ_PEERS_PEERS_H

#include <jansson.h>

#include "base/log.h"
#include "base/slice.h"
#include "condition/condition.h"
#include "mdns/mdns.h"
#include "net/link.h"
#include "net/transport.h"
#include "peers/machine.h"
#include "route/router.h"
#include "service/registry.h"
#include "sync/link.h"
#include "tls/ctx.h"
#include "wire/envelope.h"
#include "zone/device.h"

struct pz_peers;

/* ---- what the peers are given ---- */

/** The preferences about links (page 10) that are in force. */
struct pz_peers_prefs {
	bool listen, relay, auto_dial;
	bool is_private;   /* the hub is used for devices only to carry links to them */
	bool is_peer_mode; /* connection = peer: lives without the hub until the user connects */
	uint16_t tls_port;
};

/** A change of a peer's state. */
struct pz_peer_change {
	const char *device;
	enum pz_peer_state old, now;
	enum pz_peer_event event;
	const char *reason; /* of the last change that had one, or "" */
};

/** Another device that announces its pairing window on the local network. Borrowed for the call. */
struct pz_peers_window {
	const char *instance;     /* of its announcement: a random name */
	const char *display_name; /* as it says; not cleaned */
	const char *address;      /* numeric */
	uint16_t port;
	bool is_ours_first; /* our instance's name is the bytewise smaller one */
};

/** Routes that are lost: those by a link, or only those to some devices behind it. */
struct pz_peers_loss {
	const struct pz_session *session; /* that has ended; NULL: it stays */
	json_t *names;                    /* devices that may have no route left, or NULL */
	struct pz_slice undelivered;      /* frames that never left its queue */
	int rpc_code;                     /* for those that cannot be delivered */
};

/** Call-backs to the node for links with devices of friend zones. */
struct pz_peers_friend_ops {
	/** The context of an outgoing link to devices of this zone: it trusts the friend's CA and
	 * no other. New, the caller's; NULL: it cannot be made. */
	struct pz_tls_ctx *(*ctx)(void *arg, const char *zone);
	/** The hub's entry of a friend's device, as in `directory`. Borrowed, or NULL. */
	const json_t *(*entry)(void *arg, const char *address);
	/** The services of this device that a friend's device may see: array of descriptors, new.
	 */
	json_t *(*services)(void *arg, const char *address);
};

/**
 * Call-backs to the node. They run inside events of links, timers, and calls by the node; none of
 * them may free the peers. `arg` is that of the configuration.
 */
struct pz_peers_ops {
	/** True while the link to the hub is registered. */
	bool (*hub_is_up)(void *arg);
	/** Its session. Borrowed; asked for only while it is up. */
	struct pz_session *(*hub_session)(void *arg);
	/** pz_peers_info_for_hub has changed. */
	void (*send_info_to_hub)(void *arg);
	/** A peer has announced that it relays channels to the hub. */
	void (*saw_route_to_hub)(void *arg);

	/** A peer's state has changed. */
	void (*changed)(void *arg, const struct pz_peer_change *change);
	/** A direct link is up. */
	void (*live)(void *arg, const char *device);
	/** A device has sent new services or details, or its routes have changed. */
	void (*updated)(void *arg, const char *device);
	/** Routes were lost: the node sends the messages that used them by another route, or
	 * answers them with an error. @param loss borrowed */
	void (*lost)(void *arg, const struct pz_peers_loss *loss);
	/** The last direct link of a device has ended. @param address zone/device */
	void (*gone)(void *arg, const char *address);

	/** Begins to synchronise on a link that is up. @return the exchange, owned by the link;
	 * NULL: none (out of memory) */
	struct pz_sync_link *(*sync_open)(void *arg, struct pz_link *link, bool is_opener);
	/** The body of `hubMoved`, new; NULL: the hub has not moved. */
	json_t *(*hub_place)(void *arg);
	/** A peer has sent `hubMoved`. @param log for what it causes; @return false: refused */
	bool (*hub_moved)(void *arg, const char *device, struct pz_log_rate *log, json_t *message);
	/** A device has opened a channel of kind `file`, on a link that has proved the device. The
	 * node keeps or refuses it. NULL: files are not received. */
	void (*file_offered)(void *arg, const char *device, struct pz_channel *channel,
			     const struct pz_channel_offer *offer);
	/** A prop was not sent. @param bytes of the frame */
	void (*unsent)(void *arg, const struct pz_session *session, const char *status,
		       enum pz_err err, size_t bytes);

	/** True while a person at this device may answer questions of others (page 9, 11.3). */
	bool (*answers)(void *arg);
	/** A peer has sent `prompt`, `promptAnswer` or `promptEnded`. @return false: refused */
	bool (*prompt)(void *arg, const char *device, const char *status, const json_t *message);

	/** The context that answers a stranger's connection. NULL: no pairing window is open. The
	 * member is NULL where none ever is. */
	struct pz_tls_ctx *(*stranger_ctx)(void *arg);
	/** A stranger's connection is secured; link->host and link->owner are the receiver's to
	 * set, and its events the receiver's. @param remote borrowed */
	void (*stranger)(void *arg, struct pz_link *link, const char *remote);
	/** While our pairing window is open: another device announces its window. */
	void (*saw_window)(void *arg, const struct pz_peers_window *window);

	/** For devices of friend zones; NULL: no such links. */
	const struct pz_peers_friend_ops *friends;

	/** Whether a link may begin now (page 14, REV-6). Errors: DENIED (with the reason). NULL:
	 * always. */
	enum pz_err (*may_link)(void *arg, struct pz_errinfo *info);
	/** A device announces itself with the tag of another day. @param days after today;
	 * negative: before; 0 also when its announcement has ended */
	void (*saw_day)(void *arg, const char *device, int days);
	/** A handshake with a device has succeeded. */
	void (*saw_link)(void *arg, const char *device);
	/** A handshake with a device that was dialled has failed. */
	void (*saw_refusal)(void *arg, const char *device, enum pz_err why, const char *detail);
};

/** Configuration. Everything is borrowed for the life of the peers; the node keeps the objects up
 * to date.
 */
struct pz_peers_config {
	struct pz_link_host link_host; /* copied; its events are the peers' own */
	struct pz_transport transport;
	struct pz_mdns *mdns; /* the local network; NULL: not used. The peers set its events */
	/** Own addresses for pzpInfo; NULL: none. */
	void (*addresses)(void (*each)(void *arg, const char *address), void *arg);
	const char *listen; /* address of the server; NULL or "": any */
	/* Connections that have not proved an identity, in all and from one address; 0, or more:
	 * PZ_PEER_UNAUTH_MAX, PZ_PEER_UNAUTH_PER_ADDRESS_MAX. */
	unsigned unauthenticated_max, unauthenticated_per_address_max;
	size_t queue_high_bytes; /* 0: PZ_QUEUE_HIGH_BYTES */
	struct pz_router *router;
	struct pz_registry *registry; /* own services */
	struct pz_conditions *conditions;
	const struct pz_device_zone *zone;
	const struct pz_peers_prefs *peer_prefs;
	json_t *directory;                             /* device -> entry of the hub's Update */
	const char *self, *display_name, *device_type; /* of this device */
	const struct pz_peers_ops *ops;
	void *arg;
};

/* ---- life ---- */

/** Opens and dials nothing yet. NULL: out of memory. */
struct pz_peers *pz_peers_new(const struct pz_peers_config *config);
/** To be called after pz_peers_end and the end of a turn. NULL is fine. */
void pz_peers_free(struct pz_peers *peers);
/**
 * Sets a new membership or CRL, or none: closes links of revoked devices, starts or stops
 * listening.
 * @param client for outgoing links, borrowed until the next call; NULL: not enrolled
 * @param takes_server for incoming links, taken; NULL: not enrolled
 */
void pz_peers_set_membership(struct pz_peers *peers, struct pz_tls_ctx *client,
			     struct pz_tls_ctx *takes_server);
/** The node starts to connect: opens the server, now or when there is a membership. */
void pz_peers_start(struct pz_peers *peers);
/** The device leaves the zone: sends bye on every link; opens no links until
 * pz_peers_set_membership. */
void pz_peers_leave(struct pz_peers *peers);
/** The node stops: sends bye on every link, and opens no more links. */
void pz_peers_end(struct pz_peers *peers);
/** Opens, moves or closes the TLS server according to preferences and membership. */
void pz_peers_listen(struct pz_peers *peers);
/** Tries again when the server should be open and is not. */
void pz_peers_listen_again(struct pz_peers *peers);
/**
 * Opens the pairing window: the server listens, also while the device is not enrolled or the
 * preferences disable it; the display name is announced on the local network, and windows of other
 * devices are looked for.
 * @param duration_us how long it is open at most: the owner closes it
 * @spec page 6 "Strangers: the peer-to-peer certificate exchange (SHCBK)"
 */
void pz_peers_open_window(struct pz_peers *peers, uint64_t duration_us);
/** Closes the pairing window. Does nothing when it is not open. */
void pz_peers_close_window(struct pz_peers *peers);
/** Starts or stops announcing this device on the local network, according to membership, secret and
 * server.
 */
void pz_peers_announce(struct pz_peers *peers);

/* ---- changes ---- */

/** The hub has sent the entry of a device in its directory. */
void pz_peers_on_directory(struct pz_peers *peers, const char *device);
/** Preferences about links have changed. */
void pz_peers_prefs_changed(struct pz_peers *peers);
/** Sets pz_link_host.keepalive_us; existing links use it from their next keepAlive on. */
void pz_peers_set_keepalive(struct pz_peers *peers, uint64_t keepalive_us);
/** The machine's addresses or routes have changed. */
void pz_peers_network_changed(struct pz_peers *peers);
/** Schedules sending pzpInfo to peers and hub, because it has changed. */
void pz_peers_send_info_soon(struct pz_peers *peers);
/** Sends every linked peer the services of this device. */
void pz_peers_send_services(struct pz_peers *peers);
/** Sends linked devices of friends the services that they may see now. */
void pz_peers_send_friends_services(struct pz_peers *peers);
/** Sends every linked peer `hubMoved`. */
void pz_peers_send_hub_moved(struct pz_peers *peers);
/** Sends a prop to a device on its direct link. @param message borrowed @return false: no such
 * link, or the device does not read */
bool pz_peers_send(struct pz_peers *peers, const char *device, const char *status, json_t *message);
/** The zone is no longer a friend: ends links with its devices, and attempts to dial them, at once.
 */
void pz_peers_forget_friend(struct pz_peers *peers, const char *zone);
/** The device has left the zone: stops dialling it; its link ends when the CRL is set. */
void pz_peers_forget(struct pz_peers *peers, const char *device);
/** Does so for each device without a link that has left according to the zone's data. */
void pz_peers_drop_left(struct pz_peers *peers);

/* ---- looking for devices ---- */

/** Adds a device to those that can be dialled. @return false: out of memory, too many devices, or
 * this device can have no link with it */
bool pz_peers_add(struct pz_peers *peers, const char *device);
/**
 * Dials a device: at the addresses that the hub has sent, and at those that are announced on the
 * local network until `seek_us` from now. Does nothing when there is a link.
 * @return false: as pz_peers_add
 */
bool pz_peers_dial(struct pz_peers *peers, const char *device, uint64_t seek_us);
/** Dials a device because a person asked for it: it is dialled again when the link is lost. */
bool pz_peers_connect(struct pz_peers *peers, const char *device);
/** As pz_peers_connect, at an address that a person gave; it is tried first, until another one is
 * given.
 * @param address numeric */
bool
pz_peers_connect_at(struct pz_peers *peers, const char *device, const char *address, uint16_t port);
/** Ends the link and attempts to dial, with the reason; the device is not dialled again. @return
 * false: not known here */
bool pz_peers_disconnect(struct pz_peers *peers, const char *device, const char *reason);
/** Searches the local network for this long, and connects to devices of a friend zone that are
 * found.
 */
void pz_peers_look_for_zone(struct pz_peers *peers, const char *zone, uint64_t duration_us);
/** Searches the local network for this long. @param dial connect to devices of the zone that are
 * found */
void pz_peers_look(struct pz_peers *peers, uint64_t duration_us, bool dial);
/** How long the search still lasts, microseconds. */
uint64_t pz_peers_look_left_us(const struct pz_peers *peers);
/** True while more services may become known: a peer is being dialled, or the other end of a link
 * has not sent its services yet. */
bool pz_peers_is_expecting(const struct pz_peers *peers);
/** The same for services of devices of a friend zone. */
bool pz_peers_is_expecting_of(const struct pz_peers *peers, const char *zone);
/** `pzp discover`: what announces itself on the local network. New array, or NULL. */
json_t *pz_peers_announced(struct pz_peers *peers);

/* ---- routes ---- */

/** The route to a device of the zone: "direct", "hub", "relay" or "none". Static. */
const char *pz_peers_route(const struct pz_peers *peers, const char *device);
/** True when the hub is used for devices only to carry links with them (preference `private`). */
bool pz_peers_is_private(const struct pz_peers *peers);
/** True when there is a route to the device. */
bool pz_peers_has_route(const struct pz_peers *peers, const char *device);
/** The link with a peer that relays channels to the hub, with another peer at each call when there
 * are several; NULL: no peer does. Borrowed until the end of the turn. @param out_relay name of the
 * peer, borrowed as long */
struct pz_link *pz_peers_link_to_hub(struct pz_peers *peers, const char **out_relay);
/** True when a peer relays channels to the hub. */
bool pz_peers_has_relay_to_hub(const struct pz_peers *peers);
/** For pz_router_ops.next_hop: the session of the hub or relay that forwards to this address; NULL:
 * no route. Borrowed until the end of the turn. */
struct pz_session *pz_peers_next_hop(const struct pz_peers *peers, struct pz_slice address);
/** The hub has opened a channel on its link. */
void pz_peers_on_hub_channel(struct pz_peers *peers, struct pz_link *link,
			     struct pz_channel *channel, const struct pz_channel_offer *offer);
/** Handles a prop that was received on a direct link. */
void pz_peers_on_prop(struct pz_session *in, const struct pz_envelope *envelope);

/* ---- files ---- */

/** The channels of the link with a device, for files: no other node can read that link. NULL: there
 * is no link. Borrowed until the end of the turn. */
struct pz_channels *pz_peers_channels(const struct pz_peers *peers, const char *device);
/**
 * Files for a device wait or are being sent: until the matching call with `on` false a link through
 * the hub is opened, as with the preference `private`, if there is no direct link. Calls are
 * counted. @spec page 15 "Kind file"
 */
void pz_peers_want_private(struct pz_peers *peers, const char *device, bool on);

/* ---- trying from outside ---- */

struct pz_peers_trial;

/** The end of a trial. @param results [{by, address, ok, error}], borrowed: `by` is the device that
 * tried, `address` null if it did not try, `error` a few words if it did not connect */
typedef void (*pz_peers_trial_done)(void *arg, json_t *results);

/**
 * Asks up to PZ_PEER_TRIAL_PEERS_MAX linked devices to connect to this one, at each of its
 * addresses that they know.
 * @param done called once, after PZ_PEER_TRIAL_WAIT_US at the latest, never from inside; the trial
 *        is over then
 * @return NULL: no device is linked, or out of memory
 * @spec page 6 "Trying from outside"
 */
struct pz_peers_trial *
pz_peers_trial_start(struct pz_peers *peers, pz_peers_trial_done done, void *arg);
/** No call follows. Not for one whose `done` was called. NULL is fine. */
void pz_peers_trial_cancel(struct pz_peers_trial *trial);

/* ---- the state of other devices ---- */

/** The state of one device. Borrowed until the end of the turn. */
struct pz_peer_view {
	const char *address; /* zone/device; "" when not known here */
	enum pz_peer_state state;
	const char *reason; /* of the last change of state, or "" */
	const char *remote; /* the address at the other end of its link; NULL: not linked, or its
			     * link goes through another node */
	const char *relay;  /* that its link goes through; NULL: none */
	bool is_linked;
	bool is_private;        /* the hub can read nothing that is exchanged with it */
	uint64_t round_trip_us; /* of its link; 0: not linked, or not known */
	const json_t *info;     /* pzpInfo as it was received on the link that is up, or NULL */
	bool is_dialled;        /* it is being dialled */
	bool answers;           /* a person there may answer questions of this device */
};

/** @return false: not known here; `out` is filled in (not connected, "") */
bool pz_peers_view(const struct pz_peers *peers, const char *device, struct pz_peer_view *out);
/** True when there is a direct link with it. */
bool pz_peers_is_linked(const struct pz_peers *peers, const char *device);
/** Devices with a direct link, those of friends too. */
size_t pz_peers_live_count(const struct pz_peers *peers);
/** Addresses of friends' devices with a direct link: {address: true}, new; NULL: out of memory. */
json_t *pz_peers_friends(const struct pz_peers *peers);
/** Names of all other devices of the own zone that are known here, also of those that have left:
 * {name: true}, new; NULL: out of memory. */
json_t *pz_peers_names(const struct pz_peers *peers);
/** True for a device that was revoked or has left: it is neither listed nor dialled. */
bool pz_peers_has_left(const struct pz_peers *peers, const char *device);
/** The services that a linked device has sent. Borrowed, or NULL. */
json_t *pz_peers_services(const struct pz_peers *peers, const char *device);
/** Iterates over the linked devices of the own zone. @param pos 0 at first @return a name; NULL at
 * the end */
const char *pz_peers_next_linked(const struct pz_peers *peers, size_t *pos);
/** The session id that identifies the current start of a device, as far as known; else "". */
const char *pz_peers_session_of(const struct pz_peers *peers, const char *device);

/* ---- this device ---- */

/** The session id of this start. */
const char *pz_peers_session(const struct pz_peers *peers);
/** The port of the TLS server; 0: it is closed. */
uint16_t pz_peers_port(const struct pz_peers *peers);
/** pzpInfo for the hub. New, or NULL. */
json_t *pz_peers_info_for_hub(const struct pz_peers *peers);

#endif
