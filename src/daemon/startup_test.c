/* @spec page 14 KEY-5 */
#include "kit/test.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/startup.h"

/* In a child: closes those of 0 to 2 that are in the set, and checks what they are afterwards.
 * Returns the number of the first check that failed, 0 when all is well. */
static int
check(unsigned closed)
{
	char byte = 'x';

	for (int fd = 0; fd < 3; fd++) {
		if (closed & (1U << fd))
			close(fd);
	}
	if (pz_startup_open_standard() != PZ_OK)
		return 1;
	int next = open("/dev/null", O_RDWR);
	if (next < 3)
		return 2;
	if ((closed & 1U) && read(0, &byte, 1) != 0)
		return 3;
	if ((closed & 2U) && (write(1, &byte, 1) != -1 || errno != EBADF))
		return 4; /* lost output is noticed */
	if ((closed & 4U) && write(2, &byte, 1) != 1)
		return 5; /* a log that is not wanted is no error */
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) & FD_CLOEXEC)
			return 6;
	}
	return 0;
}

static void
test_standard_descriptors_are_open(void **state)
{
	(void)state;
	for (unsigned closed = 0; closed < 8; closed++) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0)
			_exit(check(closed));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("closed %u: check %d", closed, WEXITSTATUS(status));
	}
}

static void
test_open_ones_stay_as_they_are(void **state)
{
	int fds[2];
	char byte = 0;
	int status;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		_exit(pz_startup_open_standard() == PZ_OK && write(1, "y", 1) == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	close(fds[0]);
	close(fds[1]);
}

static void
test_memory_is_hidden(void **state)
{
	int status;

	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		pz_startup_hide_memory();
		_exit(prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standard_descriptors_are_open),
		cmocka_unit_test(test_open_ones_stay_as_they_are),
		cmocka_unit_test(test_memory_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
