/* The list of received files: records of the store, the oldest of which are removed when there are
 * too many. The files themselves belong to the user. */
#include <stdio.h>
#include <string.h>

#include "record/record.h"
#include "transfer/internal.h"
#include "wire/json.h"

#define SPACE "inbox"

static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct pz_transfers *transfers = arg;
	json_t *record = NULL;

	PZ_TRY(pz_record_parse(SPACE, key, value, &record, NULL));
	/* The key is kept with the record, to remove it later. */
	(void)json_object_set_new(record, "key", json_string(key));
	return json_array_append_new(transfers->records, record) == 0 ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

enum pz_err
pz_inbox_load(struct pz_transfers *transfers, struct pz_errinfo *info)
{
	transfers->records = json_array();
	if (transfers->records == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return pz_store_load(transfers->config.store, SPACE, load_one, transfers, info);
}

json_t *
pz_inbox_find(const struct pz_transfers *transfers, const char *from, const char *id)
{
	/* From the newest: a sender that repeats a request does so soon. */
	for (size_t i = json_array_size(transfers->records); i > 0; i--) {
		json_t *record = json_array_get(transfers->records, i - 1);
		const char *its_id = pz_json_str(record, "id");
		const char *sender = pz_json_str(record, "from");
		if (its_id && sender && strcmp(its_id, id) == 0 && strcmp(sender, from) == 0)
			return record;
	}
	return NULL;
}

#define DAY_MS ((uint64_t)86400 * 1000)

static bool
is_of_day(const struct pz_transfers *transfers, const json_t *record)
{
	json_int_t at_ms = json_integer_value(json_object_get(record, "received"));

	return at_ms >= 0 && (uint64_t)at_ms + DAY_MS > pz_env_wall_ms(transfers->config.env);
}

/* Bytes of a record, and of removed records of the same party, which are added to it. */
static uint64_t
bytes_of(const json_t *record)
{
	return (uint64_t)json_integer_value(json_object_get(record, "size")) +
	       (uint64_t)json_integer_value(json_object_get(record, "before"));
}

uint64_t
pz_inbox_bytes_of_day(const struct pz_transfers *transfers, const char *device)
{
	uint64_t bytes = 0;

	for (size_t i = json_array_size(transfers->records); i > 0; i--) {
		const json_t *record = json_array_get(transfers->records, i - 1);
		const char *from = pz_json_str(record, "from");

		if (from && pz_transfer_is_same_party(device, from) && is_of_day(transfers, record))
			bytes += bytes_of(record);
	}
	return bytes;
}

/* In the order of arrival, also for two in the same millisecond. */
static void
make_key(const struct pz_transfers *transfers, char out[40])
{
	size_t count = json_array_size(transfers->records);
	const char *last = pz_json_str(json_array_get(transfers->records, count - 1), "key");

	/* 13 digits of hex for milliseconds, so that texts sort like times. */
	snprintf(out, 40, "%013llx-000", (unsigned long long)pz_env_wall_ms(transfers->config.env));
	/* Also after the clock was set back: a new record comes after the last one. */
	for (int i = 1; count > 0 && last && strcmp(out, last) <= 0 && i < 4096; i++)
		snprintf(out, 40, "%.13s-%03x", last, i);
}

/* The next record of the same party, or NULL. */
static json_t *
heir_of(const struct pz_transfers *transfers, size_t goes)
{
	const char *from = pz_json_str(json_array_get(transfers->records, goes), "from");

	for (size_t i = goes + 1; from && i < json_array_size(transfers->records); i++) {
		json_t *record = json_array_get(transfers->records, i);
		const char *other = pz_json_str(record, "from");
		if (other && pz_json_str(record, "key") && pz_transfer_is_same_party(from, other))
			return record;
	}
	return NULL;
}

/* A friend zone's bytes of the day must not be lost with removed records, neither for small files
 * of its own nor for those of others: its last record of a day stays. */
static bool
must_stay(const struct pz_transfers *transfers, size_t i)
{
	const json_t *record = json_array_get(transfers->records, i);
	const char *from = pz_json_str(record, "from");

	return from && pz_transfer_is_guest(from) && is_of_day(transfers, record) &&
	       heir_of(transfers, i) == NULL;
}

static enum pz_err
hand_over(json_t *heir, const json_t *goes, struct pz_txn *txn)
{
	json_int_t before = json_integer_value(json_object_get(heir, "before"));

	if (json_object_set_new(heir, "before", json_integer(before + (json_int_t)bytes_of(goes))))
		return PZ_ERR_LIMIT_MEMORY;
	return pz_record_put(txn, SPACE, pz_json_str(heir, "key"), json_incref(heir));
}

/* The oldest record that may be removed. There are fewer friends than records, so there is one,
 * unless friendships begin and end all day: then the oldest of all. The newest is being added, and
 * stays. */
static size_t
least_worthy(const struct pz_transfers *transfers)
{
	for (size_t i = 0; i + 1 < json_array_size(transfers->records); i++)
		if (!must_stay(transfers, i))
			return i;
	return 0;
}

static enum pz_err
make_room(struct pz_transfers *transfers, struct pz_txn *txn)
{
	while (json_array_size(transfers->records) > PZ_TRANSFER_RECORDS_MAX) {
		size_t i = least_worthy(transfers);
		const json_t *goes = json_array_get(transfers->records, i);
		const char *key = pz_json_str(goes, "key");
		json_t *heir = is_of_day(transfers, goes) ? heir_of(transfers, i) : NULL;
		if (heir)
			PZ_TRY(hand_over(heir, goes, txn));
		if (key)
			PZ_TRY(pz_txn_remove(txn, SPACE, key));
		(void)json_array_remove(transfers->records, i);
	}
	return PZ_OK;
}

void
pz_inbox_add(struct pz_transfers *transfers, json_t *takes_record, pz_store_done done, void *arg,
	     void (*drop)(void *arg))
{
	struct pz_txn *txn = pz_txn_new();
	char key[40];

	make_key(transfers, key);
	if (takes_record == NULL || txn == NULL ||
	    json_object_set_new(takes_record, "key", json_string(key)) != 0 ||
	    json_array_append(transfers->records, takes_record) != 0 ||
	    make_room(transfers, txn) != PZ_OK ||
	    pz_record_put(txn, SPACE, key, json_incref(takes_record)) != PZ_OK) {
		pz_txn_free(txn); /* it is not listed; the file exists all the same */
		txn = NULL;
	}
	json_decref(takes_record);
	if (txn == NULL) {
		done(arg, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	pz_txn_on_drop(txn, drop);
	pz_store_commit(transfers->config.store, txn, done, arg);
}

/* @param self address of this device */
static bool
is_of_other_zone(const json_t *record, const char *self)
{
	const char *from = pz_json_str(record, "from");
	size_t len = strcspn(self, "/");

	return from && strncmp(from, self, len + 1) != 0;
}

/* Members that only this device needs are left out of the copy. */
void
pz_transfers_list(struct pz_transfers *transfers, struct pz_request *request)
{
	char self[PZ_ADDRESS_BYTES_MAX + 1];
	json_t *list = json_array(), *record;
	size_t i;

	transfers->config.ops->address(transfers->config.arg, "", self);
	json_array_foreach (transfers->records, i, record) {
		json_t *copy = json_copy(record);
		(void)json_object_del(copy, "key");
		(void)json_object_del(copy, "id");
		(void)json_object_del(copy, "before");
		(void)json_object_set_new(copy, "friend",
					  json_boolean(is_of_other_zone(record, self)));
		(void)json_array_append_new(list, copy);
	}
	pz_request_answer(request, list);
}

enum pz_err
pz_transfers_wipe(struct pz_txn *txn)
{
	return pz_txn_remove_space(txn, SPACE);
}

void
pz_transfers_wiped(struct pz_transfers *transfers)
{
	(void)json_array_clear(transfers->records);
}
