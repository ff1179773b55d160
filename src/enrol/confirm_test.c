/* The confirmation tags, compared with an independent implementation of page 3. */
#include "enrol/confirm.h"

#include "kit/test.h"

#include <sodium.h>
#include <string.h>

static void
hmac(const uint8_t *key, size_t key_len, const void *msg, size_t len, uint8_t *out)
{
	crypto_auth_hmacsha512_state state;
	crypto_auth_hmacsha512_init(&state, key, key_len);
	crypto_auth_hmacsha512_update(&state, msg, len);
	crypto_auth_hmacsha512_final(&state, out);
}

struct inputs {
	uint8_t isk[64], ya[32], yb[32];
};

static struct inputs
inputs(void)
{
	struct inputs in;
	memset(in.isk, 'k', sizeof(in.isk));
	memset(in.ya, 'a', sizeof(in.ya));
	memset(in.yb, 'b', sizeof(in.yb));
	return in;
}

static void
tags_are_those_of_the_page(void **state)
{
	(void)state;
	const struct inputs in = inputs();
	struct pz_enrol_confirm confirm;
	uint8_t kc[64], want[64], got[64], text[1 + 68 + 32];
	pz_enrol_confirm_init(&confirm, in.isk, in.ya, in.yb);

	hmac(in.isk, 64, "pz-enrol/1 confirm", 18, kc);
	text[0] = 'B';
	text[1] = 32;
	memcpy(text + 2, in.ya, 32);
	text[34] = 0;
	text[35] = 32;
	memcpy(text + 36, in.yb, 32);
	text[68] = 0;
	hmac(kc, 64, text, 69, want);
	pz_enrol_confirm_tag_b(&confirm, got);
	assert_memory_equal(got, want, 64);

	text[0] = 'A';
	crypto_hash_sha256(text + 69, (const uint8_t *)"csr", 3);
	hmac(kc, 64, text, 101, want);
	pz_enrol_confirm_tag_a(&confirm, pz_slice_str("csr"), got);
	assert_memory_equal(got, want, 64);
}

static void
tags_cover_everything(void **state)
{
	(void)state;
	struct pz_enrol_confirm confirm;
	uint8_t a[64], b[64], other[64];
	struct inputs in = inputs();
	pz_enrol_confirm_init(&confirm, in.isk, in.ya, in.yb);
	pz_enrol_confirm_tag_a(&confirm, pz_slice_str("csr"), a);
	pz_enrol_confirm_tag_b(&confirm, b);
	assert_false(pz_enrol_confirm_is_equal(a, b));
	pz_enrol_confirm_tag_a(&confirm, pz_slice_str("csr "), other);
	assert_false(pz_enrol_confirm_is_equal(a, other));

	uint8_t *const fields[] = {in.isk, in.ya, in.yb};
	for (size_t i = 0; i < 3; i++) {
		fields[i][31] ^= 0x80;
		pz_enrol_confirm_init(&confirm, in.isk, in.ya, in.yb);
		fields[i][31] ^= 0x80;
		pz_enrol_confirm_tag_a(&confirm, pz_slice_str("csr"), other);
		assert_false(pz_enrol_confirm_is_equal(a, other));
		pz_enrol_confirm_tag_b(&confirm, other);
		assert_false(pz_enrol_confirm_is_equal(b, other));
	}
}

static void
compares_every_byte(void **state)
{
	(void)state;
	uint8_t a[64] = {0}, b[64] = {0};
	assert_true(pz_enrol_confirm_is_equal(a, b));
	for (size_t i = 0; i < 64; i++) {
		b[i] = 1;
		assert_false(pz_enrol_confirm_is_equal(a, b));
		b[i] = 0;
	}
}

static void
wipes(void **state)
{
	(void)state;
	const struct inputs in = inputs();
	struct pz_enrol_confirm confirm;
	pz_enrol_confirm_init(&confirm, in.isk, in.ya, in.yb);
	pz_enrol_confirm_wipe(&confirm);
	assert_true(sodium_is_zero((const uint8_t *)&confirm, sizeof(confirm)));
}

static void
channel_id_is_length_value(void **state)
{
	(void)state;
	static const char want[] = "\x0apz-enrol/1\x03"
				   "a@b\x06laptop";
	struct pz_buf ci;
	pz_buf_init(&ci, 64, NULL);
	assert_ok(pz_enrol_channel_id("a@b", "laptop", &ci));
	assert_int_equal(pz_buf_slice(&ci).len, sizeof(want) - 1);
	assert_memory_equal(pz_buf_slice(&ci).ptr, want, sizeof(want) - 1);
	pz_buf_fini(&ci);
	pz_buf_init(&ci, 8, NULL);
	assert_int_equal(pz_enrol_channel_id("a@b", "laptop", &ci), PZ_ERR_LIMIT_QUEUE);
	pz_buf_fini(&ci);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_are_those_of_the_page),
		cmocka_unit_test(tags_cover_everything),
		cmocka_unit_test(compares_every_byte),
		cmocka_unit_test(wipes),
		cmocka_unit_test(channel_id_is_length_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
