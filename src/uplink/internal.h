/* What the files of the uplink call of each other. uplink.c the whole, and what follows from the
 * machine; link.c the connection; send.c what is sent on it; props.c what the hub sends; friends.c
 * commands about friends; place.c where the hub is; clone.c another machine with this device's
 * identity. */
#ifndef PZ_UPLINK_INTERNAL_H
#define PZ_UPLINK_INTERNAL_H

#include "base/clock.h"
#include "base/limits.h"
#include "metrics/metrics.h"
#include "uplink/uplink.h"

struct pz_uplink_place; /* place.c */

/** Ways through a relay, and from there to a direct link: link.c. */
struct pz_uplink_relaying {
	struct pz_tunnel *tunnel;          /* that is being opened */
	char via[PZ_DEVICE_BYTES_MAX + 1]; /* the relay of the attempt or link; "" none */
	struct pz_timer head_start;        /* of the hub's address, in an attempt */
	struct pz_timer again;             /* that address is tried while a relay is used */
	struct pz_link *next;              /* a direct link that is to replace the other */
	struct pz_link *former;            /* replaced; received from until its end */
	struct pz_timer former_end;
	bool is_relay_next; /* the address led to no link, though something answers there */
};
struct pz_uplink_clone; /* clone.c */

struct pz_uplink {
	struct pz_uplink_config config;
	const struct pz_env *env;   /* of config.link_host */
	struct pz_metrics *metrics; /* of config.link_host */
	struct pz_machine machine;
	struct pz_tls_ctx *tls;
	/* the connection (link.c): a dial, then a link, or neither */
	struct pz_dial *dial;
	struct pz_link *link;
	bool is_registered;
	struct pz_sync_link *sync;
	uint64_t since_ms;         /* of the state connected */
	struct pz_log_rate log;    /* lines that the hub causes */
	json_t *directory;         /* device -> entry of the hub's Update (props.c) */
	json_t *told;              /* device -> whether watchers know that it is connected */
	struct pz_timer leave_end; /* the hub has been asked to revoke this device */
	struct pz_uplink_relaying relaying;
	struct pz_uplink_place *place;
	struct pz_uplink_clone *clone;
	char hub_version[PZ_VERSION_TEXT_BYTES]; /* as it was sent, or "" */
	struct pz_requests
		*friend_requests; /* that a command about friends belongs to: friends.c */
	int64_t last_friend;      /* id of the last such command */
	bool is_ending;
};

/* ---- link.c ---- */
/** The events of pz_uplink_config.link_host. */
extern const struct pz_link_events pz_uplink_link_events;
/** Dials the hub at the address whose turn it is. */
void pz_uplink_dial(struct pz_uplink *uplink);
/** Readies the timers of `relaying`. */
void pz_uplink_relaying_init(struct pz_uplink *uplink);
/** Drops the attempt or the link, with a bye, and does what follows from the loss. */
void pz_uplink_hang_up(struct pz_uplink *uplink);
/** pz_machine_ops.explain_timeout for the state connecting: the step that took too long. */
void pz_uplink_explain_timeout(const struct pz_uplink *uplink, char *out, size_t size);

/* ---- friends.c ---- */
/** Prop `friendResult`. @param message borrowed */
void pz_uplink_friend_answered(struct pz_uplink *uplink, const json_t *message);
/** The link has ended: what waits for an answer fails. */
void pz_uplink_friend_lost(struct pz_uplink *uplink);

/* ---- place.c ---- */
/** NULL: out of memory. */
struct pz_uplink_place *pz_uplink_place_new(void);
/** NULL is fine. */
void pz_uplink_place_free(struct pz_uplink_place *place);
/** An attempt begins: chooses its address, which is in use from now on. Borrowed. */
const struct pz_hub_address *pz_uplink_place_dial(struct pz_uplink *uplink);
/** The address of the link, or of the last attempt. Borrowed. */
const struct pz_hub_address *pz_uplink_place_used(const struct pz_uplink *uplink);
/** The attempt failed: the other address is next, where there is one. */
void pz_uplink_place_failed(struct pz_uplink *uplink);
/** The state towards the hub has changed: the command `hub` waits for it. */
void pz_uplink_place_state_changed(struct pz_uplink *uplink, enum pz_state now);
/** The link is registered. */
void pz_uplink_place_online(struct pz_uplink *uplink);
/** Another hub answers at the address in use. @return true: and there is no other to try */
bool pz_uplink_place_is_wrong(struct pz_uplink *uplink);
/** {host, port}, and `next` where the link that is up leads elsewhere than the next one will. New,
 * or NULL. */
json_t *pz_uplink_place_json(const struct pz_uplink *uplink);

/* ---- clone.c ---- */
/** NULL: out of memory. */
struct pz_uplink_clone *pz_uplink_clone_new(struct pz_uplink *uplink);
/** NULL is fine. */
void pz_uplink_clone_free(struct pz_uplink_clone *clone);
/** The hub ends the link in use. @param message of the prop `bye` */
void pz_uplink_clone_on_bye(struct pz_uplink *uplink, const json_t *message);

#endif
