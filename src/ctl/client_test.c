/* Both ends together: the server's loop runs in a thread of its own, the client blocks in ours. */
#include "kit/test.h"
#include <jansson.h>
#include <pthread.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "ctl/client.h"
#include "ctl/server.h"

struct fixture {
	uv_loop_t loop;
	uv_async_t stop;
	pthread_t thread;
	struct pz_ctl_server *server;
	struct pz_ctl_client *client;
	char dir[64];
	char path[96];
	int pipe[2];
};

static void
on_gone(void *arg)
{
	struct fixture *f = arg;

	(void)!write(f->pipe[1], "g", 1);
}

static void
handler(void *arg, struct pz_ctl_call *call, const char *method, json_t *params)
{
	struct fixture *f = arg;

	if (strcmp(method, "echo") == 0) {
		pz_ctl_reply(call, json_incref(params));
	} else if (strcmp(method, "count") == 0) {
		for (int i = 0; i < 100; i++)
			pz_ctl_event(call, json_integer(i));
		pz_ctl_reply(call, json_string("done"));
	} else if (strcmp(method, "fail") == 0) {
		pz_ctl_fail(call, (int)json_integer_value(json_object_get(params, "exit")),
			    json_string_value(json_object_get(params, "message")));
	} else if (strcmp(method, "hold") == 0) {
		pz_ctl_on_gone(call, on_gone, f);
		(void)!write(f->pipe[1], "h", 1);
	} else if (strcmp(method, "stop") == 0) {
		pz_ctl_server_free(f->server);
		f->server = NULL;
	} else {
		pz_ctl_fail(call, 1, "unknown");
	}
}

static void
on_stop(uv_async_t *async)
{
	struct fixture *f = async->data;

	pz_ctl_server_free(f->server);
	uv_close((uv_handle_t *)async, NULL);
}

static void *
serve(void *arg)
{
	uv_run(&((struct fixture *)arg)->loop, UV_RUN_DEFAULT);
	return NULL;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct pz_errinfo info;

	pz_log_threshold = PZ_LOG_ERROR;
	snprintf(f->dir, sizeof(f->dir), "/tmp/pz-ctl-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/control.sock", f->dir);
	assert_int_equal(pipe(f->pipe), 0);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_async_init(&f->loop, &f->stop, on_stop), 0);
	f->stop.data = f;
	assert_ok(pz_ctl_server_new(&f->loop, f->path, handler, f, &f->server, &info));
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	assert_ok(pz_ctl_connect(f->path, &f->client, &info));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	uv_async_send(&f->stop);
	pthread_join(f->thread, NULL);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	pz_ctl_client_free(f->client);
	close(f->pipe[0]);
	close(f->pipe[1]);
	rmdir(f->dir);
	free(f);
	return 0;
}

static enum pz_err
request(struct fixture *f, const char *method, json_t *params, unsigned timeout_ms,
	json_t **out_result, struct pz_ctl_error *out_error)
{
	struct pz_errinfo info;

	return pz_ctl_request(f->client, method, params, timeout_ms, NULL, NULL, out_result,
			      out_error, &info);
}

static void
gets_results(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_error error;
	json_t *result;

	for (int i = 0; i < 3; i++) {
		assert_ok(request(f, "echo", json_pack("{s:i}", "n", i), 5000, &result, &error));
		assert_int_equal(error.exit, 0);
		assert_int_equal(json_integer_value(json_object_get(result, "n")), i);
		json_decref(result);
	}
	assert_ok(request(f, "echo", NULL, 0, &result, &error));
	assert_int_equal(json_object_size(result), 0);
	json_decref(result);
}

static void
gets_a_long_result(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_error error;
	char *text = calloc(1, 1500001);
	json_t *result;

	memset(text, 'l', 1500000);
	assert_ok(request(f, "echo", json_pack("{s:s}", "text", text), 30000, &result, &error));
	assert_int_equal(json_string_length(json_object_get(result, "text")), 1500000);
	json_decref(result);
	free(text);
}

static void
gets_refusals_with_a_safe_message(void **state)
{
	static const struct {
		int exit, expected;
		const char *message, *shown;
	} cases[] = {
		{1, 1, "no such device", "no such device"},
		{2, 2, "bad\nline\x1b[2J", "bad?line?[2J"},
		{4, 4, "caf\xc3\xa9", "caf\xc3\xa9"},
		{5, 5, "", "the daemon gave no reason"},
		{77, 1, "odd", "odd"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pz_ctl_error error;
		json_t *result;

		assert_ok(request(
			f, "fail",
			json_pack("{s:i,s:s}", "exit", cases[i].exit, "message", cases[i].message),
			5000, &result, &error));
		assert_null(result);
		assert_int_equal(error.exit, cases[i].expected);
		assert_string_equal(error.message, cases[i].shown);
	}
}

static void
cuts_a_long_message_between_characters(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_error error;
	char text[1201];
	json_t *result;

	for (size_t i = 0; i < 1200; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	text[1200] = '\0';
	assert_ok(request(f, "fail", json_pack("{s:i,s:s}", "exit", 1, "message", text), 5000,
			  &result, &error));
	assert_int_equal(strlen(error.message), 510);
}

struct events {
	int seen, stop_after;
};

static bool
on_event(void *arg, json_t *event)
{
	struct events *e = arg;

	assert_int_equal(json_integer_value(event), e->seen);
	return ++e->seen != e->stop_after;
}

static void
gets_events_in_order(void **state)
{
	struct fixture *f = *state;
	struct events e = {0, -1};
	struct pz_ctl_error error;
	struct pz_errinfo info;
	json_t *result;

	assert_ok(pz_ctl_request(f->client, "count", NULL, 5000, on_event, &e, &result, &error,
				 &info));
	assert_int_equal(e.seen, 100);
	assert_string_equal(json_string_value(result), "done");
	json_decref(result);
}

static void
stops_when_the_event_function_says_so(void **state)
{
	struct fixture *f = *state;
	struct events e = {0, 3};
	struct pz_ctl_error error;
	struct pz_errinfo info;
	json_t *result;

	assert_ok(pz_ctl_request(f->client, "count", NULL, 5000, on_event, &e, &result, &error,
				 &info));
	assert_int_equal(e.seen, 3);
	assert_null(result);
	assert_int_equal(error.exit, 0);
}

static void
stops_when_the_descriptor_says_so(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_error error;
	json_t *result;
	char c;

	pz_ctl_client_stop_fd(f->client, f->pipe[0]); /* readable as soon as the call is held */
	assert_ok(request(f, "hold", NULL, 0, &result, &error));
	assert_null(result);
	assert_int_equal(error.exit, 0);
	assert_int_equal(read(f->pipe[0], &c, 1), 1);
	assert_int_equal(c, 'h');
	pz_ctl_client_free(f->client);
	f->client = NULL;
	assert_int_equal(read(f->pipe[0], &c, 1), 1); /* and the daemon learns that we left */
	assert_int_equal(c, 'g');
}

static void
times_out(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_error error;
	json_t *result;

	assert_int_equal(request(f, "hold", NULL, 20, &result, &error), PZ_ERR_IO_TIMEOUT);
}

static void
sees_the_daemon_end(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_error error;
	json_t *result;

	assert_int_equal(request(f, "stop", NULL, 5000, &result, &error), PZ_ERR_IO_CLOSED);
	assert_int_equal(request(f, "echo", NULL, 5000, &result, &error), PZ_ERR_IO_CLOSED);
}

static void
serves_many_clients(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_client *clients[40];
	struct pz_ctl_error error;
	struct pz_errinfo info;
	json_t *result;

	for (int i = 0; i < 40; i++)
		assert_ok(pz_ctl_connect(f->path, &clients[i], &info));
	for (int i = 0; i < 40; i++) {
		assert_ok(pz_ctl_request(clients[i], "echo", json_pack("{s:i}", "n", i), 5000, NULL,
					 NULL, &result, &error, &info));
		assert_int_equal(json_integer_value(json_object_get(result, "n")), i);
		json_decref(result);
	}
	for (int i = 0; i < 40; i++)
		pz_ctl_client_free(clients[i]);
}

static void
says_why_it_cannot_connect(void **state)
{
	struct pz_ctl_client *client = NULL;
	struct pz_errinfo info;
	char path[300];

	(void)state;
	assert_int_equal(pz_ctl_connect("/nonexistent/control.sock", &client, &info),
			 PZ_ERR_IO_REFUSED);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(pz_ctl_connect(path, &client, &info), PZ_ERR_CONFIG);
	assert_int_equal(pz_ctl_connect("/proc/self/status/x", &client, &info), PZ_ERR_IO);
	assert_null(client);
	pz_ctl_client_free(NULL);
}

/* A peer that is no daemon of ours: it sends `answer` to the first request and hangs up. */
static enum pz_err
ask_impostor(const char *answer, struct pz_ctl_error *out_error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/pz-ctl-XXXXXX";
	struct pz_ctl_client *client;
	struct pz_errinfo info;
	json_t *result = NULL;
	enum pz_err err;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), peer;

	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_ok(pz_ctl_connect(address.sun_path, &client, &info));
	peer = accept(fd, NULL, NULL);
	assert_int_equal(write(peer, answer, strlen(answer)), (ssize_t)strlen(answer));
	shutdown(peer, SHUT_WR);
	err = pz_ctl_request(client, "x", NULL, 5000, NULL, NULL, &result, out_error, &info);
	json_decref(result);
	pz_ctl_client_free(client);
	close(peer);
	close(fd);
	unlink(address.sun_path);
	rmdir(dir);
	return err;
}

static void
survives_nonsense(void **state)
{
	struct pz_ctl_error error;

	(void)state;
	assert_int_equal(ask_impostor("nonsense\n", &error), PZ_ERR_PROTO);
	assert_int_equal(ask_impostor("{\"jsonrpc\":\"2.0\",\"id\":1}\n", &error), PZ_ERR_PROTO);
	assert_int_equal(ask_impostor("{\"id\":2,\"result\":1}\n", &error), PZ_ERR_IO_CLOSED);
	assert_int_equal(ask_impostor("{\"method\":\"event\"}\n{\"id\":1", &error),
			 PZ_ERR_IO_CLOSED);
	assert_ok(ask_impostor("{\"id\":1,\"error\":5}\n", &error));
	assert_int_equal(error.exit, 1);
	assert_ok(ask_impostor("{\"id\":null,\"error\":{\"data\":{\"exit\":5}}}\n", &error));
	assert_int_equal(error.exit, 5);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static bool
count_event(void *arg, json_t *event)
{
	(void)event;
	++*(int *)arg;
	return true;
}

/* Two requests continue at the same time, each by its client. */
static void
several_at_once(void **state)
{
	struct fixture *f = *state;
	struct pz_ctl_client *clients[3] = {f->client, NULL, NULL};
	struct pz_ctl_error error;
	struct pz_errinfo info = {""};
	int events[3] = {0}, ended = 0;

	assert_ok(pz_ctl_connect(f->path, &clients[2], &info));
	for (int i = 0; i < 3; i += 2)
		assert_ok(pz_ctl_begin(clients[i], "count", NULL, count_event, &events[i], &info));
	while (ended < 2) {
		for (int i = 0; i < 3; i += 2) {
			json_t *result = NULL;
			bool is_over = false;
			if (clients[i] == NULL)
				continue;
			assert_ok(pz_ctl_proceed(clients[i], &is_over, &result, &error, &info));
			if (!is_over)
				continue;
			assert_string_equal(json_string_value(result), "done");
			assert_int_equal(error.exit, 0);
			assert_int_equal(events[i], 100);
			json_decref(result);
			if (i > 0)
				pz_ctl_client_free(clients[i]);
			clients[i] = NULL;
			ended++;
		}
		assert_false(pz_ctl_wait(clients, 3, f->pipe[0], 10));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(gets_results),
		T(gets_a_long_result),
		T(gets_refusals_with_a_safe_message),
		T(cuts_a_long_message_between_characters),
		T(gets_events_in_order),
		T(stops_when_the_event_function_says_so),
		T(stops_when_the_descriptor_says_so),
		T(times_out),
		T(sees_the_daemon_end),
		T(serves_many_clients),
		T(several_at_once),
		cmocka_unit_test(says_why_it_cannot_connect),
		cmocka_unit_test(survives_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
