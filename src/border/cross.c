/*
 * How messages across the border are judged. An answer, a receipt and a call-back belong to a
 * permitted request, and their receiver checks that (page 14 SPOOF-5). A request is judged once at
 * each hub; the provider decides (E2), whatever a hub has permitted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/permit.h"
#include "base/auto.h"
#include "border/internal.h"
#include "rpc/method.h"
#include "rpc/text.h"
#include "wire/json.h"

/* A message that crosses. */
struct crossing {
	struct pz_border *border;
	struct pz_border_side *side;
	const char *from, *to;
	bool is_entering;
};

/* Functions of ServiceDiscovery that affect only the caller (page 9, 10.1). */
static bool
is_about_caller(const struct pz_method *method)
{
	static const char *const names[] = {"ping", "cancel", "removeEventListener"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (pz_slice_eq_str(method->function, names[i]))
			return true;
	return false;
}

/* An answer would show a friend that the device exists. */
static bool
shows_to(const struct crossing *c)
{
	const char *slash = strchr(c->to, '/');
	char device[PZ_DEVICE_BYTES_MAX + 1];

	if (!c->is_entering)
		return true;
	if (slash == NULL || strcspn(slash + 1, "/") >= sizeof(device))
		return false;
	snprintf(device, sizeof(device), "%.*s", (int)strcspn(slash + 1, "/"), slash + 1);
	return pz_border_shows(c->border, c->from, device);
}

static void
note_refused(const struct crossing *c, const char *method)
{
	struct pz_hosted *zone = c->border->zone;

	pz_notice_of(&c->side->log, zone->hosting->env, "border-refused",
		     "zone=%s from=%s to=%s method=%s refused by policy where it %s the zone",
		     zone->authority->zone, c->from, c->to, method,
		     c->is_entering ? "enters" : "leaves");
}

/* @param text of the member "method", with its quotes */
static bool
may_call(const struct crossing *c, struct pz_slice text)
{
	char api[PZ_API_BYTES_MAX + 1], id[33], function[PZ_METHOD_BYTES_MAX + 1];
	struct pz_method method;
	json_t *name = pz_json_read(text, PZ_JSON_NUL, NULL);

	if (!json_is_string(name) ||
	    pz_method_parse(pz_slice_str(json_string_value(name)), &method) != PZ_OK) {
		json_decref(name); /* its receiver answers that it knows no such method */
		return true;
	}
	bool is_builtin = method.kind == PZ_METHOD_BUILTIN;
	bool is_ok = method.kind == PZ_METHOD_CALLBACK || (is_builtin && is_about_caller(&method));
	snprintf(api, sizeof(api), "%.*s", PZ_SLICE_FMT(method.api));
	snprintf(id, sizeof(id), "%.*s", PZ_SLICE_FMT(method.id));
	snprintf(function, sizeof(function), "%.*s", PZ_SLICE_FMT(method.function));
	if (!is_ok)
		is_ok = pz_access_allows(c->border->zone->services.access,
					 c->is_entering ? PZ_ACCESS_ENTER : PZ_ACCESS_LEAVE,
					 c->from, c->to, api, id[0] ? id : NULL, function);
	is_ok = is_ok && (!is_builtin || shows_to(c));
	if (!is_ok)
		note_refused(c, json_string_value(name));
	json_decref(name);
	return is_ok;
}

/* Without a method it is an answer; with two it cannot be judged. */
static bool
may_pass(const struct crossing *c, struct pz_slice element)
{
	struct pz_slice text;
	enum pz_err err = pz_json_member(element, "method", &text);

	return err == PZ_ERR_NOTFOUND || (err == PZ_OK && may_call(c, text));
}

/* The whole batch passes, or none of it. */
static bool
may_all_pass(const struct crossing *c, struct pz_slice payload)
{
	struct pz_slice rest = payload, element;
	size_t count = 0;

	if (!pz_rpc_text_is_batch(payload))
		return payload.len == 0 || may_pass(c, payload);
	while (pz_json_next(&rest, &element))
		/* A longer one would be refused by its receiver (page 7). */
		if (++count > PZ_BATCH_REQUESTS_MAX || !may_pass(c, element))
			return false;
	return true;
}

static struct pz_slice
device_of(struct pz_slice address)
{
	struct pz_address parsed;

	return pz_address_parse(address, &parsed) == PZ_OK ? parsed.device : pz_slice_of(NULL, 0);
}

bool
pz_border_may_cross(struct pz_border *border, struct pz_session *in, struct pz_session *friend_hub,
		    const struct pz_envelope *envelope)
{
	char from[PZ_ADDRESS_BYTES_MAX + 1], to[PZ_ADDRESS_BYTES_MAX + 1];
	struct pz_border_side *side = pz_border_side(border, pz_session_address(friend_hub));
	struct crossing c = {border, side, from, to, in == friend_hub};
	struct pz_slice zone = pz_session_address(friend_hub);

	/* The link of a zone that is no friend any more may take a moment to close. */
	if (side == NULL || !pz_hosted_is_friend(border->zone, zone))
		return false;
	/* The address for the answer is the requester: both are within what the link has proved. */
	struct pz_slice origin = envelope->resp_to.len ? envelope->resp_to : envelope->from;
	if (origin.len > PZ_ADDRESS_BYTES_MAX || envelope->to.len > PZ_ADDRESS_BYTES_MAX)
		return false;
	snprintf(from, sizeof(from), "%.*s", PZ_SLICE_FMT(origin));
	snprintf(to, sizeof(to), "%.*s", PZ_SLICE_FMT(envelope->to));
	if (envelope->type == PZ_MESSAGE_JSONRPC && !may_all_pass(&c, envelope->payload))
		return false;
	if (!c.is_entering && side->link) /* a call over a dead link must not wait for long */
		pz_link_watch(side->link);
	/* From now on each end gets the presence of the other (show.c). */
	pz_border_met(border, side, device_of(c.is_entering ? envelope->to : envelope->from));
	return true;
}
