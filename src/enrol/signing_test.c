/* How often a zone's authority acts for others. @spec page 14 CERT-7 */
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
		taken += pz_signing_take(signing, max, now_us, &wait);
	return taken;
}

static void
of_20_in_a_minute_some_are_refused(void **state)
{
	struct pz_signing at_once = {0}, spread = {0};
	unsigned taken = 0;

	(void)state;
	assert_int_equal(take(&at_once, PZ_SIGNATURES_PER_MINUTE, 20, 5 * S),
			 PZ_SIGNATURES_PER_MINUTE);
	for (unsigned i = 0; i < 20; i++)
		taken += take(&spread, PZ_SIGNATURES_PER_MINUTE, 1, i * 3 * S);
	assert_int_equal(taken, PZ_SIGNATURES_PER_MINUTE);
	assert_true(PZ_SIGNATURES_PER_MINUTE < 20);
}

/* In no minute, wherever it begins, there are more. */
static void
no_minute_has_more(void **state)
{
	struct pz_signing signing = {0};
	uint64_t taken[400], wait = 0, now = 0;
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++, now += (i * 7919) % (5 * S))
		if (pz_signing_take(&signing, 5, now, &wait))
			taken[count++] = now;
	assert_true(count > 50);
	for (unsigned i = 5; i < count; i++)
		assert_true(taken[i] - taken[i - 5] >= 60 * S);
}

static void
what_is_refused_says_how_long(void **state)
{
	struct pz_signing signing = {0};
	uint64_t wait = 0;

	(void)state;
	assert_int_equal(take(&signing, 2, 2, 0), 2); /* a clock that begins at 0, too */
	assert_false(pz_signing_take(&signing, 2, 10 * S, &wait));
	assert_in_range(wait, 50 * S, 50 * S + 1);
	assert_false(pz_signing_take(&signing, 2, 10 * S + wait - 1, &wait));
	assert_true(pz_signing_take(&signing, 2, 60 * S + 1, &wait));
}

static void
without_a_limit_all_are_taken(void **state)
{
	struct pz_signing signing = {0};

	(void)state;
	assert_int_equal(take(&signing, 0, 1000, 1), 1000);
	assert_int_equal(take(&signing, 2 * PZ_SIGNATURES_MAX, 2 * PZ_SIGNATURES_MAX, 1),
			 PZ_SIGNATURES_MAX);
	assert_int_equal(take(&signing, 3, 10, 2), 3); /* another limit begins anew */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_20_in_a_minute_some_are_refused),
		cmocka_unit_test(no_minute_has_more),
		cmocka_unit_test(what_is_refused_says_how_long),
		cmocka_unit_test(without_a_limit_all_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
