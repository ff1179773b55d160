/*
 * One connection at the hub: a link, the zone and the member that it is for, and what the hub sends
 * over it. hub/link.c makes it and ends it.
 */
#ifndef PZ_HOSTED_CONN_H
#define PZ_HOSTED_CONN_H

#include "base/log.h"
#include "hosted/zone.h"
#include "net/doorway.h"

struct pz_hub_admission;
struct pz_hub_befriending;
struct pz_hub_friend_link;
struct pz_hub_upload;

enum pz_hosted_state {
	PZ_HOSTED_SECURING,    /* handshake in progress */
	PZ_HOSTED_REGISTERING, /* admitted, its register message has not come yet */
	PZ_HOSTED_LIVE,
	PZ_HOSTED_ENROLLING,
	PZ_HOSTED_BEFRIENDING, /* an invitation is accepted: hub/befriend.c */
	PZ_HOSTED_DRAINING,    /* a newer link of the same start has replaced it: messages in
				* transit are received until the device closes it */
};

/** An enrolment over this connection: hub/enrol.c. */
struct pz_hosted_enrolling {
	struct pz_enrol_hub *exchange;
	struct pz_hub_admission *admission; /* a device that waits for the disk, or NULL */
	bool is_decided;                    /* admitted or refused, and reported */
	bool is_counted;                    /* as an attempt */
};

/** How long the link was not read, within a window (pz_hosted_conn_spend). */
struct pz_hosted_busy {
	uint64_t since_us, rested_us; /* of a window of PZ_WORK_WINDOW_US */
	struct pz_timer calm;         /* while the condition is raised */
};

struct pz_hosted_conn {
	struct pz_hosting *hosting;
	struct pz_hosted *zone; /* chosen by SNI, NULL before */
	struct pz_link *link;
	struct pz_guest guest;
	struct pz_member *member;         /* once admitted */
	struct pz_log_rate *log;          /* of the member, before that of strangers */
	char serial[PZ_SERIAL_HEX_BYTES]; /* of the PZP CA that was admitted: the name may be given
					     to another device while the link lasts */
	struct pz_hosted_enrolling enrol;
	struct pz_hub_befriending *befriending; /* or NULL */
	struct pz_hub_friend_link *friend_link; /* of a link with a friend's hub, or NULL */
	struct pz_log_rate refused_rate;        /* of errors about values that were refused */
	struct pz_timer drain_end;
	struct pz_hosted_busy busy;
	enum pz_hosted_state state;
	bool is_leaving;              /* has asked to be revoked */
	struct pz_hub_upload *upload; /* a policy that comes in pieces, or NULL: hub/policy.c */
	struct pz_sync_link *sync;    /* while it is live; NULL: out of memory */
};

/**
 * Sends frames over a link; a member's queue is watched by the router.
 * Errors: those of pz_router_push and pz_link_send.
 */
enum pz_err
pz_hosted_send(struct pz_hosted *zone, struct pz_link *link, struct pz_slice frames) PZ_MUST_USE;
/** What never left the queue of a link that was replaced takes another way; without one its senders
 * get an error. @param frames props are left out: they concern the link */
void pz_hosted_send_again(struct pz_hosted *zone, struct pz_slice frames);
/** Sends a prop to the other end of a link. One that is too long is not sent (pz_hosted_too_large),
 * any other failure closes the link. @param message borrowed, may be NULL */
void pz_hosted_send_prop(struct pz_hosted *zone, struct pz_link *link, const char *status,
			 json_t *message);
/** The same to an address of the other end: the device or an app on it. */
void pz_hosted_send_prop_to(struct pz_hosted *zone, struct pz_link *link, const char *to,
			    const char *status, json_t *message);
/** The same, for what the device at the other end has asked: one that does not read its answers
 * gets no more of them, and so cannot fill its queue. */
void
pz_hosted_answer(struct pz_hosted_conn *conn, const char *to, const char *status, json_t *message);
/** Raises the condition that something is longer than the other end takes, until the link ends. */
void pz_hosted_too_large(struct pz_hosted *zone, const struct pz_link *link, const char *what,
			 size_t bytes);

/** Sends `bye` with the reason and closes the link. An enrolment gets no `bye`. */
void pz_hosted_conn_bye(struct pz_hosted_conn *conn, enum pz_err why, const char *reason);
/** The same for a device that is to forget the zone: the prop `revoked` goes first. */
void pz_hosted_conn_revoked(struct pz_hosted_conn *conn, const char *reason);
/** Asks for a sign of life, and closes the link without one: another link of the device shows that
 * this one is dead. */
void pz_hosted_conn_probe(struct pz_hosted_conn *conn);
/** Its message has cost the hub the time since then: a link that costs too much rests, and the
 * owner is warned when that lasts. @param began_us monotonic
 * @spec page 14 DOS-1, DOS-8 */
void pz_hosted_conn_spend(struct pz_hosted_conn *conn, uint64_t began_us);
/** The link has ended: all state about it is dropped. */
void pz_hosted_conn_calm(struct pz_hosted_conn *conn);
/** True when more is queued for this device than should be: its requests get no answer. */
bool pz_hosted_conn_is_choked(const struct pz_hosted_conn *conn);
/**
 * Checks that the device at the other end has a right now; the member's record decides, whatever
 * the device claims. A refusal is a line of the log.
 * @param what the action, for the log; @param info a sentence for its owner
 * Errors: DENIED.
 * @spec page 14 AC-10
 */
enum pz_err pz_hosted_conn_may(const struct pz_hosted_conn *conn, enum pz_right right,
			       const char *what, struct pz_errinfo *info) PZ_MUST_USE;
/** Sends where the zone is or moves to (prop `hubMoved`), if that was ever announced. */
void pz_hosted_conn_send_address(struct pz_hosted_conn *conn);

#endif
