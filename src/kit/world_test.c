/* The example of "Writing a test" in CONTRIBUTING.md, and the other promises of a world. */
#include "kit/test.h"

#include "kit/world.h"

static void
only_what_is_durable_survives_a_restart(void **state)
{
	struct pz_kit_world w;
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	pz_kit_world_init(&w, 10 * PZ_US_PER_MS); /* that a commit takes */
	pz_kit_world_put(&w, "space", "first", "durable");
	assert_ok(pz_txn_put(txn, "space", "second", pz_slice_str("not yet")));
	pz_store_commit(w.store, txn, NULL, NULL);
	pz_kit_clock_run(&w.clock, 9 * PZ_US_PER_MS);
	pz_kit_world_restart(&w);
	assert_int_equal(pz_kit_world_count(&w, "space"), 1);
	pz_kit_world_fini(&w);
}

static void
another_machine_begins_without_disk_and_keys(void **state)
{
	struct pz_kit_world w, beside;
	char uri[PZ_KEY_URI_MAX];
	struct pz_key *key = NULL;

	(void)state;
	pz_kit_world_init(&w, 0);
	pz_kit_world_init_beside(&beside, &w);
	assert_ok(pz_keystore_create(w.keys, w.key_type, uri, &key, NULL));
	pz_key_free(PZ_TAKE(key));
	pz_kit_world_put(&w, "space", "key", "text");
	assert_int_equal(pz_kit_world_count(&beside, "space"), 0);
	pz_kit_world_replace(&w);
	assert_int_equal(pz_kit_world_count(&w, "space"), 0);
	assert_int_equal(pz_keystore_load(w.keys, uri, &key, NULL), PZ_ERR_NOTFOUND);
	pz_kit_world_fini(&beside);
	pz_kit_world_fini(&w);
	assert_true(pz_kit_clock_is_idle(&w.clock));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_durable_survives_a_restart),
		cmocka_unit_test(another_machine_begins_without_disk_and_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
