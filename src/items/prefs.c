/*
 * User preferences of a device (page 10, seed "User Preferences").
 *
 * Each may have a value from the user and one from the operator's configuration, and has a default:
 * the first of these is the wanted value. The active value is the one in use; it follows the wanted
 * one at once, except while there is a link to the hub or an attempt to open one: then it changes
 * before the next attempt.
 *
 * The user's values for this device are records of the device; those for the whole zone are
 * synchronised (page 8, item preferences), and can be set on every device. The name is of both
 * kinds: in a zone it is also written into the user's details, where other devices may change it.
 * The later value applies; after the zone is left, the device's own value applies again.
 */
#include "items/prefs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "items/internal.h"
#include "record/record.h"
#include "shared/details.h"
#include "wire/json.h"

/* ---- which value applies ---- */

void
pz_user_prefs_default(const struct pz_items *items, enum pz_pref pref, struct pz_pref_value *out)
{
	pz_pref_default(pref, out);
	if (pref == PZ_PREF_NAME)
		snprintf(out->text, sizeof(out->text), "%s", items->config.device);
	else if (pref == PZ_PREF_FILES_INBOX && items->config.inbox)
		snprintf(out->text, sizeof(out->text), "%s", items->config.inbox);
}

/* In a zone the name in the user's details comes first: another device may have changed it
 * later. */
enum pz_pref_source
pz_user_prefs_wanted(const struct pz_items *items, enum pz_pref pref, struct pz_pref_value *out)
{
	const struct pz_kept_pref *kept = &items->prefs.kept[pref];

	if (pref == PZ_PREF_NAME && items->prefs.has_given) {
		*out = items->prefs.given;
		return PZ_PREF_FROM_USER;
	}
	if (kept->has_user) {
		*out = kept->user;
		return PZ_PREF_FROM_USER;
	}
	if (kept->has_configured) {
		*out = kept->configured;
		return PZ_PREF_FROM_CONFIGURATION;
	}
	pz_user_prefs_default(items, pref, out);
	return PZ_PREF_FROM_DEFAULT;
}

bool
pz_user_prefs_is_pending(const struct pz_items *items, enum pz_pref pref, struct pz_pref_value *out)
{
	(void)pz_user_prefs_wanted(items, pref, out);
	return !pz_pref_equal(out, &items->prefs.active.values[pref]);
}

/* Seed: once connected, "any changes will only take affect the next time a PZP reconnects". */
static bool
is_held(const struct pz_items *items)
{
	return items->config.ops->is_held(items->config.arg);
}

/* Makes every wanted value the active one. @return those that changed */
static uint32_t
activate(struct pz_items *items)
{
	struct pz_kept_prefs *prefs = &items->prefs;
	uint32_t changed = 0;

	for (int i = 0; i < PZ_PREF_COUNT; i++) {
		enum pz_pref pref = (enum pz_pref)i;
		struct pz_pref_value value;

		prefs->kept[i].source = pz_user_prefs_wanted(items, pref, &value);
		if (!pz_pref_equal(&value, &prefs->active.values[pref]))
			changed |= PZ_PREF_BIT(pref);
		prefs->active.values[i] = value;
	}
	return changed;
}

/* The node's state machine may call this before anything was loaded. */
static void
apply(struct pz_items *items, bool is_choice)
{
	uint32_t changed = items->prefs.is_loaded ? activate(items) : 0;

	if (changed != 0)
		items->config.ops->prefs_changed(items->config.arg, changed, is_choice);
}

void
pz_user_prefs_apply(struct pz_items *items)
{
	apply(items, false);
}

const struct pz_prefs *
pz_user_prefs(const struct pz_items *items)
{
	return &items->prefs.active;
}

bool
pz_user_prefs_are_loaded(const struct pz_items *items)
{
	return items->prefs.is_loaded;
}

const char *
pz_user_prefs_name_as(const struct pz_items *items, const char *device)
{
	bool is_default = items->prefs.kept[PZ_PREF_NAME].source == PZ_PREF_FROM_DEFAULT;

	return is_default ? device : pz_prefs_text(&items->prefs.active, PZ_PREF_NAME);
}

json_t *
pz_user_prefs_pending(const struct pz_items *items)
{
	json_t *pending = json_object();

	for (int i = 0; pending && i < PZ_PREF_COUNT; i++) {
		struct pz_pref_value value;

		if (pz_user_prefs_is_pending(items, (enum pz_pref)i, &value))
			json_object_set_new(pending, pz_pref_table[i].key,
					    pz_pref_json((enum pz_pref)i, &value));
	}
	return pending;
}

/* ---- what the operator set ---- */

static enum pz_err
configure_text(struct pz_items *items, enum pz_pref pref, const char *text, struct pz_errinfo *info)
{
	struct pz_kept_pref *kept = &items->prefs.kept[pref];

	kept->has_configured = text != NULL;
	return text ? pz_pref_parse_text(pref, text, &kept->configured, info) : PZ_OK;
}

static void
configure_port(struct pz_items *items, enum pz_pref pref, const uint16_t *port)
{
	struct pz_kept_pref *kept = &items->prefs.kept[pref];

	kept->has_configured = port != NULL;
	kept->configured = (struct pz_pref_value){.number = port ? *port : 0};
}

void
pz_user_prefs_configure_ports(struct pz_items *items, const uint16_t *tls_port,
			      const uint16_t *web_port)
{
	configure_port(items, PZ_PREF_PORTS_TLS, tls_port);
	configure_port(items, PZ_PREF_PORTS_WEB, web_port);
	if (!is_held(items))
		pz_user_prefs_apply(items);
}

/* ---- what the zone's data has ---- */

/* A value for the whole zone, as last synchronised. */
static void
read_shared(struct pz_items *items, enum pz_pref pref)
{
	struct pz_kept_pref *kept = &items->prefs.kept[pref];
	const char *text =
		pz_shared_value(items->shared, PZ_SYNC_PREFERENCES, pz_pref_table[pref].key);
	json_t *value = text ? pz_json_parse(pz_slice_str(text), NULL) : NULL;

	kept->has_user = value && pz_pref_parse_json(pref, value, &kept->user, NULL) == PZ_OK;
	json_decref(value);
}

/* The name in the zone's data, set by another device or by this one. */
static void
read_given(struct pz_items *items)
{
	const struct pz_membership *m = items->config.zone->membership;
	char key[PZ_DETAILS_KEY_CHARS], *text = NULL;

	if (m) {
		pz_details_key(m->device, key);
		text = pz_shared_text(items->shared, PZ_SYNC_USER_DETAILS, key);
	}
	items->prefs.has_given =
		text && pz_pref_parse_text(PZ_PREF_NAME, text, &items->prefs.given, NULL) == PZ_OK;
	free(text);
}

/* A value was set or received, so the wanted value of the preference may differ now. */
static void
settle(struct pz_items *items, enum pz_pref pref)
{
	struct pz_pref_value value;
	char scratch[16];

	(void)pz_user_prefs_wanted(items, pref, &value);
	pz_notice("preference", "key=%s value=%s %s", pz_pref_table[pref].key,
		  pz_pref_text(pref, &value, scratch),
		  is_held(items) ? "at the next reconnect" : "in effect");
	if (!is_held(items))
		apply(items, true);
}

void
pz_user_prefs_stored(struct pz_items *items, enum pz_pref pref, const struct pz_pref_value *value)
{
	struct pz_kept_pref *kept = &items->prefs.kept[pref];

	if (pz_pref_table[pref].is_zone) {
		read_shared(items, pref); /* a newer one may have been received meanwhile */
	} else {
		kept->has_user = value != NULL;
		if (value)
			kept->user = *value;
	}
	if (pref == PZ_PREF_NAME)
		read_given(items);
	settle(items, pref);
}

void
pz_user_prefs_synchronised(struct pz_items *items, const json_t *keys, bool at_once)
{
	const json_t *key;
	enum pz_pref pref;
	size_t i;

	json_array_foreach (keys, i, key) {
		if (pz_pref_find(json_string_value(key), &pref, NULL) != PZ_OK)
			continue;
		read_shared(items, pref);
		settle(items, pref);
		if (at_once)
			pz_user_prefs_apply(items);
	}
}

void
pz_user_prefs_named(struct pz_items *items)
{
	struct pz_kept_prefs *prefs = &items->prefs;
	struct pz_pref_value value;

	read_given(items);
	prefs->kept[PZ_PREF_NAME].source = pz_user_prefs_wanted(items, PZ_PREF_NAME, &value);
	if (!pz_pref_equal(&value, &prefs->active.values[PZ_PREF_NAME]))
		pz_notice("device-renamed", "key=name this device is called otherwise in the zone");
	prefs->active.values[PZ_PREF_NAME] = value;
	items->config.ops->named(items->config.arg);
}

void
pz_user_prefs_wiped(struct pz_items *items)
{
	for (int i = 0; i < PZ_PREF_COUNT; i++)
		if (pz_pref_table[i].is_zone)
			items->prefs.kept[i].has_user = false;
	items->prefs.has_given = false;
	if (!is_held(items))
		pz_user_prefs_apply(items);
}

/* ---- the start ---- */

struct loading {
	struct pz_items *items;
	struct pz_errinfo *info;
};

static bool
is_of_our_zone(const struct pz_items *items, const char *origin)
{
	const struct pz_membership *m = items->config.zone->membership;
	struct pz_address address;

	if (origin == NULL || pz_address_parse(pz_slice_str(origin), &address) != PZ_OK)
		return false;
	return address.zone.len == 0 || (m && pz_slice_eq_str(address.zone, m->zone));
}

static void
remove_old(const struct pz_items *items, const char *key)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn && pz_txn_remove(txn, PZ_USER_PREFS_SPACE, key) == PZ_OK)
		pz_store_commit(items->config.store, PZ_TAKE(txn), NULL, NULL);
	pz_txn_free(txn);
}

/* An older version stored it in this record. The record is removed at a later start, when the new
 * one is on disk, because one of two commits may fail. */
static void
move_to_shared(struct pz_items *items, enum pz_pref pref, const json_t *record)
{
	const char *key = pz_pref_table[pref].key;
	char *text = json_dumps(json_object_get(record, "value"), JSON_ENCODE_ANY | JSON_COMPACT);
	const char *origin = json_string_value(json_object_get(record, "origin"));
	const struct pz_sync_item *item =
		pz_shared_item(items->shared, pz_sync_kind(PZ_SYNC_PREFERENCES));

	if (pz_sync_item_get(item, key))
		remove_old(items, key);
	else if (text && is_of_our_zone(items, origin) &&
		 pz_shared_write(items->shared, PZ_SYNC_PREFERENCES, key, text, NULL, NULL, NULL) !=
			 PZ_OK)
		pz_warning("preference-not-moved",
			   "preference=%s the value that was set is not used", key);
	free(text);
}

/* An unknown key or value is from another version, and must not prevent the start. */
static enum pz_err
load_one(void *arg, const char *key, struct pz_slice text)
{
	const struct loading *loading = arg;
	struct pz_errinfo why = {""};
	json_t *record = NULL;
	enum pz_pref pref;

	if (pz_pref_find(key, &pref, NULL) != PZ_OK)
		return PZ_OK;
	struct pz_kept_pref *kept = &loading->items->prefs.kept[pref];
	PZ_TRY(pz_record_parse(PZ_USER_PREFS_SPACE, key, text, &record, loading->info));
	if (pz_pref_table[pref].is_zone)
		move_to_shared(loading->items, pref, record);
	else if (pz_pref_parse_json(pref, json_object_get(record, "value"), &kept->user, &why) ==
		 PZ_OK)
		kept->has_user = true;
	else
		pz_warning("preference-left-out", "the stored value is left out: %s", why.text);
	json_decref(record);
	return PZ_OK;
}

enum pz_err
pz_user_prefs_load(struct pz_items *items, const struct pz_user_prefs_configured *configured,
		   struct pz_errinfo *info)
{
	struct loading loading = {items, info};

	PZ_TRY(configure_text(items, PZ_PREF_NAME, configured->display_name, info));
	PZ_TRY(configure_text(items, PZ_PREF_DEVICE_TYPE, configured->device_type, info));
	configure_port(items, PZ_PREF_PORTS_TLS, configured->tls_port);
	configure_port(items, PZ_PREF_PORTS_WEB, configured->web_port);
	PZ_TRY(pz_store_load(items->config.store, PZ_USER_PREFS_SPACE, load_one, &loading, info));
	for (int i = 0; i < PZ_PREF_COUNT; i++)
		if (pz_pref_table[i].is_zone)
			read_shared(items, (enum pz_pref)i);
	read_given(items);
	(void)activate(items);
	items->prefs.is_loaded = true;
	return PZ_OK;
}
