/* What the files of the dispatcher share: call.c, dispatch.c, params.c, bind.c, discovery.c. Nobody
 * else includes this. */
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
	bool listening;
	bool is_single; /* the caller takes no call-backs */
	uint64_t began_us;
	char end[40];                    /* how it ended, for the owner's log; "" while it runs */
	bool invoked;                    /* the service (or owner) knows it */
	struct find *find;               /* CALL_FIND */
	const struct pz_method_def *def; /* whose parameters it gets */
	void (*run)(struct call *c, json_t *params); /* what happens once it is permitted */
	/* while permission is pending */
	uint64_t ticket;
	json_t *params;
	enum pz_permit_kind ask;
};

/* Somebody who bound a service: it is told when the service goes and returns. */
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

/* "<from> <type><id>"; NULL: out of memory. The caller frees. */
char *pz_service_call_key(const char *from, const json_t *id);
/* The id as the text in call-back names; NULL: out of memory. The caller frees. */
char *pz_service_call_reference(const json_t *id);
/* New open call in d->calls. key, from: copied/taken; NULL: out of memory (key is freed). */
struct call *pz_service_call_new(struct pz_dispatcher *d, const char *from, json_t *id,
				 char *key_takes, struct batch *batch);
/* Ends without an answer. */
void pz_service_call_drop(struct call *c);
/* Ends a call that the service did not finish: tells the service, then answers with error (taken),
 * or {} when error is NULL; `silent`: no answer at all. */
void pz_service_call_abort(struct call *c, json_t *error, bool silent);
/* Ends with a JSON-RPC error object (taken). */
void pz_service_call_fail(struct call *c, json_t *error);
/* Moves every call of both lists that matches into a fresh list. */
void pz_service_call_collect(struct pz_dispatcher *d,
			     bool (*match)(const struct call *c, const void *arg), const void *arg,
			     struct pz_list *out);
/* The open call with this id of the same caller and the same service, or NULL; never c itself. */
struct call *pz_service_call_of_same_caller(const struct call *c, const json_t *id);
struct batch *pz_service_batch_new(const char *to);
/* One call (or the reader) is done with the batch; answer is taken, may be NULL. */
void pz_service_batch_close(struct pz_dispatcher *d, struct batch *batch, json_t *answer);
/* Sends "<reference>.<name>". params is taken. */
void pz_service_notify(struct pz_dispatcher *d, const char *to, const char *reference,
		       const char *name, json_t *params);
/* Listeners and binders of one caller. */
size_t pz_service_held_by(const struct pz_dispatcher *d, const char *from);

/* ---- params.c ---- */

/* The positional array for a method, new reference; NULL: params do not fit (or memory is out). */
json_t *pz_service_params_bind(const struct pz_method_def *def, json_t *params);

/* ---- dispatch.c ---- */

enum pz_permit pz_service_permit(struct pz_dispatcher *d, struct pz_permit_query *query);
/* The error object that goes with DENY or REFUSED. */
json_t *pz_service_permit_error(enum pz_permit permit);

/* ---- bind.c ---- */

extern const struct pz_method_def pz_service_common_methods[];
extern const size_t pz_service_common_method_count;
bool pz_service_is_bind(const struct pz_method_def *def);
/* One of those that every service has. */
bool pz_service_is_common(const struct pz_method_def *def);
/* Does c, a call of def, give up a call of the same caller? params as received. */
bool
pz_service_is_removal_of_own(const struct call *c, const struct pz_method_def *def, json_t *params);
void pz_service_binders_forget_peer(struct pz_dispatcher *d, const char *node_prefix);
void pz_service_binders_notify(struct pz_dispatcher *d, const struct pz_service *service,
			       const char *name);
void pz_service_binders_free(struct pz_dispatcher *d);

/* ---- discovery.c ---- */

extern const struct pz_method_def pz_service_find_method, pz_service_cancel_method;
/* The requested type, borrowed, or NULL. */
const char *pz_service_find_feature(const json_t *params);
void pz_service_find_start(struct call *c, json_t *params, bool spec_style);
void pz_service_find_cancel(struct call *c, json_t *params);
/* The call of a search was ended by others. */
void pz_service_find_abandon(struct find *f);
void pz_service_finds_free(struct pz_dispatcher *d);

#endif
