/* What the files of the dispatcher share: call.c, dispatch.c, params.c, bind.c, discovery.c. No
 * other file includes this header. */
#ifndef PZ_SERVICE_INTERNAL_H
#define PZ_SERVICE_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "rpc/payload.h"
#include "service/dispatch.h"
#include "service/replay.h"

#define REQUEST_ID_BYTES_MAX 256

struct find;

/* Answers of one batch; sent when the last of its calls has answered or become a listener. */
struct batch {
	char *to;
	json_t *answers;
	size_t open;
};

enum call_kind {
	CALL_SERVICE,
	CALL_FIND,    /* answered by discovery.c */
	CALL_BUILTIN, /* answered by the owner */
};

struct call {
	struct pz_call pub; /* first: what services see */
	struct pz_dispatcher *d;
	enum call_kind kind;
	char *from;
	json_t *id;          /* NULL: notification */
	char *key;           /* in d->open; NULL: notification */
	struct batch *batch; /* where the answer goes, or NULL */
	struct pz_list node; /* d->calls or d->listeners, or a list of doomed ones */
	struct pz_list asks; /* of the caller, that wait for an answer: ask.c */
	bool listening;
	bool is_single; /* the caller takes no call-backs */
	uint64_t began_us;
	char end[40];      /* how it ended, for the owner's log; "" while it runs */
	bool invoked;      /* the service (or owner) knows it */
	struct find *find; /* CALL_FIND */
	/* CALL_FIND: separates the search from its call, which others have ended. Its results are
	 * ignored; it is freed by pz_find_done. */
	void (*abandon)(struct find *find);
	const char *api; /* CALL_BUILTIN that was judged: what policies call it; static */
	const struct pz_method_def *def;             /* whose parameters it gets */
	void (*run)(struct call *c, json_t *params); /* what happens once it is permitted */
	uint64_t ticket;                             /* of the question for permission */
	bool is_pending;                             /* a person is being asked */
	bool was_asked;                              /* a person has permitted it */
	json_t *params;                              /* while permission is pending: as received */
	json_t *exported; /* what permission was asked with, where def exports parameters */
	enum pz_permit_kind ask;
};

/* A caller that bound a service: it is informed when the service goes and returns. */
struct binder {
	struct pz_list node; /* d->binders */
	char *from, *api;
	char id[PZ_SERVICE_ID_CHARS + 1];
	char *reference; /* id of the bind request, as call-backs name it */
};

struct pz_dispatcher {
	const struct pz_env *env;
	struct pz_registry *registry;
	const struct pz_dispatch_ops *ops;
	void *arg;
	struct pz_registry_watch watch;
	struct pz_replay *replay;
	struct pz_map *open;  /* "<from> <id>" to struct call */
	struct pz_list calls; /* open, not listeners */
	struct pz_list listeners;
	struct pz_list binders;
	struct pz_list finds;
	size_t call_count, listener_count, binder_count, find_count;
	uint64_t ticket_last;
	uint64_t requests, errors, duplicates, events;
	struct pz_timer recheck_timer;
	bool closing; /* nothing is sent any more */
};

static inline struct call *
pz_service_call_of(const struct pz_call *pub)
{
	return (struct call *)(void *)(uintptr_t)pub;
}

/* ---- call.c ---- */

/** "<from> <type><id>", the key of d->open. @return the caller frees; NULL: out of memory */
char *pz_service_call_key(const char *from, const json_t *id);
/** The id as the text in call-back names. @return the caller frees; NULL: out of memory */
char *pz_service_call_reference(const json_t *id);
/**
 * New open call in d->calls.
 * @param from copied @param id a reference is taken; NULL: a notification
 * @param key_takes see struct call; freed on failure
 * @param batch where the answer goes, or NULL
 * @return owned by d; NULL: out of memory
 */
struct call *pz_service_call_new(struct pz_dispatcher *d, const char *from, json_t *id,
				 char *key_takes, struct batch *batch);
/** Ends and frees a call without an answer. */
void pz_service_call_drop(struct call *c);
/**
 * Ends a call that the service did not finish: informs the service, then answers.
 * @param error taken; NULL: the answer is {}
 * @param silent no answer at all
 */
void pz_service_call_abort(struct call *c, json_t *error, bool silent);
/** Ends a call with a JSON-RPC error object (taken). */
void pz_service_call_fail(struct call *c, json_t *error);
/** Moves every call of d->calls and d->listeners that matches into `out`, an empty list. */
void pz_service_call_collect(struct pz_dispatcher *d,
			     bool (*match)(const struct call *c, const void *arg), const void *arg,
			     struct pz_list *out);
/** The open call with this id of the same caller and the same service; never c itself.
 * @return borrowed, or NULL */
struct call *pz_service_call_of_same_caller(const struct call *c, const json_t *id);
/** New batch with one open part, the reader. @param to copied. NULL: out of memory. */
struct batch *pz_service_batch_new(const char *to);
/** Ends one call of the batch, or its reader; the last one sends the answers and frees the batch.
 * @param answer taken, may be NULL */
void pz_service_batch_close(struct pz_dispatcher *d, struct batch *batch, json_t *answer);
/** Sends the call-back "<reference>.<name>". @param params taken */
void pz_service_notify(struct pz_dispatcher *d, const char *to, const char *reference,
		       const char *name, json_t *params);
/** How many listeners and binders one caller has. */
size_t pz_service_held_by(const struct pz_dispatcher *d, const char *from);

/** The answer of ops->permit; ALLOW when the owner has no such function. */
enum pz_permit pz_service_permit(struct pz_dispatcher *d, struct pz_permit_query *query);
/** The error object for DENY or REFUSED, new reference; NULL: out of memory. */
json_t *pz_service_permit_error(enum pz_permit permit);

/* ---- params.c ---- */

/** The parameters as the positional array that a method takes, new reference. @param params
 * borrowed. NULL: they do not fit, or memory is out. @spec page 7 */
json_t *pz_service_params_bind(const struct pz_method_def *def, json_t *params);

/* ---- bind.c ---- */

/** The functions that every service has. */
extern const struct pz_method_def pz_service_common_methods[];
extern const size_t pz_service_common_method_count;
/** True for the method that binds a service. */
bool pz_service_is_bind(const struct pz_method_def *def);
/** True when c, a call of def, gives up a call of the same caller. @param params as received */
bool
pz_service_is_removal_of_own(const struct call *c, const struct pz_method_def *def, json_t *params);
/** Frees the binders of a node, an app or a zone. @param node_prefix see
 * pz_dispatcher_peer_gone */
void pz_service_binders_forget_peer(struct pz_dispatcher *d, const char *node_prefix);
/** Frees the binders that may not even look at their service any more. */
void pz_service_binders_recheck(struct pz_dispatcher *d);
/** Sends the call-back `name` to all who have bound this service. */
void pz_service_binders_notify(struct pz_dispatcher *d, const struct pz_service *service,
			       const char *name);
/** Frees all binders, silently. */
void pz_service_binders_free(struct pz_dispatcher *d);

/* ---- discovery.c ---- */

extern const struct pz_method_def pz_service_find_method, pz_service_cancel_method;
/** The requested type of service. @return borrowed from params, or NULL without one */
const char *pz_service_find_feature(const json_t *params);
/** Begins the search of a permitted call of findServices. @param spec_style results are sent as the
 * interface of the specification has them. Failures are answered. */
void pz_service_find_start(struct call *c, json_t *params, bool spec_style);
/** Runs `cancel`: ends the search of the same caller that the parameters name by its id. */
void pz_service_find_cancel(struct call *c, json_t *params);
/** Frees all searches. */
void pz_service_finds_free(struct pz_dispatcher *d);

/* ---- ask.c ---- */
/** Ends what waits for answers of the caller, with AbortError. */
void pz_service_asks_end(struct call *c);

#endif
