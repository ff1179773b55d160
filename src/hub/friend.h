/*
 * Friend zones at a hub: the links between hubs, what two hubs say over them, and the changes of a
 * friendship. What is stored of a friend is friends/friend.h; this is the running part.
 * @spec page 6 "Friends: hub to hub"
 */
#ifndef PZ_HUB_FRIEND_H
#define PZ_HUB_FRIEND_H

#include "friends/friend.h"
#include "hub/internal.h"
#include "zone/notice.h"

#define PZ_HUB_PROBLEM_BYTES 200

/** One friend of one zone that is hosted here. It lives as long as the friendship. */
struct pz_hub_friend {
	struct pz_hosted *zone;
	char name[PZ_ZONE_BYTES_MAX + 1];
	struct pz_hosted_conn *conn;    /* the link with its hub, registered; or NULL */
	struct pz_hosted_conn *dialled; /* one of ours that has not registered yet; or NULL */
	struct pz_hosted_conn *held;    /* a newer one, until conn gave a sign of life; or NULL */
	struct pz_dial *dial;
	struct pz_timer retry;
	struct pz_log_rate log;             /* lines that its hub can cause */
	unsigned waiting;                   /* changes that its hub has sent, before the disk */
	bool is_confirming, is_ending;      /* so are these, which it needs to say once */
	unsigned failures;                  /* attempts since the last link that lasted */
	uint64_t up_us;                     /* when conn registered */
	bool is_unsaved;                    /* when it was linked last is not on the disk */
	bool is_refused;                    /* its hub no longer knows us */
	char problem[PZ_HUB_PROBLEM_BYTES]; /* why the last attempt failed; "": it did not */
};

/** What a connection with a friend's hub has besides. */
struct pz_hub_friend_link {
	struct pz_hub_friend *of;         /* NULL: the friendship has ended */
	char serial[PZ_SERIAL_HEX_BYTES]; /* of the certificate that its hub has shown */
	bool is_ours;                     /* opened by this hub */
	bool is_open_there;               /* that hub passes messages on, too */
};

/* ---- friend.c: what is at work ---- */

/** The friends of a zone that was loaded or made: their hubs are dialled. Errors: LIMIT_MEMORY. */
enum pz_err pz_hub_friends_start(struct pz_hosted *zone) PZ_MUST_USE;
/** No hub is dialled any more: the hub stops, or the zone is removed. */
void pz_hub_friends_stop(struct pz_hosted *zone);
/** Frees what is at work; no connection may be left. A zone without any is fine. */
void pz_hub_friends_fini(struct pz_hosted *zone);
/** The machine's network has changed: links have to give a sign of life, and a hub without one is
 * dialled at once. */
void pz_hub_friends_network_changed(struct pz_hosted *zone);
/** The friend at work; NULL: no friend of that name. */
static inline struct pz_hub_friend *
pz_hub_friend_find(const struct pz_hosted *zone, const char *name)
{
	return zone->friends ? pz_map_get(zone->friends, pz_slice_str(name)) : NULL;
}
/** There is a new friend, or a known one has changed: its hub is dialled. Errors: LIMIT_MEMORY. */
enum pz_err pz_hub_friend_begin(struct pz_hosted *zone, const char *name) PZ_MUST_USE;
/** The friendship has ended: its links are closed, and it is freed. NULL is fine. */
void pz_hub_friend_end(struct pz_hub_friend *f, const char *reason);
/** What is stored of it; NULL: the friendship is ending. */
static inline const struct pz_friend *
pz_hub_friend_known(const struct pz_hub_friend *f)
{
	return pz_friends_find(f->zone->authority->friends.table, pz_slice_str(f->name));
}
/** The friend of that zone when both owners have confirmed: only then anything crosses the border.
 */
static inline const struct pz_friend *
pz_hub_confirmed_friend(const struct pz_hosted *zone, struct pz_slice name)
{
	const struct pz_friend *f = pz_friends_find(zone->authority->friends.table, name);

	return f && pz_friend_is_confirmed(f) ? f : NULL;
}
/** Sends one prop to its hub, where it is linked. @param takes NULL: without a message */
void pz_hub_friend_send(struct pz_hub_friend *f, const char *status, json_t *takes);

/* ---- friend_link.c: the links ---- */

/** Dials in `delay_us`, unless there is a link or an attempt. */
void pz_hub_friend_dial_in(struct pz_hub_friend *f, uint64_t delay_us);
/** After a handshake. @return false: the other end is no friend's hub */
bool pz_hub_friend_secured(struct pz_hosted_conn *conn);
/** A frame before the other end has registered. Errors close the link. */
enum pz_err pz_hub_friend_register(struct pz_hosted_conn *conn, struct pz_slice frame) PZ_MUST_USE;
/** A frame of a registered link. Errors close the link. */
enum pz_err pz_hub_friend_frame(struct pz_hosted_conn *conn, struct pz_slice frame) PZ_MUST_USE;
/** The link has ended. */
void pz_hub_friend_closed(struct pz_hosted_conn *conn, enum pz_err why, const char *detail,
			  struct pz_slice undelivered);
/** Both owners have confirmed: from now on messages are passed on. */
void pz_hub_friend_open(struct pz_hub_friend *f);
/** A link that was probed gave a sign of life. */
void pz_hub_friend_alive(struct pz_hosted_conn *conn);
/** Closes the links whose certificate is revoked by the friend's list. */
void pz_hub_friend_close_revoked(struct pz_hub_friend *f);

/* ---- friend_props.c: what hubs say to each other ---- */

/** Sends what the other hub needs when the link is live. */
void pz_hub_friend_greet(struct pz_hub_friend *f);
/** A prop of its hub. */
void pz_hub_friend_prop(struct pz_hosted_conn *conn, const struct pz_envelope *envelope);
/** The zone's revocation list has changed: friends get it. */
void pz_hub_friends_send_list(struct pz_hosted *zone);
/** The zone is going to be elsewhere, or stays: friends get the notice. */
void pz_hub_friends_send_notice(struct pz_hosted *zone);

/* ---- friend_change.c: changes, each of them durable before it counts ---- */

/** The end of a change. */
typedef void (*pz_hub_friend_done)(void *arg, enum pz_err err, const char *detail);

/** Two hubs have completed the exchange: a new friend that no owner has confirmed yet. An existing
 * friend that is not confirmed is replaced.
 * @param used id of our own invitation, which is taken back; NULL: none
 * Errors: EXISTS (it is a friend already), LIMIT, IO_*, LIMIT_MEMORY, DENIED (the zone moves). */
void pz_hub_friend_add(struct pz_hosted *zone, struct pz_friend *takes, const char *used,
		       pz_hub_friend_done done, void *arg);
/** Our owner confirms. @param by device; "": at the hub. Errors: NOTFOUND, EXISTS, … */
void pz_hub_friend_confirm(struct pz_hosted *zone, const char *name, const char *by,
			   pz_hub_friend_done done, void *arg);
/** Two devices have paired and both remember: a friend that is confirmed by both. @param by our
 * device. Errors: EXISTS (another key), … */
void pz_hub_friend_offer(struct pz_hosted *zone, struct pz_friend *takes, const char *by,
			 pz_hub_friend_done done, void *arg);
/** The friendship ends. @param is_theirs the other hub has reported it. Errors: NOTFOUND, … */
void pz_hub_friend_remove(struct pz_hosted *zone, const char *name, bool is_theirs,
			  pz_hub_friend_done done, void *arg);
/** The other owner has confirmed. */
void pz_hub_friend_confirmed_there(struct pz_hosted *zone, const char *name);
/** Its hub has sent a list. @param crl verified by the caller; a reference is taken */
void pz_hub_friend_take_list(struct pz_hosted *zone, const char *name, struct pz_crl *crl);
/** Its zone has announced the address of its hub; verified by the caller. */
void pz_hub_friend_take_notice(struct pz_hosted *zone, const char *name,
			       const struct pz_hub_notice *notice);
/** Stores when friends' hubs were linked last. */
void pz_hub_friends_save_seen(struct pz_hosted *zone);
/** Stores an invitation. Errors: LIMIT, IO_*, … */
void pz_hub_invite(struct pz_hosted *zone, const struct pz_invitation *invitation,
		   pz_hub_friend_done done, void *arg);
/** Takes back invitations that have run out. */
void pz_hub_invitations_clean(struct pz_hosted *zone);

/* ---- befriend.c: an invitation is accepted ---- */

struct pz_hub_befriending;

/** A connection whose handshake was for an invitation of ours. Closes it on failure. */
void pz_hub_befriend_begin(struct pz_hosted_conn *conn);
/** A frame of such a connection. Errors close the link. */
enum pz_err pz_hub_befriend_frame(struct pz_hosted_conn *conn, struct pz_slice frame) PZ_MUST_USE;
/** The link has ended. */
void pz_hub_befriend_closed(struct pz_hosted_conn *conn, enum pz_err why, const char *detail);
/** The hub stops: no other hub is dialled any more. */
void pz_hub_befriend_stop(struct pz_hub *hub);
/** Frees what waits for the disk still; the store reports no commit any more. */
void pz_hub_befriend_fini(struct pz_hub *hub);
/**
 * Accepts an invitation of another zone: dials its hub.
 * @param done called once, later, with the zone that invited
 * Errors: LIMIT_MEMORY, CONFIG; done is not called then.
 */
enum pz_err pz_hub_befriend(struct pz_hosted *zone, const struct pz_invitation *invitation,
			    pz_hub_friend_done done, void *arg) PZ_MUST_USE;

/* ---- friend_command.c: what owners ask for ---- */

/** The end of a command. @param takes_result with PZ_OK; NULL: out of memory */
typedef void (*pz_hub_friend_result)(void *arg, enum pz_err err, const char *detail,
				     json_t *takes_result);

/**
 * Runs a command about friends.
 * @param verb "invite", "accept", "list", "confirm" or "remove"
 * @param params borrowed: link, friend, for
 * @param by device of the owner; "": at the hub
 * @param result called once, perhaps from inside
 */
void pz_hub_friend_run(struct pz_hosted *zone, const char *verb, const json_t *params,
		       const char *by, pz_hub_friend_result result, void *arg);
/** A device requests the same (prop `friendCommand`), or offers a friend that it has paired with
 * (`friendOffer`). @return NULL, or what is wrong with the message */
const char *pz_hub_friend_command(struct pz_hosted_conn *conn, const json_t *message);
/** As above. */
const char *pz_hub_friend_offered(struct pz_hosted_conn *conn, const json_t *message);

#endif
