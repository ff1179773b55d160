/* Sends JSON-RPC payloads of this node as messages, and an error in place of one that is too large.
 */
#include <stdio.h>

#include "calls/internal.h"
#include "net/link.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "wire/frame.h"
#include "wire/message.h"

enum pz_err
pz_calls_send_measured(struct pz_calls *calls, const char *to, json_t *payload, size_t *out_len)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_rpc(&out, calls->config.self, to, payload);
	*out_len = out.len;
	if (err == PZ_OK)
		err = pz_router_send(calls->router, pz_buf_slice(&out));
	pz_buf_fini(&out);
	return err;
}

enum pz_err
pz_calls_send(struct pz_calls *calls, const char *to, json_t *payload)
{
	size_t len;

	return pz_calls_send_measured(calls, to, payload, &len);
}

enum pz_err
pz_calls_request(struct pz_calls *calls, const char *to, const char *id, json_t *payload,
		 const struct pz_pending_ops *ops, void *arg)
{
	PZ_TRY(pz_pending_add(calls->pending, to, id, 0, ops, arg));
	enum pz_err err = pz_calls_send(calls, to, payload);
	if (err != PZ_OK)
		pz_pending_cancel(calls->pending, to, id);
	return err;
}

void
pz_calls_request_cancel(struct pz_calls *calls, const char *to, const char *id)
{
	pz_pending_cancel(calls->pending, to, id);
}

json_t *
pz_calls_too_large_by(const struct pz_calls *calls, const char *to, size_t bytes, int code)
{
	const struct pz_session *way = pz_router_route(calls->router, pz_slice_str(to));
	char text[PZ_ADDRESS_BYTES_MAX + 128];

	(void)snprintf(text, sizeof(text),
		       "too large: %zu bytes, on the way to %s at most %u are taken", bytes, to,
		       way ? way->frame_max : 0);
	return pz_rpc_error(code, text, pz_dom_error("DataError", text));
}

/* The message is built again to measure it, which only a failed request costs. */
json_t *
pz_calls_too_large(const struct pz_calls *calls, const char *to, json_t *payload)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	size_t bytes = pz_message_rpc(&out, calls->config.self, to, payload) == PZ_OK
			       ? out.len - PZ_FRAME_HEADER_BYTES
			       : 0;
	pz_buf_fini(&out);
	return pz_calls_too_large_by(calls, to, bytes, PZ_RPC_INVALID_REQUEST);
}

void
pz_calls_prop_unsent(struct pz_calls *calls, const struct pz_session *session, const char *status,
		     enum pz_err err, size_t bytes)
{
	if (err == PZ_ERR_PROTO_FRAME)
		pz_condition_raise(calls->config.conditions, PZ_CONDITION_TOO_LARGE,
				   session->address,
				   "%s of %zu bytes was not sent to %s, which takes at most %u",
				   status, bytes, session->address, session->frame_max);
	else
		pz_warning_of(session->log ? session->log : pz_uplink_log(calls->uplink),
			      calls->env, "prop-not-sent", "to=%s status=%s %s", session->address,
			      status, pz_err_text(err));
}

/* Other sessions are programs on this machine, whose end is detected at once. */
void
pz_calls_watch_session(const struct pz_session *session)
{
	if (session->kind == PZ_SESSION_PEER || session->kind == PZ_SESSION_HUB)
		pz_link_watch(pz_link_of((struct pz_session *)(uintptr_t)session));
}
