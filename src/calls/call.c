/*
 * Calls of local programs: find the service, call it, report the answer.
 *
 *     begin ──known here──> call_service ──> send_call ──> on_response
 *       └──else──> search ──> on_found ──┘        └── link lost ──> resend, or the end
 *
 * A call is a request of the control socket, and lives as long as that: when the program ends its
 * call is cancelled, at the other end too. An error says what to do, because a person reads it;
 * errors of the router are replaced by such a text (explained).
 *
 * A request that was sent on a lost link is sent again with the same id. The other end remembers
 * ids and drops a duplicate, so nothing runs twice; a device that has restarted since has lost
 * them, so the request is repeated only while its session is the recorded one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "calls/internal.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "rpc/payload.h"
#include "wire/json.h"

struct call {
	struct pz_request *request;
	struct pz_calls *calls;
	struct pz_search *search;
	struct pz_target target; /* the requested service */
	char *function;          /* NULL: the service is to be described */
	json_t *params;
	bool is_stream;
	bool is_sent;
	bool has_looked;      /* for a friend's device, beside the hubs */
	uint64_t timeout_us;  /* 0: none */
	bool may_wait_longer; /* during a prompt: the program gave no time-out */
	char *api_at_id;      /* the service found */
	json_t *description;  /* its descriptor, as its device has sent it */
	char peer[PZ_ADDRESS_BYTES_MAX + 1];
	char id[37];
	const struct pz_session *via; /* the link that sent it; only compared */
	char session[40];             /* of the other end's start, "" when unknown */
};

/* The name of a device of the own zone; "": none is known, or it is in a friend zone. */
static void
device_of(const struct call *call, char *out, size_t size)
{
	struct pz_address address;

	out[0] = '\0';
	if (pz_address_parse(pz_slice_str(call->peer), &address) == PZ_OK && address.device.len &&
	    call->target.zone[0] == '\0')
		snprintf(out, size, "%.*s", PZ_SLICE_FMT(address.device));
}

/* ---- answers ---- */

/* With `at`, the called address, so that people see where it failed. */
static void
finish_error(struct call *call, json_t *takes_error)
{
	json_t *outcome = json_pack("{s:o?}", "error", takes_error);

	if (outcome && call->peer[0])
		(void)json_object_set_new(outcome, "at", json_string(call->peer));
	pz_metric_add(call->calls->metrics, PZ_METRIC_calls_failed, 1);
	pz_request_answer(call->request, outcome);
}

/* An error of the router has no reason that helps a person. New, or NULL. */
static json_t *
unreachable(const struct call *call, const char *device, const char *address)
{
	json_t *error = pz_rpc_unreachable(address);
	char text[256];

	if (call->target.zone[0])
		pz_calls_friend_why_unreachable(call->calls, address, text, sizeof(text));
	else
		pz_devices_why_unreachable(call->calls, device, text, sizeof(text));
	(void)json_object_set_new(json_object_get(error, "data"), "message", json_string(text));
	return error;
}

static json_t *
explained(const struct call *call, json_t *error)
{
	char device[PZ_DEVICE_BYTES_MAX + 1];

	if (error == NULL)
		return pz_rpc_error(PZ_RPC_INTERNAL_ERROR, NULL, NULL);
	device_of(call, device, sizeof(device));
	if (json_integer_value(json_object_get(error, "code")) == PZ_RPC_UNREACHABLE &&
	    (device[0] ||
	     (call->target.zone[0] && pz_calls_is_of_friend(call->calls, call->peer, NULL))))
		return unreachable(call, device, call->peer);
	return json_incref(error);
}

static void
finish_description(struct call *call)
{
	if (call->description)
		pz_request_answer(call->request, json_pack("{s:O}", "service", call->description));
	else
		finish_error(call,
			     pz_rpc_error(PZ_RPC_METHOD_NOT_FOUND, NULL,
					  pz_dom_error("NotFoundError", "the service has gone")));
}

/* Earlier call-backs brought a description; the result only ends the list. */
static void
on_response(void *arg, json_t *result, json_t *error)
{
	struct call *call = arg;

	call->is_sent = false;
	if (result && call->function == NULL)
		finish_description(call);
	else if (result)
		pz_request_answer(call->request, json_pack("{s:O}", "result", result));
	else
		finish_error(call, explained(call, error));
}

/* A device's description is checked like a stranger's, since it is shown to a person. The first
 * that fits is used. */
static void
take_description(struct call *call, json_t *descriptor)
{
	const char *id = pz_json_str(descriptor, "id");
	struct pz_descriptor checked;

	if (id == NULL || call->description || strstr(call->api_at_id, id) == NULL ||
	    pz_descriptor_parse(descriptor, call->peer, &checked, NULL) != PZ_OK)
		return;
	call->description = pz_descriptor_full_json(&checked);
	pz_descriptor_fini(&checked);
}

/* Once only: a device that repeats this does not extend the wait any more. */
static void
wait_for_person(struct call *call)
{
	if (call->may_wait_longer && call->timeout_us < PZ_CALL_ASKED_US) {
		call->timeout_us = PZ_CALL_ASKED_US;
		pz_pending_extend(call->calls->pending, call->peer, call->id, PZ_CALL_ASKED_US);
	}
	call->may_wait_longer = false;
	pz_request_event(call->request, json_pack("{s:b}", "asking", 1));
}

/* Values of a stream are dropped unless the program requested a stream. */
static void
on_callback(void *arg, const char *name, json_t *params)
{
	struct call *call = arg;

	if (strcmp(name, PZ_RPC_CALLBACK_ASKING) == 0) {
		wait_for_person(call);
		return;
	}
	if (call->function == NULL)
		take_description(call, params);
	if (call->function == NULL || !call->is_stream)
		return;
	pz_request_event(call->request,
			 json_pack("{s:s, s:O?}", "callback", name, "params", params));
}

/* ---- sending ---- */

/* A new request of the call; NULL: out of memory. A device describes its own services, as any
 * program may ask it to (page 7, 7). */
static json_t *
request_of(const struct call *call)
{
	PZ_AUTO_FREE char *method = NULL;
	json_t *payload, *params;

	if (call->function == NULL)
		params = json_pack("[{s:s%}, {s:b}, {s:s}]", "api", call->api_at_id,
				   strcspn(call->api_at_id, "@"), "methods", 1, "serviceID",
				   strchr(call->api_at_id, '@') + 1);
	else
		params = json_incref(call->params);
	if (call->function && asprintf(&method, "%s.%s", call->api_at_id, call->function) < 0) {
		method = NULL;
		json_decref(params);
		return NULL;
	}
	payload =
		pz_rpc_request(call->id, method ? method : "ServiceDiscovery.findServices", params);
	/* A caller that expects one answer says so: a service that would stream refuses at once. */
	if (payload)
		(void)json_object_set_new(payload, "stream",
					  json_boolean(call->is_stream || !call->function));
	return payload;
}

/* @param takes_payload NULL: out of memory */
static enum pz_err
send_payload(struct pz_calls *calls, const char *peer, json_t *takes_payload)
{
	if (takes_payload == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = pz_calls_send(calls, peer, takes_payload);
	json_decref(takes_payload);
	return err;
}

/* The other end must stop its work: neither a stream nor a command outlives its caller (wire notes,
 * "Services"). Without a route, the other end finds out by itself. */
static void
give_up(struct call *call)
{
	PZ_AUTO_FREE char *method = NULL;

	call->is_sent = false;
	if (call->function && asprintf(&method, "%s.removeEventListener", call->api_at_id) < 0) {
		method = NULL;
		return;
	}
	(void)!send_payload(call->calls, call->peer,
			    pz_rpc_request(NULL, method ? method : "ServiceDiscovery.cancel",
					   json_pack("[s]", call->id)));
}

/* When its program has ended a late answer is dropped. */
static void
release(struct pz_request *request)
{
	struct call *call = request->state;

	if (call->is_sent) {
		pz_pending_cancel(call->calls->pending, call->peer, call->id);
		give_up(call);
	}
	pz_search_cancel(call->search);
	pz_target_fini(&call->target);
	free(call->function);
	free(call->api_at_id);
	json_decref(call->description);
	json_decref(call->params);
}

static const struct pz_request_kind call_kind = {.size = sizeof(struct call), .release = release};

/* The other end is asked to stop before the program is answered, since the answer frees the call.
 */
static void
on_timed_out(void *arg)
{
	struct call *call = arg;
	char text[256];

	give_up(call);
	snprintf(text, sizeof(text), "no %s within %.6g s; --timeout sets another time%s",
		 call->is_stream ? "end of the stream" : "answer",
		 (double)call->timeout_us / (double)PZ_US_PER_S,
		 call->is_stream ? "" : ", --stream takes a stream");
	finish_error(call,
		     pz_rpc_error(PZ_RPC_TIMED_OUT, NULL, pz_dom_error("TimeoutError", text)));
}

static const struct pz_pending_ops pending_ops = {
	.response = on_response, .timed_out = on_timed_out, .callback = on_callback};

/* With the sizes, if a link has reported its limit. */
static json_t *
too_large(const struct call *call)
{
	json_t *payload = request_of(call);
	json_t *error = payload ? pz_calls_too_large(call->calls, call->peer, payload) : NULL;

	json_decref(payload);
	return error;
}

/* Errors of sending, by their category, in the words of a call. */
static json_t *
error_for(const struct call *call, enum pz_err err)
{
	char device[PZ_DEVICE_BYTES_MAX + 1];

	switch (pz_err_category(err)) {
	case PZ_CAT_NOTFOUND:
	case PZ_CAT_IO:
		device_of(call, device, sizeof(device));
		return unreachable(call, device, call->peer);
	case PZ_CAT_LIMIT:
		return pz_rpc_error(PZ_RPC_CONGESTED, NULL,
				    pz_dom_error("QuotaExceededError",
						 "too many calls are open, or too much waits to be "
						 "sent; try again later"));
	case PZ_CAT_PROTO:
		return too_large(call);
	case PZ_CAT_OK:
	case PZ_CAT_DENIED:
	case PZ_CAT_CONFIG:
	case PZ_CAT_CRYPTO:
	case PZ_CAT_INTERNAL:
		break;
	}
	return pz_rpc_error(PZ_RPC_INVALID_REQUEST, pz_err_text(err), NULL);
}

/* Records the link and the start of the device: if the link is lost the request is sent again, but
 * never to a later start, which does not know it. */
static void
note_way(struct call *call)
{
	struct pz_calls *calls = call->calls;
	char device[PZ_DEVICE_BYTES_MAX + 1];

	device_of(call, device, sizeof(device));
	call->via = pz_router_route(calls->router, pz_slice_str(call->peer));
	if (call->session[0] == '\0' && device[0])
		snprintf(call->session, sizeof(call->session), "%s",
			 pz_peers_session_of(calls->peers, device));
	if (call->via)
		pz_calls_watch_session(call->via);
}

static void
send_call(struct call *call)
{
	struct pz_calls *calls = call->calls;

	pz_env_uuid(calls->env, call->id);
	enum pz_err err = pz_pending_add(calls->pending, call->peer, call->id, call->timeout_us,
					 &pending_ops, call);
	if (err != PZ_OK) {
		finish_error(call, error_for(call, err));
		return;
	}
	call->is_sent = true;
	pz_metric_add(calls->metrics, PZ_METRIC_calls_sent, 1);
	note_way(call);
	/* Our own services answer before this returns. */
	err = send_payload(calls, call->peer, request_of(call));
	if (err ==
	    PZ_ERR_IO_CLOSED) /* the loss of that link is reported soon: see pz_call_resend */
		return;
	if (err != PZ_OK) {
		pz_pending_cancel(calls->pending, call->peer, call->id);
		finish_error(call, error_for(call, err));
	}
}

/* ---- choosing the service ---- */

/* E1: this device may forbid the call before it is sent (page 9, 10). The decision at the service
 * comes later, at its device. */
static void
call_service(struct call *call, const json_t *descriptor)
{
	snprintf(call->peer, sizeof(call->peer), "%s", pz_json_str(descriptor, "serviceAddress"));
	if (!pz_permit_send(call->calls, call->peer, pz_json_str(descriptor, "api"),
			    pz_json_str(descriptor, "id"), call->function)) {
		finish_error(call, pz_permit_error());
		return;
	}
	if (asprintf(&call->api_at_id, "%s@%s", pz_json_str(descriptor, "api"),
		     pz_json_str(descriptor, "id")) < 0) {
		call->api_at_id = NULL;
		finish_error(call, pz_rpc_error(PZ_RPC_INTERNAL_ERROR, NULL, NULL));
		return;
	}
	send_call(call);
}

/* A virgin device has no others, so the name can only be wrong; in a zone the device may still
 * connect. */
static void
no_device(struct call *call, const struct pz_errinfo *info)
{
	bool is_virgin = call->calls->zone->membership == NULL;
	json_t *error = pz_rpc_error(
		is_virgin ? PZ_RPC_METHOD_NOT_FOUND : PZ_RPC_UNREACHABLE, NULL,
		pz_dom_error(is_virgin ? "NotFoundError" : "NetworkError", info->text));

	(void)json_object_set_new(json_object_get(error, "data"), "address",
				  json_string(call->target.device_text));
	finish_error(call, error);
}

/* A friend's hub that is not connected, or does not show that device; a linked device itself shows
 * what it shares. */
static void
no_service_of_friend(struct call *call, json_t *descriptors)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1], text[512];

	snprintf(address, sizeof(address), "%s/%s", call->target.zone, call->target.device);
	if (!pz_calls_is_friend_connected(call->calls, call->target.zone) &&
	    !pz_peers_is_linked(call->calls->peers, address)) {
		finish_error(call, unreachable(call, "", address));
		return;
	}
	pz_target_explain(&call->target, descriptors, text, sizeof(text));
	finish_error(call, pz_rpc_error(PZ_RPC_METHOD_NOT_FOUND, NULL,
					pz_dom_error("NotFoundError", text)));
}

static void on_found(void *arg, json_t *descriptors);

/* A device without a known list is not connected; one with other services lacks this one. */
static void
no_service(struct call *call, json_t *descriptors)
{
	const struct pz_calls *calls = call->calls;
	const char *device = call->target.device;
	char address[PZ_ADDRESS_BYTES_MAX + 1], text[512];

	if (call->target.zone[0]) {
		no_service_of_friend(call, descriptors);
		return;
	}
	if (device[0] && calls->zone->membership && strcmp(device, calls->config.device) != 0 &&
	    pz_discovery_services_of(calls, device) == NULL) {
		snprintf(address, sizeof(address), "%s/%s", calls->zone->membership->zone, device);
		finish_error(call, unreachable(call, device, address));
		return;
	}
	json_t *own = strcmp(device, calls->config.device) == 0
			      ? pz_registry_list(calls->config.registry, NULL)
			      : NULL;
	pz_target_explain(&call->target, own ? own : descriptors, text, sizeof(text));
	json_decref(own);
	finish_error(call, pz_rpc_error(PZ_RPC_METHOD_NOT_FOUND, NULL,
					pz_dom_error("NotFoundError", text)));
}

/* The hubs know what the friend's zone shows; its device may grant more by itself, on a direct link
 * (page 9, 7.1). @return false: that was looked for already */
static bool
look_for_friend(struct call *call)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(address, sizeof(address), "%s/%s", call->target.zone, call->target.device);
	if (call->target.zone[0] == '\0' || call->has_looked ||
	    pz_peers_services(call->calls->peers, address))
		return false;
	call->has_looked = true;
	call->search =
		pz_search_start_in(call->calls, call->target.zone, address, NULL, on_found, call);
	return call->search != NULL;
}

/* The search itself may have found the name, so it is resolved once more. */
static void
on_found(void *arg, json_t *descriptors)
{
	struct call *call = arg;
	struct pz_errinfo info = {""};

	call->search = NULL;
	if (call->target.device[0] == '\0' &&
	    pz_target_resolve(&call->target, call->calls, &info) != PZ_OK) {
		no_device(call, &info);
		return;
	}
	json_t *chosen = pz_target_choose(&call->target, descriptors);
	if (chosen)
		call_service(call, chosen);
	else if (!look_for_friend(call))
		no_service(call, descriptors);
}

/* ---- when the link is lost that it went out by ---- */

static void
resend(struct call *call)
{
	json_t *payload = request_of(call);

	if (payload == NULL)
		return; /* its time-out ends it */
	note_way(call);
	pz_info("resent", "call=%s to=%s", call->id, call->peer);
	(void)json_object_set_new(payload, "resent", json_string(call->session));
	(void)!send_payload(call->calls, call->peer, payload);
}

/* Without a recorded session the other end may be a later start, so the call is not repeated: it
 * may have run. */
static void
lost(struct call *call)
{
	call->via = NULL;
	if (call->session[0]) {
		resend(call);
		return;
	}
	pz_pending_cancel(call->calls->pending, call->peer, call->id);
	give_up(call);
	finish_error(call, pz_rpc_unreachable(call->peer));
}

void
pz_call_resend(struct pz_calls *calls, const struct pz_session *session)
{
	PZ_REQUEST_EACH (calls->config.requests, &call_kind, request) {
		struct call *call = request->state;
		if (call->is_sent && call->via == session)
			lost(call);
	}
}

/* ---- starting ---- */

static bool
is_name(const char *text, size_t max_bytes)
{
	return text && text[0] != '\0' && strlen(text) <= max_bytes;
}

/* Strings were checked by the table for type, not for length. */
static enum pz_err
read_params(struct call *call, json_t *params, bool is_description, struct pz_errinfo *info)
{
	const char *service = pz_json_str(params, "service");
	const char *function = is_description ? NULL : pz_json_str(params, "function");
	int64_t timeout_ms = pz_request_int(call->request, "timeout_ms", -1);

	if (!is_name(service, PZ_API_BYTES_MAX + 1 + PZ_ADDRESS_BYTES_MAX) ||
	    (!is_description && !is_name(function, PZ_METHOD_BYTES_MAX)))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "call needs a service and a function, by names that are not too "
			       "long");
	PZ_TRY(pz_target_init(&call->target, service, info));
	call->function = function ? strdup(function) : NULL;
	json_t *given = json_object_get(params, "params");
	call->params = given ? json_incref(given) : json_array();
	call->is_stream = json_is_true(json_object_get(params, "stream"));
	call->timeout_us = timeout_ms >= 0 ? (uint64_t)timeout_ms * PZ_US_PER_MS
					   : call->calls->config.timeout_us;
	call->may_wait_longer = timeout_ms < 0;
	if ((function && call->function == NULL) || call->params == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return PZ_OK;
}

/* Page 5: a request of a program is a reason to try the hub again before the back-off ends; at most
 * once a second, otherwise programs would defeat the back-off. */
static void
wake(const struct call *call)
{
	struct pz_calls *calls = call->calls;
	uint64_t now = pz_env_mono_us(calls->env);

	if (call->target.device_text &&
	    (call->target.zone[0] || strcmp(call->target.device, calls->config.device) != 0) &&
	    now - pz_uplink_machine(calls->uplink)->since_us >= PZ_BACKOFF_FIRST_US)
		pz_machine_nudge(pz_uplink_machine(calls->uplink),
				 "a program calls another device");
}

static void
search(struct call *call)
{
	const char *device = call->target.device[0] ? call->target.device : NULL;
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	/* With `private` a device is reached only by a link with it, which brings its list of
	 * services. */
	bool is_hidden = !pz_calls_is_friend_connected(call->calls, call->target.zone) ||
			 pz_peers_is_private(call->calls->peers);
	snprintf(address, sizeof(address), "%s/%s", call->target.zone, call->target.device);
	call->has_looked = is_hidden;
	call->search =
		call->target.zone[0]
			? pz_search_start_in(call->calls, call->target.zone,
					     is_hidden ? address : NULL, NULL, on_found, call)
			: pz_search_start(call->calls, NULL, device, on_found, call);
	if (call->search == NULL)
		finish_error(call, pz_rpc_error(PZ_RPC_INTERNAL_ERROR, NULL, NULL));
}

/* An earlier call that still searches this device goes first: programs expect their calls to stay
 * in order, and this one would overtake it. */
static bool
is_behind_another(const struct call *call)
{
	const struct pz_calls *calls = call->calls;

	PZ_REQUEST_EACH (calls->config.requests, &call_kind, request) {
		const struct call *other = request->state;
		if (other->search && call->target.device[0] &&
		    strcmp(other->target.zone, call->target.zone) == 0 &&
		    strcmp(other->target.device, call->target.device) == 0)
			return true;
	}
	return false;
}

/* Services of this device and of linked devices are called without a search (page 6). */
static void
begin(struct call *call)
{
	struct pz_calls *calls = call->calls;
	struct pz_errinfo info = {""};
	enum pz_err err = pz_target_resolve(&call->target, calls, &info);

	if (err != PZ_OK && (err != PZ_ERR_NOTFOUND || !pz_uplink_is_up(calls->uplink))) {
		no_device(call, &info);
		return;
	}
	wake(call);
	if (is_behind_another(call)) {
		search(call);
		return;
	}
	json_t *near = err == PZ_OK ? pz_target_choose_near(&call->target, calls) : NULL;
	if (near)
		call_service(call, near);
	else if (err == PZ_OK && pz_target_is_near(&call->target, calls))
		no_service(call, pz_discovery_services_of(calls, call->target.device));
	else
		search(call); /* also for a name that the hub may know by now */
	json_decref(near);
}

/* The object of this device for managing policies: it is no service (page 9, 14). */
#define MANAGEMENT "PolicyManagement"

/* On the same route as for others, even to this device itself: its dispatcher judges it (E7). */
static void
call_management(struct call *call)
{
	snprintf(call->peer, sizeof(call->peer), "%s", call->calls->config.self);
	call->api_at_id = strdup(MANAGEMENT);
	if (call->api_at_id)
		send_call(call);
	else
		finish_error(call, pz_rpc_error(PZ_RPC_INTERNAL_ERROR, NULL, NULL));
}

static void
start(struct pz_calls *calls, struct pz_request *request, bool is_description)
{
	struct call *call = pz_request_begin(request, &call_kind);
	struct pz_errinfo info = {""};

	if (call == NULL)
		return;
	call->request = request;
	call->calls = calls;
	enum pz_err err = read_params(call, request->params, is_description, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
	else if (!is_description &&
		 strcmp(pz_json_str(request->params, "service"), MANAGEMENT) == 0)
		call_management(call);
	else
		begin(call);
}

void
pz_calls_call(struct pz_calls *calls, struct pz_request *request)
{
	start(calls, request, false);
}

void
pz_calls_describe(struct pz_calls *calls, struct pz_request *request)
{
	start(calls, request, true);
}
