/*
 * Services and calls: what a built-in or external service implements, and what it may do with a
 * request that it got. The dispatcher (service/dispatch.h) makes the calls.
 */
#ifndef PZ_SERVICE_SERVICE_H
#define PZ_SERVICE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "base/list.h"
#include "service/descriptor.h"

struct pz_service;
struct pz_dispatcher;
struct pz_method_def;

/**
 * One request that is being served. It lives until exactly one of pz_call_result, pz_call_error,
 * pz_call_fault or pz_call_end is called, or until the dispatcher ends it (then the service's
 * call_ended runs, and the pointer is gone when that returns).
 */
struct pz_call {
	void *user;                 /* the service's own, initially NULL */
	struct pz_service *service; /* NULL for built-in objects */
	const struct pz_method_def
		*method; /* entry of the static table; NULL for built-in objects */
};

/** The form in which a method's parameters travel when they are not an array (page 7, 5). */
enum pz_params_form {
	PZ_PARAMS_POSITIONAL, /* array; an object is read by the WIDL names */
	PZ_PARAMS_OBJECT, /* legacy clients send the one options object bare: an object is params[0]
			   */
	PZ_PARAMS_BARE,   /* one parameter of any type: whatever is no array is params[0] */
	PZ_PARAMS_RAW,    /* invoke gets what was sent, of any type; [] when absent */
};

/** One method of a service. Tables of these are static: there is never a generic look-up by name.
 */
struct pz_method_def {
	const char *path;      /* documentation prefix, e.g. "listenAttr", or NULL */
	const char *interface; /* the specification's interface name, e.g. "Sensor", or NULL */
	const char *function;
	enum pz_params_form form;
	const char *const *names; /* WIDL parameter names, NULL-terminated; NULL: positional only */
	/* What policies call the function, when not by the api alone: "/read". NULL: by the api */
	const char *part;
	/* Members of the first parameter that policies may compare as param:NAME, NULL-terminated.
	 * NULL: none */
	const char *const *exports;
	/** Serves one request. params: array of positional values, borrowed until the return. */
	void (*invoke)(struct pz_service *service, struct pz_call *call, json_t *params);
	/* for people (`pzp describe`); NULL: nothing is said */
	const char *returns; /* the result, or what a stream's values are */
	const char *text;    /* what it does, one line */
	bool is_stream;      /* it sends call-backs until it is ended */
	bool is_common;      /* one that every service has (bind.c); its calls are not reported */
};

/** One service, made by pz_service_new. */
struct pz_service {
	struct pz_descriptor descriptor;
	const struct pz_method_def *methods; /* borrowed for the service's life */
	size_t method_count;
	void *state; /* the service's own */
	/**
	 * A call that the service has not finished was ended by others: its remove call or unbind,
	 * its caller gone, the service unregistered, policy. The call cannot be used after the
	 * return. NULL is fine for services that always answer within invoke.
	 */
	void (*call_ended)(struct pz_service *service, struct pz_call *call);
	/** Frees state (not the struct). No call of the service is open any more. NULL is fine. */
	void (*destroy)(struct pz_service *service);

	struct pz_list node; /* private to the registry */
};

/**
 * A service with a checked descriptor and nothing else set.
 * @param methods borrowed for the service's life
 * @param out untouched on failure; free with pz_service_free or give to a registry
 * Errors: those of pz_descriptor_init.
 */
enum pz_err pz_service_new(const char *api, const char *display_name, const char *description,
			   const struct pz_method_def *methods, size_t method_count,
			   struct pz_service **out, struct pz_errinfo *info) PZ_MUST_USE;

/** Runs destroy, frees descriptor and struct. The service must not be registered. NULL is fine. */
void pz_service_free(struct pz_service *service);

/** Verified address of the caller, valid as long as the call. */
const char *pz_call_from(const struct pz_call *call);

/** The request's id (string or number), or NULL for a notification. Borrowed from the call. */
const json_t *pz_call_id(const struct pz_call *call);

/** True when the caller belongs to the zone (before enrolment: to the device) that hosts the
 * service. */
bool pz_call_is_own_zone(const struct pz_call *call);

/** Answers and ends the call. @param result taken; NULL (also: out of memory) sends {}. */
void pz_call_result(struct pz_call *call, json_t *result);

/**
 * Answers with an API error and ends the call: code -31000 "Method Invocation returned with error",
 * data = {name, code, message}.
 * @param dom_name e.g. "NotFoundError"
 * @param message for people, UTF-8; NULL: the name again
 * @spec page 4 "JSON-RPC 2.0", page 7, 6
 */
void pz_call_error(struct pz_call *call, const char *dom_name, const char *message);

/** Answers with a JSON-RPC error (-32602 and the like) and ends the call. @param message NULL: the
 * standard text of the code. */
void pz_call_fault(struct pz_call *call, int code, const char *message);

/**
 * Turns the call into a listener: it stays open for events until it is ended. Idempotent.
 * On failure the call has been answered and is gone. Errors: LIMIT (PZ_LISTENERS_PER_PEER_MAX or
 * PZ_LISTENERS_MAX; the caller got QuotaExceededError), PROTO_MEMBER (a request without id cannot
 * listen; one whose caller takes no call-backs got InvalidAccessError).
 * @spec page 7, 6.1
 */
enum pz_err pz_call_listen(struct pz_call *call) PZ_MUST_USE;

/**
 * Sends the notification "<request id>.<name>" to the caller. Nothing is sent for a request without
 * id.
 * @param params taken; NULL sends []
 */
void pz_call_event(struct pz_call *call, const char *name, json_t *params);

/** The answer to pz_call_ask. Exactly one of both is set, borrowed; the call may be used. */
typedef void (*pz_call_answer)(void *arg, json_t *result, json_t *error);

/**
 * Sends the request "<request id>.<name>" to the caller, who answers it (an answered call-back).
 * @param params taken; NULL sends []
 * @param answer called exactly once, never from inside: with the answer, with the error of a
 * time-out or of a caller that is gone, or with AbortError right before the call's end
 * Errors, `answer` is not called: LIMIT (PZ_CALL_ASKS_MAX wait for answers), PROTO_MEMBER (a
 * request without id), IO_CLOSED (nothing was sent), LIMIT_MEMORY.
 * @spec page 7, 6.1
 */
enum pz_err pz_call_ask(struct pz_call *call, const char *name, json_t *params,
			pz_call_answer answer, void *arg) PZ_MUST_USE;

/** Ends a listener from the service's side: the request gets its plain result {}. The same as
 * pz_call_result(call, NULL). */
void pz_call_end(struct pz_call *call);

/**
 * For a service's remove function: ends the listener or open call with that request id, if it
 * belongs to the same caller and the same service, and answers this call with {}; else answers
 * NotFoundError. The listener gets its result {}, an open call AbortError. Ends both calls. @param
 * listener_id string or number, borrowed, may be NULL
 * @spec page 7, 6.1 "Remove calls"
 */
void pz_call_remove_listener(struct pz_call *call, const json_t *listener_id);

#endif
