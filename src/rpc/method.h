/* Method names: one parser for dispatch and policy. */
#ifndef PZ_RPC_METHOD_H
#define PZ_RPC_METHOD_H

#include "base/err.h"
#include "base/slice.h"

enum pz_method_kind {
	PZ_METHOD_SERVICE,  /* api@id.[path.]function */
	PZ_METHOD_BUILTIN,  /* ServiceDiscovery.function and the like */
	PZ_METHOD_CALLBACK, /* reference.function */
};

/** A method name taken apart; everything borrowed from the text, absent parts empty. */
struct pz_method {
	enum pz_method_kind kind;
	struct pz_slice api;       /* SERVICE: before the '@'; BUILTIN: the built-in's name */
	struct pz_slice id;        /* SERVICE: 32 hex digits */
	struct pz_slice path;      /* SERVICE: between id and function, may hold dots */
	struct pz_slice function;  /* always; last, so it ends where the text ends */
	struct pz_slice reference; /* CALLBACK: the id of an earlier request */
};

/**
 * Takes a method name apart. Built-in names are exact: ServiceDiscovery, DiscoveryInterface,
 * ServiceConfiguration, Dashboard, PolicyManagement; anything else without an '@' is a call-back.
 * @param out untouched on failure
 * Errors: PROTO (longer than PZ_METHOD_BYTES_MAX; white space, control or non-ASCII characters;
 * more than one '@'; an api over PZ_API_BYTES_MAX; an id that is not 32 hex digits; no function; a
 * path or function that is no identifier). A request then gets -32601, a notification is dropped.
 * @spec page 7, 5
 */
enum pz_err pz_method_parse(struct pz_slice text, struct pz_method *out) PZ_MUST_USE;

/** Name of the call-back by which the other end says that a person is being asked about a request.
 * @spec page 7, 6.2 */
#define PZ_RPC_CALLBACK_ASKING "permissionAsked"

#endif
