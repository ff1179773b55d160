/*
 * Unanswered calls of an app. When the app disconnects they are cancelled at their device, as for a
 * local program (page 7, 6.1); when the other device disconnects, the app gets the error at once
 * instead of a time-out.
 */
#include <stdio.h>
#include <stdlib.h>

#include "apps/internal.h"
#include "base/auto.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "rpc/payload.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

struct open_call {
	struct pz_list hook; /* pz_visitor.open, the oldest first */
	char to[PZ_ADDRESS_BYTES_MAX + 1];
	size_t id_len, service_len, method_len;
	char text[]; /* the id as raw JSON, then the method, which begins with "api@id" */
};

static struct open_call *
call_at(struct pz_list *node)
{
	return PZ_CONTAINER(node, struct open_call, hook);
}

static struct pz_slice
id_of(const struct open_call *call)
{
	return pz_slice_of(call->text, call->id_len);
}

static void
drop(struct pz_visitor *visitor, struct open_call *call)
{
	pz_list_remove(&call->hook);
	visitor->open_count--;
	free(call);
}

static struct pz_slice
method_of(const struct open_call *call)
{
	return pz_slice_of(call->text + call->id_len, call->method_len);
}

/* As it was parsed: the function is its end. */
static struct pz_slice
text_of(const struct pz_method *method)
{
	return pz_slice_of(method->api.ptr,
			   (size_t)(method->function.ptr - method->api.ptr) + method->function.len);
}

void
pz_app_open_note(struct pz_visitor *visitor, struct pz_slice to, struct pz_slice id,
		 const struct pz_method *method)
{
	struct pz_slice text = text_of(method);
	struct open_call *call = NULL;

	/* A call that cannot be recorded is not cancelled early, and its caller waits for the
	 * time-out. */
	if (id.len > 0 && id.len <= PZ_MESSAGE_ID_BYTES_MAX && to.len <= PZ_ADDRESS_BYTES_MAX)
		call = calloc(1, sizeof(*call) + id.len + text.len);
	if (call == NULL)
		return;
	memcpy(call->to, to.ptr, to.len);
	memcpy(call->text, id.ptr, id.len);
	memcpy(call->text + id.len, text.ptr, text.len);
	call->id_len = id.len;
	call->method_len = text.len;
	/* Without its path and function: everything up to the dot after the instance. */
	call->service_len = method->api.len + 1 + method->id.len;
	/* The oldest is the least likely to be answered still. */
	if (visitor->open_count >= PZ_APP_OPEN_MAX)
		drop(visitor, call_at(pz_list_first(&visitor->open)));
	pz_list_append(&visitor->open, &call->hook);
	visitor->open_count++;
}

static void
forget(struct pz_visitor *visitor, struct pz_slice from, struct pz_slice id)
{
	/* By id and peer: an answer of another device must not end this request. */
	PZ_LIST_EACH (&visitor->open, node, tmp) {
		struct open_call *call = call_at(node);
		if (pz_slice_eq(id, id_of(call)) && pz_slice_eq_str(from, call->to)) {
			drop(visitor, call);
			return;
		}
	}
}

/* An element without a method is an answer. */
static void
look_at(struct pz_visitor *visitor, struct pz_slice from, struct pz_slice element)
{
	struct pz_slice method, id;

	if (pz_json_member(element, "method", &method) == PZ_ERR_NOTFOUND &&
	    pz_json_member(element, "id", &id) == PZ_OK)
		forget(visitor, from, id);
}

void
pz_app_open_answered(struct pz_visitor *visitor, const struct pz_envelope *envelope)
{
	struct pz_slice rest = envelope->payload, element;

	if (visitor->open_count == 0 || envelope->type != PZ_MESSAGE_JSONRPC || rest.len == 0)
		return;
	if (rest.ptr[0] != '[') {
		look_at(visitor, envelope->from, rest);
		return;
	}
	while (pz_json_next(&rest, &element))
		look_at(visitor, envelope->from, element);
}

/* In the app's own name: it may end only what it has begun. */
static void
give_up(const struct pz_visitor *visitor, const struct open_call *call)
{
	json_t *id = pz_json_read(id_of(call), 0, NULL);
	PZ_AUTO_FREE char *method = NULL;
	struct pz_buf out;

	/* A service ends a listener by the id of its request (page 7, 6.1); what has no listener
	 * ignores it. */
	if (id == NULL || asprintf(&method, "%.*s.removeEventListener", (int)call->service_len,
				   call->text + call->id_len) < 0) {
		json_decref(id);
		method = NULL;
		return;
	}
	json_t *payload = pz_rpc_request(NULL, method, json_pack("[o]", id));
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	if (payload && pz_message_rpc(&out, visitor->address, call->to, payload) == PZ_OK)
		(void)!pz_router_send(visitor->apps->config.router, pz_buf_slice(&out));
	pz_buf_fini(&out);
	json_decref(payload);
}

/* Removed from the list first: services on this device answer during the call. */
static void
end(struct pz_visitor *visitor, struct open_call *call)
{
	/* From here on the call is in no list, so an answer during the call finds nothing. */
	pz_list_remove(&call->hook);
	visitor->open_count--;
	give_up(visitor, call);
	free(call);
}

void
pz_app_open_end(struct pz_visitor *visitor)
{
	struct pz_list *first;

	while ((first = pz_list_first(&visitor->open)) != NULL)
		end(visitor, call_at(first));
}

void
pz_app_open_move(struct pz_visitor *from, struct pz_visitor *to)
{
	struct pz_list *first;

	while ((first = pz_list_first(&from->open)) != NULL) {
		pz_list_remove(first);
		pz_list_append(&to->open, first);
	}
	to->open_count = from->open_count;
	from->open_count = 0;
}

static bool
has_id(const json_t *list, json_t *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (json_equal(one, id))
			return true;
	return false;
}

json_t *
pz_app_open_keep(struct pz_visitor *visitor, const json_t *keep)
{
	json_t *kept = json_array();
	/* Moved to another list first: ending a call may answer at once and change the list that is
	 * walked here. */
	struct pz_list all;

	pz_list_init(&all);
	PZ_LIST_EACH (&visitor->open, node, tmp) {
		struct open_call *call = call_at(node);
		json_t *id = pz_json_read(id_of(call), 0, NULL);
		if (id && has_id(keep, id)) {
			(void)json_array_append(kept, id);
		} else {
			pz_list_remove(node);
			pz_list_append(&all, node);
		}
		json_decref(id);
	}
	for (struct pz_list *first; (first = pz_list_first(&all)) != NULL;)
		end(visitor, call_at(first));
	return kept;
}

/* In the name of the other device, since the app accepts its answer only. */
static void
fail(struct pz_visitor *visitor, const struct open_call *call, json_t *takes_error)
{
	json_t *id = pz_json_read(id_of(call), 0, NULL);
	json_t *payload = id ? pz_rpc_failure(id, json_incref(takes_error)) : NULL;
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	if (payload && pz_message_rpc(&out, call->to, visitor->address, payload) == PZ_OK)
		(void)!pz_visitor_send(visitor, pz_frame_body(pz_buf_slice(&out)));
	pz_buf_fini(&out);
	json_decref(payload);
	json_decref(id);
	json_decref(takes_error);
}

void
pz_app_open_check(struct pz_visitor *visitor)
{
	const struct pz_apps_config *config = &visitor->apps->config;

	PZ_LIST_EACH (&visitor->open, node, tmp) {
		struct open_call *call = call_at(node);
		if (strcmp(call->to, config->self) == 0 ||
		    config->ops->has_route(config->arg, call->to))
			continue;
		fail(visitor, call, pz_rpc_unreachable(call->to));
		drop(visitor, call);
	}
}

/* The dispatcher judges calls on this device. */
void
pz_app_open_recheck(struct pz_visitor *visitor)
{
	const struct pz_apps_config *config = &visitor->apps->config;
	struct pz_list denied; /* moved first, as in pz_app_open_keep */

	pz_list_init(&denied);
	PZ_LIST_EACH (&visitor->open, node, tmp) {
		struct open_call *call = call_at(node);

		if (pz_slice_eq_str(pz_address_node(pz_slice_str(call->to)), config->self) ||
		    config->ops->may_send(config->arg, visitor->address, call->to, method_of(call)))
			continue;
		pz_list_remove(node);
		pz_list_append(&denied, node);
	}
	for (struct pz_list *first; (first = pz_list_first(&denied)) != NULL;) {
		fail(visitor, call_at(first),
		     pz_rpc_error(PZ_RPC_DENIED_POLICY, NULL,
				  pz_dom_error("SecurityError", "Access has been denied.")));
		end(visitor, call_at(first));
	}
}
