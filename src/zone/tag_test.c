/*
 * Tags: known to members, changing every day, without meaning to others.
 * @spec page 14 DSC-1
 */
#include "kit/test.h"

#include <sodium.h>

#include <string.h>

#include "kit/authority.h"
#include "zone/tag.h"

#define DAY_MS PZ_KIT_DAY_MS

#define NOON UINT64_C(1800014400000) /* 2027-01-15 12:00 UTC */

static const uint8_t secret[PZ_ZONE_SECRET_BYTES] = {1, 2, 3};
static const uint8_t other[PZ_ZONE_SECRET_BYTES] = {1, 2, 4};

/* printf 2027-01-15 | openssl dgst -sha256 -mac HMAC -macopt hexkey:010203000...0 */
static void
the_zone_tag_is_as_page_6_says(void **state)
{
	char tag[PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	pz_zone_tag(secret, NOON, tag);
	assert_string_equal(tag, "04b5627ec879d8c3");
}

/** Of which day is it? 99: none that is known. */
static int
day_of(const uint8_t *key, uint64_t wall_ms, const char *tag)
{
	static struct pz_zone_tags tags; /* is rebuilt by itself */
	int days = 77;

	if (pz_zone_tags_find(&tags, key, wall_ms, tag, &days))
		return days;
	assert_int_equal(days, 77);
	return 99;
}

static void
it_is_known_for_weeks_around_and_no_longer(void **state)
{
	char tag[PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	pz_zone_tag(secret, NOON, tag);
	for (int day = -PZ_ZONE_TAG_DAYS_MAX; day <= PZ_ZONE_TAG_DAYS_MAX; day++)
		assert_int_equal(day_of(secret, pz_zone_tag_day(NOON, -day), tag), day);
	assert_int_equal(day_of(secret, pz_zone_tag_day(NOON, PZ_ZONE_TAG_DAYS_MAX + 1), tag), 99);
	assert_int_equal(day_of(secret, pz_zone_tag_day(NOON, -PZ_ZONE_TAG_DAYS_MAX - 1), tag), 99);
	/* All hours of a day are the same day. */
	assert_int_equal(day_of(secret, NOON - DAY_MS / 2, tag), 0);
	assert_int_equal(day_of(secret, NOON + DAY_MS / 2 - 1, tag), 0);
	assert_int_equal(day_of(secret, NOON + DAY_MS / 2, tag), -1);
}

static void
a_clock_at_the_beginning_of_time_works(void **state)
{
	char tag[PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	pz_zone_tag(secret, 5, tag);
	assert_int_equal(day_of(secret, 5 + 3 * DAY_MS, tag), -3);
	assert_in_range(day_of(secret, 7, tag) + PZ_ZONE_TAG_DAYS_MAX, 0, PZ_ZONE_TAG_DAYS_MAX);
	assert_int_equal(day_of(secret, NOON, tag), 99);
	assert_int_equal(pz_zone_tag_day(5, -1), 5);
	assert_int_equal(pz_zone_tag_day(5 + 2 * DAY_MS, -2), 5);
}

static void
another_zone_does_not_know_it(void **state)
{
	char tag[PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	pz_zone_tag(secret, NOON, tag);
	assert_int_equal(day_of(secret, NOON, tag), 0);
	assert_int_equal(day_of(other, NOON, tag), 99); /* the tags of the other one are made */
	assert_int_equal(day_of(secret, NOON, tag), 0);
	assert_int_equal(day_of(secret, NOON, ""), 99);
	assert_int_equal(day_of(secret, NOON, "00"), 99);
	assert_int_equal(day_of(secret, NOON, "0000000000000000000000"), 99);
}

static void
a_device_is_known_under_its_instance_only(void **state)
{
	char tag[PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	pz_zone_device_tag(secret, NOON, "a1b2", "tv", tag);
	assert_true(pz_zone_device_tag_matches(secret, NOON, "a1b2", "tv", tag));
	assert_false(pz_zone_device_tag_matches(secret, NOON, "a1b2", "laptop", tag));
	assert_false(pz_zone_device_tag_matches(secret, NOON, "a1b3", "tv", tag));
	assert_false(pz_zone_device_tag_matches(other, NOON, "a1b2", "tv", tag));
	assert_true(pz_zone_device_tag_matches(secret, NOON + DAY_MS, "a1b2", "tv", tag));
	assert_false(pz_zone_device_tag_matches(secret, NOON + 2 * DAY_MS, "a1b2", "tv", tag));
	assert_int_equal(day_of(secret, NOON, tag), 99);
}

/* With the zone: devices of both zones know the secret. */
static void
a_friends_tag_is_of_one_zone_instance_and_day(void **state)
{
	char tag[PZ_ZONE_FRIEND_TAG_CHARS + 1], next[PZ_ZONE_FRIEND_TAG_CHARS + 1];
	char whole[PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	pz_zone_friend_tag(secret, NOON, "a1b2", "bob@example.net", tag);
	pz_zone_device_tag(secret, NOON, "a1b2", "bob@example.net", whole);
	assert_int_equal(strlen(tag), PZ_ZONE_FRIEND_TAG_CHARS);
	assert_memory_equal(tag, whole, PZ_ZONE_FRIEND_TAG_CHARS);
	pz_zone_friend_tag(secret, NOON, "a1b2", "alice@example.org", next);
	assert_string_not_equal(tag, next);
	pz_zone_friend_tag(secret, NOON, "b1b2", "bob@example.net", next);
	assert_string_not_equal(tag, next);
	pz_zone_friend_tag(secret, NOON + DAY_MS, "a1b2", "bob@example.net", next);
	assert_string_not_equal(tag, next);
}

static void
the_day_ends_at_midnight(void **state)
{
	(void)state;
	assert_int_equal(pz_zone_tag_left_ms(NOON), DAY_MS / 2);
	assert_int_equal(pz_zone_tag_left_ms(NOON + DAY_MS / 2), DAY_MS);
	assert_int_equal(pz_zone_tag_left_ms(NOON + DAY_MS / 2 - 1), 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_zone_tag_is_as_page_6_says),
		cmocka_unit_test(it_is_known_for_weeks_around_and_no_longer),
		cmocka_unit_test(a_clock_at_the_beginning_of_time_works),
		cmocka_unit_test(another_zone_does_not_know_it),
		cmocka_unit_test(a_device_is_known_under_its_instance_only),
		cmocka_unit_test(a_friends_tag_is_of_one_zone_instance_and_day),
		cmocka_unit_test(the_day_ends_at_midnight),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
