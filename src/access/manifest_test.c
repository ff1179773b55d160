/*
 * The slot of apps restricts the apps of this device, and has no effect on other callers.
 * @spec page 9, 7.2; page 14 AC-13
 */
#include "access/fixture.h"

#define MINE TV "/7f3a:1"
#define OTHER TV "/7f3b:1"
#define STATUS "http://webinos.org/api/devicestatus"

#define MANIFEST                                                                                   \
	"<policy-set combine='first-matching-target'><policy id='app-7f3a' "                       \
	"combine='first-applicable'><target><subject><subject-match attr='id' func='equal' "       \
	"match='7f3a'/></subject></target><rule id='feature-1' effect='permit'><condition>"        \
	"<resource-match attr='api-feature' match='" TEST "'/></condition></rule>"                 \
	"<rule id='rest' effect='deny'/></policy></policy-set>"

static int
setup_manifest(void **state)
{
	int failed = setup(state);
	struct world *w = *state;

	set_user(w, "<policy><rule effect='permit'/></policy>");
	set_slot(w, PZ_POLICY_SLOT_APP, MANIFEST);
	w->has_friend = true;
	return failed;
}

static void
it_narrows(void **state)
{
	struct world *w = *state;

	assert_int_equal(calls(w, MINE, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, MINE, STATUS), PZ_ACCESS_DENY);
	assert_int_equal(w->entry.decision->slot, PZ_POLICY_SLOT_APP);
	json_t *why = pz_access_why(w->access, 0);
	assert_string_equal(json_string_value(json_object_get(why, "slot")), "app");
	json_decref(why);
	/* Also where the service is elsewhere, and the owner's rules do not count. */
	assert_int_equal(judge(w, MINE, at(PZ_ACCESS_SEND, TEST)), PZ_ACCESS_PERMIT);
	assert_int_equal(judge(w, MINE, at(PZ_ACCESS_SEND, STATUS)), PZ_ACCESS_DENY);
}

/* What is listed is decided by the others. */
static void
it_never_widens(void **state)
{
	struct world *w = *state;

	set_user(w, "<policy><rule effect='deny'/></policy>");
	assert_int_equal(calls(w, MINE, TEST), PZ_ACCESS_DENY);
	set_user(w, "<policy-set/>");
	set_slot(w, PZ_POLICY_SLOT_EXCEPTIONS, "<policy><rule effect='deny'/></policy>");
	assert_int_equal(calls(w, MINE, TEST), PZ_ACCESS_DENY);
	set_slot(w, PZ_POLICY_SLOT_EXCEPTIONS, NULL);
	set_user(w, "<policy><rule effect='prompt-oneshot'/></policy>");
	w->answer = PZ_ACCESS_ANSWER_NO;
	assert_int_equal(calls(w, MINE, TEST), PZ_ACCESS_REFUSED);
	assert_int_equal(w->asked, 1);
	assert_int_equal(calls(w, MINE, STATUS), PZ_ACCESS_DENY);
	assert_int_equal(w->asked, 1); /* without a question */
}

/* The same id on another device is judged there, and only an app has one. */
static void
it_is_for_that_app_of_this_device(void **state)
{
	struct world *w = *state;

	assert_int_equal(calls(w, OTHER, STATUS), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, LAPTOP, STATUS), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, TV, STATUS), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, LAPTOP "/7f3a:1", STATUS), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, "bob@example.com/tv/7f3a:1", STATUS), PZ_ACCESS_PERMIT);
}

static void
a_corrupt_one_denies_the_apps_of_this_device(void **state)
{
	struct world *w = *state;

	set_slot(w, PZ_POLICY_SLOT_APP, NULL);
	w->slots.is_corrupt[PZ_POLICY_SLOT_APP] = true;
	assert_int_equal(calls(w, MINE, TEST), PZ_ACCESS_DENY);
	assert_int_equal(calls(w, OTHER, TEST), PZ_ACCESS_DENY);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, LAPTOP "/7f3a:1", TEST), PZ_ACCESS_PERMIT);
}

/* A permit that is remembered was given by the documents of its moment. */
static void
it_ends_what_was_remembered(void **state)
{
	struct world *w = *state;

	set_slot(w, PZ_POLICY_SLOT_APP, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(calls(w, MINE, STATUS), PZ_ACCESS_PERMIT);
	set_slot(w, PZ_POLICY_SLOT_APP, MANIFEST);
	assert_int_equal(calls(w, MINE, STATUS), PZ_ACCESS_DENY);
	set_slot(w, PZ_POLICY_SLOT_APP, NULL);
	assert_int_equal(calls(w, MINE, STATUS), PZ_ACCESS_PERMIT);
}

#define TEST_OF(f) cmocka_unit_test_setup_teardown(f, setup_manifest, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(it_narrows),
		TEST_OF(it_never_widens),
		TEST_OF(it_is_for_that_app_of_this_device),
		TEST_OF(a_corrupt_one_denies_the_apps_of_this_device),
		TEST_OF(it_ends_what_was_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
