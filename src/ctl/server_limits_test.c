/* The listening end: the limits that a client can reach, and which users may connect. */
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ctl/server_fixture.h"

static void
ends_a_client_whose_line_is_too_long(void **state)
{
	struct fixture *f = *state;
	size_t len = PZ_CTL_LINE_BYTES_MAX + 2;
	char *text = malloc(len + 1);
	int fd = dial(f);

	memset(text, ' ', len);
	text[len] = '\0';
	say(f, fd, text);
	hear_error(fd, -32600, 2);
	assert_true(is_hung_up(fd));
	close(fd);
	free(text);
}

static void
takes_a_line_of_the_longest_size(void **state)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}";
	struct fixture *f = *state;
	char *text = malloc(PZ_CTL_LINE_BYTES_MAX + 2);
	int fd = dial(f);

	memset(text, ' ', PZ_CTL_LINE_BYTES_MAX);
	memcpy(text, request, sizeof(request) - 1);
	memcpy(text + PZ_CTL_LINE_BYTES_MAX, "\n", 2);
	say(f, fd, text);
	hear_text(fd, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{}}");
	close(fd);
	free(text);
}

static void
turns_an_answer_that_is_too_long_into_a_failure(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"long\"}\n");
	hear_error(fd, -32000, 1);
	close(fd);
}

static void
disconnects_a_client_that_does_not_read(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f), other = dial(f);

	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"flood\"}\n");
	assert_int_equal(f->gone, 1);
	say(f, other, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
	hear_text(other, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{}}");
	close(fd);
	close(other);
}

static void
sends_the_rest_when_a_slow_client_reads(void **state)
{
	struct fixture *f = *state;
	char *text = calloc(1, 1000001);
	int fd = dial(f);
	int lines = 0;

	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}\n");
	json_decref(hear(fd));
	memset(text, 'z', 1000000);
	pz_ctl_event(f->held[0], json_string(text)); /* more than the socket takes at once */
	pz_ctl_reply(f->held[0], NULL);
	for (char c; lines < 2; turn(f))
		while (recv(fd, &c, 1, MSG_DONTWAIT) == 1)
			lines += c == '\n';
	close(fd);
	free(text);
}

static void
bounds_the_running_requests_of_a_client(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	for (int i = 0; i < 64; i++) {
		say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}\n");
		json_decref(hear(fd));
	}
	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}\n");
	hear_error(fd, -32000, 2);
	assert_int_equal(f->held_count, 64);
	close(fd);
	turn(f);
	assert_int_equal(f->gone, 64);
}

static void
bounds_the_clients(void **state)
{
	struct fixture *f = *state;
	int fds[PZ_CTL_CLIENTS_MAX], one_more;

	for (size_t i = 0; i < PZ_CTL_CLIENTS_MAX; i++) {
		fds[i] = dial(f);
		turn(f);
	}
	one_more = dial(f);
	turn(f);
	hear_error(one_more, -32000, 1);
	assert_true(is_hung_up(one_more));
	close(one_more);
	close(fds[0]);
	turn(f);
	one_more = dial(f);
	say(f, one_more, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
	hear_text(one_more, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{}}");
	close(one_more);
	for (size_t i = 1; i < PZ_CTL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void
refuses_when_descriptors_are_out(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, none;
	int fd = dial(f), lowest_free = dup(0);

	close(lowest_free);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)lowest_free;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turn(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	hear_error(fd, -32000, 1);
	assert_true(is_hung_up(fd));
	close(fd);
	fd = dial(f);
	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
	hear_text(fd, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{}}");
	close(fd);
}

static void
refuses_other_users(void **state)
{
	struct fixture *f = *state;
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	/* Even if the file was opened to all. */
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(chmod(f->path, 0666), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		char answer[512] = "";
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
		if (setgid(65534) != 0 || setuid(65534) != 0 ||
		    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
			_exit(2);
		(void)!recv(fd, answer, sizeof(answer) - 1, 0);
		_exit(strstr(answer, "\"exit\":5") && recv(fd, answer, 1, 0) <= 0 ? 0 : 3);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(ends_a_client_whose_line_is_too_long),
		T(takes_a_line_of_the_longest_size),
		T(turns_an_answer_that_is_too_long_into_a_failure),
		T(disconnects_a_client_that_does_not_read),
		T(sends_the_rest_when_a_slow_client_reads),
		T(bounds_the_running_requests_of_a_client),
		T(bounds_the_clients),
		T(refuses_when_descriptors_are_out),
		T(refuses_other_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
