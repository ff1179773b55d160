/*
 * What a friend sees of this zone. A device is shown with its name, presence and addresses when at
 * least one of its services is visible to that zone; with its presence alone when messages between
 * the two have crossed, so that the other end's calls and streams end with it. Changes are
 * collected, as for the own devices (hosted/update.c); the last state that a friend received is
 * kept, so only differences are sent.
 */
#include <stdio.h>
#include <string.h>

#include "access/permit.h"
#include "base/auto.h"
#include "border/internal.h"
#include "hosted/conn.h"
#include "wire/json.h"

#define SHOW_DELAY_US (100 * PZ_US_PER_MS)
#define SHOW_SOON_US (2 * PZ_US_PER_MS)
#define MESSAGE_BYTES (48U << 10) /* of a list; with its last entry it fits every node's limit */

/* ---- what is visible ---- */

/* Services that a device has announced; for a device that is away, those of the zone's data. New.
 */
static json_t *
services_of(struct pz_border *border, const struct pz_member *member)
{
	json_t *list = pz_map_get(border->zone->services.announced, pz_slice_str(member->device));
	struct pz_sync_item *item =
		pz_shared_item(border->zone->shared, pz_sync_kind(PZ_SYNC_SERVICE_CACHE));
	const struct pz_sync_chunk *chunk =
		list || item == NULL ? NULL : pz_sync_item_get(item, member->device);

	if (list)
		return json_incref(list);
	return chunk && !chunk->deleted ? pz_json_read(pz_slice_of(chunk->value, chunk->value_len),
						       PZ_JSON_NUL, NULL)
					: NULL;
}

static bool
is_visible(struct pz_border *border, const json_t *descriptor, const char *caller)
{
	const char *address = pz_json_str(descriptor, "serviceAddress");
	const char *api = pz_json_str(descriptor, "api");

	return address && api &&
	       pz_access_allows(border->zone->services.access, PZ_ACCESS_SHOW, caller, address, api,
				pz_json_str(descriptor, "id"), NULL);
}

/* Files are a feature of each device, and no announced service. */
static bool
takes_files(const struct pz_border *border, const struct pz_member *member, const char *caller)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(address, sizeof(address), "%s/%s", border->zone->authority->zone, member->device);
	return pz_access_allows(border->zone->services.access, PZ_ACCESS_SHOW, caller, address,
				PZ_FILE_API, NULL, PZ_FILE_FUNCTION);
}

json_t *
pz_border_visible(struct pz_border *border, const struct pz_member *member, const char *caller)
{
	json_t *out = json_array(), *all = services_of(border, member), *one;
	size_t i;

	json_array_foreach (all, i, one)
		if (is_visible(border, one, caller))
			(void)json_array_append(out, one);
	json_decref(all);
	return out;
}

/* For a device that is away and whose services are unknown, the former result stays until the
 * policy changes. */
static bool
has_visible(struct pz_border *border, const struct pz_border_side *side,
	    const struct pz_member *member)
{
	json_t *all = services_of(border, member), *one;
	const json_t *before = json_object_get(side->shown, member->device);
	bool found = (all == NULL && !pz_member_is_connected(member) && !border->has_changed &&
		      json_object_get(before, "displayName")) ||
		     takes_files(border, member, side->zone);
	size_t i;

	json_array_foreach (all, i, one) {
		if (found)
			break;
		found = is_visible(border, one, side->zone);
	}
	json_decref(all);
	return found;
}

bool
pz_border_shows(struct pz_border *border, const char *caller, const char *device)
{
	const struct pz_member *member = pz_authority_member(border->zone->authority, device);

	if (member == NULL || member->revoked)
		return false;
	json_t *visible = pz_border_visible(border, member, caller);
	bool shows = json_array_size(visible) > 0 || takes_files(border, member, caller);
	json_decref(visible);
	return shows;
}

/* ---- entries ---- */

static void
set_new(json_t *object, const char *name, json_t *value)
{
	(void)json_object_set_new(object, name, value);
}

/* NULL: the friend is not shown the device. New. */
static json_t *
entry_of(struct pz_border *border, const struct pz_border_side *side,
	 const struct pz_member *member)
{
	bool is_seen = !member->revoked && has_visible(border, side, member);

	if (!is_seen && (member->revoked || json_object_get(side->met, member->device) == NULL))
		return NULL;
	json_t *entry = json_pack("{s:s, s:b}", "name", member->device, "connected",
				  (int)pz_member_is_connected(member));
	if (!is_seen || entry == NULL)
		return entry;
	set_new(entry, "displayName", json_string(member->display_name));
	set_new(entry, "deviceType", json_string(member->device_type));
	/* The names of an Update (page 4) differ from those of the device's own "info". */
	static const char *const of_info[] = {"addresses", "port", "listening"};
	static const char *const as[] = {"ipaddress", "port", "listening"};
	for (size_t i = 0; i < 3; i++) {
		json_t *value = json_object_get(member->info, of_info[i]);
		if (value)
			(void)json_object_set(entry, as[i], value);
	}
	if (!pz_member_is_connected(member) && member->last_seen_ms)
		set_new(entry, "lastSeen", json_integer((json_int_t)(member->last_seen_ms / 1000)));
	return entry;
}

/* Appends the changes of a device; nothing when the friend has them. */
static void
add_change(struct pz_border *border, struct pz_border_side *side, const struct pz_member *member,
	   json_t *list)
{
	json_t *entry = entry_of(border, side, member);
	const json_t *before = json_object_get(side->shown, member->device);

	if (entry && !(before && json_equal(before, entry))) {
		(void)json_object_set(side->shown, member->device, entry);
		(void)json_array_append(list, entry);
	} else if (entry == NULL && before) {
		(void)json_object_del(side->shown, member->device);
		(void)json_array_append_new(
			list, json_pack("{s:s, s:b, s:b}", "name", member->device, "hidden", 1,
					"connected", (int)pz_member_is_connected(member)));
	}
	json_decref(entry);
}

/* ---- sending ---- */

static json_t *
message_of(const json_t *head, const char *member, json_t *takes_list, bool is_partial)
{
	json_t *message = head ? json_copy((json_t *)(uintptr_t)head) : json_object();

	set_new(message, member, takes_list);
	if (is_partial)
		set_new(message, "partial", json_true());
	return message;
}

void
pz_border_send_list(struct pz_border *border, struct pz_link *link, const char *status,
		    json_t *head, const char *member, const json_t *list, bool is_partial)
{
	size_t i = 0, n = json_array_size(list);

	do {
		json_t *part = json_array();
		size_t bytes = 0;

		while (i < n && bytes < MESSAGE_BYTES) {
			json_t *one = json_array_get(list, i++);
			bytes += json_dumpb(one, NULL, 0, JSON_COMPACT);
			(void)json_array_append(part, one);
		}
		json_t *message = message_of(head, member, part, is_partial);
		pz_hosted_send_prop(border->zone, link, status, message);
		json_decref(message);
		is_partial = true;
	} while (i < n);
}

static void
send(struct pz_border *border, struct pz_border_side *side, json_t *head, const json_t *list,
     bool is_partial)
{
	pz_border_send_list(border, side->link, "Update", head, "PZP", list, is_partial);
}

/* Only what the policy shows; revoked devices never. */
void
pz_border_show_all(struct pz_border *border, struct pz_border_side *side, bool is_first)
{
	json_t *list = json_array(), *head = is_first ? json_pack("{s:b}", "first", 1) : NULL;
	size_t pos = 0;
	void *member;

	/* The state that the other end had on an earlier link ended with that link. */
	json_object_clear(side->shown);
	while (pz_map_next(border->zone->authority->members, &pos, NULL, &member))
		add_change(border, side, member, list);
	send(border, side, head, list, false);
	json_decref(head);
	json_decref(list);
}

static void
show_changes(struct pz_border *border, struct pz_border_side *side)
{
	json_t *list = json_array(), *ignored;
	const char *device;
	size_t pos = 0;
	void *member;

	if (border->has_changed)
		while (pz_map_next(border->zone->authority->members, &pos, NULL, &member))
			add_change(border, side, member, list);
	else
		json_object_foreach (border->changed, device, ignored) {
			member = pz_authority_member(border->zone->authority, device);
			if (member)
				add_change(border, side, member, list);
		}
	if (json_array_size(list) > 0)
		send(border, side, NULL, list, true);
	json_decref(list);
}

static void
on_show(struct pz_timer *timer, void *arg)
{
	struct pz_border *border = arg;
	size_t pos = 0;
	void *value;

	(void)timer;
	border->shown_us = pz_env_mono_us(border->zone->hosting->env);
	while (pz_map_next(border->sides, &pos, NULL, &value)) {
		struct pz_border_side *side = value;
		if (side->link && !side->link->closing)
			show_changes(border, side);
	}
	/* A friend without a link misses nothing: it gets the whole state when it is back. */
	json_object_clear(border->changed);
	border->has_changed = false;
}

/* ---- when ---- */

static void
show_soon(struct pz_border *border)
{
	const struct pz_env *env = border->zone->hosting->env;
	uint64_t now = pz_env_mono_us(env), due = border->shown_us + SHOW_DELAY_US;

	if (!border->show.active && !border->zone->hosting->is_stopping)
		pz_env_start(env, &border->show,
			     due > now + SHOW_SOON_US ? due - now : SHOW_SOON_US);
}

void
pz_border_show_again(struct pz_border *border, const char *device)
{
	if (pz_map_len(border->sides) == 0)
		return;
	if (device)
		set_new(border->changed, device, json_true());
	else
		border->has_changed = true;
	show_soon(border);
}

void
pz_border_met(struct pz_border *border, struct pz_border_side *side, struct pz_slice device)
{
	char name[PZ_DEVICE_BYTES_MAX + 1];

	if (device.len == 0 || device.len > PZ_DEVICE_BYTES_MAX)
		return; /* the hub itself */
	snprintf(name, sizeof(name), "%.*s", PZ_SLICE_FMT(device));
	if (json_object_get(side->met, name) ||
	    json_object_size(side->met) >= PZ_FRIEND_DEVICES_MAX ||
	    pz_authority_member(border->zone->authority, name) == NULL)
		return;
	set_new(side->met, name, json_true());
	pz_border_show_again(border, name);
}

enum pz_err
pz_border_show_init(struct pz_border *border)
{
	pz_timer_init(&border->show, on_show, border);
	border->changed = json_object();
	return border->changed ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

void
pz_border_show_fini(struct pz_border *border)
{
	pz_env_stop(border->zone->hosting->env, &border->show);
	json_decref(border->changed);
}
