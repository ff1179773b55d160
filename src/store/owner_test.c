/* Root works on the data directory of another user. */
#include "kit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/dir.h"
#include "store/owner.h"

#define UID 61184
#define GID 61185

static struct pz_kit_dir base;
static const char *dir;
static char file[128];

static int
set_up(void **state)
{
	(void)state;
	pz_kit_dir_init(&base, "pzh"); /* 0700: closed to others, as /var/lib/private is */
	dir = base.file;
	snprintf(file, sizeof(file), "%s/file", dir);
	return mkdir(dir, 0700);
}

static int
tear_down(void **state)
{
	(void)state;
	pz_kit_dir_fini(&base);
	return 0;
}

static void
what_is_made_belongs_to_the_owner(void **state)
{
	struct pz_owner owner;
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(dir, UID, GID), 0);
	assert_ok(pz_owner_become(dir, &owner, NULL));
	assert_int_equal(geteuid(), UID);
	int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	int elsewhere = open("/etc/pz-owner-test", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	pz_owner_return(&owner);
	assert_true(fd >= 0);
	assert_true(elsewhere < 0);
	close(fd);
	assert_int_equal(geteuid(), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_true(st.st_uid == UID && st.st_gid == GID);
	pz_owner_return(&owner); /* once */
	assert_int_equal(access("/root", W_OK), 0);
}

static void
nothing_changes_where_it_is_our_own_or_not_there(void **state)
{
	struct pz_owner owner;
	uid_t before = geteuid();

	(void)state;
	assert_ok(pz_owner_become(dir, &owner, NULL));
	assert_int_equal(geteuid(), before);
	assert_ok(pz_owner_become("/no/such/directory", &owner, NULL));
	assert_int_equal(geteuid(), before);
	pz_owner_return(&owner);
	assert_int_equal(geteuid(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_made_belongs_to_the_owner, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nothing_changes_where_it_is_our_own_or_not_there,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
