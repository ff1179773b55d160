/*
 * The steps of a request: drop duplicates -> split the name -> look it up in a static table -> ask
 * for permission -> check the parameters -> invoke. Permission comes before parameters, and only
 * callers that may see an api get the answer that a name in it is unknown (page 7, 6 and 8a), so a
 * stranger learns nothing by trying.
 */
#include "service/dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/suggest.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "rpc/payload.h"
#include "service/internal.h"
#include "wire/address.h"
#include "wire/json.h"

PZ_AUTO_DEFINE(json_t, json_decref)

/* ---- permission ---- */

static bool
is_denied(enum pz_permit permit)
{
	return permit == PZ_PERMIT_DENY || permit == PZ_PERMIT_REFUSED;
}

/* Permitted: now the parameters may be checked. */
static void
run(struct call *c, json_t *params)
{
	PZ_AUTO(json_decref) json_t *bound = pz_service_params_bind(c->def, params);
	if (bound == NULL) {
		pz_call_fault(&c->pub, PZ_RPC_INVALID_PARAMS, NULL);
		return;
	}
	c->run(c, bound);
}

/* The permission for a call is known (or pending). */
static void
proceed(struct call *c, enum pz_permit permit, json_t *params)
{
	switch (permit) {
	case PZ_PERMIT_ALLOW:
		run(c, params);
		return;
	case PZ_PERMIT_PENDING:
		c->is_pending = true;
		c->params = json_incref(params);
		return;
	case PZ_PERMIT_DENY:
	case PZ_PERMIT_REFUSED:
		break;
	}
	if (c->ask == PZ_PERMIT_BIND) /* H5 */
		pz_call_event(&c->pub, "onError",
			      pz_dom_error("SecurityError", "Access has been denied."));
	pz_service_call_fail(c, pz_service_permit_error(permit));
}

/* The event "asking" comes after the call has entered its state: the caller may react at once, for
 * example by closing its link. */
static void
authorise(struct call *c, struct pz_permit_query *query, json_t *params)
{
	c->ask = query->kind;
	c->ticket = ++c->d->ticket_last;
	query->from = c->from;
	query->ticket = c->ticket;
	if (c->def->exports) /* as the function gets them: policies judge what it uses */
		c->exported = pz_service_params_bind(c->def, params);
	query->def = c->def;
	query->params = c->exported;
	enum pz_permit permit = pz_service_permit(c->d, query);
	c->was_asked = query->was_asked;
	bool is_asking = permit == PZ_PERMIT_PENDING && query->is_asking;
	proceed(c, permit, params);
	if (is_asking) /* the caller extends its time-out, so that it gets the answer */
		pz_call_event(&c->pub, PZ_RPC_CALLBACK_ASKING, NULL);
}

/* The call may have ended during the prompt; then no ticket is found, and nothing happens. */
void
pz_dispatcher_permit_result(struct pz_dispatcher *d, uint64_t ticket, enum pz_permit permit,
			    bool was_asked)
{
	PZ_LIST_EACH (&d->calls, node, tmp) {
		struct call *c = PZ_CONTAINER(node, struct call, node);
		/* A late answer must not start a call that is running already. */
		if (c->ticket != ticket || c->invoked || permit == PZ_PERMIT_PENDING)
			continue;
		json_t *params = PZ_TAKE(c->params);
		c->is_pending = false;
		c->was_asked = was_asked;
		proceed(c, permit, params);
		json_decref(params);
		return;
	}
}

/* ---- service methods ---- */

/* A caller may omit the path, or give the interface instead. */
static bool
is_path_accepted(const struct pz_method_def *def, struct pz_slice path)
{
	return path.len == 0 || (def->path && pz_slice_eq_str(path, def->path)) ||
	       (def->interface && pz_slice_eq_str(path, def->interface));
}

/* Names in a table are unique, so the first match is the only one. */
static const struct pz_method_def *
method_in(const struct pz_method_def *table, size_t count, const struct pz_method *m)
{
	for (size_t i = 0; i < count; i++) {
		if (pz_slice_eq_str(m->function, table[i].function) &&
		    is_path_accepted(&table[i], m->path))
			return &table[i];
	}
	return NULL;
}

static const struct pz_method_def *
method_of(const struct pz_service *service, const struct pz_method *m)
{
	const struct pz_method_def *def = method_in(service->methods, service->method_count, m);
	return def ? def : method_in(pz_service_common_methods, pz_service_common_method_count, m);
}

/* Lists the functions that exist, and the one that was probably meant. */
static json_t *
no_function(const struct pz_service *service, const struct pz_method *m)
{
	char given[PZ_METHOD_NAME_BYTES_MAX + 1], text[896], names[384] = "";
	struct pz_suggest meant;
	(void)snprintf(given, sizeof(given), "%.*s%s%.*s", PZ_SLICE_FMT(m->path),
		       m->path.len ? "." : "", PZ_SLICE_FMT(m->function));
	pz_suggest_init(&meant, given);
	for (size_t i = 0; i < service->method_count; i++) {
		const char *name = service->methods[i].function;
		size_t len = strlen(names);
		pz_suggest_add(&meant, name);
		if (len + strlen(name) + 2 < sizeof(names))
			(void)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
				       name);
	}
	(void)snprintf(text, sizeof(text), "%.127s is no function of %.128s%s%.127s%s%s", given,
		       service->descriptor.display_name, meant.best ? "; did you mean " : "",
		       meant.best ? meant.best : "",
		       meant.best ? "? It has: " : "; it has: ", names);
	return pz_rpc_error(PZ_RPC_METHOD_NOT_FOUND, NULL, pz_dom_error("NotFoundError", text));
}

/* @param service has no such function; NULL: there is no such service. Both answers cost one
 * decision of the policy, so they also take the same time. */
static void
unknown(struct call *c, const char *api, const char *id, const struct pz_service *service,
	const struct pz_method *m)
{
	struct pz_permit_query query = {
		.kind = PZ_PERMIT_SHOW, .from = c->from, .api = api, .service_id = id};
	enum pz_permit permit = pz_service_permit(c->d, &query);
	if (is_denied(permit))
		pz_service_call_fail(c, pz_service_permit_error(permit));
	else
		pz_service_call_fail(c,
				     service ? no_function(service, m)
					     : pz_rpc_error(PZ_RPC_METHOD_NOT_FOUND, NULL, NULL));
}

/* From here on the service has to end the call. */
static void
run_method(struct call *c, json_t *params)
{
	c->invoked = true;
	c->def->invoke(c->pub.service, &c->pub, params);
}

/* An unknown service and an unknown function get the same answer for callers that may not see the
 * api. */
static void
service_call(struct call *c, const struct pz_method *m, json_t *params)
{
	PZ_AUTO_FREE char *api = pz_slice_dup(m->api);
	PZ_AUTO_FREE char *id = pz_slice_dup(m->id);
	if (!api || !id) {
		pz_service_call_fail(c, NULL);
		return;
	}
	struct pz_service *service = pz_registry_lookup(c->d->registry, api, id);
	const struct pz_method_def *def = service ? method_of(service, m) : NULL;
	if (def == NULL) {
		unknown(c, api, id, service, m);
		return;
	}
	c->kind = CALL_SERVICE;
	c->pub.service = service;
	c->pub.method = c->def = def;
	c->run = run_method;
	if (pz_service_is_removal_of_own(
		    c, def, params)) { /* a caller may end what it was allowed to begin */
		run(c, params);
		return;
	}
	struct pz_permit_query query = {.kind = pz_service_is_bind(def) ? PZ_PERMIT_BIND
									: PZ_PERMIT_INVOKE,
					.api = api,
					.service_id = id,
					.function = def->function};
	authorise(c, &query, params);
}

/* ---- built-in objects ---- */

static void
run_find(struct call *c, json_t *params)
{
	pz_service_find_start(c, params, false);
}

static void
run_find_spec(struct call *c, json_t *params)
{
	pz_service_find_start(c, params, true);
}

/* Answers at once, without content: the arrival of a request is no secret from its caller. */
static void
run_ping(struct call *c, json_t *params)
{
	(void)params;
	pz_call_result(&c->pub, NULL);
}

static const struct pz_method_def ping_method = {.function = "ping", .form = PZ_PARAMS_RAW};

/* A caller can only cancel its own searches, so this needs no permission. */
static const struct builtin {
	const char *object;
	const struct pz_method_def *def;
	void (*run)(struct call *c, json_t *params);
} builtins[] = {
	{"ServiceDiscovery", &pz_service_find_method, run_find},
	{"DiscoveryInterface", &pz_service_find_method, run_find_spec},
	{"ServiceDiscovery", &pz_service_cancel_method, pz_service_find_cancel},
	{"DiscoveryInterface", &pz_service_cancel_method, pz_service_find_cancel},
	{"ServiceDiscovery", &ping_method, run_ping},
};

static const struct builtin *
builtin_of(const struct pz_method *m)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (pz_slice_eq_str(m->api, builtins[i].object) &&
		    pz_slice_eq_str(m->function, builtins[i].def->function))
			return &builtins[i];
	}
	return NULL;
}

/* Cancel and ping need no permission: they affect only the caller. */
static void
builtin_call(struct call *c, const struct builtin *builtin, json_t *params)
{
	c->def = builtin->def;
	c->run = builtin->run;
	if (builtin->def == &pz_service_cancel_method || builtin->def == &ping_method) {
		run(c, params);
		return;
	}
	struct pz_permit_query query = {.kind = PZ_PERMIT_FIND,
					.api = PZ_API_DISCOVERY,
					.function = builtin->def->function,
					.feature = pz_service_find_feature(params)};
	authorise(c, &query, params);
}

/* All built-in functions except discovery manage this node. */
static bool
may_manage(struct call *c, const char *object, const char *function)
{
	struct pz_permit_query query = {
		.kind = PZ_PERMIT_MANAGE, .from = c->from, .api = object, .function = function};
	return strcmp(object, "ServiceDiscovery") == 0 ||
	       strcmp(object, "DiscoveryInterface") == 0 ||
	       pz_service_permit(c->d, &query) == PZ_PERMIT_ALLOW;
}

static void
run_judged(struct call *c, json_t *params)
{
	c->invoked = true;
	(void)c->d->ops->builtin(c->d->arg, &c->pub, c->def->interface, c->def->function, params);
}

/* @return false: the function is not judged like that of a service */
static bool
judged_call(struct call *c, const char *object, const char *function, json_t *params)
{
	const struct pz_dispatch_ops *ops = c->d->ops;
	const char *api = NULL;

	if (ops->judged)
		c->def = ops->judged(c->d->arg, c->from, object, function, &api);
	if (c->def == NULL)
		return false;
	c->kind = CALL_BUILTIN;
	c->run = run_judged;
	c->api = api;
	if (api == NULL) {
		run(c, params);
		return true;
	}
	struct pz_permit_query query = {
		.kind = PZ_PERMIT_INVOKE, .api = api, .function = c->def->function};
	authorise(c, &query, params);
	return true;
}

/* An object that the owner may implement. */
static void
foreign_call(struct call *c, const struct pz_method *m, json_t *params)
{
	const struct pz_dispatch_ops *ops = c->d->ops;
	PZ_AUTO_FREE char *object = pz_slice_dup(m->api);
	PZ_AUTO_FREE char *function = pz_slice_dup(m->function);
	if (!object || !function) {
		pz_service_call_fail(c, NULL);
		return;
	}
	if (judged_call(c, object, function, params))
		return;
	if (!may_manage(c, object, function)) {
		pz_service_call_fail(c, pz_service_permit_error(PZ_PERMIT_DENY));
		return;
	}
	c->kind = CALL_BUILTIN;
	c->invoked = true;
	if (ops->builtin && ops->builtin(c->d->arg, &c->pub, object, function, params))
		return;
	c->invoked = false;
	if (strcmp(object, "Dashboard") == 0 && strcmp(function, "open") == 0)
		pz_call_error(&c->pub, "NotSupportedError", NULL); /* page 7, 9.0: no screen here */
	else
		unknown(c, object, NULL, NULL, m);
}

/* ---- requests ---- */

/* An error for a payload that is no call (yet). */
static void
refuse(struct pz_dispatcher *d, const char *from, json_t *id, int code, struct batch *batch)
{
	json_t *answer = pz_rpc_failure(id, pz_rpc_error(code, NULL, NULL));
	d->errors++;
	if (answer == NULL)
		return;
	if (batch)
		(void)json_array_append_new(batch->answers, answer);
	else
		d->ops->send(d->arg, from, answer);
}

/* The call of a request that may be executed; NULL: a duplicate, or refused. A duplicate is dropped
 * without an answer: the first request answers, or has answered. Open calls are looked up
 * separately from the list of old ids, since that list drops old entries. */
static struct call *
accept(struct pz_dispatcher *d, const char *from, json_t *id, struct batch *batch)
{
	char *key = NULL;
	if (id && json_is_string(id) && json_string_length(id) > REQUEST_ID_BYTES_MAX) {
		refuse(d, from, id, PZ_RPC_INVALID_REQUEST, batch);
		return NULL;
	}
	if (id) {
		key = pz_service_call_key(from, id);
		if (key == NULL)
			return NULL;
		if (pz_map_get(d->open, pz_slice_str(key)) ||
		    !pz_replay_add(d->replay, pz_address_node(pz_slice_str(from)),
				   pz_slice_str(key))) {
			d->duplicates++;
			free(key);
			return NULL;
		}
	}
	/* Its id stays in the list of old ones: a caller that tries again uses a new id, as for any
	 * request. */
	if (d->call_count >= PZ_PENDING_CALLS_MAX) {
		free(key);
		if (id)
			refuse(d, from, id, PZ_RPC_CONGESTED, batch);
		return NULL;
	}
	return pz_service_call_new(d, from, id, key, batch);
}

/* One request or notification; the owner handles responses. JSON-RPC forbids an answer to a refused
 * notification; the policy logs it. */
static void
request(struct pz_dispatcher *d, const char *from, json_t *payload, struct batch *batch)
{
	struct pz_rpc rpc;
	struct pz_method m;
	int code;
	if (pz_rpc_parse(payload, &rpc, &code) != PZ_OK) {
		if (code != 0)
			refuse(d, from, pz_rpc_id(payload), code, batch);
		return;
	}
	if (rpc.kind != PZ_RPC_REQUEST && rpc.kind != PZ_RPC_NOTIFICATION)
		return;
	d->requests++;
	struct call *c = accept(d, from, rpc.id, batch);
	if (c == NULL)
		return;
	c->is_single = json_is_false(json_object_get(payload, "stream"));
	if (pz_method_parse(pz_slice_str(rpc.method), &m) != PZ_OK ||
	    m.kind == PZ_METHOD_CALLBACK) { /* the owner has handled its call-backs already */
		pz_service_call_fail(c, pz_rpc_error(PZ_RPC_METHOD_NOT_FOUND, NULL, NULL));
		return;
	}
	const struct builtin *builtin = m.kind == PZ_METHOD_BUILTIN ? builtin_of(&m) : NULL;
	if (m.kind == PZ_METHOD_SERVICE)
		service_call(c, &m, rpc.params);
	else if (builtin)
		builtin_call(c, builtin, rpc.params);
	else
		foreign_call(c, &m, rpc.params);
}

/* An empty batch and one that is too long are refused as a whole: a partial answer would look
 * complete. */
void
pz_dispatcher_request(struct pz_dispatcher *d, const char *from, json_t *payload)
{
	size_t count = pz_rpc_batch_len(payload);
	if (!pz_rpc_is_batch(payload)) {
		request(d, from, payload, NULL);
		return;
	}
	struct batch *batch =
		count > 0 && count <= PZ_BATCH_REQUESTS_MAX ? pz_service_batch_new(from) : NULL;
	if (batch == NULL) {
		refuse(d, from, NULL, PZ_RPC_INVALID_REQUEST, NULL);
		return;
	}
	for (size_t i = 0; i < count; i++)
		request(d, from, pz_rpc_batch_at(payload, i), batch);
	pz_service_batch_close(d, batch, NULL);
}

/* ---- ends ---- */

static bool
is_of_service(const struct call *c, const void *arg)
{
	return c->pub.service == arg;
}

static bool
is_of_peer(const struct call *c, const void *arg)
{
	return pz_address_is_within(pz_slice_str(c->from), pz_slice_str(arg));
}

static bool
is_any(const struct call *c, const void *arg)
{
	(void)c;
	(void)arg;
	return true;
}

/* Silent: nothing can be sent to them any more. Calls are collected first, then ended: ending one
 * may begin or end others. */
void
pz_dispatcher_peer_gone(struct pz_dispatcher *d, const char *node_prefix)
{
	struct pz_list doomed;
	pz_service_binders_forget_peer(d, node_prefix);
	pz_service_call_collect(d, is_of_peer, node_prefix, &doomed);
	for (struct pz_list *node; (node = pz_list_first(&doomed)) != NULL;)
		pz_service_call_abort(PZ_CONTAINER(node, struct call, node), NULL, true);
}

static void
note_callers(const struct pz_list *calls, const char *space, json_t *set)
{
	PZ_LIST_EACH (calls, node, tmp) {
		struct pz_slice from = pz_slice_str(PZ_CONTAINER(node, struct call, node)->from);

		if (pz_address_is_within(from, pz_slice_str(space)))
			pz_json_set_add(set, pz_address_node(from));
	}
}

void
pz_dispatcher_peers(const struct pz_dispatcher *d, const char *space, json_t *set)
{
	note_callers(&d->calls, space, set);
	note_callers(&d->listeners, space, set);
}

/* The service is freed after this call. All its calls end here, also those that wait for a person.
 */
static void
on_registry(void *arg, enum pz_registry_event event, struct pz_service *service)
{
	struct pz_dispatcher *d = arg;
	struct pz_list doomed;
	if (event == PZ_REGISTRY_ADDED)
		pz_service_binders_notify(d, service, "onServiceAvailable");
	if (event != PZ_REGISTRY_REMOVED)
		return;
	pz_service_call_collect(d, is_of_service, service, &doomed);
	for (struct pz_list *node; (node = pz_list_first(&doomed)) != NULL;)
		pz_service_call_abort(PZ_CONTAINER(node, struct call, node),
				      pz_rpc_api_error("AbortError", "The service has gone."),
				      false);
	pz_service_binders_notify(d, service, "onServiceUnavailable");
}

/* For pz_service_call_collect: checks the permission of a listener again. */
static bool
is_forbidden(const struct call *c, const void *arg)
{
	struct pz_dispatcher *d = c->d;
	(void)arg;
	const struct pz_service *service = c->pub.service;
	if (!c->listening || (!service && !c->api))
		return false;
	struct pz_permit_query query = {.kind = PZ_PERMIT_LISTEN,
					.from = c->from,
					.api = service ? service->descriptor.api : c->api,
					.service_id = service ? service->descriptor.id : NULL,
					.function = c->def->function,
					.def = c->def,
					.params = c->exported,
					.was_asked = c->was_asked};
	return is_denied(pz_service_permit(d, &query));
}

/* Streams end at once when a policy became stricter (page 9, 10). A service that a caller may no
 * longer see is gone for it, so binders are judged as well. */
void
pz_dispatcher_recheck(struct pz_dispatcher *d)
{
	struct pz_list doomed;
	pz_service_call_collect(d, is_forbidden, NULL, &doomed);
	for (struct pz_list *node; (node = pz_list_first(&doomed)) != NULL;)
		pz_service_call_abort(PZ_CONTAINER(node, struct call, node),
				      pz_service_permit_error(PZ_PERMIT_DENY), false);
	pz_service_binders_recheck(d);
}

void
pz_dispatcher_taken_back(struct pz_dispatcher *d,
			 bool (*is_of)(void *arg, const char *from, const char *api), void *arg)
{
	PZ_LIST_EACH (&d->listeners, node, tmp) {
		struct call *c = PZ_CONTAINER(node, struct call, node);
		/* Without the person's answer the policy judges it like a call that begins now. */
		if (c->was_asked && c->pub.service &&
		    is_of(arg, c->from, c->pub.service->descriptor.api))
			c->was_asked = false;
	}
	pz_dispatcher_recheck(d);
}

/* A permission can also end by time alone. access reports most of these moments; this is the safety
 * net. */
static void
on_recheck(struct pz_timer *timer, void *arg)
{
	struct pz_dispatcher *d = arg;
	pz_dispatcher_recheck(d);
	if (d->listener_count > 0)
		pz_env_start(d->env, timer, PZ_LISTENER_RECHECK_US);
}

/* ---- life ---- */

struct pz_dispatcher *
pz_dispatcher_new(const struct pz_env *env, struct pz_registry *registry,
		  const struct pz_dispatch_ops *ops, void *arg)
{
	struct pz_dispatcher *d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	d->env = env;
	d->registry = registry;
	d->ops = ops;
	d->arg = arg;
	pz_list_init(&d->calls);
	pz_list_init(&d->listeners);
	pz_list_init(&d->binders);
	pz_list_init(&d->finds);
	pz_timer_init(&d->recheck_timer, on_recheck, d);
	d->open = pz_map_new();
	d->replay = pz_replay_new(env);
	d->watch = (struct pz_registry_watch){.changed = on_registry, .arg = d};
	pz_registry_watch(registry, &d->watch);
	if (!d->open || !d->replay) {
		pz_dispatcher_free(d);
		return NULL;
	}
	return d;
}

/* `closing` is set first, so that no answer is sent while calls end. */
void
pz_dispatcher_free(struct pz_dispatcher *d)
{
	struct pz_list doomed;
	if (d == NULL)
		return;
	d->closing = true;
	pz_registry_unwatch(&d->watch);
	pz_service_call_collect(d, is_any, NULL, &doomed);
	for (struct pz_list *node; (node = pz_list_first(&doomed)) != NULL;)
		pz_service_call_abort(PZ_CONTAINER(node, struct call, node), NULL, true);
	pz_service_binders_free(d);
	pz_service_finds_free(d);
	pz_env_stop(d->env, &d->recheck_timer);
	pz_replay_free(d->replay);
	pz_map_free(d->open);
	free(d);
}

void
pz_dispatcher_stats(const struct pz_dispatcher *d, struct pz_dispatch_stats *out)
{
	*out = (struct pz_dispatch_stats){
		.requests = d->requests,
		.errors = d->errors,
		.duplicates = d->duplicates,
		.events = d->events,
		.calls_open = d->call_count,
		.listeners = d->listener_count,
		.binders = d->binder_count,
		.finds = d->find_count,
	};
}
