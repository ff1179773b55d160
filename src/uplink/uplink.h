/*
 * The device's link to its hub: the modes and states (machine.h), dialling, registering, the props
 * of the hub, and where the hub is. What of it the node sees and asks for. All timers of the link
 * are in here.
 */
#ifndef PZ_UPLINK_UPLINK_H
#define PZ_UPLINK_UPLINK_H

#include <jansson.h>

#include "base/log.h"
#include "base/slice.h"
#include "command/request.h"
#include "condition/condition.h"
#include "net/link.h"
#include "net/transport.h"
#include "route/router.h"
#include "store/store.h"
#include "sync/link.h"
#include "tls/ctx.h"
#include "uplink/machine.h"
#include "wire/envelope.h"
#include "zone/device.h"
#include "zone/place.h"

struct pz_uplink;

/* ---- what the uplink is given ---- */

/** A link to the hub that has ended. */
struct pz_uplink_loss {
	const struct pz_session *session; /* that is gone; to compare only */
	struct pz_slice undelivered;      /* frames that never left its queue, borrowed */
	int rpc_code;                     /* for those that cannot be delivered */
	bool was_up;                      /* false: an attempt that never registered */
	bool is_replaced; /* another one is up already: no device is away for this */
};

/**
 * What the node does for its uplink. Called from inside events of the link, timers, and calls of
 * the node's; none of them may free the uplink. `arg` is that of the configuration.
 */
struct pz_uplink_ops {
	/* ---- modes and states ---- */

	/** After each change of state. Puts no event to the machine. */
	void (*changed)(void *arg, enum pz_state old, enum pz_state now, enum pz_event event);
	/** The enrolment has failed or was cancelled: it ends. */
	void (*give_up)(void *arg);
	/** The current step of the enrolment, for people. @return out, or "" */
	const char *(*enrolment_step)(void *arg, char *out, size_t size);
	/** The zone is left: everything that is bound to it goes, durably; then PZ_EVENT_WIPED. */
	void (*wipe)(void *arg);

	/* ---- the link ---- */

	/** An attempt begins: preferences that waited for a reconnect apply from now on. */
	void (*dialling)(void *arg);
	/** The link is registered. */
	void (*online)(void *arg);
	/** The link has ended, by either end; pz_uplink_is_up is false. @param loss borrowed */
	void (*lost)(void *arg, const struct pz_uplink_loss *loss);
	/** Begins to synchronise on a link that is up. @return the exchange, owned by the uplink;
	 * NULL: none (out of memory) */
	struct pz_sync_link *(*sync_open)(void *arg, struct pz_link *link);
	/** The name of this start, as in pzpInfo. Borrowed for the turn. */
	const char *(*session)(void *arg);
	/** The body of pzpInfo, new; NULL: out of memory. */
	json_t *(*info)(void *arg);
	/** The link of a peer that passes channels on to the hub, or NULL. @param out_relay its
	 * name, borrowed for the turn */
	struct pz_link *(*relay)(void *arg, const char **out_relay);
	/** A prop was not sent. @param bytes of the frame */
	void (*unsent)(void *arg, const struct pz_session *session, const char *status,
		       enum pz_err err, size_t bytes);
	/** A link has been registered: the certificates of both ends count today. */
	void (*saw_link)(void *arg);
	/** A link, or an attempt at one, has failed. @param detail one line or "" */
	void (*saw_refusal)(void *arg, enum pz_err why, const char *detail);

	/* ---- what the hub has sent ---- */

	/** The hub opens a channel: see pz_channels_ops.offered. */
	void (*channel_offered)(void *arg, struct pz_link *link, struct pz_channel *channel,
				const struct pz_channel_offer *offer);

	/** An entry of the directory has been taken over, or removed for a revoked device. */
	void (*device)(void *arg, const char *device, bool is_connected, bool is_revoked);
	/** Another device has connected to the hub, or has gone: for programs that watch. */
	void (*came_or_went)(void *arg, const char *device, bool is_connected);
	/** Something in the zone has changed: time for an exchange. */
	void (*updated)(void *arg);
	/** Prop `foundServices`. @param message borrowed */
	/** The hub has sent `friendUpdate`. @param message borrowed */
	void (*friend_update)(void *arg, const json_t *message);
	void (*found)(void *arg, json_t *message);
	/** The hub has refused a value that is stored here. @param key may be NULL */
	void (*refused)(void *arg, const char *item, const char *key, const char *reason);
	/** The hub answers a change of the owner's policy. @param message borrowed */
	void (*policy_edited)(void *arg, const json_t *message);
	/** A newer notice of where the hub is has been stored: peers are sent it. */
	void (*notice)(void *arg);
	/** The hub has another address, or the link that is up leads there in another way: for
	 * programs that watch. @param relay the device that the link goes through, or "" */
	void (*moved)(void *arg, const struct pz_hub_address *at, const char *relay);
};

/** Everything borrowed for the life of the uplink; the node keeps its targets up to date. */
struct pz_uplink_config {
	struct pz_link_host link_host; /* copied; its events are the uplink's own */
	struct pz_transport transport;
	size_t queue_high_bytes; /* 0: PZ_QUEUE_HIGH_BYTES */
	struct pz_store *store;  /* for where the hub is */
	struct pz_router *router;
	struct pz_conditions *conditions;
	const struct pz_device_zone *zone;
	const char *self;   /* own address, ZONE/DEVICE */
	const char *device; /* own name */
	const struct pz_uplink_ops *ops;
	void *arg;
};

/* ---- life ---- */

/** Virgin; nothing is dialled yet. NULL: out of memory. */
struct pz_uplink *pz_uplink_new(const struct pz_uplink_config *config);
/** After pz_uplink_end and a turn's end. NULL is fine. */
void pz_uplink_free(struct pz_uplink *uplink);
/**
 * Sets the current membership, or none; called before config.zone has it. Where the hub is is
 * loaded, unless the membership was only renewed.
 * @param membership borrowed for the call; NULL: virgin
 * Errors: those of pz_hub_place_load; then nothing has changed.
 */
enum pz_err
pz_uplink_set_membership(struct pz_uplink *uplink, const struct pz_membership *membership,
			 struct pz_errinfo *info) PZ_MUST_USE;
/** For the links from now on. @param takes_tls own certificate and the zone's trust; owned by the
 * uplink, lent to others with pz_uplink_tls. NULL: virgin */
void pz_uplink_set_tls(struct pz_uplink *uplink, struct pz_tls_ctx *takes_tls);
/** As set. Borrowed until the next pz_uplink_set_tls. */
struct pz_tls_ctx *pz_uplink_tls(const struct pz_uplink *uplink);
/** The membership that was stored at an earlier start is loaded: the state is not-connected. */
void pz_uplink_loaded(struct pz_uplink *uplink);
/** The node begins: an enrolled device connects, unless the user prefers peers. */
void pz_uplink_start(struct pz_uplink *uplink);
/** The node ends: sends bye; nothing is dialled any more. */
void pz_uplink_end(struct pz_uplink *uplink);
/** Removes devices from the directory. @param is_out true for those; called for each */
void pz_uplink_drop_devices(struct pz_uplink *uplink, bool (*is_out)(void *arg, const char *device),
			    void *arg);
/** The zone is left: drops what its hub has sent. */
void pz_uplink_forget(struct pz_uplink *uplink);
/** As pz_link_host.keepalive_us; links that are up follow with their next keepAlive. */
void pz_uplink_set_keepalive(struct pz_uplink *uplink, uint64_t keepalive_us);

/* ---- state ---- */

/** The machine: events are put to it (pz_machine_event), its members are only read. */
struct pz_machine *pz_uplink_machine(struct pz_uplink *uplink);
/** The state towards the hub. */
enum pz_state pz_uplink_state(const struct pz_uplink *uplink);
/** True while the link is registered. */
bool pz_uplink_is_up(const struct pz_uplink *uplink);
/** The session of the link while it is up, else NULL. Borrowed until the end of the turn. */
struct pz_session *pz_uplink_session(const struct pz_uplink *uplink);
/** The exchange of the zone's data with the hub, or NULL. Borrowed until the end of the turn. */
struct pz_sync_link *pz_uplink_sync(const struct pz_uplink *uplink);
/** The rate of log lines that the hub causes. */
struct pz_log_rate *pz_uplink_log(struct pz_uplink *uplink);
/** What the hub has sent about the zone's devices: {device: entry of its Update}. Borrowed; the
 * object is the same for the life of the uplink. */
json_t *pz_uplink_directory(const struct pz_uplink *uplink);
/** The version that the hub has sent on this link or the last one, or "". Borrowed. */
const char *pz_uplink_hub_version(const struct pz_uplink *uplink);
/** The address of the link, or of the last attempt. Borrowed; a member only. */
const struct pz_hub_address *pz_uplink_hub_address(const struct pz_uplink *uplink);
/** {host, port, since, latencyMs} and `next`, for `hub` of a status. New, or NULL. */
json_t *pz_uplink_json(const struct pz_uplink *uplink);

/* ---- what is asked of it ---- */

/** A peer passes channels on to the hub: an attempt begins, unless there is a link. */
void pz_uplink_saw_relay(struct pz_uplink *uplink);
/** The machine's addresses or routes have changed: a link is probed and the addresses are sent on
 * it, else the hub is dialled at once. */
void pz_uplink_network_changed(struct pz_uplink *uplink);
/** Asks the hub to revoke this device; the zone is left when it has, or after a while without an
 * answer, or at once when the link is not up. */
void pz_uplink_leave(struct pz_uplink *uplink);
/** Sends pzpInfo, when the link is up. */
void pz_uplink_send_info(struct pz_uplink *uplink);
/** Sends a prop, when the link is up. @param message borrowed, may be NULL */
void pz_uplink_send_prop(struct pz_uplink *uplink, const char *status, json_t *message);
/** A prop of the hub for this node. */
void pz_uplink_on_prop(struct pz_uplink *uplink, const struct pz_envelope *envelope);

/* ---- where the hub is ---- */

/**
 * Prop `hubMoved`: the notice is checked and stored.
 * @param from the device that passed it on; "hub": the hub (or a peer that relays for it)
 * @param log for what it causes
 * @return false: it was refused, after a signature was verified perhaps
 */
bool pz_uplink_on_notice(struct pz_uplink *uplink, const char *from, struct pz_log_rate *log,
			 json_t *message);
/** The newest notice, as the body of `hubMoved`. New; NULL: the hub has not moved. */
json_t *pz_uplink_notice(const struct pz_uplink *uplink);
/** The command `hub`: params host?, port?. Ends the request. */
void pz_uplink_command(struct pz_uplink *uplink, struct pz_request *request);

/** A command about friends, which the hub runs. Ends the request. @param command "invite",
 * "accept", "list", "confirm" or "remove"; static */
void
pz_uplink_friend_command(struct pz_uplink *uplink, struct pz_request *request, const char *command);

/* ---- for enrolments ---- */

/** A link to a hub that is to be opened. All borrowed for the call. */
struct pz_uplink_opening {
	const struct pz_link_host *link_host; /* borrowed for the life of the link */
	struct pz_tls_ctx *tls;
	const char *zone, *host;        /* the zone; the hub's name as it was dialled */
	const struct pz_expect *expect; /* of the certificate; NULL: nothing */
	void *owner;                    /* of the link */
};

/**
 * Begins TLS over a connected stream, with the SNI of page 2: it picks the zone and shows an
 * observer no user's name.
 * @param takes_stream closed on failure
 * Errors: LIMIT_MEMORY, those of pz_tls_new_client.
 */
enum pz_err pz_uplink_open_link(const struct pz_uplink_opening *opening,
				struct pz_stream *takes_stream, struct pz_link **out) PZ_MUST_USE;

#endif
