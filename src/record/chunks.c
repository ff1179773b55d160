/* A chunk is stored as it is sent, with two more members for items that every device may write: the
 * device that sent it, and the time of receipt. Its key in the space is ITEM/KEY. */
#include "record/chunks.h"

#include <stdio.h>
#include <string.h>

#include "record/record.h"
#include "wire/json.h"

#define ITEM_NAME_BYTES 32
#define KEY_VIA "via"           /* see struct pz_sync_chunk */
#define KEY_RECEIVED "received" /* ms */
#define PLACE_BYTES (ITEM_NAME_BYTES + 1 + PZ_SYNC_KEY_BYTES_MAX + 1)

enum pz_err
pz_chunks_put(const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk, const char *space,
	      struct pz_txn *txn)
{
	char place[PLACE_BYTES];

	snprintf(place, sizeof(place), "%s/%s", kind->name, chunk->key);
	json_t *record = pz_sync_chunk_to_json(chunk);
	bool is_shared =
		kind->direction == PZ_SYNC_BOTH_DIRECTIONS; /* else the hub has brought it */
	if (record && is_shared && chunk->via[0])
		(void)json_object_set_new(record, KEY_VIA, json_string(chunk->via));
	if (record && is_shared && chunk->received_ms > 0)
		(void)json_object_set_new(record, KEY_RECEIVED,
					  json_integer((json_int_t)chunk->received_ms));
	enum pz_err err = pz_record_put(txn, space, place, json_incref(record));
	if (kind->id == PZ_SYNC_ZONE_SECRET)
		pz_record_wipe(record, "value");
	json_decref(record);
	return err;
}

enum pz_err
pz_chunks_save(const struct pz_sync_item *item, const char *key, const char *space,
	       struct pz_txn *txn)
{
	const struct pz_sync_kind *kind = pz_sync_item_kind(item);
	const struct pz_sync_chunk *chunk = pz_sync_item_get(item, key);
	char place[PLACE_BYTES];

	if (chunk)
		return pz_chunks_put(kind, chunk, space, txn);
	snprintf(place, sizeof(place), "%s/%s", kind->name, key);
	return pz_txn_remove(txn, space, place);
}

enum pz_err
pz_chunks_save_all(const struct pz_sync_item *item, const char *space, struct pz_txn *txn)
{
	for (size_t i = 0; i < pz_sync_item_len(item); i++)
		PZ_TRY(pz_chunks_save(item, pz_sync_item_at(item, i)->key, space, txn));
	return PZ_OK;
}

/* Records of an older version have neither. */
static void
read_marks(const json_t *record, struct pz_sync_chunk *chunk)
{
	int64_t received = 0;

	(void)pz_json_int(record, KEY_RECEIVED, 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &received);
	pz_sync_chunk_mark(chunk, pz_json_str(record, KEY_VIA), (uint64_t)received);
}

enum pz_err
pz_chunks_read(const char *space, const char *place, struct pz_slice value,
	       const struct pz_sync_kind **out_kind, struct pz_sync_chunk **out)
{
	const char *slash = strchr(place, '/'); /* the first one: names of items have none */
	char name[ITEM_NAME_BYTES];
	json_t *record = NULL;

	if (slash == NULL || (size_t)(slash - place) >= sizeof(name))
		return PZ_ERR_PROTO;
	snprintf(name, sizeof(name), "%.*s", (int)(slash - place), place);
	const struct pz_sync_kind *kind = pz_sync_kind_find(name);
	if (kind == NULL)
		return PZ_ERR_PROTO;
	PZ_TRY(pz_record_parse(space, place, value, &record, NULL));
	enum pz_err err = pz_sync_chunk_from_json(record, out, NULL);
	if (err == PZ_OK)
		read_marks(record, *out);
	if (kind->id == PZ_SYNC_ZONE_SECRET)
		pz_record_wipe(record, "value");
	json_decref(record);
	if (err == PZ_OK)
		*out_kind = kind;
	return err;
}
