/* Two machines with one identity: they raise a condition, and nothing else raises it. */
#include "hosted/clone.h"
#include "pzh/fixture_devices.h"

static const struct pz_conditions *
conditions(void)
{
	return w.hub->hosting.conditions;
}

/* A link of the tv, from a start of its program. The former one is left as it is: it receives a
 * bye.
 */
static void
comes(const char *start)
{
	link_up(&tv);
	say_prop(&tv, TV, "pzpInfo",
		 json_pack("{s:[s], s:i, s:s}", "addresses", "192.0.2.7", "port", 1, "session",
			   start));
	pz_turn_end(&w.turn);
}

static void
two_that_take_turns_raise_a_condition(void **state)
{
	static const char *const turns[] = {"one", "two", "one", "two"};

	(void)state;
	link_down(&tv);
	for (size_t i = 0; i < 4; i++) {
		assert_false(
			pz_condition_is_raised(conditions(), PZ_CONDITION_IDENTITY_TWICE, NULL));
		comes(turns[i]);
	}
	assert_true(pz_condition_is_raised(conditions(), PZ_CONDITION_IDENTITY_TWICE, TV));
	comes("two"); /* the same one again says nothing new, nor ends it */
	assert_true(pz_condition_is_raised(conditions(), PZ_CONDITION_IDENTITY_TWICE, TV));
	/* It is over when they have not met for a while, or when the device is out. */
	pz_kit_clock_skip(&w.world.clock, 601 * PZ_US_PER_S);
	pz_hosted_clone_clean(zone_of(ZONE));
	assert_false(pz_condition_is_raised(conditions(), PZ_CONDITION_IDENTITY_TWICE, NULL));
	for (size_t i = 0; i < 4; i++)
		comes(turns[i]);
	assert_true(pz_condition_is_raised(conditions(), PZ_CONDITION_IDENTITY_TWICE, TV));
	assert_int_equal(ask("revoke", json_pack("{s:s}", "device", "tv"))->err, PZ_OK);
	assert_false(pz_condition_is_raised(conditions(), PZ_CONDITION_IDENTITY_TWICE, NULL));
}

static void
restarts_and_reconnections_are_none(void **state)
{
	static const char *const starts[] = {"a", "a", "b", "b", "c", "d", "d", "e", "f", "f"};

	(void)state;
	link_down(&tv);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		comes(starts[i]);
	assert_false(pz_condition_is_raised(conditions(), PZ_CONDITION_IDENTITY_TWICE, NULL));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up_devices, tear_down_devices)
	const struct CMUnitTest tests[] = {
		T(two_that_take_turns_raise_a_condition),
		T(restarts_and_reconnections_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
