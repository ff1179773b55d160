/* @spec page 14 ENR-12, DAT-1 */
#include "kit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/dir.h"
#include "store/lock.h"

static int
setup(void **state)
{
	struct pz_kit_dir *dir = calloc(1, sizeof(*dir));

	assert_non_null(dir);
	pz_kit_dir_init(dir, "store.db");
	*state = dir;
	return 0;
}

static int
teardown(void **state)
{
	pz_kit_dir_fini(*state);
	free(*state);
	return 0;
}

static unsigned
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
test_missing_directory_is_made_with_parents(void **state)
{
	struct pz_kit_dir *dir = *state;
	char path[128], parent[96];
	int fd = -1;

	snprintf(parent, sizeof(parent), "%s/a", dir->path);
	snprintf(path, sizeof(path), "%s//b/./c/", parent);
	assert_ok(pz_lock_data_dir(path, &fd, NULL));
	assert_true(fd >= 0);
	assert_int_equal(mode_of(parent), 0700);
	assert_int_equal(mode_of(path), 0700);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	close(fd);
}

static void
test_relative_path(void **state)
{
	struct pz_kit_dir *dir = *state;
	char old[PATH_MAX];
	struct stat st;
	int fd = -1;

	assert_non_null(getcwd(old, sizeof(old)));
	assert_int_equal(chdir(dir->path), 0);
	assert_ok(pz_lock_data_dir("here/now", &fd, NULL));
	assert_int_equal(stat("here/now/lock", &st), 0);
	assert_int_equal(chdir(old), 0);
	close(fd);
}

static void
test_second_one_learns_which_process_runs(void **state)
{
	struct pz_kit_dir *dir = *state;
	struct pz_errinfo info;
	char pid[32];
	int fd = -1, second = -7;

	assert_ok(pz_lock_data_dir(dir->path, &fd, NULL));
	assert_int_equal(pz_lock_data_dir(dir->path, &second, &info), PZ_ERR_EXISTS);
	assert_int_equal(second, -7);
	snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
	assert_non_null(strstr(info.text, pid));
	assert_non_null(strstr(info.text, program_invocation_short_name));
	assert_non_null(strstr(info.text, dir->path));

	assert_int_equal(ftruncate(fd, 0), 0); /* as on a full disk */
	assert_int_equal(pz_lock_data_dir(dir->path, &second, &info), PZ_ERR_EXISTS);
	assert_non_null(strstr(info.text, "another process"));

	close(fd);
	assert_ok(pz_lock_data_dir(dir->path, &second, NULL));
	close(second);
}

static void
test_lock_of_a_killed_process_is_free(void **state)
{
	struct pz_kit_dir *dir = *state;
	int ready[2], fd = -1, status;
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (pz_lock_data_dir(dir->path, &fd, NULL) != PZ_OK || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(pz_lock_data_dir(dir->path, &fd, NULL), PZ_ERR_EXISTS);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_ok(pz_lock_data_dir(dir->path, &fd, NULL));
	close(fd);
}

static void
test_open_directory_is_refused(void **state)
{
	struct pz_kit_dir *dir = *state;
	struct pz_errinfo info;
	mode_t modes[] = {0750, 0701, 0770, 01777};
	int fd = -1;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(dir->path, modes[i]), 0);
		assert_int_equal(pz_lock_data_dir(dir->path, &fd, &info), PZ_ERR_DENIED_PERMISSION);
		assert_non_null(strstr(info.text, "chmod 700 /tmp/"));
	}
	assert_int_equal(chmod(dir->path, 0700), 0);
	assert_int_equal(fd, -1);
}

static void
test_foreign_directory_is_refused(void **state)
{
	struct pz_kit_dir *dir = *state;
	struct pz_errinfo info;
	int fd = -1;

	/* The root directory is root's; when we are root, a directory can be given away. */
	if (geteuid() == 0) {
		assert_int_equal(chown(dir->path, 12345, (gid_t)-1), 0);
		assert_int_equal(pz_lock_data_dir(dir->path, &fd, &info), PZ_ERR_DENIED_PERMISSION);
		assert_non_null(strstr(info.text, "uid 12345"));
	} else {
		assert_int_equal(pz_lock_data_dir("/", &fd, &info), PZ_ERR_DENIED_PERMISSION);
		assert_non_null(strstr(info.text, "uid 0"));
	}
}

static void
test_odd_paths(void **state)
{
	struct pz_kit_dir *dir = *state;
	struct pz_errinfo info;
	char path[PATH_MAX + 8];
	int fd = -1;

	assert_int_equal(pz_lock_data_dir("", &fd, &info), PZ_ERR_CONFIG);
	close(open(dir->file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(pz_lock_data_dir(dir->file, &fd, &info), PZ_ERR_CONFIG);
	snprintf(path, sizeof(path), "%s/below", dir->file);
	assert_int_equal(pz_lock_data_dir(path, &fd, &info), PZ_ERR_CONFIG);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(pz_lock_data_dir(path, &fd, &info), PZ_ERR_IO);
	assert_int_equal(pz_lock_data_dir("/proc/nothing/here", &fd, &info), PZ_ERR_IO);

	/* A lock that is a symbolic link is not followed. */
	snprintf(path, sizeof(path), "%s/lock", dir->path);
	assert_int_equal(symlink(dir->file, path), 0);
	assert_int_equal(pz_lock_data_dir(dir->path, &fd, &info), PZ_ERR_IO);
	assert_int_equal(fd, -1);
}

#define NOBODY 65534

static void
test_a_directory_that_its_owner_cannot_use(void **state)
{
	struct pz_kit_dir *dir = *state;
	struct pz_errinfo info = {""};
	bool is_root = geteuid() == 0;
	int fd = -1;

	if (is_root) {
		assert_int_equal(chown(dir->path, NOBODY, NOBODY), 0);
		assert_int_equal(seteuid(NOBODY), 0);
	}
	for (mode_t mode = 0; mode < 0700; mode += 0100) {
		assert_int_equal(chmod(dir->path, mode), 0);
		enum pz_err err = pz_lock_data_dir(dir->path, &fd, &info);
		assert_true(err == PZ_ERR_DENIED_PERMISSION);
		assert_non_null(strstr(info.text, "chmod 700"));
	}
	assert_int_equal(chmod(dir->path, 0700), 0);
	assert_ok(pz_lock_data_dir(dir->path, &fd, &info));
	close(fd);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_missing_directory_is_made_with_parents, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_relative_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_one_learns_which_process_runs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lock_of_a_killed_process_is_free, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_open_directory_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_directory_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_directory_that_its_owner_cannot_use, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
