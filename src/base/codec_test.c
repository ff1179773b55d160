#include "base/auto.h"
#include "base/codec.h"
#include "kit/test.h"

static struct pz_buf out;

static void
start(size_t max)
{
	pz_buf_fini(&out);
	pz_buf_init(&out, max, NULL);
}

static void
check(const char *want)
{
	assert_true(pz_slice_eq_str(pz_buf_slice(&out), want));
	pz_buf_fini(&out);
}

static void
test_hex(void **state)
{
	uint8_t bytes[3] = {0};
	char text[7];

	(void)state;
	pz_hex_encode("\x00\xab\xff", 3, text);
	assert_string_equal(text, "00abff");
	pz_hex_encode(NULL, 0, text);
	assert_string_equal(text, "");
	assert_ok(pz_hex_decode(pz_slice_str("01AbfF"), bytes, 3));
	assert_memory_equal(bytes, "\x01\xab\xff", 3);
	assert_ok(pz_hex_decode(pz_slice_str(""), bytes, 0));
}

static void
test_hex_refuses(void **state)
{
	static const char *const bad[] = {"",       "0102",   "01020",  "01020304",
					  "01020g", "g10203", "01 203", "0x0102",
					  "01020/", "01020:", "01020@", "01020`"};
	uint8_t bytes[3] = {7, 7, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pz_hex_decode(pz_slice_str(bad[i]), bytes, 3), PZ_ERR_PROTO);
	assert_memory_equal(bytes, "\7\7\7", 3); /* untouched */
}

/* RFC 4648 10 */
static const struct {
	const char *plain, *coded;
} base64[] = {
	{"", ""},
	{"f", "Zg=="},
	{"fo", "Zm8="},
	{"foo", "Zm9v"},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
	{"\xfb\xff", "+/8="},
};

static void
test_base64(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(base64) / sizeof(base64[0]); i++) {
		PZ_AUTO_FREE char *text = pz_base64_encode(pz_slice_str(base64[i].plain));
		assert_string_equal(text, base64[i].coded);
		start(6); /* exactly enough for the longest */
		assert_ok(pz_base64_decode(pz_slice_str(base64[i].coded), &out));
		check(base64[i].plain);
	}
}

static void
test_base64_refuses(void **state)
{
	static const char *const bad[] = {
		"Z",    "Zg",   "Zg=",  "Zg= =",    "Zg==\n", "Zm9v\n\n\n\n", "====", "=Zg=",
		"Zg=v", "Zh==", "Zm9=", "Zg==Zg==", "Zm-_",   "Zm 9",         "Z===",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start(100);
		assert_int_equal(pz_base64_decode(pz_slice_str(bad[i]), &out), PZ_ERR_PROTO);
		assert_int_equal(out.len, 0);
	}
	for (unsigned c = 0; c < 256; c++) { /* every byte as the last digit */
		uint8_t text[4] = {'A', 'A', 'A', (uint8_t)c};
		bool digit = c < 128 && c != 0 &&
			     strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "+/=",
				    (int)c);
		start(3);
		assert_int_equal(pz_base64_decode(pz_slice_of(text, 4), &out),
				 digit ? PZ_OK : PZ_ERR_PROTO);
	}
	start(2);
	assert_int_equal(pz_base64_decode(pz_slice_str("Zm9v"), &out), PZ_ERR_LIMIT_QUEUE);
	start(10);
	assert_ok(pz_buf_append_str(&out, "kept"));
	assert_int_equal(pz_base64_decode(pz_slice_str("Zm9*"), &out), PZ_ERR_PROTO);
	check("kept");
}

static const struct {
	const char *text;
	bool valid, printable;
} utf8[] = {
	{"", true, true},
	{"plain", true, true},
	{"\xc2\xa0", true, true},         /* U+00A0 */
	{"\xdf\xbf", true, true},         /* U+07FF */
	{"\xe0\xa0\x80", true, true},     /* U+0800 */
	{"\xed\x9f\xbf", true, true},     /* U+D7FF */
	{"\xee\x80\x80", true, true},     /* U+E000 */
	{"\xef\xbf\xbf", true, true},     /* U+FFFF */
	{"\xf0\x90\x80\x80", true, true}, /* U+10000 */
	{"\xf4\x8f\xbf\xbf", true, true}, /* U+10FFFF */
	{"a\tb", true, false},            /* C0 */
	{"a\x7f", true, false},           /* DEL */
	{"\xc2\x80", true, false},        /* C1, first */
	{"\xc2\x9f", true, false},        /* C1, last */
	{"\x80", false, false},           /* lone tail */
	{"\xbf", false, false},
	{"\xc0\x80", false, false}, /* overlong NUL */
	{"\xc1\xbf", false, false}, /* overlong */
	{"\xc2", false, false},     /* cut */
	{"\xc2\x41", false, false},
	{"\xc2\xc0", false, false},
	{"\xe0\x9f\xbf", false, false}, /* overlong */
	{"\xe1\x80", false, false},
	{"\xe1\x41\x80", false, false},
	{"\xe1\x80\x41", false, false},
	{"\xed\xa0\x80", false, false}, /* surrogates */
	{"\xed\xbf\xbf", false, false},
	{"\xf0\x8f\xbf\xbf", false, false}, /* overlong */
	{"\xf1\x80\x80", false, false},
	{"\xf1\x41\x80\x80", false, false},
	{"\xf1\x80\x41\x80", false, false},
	{"\xf1\x80\x80\x41", false, false},
	{"\xf4\x90\x80\x80", false, false}, /* over U+10FFFF */
	{"\xf5\x80\x80\x80", false, false},
	{"\xff", false, false},
};

/* Every case at every distance from the start and with text behind it: the fast path is crossed. */
static void
test_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(utf8) / sizeof(utf8[0]); i++) {
		for (size_t before = 0; before < 40; before++) {
			start(200);
			for (size_t n = 0; n < before; n++)
				assert_ok(pz_buf_append_str(&out, "x"));
			assert_ok(pz_buf_append_str(&out, utf8[i].text));
			assert_int_equal(pz_utf8_is_valid(pz_buf_slice(&out)), utf8[i].valid);
			assert_int_equal(pz_utf8_is_printable(pz_buf_slice(&out)),
					 utf8[i].printable);
			assert_ok(pz_buf_append_str(&out, "0123456789abcdefghij"));
			assert_int_equal(pz_utf8_is_valid(pz_buf_slice(&out)), utf8[i].valid);
			assert_int_equal(pz_utf8_is_printable(pz_buf_slice(&out)),
					 utf8[i].printable);
		}
	}
	assert_true(pz_utf8_is_valid(pz_slice_of("a\0b", 3)));
	assert_false(pz_utf8_is_printable(pz_slice_of("a\0b", 3)));
	pz_buf_fini(&out);
}

/* All code points, coded here independently of the code under test. */
static void
test_utf8_all_code_points(void **state)
{
	(void)state;
	for (uint32_t c = 0x80; c <= 0x110000; c++) {
		uint8_t t[4];
		size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		bool valid = !(c >= 0xd800 && c <= 0xdfff) && c <= 0x10ffff;
		t[0] = (uint8_t)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c >> 6 * (n - 1));
		for (size_t i = 1; i < n; i++)
			t[i] = (uint8_t)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
		if (pz_utf8_is_valid(pz_slice_of(t, n)) != valid)
			fail_msg("U+%04X", c);
		if (pz_utf8_is_printable(pz_slice_of(t, n)) != (valid && c >= 0xa0))
			fail_msg("printable U+%04X", c);
	}
}

static void
test_percent_encode(void **state)
{
	(void)state;
	start(100);
	assert_ok(pz_percent_encode(pz_slice_str("Az09-._~"), NULL, &out));
	check("Az09-._~");
	start(100);
	assert_ok(pz_percent_encode(pz_slice_of("a b/@%\0\xc3", 8), "@/", &out));
	check("a%20b/@%25%00%C3");
	start(100);
	assert_ok(pz_percent_encode(pz_slice_str(""), NULL, &out));
	check("");
	start(4);
	assert_int_equal(pz_percent_encode(pz_slice_str("a b "), NULL, &out), PZ_ERR_LIMIT_QUEUE);
	check("");
}

static void
test_percent_decode(void **state)
{
	static const char *const bad[] = {"%", "%4", "%zz", "%4z", "%z4", "%00", "a%00b", "%%41"};

	(void)state;
	start(100);
	assert_ok(pz_percent_decode(pz_slice_str("a%20b%2f%2F%c3%BC+"), &out));
	check("a b//\xc3\xbc+");
	start(100);
	assert_ok(pz_percent_decode(pz_slice_str(""), &out));
	check("");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start(100);
		assert_int_equal(pz_percent_decode(pz_slice_str(bad[i]), &out), PZ_ERR_PROTO);
		check("");
	}
	start(100);
	assert_int_equal(pz_percent_decode(pz_slice_of("a\0", 2), &out), PZ_ERR_PROTO);
	start(2);
	assert_int_equal(pz_percent_decode(pz_slice_str("%41%42%43"), &out), PZ_ERR_LIMIT_QUEUE);
	check("");
}

/* draft-irtf-cfrg-cpace appendix "prepend_len" and "lv_cat" vectors. */
static void
test_lv_cat(void **state)
{
	static uint8_t big[300];
	struct pz_slice parts[] = {pz_slice_str("1234"), pz_slice_str("5"), pz_slice_str(""),
				   pz_slice_str("678")};
	struct pz_slice got;

	(void)state;
	start(1000);
	assert_ok(pz_lv_cat(&out, parts, 4));
	assert_true(pz_slice_eq(pz_buf_slice(&out), pz_slice_of("\x04"
								"1234\x01"
								"5\x00\x03"
								"678",
								12)));
	start(1000);
	assert_ok(pz_lv_cat(&out, &(struct pz_slice){big, 127}, 1));
	assert_ok(pz_lv_cat(&out, &(struct pz_slice){big, 128}, 1));
	assert_ok(pz_lv_cat(&out, &(struct pz_slice){big, 300}, 1));
	got = pz_buf_slice(&out);
	assert_int_equal(got.len, 1 + 127 + 2 + 128 + 2 + 300);
	assert_int_equal(got.ptr[0], 0x7f);
	assert_memory_equal(got.ptr + 128, "\x80\x01", 2);
	assert_memory_equal(got.ptr + 258, "\xac\x02", 2);
	start(11);
	assert_int_equal(pz_lv_cat(&out, parts, 4), PZ_ERR_LIMIT_QUEUE);
	check("");
	start(11);
	assert_ok(pz_lv_cat(&out, parts, 0));
	check("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_hex_refuses),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_refuses),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_utf8_all_code_points),
		cmocka_unit_test(test_percent_encode),
		cmocka_unit_test(test_percent_decode),
		cmocka_unit_test(test_lv_cat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
