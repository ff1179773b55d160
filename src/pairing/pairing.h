/*
 * The pairing window of a device: two strangers side by side (page 6). At most one window is open;
 * programs on the control socket open it, answer, and see what happens.
 * @spec page 6 "Strangers: the peer-to-peer certificate exchange (SHCBK)", page 14 AUTH-4, ZON-7
 */
#ifndef PZ_PAIRING_PAIRING_H
#define PZ_PAIRING_PAIRING_H

#include "command/request.h"
#include "net/link.h"
#include "net/transport.h"
#include "pair/pair.h"
#include "peers/peers.h"
#include "store/store.h"
#include "zone/device.h"
#include "zone/names.h"

struct pz_pairing;

/** What the node does for it. Called from inside events of links, timers and commands; `arg` is
 * that of the configuration. */
struct pz_pairing_ops {
	/** Checks that a window may open now. Errors: any, with a line (the zone is being left). */
	enum pz_err (*may_open)(void *arg, struct pz_errinfo *info);
	/** The friends of config.zone have changed: links and calls are judged again. */
	void (*trust_changed)(void *arg);
	/** Sends the hub `friendOffer`, where it is connected. @param message borrowed */
	void (*offer)(void *arg, json_t *message);
	/** The partner's state has changed: `device` is its identity. */
	void (*changed)(void *arg, const struct pz_peer_change *change);
};

/** Everything borrowed for the life of the object. */
struct pz_pairing_config {
	const struct pz_env *env;
	struct pz_transport transport;
	struct pz_link_host link_host; /* without events */
	struct pz_store *store;        /* freed after the object, or before without a call-back */
	const struct pz_device_zone *zone; /* its table of friends is written, too */
	const struct pz_names *names;
	struct pz_requests *requests;
	struct pz_peers *peers;
	const struct pz_pairing_ops *ops;
	void *arg;
};

/** @param config copied. NULL: out of memory. */
struct pz_pairing *pz_pairing_new(const struct pz_pairing_config *config);
/** After pz_pairing_end and a turn's end. NULL is fine. */
void pz_pairing_free(struct pz_pairing *pairing);
/** Loads who was remembered into the table of friends. Once, before any other function.
 * @param own_zone NULL: a virgin device. Errors: those of pz_store_load; LIMIT_MEMORY. */
enum pz_err pz_pairing_load(struct pz_pairing *pairing, const char *own_zone,
			    struct pz_errinfo *info) PZ_MUST_USE;
/** The device has joined a zone. */
void pz_pairing_joined(struct pz_pairing *pairing, const char *own_zone);
/** The zone is being left: remembered friends are removed with this transaction. Errors:
 * LIMIT_MEMORY. */
enum pz_err pz_pairing_wipe(struct pz_pairing *pairing, struct pz_txn *txn) PZ_MUST_USE;
/** It was left: friends of own pairings are out of the table, too. */
void pz_pairing_wiped(struct pz_pairing *pairing);
/** The hub's list of friends has changed, and the table with it: a friend that the list has, or
 * had, is no longer remembered by this device itself. */
void pz_pairing_follow_hub(struct pz_pairing *pairing);
/** The hub is connected: friends that this device remembers by itself are offered to it. */
void pz_pairing_offer(struct pz_pairing *pairing);
/** Ends a trust that comes from a pairing alone. @return false: it does not exist */
bool pz_pairing_forget(struct pz_pairing *pairing, const char *zone);
/** Closes the window, if one is open: the commands that wait for it end with this line. */
void pz_pairing_close(struct pz_pairing *pairing, enum pz_err why, const char *text);
/** The node ends: closes the window, and opens no other. */
void pz_pairing_end(struct pz_pairing *pairing);
/** What `status` shows: {state, partner, digits, secondsLeft, port}, new; null: no window. NULL:
 * out of memory. */
json_t *pz_pairing_json(const struct pz_pairing *pairing);
/** The partner as `peers` shows a device (docs/control-protocol.md), new; NULL: none, or out of
 * memory. */
json_t *pz_pairing_peer_json(const struct pz_pairing *pairing);
/** The command `pair`: opens the window; it closes when the request ends. */
void pz_pairing_command(struct pz_pairing *pairing, struct pz_request *request);
/** The command `pair-answer`: joins the window, and answers for the person here. */
void pz_pairing_answer_command(struct pz_pairing *pairing, struct pz_request *request);

/* ---- for pz_peers_ops ---- */

/** stranger_ctx: NULL: there is no window, or it has a partner. */
struct pz_tls_ctx *pz_pairing_server_ctx(struct pz_pairing *pairing);
/** stranger: takes the link. */
void pz_pairing_on_stranger(struct pz_pairing *pairing, struct pz_link *link);
/** saw_window. */
void pz_pairing_on_window(struct pz_pairing *pairing, const struct pz_peers_window *window);

#endif
