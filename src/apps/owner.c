/*
 * The functions of struct pz_apps_ops for the node: consent from access, addresses and routes from
 * calls and peers, storage from items. Sessions are in session.c.
 */
#include "apps/owner.h"

#include <stdio.h>

#include "base/auto.h"
#include "calls/devices.h"
#include "command/watch.h"
#include "items/app_data.h"
#include "wire/address.h"
#include "wire/json.h"

/* Tickets of apps have another range than those of the dispatcher's calls, which count from 1. */
#define TICKET_BIT (UINT64_C(1) << 62)

/* ---- consent ---- */

static void
on_judged(void *arg, uint64_t ticket, enum pz_access_verdict verdict, bool was_asked)
{
	const struct pz_apps_owner *owner = arg;

	pz_apps_answered(owner->apps, ticket & ~TICKET_BIT, verdict == PZ_ACCESS_PERMIT, was_asked);
}

/* An app is accepted like the caller of a service: policies judge the feature "register" of apps,
 * and may prompt the owner. Ticket 0 judges a connected app again, and waits for nothing. */
static enum pz_apps_consent
on_consent(void *arg, const char *address, uint64_t ticket, bool *was_asked)
{
	struct pz_apps_owner *owner = arg;
	struct pz_access_caller caller;
	struct pz_access_call call = {
		.point = ticket ? PZ_ACCESS_INVOKE : PZ_ACCESS_LISTEN,
		.api = PZ_APPS_FEATURE,
		.function = "register",
		.was_asked = *was_asked,
		.ticket = ticket | TICKET_BIT,
		.done = ticket ? on_judged : NULL,
		.arg = owner,
	};

	if (pz_access_caller_of(owner->access, address, &caller) != PZ_OK)
		return PZ_APPS_NO;
	switch (pz_access_judge(owner->access, &caller, &call)) {
	case PZ_ACCESS_PERMIT:
		*was_asked = call.was_asked;
		return PZ_APPS_YES;
	case PZ_ACCESS_ASKED:
		return PZ_APPS_LATER;
	case PZ_ACCESS_DENY:
	case PZ_ACCESS_REFUSED:
		break;
	}
	return PZ_APPS_NO;
}

static void
on_withdraw(void *arg, uint64_t ticket)
{
	const struct pz_apps_owner *owner = arg;

	pz_access_cancel(owner->access, ticket | TICKET_BIT);
}

static bool
on_may_send(void *arg, const char *from, const char *to, struct pz_slice method)
{
	const struct pz_apps_owner *owner = arg;

	return pz_calls_may_send(owner->calls, from, to, method);
}

/* The hub answers for devices that it does not reach; this device already knows that they are away.
 */
static bool
on_has_route(void *arg, const char *to)
{
	const struct pz_apps_owner *owner = arg;
	/* Without a zone, or for an address elsewhere, the router decides. */
	const struct pz_membership *m = owner->zone->membership;
	struct pz_address parts;

	if (pz_address_parse(pz_slice_str(to), &parts) != PZ_OK || m == NULL ||
	    !pz_slice_eq_str(parts.zone, m->zone) || parts.device.len == 0)
		return pz_router_has_route(pz_calls_router(owner->calls), pz_slice_str(to));
	PZ_AUTO_FREE char *device = pz_slice_dup(parts.device);
	return device &&
	       (strcmp(device, m->device) == 0 || pz_peers_has_route(owner->peers, device));
}

/* ---- what an app learns ---- */

static const char *
state_text(bool is_connected)
{
	return is_connected ? "connected" : "not_connected";
}

static json_t *
this_device(const struct pz_apps_owner *owner, const char *id)
{
	return json_pack("{s:s, s:s, s:s, s:b}", "id", id, "friendlyName", owner->display_name,
			 "deviceType", owner->device_type, "isConnected", 1);
}

/* Every device of the zone, this one first. */
static json_t *
devices(const struct pz_apps_owner *owner)
{
	json_t *all = json_array(), *list = pz_devices_list(owner->calls), *one;
	char id[PZ_ADDRESS_BYTES_MAX + 1];
	size_t i;

	snprintf(id, sizeof(id), "%s/%s", owner->zone->membership->zone, owner->device);
	(void)json_array_append_new(all, this_device(owner, id));
	json_array_foreach (list, i, one) {
		const char *route = pz_json_str(one, "route");
		(void)json_array_append_new(
			all, json_pack("{s:O, s:O, s:O, s:b}", "id", json_object_get(one, "id"),
				       "friendlyName", json_object_get(one, "displayName"),
				       "deviceType", json_object_get(one, "deviceType"),
				       "isConnected", route && strcmp(route, "none") != 0));
	}
	json_decref(list);
	return all;
}

/* The zone's address on the web: its hub has no pages yet, but programs parse this text. */
static json_t *
hub_address(const struct pz_apps_owner *owner)
{
	json_t *hub = pz_uplink_json(owner->uplink);
	const char *host = pz_json_str(hub, "host");
	json_t *address = json_sprintf("https://%s/", host ? host : "");

	json_decref(hub);
	return address;
}

static json_t *
on_zone(void *arg)
{
	const struct pz_apps_owner *owner = arg;
	const struct pz_membership *m = owner->zone->membership;
	bool is_up = pz_uplink_is_up(owner->uplink);

	if (m == NULL)
		return json_pack("{s:[{s:s, s:s}], s:{s:s, s:s}, s:b}", "connectedDevices", "id",
				 owner->device, "friendlyName", owner->display_name, "state", "Pzh",
				 "not_connected", "Pzp", "not_connected", "enrolled", 0);
	return json_pack("{s:s, s:[{s:s, s:s, s:b, s:o}], s:{s:s, s:s}, s:b, s:o}", "pzhId",
			 m->zone, "connectedDevices", "id", m->zone, "friendlyName", m->zone,
			 "isConnected", (int)is_up, "pzp", devices(owner), "state", "Pzh",
			 state_text(is_up), "Pzp",
			 state_text(pz_peers_live_count(owner->peers) > 0), "enrolled", 1,
			 "pzhWebAddress", hub_address(owner));
}

/* ---- the end of a session ---- */

/* The session has ended: first what it called and provided, then the answers that a person gave for
 * this session only. They are stored by the app's instance, which follows the colon in its address.
 */
static void
on_ended(void *arg, const char *address)
{
	const struct pz_apps_owner *owner = arg;
	struct pz_address parts;

	pz_calls_app_gone(owner->calls, address);
	if (pz_address_parse(pz_slice_str(address), &parts) != PZ_OK)
		return;
	struct pz_slice user = parts.zone.len ? parts.zone : parts.device;
	const uint8_t *colon = memchr(parts.app.ptr, ':', parts.app.len);
	size_t id_len = colon ? (size_t)(colon - parts.app.ptr) + 1 : parts.app.len;
	struct pz_slice instance = pz_slice_of(parts.app.ptr + id_len, parts.app.len - id_len);
	pz_prompts_session_ended(owner->prompts, user, parts.device, &instance);
}

/* ---- services of apps ---- */

static bool
on_request(void *arg, const char *to, const char *id, json_t *payload,
	   const struct pz_pending_ops *ops, void *job)
{
	const struct pz_apps_owner *owner = arg;

	return pz_calls_request(owner->calls, to, id, payload, ops, job) == PZ_OK;
}

static void
on_request_cancel(void *arg, const char *to, const char *id)
{
	const struct pz_apps_owner *owner = arg;

	pz_calls_request_cancel(owner->calls, to, id);
}

static void
on_say(void *arg, const char *to, json_t *payload)
{
	const struct pz_apps_owner *owner = arg;

	(void)!pz_calls_send(owner->calls, to, payload);
}

/* ---- for the owner ---- */

static bool
on_has_manifest(void *arg, const char *id)
{
	const struct pz_apps_owner *owner = arg;

	return owner->has_manifest && owner->has_manifest(owner->manifests, id);
}

static json_t *
on_answers(void *arg, const char *id)
{
	const struct pz_apps_owner *owner = arg;
	json_t *all = pz_prompts_answers(owner->prompts), *mine = json_array(), *one;
	size_t i;

	json_array_foreach (all, i, one) {
		const char *app = pz_json_str(one, "app");
		if (app && strcmp(app, id) == 0)
			(void)json_array_append(mine, one);
	}
	json_decref(all);
	return mine;
}

static void
on_forget(void *arg, const char *id)
{
	const struct pz_apps_owner *owner = arg;
	const struct pz_membership *m = owner->zone->membership;

	pz_prompts_forget_app(owner->prompts, m ? m->zone : owner->device, owner->device, id);
}

static json_t *
on_storage(void *arg, const char *origin)
{
	const struct pz_apps_owner *owner = arg;
	struct pz_app_data_usage usage = {0, 0};

	pz_app_data_usage(owner->items, origin, &usage);
	return json_pack("{s:I, s:I}", "keys", (json_int_t)usage.keys, "bytes",
			 (json_int_t)usage.bytes);
}

static void
on_event(void *arg, json_t *takes_event)
{
	const struct pz_apps_owner *owner = arg;

	pz_watch_event(owner->requests, takes_event);
}

const struct pz_apps_ops pz_apps_owner_ops = {
	.consent = on_consent,
	.withdraw = on_withdraw,
	.may_send = on_may_send,
	.has_route = on_has_route,
	.zone = on_zone,
	.ask = on_request,
	.ask_cancel = on_request_cancel,
	.say = on_say,
	.ended = on_ended,
	.answers = on_answers,
	.has_manifest = on_has_manifest,
	.forget = on_forget,
	.storage = on_storage,
	.event = on_event,
};
