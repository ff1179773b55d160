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

/** What preferences say about links (page 10), in force. */
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

/** Another device that announces its pairing window on the local network. Borrowed. */
struct pz_peers_window {
	const char *instance;     /* of its announcement: a random name */
	const char *display_name; /* as it says; not cleaned */
	const char *address;      /* numeric */
	uint16_t port;
	bool is_ours_first; /* our instance's name is the bytewise smaller one */
};

/** Ways that are lost: a link, or only some devices behind it. */
struct pz_peers_loss {
	const struct pz_session *session; /* that is gone; NULL: it stays */
	json_t *names;                    /* devices that may have no way any more, or NULL */
	struct pz_slice undelivered;      /* frames that never left its queue */
	int rpc_code;                     /* for those that cannot be delivered */
};

/** What the node does for links with devices of friend zones. */
struct pz_peers_friend_ops {
	/** The context of an outgoing link to devices of this zone: it trusts the friend's CA and
	 * no other. New, the caller's; NULL: it cannot be made. */
	struct pz_tls_ctx *(*ctx)(void *arg, const char *zone);
	/** What the hub has said of a friend's device, as an entry of `directory`. Borrowed, or
	 * NULL. */
	const json_t *(*entry)(void *arg, const char *address);
	/** The services of this device that a friend's device may see: array of descriptors, new.
	 */
	json_t *(*services)(void *arg, const char *address);
};

/**
 * What the node does for its peers. Called from inside events of links, timers, and calls of the
 * node's; none of them may free the peers. `arg` is that of the configuration.
 */
struct pz_peers_ops {
	/** True while the link to the hub is registered. */
	bool (*hub_is_up)(void *arg);
	/** Its session. Borrowed; asked for only while it is up. */
	struct pz_session *(*hub_session)(void *arg);
	/** pz_peers_info_for_hub has changed. */
	void (*tell_hub)(void *arg);
	/** A peer has said that it passes channels on to the hub. */
	void (*saw_way_to_hub)(void *arg);

	/** A peer's state has changed. */
	void (*changed)(void *arg, const struct pz_peer_change *change);
	/** A direct link is up. */
	void (*live)(void *arg, const char *device);
	/** What is known of a device has changed. */
	void (*news)(void *arg, const char *device);
	/** Messages that went by what is lost take another way, or end. @param loss borrowed */
	void (*lost)(void *arg, const struct pz_peers_loss *loss);
	/** A device has no direct link any more. @param address zone/device */
	void (*gone)(void *arg, const char *address);

	/** Begins to synchronise on a link that is up. @return the exchange, owned by the link;
	 * NULL: none (out of memory) */
	struct pz_sync_link *(*sync_open)(void *arg, struct pz_link *link, bool is_opener);
	/** The body of `hubMoved`, new; NULL: the hub has not moved. */
	json_t *(*hub_place)(void *arg);
	/** A peer has sent `hubMoved`. @param log for what it causes; @return false: refused */
	bool (*hub_moved)(void *arg, const char *device, struct pz_log_rate *log, json_t *message);
	/** A device has opened a channel of kind `file`, on a link that has proved the device: it
	 * is kept or refused. NULL: files are not received. */
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
	/** While our pairing window is open: another device is in its own. */
	void (*saw_window)(void *arg, const struct pz_peers_window *window);

	/** For devices of friend zones; NULL: there are none. */
	const struct pz_peers_friend_ops *friends;

	/** Whether a link may begin now (page 14, REV-6). Errors: DENIED (with the reason). NULL:
	 * always. */
	enum pz_err (*may_link)(void *arg, struct pz_errinfo *info);
	/** A device announces itself with the tag of another day. @param days after today, < 0:
	 * before; 0 also when it does not announce itself any more */
	void (*saw_day)(void *arg, const char *device, int days);
	/** A handshake with a device has succeeded. */
	void (*saw_link)(void *arg, const char *device);
	/** A handshake with a device that was dialled has failed. */
	void (*saw_refusal)(void *arg, const char *device, enum pz_err why, const char *detail);
};

/** Everything borrowed for the life of the peers; what it points to is kept up to date by the node.
 */
struct pz_peers_config {
	struct pz_link_host link_host; /* copied; its events are the peers' own */
	struct pz_transport transport;
	struct pz_mdns *mdns; /* the local network; NULL: none. Its events become the peers' */
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

/** Nothing is opened or dialled yet. NULL: out of memory. */
struct pz_peers *pz_peers_new(const struct pz_peers_config *config);
/** After pz_peers_end and a turn's end. NULL is fine. */
void pz_peers_free(struct pz_peers *peers);
/**
 * Another membership or CRL, or none: links of the revoked end, listening begins or ends.
 * @param client for outgoing links, borrowed until the next call; NULL: virgin
 * @param takes_server for incoming ones, owned from now on; NULL: virgin
 */
void pz_peers_set_membership(struct pz_peers *peers, struct pz_tls_ctx *client,
			     struct pz_tls_ctx *takes_server);
/** The node begins to connect: the server is opened, now or when there is a membership. */
void pz_peers_start(struct pz_peers *peers);
/** The zone is being left: says bye on every link; nothing new until pz_peers_set_membership. */
void pz_peers_leave(struct pz_peers *peers);
/** The node ends: says bye on every link; nothing new any more. */
void pz_peers_end(struct pz_peers *peers);
/** Opens, moves or closes the TLS server as preferences and membership say. */
void pz_peers_listen(struct pz_peers *peers);
/** Tries again when the server should be open and is not. */
void pz_peers_listen_again(struct pz_peers *peers);
/**
 * A pairing window opens: the server listens, also while the device is virgin and where preferences
 * say otherwise; the display name is announced on the local network, and others in their windows
 * are looked for.
 * @param duration_us how long it is open at most: the owner closes it
 * @spec page 6 "Strangers: the peer-to-peer certificate exchange (SHCBK)"
 */
void pz_peers_open_window(struct pz_peers *peers, uint64_t duration_us);
/** It closes. Nothing when it is not open. */
void pz_peers_close_window(struct pz_peers *peers);
/** Announces this device on the local network, or no longer, as membership, secret and server say.
 */
void pz_peers_announce(struct pz_peers *peers);

/* ---- what has changed ---- */

/** The hub has sent an entry of its directory. */
void pz_peers_on_directory(struct pz_peers *peers, const char *device);
/** Preferences about links have changed. */
void pz_peers_prefs_changed(struct pz_peers *peers);
/** As pz_link_host.keepalive_us; links that are up follow with their next keepAlive. */
void pz_peers_set_keepalive(struct pz_peers *peers, uint64_t keepalive_us);
/** The machine's addresses or routes have changed. */
void pz_peers_network_changed(struct pz_peers *peers);
/** Something that peers and hub know of this device has changed: it is sent to them soon. */
void pz_peers_send_info_soon(struct pz_peers *peers);
/** Sends every linked peer the services of this device. */
void pz_peers_send_services(struct pz_peers *peers);
/** Sends linked devices of friends the services that they may see now. */
void pz_peers_send_friends_services(struct pz_peers *peers);
/** Sends every linked peer `hubMoved`. */
void pz_peers_send_hub_moved(struct pz_peers *peers);
/** Sends a prop to a device by its direct link. @param message borrowed. @return false: there is
 * none, or it does not read what it is sent */
bool pz_peers_send(struct pz_peers *peers, const char *device, const char *status, json_t *message);
/** The zone is no friend any more: links with its devices and attempts to reach them end at once.
 */
void pz_peers_forget_friend(struct pz_peers *peers, const char *zone);
/** The device is out of the zone: it is not dialled any more; its link ends with the CRL. */
void pz_peers_forget(struct pz_peers *peers, const char *device);
/** The same for all that the zone's data says have left, and that have no link. */
void pz_peers_drop_left(struct pz_peers *peers);

/* ---- looking for devices ---- */

/** Makes a device one that can be dialled. @return false: out of memory, too many devices, or not
 * one that ours could be linked with */
bool pz_peers_add(struct pz_peers *peers, const char *device);
/**
 * Looks for a direct way to a device: at the addresses that the hub said, and at those that are
 * announced on the local network until `seek_us` from now. Does nothing where there is a link.
 * @return false: as pz_peers_add
 */
bool pz_peers_dial(struct pz_peers *peers, const char *device, uint64_t seek_us);
/** The same because a person asked for it: dialled again when it is lost. */
bool pz_peers_connect(struct pz_peers *peers, const char *device);
/** The same, at an address that a person knows; it is tried first, until another is given.
 * @param address numeric */
bool
pz_peers_connect_at(struct pz_peers *peers, const char *device, const char *address, uint16_t port);
/** Ends link and search, with the reason; it is not dialled again. @return false: never met */
bool pz_peers_disconnect(struct pz_peers *peers, const char *device, const char *reason);
/** Looks around on the local network for this long. @param dial devices of the zone that are found
 * are connected to */
void pz_peers_look(struct pz_peers *peers, uint64_t duration_us, bool dial);
/** How long it still looks around, microseconds. */
uint64_t pz_peers_look_left_us(const struct pz_peers *peers);
/** True while something is under way that may bring services: a search for a peer, or a link whose
 * other end has not sent its services yet. */
bool pz_peers_is_expecting(const struct pz_peers *peers);
/** `pzp discover`: what announces itself on the local network. New array, or NULL. */
json_t *pz_peers_announced(struct pz_peers *peers);

/* ---- ways ---- */

/** The way to a device of the zone: "direct", "hub", "relay" or "none". Static. */
const char *pz_peers_route(const struct pz_peers *peers, const char *device);
/** True when the hub is used for devices only to carry links with them (preference `private`). */
bool pz_peers_is_private(const struct pz_peers *peers);
/** True when there is a way to it. */
bool pz_peers_has_route(const struct pz_peers *peers, const char *device);
/** The link of a peer that passes channels on to the hub, another one each time where there are
 * several; NULL: no peer does. Borrowed until the end of the turn. @param out_relay its name, as
 * long */
struct pz_link *pz_peers_link_to_hub(struct pz_peers *peers, const char **out_relay);
/** True when a peer passes channels on to the hub. */
bool pz_peers_has_relay_to_hub(const struct pz_peers *peers);
/** For pz_router_ops.next_hop: the session of the hub or of the relay that passes on to this
 * address; NULL: none. Borrowed until the end of the turn. */
struct pz_session *pz_peers_next_hop(const struct pz_peers *peers, struct pz_slice address);
/** The hub has opened a channel on its link. */
void pz_peers_on_hub_channel(struct pz_peers *peers, struct pz_link *link,
			     struct pz_channel *channel, const struct pz_channel_offer *offer);
/** A prop that came in by a direct link. */
void pz_peers_on_prop(struct pz_session *in, const struct pz_envelope *envelope);

/* ---- files ---- */

/** The channels of the link with a device, by which files go to it: no other node reads that link.
 * NULL: it has no link. Borrowed until the end of the turn. */
struct pz_channels *pz_peers_channels(const struct pz_peers *peers, const char *device);
/**
 * Files for a device wait, or are sent: as long as that lasts a link through the hub is opened as
 * with the preference `private`, where there is no direct way. Calls with `on` and without it are
 * counted. @spec page 15 "Kind file"
 */
void pz_peers_want_private(struct pz_peers *peers, const char *device, bool on);

/* ---- trying from outside ---- */

struct pz_peers_trial;

/** The end of a trial. @param results [{by, address, ok, error}], borrowed: `by` the device that
 * tried, `address` null where it did not, `error` a few words where it did not connect */
typedef void (*pz_peers_trial_done)(void *arg, json_t *results);

/**
 * Asks up to PZ_PEER_TRIAL_PEERS_MAX linked devices to connect to this one, at each address that
 * they know of it.
 * @param done called once, after PZ_PEER_TRIAL_WAIT_US at the latest, never from inside; the trial
 *        is over then
 * @return NULL: no device is linked, or out of memory
 * @spec page 6 "Trying from outside"
 */
struct pz_peers_trial *
pz_peers_trial_start(struct pz_peers *peers, pz_peers_trial_done done, void *arg);
/** No call follows. Not for one whose `done` was called. NULL is fine. */
void pz_peers_trial_cancel(struct pz_peers_trial *trial);

/* ---- what is known ---- */

/** What is known of one device. Borrowed until the end of the turn. */
struct pz_peer_view {
	const char *address; /* zone/device; "" when never met */
	enum pz_peer_state state;
	const char *reason; /* of the last change of state, or "" */
	const char *remote; /* the address at the other end of its link; NULL: not linked, or its
			     * link goes through another node */
	const char *relay;  /* that its link goes through; NULL: none */
	bool is_linked;
	bool is_private;        /* nothing of what is said with it can be read by the hub */
	uint64_t round_trip_us; /* of its link; 0: not linked, or not known */
	const json_t *info;     /* pzpInfo as it was received on the link that is up, or NULL */
	bool is_dialled;        /* a way is being looked for */
	bool answers;           /* a person there may answer questions of this device */
};

/** @return false: never met; `out` says so, too (not connected, "") */
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
/** A device that was revoked or has left: it is neither listed nor dialled. */
bool pz_peers_has_left(const struct pz_peers *peers, const char *device);
/** Services that a linked device has sent of its own. Borrowed, or NULL. */
json_t *pz_peers_services(const struct pz_peers *peers, const char *device);
/** One linked device of the own zone after the other. @param pos begins at 0. @return its name, or
 * NULL: no more */
const char *pz_peers_next_linked(const struct pz_peers *peers, size_t *pos);
/** The session of this device's start that is known, or "". */
const char *pz_peers_session_of(const struct pz_peers *peers, const char *device);

/* ---- what we say ---- */

/** The session of our own start. */
const char *pz_peers_session(const struct pz_peers *peers);
/** The port that is listened on, or 0. */
uint16_t pz_peers_port(const struct pz_peers *peers);
/** pzpInfo for the hub. New, or NULL. */
json_t *pz_peers_info_for_hub(const struct pz_peers *peers);

#endif
