/*
 * Grants of a device: stored before they apply, bounded, and removed with their friend.
 * @spec page 9, 7.1
 */
#include "policies/grants.h"

#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "command/table.h"
#include "kit/answer.h"
#include "kit/world.h"

#define ALICE "alice@example.org"
#define BOB "bob@example.net"
#define CAROL "carol@example.com"
#define TEST "http://webinos.org/api/test"
#define COMMIT_US (10 * PZ_US_PER_MS)

static struct {
	struct pz_kit_world world;
	struct pz_conditions *conditions;
	struct pz_policies *policies;
	struct pz_requests requests;
	const char *self;
	bool is_bob_gone;
	struct pz_kit_answer answer;
} t;

static bool
on_is_friend(void *arg, const char *zone)
{
	(void)arg;
	return strcmp(zone, BOB) == 0 ? !t.is_bob_gone : strcmp(zone, CAROL) == 0;
}

static void
open_policies(void)
{
	const struct pz_policies_config config = {
		.env = &t.world.clock.env,
		.store = t.world.store,
		.conditions = t.conditions,
		.is_friend = on_is_friend,
		.self = t.self,
	};

	assert_ok(pz_policies_new(&config, &t.policies, NULL));
	assert_ok(pz_policies_load(t.policies, NULL));
	pz_grants_follow_friends(t.policies);
}

static int
setup(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	memset(&t, 0, sizeof(t));
	t.self = ALICE "/laptop";
	pz_kit_world_init(&t.world, COMMIT_US);
	assert_non_null(t.conditions = pz_conditions_new(&t.world.clock.env));
	pz_requests_init(&t.requests, &t.world.clock.env, NULL);
	open_policies();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_kit_answer_fini(&t.answer);
	pz_requests_fini(&t.requests);
	pz_policies_free(t.policies);
	pz_conditions_free(t.conditions);
	pz_kit_world_fini(&t.world);
	return 0;
}

static void
restart(void)
{
	pz_policies_free(t.policies);
	pz_kit_world_restart(&t.world);
	open_policies();
}

/* ---- commands ---- */

/* @param json members of the command, ' for " */
static void
begin(void (*run)(struct pz_policies *, struct pz_request *), const char *json)
{
	char text[1024];

	snprintf(text, sizeof(text), "{'zone':'%s','api':'%s'%s}", BOB, TEST, json);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	run(t.policies, pz_kit_request(&t.requests, json_loads(text, 0, NULL), &t.answer));
}

static enum pz_err
settle(void)
{
	return pz_kit_answer_wait(&t.answer, &t.world.clock, COMMIT_US);
}

static enum pz_err
grant(const char *json)
{
	begin(pz_grants_add_command, json);
	return settle();
}

static enum pz_err
take_back(const char *json)
{
	begin(pz_grants_remove_command, json);
	return settle();
}

/* What a friend's device may do here by the documents of now. */
static enum pz_policy_effect
effect_for(const char *zone, const char *device, const char *api)
{
	PZ_AUTO(pz_policy_request_free) struct pz_policy_request *request = NULL;
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"subject\":{\"user-id\":[\"%s\"],\"requestor-id\":[\"%s\"],\"target-id\":["
		 "\"laptop\"]},\"resource\":{\"api-feature\":[\"%s\"],\"service-id\":[\"5e\"]},"
		 "\"environment\":{\"time\":\"%llu\"},"
		 "\"context\":{\"owner\":\"" ALICE "\",\"known\":[\"%s\"]}}",
		 zone, device, api, (unsigned long long)(pz_env_wall_ms(&t.world.clock.env) / 1000),
		 zone);
	assert_ok(pz_policy_request_parse(
		pz_slice_str(text), (int64_t)pz_env_wall_ms(&t.world.clock.env), &request, NULL));
	return pz_policy_decide(pz_policies_slots(t.policies), request, 0).effect;
}

static bool
may(void)
{
	return effect_for(BOB, "phone", TEST) == PZ_POLICY_PERMIT;
}

static void
it_counts_when_it_is_on_the_disk(void **state)
{
	(void)state;
	assert_false(may());
	begin(pz_grants_add_command, "");
	assert_false(may());
	assert_ok(settle());
	assert_true(may());
	assert_string_equal(json_string_value(json_object_get(t.answer.result, "id")), "here-1");
	assert_non_null(strstr(json_string_value(json_object_get(t.answer.result, "rule")), BOB));
	restart();
	assert_true(may());
	begin(pz_grants_add_command, ",'device':'tv'");
	restart(); /* before its commit has ended */
	assert_true(may());
	assert_int_equal(pz_kit_world_count(&t.world, "grants"), 2); /* with the last number */
}

static void
it_is_for_its_zone_its_device_and_its_service(void **state)
{
	(void)state;
	assert_ok(grant(",'device':'phone','service':'5e'"));
	assert_int_equal(effect_for(BOB, "phone", TEST), PZ_POLICY_PERMIT);
	assert_int_equal(effect_for(BOB, "phone", TEST "/part"), PZ_POLICY_PERMIT);
	assert_int_equal(effect_for(BOB, "tv", TEST), PZ_POLICY_DENY);
	assert_int_equal(effect_for(CAROL, "phone", TEST), PZ_POLICY_DENY);
	assert_int_equal(effect_for(ALICE, "phone", "http://webinos.org/core"), PZ_POLICY_DENY);
	assert_int_equal(effect_for(BOB, "phone", "http://webinos.org/api/devicestatus"),
			 PZ_POLICY_DENY);
}

static void
it_runs_out(void **state)
{
	(void)state;
	assert_ok(grant(",'for_s':60"));
	assert_true(may());
	pz_kit_clock_run(&t.world.clock, 61 * PZ_US_PER_S);
	assert_false(may());
	restart();
	assert_false(may());
}

static void
it_is_taken_back(void **state)
{
	(void)state;
	assert_ok(grant(""));
	assert_ok(grant(",'for_s':60"));
	assert_ok(grant(",'device':'tv'"));
	assert_int_equal(take_back(",'device':'pad'"), PZ_ERR_NOTFOUND);
	assert_ok(take_back(""));
	assert_int_equal(json_integer_value(json_object_get(t.answer.result, "count")), 2);
	assert_false(may());
	assert_int_equal(effect_for(BOB, "tv", TEST), PZ_POLICY_PERMIT);
	restart();
	assert_false(may());
	assert_int_equal(effect_for(BOB, "tv", TEST), PZ_POLICY_PERMIT);
	assert_ok(grant("")); /* no number comes twice */
	assert_string_equal(json_string_value(json_object_get(t.answer.result, "id")), "here-4");
}

/* Each has a counter of its own, which starts at 0. */
static void
calls_are_counted(void **state)
{
	(void)state;
	assert_ok(grant(",'calls':2"));
	struct pz_policies_slot slot = pz_policies_slot(t.policies, PZ_POLICY_SLOT_GRANTS);
	char *text = pz_slice_dup(slot.text), *first = strstr(text, "calls:");
	assert_non_null(first);
	assert_ok(grant(",'calls':2"));
	slot = pz_policies_slot(t.policies, PZ_POLICY_SLOT_GRANTS);
	assert_null(memmem(slot.text.ptr + (first - text) + 80,
			   slot.text.len - 80 - (size_t)(first - text), first, 22));
	free(text);
	assert_int_equal(grant(",'calls':2,'counter':'calls:mine','until':1"), PZ_OK);
	slot = pz_policies_slot(t.policies, PZ_POLICY_SLOT_GRANTS);
	assert_null(memmem(slot.text.ptr, slot.text.len, "mine", 4));
}

/* Nothing is half done: an error, and the next attempt works. */
static void
a_disk_that_refuses_grants_nothing(void **state)
{
	(void)state;
	pz_memory_disk_fail_next(t.world.disk, 1);
	assert_int_not_equal(grant(""), PZ_OK);
	assert_false(may());
	restart();
	assert_false(may());
	assert_int_equal(pz_kit_world_count(&t.world, "grants"), 0);
	assert_ok(grant(""));
	assert_true(may());
}

/* It ends at once, and is removed from the disk when that is possible. */
static void
what_is_taken_back_ends_also_where_the_disk_refuses(void **state)
{
	(void)state;
	assert_ok(grant(""));
	pz_memory_disk_fail_next(t.world.disk, 1);
	assert_int_not_equal(take_back(""), PZ_OK);
	assert_non_null(strstr(t.answer.detail, "taken back"));
	assert_false(may());
	assert_int_equal(grant(""), PZ_ERR_EXISTS); /* while the disk is behind */
	pz_kit_clock_run(&t.world.clock, 10 * PZ_STORE_AGAIN_US);
	restart();
	assert_false(may());
	assert_ok(grant(""));
}

static void
it_ends_with_its_friend(void **state)
{
	(void)state;
	assert_ok(grant(""));
	t.is_bob_gone = true;
	pz_grants_follow_friends(t.policies);
	assert_false(may());
	assert_int_equal(grant(""), PZ_ERR_NOTFOUND);
	pz_kit_clock_run(&t.world.clock, 2 * COMMIT_US);
	t.is_bob_gone = false; /* friends again: what was granted before is not */
	restart();
	assert_false(may());
	begin(pz_grants_add_command, "");
	t.is_bob_gone = true; /* while the disk is waited for */
	assert_int_equal(settle(), PZ_ERR_DENIED);
	pz_kit_clock_run(&t.world.clock, 2 * COMMIT_US);
	t.is_bob_gone = false;
	restart();
	assert_false(may());
}

/* A friend that went while the daemon did not run, or a grant of a former zone. */
static void
what_is_stored_for_others_is_not_believed(void **state)
{
	(void)state;
	assert_ok(grant(""));
	t.is_bob_gone = true;
	restart();
	t.is_bob_gone = false;
	assert_false(may());
	assert_ok(grant(""));
	t.self = "other@example.org/laptop";
	restart();
	assert_false(may());
}

static void
what_is_damaged_grants_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[1]",
		"{\"owner\":\"" ALICE "\",\"target\":\"laptop\",\"zone\":\"" BOB "\"}",
		"{\"owner\":\"" ALICE "\",\"target\":\"laptop\",\"zone\":\"" BOB
		"\",\"api\":\"*\"}",
		"{\"owner\":\"" ALICE "\",\"target\":\"laptop\",\"zone\":\"" BOB ", " CAROL
		"\",\"api\":\"" TEST "\"}",
		"{\"owner\":\"" ALICE "\",\"target\":\"laptop\",\"zone\":\"" BOB
		"\",\"api\":\"" TEST "\",\"until\":-1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pz_kit_world_put(&t.world, "grants", "7", bad[i]);
		restart();
		assert_false(may());
	}
	pz_kit_world_put(&t.world, "grants", "7",
			 "{\"owner\":\"" ALICE "\",\"target\":\"laptop\",\"zone\":\"" BOB
			 "\",\"api\":\"" TEST "\"}");
	restart();
	assert_true(may());
}

static void
bad_commands(void **state)
{
	static const char *const bad[] = {
		",'zone':'bob'",
		",'zone':'" ALICE "'",
		",'zone':'" BOB ", " CAROL "'",
		",'zone':'*@example.org'",
		",'device':'a/b'",
		",'device':'a,b'",
		",'api':''",
		",'api':'http://webinos.org/api/*'",
		",'api':'http://webinos.org/api/tes?'",
		",'service':'a b'",
		",'function':'*'",
		",'function':'a\\tb'",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (grant(bad[i]) != PZ_ERR_CONFIG)
			fail_msg("%s: %s", bad[i], t.answer.detail);
	}
	assert_int_equal(grant(",'zone':'eve@example.com'"), PZ_ERR_NOTFOUND);
	t.self = "laptop";
	restart();
	assert_int_equal(grant(""), PZ_ERR_CONFIG);
	assert_non_null(strstr(t.answer.detail, "not in a zone"));
}

static void
they_are_bounded(void **state)
{
	(void)state;
	assert_ok(grant(",'for_s':5,'device':'tv'"));
	for (int i = 1; i < PZ_GRANTS_MAX; i++)
		assert_ok(grant(""));
	assert_int_equal(grant(",'zone':'" CAROL "'"), PZ_ERR_LIMIT);
	pz_kit_clock_run(&t.world.clock, 6 * PZ_US_PER_S); /* one runs out, and gives its place */
	assert_ok(grant(",'zone':'" CAROL "'"));
	assert_int_equal(grant(",'zone':'" CAROL "'"), PZ_ERR_LIMIT);
	restart();
	assert_true(may());
	assert_int_equal(effect_for(CAROL, "pad", TEST), PZ_POLICY_PERMIT);
}

static void
one_is_stored_at_a_time(void **state)
{
	(void)state;
	begin(pz_grants_add_command, "");
	begin(pz_grants_add_command, ",'device':'tv'");
	pz_kit_clock_run(&t.world.clock, 1);
	assert_int_equal(t.answer.ends, 1);
	assert_int_equal(t.answer.err, PZ_ERR_EXISTS);
	assert_ok(settle());
}

/* The zone is left while one is on its way. */
static void
the_zone_takes_them_along(void **state)
{
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	assert_ok(grant(""));
	begin(pz_grants_add_command, ",'device':'tv'");
	assert_ok(pz_policies_wipe(t.policies, txn));
	begin(pz_grants_add_command, ",'device':'pad'");
	assert_ok(pz_kit_world_commit(&t.world, txn));
	pz_policies_wiped(t.policies);
	pz_kit_clock_run(&t.world.clock, 2 * PZ_STORE_AGAIN_US);
	assert_int_equal(t.answer.ends, 3);
	assert_int_equal(t.answer.err == PZ_OK || t.answer.err == PZ_ERR_EXISTS, 1);
	assert_false(may());
	assert_int_equal(pz_kit_world_count(&t.world, "grants"), 0);
}

#define TEST_OF(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(it_counts_when_it_is_on_the_disk),
		TEST_OF(it_is_for_its_zone_its_device_and_its_service),
		TEST_OF(it_runs_out),
		TEST_OF(it_is_taken_back),
		TEST_OF(calls_are_counted),
		TEST_OF(a_disk_that_refuses_grants_nothing),
		TEST_OF(what_is_taken_back_ends_also_where_the_disk_refuses),
		TEST_OF(it_ends_with_its_friend),
		TEST_OF(what_is_stored_for_others_is_not_believed),
		TEST_OF(what_is_damaged_grants_nothing),
		TEST_OF(bad_commands),
		TEST_OF(they_are_bounded),
		TEST_OF(one_is_stored_at_a_time),
		TEST_OF(the_zone_takes_them_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
