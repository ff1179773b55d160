/*
 * What members send to their hub: one table of prop statuses (page 4), one function each. What is
 * kept is a copy of the understood members, with bounds; a refusal is answered with an error that
 * names the prop, unless the device does not read its answers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "border/border.h"
#include "hosted/change.h"
#include "hosted/clone.h"
#include "hosted/records.h"
#include "hosted/services.h"
#include "hosted/update.h"
#include "hub/friend.h"
#include "hub/internal.h"
#include "route/bounce.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "rpc/text.h"
#include "service/descriptor.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/prop_error.h"
#include "zone/info.h"

/* Descriptors in one foundServices: a longer answer comes in several messages, all but the last
 * with "partial": true, since no frame may be longer than the device accepts. */
#define FOUND_PER_FRAME 64
#define DESCRIPTOR_BYTES_MAX (5U << 10) /* its texts, each character escaped */
#define FIND_ID_BYTES_MAX 256           /* is sent back */

/** The sender of a prop: the link's other end. */
struct speaker {
	struct pz_hosted_conn *conn; /* the link that brought it, and that answers are sent on */
	struct pz_member *member;
	const char *address;
};

static void
answer(const struct speaker *who, const char *status, json_t *message)
{
	pz_hosted_answer(who->conn, who->address, status, message);
}

static void
send_error(const struct speaker *who, enum pz_prop_error error, const char *message,
	   const char *about)
{
	json_t *body = json_pack("{s:s, s:s, s:s}", "code", pz_prop_error_code(error), "message",
				 message, "about", about);

	answer(who, "error", body);
	json_decref(body);
}

/* ---- pzpInfo ---- */

/* Applies a display text when it is valid and fits. True when it differs from the former one. */
static bool
take_text(const char *text, char *out, size_t size)
{
	if (text == NULL || strlen(text) >= size || strcmp(text, out) == 0 ||
	    !pz_display_name_is_valid(pz_slice_str(text)))
		return false;
	snprintf(out, size, "%s", text);
	return true;
}

/* A checked copy of where the device can be reached. NULL: the message is malformed. */
static json_t *
read_info(const json_t *message)
{
	const json_t *session = json_object_get(message, "session");
	const char *instance = pz_json_text(session);
	int64_t port = 0;

	if (!pz_json_int(message, "port", 0, UINT16_MAX, &port) ||
	    (session && !(instance && pz_info_is_instance(instance))))
		return NULL;
	json_t *addresses = pz_info_addresses(json_object_get(message, "addresses"));
	return addresses ? json_pack("{s:o, s:I, s:b}", "addresses", addresses, "port",
				     (json_int_t)port, "listening",
				     json_is_true(json_object_get(message, "listening")))
			 : NULL;
}

/* True when this changes what others are sent. @param info taken */
static bool
take_info(struct pz_hosted_conn *conn, const json_t *message, json_t *info)
{
	struct pz_member *member = conn->member;
	const char *name = pz_json_str(message, "displayName");
	const char *type = pz_json_str(message, "deviceType");
	const char *session = pz_json_str(message, "session");

	bool has_changed = take_text(name, member->display_name, sizeof(member->display_name));
	has_changed |= take_text(type, member->device_type, sizeof(member->device_type));
	bool is_news = has_changed || !json_equal(info, member->info);
	json_decref(member->info);
	member->info = info;
	if (strcmp(member->instance, session ? session : "") != 0) {
		snprintf(member->instance, sizeof(member->instance), "%s", session ? session : "");
		is_news = true;
	}
	free(member->summary);
	member->summary = NULL;
	if (has_changed)
		pz_hosted_save_member(conn->zone, member);
	return is_news;
}

static void
on_pzp_info(const struct speaker *who, json_t *message)
{
	struct pz_hosted_conn *conn = who->conn;
	json_t *kept = read_info(message);

	if (kept == NULL) {
		send_error(who, PZ_PROP_ERROR_BAD_REQUEST,
			   "pzpInfo needs addresses and port; session is a short name", "pzpInfo");
		return;
	}
	bool is_news = take_info(conn, message, kept);
	pz_hosted_clone_named(conn);
	if (is_news) /* an unchanged value costs the others nothing */
		pz_hosted_member_changed(conn->zone, conn->member);
}

/* ---- services ---- */

/* Page 7, 4: a device announces its own services only; a list replaces the former one, or is
 * refused whole. */
static void
on_register_services(const struct speaker *who, json_t *message)
{
	json_t *services = json_object_get(message, "services");
	struct pz_errinfo info = {"not understood"};
	json_t *copy = NULL;

	if (pz_descriptors_copy(services, who->address, &copy, &info) != PZ_OK) {
		pz_warning_of(who->conn->log, who->conn->hosting->env, "services-refused",
			      "device=%s %s", who->address, info.text);
		send_error(who, PZ_PROP_ERROR_BAD_REQUEST, info.text, "registerServices");
		return;
	}
	pz_hosted_services_announced(who->conn->zone, who->member, copy);
}

/* One answer, or a part of it. @param found taken */
static void
send_found(const struct speaker *who, json_t *id, json_t *found, bool is_partial)
{
	json_t *message = json_pack("{s:O?, s:o}", "id", id, "services", found);

	if (message && is_partial)
		json_object_set_new(message, "partial", json_true());
	answer(who, "foundServices", message);
	json_decref(message);
}

/* By the longest possible descriptor: a frame that is too long for the device would be lost. */
static size_t
per_frame(const struct pz_link *link)
{
	size_t max = link->session.frame_max;

	return max == 0 || max > FOUND_PER_FRAME * DESCRIPTOR_BYTES_MAX
		       ? FOUND_PER_FRAME
		       : max / DESCRIPTOR_BYTES_MAX;
}

/* Appends matching services to *found, and sends *found when it fills a frame. */
static void
add_matching(const struct speaker *who, json_t *id, json_t **found, json_t *list, const char *api)
{
	size_t i;
	json_t *one;

	json_array_foreach (list, i, one) {
		const char *has = pz_json_str(one, "api");
		if (api && !(has && pz_api_matches(api, has)))
			continue;
		if (json_array_size(*found) >= per_frame(who->conn->link)) {
			send_found(who, id, *found, true);
			*found = json_array();
		}
		json_array_append(*found, one);
	}
}

static void
on_find_services(const struct speaker *who, json_t *message)
{
	struct pz_hosted_conn *conn = who->conn;
	const char *api = pz_json_str(message, "api"), *in = pz_json_str(message, "zone");
	json_t *id = json_object_get(message, "id");
	size_t pos = 0;
	struct pz_slice device;
	void *list;

	if ((api && strlen(api) > PZ_API_BYTES_MAX) ||
	    (id && !json_is_string(id) && !json_is_integer(id)) ||
	    json_string_length(id) > FIND_ID_BYTES_MAX) {
		send_error(who, PZ_PROP_ERROR_BAD_REQUEST, "api or id is too long, or no text",
			   "findServices");
		return;
	}
	if (pz_hosted_conn_is_choked(
		    conn)) { /* a device that does not read its answers gets no more of them */
		pz_metric_add(&conn->hosting->metrics, PZ_METRIC_messages_dropped, 1);
		return;
	}
	if (in && strcmp(in, conn->zone->authority->zone) != 0) {
		pz_border_find(conn->zone->border, conn->link, id, in);
		return;
	}
	json_t *found = json_array();
	while (pz_map_next(conn->zone->services.announced, &pos, &device, &list))
		add_matching(who, id, &found, list, api);
	send_found(who, id, found, false);
}

static void
on_policy_edit(const struct speaker *who, json_t *message)
{
	const char *wrong = pz_hub_policy_edit(who->conn, message);

	if (wrong)
		send_error(who, PZ_PROP_ERROR_BAD_REQUEST, wrong, "policyEdit");
}

/* ---- friends ---- */

static void
on_friend_command(const struct speaker *who, json_t *message)
{
	const char *wrong = pz_hub_friend_command(who->conn, message);

	if (wrong)
		send_error(who, PZ_PROP_ERROR_BAD_REQUEST, wrong, "friendCommand");
}

static void
on_friend_offer(const struct speaker *who, json_t *message)
{
	const char *wrong = pz_hub_friend_offered(who->conn, message);

	if (wrong)
		send_error(who, PZ_PROP_ERROR_BAD_REQUEST, wrong, "friendOffer");
}

/* ---- leaving ---- */

static void
on_leave(const struct speaker *who, json_t *message)
{
	struct pz_hosted_conn *conn = who->conn;

	(void)message;
	if (conn->is_leaving)
		return;
	conn->is_leaving = true;
	pz_hosted_revoke(conn->zone, conn->member->device, PZ_REVOKED_LEFT, NULL, NULL);
}

static void
on_bye(const struct speaker *who, json_t *message)
{
	const char *reason = pz_json_str(message, "reason");

	pz_link_close(who->conn->link, PZ_ERR_IO_CLOSED, reason ? reason : "bye");
}

static void
on_nothing(const struct speaker *who, json_t *message)
{
	(void)who;
	(void)message;
}

/* A device probes the hub: it does not know whether its link is dead. */
static void
on_probe(const struct speaker *who, json_t *message)
{
	(void)message;
	pz_hosted_answer(who->conn, who->conn->link->session.address, "keepAlive", NULL);
}

static void
on_error(const struct speaker *who, json_t *message)
{
	const char *code = pz_json_str(message, "code"), *about = pz_json_str(message, "about");

	pz_info_of(who->conn->log, who->conn->hosting->env, "peer-error",
		   "device=%s code=%s about=%s", who->address, code ? code : "?",
		   about ? about : "?");
}

static const struct {
	const char *status;
	void (*handle)(const struct speaker *who, json_t *message);
} statuses[] = {
	{"pzpInfo", on_pzp_info},
	{"registerServices", on_register_services},
	{"findServices", on_find_services},
	{"policyEdit", on_policy_edit},
	{"friendCommand", on_friend_command},
	{"friendOffer", on_friend_offer},
	{"leave", on_leave},
	{"bye", on_bye},
	{"keepAlive", on_nothing},
	{"probe", on_probe},
	{"error", on_error},
};

static void
handle_prop(const struct speaker *who, const char *status, json_t *message)
{
	size_t i = 0, n = sizeof(statuses) / sizeof(statuses[0]);

	while (i < n && strcmp(statuses[i].status, status) != 0)
		i++;
	if (pz_sync_link_on_prop(who->conn->sync, status, message) ||
	    pz_link_on_channel_prop(who->conn->link, status, message))
		return;
	if (i < n)
		statuses[i].handle(who, message);
	else
		send_error(who, PZ_PROP_ERROR_UNKNOWN_STATUS, "this hub does not know the status",
			   status);
}

/* A device itself sends props, never an app on it. */
static void
on_prop(struct pz_hosted_conn *conn, const struct pz_envelope *envelope)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	struct speaker who = {conn, conn->member, address};

	if (who.member == NULL ||
	    !pz_slice_eq(envelope->from, pz_session_address(&conn->link->session))) {
		pz_metric_add(&conn->hosting->metrics, PZ_METRIC_messages_dropped, 1);
		return;
	}
	snprintf(address, sizeof(address), "%s/%s", conn->zone->authority->zone,
		 who.member->device);
	if (pz_message_prop_parse(envelope, &payload, &status, &message) == PZ_OK)
		handle_prop(&who, status, message);
	else
		send_error(&who, PZ_PROP_ERROR_BAD_REQUEST, "a prop needs payload.status", "");
	json_decref(payload);
}

/* Requests to the hub itself: it answers discovery, and rejects everything else as unknown. */
static void
on_rpc(struct pz_hosted *zone, const struct pz_envelope *envelope)
{
	struct pz_errinfo info = {""};
	json_t *payload = pz_json_read(envelope->payload, PZ_JSON_NUL, &info);
	/* The answer goes to the requester; both addresses are within what the link has proved. */
	char *from = pz_slice_dup(envelope->resp_to.len ? envelope->resp_to : envelope->from);
	struct pz_rpc rpc;
	int code;

	bool is_answer = payload && !pz_rpc_is_batch(payload) &&
			 pz_rpc_parse(payload, &rpc, &code) == PZ_OK &&
			 (rpc.kind == PZ_RPC_RESULT || rpc.kind == PZ_RPC_ERROR);
	if (payload && from && !is_answer)
		pz_dispatcher_request(zone->services.dispatcher, from, payload);
	else
		pz_metric_add(&zone->hosting->metrics, PZ_METRIC_messages_dropped, 1);
	if (payload == NULL && from)
		pz_hosted_send_rpc(
			zone, from,
			pz_rpc_text_failure(envelope->payload,
					    pz_rpc_error(PZ_RPC_PARSE_ERROR, info.text, NULL)));
	json_decref(payload);
	free(from);
}

/* The receipt that the origin requested (page 4 "Routing"). */
static void
confirm(struct pz_hosted *zone, const struct pz_envelope *envelope)
{
	struct pz_buf out;

	if (!envelope->delivery_receipt)
		return;
	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	if (pz_bounce(&out, zone->authority->zone, envelope, 0, "ok") == PZ_OK && out.len > 0)
		(void)!pz_router_send(zone->router, pz_buf_slice(&out));
	pz_buf_fini(&out);
}

static void
handle_local(struct pz_hosted *zone, struct pz_session *in, const struct pz_envelope *envelope)
{
	switch (envelope->type) {
	case PZ_MESSAGE_PROP:
		if (in->kind == PZ_SESSION_FRIEND)
			pz_hub_friend_prop(pz_link_of(in)->owner, envelope);
		else
			on_prop(pz_link_of(in)->owner, envelope);
		break;
	case PZ_MESSAGE_JSONRPC:
		confirm(zone, envelope);
		if (envelope->payload.len)
			on_rpc(zone, envelope);
		break;
	case PZ_MESSAGE_RECEIPT:
		break;
	case PZ_MESSAGE_UNKNOWN:
		pz_metric_add(&zone->hosting->metrics, PZ_METRIC_messages_dropped, 1);
		break;
	}
}

/* A message for the hub itself costs it work; a forwarded one costs next to nothing. */
static void
on_local(void *arg, struct pz_session *in, const struct pz_envelope *envelope,
	 struct pz_slice frame)
{
	struct pz_hosted *zone = arg;

	(void)frame;
	if (in == NULL)
		return;
	uint64_t began_us = pz_env_mono_us(zone->hosting->env);
	handle_local(zone, in, envelope);
	pz_hosted_conn_spend(pz_link_of(in)->owner, began_us);
}

static bool
on_may_cross(void *arg, struct pz_session *in, struct pz_session *friend_hub,
	     const struct pz_envelope *envelope)
{
	const struct pz_hosted *zone = arg;
	uint64_t began_us = pz_env_mono_us(zone->hosting->env);

	bool may = pz_border_may_cross(zone->border, in, friend_hub, envelope);
	pz_hosted_conn_spend(pz_link_of(in)->owner, began_us);
	return may;
}

const struct pz_router_ops pz_hub_router_ops = {.local = on_local, .may_cross = on_may_cross};
