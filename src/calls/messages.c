/* Messages for this node: which part handles each, and its answers. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "calls/internal.h"
#include "route/bounce.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "rpc/payload.h"
#include "rpc/text.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

/* An answer that no link accepts, or that is nested too deeply for a message: the requester gets
 * the reason instead. */
static enum pz_err
send_instead(struct pz_calls *calls, const char *to, json_t *payload, enum pz_err why, size_t len)
{
	json_t *error = why == PZ_ERR_PROTO_FRAME
				? pz_calls_too_large_by(calls, to, len - PZ_FRAME_HEADER_BYTES,
							PZ_RPC_INTERNAL_ERROR)
				: pz_rpc_error(PZ_RPC_INTERNAL_ERROR, pz_err_text(why), NULL);
	json_t *instead = pz_rpc_instead(payload, error);
	enum pz_err err = instead ? pz_calls_send(calls, to, instead) : why;

	json_decref(instead);
	return err;
}

/* An answer of a service. An answer that was lost with its link may be sent again, so it is
 * recorded (resend.c); one that no link can carry is replaced by an error. */
static void
on_dispatch_send(void *arg, const char *to, json_t *payload)
{
	struct pz_calls *calls = arg;
	size_t len = 0;

	enum pz_err err = pz_calls_send_measured(calls, to, payload, &len);
	if (pz_err_category(err) == PZ_CAT_PROTO || err == PZ_ERR_LIMIT) {
		err = send_instead(calls, to, payload, err, len);
		if (err == PZ_OK) {
			json_decref(payload);
			return;
		}
	}
	if (err == PZ_OK || err == PZ_ERR_IO_CLOSED) /* closed: its loss is yet to be reported */
		pz_resend_note(calls, to, payload, len);
	if (err != PZ_OK)
		pz_metric_add(calls->metrics, PZ_METRIC_messages_dropped, 1);
	json_decref(payload);
}

#define CALLS_LOGGED_PER_SECOND 20

/* Records calls here, for the owner; never with parameters or results. */
static void
on_served(void *arg, const struct pz_served *served)
{
	struct pz_calls *calls = arg;
	const char *slash = strrchr(served->service->api, '/');
	uint32_t suppressed = 0;

	if (!pz_log_allow(&calls->served_log, pz_env_mono_us(calls->env), CALLS_LOGGED_PER_SECOND,
			  &suppressed))
		return;
	if (suppressed)
		pz_info("calls-not-logged", "count=%u", suppressed);
	pz_info("call", "from=%s service=%s function=%s ms=%llu end=\"%s\"", served->from,
		slash ? slash + 1 : served->service->api, served->function,
		(unsigned long long)(served->us / 1000), served->end);
}

static bool
on_builtin(void *arg, struct pz_call *call, const char *object, const char *function,
	   const json_t *params)
{
	const struct pz_calls_config *c = &((const struct pz_calls *)arg)->config;

	return c->ops->builtin && c->ops->builtin(c->arg, call, object, function, params);
}

static const struct pz_method_def *
on_judged(void *arg, const char *from, const char *object, const char *function,
	  const char **out_api)
{
	const struct pz_calls_config *c = &((const struct pz_calls *)arg)->config;

	return c->ops->judged ? c->ops->judged(c->arg, from, object, function, out_api) : NULL;
}

static void
on_builtin_ended(void *arg, struct pz_call *call)
{
	const struct pz_calls_config *c = &((const struct pz_calls *)arg)->config;

	if (c->ops->builtin_ended)
		c->ops->builtin_ended(c->arg, call);
}

/* A service of this device sends a call-back and waits for the answer: the same table of pending
 * calls. */
static bool
on_ask(void *arg, const char *to, const char *id, json_t *payload, const struct pz_pending_ops *ops,
       void *job)
{
	struct pz_calls *calls = arg;

	if (pz_pending_add(calls->pending, to, id, calls->config.timeout_us, ops, job) != PZ_OK)
		return false;
	if (pz_calls_send(calls, to, payload) == PZ_OK)
		return true;
	pz_pending_cancel(calls->pending, to, id);
	return false;
}

static void
on_ask_cancel(void *arg, const char *to, const char *id)
{
	const struct pz_calls *calls = arg;

	pz_pending_cancel(calls->pending, to, id);
}

const struct pz_dispatch_ops pz_calls_dispatch_ops = {
	.ask = on_ask,
	.ask_cancel = on_ask_cancel,
	.judged = on_judged,
	.builtin = on_builtin,
	.builtin_ended = on_builtin_ended,
	.send = on_dispatch_send,
	.served = on_served,
	.find = pz_discovery_find,
	.permit = pz_permit_ask,
	.permit_over = pz_permit_over,
};

/* A call-back to a request of ours: true when the notification was one. One that expects an answer
 * always gets one, since its service waits for it. */
static bool
take_callback(struct pz_calls *calls, const char *from, const struct pz_rpc *rpc)
{
	struct pz_method method;
	bool is_answered = false;

	if (pz_method_parse(pz_slice_str(rpc->method), &method) != PZ_OK ||
	    method.kind != PZ_METHOD_CALLBACK)
		return false;
	/* Without a request of ours a notification is dropped; a request continues, and gets an
	 * error. */
	if (!pz_pending_callback(calls->pending, from, method.reference, method.function,
				 rpc->params, rpc->id, &is_answered))
		return rpc->kind == PZ_RPC_NOTIFICATION;
	if (rpc->id && !is_answered) {
		json_t *received = pz_rpc_result(rpc->id, NULL);
		if (received)
			(void)!pz_calls_send(calls, from, received);
		json_decref(received);
	}
	return true;
}

/* By sender and id: an answer of any other sender, or to nothing, is dropped and counted (page 14
 * SPOOF-5). */
static void
take_response(struct pz_calls *calls, const char *from, json_t *element)
{
	struct pz_rpc rpc;
	int code;

	if (pz_rpc_parse(element, &rpc, &code) != PZ_OK ||
	    !pz_pending_response(calls->pending, from, rpc.id, rpc.result, rpc.error))
		pz_metric_add(calls->metrics, PZ_METRIC_messages_dropped, 1);
}

/* Without a method and with a result or an error; the first element decides for a batch. */
static bool
is_response(json_t *element)
{
	return json_is_object(element) && json_object_get(element, "method") == NULL &&
	       (json_object_get(element, "result") || json_object_get(element, "error"));
}

/* A request to an earlier start of this device that is sent again because its link was lost: the
 * earlier start may have run it, so this one must not. */
static bool
is_for_an_earlier_start(struct pz_calls *calls, const char *reply_to, json_t *payload)
{
	const char *start = pz_json_str(payload, "resent");
	struct pz_rpc rpc;
	int code;

	if (start == NULL || strcmp(start, pz_peers_session(calls->peers)) == 0)
		return false;
	if (pz_rpc_parse(payload, &rpc, &code) == PZ_OK && rpc.id) {
		json_t *failure = pz_rpc_failure(rpc.id, pz_rpc_unreachable(calls->config.self));
		if (failure)
			(void)!pz_calls_send(calls, reply_to, failure);
		json_decref(failure);
	}
	return true;
}

/* Answers and call-backs are matched by their sender; the results of a request go to its resp_to.
 */
static void
on_payload(struct pz_calls *calls, const char *from, const char *reply_to, json_t *payload)
{
	struct pz_rpc rpc;
	int code;

	if (is_response(pz_rpc_batch_at(payload, 0))) {
		for (size_t i = 0; i < pz_rpc_batch_len(payload); i++)
			take_response(calls, from, pz_rpc_batch_at(payload, i));
		return;
	}
	if (!pz_rpc_is_batch(payload) && pz_rpc_parse(payload, &rpc, &code) == PZ_OK &&
	    take_callback(calls, from, &rpc))
		return;
	if (is_for_an_earlier_start(calls, reply_to, payload))
		return;
	pz_metric_add(calls->metrics, PZ_METRIC_calls_served, 1);
	pz_dispatcher_request(calls->dispatcher, reply_to, payload);
}

/* The scanner accepted the payload, but it cannot be parsed: its requests are answered, and our
 * requests that it answers end here instead of at their time-out. @spec page 7, 6 (-32700) */
static void
on_unreadable(struct pz_calls *calls, const char *from, const char *reply_to,
	      struct pz_slice payload, const char *why)
{
	json_t *ids = pz_rpc_text_ids(payload, PZ_RPC_TEXT_ANSWER), *id, *failure, *error;
	PZ_AUTO_FREE char *text = NULL;
	size_t i;

	pz_metric_add(calls->metrics, PZ_METRIC_messages_dropped, 1);
	if (asprintf(&text, "the answer of %s cannot be read: %s", from, why) < 0)
		text = NULL;
	error = pz_rpc_error(PZ_RPC_PARSE_ERROR, text, NULL);
	json_array_foreach (ids, i, id)
		pz_pending_response(calls->pending, from, id, NULL, error);
	json_decref(error);
	json_decref(ids);
	failure = pz_rpc_text_failure(payload, pz_rpc_error(PZ_RPC_PARSE_ERROR, why, NULL));
	if (failure)
		(void)!pz_calls_send(calls, reply_to, failure);
	json_decref(failure);
}

static void
on_rpc(struct pz_calls *calls, const struct pz_envelope *envelope)
{
	PZ_AUTO_FREE char *from = pz_slice_dup(envelope->from);
	PZ_AUTO_FREE char *reply_to =
		pz_slice_dup(envelope->resp_to.len ? envelope->resp_to : envelope->from);
	struct pz_errinfo info = {""};
	json_t *payload;

	if (envelope->payload.len == 0 || from == NULL || reply_to == NULL) {
		pz_metric_add(calls->metrics, PZ_METRIC_messages_dropped, 1);
		return;
	}
	payload = pz_json_read(envelope->payload, PZ_JSON_NUL, &info);
	if (payload)
		on_payload(calls, from, reply_to, payload);
	else
		on_unreadable(calls, from, reply_to, envelope->payload, info.text);
	json_decref(payload);
}

/* The receipt that the origin requested (page 4 "Routing"). */
static void
confirm(struct pz_calls *calls, const struct pz_envelope *envelope, const char *verdict)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	if (pz_bounce(&out, calls->config.self, envelope, 0, verdict) == PZ_OK && out.len > 0)
		(void)!pz_router_send(calls->router, pz_buf_slice(&out));
	pz_buf_fini(&out);
}

/* A prop is accepted only from the link's other end. */
static void
on_prop(struct pz_calls *calls, struct pz_session *in, const struct pz_envelope *envelope)
{
	bool is_hubs = calls->zone->membership &&
		       pz_slice_eq_str(envelope->from, calls->zone->membership->zone);

	bool is_device = in && (in->kind == PZ_SESSION_PEER || in->kind == PZ_SESSION_FRIEND);

	if (is_device && pz_slice_eq(envelope->from, pz_session_address(in)))
		pz_peers_on_prop(in, envelope);
	else if (in && in->kind == PZ_SESSION_HUB && is_hubs)
		pz_uplink_on_prop(calls->uplink, envelope);
	else
		pz_metric_add(calls->metrics, PZ_METRIC_messages_dropped, 1);
}

static void
on_local(void *arg, struct pz_session *in, const struct pz_envelope *envelope,
	 struct pz_slice frame)
{
	struct pz_calls *calls = arg;
	struct pz_dispatch_stats before, after;

	(void)frame;
	switch (envelope->type) {
	case PZ_MESSAGE_PROP:
		on_prop(calls, in, envelope);
		break;
	case PZ_MESSAGE_JSONRPC:
		/* Only the dispatcher knows whether it was a duplicate, and it does not answer
		 * duplicates. */
		pz_dispatcher_stats(calls->dispatcher, &before);
		on_rpc(calls, envelope);
		pz_dispatcher_stats(calls->dispatcher, &after);
		if (envelope->delivery_receipt)
			confirm(calls, envelope,
				after.duplicates > before.duplicates ? "duplicate" : "ok");
		break;
	case PZ_MESSAGE_RECEIPT:
		break;
	case PZ_MESSAGE_UNKNOWN:
		pz_metric_add(calls->metrics, PZ_METRIC_messages_dropped, 1);
		break;
	}
}

static struct pz_session *
on_next_hop(void *arg, struct pz_slice address)
{
	const struct pz_calls *calls = arg;

	return pz_peers_next_hop(calls->peers, address);
}

static bool
on_is_friend(void *arg, struct pz_slice zone)
{
	const struct pz_calls *calls = arg;

	return pz_device_zone_friend(calls->zone, zone) != NULL;
}

const struct pz_router_ops pz_calls_router_ops = {
	.local = on_local,
	.next_hop = on_next_hop,
	.is_friend = on_is_friend,
};
