#include "cli/fake_daemon.h"

static void
take_file(struct fixture *f, int fd)
{
	ssize_t n = fd < 0 ? 0 : pread(fd, f->came, sizeof(f->came) - 1, 0);

	f->came[n > 0 ? n : 0] = '\0';
	if (fd >= 0 && f->script.write)
		(void)!write(fd, f->script.write, strlen(f->script.write));
	if (fd >= 0)
		close(fd);
}

static void
handler(void *arg, struct pz_ctl_call *call, const char *method, json_t *params)
{
	struct fixture *f = arg;
	char *text = json_dumps(params, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *events = f->script.events ? json_loads(f->script.events, 0, NULL) : NULL, *event;
	size_t i;

	snprintf(f->asked, sizeof(f->asked), "%s %s", method, text);
	take_file(f, pz_ctl_take_descriptor(call));
	free(text);
	json_array_foreach (events, i, event)
		pz_ctl_event(call, json_incref(event));
	json_decref(events);
	if (f->script.interrupt)
		kill(getpid(), SIGINT);
	else if (f->script.fail_exit)
		pz_ctl_fail(call, f->script.fail_exit, "the daemon's reason");
	else if (f->script.result)
		pz_ctl_reply(call, json_loads(f->script.result, JSON_DECODE_ANY, NULL));
}

static void
on_stop(uv_async_t *async)
{
	struct fixture *f = async->data;

	pz_ctl_server_free(f->server);
	uv_close((uv_handle_t *)async, NULL);
}

void *
serve(void *arg)
{
	uv_run(&((struct fixture *)arg)->loop, UV_RUN_DEFAULT);
	return NULL;
}

int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct pz_errinfo info;
	sigset_t all, old;

	pz_log_threshold = PZ_LOG_ERROR;
	snprintf(f->dir, sizeof(f->dir), "/tmp/pz-cli-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/control.sock", f->dir);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_async_init(&f->loop, &f->stop, on_stop), 0);
	f->stop.data = f;
	assert_int_equal(pz_ctl_server_new(&f->loop, f->path, handler, f, &f->server, &info),
			 PZ_OK);
	sigfillset(&all); /* an interrupt is for the thread that runs the command */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	*state = f;
	return 0;
}

int
teardown(void **state)
{
	struct fixture *f = *state;

	uv_async_send(&f->stop);
	pthread_join(f->thread, NULL);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	free(f->out);
	free(f->err);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

int
run_in(struct fixture *f, const char *dir, const struct pz_cli_program *program, const char *line)
{
	char copy[512], *argv[20], *save = NULL;
	char option[] = "--data-dir", where[128];
	size_t out_len, err_len;
	int argc = 0, status;
	FILE *in = tmpfile();

	free(f->out);
	free(f->err);
	fputs(f->input ? f->input : "", in);
	rewind(in);
	f->cli = (struct pz_cli){
		.program = program, .in = in, .in_is_tty = f->in_tty, .out_is_tty = f->out_tty};
	f->cli.out = open_memstream(&f->out, &out_len);
	f->cli.err = open_memstream(&f->err, &err_len);
	snprintf(where, sizeof(where), "%s", dir);
	snprintf(copy, sizeof(copy), "x|%s", line);
	for (char *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save))
		argv[argc++] = w;
	argv[argc++] = option;
	argv[argc++] = where;
	f->asked[0] = '\0';
	status = pz_cli_run(&f->cli, argc, argv);
	fclose(f->cli.out);
	fclose(f->cli.err);
	fclose(in);
	return status;
}

int
run(struct fixture *f, const struct pz_cli_program *program, const char *line)
{
	return run_in(f, f->dir, program, line);
}
