/* Reading records that strangers have written. */
#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mdns/text.h"

#define BYTES(literal) pz_slice_of(literal, sizeof(literal) - 1)

static const char *
txt(struct pz_slice rdata)
{
	static char shown[8192];
	struct pz_mdns_txt out;
	size_t at = 0;

	/* A copy of its own, so that a sanitizer sees what is read beyond it. */
	uint8_t *copy = malloc(rdata.len + 1);
	assert_non_null(copy);
	if (rdata.len > 0)
		memcpy(copy, rdata.ptr, rdata.len);
	pz_mdns_txt_read(pz_slice_of(copy, rdata.len), &out);
	free(copy);
	shown[0] = '\0';
	for (size_t i = 0; i < out.len; i++)
		at += (size_t)snprintf(shown + at, sizeof(shown) - at, "%s|", out.strings[i]);
	return shown;
}

static void
txt_strings_are_cut(void **state)
{
	(void)state;
	assert_string_equal(txt(BYTES("\3v=1\6t=abcd")), "v=1|t=abcd|");
	assert_string_equal(txt(BYTES("")), "");
	assert_string_equal(txt(BYTES("\0")), ""); /* RFC 6763 6.1: what an empty one looks like */
	assert_string_equal(txt(BYTES("\0\3v=1\0\0")), "v=1|");
	assert_string_equal(txt(BYTES("\3v=1\7short")), "v=1|"); /* cut short */
	assert_string_equal(txt(BYTES("\377short")), "");
}

static void
bad_txt_strings_are_skipped(void **state)
{
	(void)state;
	assert_string_equal(txt(BYTES("\2\377\376\3v=1")), "v=1|");
	assert_string_equal(txt(BYTES("\3a\0b\3v=1")), "v=1|");
	assert_string_equal(txt(BYTES("\4\303\244=1\3\355\240\200\1x")), "\303\244=1|x|");
}

static void
txt_is_bounded(void **state)
{
	uint8_t many[2 * 400], large[256 * 20];
	struct pz_mdns_txt out;
	size_t bytes = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(many); i += 2) {
		many[i] = 1;
		many[i + 1] = 'x';
	}
	pz_mdns_txt_read(pz_slice_of(many, sizeof(many)), &out);
	assert_int_equal(out.len, PZ_MDNS_TXT_MAX);
	memset(large, 'y', sizeof(large));
	for (size_t i = 0; i < sizeof(large); i += 256)
		large[i] = 255;
	pz_mdns_txt_read(pz_slice_of(large, sizeof(large)), &out);
	for (size_t i = 0; i < out.len; i++)
		bytes += strlen(out.strings[i]);
	assert_in_range(bytes, PZ_MDNS_TXT_BYTES_MAX - 255, PZ_MDNS_TXT_BYTES_MAX);
}

static void
an_instance_is_a_label_of_our_type(void **state)
{
	char name[PZ_MDNS_LABEL_BYTES_MAX + 1] = "untouched";
	const struct pz_slice bad[] = {
		BYTES(""),
		BYTES("\0"),
		BYTES("\3one\4_pzp\4_tcp\5local"),     /* no end */
		BYTES("\3one\4_pzp\4_tcp\5local\0\0"), /* more than an end */
		BYTES("\3one\5_http\4_tcp\5local\0"),
		BYTES("\3one\4_pzp\4_udp\5local\0"),
		BYTES("\3one\4_pzp\4_tcp\5other\0"),
		BYTES("\3one\4_pzp\4_tcp\0"),
		BYTES("\4_pzp\4_tcp\5local\0"),
		BYTES("\3one\3two\4_pzp\4_tcp\5local\0"),
		BYTES("\3o\ne\4_pzp\4_tcp\5local\0"),
		BYTES("\3o\0e\4_pzp\4_tcp\5local\0"),
		BYTES("\3o\377e\4_pzp\4_tcp\5local\0"),
		BYTES("\300\014"), /* compressed */
		BYTES("\77one"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pz_mdns_ptr_read(bad[i], name), PZ_ERR_PROTO);
	assert_string_equal(name, "untouched");
	assert_ok(pz_mdns_ptr_read(BYTES("\7a.b \\\303\244\4_PZP\4_Tcp\5LOCAL\0"), name));
	assert_string_equal(name, "a.b \\\303\244");
}

static void
a_host_is_below_local(void **state)
{
	char host[PZ_MDNS_NAME_TEXT_BYTES] = "untouched";
	uint16_t port = 7;
	const struct pz_slice bad[] = {
		BYTES(""),
		BYTES("\0\0\0\0\037"),
		BYTES("\0\0\0\0\037\150"),
		BYTES("\0\0\0\0\037\150\0"), /* the root: it is not available */
		BYTES("\0\0\0\0\0\0\1h\5local\0"),
		BYTES("\0\0\0\0\037\150\1h\5local"),
		BYTES("\0\0\0\0\037\150\1h\5local\0x"),
		BYTES("\0\0\0\0\037\150\1h\7example\0"),
		BYTES("\0\0\0\0\037\150\5local\0"),
		BYTES("\0\0\0\0\037\150\1\n\5local\0"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pz_mdns_srv_read(bad[i], &port, host), PZ_ERR_PROTO);
	assert_true(port == 7 && strcmp(host, "untouched") == 0);
	assert_ok(pz_mdns_srv_read(BYTES("\0\0\0\0\037\150\4a.\\b\1c\5local\0"), &port, host));
	assert_int_equal(port, 8040);
	assert_string_equal(host, "a\\.\\\\b.c.local");
}

static void
the_longest_host_fits(void **state)
{
	char host[PZ_MDNS_NAME_TEXT_BYTES];
	uint8_t rdata[6 + 300] = {0, 0, 0, 0, 1, 1};
	size_t len = 6;
	uint16_t port;

	(void)state;
	for (int i = 0; i < 3; i++) { /* dots alone: each is escaped */
		rdata[len++] = 63;
		memset(rdata + len, '.', 63);
		len += 63;
	}
	rdata[len++] = 55;
	memset(rdata + len, '.', 55);
	len += 55;
	memcpy(rdata + len, "\5local", 7);
	len += 7;
	assert_int_equal(len, 6 + 255);
	assert_ok(pz_mdns_srv_read(pz_slice_of(rdata, len), &port, host));
	assert_int_equal(strlen(host), 2 * (3 * 63 + 55) + 4 + 5);
	/* One more byte than a name may have. */
	rdata[6 + 3 * 64] = 56;
	rdata[len - 7] = '.';
	memcpy(rdata + len - 6, "\5local", 7);
	assert_int_equal(pz_mdns_srv_read(pz_slice_of(rdata, len + 1), &port, host), PZ_ERR_PROTO);
}

static void
addresses_become_text(void **state)
{
	const struct {
		enum pz_mdns_type type;
		struct pz_slice rdata;
		const char *interface, *text; /* NULL: refused */
	} cases[] = {
		{PZ_MDNS_A, BYTES("\12\11\0\1"), "eth0", "10.9.0.1"},
		{PZ_MDNS_A, BYTES("\12\11\0"), "eth0", NULL},
		{PZ_MDNS_A, BYTES("\12\11\0\1\1"), "eth0", NULL},
		{PZ_MDNS_A, BYTES("\0\0\0\0"), "eth0", NULL},
		{PZ_MDNS_A, BYTES("\177\0\0\1"), "eth0", NULL},
		{PZ_MDNS_A, BYTES("\177\0\0\1"), "lo", "127.0.0.1"},
		{PZ_MDNS_A, BYTES("\340\0\0\373"), "eth0", NULL},
		{PZ_MDNS_A, BYTES("\377\377\377\377"), "eth0", NULL},
		{PZ_MDNS_AAAA, BYTES("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\7"), "eth0",
		 "2001:db8::7"},
		{PZ_MDNS_AAAA, BYTES("\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\7"), "eth0",
		 "fe80::7%eth0"},
		{PZ_MDNS_AAAA, BYTES("\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\7"), "", NULL},
		{PZ_MDNS_AAAA, BYTES("\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\7"),
		 "a-name-that-is-too-long", NULL},
		{PZ_MDNS_AAAA, BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "eth0", NULL},
		{PZ_MDNS_AAAA, BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"), "eth0", NULL},
		{PZ_MDNS_AAAA, BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"), "lo", "::1"},
		{PZ_MDNS_AAAA, BYTES("\377\2\0\0\0\0\0\0\0\0\0\0\0\0\0\373"), "eth0", NULL},
		{PZ_MDNS_AAAA, BYTES("\0\0\0\0\0\0\0\0\0\0\377\377\12\11\0\1"), "eth0", NULL},
		{PZ_MDNS_AAAA, BYTES("\12\11\0\1"), "eth0", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[PZ_MDNS_ADDRESS_TEXT_BYTES] = "untouched";
		enum pz_err err = pz_mdns_address_read(cases[i].type, cases[i].rdata,
						       cases[i].interface, text);

		assert_int_equal(err, cases[i].text ? PZ_OK : PZ_ERR_PROTO);
		assert_string_equal(text, cases[i].text ? cases[i].text : "untouched");
	}
}

static void
a_full_name_is_escaped(void **state)
{
	char name[PZ_MDNS_NAME_TEXT_BYTES];

	(void)state;
	pz_mdns_full_name("a.b\\c d", name);
	assert_string_equal(name, "a\\.b\\\\c d._pzp._tcp.local");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(txt_strings_are_cut),
		cmocka_unit_test(bad_txt_strings_are_skipped),
		cmocka_unit_test(txt_is_bounded),
		cmocka_unit_test(an_instance_is_a_label_of_our_type),
		cmocka_unit_test(a_host_is_below_local),
		cmocka_unit_test(the_longest_host_fits),
		cmocka_unit_test(addresses_become_text),
		cmocka_unit_test(a_full_name_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
