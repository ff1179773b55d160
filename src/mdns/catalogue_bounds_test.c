/* The catalogue when queries fail or are repeated, and its bounds. */
#include "mdns/catalogue_fixture.h"

static void
asking_again_confirms(void **state)
{
	(void)state;
	browse();
	appear("stays");
	appear("leaves");
	told();
	browse();
	ptr(true, "stays");
	assert_string_equal(told(), "+stays@10.0.0.1:80[v=1,] ");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_CONFIRM_US - PZ_US_PER_S);
	assert_string_equal(told(), "");
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_string_equal(told(), "-leaves ");
}

static void
another_backend_is_asked_for_everything(void **state)
{
	(void)state;
	browse();
	appear("stays");
	appear("leaves");
	told();
	pz_mdns_catalogue_attach(&fix.catalogue, NULL);
	assert_int_equal(fix.open, 0);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	pz_mdns_catalogue_attach(&fix.catalogue, &fix.backend);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_string_equal(told(), ""); /* none is gone yet */
	appear("stays");
	assert_string_equal(told(), "+stays@10.0.0.1:80[v=1,] ");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_CONFIRM_US);
	assert_string_equal(told(), "-leaves ");
}

/* What was found again since is known as well as before. */
static void
a_goodbye_after_asking_again_counts(void **state)
{
	(void)state;
	browse();
	appear("one");
	told();
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_MS);
	appear("one");
	told();
	ptr(false, "one");
	assert_string_equal(told_later(), "-one ");
}

static void
what_failed_is_asked_again(void **state)
{
	(void)state;
	pz_mdns_catalogue_failed(&fix.catalogue,
				 "refused"); /* no search is active: nothing to do */
	assert_int_equal(fix.troubles, 0);
	fix.refuses = true;
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_int_equal(fix.open, 0);
	fix.refuses = false;
	pz_mdns_catalogue_failed(&fix.catalogue, "refused");
	pz_mdns_catalogue_failed(&fix.catalogue, "refused");
	assert_int_equal(fix.troubles, 1);
	pz_kit_clock_run(&fix.clock, PZ_MDNS_RETRY_US);
	assert_int_equal(fix.open, 1);
	appear("one");
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	assert_true(fix.is_in_trouble);
	pz_kit_clock_run(&fix.clock, PZ_MDNS_CONFIRM_US); /* nothing has failed since */
	assert_false(fix.is_in_trouble);
}

static void
what_fails_for_ever_is_reported_once(void **state)
{
	(void)state;
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	for (int i = 0; i < 100; i++) {
		pz_mdns_catalogue_failed(&fix.catalogue, "refused");
		pz_kit_clock_run(&fix.clock, PZ_MDNS_RETRY_US);
	}
	assert_int_equal(fix.troubles, 1);
	assert_true(fix.is_in_trouble);
	pz_mdns_catalogue_browse(&fix.catalogue, false);
	assert_false(fix.is_in_trouble);
}

static void
a_thousand_instances_are_bounded(void **state)
{
	char name[16];

	(void)state;
	browse();
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "i%d", i);
		ptr(true, name);
	}
	assert_int_equal(fix.catalogue.instances_len, PZ_MDNS_INSTANCES_MAX);
	assert_int_equal(fix.catalogue.ignored, 1000 - PZ_MDNS_INSTANCES_MAX);
	assert_int_equal(warnings, 1);
	pz_kit_clock_run(&fix.clock, 0); /* not everything is asked at once */
	assert_in_range(fix.open, PZ_MDNS_LOOKUPS_PER_TURN_MAX, PZ_MDNS_LOOKUPS_PER_TURN_MAX + 4);
	struct watch *before = asked("_pzp._tcp.local", PZ_MDNS_PTR);
	pz_kit_clock_run(&fix.clock, PZ_MDNS_LOOK_US);
	assert_int_equal(fix.open, 1 + 2 * PZ_MDNS_INSTANCES_MAX);

	/* Some were never looked at: it is asked again who is there, when others may give way. */
	assert_ptr_not_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	ptr(true, "i999");
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_non_null(asked(full("i999"), PZ_MDNS_SRV));
	assert_null(asked(full("i0"), PZ_MDNS_SRV));
	assert_int_equal(fix.catalogue.instances_len, PZ_MDNS_INSTANCES_MAX);
	pz_mdns_catalogue_browse(&fix.catalogue, false);
	assert_int_equal(fix.open, 0);
}

/** One that is found at once. */
static void
crowd(const char *prefix, int from, int to, enum pz_mdns_worth worth)
{
	char name[16];

	fix.worth = worth;
	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "%s%d", prefix, i);
		ptr(true, name);
		pz_kit_clock_run(&fix.clock, 10 * PZ_US_PER_MS);
		srv(true, name, 80, name);
		txt(true, name, "v=1");
		pz_kit_clock_run(&fix.clock, 10 * PZ_US_PER_MS);
		a(true, name, 1);
		pz_kit_clock_run(&fix.clock, 0);
	}
}

static void
strangers_give_way_and_members_stay(void **state)
{
	(void)state;
	browse();
	crowd("stranger", 0, PZ_MDNS_INSTANCES_MAX - 2, PZ_MDNS_STRANGER);
	crowd("likely", 0, 2, PZ_MDNS_LIKELY);
	told();
	/* There is no room, and yet a member is found, in the place of the oldest stranger. */
	crowd("member", 0, 1, PZ_MDNS_MEMBER);
	assert_string_equal(told(), "-stranger0 +member0@10.0.0.1:80[v=1,] ");
	/* Others come: strangers go first, then those that say what members say, members never. */
	crowd("new", 0, PZ_MDNS_INSTANCES_MAX, PZ_MDNS_STRANGER);
	assert_null(strstr(told(), "-likely"));
	crowd("other", 0, PZ_MDNS_INSTANCES_MAX, PZ_MDNS_LIKELY);
	const char *all = told();
	assert_non_null(strstr(all, "-likely0"));
	assert_null(strstr(all, "-member"));
	assert_int_equal(fix.catalogue.instances_len, PZ_MDNS_INSTANCES_MAX);
	/* One that gave way is not looked at again, nor asked about. */
	uint64_t ignored = fix.catalogue.ignored;
	struct watch *before = asked("_pzp._tcp.local", PZ_MDNS_PTR);
	ptr(true, "stranger5");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_CONFIRM_US);
	assert_null(asked(full("stranger5"), PZ_MDNS_SRV));
	assert_int_equal(fix.catalogue.ignored, ignored + 1);
	assert_ptr_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
}

/* Each newcomer costs questions to the network. */
static void
not_all_give_way_at_once(void **state)
{
	char name[16];

	(void)state;
	browse();
	crowd("stranger", 0, PZ_MDNS_INSTANCES_MAX, PZ_MDNS_STRANGER);
	for (int i = 0; i < 2 * PZ_MDNS_INSTANCES_MAX; i++) {
		snprintf(name, sizeof(name), "i%d", i);
		ptr(true, name);
	}
	/* Those that came just now are not known well enough to give way. */
	assert_int_equal(fix.catalogue.instances_len, PZ_MDNS_INSTANCES_MAX);
	assert_int_equal(fix.catalogue.ignored, PZ_MDNS_INSTANCES_MAX);
	fix.catalogue.replaced_us = fix.clock.now_us; /* and no more in this second than that */
	fix.catalogue.replaced = PZ_MDNS_REPLACED_PER_S_MAX - 3;
	pz_kit_clock_run(&fix.clock, PZ_MDNS_LOOK_US);
	fix.catalogue.replaced_us = fix.clock.now_us;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "j%d", i);
		ptr(true, name);
	}
	assert_int_equal(fix.catalogue.ignored, PZ_MDNS_INSTANCES_MAX + 7);
}

static void
records_of_one_instance_are_bounded(void **state)
{
	char text[250];
	unsigned count = 0;

	(void)state;
	browse();
	ptr(true, "one");
	pz_kit_clock_run(&fix.clock, 0);
	for (int i = 0; i < 300; i++) { /* bytes */
		snprintf(text, sizeof(text), "%0240d", i);
		txt(true, "one", text);
	}
	pz_mdns_catalogue_browse(&fix.catalogue, false);
	browse();
	appear("two");
	for (int i = 2; i < 250; i++) /* records */
		a(true, "two", (uint8_t)i);
	for (const char *at = told(); (at = strchr(at, '+')) != NULL; at++)
		count++;
	assert_int_equal(count, PZ_MDNS_RECORDS_MAX - 3);
	ptr(false, "two");
	assert_string_equal(told_later(), "-two ");
}

static void
garbage_is_ignored(void **state)
{
	(void)state;
	browse();
	answer_by(IF, true, "_pzp._tcp.local", PZ_MDNS_PTR, "\xc0\x0c", 2);
	answer_by(IF, true, "_pzp._tcp.local", PZ_MDNS_PTR, "", 0);
	assert_int_equal(fix.catalogue.instances_len, 0);
	ptr(true, "one");
	pz_kit_clock_run(&fix.clock, 0);
	answer_by(IF, true, full("one"), PZ_MDNS_SRV, "\0\0", 2);
	answer_by(IF, true, full("one"), PZ_MDNS_TXT, "", 0);
	pz_kit_clock_run(&fix.clock, 0);
	assert_int_equal(fix.open, 3);
	srv(true, "one", 80, "host");
	pz_kit_clock_run(&fix.clock, 0);
	answer_by(IF, true, "host.local", PZ_MDNS_A, "\12\0\0", 3);
	answer_by(IF, true, "host.local", PZ_MDNS_AAAA, "\12\0\0\1", 4);
	assert_string_equal(told(), "");
	a(true, "host", 9);
	assert_string_equal(told(), "+one@10.0.0.9:80[] ");
}

static enum pz_mdns_worth
stop_on_found(void *arg, const struct pz_mdns_found *found)
{
	on_found(arg, found);
	pz_mdns_catalogue_browse(&fix.catalogue, false);
	assert_string_equal(found->instance, "one");
	assert_string_equal(found->address, "10.0.0.1");
	return fix.worth;
}

static void
a_call_back_may_end_it(void **state)
{
	static const struct pz_mdns_events events = {.found = stop_on_found, .gone = on_gone};

	(void)state;
	fix.owner.events = &events;
	browse();
	ptr(true, "two");
	appear("one");
	a(true, "one", 2);
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	assert_int_equal(fix.open, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(asking_again_confirms),
		T(another_backend_is_asked_for_everything),
		T(a_goodbye_after_asking_again_counts),
		T(what_failed_is_asked_again),
		T(what_fails_for_ever_is_reported_once),
		T(a_thousand_instances_are_bounded),
		T(strangers_give_way_and_members_stay),
		T(not_all_give_way_at_once),
		T(records_of_one_instance_are_bounded),
		T(garbage_is_ignored),
		T(a_call_back_may_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
