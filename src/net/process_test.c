/* Real child processes on a real loop: what service/command.h requires of an implementation. */
#include "kit/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/process.h"
#include "net/reaper.h"

struct child {
	struct pz_process *process;
	struct pz_buf out, err;
	struct pz_errinfo info;
	int exits, status;
};

static void
on_out(void *arg, struct pz_slice bytes)
{
	struct child *c = arg;

	assert_int_equal(c->exits, 0); /* exited comes last */
	assert_ok(pz_buf_append(&c->out, bytes));
}

static void
on_err(void *arg, struct pz_slice bytes)
{
	struct child *c = arg;

	assert_int_equal(c->exits, 0);
	assert_ok(pz_buf_append(&c->err, bytes));
}

static void
on_exited(void *arg, int status)
{
	struct child *c = arg;

	c->exits++;
	c->status = status;
	c->process = NULL;
}

static const struct pz_process_events events = {.out = on_out, .err = on_err, .exited = on_exited};

static void
start(struct child *c, char *const argv[], char *const envp[], struct pz_slice line)
{
	*c = (struct child){0};
	pz_buf_init(&c->out, SIZE_MAX / 4, NULL);
	pz_buf_init(&c->err, SIZE_MAX / 4, NULL);
	c->process = pz_loop_process_ops.start(&pz_kit_loop.loop, argv, envp, line, &events, c,
					       &c->info);
}

static void
start_shell(struct child *c, const char *script, struct pz_slice line)
{
	char *const argv[] = {"/bin/sh", "-c", (char *)(uintptr_t)script, NULL};
	char *const envp[] = {"PATH=/usr/bin:/bin", NULL};

	start(c, argv, envp, line);
	assert_non_null(c->process);
	assert_int_equal(c->exits, 0); /* nothing comes from inside */
}

static void
end(struct child *c)
{
	assert_int_equal(c->exits, 1);
	pz_buf_fini(&c->out);
	pz_buf_fini(&c->err);
}

static void
assert_text(const struct pz_buf *buf, const char *text)
{
	if (!pz_slice_eq_str(pz_buf_slice(buf), text))
		fail_msg("'%.*s' is not '%s'", PZ_SLICE_FMT(pz_buf_slice(buf)), text);
}

static void
input_outputs_and_exit_code(void **state)
{
	struct child c;

	(void)state;
	start_shell(&c, "read line; echo \"got $line\"; echo oops >&2; cat; exit 3",
		    pz_slice_str("{\"a\":1}\n"));
	pz_kit_until(c.exits);
	assert_int_equal(c.status, 3);
	assert_text(&c.out, "got {\"a\":1}\n"); /* and then its input is at its end */
	assert_text(&c.err, "oops\n");
	end(&c);
}

static void
all_output_comes_before_the_exit(void **state)
{
	struct child c;

	(void)state;
	start_shell(&c, "head -c 1000000 /dev/zero; head -c 300000 /dev/zero >&2",
		    pz_slice_str(""));
	pz_kit_until(c.exits);
	assert_int_equal(c.status, 0);
	assert_int_equal(c.out.len, 1000000);
	assert_int_equal(c.err.len, 300000);
	end(&c);
}

static void
what_cannot_be_started_has_its_reason_and_no_event(void **state)
{
	char crlf[] = "/tmp/pz-crlf-XXXXXX";
	char missing[] = "/no/such/program", directory[] = "/", plain[] = "/etc/passwd";
	char *const programs[] = {missing, directory, plain, crlf};
	static const char *const reasons[] = {
		"No such file or directory",
		"Permission denied: is it an executable file?",
		"Permission denied: is it an executable file?",
		"No such file or directory: the interpreter",
	};
	int fd = mkstemp(crlf);
	struct child c;

	assert_int_equal(dprintf(fd, "#!/bin/sh\r\necho 1\r\n"), 19);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		char *const argv[] = {programs[i], NULL};
		char *const envp[] = {NULL};
		start(&c, argv, envp, pz_slice_str("x\n"));
		assert_null(c.process);
		if (strncmp(c.info.text, reasons[i], strlen(reasons[i])) != 0)
			fail_msg("%s: '%s' is not '%s'", programs[i], c.info.text, reasons[i]);
		for (int k = 0; k < 20; k++)
			pz_kit_loop_turn();
		assert_int_equal(c.exits, 0);
	}
	unlink(crlf);
}

static void
it_gets_exactly_its_environment(void **state)
{
	struct child c;
	char *const argv[] = {"/usr/bin/env", NULL};
	char *const envp[] = {"A=1", "B=two words", NULL};

	(void)state;
	assert_int_equal(setenv("SECRET", "x", 1), 0);
	start(&c, argv, envp, pz_slice_str("\n"));
	pz_kit_until(c.exits);
	assert_text(&c.out, "A=1\nB=two words\n");
	end(&c);
	assert_int_equal(unsetenv("SECRET"), 0);
}

static void
on_accept(void *arg, struct pz_stream *stream, const char *remote)
{
	(void)arg;
	(void)remote;
	stream->ops->close(stream);
}

/* A child that held our listening socket would keep the port when we are gone. */
static void
it_gets_no_descriptor_of_ours(void **state)
{
	struct child c;
	struct pz_listener *listener = NULL;
	struct pz_transport transport = pz_loop_transport(&pz_kit_loop.loop);
	uint16_t port = 0;

	(void)state;
	assert_ok(transport.ops->listen(transport.self, "127.0.0.1", 0, on_accept, NULL, &listener,
					&port, NULL));
	start_shell(&c, "cd /proc/$$/fd; echo *; cd /; pwd", pz_slice_str("\n"));
	pz_kit_until(c.exits);
	assert_text(&c.out, "0 1 2 3\n/\n"); /* 3 is the directory that it lists */
	end(&c);
	transport.ops->listen_close(listener);
	pz_kit_loop_turn();
}

/* What ulimit -Sn says in a child of a loop that began with the limit `start`. */
static void
assert_file_limit(rlim_t start)
{
	struct child c;
	char text[32];

	snprintf(text, sizeof(text), "%lu\n", (unsigned long)start);
	start_shell(&c, "ulimit -Sn", pz_slice_str("\n"));
	pz_kit_until(c.exits);
	assert_text(&c.out, text);
	end(&c);
}

static void
it_gets_the_file_limit_of_the_start(void **state)
{
	struct rlimit now;

	(void)state;
	pz_kit_loop.loop.files_at_start.rlim_cur = 200;
	pz_loop_raise_file_limit(&pz_kit_loop.loop);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, now.rlim_max);
	assert_file_limit(200);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, now.rlim_max); /* ours is as high as before */
}

static void
a_full_table_of_descriptors_does_not_keep_it_from_starting(void **state)
{
	enum { LIMIT = 100 };
	int fds[LIMIT];
	struct child c;

	(void)state;
	pz_kit_loop.loop.files_at_start.rlim_cur = LIMIT;
	pz_loop_raise_file_limit(&pz_kit_loop.loop);
	for (size_t i = 0; i < LIMIT; i++) {
		fds[i] = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a library may */
		assert_true(fds[i] >= 0);
	}
	start_shell(&c, "cd /proc/$$/fd; echo *", pz_slice_str("\n"));
	pz_kit_until(c.exits);
	assert_text(&c.out, "0 1 2 3\n");
	end(&c);
	for (size_t i = 0; i < LIMIT; i++)
		close(fds[i]);
}

/* A child that nothing in this program waits for. */
static pid_t
make_stranger(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	return pid;
}

static bool
is_gone(pid_t pid)
{
	return kill(pid, 0) != 0;
}

static void
orphans_are_waited_for_and_own_children_are_not(void **state)
{
	static struct pz_reaper reaper; /* the loop closes its handle later */
	struct child c;

	(void)state;
	pid_t before = make_stranger();
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)before, &info, WEXITED | WNOWAIT), 0);
	pz_reaper_start(&reaper, &pz_kit_loop.loop);
	assert_true(is_gone(before)); /* ended before there was a reaper */
	for (int i = 0; i < 10; i++) {
		start_shell(&c, "exit 7", pz_slice_str("\n"));
		pid_t stranger = make_stranger();
		pz_kit_until(c.exits && is_gone(stranger));
		assert_int_equal(c.status, 7);
		end(&c);
	}
	pz_reaper_stop(&reaper);
}

static void
a_signal_is_reported_as_minus_its_number(void **state)
{
	struct child c;

	(void)state;
	start_shell(&c, "kill -TERM $$", pz_slice_str("\n"));
	pz_kit_until(c.exits);
	assert_int_equal(c.status, -SIGTERM);
	end(&c);
}

static void
kill_ends_the_whole_group(void **state)
{
	struct child c;

	(void)state;
	/* The grandchildren hold the pipes: their end shows that they are gone too. */
	start_shell(&c, "sleep 1000 & sleep 1000 & echo ready; wait", pz_slice_str("\n"));
	pz_kit_until(c.out.len > 0);
	pz_loop_process_ops.kill(c.process);
	pz_loop_process_ops.kill(c.process);
	assert_int_equal(c.exits, 0);
	pz_kit_until(c.exits);
	assert_int_equal(c.status, -SIGKILL);
	assert_int_equal(pz_kit_loop.pushed_us, 0);
	end(&c);
}

static void
the_group_goes_with_its_leader(void **state)
{
	struct child c;

	(void)state;
	start_shell(&c, "sleep 1000 & exit 0", pz_slice_str("\n"));
	pz_kit_until(c.exits);
	assert_int_equal(c.status, 0);
	end(&c);
}

/* A process that left the group and keeps the pipes open does not keep us waiting. */
static void
an_escaped_grandchild_is_not_waited_for(void **state)
{
	struct child c;
	char text[32];

	(void)state;
	/* The child ends when the grandchild has left its group. */
	start_shell(&c,
		    "exec 4>&1; { setsid sh -c 'echo $$ >&4; echo go; exec sleep 1000 >&4' & } |"
		    "{ read go; }; exit 5",
		    pz_slice_str("\n"));
	pz_kit_until(c.out.len > 0);
	snprintf(text, sizeof(text), "%.*s", PZ_SLICE_FMT(pz_buf_slice(&c.out)));
	for (int i = 0; i < 50; i++)
		pz_kit_loop_turn();
	/* Had the second passed on this machine meanwhile, nothing would be shown, but nothing
	 * fails. */
	pz_kit_loop_push(PZ_US_PER_S);
	pz_kit_until(c.exits);
	assert_int_equal(c.status, 5);
	end(&c);
	pid_t escaped = (pid_t)strtol(text, NULL, 10);
	assert_true(escaped > 1);
	assert_int_equal(kill(escaped, SIGKILL), 0);
}

static void
a_child_that_does_not_listen_is_no_trouble(void **state)
{
	struct child c;
	char *line = malloc(1U << 20);

	(void)state;
	assert_non_null(line);
	memset(line, 'x', 1U << 20);
	start_shell(&c, "exec 0<&-; echo done", pz_slice_of(line, 1U << 20));
	free(line); /* borrowed for the call only */
	pz_kit_until(c.exits);
	assert_text(&c.out, "done\n");
	end(&c);

	line = malloc(1U << 20);
	assert_non_null(line);
	memset(line, 'x', 1U << 20);
	start_shell(&c, "head -c 10; sleep 1000", pz_slice_of(line, 1U << 20));
	free(line);
	pz_kit_until(c.out.len == 10);
	pz_loop_process_ops.kill(c.process);
	pz_kit_until(c.exits);
	end(&c);
}

static void
many_at_once(void **state)
{
	enum { MANY = 20 };
	static struct child c[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		char script[64];
		snprintf(script, sizeof(script), "echo %d; exit %d", i, i);
		start_shell(&c[i], script, pz_slice_str("\n"));
	}
	for (int i = 0; i < MANY; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%d\n", i);
		pz_kit_until(c[i].exits);
		assert_int_equal(c[i].status, i);
		assert_text(&c[i].out, text);
		end(&c[i]);
	}
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, pz_kit_loop_open, pz_kit_loop_close)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		LOOP_TEST(input_outputs_and_exit_code),
		LOOP_TEST(all_output_comes_before_the_exit),
		LOOP_TEST(what_cannot_be_started_has_its_reason_and_no_event),
		LOOP_TEST(it_gets_the_file_limit_of_the_start),
		LOOP_TEST(a_full_table_of_descriptors_does_not_keep_it_from_starting),
		LOOP_TEST(orphans_are_waited_for_and_own_children_are_not),
		LOOP_TEST(it_gets_exactly_its_environment),
		LOOP_TEST(it_gets_no_descriptor_of_ours),
		LOOP_TEST(a_signal_is_reported_as_minus_its_number),
		LOOP_TEST(kill_ends_the_whole_group),
		LOOP_TEST(the_group_goes_with_its_leader),
		LOOP_TEST(an_escaped_grandchild_is_not_waited_for),
		LOOP_TEST(a_child_that_does_not_listen_is_no_trouble),
		LOOP_TEST(many_at_once),
	};

	/* Descriptors that the caller of this test left open do not count. */
	(void)close_range(3, ~0U, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
