#include "enrol/code.h"

#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/timer.h"

/** A random source that gives a given series of bytes, over and over. */
struct source {
	const uint8_t *bytes;
	size_t len, at;
	uint64_t now_us;
};

static void
next_bytes(void *arg, void *out, size_t len)
{
	struct source *s = arg;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = s->bytes[s->at++ % s->len];
}

static uint64_t
now(void *arg)
{
	return ((struct source *)arg)->now_us;
}

static struct pz_env
env_of(struct source *s)
{
	return (struct pz_env){.random = next_bytes, .mono_us = now, .arg = s};
}

static const uint8_t ones[] = {1};

static void
digits_are_uniform(void **state)
{
	(void)state;
	uint8_t every[256];
	unsigned seen[10] = {0};
	struct source s = {.bytes = every, .len = sizeof(every)};
	struct pz_env env = env_of(&s);
	struct pz_code code = {.live = false};
	for (unsigned i = 0; i < 256; i++)
		every[i] = (uint8_t)i;
	/* 250 usable bytes of 256: 25 of each digit; the other six are drawn again. */
	for (unsigned start = 0; start < 250; start++) {
		s.at = start;
		pz_code_issue(&code, &env, NULL, 60);
		seen[code.digits[0] - '0']++;
	}
	for (unsigned d = 0; d < 10; d++)
		assert_int_equal(seen[d], 25);
	s.at = 250;
	pz_code_issue(&code, &env, NULL, 60);
	assert_string_equal(code.digits, "01234567");
}

static void
broken_random_source_does_not_hang(void **state)
{
	(void)state;
	static const uint8_t ff[] = {255};
	struct source s = {.bytes = ff, .len = 1};
	struct pz_env env = env_of(&s);
	struct pz_code code = {.live = false};
	pz_code_issue(&code, &env, NULL, 60);
	assert_int_equal(strlen(code.digits), PZ_CODE_DIGITS);
}

static void
lives_as_long_as_asked_and_at_most_ten_minutes(void **state)
{
	(void)state;
	static const struct {
		unsigned ttl_s, lives_s;
	} rows[] = {{1, 1}, {599, 599}, {600, 600}, {601, 600}, {0, 600}, {4000000000U, 600}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct source s = {.bytes = ones, .len = 1, .now_us = 77};
		struct pz_env env = env_of(&s);
		struct pz_code code = {.live = false};
		pz_code_issue(&code, &env, NULL, rows[i].ttl_s);
		s.now_us = 77 + rows[i].lives_s * PZ_US_PER_S - 1;
		assert_true(pz_code_is_live(&code, &env));
		s.now_us++;
		assert_false(pz_code_is_live(&code, &env));
		assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_EXPIRED);
		assert_true(sodium_is_zero((uint8_t *)code.digits, sizeof(code.digits)));
		assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_EXPIRED);
	}
}

static void
one_address_has_five_attempts_and_then_waits(void **state)
{
	static const unsigned waits_s[] = {30, 60, 120};
	struct source s = {.bytes = ones, .len = 1};
	struct pz_env env = env_of(&s);
	struct pz_code code = {.live = false};

	(void)state;
	pz_code_issue(&code, &env, "", 600);
	for (unsigned i = 0; i < PZ_CODE_ATTEMPTS_MAX; i++)
		assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_OK);
	for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		s.now_us += waits_s[i] * PZ_US_PER_S - 1;
		assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_WAIT);
		/* others do not wait */
		assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.2"), PZ_CODE_OK);
		s.now_us++;
		assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_OK);
	}
	assert_int_equal(code.attempts, PZ_CODE_ATTEMPTS_MAX + 6); /* what waits spends none */
	pz_code_issue(&code, &env, NULL, 60);
	assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_OK);
}

static void
fifty_attempts_in_all_kill(void **state)
{
	struct source s = {.bytes = ones, .len = 1};
	struct pz_env env = env_of(&s);
	struct pz_code code = {.live = false};
	char from[32];

	(void)state;
	pz_code_issue(&code, &env, NULL, 60);
	for (unsigned i = 0; i < PZ_CODE_TRIES_MAX; i++) {
		snprintf(from, sizeof(from), "192.0.2.%u", i);
		assert_int_equal(pz_code_spend(&code, &env, "a", from), PZ_CODE_OK);
		assert_true(pz_code_is_live(&code, &env));
	}
	assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.77"), PZ_CODE_ATTEMPTS);
	assert_false(pz_code_is_live(&code, &env));
	assert_true(sodium_is_zero((uint8_t *)code.digits, sizeof(code.digits)));
	s.now_us = 3600 * PZ_US_PER_S;
	assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_ATTEMPTS);
	pz_code_issue(&code, &env, NULL, 60);
	assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_OK);
}

static void
for_one_device_only(void **state)
{
	(void)state;
	struct source s = {.bytes = ones, .len = 1};
	struct pz_env env = env_of(&s);
	struct pz_code code = {.live = false};
	pz_code_issue(&code, &env, "phone", 60);
	assert_int_equal(pz_code_spend(&code, &env, "laptop", "192.0.2.1"), PZ_CODE_DEVICE);
	assert_int_equal(pz_code_spend(&code, &env, "Phone", "192.0.2.1"), PZ_CODE_DEVICE);
	assert_int_equal(pz_code_spend(&code, &env, "phone2", "192.0.2.1"), PZ_CODE_DEVICE);
	assert_int_equal(code.attempts, 3);
	assert_int_equal(pz_code_spend(&code, &env, "phone", "192.0.2.1"), PZ_CODE_OK);
	/* the next code forgets the binding */
	pz_code_issue(&code, &env, NULL, 60);
	assert_int_equal(pz_code_spend(&code, &env, "laptop", "192.0.2.1"), PZ_CODE_OK);
}

static void
none_when_never_issued_cancelled_or_claimed(void **state)
{
	(void)state;
	struct source s = {.bytes = ones, .len = 1};
	struct pz_env env = env_of(&s);
	struct pz_code code = {.live = false};
	assert_false(pz_code_is_live(&code, &env));
	assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_NONE);

	pz_code_issue(&code, &env, NULL, 60);
	code.claimed = true;
	assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_NONE);
	assert_int_equal(code.attempts, 0);
	assert_true(pz_code_is_live(&code, &env));

	pz_code_cancel(&code);
	assert_true(sodium_is_zero((uint8_t *)&code, sizeof(code)));
	assert_int_equal(pz_code_spend(&code, &env, "a", "192.0.2.1"), PZ_CODE_NONE);
}

static void
a_new_code_has_another_issue_number(void **state)
{
	(void)state;
	static const uint8_t counting[] = {1, 2, 3, 4, 5, 6, 7};
	struct source s = {.bytes = counting, .len = sizeof(counting)};
	struct pz_env env = env_of(&s);
	struct pz_code code = {.live = false};
	pz_code_issue(&code, &env, NULL, 60);
	uint64_t first = code.issue;
	pz_code_issue(&code, &env, NULL, 60);
	assert_true(code.issue != first);
}

static void
formats(void **state)
{
	(void)state;
	struct pz_code code = {.digits = "01234567", .live = true};
	char text[PZ_CODE_DIGITS + 2];
	pz_code_format(&code, text);
	assert_string_equal(text, "0123-4567");
	pz_code_cancel(&code);
	pz_code_format(&code, text);
	assert_string_equal(text, "");
}

static void
parses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *digits; /* NULL: refused */
	} rows[] = {
		{"1234-5678", "12345678"},
		{"12345678", "12345678"},
		{"1234 5678", "12345678"},
		{"  1234 - 5678\r\n", "12345678"},
		{"1 2 3 4\t5 6 7 8", "12345678"},
		{"00000000", "00000000"},
		{"", NULL},
		{" ", NULL},
		{"-", NULL},
		{"1234567", NULL},
		{"123456789", NULL},
		{"1234--5678", NULL},
		{"123-45678", NULL},
		{"-12345678", NULL},
		{"12345678-", NULL},
		{"1234_5678", NULL},
		{"1234567a", NULL},
		{"1234567\xd9\xa3", NULL}, /* an Arabic digit */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[PZ_CODE_DIGITS + 1] = "keep";
		enum pz_err err = pz_code_parse(rows[i].text, out);
		assert_int_equal(err, rows[i].digits ? PZ_OK : PZ_ERR_CONFIG);
		assert_string_equal(out, rows[i].digits ? rows[i].digits : "keep");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_uniform),
		cmocka_unit_test(broken_random_source_does_not_hang),
		cmocka_unit_test(lives_as_long_as_asked_and_at_most_ten_minutes),
		cmocka_unit_test(one_address_has_five_attempts_and_then_waits),
		cmocka_unit_test(fifty_attempts_in_all_kill),
		cmocka_unit_test(for_one_device_only),
		cmocka_unit_test(none_when_never_issued_cancelled_or_claimed),
		cmocka_unit_test(a_new_code_has_another_issue_number),
		cmocka_unit_test(formats),
		cmocka_unit_test(parses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
