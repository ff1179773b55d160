#include "kit/test.h"
#include <string.h>

#include "base/host.h"

#define LABEL63 "a23456789012345678901234567890123456789012345678901234567890123"

static void
expect(const char *host, enum pz_host_kind kind)
{
	if (pz_host_kind(host) != kind)
		fail_msg("'%s' is of kind %d, not %d", host, (int)pz_host_kind(host), (int)kind);
}

static void
test_names(void **state)
{
	static const char *const names[] = {
		"hub",
		"hub.example.org",
		"hub.example.org.",
		"HUB-1.Example.ORG",
		"a_b.lan",
		"_x",
		"1st.example.org",
		"1.2.3.x",
		"xn--mller-kva.de",
		LABEL63,
		"x." LABEL63 ".org",
		"a--b",
		"hub.",
	};
	static const char *const wrong[] = {
		"",          ".",         "..",
		".hub",      "-x",        "-hub.example.org",
		"a-",        "a-.org",    "a.-b",
		"hub..org",  "hub.org..", LABEL63 "4",
		"a b",       "a/b",       "m\xc3\xbcller",
		"a\tb",      "hub.org:1", "http://hub",
		"1",         "10.1",      "1.2.3.4.5",
		"256.1.1.1", "1.2.3",     "1.2.3.",
		"a%eth0",    "*",         "*.org",
		"user@host", "[hub]",     "a,b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect(names[i], PZ_HOST_NAME);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(wrong[i], PZ_HOST_NONE);
}

static void
test_addresses(void **state)
{
	(void)state;
	expect("192.0.2.1", PZ_HOST_IPV4);
	expect("::", PZ_HOST_IPV6);
	expect("::1", PZ_HOST_IPV6);
	expect("FD00::1:2", PZ_HOST_IPV6);
	expect("::ffff:192.0.2.1", PZ_HOST_IPV6);
	expect("fe80::1%eth0", PZ_HOST_IPV6_SCOPED);
	expect("fe80::1%eth0.1", PZ_HOST_IPV6_SCOPED);
	expect("fe80::1%", PZ_HOST_NONE);
	expect("fe80::1%a b", PZ_HOST_NONE);
	expect("192.0.2.1%eth0", PZ_HOST_NONE);
	expect("[::1]", PZ_HOST_NONE);
	expect(":::::", PZ_HOST_NONE);
	expect("1:2", PZ_HOST_NONE);
	expect("g::1", PZ_HOST_NONE);
	assert_true(pz_host_is_valid("::1"));
	assert_false(pz_host_is_valid("fe80::1%eth0"));
	assert_true(pz_host_is_dialable("fe80::1%eth0"));
	assert_false(pz_host_is_dialable("-x"));
}

static void
test_length(void **state)
{
	char text[PZ_HOST_BYTES_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '.' : 'a';
	text[PZ_HOST_BYTES_MAX + 1] = '\0'; /* an even number of bytes: with a dot at the end */
	expect(text, PZ_HOST_NONE);
	text[PZ_HOST_BYTES_MAX] = '\0';
	expect(text, PZ_HOST_NAME);
}

static void
test_a_port_is_seen(void **state)
{
	(void)state;
	assert_true(pz_host_has_port("hub.example.org:8443"));
	assert_true(pz_host_has_port("10.9.0.200:8041"));
	assert_true(pz_host_has_port("[fd00::1]:8041"));
	assert_false(pz_host_has_port("fd00::1"));
	assert_false(pz_host_has_port("fd00::8041"));
	assert_false(pz_host_has_port("hub.example.org"));
	assert_false(pz_host_has_port("hub.example.org:"));
	assert_false(pz_host_has_port("hub.example.org:x"));
	assert_false(pz_host_has_port("-x:80"));
	assert_false(pz_host_has_port("[]:80"));
	assert_false(pz_host_has_port("[:80"));
	assert_false(pz_host_has_port(":80"));
	assert_false(pz_host_has_port("http://hub:80"));
	assert_false(pz_host_has_port("hub:123456"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_a_port_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
