#include "ctl/server_fixture.h"

static void
on_gone(void *arg)
{
	((struct fixture *)arg)->gone++;
}

void
hold(struct fixture *f, struct pz_ctl_call *call)
{
	pz_ctl_on_gone(call, on_gone, f);
	f->held[f->held_count++ % HELD_MAX] = call;
}

void
flood(struct pz_ctl_call *call)
{
	char *text = malloc(100001);

	memset(text, 'x', 100000);
	text[100000] = '\0';
	for (int i = 0; i < 60; i++) /* 6 MB, more than a queue and a socket hold */
		pz_ctl_event(call, json_string(text));
	free(text);
}

void
stop(struct fixture *f, struct pz_ctl_call *call)
{
	pz_ctl_reply(call, json_string("stopping"));
	pz_ctl_server_free(f->server);
	f->server = NULL;
}

static json_t *
long_string(void)
{
	char *text = calloc(1, PZ_CTL_LINE_BYTES_MAX + 1);
	json_t *value;

	memset(text, 'y', PZ_CTL_LINE_BYTES_MAX);
	value = json_string(text);
	free(text);
	return value;
}

void
handler(void *arg, struct pz_ctl_call *call, const char *method, json_t *params)
{
	struct fixture *f = arg;

	f->requests++;
	if (strcmp(method, "echo") == 0) {
		pz_ctl_reply(call, json_incref(params));
	} else if (strcmp(method, "null") == 0) {
		pz_ctl_reply(call, NULL);
	} else if (strcmp(method, "long") == 0) {
		pz_ctl_reply(call, long_string());
	} else if (strcmp(method, "fail") == 0) {
		pz_ctl_fail(call, (int)json_integer_value(json_object_get(params, "exit")),
			    "because");
	} else if (strcmp(method, "fail-bytes") == 0) {
		pz_ctl_fail(call, 1, "\xff");
	} else if (strcmp(method, "hold") == 0) {
		pz_ctl_event(call, json_string("holding"));
		hold(f, call);
	} else if (strcmp(method, "flood") == 0) {
		hold(f, call);
		flood(call);
		pz_ctl_event(call, NULL);
	} else if (strcmp(method, "stop") == 0) {
		stop(f, call);
	} else {
		pz_ctl_fail_err(call, PZ_ERR_NOTFOUND, NULL);
	}
}

int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct pz_errinfo info;

	pz_log_threshold = PZ_LOG_ERROR;
	snprintf(f->dir, sizeof(f->dir), "/tmp/pz-ctl-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/control.sock", f->dir);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_ok(pz_ctl_server_new(&f->loop, f->path, handler, f, &f->server, &info));
	*state = f;
	return 0;
}

int
teardown(void **state)
{
	struct fixture *f = *state;

	pz_ctl_server_free(f->server);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

void
turn(struct fixture *f)
{
	for (int i = 0; i < 4; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

int
dial(struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void
say(struct fixture *f, int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else if (n < 0 && errno != EAGAIN) {
			return; /* hung up on us */
		}
		turn(f);
	}
	turn(f);
}

json_t *
hear(int fd)
{
	static char line[PZ_CTL_LINE_BYTES_MAX + 2];
	size_t len = 0;

	while (recv(fd, line + len, 1, MSG_DONTWAIT) == 1) {
		if (line[len++] == '\n')
			return json_loadb(line, len, 0, NULL);
		assert_true(len < sizeof(line));
	}
	assert_int_equal(len, 0);
	return NULL;
}

bool
is_hung_up(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

void
hear_text(int fd, const char *expected)
{
	json_t *line = hear(fd);
	char *text;

	assert_non_null(line);
	text = json_dumps(line, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, expected);
	free(text);
	json_decref(line);
}

void
hear_error(int fd, int code, int exit_code)
{
	json_t *line = hear(fd);
	json_t *error = json_object_get(line, "error");

	assert_non_null(line);
	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(error, "data"), "exit")),
		exit_code);
	assert_true(json_string_length(json_object_get(error, "message")) > 0);
	json_decref(line);
}
