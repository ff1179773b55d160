/*
 * Calls that are open, and what services may do with them.
 *
 * A call is in d->calls until it is answered; when its service makes a listener of it
 * (pz_call_listen) it moves to d->listeners and stays until it ends. d->open finds either by caller
 * and id, so that a caller can cancel it and a repeated id is detected. Every end goes through
 * finish(), the only place that frees a call: a service must not use its pz_call after it has
 * answered.
 *
 * Answers of a batch are collected and sent as one array. Notifications have no id and no key: they
 * run like calls and answer nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "rpc/error.h"
#include "service/internal.h"
#include "wire/address.h"

char *
pz_service_call_key(const char *from, const json_t *id)
{
	PZ_AUTO_FREE char *reference = pz_service_call_reference(id);
	char *key = NULL;
	/* 1 and "1" are different ids */
	if (reference &&
	    asprintf(&key, "%s %c%s", from, json_is_string(id) ? 's' : 'n', reference) < 0)
		return NULL;
	return key;
}

/* ---- permission ---- */

enum pz_permit
pz_service_permit(struct pz_dispatcher *d, struct pz_permit_query *query)
{
	return d->ops->permit ? d->ops->permit(d->arg, query) : PZ_PERMIT_ALLOW;
}

json_t *
pz_service_permit_error(enum pz_permit permit)
{
	int code = permit == PZ_PERMIT_REFUSED ? PZ_RPC_DENIED_PERSON : PZ_RPC_DENIED_POLICY;
	return pz_rpc_error(code, NULL, pz_dom_error("SecurityError", "Access has been denied."));
}

/* ---- life ---- */

struct call *
pz_service_call_new(struct pz_dispatcher *d, const char *from, json_t *id, char *key_takes,
		    struct batch *batch)
{
	struct call *c = calloc(1, sizeof(*c));
	if (c)
		c->from = strdup(from);
	if (!c || !c->from ||
	    (key_takes && pz_map_put(d->open, pz_slice_str(key_takes), c, NULL) != PZ_OK)) {
		if (c)
			free(c->from);
		free(c);
		free(key_takes);
		return NULL;
	}
	c->d = d;
	pz_list_init(&c->asks);
	c->began_us = pz_env_mono_us(d->env);
	c->key = key_takes;
	c->id = json_incref(id);
	c->batch = batch;
	if (batch)
		batch->open++;
	pz_list_append(&d->calls, &c->node);
	d->call_count++;
	return c;
}

struct batch *
pz_service_batch_new(const char *to)
{
	struct batch *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return NULL;
	b->to = strdup(to);
	b->answers = json_array();
	b->open = 1; /* the reader's */
	if (!b->to || !b->answers) {
		free(b->to);
		json_decref(b->answers);
		free(b);
		return NULL;
	}
	return b;
}

void
pz_service_batch_close(struct pz_dispatcher *d, struct batch *batch, json_t *answer)
{
	if (answer)
		(void)json_array_append_new(batch->answers, answer);
	if (--batch->open > 0)
		return;
	if (json_array_size(batch->answers) > 0 && !d->closing)
		d->ops->send(d->arg, batch->to, batch->answers);
	else
		json_decref(batch->answers);
	free(batch->to);
	free(batch);
}

/* Records how the call ended, for the owner's log. The first reason is kept: the error that ended a
 * call says more than its clean-up. */
static void
note_end(struct call *c, const char *end)
{
	if (c->end[0] == '\0')
		(void)snprintf(c->end, sizeof(c->end), "%s", end);
}

/* Reports a call to the owner. Calls of functions that all services have (bind, removal) are the
 * dispatcher's own, and not reported. */
static void
report(const struct call *c)
{
	const struct pz_dispatcher *d = c->d;
	if (c->pub.service == NULL || !d->ops->served || c->def->is_common || d->closing)
		return;
	d->ops->served(d->arg, &(struct pz_served){.from = c->from,
						   .service = &c->pub.service->descriptor,
						   .function = c->def->function,
						   .us = pz_env_mono_us(d->env) - c->began_us,
						   .end = c->end[0] ? c->end : "ok"});
}

/* Removes the call from every table and frees it. Takes answer; NULL sends nothing. */
static void
finish(struct call *c, json_t *answer)
{
	struct pz_dispatcher *d = c->d;
	/* While the call still exists: a service may use it when a question fails. */
	pz_service_asks_end(c);
	report(c);
	if (c->is_pending && d->ops->permit_over)
		d->ops->permit_over(d->arg, c->ticket);
	if (c->key)
		(void)pz_map_remove(d->open, pz_slice_str(c->key));
	pz_list_remove(&c->node);
	if (c->listening)
		d->listener_count--;
	else
		d->call_count--;
	if (c->batch)
		pz_service_batch_close(d, c->batch, answer);
	else if (answer && !d->closing)
		d->ops->send(d->arg, c->from, answer);
	else
		json_decref(answer);
	free(c->key);
	free(c->from);
	json_decref(c->id);
	json_decref(c->params);
	json_decref(c->exported);
	free(c);
}

void
pz_service_call_drop(struct call *c)
{
	note_end(c, "caller gone");
	finish(c, NULL);
}

/* The name of an API error, else the text of the code. */
static const char *
error_name(const json_t *error)
{
	const char *name =
		json_string_value(json_object_get(json_object_get(error, "data"), "name"));
	const char *text = json_string_value(json_object_get(error, "message"));
	return name ? name : text ? text : "error";
}

void
pz_service_call_fail(struct call *c, json_t *error)
{
	c->d->errors++;
	note_end(c, error_name(error));
	if (c->id == NULL) {
		json_decref(error);
		finish(c, NULL);
		return;
	}
	if (error == NULL)
		error = pz_rpc_error(PZ_RPC_INTERNAL_ERROR, NULL, NULL);
	finish(c, pz_rpc_failure(c->id, error));
}

/* Informs the service, the search or the owner that executes the call that it ends early, so that
 * work for it stops. */
static void
tell_end(struct call *c)
{
	struct pz_dispatcher *d = c->d;
	if (!c->invoked)
		return;
	/* Before call_ended: after that the service has no state for this call. */
	pz_service_asks_end(c);
	if (c->kind == CALL_FIND)
		c->abandon(c->find);
	else if (c->kind == CALL_BUILTIN && d->ops->builtin_ended)
		d->ops->builtin_ended(d->arg, &c->pub);
	else if (c->kind == CALL_SERVICE && c->pub.service->call_ended)
		c->pub.service->call_ended(c->pub.service, &c->pub);
}

void
pz_service_call_abort(struct call *c, json_t *error, bool silent)
{
	tell_end(c);
	if (silent) {
		json_decref(error);
		pz_service_call_drop(c);
	} else if (error) {
		pz_service_call_fail(c, error);
	} else {
		pz_call_result(&c->pub, NULL);
	}
}

static void
collect(struct pz_list *from, bool (*match)(const struct call *c, const void *arg), const void *arg,
	struct pz_list *out)
{
	PZ_LIST_EACH (from, node, tmp) {
		if (match(PZ_CONTAINER(node, struct call, node), arg)) {
			pz_list_remove(node);
			pz_list_append(out, node);
		}
	}
}

void
pz_service_call_collect(struct pz_dispatcher *d,
			bool (*match)(const struct call *c, const void *arg), const void *arg,
			struct pz_list *out)
{
	pz_list_init(out);
	collect(&d->calls, match, arg, out);
	collect(&d->listeners, match, arg, out);
}

void
pz_service_notify(struct pz_dispatcher *d, const char *to, const char *reference, const char *name,
		  json_t *params)
{
	PZ_AUTO_FREE char *method = NULL;
	if (d->closing || asprintf(&method, "%s.%s", reference, name) < 0) {
		method = NULL;
		json_decref(params);
		return;
	}
	json_t *payload = pz_rpc_request(NULL, method, params ? params : json_array());
	if (payload == NULL)
		return;
	d->events++;
	d->ops->send(d->arg, to, payload);
}

size_t
pz_service_held_by(const struct pz_dispatcher *d, const char *from)
{
	size_t held = 0;
	PZ_LIST_EACH (&d->listeners, node, tmp)
		held += strcmp(PZ_CONTAINER(node, struct call, node)->from, from) == 0;
	PZ_LIST_EACH (&d->binders, b, tmp)
		held += strcmp(PZ_CONTAINER(b, struct binder, node)->from, from) == 0;
	return held;
}

/* ---- what services call ---- */

const char *
pz_call_from(const struct pz_call *call)
{
	return pz_service_call_of(call)->from;
}

const json_t *
pz_call_id(const struct pz_call *call)
{
	return pz_service_call_of(call)->id;
}

bool
pz_call_is_own_zone(const struct pz_call *call)
{
	const struct call *c = pz_service_call_of(call);
	const char *own = pz_registry_address(c->d->registry);
	struct pz_address here, there;
	if (own == NULL || pz_address_parse(pz_slice_str(own), &here) != PZ_OK ||
	    pz_address_parse(pz_slice_str(c->from), &there) != PZ_OK)
		return false;
	/* A device without a zone accepts only its own programs as callers. */
	if (here.zone.len == 0)
		return there.zone.len == 0 && pz_slice_eq(here.device, there.device);
	return pz_slice_eq(here.zone, there.zone);
}

void
pz_call_result(struct pz_call *call, json_t *result)
{
	struct call *c = pz_service_call_of(call);
	if (c->id == NULL) {
		json_decref(result);
		finish(c, NULL);
		return;
	}
	finish(c, pz_rpc_result(c->id, result));
}

void
pz_call_error(struct pz_call *call, const char *dom_name, const char *message)
{
	json_t *error = pz_rpc_api_error(dom_name, message);
	if (error == NULL) /* the message is not UTF-8 */
		error = pz_rpc_api_error(dom_name, NULL);
	pz_service_call_fail(pz_service_call_of(call), error);
}

void
pz_call_fault(struct pz_call *call, int code, const char *message)
{
	json_t *error = pz_rpc_error(code, message, NULL);
	if (error == NULL)
		error = pz_rpc_error(code, NULL, NULL);
	pz_service_call_fail(pz_service_call_of(call), error);
}

/* At once, instead of sending call-backs that the caller drops until its time-out (page 7, 6.1). */
static void
refuse_stream(struct call *c)
{
	char text[PZ_METHOD_BYTES_MAX + 64];
	(void)snprintf(text, sizeof(text), "%s is a stream: use --stream",
		       c->def ? c->def->function : "this");
	pz_call_error(&c->pub, "InvalidAccessError", text);
}

enum pz_err
pz_call_listen(struct pz_call *call)
{
	struct call *c = pz_service_call_of(call);
	struct pz_dispatcher *d = c->d;
	if (c->listening)
		return PZ_OK;
	if (c->id == NULL) {
		finish(c, NULL);
		return PZ_ERR_PROTO_MEMBER;
	}
	if (c->is_single) {
		refuse_stream(c);
		return PZ_ERR_PROTO_MEMBER;
	}
	if (d->listener_count + d->binder_count >= PZ_LISTENERS_MAX ||
	    pz_service_held_by(d, c->from) >= PZ_LISTENERS_PER_PEER_MAX) {
		pz_call_error(call, "QuotaExceededError", "Too many listeners.");
		return PZ_ERR_LIMIT;
	}
	/* A listener is answered when it ends. */
	if (c->batch) { /* its answer may take hours: the batch does not wait */
		pz_service_batch_close(d, PZ_TAKE(c->batch), NULL);
	}
	pz_list_remove(&c->node);
	pz_list_append(&d->listeners, &c->node);
	d->call_count--;
	d->listener_count++;
	c->listening = true;
	if (d->ops->permit && !d->recheck_timer.active)
		pz_env_start(d->env, &d->recheck_timer, PZ_LISTENER_RECHECK_US);
	return PZ_OK;
}

void
pz_call_event(struct pz_call *call, const char *name, json_t *params)
{
	struct call *c = pz_service_call_of(call);
	PZ_AUTO_FREE char *reference = c->id ? pz_service_call_reference(c->id) : NULL;
	if (reference)
		pz_service_notify(c->d, c->from, reference, name, params);
	else
		json_decref(params);
}

void
pz_call_end(struct pz_call *call)
{
	pz_call_result(call, NULL);
}

struct call *
pz_service_call_of_same_caller(const struct call *c, const json_t *id)
{
	if (!json_is_string(id) && !json_is_number(id))
		return NULL;
	PZ_AUTO_FREE char *key = pz_service_call_key(c->from, id);
	struct call *other = key ? pz_map_get(c->d->open, pz_slice_str(key)) : NULL;
	/* The call that carries the removal is no listener: ending it here would free it twice. */
	if (!other || other == c || other->kind != CALL_SERVICE ||
	    other->pub.service != c->pub.service)
		return NULL;
	return other;
}

void
pz_call_remove_listener(struct pz_call *call, const json_t *listener_id)
{
	struct call *c = pz_service_call_of(call),
		    *other = pz_service_call_of_same_caller(c, listener_id);
	if (other == NULL) {
		pz_call_error(call, "NotFoundError", "No such call or listener.");
		return;
	}
	note_end(other, "given up");
	pz_service_call_abort(
		other,
		other->listening ? NULL : pz_rpc_api_error("AbortError", "The caller gave it up."),
		false);
	pz_call_result(call, NULL);
}
