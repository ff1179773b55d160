/* CPace against the official vectors, then the promises of the header. */
#include "pake/cpace.h"

#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"

#define VECTORS PZ_SOURCE_DIR "/tests/data/cpace-ristretto255-sha512.json"

static char vectors[8192]; /* the file's text */

static int
setup(void **state)
{
	(void)state;
	FILE *file = fopen(VECTORS, "r");
	if (sodium_init() < 0 || !file)
		return -1;
	size_t len = fread(vectors, 1, sizeof(vectors) - 1, file);
	fclose(file);
	return len > 0 && len < sizeof(vectors) - 1 ? 0 : -1;
}

struct bytes {
	uint8_t at[128];
	size_t len;
};

/**
 * The hexadecimal value of one name. Every name occurs once in the file, so that a search does and
 * the module needs no JSON library for its test.
 */
static struct bytes
vector(const char *name)
{
	struct bytes b = {.len = 0};
	char key[64];
	snprintf(key, sizeof(key), "\"%s\": \"", name);
	const char *at = strstr(vectors, key);
	assert_non_null(at);
	at += strlen(key);
	assert_null(strstr(at, key));
	size_t len = strcspn(at, "\"");
	b.len = len / 2;
	assert_in_range(b.len, 1, sizeof(b.at));
	assert_ok(pz_hex_decode(pz_slice_of(at, len), b.at, b.len));
	return b;
}

static struct pz_slice
slice(const struct bytes *b)
{
	return pz_slice_of(b->at, b->len);
}

/** A random source that gives one scalar, little-endian, and zeros behind it. */
static void
fixed_random(void *arg, void *out, size_t len)
{
	const struct bytes *scalar = arg;
	memset(out, 0, len);
	memcpy(out, scalar->at, scalar->len < len ? scalar->len : len);
}

static struct pz_env
env_of(struct bytes *scalar)
{
	return (struct pz_env){.random = fixed_random, .arg = scalar};
}

static void
generator_of_the_draft(void **state)
{
	(void)state;
	struct bytes prs = vector("PRS"), ci = vector("CI"), sid = vector("sid");
	struct bytes want = vector("g");
	uint8_t g[32];
	assert_ok(pz_cpace_generator(slice(&prs), slice(&ci), slice(&sid), g));
	assert_memory_equal(g, want.at, 32);
}

static void
exchange_of_the_draft(void **state)
{
	(void)state;
	struct bytes prs = vector("PRS"), ci = vector("CI"), sid = vector("sid");
	struct bytes ya = vector("ya"), yb = vector("yb");
	struct bytes ada = vector("ADa"), adb = vector("ADb");
	struct bytes want_a = vector("Ya"), want_b = vector("Yb"), isk = vector("ISK_IR");
	struct pz_env env_a = env_of(&ya), env_b = env_of(&yb);
	struct pz_cpace a, b;
	uint8_t share_a[32], share_b[32], isk_a[64], isk_b[64];

	assert_ok(pz_cpace_start(&a, slice(&prs), slice(&ci), slice(&sid), &env_a, share_a));
	assert_ok(pz_cpace_start(&b, slice(&prs), slice(&ci), slice(&sid), &env_b, share_b));
	assert_memory_equal(share_a, want_a.at, 32);
	assert_memory_equal(share_b, want_b.at, 32);

	assert_ok(pz_cpace_finish(&a, true, slice(&ada), slice(&adb), share_b, isk_a));
	assert_ok(pz_cpace_finish(&b, false, slice(&ada), slice(&adb), share_a, isk_b));
	assert_memory_equal(isk_a, isk.at, 64);
	assert_memory_equal(isk_b, isk.at, 64);
	pz_cpace_wipe(&a);
	pz_cpace_wipe(&b);
}

/** K is not an output; it follows from the scalar and the share, which checks the vector itself. */
static void
shared_point_of_the_draft(void **state)
{
	(void)state;
	struct bytes ya = vector("ya"), share_b = vector("Yb"), want = vector("K");
	uint8_t k[32];
	assert_int_equal(crypto_scalarmult_ristretto255(k, ya.at, share_b.at), 0);
	assert_memory_equal(k, want.at, 32);
}

static struct pz_cpace
started(const struct bytes *scalar)
{
	struct pz_cpace c = {.is_started = true};
	memcpy(c.scalar, scalar->at, 32);
	return c;
}

static void
points_of_the_draft(void **state)
{
	(void)state;
	struct bytes s = vector("s"), x = vector("X");
	struct bytes want = vector("G.scalar_mult_vfy(s,X)");
	struct pz_slice none = {NULL, 0};
	uint8_t isk[64], k[32];

	assert_int_equal(crypto_scalarmult_ristretto255(k, s.at, x.at), 0);
	assert_memory_equal(k, want.at, 32);
	struct pz_cpace c = started(&s);
	assert_ok(pz_cpace_finish(&c, true, none, none, x.at, isk));

	static const char *const invalid[] = {"Invalid Y1", "Invalid Y2"};
	for (size_t i = 0; i < 2; i++) {
		struct bytes y = vector(invalid[i]);
		for (int side = 0; side < 2; side++) {
			c = started(&s);
			memset(isk, 0x55, sizeof(isk));
			assert_int_equal(pz_cpace_finish(&c, side == 0, none, none, y.at, isk),
					 PZ_ERR_CRYPTO);
			for (size_t n = 0; n < sizeof(isk); n++)
				assert_int_equal(isk[n], 0x55);
		}
	}
}

/** Runs both sides. @return whether they got the same key */
static bool
agree(const char *prs_a, const char *prs_b, const char *ci_b, const char *sid_b)
{
	struct bytes sa = {.at = {7}, .len = 32}, sb = {.at = {9}, .len = 32};
	struct pz_env env_a = env_of(&sa), env_b = env_of(&sb);
	struct pz_slice none = {NULL, 0};
	struct pz_cpace a, b;
	uint8_t ya[32], yb[32], isk_a[64], isk_b[64];
	assert_ok(pz_cpace_start(&a, pz_slice_str(prs_a), pz_slice_str("ci"), pz_slice_str("sid"),
				 &env_a, ya));
	assert_ok(pz_cpace_start(&b, pz_slice_str(prs_b), pz_slice_str(ci_b), pz_slice_str(sid_b),
				 &env_b, yb));
	assert_ok(pz_cpace_finish(&a, true, none, none, yb, isk_a));
	assert_ok(pz_cpace_finish(&b, false, none, none, ya, isk_b));
	return memcmp(isk_a, isk_b, 64) == 0;
}

static void
agrees_only_on_equal_input(void **state)
{
	(void)state;
	assert_true(agree("12345678", "12345678", "ci", "sid"));
	assert_false(agree("12345678", "12345679", "ci", "sid"));
	assert_false(agree("12345678", "12345678", "cj", "sid"));
	assert_false(agree("12345678", "12345678", "ci", "sie"));
	/* Moving a byte from one field to the next changes the input (length-value coding). */
	assert_false(agree("12345678", "12345678", "cis", "id"));
}

static void
long_password_needs_no_padding(void **state)
{
	(void)state;
	char prs[300];
	memset(prs, 'x', sizeof(prs));
	prs[sizeof(prs) - 1] = '\0';
	assert_true(agree(prs, prs, "ci", "sid"));
	assert_false(agree(prs, prs + 1, "ci", "sid"));
}

static void
same_role_on_both_sides_disagrees(void **state)
{
	(void)state;
	struct bytes sa = {.at = {7}, .len = 32}, sb = {.at = {9}, .len = 32};
	struct pz_env env_a = env_of(&sa), env_b = env_of(&sb);
	struct pz_slice p = pz_slice_str("p"), none = {NULL, 0};
	struct pz_cpace a, b;
	uint8_t ya[32], yb[32], isk_a[64], isk_b[64];
	assert_ok(pz_cpace_start(&a, p, none, none, &env_a, ya));
	assert_ok(pz_cpace_start(&b, p, none, none, &env_b, yb));
	assert_ok(pz_cpace_finish(&a, true, none, none, yb, isk_a));
	assert_ok(pz_cpace_finish(&b, true, none, none, ya, isk_b));
	assert_memory_not_equal(isk_a, isk_b, 64);
}

static void
works_once_and_forgets_the_scalar(void **state)
{
	(void)state;
	struct bytes s = {.at = {7}, .len = 32};
	struct pz_env env = env_of(&s);
	struct pz_slice p = pz_slice_str("p"), none = {NULL, 0};
	struct pz_cpace c;
	uint8_t y[32], isk[64];
	assert_ok(pz_cpace_start(&c, p, none, none, &env, y));
	assert_false(sodium_is_zero(c.scalar, sizeof(c.scalar)));
	assert_ok(pz_cpace_finish(&c, true, none, none, y, isk));
	assert_true(sodium_is_zero(c.scalar, sizeof(c.scalar)));
	assert_int_equal(pz_cpace_finish(&c, true, none, none, y, isk), PZ_ERR_INTERNAL);
	pz_cpace_wipe(&c);
	assert_true(sodium_is_zero((const unsigned char *)&c, sizeof(c)));
}

static void
start_refuses(void **state)
{
	(void)state;
	struct bytes zero = {.len = 32}, s = {.at = {7}, .len = 32};
	struct pz_env broken = env_of(&zero), env = env_of(&s);
	uint8_t long_sid[PZ_CPACE_SID_BYTES_MAX + 1] = {0}, y[32];
	struct pz_slice p = pz_slice_str("p"), none = {NULL, 0};
	struct pz_cpace c;
	assert_int_equal(pz_cpace_start(&c, p, none, none, &broken, y), PZ_ERR_CRYPTO);
	assert_false(c.is_started);
	assert_int_equal(
		pz_cpace_start(&c, p, none, pz_slice_of(long_sid, sizeof(long_sid)), &env, y),
		PZ_ERR_LIMIT);
	assert_ok(
		pz_cpace_start(&c, p, none, pz_slice_of(long_sid, sizeof(long_sid) - 1), &env, y));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generator_of_the_draft),
		cmocka_unit_test(exchange_of_the_draft),
		cmocka_unit_test(shared_point_of_the_draft),
		cmocka_unit_test(points_of_the_draft),
		cmocka_unit_test(agrees_only_on_equal_input),
		cmocka_unit_test(long_password_needs_no_padding),
		cmocka_unit_test(same_role_on_both_sides_disagrees),
		cmocka_unit_test(works_once_and_forgets_the_scalar),
		cmocka_unit_test(start_refuses),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
