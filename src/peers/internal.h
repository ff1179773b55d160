/*
 * What the files of the peers call of each other. peers.c the whole; table.c who was met; listen.c,
 * dial.c, link.c how a link comes and goes; send.c, props.c, info.c what is said on it; relay.c
 * which peers pass on; hop.c channels that others open; nearby.c the local network.
 */
#ifndef PZ_PEERS_INTERNAL_H
#define PZ_PEERS_INTERNAL_H

#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "channel/splice.h"
#include "net/doorway.h"
#include "peers/peers.h"
#include "wire/address.h"

/** Where a peer may be reached. */
struct peer_target {
	enum { TARGET_ADDRESS, TARGET_RELAY, TARGET_HUB } kind;
	/* numeric, link-local with its %interface; the name of the relay; "" */
	char address[PZ_NETADDR_CHARS];
	uint16_t port;
	bool is_heard;  /* on the local network, just now */
	unsigned group; /* the announcement that it is of; 0: none */
};

/** One address that is being tried: TCP, then TLS with the expected identity. */
struct peer_try {
	struct peer_attempt *attempt;
	struct peer_target target;
	enum { TRY_WAITING, TRY_DIALLING, TRY_SECURING, TRY_FAILED } state;
	struct pz_dial *dial;
	struct pz_tunnel *tunnel; /* that is being opened, for a relay or the hub */
	struct peer_link *link;
};

/** Looking for a way to one peer: happy eyeballs over all addresses (RFC 8305, page 6). */
struct peer_attempt {
	struct pz_list node; /* peers.attempts */
	struct pz_peers *peers;
	struct peer *peer; /* NULL: a device that we do not know by name, of the own zone or of */
	char zone[PZ_ZONE_BYTES_MAX + 1]; /* a friend's; "" */
	struct peer_try tries[PZ_PEER_TRIES_MAX];
	size_t count;
	struct pz_timer stagger;  /* the next address joins in */
	struct pz_timer deadline; /* of the whole */
	uint64_t open_until_us;   /* addresses may still be found until then */
	char detail[256];         /* of the failure that says most */
	int detail_weight;
	bool has_won; /* one proved the identity: the others are dropped */
};

/** One connection with a peer, from its first byte. */
struct peer_link {
	struct pz_list node; /* peers.links */
	struct pz_peers *peers;
	struct peer *peer;            /* once identified, or expected */
	struct peer_try *attempt_try; /* ours, while it is under way */
	struct pz_link *link;
	char remote[PZ_NETADDR_CHARS];
	char serial[PZ_SERIAL_HEX_BYTES]; /* of the PZP CA that vouched */
	enum peer_link_state {
		PEER_LINK_SECURING,
		PEER_LINK_STANDBY, /* identified; whether it is wanted shows when an older link
				      has answered or not */
		PEER_LINK_REGISTERING,
		PEER_LINK_LIVE,
		PEER_LINK_DRAINING, /* another one took its place; received from until its bye */
	} state;
	struct pz_sync_link *sync; /* the exchange, while it is live */
	struct pz_guest guest;     /* an incoming one's */
	bool is_tunnel; /* it travels in a channel of another link: of the peer `via`, "": of the
			 * hub's */
	char via[PZ_DEVICE_BYTES_MAX + 1];
	bool is_outgoing;
	bool has_registered;      /* the other end sent its register */
	bool is_info_late;        /* news that wait until it reads what it was sent */
	bool is_leaving;          /* the other end said that another link replaces it */
	struct pz_timer end;      /* of draining */
	unsigned notices_refused; /* of where the hub is */
	unsigned trust;           /* pz_peers.guests.trust when its handshake began */
};

/** Another device of the zone, or one of a friend zone. Exists from when it is first dialled or
 * dials us. */
struct peer {
	struct pz_peers *peers;
	char device[PZ_ADDRESS_BYTES_MAX + 1]; /* its name in the zone; a friend's: its address */
	bool is_friend;
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	enum pz_peer_state state;
	char reason[256];
	struct peer_link *live;
	struct peer_attempt *attempt;
	bool is_wanted;           /* asked for by a person: dialled again when it is lost */
	struct peer_target given; /* where it is, as a person said; without a port: not said */
	bool is_missed;           /* a link with it was lost and none has come since */
	unsigned failures;
	unsigned private_uses;    /* pz_peers_want_private */
	struct pz_timer unneeded; /* its link through the hub, when that is 0 */
	char relay_tried[PZ_DEVICE_BYTES_MAX +
			 1]; /* last, without success or until its link was lost */
	uint64_t tried_us;   /* when its addresses were tried for it last (trial.c); 0: never */
	struct pz_timer retry;
	/* what it said on the live link */
	json_t *info;                            /* pzpInfo, or NULL */
	json_t *services;                        /* its own, or NULL */
	char session[PZ_INSTANCE_BYTES_MAX + 1]; /* its start; "" when unknown */
	bool is_relay, has_hub, answers;
	struct pz_log_rate log; /* lines that its messages and links cause */
};

struct pz_peers {
	struct pz_peers_config config;
	const struct pz_env *env;          /* of config.link_host */
	struct pz_metrics *metrics;        /* of config.link_host */
	struct pz_link_events link_events; /* pz_peer_link_events, and those of channels */
	struct pz_map *by_device;          /* struct peer */
	struct {
		size_t count;   /* of them, devices of friend zones */
		unsigned trust; /* counts changes of the trust of TLS contexts */
	} guests;
	struct pz_list links, attempts;
	struct pz_nearby *nearby;
	struct pz_peer_trials *trials;
	struct pz_tls_ctx *client_ctx; /* borrowed */
	struct pz_tls_ctx *server_ctx;
	struct pz_listener *listener;
	struct pz_timer tell;         /* what changed about us is sent soon */
	struct pz_timer listen_again; /* the port is taken */
	struct pz_log_rate refuse_log;
	struct pz_doorway *doorway; /* incoming ones that have not proved an identity */
	struct pz_splices splices;  /* channels that we pass on for others */
	struct {
		uint64_t looked_us; /* when others were last looked for on behalf of a peer */
		char to_hub[PZ_DEVICE_BYTES_MAX + 1]; /* the relay that was last used */
	} relaying;
	char session[37]; /* of this start */
	uint16_t port;    /* that is listened on, or 0 */
	bool is_started, is_leaving, is_ending;
	bool has_window; /* for strangers */
};

/* ---- table.c ---- */
/** NULL: never met. */
struct peer *pz_peers_find(const struct pz_peers *peers, const char *device);
/** Makes it when needed. NULL: out of memory, too many, or not a device of ours. */
struct peer *pz_peers_get(struct pz_peers *peers, const char *device);
/** Frees it. It has neither an attempt nor a link that knows it. */
void pz_peers_remove(struct peer *peer);
/** The one place where a peer's state changes. @return false: it means nothing now */
bool pz_peer_take_event(struct peer *peer, enum pz_peer_event event, const char *reason);
/** True while the link to the hub is registered. */
bool pz_peers_has_hub(const struct pz_peers *peers);
/** True while that link goes through no relay. */
bool pz_peers_has_direct_hub(const struct pz_peers *peers);
/** The session with the hub while its link is registered, else NULL. */
struct pz_session *pz_peers_hub(const struct pz_peers *peers);
/** What the hub has said of a device. Borrowed, or NULL. */
json_t *pz_peers_entry(const struct pz_peers *peers, const char *device);
/** True when the hub says that the device is connected to it. */
bool pz_peers_is_at_hub(const struct pz_peers *peers, const char *device);

/* ---- friends.c ---- */
#define PZ_PEER_FRIEND_DIGITS ((size_t)PZ_NEARBY_FRIENDS * PZ_ZONE_FRIEND_TAG_CHARS)
#define PZ_PEER_FRIEND_TXT (2 + PZ_PEER_FRIEND_DIGITS)
/** True for the name of a friend's device: its address. A device's own name has no slash. */
bool pz_peer_is_friend_name(const char *name);
/** The friend that the device of this address belongs to; NULL: it is of no friend's zone. */
const struct pz_friend *pz_peers_friend_of(const struct pz_peers *peers, const char *address);
/** True while a device of that zone has a direct link from this address. */
bool pz_peers_has_friend_at(const struct pz_peers *peers, const char *zone, const char *address);
/** True for a device of that friend's zone. */
bool pz_peer_is_of_zone(const struct peer *peer, const char *zone);
/**
 * Whether a device of another zone may have a link, by what the handshake has proved.
 * Errors: DENIED_IDENTITY (of no friend), DENIED_REVOKED (by the friend's list), DENIED (the trust
 * has changed since the handshake began).
 */
enum pz_err pz_peer_identify_friend(const struct peer_link *pl, const struct pz_peer *who,
				    struct pz_errinfo *info) PZ_MUST_USE;
/** The tags by which friends' devices recognise an announcement of this device, as a TXT string
 * "f=" and digits. @return false: there is no friend, nothing is written */
bool pz_peers_friend_tags(const struct pz_peers *peers, const char *instance,
			  char out[PZ_PEER_FRIEND_TXT + 1]);
/** True when these tags show that the instance may be a device of this friend. @param tags the
 * digits, as they were received */
bool pz_peer_is_friend_tagged(const struct pz_peers *peers, const struct pz_friend *f,
			      const char *instance, const char *tags);

/* ---- send.c ---- */
/** Sends a prop. @param message borrowed, may be NULL */
void pz_peer_link_prop(struct peer_link *pl, const char *status, json_t *message);
/** The same, for what it has asked: a peer that does not read its answers gets no more of them. */
void pz_peer_link_answer(struct peer_link *pl, const char *status, json_t *message);
/** The same: pz_link_events.channel_prop. */
void pz_peer_channel_prop(struct pz_link *link, const char *status, json_t *message);
/** Sends `bye`. */
void pz_peer_link_bye(struct peer_link *pl, const char *reason);
/** True when the other end does not read what it is sent: it gets no answers for now. */
bool pz_peer_is_choked(const struct peer_link *pl);
/** The link of this peer that is in this state, or NULL. */
struct peer_link *pz_peer_link_in(const struct peer *peer, enum peer_link_state state);

/* ---- listen.c ---- */
/** Closes the TLS server. */
void pz_peers_unlisten(struct pz_peers *peers);
/** Sets up the timer of the TLS server. */
void pz_peers_listen_init(struct pz_peers *peers);
/** The waiting room of that server. NULL: out of memory. */
struct pz_doorway *pz_peers_doorway_new(struct pz_peers *peers);

/* ---- dial.c ---- */
/**
 * Looks for a way to a peer: what the hub said, what is found near by until `seek_us` from now. An
 * attempt that runs continues at least as long.
 */
void pz_peer_dial(struct peer *peer, uint64_t seek_us);
/** Ends the attempt; its links are closed, except for one. NULL is fine. */
void pz_peer_attempt_drop(struct peer_attempt *attempt, const struct peer_link *keep);
/** Adds an address to the attempt of this peer that runs (NULL: starts one for a device whose
 * name is not known). @param zone without a peer: a friend's, "": the own one */
void pz_peer_dial_add(struct pz_peers *peers, struct peer *peer, const char *zone,
		      const struct peer_target *target);
/** Its link is identified: the other tries end. */
void pz_peer_try_won(struct peer_link *pl);
/** Its link ended before it was live: other addresses are tried. */
void pz_peer_try_lost(struct peer_link *pl, const char *detail);
/** Without a hub: devices that a relay says it reaches get a link through it. */
void pz_peers_dial_reached(struct pz_peers *peers);
/** It is not wanted any more: no retry, no attempt. One that waits for it gets the reason. */
void pz_peer_give_up(struct peer *peer, const char *reason);
/** The network has changed: those that wait for their next attempt are dialled now, and attempts
 * that run try their addresses again. */
void pz_peers_dial_anew(struct pz_peers *peers);
/** With peer.auto it may be time to dial it. */
void pz_peer_consider(struct pz_peers *peers, const char *device);
/**
 * One of our zone announces itself on the local network.
 * @param device "": its name is not known yet
 * @param target where, as was announced last
 * @param is_wanted devices that were not asked for are dialled, too
 */
void pz_peer_found(struct pz_peers *peers, const char *device, const struct peer_target *target,
		   bool is_wanted);
/** After a loss: dials again later, as long as a link is wanted. */
void pz_peer_retry_later(struct peer *peer);

/* ---- link.c ---- */
/** Takes the stream of a connection that came in. NULL: out of memory. */
struct peer_link *
pz_peer_link_accept(struct pz_peers *peers, struct pz_stream *stream, const char *remote);
/** The same for one that came in by a channel. @param via the peer whose link carries it, ""
 * the hub's */
struct peer_link *
pz_peer_link_accept_via(struct pz_peers *peers, struct pz_stream *stream, const char *via);
/** Takes the stream of an address that was dialled. NULL: out of memory. */
struct peer_link *pz_peer_link_open(struct peer_try *attempt_try, struct pz_stream *stream);
/** Ends it with a reason; what depended on it is cleaned up at once. */
void pz_peer_link_close(struct peer_link *pl, enum pz_err why, const char *reason);
/** Without those of channels, which are of hop.c. */
extern const struct pz_link_events pz_peer_link_events;

/* ---- hop.c ---- */
extern const struct pz_splice_limits pz_peers_splice_limits;
/** A peer opens a channel: pz_link_events.channel_offered. */
void pz_peer_on_channel(struct pz_link *link, struct pz_channel *channel,
			const struct pz_channel_offer *offer);

/* ---- props.c ---- */
/** A prop that came in by a direct link. */
void pz_peer_on_prop(struct peer_link *pl, const struct pz_envelope *envelope);
/** Sends what a new link needs first: pzpInfo, services, `hubMoved`. */
void pz_peer_greet(struct peer_link *pl);
/** Sends pzpInfo to every linked peer. */
void pz_peers_send_info(struct pz_peers *peers);
/* ---- info.c ---- */
/** The part of pzpInfo that peers and hub receive alike. New, or NULL. */
json_t *pz_peers_info(const struct pz_peers *peers);

/* ---- relay.c ---- */
/** Calls `each` for the ways through others to a device that has no better one: of many relays
 * those after peer->relay_tried. */
void pz_peers_each_relay(const struct pz_peers *peers, const char *device,
			 void (*each)(void *arg, const struct peer_target *target), void *arg);
/** Devices with a direct link to us, for pzpInfo. New array, or NULL. */
json_t *pz_peers_reach(const struct pz_peers *peers, size_t bytes_max);
/** Bytes that the longer lists of a pzpInfo may have where this session takes it. */
size_t pz_peers_relay_room(const struct pz_session *session);

/* ---- trial.c ---- */
struct pz_peer_trials;
/** NULL: out of memory. */
struct pz_peer_trials *pz_peer_trials_new(void);
/** After pz_peer_trials_stop; trials that were begun here have ended or were cancelled. NULL is
 * fine. */
void pz_peer_trials_free(struct pz_peer_trials *trials);
/** Nothing is tried for others any more; trials of this device end soon. */
void pz_peer_trials_stop(struct pz_peers *peers);
/** Prop `tryAddresses`. @spec page 6 "Trying from outside" */
void pz_peer_on_try(struct peer_link *pl, json_t *message);
/** Prop `triedAddresses`. */
void pz_peer_on_tried(struct peer_link *pl, json_t *message);
/** The peer does not know the prop `tryAddresses`. */
void pz_peer_on_try_unknown(struct peer_link *pl);

/* ---- nearby.c ---- */
struct pz_nearby;
/** Called for each address at which a device of the zone announces itself, or, while it is searched
 * for, one of a friend: see pz_peer_found. */
typedef void (*pz_nearby_found)(struct pz_peers *peers, const char *device,
				const struct peer_target *target, bool is_wanted);
/** The call-back is not called from inside. NULL: out of memory. */
struct pz_nearby *pz_nearby_new(struct pz_peers *peers, pz_nearby_found heard);
/** NULL is fine. */
void pz_nearby_free(struct pz_nearby *nearby);
/** Looks for others in their pairing windows for this long; what is known already is looked at
 * again. */
void pz_nearby_look_for_windows(struct pz_nearby *nearby, uint64_t duration_us);
/** Announces this device, or no longer, as membership, secret and server say. */
void pz_nearby_announce(struct pz_nearby *nearby);
/** A friend's device has proved itself at this address: from now on the announcement is known to be
 * its own. @param device its address in its zone */
void pz_nearby_note_friend(struct pz_nearby *nearby, const struct peer_target *target,
			   const char *device);
/** Looks around for this long, for devices of a friend zone: those that are found are connected to.
 */
void pz_nearby_look_for_zone(struct pz_nearby *nearby, const char *zone, uint64_t duration_us);
/** Looks around for this long. @param dial devices of the zone that are found are connected to */
void pz_nearby_look(struct pz_nearby *nearby, uint64_t duration_us, bool dial);
/** How long it still looks around, microseconds. */
uint64_t pz_nearby_left_us(const struct pz_nearby *nearby);
/** Calls `each` for every address at which an instance of this device announced itself. */
void pz_nearby_targets(struct pz_nearby *nearby, const char *device,
		       void (*each)(void *arg, const struct peer_target *target), void *arg);
/** The announcements that count now. New array, or NULL. */
json_t *pz_nearby_list(struct pz_nearby *nearby);
/** Another zone, or none: every announcement is looked at again. */
void pz_nearby_forget(struct pz_nearby *nearby);

#endif
