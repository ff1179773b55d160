/*
 * The exchange on links: one session a link, all links of one zone together. What both daemons do
 * alike is here: sending, counting, the log, conditions of refused entries, and passing changes on
 * to the others. The owner decides what is kept, and which devices may write it.
 */
#ifndef PZ_SYNC_LINK_H
#define PZ_SYNC_LINK_H

#include "base/list.h"
#include "base/log.h"
#include "condition/condition.h"
#include "metrics/metrics.h"
#include "sync/session.h"

struct pz_sync_links;

/** The exchange on one link. Fields are read, never written, from outside. */
struct pz_sync_link {
	struct pz_list node; /* pz_sync_links.list */
	struct pz_sync_links *links;
	void *arg; /* what the owner has of it */
	struct pz_log_rate *log;
	enum pz_sync_role other;
	char to[PZ_ADDRESS_BYTES_MAX + 1];
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* at the other end; "": a hub */
	struct pz_sync_session *session;      /* NULL: pz_sync_links_fini was called */
	size_t received[PZ_SYNC_KIND_COUNT], sent[PZ_SYNC_KIND_COUNT]; /* chunks */
	uint32_t opened, answered; /* exchanges of ours, and those of them that have ended */
	uint64_t opened_us;        /* when the last one was opened; 0: none */
};

/** What the owner does. Those that may be NULL say so. As for pz_sync_ops, none of them may free
 * the link. */
struct pz_sync_link_ops {
	/**
	 * Checks whether something may be sent now.
	 * Errors: IO_CLOSED (the link ends, or another has taken over), LIMIT_QUEUE (more than
	 * PZ_SYNC_QUEUE_BYTES wait).
	 */
	enum pz_err (*ready)(const struct pz_sync_link *link);
	/** Sends a frame. Errors: PROTO_FRAME (longer than the other end takes); others end the
	 * exchange. */
	enum pz_err (*push)(struct pz_sync_link *link, struct pz_slice frame);
	/** A prop was refused with PROTO_FRAME. */
	void (*too_long)(struct pz_sync_link *link, const char *status, size_t bytes);
	/** As those of pz_sync_ops. */
	struct pz_sync_item *(*item)(const struct pz_sync_link *link,
				     const struct pz_sync_kind *kind);
	enum pz_err (*offered)(struct pz_sync_link *link, const struct pz_sync_kind *kind,
			       const struct pz_sync_chunk *chunk, bool *out_taken,
			       struct pz_errinfo *info);
	enum pz_err (*accept)(const struct pz_sync_link *link, const struct pz_sync_kind *kind,
			      const struct pz_sync_chunk *chunk, struct pz_errinfo *info);
	bool (*number)(void *arg, const struct pz_sync_kind *kind,
		       const struct pz_sync_chunk *chunk, uint64_t *out); /* may be NULL */
	/** Chunks have changed: to be stored, and passed on with pz_sync_links_pass_on. */
	void (*changed)(struct pz_sync_link *link, const struct pz_sync_kind *kind,
			const json_t *keys);
	/** Logged, counted, and a condition already. May be NULL. */
	void (*refused)(struct pz_sync_link *link, const char *item, const char *key,
			const char *reason);
	/** An exchange of ours has ended. May be NULL. */
	void (*answered)(struct pz_sync_link *link, bool is_equal);
	/** A message has come, and the hub's clock is known to be that far ahead. May be NULL. */
	void (*ahead)(struct pz_sync_link *link, int64_t ahead_ms);
	/** The link is about to be freed; not called after pz_sync_links_fini. May be NULL. */
	void (*closing)(struct pz_sync_link *link);
};

/** All pointers are borrowed for the life of the object. */
struct pz_sync_links_config {
	const struct pz_env *env;
	struct pz_metrics *metrics;
	struct pz_conditions *conditions;
	const char *self;        /* the address that is the sender; may be rewritten meanwhile */
	const char *self_device; /* likewise; NULL: a hub */
	enum pz_log_level level; /* of what the other end does wrong */
	const struct pz_sync_link_ops *ops;
	void *arg;
};

/** The links of one zone, and what waits to be pushed to them. */
struct pz_sync_links {
	struct pz_sync_links_config config;
	struct pz_list list;  /* pz_sync_link.node */
	struct pz_timer push; /* local changes that are pushed together */
	json_t *changed;      /* what is pushed then: {item: {key: true}} */
};

/** Errors: LIMIT_MEMORY; pz_sync_links_fini is right then, too. */
enum pz_err pz_sync_links_init(struct pz_sync_links *links,
			       const struct pz_sync_links_config *config) PZ_MUST_USE;
/** Ends every session and the timer. Links that are not freed yet are only good for
 * pz_sync_link_free. Does nothing where all is zero. */
void pz_sync_links_fini(struct pz_sync_links *links);
/** Pushes chunks that have changed to all links but the one that they came from (NULL: all). */
void pz_sync_links_pass_on(struct pz_sync_links *links, const struct pz_sync_link *from,
			   const struct pz_sync_kind *kind, const json_t *keys);
/** The same of one chunk. */
void
pz_sync_links_push(struct pz_sync_links *links, const struct pz_sync_kind *kind, const char *key);
/** Opens an exchange on every link. */
void pz_sync_links_open_all(struct pz_sync_links *links);
/**
 * A change made here is on the disk, or could not be stored (pz_shared_config.settled). The first
 * is pushed soon, together with others; after the second every other end is asked what it has, for
 * it may have got the value in an exchange.
 * @param arg struct pz_sync_links
 * @spec page 8 "When"
 */
void
pz_sync_links_settled(void *arg, const struct pz_sync_kind *kind, const char *key, bool is_stored);

struct pz_sync_link_config {
	enum pz_sync_role other;
	const char *to; /* its address, copied */
	void *arg;
	struct pz_log_rate *log;  /* outlives the link */
	size_t message_bytes_max; /* see pz_sync_config */
};

/** For a link that has come up. NULL: out of memory. */
struct pz_sync_link *
pz_sync_link_new(struct pz_sync_links *links, const struct pz_sync_link_config *config);
/** NULL is fine, as in drained and on_prop. */
void pz_sync_link_free(struct pz_sync_link *link);
/** Opens an exchange; a failure is logged. */
void pz_sync_link_open(struct pz_sync_link *link);
/** Sends a prop outside the session's own order. Errors: as pz_sync_ops.send. */
enum pz_err
pz_sync_link_send(struct pz_sync_link *link, const char *status, json_t *message) PZ_MUST_USE;
/** The link's queue has become shorter. */
void pz_sync_link_drained(struct pz_sync_link *link);
/** @return true: the status is one of synchronisation's, and was dealt with */
bool pz_sync_link_on_prop(struct pz_sync_link *link, const char *status, const json_t *message);

#endif
