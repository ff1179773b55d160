#include "enrol/link.h"

#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void
parses(void **state)
{
	(void)state;
	static const struct {
		const char *link, *host;
		uint16_t port;
		const char *zone, *code;
	} rows[] = {
		{"pzp://hub.example.org:8040/alice@example.org?code=12345678", "hub.example.org",
		 8040, "alice@example.org", "12345678"},
		{"  PZP://192.0.2.7:1/alice%40example.org?code=1234-5678 \r\n", "192.0.2.7", 1,
		 "alice@example.org", "12345678"},
		{"pzp://[2001:db8::1]:65535/a%2Bb@example.org?x=y&code=1234%205678&z",
		 "2001:db8::1", 65535, "a+b@example.org", "12345678"},
		{"pzp://[fe80::1%25eth0]:8040/a@b", "fe80::1%eth0", 8040, "a@b", ""},
		{"pzp://[fe80::1%eth0]:8040/a@b", "fe80::1%eth0", 8040, "a@b", ""},
		{"pzp://[fe80::1%ab0]:8040/a@b", "fe80::1%ab0", 8040, "a@b", ""},
		{"pzp://localhost:08040/Alice@Example.ORG?mycode=1#code=3", "localhost", 8040,
		 "alice@example.org", ""},
		{"pzp://h:8040/a@b?", "h", 8040, "a@b", ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_enrol_link out;
		struct pz_errinfo info = {""};
		assert_ok(pz_enrol_link_parse(rows[i].link, &out, &info));
		assert_string_equal(out.host, rows[i].host);
		assert_int_equal(out.port, rows[i].port);
		assert_string_equal(out.zone, rows[i].zone);
		assert_string_equal(out.code, rows[i].code);
	}
}

static void
refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"",
		"pzp:",
		"http://h:1/a@b",
		"pzp://",
		"pzp://h:1",
		"pzp://h/a@b",
		"pzp://h:/a@b",
		"pzp://h:0/a@b",
		"pzp://h:65536/a@b",
		"pzp://h:000001/a@b",
		"pzp://h:1x/a@b",
		"pzp://h:-1/a@b",
		"pzp://:1/a@b",
		"pzp://user@h:1/a@b",
		"pzp://-h:1/a@b",
		"pzp://.h:1/a@b",
		"pzp://h h:1/a@b",
		"pzp://h%00:1/a@b",
		"pzp://h%zz:1/a@b",
		"pzp://2001:db8::1:1/a@b",
		"pzp://[2001:db8::1:1/a@b",
		"pzp://[2001:db8::1]/a@b",
		"pzp://[2001:db8::1]8040/a@b",
		"pzp://[hub]:1/a@b",
		"pzp://[::1%25]:1/a@b",
		"pzp://[::1%25e/0]:1/a@b",
		"pzp://[::1%]:1/a@b",
		"pzp://[::1%eth0%eth1]:1/a@b",
		"pzp://[10.0.0.1]:1/a@b",
		"pzp://[]:1/a@b",
		"pzp://h:1/",
		"pzp://h:1/a",
		"pzp://h:1/a@b/c",
		"pzp://h:1/a@b%",
		"pzp://h:1/a@b%0a",
		"pzp://h:1/a@b?code=",
		"pzp://h:1/a@b?code=1234567",
		"pzp://h:1/a@b?code=12345678&code=12345678",
		"pzp://h:1/a@b?code=%zz345678",
		"pzp://h:1/a@b?code=1234567890123456789012345678901234567890",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_enrol_link out;
		struct pz_errinfo info = {""};
		memset(&out, 0x55, sizeof(out));
		if (pz_enrol_link_parse(rows[i], &out, &info) != PZ_ERR_CONFIG)
			fail_msg("accepted: %s", rows[i]);
		assert_int_not_equal(strlen(info.text), 0);
		assert_null(strstr(info.text, "12345678"));
		assert_true(sodium_is_zero((uint8_t *)&out, sizeof(out)));
		assert_int_equal(pz_enrol_link_parse(rows[i], &out, NULL), PZ_ERR_CONFIG);
	}
}

static void
refuses_what_is_too_long(void **state)
{
	(void)state;
	char text[1024], name[300];
	struct pz_enrol_link out;
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	name[PZ_HOST_BYTES_MAX] = '\0';
	snprintf(text, sizeof(text), "pzp://%s:1/a@b", name);
	assert_ok(pz_enrol_link_parse(text, &out, NULL));
	snprintf(text, sizeof(text), "pzp://a%s:1/a@b", name);
	assert_int_equal(pz_enrol_link_parse(text, &out, NULL), PZ_ERR_CONFIG);
	snprintf(text, sizeof(text), "pzp://h:1/%s@b", name);
	assert_int_equal(pz_enrol_link_parse(text, &out, NULL), PZ_ERR_CONFIG);
}

static void
formats(void **state)
{
	(void)state;
	static const struct {
		const char *host;
		uint16_t port;
		const char *zone, *digits, *link; /* NULL: refused */
	} rows[] = {
		{"hub.example.org", 8040, "alice@example.org", "12345678",
		 "pzp://hub.example.org:8040/alice@example.org?code=12345678"},
		{"192.0.2.7", 1, "a+b@example.org", NULL, "pzp://192.0.2.7:1/a+b@example.org"},
		{"2001:db8::1", 8040, "a@b", NULL, "pzp://[2001:db8::1]:8040/a@b"},
		{"[2001:db8::1]", 8040, "a@b", NULL, "pzp://[2001:db8::1]:8040/a@b"},
		{"fe80::1%eth0", 8040, "a@b", NULL, "pzp://[fe80::1%25eth0]:8040/a@b"},
		{"h", 8040, "a?b@c", NULL, "pzp://h:8040/a%3Fb@c"},
		{"", 8040, "a@b", NULL, NULL},
		{"[]", 8040, "a@b", NULL, NULL},
		{"h", 0, "a@b", NULL, NULL},
		{"h/x", 1, "a@b", NULL, NULL},
		{"h:1", 1, "a@b", NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_buf out;
		pz_buf_init(&out, 1024, NULL);
		enum pz_err err = pz_enrol_link_format(rows[i].host, rows[i].port, rows[i].zone,
						       rows[i].digits, &out);
		assert_int_equal(err, rows[i].link ? PZ_OK : PZ_ERR_CONFIG);
		assert_true(pz_slice_eq_str(pz_buf_slice(&out), rows[i].link));
		pz_buf_wipe(&out);
	}
}

static void
what_is_formatted_can_be_parsed(void **state)
{
	(void)state;
	struct pz_buf out;
	struct pz_enrol_link link;
	pz_buf_init(&out, 1024, NULL);
	assert_ok(pz_enrol_link_format("fe80::1%eth0", 8040, "a.b_c+d-e@x-y.example", "00000009",
				       &out));
	assert_ok(pz_buf_append(&out, pz_slice_of("", 1)));
	assert_ok(pz_enrol_link_parse((const char *)pz_buf_slice(&out).ptr, &link, NULL));
	assert_string_equal(link.host, "fe80::1%eth0");
	assert_string_equal(link.zone, "a.b_c+d-e@x-y.example");
	assert_string_equal(link.code, "00000009");
	pz_buf_fini(&out);
}

static void
nothing_is_appended_when_there_is_no_room(void **state)
{
	(void)state;
	struct pz_buf out;
	pz_buf_init(&out, 10, NULL);
	assert_int_equal(pz_enrol_link_format("h", 8040, "a@b", NULL, &out), PZ_ERR_LIMIT_QUEUE);
	assert_int_equal(pz_buf_slice(&out).len, 0);
	pz_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(formats),
		cmocka_unit_test(what_is_formatted_can_be_parsed),
		cmocka_unit_test(nothing_is_appended_when_there_is_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
