/* What a sealed process can still do, and what it cannot. */
#include "kit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mdns/sandbox.h"

#define WITHOUT_FILTER 77

/** Runs `check` in a sealed process. Fails unless it returns true there. */
static void
in_sealed_process(bool (*check)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		pz_mdns_sandbox_begin(STDERR_FILENO);
		if (!pz_mdns_sandbox_seal())
			_exit(WITHOUT_FILTER);
		_exit(check() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == WITHOUT_FILTER)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/** Each alarm replaces the one before. Without that the kernel would end a healthy process. */
static bool
an_alarm_is_put_off(void)
{
	(void)alarm(1000);
	unsigned left = alarm(0);

	return left > 900 && alarm(0) == 0;
}

static bool
no_file_is_opened(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 && errno == EPERM;
}

static bool
no_socket_is_made(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 && errno == EPERM;
}

static bool
no_program_is_run(void)
{
	char *argv[] = {NULL}, *environment[] = {NULL};

	return execve("/bin/true", argv, environment) < 0 && errno == EPERM;
}

static void
a_sealed_process_can_put_off_its_alarm(void **state)
{
	(void)state;
	in_sealed_process(an_alarm_is_put_off);
}

static void
a_sealed_process_opens_and_runs_nothing(void **state)
{
	(void)state;
	in_sealed_process(no_file_is_opened);
	in_sealed_process(no_socket_is_made);
	in_sealed_process(no_program_is_run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_process_can_put_off_its_alarm),
		cmocka_unit_test(a_sealed_process_opens_and_runs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
