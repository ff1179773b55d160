/* The arithmetic with the fixed vector that tests/pair computes from page 6 alone. */
#include "pair/digits.h"

#include "kit/test.h"

#include <jansson.h>

#include "base/codec.h"
#include "base/limits.h"

static json_t *vector;
static uint8_t k[2][PZ_PAIR_NUMBER_BYTES], exporter[PZ_PAIR_NUMBER_BYTES];

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	assert_non_null(text);
	return text;
}

static void
number_of(const json_t *object, const char *key, uint8_t out[PZ_PAIR_NUMBER_BYTES])
{
	assert_ok(pz_hex_decode(pz_slice_str(text_of(object, key)), out, PZ_PAIR_NUMBER_BYTES));
}

static struct pz_pair_side
side(const char *name, uint8_t number[PZ_PAIR_NUMBER_BYTES])
{
	const json_t *object = json_object_get(vector, name);

	number_of(object, "k", number);
	return (struct pz_pair_side){
		.identity = text_of(object, "identity"),
		.info = pz_slice_str(text_of(object, "info")),
		.k = number,
	};
}

static struct pz_pair_both
both(void)
{
	number_of(vector, "exporter", exporter);
	return (struct pz_pair_both){
		.one = side("one", k[0]), .other = side("other", k[1]), .exporter = exporter};
}

static void
assert_hex(const uint8_t *bytes, size_t len, const char *name)
{
	char hex[1024];

	assert_true(2 * len < sizeof(hex));
	pz_hex_encode(bytes, len, hex);
	assert_string_equal(hex, text_of(vector, name));
}

static void
the_vector_is_reproduced(void **state)
{
	struct pz_pair_both b = both();
	uint8_t number[PZ_PAIR_NUMBER_BYTES];
	char digits[PZ_PAIR_DIGITS + 1];
	struct pz_buf words;

	(void)state;
	assert_ok(pz_pair_commit(&b.one, number));
	assert_hex(number, sizeof(number), "commit");
	assert_ok(pz_pair_digits(&b, digits));
	assert_string_equal(digits, text_of(vector, "digits"));
	assert_ok(pz_pair_secret(&b, number));
	assert_hex(number, sizeof(number), "secret");
	pz_buf_init(&words, 1024, NULL);
	assert_ok(pz_pair_proof_words(&b, &b.one, &words));
	assert_hex(pz_buf_slice(&words).ptr, pz_buf_slice(&words).len, "words");
	pz_buf_fini(&words);
}

static void
both_sides_compute_the_same(void **state)
{
	struct pz_pair_both b = both(), swapped = {b.other, b.one, b.exporter};
	char digits[2][PZ_PAIR_DIGITS + 1];

	(void)state;
	assert_ok(pz_pair_digits(&b, digits[0]));
	assert_ok(pz_pair_digits(&swapped, digits[1]));
	assert_string_equal(digits[0], digits[1]);
}

/* Whatever an attacker can change changes the digits. */
static void
every_part_counts(void **state)
{
	char before[PZ_PAIR_DIGITS + 1], after[PZ_PAIR_DIGITS + 1];
	struct pz_pair_both b = both();

	(void)state;
	assert_ok(pz_pair_digits(&b, before));
	k[0][31] ^= 1;
	assert_ok(pz_pair_digits(&b, after));
	assert_string_not_equal(before, after);
	b = both();
	exporter[0] ^= 1;
	assert_ok(pz_pair_digits(&b, after));
	assert_string_not_equal(before, after);
	b = both();
	b.other.info.len--;
	assert_ok(pz_pair_digits(&b, after));
	assert_string_not_equal(before, after);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector_is_reproduced),
		cmocka_unit_test(both_sides_compute_the_same),
		cmocka_unit_test(every_part_counts),
	};

	vector = json_load_file(PZ_SOURCE_DIR "/tests/data/pair.json", 0, NULL);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(vector);
	return failed;
}
