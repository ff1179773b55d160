#include "kit/test.h"

#include <string.h>

#include "base/netaddr.h"

static void
addresses(void **state)
{
	static const struct {
		const char *text, *interface;
		bool is_v6, is_link_local, is_loopback, is_private, lacks_interface;
	} rows[] = {
		{"192.0.2.1", "", false, false, false, false, false},
		{"127.0.0.1", "", false, false, true, false, false},
		{"169.254.1.2", "", false, true, false, false, false},
		{"10.1.2.3", "", false, false, false, true, false},
		{"172.15.0.1", "", false, false, false, false, false},
		{"172.31.0.1", "", false, false, false, true, false},
		{"192.168.7.7", "", false, false, false, true, false},
		{"::", "", true, false, false, false, false},
		{"::1", "", true, false, true, false, false},
		{"2001:db8::1", "", true, false, false, false, false},
		{"fd00::1", "", true, false, false, true, false},
		{"fe80::1", "", true, true, false, false, true},
		{"febf::1", "", true, true, false, false, true},
		{"fec0::1", "", true, false, false, false, false},
		{"fe80::1%eth0", "eth0", true, true, false, false, false},
		{"fe80::1%br-a.100_x", "br-a.100_x", true, true, false, false, false},
		{"fe80::1%123456789012345", "123456789012345", true, true, false, false, false},
		{"::ffff:10.0.0.1", "", true, false, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_netaddr a;
		assert_true(pz_netaddr_parse(rows[i].text, &a));
		assert_string_equal(a.interface, rows[i].interface);
		assert_int_equal(a.is_v6, rows[i].is_v6);
		assert_int_equal(pz_netaddr_is_link_local(&a), rows[i].is_link_local);
		assert_int_equal(pz_netaddr_is_loopback(&a), rows[i].is_loopback);
		assert_int_equal(pz_netaddr_is_private(&a), rows[i].is_private);
		assert_int_equal(pz_netaddr_lacks_interface(&a), rows[i].lacks_interface);
	}
}

static void
what_is_no_address(void **state)
{
	static const char *const bad[] = {
		"",
		"%eth0",
		"localhost",
		"1.2.3",
		"127.0.0.256",
		" 127.0.0.1",
		"127.0.0.1%eth0",
		"::g",
		"[::1]",
		"fe80::1%",
		"fe80::1%%eth0",
		"fe80::1%et h0",
		"fe80::1%eth0/64",
		"fe80::1%1234567890123456",
		"fe80::1%eth0]",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc",
		"fe80::1%\x7f",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pz_netaddr a, untouched;
		memset(&a, 0x55, sizeof(a));
		untouched = a;
		assert_false(pz_netaddr_parse(bad[i], &a));
		assert_memory_equal(&a, &untouched, sizeof(a));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(what_is_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
