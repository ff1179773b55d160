/*
 * The listening end: requests, answers, events, start and end.
 * @spec page 14 AUTH-4
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "ctl/server_fixture.h"

static void
answers_requests(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"echo\",\"params\":{\"a\":1}}\n");
	hear_text(fd, "{\"id\":7,\"jsonrpc\":\"2.0\",\"result\":{\"a\":1}}");
	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"echo\"}\n");
	hear_text(fd, "{\"id\":\"x\",\"jsonrpc\":\"2.0\",\"result\":{}}");
	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"null\"}\n");
	hear_text(fd, "{\"id\":8,\"jsonrpc\":\"2.0\",\"result\":null}");
	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"nothing\"}\n");
	hear_text(fd, "{\"error\":{\"code\":-32000,\"data\":{\"exit\":1},\"message\":"
		      "\"not found\"},\"id\":9,\"jsonrpc\":\"2.0\"}");
	close(fd);
}

static void
takes_lines_in_pieces_and_many_at_once(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"me");
	say(f, fd, "thod\":\"echo\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}\n{");
	hear_text(fd, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{}}");
	hear_text(fd, "{\"id\":2,\"jsonrpc\":\"2.0\",\"result\":{}}");
	say(f, fd, "\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"echo\"}\n");
	hear_text(fd, "{\"id\":3,\"jsonrpc\":\"2.0\",\"result\":{}}");
	close(fd);
}

static void
reports_failures_with_their_exit_code(void **state)
{
	static const struct {
		int exit, code, shown;
	} cases[] = {{1, -32000, 1}, {2, -32602, 2}, {4, -32003, 4}, {5, -32004, 5},
		     {0, -32000, 1}, {3, -32000, 1}, {-7, -32000, 1}};
	struct fixture *f = *state;
	int fd = dial(f);
	char text[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fail\",\"params\":{\"exit\":%"
			 "d}}"
			 "\n",
			 cases[i].exit);
		say(f, fd, text);
		hear_error(fd, cases[i].code, cases[i].shown);
	}
	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fail-bytes\"}\n");
	hear_error(fd, -32000, 1);
	close(fd);
}

static void
maps_errors_to_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(pz_ctl_exit_code(PZ_ERR_IO_TIMEOUT), 4);
	assert_int_equal(pz_ctl_exit_code(PZ_ERR_DENIED_CODE), 5);
	assert_int_equal(pz_ctl_exit_code(PZ_ERR_IO), 1);
	assert_int_equal(pz_ctl_exit_code(PZ_ERR_NOTFOUND), 1);
}

static void
answers_garbage_and_goes_on(void **state)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{"garbage\n", -32700},
		{"\n", -32700},
		{"[1]\n", -32700},
		{"{\"id\":1,\"id\":1}\n", -32700},
		{"\xff\xfe\n", -32700},
		{"{}\n", -32600},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"echo\"}\n", -32600},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"echo\"}\n", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1}\n", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}\n", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}\n", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[]}\n", -32602},
	};
	struct fixture *f = *state;
	int fd = dial(f);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		say(f, fd, cases[i].line);
		hear_error(fd, cases[i].code, 2);
	}
	assert_int_equal(f->requests, 0);
	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
	hear_text(fd, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{}}");
	close(fd);
}

static void
sends_events_until_the_answer(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"hold\"}\n");
	hear_text(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"event\":\"holding\","
		      "\"id\":4}}");
	pz_ctl_event(f->held[0], json_integer(5));
	hear_text(fd,
		  "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"event\":5,\"id\":4}}");
	pz_ctl_reply(f->held[0], json_true());
	hear_text(fd, "{\"id\":4,\"jsonrpc\":\"2.0\",\"result\":true}");
	close(fd);
	turn(f);
	assert_int_equal(f->gone, 0);
}

static void
reports_once_when_a_client_is_gone(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(f, fd,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"hold\"}\n");
	pz_ctl_on_gone(f->held[1], NULL, NULL);
	close(fd);
	turn(f);
	assert_int_equal(f->gone, 1);
}

static void
flushes_and_unlinks_when_it_is_freed(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f), other = dial(f);

	say(f, other, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}\n");
	json_decref(hear(other));
	say(f, fd,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stop\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}\n");
	hear_text(fd, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":\"stopping\"}");
	assert_true(is_hung_up(fd));
	assert_true(is_hung_up(other));
	assert_int_equal(f->gone, 1);
	assert_int_equal(f->requests, 2);
	assert_int_equal(access(f->path, F_OK), -1);
	close(fd);
	close(other);
}

static void
makes_the_socket_private(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
replaces_only_a_dead_socket(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_server *second = NULL;
	struct pz_errinfo info = {""};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[100];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(pz_ctl_server_new(&f->loop, f->path, handler, f, &second, &info),
			 PZ_ERR_EXISTS);
	assert_non_null(strstr(info.text, "another daemon"));
	turn(f);

	snprintf(path, sizeof(path), "%s/b", f->dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); /* the file stays, no process listens */
	assert_ok(pz_ctl_server_new(&f->loop, path, handler, f, &second, &info));
	pz_ctl_server_free(second);
	assert_int_equal(access(path, F_OK), -1);
}

static void
refuses_impossible_paths(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_server *second = NULL;
	struct pz_errinfo info = {""};
	char path[200];
	int fd;

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(pz_ctl_server_new(&f->loop, path, handler, f, &second, &info),
			 PZ_ERR_CONFIG);
	assert_non_null(strstr(info.text, "107"));
	assert_int_equal(pz_ctl_server_new(&f->loop, "", handler, f, &second, &info),
			 PZ_ERR_CONFIG);
	assert_int_equal(
		pz_ctl_server_new(&f->loop, "/nonexistent/x/y", handler, f, &second, &info),
		PZ_ERR_IO);
	snprintf(path, sizeof(path), "%s/file", f->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(pz_ctl_server_new(&f->loop, path, handler, f, &second, &info),
			 PZ_ERR_EXISTS);
	assert_int_equal(access(path, F_OK), 0); /* not ours to remove */
	close(fd);
	unlink(path);
	assert_null(second);
	pz_ctl_server_free(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(answers_requests),
		T(takes_lines_in_pieces_and_many_at_once),
		T(reports_failures_with_their_exit_code),
		T(maps_errors_to_exit_codes),
		T(answers_garbage_and_goes_on),
		T(sends_events_until_the_answer),
		T(reports_once_when_a_client_is_gone),
		T(flushes_and_unlinks_when_it_is_freed),
		T(makes_the_socket_private),
		T(replaces_only_a_dead_socket),
		T(refuses_impossible_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
