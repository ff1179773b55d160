/*
 * The hub's struct, and its functions for the files of this folder and the commands (pzh/). Link
 * life and enrolment end here; a hosted zone is in hosted/zone.h, one connection in hosted/conn.h.
 */
#ifndef PZ_HUB_INTERNAL_H
#define PZ_HUB_INTERNAL_H

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "channel/splice.h"
#include "hosted/conn.h"
#include "hosted/zone.h"
#include "hub/hub.h"

struct pz_hub {
	struct pz_hosting hosting; /* what its zones get */
	struct pz_hub_config config;
	struct pz_link_host link_host;
	struct pz_link_events link_events; /* pz_hub_link_events, and those of channels */
	struct pz_requests requests;       /* commands that have not ended */
	struct pz_map *zones;              /* zone -> struct pz_hosted */
	struct pz_map *by_tag;             /* SNI tag -> struct pz_hosted */
	struct pz_map *making;             /* zones that wait for the disk: hub/zone.c */
	struct pz_doorway *doorway;        /* connections that have not proved an identity */
	struct pz_splices splices;         /* channels that it passes on: hub/splice.c */
	struct pz_list befriending;        /* struct pz_hub_befriending.hook: hub/befriend.c */
	struct pz_list removed; /* struct pz_hosted.removed_hook: their links may point to them */
	struct pz_listener *listener;
	struct pz_timer housekeeping;
	struct pz_clock_watch clock;
	struct pz_log_rate refuse_log, enrol_log;
	uint64_t started_us;
};

/** The hub that a zone or a connection belongs to. */
static inline struct pz_hub *
pz_hub_of(struct pz_hosting *hosting)
{
	return PZ_CONTAINER(hosting, struct pz_hub, hosting);
}

/** To be called when the number of connections without a proved identity has changed. */
static inline void
pz_hub_count_waiting(struct pz_hub *hub)
{
	pz_metric_set(&hub->hosting.metrics, PZ_METRIC_unauthenticated,
		      pz_doorway_waiting(hub->doorway));
}

/* ---- zone.c ---- */

/** The zone of a normalised name, or NULL. */
struct pz_hosted *pz_hub_zone_by_name(const struct pz_hub *hub, const char *zone);
/** Finds a zone. @param zone its name; NULL: the only one that is hosted. Errors: NOTFOUND, CONFIG
 * (none, or several: the detail lists them). */
enum pz_err pz_hub_choose_zone(const struct pz_hub *hub, const char *zone, struct pz_hosted **out,
			       struct pz_errinfo *info) PZ_MUST_USE;
/** Hosts a zone that is stored. @param takes also on failure. Errors: LIMIT_MEMORY, CRYPTO, those
 * of pz_shared_load. */
enum pz_err pz_hub_add_zone(struct pz_hub *hub, struct pz_authority *takes, struct pz_hosted **out,
			    struct pz_errinfo *info) PZ_MUST_USE;
/** Frees a zone; no link may point to it. NULL is fine. */
void pz_hub_zone_free(struct pz_hosted *zone);

/** True for a name that no zone has, also none that waits for the disk. Errors: EXISTS. */
enum pz_err pz_hub_check_new_zone(const struct pz_hub *hub, const char *zone,
				  struct pz_errinfo *info) PZ_MUST_USE;
/** The end of pz_hub_store_zone: with PZ_OK the zone is on the disk, and hosted. */
typedef void (*pz_hub_stored)(void *arg, enum pz_err err, const char *detail);
/** Stores a zone that is new here and hosts it. @param takes,takes_txn of one new zone
 * @param done called once, perhaps from inside, unless the hub is freed before */
void pz_hub_store_zone(struct pz_hub *hub, struct pz_authority *takes, struct pz_txn *takes_txn,
		       pz_hub_stored done, void *arg);

/* ---- removal.c ---- */

/**
 * Removes a zone and its keys. No device reaches it and no command finds it from the beginning of
 * the removal on; when the disk refuses it the zone stays as before.
 * @param done called once, perhaps from inside, unless the hub is freed before
 * Errors: LIMIT_MEMORY, IO_*.
 */
void pz_hub_remove_zone(struct pz_hosted *zone, pz_hub_stored done, void *arg);

/* ---- link.c ---- */

/** A new connection: pz_accept_fn. @param arg struct pz_hub */
void pz_hub_accept(void *arg, struct pz_stream *stream, const char *remote);
/** Without those of channels, which are of splice.c. */
extern const struct pz_link_events pz_hub_link_events;
extern const struct pz_doorway_ops pz_hub_doorway_ops;

/* ---- splice.c ---- */

extern const struct pz_splice_limits pz_hub_splice_limits;
/** A device opens a channel: pz_link_events.channel_offered. */
void pz_hub_on_channel(struct pz_link *link, struct pz_channel *channel,
		       const struct pz_channel_offer *offer);
/** Sends a prop of channels: pz_link_events.channel_prop. */
void pz_hub_send_channel_prop(struct pz_link *link, const char *status, json_t *message);

/* ---- props.c ---- */

/** What the router of a zone gives to the hub itself. */
extern const struct pz_router_ops pz_hub_router_ops;

/* ---- policy.c ---- */

/** A device sends a policy, or a piece of one (prop `policyEdit`). @return NULL, or what is wrong
 * with the message */
const char *pz_hub_policy_edit(struct pz_hosted_conn *conn, const json_t *message);
/** The link has ended. */
void pz_hub_policy_end(struct pz_hosted_conn *conn);

/* ---- enrol.c ---- */

/** True while some zone has a code that counts. @spec page 14 ENR-1 */
bool pz_hub_has_live_code(const struct pz_hub *hub);
/**
 * Checks that the zone's authority may act for a device once more: what devices change is bounded
 * in a minute. A refusal is a condition and a line of the log. @param what the action; @param info
 * a sentence for its owner
 * Errors: LIMIT. @spec page 14 CERT-7
 */
enum pz_err pz_hub_may_change(struct pz_hosted *zone, const char *device, const char *what,
			      struct pz_errinfo *info) PZ_MUST_USE;
/** Clears the conditions of attempts that failed, or were too many, long ago. */
void pz_hub_enrol_clean(struct pz_hosted *zone);
/** A connection whose handshake was for an enrolment. Closes it on failure. */
void pz_hub_enrol_begin(struct pz_hosted_conn *conn);
/** One frame of such a connection. Errors: PROTO_*, LIMIT_MEMORY; the link is to be closed. */
enum pz_err pz_hub_enrol_frame(struct pz_hosted_conn *conn, struct pz_slice frame) PZ_MUST_USE;
/** The link has ended. */
void pz_hub_enrol_end(struct pz_hosted_conn *conn);

#endif
