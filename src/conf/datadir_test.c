#include "kit/test.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/datadir.h"

static int
setup(void **state)
{
	(void)state;
	unsetenv("PZP_DATA_DIR");
	unsetenv("STATE_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/home/alice", 1);
	return 0;
}

static void
expect(const char *program_env, const char *leaf, const char *want)
{
	struct pz_buf out;

	pz_buf_init(&out, PATH_MAX, NULL);
	assert_ok(pz_data_dir_default(program_env, leaf, &out));
	assert_true(pz_slice_eq_str(pz_buf_slice(&out), want));
	pz_buf_fini(&out);
}

static void
test_order(void **state)
{
	(void)state;
	expect("PZP_DATA_DIR", "pzp", "/home/alice/.local/state/pzp");
	expect("PZH_DATA_DIR", "pzh", "/home/alice/.local/state/pzh");
	setenv("XDG_STATE_HOME", "/xdg", 1);
	expect("PZP_DATA_DIR", "pzp", "/xdg/pzp");
	setenv("STATE_DIRECTORY", "/var/lib/pzp", 1);
	expect("PZP_DATA_DIR", "pzp", "/var/lib/pzp");
	setenv("PZP_DATA_DIR", "relative", 1);
	expect("PZP_DATA_DIR", "pzp", "relative");
	expect(NULL, "pzp", "/var/lib/pzp");
	expect("PZH_DATA_DIR", "pzh",
	       "/var/lib/pzp"); /* the other program's variable is not ours */
}

static void
test_values_that_do_not_count(void **state)
{
	(void)state;
	setenv("PZP_DATA_DIR", "", 1);
	setenv("STATE_DIRECTORY", "", 1);
	setenv("XDG_STATE_HOME", "not/absolute", 1);
	expect("PZP_DATA_DIR", "pzp", "/home/alice/.local/state/pzp");
	setenv("STATE_DIRECTORY", ":", 1);
	expect("PZP_DATA_DIR", "pzp", "/home/alice/.local/state/pzp");
	setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1);
	expect("PZP_DATA_DIR", "pzp", "/var/lib/a");
}

static void
test_home_from_the_user_database(void **state)
{
	const struct passwd *user = getpwuid(geteuid());
	char want[PATH_MAX];

	(void)state;
	if (user == NULL)
		skip();
	unsetenv("HOME");
	snprintf(want, sizeof(want), "%s/.local/state/pzp", user->pw_dir);
	expect("PZP_DATA_DIR", "pzp", want);
	setenv("HOME", "rel/ative", 1); /* would be another place for each directory */
	expect("PZP_DATA_DIR", "pzp", want);
}

static void
test_too_long_for_the_buffer(void **state)
{
	struct pz_buf out;

	(void)state;
	pz_buf_init(&out, 8, NULL);
	assert_int_equal(pz_data_dir_default(NULL, "pzp", &out), PZ_ERR_LIMIT_QUEUE);
	pz_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_values_that_do_not_count, setup),
		cmocka_unit_test_setup(test_home_from_the_user_database, setup),
		cmocka_unit_test_setup(test_too_long_for_the_buffer, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
