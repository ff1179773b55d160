/* What the hub sends to a device: one table of prop statuses (page 4), one function each. */
#include <stdio.h>
#include <string.h>

#include "uplink/internal.h"
#include "wire/address.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/prop_error.h"
#include "zone/info.h"

/* ---- Update ---- */

/* Programs get only what has changed since the last event, also after a reconnect. */
static void
came_or_went(struct pz_uplink *uplink, const char *device, bool is_connected)
{
	const json_t *before = json_object_get(uplink->told, device);

	if (strcmp(device, uplink->config.device) == 0 ||
	    (before ? json_is_true(before) == is_connected : !is_connected))
		return;
	(void)json_object_set_new(uplink->told, device, json_boolean(is_connected));
	uplink->config.ops->came_or_went(uplink->config.arg, device, is_connected);
}

/* A complete Update omits the devices that are no longer in the zone. */
static void
drop_missing(struct pz_uplink *uplink)
{
	const char *device;
	json_t *value;
	void *next;

	json_object_foreach_safe (uplink->told, next, device, value) {
		if (json_object_get(uplink->directory, device))
			continue;
		if (json_is_true(value))
			came_or_went(uplink, device, false);
		json_object_del(uplink->told, device);
	}
}

static void
update_device(struct pz_uplink *uplink, json_t *entry)
{
	const struct pz_uplink_config *c = &uplink->config;
	const char *name = pz_json_str(entry, "name");

	if (name == NULL || !pz_device_is_valid(pz_slice_str(name)))
		return;
	const json_t *old = json_object_get(uplink->directory, name);
	bool is_revoked = json_is_true(json_object_get(entry, "revoked"));
	bool is_connected = !is_revoked && json_is_true(json_object_get(entry, "connected"));
	if (old == NULL && json_object_size(uplink->directory) >= PZ_DEVICES_PER_ZONE_MAX)
		return;
	if (is_revoked)
		json_object_del(uplink->directory, name);
	else
		(void)json_object_set_new(uplink->directory, name, pz_info_entry(entry));
	/* Also for a device that was not known to be connected: it may have come and gone between
	 * two Updates. */
	c->ops->device(c->arg, name, is_connected, is_revoked);
	came_or_went(uplink, name, is_connected);
	if (is_revoked) /* no name stays that the directory does not have */
		json_object_del(uplink->told, name);
}

static void
on_update(struct pz_uplink *uplink, json_t *message)
{
	json_t *devices = json_object_get(message, "PZP");
	bool is_partial = json_is_true(json_object_get(message, "partial"));
	const char *version = pz_info_text(message, "version");
	size_t i;
	json_t *entry;

	/* A long list is sent in several frames: the first replaces the list, the others add to it.
	 */
	if (!is_partial)
		json_object_clear(uplink->directory);
	if (version)
		snprintf(uplink->hub_version, sizeof(uplink->hub_version), "%s", version);
	json_array_foreach (devices, i, entry)
		update_device(uplink, entry);
	if (is_partial)
		uplink->config.ops->updated(uplink->config.arg);
	else
		drop_missing(uplink);
}

/* ---- the rest ---- */

/* A hub that does not read gets no more answers; true: this answer is skipped. */
static bool
is_unread(struct pz_uplink *uplink)
{
	size_t high = uplink->config.queue_high_bytes;

	if (uplink->link == NULL ||
	    uplink->link->session.queued <= (high ? high : PZ_QUEUE_HIGH_BYTES))
		return false;
	pz_metric_add(uplink->metrics, PZ_METRIC_messages_dropped, 1);
	return true;
}

static void
on_found_services(struct pz_uplink *uplink, json_t *message)
{
	uplink->config.ops->found(uplink->config.arg, message);
}

static void
on_friend_update(struct pz_uplink *uplink, json_t *message)
{
	uplink->config.ops->friend_update(uplink->config.arg, message);
}

/* @spec page 2 "Revocation", page 14 WIP-1 */
static void
on_revoked(struct pz_uplink *uplink, json_t *message)
{
	const char *reason = pz_json_str(message, "reason");
	struct pz_errinfo info;

	if (uplink->leave_end.active) { /* we asked for it ourselves */
		(void)pz_machine_event(&uplink->machine, PZ_EVENT_LEAVE, "left the zone");
		return;
	}
	(void)pz_fail(&info, PZ_ERR_DENIED_REVOKED, "revoked: %s",
		      reason ? reason : "no reason given");
	(void)pz_machine_event(&uplink->machine, PZ_EVENT_REVOKED, info.text);
}

static void
on_bye(struct pz_uplink *uplink, json_t *message)
{
	const char *reason = pz_json_str(message, "reason");

	pz_uplink_clone_on_bye(uplink, message);
	if (uplink->link)
		pz_link_close(uplink->link, PZ_ERR_IO_CLOSED, reason ? reason : "bye");
}

static void
on_error(struct pz_uplink *uplink, json_t *message)
{
	const char *code = pz_json_str(message, "code"), *text = pz_json_str(message, "message");
	const char *about = pz_json_str(message, "about");

	if (code && strcmp(code, pz_prop_error_code(PZ_PROP_ERROR_REFUSED)) == 0 && about && text) {
		uplink->config.ops->refused(uplink->config.arg, about, pz_json_str(message, "key"),
					    text);
		return;
	}
	pz_warning_of(&uplink->log, uplink->env, "hub-error", "code=%s about=%s %s",
		      code ? code : "?", about ? about : "?", text ? text : "");
}

static void
on_keepalive(struct pz_uplink *uplink, json_t *message)
{
	(void)uplink;
	(void)message;
}

static void
on_probe(struct pz_uplink *uplink, json_t *message)
{
	(void)message;
	if (!is_unread(uplink))
		pz_uplink_send_prop(uplink, "keepAlive", NULL);
}

static void
on_hub_moved(struct pz_uplink *uplink, json_t *message)
{
	(void)pz_uplink_on_notice(uplink, "hub", &uplink->log, message);
}

static void
on_policy_edited(struct pz_uplink *uplink, json_t *message)
{
	uplink->config.ops->policy_edited(uplink->config.arg, message);
}

static void
on_friend_result(struct pz_uplink *uplink, json_t *message)
{
	pz_uplink_friend_answered(uplink, message);
}

static const struct {
	const char *status;
	void (*handle)(struct pz_uplink *uplink, json_t *message);
} statuses[] = {
	{"Update", on_update},
	{"foundServices", on_found_services},
	{"friendUpdate", on_friend_update},
	{"revoked", on_revoked},
	{"bye", on_bye},
	{"keepAlive", on_keepalive},
	{"probe", on_probe},
	{"error", on_error},
	{"hubMoved", on_hub_moved},
	{"policyEdited", on_policy_edited},
	{"friendResult", on_friend_result},
};

static void
send_error(struct pz_uplink *uplink, enum pz_prop_error error, const char *text, const char *about)
{
	if (is_unread(uplink))
		return;
	json_t *body = json_pack("{s:s, s:s, s:s}", "code", pz_prop_error_code(error), "message",
				 text, "about", about);

	pz_uplink_send_prop(uplink, "error", body);
	json_decref(body);
}

static void
not_ours(struct pz_uplink *uplink, const char *status)
{
	if (pz_prop_is_for_hubs(status))
		send_error(uplink, PZ_PROP_ERROR_REFUSED,
			   "only the zone's hub enrols and revokes devices", status);
	else
		send_error(uplink, PZ_PROP_ERROR_UNKNOWN_STATUS,
			   "this device does not know the status", status);
}

/* Props of channels and of synchronisation. */
static bool
take_for_others(struct pz_uplink *uplink, const char *status, json_t *message)
{
	return (uplink->link && pz_link_on_channel_prop(uplink->link, status, message)) ||
	       pz_sync_link_on_prop(uplink->sync, status, message);
}

/* A prop is accepted only from the hub itself: no device may speak for it. */
void
pz_uplink_on_prop(struct pz_uplink *uplink, const struct pz_envelope *envelope)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	bool is_hubs = uplink->config.zone->membership &&
		       pz_slice_eq_str(envelope->from, uplink->config.zone->membership->zone);
	if (!is_hubs || pz_message_prop_parse(envelope, &payload, &status, &message) != PZ_OK) {
		pz_metric_add(uplink->metrics, PZ_METRIC_messages_dropped, 1);
		if (is_hubs)
			send_error(uplink, PZ_PROP_ERROR_BAD_REQUEST,
				   "a prop needs a readable payload.status", "");
		return;
	}
	size_t i = 0, n = sizeof(statuses) / sizeof(statuses[0]);
	while (i < n && strcmp(statuses[i].status, status) != 0)
		i++;
	if (!take_for_others(uplink, status, message)) {
		if (i < n)
			statuses[i].handle(uplink, message);
		else
			not_ours(uplink, status);
	}
	json_decref(payload);
}
