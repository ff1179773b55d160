/*
 * Target functions: pz_shared_accept, pz_shared_received, pz_shared_load.
 * Input: byte 0: the item; byte 1: bit 0 we are the hub, bit 1 the link is that of a device (else
 * the hub's), bit 2 a deletion. Then a line each: key, origin, name of that device; the rest is the
 * value. Must hold: what is accepted was written in our zone, has a key and a value that the item
 * may have, and of lists with an owner is the owner's; it is found again at the next start, whole.
 * What is refused is explained in one line that does not show the value.
 */
#include "fuzz.h"

#include "base/codec.h"
#include "conf/prefs.h"
#include "shared/shared.h"
#include "store/memory.h"
#include "wire/json.h"

#define ZONE "alice@example.org"
#define DEVICE "laptop"

static struct pz_kit_clock world;
static struct pz_memory_disk *disk;
static struct pz_store *store;
static struct pz_shared *shared;

struct input {
	const struct pz_sync_kind *kind;
	bool is_hub, is_deleted;
	char *key, *origin, *from;
	struct pz_slice value;
};

static void
load(bool is_hub)
{
	char space[PZ_SHARED_SPACE_CHARS];
	struct pz_shared_config config = {
		.store = store,
		.env = &world.env,
		.space = space,
		.self = is_hub ? ZONE : ZONE "/" DEVICE,
	};
	size_t skipped = 0;

	pz_shared_space(is_hub ? ZONE : "", space);
	FUZZ_CHECK(pz_shared_load(&config, &shared, &skipped, NULL) == PZ_OK);
	FUZZ_CHECK(skipped == 0);
}

/* ---- what may be accepted ---- */

static void
check_text(const struct pz_sync_chunk *chunk, const json_t *value)
{
	const char *device =
		strncmp(chunk->key, PZ_SHARED_DEVICE_PREFIX, 7) == 0 ? chunk->key + 7 : NULL;
	size_t max = device ? PZ_DISPLAY_NAME_BYTES_MAX : PZ_USER_DETAIL_BYTES_MAX;

	if (device)
		FUZZ_CHECK(pz_device_is_valid(pz_slice_str(device)));
	else
		FUZZ_CHECK(strpbrk(chunk->key, "/ \"\\") == NULL &&
			   strlen(chunk->key) <= PZ_USER_FIELD_BYTES_MAX);
	FUZZ_CHECK(chunk->deleted ||
		   (json_is_string(value) && json_string_length(value) > 0 &&
		    json_string_length(value) <= max &&
		    pz_utf8_is_printable(pz_slice_str(json_string_value(value)))));
}

static void
check_preference(const struct pz_sync_chunk *chunk, const json_t *value)
{
	struct pz_pref_value ignored;
	enum pz_pref pref;

	FUZZ_CHECK(pz_pref_find(chunk->key, &pref, NULL) == PZ_OK && pz_pref_table[pref].is_zone);
	FUZZ_CHECK(chunk->deleted || pz_pref_parse_json(pref, value, &ignored, NULL) == PZ_OK);
}

static void
check_list(const struct pz_sync_chunk *chunk, const struct pz_address *origin, const char *from,
	   bool is_hub)
{
	FUZZ_CHECK(pz_slice_eq_str(origin->device, chunk->key));
	FUZZ_CHECK(from == NULL || strcmp(from, chunk->key) == 0);
	FUZZ_CHECK(is_hub || strcmp(chunk->key, DEVICE) != 0);
}

static void
check_accepted(const struct input *in, const struct pz_sync_chunk *chunk)
{
	struct pz_address origin;
	json_t *value = NULL;

	FUZZ_CHECK(pz_address_parse(pz_slice_str(chunk->origin), &origin) == PZ_OK);
	FUZZ_CHECK(pz_slice_eq_str(origin.zone, ZONE) && origin.app.len == 0);
	if (!chunk->deleted)
		FUZZ_CHECK((value = pz_json_parse(in->value, NULL)) != NULL);
	if (in->kind->id == PZ_SYNC_USER_DETAILS)
		check_text(chunk, value);
	else if (in->kind->id == PZ_SYNC_PREFERENCES)
		check_preference(chunk, value);
	else if (in->kind->id == PZ_SYNC_SERVICE_CACHE)
		check_list(chunk, &origin, in->from, in->is_hub);
	else
		FUZZ_CHECK(in->kind->id == PZ_SYNC_APP_DATA && strchr(chunk->key, ' ') != NULL);
	json_decref(value);
}

/* As a session does it; then the daemon starts again. */
static void
keep(const struct input *in, struct pz_sync_chunk *takes)
{
	json_t *keys = json_pack("[s]", takes->key);
	struct pz_sync_item *item = pz_shared_item(shared, in->kind);

	FUZZ_CHECK(keys != NULL && pz_sync_item_put(item, takes, NULL) == PZ_OK);
	pz_shared_received(shared, in->kind, keys);
	pz_kit_clock_run(&world, PZ_US_PER_S);
	pz_shared_free(shared);
	load(in->is_hub);
	const struct pz_sync_chunk *again =
		pz_sync_item_get(pz_shared_item(shared, in->kind), in->key);
	FUZZ_CHECK(again != NULL && again->deleted == in->is_deleted);
	FUZZ_CHECK(in->is_deleted ||
		   pz_slice_eq(pz_slice_of(again->value, again->value_len), in->value));
	FUZZ_CHECK(strcmp(again->origin, in->origin) == 0);
	json_decref(keys);
}

static void
try_chunk(const struct input *in)
{
	struct pz_sync_parts parts = {
		.key = in->key,
		.origin = in->origin,
		.value = in->value,
		.mtime_ms = PZ_KIT_WALL_MS,
		.deleted = in->is_deleted,
	};
	struct pz_sync_chunk *chunk = NULL;
	struct pz_errinfo info = {""};

	/* What a session has checked before it asks. */
	if (pz_sync_chunk_new(&parts, &chunk, NULL) != PZ_OK)
		return;
	enum pz_err err = pz_sync_item_check(in->kind, chunk, NULL);
	if (err == PZ_OK) {
		err = pz_shared_accept(shared, in->kind, chunk, in->from, &info);
		fuzz_check_info(err, &info);
	}
	if (err == PZ_OK) {
		check_accepted(in, chunk);
		keep(in, chunk);
		return;
	}
	if (chunk->value_len >= 32)
		FUZZ_CHECK(strstr(info.text, chunk->value) == NULL);
	pz_sync_chunk_free(chunk);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	struct input in = {.kind = pz_sync_kind(fuzz_byte(&rest) % PZ_SYNC_KIND_COUNT)};
	uint8_t flags = fuzz_byte(&rest);

	in.is_hub = flags & 1;
	in.is_deleted = flags & 4;
	in.key = fuzz_text(fuzz_line(&rest));
	in.origin = fuzz_text(fuzz_line(&rest));
	char *from = fuzz_text(fuzz_line(&rest));
	in.from = flags & 2 ? from : NULL;
	in.value = rest;
	fuzz_clock_init(&world);
	disk = pz_memory_disk_new();
	store = pz_store_new_memory(&world.env, disk, 0);
	FUZZ_CHECK(disk != NULL && store != NULL);
	load(in.is_hub);
	try_chunk(&in);
	pz_store_free(store);
	pz_shared_free(shared);
	pz_memory_disk_free(disk);
	free(in.key);
	free(in.origin);
	free(from);
	return 0;
}
