/* Manipulation of the disk and removal by retention: the check distinguishes them. */
#include "audit/fixture.h"

#define SEGMENT "audit.0000000000000001"

/* ---- a hand on the disk ---- */

struct block {
	char key[PZ_AUDIT_NAME_BYTES];
	char *text;
};

static struct block blocks[8];
static size_t block_count;

static enum pz_err
take_block(void *arg, const char *key, struct pz_slice value)
{
	(void)arg;
	assert_true(block_count < 8);
	snprintf(blocks[block_count].key, sizeof(blocks[0].key), "%s", key);
	assert_non_null(blocks[block_count++].text = pz_slice_dup(value));
	return PZ_OK;
}

static void
take_blocks(void)
{
	block_count = 0;
	assert_ok(pz_store_load(f.world.store, SEGMENT, take_block, NULL, NULL));
}

static void
free_blocks(void)
{
	for (size_t i = 0; i < block_count; i++)
		free(blocks[i].text);
}

static void
put_block(const char *key, const char *text)
{
	pz_kit_world_put(&f.world, SEGMENT, key, text);
}

static void
drop(const char *space, const char *key)
{
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_txn_remove(txn, space, key));
	assert_ok(pz_kit_world_commit(&f.world, txn));
}

/* Five records, each a block of its own. */
static void
make_five(void)
{
	for (int i = 0; i < 5; i++)
		record_many(1);
	assert_string_equal(verify(), "");
	take_blocks();
	assert_int_equal(block_count, 5);
}

static void
assert_found(const char *problem)
{
	assert_string_equal(verify(), problem);
	crash(); /* a daemon that starts finds the same */
	assert_string_equal(verify(), problem);
	free_blocks();
}

static void
test_missing_record_is_found(void **state)
{
	(void)state;
	make_five();
	drop(SEGMENT, blocks[2].key);
	assert_found("record 3 is missing");
}

static void
test_altered_record_is_found(void **state)
{
	(void)state;
	make_five();
	char *place = strstr(blocks[2].text, "\"allowed\":true");
	assert_non_null(place);
	memcpy(place, "\"allowed\":null", strlen("\"allowed\":null"));
	put_block(blocks[2].key, blocks[2].text);
	assert_found("record 3 was altered");
}

/* Someone who knows the form gives the altered record its right hash: the next one shows it. */
static void
test_altered_record_with_its_own_hash_is_found(void **state)
{
	struct pz_audit_head before;
	struct pz_audit_line line;
	const struct pz_audit_entry entry = {.is_allowed = true};

	(void)state;
	make_five();
	assert_true(pz_audit_line_head(pz_slice_of(blocks[1].text, strlen(blocks[1].text) - 1),
				       &before));
	assert_true(pz_audit_line_entry(&line, &before, 1, &entry));
	line.text[line.len] = '\0';
	put_block(blocks[2].key, line.text);
	assert_found("record 4 was altered");
}

static void
test_other_order_is_found(void **state)
{
	(void)state;
	make_five();
	put_block(blocks[1].key, blocks[2].text);
	put_block(blocks[2].key, blocks[1].text);
	assert_found("record 2 is missing");
}

static void
test_repeated_record_is_found(void **state)
{
	(void)state;
	make_five();
	put_block(blocks[3].key, blocks[2].text);
	assert_found("record 3 comes behind record 3: the order was altered");
}

static void
test_cut_end_is_found(void **state)
{
	(void)state;
	make_five();
	drop(SEGMENT, blocks[4].key);
	drop(SEGMENT, blocks[3].key);
	assert_found("the last record is 3, and there were 5: the newest are missing");
}

static void
test_cut_beginning_is_found(void **state)
{
	(void)state;
	make_five();
	drop(SEGMENT, blocks[0].key);
	assert_found("record 1 is missing");
}

static void
test_rubbish_is_found(void **state)
{
	(void)state;
	make_five();
	put_block(blocks[2].key, "rubbish");
	assert_found("what follows record 2 is no record");
}

/* A head that is gone is known for as long as the log is kept. */
static void
test_lost_head_is_found_and_the_log_goes_on(void **state)
{
	(void)state;
	make_five();
	drop(PZ_AUDIT_SPACE, PZ_AUDIT_HEAD_KEY);
	crash();
	assert_true(pz_condition_is_raised(f.conditions, PZ_CONDITION_AUDIT_DAMAGED, NULL));
	record_many(2);
	assert_int_equal(count_all(NULL), 8);
	assert_string_equal(verify(), "record 6: the log could not be read then, and began anew: "
				      "records before it may be missing");
	free_blocks();
}

static void
test_unreadable_segment_keeps_its_records(void **state)
{
	(void)state;
	make_five();
	pz_kit_world_put(&f.world, PZ_AUDIT_SPACE, "segment.0000000000000001", "[]");
	crash();
	assert_true(pz_condition_is_raised(f.conditions, PZ_CONDITION_AUDIT_DAMAGED, NULL));
	record_many(1);
	assert_int_equal(count_all(NULL), 7);
	assert_string_not_equal(verify(), "");
	free_blocks();
}

/* ---- retention ---- */

static void
test_size_removes_the_oldest_and_leaves_an_anchor(void **state)
{
	(void)state;
	pz_audit_set_retention(f.audit, 90, 0); /* the least there is */
	record_many(3000);
	assert_string_equal(verify(), "");
	assert_true(f.check.first > 1);
	assert_int_equal(f.check.anchor + 1, f.check.first);
	assert_true(f.check.records > 500);
	uint64_t bytes = 0;
	for (size_t i = 0; i < f.audit->segment_count; i++)
		bytes += f.audit->segments[i].bytes;
	assert_true(bytes <= PZ_AUDIT_BYTES_MIN + PZ_AUDIT_SEGMENT_BYTES);
	uint64_t removed = f.audit->segments[0].number - 1;
	assert_true(removed >= 1);
	assert_int_equal(pz_kit_world_count(&f.world, SEGMENT), 0);
	crash();
	assert_string_equal(verify(), "");
}

static void
test_age_removes_all_but_what_is_new(void **state)
{
	(void)state;
	pz_audit_set_retention(f.audit, 2, PZ_AUDIT_BYTES);
	record_many(10);
	for (int day = 0; day < 5; day++) {
		f.world.clock.wall_ms += PZ_KIT_DAY_MS;
		record_many(10);
	}
	assert_string_equal(verify(), "");
	assert_true(f.check.first > 1);
	assert_true(f.check.records >= 20 && f.check.records < 45);
	/* Nothing is decided any more: what is there becomes old all the same. */
	f.world.clock.wall_ms += 10 * PZ_KIT_DAY_MS;
	pz_kit_clock_run(&f.world.clock, PZ_AUDIT_LOOK_US + PZ_US_PER_S);
	assert_string_equal(verify(), "");
	assert_int_equal(f.check.records, 1);
	assert_int_equal(f.audit->segment_count, 1);
}

static void
test_hand_that_removes_like_retention_is_found(void **state)
{
	(void)state;
	record_many(1000);
	assert_true(f.audit->segment_count >= 2);
	struct pz_txn *txn = pz_kit_txn();
	assert_ok(pz_txn_remove_space(txn, SEGMENT));
	assert_ok(pz_txn_remove(txn, PZ_AUDIT_SPACE, "segment.0000000000000001"));
	assert_ok(pz_kit_world_commit(&f.world, txn));
	crash();
	assert_non_null(strstr(verify(), "records before it are missing"));
}

/* ---- a copy (pzp audit export) ---- */

/* The log as text, and a check of it without some of its lines. @param line, count that are left
 * out @param altered a line in which a byte differs; -1: none */
static const char *
check_copy(size_t left_out, size_t count, int altered)
{
	static struct pz_audit_copy copy;
	json_t *all = read_all(&(struct pz_audit_query){.is_raw = true}), *line;
	size_t i;

	memset(&copy, 0, sizeof(copy));
	json_array_foreach (all, i, line) {
		char *text = strdup(json_string_value(line));

		if ((int)i == altered)
			strstr(text, "\"time\"")[1] = 'T';
		if (i < left_out || i >= left_out + count)
			pz_audit_copy_line(&copy, pz_slice_str(text));
		free(text);
	}
	pz_audit_copy_end(&copy);
	json_decref(all);
	f.check = copy.check;
	return f.check.problem;
}

static void
test_copy_is_checked_like_the_log(void **state)
{
	(void)state;
	assert_string_equal(check_copy(0, 0, -1), "");
	assert_int_equal(f.check.records, 0);
	record_many(5);
	assert_string_equal(verify(), "");
	struct pz_audit_check log = f.check;
	assert_string_equal(check_copy(0, 0, -1), "");
	assert_int_equal(f.check.records, 5);
	assert_memory_equal(f.check.hash, log.hash, sizeof(log.hash));
	assert_string_equal(check_copy(2, 1, -1), "record 3 is missing");
	assert_string_equal(check_copy(0, 0, 0), "record 1 was altered");
	assert_string_equal(check_copy(0, 0, 4), "record 5 was altered");
	assert_non_null(strstr(check_copy(0, 1, -1), "begins with record 2"));
	assert_string_equal(check_copy(4, 1, -1), ""); /* its end is for a person to compare */
	assert_int_equal(f.check.last, 4);
}

static void
test_copy_may_begin_where_retention_says(void **state)
{
	(void)state;
	pz_audit_set_retention(f.audit, 90, 0);
	record_many(3000);
	assert_string_equal(check_copy(0, 0, -1), "");
	assert_true(f.check.first > 1);
	uint64_t first = f.check.first;
	char expected[64];
	snprintf(expected, sizeof(expected), "record %llu was altered", (unsigned long long)first);
	assert_string_equal(check_copy(0, 0, 0), expected);
	assert_non_null(strstr(check_copy(0, 1, -1), "those before it were removed"));
}

static void
test_rubbish_is_no_copy(void **state)
{
	static struct pz_audit_copy copy;
	static char text[2 * PZ_AUDIT_RECORD_BYTES_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	memset(&copy, 0, sizeof(copy));
	pz_audit_copy_line(&copy, pz_slice_of(text, sizeof(text)));
	pz_audit_copy_end(&copy);
	assert_string_equal(copy.check.problem, "what follows record 0 is no record");
	memset(&copy, 0, sizeof(copy));
	memcpy(text, "{\"n\":7,", 7);
	pz_audit_copy_line(&copy, pz_slice_of(text, sizeof(text)));
	assert_string_equal(copy.check.problem, "what follows record 0 is no record");
}

/* A full disk while retention removes: neither records nor its word are lost. */
static void
test_removal_that_fails_is_done_later(void **state)
{
	(void)state;
	record_many(1000);
	pz_audit_set_retention(f.audit, 1, PZ_AUDIT_BYTES);
	pz_memory_disk_fail_after(f.world.disk, 0);
	f.world.clock.wall_ms += 3 * PZ_KIT_DAY_MS;
	record_many(2);
	assert_string_equal(verify(), "");
	assert_int_equal(f.check.records, 1000);
	crash();
	assert_string_equal(verify(), "");
	pz_audit_set_retention(f.audit, 1, PZ_AUDIT_BYTES);
	record_many(2);
	pz_memory_disk_fail_after(f.world.disk, SIZE_MAX);
	pz_kit_clock_run(&f.world.clock, PZ_STORE_AGAIN_US + PZ_US_PER_S);
	assert_string_equal(verify(), "");
	assert_int_equal(f.check.first, 1001);
}

/* Retention continues while the check is under way. */
static void
test_check_begins_again_when_segments_go(void **state)
{
	struct pz_audit_check check = {0};

	(void)state;
	record_many(1500);
	assert_ok(pz_audit_check_step(f.audit, &check, NULL));
	f.world.clock.wall_ms += 100 * PZ_KIT_DAY_MS;
	record_many(1);
	while (!check.is_ended)
		assert_ok(pz_audit_check_step(f.audit, &check, NULL));
	assert_string_equal(check.problem, "");
	assert_int_equal(check.first, 1501);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_missing_record_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_altered_record_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_altered_record_with_its_own_hash_is_found,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_order_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_repeated_record_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_end_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_beginning_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rubbish_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lost_head_is_found_and_the_log_goes_on, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_unreadable_segment_keeps_its_records, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_size_removes_the_oldest_and_leaves_an_anchor,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_age_removes_all_but_what_is_new, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_hand_that_removes_like_retention_is_found,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_removal_that_fails_is_done_later, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_check_begins_again_when_segments_go, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_copy_is_checked_like_the_log, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_copy_may_begin_where_retention_says, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_rubbish_is_no_copy, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
