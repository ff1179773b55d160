/* Messages between this device and an app, as page 11 has them. They are those of page 4 without
 * the length prefix. */
#include "apps/internal.h"
#include "base/auto.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "rpc/payload.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

/* The addresses that a denied app gets: neither the device's nor the zone's name. */
#define DENIED_PZP "user@denied.invalid/device"
#define DENIED_APP DENIED_PZP "/0:1"

static const char *
self_for(const struct pz_visitor *visitor)
{
	/* The content that a denied app sees is made up, and so is the sender. */
	return visitor->state == PZ_APP_DENIED ? DENIED_PZP : visitor->apps->config.self;
}

static const char *
address_for(const struct pz_visitor *visitor)
{
	return visitor->state == PZ_APP_DENIED ? DENIED_APP : visitor->address;
}

static void
send_frame(struct pz_visitor *visitor, const struct pz_buf *frame)
{
	if (pz_visitor_send(visitor, pz_frame_body(pz_buf_slice(frame))) != PZ_OK)
		pz_metric_add(visitor->apps->config.metrics, PZ_METRIC_messages_dropped, 1);
}

void
pz_app_send_prop(struct pz_visitor *visitor, const char *status, json_t *message)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	if (pz_message_prop(&out, self_for(visitor), address_for(visitor), status, message) ==
	    PZ_OK)
		send_frame(visitor, &out);
	pz_buf_fini(&out);
}

static json_t *
empty_zone(void)
{
	return json_pack("{s:[], s:{s:s, s:s}, s:b}", "connectedDevices", "state", "Pzh",
			 "not_connected", "Pzp", "not_connected", "enrolled", 0);
}

void
pz_app_send_registered(struct pz_visitor *visitor, const char *status, json_t *takes_session)
{
	const struct pz_apps_config *config = &visitor->apps->config;
	/* The zone's devices are private until a page is accepted. */
	json_t *zone =
		visitor->state == PZ_APP_DENIED ? empty_zone() : config->ops->zone(config->arg);

	if (takes_session)
		(void)json_object_set_new(zone, "session", takes_session);
	if (zone)
		pz_app_send_prop(visitor, status, zone);
	json_decref(zone);
}

/* ---- refusals ---- */

void
pz_app_send_rpc(struct pz_visitor *visitor, json_t *takes_payload)
{
	struct pz_buf out;

	if (takes_payload == NULL)
		return;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	if (pz_message_rpc(&out, self_for(visitor), address_for(visitor), takes_payload) == PZ_OK)
		send_frame(visitor, &out);
	pz_buf_fini(&out);
	json_decref(takes_payload);
}

/* Original programs are informed of a denied search by the call-back. */
static void
send_security_error(struct pz_visitor *visitor, const struct pz_rpc *rpc)
{
	PZ_AUTO_FREE char *method = NULL;

	if (strcmp(rpc->method, "ServiceDiscovery.findServices") != 0 || !json_is_string(rpc->id))
		return;
	if (asprintf(&method, "%s.onSecurityError", json_string_value(rpc->id)) < 0)
		method = NULL;
	if (method)
		pz_app_send_rpc(visitor, pz_rpc_request(NULL, method,
							pz_dom_error("SecurityError",
								     "Access has been denied.")));
}

void
pz_app_fail(struct pz_visitor *visitor, struct pz_slice payload, json_t *takes_error)
{
	json_t *tree = pz_json_read(payload, PZ_JSON_NUL, NULL);
	struct pz_rpc rpc;
	int code;

	/* Each request of a batch gets its own answer: a program that waits for one must not
	 * hang. */
	for (size_t i = 0; tree && takes_error && i < pz_rpc_batch_len(tree); i++) {
		if (pz_rpc_parse(pz_rpc_batch_at(tree, i), &rpc, &code) != PZ_OK ||
		    rpc.kind != PZ_RPC_REQUEST)
			continue;
		if (json_integer_value(json_object_get(takes_error, "code")) ==
		    PZ_RPC_DENIED_POLICY)
			send_security_error(visitor, &rpc);
		pz_app_send_rpc(visitor, pz_rpc_failure(rpc.id, json_incref(takes_error)));
	}
	json_decref(takes_error);
	json_decref(tree);
}

void
pz_app_refuse(struct pz_visitor *visitor, struct pz_slice payload)
{
	pz_app_fail(visitor, payload,
		    pz_rpc_error(PZ_RPC_DENIED_POLICY, NULL,
				 pz_dom_error("SecurityError", "Access has been denied.")));
}
