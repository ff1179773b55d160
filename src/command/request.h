/*
 * A running command: its owner, its parameters and its result.
 *
 *     owner                          handler
 *     pz_request_new  ------------>  runs: pz_request_event*, then pz_request_answer or _fail,
 *     pz_request_cancel                    at once or later
 *          <------------- done() at the end of the turn, never from inside a call
 *
 * A completion never runs inside the call that began it: a request that has ended, and one whose
 * owner has given it up, stay in memory until pz_requests_report, which a timer of zero calls. A
 * handler may keep a pointer to its request until it has ended it, and may walk over the others.
 */
#ifndef PZ_COMMAND_REQUEST_H
#define PZ_COMMAND_REQUEST_H

#include <jansson.h>

#include "base/env.h"
#include "base/err.h"
#include "base/list.h"
#include "command/file.h"

struct pz_request;

/** How a request reports to its owner. */
struct pz_reply {
	/** The end, once unless cancelled; called from pz_requests_report only, so it may begin and
	 * cancel requests. @param result borrowed, NULL on failure; @param detail one line, "" on
	 * success */
	void (*done)(void *arg, enum pz_err err, const char *detail, json_t *result);
	/** What happens meanwhile, at once, from inside the handler; NULL: of no interest. @param
	 * event borrowed */
	void (*event)(void *arg, json_t *event);
};

/** What a handler keeps for a request. One static object for each kind of request. */
struct pz_request_kind {
	size_t size; /* bytes of its state; 0: none */
	/** Releases what the state holds and cancels what was begun; called once, when the
	 * request ends or, after its owner gave it up, at the end of the turn. May be NULL. */
	void (*release)(struct pz_request *request);
	/** What was begun cannot be cancelled (a commit): a request that its owner gives up
	 * continues until the handler ends it, and is reported to no one. pz_request_goes_on
	 * changes that for one request. */
	bool goes_on;
};

/** All requests of one daemon. */
struct pz_requests {
	const struct pz_env *env;
	void *self;          /* the node or hub, for the handlers */
	struct pz_list all;  /* struct pz_request.all */
	struct pz_list over; /* struct pz_request.over: to be reported and freed */
	struct pz_timer timer;
};

/** One request. Handlers read self, params, file, state and kind; the rest belongs to request.c. */
struct pz_request {
	void *self;
	json_t *params;                     /* object, owned */
	struct pz_file *file;               /* that came with it, owned until its end; or NULL */
	void *state;                        /* kind->size bytes, owned */
	const struct pz_request_kind *kind; /* NULL: no state, continues until it has ended */
	struct pz_requests *requests;
	struct pz_list all, over;
	const struct pz_reply *reply; /* NULL: its owner has given it up */
	void *arg;
	json_t *result;
	enum pz_err err;
	struct pz_errinfo info;
	bool is_ended, is_released;
	bool goes_on; /* as its kind says, or pz_request_goes_on */
};

/** @param env borrowed, must outlive it; @param self for pz_request.self */
void pz_requests_init(struct pz_requests *requests, const struct pz_env *env, void *self);

/** Reports ended requests, and frees them. The timer calls it; a daemon that stops, or a test, may
 * do so from outside of all calls. */
void pz_requests_report(struct pz_requests *requests);

/** Gives up and frees all, also those that continue: what would end them must not come any more.
 * Reports nothing. A zeroed object is fine. */
void pz_requests_fini(struct pz_requests *requests);

/** The next running request of this kind after `last` (NULL: the first). Requests may end or begin
 * meanwhile. */
struct pz_request *
pz_requests_next(const struct pz_requests *requests, const struct pz_request_kind *kind,
		 const struct pz_request *last);

/** Walks over the running requests of one kind. */
#define PZ_REQUEST_EACH(requests, kind, request)                                                   \
	for (struct pz_request *request = pz_requests_next((requests), (kind), NULL);              \
	     request != NULL; request = pz_requests_next((requests), (kind), request))

/**
 * A request that runs until a handler ends it.
 * @param params object, borrowed; kept by reference
 * @param reply static, or outlives the request; @param arg for its functions
 * @return owned by `requests`; NULL: out of memory, and reply is not called
 */
struct pz_request *pz_request_new(struct pz_requests *requests, json_t *params,
				  const struct pz_reply *reply, void *arg);

/** The request came with a file, which is closed when it ends. Once, before the command runs.
 * @param takes_file NULL: none */
void pz_request_set_file(struct pz_request *request, struct pz_file *takes_file);

/** Its owner is gone: no function of the reply is called any more. What was begun is cancelled at
 * the end of the turn, or continues (pz_request_kind). NULL is fine. */
void pz_request_cancel(struct pz_request *request);

/** For handlers: the request is of this kind from now on. At most once for each.
 * @return the state, zeroed; NULL: out of memory, and the request has ended with that */
void *pz_request_begin(struct pz_request *request, const struct pz_request_kind *kind);

/** For handlers whose request cannot be cancelled any more, or can from now on. Not for one that
 * is over (pz_request_is_over): that one is freed at the end of the turn. */
void pz_request_goes_on(struct pz_request *request, bool goes_on);

/** Reports what happens meanwhile. @param takes_event NULL: nothing */
void pz_request_event(struct pz_request *request, json_t *takes_event);

/** Ends it. A request that has ended already stays as it is: the first end counts.
 * @param detail one line; "": the text of the error. Not used with PZ_OK
 * @param takes_result NULL with PZ_OK: out of memory. Not used with an error */
void pz_request_finish(struct pz_request *request, enum pz_err err, const char *detail,
		       json_t *takes_result);
/** pz_request_finish with PZ_OK. */
void pz_request_answer(struct pz_request *request, json_t *takes_result);
/** pz_request_finish with an error. */
void pz_request_fail(struct pz_request *request, enum pz_err err, const char *detail);

/** True when it has ended, or its owner has given it up. For use after a call that may have ended
 * it. */
bool pz_request_is_over(const struct pz_request *request);

#endif
