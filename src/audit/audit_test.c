#include "audit/fixture.h"

#include "policy/document.h"

static const char *
text_of(json_t *all, size_t i, const char *member)
{
	return json_string_value(json_object_get(json_array_get(all, i), member));
}

/* ---- a record ---- */

#define POLICY                                                                                     \
	"<policy-set id=\"zone\"><policy id=\"guests\"><rule id=\"no\\&quot;\" effect=\"deny\"/>"  \
	"</policy></policy-set>"

static void
test_record_says_what_page_9_wants_and_nothing_else(void **state)
{
	struct pz_policy_document *doc = NULL;
	struct pz_policy_slots slots = {0};
	struct pz_policy_request *request = pz_policy_request_new();

	(void)state;
	assert_ok(pz_policy_document_parse(pz_slice_str(POLICY), &doc, NULL));
	slots.document[PZ_POLICY_SLOT_USER] = doc;
	const struct pz_slice feature = pz_slice_str("http://example.org/api/x");
	assert_ok(pz_policy_request_set(request, PZ_POLICY_RESOURCE, pz_slice_str("api-feature"),
					&feature, 1, NULL));
	const struct pz_policy_decision decision = pz_policy_decide(&slots, request, 0);
	const struct pz_audit_entry entry = {
		.time_ms = 1234,
		.decision = &decision,
		.user_id = pz_slice_str("bob@example.org"),
		.device = pz_slice_str("phone"),
		.app = pz_slice_str("https://app.example"),
		.point = "call",
		.feature = "http://example.org/api/x",
		.service_id = "00112233445566778899aabbccddeeff",
		.method = "open",
		.target = "tv",
		.was_asked = true,
		.asked_by = "desktop",
	};
	pz_audit_record(f.audit, &entry);
	json_t *all = read_all(NULL);
	json_t *one = json_array_get(all, 0);
	json_object_del(one, "hash");
	char *text = json_dumps(one, JSON_COMPACT);
	assert_string_equal(
		text,
		"{\"n\":1,\"time\":1.234,\"allowed\":false,\"effect\":\"deny\",\"slot\":\"user\","
		"\"rule\":[\"zone\",\"guests\",\"no\\\\\\\"\"],\"who\":{\"zone\":\"bob@example."
		"org\","
		"\"device\":\"phone\",\"app\":\"https://"
		"app.example\"},\"what\":{\"point\":\"call\","
		"\"feature\":\"http://example.org/api/x\",\"service\":"
		"\"00112233445566778899aabbccddeeff\",\"method\":\"open\",\"target\":\"tv\"},"
		"\"asked\":{\"answer\":\"no\",\"by\":\"desktop\"}}");
	free(text);
	json_decref(all);
	pz_policy_request_free(request);
	pz_policy_document_unref(doc);
}

/* What is kept of an equal decision changes nothing of the records, also where two share a place.
 */
static void
test_equal_decisions_are_a_whole_record_each(void **state)
{
	static const uint64_t same[] = {5, 5, 5 + PZ_AUDIT_SAMES, 5, 0, 5 + PZ_AUDIT_SAMES};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		const struct pz_audit_entry entry = {
			.time_ms = 1111 + i,
			.same = same[i],
			.is_allowed = true,
			.user_id = pz_slice_str("bob@example.org"),
			.point = "call",
			.method = same[i] == 5 ? "five" : "other",
		};
		pz_audit_record(f.audit, &entry);
	}
	json_t *all = read_all(NULL);
	assert_int_equal(json_array_size(all), sizeof(same) / sizeof(same[0]));
	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *one = json_array_get(all, i);
		assert_int_equal(json_integer_value(json_object_get(one, "n")), i + 1);
		assert_string_equal(pz_json_str(json_object_get(one, "what"), "method"),
				    same[i] == 5 ? "five" : "other");
		double time_s = json_real_value(json_object_get(one, "time"));
		assert_int_equal((uint64_t)(time_s * 1000 + 0.5), 1111 + i);
		json_object_del(one, "time");
		json_object_del(one, "hash");
		char *text = json_dumps(one, JSON_COMPACT), expected[512];
		snprintf(expected, sizeof(expected),
			 "{\"n\":%zu,\"allowed\":true,\"effect\":\"deny\","
			 "\"slot\":null,"
			 "\"rule\":null,\"who\":{\"zone\":\"bob@example.org\"},\"what\":{\"point\":"
			 "\"call\",\"method\":\"%s\"},\"asked\":null}",
			 i + 1, same[i] == 5 ? "five" : "other");
		assert_string_equal(text, expected);
		free(text);
	}
	json_decref(all);
	settle();
	assert_string_equal(verify(), "");
}

static void
test_texts_are_cut_and_cleaned(void **state)
{
	static char longer[20000];
	const struct pz_audit_entry entry = {
		.user_id = pz_slice_str("a\"\\\n\x01\xff\xc3"),
		.feature = longer,
		.service_id = longer,
		.method = longer,
		.fault = longer,
	};

	(void)state;
	memset(longer, '"', sizeof(longer) - 1);
	pz_audit_record(f.audit, &entry);
	json_t *all = read_all(NULL);
	assert_int_equal(json_array_size(all), 1);
	const json_t *one = json_array_get(all, 0);
	assert_string_equal(pz_json_str(json_object_get(one, "who"), "zone"), "a\"\\????");
	assert_int_equal(strlen(pz_json_str(json_object_get(one, "what"), "method")),
			 PZ_METHOD_BYTES_MAX);
	json_decref(all);
	settle();
	assert_string_equal(verify(), "");
}

/* ---- reading ---- */

static void
test_query_chooses_by_time_who_and_outcome(void **state)
{
	(void)state;
	record("tv", true);
	settle();
	uint64_t later = pz_env_wall_ms(&f.world.clock.env);
	record("phone", false);
	record("phone", true);
	assert_int_equal(count_all(NULL), 3);
	assert_int_equal(count_all(&(struct pz_audit_query){.since_ms = later}), 2);
	assert_int_equal(count_all(&(struct pz_audit_query){.is_denied_only = true}), 1);
	assert_int_equal(count_all(&(struct pz_audit_query){.who = "phone"}), 2);
	assert_int_equal(count_all(&(struct pz_audit_query){.who = "pho"}), 0);
	assert_int_equal(count_all(&(struct pz_audit_query){.who = "alice@example.org"}), 3);
	assert_int_equal(count_all(&(struct pz_audit_query){.who = "alice@example.org/tv"}), 1);
	assert_int_equal(count_all(&(struct pz_audit_query){.who = "alice@example.org/tv/x"}), 0);
}

static void
test_all_is_read_part_by_part(void **state)
{
	(void)state;
	record_many(1234);
	assert_true(f.audit->segment_count > 1);
	record("tv", true); /* not on disk yet */
	json_t *all = read_all(NULL);
	assert_int_equal(json_array_size(all), 1235);
	for (size_t i = 0; i < json_array_size(all); i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(all, i), "n")),
				 i + 1);
	json_decref(all);
}

/* ---- the disk ---- */

static void
test_records_survive_a_restart(void **state)
{
	(void)state;
	record_many(3);
	pz_audit_free(f.audit);
	pz_kit_world_restart(&f.world);
	open_audit();
	record_many(2);
	assert_int_equal(count_all(NULL), 5);
	assert_string_equal(verify(), "");
	assert_int_equal(f.check.records, 5);
}

/* The answer was given, the record was not written: it is lost, and the chain is whole. */
static void
test_crash_between_answer_and_record_leaves_a_chain(void **state)
{
	(void)state;
	record_many(3);
	for (uint64_t us = 0; us < 2 * PZ_AUDIT_SAVE_US; us += PZ_AUDIT_SAVE_US / 50) {
		record("tv", true);
		pz_kit_clock_run(&f.world.clock, us);
		record("tv", false);
		crash();
		assert_string_equal(verify(), "");
		assert_true(f.check.last >= 3);
	}
	record_many(1);
	assert_string_equal(verify(), "");
}

/* A stop while a commit is under way: what came meanwhile is written too. */
static void
test_stop_writes_what_waits(void **state)
{
	(void)state;
	record("tv", true);
	pz_kit_clock_run(&f.world.clock, PZ_AUDIT_SAVE_US + 1);
	assert_non_null(f.audit->flight);
	record("tv", true);
	pz_audit_save_now(f.audit);
	pz_kit_clock_run(&f.world.clock, 2 * COMMIT_US);
	crash();
	assert_int_equal(count_all(NULL), 2);
	assert_string_equal(verify(), "");
}

static void
test_full_disk_holds_records_and_raises(void **state)
{
	(void)state;
	record_many(2);
	pz_memory_disk_fail_after(f.world.disk, 0);
	record_many(1);
	assert_true(pz_condition_is_raised(f.conditions, PZ_CONDITION_AUDIT_BEHIND, NULL));
	record_many(4);
	assert_int_equal(count_all(NULL), 7);
	assert_string_equal(verify(), "");
	assert_int_equal(f.check.records, 2);
	pz_memory_disk_fail_after(f.world.disk, SIZE_MAX);
	pz_kit_clock_run(&f.world.clock, PZ_STORE_AGAIN_US + PZ_US_PER_S);
	assert_false(pz_condition_is_raised(f.conditions, PZ_CONDITION_AUDIT_BEHIND, NULL));
	assert_string_equal(verify(), "");
	assert_int_equal(f.check.records, 7);
}

static void
test_full_queue_counts_and_records_the_gap(void **state)
{
	(void)state;
	pz_memory_disk_fail_after(f.world.disk, 0);
	for (unsigned i = 0; i < PZ_AUDIT_QUEUE_MAX + 7; i++)
		record("tv", true);
	assert_int_equal(f.audit->lost, 7);
	assert_true(f.audit->queue.len <= PZ_AUDIT_QUEUE_BYTES_MAX);
	assert_true(pz_condition_is_raised(f.conditions, PZ_CONDITION_AUDIT_BEHIND, NULL));
	settle();
	pz_memory_disk_fail_after(f.world.disk, SIZE_MAX);
	pz_kit_clock_run(&f.world.clock, PZ_STORE_AGAIN_US + PZ_US_PER_S);
	record_many(1);
	json_t *all = read_all(NULL);
	assert_int_equal(json_array_size(all), PZ_AUDIT_QUEUE_MAX + 2);
	assert_string_equal(text_of(all, PZ_AUDIT_QUEUE_MAX, "event"), "not-recorded");
	assert_int_equal(json_integer_value(
				 json_object_get(json_array_get(all, PZ_AUDIT_QUEUE_MAX), "count")),
			 7);
	json_decref(all);
	assert_string_equal(verify(), "");
	assert_int_equal(f.check.lost, 7);
	pz_kit_clock_run(&f.world.clock, 2 * PZ_AUDIT_CALM_US);
	assert_false(pz_condition_is_raised(f.conditions, PZ_CONDITION_AUDIT_BEHIND, NULL));
}

/* ---- the end of a membership ---- */

static void
wipe(enum pz_err expected)
{
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_audit_wipe(f.audit, txn));
	record("tv", true);
	enum pz_err err = pz_kit_world_commit(&f.world, txn);
	assert_int_equal(err, expected);
	pz_audit_wiped(f.audit, err == PZ_OK);
}

static void
test_wipe_removes_everything(void **state)
{
	(void)state;
	record_many(1000);
	record("tv", true);
	pz_kit_clock_run(&f.world.clock, PZ_AUDIT_SAVE_US + 1); /* a commit is under way */
	wipe(PZ_OK);
	assert_int_equal(count_all(NULL), 0);
	assert_int_equal(pz_kit_world_count(&f.world, PZ_AUDIT_SPACE), 0);
	assert_int_equal(pz_kit_world_count(&f.world, "audit.0000000000000001"), 0);
	record_many(1);
	crash();
	assert_string_equal(verify(), "");
	assert_int_equal(f.check.first, 1);
	assert_int_equal(f.check.records, 1);
}

static void
test_wipe_that_fails_leaves_the_log(void **state)
{
	(void)state;
	record_many(2);
	pz_memory_disk_fail_next(f.world.disk, 1);
	wipe(PZ_ERR_IO_FULL);
	record_many(1);
	assert_string_equal(verify(), "");
	assert_int_equal(f.check.records, 4);
	wipe(PZ_OK);
	assert_int_equal(count_all(NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_record_says_what_page_9_wants_and_nothing_else,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_equal_decisions_are_a_whole_record_each,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_texts_are_cut_and_cleaned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_query_chooses_by_time_who_and_outcome, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_all_is_read_part_by_part, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_records_survive_a_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_crash_between_answer_and_record_leaves_a_chain,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stop_writes_what_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk_holds_records_and_raises, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_full_queue_counts_and_records_the_gap, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_wipe_removes_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wipe_that_fails_leaves_the_log, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
