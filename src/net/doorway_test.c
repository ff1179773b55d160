/*
 * Which connection is closed when the waiting room is full.
 * @spec page 14 DOS-1, DOS-2
 */
#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "kit/clock.h"
#include "net/doorway.h"

#define GUESTS 40

static struct {
	struct pz_kit_clock clock;
	struct pz_doorway *door;
	struct pz_guest guests[GUESTS];
	size_t evicted[GUESTS], evicted_count; /* in this order */
	unsigned full, calm, busiest_count;
	char busiest[80];
} w;

static void
on_evict(void *arg, struct pz_guest *guest, const char *why)
{
	assert_ptr_equal(arg, &w);
	assert_false(pz_guest_is_waiting(guest));
	assert_true(why[0] != '\0');
	w.evicted[w.evicted_count++] = (size_t)(guest - w.guests);
}

static void
on_full(void *arg, const char *busiest, unsigned count)
{
	(void)arg;
	w.full++;
	w.busiest_count = count;
	snprintf(w.busiest, sizeof(w.busiest), "%s", busiest);
}

static void
on_calm(void *arg)
{
	(void)arg;
	w.calm++;
}

static const struct pz_doorway_ops ops = {.evict = on_evict, .full = on_full, .calm = on_calm};

static void
begin(unsigned all, unsigned per_net, unsigned per_site, unsigned links_per_net)
{
	struct pz_doorway_limits limits = {all, per_net, per_site, links_per_net};

	memset(&w, 0, sizeof(w));
	pz_kit_clock_init(&w.clock);
	w.door = pz_doorway_new(&limits, &w.clock.env, &ops, &w);
	assert_non_null(w.door);
}

static void
comes(size_t i, const char *remote)
{
	assert_ok(pz_doorway_admit(w.door, &w.guests[i], remote, NULL));
	assert_true(pz_guest_is_waiting(&w.guests[i]));
	assert_string_equal(pz_guest_remote(&w.guests[i]), remote);
}

static void
end(void)
{
	for (size_t i = 0; i < GUESTS; i++)
		pz_guest_leave(&w.guests[i]);
	assert_int_equal(pz_doorway_waiting(w.door), 0);
	assert_int_equal(pz_doorway_crowds(w.door), 0);
	pz_doorway_free(w.door);
	assert_true(pz_kit_clock_is_idle(&w.clock));
}

static void
gone(size_t nth, size_t guest)
{
	assert_true(w.evicted_count > nth);
	assert_int_equal(w.evicted[nth], guest);
}

static void
one_address_ends_its_own_oldest(void **state)
{
	(void)state;
	begin(10, 3, 6, 0);
	comes(0, "192.0.2.7");
	for (size_t i = 1; i < 8; i++)
		comes(i, "192.0.2.66");
	assert_int_equal(w.evicted_count, 4);
	for (size_t i = 0; i < 4; i++)
		gone(i, i + 1);
	assert_int_equal(pz_doorway_waiting(w.door), 4);
	assert_int_equal(w.full, 0);
	end();
}

static void
a_full_room_ends_the_oldest_of_the_busiest(void **state)
{
	(void)state;
	begin(6, 4, 8, 0);
	comes(0, "192.0.2.1");
	comes(1, "192.0.2.2");
	comes(2, "192.0.2.2");
	comes(3, "192.0.2.3");
	comes(4, "192.0.2.3");
	comes(5, "192.0.2.3");
	assert_int_equal(w.evicted_count, 0);
	comes(6, "192.0.2.4"); /* of .3 with three */
	gone(0, 3);
	comes(7, "192.0.2.5"); /* .2 and .3 have two each: the oldest */
	gone(1, 1);
	comes(8, "192.0.2.6"); /* .3 has two */
	gone(2, 4);
	comes(9, "192.0.2.7"); /* all have one: the oldest of all */
	gone(3, 0);
	assert_int_equal(w.evicted_count, 4);
	assert_int_equal(w.full, 1);
	assert_string_equal(w.busiest, "192.0.2.3");
	assert_int_equal(w.busiest_count, 3);
	end();
}

static void
a_slash_64_counts_as_one_address(void **state)
{
	char text[64];

	(void)state;
	begin(100, 4, 8, 0);
	for (size_t i = 0; i < 12; i++) {
		snprintf(text, sizeof(text), "2001:db8:1:2::%zx", i + 1);
		comes(i, text);
	}
	assert_int_equal(pz_doorway_waiting(w.door), 4);
	comes(12, "2001:db8:1:3::1"); /* the next /64 has room, until the /48 is full */
	assert_int_equal(w.evicted_count, 8);
	for (size_t i = 13; i < 20; i++) {
		snprintf(text, sizeof(text), "2001:db8:1:%zx::1", i);
		comes(i, text);
	}
	assert_int_equal(pz_doorway_waiting(w.door), 8);
	assert_int_equal(w.evicted_count, 12);
	gone(8, 8);                 /* of the busiest /64 */
	comes(20, "2001:db8:2::1"); /* another /48 */
	comes(21, "fe80::1%eth0");
	assert_int_equal(w.evicted_count, 12);
	end();
}

/* On one link all have the same /64: an address with many connections does not shut out others. */
static void
within_a_network_the_busiest_address_goes(void **state)
{
	(void)state;
	begin(100, 4, 8, 0);
	comes(0, "fe80::7");
	for (size_t i = 1; i < 10; i++)
		comes(i, "fe80::66");
	for (size_t i = 0; i < w.evicted_count; i++)
		assert_int_not_equal(w.evicted[i], 0);
	assert_true(pz_guest_is_waiting(&w.guests[0]));
	end();
}

static void
who_has_proved_its_identity_is_not_ended(void **state)
{
	(void)state;
	begin(3, 2, 2, 0);
	comes(0, "192.0.2.1");
	pz_guest_proved(&w.guests[0]);
	pz_guest_proved(&w.guests[0]);
	assert_int_equal(pz_doorway_waiting(w.door), 0);
	for (size_t i = 1; i < 9; i++)
		comes(i, "192.0.2.1");
	assert_int_equal(w.evicted_count, 6);
	for (size_t i = 0; i < 6; i++)
		gone(i, i + 1);
	end();
}

static void
links_of_one_network_are_bounded(void **state)
{
	struct pz_errinfo info = {""};

	(void)state;
	begin(10, 10, 10, 2);
	comes(0, "2001:db8::1");
	comes(1, "2001:db8::2");
	pz_guest_proved(&w.guests[0]);
	pz_guest_proved(&w.guests[1]);
	assert_int_equal(pz_doorway_admit(w.door, &w.guests[2], "2001:db8::3", &info),
			 PZ_ERR_LIMIT);
	assert_non_null(strstr(info.text, "too many connections from this address"));
	assert_string_equal(pz_guest_remote(&w.guests[2]), "");
	comes(2, "2001:db8:0:1::1");
	pz_guest_leave(&w.guests[0]);
	comes(3, "2001:db8::3");
	end();
}

/* However often strangers fill and leave it: said once a minute at most. */
static void
a_full_room_is_reported_once_until_it_is_calm(void **state)
{
	(void)state;
	begin(2, 1, 1, 0);
	comes(0, "192.0.2.1");
	comes(1, "192.0.2.2");
	for (size_t i = 2; i < 30; i++) {
		char text[32];
		snprintf(text, sizeof(text), "192.0.3.%zu", i);
		pz_kit_clock_run(&w.clock, PZ_US_PER_S);
		comes(i, text);
	}
	assert_int_equal(w.full, 1);
	pz_kit_clock_run(&w.clock, PZ_DOORWAY_CALM_US - 1);
	assert_int_equal(w.calm, 0);
	pz_kit_clock_run(&w.clock, 1);
	assert_int_equal(w.calm, 1);
	comes(30, "192.0.2.9");
	assert_int_equal(w.full, 2);
	end();
}

static void
a_limit_of_zero_still_lets_one_wait(void **state)
{
	(void)state;
	begin(0, 0, 0, 0);
	comes(0, "not an address");
	comes(1, "not an address");
	gone(0, 0);
	comes(2, "::1");
	gone(1, 1);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_ends_its_own_oldest),
		cmocka_unit_test(a_full_room_ends_the_oldest_of_the_busiest),
		cmocka_unit_test(a_slash_64_counts_as_one_address),
		cmocka_unit_test(within_a_network_the_busiest_address_goes),
		cmocka_unit_test(who_has_proved_its_identity_is_not_ended),
		cmocka_unit_test(links_of_one_network_are_bounded),
		cmocka_unit_test(a_full_room_is_reported_once_until_it_is_calm),
		cmocka_unit_test(a_limit_of_zero_still_lets_one_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
