/* What members say to their hub: one table of prop statuses (page 4), one function each. */
#include <stdio.h>
#include <stdlib.h>

#include "pzh/internal.h"
#include "route/bounce.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "service/descriptor.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/prop_error.h"

#define ADDRESSES_MAX 32
/* Descriptors in one foundServices: a longer answer comes in several messages, all but the last
 * with "partial": true, for no frame may be longer than what the device takes. */
#define FOUND_PER_FRAME 64
#define FIND_ID_BYTES_MAX 256 /* is sent back */

static void
send_error(struct hub_peer *peer, enum pz_prop_error error, const char *message, const char *about)
{
	if (hub_link_is_choked(peer)) { /* it does not read what it is told */
		pz_metric_add(&peer->hub->metrics, PZ_METRIC_messages_dropped, 1);
		return;
	}
	json_t *body = json_pack("{s:s, s:s, s:s}", "code", pz_prop_error_code(error), "message",
				 message, "about", about);

	zone_send_prop(peer->zone, peer->link, "error", body);
	json_decref(body);
}

/* ---- pzpInfo ---- */

static bool
are_addresses_valid(const json_t *addresses)
{
	size_t i;
	const json_t *one;

	if (!json_is_array(addresses) || json_array_size(addresses) > ADDRESSES_MAX)
		return false;
	json_array_foreach(addresses, i, one)
	{
		const char *text = json_string_value(one);
		if (text == NULL || strlen(text) > 64 ||
		    strspn(text, "0123456789abcdefABCDEF.:%") != strlen(text))
			return false;
	}
	return true;
}

/* A text for people: taken when it is one and fits. True when it differs from what was known. */
static bool
take_text(const char *text, char *out, size_t size)
{
	if (text == NULL || strlen(text) >= size || strcmp(text, out) == 0 ||
	    !pz_display_name_is_valid(pz_slice_str(text)))
		return false;
	snprintf(out, size, "%s", text);
	return true;
}

static void
on_pzp_info(struct hub_peer *peer, json_t *message)
{
	struct pz_member *member = peer->member;
	const char *name = pz_json_str(message, "displayName");
	const char *type = pz_json_str(message, "deviceType");
	int64_t port = 0;

	if (!are_addresses_valid(json_object_get(message, "addresses")) ||
	    !pz_json_int(message, "port", 0, UINT16_MAX, &port)) {
		send_error(peer, PZ_PROP_ERROR_BAD_REQUEST, "pzpInfo needs addresses and port",
			   "pzpInfo");
		return;
	}
	bool has_changed = take_text(name, member->display_name, sizeof(member->display_name));
	has_changed |= take_text(type, member->device_type, sizeof(member->device_type));
	json_t *info = json_pack("{s:O, s:I, s:b}", "addresses",
				 json_object_get(message, "addresses"), "port", (json_int_t)port,
				 "listening", json_is_true(json_object_get(message, "listening")));
	bool is_news = has_changed || !json_equal(info, member->info);
	json_decref(member->info);
	member->info = info;
	free(member->summary);
	member->summary = NULL;
	if (has_changed)
		zone_save_member(peer->zone, member);
	if (is_news) /* saying the same again costs nobody else anything */
		zone_member_changed(peer->zone, member);
}

/* ---- services ---- */

/* A copy of what a device announces, reduced to the members that a descriptor has: whatever else it
 * sends is not kept. NULL: refused, info says why. */
static json_t *
copy_services(json_t *services, const char *address, struct pz_errinfo *info)
{
	json_t *out = json_array();
	size_t i;
	json_t *one;

	json_array_foreach(services, i, one)
	{
		struct pz_descriptor descriptor;
		if (pz_descriptor_parse(one, address, &descriptor, info) != PZ_OK) {
			json_decref(out);
			return NULL;
		}
		json_array_append_new(out, pz_descriptor_json(&descriptor));
		pz_descriptor_fini(&descriptor);
	}
	return out;
}

/* Page 7, 4: a device announces its own services only; a list replaces the former one, or is
 * refused whole. */
static void
on_register_services(struct hub_peer *peer, json_t *message)
{
	json_t *services = json_object_get(message, "services");
	void *old = NULL;
	struct pz_errinfo info = {"not understood"};

	if (!json_is_array(services) || json_array_size(services) > PZ_SERVICES_PER_DEVICE_MAX) {
		send_error(peer, PZ_PROP_ERROR_BAD_REQUEST,
			   "services must be an array of at most 256", "registerServices");
		return;
	}
	json_t *copy = copy_services(services, peer->link->session.address, &info);
	if (copy == NULL) {
		pz_warning("services-refused", "device=%s %s", peer->link->session.address,
			   info.text);
		send_error(peer, PZ_PROP_ERROR_BAD_REQUEST, info.text, "registerServices");
		return;
	}
	if (pz_map_put(peer->zone->announced, pz_slice_str(peer->member->device), copy, &old) !=
	    PZ_OK)
		json_decref(copy);
	json_decref(old);
}

/* One answer, or a part of it. @param found taken */
static void
send_found(struct hub_peer *peer, json_t *id, json_t *found, bool is_partial)
{
	json_t *answer = json_pack("{s:O?, s:o}", "id", id, "services", found);

	if (answer && is_partial)
		json_object_set_new(answer, "partial", json_true());
	zone_send_prop(peer->zone, peer->link, "foundServices", answer);
	json_decref(answer);
}

/* Appends what matches to *found, and sends that when it is a frame's worth. */
static void
add_matching(struct hub_peer *peer, json_t *id, json_t **found, json_t *list, const char *api)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		const char *has = pz_json_str(one, "api");
		if (api && !(has && pz_api_matches(api, has)))
			continue;
		if (json_array_size(*found) >= FOUND_PER_FRAME) {
			send_found(peer, id, *found, true);
			*found = json_array();
		}
		json_array_append(*found, one);
	}
}

static void
on_find_services(struct hub_peer *peer, json_t *message)
{
	const char *api = pz_json_str(message, "api");
	json_t *id = json_object_get(message, "id");
	size_t pos = 0;
	struct pz_slice device;
	void *list;

	if ((api && strlen(api) > PZ_API_BYTES_MAX) ||
	    (id && !json_is_string(id) && !json_is_integer(id)) ||
	    json_string_length(id) > FIND_ID_BYTES_MAX) {
		send_error(peer, PZ_PROP_ERROR_BAD_REQUEST, "api or id is too long, or no text",
			   "findServices");
		return;
	}
	if (hub_link_is_choked(peer)) { /* who does not read the answers gets no more of them */
		pz_metric_add(&peer->hub->metrics, PZ_METRIC_messages_dropped, 1);
		return;
	}
	json_t *found = json_array();
	while (pz_map_next(peer->zone->announced, &pos, &device, &list))
		add_matching(peer, id, &found, list, api);
	send_found(peer, id, found, false);
}

/* ---- leaving ---- */

static void
on_leave(struct hub_peer *peer, json_t *message)
{
	(void)message;
	if (peer->is_leaving)
		return;
	peer->is_leaving = true;
	zone_revoke(peer->zone, peer->member->device, "the device has left the zone", NULL, NULL);
}

static void
on_bye(struct hub_peer *peer, json_t *message)
{
	const char *reason = pz_json_str(message, "reason");

	pz_link_close(peer->link, PZ_ERR_IO_CLOSED, reason ? reason : "bye");
}

static void
on_nothing(struct hub_peer *peer, json_t *message)
{
	(void)peer;
	(void)message;
}

static void
on_error(struct hub_peer *peer, json_t *message)
{
	const char *code = pz_json_str(message, "code"), *about = pz_json_str(message, "about");

	pz_info("peer-error", "device=%s code=%s about=%s", peer->link->session.address,
		code ? code : "?", about ? about : "?");
}

static const struct {
	const char *status;
	void (*handle)(struct hub_peer *peer, json_t *message);
} statuses[] = {
	{"pzpInfo", on_pzp_info},
	{"registerServices", on_register_services},
	{"findServices", on_find_services},
	{"leave", on_leave},
	{"bye", on_bye},
	{"keepAlive", on_nothing},
	{"error", on_error},
};

/* Props speak for the device itself: an app of it has no say here. */
static void
on_prop(struct hub_peer *peer, const struct pz_envelope *envelope)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	if (!pz_slice_eq(envelope->from, pz_session_address(&peer->link->session)))
		return;
	if (pz_message_prop_parse(envelope, &payload, &status, &message) != PZ_OK) {
		send_error(peer, PZ_PROP_ERROR_BAD_REQUEST, "a prop needs payload.status", "");
		return;
	}
	size_t i = 0, n = sizeof(statuses) / sizeof(statuses[0]);
	while (i < n && strcmp(statuses[i].status, status) != 0)
		i++;
	if (i < n)
		statuses[i].handle(peer, message);
	else
		send_error(peer, PZ_PROP_ERROR_UNKNOWN_STATUS, "this hub does not know the status",
			   status);
	json_decref(payload);
}

/* Requests to the hub itself: discovery; whatever else is unknown here. */
static void
on_rpc(struct hub_zone *zone, const struct pz_envelope *envelope)
{
	json_t *payload = pz_json_parse(envelope->payload, NULL);
	/* The answer goes where it was asked for; both are within what the link has proved. */
	char *from = pz_slice_dup(envelope->resp_to.len ? envelope->resp_to : envelope->from);
	struct pz_rpc rpc;
	int code;

	bool is_answer = payload && !pz_rpc_is_batch(payload) &&
			 pz_rpc_parse(payload, &rpc, &code) == PZ_OK &&
			 (rpc.kind == PZ_RPC_RESULT || rpc.kind == PZ_RPC_ERROR);
	if (payload && from && !is_answer)
		pz_dispatcher_request(zone->dispatcher, from, payload);
	json_decref(payload);
	free(from);
}

/* The receipt that the origin asked for (page 4 "Routing"). */
static void
confirm(struct hub_zone *zone, const struct pz_envelope *envelope)
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
on_local(void *arg, struct pz_session *in, const struct pz_envelope *envelope,
	 struct pz_slice frame)
{
	struct hub_zone *zone = arg;

	(void)frame;
	if (in == NULL)
		return;
	switch (envelope->type) {
	case PZ_MESSAGE_PROP:
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
		pz_metric_add(&zone->hub->metrics, PZ_METRIC_messages_dropped, 1);
		break;
	}
}

const struct pz_router_ops zone_router_ops = {.local = on_local};
