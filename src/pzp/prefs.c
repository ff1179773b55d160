/*
 * User preferences of a node (page 10, seed "User Preferences").
 *
 * Of each there may be a value of the user, of the operator's configuration, and there is a
 * default: the first of them is wanted. What counts is the active value; it follows the wanted one
 * at once, but not while there is a link to the hub or an attempt at one: then it waits for the
 * next.
 *
 * The user's values of this device are records of its own; those that hold for the whole zone are
 * synchronised (page 8, item preferences), and may be set anywhere in it. The name is of both
 * kinds: in a zone it is written into the user's details, too, where others may give this device
 * another one. The later of them counts, the device's own again when the zone is left.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pzp/appdata.h"
#include "pzp/internal.h"
#include "pzp/servicecache.h"
#include "pzp/zonedata.h"
#include "wire/json.h"
#include "zone/details.h"
#include "zone/record.h"

#define SPACE "prefs" /* key -> {value}; those of the whole zone are in zone/shared.h */

enum source {
	SOURCE_DEFAULT,
	SOURCE_CONFIGURATION,
	SOURCE_USER,
};

static const char *const source_texts[] = {"default", "configuration", "user"};

/* One preference. */
struct kept {
	struct pz_pref_value user, configured;
	bool has_user, has_configured;
	enum source source; /* of the active value */
};

struct node_prefs {
	struct pz_prefs active;
	struct kept kept[PZ_PREF_COUNT];
	struct pz_pref_value given; /* the name that the zone has for this device */
	bool has_given;
};

/* A change that the disk has not confirmed yet. */
struct change {
	struct pz_request *request;
	struct pz_node *node;
	enum pz_pref pref;
	bool is_reset;
	struct pz_pref_value value;
};

/* ---- which value counts ---- */

static void
default_value(const struct pz_node *node, enum pz_pref pref, struct pz_pref_value *out)
{
	pz_pref_default(pref, out);
	if (pref == PZ_PREF_NAME)
		snprintf(out->text, sizeof(out->text), "%s", node->device);
}

static enum source
wanted(const struct pz_node *node, enum pz_pref pref, struct pz_pref_value *out)
{
	const struct kept *kept = &node->prefs->kept[pref];

	if (pref == PZ_PREF_NAME && node->prefs->has_given) {
		*out = node->prefs->given;
		return SOURCE_USER;
	}
	if (kept->has_user) {
		*out = kept->user;
		return SOURCE_USER;
	}
	if (kept->has_configured) {
		*out = kept->configured;
		return SOURCE_CONFIGURATION;
	}
	default_value(node, pref, out);
	return SOURCE_DEFAULT;
}

static bool
is_pending(const struct pz_node *node, enum pz_pref pref, struct pz_pref_value *out)
{
	(void)wanted(node, pref, out);
	return !pz_pref_equal(out, &node->prefs->active.values[pref]);
}

/* A device that has just enrolled cannot find its peers: the hub has to be asked once. */
static bool
is_unsynchronised(const struct pz_node *node)
{
	return node->zone.membership && node->zonedata->is_new;
}

/* Seed: once connected, "any changes will only take affect the next time a PZP reconnects". */
static bool
is_held(const struct pz_node *node)
{
	enum pz_state state = node->machine.state;

	return state == PZ_STATE_CONNECTING || state == PZ_STATE_CONNECTED ||
	       state == PZ_STATE_DISCONNECTING;
}

/* Makes every wanted value the active one. @return those that changed */
static uint32_t
activate(struct pz_node *node)
{
	struct node_prefs *prefs = node->prefs;
	uint32_t changed = 0;

	for (int i = 0; i < PZ_PREF_COUNT; i++) {
		enum pz_pref pref = (enum pz_pref)i;
		struct pz_pref_value value;

		prefs->kept[i].source = wanted(node, pref, &value);
		if (!pz_pref_equal(&value, &prefs->active.values[i]))
			changed |= PZ_PREF_BIT(pref);
		prefs->active.values[i] = value;
	}
	return changed;
}

/* What of the active values is kept elsewhere too. */
static void
spread(struct pz_node *node)
{
	const struct pz_prefs *active = &node->prefs->active;
	bool is_peer_mode = strcmp(pz_prefs_text(active, PZ_PREF_CONNECTION), "hub") != 0;
	bool wants_hub = !is_peer_mode || is_unsynchronised(node);

	snprintf(node->display_name, sizeof(node->display_name), "%s",
		 pz_prefs_text(active, PZ_PREF_NAME));
	snprintf(node->device_type, sizeof(node->device_type), "%s",
		 pz_prefs_text(active, PZ_PREF_DEVICE_TYPE));
	if (wants_hub == node->machine.is_unwanted)
		pz_machine_want_hub(&node->machine, wants_hub);
	node->wishes = (struct pz_peers_wishes){
		.listen = pz_prefs_bool(active, PZ_PREF_PEER_LISTEN),
		.relay = pz_prefs_bool(active, PZ_PREF_PEER_RELAY),
		.auto_dial = pz_prefs_bool(active, PZ_PREF_PEER_AUTO),
		.is_peer_mode = is_peer_mode,
		.tls_port = (uint16_t)pz_prefs_int(active, PZ_PREF_PORTS_TLS),
	};
	pz_router_set_relaying(node->router, node->wishes.relay);
}

void
node_prefs_changed(struct pz_node *node, uint32_t changed)
{
	spread(node);
	if (changed & (PZ_PREF_BIT(PZ_PREF_PEER_LISTEN) | PZ_PREF_BIT(PZ_PREF_PORTS_TLS)))
		pz_peers_listen(node->peers);
	if ((changed & PZ_PREF_BIT(PZ_PREF_SYNC_SERVICE_CACHE)) &&
	    !pz_prefs_bool(prefs_active(node), PZ_PREF_SYNC_SERVICE_CACHE))
		servicecache_drop_others(node);
	pz_peers_wishes_changed(node->peers);
	appdata_session_began(node); /* one with a peer may be under way */
}

void
prefs_membership_changed(struct pz_node *node)
{
	if (node->prefs)
		spread(node);
}

void
prefs_hub_exchanged(struct pz_node *node)
{
	bool was_unwanted = node->machine.is_unwanted;

	spread(node);
	if (!was_unwanted && node->machine.is_unwanted && node->machine.state == PZ_STATE_CONNECTED)
		(void)pz_machine_event(&node->machine, PZ_EVENT_DISCONNECT,
				       "the first synchronisation is complete");
}

void
prefs_apply(struct pz_node *node)
{
	uint32_t changed = node->prefs ? activate(node) : 0;

	if (changed != 0)
		node_prefs_changed(node, changed);
}

const struct pz_prefs *
prefs_active(const struct pz_node *node)
{
	return &node->prefs->active;
}

const char *
prefs_name_as(const struct pz_node *node, const char *device)
{
	bool is_default = node->prefs->kept[PZ_PREF_NAME].source == SOURCE_DEFAULT;

	return is_default ? device : node->display_name;
}

/* ---- what the operator set ---- */

static enum pz_err
configure_text(struct pz_node *node, enum pz_pref pref, const char *text, struct pz_errinfo *info)
{
	struct kept *kept = &node->prefs->kept[pref];

	kept->has_configured = text != NULL;
	return text ? pz_pref_parse_text(pref, text, &kept->configured, info) : PZ_OK;
}

static void
configure_port(struct pz_node *node, enum pz_pref pref, const uint16_t *port)
{
	struct kept *kept = &node->prefs->kept[pref];

	kept->has_configured = port != NULL;
	kept->configured = (struct pz_pref_value){.number = port ? *port : 0};
}

void
prefs_configure_ports(struct pz_node *node, const uint16_t *tls_port, const uint16_t *web_port)
{
	configure_port(node, PZ_PREF_PORTS_TLS, tls_port);
	configure_port(node, PZ_PREF_PORTS_WEB, web_port);
	if (!is_held(node))
		prefs_apply(node);
}

/* ---- what the user set ---- */

struct loading {
	struct pz_node *node;
	struct pz_errinfo *info;
};

static bool
is_of_our_zone(const struct pz_node *node, const char *origin)
{
	struct pz_address address;

	if (origin == NULL || pz_address_parse(pz_slice_str(origin), &address) != PZ_OK)
		return false;
	return address.zone.len == 0 ||
	       (node->zone.membership &&
		pz_slice_eq_str(address.zone, node->zone.membership->zone));
}

static void
remove_old(const struct pz_node *node, const char *key)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn && pz_txn_remove(txn, SPACE, key) == PZ_OK)
		pz_store_commit(node->config.store, PZ_TAKE(txn), NULL, NULL);
	pz_txn_free(txn);
}

/* An older version kept it here. The old record goes at a later start, when the new one is on disk:
 * one of two commits may fail. */
static void
move_to_shared(struct pz_node *node, enum pz_pref pref, const json_t *record)
{
	const char *key = pz_pref_table[pref].key;
	char *text = json_dumps(json_object_get(record, "value"), JSON_ENCODE_ANY | JSON_COMPACT);
	const char *origin = json_string_value(json_object_get(record, "origin"));
	const struct pz_sync_item *item =
		pz_shared_item(node->zonedata->shared, pz_sync_kind(PZ_SYNC_PREFERENCES));

	if (pz_sync_item_get(item, key))
		remove_old(node, key);
	else if (text && is_of_our_zone(node, origin) &&
		 pz_shared_write(node->zonedata->shared, PZ_SYNC_PREFERENCES, key, text, NULL, NULL,
				 NULL) != PZ_OK)
		pz_warning("store", "preference=%s the value that was set is not used", key);
	free(text);
}

/* A key or value that this version does not know is from another one, and no reason not to start.
 */
static enum pz_err
load_one(void *arg, const char *key, struct pz_slice text)
{
	const struct loading *loading = arg;
	struct pz_errinfo why = {""};
	json_t *record = NULL;
	enum pz_pref pref;

	if (pz_pref_find(key, &pref, NULL) != PZ_OK)
		return PZ_OK;
	struct kept *kept = &loading->node->prefs->kept[pref];
	PZ_TRY(pz_record_parse(SPACE, key, text, &record, loading->info));
	if (pz_pref_table[pref].is_zone)
		move_to_shared(loading->node, pref, record);
	else if (pz_pref_parse_json(pref, json_object_get(record, "value"), &kept->user, &why) ==
		 PZ_OK)
		kept->has_user = true;
	else
		pz_warning("preference", "the stored value is left out: %s", why.text);
	json_decref(record);
	return PZ_OK;
}

/* One that holds for the whole zone, as it was last synchronised. */
static void
read_shared(struct pz_node *node, enum pz_pref pref)
{
	struct kept *kept = &node->prefs->kept[pref];
	const char *text = pz_shared_value(node->zonedata->shared, PZ_SYNC_PREFERENCES,
					   pz_pref_table[pref].key);
	json_t *value = text ? pz_json_parse(pz_slice_str(text), NULL) : NULL;

	kept->has_user = value && pz_pref_parse_json(pref, value, &kept->user, NULL) == PZ_OK;
	json_decref(value);
}

/* The name that stands in the zone's data, given by others or by us. */
static void
read_given(struct pz_node *node)
{
	const struct pz_membership *m = node->zone.membership;
	char key[PZ_DETAILS_KEY_CHARS], *text = NULL;

	if (m) {
		pz_details_key(m->device, key);
		text = pz_shared_text(node->zonedata->shared, PZ_SYNC_USER_DETAILS, key);
	}
	node->prefs->has_given =
		text && pz_pref_parse_text(PZ_PREF_NAME, text, &node->prefs->given, NULL) == PZ_OK;
	free(text);
}

enum pz_err
prefs_load(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_node_config *c = &node->config;
	struct loading loading = {node, info};

	node->prefs = calloc(1, sizeof(*node->prefs));
	if (node->prefs == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(configure_text(node, PZ_PREF_NAME, c->display_name, info));
	PZ_TRY(configure_text(node, PZ_PREF_DEVICE_TYPE, c->device_type, info));
	configure_port(node, PZ_PREF_PORTS_TLS, c->tls_port);
	configure_port(node, PZ_PREF_PORTS_WEB, c->web_port);
	PZ_TRY(pz_store_load(c->store, SPACE, load_one, &loading, info));
	for (int i = 0; i < PZ_PREF_COUNT; i++)
		if (pz_pref_table[i].is_zone)
			read_shared(node, (enum pz_pref)i);
	read_given(node);
	(void)activate(node);
	spread(node);
	return PZ_OK;
}

void
prefs_free(struct node_prefs *prefs)
{
	free(prefs);
}

void
prefs_wiped(struct pz_node *node)
{
	for (int i = 0; i < PZ_PREF_COUNT; i++)
		if (pz_pref_table[i].is_zone)
			node->prefs->kept[i].has_user = false;
	node->prefs->has_given = false;
	if (!is_held(node))
		prefs_apply(node);
}

/* ---- showing ---- */

static json_t *
describe(const struct pz_node *node, enum pz_pref pref)
{
	const struct pz_pref_info *row = &pz_pref_table[pref];
	const struct node_prefs *prefs = node->prefs;
	struct pz_pref_value fallback, pending;
	char allowed[128];
	bool waits = is_pending(node, pref, &pending);

	default_value(node, pref, &fallback);
	pz_pref_allowed(pref, allowed);
	json_t *one = json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:b}", "key", row->key,
				"value", pz_pref_json(pref, &prefs->active.values[pref]), "default",
				pz_pref_json(pref, &fallback), "source",
				source_texts[prefs->kept[pref].source], "scope",
				row->is_zone ? "zone" : "device", "allowed", allowed, "meaning",
				row->meaning, "effective", row->is_effective && !waits);
	if (one && !row->is_effective)
		json_object_set_new(one, "note",
				    json_string("stored; has no effect in this version"));
	if (one && waits)
		json_object_set_new(one, "pending", pz_pref_json(pref, &pending));
	return one;
}

static json_t *
describe_all(const struct pz_node *node)
{
	json_t *list = json_array();

	for (int i = 0; list && i < PZ_PREF_COUNT; i++)
		json_array_append_new(list, describe(node, (enum pz_pref)i));
	return list;
}

json_t *
prefs_pending(const struct pz_node *node)
{
	json_t *pending = json_object();

	for (int i = 0; pending && i < PZ_PREF_COUNT; i++) {
		struct pz_pref_value value;

		if (is_pending(node, (enum pz_pref)i, &value))
			json_object_set_new(pending, pz_pref_table[i].key,
					    pz_pref_json((enum pz_pref)i, &value));
	}
	return pending;
}

/* ---- changing ---- */

/* To want the hub again is to be told to connect, also after a disconnect by hand. */
static void
return_to_hub(struct pz_node *node, bool was_unwanted)
{
	if (was_unwanted && !node->machine.is_unwanted && !node->is_stopping &&
	    node->machine.state == PZ_STATE_NOT_CONNECTED)
		(void)pz_machine_event(&node->machine, PZ_EVENT_CONNECT, NULL);
}

/* The wanted value of a preference may be another now. */
static void
settle(struct pz_node *node, enum pz_pref pref)
{
	bool was_unwanted = node->machine.is_unwanted;
	struct pz_pref_value value;
	char scratch[16];

	(void)wanted(node, pref, &value);
	pz_notice("preference", "key=%s value=%s %s", pz_pref_table[pref].key,
		  pz_pref_text(pref, &value, scratch),
		  is_held(node) ? "at the next reconnect" : "in effect");
	if (is_held(node))
		return;
	prefs_apply(node);
	return_to_hub(node, was_unwanted);
}

static void
take(struct pz_node *node, const struct change *change)
{
	struct kept *kept = &node->prefs->kept[change->pref];

	if (pz_pref_table[change->pref].is_zone) {
		read_shared(node, change->pref); /* a newer one may have come meanwhile */
	} else {
		kept->has_user = !change->is_reset;
		kept->user = change->value;
	}
	if (change->pref == PZ_PREF_NAME)
		read_given(node);
	settle(node, change->pref);
}

void
prefs_synchronised(struct pz_node *node, const json_t *keys)
{
	const json_t *key;
	enum pz_pref pref;
	size_t i;

	json_array_foreach (keys, i, key) {
		if (pz_pref_find(json_string_value(key), &pref, NULL) != PZ_OK)
			continue;
		read_shared(node, pref);
		settle(node, pref);
		if (is_unsynchronised(node))
			prefs_apply(node); /* set before this device was in the zone */
	}
}

void
prefs_named(struct pz_node *node)
{
	struct node_prefs *prefs = node->prefs;
	struct pz_pref_value value;

	read_given(node);
	prefs->kept[PZ_PREF_NAME].source = wanted(node, PZ_PREF_NAME, &value);
	if (!pz_pref_equal(&value, &prefs->active.values[PZ_PREF_NAME]))
		pz_notice("preference", "key=name this device is called otherwise in the zone");
	prefs->active.values[PZ_PREF_NAME] = value;
	spread(node);
	pz_peers_tell_soon(node->peers); /* also the same as ever: others may have heard another */
}

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	const struct change *change = arg;
	struct pz_node *node = change->node;
	struct pz_errinfo info = {""};

	if (err == PZ_OK)
		take(node, change);
	else
		(void)pz_fail(&info, err, "%s was not changed, it cannot be stored: %s",
			      pz_pref_table[change->pref].key, detail);
	if (err != PZ_OK && change->pref == PZ_PREF_NAME)
		prefs_named(node); /* the zone's half of it may be stored */
	pz_request_finish(change->request, err, info.text,
			  err == PZ_OK ? describe(node, change->pref) : NULL);
}

static enum pz_err
write_own(const struct pz_node *node, struct change *change)
{
	const char *key = pz_pref_table[change->pref].key;
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (txn && change->is_reset)
		err = pz_txn_remove(txn, SPACE, key);
	else if (txn)
		err = pz_record_put(
			txn, SPACE, key,
			json_pack("{s:o}", "value", pz_pref_json(change->pref, &change->value)));
	if (err == PZ_OK)
		pz_store_commit(node->config.store, txn, on_stored, change);
	else
		pz_txn_free(txn);
	return err;
}

/* Synchronised: that it was reset, too. */
static enum pz_err
write_shared(struct pz_node *node, struct change *change, struct pz_errinfo *info)
{
	json_t *value = pz_pref_json(change->pref, &change->value);
	char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (text)
		err = zonedata_write(node, PZ_SYNC_PREFERENCES, pz_pref_table[change->pref].key,
				     change->is_reset ? NULL : text, on_stored, change, info);
	free(text);
	json_decref(value);
	return err;
}

static void
on_name_written(void *arg, enum pz_err err, const char *detail)
{
	struct change *change = arg;

	if (err == PZ_OK) {
		err = write_own(change->node, change);
		if (err == PZ_OK)
			return;
		detail = "out of memory";
	}
	on_stored(change, err, detail);
}

/* First for the zone: what it has counts more. */
static enum pz_err
write_name(struct pz_node *node, struct change *change, struct pz_errinfo *info)
{
	PZ_AUTO_FREE char *value = pz_details_value(change->value.text);
	char key[PZ_DETAILS_KEY_CHARS];

	if (value == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	pz_details_key(node->zone.membership->device, key);
	return zonedata_write(node, PZ_SYNC_USER_DETAILS, key, change->is_reset ? NULL : value,
			      on_name_written, change, info);
}

static enum pz_err
write_change(struct pz_node *node, struct change *change, struct pz_errinfo *info)
{
	if (pz_pref_table[change->pref].is_zone)
		return write_shared(node, change, info);
	if (change->pref == PZ_PREF_NAME && node->zone.membership)
		return write_name(node, change, info);
	return write_own(node, change);
}

static const struct pz_request_kind change_kind = {.size = sizeof(struct change), .goes_on = true};

static void
submit(struct pz_request *request, const struct change *wish)
{
	struct change *change = pz_request_begin(request, &change_kind);
	struct pz_errinfo info = {""};

	if (change == NULL)
		return;
	*change = *wish;
	change->request = request;
	enum pz_err err = write_change(change->node, change, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

/* What the parameters ask for. Errors: CONFIG, NOTFOUND. */
static enum pz_err
read_wish(const json_t *params, struct change *wish, bool *out_is_change, struct pz_errinfo *info)
{
	const char *key = json_string_value(json_object_get(params, "key"));
	const json_t *value = json_object_get(params, "value");
	const json_t *reset = json_object_get(params, "reset");

	wish->is_reset = json_is_true(reset);
	*out_is_change = value || wish->is_reset;
	if (*out_is_change && key == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "which preference is meant? give its key");
	if (value && wish->is_reset)
		return pz_fail(info, PZ_ERR_CONFIG, "either a value or a reset, not both");
	if (key)
		PZ_TRY(pz_pref_find(key, &wish->pref, info));
	return value ? pz_pref_parse_json(wish->pref, value, &wish->value, info) : PZ_OK;
}

void
prefs_command(struct pz_request *request)
{
	struct pz_node *node = request->self;
	struct change wish = {.node = node};
	struct pz_errinfo info = {""};
	bool is_change = false;
	enum pz_err err = read_wish(request->params, &wish, &is_change, &info);

	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
	else if (is_change)
		submit(request, &wish);
	else if (json_is_string(json_object_get(request->params, "key")))
		pz_request_answer(request, describe(node, wish.pref));
	else
		pz_request_answer(request, describe_all(node));
}
