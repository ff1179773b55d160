/* Descriptors that come with requests: taken by the handler, or closed. */
#include <fcntl.h>
#include <poll.h>

#include "base/limits.h"
#include "ctl/client.h"
#include "ctl/line.h"
#include "ctl/server_fixture.h"

#define ECHO_IT "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n"
#define TAKE_IT "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"take\"}\n"

static int taken[8];
static size_t taken_count;

static void
take_handler(void *arg, struct pz_ctl_call *call, const char *method, json_t *params)
{
	(void)arg;
	(void)params;
	if (strcmp(method, "take") == 0)
		taken[taken_count++] = pz_ctl_take_descriptor(call);
	pz_ctl_reply(call, json_true());
}

static int
setup_take(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct pz_errinfo info;

	pz_log_threshold = PZ_LOG_ERROR;
	taken_count = 0;
	snprintf(f->dir, sizeof(f->dir), "/tmp/pz-ctl-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/control.sock", f->dir);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_ok(pz_ctl_server_new(&f->loop, f->path, take_handler, f, &f->server, &info));
	*state = f;
	return 0;
}

/* The reading end of a pipe, the other end of which shows when all copies of it are closed. */
struct probe {
	int fd, watch;
};

static struct probe
probe_new(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	return (struct probe){fds[0], fds[1]};
}

static bool
is_open_elsewhere(struct probe *p)
{
	struct pollfd watch = {.fd = p->watch};

	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	assert_true(poll(&watch, 1, 0) >= 0);
	return (watch.revents & POLLERR) == 0;
}

static void
send_with(struct fixture *f, int socket_fd, const char *text, const struct probe *probes,
	  size_t count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec part = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &probes[i].fd, sizeof(int));
	assert_int_equal(sendmsg(socket_fd, &message, MSG_NOSIGNAL), strlen(text));
	turn(f);
}

static void
assert_answered(int fd)
{
	json_t *line = hear(fd);

	assert_true(json_is_true(json_object_get(line, "result")));
	json_decref(line);
}

static void
a_handler_takes_it(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe_new();
	int fd = dial(f);

	send_with(f, fd, TAKE_IT, &p, 1);
	assert_answered(fd);
	assert_int_equal(taken_count, 1);
	assert_true(taken[0] >= 0);
	assert_int_equal(fcntl(taken[0], F_GETFD), FD_CLOEXEC);
	assert_true(is_open_elsewhere(&p));
	close(taken[0]);
	assert_false(is_open_elsewhere(&p));
	say(f, fd, TAKE_IT); /* there was one for the first only */
	assert_answered(fd);
	assert_int_equal(taken[1], -1);
	close(fd);
	close(p.watch);
}

static void
one_that_is_not_asked_for_is_closed(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe_new();
	int fd = dial(f);

	send_with(f, fd, ECHO_IT, &p, 1);
	assert_answered(fd);
	assert_false(is_open_elsewhere(&p));
	say(f, fd, TAKE_IT);
	assert_answered(fd);
	assert_int_equal(taken[0], -1);
	close(fd);
	close(p.watch);
}

/* Requests that were sent together: it is for the one that takes it. */
static void
it_waits_for_its_line(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe_new();
	char half[] = TAKE_IT;
	int fd = dial(f);

	send_with(f, fd, ECHO_IT TAKE_IT, &p, 1);
	assert_answered(fd);
	assert_answered(fd);
	assert_true(taken[0] >= 0);
	close(taken[0]);
	half[20] = '\0';
	send_with(f, fd, half, &p, 1);
	say(f, fd, &(TAKE_IT)[20]);
	assert_answered(fd);
	assert_int_equal(taken_count, 2);
	assert_true(taken[1] >= 0);
	close(taken[1]);
	assert_false(is_open_elsewhere(&p));
	close(fd);
	close(p.watch);
}

static void
several_end_the_connection(void **state)
{
	struct fixture *f = *state;
	char half[] = TAKE_IT;
	half[20] = '\0';

	for (size_t count = 2; count <= 4; count++) { /* also more than there is room for */
		struct probe p[4] = {probe_new(), probe_new(), probe_new(), probe_new()};
		int fd = dial(f);

		send_with(f, fd, TAKE_IT, p, count);
		hear_error(fd, -32600, 2);
		assert_true(is_hung_up(fd));
		close(fd);
		for (size_t i = 0; i < 4; i++) {
			assert_false(is_open_elsewhere(&p[i]));
			close(p[i].watch);
		}
	}
	/* One after the other, before the first was taken. */
	struct probe p[2] = {probe_new(), probe_new()};
	int fd = dial(f);
	send_with(f, fd, half, &p[0], 1);
	send_with(f, fd, "x", &p[1], 1);
	hear_error(fd, -32600, 2);
	assert_true(is_hung_up(fd));
	close(fd);
	for (size_t i = 0; i < 2; i++) {
		assert_false(is_open_elsewhere(&p[i]));
		close(p[i].watch);
	}
	assert_int_equal(taken_count, 0);
}

/* The client hangs up, and the server ends, with one that was not taken yet. */
static void
it_is_closed_with_its_client(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe_new(), q = probe_new();
	int fd = dial(f), other = dial(f);

	send_with(f, fd, "{", &p, 1);
	close(fd);
	turn(f);
	assert_false(is_open_elsewhere(&p));
	send_with(f, other, "{", &q, 1);
	pz_ctl_server_free(f->server);
	f->server = NULL;
	turn(f);
	assert_false(is_open_elsewhere(&q));
	close(other);
	close(p.watch);
	close(q.watch);
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, setup_take, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		U(a_handler_takes_it),           U(one_that_is_not_asked_for_is_closed),
		U(it_waits_for_its_line),        U(several_end_the_connection),
		U(it_is_closed_with_its_client),
	};

	(void)setup;
	(void)hold;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
