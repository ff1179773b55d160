#include "zone/chunks.h"

#include <stdio.h>
#include <string.h>

#include "zone/record.h"

#define ITEM_NAME_BYTES 32
#define PLACE_BYTES (ITEM_NAME_BYTES + 1 + PZ_SYNC_KEY_BYTES_MAX + 1)

enum pz_err
pz_chunks_save(const struct pz_sync_item *item, const char *key, const char *space,
	       struct pz_txn *txn)
{
	const struct pz_sync_kind *kind = pz_sync_item_kind(item);
	const struct pz_sync_chunk *chunk = pz_sync_item_get(item, key);
	char place[PLACE_BYTES];

	snprintf(place, sizeof(place), "%s/%s", kind->name, key);
	if (chunk == NULL)
		return pz_txn_remove(txn, space, place);
	json_t *record = pz_sync_chunk_to_json(chunk);
	enum pz_err err = pz_record_put(txn, space, place, json_incref(record));
	if (kind->id == PZ_SYNC_ZONE_SECRET)
		pz_record_wipe(record, "value");
	json_decref(record);
	return err;
}

enum pz_err
pz_chunks_save_all(const struct pz_sync_item *item, const char *space, struct pz_txn *txn)
{
	for (size_t i = 0; i < pz_sync_item_len(item); i++)
		PZ_TRY(pz_chunks_save(item, pz_sync_item_at(item, i)->key, space, txn));
	return PZ_OK;
}

enum pz_err
pz_chunks_read(const char *space, const char *place, struct pz_slice value,
	       const struct pz_sync_kind **out_kind, struct pz_sync_chunk **out)
{
	const char *slash = strchr(place, '/');
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
	if (kind->id == PZ_SYNC_ZONE_SECRET)
		pz_record_wipe(record, "value");
	json_decref(record);
	if (err == PZ_OK)
		*out_kind = kind;
	return err;
}
