/*
 * The user's details and the names of devices (page 8, item user-details; page 10, name): the
 * commands `user` and `name`, and what follows at the hub when one has changed.
 *
 * A member's record has the last word about how it is called: the device's own, which pzpInfo
 * brings, or a name that it was given in the zone. A device that is connected takes a given name
 * over, and then says it itself; one that is away, or has opted out of user details, is called so
 * until it says something else.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzh/internal.h"
#include "shared/details.h"
#include "wire/json.h"

/* ---- names ---- */

/* Of one that the zone does not know (any more): taken away, for all. */
static void
take_away(struct hub_zone *zone, const char *key)
{
	struct pz_errinfo info = {""};

	if (pz_shared_value(zone->shared, PZ_SYNC_USER_DETAILS, key) &&
	    pz_shared_write(zone->shared, PZ_SYNC_USER_DETAILS, key, NULL, NULL, NULL, &info) !=
		    PZ_OK)
		pz_error("user-details-not-removed", "zone=%s key=%s cannot be removed: %s",
			 zone->authority->zone, key, info.text);
}

/* Its own word comes by its own link, and when it shall count (page 10: at its next reconnect). */
static bool
is_own_word(const struct hub_zone *zone, const struct pz_member *member, const char *key)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(
		pz_shared_item(zone->shared, pz_sync_kind(PZ_SYNC_USER_DETAILS)), key);
	struct pz_address origin;

	if (member->session == NULL || chunk == NULL)
		return false;
	return chunk->deleted || (pz_address_parse(pz_slice_str(chunk->origin), &origin) == PZ_OK &&
				  pz_slice_eq_str(origin.device, member->device));
}

static void
take_name(struct hub_zone *zone, const char *key)
{
	const char *device = pz_details_device(key);
	struct pz_member *member = device ? pz_authority_member(zone->authority, device) : NULL;

	if (device == NULL)
		return;
	if (member == NULL || member->revoked) {
		take_away(zone, key);
		return;
	}
	PZ_AUTO_FREE char *name = pz_shared_text(zone->shared, PZ_SYNC_USER_DETAILS, key);
	const char *shown = name ? name : device;
	if (is_own_word(zone, member, key) || strcmp(member->display_name, shown) == 0)
		return;
	snprintf(member->display_name, sizeof(member->display_name), "%s", shown);
	free(member->summary);
	member->summary = NULL;
	zone_save_member(zone, member);
	zone_member_changed(zone, member);
}

void
zone_details_received(struct hub_zone *zone, const json_t *keys)
{
	const json_t *key;
	size_t i;

	json_array_foreach (keys, i, key)
		take_name(zone, json_string_value(key));
}

/* A name that was stored, but not the member's record any more: it is newer than that. */
void
zone_details_loaded(struct hub_zone *zone)
{
	const struct pz_sync_item *item =
		pz_shared_item(zone->shared, pz_sync_kind(PZ_SYNC_USER_DETAILS));

	for (size_t i = 0; i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		const char *device = pz_details_device(chunk->key);
		const struct pz_member *member =
			device ? pz_authority_member(zone->authority, device) : NULL;
		if (member && !member->revoked && !chunk->deleted &&
		    chunk->mtime_ms > member->last_seen_ms)
			take_name(zone, chunk->key);
	}
}

/* Whoever bears the name of the device next begins with his own. */
void
zone_details_membership_changed(struct hub_zone *zone, const char *device)
{
	char key[PZ_DETAILS_KEY_CHARS];

	pz_details_key(device, key);
	if (device[0])
		take_away(zone, key);
}

/* ---- the commands ---- */

static enum pz_err
on_write(void *arg, const char *key, const char *value, pz_shared_done done, void *done_arg,
	 struct pz_errinfo *info)
{
	const struct hub_zone *zone = arg;

	return pz_shared_write(zone->shared, PZ_SYNC_USER_DETAILS, key, value, done, done_arg,
			       info);
}

static void
on_written(void *arg, const char *key)
{
	struct hub_zone *zone = arg;

	pz_notice("user-details", "zone=%s key=%s changed by command", zone->authority->zone, key);
	take_name(zone, key);
}

static struct pz_details_owner
owner_of(struct hub_zone *zone)
{
	return (struct pz_details_owner){
		.shared = zone->shared, .write = on_write, .written = on_written, .arg = zone};
}

static enum pz_err
choose_zone(struct pz_request *request, struct hub_zone **out, struct pz_errinfo *info)
{
	return hub_choose_zone(hub_of(request), pz_json_str(request->params, "zone"), out, info);
}

void
zone_details_user(struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct hub_zone *zone;
	enum pz_err err = choose_zone(request, &zone, &info);

	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	const struct pz_details_owner owner = owner_of(zone);
	pz_details_user(request, &owner);
}

static enum pz_err
check_device(const struct hub_zone *zone, const char *device, struct pz_errinfo *info)
{
	const struct pz_member *member = pz_authority_member(zone->authority, device);

	if (member == NULL || member->revoked)
		return pz_fail(info, PZ_ERR_NOTFOUND, "zone %s has no device %.80s",
			       zone->authority->zone, device);
	return PZ_OK;
}

void
zone_details_name(struct pz_request *request)
{
	const char *device = pz_json_str(request->params, "device");
	struct pz_errinfo info = {""};
	struct hub_zone *zone;
	enum pz_err err = choose_zone(request, &zone, &info);

	if (err == PZ_OK)
		err = check_device(zone, device, &info);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	const struct pz_details_owner owner = owner_of(zone);
	pz_details_name(request, &owner, device);
}
