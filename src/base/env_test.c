#include "kit/test.h"
#include <string.h>

#include "base/codec.h"
#include "base/env.h"

static uint64_t
fixed_us(void *arg)
{
	return *(uint64_t *)arg;
}

static void
all_ones(void *arg, void *out, size_t len)
{
	(void)arg;
	memset(out, 0xff, len);
}

static void
test_system_clocks_and_randomness(void **state)
{
	struct pz_timers timers = {0};
	struct pz_env env;
	uint8_t a[32], b[32];
	uint64_t before;

	(void)state;
	pz_env_system(&env, &timers);
	before = pz_env_mono_us(&env);
	assert_true(pz_env_mono_us(&env) >= before);
	assert_true(pz_env_wall_ms(&env) > UINT64_C(1600000000000)); /* 2020, in milliseconds */
	assert_true(pz_env_wall_ms(&env) < UINT64_C(10000000000000));
	pz_env_random(&env, a, sizeof(a));
	pz_env_random(&env, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static void
test_start_counts_from_now(void **state)
{
	uint64_t now = 1000;
	struct pz_timers timers = {0};
	struct pz_timer timer = {0};
	struct pz_env env = {.mono_us = fixed_us, .arg = &now, .timers = &timers};

	(void)state;
	pz_env_start(&env, &timer, 500);
	assert_int_equal(pz_timers_next_us(&timers), 1500);
	pz_env_start(&env, &timer, UINT64_MAX - 10); /* saturates, does not wrap into the past */
	assert_true(timer.due_us == UINT64_MAX);
	assert_true(timer.active);
	pz_env_stop(&env, &timer);
	assert_false(timer.active);
}

static void
test_uuid_has_version_and_variant(void **state)
{
	struct pz_env env = {.random = all_ones};
	char uuid[37], other[37];

	(void)state;
	pz_env_uuid(&env, uuid);
	assert_string_equal(uuid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	pz_env_system(&env, NULL);
	pz_env_uuid(&env, uuid);
	pz_env_uuid(&env, other);
	assert_int_equal(strlen(uuid), 36);
	assert_int_equal(uuid[14], '4');
	assert_non_null(strchr("89ab", uuid[19]));
	assert_string_not_equal(uuid, other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_system_clocks_and_randomness),
		cmocka_unit_test(test_start_counts_from_now),
		cmocka_unit_test(test_uuid_has_version_and_variant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
