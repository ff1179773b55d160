/*
 * A grant of a device applies to friends, on the device that provides the service, as long as the
 * friendship lasts.
 * @spec page 9, 7.1
 */
#include "access/fixture.h"

/* All that a rule of a grant can say; the caller is not in it, so who may is access' own word. */
#define GRANT                                                                                      \
	"<policy combine='permit-overrides'><rule id='here-1' effect='permit'"                     \
	" description='Bob may use test.'><condition><resource-match attr='api-feature' "          \
	"match='" TEST "'/></condition></rule></policy>"

static int
setup_grants(void **state)
{
	int failed = setup(state);
	struct world *w = *state;

	set_user_file(w, PZ_SOURCE_DIR "/packaging/policies/user.xml");
	set_slot(w, PZ_POLICY_SLOT_GRANTS, GRANT);
	w->has_friend = true;
	return failed;
}

static void
a_friend_may_what_was_granted_and_no_more(void **state)
{
	struct world *w = *state;

	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(w->entry.decision->slot, PZ_POLICY_SLOT_GRANTS);
	assert_int_equal(calls(w, BOB, "http://webinos.org/api/devicestatus"), PZ_ACCESS_DENY);
	assert_int_equal(calls(w, "eve@example.com/pad", TEST), PZ_ACCESS_DENY);
	static const enum pz_access_point points[] = {PZ_ACCESS_BIND, PZ_ACCESS_LISTEN,
						      PZ_ACCESS_SHOW};
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		assert_int_equal(judge(w, BOB, at(points[i], TEST)), PZ_ACCESS_PERMIT);
		assert_int_equal(judge(w, BOB, at(points[i], TEST "x")), PZ_ACCESS_DENY);
	}
}

/* `why` names the grant by its id and sentence, and shows what the owner's policy says. */
static void
the_grant_is_named(void **state)
{
	struct world *w = *state;

	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_PERMIT);
	json_t *why = pz_access_why(w->access, 0), *slots = json_object_get(why, "slots");
	assert_string_equal(json_string_value(json_object_get(why, "slot")), "grants");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(slots, "user"), "effect")),
		"deny");
	const json_t *path = json_object_get(json_object_get(slots, "grants"), "path");
	assert_string_equal(json_string_value(json_object_get(json_array_get(path, 1), "id")),
			    "here-1");
	assert_string_equal(json_string_value(json_object_get(json_array_get(path, 1), "text")),
			    "Bob may use test.");
	json_decref(why);
}

/* The owner's document denies all; a grant is nothing to the own zone, and at no other point. */
static void
it_is_for_no_one_else_and_nowhere_else(void **state)
{
	struct world *w = *state;

	set_user(w, "<policy><rule effect='deny'/></policy>");
	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_DENY);
	assert_int_equal(calls(w, APP, TEST), PZ_ACCESS_DENY);
	assert_int_equal(judge(w, BOB, at(PZ_ACCESS_ENTER, TEST)), PZ_ACCESS_DENY);
	assert_int_equal(judge(w, BOB, at(PZ_ACCESS_MANAGE, TEST)), PZ_ACCESS_DENY);
}

/* As soon as the zone is no friend, whatever the documents still say; a call that waits to be
 * counted at that moment does not run. */
static void
it_ends_with_the_friendship(void **state)
{
	struct world *w = *state;

	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_PERMIT);
	w->has_friend = false;
	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_DENY);
	assert_int_equal(judge(w, BOB, at(PZ_ACCESS_LISTEN, TEST)), PZ_ACCESS_DENY);
	w->has_friend = true;
	set_user(w, "<policy><rule effect='prompt-oneshot'/></policy>");
	set_slot(w, PZ_POLICY_SLOT_GRANTS, NULL);
	w->answer = PZ_ACCESS_ANSWER_LATER;
	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_ASKED);
	set_user(w, "<policy><rule effect='deny'/></policy>");
	set_slot(w, PZ_POLICY_SLOT_GRANTS, GRANT);
	w->has_friend = false;
	pz_access_changed(w->access);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->verdict, PZ_ACCESS_DENY);
}

/* The person at this device has said yes in advance. */
static void
nothing_is_asked_that_was_granted(void **state)
{
	struct world *w = *state;

	set_user(w, "<policy><rule effect='prompt-oneshot'/></policy>");
	w->answer = PZ_ACCESS_ANSWER_NO;
	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(w->asked, 0);
	assert_int_equal(calls(w, BOB, "http://webinos.org/api/devicestatus"), PZ_ACCESS_REFUSED);
	assert_int_equal(w->asked, 1);
}

/* A permit that is remembered was given by the documents of its moment. */
static void
a_grant_that_is_taken_back_is_not_remembered(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_PERMIT);
	set_slot(w, PZ_POLICY_SLOT_GRANTS, NULL);
	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_DENY);
}

#define TEST_OF(f) cmocka_unit_test_setup_teardown(f, setup_grants, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(a_friend_may_what_was_granted_and_no_more),
		TEST_OF(the_grant_is_named),
		TEST_OF(it_is_for_no_one_else_and_nowhere_else),
		TEST_OF(it_ends_with_the_friendship),
		TEST_OF(nothing_is_asked_that_was_granted),
		TEST_OF(a_grant_that_is_taken_back_is_not_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
