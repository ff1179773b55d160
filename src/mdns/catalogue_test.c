/* The catalogue: records are the input, queries and events the output, on virtual time. */
#include "mdns/catalogue_fixture.h"

/* ---- tests ---- */

static void
one_question_leads_to_the_next(void **state)
{
	(void)state;
	assert_int_equal(fix.open, 0); /* passive */
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_int_equal(fix.open, 1);
	ptr(true, "one");
	assert_int_equal(fix.open, 1); /* not from inside a call */
	pz_kit_clock_run(&fix.clock, 0);
	assert_int_equal(fix.open, 3);
	txt(true, "one", "v=1");
	srv(true, "one", 80, "host");
	pz_kit_clock_run(&fix.clock, 0);
	assert_int_equal(fix.open, 5);
	assert_non_null(asked("host.local", PZ_MDNS_AAAA));
	assert_string_equal(told(), "");
	a(true, "host", 1);
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	a(true, "host", 2);
	a(true, "host", 1); /* known */
	assert_string_equal(told(), "+one@10.0.0.2:80[v=1,] ");
}

static void
nothing_is_reported_before_all_is_there(void **state)
{
	(void)state;
	browse();
	ptr(true, "one");
	pz_kit_clock_run(&fix.clock, 0);
	srv(true, "one", 80, "host");
	pz_kit_clock_run(&fix.clock, 0);
	a(true, "host", 1);
	assert_string_equal(told(), ""); /* RFC 6763 6: a TXT record there must be */
	txt(true, "one", "");
	assert_string_equal(told(), "+one@10.0.0.1:80[] ");
}

static void
each_of_ptr_srv_and_addresses_ends_it(void **state)
{
	(void)state;
	browse();
	appear("one");
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	a(false, "one", 1);
	assert_string_equal(told_later(), "-one ");
	a(true, "one", 1);
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	srv(false, "one", 80, "one");
	assert_string_equal(told_later(), "-one ");
	srv(true, "one", 80, "one");
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	ptr(false, "one");
	assert_string_equal(told_later(), "-one ");
	assert_int_equal(fix.open, 1);
	assert_int_equal(fix.catalogue.instances_len, 0);
	ptr(false, "one");
	assert_string_equal(told(), "");
}

static void
changes_are_reported_for_each_address(void **state)
{
	(void)state;
	browse();
	appear("one");
	a(true, "one", 2);
	told();
	/* The new record comes before the old one goes. */
	txt(true, "one", "v=2");
	assert_string_equal(told(), "+one@10.0.0.1:80[v=2,] +one@10.0.0.2:80[v=2,] ");
	txt(false, "one", "v=1");
	srv(true, "one", 81, "one");
	srv(false, "one", 80, "one");
	assert_string_equal(told(), "+one@10.0.0.1:81[v=2,] +one@10.0.0.2:81[v=2,] ");
	/* Another host: the addresses of the first one do not count any more. */
	srv(true, "one", 81, "new");
	srv(false, "one", 81, "one");
	assert_string_equal(told(), "");
	assert_null(asked("one.local", PZ_MDNS_A));
	a(true, "new", 3);
	assert_string_equal(told(), "+one@10.0.0.3:81[v=2,] ");
	srv(true, "one", 81, "none");
	srv(false, "one", 81, "new");
	assert_string_equal(told_later(), "-one ");
}

/* A device that takes back its records to announce others, a second later. */
static void
records_that_come_back_are_no_goodbye(void **state)
{
	(void)state;
	browse();
	appear("one");
	told();
	for (uint8_t port = 81; port < 85; port++) {
		ptr(false, "one");
		srv(false, "one", port - 1, "one");
		a(false, "one", (uint8_t)(port - 80));
		pz_kit_clock_run(&fix.clock, PZ_MDNS_GONE_US - 100 * PZ_US_PER_MS);
		srv(true, "one", port, "one");
		pz_kit_clock_run(&fix.clock, 10 * PZ_US_PER_MS);
		a(true, "one", (uint8_t)(port - 79));
		assert_string_equal(told(), "");
		ptr(true, "one");
		assert_non_null(strstr(told(), "+one@10.0.0."));
		pz_kit_clock_run(&fix.clock, PZ_MDNS_GONE_US);
		assert_string_equal(told(), "");
	}
	/* The time is counted again each time, and it ends. */
	srv(false, "one", 84, "one");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_GONE_US - 100 * PZ_US_PER_MS);
	assert_string_equal(told(), "");
	pz_kit_clock_run(&fix.clock, 100 * PZ_US_PER_MS);
	assert_string_equal(told(), "-one ");
	srv(true, "one", 90, "one");
	assert_string_equal(told(), "+one@10.0.0.5:90[v=1,] ");
}

/* This machine was busy for as long as records were missing: those that came meanwhile are read
 * after the timers. */
static void
what_waits_to_be_read_counts(void **state)
{
	(void)state;
	browse();
	appear("one");
	told();
	srv(false, "one", 80, "one");
	pz_kit_clock_run(&fix.clock, PZ_US_PER_MS);
	fix.clock.now_us += 10 * PZ_MDNS_GONE_US;
	pz_kit_clock_run(&fix.clock, 0);
	srv(true, "one", 81, "one");
	assert_string_equal(told(), "+one@10.0.0.1:81[v=1,] ");
}

static void
an_address_is_reported_once_however_it_came(void **state)
{
	static const uint8_t rdata[4] = {10, 0, 0, 1};

	(void)state;
	browse();
	appear("one");
	told();
	answer_by(IF + 1, true, "one.local", PZ_MDNS_A, rdata, sizeof(rdata));
	assert_string_equal(told(), "");
	a(false, "one", 1); /* one interface goes */
	assert_string_equal(told(), "");
	answer_by(IF + 1, false, "one.local", PZ_MDNS_A, rdata, sizeof(rdata));
	assert_string_equal(told_later(), "-one ");
}

static void
our_own_is_not_reported(void **state)
{
	(void)state;
	snprintf(fix.own, sizeof(fix.own), "Me");
	browse();
	ptr(true, "mE");
	pz_kit_clock_run(&fix.clock, 0);
	assert_int_equal(fix.open, 1);
	/* Known, but not found yet, before the name became ours. */
	appear("one");
	snprintf(fix.own, sizeof(fix.own), "one");
	assert_string_equal(told(), "");
	assert_int_equal(fix.catalogue.instances_len, 0);
}

/* Two hosts published the same name at the same time, and the other one was renamed: under the name
 * that is ours now it is not there any more. */
static void
what_was_found_with_a_name_that_is_ours_now_is_gone(void **state)
{
	(void)state;
	browse();
	appear("taken");
	assert_string_equal(told(), "+taken@10.0.0.1:80[v=1,] ");
	snprintf(fix.own, sizeof(fix.own), "taken");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	assert_string_equal(told(), "-taken ");
	assert_int_equal(fix.catalogue.instances_len, 0);
	ptr(true, "taken");
	assert_string_equal(told(), "");
	assert_int_equal(fix.catalogue.instances_len, 0);
}

/* A collision before anything of ours was established. The backend does not report records that are
 * as our own. */
static void
one_that_was_found_before_we_had_its_name_is_found_again(void **state)
{
	(void)state;
	browse();
	appear("taken");
	told();
	struct watch *before = asked("_pzp._tcp.local", PZ_MDNS_PTR);
	snprintf(fix.own, sizeof(fix.own), "taken");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	assert_string_equal(told(), "-taken ");
	assert_ptr_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	fix.own[0] = '\0'; /* withdrawn for a while */
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_ptr_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	snprintf(fix.own, sizeof(fix.own), "random");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_ptr_not_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	appear("taken");
	assert_string_equal(told(), "+taken@10.0.0.1:80[v=1,] ");
}

/* After a collision another node has the name that was ours. */
static void
a_node_with_our_former_name_is_found(void **state)
{
	(void)state;
	snprintf(fix.own, sizeof(fix.own), "taken");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	browse();
	ptr(true, "taken");
	assert_string_equal(told(), "");
	struct watch *before = asked("_pzp._tcp.local", PZ_MDNS_PTR);
	pz_mdns_catalogue_own_changed(&fix.catalogue); /* it is the same */
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_ptr_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	snprintf(fix.own, sizeof(fix.own), "random");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_ptr_not_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	appear("taken");
	assert_string_equal(told(), "+taken@10.0.0.1:80[v=1,] ");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_question_leads_to_the_next),
		T(nothing_is_reported_before_all_is_there),
		T(each_of_ptr_srv_and_addresses_ends_it),
		T(changes_are_reported_for_each_address),
		T(records_that_come_back_are_no_goodbye),
		T(what_waits_to_be_read_counts),
		T(an_address_is_reported_once_however_it_came),
		T(our_own_is_not_reported),
		T(what_was_found_with_a_name_that_is_ours_now_is_gone),
		T(one_that_was_found_before_we_had_its_name_is_found_again),
		T(a_node_with_our_former_name_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
