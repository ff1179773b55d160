/* Calls that local programs make: find the service that was meant, ask it, report the answer. */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzp/peers.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "wire/json.h"

struct call {
	struct pz_node_request request;
	struct discovery *search;
	char *service; /* what was asked for, without @DEVICE */
	char *device;  /* or NULL */
	char *function;
	json_t *params;
	bool is_stream;
	bool is_sent;
	uint64_t timeout_us; /* 0: none */
	char *api_at_id;     /* the service found */
	char peer[PZ_ADDRESS_BYTES_MAX + 1];
	char id[37];
	const struct pz_session *via; /* by which it went out; to compare only */
	char session[40];             /* of the other end's start, "" when unknown */
};

static void
release(struct pz_node_request *request)
{
	struct call *call = (struct call *)(void *)request;

	discovery_cancel(call->search);
	free(call->service);
	free(call->device);
	free(call->function);
	free(call->api_at_id);
	json_decref(call->params);
}

/* ---- answers ---- */

static void
finish_error(struct call *call, json_t *takes_error)
{
	pz_metric_add(&call->request.node->metrics, PZ_METRIC_calls_failed, 1);
	request_finish(&call->request, PZ_OK, "", json_pack("{s:o?}", "error", takes_error));
}

static void
on_response(void *arg, json_t *result, json_t *error)
{
	struct call *call = arg;

	call->is_sent = false;
	if (result)
		request_finish(&call->request, PZ_OK, "", json_pack("{s:O}", "result", result));
	else
		finish_error(call, error ? json_incref(error)
					 : pz_rpc_error(PZ_RPC_INTERNAL_ERROR, NULL, NULL));
}

static void
on_callback(void *arg, const char *name, json_t *params)
{
	struct call *call = arg;
	json_t *event;

	if (!call->is_stream)
		return;
	event = json_pack("{s:s, s:O?}", "callback", name, "params", params);
	if (event)
		call->request.reply->event(call->request.arg, event);
	json_decref(event);
}

/* ---- sending ---- */

/* A new request of the call; NULL: out of memory. */
static json_t *
request_of(const struct call *call)
{
	PZ_AUTO_FREE char *method = NULL;
	json_t *payload;

	if (asprintf(&method, "%s.%s", call->api_at_id, call->function) < 0) {
		method = NULL;
		return NULL;
	}
	payload = pz_rpc_request(call->id, method, json_incref(call->params));
	if (payload)
		(void)json_object_set_new(payload, "stream", json_boolean(call->is_stream));
	return payload;
}

/* @param takes_payload NULL: out of memory */
static enum pz_err
send_payload(struct pz_node *node, const char *peer, json_t *takes_payload)
{
	if (takes_payload == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = node_send_rpc(node, peer, takes_payload);
	json_decref(takes_payload);
	return err;
}

/* The other end works on it no longer: neither a stream nor a command outlives its caller (wire
 * notes, "Services"). Where no way is left, the other end finds out by itself. */
static void
give_up(struct call *call)
{
	PZ_AUTO_FREE char *method = NULL;

	call->is_sent = false;
	if (asprintf(&method, "%s.removeEventListener", call->api_at_id) < 0) {
		method = NULL;
		return;
	}
	(void)!send_payload(call->request.node, call->peer,
			    pz_rpc_request(NULL, method, json_pack("[s]", call->id)));
}

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

static json_t *
error_for(enum pz_err err, const char *peer)
{
	switch (pz_err_category(err)) {
	case PZ_CAT_NOTFOUND:
	case PZ_CAT_IO:
		return pz_rpc_unreachable(peer);
	case PZ_CAT_LIMIT:
		return pz_rpc_error(PZ_RPC_CONGESTED, NULL, NULL);
	case PZ_CAT_OK:
	case PZ_CAT_PROTO:
	case PZ_CAT_DENIED:
	case PZ_CAT_CONFIG:
	case PZ_CAT_CRYPTO:
	case PZ_CAT_INTERNAL:
		break;
	}
	return pz_rpc_error(PZ_RPC_INVALID_REQUEST, pz_err_text(err), NULL);
}

static void
device_of(const struct call *call, char *out, size_t size)
{
	struct pz_address address;

	out[0] = '\0';
	if (pz_address_parse(pz_slice_str(call->peer), &address) == PZ_OK && address.device.len)
		snprintf(out, size, "%.*s", PZ_SLICE_FMT(address.device));
}

/* By which link it goes, and to which start of the device: should the link be lost, the request is
 * sent again, but never to a later start that knows nothing of the first. */
static void
note_way(struct call *call)
{
	struct pz_node *node = call->request.node;
	char device[PZ_DEVICE_BYTES_MAX + 1];

	device_of(call, device, sizeof(device));
	call->via = pz_router_route(node->router, pz_slice_str(call->peer));
	if (call->session[0] == '\0')
		snprintf(call->session, sizeof(call->session), "%s",
			 peers_session_of(node, device));
	if (call->via)
		node_watch_session(node, call->via);
}

static void
send_call(struct call *call)
{
	struct pz_node *node = call->request.node;
	char peer[sizeof(call->peer)], id[sizeof(call->id)];

	pz_env_uuid(node->config.env, call->id);
	enum pz_err err = pz_pending_add(node->pending, call->peer, call->id, call->timeout_us,
					 &pending_ops, call);
	if (err != PZ_OK) {
		finish_error(call, error_for(err, call->peer));
		return;
	}
	call->is_sent = true;
	pz_metric_add(&node->metrics, PZ_METRIC_calls_sent, 1);
	/* Our own services answer before this returns, and the call is gone then. */
	snprintf(peer, sizeof(peer), "%s", call->peer);
	snprintf(id, sizeof(id), "%s", call->id);
	note_way(call);
	err = send_payload(node, peer, request_of(call));
	if (err == PZ_ERR_IO_CLOSED) /* that link is about to be reported lost: see calls_resend */
		return;
	if (err != PZ_OK) {
		pz_pending_cancel(node->pending, peer, id);
		finish_error(call, error_for(err, peer));
	}
}

/* ---- choosing the service ---- */

static bool
is_instance_id(const char *text)
{
	return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

/* SERVICE is an instance id, an API URI, or the last part of one (page 12). */
static bool
is_meant(const struct call *call, const json_t *descriptor)
{
	const char *api = pz_json_str(descriptor, "api"), *id = pz_json_str(descriptor, "id");
	const char *address = pz_json_str(descriptor, "serviceAddress");
	struct pz_address parsed;

	if (!api || !id || !address || pz_address_parse(pz_slice_str(address), &parsed) != PZ_OK)
		return false;
	if (call->device && !pz_slice_eq_str(parsed.device, call->device))
		return false;
	if (is_instance_id(call->service))
		return strcmp(id, call->service) == 0;
	const char *last = strrchr(api, '/');
	return strcmp(api, call->service) == 0 || (last && strcmp(last + 1, call->service) == 0);
}

/* A device that nobody has anything of is not there; one that has other services lacks this one. */
static void
not_found(struct call *call)
{
	struct pz_node *node = call->request.node;
	char address[PZ_ADDRESS_BYTES_MAX + 1], text[512];

	if (call->device && node->membership && strcmp(call->device, node->device) != 0 &&
	    discovery_list_of(node, call->device) == NULL) {
		snprintf(address, sizeof(address), "%s/%s", node->membership->zone, call->device);
		finish_error(call, pz_rpc_unreachable(address));
		return;
	}
	snprintf(text, sizeof(text), "no service %.300s%s%.70s; `pzp services` lists what there is",
		 call->service, call->device ? " on " : "", call->device ? call->device : "");
	finish_error(call, pz_rpc_error(PZ_RPC_METHOD_NOT_FOUND, text,
					pz_dom_error("NotFoundError", text)));
}

static void
on_found(void *arg, json_t *descriptors)
{
	struct call *call = arg;
	size_t i;
	json_t *one;

	call->search = NULL;
	json_array_foreach(descriptors, i, one)
	{
		if (!is_meant(call, one))
			continue;
		snprintf(call->peer, sizeof(call->peer), "%s", pz_json_str(one, "serviceAddress"));
		if (asprintf(&call->api_at_id, "%s@%s", pz_json_str(one, "api"),
			     pz_json_str(one, "id")) < 0) {
			call->api_at_id = NULL;
			break;
		}
		send_call(call);
		return;
	}
	not_found(call);
}

static void abandon(struct pz_node_request *request);

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
	(void)!send_payload(call->request.node, call->peer, payload);
}

/* One that may be lost. Its answer may come from inside, and end it: the list is looked at anew. */
static struct call *
next_lost(const struct pz_node *node, const struct pz_session *lost)
{
	PZ_LIST_EACH ((struct pz_list *)&node->requests, n, tmp) {
		struct pz_node_request *request =
			PZ_CONTAINER(n, struct pz_node_request, node_list);
		struct call *call = (struct call *)(void *)request;
		if (request->release == abandon && call->is_sent && call->via == lost)
			return call;
	}
	return NULL;
}

void
calls_resend(struct pz_node *node, const struct pz_session *lost)
{
	struct call *call;

	while ((call = next_lost(node, lost)) != NULL) {
		call->via = NULL;
		if (call->session[0]) {
			resend(call);
			continue;
		}
		pz_pending_cancel(node->pending, call->peer, call->id);
		give_up(call);
		finish_error(call, pz_rpc_unreachable(call->peer));
	}
}

/* ---- starting ---- */

static void
split_service(struct call *call, const char *text)
{
	const char *at = strrchr(text, '@');

	if (at && at[1] != '\0' && pz_device_is_valid(pz_slice_str(at + 1))) {
		call->service = strndup(text, (size_t)(at - text));
		call->device = strdup(at + 1);
	} else {
		call->service = strdup(text);
	}
}

static bool
is_name(const char *text, size_t max_bytes)
{
	return text && text[0] != '\0' && strlen(text) <= max_bytes;
}

/* Returns what is wrong, or NULL. */
static const char *
read_params(struct call *call, json_t *params)
{
	const char *service = pz_json_str(params, "service");
	const char *function = pz_json_str(params, "function");
	int64_t timeout_ms = -1;

	if (!is_name(service, PZ_API_BYTES_MAX + 1 + PZ_DEVICE_BYTES_MAX) ||
	    !is_name(function, PZ_METHOD_BYTES_MAX))
		return "call needs a service and a function, by names that are not too long";
	if (json_object_get(params, "timeout_ms") &&
	    !pz_json_int(params, "timeout_ms", 0, 86400000, &timeout_ms))
		return "the time-out must be at most a day";
	split_service(call, service);
	call->function = strdup(function);
	json_t *given = json_object_get(params, "params");
	call->params = given ? json_incref(given) : json_array();
	call->is_stream = json_is_true(json_object_get(params, "stream"));
	call->timeout_us = timeout_ms >= 0 ? (uint64_t)timeout_ms * PZ_US_PER_MS
					   : call->request.node->config.call_timeout_us;
	if (call->service == NULL || call->function == NULL || call->params == NULL)
		return "out of memory";
	return NULL;
}

/* The program that asked is gone: an answer that still comes is dropped. */
static void
abandon(struct pz_node_request *request)
{
	struct call *call = (struct call *)(void *)request;

	if (call->is_sent) {
		pz_pending_cancel(request->node->pending, call->peer, call->id);
		give_up(call);
	}
	release(request);
}

/* Page 5: a request of a program is a reason to try the hub again before the back-off says so; not
 * more than once a second, or programs would do away with it. */
static void
wake(const struct call *call)
{
	struct pz_node *node = call->request.node;
	uint64_t now = pz_env_mono_us(node->config.env);

	if (call->device && strcmp(call->device, node->device) != 0 &&
	    now - node->machine.since_us >= PZ_BACKOFF_FIRST_US)
		pz_machine_nudge(&node->machine, "a program calls another device");
}

struct pz_node_request *
call_start(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	struct call *call = request_new(node, sizeof(*call), reply, arg);

	if (call == NULL)
		return NULL;
	call->request.release = abandon;
	const char *wrong = read_params(call, params);
	if (wrong) {
		request_finish(&call->request, PZ_ERR_CONFIG, wrong, NULL);
		return NULL;
	}
	wake(call);
	call->search = discovery_start(node, NULL, call->device, on_found, call);
	if (call->search)
		return &call->request;
	request_finish(&call->request, PZ_ERR_LIMIT_MEMORY, "out of memory", NULL);
	return NULL;
}
