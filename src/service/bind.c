/* The functions of every service: bind, unbind, removal of a listener or of a call. @spec page 7, 8
 * and 6.1 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/slice.h"
#include "rpc/error.h"
#include "service/internal.h"
#include "wire/address.h"

static void
binder_free(struct pz_dispatcher *d, struct binder *b)
{
	pz_list_remove(&b->node);
	d->binder_count--;
	free(b->from);
	free(b->api);
	free(b->reference);
	free(b);
}

/* A caller has at most one bind to a service. */
static struct binder *
binder_find(const struct pz_dispatcher *d, const char *from, const struct pz_descriptor *service)
{
	PZ_LIST_EACH (&d->binders, node, tmp) {
		struct binder *b = PZ_CONTAINER(node, struct binder, node);
		if (strcmp(b->from, from) == 0 && strcmp(b->id, service->id) == 0 &&
		    strcmp(b->api, service->api) == 0)
			return b;
	}
	return NULL;
}

static struct binder *
binder_new(struct call *c, const struct pz_descriptor *service)
{
	struct binder *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return NULL;
	pz_list_append(&c->d->binders, &b->node);
	c->d->binder_count++;
	(void)snprintf(b->id, sizeof(b->id), "%s", service->id);
	b->from = strdup(c->from);
	b->api = strdup(service->api);
	b->reference = pz_service_call_reference(c->id);
	if (!b->from || !b->api || !b->reference) {
		binder_free(c->d, b);
		return NULL;
	}
	return b;
}

/* Listeners and binders share their limits: both use memory for as long as their caller wants. */
static bool
is_full(struct call *c)
{
	return c->d->listener_count + c->d->binder_count >= PZ_LISTENERS_MAX ||
	       pz_service_held_by(c->d, c->from) >= PZ_LISTENERS_PER_PEER_MAX;
}

static void
on_bind(struct pz_service *service, struct pz_call *call, json_t *params)
{
	struct call *c = pz_service_call_of(call);
	struct binder *old = binder_find(c->d, c->from, &service->descriptor);
	(void)params;
	if (c->id == NULL) { /* a notification: no address for call-backs */
		pz_service_call_drop(c);
		return;
	}
	if (old) /* a caller's newest bind counts */
		binder_free(c->d, old);
	if (is_full(c) || binder_new(c, &service->descriptor) == NULL) {
		pz_call_error(call, "QuotaExceededError", "Too many listeners.");
		return;
	}
	pz_call_event(call, "onBind", pz_descriptor_json(&service->descriptor));
	pz_call_result(call, NULL);
}

struct of_binding {
	const struct pz_service *service;
	const char *from;
};

static bool
is_listener_of(const struct call *c, const void *arg)
{
	const struct of_binding *of = arg;
	return c->listening && c->pub.service == of->service && strcmp(c->from, of->from) == 0;
}

/* The caller's listeners at this service end with its bind; other callers' stay. */
static void
on_unbind(struct pz_service *service, struct pz_call *call, json_t *params)
{
	struct call *c = pz_service_call_of(call);
	struct pz_list doomed;
	struct binder *b = binder_find(c->d, c->from, &service->descriptor);
	(void)params;
	/* Listeners may exist without a bind. Both are ended, so unbind never fails. */
	if (b)
		binder_free(c->d, b);
	pz_service_call_collect(c->d, is_listener_of, &(struct of_binding){service, c->from},
				&doomed);
	for (struct pz_list *node; (node = pz_list_first(&doomed)) != NULL;)
		pz_service_call_abort(PZ_CONTAINER(node, struct call, node), NULL, false);
	pz_call_event(call, "onUnbind", pz_descriptor_json(&service->descriptor));
	pz_call_result(call, NULL);
}

static void
on_remove_listener(struct pz_service *service, struct pz_call *call, json_t *params)
{
	(void)service;
	pz_call_remove_listener(call, json_array_get(params, 0));
}

static const char *const listener_names[] = {"listenerId", NULL};

/* Every service has these functions, so such a call is no use of the service, and is not reported.
 */
#define COMMON .form = PZ_PARAMS_BARE, .is_common = true
const struct pz_method_def pz_service_common_methods[] = {
	{.interface = "Service", .function = "bind", COMMON, .invoke = on_bind},
	{.interface = "Service", .function = "unbind", COMMON, .invoke = on_unbind},
	{.function = "bindService", COMMON, .invoke = on_bind},
	{.function = "unbindService", COMMON, .invoke = on_unbind},
	{.function = "removeEventListener",
	 COMMON,
	 .names = listener_names,
	 .invoke = on_remove_listener},
};
#undef COMMON
const size_t pz_service_common_method_count =
	sizeof(pz_service_common_methods) / sizeof(pz_service_common_methods[0]);

bool
pz_service_is_bind(const struct pz_method_def *def)
{
	return def->invoke == on_bind;
}

/* A caller may always end what it has begun, even if a policy has changed since. With the id of
 * another caller's listener it needs a permission, and then finds nothing. */
bool
pz_service_is_removal_of_own(const struct call *c, const struct pz_method_def *def, json_t *params)
{
	if (def->invoke != on_remove_listener)
		return false;
	json_t *bound = pz_service_params_bind(def, params);
	bool is_own = bound && pz_service_call_of_same_caller(c, json_array_get(bound, 0)) != NULL;
	json_decref(bound);
	return is_own;
}

void
pz_service_binders_forget_peer(struct pz_dispatcher *d, const char *node_prefix)
{
	PZ_LIST_EACH (&d->binders, node, tmp) {
		struct binder *b = PZ_CONTAINER(node, struct binder, node);
		if (pz_address_is_within(pz_slice_str(b->from), pz_slice_str(node_prefix)))
			binder_free(d, b);
	}
}

/* A binder outlives the service: it is stored by api and id, not by pointer. */
void
pz_service_binders_notify(struct pz_dispatcher *d, const struct pz_service *service,
			  const char *name)
{
	const struct pz_descriptor *descriptor = &service->descriptor;
	PZ_LIST_EACH (&d->binders, node, tmp) {
		struct binder *b = PZ_CONTAINER(node, struct binder, node);
		if (strcmp(b->id, descriptor->id) == 0 && strcmp(b->api, descriptor->api) == 0)
			pz_service_notify(d, b->from, b->reference, name,
					  pz_descriptor_json(descriptor));
	}
}

void
pz_service_binders_recheck(struct pz_dispatcher *d)
{
	PZ_LIST_EACH (&d->binders, node, tmp) {
		struct binder *b = PZ_CONTAINER(node, struct binder, node);
		struct pz_permit_query query = {.kind = PZ_PERMIT_SHOW,
						.from = b->from,
						.api = b->api,
						.service_id = b->id};
		enum pz_permit permit = pz_service_permit(d, &query);

		if (permit == PZ_PERMIT_DENY || permit == PZ_PERMIT_REFUSED)
			binder_free(d, b);
	}
}

void
pz_service_binders_free(struct pz_dispatcher *d)
{
	PZ_LIST_EACH (&d->binders, node, tmp)
		binder_free(d, PZ_CONTAINER(node, struct binder, node));
}
