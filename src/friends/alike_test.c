#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>

#include "friends/alike.h"
#include "kit/clock.h"
#include "kit/zone.h"

static void
names_that_look_alike_are_found(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{"alice@example.org", "a1ice@example.org"},
		{"alice@example.org", "aiice@example.org"},
		{"bob@example.org", "b0b@example.org"},
		{"john.doe@example.org", "johndoe@example.org"},
		{"marn@example.org", "mam@example.org"},
		{"vvim@example.org", "wim@example.org"},
		{"Bob", "bob"},
		{"Bob", "B\xc3\xb6"
			"b"},
		{"Bob", "\xd0\x92"
			"ob"},                  /* Cyrillic Ve */
		{"Anna", "\xd0\x90nn\xd0\xb0"}, /* Cyrillic A */
		{"Bob", "Bo\xe2\x80\x8b"
			"b"},              /* zero width space */
		{"Bob", "\xef\xbc\xa2ob"}, /* wide B */
		{"Bob", "Bo\xcc\x88"
			"b"}, /* a mark of its own */
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (!pz_names_are_alike(pairs[i][0], pairs[i][1]) ||
		    !pz_names_are_alike(pairs[i][1], pairs[i][0]))
			fail_msg("'%s' and '%s'", pairs[i][0], pairs[i][1]);
}

static void
names_that_differ_are_left_alone(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{"alice@example.org", "alice@example.org"}, /* the same one */
		{"alice@example.org", "alice@example.net"},
		{"alice@example.org", "alicia@example.org"},
		{"Bob", "Rob"},
		{"", "a"},
		{"\xe6\x9d\x8e", "\xe7\x8e\x8b"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pz_names_are_alike(pairs[i][0], pairs[i][1]))
			fail_msg("'%s' and '%s'", pairs[i][0], pairs[i][1]);
}

static struct pz_friend *
make(const struct pz_kit_zone *zone, const char *name)
{
	struct pz_friend *f = NULL;

	assert_ok(pz_friend_new(zone->name, zone->ca, &f, NULL));
	snprintf(f->display_name, sizeof(f->display_name), "%s", name);
	return f;
}

static void
friends_and_the_own_zone_are_compared(void **state)
{
	(void)state;
	static struct pz_kit_clock clock_ = PZ_KIT_CLOCK(clock_);
	struct pz_kit_zone bob, b0b, carol;

	assert_true(sodium_init() >= 0);
	pz_kit_clock_init(&clock_);
	pz_kit_zone_init(&bob, "bob@example.net", &clock_.env);
	pz_kit_zone_init(&b0b, "b0b@example.net", &clock_.env);
	pz_kit_zone_init(&carol, "carol@example.com", &clock_.env);
	struct pz_friends *friends = pz_friends_new();
	struct pz_friend *second = make(&b0b, "Robert"), *third = make(&carol, "Carol");
	assert_ok(pz_friends_put(friends, make(&bob, "Bob"), NULL));
	assert_ok(pz_friends_put(friends, second, NULL));
	assert_ok(pz_friends_put(friends, third, NULL));
	struct pz_alikes *alikes = pz_alikes_new(friends, "me@example.org", "Me");
	assert_string_equal(pz_alikes_find(alikes, second), "bob@example.net");
	assert_null(pz_alikes_find(alikes, third));
	pz_alikes_free(alikes);
	alikes = pz_alikes_new(friends, "caroi@example.com", "Me");
	assert_string_equal(pz_alikes_find(alikes, third), "caroi@example.com");
	pz_alikes_free(alikes);
	snprintf(third->display_name, sizeof(third->display_name), "Bob"); /* the very same */
	alikes = pz_alikes_new(friends, "me@example.org", "Me");
	assert_string_equal(pz_alikes_find(alikes, third), "bob@example.net");
	pz_alikes_free(alikes);
	pz_friends_free(friends);
	pz_kit_zone_fini(&bob);
	pz_kit_zone_fini(&b0b);
	pz_kit_zone_fini(&carol);
}

/* Each finds another one, never itself, and the first of its kind the second. */
static void
each_of_many_finds_another(void **state)
{
	(void)state;
	static struct pz_kit_clock clock_ = PZ_KIT_CLOCK(clock_);
	struct pz_kit_zone bob;
	struct pz_friends *friends = pz_friends_new();
	const struct pz_friend *f;
	size_t pos = 0, alone = 0;

	pz_kit_clock_init(&clock_);
	pz_kit_zone_init(&bob, "bob@example.net", &clock_.env);
	for (int i = 0; i < 5; i++) {
		struct pz_friend *one = make(&bob, i < 4 ? "Bob" : "Eve");
		snprintf(one->zone, sizeof(one->zone), "z%c@example.net", "abcde"[i]);
		assert_ok(pz_friends_put(friends, one, NULL));
	}
	struct pz_alikes *alikes = pz_alikes_new(friends, "me@example.org", "Me");
	while ((f = pz_friends_next(friends, &pos)) != NULL) {
		const char *other = pz_alikes_find(alikes, f);
		alone += other == NULL;
		if (other)
			assert_string_not_equal(other, f->zone);
		else
			assert_string_equal(f->display_name, "Eve");
	}
	assert_int_equal(alone, 1);
	assert_null(pz_alikes_find(NULL, pz_friends_find(friends, pz_slice_str("za@example.net"))));
	pz_alikes_free(alikes);
	pz_friends_free(friends);
	pz_kit_zone_fini(&bob);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_look_alike_are_found),
		cmocka_unit_test(names_that_differ_are_left_alone),
		cmocka_unit_test(friends_and_the_own_zone_are_compared),
		cmocka_unit_test(each_of_many_finds_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
