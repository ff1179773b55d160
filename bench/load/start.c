/* From exec to the first connection that is accepted, then memory at rest. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.h"
#include "load/load.h"

#define REST_MS 1000
#define PATIENCE_NS 10000000000ULL
#define PROBE_US 100

static pid_t
spawn(char **command)
{
	pid_t pid = vfork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execv(command[0], command);
		_exit(127);
	}
	if (pid < 0)
		bench_fail("vfork");
	return pid;
}

int
load_start(const struct load_options *options)
{
	int fd = -1, status;

	if (options->command == NULL || options->command[0] == NULL)
		bench_fail("start: no command");
	uint64_t began = bench_now_ns(), now = began;
	pid_t pid = spawn(options->command);
	while (fd < 0 && now - began < PATIENCE_NS && waitpid(pid, &status, WNOHANG) == 0) {
		fd = bench_connect(options->port, 0);
		now = bench_now_ns();
		if (fd < 0)
			usleep(PROBE_US);
	}
	if (fd < 0)
		bench_fail("%s does not listen on port %u", options->command[0], options->port);
	close(fd);
	poll(NULL, 0, REST_MS);
	printf("{\"start_ms\":%.2f,\"rss_mib\":%.2f,\"anonymous_mib\":%.2f,\"threads\":%ld,"
	       "\"cpu_ms\":%.2f}\n",
	       (double)(now - began) * 1e-6, (double)bench_status_kib(pid, "VmRSS") / 1024,
	       (double)bench_status_kib(pid, "RssAnon") / 1024, bench_status_kib(pid, "Threads"),
	       bench_cpu_s(pid) * 1e3);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	return 0;
}
