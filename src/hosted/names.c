/*
 * A member's record determines its name for people: the device's own name, which pzpInfo brings, or
 * a name that it was given in the zone. A connected device applies a given name, and then sends it
 * itself; a device that is not connected, or has opted out of user details, has the given name
 * until it sends another.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "hosted/names.h"
#include "hosted/records.h"
#include "hosted/update.h"
#include "shared/details.h"

/* The name of a device that is not in the zone: removed on all devices. */
static void
take_away(struct pz_hosted *zone, const char *key)
{
	struct pz_errinfo info = {""};

	if (pz_shared_value(zone->shared, PZ_SYNC_USER_DETAILS, key) &&
	    pz_shared_write(zone->shared, PZ_SYNC_USER_DETAILS, key, NULL, NULL, NULL, &info) !=
		    PZ_OK)
		pz_error("user-details-not-removed", "zone=%s key=%s cannot be removed: %s",
			 zone->authority->zone, key, info.text);
}

/* A connected device sends its own name itself when it comes into force (page 10: at its next
 * reconnect): until then the hub shows the former one. */
static bool
is_own_word(const struct pz_hosted *zone, const struct pz_member *member, const char *key)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(
		pz_shared_item(zone->shared, pz_sync_kind(PZ_SYNC_USER_DETAILS)), key);
	struct pz_address origin;

	if (member->session == NULL || chunk == NULL)
		return false;
	return chunk->deleted || (pz_address_parse(pz_slice_str(chunk->origin), &origin) == PZ_OK &&
				  pz_slice_eq_str(origin.device, member->device));
}

void
pz_hosted_name_changed(struct pz_hosted *zone, const char *key)
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
	pz_hosted_save_member(zone, member);
	pz_hosted_member_changed(zone, member);
}

void
pz_hosted_names_received(struct pz_hosted *zone, const json_t *keys)
{
	const json_t *key;
	size_t i;

	json_array_foreach (keys, i, key)
		pz_hosted_name_changed(zone, json_string_value(key));
}

/* A crash may have separated a name from the member's record: then the name is newer. */
void
pz_hosted_names_loaded(struct pz_hosted *zone)
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
			pz_hosted_name_changed(zone, chunk->key);
	}
}

/* The next device of that name begins with the name that it brings. */
void
pz_hosted_names_forget(struct pz_hosted *zone, const char *device)
{
	char key[PZ_DETAILS_KEY_CHARS];

	pz_details_key(device, key);
	if (device[0])
		take_away(zone, key);
}
