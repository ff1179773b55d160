/*
 * Inside pzp/ only: what the zone's data says, and its exchange with the hub and with peers (page
 * 8). zonedata.c what there is and what follows when it changes; sync.c the exchange on each link.
 */
#ifndef PZ_PZP_ZONEDATA_H
#define PZ_PZP_ZONEDATA_H

#include "pzp/internal.h"
#include "store/keep.h"
#include "sync/session.h"
#include "zone/knowledge.h"
#include "zone/shared.h"

/** The exchange on one link. */
struct zonedata_session {
	struct pz_list node; /* zonedata.sessions */
	struct pz_node *owner;
	struct pz_link *link;
	struct pz_log_rate *log; /* of the hub or the peer */
	char to[PZ_ADDRESS_BYTES_MAX + 1];
	bool is_hub;
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* at the other end, "": the hub */
	struct pz_sync_session *sync;
	size_t received[PZ_SYNC_KIND_COUNT], sent[PZ_SYNC_KIND_COUNT]; /* chunks */
	uint32_t opened, answered; /* exchanges of ours, and those of them that have ended */
};

struct zonedata {
	struct pz_node *node;
	struct pz_shared *shared; /* what every device may write; NULL before the first
				     zonedata_set_membership */
	struct pz_list sessions;
	struct pz_timer verdict;   /* a new CRL: are we on it? */
	struct pz_keep keep;       /* while the disk has not all of zone.knowledge */
	struct pz_timer push;      /* local changes that are told together */
	struct pz_timer reopen;    /* after an Update of the hub */
	struct pz_timer exchanged; /* the first exchange after an enrolment is complete */
	bool is_new;               /* enrolled, and the hub has not yet told what the zone knows */
	json_t *changed;           /* what is told then: {item: {key: true}} */
	uint64_t exchanged_us;     /* when an exchange with the hub was last opened */
	json_t *refusals;          /* by the hub: {app's origin: reason} */
};

/* zonedata.c */
/** The item as it is synchronised; NULL: not kept here, or opted out of (page 10). Borrowed. */
struct pz_sync_item *zonedata_item(const struct pz_node *node, const struct pz_sync_kind *kind);
/** A chunk is offered, before anything is decided about it: see pz_sync_ops.offered. */
enum pz_err zonedata_offered(struct zonedata_session *from, const struct pz_sync_kind *kind,
			     const struct pz_sync_chunk *chunk, bool *out_taken,
			     struct pz_errinfo *info) PZ_MUST_USE;
/** Is a chunk good that came from this session? Errors: those of pz_knowledge_accept and
 * pz_shared_accept. */
enum pz_err zonedata_accept(const struct zonedata_session *from, const struct pz_sync_kind *kind,
			    const struct pz_sync_chunk *chunk, struct pz_errinfo *info) PZ_MUST_USE;
/** Chunks came in: stored, and acted on. */
void zonedata_received(struct pz_node *node, const struct pz_sync_kind *kind, const json_t *keys);
/** Stores at once what could not be stored before, if there is such. */
void zonedata_save_again(struct pz_node *node);
/** The store has more than memory: all is stored anew, soon. @param why one line */
void zonedata_rewrite(struct pz_node *node, const char *why);
/** As pz_shared_write; the change is told to the others soon after. Errors: also DENIED (the zone
 * is being left). */
enum pz_err
zonedata_write(struct pz_node *node, enum pz_sync_id id, const char *key, const char *value,
	       pz_shared_done done, void *arg, struct pz_errinfo *info) PZ_MUST_USE;
/** Everything bound to the zone goes, from the disk. Errors: LIMIT_MEMORY. */
enum pz_err zonedata_wipe(const struct pz_node *node, struct pz_txn *txn) PZ_MUST_USE;
/** The same after a failure: memory is out of the zone, and may have other data by now. Errors:
 * LIMIT_MEMORY. */
enum pz_err zonedata_wipe_again(const struct pz_node *node, struct pz_txn *txn) PZ_MUST_USE;
/** And from memory. */
void zonedata_wiped(struct pz_node *node);

/* details.c */
/** The commands `user` and `name`. */
void details_user(struct pz_request *request);
void details_name(struct pz_request *request);
/** Details came in. @param keys array of strings */
void details_received(struct pz_node *node, const json_t *keys);

/* sync.c */
/** The timers of `data`, which is about to be used. */
void sync_init(struct zonedata *data);
/** Ends every session and timer. */
void sync_fini(struct zonedata *data);
/** To everybody who is linked with us but the session that it came from (NULL: all). */
void sync_pass_on(struct pz_node *node, const struct zonedata_session *from,
		  const struct pz_sync_kind *kind, const json_t *keys);
/** A change made here is told soon, together with others. */
void sync_push_soon(struct pz_node *node, const struct pz_sync_kind *kind, const char *key);
/** An exchange with everybody who is linked with us. */
void sync_open_all(struct pz_node *node);
/** The hub says that something has changed in the zone: an exchange is opened, but not often. */
void sync_on_update(struct pz_node *node);
/**
 * The hub has not taken a value that is stored here.
 * @param item,key as the hub names them; an item that there is not is ignored; key may be NULL
 */
void
sync_refused_by_hub(struct pz_node *node, const char *item, const char *key, const char *reason);
/** Why the hub does not take what an app has stored here, as far as it has said so since the last
 * exchange in which both had the same; NULL: it takes it. Borrowed until the next event. */
const char *sync_app_refusal(const struct pz_node *node, const char *origin);
/** The command `sync`: no parameters. */
void sync_command(struct pz_request *request);

#endif
