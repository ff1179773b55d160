/* How often others can make a zone's authority sign. @spec page 14 CERT-7 */
#include "kit/test.h"

#include "base/clock.h"
#include "enrol/signing.h"

#define S PZ_US_PER_S

static unsigned
take(struct pz_signing *signing, uint32_t max, unsigned times, uint64_t now_us)
{
	unsigned taken = 0;
	uint64_t wait;

	for (unsigned i = 0; i < times; i++)
		taken += pz_signing_take(signing, max, now_us, 0, &wait);
	return taken;
}

/* 20 in a minute are slowed, and done within it. */
static void
of_20_at_once_some_wait(void **state)
{
	struct pz_signing signing = {0};
	uint64_t wait = 0, before = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		assert_true(pz_signing_take(&signing, PZ_SIGNATURES_PER_MINUTE, 5 * S,
					    PZ_SIGNING_PATIENCE_US, &wait));
		if (i < PZ_SIGNATURES_PER_MINUTE)
			assert_int_equal(wait, 0);
		else
			assert_true(wait > before);
		before = wait;
	}
	assert_true(before <= PZ_SIGNING_PATIENCE_US);
	assert_true(PZ_SIGNATURES_PER_MINUTE < 20);
}

static void
beyond_the_patience_none_is_taken(void **state)
{
	struct pz_signing signing = {0};
	uint64_t wait = 0;
	unsigned taken = 0;

	(void)state;
	while (pz_signing_take(&signing, PZ_SIGNATURES_PER_MINUTE, 1, PZ_SIGNING_PATIENCE_US,
			       &wait))
		taken++;
	assert_in_range(taken, PZ_SIGNATURES_PER_MINUTE, 2 * PZ_SIGNATURES_PER_MINUTE);
	assert_true(wait > PZ_SIGNING_PATIENCE_US);
	assert_false(pz_signing_take(&signing, PZ_SIGNATURES_PER_MINUTE, 1, wait - 1, &wait));
	assert_true(pz_signing_take(&signing, PZ_SIGNATURES_PER_MINUTE, 1, wait, &wait));
}

/* In any minute at most what is allowed at once and what a minute adds. */
static void
no_minute_has_more_than_twice(void **state)
{
	struct pz_signing signing = {0};
	uint64_t taken[400], wait = 0, now = 0;
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++, now += (i * 7919) % (5 * S))
		if (pz_signing_take(&signing, 5, now, 0, &wait))
			taken[count++] = now;
	assert_true(count > 50);
	for (unsigned i = 10; i < count; i++)
		assert_true(taken[i] - taken[i - 10] >= 60 * S);
}

static void
what_is_refused_says_how_long(void **state)
{
	struct pz_signing signing = {0};
	uint64_t wait = 0;

	(void)state;
	assert_int_equal(take(&signing, 2, 2, 0), 2); /* a clock that begins at 0, too */
	assert_false(pz_signing_take(&signing, 2, 10 * S, 0, &wait));
	assert_int_equal(wait, 20 * S);
	assert_false(pz_signing_take(&signing, 2, 30 * S - 1, 0, &wait));
	assert_true(pz_signing_take(&signing, 2, 30 * S, 0, &wait));
	assert_int_equal(take(&signing, 2, 5, 1000 * S), 2);
}

static void
without_a_limit_all_are_taken(void **state)
{
	struct pz_signing signing = {0};

	(void)state;
	assert_int_equal(take(&signing, 0, 1000, 1), 1000);
	assert_int_equal(take(&signing, PZ_SIGNATURES_MAX, 2 * PZ_SIGNATURES_MAX, 1),
			 PZ_SIGNATURES_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_20_at_once_some_wait),
		cmocka_unit_test(beyond_the_patience_none_is_taken),
		cmocka_unit_test(no_minute_has_more_than_twice),
		cmocka_unit_test(what_is_refused_says_how_long),
		cmocka_unit_test(without_a_limit_all_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
