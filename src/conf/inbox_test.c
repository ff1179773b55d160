/* The default directory of received files. */
#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/inbox.h"
#include "kit/dir.h"

static void
user_dirs_name_the_directory(void **state)
{
	static const struct {
		const char *text, *home, *expected;
	} cases[] = {
		{"XDG_DOWNLOAD_DIR=\"$HOME/Down loads\"\n", "/home/a", "/home/a/Down loads"},
		{"# c\nXDG_X=\"/y\"\nXDG_DOWNLOAD_DIR=\"/data/in\"\n", NULL, "/data/in"},
		{"XDG_DOWNLOAD_DIR=\"$HOME/\"\n", "/home/a", ""}, /* none is wanted */
		{"XDG_DOWNLOAD_DIR=\"$HOME/x\"\n", NULL, ""},
		{"XDG_DOWNLOAD_DIR=\"relative\"\n", "/home/a", ""},
		{"XDG_DOWNLOAD_DIR=\"/unclosed\n", "/home/a", ""},
		{" XDG_DOWNLOAD_DIR=\"/x\"\n", "/home/a", ""},
		{"", "/home/a", ""},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pz_inbox_from_user_dirs(cases[i].text, cases[i].home, out, sizeof(out));
		assert_string_equal(out, cases[i].expected);
	}
	pz_inbox_from_user_dirs("XDG_DOWNLOAD_DIR=\"/12345678\"", NULL, out, 9);
	assert_string_equal(out, ""); /* not a part of it */
}

/* The first that is there: the variable, the file, ~/Downloads, the data directory. */
static void
the_first_directory_that_is_there(void **state)
{
	struct pz_kit_dir dir;
	char out[256], expected[256], path[256];

	(void)state;
	pz_kit_dir_init(&dir, "x");
	setenv("HOME", dir.path, 1);
	unsetenv("XDG_DOWNLOAD_DIR");
	unsetenv("XDG_CONFIG_HOME");
	pz_inbox_default(dir.path, out, sizeof(out));
	snprintf(expected, sizeof(expected), "%s/inbox", dir.path);
	assert_string_equal(out, expected);

	snprintf(path, sizeof(path), "%s/Downloads", dir.path);
	assert_int_equal(mkdir(path, 0700), 0);
	pz_inbox_default(dir.path, out, sizeof(out));
	assert_string_equal(out, path);

	snprintf(path, sizeof(path), "%s/.config", dir.path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/.config/user-dirs.dirs", dir.path);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs("XDG_DOWNLOAD_DIR=\"$HOME/.config\"\n", file);
	fclose(file);
	pz_inbox_default(dir.path, out, sizeof(out));
	snprintf(expected, sizeof(expected), "%s/.config", dir.path);
	assert_string_equal(out, expected);

	setenv("XDG_DOWNLOAD_DIR", "/tmp", 1);
	pz_inbox_default(dir.path, out, sizeof(out));
	assert_string_equal(out, "/tmp");
	setenv("XDG_DOWNLOAD_DIR", "/nosuch", 1);
	pz_inbox_default(dir.path, out, sizeof(out));
	assert_string_equal(out, expected);
	pz_kit_dir_fini(&dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_dirs_name_the_directory),
		cmocka_unit_test(the_first_directory_that_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
