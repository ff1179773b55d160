/* What the files of the zone's data call of each other. zonedata.c the whole; data.c the data,
 * checked and stored; policy.c the owner's policy, which is stored first; exchange.c when it is
 * exchanged; command.c `pzp sync`. */
#ifndef PZ_ZONEDATA_INTERNAL_H
#define PZ_ZONEDATA_INTERNAL_H

#include "base/log.h"
#include "store/keep.h"
#include "zone/knowledge.h"
#include "zonedata/zonedata.h"

struct pz_zonedata_policy;

struct pz_zonedata {
	struct pz_zonedata_config config;
	const struct pz_env *env;    /* of config */
	struct pz_device_zone *zone; /* of config */
	struct pz_sync_links links;  /* the exchange with the hub and with peers */
	struct pz_log_rate log;      /* for log lines of a link without a rate of its own */
	struct pz_timer verdict;     /* a new revocation list may name this device */
	struct pz_keep keep;         /* while the disk has not all of zone.knowledge */
	struct pz_timer reopen;      /* after an Update of the hub */
	struct pz_timer exchanged;   /* the first exchange after an enrolment is complete */
	json_t *refusals;            /* by the hub: {app's origin: reason} */
	/* Policies that are being stored, and after the first the newest; or NULL. */
	struct pz_zonedata_policy *policy_storing, *policy_waiting;
	bool is_policy_behind; /* the last one was not stored, unless `keep` has done it since */
	bool is_leaving;       /* from pz_zonedata_wipe to pz_zonedata_wiped: nothing is stored */
	bool is_new;           /* enrolled, and the hub has not sent the zone's data yet */
};

/* ---- data.c ---- */
/** Readies what waits for the disk. */
void pz_zonedata_store_init(struct pz_zonedata *data);
/** Stops it, and frees the zone's data. */
void pz_zonedata_store_fini(struct pz_zonedata *data);
/** pz_sync_link_ops.offered. */
enum pz_err pz_zonedata_offered(struct pz_sync_link *from, const struct pz_sync_kind *kind,
				const struct pz_sync_chunk *chunk, bool *out_taken,
				struct pz_errinfo *info) PZ_MUST_USE;
/** pz_sync_link_ops.accept. Errors: those of pz_knowledge_accept and pz_shared_accept. */
enum pz_err
pz_zonedata_accept(const struct pz_sync_link *from, const struct pz_sync_kind *kind,
		   const struct pz_sync_chunk *chunk, struct pz_errinfo *info) PZ_MUST_USE;
/** Stores at once what could not be stored before, if there is such. */
void pz_zonedata_save_again(struct pz_zonedata *data);

/* ---- policy.c ---- */
/** pz_sync_link_ops.offered, of the item `policies`: a newer one is stored, and is in force then.
 * Errors: those of pz_knowledge_accept, LIMIT_MEMORY. */
enum pz_err pz_zonedata_policy_offered(struct pz_sync_link *from, const struct pz_sync_kind *kind,
				       const struct pz_sync_chunk *chunk, bool *out_taken,
				       struct pz_errinfo *info) PZ_MUST_USE;
/** Puts the policy that is being stored into a transaction that writes everything again: it would
 * undo that otherwise. Errors: LIMIT_MEMORY. */
enum pz_err pz_zonedata_policy_save(const struct pz_zonedata *data, struct pz_txn *txn) PZ_MUST_USE;
/** Policies that are being stored are dropped: the zone is left, or the data ends. */
void pz_zonedata_policy_drop(struct pz_zonedata *data);

/* ---- exchange.c ---- */
/** Readies the exchange. Errors: LIMIT_MEMORY; pz_zonedata_exchange_fini is right then, too. */
enum pz_err pz_zonedata_exchange_init(struct pz_zonedata *data) PZ_MUST_USE;
/** Ends every session and timer. */
void pz_zonedata_exchange_fini(struct pz_zonedata *data);

/* ---- command.c ---- */
/** An exchange has ended, or its link is lost: commands that wait for it continue. */
void pz_zonedata_end_commands(struct pz_sync_link *link, bool is_lost);

#endif
