/* What the hub says to a device: one table of prop statuses (page 4), one function each. */
#include <stdio.h>
#include <stdlib.h>

#include "pzp/moved.h"
#include "pzp/resend.h"
#include "pzp/twice.h"
#include "pzp/zonedata.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/prop_error.h"
#include "zone/info.h"

/* ---- Update ---- */

/* Only what has changed since watchers were last told, also over a reconnect. */
static void
tell_device(struct pz_node *node, const char *device, bool connected)
{
	const json_t *before = json_object_get(node->told, device);

	if (strcmp(device, node->device) == 0 ||
	    (before ? json_is_true(before) == connected : !connected))
		return;
	(void)json_object_set_new(node->told, device, json_boolean(connected));
	node_tell(node, json_pack("{s:s, s:s, s:b}", "event", "device", "name", device, "connected",
				  connected));
}

/* A whole Update leaves out who is not in the zone any more. */
static void
tell_missing(struct pz_node *node)
{
	const char *device;
	json_t *value;
	void *next;

	json_object_foreach_safe (node->told, next, device, value) {
		if (json_object_get(node->directory, device))
			continue;
		if (json_is_true(value))
			tell_device(node, device, false);
		json_object_del(node->told, device);
	}
}

static void
update_device(struct pz_node *node, json_t *entry)
{
	const char *name = pz_json_str(entry, "name");

	if (name == NULL || !pz_device_is_valid(pz_slice_str(name)))
		return;
	const json_t *old = json_object_get(node->directory, name);
	bool is = json_is_true(json_object_get(entry, "connected"));
	if (old == NULL && json_object_size(node->directory) >= PZ_DEVICES_PER_ZONE_MAX)
		return;
	if (json_is_true(json_object_get(entry, "revoked"))) {
		json_object_del(node->directory, name);
		json_object_del(node->known, name);
		pz_peers_forget(node->peers, name);
	} else {
		(void)json_object_set_new(node->directory, name, pz_info_entry(entry));
	}
	/* Also when we never heard that it had come: it may have come and gone between two Updates.
	 * One that we are linked with is still here. */
	if (!is && !pz_peers_has_route(node->peers, name))
		resend_device_gone(node, name);
	pz_peers_told_by_hub(node->peers, name);
	tell_device(node, name, is);
}

static void
on_update(struct pz_node *node, json_t *message)
{
	json_t *devices = json_object_get(message, "PZP");
	bool is_partial = json_is_true(json_object_get(message, "partial"));
	size_t i;
	json_t *entry;

	if (!is_partial)
		json_object_clear(node->directory);
	json_array_foreach (devices, i, entry)
		update_device(node, entry);
	if (!is_partial)
		tell_missing(node);
	if (is_partial)
		sync_on_update(node);
}

/* ---- the rest ---- */

/* A hub that does not read gets no more answers; true: this one is left out. */
static bool
is_unread(struct pz_node *node)
{
	if (node->hub.link == NULL || !node_is_choked(node, &node->hub.link->session))
		return false;
	pz_metric_add(&node->metrics, PZ_METRIC_messages_dropped, 1);
	return true;
}

static void
on_found_services(struct pz_node *node, json_t *message)
{
	discovery_found(node, message);
}

static void
on_revoked(struct pz_node *node, json_t *message)
{
	const char *reason = pz_json_str(message, "reason");
	struct pz_errinfo info;

	if (node->leave_timer.active) { /* what we asked for ourselves */
		(void)pz_machine_event(&node->machine, PZ_EVENT_LEAVE, "left the zone");
		return;
	}
	(void)pz_fail(&info, PZ_ERR_DENIED_REVOKED, "revoked: %s",
		      reason ? reason : "no reason given");
	(void)pz_machine_event(&node->machine, PZ_EVENT_REVOKED, info.text);
}

static void
on_bye(struct pz_node *node, json_t *message)
{
	const char *reason = pz_json_str(message, "reason");

	twice_on_bye(node, message);
	if (node->hub.link)
		pz_link_close(node->hub.link, PZ_ERR_IO_CLOSED, reason ? reason : "bye");
}

static void
on_error(struct pz_node *node, json_t *message)
{
	const char *code = pz_json_str(message, "code"), *text = pz_json_str(message, "message");
	const char *about = pz_json_str(message, "about");

	if (code && strcmp(code, pz_prop_error_code(PZ_PROP_ERROR_REFUSED)) == 0 && about && text) {
		sync_refused_by_hub(node, about, pz_json_str(message, "key"), text);
		return;
	}
	pz_warning_of(&node->hub_log, node->config.env, "hub-error", "code=%s about=%s %s",
		      code ? code : "?", about ? about : "?", text ? text : "");
}

static void
on_keepalive(struct pz_node *node, json_t *message)
{
	(void)node;
	(void)message;
}

static void
on_probe(struct pz_node *node, json_t *message)
{
	(void)message;
	if (!is_unread(node))
		hub_send_prop(node, "keepAlive", NULL);
}

static void
on_hub_moved(struct pz_node *node, json_t *message)
{
	(void)moved_on_prop(node, "hub", &node->hub_log, message);
}

static const struct {
	const char *status;
	void (*handle)(struct pz_node *node, json_t *message);
	bool is_harmless; /* believed also when a relay brings it */
} statuses[] = {
	{"Update", on_update, false},       {"foundServices", on_found_services, true},
	{"revoked", on_revoked, false},     {"bye", on_bye, false},
	{"keepAlive", on_keepalive, false}, {"probe", on_probe, false},
	{"error", on_error, true},          {"hubMoved", on_hub_moved, true}, /* is signed */
};

static void
send_error(struct pz_node *node, enum pz_prop_error error, const char *text, const char *about)
{
	if (is_unread(node))
		return;
	json_t *body = json_pack("{s:s, s:s, s:s}", "code", pz_prop_error_code(error), "message",
				 text, "about", about);

	hub_send_prop(node, "error", body);
	json_decref(body);
}

static void
not_ours(struct pz_node *node, const char *status)
{
	if (pz_prop_is_for_hubs(status))
		send_error(node, PZ_PROP_ERROR_REFUSED,
			   "only the zone's hub enrols and revokes devices", status);
	else
		send_error(node, PZ_PROP_ERROR_UNKNOWN_STATUS,
			   "this device does not know the status", status);
}

/* A prop counts only from the hub itself: nobody else of the zone speaks for it. */
void
node_on_hub_prop(struct pz_node *node, const struct pz_envelope *envelope, bool is_relayed)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	bool is_hubs = node->zone.membership &&
		       pz_slice_eq_str(envelope->from, node->zone.membership->zone);
	if (!is_hubs || pz_message_prop_parse(envelope, &payload, &status, &message) != PZ_OK) {
		pz_metric_add(&node->metrics, PZ_METRIC_messages_dropped, 1);
		if (is_hubs && !is_relayed)
			send_error(node, PZ_PROP_ERROR_BAD_REQUEST,
				   "a prop needs a readable payload.status", "");
		return;
	}
	size_t i = 0, n = sizeof(statuses) / sizeof(statuses[0]);
	while (i < n && strcmp(statuses[i].status, status) != 0)
		i++;
	if (pz_sync_link_on_prop(is_relayed ? NULL : node->hub_data, status, message))
		; /* the hub's own word only: a relay has a session of its own */
	else if (i < n && (statuses[i].is_harmless || !is_relayed))
		statuses[i].handle(node, message);
	else if (i < n)
		pz_metric_add(&node->metrics, PZ_METRIC_messages_dropped, 1);
	else if (!is_relayed)
		not_ours(node, status);
	json_decref(payload);
}
