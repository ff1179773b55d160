/* Page 8: what every device of a zone may write, stored at the hub or a device. */
#include "kit/test.h"

#include "kit/world.h"
#include "service/descriptor.h"
#include "shared/shared.h"
#include "sync/merge.h"
#include "wire/json.h"

#define ZONE "alice@example.org"

#define SELF ZONE "/laptop"
#define TV ZONE "/tv"
#define DETAILS PZ_SYNC_USER_DETAILS

static struct pz_kit_world w;
static struct pz_shared *shared;
static char space[PZ_SHARED_SPACE_CHARS];

static void
load_as(const char *self, size_t skipped)
{
	struct pz_shared_config config = {
		.store = w.store, .env = &w.clock.env, .space = space, .self = self};
	size_t out = 4711;

	assert_ok(pz_shared_load(&config, &shared, &out, &w.info));
	pz_kit_clock_run(&w.clock, 0);
	assert_int_equal(out, skipped);
}

/* The daemon is killed and started again. */
static void
restart(const char *self, size_t skipped)
{
	pz_kit_world_restart(&w);
	pz_shared_free(shared);
	load_as(self, skipped);
}

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	pz_shared_space("", space);
	load_as(SELF, 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_shared_free(shared);
	pz_kit_world_fini(&w);
	return 0;
}

static void
wait_for_disk(void)
{
	pz_kit_clock_run(&w.clock, 0);
}

static enum pz_err
write_as(enum pz_sync_id id, const char *key, const char *value, enum pz_err *end)
{
	*end = PZ_ERR_INTERNAL;
	return pz_shared_write(shared, id, key, value, pz_kit_note_end, end, &w.info);
}

/* To the end. */
static enum pz_err
writes(enum pz_sync_id id, const char *key, const char *value)
{
	enum pz_err end, err = write_as(id, key, value, &end);

	assert_int_equal(end, PZ_ERR_INTERNAL); /* never from inside */
	wait_for_disk();
	return err == PZ_OK ? end : err;
}

static void
has(enum pz_sync_id id, const char *key, const char *value)
{
	const char *found = pz_shared_value(shared, id, key);

	if (value)
		assert_string_equal(found ? found : "(none)", value);
	else
		assert_null(found);
}

static const struct pz_sync_chunk *
chunk_of(enum pz_sync_id id, const char *key)
{
	return pz_sync_item_get(pz_shared_item(shared, pz_sync_kind(id)), key);
}

/* A chunk as a device sends it; value NULL: a deletion. */
static struct pz_sync_chunk *
make(const char *key, const char *value, const char *origin, uint64_t mtime_ms)
{
	struct pz_sync_parts parts = {
		.key = key,
		.origin = origin,
		.value = pz_slice_str(value ? value : ""),
		.mtime_ms = mtime_ms,
		.deleted = value == NULL,
	};
	struct pz_sync_chunk *chunk = NULL;

	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	return chunk;
}

/* As a session does it. */
static void
comes_in(enum pz_sync_id id, struct pz_sync_chunk *takes)
{
	const struct pz_sync_kind *kind = pz_sync_kind(id);
	json_t *keys = json_pack("[s]", takes->key);

	assert_ok(pz_shared_accept(shared, kind, takes, NULL, &w.info));
	assert_ok(pz_sync_item_put(pz_shared_item(shared, kind), takes, NULL));
	pz_shared_received(shared, kind, keys);
	json_decref(keys);
}

/* ---- what is kept ---- */

static void
what_is_written_lasts(void **state)
{
	(void)state;
	assert_ok(writes(DETAILS, "fullName", "\"Alice ☕\""));
	assert_ok(writes(DETAILS, PZ_SHARED_DEVICE_PREFIX "tv", "\"Kino\""));
	assert_ok(writes(PZ_SYNC_PREFERENCES, "peer.auto", "true"));
	assert_ok(writes(PZ_SYNC_APP_DATA, "http://app.example a key", "{\"a\":[1]}"));
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	assert_ok(writes(DETAILS, "phone", NULL));
	restart(SELF, 0);
	has(DETAILS, "fullName", "\"Alice ☕\"");
	has(PZ_SYNC_PREFERENCES, "peer.auto", "true");
	has(PZ_SYNC_APP_DATA, "http://app.example a key", "{\"a\":[1]}");
	has(DETAILS, "phone", NULL);
	assert_true(chunk_of(DETAILS, "phone")->deleted);
	assert_string_equal(chunk_of(DETAILS, "fullName")->origin, SELF);
	assert_int_equal(chunk_of(DETAILS, "fullName")->mtime_ms, w.clock.wall_ms);
	char *text = pz_shared_text(shared, DETAILS, PZ_SHARED_DEVICE_PREFIX "tv");
	assert_string_equal(text, "Kino");
	free(text);
	assert_null(pz_shared_text(shared, DETAILS, "phone"));
	assert_null(pz_shared_text(shared, PZ_SYNC_PREFERENCES, "peer.auto")); /* no text */
}

static void
zones_have_spaces_of_their_own(void **state)
{
	char other[PZ_SHARED_SPACE_CHARS];

	(void)state;
	pz_shared_space(ZONE, other);
	assert_string_not_equal(other, space);
	assert_int_equal(pz_kit_world_count(&w, other), 0);
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	assert_int_equal(pz_kit_world_count(&w, other), 0);
	assert_int_equal(pz_kit_world_count(&w, space), 1);
	assert_null(pz_shared_item(shared, pz_sync_kind(PZ_SYNC_CRL)));
	assert_null(pz_shared_item(shared, pz_sync_kind(PZ_SYNC_ZONE_SECRET)));
}

static void
put_record(const char *place, const char *value, const char *origin)
{
	json_t *record = json_pack("{s:s, s:s, s:I, s:s, s:b}", "key", strchr(place, '/') + 1,
				   "value", value, "mtime", (json_int_t)w.clock.wall_ms, "origin",
				   origin, "deleted", 0);
	char *text = json_dumps(record, JSON_COMPACT);

	pz_kit_world_put(&w, space, place, text);
	free(text);
	json_decref(record);
}

static void
records_that_are_not_good_are_left_out(void **state)
{
	(void)state;
	assert_ok(writes(DETAILS, "fullName", "\"Alice\""));
	pz_kit_world_put(&w, space, "user-details/a", "{");
	pz_kit_world_put(&w, space, "user-details/b", "[]");
	pz_kit_world_put(&w, space, "user-details", "{}");
	put_record("no-such-item/c", "\"x\"", SELF);
	put_record("crl/" ZONE, "x", ZONE);
	put_record("user-details/d", "\"x\"", "bob@example.org/phone");
	put_record("user-details/e", "no JSON", SELF);
	put_record("user-details/f_f", "\"x\"", SELF);
	put_record("preferences/peer.listen", "true", SELF);
	put_record("user-details/good", "\"x\"", TV);
	restart(SELF, 9);
	has(DETAILS, "fullName", "\"Alice\"");
	has(DETAILS, "good", "\"x\"");
	assert_int_equal(pz_sync_item_len(pz_shared_item(shared, pz_sync_kind(DETAILS))), 2);
}

static void
deletions_are_forgotten_after_90_days(void **state)
{
	(void)state;
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	assert_ok(writes(DETAILS, "phone", NULL));
	assert_ok(writes(DETAILS, "email", "\"a@b\""));
	w.clock.wall_ms += PZ_SYNC_DELETED_MS;
	restart(SELF, 0);
	assert_true(chunk_of(DETAILS, "phone")->deleted);
	w.clock.wall_ms += 2;
	restart(SELF, 0);
	assert_null(chunk_of(DETAILS, "phone"));
	assert_int_equal(pz_kit_world_count(&w, space), 1);
	has(DETAILS, "email", "\"a@b\"");
}

/* ---- what is good ---- */

static void
each_item_has_its_rules(void **state)
{
	char long_name[PZ_DISPLAY_NAME_BYTES_MAX + 4], long_value[PZ_USER_DETAIL_BYTES_MAX + 4];
	const struct {
		enum pz_sync_id id;
		const char *key, *value, *origin;
		enum pz_err err;
	} cases[] = {
		{PZ_SYNC_PREFERENCES, "peer.auto", "true", TV, PZ_OK},
		{PZ_SYNC_PREFERENCES, "peer.auto", NULL, TV, PZ_OK},
		{PZ_SYNC_PREFERENCES, "peer.auto", "true", ZONE, PZ_OK},
		{PZ_SYNC_PREFERENCES, "peer.auto", "\"maybe\"", TV, PZ_ERR_PROTO},
		{PZ_SYNC_PREFERENCES, "peer.auto", "tru", TV, PZ_ERR_PROTO},
		{PZ_SYNC_PREFERENCES, "peer.listen", "true", TV, PZ_ERR_NOTFOUND},
		{PZ_SYNC_PREFERENCES, "peer.listen", NULL, TV, PZ_ERR_NOTFOUND},
		{PZ_SYNC_PREFERENCES, "colour", "true", TV, PZ_ERR_NOTFOUND},
		{DETAILS, "a.b-C9", "\"x\"", TV, PZ_OK},
		{DETAILS, "phone", NULL, TV, PZ_OK},
		{DETAILS, "phone", "\"\"", TV, PZ_ERR_PROTO},
		{DETAILS, "phone", "7", TV, PZ_ERR_PROTO},
		{DETAILS, "phone", "\"a\\nb\"", TV, PZ_ERR_PROTO},
		{DETAILS, "phone", "\"a\\u0000b\"", TV, PZ_ERR_PROTO},
		{DETAILS, "phone", "\"a\" \"b\"", TV, PZ_ERR_PROTO},
		{DETAILS, "phone", long_value, TV, PZ_ERR_PROTO},
		{DETAILS, "full name", "\"x\"", TV, PZ_ERR_NOTFOUND},
		{DETAILS, "full name", NULL, TV, PZ_ERR_NOTFOUND},
		{DETAILS, "a/b", "\"x\"", TV, PZ_ERR_NOTFOUND},
		{DETAILS, "device/tv", "\"x\"", TV, PZ_OK},
		{DETAILS, "device/tv", long_name, TV, PZ_ERR_PROTO},
		{DETAILS, "device/", "\"x\"", TV, PZ_ERR_NOTFOUND},
		{DETAILS, "device/a b", "\"x\"", TV, PZ_ERR_NOTFOUND},
		{DETAILS, "phone", "\"x\"", "tv", PZ_ERR_DENIED_IDENTITY},
		{DETAILS, "phone", "\"x\"", "bob@example.org/tv", PZ_ERR_DENIED_IDENTITY},
		{DETAILS, "phone", "\"x\"", TV "/app:1", PZ_ERR_DENIED_IDENTITY},
		{PZ_SYNC_SERVICE_CACHE, "tv", "[]", TV, PZ_OK},
		{PZ_SYNC_SERVICE_CACHE, "tv", NULL, TV, PZ_OK},
		{PZ_SYNC_SERVICE_CACHE, "tv", "[]", ZONE, PZ_ERR_DENIED_IDENTITY},
		{PZ_SYNC_SERVICE_CACHE, "pc", "[]", TV, PZ_ERR_DENIED_IDENTITY},
		{PZ_SYNC_SERVICE_CACHE, "t v", "[]", TV, PZ_ERR_NOTFOUND},
		{PZ_SYNC_SERVICE_CACHE, "tv", "{}", TV, PZ_ERR_PROTO},
		{PZ_SYNC_SERVICE_CACHE, "tv", "[{}]", TV, PZ_ERR_PROTO_MEMBER},
		{PZ_SYNC_APP_DATA, "http://app.example key", "[null]", TV, PZ_OK},
		{PZ_SYNC_APP_DATA, "http://app.example", "1", TV, PZ_ERR_NOTFOUND},
		{PZ_SYNC_APP_DATA, "http://app.example ", "1", TV, PZ_ERR_NOTFOUND},
		{PZ_SYNC_APP_DATA, " key", "1", TV, PZ_ERR_NOTFOUND},
		{PZ_SYNC_APP_DATA, "http://app.example key", "hidden", TV, PZ_ERR_PROTO},
		{PZ_SYNC_CONTEXT, "x", "1", TV, PZ_ERR_NOTFOUND},
		{PZ_SYNC_ZONE_SECRET, "zone-secret", "AAAA", TV, PZ_ERR_NOTFOUND},
	};

	(void)state;
	snprintf(long_name, sizeof(long_name), "\"%0*d\"", PZ_DISPLAY_NAME_BYTES_MAX + 1, 0);
	snprintf(long_value, sizeof(long_value), "\"%0*d\"", PZ_USER_DETAIL_BYTES_MAX + 1, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pz_errinfo info = {""};
		struct pz_sync_chunk *chunk =
			make(cases[i].key, cases[i].value, cases[i].origin, w.clock.wall_ms);
		enum pz_err err =
			pz_shared_accept(shared, pz_sync_kind(cases[i].id), chunk, NULL, &info);
		if (err != cases[i].err)
			fail_msg("%s %s: %d %s", cases[i].key, cases[i].value, (int)err, info.text);
		assert_int_equal(info.text[0] == '\0', err == PZ_OK);
		assert_null(strchr(info.text, '\n'));
		assert_null(strstr(info.text, "hidden"));
		assert_null(strstr(info.text, "maybe"));
		pz_sync_chunk_free(chunk);
	}
}

static enum pz_err
accepts_list(const char *device, const char *from)
{
	char origin[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(origin, sizeof(origin), "%s/%s", ZONE, device);
	struct pz_sync_chunk *chunk = make(device, "[]", origin, w.clock.wall_ms);
	enum pz_err err =
		pz_shared_accept(shared, pz_sync_kind(PZ_SYNC_SERVICE_CACHE), chunk, from, &w.info);
	pz_sync_chunk_free(chunk);
	return err;
}

static void
a_list_of_services_is_its_owners(void **state)
{
	(void)state;
	assert_ok(accepts_list("tv", "tv"));
	assert_ok(accepts_list("tv", NULL)); /* the hub sends it */
	assert_int_equal(accepts_list("tv", "pc"), PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(accepts_list("laptop", NULL), PZ_ERR_DENIED_IDENTITY); /* our own */
	assert_int_equal(accepts_list("laptop", "laptop"), PZ_ERR_DENIED_IDENTITY);
	assert_ok(pz_shared_set_self(shared, ZONE)); /* the hub has none of its own */
	assert_ok(accepts_list("laptop", "laptop"));
	assert_int_equal(accepts_list("laptop", "tv"), PZ_ERR_DENIED_IDENTITY);
}

static void
a_list_of_services_is_checked(void **state)
{
	struct pz_descriptor d;
	struct pz_sync_chunk *chunk;
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_SERVICE_CACHE);

	(void)state;
	assert_ok(pz_descriptor_init(&d, "http://x.example/api", "X", "x", TV, NULL));
	json_t *list = json_pack("[o]", pz_descriptor_json(&d));
	char *text = json_dumps(list, JSON_COMPACT);
	chunk = make("tv", text, TV, w.clock.wall_ms);
	assert_ok(pz_shared_accept(shared, kind, chunk, "tv", &w.info));
	pz_sync_chunk_free(chunk);
	chunk = make("pc", text, ZONE "/pc", w.clock.wall_ms); /* services of tv */
	assert_int_equal(pz_shared_accept(shared, kind, chunk, "pc", &w.info),
			 PZ_ERR_DENIED_IDENTITY);
	pz_sync_chunk_free(chunk);
	free(text);
	json_decref(list);
	pz_descriptor_fini(&d);
}

static void
without_a_zone_nothing_comes_in(void **state)
{
	struct pz_sync_chunk *chunk = make("phone", "\"1\"", "laptop", w.clock.wall_ms);

	(void)state;
	assert_ok(pz_shared_set_self(shared, "laptop"));
	assert_int_equal(pz_shared_accept(shared, pz_sync_kind(DETAILS), chunk, NULL, &w.info),
			 PZ_ERR_DENIED);
	pz_sync_chunk_free(chunk);
	assert_ok(writes(DETAILS, "phone", "\"2\"")); /* but it may be written */
	assert_string_equal(chunk_of(DETAILS, "phone")->origin, "laptop");
}

/* ---- changes made here ---- */

static void
what_is_not_good_is_not_written(void **state)
{
	enum pz_err end;

	(void)state;
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	uint64_t mtime = chunk_of(DETAILS, "phone")->mtime_ms;
	w.clock.wall_ms += 1000;
	assert_int_equal(write_as(DETAILS, "phone", "\"\"", &end), PZ_ERR_PROTO);
	assert_int_equal(write_as(DETAILS, "a b", "\"x\"", &end), PZ_ERR_NOTFOUND);
	assert_int_equal(write_as(DETAILS, "", "\"x\"", &end), PZ_ERR_CONFIG);
	assert_int_equal(write_as(PZ_SYNC_PREFERENCES, "peer.listen", "true", &end),
			 PZ_ERR_NOTFOUND);
	wait_for_disk();
	assert_int_equal(end, PZ_ERR_INTERNAL); /* received nothing */
	has(DETAILS, "phone", "\"1\"");
	assert_int_equal(chunk_of(DETAILS, "phone")->mtime_ms, mtime);
	assert_null(chunk_of(DETAILS, "a b"));
	assert_null(chunk_of(PZ_SYNC_PREFERENCES, "peer.listen"));
	assert_int_equal(pz_kit_world_count(&w, space), 1);
}

static void
a_change_counts_at_once_and_ends_when_stored(void **state)
{
	enum pz_err end;

	(void)state;
	assert_ok(write_as(DETAILS, "phone", "\"1\"", &end));
	has(DETAILS, "phone", "\"1\"");
	assert_int_equal(end, PZ_ERR_INTERNAL);
	wait_for_disk();
	assert_ok(end);
	assert_ok(write_as(DETAILS, "phone", NULL, &end));
	has(DETAILS, "phone", NULL);
	wait_for_disk();
	assert_ok(end);
	assert_ok(pz_shared_write(shared, DETAILS, "phone", "\"2\"", NULL, NULL, NULL));
	wait_for_disk();
	has(DETAILS, "phone", "\"2\"");
}

static void
what_is_not_there_is_deleted_without_a_trace(void **state)
{
	(void)state;
	assert_ok(writes(DETAILS, "phone", NULL));
	assert_null(chunk_of(DETAILS, "phone"));
	assert_int_equal(pz_kit_world_count(&w, space), 0);
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	assert_ok(writes(DETAILS, "phone", NULL));
	uint64_t mtime = chunk_of(DETAILS, "phone")->mtime_ms;
	w.clock.wall_ms += 1000;
	assert_ok(writes(DETAILS, "phone", NULL)); /* twice: the first counts */
	assert_int_equal(chunk_of(DETAILS, "phone")->mtime_ms, mtime);
}

static void
a_full_disk_takes_a_change_back(void **state)
{
	(void)state;
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	pz_memory_disk_fail_after(w.disk, 0);
	w.clock.wall_ms += 1000;
	assert_int_equal(writes(DETAILS, "phone", "\"2\""), PZ_ERR_IO_FULL);
	has(DETAILS, "phone", "\"1\"");
	assert_int_equal(chunk_of(DETAILS, "phone")->mtime_ms, w.clock.wall_ms - 1000);
	assert_int_equal(writes(DETAILS, "phone", NULL), PZ_ERR_IO_FULL);
	has(DETAILS, "phone", "\"1\"");
	assert_int_equal(writes(DETAILS, "email", "\"a@b\""), PZ_ERR_IO_FULL);
	assert_null(chunk_of(DETAILS, "email"));
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	assert_ok(writes(DETAILS, "phone", "\"3\""));
	restart(SELF, 0);
	has(DETAILS, "phone", "\"3\"");
	has(DETAILS, "email", NULL);
}

static void
a_full_disk_takes_all_changes_back(void **state)
{
	enum pz_err first, second, third;

	(void)state;
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	pz_memory_disk_fail_after(w.disk, 0);
	assert_ok(write_as(DETAILS, "phone", "\"2\"", &first));
	assert_ok(write_as(DETAILS, "phone", "\"3\"", &second));
	assert_ok(write_as(DETAILS, "phone", NULL, &third));
	wait_for_disk();
	assert_int_equal(first, PZ_ERR_IO_FULL);
	assert_int_equal(second, PZ_ERR_IO_FULL);
	assert_int_equal(third, PZ_ERR_IO_FULL);
	has(DETAILS, "phone", "\"1\"");
}

static void
a_later_change_that_is_stored_stays(void **state)
{
	enum pz_err first, second;

	(void)state;
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	assert_ok(write_as(DETAILS, "phone", "\"2\"", &first));
	pz_memory_disk_fail_after(w.disk, 1);
	assert_ok(write_as(DETAILS, "phone", "\"3\"", &second));
	wait_for_disk();
	assert_ok(first);
	assert_int_equal(second, PZ_ERR_IO_FULL);
	has(DETAILS, "phone", "\"2\"");
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	restart(SELF, 0);
	has(DETAILS, "phone", "\"2\"");
}

static void
what_came_in_meanwhile_stays(void **state)
{
	enum pz_err end;

	(void)state;
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	assert_ok(write_as(DETAILS, "phone", "\"mine\"", &end));
	comes_in(DETAILS, make("phone", "\"theirs\"", TV, w.clock.wall_ms + 1000));
	wait_for_disk();
	assert_ok(end);
	has(DETAILS, "phone", "\"theirs\"");
	restart(SELF, 0); /* in the order of the changes */
	has(DETAILS, "phone", "\"theirs\"");
	pz_memory_disk_fail_after(w.disk, 0);
	w.clock.wall_ms += 2000;
	assert_ok(write_as(DETAILS, "phone", "\"again\"", &end));
	comes_in(DETAILS, make("phone", "\"theirs, too\"", TV, w.clock.wall_ms + 1000));
	wait_for_disk();
	assert_int_equal(end, PZ_ERR_IO_FULL);
	has(DETAILS, "phone", "\"theirs, too\"");
}

static void
what_came_in_is_stored(void **state)
{
	json_t *keys = json_pack("[s]", "phone");

	(void)state;
	comes_in(DETAILS, make("phone", "\"1\"", TV, w.clock.wall_ms));
	wait_for_disk();
	restart(SELF, 0);
	has(DETAILS, "phone", "\"1\"");
	/* a session takes out what is no more */
	assert_true(pz_sync_item_remove(pz_shared_item(shared, pz_sync_kind(DETAILS)), "phone"));
	pz_shared_received(shared, pz_sync_kind(DETAILS), keys);
	wait_for_disk();
	assert_int_equal(pz_kit_world_count(&w, space), 0);
	json_decref(keys);
}

static void
changes_carry_the_hubs_time(void **state)
{
	(void)state;
	pz_shared_set_ahead(shared, -3600000);
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	assert_int_equal(chunk_of(DETAILS, "phone")->mtime_ms, w.clock.wall_ms - 3600000);
	pz_shared_set_ahead(shared, 5000);
	assert_ok(writes(DETAILS, "phone", "\"2\""));
	assert_int_equal(chunk_of(DETAILS, "phone")->mtime_ms, w.clock.wall_ms + 5000);
	pz_shared_set_ahead(shared, 4000);
	assert_ok(writes(DETAILS, "phone", "\"3\"")); /* later than what it replaces */
	assert_int_equal(chunk_of(DETAILS, "phone")->mtime_ms, w.clock.wall_ms + 5001);
}

static void
it_may_end_while_a_change_is_under_way(void **state)
{
	enum pz_err end;

	(void)state;
	assert_ok(write_as(DETAILS, "phone", "\"1\"", &end));
	restart(SELF, 0);
	wait_for_disk();
	assert_int_equal(end, PZ_ERR_INTERNAL);
	has(DETAILS, "phone", NULL);
}

/* ---- a zone is joined, and left ---- */

static void
what_a_device_had_becomes_the_zones(void **state)
{
	(void)state;
	assert_ok(pz_shared_set_self(shared, "laptop"));
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	assert_ok(writes(PZ_SYNC_PREFERENCES, "peer.auto", "true"));
	uint64_t mtime = chunk_of(DETAILS, "phone")->mtime_ms;
	restart("laptop", 0);
	assert_string_equal(chunk_of(DETAILS, "phone")->origin, "laptop");
	assert_ok(pz_shared_set_self(shared, SELF));
	wait_for_disk();
	for (int i = 0; i < 2; i++) {
		assert_string_equal(chunk_of(DETAILS, "phone")->origin, SELF);
		assert_string_equal(chunk_of(PZ_SYNC_PREFERENCES, "peer.auto")->origin, SELF);
		assert_int_equal(chunk_of(DETAILS, "phone")->mtime_ms, mtime);
		restart(SELF, 0);
	}
	/* enrolled, but killed before that was stored: so at the next start */
	put_record("user-details/email", "\"a@b\"", "laptop");
	restart(SELF, 0);
	assert_string_equal(chunk_of(DETAILS, "email")->origin, SELF);
	assert_int_not_equal(pz_shared_set_self(shared, "no address at all/ /"), PZ_OK);
}

#define APP "http://app.example "

static void
fill(void)
{
	assert_ok(writes(DETAILS, "phone", "\"1\""));
	assert_ok(writes(PZ_SYNC_PREFERENCES, "peer.auto", "true"));
	assert_ok(writes(PZ_SYNC_SERVICE_CACHE, "laptop", "[]"));
	assert_ok(writes(PZ_SYNC_APP_DATA, APP "mine", "1"));
	assert_ok(writes(PZ_SYNC_APP_DATA, APP "gone", "1"));
	assert_ok(writes(PZ_SYNC_APP_DATA, APP "gone", NULL));
	comes_in(PZ_SYNC_APP_DATA, make(APP "theirs", "2", TV, w.clock.wall_ms));
	wait_for_disk();
	assert_int_equal(pz_kit_world_count(&w, space), 6);
}

static void
leave(bool keep_apps)
{
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_shared_wipe(shared, keep_apps, txn));
	has(DETAILS, "phone", "\"1\""); /* not before it is durable */
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_shared_wiped(shared, keep_apps);
	for (int i = 0; i < 2; i++) {
		has(DETAILS, "phone", NULL);
		has(PZ_SYNC_PREFERENCES, "peer.auto", NULL);
		has(PZ_SYNC_SERVICE_CACHE, "laptop", NULL);
		has(PZ_SYNC_APP_DATA, APP "theirs", NULL);
		has(PZ_SYNC_APP_DATA, APP "mine", keep_apps ? "1" : NULL);
		assert_null(chunk_of(PZ_SYNC_APP_DATA, APP "gone"));
		if (i == 0)
			restart("laptop", 0);
	}
}

static void
leaving_takes_everything(void **state)
{
	(void)state;
	fill();
	leave(false);
	assert_int_equal(pz_kit_world_count(&w, space), 0);
}

static void
leaving_keeps_what_own_apps_stored(void **state)
{
	(void)state;
	fill();
	leave(true);
	assert_int_equal(pz_kit_world_count(&w, space), 1);
	assert_string_equal(chunk_of(PZ_SYNC_APP_DATA, APP "mine")->origin, "laptop");
}

static void
a_wipe_in_memory_is_one_also_when_the_disk_fails(void **state)
{
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	fill();
	assert_ok(pz_shared_wipe(shared, true, txn));
	pz_memory_disk_fail_after(w.disk, 0);
	assert_int_equal(pz_kit_world_commit(&w, txn), PZ_ERR_IO_FULL);
	pz_shared_wiped(shared, true);
	has(DETAILS, "phone", NULL);
	has(PZ_SYNC_APP_DATA, APP "mine", "1");
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	restart(SELF, 0); /* and it is the next start's business to wipe again */
	has(DETAILS, "phone", "\"1\"");
}

static bool
is_theirs(void *arg, const struct pz_sync_chunk *chunk)
{
	return strcmp(chunk->origin, arg) == 0;
}

static void
it_forgets_without_a_trace(void **state)
{
	(void)state;
	fill();
	pz_shared_forget(shared, PZ_SYNC_APP_DATA, is_theirs, (void *)TV);
	wait_for_disk();
	has(PZ_SYNC_APP_DATA, APP "theirs", "2");
	assert_null(chunk_of(PZ_SYNC_APP_DATA, APP "mine"));
	assert_null(chunk_of(PZ_SYNC_APP_DATA, APP "gone"));
	assert_int_equal(pz_kit_world_count(&w, space), 4);
	pz_shared_forget(shared, PZ_SYNC_APP_DATA, NULL, NULL);
	wait_for_disk();
	assert_int_equal(pz_kit_world_count(&w, space), 3);
	has(DETAILS, "phone", "\"1\"");
	restart(SELF, 0);
	assert_null(chunk_of(PZ_SYNC_APP_DATA, APP "theirs"));
}

#define SHARED_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SHARED_TEST(what_is_written_lasts),
		SHARED_TEST(zones_have_spaces_of_their_own),
		SHARED_TEST(records_that_are_not_good_are_left_out),
		SHARED_TEST(deletions_are_forgotten_after_90_days),
		SHARED_TEST(each_item_has_its_rules),
		SHARED_TEST(a_list_of_services_is_its_owners),
		SHARED_TEST(a_list_of_services_is_checked),
		SHARED_TEST(without_a_zone_nothing_comes_in),
		SHARED_TEST(what_is_not_good_is_not_written),
		SHARED_TEST(a_change_counts_at_once_and_ends_when_stored),
		SHARED_TEST(what_is_not_there_is_deleted_without_a_trace),
		SHARED_TEST(a_full_disk_takes_a_change_back),
		SHARED_TEST(a_full_disk_takes_all_changes_back),
		SHARED_TEST(a_later_change_that_is_stored_stays),
		SHARED_TEST(what_came_in_meanwhile_stays),
		SHARED_TEST(what_came_in_is_stored),
		SHARED_TEST(changes_carry_the_hubs_time),
		SHARED_TEST(it_may_end_while_a_change_is_under_way),
		SHARED_TEST(what_a_device_had_becomes_the_zones),
		SHARED_TEST(leaving_takes_everything),
		SHARED_TEST(leaving_keeps_what_own_apps_stored),
		SHARED_TEST(a_wipe_in_memory_is_one_also_when_the_disk_fails),
		SHARED_TEST(it_forgets_without_a_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
