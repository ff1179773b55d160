/*
 * Children: commands of services and helpers of the daemon, each in a process group of its own,
 * with one line of input and both outputs as events. The caller interprets the output.
 */
#include "net/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Bytes of one read of a child's output. Children are few; each has its own buffer. */
#define READ_BYTES 4096
/* Time for output that the child wrote before it ended. */
#define LINGER_US (1 * PZ_US_PER_S)

/* Descriptors that libuv opens for a moment while it starts a child, and some more. */
#define SPAWN_FDS 32

struct pz_process {
	uv_process_t process;
	uv_pipe_t in, out, err;
	uv_write_t write;
	char *line; /* bytes for its standard input */
	const struct pz_process_events *events;
	void *arg;
	struct pz_loop *loop;
	struct pz_timer linger; /* from its exit on */
	int status;
	int open;    /* handles that libuv still uses */
	int streams; /* outputs that are still open */
	bool spawned, exited;
	char buf[READ_BYTES];
};

static void
on_closed(uv_handle_t *handle)
{
	struct pz_process *process = handle->data;

	if (--process->open > 0)
		return;
	if (process->spawned)
		process->events->exited(process->arg, process->status);
	free(process->line);
	free(process);
}

/* Exit and the end of both outputs come in any order; the owner is called after all three. */
static void
finish_if_done(struct pz_process *process)
{
	if (!process->exited || process->streams > 0)
		return;
	pz_env_stop(&process->loop->env, &process->linger);
	uv_close((uv_handle_t *)&process->process, on_closed);
	if (!uv_is_closing((uv_handle_t *)&process->in))
		uv_close((uv_handle_t *)&process->in, on_closed);
	uv_close((uv_handle_t *)&process->out, on_closed);
	uv_close((uv_handle_t *)&process->err, on_closed);
}

static void
on_linger(struct pz_timer *timer, void *arg)
/* The outputs are still open, but the child has ended: what was written until now is complete. */
{
	struct pz_process *process = arg;

	(void)timer;
	uv_read_stop((uv_stream_t *)&process->out);
	uv_read_stop((uv_stream_t *)&process->err);
	process->streams = 0;
	finish_if_done(process);
}

static void
on_child_exit(uv_process_t *handle, int64_t code, int signal)
{
	struct pz_process *process = handle->data;

	process->status = signal ? -signal : (int)code;
	process->exited = true;
	/* A grandchild may keep the pipes open for ever: the group is killed with its leader, and a
	 * process that has left the group is waited for only briefly. */
	(void)uv_kill(-handle->pid, SIGKILL);
	pz_env_start(&process->loop->env, &process->linger, LINGER_US);
	finish_if_done(process);
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct pz_process *process = handle->data;

	(void)suggested;
	*buf = uv_buf_init(process->buf, sizeof(process->buf));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct pz_process *process = stream->data;
	bool is_out = stream == (uv_stream_t *)&process->out;

	if (n > 0) {
		struct pz_slice bytes = pz_slice_of(buf->base, (size_t)n);
		if (is_out)
			process->events->out(process->arg, bytes);
		else
			process->events->err(process->arg, bytes);
	} else if (n < 0) {
		uv_read_stop(stream);
		process->streams--;
		finish_if_done(process);
	}
}

static void
on_written(uv_write_t *write, int status)
{
	struct pz_process *process = write->data;

	(void)status; /* a child need not read its input */
	if (!uv_is_closing((uv_handle_t *)&process->in))
		uv_close((uv_handle_t *)&process->in, on_closed);
}

static void
write_line(struct pz_process *process, size_t len)
{
	uv_buf_t buf = uv_buf_init(process->line, (unsigned)len);

	process->write.data = process;
	if (uv_write(&process->write, (uv_stream_t *)&process->in, &buf, 1, on_written) != 0)
		uv_close((uv_handle_t *)&process->in, on_closed);
}

static bool
has_free_below(rlim_t limit)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0 && (rlim_t)fd + SPAWN_FDS < limit;
}

/*
 * uv_spawn has no hook in the child, but a child inherits the current soft limit. With the low
 * limit, a daemon that has almost as many descriptors open could not open the pipes; so the child's
 * limit is set right after its start.
 */
static int
with_files_of_start(struct pz_loop *loop, struct pz_process *process,
		    const uv_process_options_t *options)
{
	struct rlimit raised;
	bool is_lowered = has_free_below(loop->files_at_start.rlim_cur) &&
			  getrlimit(RLIMIT_NOFILE, &raised) == 0 &&
			  setrlimit(RLIMIT_NOFILE, &loop->files_at_start) == 0;
	int code = uv_spawn(&loop->uv, &process->process, options);

	if (is_lowered)
		(void)setrlimit(RLIMIT_NOFILE, &raised);
	else if (code == 0)
		(void)prlimit(process->process.pid, RLIMIT_NOFILE, &loop->files_at_start, NULL);
	return code;
}

static int
spawn(struct pz_loop *loop, struct pz_process *process, char *const argv[], char *const envp[])
{
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
		 .data.stream = (uv_stream_t *)&process->in},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		 .data.stream = (uv_stream_t *)&process->out},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		 .data.stream = (uv_stream_t *)&process->err},
	};
	uv_process_options_t options = {
		.exit_cb = on_child_exit,
		.file = argv[0],
		.args = (char **)argv,
		.env = (char **)envp,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED, /* a process group of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};

	/* libavahi-core and others open some descriptors without O_CLOEXEC. */
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	return with_files_of_start(loop, process, &options);
}

/* The system's reason, in words that fit the usual mistakes in a service file. */
static void
explain(const char *path, int code, struct pz_errinfo *info)
{
	if (code == UV_ENOENT && access(path, F_OK) == 0)
		(void)pz_fail(
			info, PZ_ERR_IO,
			"No such file or directory: the interpreter that its first line names "
			"(is there a carriage return behind it?), or its loader");
	else if (code == UV_EACCES)
		(void)pz_fail(info, PZ_ERR_IO, "Permission denied: is it an executable file?");
	else
		(void)pz_fail(info, PZ_ERR_IO, "%s", strerror(-code));
}

static struct pz_process *
process_start(void *ops_arg, char *const argv[], char *const envp[], struct pz_slice stdin_line,
	      const struct pz_process_events *events, void *arg, struct pz_errinfo *info)
{
	struct pz_loop *loop = ops_arg;
	struct pz_process *process = calloc(1, sizeof(*process));

	if (process)
		process->line = pz_slice_dup(stdin_line);
	if (process == NULL || process->line == NULL) {
		(void)pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
		free(process);
		return NULL;
	}
	process->events = events;
	process->arg = arg;
	process->loop = loop;
	pz_timer_init(&process->linger, on_linger, process);
	uv_pipe_init(&loop->uv, &process->in, 0);
	uv_pipe_init(&loop->uv, &process->out, 0);
	uv_pipe_init(&loop->uv, &process->err, 0);
	process->process.data = process->in.data = process->out.data = process->err.data = process;
	/* Three pipes and the process: the last one to close calls `exited` and frees. */
	process->open = 4;
	process->streams = 2;
	int code = spawn(loop, process, argv, envp);
	if (code != 0) {
		explain(argv[0], code, info);
		process->exited = true;
		process->streams = 0;
		/* Through on_closed too: libuv has to release the pipes. `spawned` is false, so
		 * there is no event. */
		finish_if_done(process);
		return NULL;
	}
	process->spawned = true;
	uv_read_start((uv_stream_t *)&process->out, on_alloc, on_read);
	uv_read_start((uv_stream_t *)&process->err, on_alloc, on_read);
	write_line(process, stdin_line.len);
	return process;
}

static void
process_kill(struct pz_process *process)
{
	/* Kills the group, not the child alone: a shell's children would live on. */
	if (!process->exited)
		(void)uv_kill(-process->process.pid, SIGKILL);
}

const struct pz_process_ops pz_loop_process_ops = {
	.start = process_start,
	.kill = process_kill,
};
