/* The command `prefs`: shows preferences, and changes one. A change is answered when it is on disk.
 */
#include <stdlib.h>

#include "base/auto.h"
#include "items/internal.h"
#include "record/record.h"
#include "shared/details.h"
#include "wire/json.h"

/* A change that is not confirmed by the disk yet. */
struct change {
	struct pz_request *request;
	struct pz_items *items;
	enum pz_pref pref;
	bool is_reset;
	struct pz_pref_value value;
};

/* ---- showing ---- */

static const char *const source_texts[] = {
	[PZ_PREF_FROM_DEFAULT] = "default",
	[PZ_PREF_FROM_CONFIGURATION] = "configuration",
	[PZ_PREF_FROM_USER] = "user",
};

/* One preference as the command shows it: the active value, and a pending one. */
static json_t *
describe(const struct pz_items *items, enum pz_pref pref)
{
	const struct pz_pref_info *row = &pz_pref_table[pref];
	const struct pz_kept_prefs *prefs = &items->prefs;
	struct pz_pref_value fallback, pending;
	char allowed[128];
	bool waits = pz_user_prefs_is_pending(items, pref, &pending);

	pz_user_prefs_default(items, pref, &fallback);
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
describe_all(const struct pz_items *items)
{
	json_t *list = json_array();

	for (int i = 0; list && i < PZ_PREF_COUNT; i++)
		json_array_append_new(list, describe(items, (enum pz_pref)i));
	return list;
}

/* ---- changing ---- */

/* Durable first: the value becomes the wanted one only now. */
static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	const struct change *change = arg;
	struct pz_items *items = change->items;
	struct pz_errinfo info = {""};

	if (err == PZ_OK)
		pz_user_prefs_stored(items, change->pref, change->is_reset ? NULL : &change->value);
	else
		(void)pz_fail(&info, err, "%s was not changed, it cannot be stored: %s",
			      pz_pref_table[change->pref].key, detail);
	if (err != PZ_OK && change->pref == PZ_PREF_NAME)
		pz_user_prefs_named(items); /* the half of it in the zone's data may be stored */
	pz_request_finish(change->request, err, info.text,
			  err == PZ_OK ? describe(items, change->pref) : NULL);
}

/* A preference of this device: a record of its own, which a reset removes. */
static enum pz_err
write_own(struct change *change)
{
	const char *key = pz_pref_table[change->pref].key;
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (txn && change->is_reset)
		err = pz_txn_remove(txn, PZ_USER_PREFS_SPACE, key);
	else if (txn)
		err = pz_record_put(
			txn, PZ_USER_PREFS_SPACE, key,
			json_pack("{s:o}", "value", pz_pref_json(change->pref, &change->value)));
	if (err == PZ_OK)
		pz_store_commit(change->items->config.store, txn, on_stored, change);
	else
		pz_txn_free(txn);
	return err;
}

/* A reset is synchronised too, as a deletion. */
static enum pz_err
write_shared(struct change *change, struct pz_errinfo *info)
{
	json_t *value = pz_pref_json(change->pref, &change->value);
	char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (text)
		err = pz_items_write(change->items, PZ_SYNC_PREFERENCES,
				     pz_pref_table[change->pref].key,
				     change->is_reset ? NULL : text, on_stored, change, info);
	free(text);
	json_decref(value);
	return err;
}

/* The second half of a name in a zone: the record of this device, which outlives the zone. */
static void
on_name_written(void *arg, enum pz_err err, const char *detail)
{
	struct change *change = arg;

	if (err == PZ_OK) {
		err = write_own(change);
		if (err == PZ_OK)
			return;
		detail = "out of memory";
	}
	on_stored(change, err, detail);
}

/* The zone's half is written first, because its value takes precedence. */
static enum pz_err
write_name(struct change *change, struct pz_errinfo *info)
{
	PZ_AUTO_FREE char *value = pz_details_value(change->value.text);
	char key[PZ_DETAILS_KEY_CHARS];

	if (value == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	pz_details_key(change->items->config.zone->membership->device, key);
	return pz_items_write(change->items, PZ_SYNC_USER_DETAILS, key,
			      change->is_reset ? NULL : value, on_name_written, change, info);
}

/* Chooses among the three ways in which a preference is stored. */
static enum pz_err
write_change(struct change *change, struct pz_errinfo *info)
{
	if (pz_pref_table[change->pref].is_zone)
		return write_shared(change, info);
	if (change->pref == PZ_PREF_NAME && change->items->config.zone->membership)
		return write_name(change, info);
	return write_own(change);
}

static const struct pz_request_kind change_kind = {.size = sizeof(struct change), .goes_on = true};

static void
submit(struct pz_request *request, const struct change *wish)
{
	struct change *change = pz_request_begin(request, &change_kind);
	struct pz_errinfo info = {""};

	if (change == NULL) /* and that has ended the request */
		return;
	*change = *wish;
	change->request = request;
	enum pz_err err = write_change(change, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

/* Reads what the parameters request. Errors: CONFIG, NOTFOUND. */
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
pz_user_prefs_command(struct pz_items *items, struct pz_request *request)
{
	struct change wish = {.items = items};
	struct pz_errinfo info = {""};
	bool is_change = false;
	enum pz_err err = read_wish(request->params, &wish, &is_change, &info);

	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
	else if (is_change)
		submit(request, &wish);
	else if (json_is_string(json_object_get(request->params, "key")))
		pz_request_answer(request, describe(items, wish.pref));
	else
		pz_request_answer(request, describe_all(items));
}
