/* A disk that fills up while the zone's data is received: the node continues, and stores the data
 * later. */
#include "kit/test.h"

#include "kit/world.h"
#include "shared/shared.h"

#define ZONE "alice@example.org"

#define KEY "name"

static struct pz_kit_world w;
static struct pz_shared *shared;
static char space[PZ_SHARED_SPACE_CHARS];

static void
load(void)
{
	struct pz_shared_config config = {
		.store = w.store, .env = &w.clock.env, .space = space, .self = ZONE "/laptop"};

	assert_ok(pz_shared_load(&config, &shared, NULL, &w.info));
}

static void
pass(uint64_t us)
{
	pz_kit_clock_jump(&w.clock, us);
}

/* It was killed, and is started again. */
static void
restart(void)
{
	pz_shared_free(shared);
	pz_kit_world_restart(&w);
	load();
	pass(0);
}

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	pz_shared_space("", space);
	load();
	pass(0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_shared_free(shared);
	assert_true(pz_kit_clock_is_idle(&w.clock));
	pz_kit_world_fini(&w);
	return 0;
}

/** From the hub. */
static void
receive(const char *value)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_USER_DETAILS);
	struct pz_sync_parts parts = {.key = KEY,
				      .origin = ZONE,
				      .value = pz_slice_str(value),
				      .mtime_ms = w.clock.wall_ms};
	struct pz_sync_chunk *chunk = NULL;
	json_t *keys = json_pack("[s]", KEY);

	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	assert_ok(pz_shared_accept(shared, kind, chunk, NULL, &w.info));
	assert_ok(pz_sync_item_put(pz_shared_item(shared, kind), chunk, NULL));
	pz_shared_received(shared, kind, keys);
	json_decref(keys);
	pass(0);
}

static void
has(const char *value)
{
	const char *now = pz_shared_value(shared, PZ_SYNC_USER_DETAILS, KEY);

	if (value == NULL)
		assert_null(now);
	else
		assert_string_equal(now, value);
}

static void
what_could_not_be_stored_is_tried_again(void **state)
{
	(void)state;
	pz_memory_disk_fail_after(w.disk, 0);
	receive("\"Alice\"");
	has("\"Alice\""); /* it counts */
	pass(PZ_STORE_AGAIN_US);
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	pass(PZ_STORE_AGAIN_US);
	assert_true(pz_kit_clock_is_idle(&w.clock)); /* and that was it */
	restart();
	has("\"Alice\"");
}

static void
a_later_success_does_not_hide_it(void **state)
{
	(void)state;
	pz_memory_disk_fail_after(w.disk, 0);
	receive("\"Alice\"");
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	assert_ok(pz_shared_write(shared, PZ_SYNC_USER_DETAILS, "email", "\"a@b\"", NULL, NULL,
				  &w.info));
	pass(0);
	pz_shared_save_again(shared);
	pass(0);
	restart();
	has("\"Alice\"");
	assert_non_null(pz_shared_value(shared, PZ_SYNC_USER_DETAILS, "email"));
}

static void
what_could_not_be_forgotten_is_back_at_once(void **state)
{
	(void)state;
	receive("\"Alice\"");
	pz_memory_disk_fail_after(w.disk, 0);
	assert_ok(pz_shared_forget_key(shared, PZ_SYNC_USER_DETAILS, KEY, NULL, NULL, &w.info));
	has(NULL);
	pass(0);
	has("\"Alice\"");
	restart();
	has("\"Alice\"");
}

/* Everything was written again while a change was on its way, which failed: the disk must store
 * that it was taken back. */
static void
what_is_taken_back_does_not_stay_on_disk(void **state)
{
	(void)state;
	pz_memory_disk_fail_after(w.disk, 0);
	receive("\"Alice\""); /* not stored: everything will be */
	assert_ok(
		pz_shared_write(shared, PZ_SYNC_USER_DETAILS, KEY, "\"Eve\"", NULL, NULL, &w.info));
	pz_shared_save_again(shared);
	pz_memory_disk_fail_next(w.disk, 1); /* the change, not what was submitted after it */
	pass(0);
	has("\"Alice\"");
	pass(PZ_STORE_AGAIN_US);
	restart();
	has("\"Alice\"");
}

static void
what_is_wiped_does_not_come_back(void **state)
{
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	pz_memory_disk_fail_after(w.disk, 0);
	receive("\"Alice\"");
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	assert_ok(pz_shared_wipe(shared, false, txn));
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_shared_save_again(shared);
	pass(2 * PZ_STORE_AGAIN_US);
	assert_int_equal(pz_kit_world_count(&w, space), 0);
	pz_shared_wiped(shared, false);
	restart();
	has(NULL);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_could_not_be_stored_is_tried_again),
		TEST(a_later_success_does_not_hide_it),
		TEST(what_could_not_be_forgotten_is_back_at_once),
		TEST(what_is_taken_back_does_not_stay_on_disk),
		TEST(what_is_wiped_does_not_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
