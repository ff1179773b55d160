#include "kit/test.h"
#include <string.h>

#include "base/limits.h"
#include "conf/hostname.h"

#define LONG "a234567890123456789012345678901234567890123456789012345678901234567890"

static void
names_for_devices_and_people(void **state)
{
	static const struct {
		const char *host, *device, *display; /* NULL: the same */
	} rows[] = {
		{"laptop", "laptop", NULL},
		{"Laptop-1.example.org", "Laptop-1", NULL},
		{"M\u00fcller-PC", "Mueller-PC", "M\u00fcller-PC"},
		{"K\u00fcche.lan", "Kueche", "K\u00fcche"},
		{"Stra\u00dfe", "Strasse", "Stra\u00dfe"},
		{"\u00c5ngstr\u00f6m", "Angstroem", "\u00c5ngstr\u00f6m"},
		{"\u0141\u00f3d\u017a", "Lodz", "\u0141\u00f3d\u017a"},
		{"\u0160koda", "Skoda", "\u0160koda"},
		{"\u017flongs", "slongs", "\u017flongs"},
		{"a b", "a-b", "a b"},
		{"-x", "x", "-x"},
		{"\u7535\u89c6", "device", "\u7535\u89c6"},
		{"(none)", "device", NULL},
		{"", "device", NULL},
		{".x", "device", NULL},
		{"M\xfcller", "Mller", NULL}, /* not UTF-8: nothing that people could read */
		{"a\x1b[2J", "a2J", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char device[PZ_DEVICE_BYTES_MAX + 1] = "", display[129] = "untouched";
		pz_hostname_device(rows[i].host, device, sizeof(device));
		assert_string_equal(device, rows[i].device);
		assert_int_equal(pz_hostname_display(rows[i].host, display, sizeof(display)),
				 rows[i].display != NULL);
		assert_string_equal(display, rows[i].display ? rows[i].display : "untouched");
	}
}

static void
names_are_cut_to_what_fits(void **state)
{
	char device[256], display[16] = "untouched";

	(void)state;
	pz_hostname_device(LONG, device, sizeof(device));
	assert_int_equal(strlen(device), PZ_DEVICE_BYTES_MAX);
	pz_hostname_device("\u00e4\u00e4\u00e4", device, 4);
	assert_string_equal(device, "aea");
	assert_false(pz_hostname_display("\u00e4 very long name of a host", display, 16));
	assert_string_equal(display, "untouched");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_for_devices_and_people),
		cmocka_unit_test(names_are_cut_to_what_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
