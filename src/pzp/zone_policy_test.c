/* The owner's policy at a device: it applies, is shown and is passed on when it is on disk. Page 9,
 * 13. */
#include "policies/record.h"
#include "pzp/peer_fixture.h"

#define DENY "<policy><rule effect=\"deny\"/></policy>"

/* One entry of the item, as a peer passes it on. */
static json_t *
policy_data(uint64_t sequence)
{
	const struct pz_policy_version version = {
		.slot = PZ_POLICY_SLOT_USER,
		.sequence = sequence,
		.author = ZONE,
	};
	PZ_AUTO_FREE char *text = NULL;

	assert_ok(pz_policy_record_make(&version, pz_slice_str(DENY), ZONE, w.authority->ca_key,
					&text, NULL));
	return json_pack("{s:[{s:s, s:s, s:I, s:s, s:b}]}", "policies", "key", "user", "value",
			 text, "mtime", (json_int_t)w.world.clock.wall_ms, "origin", ZONE,
			 "deleted", 0);
}

/* What the command `policy-list` shows of the owner's policy. */
static void
shows(json_int_t sequence, bool is_stored)
{
	struct answer a;

	begin(&a, "policy-list", json_object());
	end_turn();
	assert_int_equal(a.ends, 1);
	const json_t *user = json_array_get(a.result, 2);
	assert_string_equal(pz_json_str(user, "slot"), "user");
	assert_int_equal(json_integer_value(json_object_get(user, "sequence")), sequence);
	if (sequence > 0)
		assert_int_equal(json_is_true(json_object_get(user, "stored")), is_stored);
	forget(&a);
}

static size_t
digested(void)
{
	return pz_sync_item_len(pz_zonedata_item(w.node->zonedata, pz_sync_kind(PZ_SYNC_POLICIES)));
}

static void
a_policy_counts_when_it_is_stored(void **state)
{
	(void)state;
	struct fx_far *tv = fx_live(fx_device("tv")), *radio = fx_live(fx_device("radio"));

	fx_run(COMMIT_US);
	fx_forget(radio);
	fx_tells(tv, "Update_Data", policy_data(1));
	fx_settle();
	shows(0, false);
	assert_int_equal(digested(), 0); /* nor is it shown to others */
	assert_int_equal(fx_heard(radio, "Update_Data", NULL), 0);
	fx_run(2 * COMMIT_US);
	shows(1, true);
	assert_int_equal(digested(), 1);
	assert_int_equal(fx_heard(radio, "Update_Data", NULL), 1);
}

/* What is on its way to the disk is lost. */
static void
die_and_start(void)
{
	pz_node_stop(w.node);
	pz_turn_end(&w.turn);
	pz_node_free(w.node);
	w.node = NULL;
	pz_kit_world_restart(&w.world);
	start_node();
}

static void
a_device_that_dies_before_that_has_shown_nothing(void **state)
{
	(void)state;
	struct fx_far *tv = fx_live(fx_device("tv"));

	fx_run(COMMIT_US);
	fx_tells(tv, "Update_Data", policy_data(1));
	fx_settle();
	shows(0, false);
	die_and_start();
	shows(0, false);
	tv = fx_live(fx_device("tv"));
	fx_tells(tv, "Update_Data", policy_data(2));
	fx_run(2 * COMMIT_US);
	shows(2, true);
	die_and_start();
	shows(2, true);
}

/* Of those that come meanwhile the newest is stored next; none goes back. */
static void
the_newest_of_several_that_come_at_once_counts(void **state)
{
	static const uint64_t order[] = {2, 5, 3, 5, 4, 1};
	(void)state;
	struct fx_far *tv = fx_live(fx_device("tv"));

	fx_run(COMMIT_US);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		fx_tells(tv, "Update_Data", policy_data(order[i]));
	fx_run(COMMIT_US);
	shows(2, true);
	fx_run(2 * COMMIT_US);
	shows(5, true);
	restart_node();
	shows(5, true);
}

/* A full disk must not keep a former policy in force: it counts, and is said not to be stored. */
static void
what_the_disk_refuses_counts_and_is_stored_later(void **state)
{
	(void)state;
	struct fx_far *tv = fx_live(fx_device("tv"));

	fx_run(COMMIT_US);
	pz_memory_disk_fail_after(w.world.disk, 0);
	fx_tells(tv, "Update_Data", policy_data(1));
	fx_run(2 * COMMIT_US);
	shows(1, false);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	fx_run(PZ_STORE_AGAIN_US + 2 * COMMIT_US);
	shows(1, true);
	restart_node();
	shows(1, true);
}

/* The rewrite of everything, after a failure, does not undo a commit that is under way. */
static void
a_rewrite_keeps_the_policy_that_is_being_stored(void **state)
{
	(void)state;
	struct fx_far *tv = fx_live(fx_device("tv"));

	fx_run(COMMIT_US);
	fx_tells(tv, "Update_Data", policy_data(1));
	fx_settle();
	pz_zonedata_rewrite(w.node->zonedata, "a test");
	pz_zonedata_save_again(w.node->zonedata);
	fx_run(3 * COMMIT_US);
	shows(1, true);
	restart_node();
	shows(1, true);
}

/* The record of its number stays: what is older than the damaged one does not count again. */
static void
a_damaged_policy_is_replaced_by_the_same_or_a_newer_one_only(void **state)
{
	(void)state;
	struct fx_far *tv = fx_live(fx_device("tv"));

	fx_run(COMMIT_US);
	fx_tells(tv, "Update_Data", policy_data(7));
	fx_run(2 * COMMIT_US);
	stop_node();
	pz_kit_world_put(&w.world, "knowledge", "policies/user", "{\"key\":\"user\"}");
	start_node();
	assert_int_equal(pz_policies_slot(w.node->judge.policies, PZ_POLICY_SLOT_USER).state,
			 PZ_POLICIES_CORRUPT);
	tv = fx_live(fx_device("tv"));
	fx_tells(tv, "Update_Data", policy_data(6));
	fx_run(2 * COMMIT_US);
	assert_int_equal(pz_policies_slot(w.node->judge.policies, PZ_POLICY_SLOT_USER).state,
			 PZ_POLICIES_CORRUPT);
	fx_tells(tv, "Update_Data", policy_data(7));
	fx_run(2 * COMMIT_US);
	shows(7, true);
}

static void
a_policy_on_its_way_goes_with_the_zone(void **state)
{
	struct answer a;
	(void)state;
	struct fx_far *tv = fx_live(fx_device("tv"));

	fx_run(COMMIT_US);
	fx_tells(tv, "Update_Data", policy_data(1));
	fx_settle();
	begin(&a, "leave", json_object());
	fx_run(60 * PZ_US_PER_S);
	assert_int_equal(a.ends, 1);
	shows(0, false);
	restart_node();
	assert_int_equal(pz_kit_world_count(&w.world, "knowledge"), 0);
	forget(&a);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		FX_TEST(a_policy_counts_when_it_is_stored),
		FX_TEST(a_device_that_dies_before_that_has_shown_nothing),
		FX_TEST(the_newest_of_several_that_come_at_once_counts),
		FX_TEST(what_the_disk_refuses_counts_and_is_stored_later),
		FX_TEST(a_rewrite_keeps_the_policy_that_is_being_stored),
		FX_TEST(a_damaged_policy_is_replaced_by_the_same_or_a_newer_one_only),
		FX_TEST(a_policy_on_its_way_goes_with_the_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
