#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "kit/world.h"
#include "policies/default.h"
#include "policies/policies.h"

#define DENY "<policy><rule effect=\"deny\"/></policy>"
#define PERMIT "<policy><rule effect=\"permit\"/></policy>"
#define BIT(slot) (1U << PZ_POLICY_SLOT_##slot)

struct fixture {
	struct pz_kit_world world;
	struct pz_conditions *conditions;
	struct pz_policies *policies;
	unsigned changed; /* bits, of all calls since the last look */
	enum pz_err ended;
	int ends;
	unsigned counted;
	bool is_inside; /* a call of the test's is under way */
};

static struct fixture f;

static void
on_changed(void *arg, unsigned slots)
{
	(void)arg;
	assert_false(f.is_inside);
	f.changed |= slots;
}

static void
on_counted(void *arg, uint64_t ticket, bool is_counted)
{
	(void)arg;
	assert_int_equal(ticket, 7);
	assert_true(is_counted);
	f.counted++;
}

static void
open_policies(void)
{
	const struct pz_policies_config config = {
		.env = &f.world.clock.env,
		.store = f.world.store,
		.conditions = f.conditions,
		.changed = on_changed,
		.counted = on_counted,
	};

	assert_ok(pz_policies_new(&config, &f.policies, NULL));
	assert_ok(pz_policies_load(f.policies, NULL));
}

static int
set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	memset(&f, 0, sizeof(f));
	pz_kit_world_init(&f.world, 1000);
	assert_non_null(f.conditions = pz_conditions_new(&f.world.clock.env));
	open_policies();
	pz_kit_clock_run(&f.world.clock, 1);
	f.changed = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_policies_free(f.policies);
	pz_conditions_free(f.conditions);
	pz_kit_world_fini(&f.world);
	return 0;
}

static void
restart(void)
{
	pz_policies_free(f.policies);
	pz_kit_world_restart(&f.world);
	open_policies();
}

static struct pz_policies_slot
slot_of(enum pz_policy_slot slot)
{
	return pz_policies_slot(f.policies, slot);
}

static enum pz_policy_effect
decide(void)
{
	static const char json[] = "{\"resourceInfo\":{\"apiFeature\":\"http://x.org/a\"}}";
	PZ_AUTO(pz_policy_request_free) struct pz_policy_request *request = NULL;

	assert_ok(pz_policy_request_parse(pz_slice_str(json), 0, &request, NULL));
	return pz_policy_decide(pz_policies_slots(f.policies), request, 0).effect;
}

static void
set_user(const char *text, uint64_t sequence)
{
	struct pz_policy_record record = {.document = pz_slice_str(text)};

	record.version.slot = PZ_POLICY_SLOT_USER;
	record.version.sequence = sequence;
	f.is_inside = true;
	pz_policies_set_user(f.policies, &record);
	f.is_inside = false;
}

static void
on_done(void *arg, enum pz_err err, const char *detail)
{
	(void)arg;
	(void)detail;
	assert_false(f.is_inside);
	f.ended = err;
	f.ends++;
}

static enum pz_err
begin_exceptions(const char *text, uint64_t base)
{
	f.is_inside = true;
	enum pz_err err = pz_policies_set_exceptions(f.policies, pz_slice_str(text), base, "tv",
						     on_done, NULL, NULL);
	f.is_inside = false;
	return err;
}

static void
set_exceptions(const char *text, uint64_t base)
{
	int ends = f.ends;

	assert_ok(begin_exceptions(text, base));
	pz_kit_clock_run(&f.world.clock, 10000);
	assert_int_equal(f.ends, ends + 1);
	assert_ok(f.ended);
}

/* ---- the tests ---- */

static void
a_zone_without_a_policy_has_the_default(void **state)
{
	(void)state;
	struct pz_policies_slot user = slot_of(PZ_POLICY_SLOT_USER);

	assert_int_equal(user.state, PZ_POLICIES_DEFAULT);
	assert_int_equal(user.version.sequence, 0);
	assert_true(pz_slice_eq(user.text, pz_policies_default()));
	assert_non_null(strstr((const char *)user.text.ptr, "id=\"strangers\""));
	assert_int_equal(decide(), PZ_POLICY_DENY);
	assert_int_equal(slot_of(PZ_POLICY_SLOT_EXCEPTIONS).state, PZ_POLICIES_NONE);
	assert_int_equal(slot_of(PZ_POLICY_SLOT_MANUFACTURER).state, PZ_POLICIES_NONE);
}

/* @spec page 9, 3.3: a decision never sees half a document */
static void
a_change_counts_at_once_and_the_former_documents_stay_for_the_turn(void **state)
{
	(void)state;
	const struct pz_policy_slots *before = pz_policies_slots(f.policies);
	const struct pz_policy_document *document = before->document[PZ_POLICY_SLOT_USER];

	set_user(PERMIT, 1);
	assert_int_equal(decide(), PZ_POLICY_PERMIT);
	set_user(DENY, 2);
	assert_int_equal(decide(), PZ_POLICY_DENY);
	assert_ptr_equal(before->document[PZ_POLICY_SLOT_USER], document);
	assert_true(pz_policy_document_rules(document) > 1); /* memory that is still there */
	assert_int_equal(f.changed, 0);
	pz_kit_clock_run(&f.world.clock, 1);
	assert_int_equal(f.changed, BIT(USER));
}

static void
a_document_that_stays_the_same_is_no_change(void **state)
{
	(void)state;
	set_user(PERMIT, 1);
	pz_kit_clock_run(&f.world.clock, 1);
	const struct pz_policy_slots *before = pz_policies_slots(f.policies);
	f.changed = 0;
	set_user(PERMIT, 1);
	assert_ptr_equal(pz_policies_slots(f.policies), before);
	assert_true(pz_kit_clock_is_idle(&f.world.clock));
	set_user(PERMIT, 2); /* the version is part of it */
	pz_kit_clock_run(&f.world.clock, 1);
	assert_int_equal(f.changed, BIT(USER));
}

static void
a_text_is_parsed_once(void **state)
{
	(void)state;
	struct pz_policy_document *doc = NULL;

	set_user(PERMIT, 1);
	assert_ok(pz_policies_parse(f.policies, pz_slice_str(PERMIT), &doc, NULL));
	assert_ptr_equal(pz_policies_slots(f.policies)->document[PZ_POLICY_SLOT_USER], doc);
	pz_policy_document_unref(doc);
}

static void
a_document_that_is_not_valid_denies_all_and_is_shown(void **state)
{
	(void)state;
	set_user(PERMIT, 1);
	pz_policies_set_manufacturer(f.policies, pz_slice_str("<policy><rule/></policy>"), NULL);
	assert_int_equal(decide(), PZ_POLICY_DENY);
	assert_int_equal(slot_of(PZ_POLICY_SLOT_MANUFACTURER).state, PZ_POLICIES_CORRUPT);
	assert_non_null(strstr(slot_of(PZ_POLICY_SLOT_MANUFACTURER).reason, "line 1: "));
	assert_true(
		pz_condition_is_raised(f.conditions, PZ_CONDITION_POLICY_CORRUPT, "manufacturer"));
	pz_policies_set_manufacturer(f.policies, pz_slice_str(NULL), "permission denied");
	assert_int_equal(decide(), PZ_POLICY_DENY);
	assert_string_equal(slot_of(PZ_POLICY_SLOT_MANUFACTURER).reason, "permission denied");
	pz_policies_set_manufacturer(f.policies, pz_slice_str(NULL), NULL);
	assert_int_equal(decide(), PZ_POLICY_PERMIT);
	assert_false(pz_condition_is_raised(f.conditions, PZ_CONDITION_POLICY_CORRUPT, NULL));
	pz_policies_set_user_unreadable(f.policies, "damaged");
	assert_int_equal(decide(), PZ_POLICY_DENY);
	assert_true(pz_condition_is_raised(f.conditions, PZ_CONDITION_POLICY_CORRUPT, "user"));
	set_user(PERMIT, 3);
	assert_int_equal(decide(), PZ_POLICY_PERMIT);
}

static void
exceptions_count_when_they_are_on_disk_and_after_a_restart(void **state)
{
	(void)state;
	set_user(PERMIT, 1);
	assert_ok(begin_exceptions(DENY, 0));
	assert_int_equal(decide(), PZ_POLICY_PERMIT);
	assert_int_equal(begin_exceptions(DENY, 0), PZ_ERR_EXISTS); /* one at a time */
	pz_kit_clock_run(&f.world.clock, 10000);
	assert_ok(f.ended);
	assert_int_equal(decide(), PZ_POLICY_DENY);
	assert_true(f.changed & BIT(EXCEPTIONS));
	restart();
	set_user(PERMIT, 1);
	assert_int_equal(decide(), PZ_POLICY_DENY);
	struct pz_policies_slot slot = slot_of(PZ_POLICY_SLOT_EXCEPTIONS);
	assert_int_equal(slot.version.sequence, 1);
	assert_int_equal(slot.version.time_ms, PZ_KIT_WALL_MS);
	assert_string_equal(slot.version.author, "tv");
	assert_true(pz_slice_eq_str(slot.text, DENY));
}

static void
exceptions_are_whole_after_a_crash(void **state)
{
	(void)state;
	set_exceptions(DENY, 0);
	assert_ok(begin_exceptions(PERMIT, 1));
	restart(); /* before the commit */
	assert_true(pz_slice_eq_str(slot_of(PZ_POLICY_SLOT_EXCEPTIONS).text, DENY));
	assert_int_equal(f.ends, 1);
}

static void
exceptions_that_are_not_stored_do_not_count(void **state)
{
	(void)state;
	set_user(PERMIT, 1);
	pz_memory_disk_fail_next(f.world.disk, 1);
	assert_ok(begin_exceptions(DENY, 0));
	pz_kit_clock_run(&f.world.clock, 10000);
	assert_int_equal(f.ended, PZ_ERR_IO_FULL);
	assert_int_equal(decide(), PZ_POLICY_PERMIT);
	set_exceptions(DENY, 0);
	assert_int_equal(decide(), PZ_POLICY_DENY);
}

static void
exceptions_that_are_based_on_an_older_version_are_refused(void **state)
{
	(void)state;
	struct pz_errinfo info = {""};

	set_exceptions(DENY, 0);
	assert_int_equal(pz_policies_set_exceptions(f.policies, pz_slice_str(PERMIT), 0, "tv",
						    on_done, NULL, &info),
			 PZ_ERR_EXISTS);
	assert_non_null(strstr(info.text, "conflict"));
	assert_int_equal(pz_policies_set_exceptions(f.policies, pz_slice_str("<policy"), 1, "tv",
						    on_done, NULL, &info),
			 PZ_ERR_CONFIG);
	assert_non_null(strstr(info.text, "line 1"));
	assert_int_equal(f.ends, 1);
	set_exceptions(PERMIT, 1);
	assert_int_equal(slot_of(PZ_POLICY_SLOT_EXCEPTIONS).version.sequence, 2);
}

#define COUNTED(name)                                                                              \
	"<policy><rule effect='permit'><condition><environment-match attr='calls:" name            \
	"' func='less-than' match='3'/></condition></rule></policy>"

static bool
count(const char *name)
{
	const struct pz_slice counter = pz_slice_str(name);

	return pz_policies_count(f.policies, 7, &counter, 1);
}

static uint64_t
counted(const char *name)
{
	return pz_policies_calls(f.policies, pz_slice_str(name));
}

/* What was said to be counted is on the disk, also when the process ends at once. */
static void
calls_are_counted_on_the_disk(void **state)
{
	(void)state;
	struct pz_txn *txn = pz_kit_txn();

	set_exceptions(COUNTED("a"), 0);
	assert_true(count("calls:a"));
	assert_int_equal(counted("calls:a"), 1);
	assert_int_equal(f.counted, 0);
	pz_kit_clock_run(&f.world.clock, 2000);
	assert_int_equal(f.counted, 1);
	restart();
	assert_int_equal(counted("calls:a"), 1);
	assert_true(count("calls:a"));
	restart(); /* before the commit: the call has not run */
	assert_int_equal(f.counted, 1);
	assert_int_equal(counted("calls:a"), 1);
	pz_kit_world_put(&f.world, "policy-calls", "calls:a", "many");
	restart(); /* damaged: the limit has run out */
	assert_true(counted("calls:a") > 1000000);
	assert_ok(pz_policies_wipe(f.policies, txn));
	assert_ok(pz_kit_world_commit(&f.world, txn));
	pz_policies_wiped(f.policies);
	assert_int_equal(counted("calls:a"), 0);
	assert_int_equal(pz_kit_world_count(&f.world, "policy-calls"), 0);
}

/* As many as there are places, however many rules come and go. */
static void
counters_of_rules_that_are_gone_are_removed(void **state)
{
	(void)state;

	for (unsigned i = 0; i < 2 * PZ_POLICY_COUNTERS_MAX; i++) {
		char text[256], name[32];

		snprintf(name, sizeof(name), "calls:%u", i);
		snprintf(text, sizeof(text),
			 "<policy><rule effect='permit'><condition><environment-match attr='%s' "
			 "func='less-than' match='3'/></condition></rule></policy>",
			 name);
		set_exceptions(text, i);
		assert_true(count(name));
		pz_kit_clock_run(&f.world.clock, 2000);
	}
	assert_int_equal(pz_kit_world_count(&f.world, "policy-calls"), 1);
	assert_int_equal(counted("calls:0"), 0);
	for (unsigned i = 0; i <= PZ_POLICY_COUNTER_BYTES_MAX; i++) {
		char name[PZ_POLICY_COUNTER_BYTES_MAX + 2] = "";

		memset(name, 'x', i + 1);
		(void)count(name); /* of no document: the next one takes its place */
	}
	pz_kit_clock_run(&f.world.clock, 2000);
	assert_true(pz_kit_world_count(&f.world, "policy-calls") <= 2);
}

static void
exceptions_can_be_removed_and_go_with_the_zone(void **state)
{
	(void)state;
	struct pz_txn *txn = pz_kit_txn();

	set_exceptions(DENY, 0);
	set_exceptions(NULL, 1);
	assert_int_equal(slot_of(PZ_POLICY_SLOT_EXCEPTIONS).state, PZ_POLICIES_NONE);
	set_exceptions(DENY, 0);
	assert_int_equal(pz_kit_world_count(&f.world, "policies"), 2); /* and the former one */
	assert_ok(pz_policies_wipe(f.policies, txn));
	assert_ok(pz_kit_world_commit(&f.world, txn));
	pz_policies_wiped(f.policies);
	assert_int_equal(slot_of(PZ_POLICY_SLOT_EXCEPTIONS).state, PZ_POLICIES_NONE);
	assert_int_equal(slot_of(PZ_POLICY_SLOT_USER).state, PZ_POLICIES_DEFAULT);
	assert_int_equal(pz_kit_world_count(&f.world, "policies"), 0);
}

static void
exceptions_that_cannot_be_read_deny_all(void **state)
{
	(void)state;
	static const char *const damaged[] = {
		"",
		"{}\n",
		DENY,
		"{\"slot\":\"exceptions\",\"sequence\":1,\"time\":1,\"author\":\"tv\",\"sha256\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"sig\":\"\"}\n" PERMIT,
	};

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		pz_kit_world_put(&f.world, "policies", "exceptions", damaged[i]);
		restart();
		set_user(PERMIT, 1);
		assert_int_equal(slot_of(PZ_POLICY_SLOT_EXCEPTIONS).state, PZ_POLICIES_CORRUPT);
		assert_int_equal(decide(), PZ_POLICY_DENY);
		set_exceptions(PERMIT, 0);
		assert_int_equal(decide(), PZ_POLICY_PERMIT);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_zone_without_a_policy_has_the_default),
		TEST(a_change_counts_at_once_and_the_former_documents_stay_for_the_turn),
		TEST(a_document_that_stays_the_same_is_no_change),
		TEST(a_text_is_parsed_once),
		TEST(a_document_that_is_not_valid_denies_all_and_is_shown),
		TEST(exceptions_count_when_they_are_on_disk_and_after_a_restart),
		TEST(exceptions_are_whole_after_a_crash),
		TEST(exceptions_that_are_not_stored_do_not_count),
		TEST(exceptions_that_are_based_on_an_older_version_are_refused),
		TEST(exceptions_can_be_removed_and_go_with_the_zone),
		TEST(counters_of_rules_that_are_gone_are_removed),
		TEST(calls_are_counted_on_the_disk),
		TEST(exceptions_that_cannot_be_read_deny_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
