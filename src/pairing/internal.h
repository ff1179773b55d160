/* What the files of the pairing window call of each other. Inside pairing/ only. */
#ifndef PZ_PAIRING_INTERNAL_H
#define PZ_PAIRING_INTERNAL_H

#include "base/limits.h"
#include "base/list.h"
#include "friends/friend.h"
#include "pairing/pairing.h"
#include "store/keep.h"

/** An address where the partner may be. */
struct pair_target {
	char host[PZ_HOST_BYTES_MAX + 1];
	uint16_t port;
	bool is_given;    /* by the person here */
	bool is_tried;    /* a connection of it is in progress */
	uint64_t next_us; /* not before */
};

/** One connection, from its dial or its accepting to its end. */
struct pair_conn {
	struct pz_list node; /* window.conns */
	struct pair_window *window;
	struct pair_target *target; /* that was dialled; NULL: it came in */
	struct pz_dial *dial;
	struct pz_link *link;
	struct pz_pair *pair;
	const struct pz_pair_card *partner; /* once met: of `pair`, borrowed */
	bool is_held; /* met, and waits for our own connection with the same device */
	bool is_over; /* it is about to end, whatever comes */
};

/** A window. Closed, it lives until its last connection is gone. */
struct pair_window {
	struct pz_pairing *all;
	struct pz_list node; /* pairing.closed */
	struct pz_list conns;
	struct pair_target targets[PZ_PAIR_TARGETS_MAX];
	size_t target_count;
	struct pz_key *key;
	struct pz_tls_ctx *server_ctx, *client_ctx;
	struct pz_pair_card card;    /* our own */
	struct pair_conn *chosen;    /* the partner's connection; NULL: none yet */
	struct pz_pair_card partner; /* a copy for people; zeroed until it is chosen */
	char digits[PZ_PAIR_DIGITS + 1];
	char detail[256];           /* the last failure of a connection, for people */
	struct pair_record *record; /* the record of the pairing, stored or being stored; or NULL */
	enum pz_peer_state state;   /* of the partner */
	struct pz_timer timer;      /* its end */
	struct pz_timer tick;       /* the next address */
	struct pz_timer hold;       /* of connections that wait for our own */
	uint64_t end_us;
	bool remember;   /* the result of `pair` */
	bool is_refused; /* the disk refused it, `detail` has the reason */
	bool is_ending;  /* what its connections report is ignored */
	bool is_closed;
};

struct pz_pairing {
	struct pz_pairing_config config;
	struct pz_link_host link_host; /* with events */
	const struct pair_conn_events *events;
	const struct pair_followers *followers;
	struct pair_window *open; /* or NULL */
	struct pz_list closed;
	struct pz_friends *own; /* that are stored here */
	struct pz_keep keep;
	struct pz_list records; /* of windows: a friend that is stored or being stored */
	char own_zone[PZ_ZONE_BYTES_MAX + 1]; /* "": virgin */
	bool is_ending;
};

/** What becomes of the commands that follow a window; window.c calls it. */
struct pair_followers {
	/** The window has changed. */
	void (*report)(struct pz_pairing *pairing);
	/** People compare: who waited for the digits with an answer gives it. */
	void (*compare)(struct pz_pairing *pairing);
	/** The window is over. @param takes_result NULL: out of memory */
	void (*finish)(struct pz_pairing *pairing, json_t *takes_result);
};

/** What happens on a connection. Called by conn.c; none of them frees it. */
struct pair_conn_events {
	/** The other side has introduced itself (conn->partner). */
	void (*met)(struct pair_conn *conn);
	/** Ours that dialled: the other side has chosen it, and we reveal. */
	void (*revealing)(struct pair_conn *conn);
	/** People compare. */
	void (*compare)(struct pair_conn *conn, const char *digits);
	/** Both remember: to be stored; pz_pair_stored follows. False: it cannot be. */
	bool (*store)(struct pair_conn *conn, const struct pz_pair_result *result);
	void (*done)(struct pair_conn *conn, const struct pz_pair_result *result);
	/** The exchange has failed; the connection ends by itself. */
	void (*failed)(struct pair_conn *conn, enum pz_err err, const char *reason);
	/** The connection is lost, or could not be made. @param detail one line */
	void (*lost)(struct pair_conn *conn, enum pz_err why, const char *detail);
	/** It is gone and freed after this call. */
	void (*gone)(struct pair_window *window);
};

/* ---- window.c ---- */

/** The arguments of `pair`. Borrowed. */
struct pair_wish {
	const char *host; /* NULL: who is found on the local network, or dials */
	uint16_t port;
	bool remember;
};

/** Errors: EXISTS (one is open), CRYPTO, LIMIT_MEMORY, those of may_open. */
enum pz_err pz_pairing_open(struct pz_pairing *pairing, const struct pair_wish *wish,
			    struct pz_errinfo *info) PZ_MUST_USE;
/** The person here answers. Errors: CONFIG (there is nothing to compare yet). */
enum pz_err pz_pairing_answer(struct pz_pairing *pairing, bool match, bool remember,
			      struct pz_errinfo *info) PZ_MUST_USE;

/** What window.c does for its connections. */
extern const struct pair_conn_events pz_pairing_conn_events;
/** The window for people. New. */
json_t *pz_pairing_window_json(const struct pair_window *window);
/** Frees a closed window. */
void pz_pairing_window_free(struct pair_window *window);

/* ---- remembered.c: called by window.c ---- */

/** Errors: DENIED_IDENTITY (the partner's zone is known here by another CA), with a line. */
enum pz_err
pz_pairing_check_zone(const struct pz_pairing *pairing, const struct pz_pair_card *partner,
		      struct pz_errinfo *info) PZ_MUST_USE;
/** Nothing is to be stored yet. */
void pz_pairing_keep_init(struct pz_pairing *pairing);
/**
 * A friend that is being stored, before it is in force: both persons chose "remember". It stays on
 * disk when pz_pairing_trust takes it, and is removed when the window no longer needs it.
 */
struct pair_record;
/**
 * Stores what follows from a pairing. A zone that is a friend already is stored already: it waits
 * only for running commits.
 * @param done called later, once, never inside this call; not after pz_pairing_unrecord. @param err
 * as of pz_store_commit
 * @param out the caller's, pz_pairing_unrecord or pz_pairing_trust
 * Errors: LIMIT (too many friends), LIMIT_MEMORY, EXISTS (the zone is being left), with a line.
 */
enum pz_err
pz_pairing_record(struct pz_pairing *pairing, const struct pz_pair_result *result,
		  void (*done)(void *arg, enum pz_err err, const char *detail), void *arg,
		  struct pair_record **out, struct pz_errinfo *info) PZ_MUST_USE;
/** It does not count: removed from the disk, also where it is not there yet. NULL is fine. */
void pz_pairing_unrecord(struct pair_record *record);
/** The object is freed: no record is written after that. */
void pz_pairing_records_end(struct pz_pairing *pairing);
/** Both persons confirmed: trusted from now on, and remembered if the result has that.
 * @param takes_record that is stored; NULL: the result is not `remembered` @return false: it could
 * not be kept */
bool pz_pairing_trust(struct pz_pairing *pairing, const struct pz_pair_result *result,
		      struct pair_record *takes_record);

/* ---- conn.c: called by window.c ---- */

/** Dials an address. False: out of memory, or it is not one. */
bool pz_pairing_conn_dial(struct pair_window *window, struct pair_target *target);
/** Takes a link that came in. */
void pz_pairing_conn_accept(struct pair_window *window, struct pz_link *link);
/** It is not used: it ends without a word. Its events are no longer reported. */
void pz_pairing_conn_drop(struct pair_conn *conn);
/** Events of the links of a window. */
extern const struct pz_link_events pz_pairing_link_events;

#endif
