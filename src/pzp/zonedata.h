/*
 * Inside pzp/ only: what the zone's data says, and its exchange with the hub and with peers (page
 * 8). zonedata.c what there is; zonechanges.c what follows when it changes; sync.c when it is
 * exchanged.
 */
#ifndef PZ_PZP_ZONEDATA_H
#define PZ_PZP_ZONEDATA_H

#include "pzp/internal.h"
#include "store/keep.h"
#include "sync/link.h"
#include "zone/knowledge.h"

struct pz_zonedata {
	struct pz_node *node;
	struct pz_sync_links links; /* the exchange with the hub and with peers */
	struct pz_timer verdict;    /* a new CRL: are we on it? */
	struct pz_keep keep;        /* while the disk has not all of zone.knowledge */
	struct pz_timer reopen;     /* after an Update of the hub */
	struct pz_timer exchanged;  /* the first exchange after an enrolment is complete */
	bool is_leaving;  /* from pz_zonedata_wipe to pz_zonedata_wiped: nothing is stored */
	bool is_new;      /* enrolled, and the hub has not sent the zone's data yet */
	json_t *refusals; /* by the hub: {app's origin: reason} */
};

/* zonedata.c */
/** The item as it is synchronised; NULL: not kept here, or opted out of (page 10). Borrowed. */
struct pz_sync_item *pz_zonedata_item(const struct pz_node *node, const struct pz_sync_kind *kind);
/** A chunk is offered, before anything is decided about it: see pz_sync_ops.offered.
 * @param out_kept always set: it is a revocation list that is kept beside the newest,
 * and counts from now on */
enum pz_err pz_zonedata_offered(struct pz_sync_link *from, const struct pz_sync_kind *kind,
				const struct pz_sync_chunk *chunk, bool *out_taken, bool *out_kept,
				struct pz_errinfo *info) PZ_MUST_USE;
/** Is a chunk good that came from this session? Errors: those of pz_knowledge_accept and
 * pz_shared_accept. */
enum pz_err
pz_zonedata_accept(const struct pz_sync_link *from, const struct pz_sync_kind *kind,
		   const struct pz_sync_chunk *chunk, struct pz_errinfo *info) PZ_MUST_USE;
/** Chunks came in: stored. */
void
pz_zonedata_received(struct pz_node *node, const struct pz_sync_kind *kind, const json_t *keys);
/** Stores at once what could not be stored before, if there is such. */
void pz_zonedata_save_again(struct pz_node *node);
/** The store has more than memory: all is stored anew, soon. @param why one line */
void pz_zonedata_rewrite(struct pz_node *node, const char *why);
/** Everything bound to the zone goes, from the disk. Errors: LIMIT_MEMORY. */
enum pz_err pz_zonedata_wipe(struct pz_node *node, struct pz_txn *txn) PZ_MUST_USE;
/** The same after a failure: memory is out of the zone, and may have other data by now. Errors:
 * LIMIT_MEMORY. */
enum pz_err pz_zonedata_wipe_again(const struct pz_node *node, struct pz_txn *txn) PZ_MUST_USE;
/** And from memory. */
void pz_zonedata_wiped(struct pz_node *node);

/* zonechanges.c */
/** pz_sync_link_ops.offered; what follows is done. */
enum pz_err pz_node_zone_offered(struct pz_sync_link *from, const struct pz_sync_kind *kind,
				 const struct pz_sync_chunk *chunk, bool *out_taken,
				 struct pz_errinfo *info) PZ_MUST_USE;
/** Chunks came in: stored, and what follows is done. */
void
pz_node_zone_received(struct pz_node *node, const struct pz_sync_kind *kind, const json_t *keys);

/* sync.c */
/** Readies the exchange. Errors: LIMIT_MEMORY; pz_zonedata_sync_fini is right then, too. */
enum pz_err pz_zonedata_sync_init(struct pz_zonedata *data) PZ_MUST_USE;
/** Ends every session and timer. */
void pz_zonedata_sync_fini(struct pz_zonedata *data);
/** The hub says that something has changed in the zone: an exchange is opened, but not often. */
void pz_zonedata_on_update(struct pz_node *node);
/**
 * The hub has not taken a value that is stored here.
 * @param item,key as the hub names them; an item that there is not is ignored; key may be NULL
 */
void pz_zonedata_refused_by_hub(struct pz_node *node, const char *item, const char *key,
				const char *reason);
/** Why the hub does not take what an app has stored here, as far as it has said so since the last
 * exchange in which both had the same; NULL: it takes it. Borrowed until the next event. */
const char *pz_zonedata_app_refusal(const struct pz_node *node, const char *origin);
/** The command `sync`: no parameters. */
void pz_zonedata_sync_command(struct pz_request *request);

#endif
