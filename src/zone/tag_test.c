/* Tags: known to members, changing every day, telling nobody else anything. */
#include <string.h>

#include "zone/fixture.h"
#include "zone/tag.h"

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

static void
it_is_known_a_day_around_and_no_longer(void **state)
{
	char tag[PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	pz_zone_tag(secret, NOON, tag);
	assert_true(pz_zone_tag_is_ours(secret, NOON, tag));
	assert_true(pz_zone_tag_is_ours(secret, NOON + DAY_MS, tag));
	assert_true(pz_zone_tag_is_ours(secret, NOON - DAY_MS, tag));
	assert_false(pz_zone_tag_is_ours(secret, NOON + 2 * DAY_MS, tag));
	assert_false(pz_zone_tag_is_ours(secret, NOON - 2 * DAY_MS, tag));
}

static void
another_zone_does_not_know_it(void **state)
{
	char tag[PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	pz_zone_tag(secret, NOON, tag);
	assert_false(pz_zone_tag_is_ours(other, NOON, tag));
	assert_false(pz_zone_tag_is_ours(secret, NOON, ""));
	assert_false(pz_zone_tag_is_ours(secret, NOON, "00"));
	assert_false(pz_zone_tag_is_ours(secret, NOON, "0000000000000000000000"));
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
	assert_false(pz_zone_tag_is_ours(secret, NOON, tag));
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
		cmocka_unit_test(it_is_known_a_day_around_and_no_longer),
		cmocka_unit_test(another_zone_does_not_know_it),
		cmocka_unit_test(a_device_is_known_under_its_instance_only),
		cmocka_unit_test(the_day_ends_at_midnight),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
