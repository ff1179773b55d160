/*
 * The data of the zone at a device: what the hub has signed (zone/knowledge.h) and what every
 * device may write (items/items.h), how it is checked and stored, and when it is exchanged with the
 * hub and with peers (page 8). What happens on each link: sync/link.h.
 */
#ifndef PZ_ZONEDATA_ZONEDATA_H
#define PZ_ZONEDATA_ZONEDATA_H

#include <jansson.h>

#include "command/request.h"
#include "condition/condition.h"
#include "items/items.h"
#include "metrics/metrics.h"
#include "net/link.h"
#include "store/store.h"
#include "sync/link.h"
#include "zone/device.h"

struct pz_zonedata;

/* ---- what it is given ---- */

/** What the node does for the zone's data. Called from inside events of links, timers, and calls of
 * the node's; none may free the data. `arg` is that of the configuration. */
struct pz_zonedata_ops {
	/** Chunks came in, and are stored next. @param keys array of strings, borrowed */
	void (*receiving)(void *arg, const struct pz_sync_kind *kind, const json_t *keys);
	/** Chunks have come in and count. @param keys as above */
	void (*changed)(void *arg, const struct pz_sync_kind *kind, const json_t *keys);
	/** A revocation list is in force from now on beside the newest one. */
	void (*older_crl)(void *arg);
	/** A revocation list names this device. Not called from inside the exchange. */
	void (*self_revoked)(void *arg);
	/** The hub has shown a revocation list of that number, while ours has the other one. */
	void (*hub_crl)(void *arg, uint64_t number, uint64_t known);
	/** The hub has sent what time it has. @param ahead_ms of ours */
	void (*hub_time)(void *arg, int64_t ahead_ms);
	/** True when the device is to live without the hub: then the end of the first exchange is
	 * waited for, not only a while. */
	bool (*is_without_hub)(void *arg);
	/** The first exchange after an enrolment is complete. Not called from inside it. */
	void (*first_exchange_ended)(void *arg);
	/** A prop was not sent. @param bytes of the frame */
	void (*unsent)(void *arg, const struct pz_session *session, const char *status,
		       enum pz_err err, size_t bytes);
};

/** Everything borrowed for the life of the data; the node keeps its targets up to date. */
struct pz_zonedata_config {
	const struct pz_env *env;
	struct pz_metrics *metrics;
	struct pz_conditions *conditions;
	struct pz_store *store; /* freed after the data */
	struct pz_items *items;
	struct pz_requests *requests; /* running commands */
	struct pz_device_zone *zone;  /* its `knowledge` is written here alone */
	const char *self, *device;    /* own address and name */
	const struct pz_zonedata_ops *ops;
	void *arg;
};

/* ---- life ---- */

/** NULL: out of memory. */
struct pz_zonedata *pz_zonedata_new(const struct pz_zonedata_config *config);
/** Ends every exchange, and frees the zone's data. NULL is fine. */
void pz_zonedata_free(struct pz_zonedata *data);
/** Loads the zone's data, or drops it; called before config.zone has the membership.
 * @param membership NULL: virgin. Errors: those of pz_knowledge_load and pz_items_set_self. */
enum pz_err
pz_zonedata_set_membership(struct pz_zonedata *data, const struct pz_membership *membership,
			   struct pz_errinfo *info) PZ_MUST_USE;

/* ---- what is known ---- */

/** The item as it is synchronised; NULL: not kept here, or opted out of (page 10). Borrowed. */
struct pz_sync_item *
pz_zonedata_item(const struct pz_zonedata *data, const struct pz_sync_kind *kind);
/** False while the owner's policy that counts is not on the disk, which has refused it. */
bool pz_zonedata_is_policy_stored(const struct pz_zonedata *data);
/** True from an enrolment until the hub has sent the zone's data. */
bool pz_zonedata_is_new(const struct pz_zonedata *data);
/** Checks soon, not inside this call, whether a revocation list names this device. */
void pz_zonedata_judge(struct pz_zonedata *data);
/** Chunks that are in their item already came in: they are stored, and the node follows. */
void
pz_zonedata_received(struct pz_zonedata *data, const struct pz_sync_kind *kind, const json_t *keys);
/** The store has more than memory: all is stored again, soon. @param why one line */
void pz_zonedata_rewrite(struct pz_zonedata *data, const char *why);

/* ---- the zone is left ---- */

/** Removes everything that is bound to the zone from the disk. Nothing is stored from now on, until
 * pz_zonedata_wiped. Errors: LIMIT_MEMORY. */
enum pz_err pz_zonedata_wipe(struct pz_zonedata *data, struct pz_txn *txn) PZ_MUST_USE;
/** The same after a failure: memory is out of the zone, and may have other data by now. Errors:
 * LIMIT_MEMORY. */
enum pz_err pz_zonedata_wipe_again(const struct pz_zonedata *data, struct pz_txn *txn) PZ_MUST_USE;
/** Removes the same from memory. */
void pz_zonedata_wiped(struct pz_zonedata *data);

/* ---- the exchange ---- */

/** Begins the exchange on a link that has come up; the dialler opens it.
 * @return owned by the owner of the link; NULL: none (out of memory, or no zone) */
struct pz_sync_link *
pz_zonedata_open(struct pz_zonedata *data, struct pz_link *over, bool is_hub, bool is_opener);
/** The hub reports a change in the zone: an exchange is opened, but not often. */
void pz_zonedata_on_update(struct pz_zonedata *data);
/** See pz_items_ops.settled: the change is sent to the others. */
void pz_zonedata_settled(struct pz_zonedata *data, const struct pz_sync_kind *kind, const char *key,
			 bool is_stored);
/**
 * The hub has not taken a value that is stored here.
 * @param item,key as the hub names them; an item that there is not is ignored; key may be NULL
 */
void pz_zonedata_refused_by_hub(struct pz_zonedata *data, const char *item, const char *key,
				const char *reason);
/** Why the hub refuses data that an app has stored here, if it has reported that since the last
 * exchange with equal digests; NULL: it accepts it. Borrowed until the next event. */
const char *pz_zonedata_app_refusal(const struct pz_zonedata *data, const char *origin);
/** The command `sync`: no parameters. Ends the request. */
void pz_zonedata_sync_command(struct pz_zonedata *data, struct pz_request *request);

#endif
