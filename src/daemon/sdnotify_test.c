/* systemd's readiness protocol, spoken to a socket of ours. */
#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/sdnotify.h"

/* A bound datagram socket. @param name a path, or '@' and a name in the abstract space */
static int
bind_to(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(addr.sun_path, name, strlen(name));
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void
expect(int fd, const char *text)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (text == NULL) {
		assert_int_equal(n, -1);
		return;
	}
	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

static void
the_state_arrives_as_it_is(void **state)
{
	char dir[] = "/tmp/sdnotify-XXXXXX", path[64], abstract[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	int fd = bind_to(path);
	pz_daemon_notify("READY=1\nSTATUS=two lines");
	expect(fd, "READY=1\nSTATUS=two lines");
	expect(fd, NULL);
	close(fd);
	pz_daemon_notify("STOPPING=1"); /* nothing listens: no harm */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);

	snprintf(abstract, sizeof(abstract), "@pz-sdnotify-test-%ld", (long)getpid());
	fd = bind_to(abstract);
	pz_daemon_notify("WATCHDOG=1");
	expect(fd, "WATCHDOG=1");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	pz_daemon_notify("READY=1");
	expect(fd, NULL);
	close(fd);
}

static void
odd_socket_names_are_ignored(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	const char *const names[] = {"", "relative", "vsock:2:1", name};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
		pz_daemon_notify("READY=1");
	}
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

static void
the_watchdog_is_for_this_process_only(void **state)
{
	char pid[32];
	(void)state;

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	const struct {
		const char *usec, *pid;
		uint64_t half;
	} rows[] = {
		{NULL, NULL, 0},
		{"30000000", NULL, 15000000},
		{"30000000", pid, 15000000},
		{"30000000", "1", 0},
		{"30000000", "", 0},
		{"0", NULL, 0},
		{"nonsense", pid, 0},
		{NULL, pid, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsetenv("WATCHDOG_USEC");
		unsetenv("WATCHDOG_PID");
		if (rows[i].usec)
			setenv("WATCHDOG_USEC", rows[i].usec, 1);
		if (rows[i].pid)
			setenv("WATCHDOG_PID", rows[i].pid, 1);
		assert_int_equal(pz_daemon_watchdog_us(), rows[i].half);
	}
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_arrives_as_it_is),
		cmocka_unit_test(odd_socket_names_are_ignored),
		cmocka_unit_test(the_watchdog_is_for_this_process_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
