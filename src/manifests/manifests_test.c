/* Manifests of a device: stored before they apply, bounded, and removed with the zone.
 * @spec page 9, 7.2 */
#include "manifests/manifests.h"

#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "kit/answer.h"
#include "kit/world.h"
#include "shared/app_key.h"

#define SHOP "https://shop.example"
#define OTHER "https://other.example"
#define TEST "http://webinos.org/api/test"
#define FILES "http://webinos.org/api/w3c/file"
#define COMMIT_US (10 * PZ_US_PER_MS)

static struct {
	struct pz_kit_world world;
	struct pz_policies *policies;
	struct pz_manifests *manifests;
	struct pz_requests requests;
	struct pz_kit_answer answer;
} t;

static void
open_all(void)
{
	const struct pz_policies_config config = {.env = &t.world.clock.env,
						  .store = t.world.store};

	assert_ok(pz_policies_new(&config, &t.policies, NULL));
	assert_ok(pz_policies_load(t.policies, NULL));
	assert_ok(pz_manifests_new(t.world.store, t.policies, &t.manifests, NULL));
}

static int
setup(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	memset(&t, 0, sizeof(t));
	pz_kit_world_init(&t.world, COMMIT_US);
	pz_requests_init(&t.requests, &t.world.clock.env, NULL);
	open_all();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_kit_answer_fini(&t.answer);
	pz_requests_fini(&t.requests);
	pz_manifests_free(t.manifests);
	pz_policies_free(t.policies);
	pz_kit_world_fini(&t.world);
	return 0;
}

static void
restart(void)
{
	pz_manifests_free(t.manifests);
	pz_policies_free(t.policies);
	pz_kit_world_restart(&t.world);
	open_all();
}

static void
begin(void (*run)(struct pz_manifests *, struct pz_request *), json_t *takes_params)
{
	run(t.manifests, pz_kit_request(&t.requests, takes_params, &t.answer));
}

static enum pz_err
settle(void)
{
	return pz_kit_answer_wait(&t.answer, &t.world.clock, COMMIT_US);
}

static void
begin_install(const char *origin, const char *api, bool is_check)
{
	char text[1024];

	snprintf(text, sizeof(text), "{\"origin\":\"%s\",\"features\":[{\"api\":\"%s\"}]}", origin,
		 api);
	begin(pz_manifests_install_command,
	      json_pack("{s:s, s:b}", "manifest", text, "check", (int)is_check));
}

static enum pz_err
install(const char *origin, const char *api)
{
	begin_install(origin, api, false);
	return settle();
}

static enum pz_err
take_back(const char *origin)
{
	begin(pz_manifests_remove_command, json_pack("{s:s}", "origin", origin));
	return settle();
}

static size_t
count_shown(const char *origin)
{
	begin(pz_manifests_show_command,
	      origin ? json_pack("{s:s}", "origin", origin) : json_object());
	assert_ok(settle());
	return json_array_size(t.answer.result);
}

/* True where the slot does not deny it. */
static bool
may(const char *origin, const char *api)
{
	PZ_AUTO(pz_policy_request_free) struct pz_policy_request *request = NULL;
	const struct pz_policy_slots *slots = pz_policies_slots(t.policies);
	char text[512], id[PZ_APP_ID_CHARS + 1];

	assert_false(slots->is_corrupt[PZ_POLICY_SLOT_APP]);
	if (slots->document[PZ_POLICY_SLOT_APP] == NULL)
		return true;
	pz_app_id(pz_slice_str(origin), id);
	snprintf(text, sizeof(text),
		 "{\"subject\":{\"id\":[\"%s\"]},\"resource\":{\"api-feature\":[\"%s\"]}}", id,
		 api);
	assert_ok(pz_policy_request_parse(pz_slice_str(text), 0, &request, NULL));
	return pz_policy_evaluate(slots->document[PZ_POLICY_SLOT_APP], request, 0).effect !=
	       PZ_POLICY_DENY;
}

static void
it_counts_when_it_is_on_the_disk(void **state)
{
	(void)state;
	begin_install(SHOP, TEST, false);
	assert_true(may(SHOP, FILES));
	assert_ok(settle());
	assert_false(may(SHOP, FILES));
	assert_true(may(SHOP, TEST));
	assert_true(may(OTHER, FILES));
	restart();
	assert_false(may(SHOP, FILES));
	assert_true(may(SHOP, TEST));
	begin_install(OTHER, TEST, false);
	restart(); /* before its commit has ended */
	assert_int_equal(pz_kit_world_count(&t.world, "manifests"), count_shown(NULL));
}

static void
a_check_stores_nothing(void **state)
{
	(void)state;
	begin_install(SHOP, TEST, true);
	assert_ok(settle());
	assert_int_equal(json_array_size(json_object_get(t.answer.result, "sentences")), 2);
	assert_non_null(
		strstr(json_string_value(json_object_get(t.answer.result, "document")), TEST));
	assert_true(may(SHOP, FILES));
	assert_int_equal(pz_kit_world_count(&t.world, "manifests"), 0);
}

static void
another_takes_the_place_of_the_first(void **state)
{
	(void)state;
	assert_ok(install(SHOP, TEST));
	assert_ok(install(SHOP, FILES));
	assert_true(may(SHOP, FILES));
	assert_false(may(SHOP, TEST));
	assert_int_equal(count_shown(NULL), 1);
	restart();
	assert_false(may(SHOP, TEST));
}

static void
it_is_shown_and_removed_by_its_origin(void **state)
{
	char id[PZ_APP_ID_CHARS + 1];

	(void)state;
	assert_int_equal(take_back(SHOP), PZ_ERR_NOTFOUND);
	assert_ok(install(SHOP, TEST));
	assert_ok(install("program:backup", TEST));
	pz_app_id(pz_slice_str(SHOP), id);
	assert_true(pz_manifests_has(t.manifests, id));
	assert_int_equal(count_shown(SHOP), 1);
	const json_t *one = json_array_get(t.answer.result, 0);
	assert_string_equal(json_string_value(json_object_get(one, "origin")), SHOP);
	assert_string_equal(json_string_value(json_object_get(one, "id")), id);
	assert_null(strstr(json_string_value(json_object_get(one, "document")), "backup"));
	begin(pz_manifests_show_command, json_pack("{s:s}", "origin", OTHER));
	assert_int_equal(settle(), PZ_ERR_NOTFOUND);
	begin(pz_manifests_remove_command, json_pack("{s:s}", "origin", SHOP));
	assert_false(may(SHOP, FILES)); /* until it is off the disk */
	assert_ok(settle());
	assert_true(may(SHOP, FILES));
	assert_false(may("program:backup", FILES));
	assert_false(pz_manifests_has(t.manifests, id));
	assert_ok(take_back("program:backup"));
	restart();
	assert_true(may(SHOP, FILES));
	assert_int_equal(pz_policies_slot(t.policies, PZ_POLICY_SLOT_APP).state, PZ_POLICIES_NONE);
}

/* Nothing is half done: an error, what was there still counts, and the next attempt works. */
static void
a_disk_that_refuses_changes_nothing(void **state)
{
	(void)state;
	pz_memory_disk_fail_next(t.world.disk, 1);
	assert_int_not_equal(install(SHOP, TEST), PZ_OK);
	assert_true(may(SHOP, FILES));
	assert_int_equal(pz_kit_world_count(&t.world, "manifests"), 0);
	assert_ok(install(SHOP, TEST));
	pz_memory_disk_fail_next(t.world.disk, 1);
	assert_int_not_equal(take_back(SHOP), PZ_OK);
	assert_false(may(SHOP, FILES));
	pz_memory_disk_fail_next(t.world.disk, 1);
	assert_int_not_equal(install(SHOP, FILES), PZ_OK);
	assert_false(may(SHOP, FILES));
	restart();
	assert_false(may(SHOP, FILES));
	assert_ok(take_back(SHOP));
	assert_true(may(SHOP, FILES));
}

static void
what_is_damaged_denies_its_app_alone(void **state)
{
	char id[PZ_APP_ID_CHARS + 1];

	(void)state;
	pz_app_id(pz_slice_str(SHOP), id);
	pz_kit_world_put(&t.world, "manifests", id, "{\"origin\":");
	restart();
	assert_false(may(SHOP, TEST));
	assert_true(may(OTHER, TEST));
	assert_int_equal(count_shown(SHOP), 1);
	assert_true(json_is_false(json_object_get(json_array_get(t.answer.result, 0), "readable")));
	/* One that is stored for another app. */
	pz_kit_world_put(&t.world, "manifests", id,
			 "{\"origin\":\"" OTHER "\",\"features\":[{\"api\":\"" TEST "\"}]}");
	restart();
	assert_false(may(SHOP, TEST));
	assert_true(may(OTHER, FILES));
	assert_ok(take_back(id));
	assert_true(may(SHOP, TEST));
}

/* All but one are put on the disk as an earlier run has left them. */
static void
they_are_bounded(void **state)
{
	char origin[64], id[PZ_APP_ID_CHARS + 1], text[256];

	(void)state;
	for (int i = 1; i < PZ_MANIFESTS_MAX; i++) {
		snprintf(origin, sizeof(origin), "https://a%d.example", i);
		pz_app_id(pz_slice_str(origin), id);
		snprintf(text, sizeof(text),
			 "{\"origin\":\"%s\",\"features\":[{\"api\":\"" TEST "\"}]}", origin);
		pz_kit_world_put(&t.world, "manifests", id, text);
	}
	restart();
	assert_ok(install(OTHER, TEST));
	assert_int_equal(install(SHOP, TEST), PZ_ERR_LIMIT);
	assert_non_null(strstr(t.answer.detail, "pzp app remove"));
	assert_ok(install(origin, FILES)); /* in the place of its own */
	assert_ok(take_back(origin));
	assert_ok(install(SHOP, TEST));
	restart();
	assert_false(may(SHOP, FILES));
}

/* Long ones fill the document before there are so many. */
static void
all_together_are_bounded(void **state)
{
	json_t *features = json_array();
	int count = 0;

	(void)state;
	for (int i = 0; i < PZ_MANIFEST_FEATURES_MAX; i++)
		json_array_append_new(features, json_pack("{s:o, s:o}", "api",
							  json_sprintf("http://x/%0200d", i),
							  "reason", json_sprintf("%0200d", i)));
	do {
		json_t *manifest =
			json_pack("{s:o, s:O}", "origin",
				  json_sprintf("https://a%d.example", count), "features", features);
		char *text = json_dumps(manifest, JSON_COMPACT);

		begin(pz_manifests_install_command, json_pack("{s:s}", "manifest", text));
		free(text);
		json_decref(manifest);
		count++;
	} while (settle() == PZ_OK && count < PZ_MANIFESTS_MAX);
	json_decref(features);
	assert_int_equal(t.answer.err, PZ_ERR_LIMIT);
	assert_non_null(strstr(t.answer.detail, "too much together"));
	assert_true(count > 2);
	assert_int_equal(pz_kit_world_count(&t.world, "manifests"), count - 1);
	assert_false(may("https://a0.example", TEST));
}

static void
one_is_stored_at_a_time(void **state)
{
	(void)state;
	begin_install(SHOP, TEST, false);
	begin_install(OTHER, TEST, false);
	pz_kit_clock_run(&t.world.clock, 1);
	assert_int_equal(t.answer.ends, 1);
	assert_int_equal(t.answer.err, PZ_ERR_EXISTS);
	assert_ok(settle());
}

static void
the_zone_takes_them_along(void **state)
{
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	assert_ok(install(SHOP, TEST));
	begin_install(OTHER, TEST, false);
	assert_ok(pz_manifests_wipe(txn));
	assert_ok(pz_kit_world_commit(&t.world, txn));
	pz_manifests_wiped(t.manifests);
	assert_true(may(SHOP, FILES));
	assert_true(may(OTHER, FILES));
	assert_int_equal(pz_kit_world_count(&t.world, "manifests"), 0);
	restart();
	assert_int_equal(count_shown(NULL), 0);
}

#define TEST_OF(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(it_counts_when_it_is_on_the_disk),
		TEST_OF(a_check_stores_nothing),
		TEST_OF(another_takes_the_place_of_the_first),
		TEST_OF(it_is_shown_and_removed_by_its_origin),
		TEST_OF(a_disk_that_refuses_changes_nothing),
		TEST_OF(what_is_damaged_denies_its_app_alone),
		TEST_OF(they_are_bounded),
		TEST_OF(all_together_are_bounded),
		TEST_OF(one_is_stored_at_a_time),
		TEST_OF(the_zone_takes_them_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
