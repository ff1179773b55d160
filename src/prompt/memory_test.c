/* Remembered answers: for which caller, and until when. Page 9, 11.5. */
#include "prompt/fixture.h"

static void
an_answer_for_good_is_durable_before_its_call_goes_on(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ALWAYS));
	fx_run_ms(9);
	assert_int_equal(t.answers, 0);
	/* killed between answer and record: nothing was allowed, and nothing is remembered */
	fx_restart();
	assert_int_equal(t.answers, 0);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_NO_AGENT);
	/* durable: known after a restart */
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_BLANKET, "phone", PZ_PROMPT_ALLOW_ALWAYS),
			 PZ_PROMPT_YES);
	fx_restart();
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_YES);
}

static void
what_cannot_be_stored_counts_this_time_only(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	pz_memory_disk_fail_next(t.world.disk, 1);
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_BLANKET, "phone", PZ_PROMPT_ALLOW_ALWAYS),
			 PZ_PROMPT_YES);
	assert_int_equal(t.stored_err, PZ_ERR_IO_FULL);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(pz_kit_world_count(&t.world, "answers"), 0);
}

static void
a_stricter_policy_counts_at_once(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_BLANKET, "phone", PZ_PROMPT_ALLOW_ALWAYS),
			 PZ_PROMPT_YES);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_SESSION, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(fx_ask(3, PZ_POLICY_PROMPT_ONESHOT, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(fx_ask(4, PZ_POLICY_DENY, "phone"), PZ_PROMPT_NO_AGENT);
	assert_int_equal(fx_ask(5, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_YES);
	/* for the session: not for one shot */
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_SESSION, "watch", PZ_PROMPT_ALLOW_SESSION),
			 PZ_PROMPT_YES);
	assert_int_equal(fx_ask(6, PZ_POLICY_PROMPT_BLANKET, "watch"), PZ_PROMPT_YES);
	assert_int_equal(fx_ask(7, PZ_POLICY_PROMPT_ONESHOT, "watch"), PZ_PROMPT_LATER);
	/* a denial for good is one under each */
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_ONESHOT, "car", PZ_PROMPT_DENY_ALWAYS),
			 PZ_PROMPT_NO);
	assert_int_equal(fx_ask(8, PZ_POLICY_PROMPT_BLANKET, "car"), PZ_PROMPT_NO);
}

/* page 14 PRM-6 */
static void
another_caller_app_feature_or_service_is_another_question(void **state)
{
	struct pz_prompt_question q = fx_question(1, PZ_POLICY_PROMPT_BLANKET, "phone");

	(void)state;
	q.app = pz_slice_str("app");
	q.is_for_service = true;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_put(&q), PZ_PROMPT_LATER);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ALWAYS));
	fx_run_ms(20);
	assert_int_equal(fx_put(&q), PZ_PROMPT_YES);
	for (int i = 0; i < 6; i++) {
		struct pz_prompt_question other = q;

		switch (i) {
		case 0:
			other.user_id = pz_slice_str("bob@example.org");
			break;
		case 1:
			other.device = pz_slice_str("tv");
			break;
		case 2:
			other.app = pz_slice_str("other");
			break;
		case 3:
			other.feature = GEO "2";
			break;
		case 4:
			other.service_id = "ffffffffffffffffffffffffffffffff";
			break;
		default:
			other.is_for_service = false;
			break;
		}
		assert_int_equal(fx_put(&other), PZ_PROMPT_LATER);
		pz_prompts_withdraw(t.prompts, 1);
	}
}

static void
a_session_answer_is_for_its_instance(void **state)
{
	struct pz_prompt_question q = fx_question(1, PZ_POLICY_PROMPT_SESSION, "phone");

	(void)state;
	q.app = pz_slice_str("app");
	q.instance = pz_slice_str("1");
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_put(&q), PZ_PROMPT_LATER);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_SESSION));
	assert_int_equal(fx_put(&q), PZ_PROMPT_YES);
	q.instance = pz_slice_str("2");
	assert_int_equal(fx_put(&q), PZ_PROMPT_LATER);
}

static void
a_session_ends_by_restart_suspend_and_half_a_minute_away(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_SESSION, "phone", PZ_PROMPT_ALLOW_SESSION),
			 PZ_PROMPT_YES);
	/* away, and back in time */
	pz_prompts_session_ended(t.prompts, pz_slice_str(ZONE), pz_slice_str("phone"), NULL);
	fx_run_ms(29999);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_SESSION, "phone"), PZ_PROMPT_YES);
	fx_run_ms(60000);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_SESSION, "phone"), PZ_PROMPT_YES);
	pz_prompts_session_ended(t.prompts, pz_slice_str(ZONE), pz_slice_str("phone"), NULL);
	fx_run_ms(30000);
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_SESSION, "phone", PZ_PROMPT_ALLOW_SESSION),
			 PZ_PROMPT_YES);
	/* the device sleeps: only the wall clock continues */
	t.world.clock.wall_ms += 31000;
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_SESSION, "phone", PZ_PROMPT_DENY_SESSION),
			 PZ_PROMPT_NO);
	assert_int_equal(pz_kit_world_count(&t.world, "answers"), 0);
	fx_restart();
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_SESSION, "phone"), PZ_PROMPT_LATER);
}

static uint64_t
first_id(void)
{
	json_t *list = pz_prompts_answers(t.prompts);
	json_int_t id = json_integer_value(json_object_get(json_array_get(list, 0), "id"));

	json_decref(list);
	return (uint64_t)id;
}

static size_t
count(void)
{
	json_t *list = pz_prompts_answers(t.prompts);
	size_t n = json_array_size(list);

	json_decref(list);
	return n;
}

static void
the_owner_lists_and_deletes_answers(void **state)
{
	enum pz_err err = PZ_ERR_INTERNAL;

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	(void)fx_decide(PZ_POLICY_PROMPT_BLANKET, "phone", PZ_PROMPT_ALLOW_ALWAYS);
	(void)fx_decide(PZ_POLICY_PROMPT_BLANKET, "tv", PZ_PROMPT_DENY_SESSION);
	assert_int_equal(count(), 2);
	assert_int_equal(pz_prompts_delete(t.prompts, 99, pz_kit_note_end, &err), PZ_ERR_NOTFOUND);
	assert_ok(pz_prompts_delete(t.prompts, first_id(), pz_kit_note_end, &err));
	fx_run_ms(20);
	assert_ok(err);
	assert_int_equal(count(), 1);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(pz_kit_world_count(&t.world, "answers"), 0);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "tv"), PZ_PROMPT_NO);
	assert_ok(pz_prompts_delete(t.prompts, 0, pz_kit_note_end, &err));
	fx_run_ms(20);
	assert_int_equal(count(), 0);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "tv"), PZ_PROMPT_LATER);
}

static void
a_deletion_that_is_not_stored_changes_nothing(void **state)
{
	enum pz_err err = PZ_OK;

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	(void)fx_decide(PZ_POLICY_PROMPT_BLANKET, "phone", PZ_PROMPT_DENY_ALWAYS);
	pz_memory_disk_fail_next(t.world.disk, 1);
	assert_ok(pz_prompts_delete(t.prompts, first_id(), pz_kit_note_end, &err));
	fx_run_ms(20);
	assert_int_equal(err, PZ_ERR_IO_FULL);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_NO);
}

static void
a_new_answer_takes_the_place_of_the_old_one(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	(void)fx_decide(PZ_POLICY_PROMPT_BLANKET, "phone", PZ_PROMPT_ALLOW_ALWAYS);
	/* a stricter policy asks again */
	(void)fx_decide(PZ_POLICY_PROMPT_ONESHOT, "phone", PZ_PROMPT_DENY_ALWAYS);
	assert_int_equal(count(), 1);
	assert_int_equal(pz_kit_world_count(&t.world, "answers"), 1);
	fx_restart();
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_NO);
}

static void
a_revoked_device_is_forgotten_also_on_a_full_disk(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	(void)fx_decide(PZ_POLICY_PROMPT_BLANKET, "phone", PZ_PROMPT_ALLOW_ALWAYS);
	(void)fx_decide(PZ_POLICY_PROMPT_BLANKET, "tv", PZ_PROMPT_ALLOW_ALWAYS);
	pz_memory_disk_fail_next(t.world.disk, 1);
	pz_prompts_forget(t.prompts, ZONE, "phone");
	assert_int_equal(count(), 1);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	fx_run_ms(20);
	assert_int_equal(pz_kit_world_count(&t.world, "answers"), 2);
	pz_kit_clock_run(&t.world.clock, PZ_STORE_AGAIN_US + PZ_US_PER_S);
	assert_int_equal(pz_kit_world_count(&t.world, "answers"), 1);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "tv"), PZ_PROMPT_YES);
}

static void
an_answer_about_a_device_that_is_revoked_meanwhile_is_not_kept(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ALWAYS));
	pz_prompts_forget(t.prompts, ZONE, "phone");
	fx_run_ms(40);
	assert_int_equal(count(), 0);
	assert_int_equal(pz_kit_world_count(&t.world, "answers"), 0);
	assert_int_equal(t.result, PZ_PROMPT_NO);
}

static void
the_number_of_answers_is_bounded(void **state)
{
	char device[16];

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (unsigned i = 0; i < PZ_PROMPT_ANSWERS_MAX; i++) {
		snprintf(device, sizeof(device), "d%u", i);
		(void)fx_decide(PZ_POLICY_PROMPT_BLANKET, device, PZ_PROMPT_DENY_ALWAYS);
	}
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_BLANKET, "more", PZ_PROMPT_ALLOW_ALWAYS),
			 PZ_PROMPT_YES);
	assert_int_equal(t.stored_err, PZ_ERR_LIMIT);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "more"), PZ_PROMPT_LATER);
	pz_prompts_withdraw(t.prompts, 1);
	for (unsigned i = 0; i <= PZ_PROMPT_SESSION_ANSWERS_MAX; i++) {
		snprintf(device, sizeof(device), "s%u", i);
		(void)fx_decide(PZ_POLICY_PROMPT_SESSION, device, PZ_PROMPT_ALLOW_SESSION);
	}
	assert_int_equal(count(), PZ_PROMPT_ANSWERS_MAX + PZ_PROMPT_SESSION_ANSWERS_MAX);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_SESSION, "s0"), PZ_PROMPT_LATER);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_SESSION, "s1"), PZ_PROMPT_YES);
}

static void
what_is_not_readable_is_asked_again(void **state)
{
	static const char *const bad[] = {"{}", "[]",
					  "{\"zone\":\"" ZONE
					  "\",\"device\":\"phone\",\"app\":\"\","
					  "\"feature\":\"" GEO "\",\"service\":\"\",\"answer\":6,"
					  "\"effect\":4,\"created\":1}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pz_kit_world_put(&t.world, "answers", "00000000000000000007", bad[i]);
		fx_restart();
		assert_int_equal(count(), 0);
	}
}

/* What ends with a permit may end others: here a device is forgotten, whose answers are removed by
 * the same command. */
static void
what_a_removal_ends_may_change_the_answers(void **state)
{
	static const char *const devices[] = {"phone", "tv", "watch"};
	enum pz_err err = PZ_ERR_INTERNAL;

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (size_t i = 0; i < 3; i++)
		(void)fx_decide(PZ_POLICY_PROMPT_BLANKET, devices[i],
				i == 1 ? PZ_PROMPT_ALLOW_SESSION : PZ_PROMPT_ALLOW_ALWAYS);
	assert_int_equal(count(), 3);
	t.forgets = "tv";
	assert_ok(pz_prompts_delete(t.prompts, 0, pz_kit_note_end, &err));
	fx_run_ms(50);
	assert_ok(err);
	assert_int_equal(t.taken_back, 3);
	assert_int_equal(count(), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fx_ask(10 + i, PZ_POLICY_PROMPT_BLANKET, devices[i]),
				 PZ_PROMPT_LATER);
}

static void
leaving_the_zone_forgets_all_and_denies_what_waits(void **state)
{
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	(void)fx_decide(PZ_POLICY_PROMPT_BLANKET, "phone", PZ_PROMPT_ALLOW_ALWAYS);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "tv"), PZ_PROMPT_LATER);
	assert_int_equal(fx_ask(3, PZ_POLICY_PROMPT_BLANKET, "car"), PZ_PROMPT_LATER);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ALWAYS));
	t.answers = t.stored = 0;
	assert_ok(pz_prompts_wipe(t.prompts, txn));
	assert_ok(pz_kit_world_commit(&t.world, txn));
	pz_prompts_wiped(t.prompts);
	fx_run_ms(50);
	assert_int_equal(count(), 0);
	assert_int_equal(pz_kit_world_count(&t.world, "answers"), 0);
	assert_int_equal(fx_ask(4, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_for_good_is_durable_before_its_call_goes_on),
		TEST(what_cannot_be_stored_counts_this_time_only),
		TEST(a_stricter_policy_counts_at_once),
		TEST(another_caller_app_feature_or_service_is_another_question),
		TEST(a_session_answer_is_for_its_instance),
		TEST(a_session_ends_by_restart_suspend_and_half_a_minute_away),
		TEST(the_owner_lists_and_deletes_answers),
		TEST(a_deletion_that_is_not_stored_changes_nothing),
		TEST(a_new_answer_takes_the_place_of_the_old_one),
		TEST(a_revoked_device_is_forgotten_also_on_a_full_disk),
		TEST(an_answer_about_a_device_that_is_revoked_meanwhile_is_not_kept),
		TEST(the_number_of_answers_is_bounded),
		TEST(what_is_not_readable_is_asked_again),
		TEST(what_a_removal_ends_may_change_the_answers),
		TEST(leaving_the_zone_forgets_all_and_denies_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
