#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/address.h"

/* `count` times the same character. */
static const char *
repeat(char c, size_t count)
{
	static char bufs[8][600];
	static unsigned next;
	char *buf = bufs[next++ % 8];

	assert_true(count < sizeof(bufs[0]));
	memset(buf, c, count);
	buf[count] = '\0';
	return buf;
}

/* Parses an exact heap copy, so that the sanitizer sees a read past the end. */
static enum pz_err
parse(const char *text, struct pz_address *out, char **out_copy)
{
	size_t len = strlen(text);

	*out_copy = malloc(len ? len : 1);
	assert_non_null(*out_copy);
	memcpy(*out_copy, text, len);
	return pz_address_parse(pz_slice_of(*out_copy, len), out);
}

static void
assert_part(struct pz_slice part, const char *expected)
{
	if (!pz_slice_eq_str(part, expected))
		fail_msg("got '%.*s', expected '%s'", PZ_SLICE_FMT(part), expected);
}

static void
good(const char *text, const char *zone, const char *device, const char *app)
{
	struct pz_address a;
	char again[PZ_ADDRESS_BYTES_MAX + 1];
	char *copy;

	if (parse(text, &a, &copy) != PZ_OK)
		fail_msg("refused: %s", text);
	assert_part(a.zone, zone);
	assert_part(a.device, device);
	assert_part(a.app, app);
	assert_ok(pz_address_format(&a, again));
	assert_string_equal(again, text);
	free(copy);
}

static void
bad(const char *text)
{
	struct pz_address a = {.zone = {(const uint8_t *)"x", 1}};
	char *copy;

	if (parse(text, &a, &copy) != PZ_ERR_PROTO_ADDRESS)
		fail_msg("accepted: %s", text);
	assert_int_equal(a.zone.len, 1); /* untouched */
	free(copy);
}

static void
test_forms(void **state)
{
	(void)state;
	good("alice@example.org", "alice@example.org", "", "");
	good("alice@example.org/laptop", "alice@example.org", "laptop", "");
	good("alice@example.org/laptop/7f3a:1", "alice@example.org", "laptop", "7f3a:1");
	good("laptop", "", "laptop", "");
	good("laptop/7f3a:1", "", "laptop", "7f3a:1");
	good("a@b", "a@b", "", "");
	good("A", "", "A", "");
	good("9", "", "9", "");
	good("Phone_2.x-y/GEZDGNBV:42", "", "Phone_2.x-y", "GEZDGNBV:42");
	good("a.b_c+d-e1@x-1.y2.org/d", "a.b_c+d-e1@x-1.y2.org", "d", "");
	good(".@b", ".@b", "", "");
	good("a@127.0.0.1/d", "a@127.0.0.1", "d", "");
	good("d/01Af:0", "", "d", "01Af:0");
}

static const char *const refused[] = {
	/* empty parts */
	"",
	"/",
	"//",
	"a@b/",
	"a@b//7f:1",
	"a@b/d/",
	"/d",
	"d/",
	"/a@b",
	"@b",
	"a@",
	"@",
	/* too many slashes */
	"a@b/d/7f:1/",
	"a@b/d/7f:1/x",
	"d/7f:1/7f:1",
	"a@b/d//7f:1",
	/* zone */
	"A@b",
	"a@B",
	"a b@c",
	"a@b@c",
	"a@b_c",
	"a@-b",
	"a@b-",
	"a@b.-c",
	"a@b-.c",
	"a@.b",
	"a@b.",
	"a@b..c",
	"a@b+c",
	"a!@b",
	"\xc3\xa4@b",
	"a@b:1",
	"a@[::1]",
	/* device */
	"-d",
	".d",
	"_d",
	"a@b/-d",
	"a@b/d e",
	"a@b/d+",
	"a@b/d:1",
	"a@b/\xc3\xa4",
	"d\n",
	"a@b/d@e",
	"d/e@f",
	/* app */
	"d/7f",
	"d/:1",
	"d/7f:",
	"d/7f:1a",
	"d/7f:-1",
	"d/7f:1:1",
	"d/1g:1",
	"d/a1z:1",
	"d/a_b:1",
	"d/7f: 1",
	"d/e",
	"a@b/d/e",
};

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		bad(refused[i]);
}

static void
test_nul_bytes(void **state)
{
	struct pz_address a;

	(void)state;
	assert_int_equal(pz_address_parse(pz_slice_of("d\0", 2), &a), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(pz_address_parse(pz_slice_of("a@b\0", 4), &a), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(pz_address_parse(pz_slice_of(NULL, 0), &a), PZ_ERR_PROTO_ADDRESS);
}

static void
test_every_byte(void **state)
{
	static const char local[] = "abcdefghijklmnopqrstuvwxyz0123456789._+-";
	static const char host[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	static const char device[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	(void)state;
	for (int c = 1; c < 256; c++) {
		char text[8];

		snprintf(text, sizeof(text), "a%c@b", c);
		assert_int_equal(pz_zone_is_valid(pz_slice_str(text)), strchr(local, c) != NULL);
		snprintf(text, sizeof(text), "a@b%cb", c);
		assert_int_equal(pz_zone_is_valid(pz_slice_str(text)), strchr(host, c) != NULL);
		snprintf(text, sizeof(text), "a%c", c);
		assert_int_equal(pz_device_is_valid(pz_slice_str(text)), strchr(device, c) != NULL);
		snprintf(text, sizeof(text), "%c", c);
		assert_int_equal(pz_device_is_valid(pz_slice_str(text)),
				 strchr(device, c) != NULL && !strchr("._-", c));
	}
}

static void
test_limits(void **state)
{
	char text[700];

	(void)state;
	/* A label of a host has at most 63 bytes, so a long zone is long on the left. */
	snprintf(text, sizeof(text), "%s@b", repeat('a', PZ_ZONE_BYTES_MAX - 2));
	assert_true(pz_zone_is_valid(pz_slice_str(text)));
	good(text, text, "", "");
	snprintf(text, sizeof(text), "%s@b", repeat('a', PZ_ZONE_BYTES_MAX - 1));
	bad(text);
	snprintf(text, sizeof(text), "a@%s", repeat('b', 63));
	good(text, text, "", "");
	snprintf(text, sizeof(text), "a@%s", repeat('b', 64));
	bad(text);

	good(repeat('d', PZ_DEVICE_BYTES_MAX), "", repeat('d', PZ_DEVICE_BYTES_MAX), "");
	bad(repeat('d', PZ_DEVICE_BYTES_MAX + 1));

	snprintf(text, sizeof(text), "d/%s:1", repeat('f', PZ_APP_BYTES_MAX - 2));
	good(text, "", "d", text + 2);
	snprintf(text, sizeof(text), "d/%s:1", repeat('f', PZ_APP_BYTES_MAX - 1));
	bad(text);

	snprintf(text, sizeof(text), "%s@b/%s/%s:1", repeat('a', PZ_ZONE_BYTES_MAX - 2),
		 repeat('d', PZ_DEVICE_BYTES_MAX), repeat('f', PZ_APP_BYTES_MAX - 2));
	assert_int_equal(strlen(text), PZ_ADDRESS_BYTES_MAX);
	{
		struct pz_address a;
		char again[PZ_ADDRESS_BYTES_MAX + 1];

		assert_ok(pz_address_parse(pz_slice_str(text), &a));
		assert_ok(pz_address_format(&a, again));
		assert_string_equal(again, text);
	}
}

static void
test_format_refuses(void **state)
{
	char out[PZ_ADDRESS_BYTES_MAX + 1] = "same";
	struct pz_slice zone = pz_slice_str("a@b"), device = pz_slice_str("d");
	struct pz_slice app = pz_slice_str("7f:1"), wrong = pz_slice_str("-x"), none = {0};
	const struct pz_address table[] = {
		{none, none, none},    {none, none, app},   {zone, none, app},
		{wrong, none, none},   {zone, wrong, none}, {zone, device, wrong},
		{none, device, wrong},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(pz_address_format(&table[i], out), PZ_ERR_PROTO_ADDRESS);
		assert_string_equal(out, "same");
	}
}

static void
test_within(void **state)
{
	static const struct {
		const char *address, *space;
		bool expected;
	} table[] = {
		{"a@b", "a@b", true},        {"a@b/d", "a@b", true},
		{"a@b/d/7f:1", "a@b", true}, {"a@b/d/7f:1", "a@b/d", true},
		{"a@b/d", "a@b/d", true},    {"a@b", "a@b/d", false},
		{"a@bc", "a@b", false},      {"a@b/dd", "a@b/d", false},
		{"a@b.c/d", "a@b", false},   {"x@b/d", "a@b", false},
		{"a@b", "", false},          {"", "", false},
		{"", "a@b", false},          {"/x", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool got = pz_address_is_within(pz_slice_str(table[i].address),
						pz_slice_str(table[i].space));
		if (got != table[i].expected)
			fail_msg("'%s' in '%s'", table[i].address, table[i].space);
	}
}

static void
test_node(void **state)
{
	static const char *const table[][2] = {
		{"a@b", "a@b"}, {"a@b/d", "a@b/d"},     {"a@b/d/7f:1", "a@b/d"},
		{"d", "d"},     {"d/7f:1", "d"},        {"", ""},
		{"/x", ""},     {"a@b/", "a@b/"},       {"a@b//x", "a@b/"},
		{"d/e@f", "d"}, {"a@b/d/x/y", "a@b/d"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_part(pz_address_node(pz_slice_str(table[i][0])), table[i][1]);
	assert_int_equal(pz_address_node(pz_slice_of(NULL, 0)).len, 0);
}

static void
test_display_name(void **state)
{
	(void)state;
	assert_true(pz_display_name_is_valid(pz_slice_str("Caf\xc3\xa9 \xe2\x98\x95 <img>")));
	assert_true(pz_display_name_is_valid(pz_slice_str(repeat('x', PZ_DISPLAY_NAME_BYTES_MAX))));
	assert_false(
		pz_display_name_is_valid(pz_slice_str(repeat('x', PZ_DISPLAY_NAME_BYTES_MAX + 1))));
	assert_false(pz_display_name_is_valid(pz_slice_str("")));
	assert_false(pz_display_name_is_valid(pz_slice_str("a\nb")));
	assert_false(pz_display_name_is_valid(pz_slice_str("a\x7f")));
	assert_false(pz_display_name_is_valid(pz_slice_str("a\xc2\x85")));
	assert_false(pz_display_name_is_valid(pz_slice_str("a\xff")));
}

static void
test_normalise(void **state)
{
	char out[PZ_ZONE_BYTES_MAX + 1] = "same";
	char text[400];

	(void)state;
	assert_ok(pz_zone_normalise(pz_slice_str("Alice@B"), out));
	assert_string_equal(out, "alice@b");
	assert_ok(pz_zone_normalise(pz_slice_str("AZaz09._+-@EXAMPLE.Org"), out));
	assert_string_equal(out, "azaz09._+-@example.org");
	snprintf(text, sizeof(text), "%s@B", repeat('A', PZ_ZONE_BYTES_MAX - 2));
	assert_ok(pz_zone_normalise(pz_slice_str(text), out));
	snprintf(text, sizeof(text), "%s@B", repeat('A', PZ_ZONE_BYTES_MAX - 1));
	memcpy(out, "same", 5);
	assert_int_equal(pz_zone_normalise(pz_slice_str(text), out), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(pz_zone_normalise(pz_slice_str("alice"), out), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(pz_zone_normalise(pz_slice_str("[@b"), out), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(pz_zone_normalise(pz_slice_str(""), out), PZ_ERR_PROTO_ADDRESS);
	assert_string_equal(out, "same");
}

/* Computed independently: printf 'pz-sni/1alice@example.org' | sha256sum */
static void
test_sni_tag(void **state)
{
	char tag[PZ_SNI_TAG_CHARS + 1];

	(void)state;
	pz_zone_sni_tag(pz_slice_str("alice@example.org"), tag);
	assert_string_equal(tag, "9a20ade13eab7b49bf6b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),        cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nul_bytes),    cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_limits),       cmocka_unit_test(test_format_refuses),
		cmocka_unit_test(test_within),       cmocka_unit_test(test_node),
		cmocka_unit_test(test_display_name), cmocka_unit_test(test_normalise),
		cmocka_unit_test(test_sni_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
