/* Which names are accepted, and the name of a file if its own is in use. */
#include "kit/test.h"

#include "transfer/name.h"

static void
harmless_names_are_accepted(void **state)
{
	static const char *const good[] = {
		"a",   "a.txt", "a b", "\xc3\xa4\xe2\x82\xac.png", "con1", "console.log", "com10",
		"a:b", "-r",    "(1)"};
	char longest[PZ_TRANSFER_NAME_BYTES_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(pz_transfer_name_fault(pz_slice_str(good[i])));
	memset(longest, 'x', sizeof(longest));
	assert_null(pz_transfer_name_fault(pz_slice_of(longest, PZ_TRANSFER_NAME_BYTES_MAX)));
	assert_non_null(pz_transfer_name_fault(pz_slice_of(longest, sizeof(longest))));
}

static void
all_others_are_refused(void **state)
{
	static const char *const bad[] = {"",       "..",   ".",      ".hidden", "a/b",     "/etc",
					  "a\\b",   "end.", "end ",   "a\nb",    "\x7f",    "\xff",
					  "\xc3",   "con",  "CON",    "nul.txt", "Aux",     "prn.a",
					  "com1.x", "LPT9", "com0.a", "nul .x",  "a\x1b[2J"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (pz_transfer_name_fault(pz_slice_str(bad[i])) == NULL)
			fail_msg("\"%s\" was accepted", bad[i]);
	assert_non_null(pz_transfer_name_fault(pz_slice_of("a\0b", 3)));
}

static void
numbers_come_before_the_extension(void **state)
{
	char out[PZ_TRANSFER_NAME_BYTES_MAX + 1];

	(void)state;
	pz_transfer_name_numbered("a.txt", 0, out);
	assert_string_equal(out, "a.txt");
	pz_transfer_name_numbered("a.txt", 1, out);
	assert_string_equal(out, "a (1).txt");
	pz_transfer_name_numbered("a.tar.gz", 12, out);
	assert_string_equal(out, "a.tar (12).gz");
	pz_transfer_name_numbered("plain", 2, out);
	assert_string_equal(out, "plain (2)");
}

/* A cut never leaves half a character, and names stay within what file systems take. */
static void
long_names_are_cut(void **state)
{
	char name[PZ_TRANSFER_NAME_BYTES_MAX + 1], out[PZ_TRANSFER_NAME_BYTES_MAX + 1];

	(void)state;
	for (size_t dot = 0; dot < 253; dot++) {
		for (size_t i = 0; i + 1 < PZ_TRANSFER_NAME_BYTES_MAX; i += 2)
			memcpy(name + i, "\xc3\xa4", 2);
		name[254] = 'x';
		name[255] = '\0';
		name[dot & ~(size_t)1] = '.';
		name[(dot & ~(size_t)1) + 1] = 'y';
		pz_transfer_name_numbered(name, 999, out);
		assert_true(strlen(out) <= PZ_TRANSFER_NAME_BYTES_MAX && strstr(out, " (999)"));
		if (dot > 1)
			assert_null(pz_transfer_name_fault(pz_slice_str(out)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harmless_names_are_accepted),
		cmocka_unit_test(all_others_are_refused),
		cmocka_unit_test(numbers_come_before_the_extension),
		cmocka_unit_test(long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
