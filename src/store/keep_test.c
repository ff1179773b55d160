/* Data that applies before it is stored: what a commit could not store is stored later,
 * completely. */
#include "kit/test.h"

#include <string.h>

#include "base/limits.h"
#include "kit/world.h"
#include "store/keep.h"

#define SPACE "things"

static struct {
	struct pz_kit_world world;
	struct pz_keep keep;
	const char *memory; /* one value; "": none */
	bool is_refusing;
	char loaded[16];
} w;

static enum pz_err
put(struct pz_txn *txn)
{
	return w.memory[0] ? pz_txn_put(txn, SPACE, "a", pz_slice_str(w.memory))
			   : pz_txn_remove(txn, SPACE, "a");
}

static enum pz_err
save(void *arg, struct pz_txn *txn)
{
	(void)arg;
	if (w.is_refusing)
		return PZ_ERR_DENIED;
	if (pz_txn_remove_space(txn, SPACE) != PZ_OK)
		return PZ_ERR_LIMIT_MEMORY;
	return put(txn);
}

static void
change(const char *value)
{
	struct pz_txn *txn = pz_txn_new();

	w.memory = value;
	assert_ok(put(txn));
	pz_keep_commit(&w.keep, txn);
	pz_kit_clock_jump(&w.world.clock, 0);
}

static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	(void)arg;
	(void)key;
	memcpy(w.loaded, value.ptr, value.len);
	w.loaded[value.len] = '\0';
	return PZ_OK;
}

static void
disk_has(const char *value)
{
	w.loaded[0] = '\0';
	assert_ok(pz_store_load(w.world.store, SPACE, load_one, NULL, NULL));
	assert_string_equal(w.loaded, value);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	pz_kit_world_init(&w.world, 0);
	pz_keep_init(&w.keep, &(struct pz_keep_config){.store = w.world.store,
						       .env = &w.world.clock.env,
						       .what = "it",
						       .save = save});
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_keep_stop(&w.keep);
	pz_kit_world_fini(&w.world);
	assert_true(pz_kit_clock_is_idle(&w.world.clock));
	return 0;
}

static void
what_is_stored_is_stored_once(void **state)
{
	(void)state;
	change("one");
	disk_has("one");
	assert_true(pz_kit_clock_is_idle(&w.world.clock));
	pz_keep_save_now(&w.keep);
	assert_int_equal(w.keep.saves, 0);
}

static void
a_failure_is_made_good_after_a_while(void **state)
{
	(void)state;
	pz_memory_disk_fail_after(w.world.disk, 0);
	change("one");
	pz_kit_clock_jump(&w.world.clock, 3 * PZ_STORE_AGAIN_US);
	disk_has("");
	assert_true(w.keep.is_behind);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	pz_kit_clock_jump(&w.world.clock, PZ_STORE_AGAIN_US);
	disk_has("one");
	assert_false(w.keep.is_behind);
	assert_true(pz_kit_clock_is_idle(&w.world.clock));
}

/* What is removed in memory is removed from the disk, too. */
static void
a_removal_that_failed_is_made_good(void **state)
{
	(void)state;
	change("one");
	pz_memory_disk_fail_next(w.world.disk, 1);
	change("");
	disk_has("one");
	pz_keep_save_now(&w.keep);
	pz_kit_clock_jump(&w.world.clock, 0);
	disk_has("");
}

static void
a_failure_behind_an_attempt_counts(void **state)
{
	struct pz_txn *txn = pz_txn_new();

	(void)state;
	pz_memory_disk_fail_next(w.world.disk, 1);
	change("one");
	pz_keep_save_now(&w.keep); /* with "one" */
	w.memory = "two";
	assert_ok(put(txn));
	pz_keep_commit(&w.keep, txn);
	pz_memory_disk_fail_after(w.world.disk, 1);
	pz_kit_clock_jump(&w.world.clock, 0);
	disk_has("one");
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	pz_kit_clock_jump(&w.world.clock, PZ_STORE_AGAIN_US);
	disk_has("two");
}

static void
what_cannot_be_written_now_is_tried_again(void **state)
{
	(void)state;
	w.is_refusing = true;
	w.memory = "one";
	pz_keep_failed(&w.keep, PZ_ERR_LIMIT_MEMORY, "");
	pz_kit_clock_jump(&w.world.clock, PZ_STORE_AGAIN_US);
	disk_has("");
	w.is_refusing = false;
	pz_kit_clock_jump(&w.world.clock, PZ_STORE_AGAIN_US);
	disk_has("one");
}

static void
what_is_stopped_stays_so(void **state)
{
	(void)state;
	pz_memory_disk_fail_after(w.world.disk, 0);
	change("one");
	pz_keep_save_now(&w.keep);
	pz_keep_stop(&w.keep);
	pz_kit_clock_jump(&w.world.clock, 0); /* the attempt fails */
	assert_true(pz_kit_clock_is_idle(&w.world.clock));
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	change("two");
	disk_has("two");
}

/* A retry must not bring back what is removed. */
static void
what_has_ended_is_not_written_again(void **state)
{
	(void)state;
	pz_memory_disk_fail_after(w.world.disk, 0);
	change("one");
	pz_keep_end(&w.keep);
	change("two");
	assert_true(pz_kit_clock_is_idle(&w.world.clock));
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	pz_keep_resume(&w.keep, "it is still there");
	pz_kit_clock_jump(&w.world.clock, PZ_STORE_AGAIN_US);
	disk_has("two");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_stored_is_stored_once),
		TEST(a_failure_is_made_good_after_a_while),
		TEST(a_removal_that_failed_is_made_good),
		TEST(a_failure_behind_an_attempt_counts),
		TEST(what_cannot_be_written_now_is_tried_again),
		TEST(what_is_stopped_stays_so),
		TEST(what_has_ended_is_not_written_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
