/*
 * A job outlives its call when the call ends first (time-out, too much output, caller gone): the
 * process is killed, call is NULL, and the job waits for exited.
 */
#include "service/command_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/codec.h"
#include "base/limits.h"
#include "base/log.h"
#include "wire/json.h"

struct job {
	struct pz_commands *state; /* NULL: the service is gone */
	const struct pz_process_ops *ops;
	const struct pz_env *env;
	struct pz_call *call; /* NULL: answered */
	struct pz_process *process;
	struct pz_list node; /* pz_commands.jobs */
	struct pz_timer timer;
	struct pz_buf out;
	char err[PZ_COMMAND_STDERR_BYTES_MAX]; /* the last bytes */
	size_t err_len;
	bool is_stream;
};

/* Called after the process has ended, so nothing refers to the job any more. */
static void
job_free(struct job *job)
{
	if (job->state) {
		pz_list_remove(&job->node);
		job->state->job_count--;
	}
	if (job->timer.active) /* env may be freed before a killed process has ended */
		pz_env_stop(job->env, &job->timer);
	pz_buf_fini(&job->out);
	free(job);
}

/* Ends the call with an error and the process with it. */
static void
stop(struct job *job, const char *dom_name, const char *message)
{
	struct pz_call *call = PZ_TAKE(job->call);
	pz_env_stop(job->env, &job->timer);
	job->ops->kill(job->process);
	pz_call_error(call, dom_name, message);
}

/* ---- text of foreign programs ---- */

static bool
is_control(const uint8_t *at, size_t left)
{
	/* C0, DEL, and C1 (U+0080 to U+009F) in UTF-8 */
	return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && left > 1 && at[1] < 0xa0);
}

static bool
is_layout(uint8_t c)
{
	return c == '\n' || c == '\t';
}

/* A copy without control characters; bytes of broken UTF-8 become '?'. */
static char *
clean(struct pz_slice text, bool keep_layout)
{
	if (text.ptr == NULL)
		text.len = 0;
	bool is_valid = pz_utf8_is_valid(text);
	char *copy = malloc(text.len + 1);
	size_t len = 0;
	if (copy == NULL)
		return NULL;
	for (size_t i = 0; text.ptr != NULL && i < text.len; i++) {
		if (!is_valid && text.ptr[i] >= 0x80)
			copy[len++] = '?';
		else if (!is_control(text.ptr + i, text.len - i) ||
			 (keep_layout && is_layout(text.ptr[i])))
			copy[len++] = (char)text.ptr[i];
		else if (text.ptr[i] == 0xc2)
			i++; /* both bytes of a C1 character are removed */
	}
	copy[len] = '\0';
	return copy;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct pz_slice
trim(struct pz_slice text)
{
	if (text.ptr == NULL)
		return text;
	while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
		text.len--;
	while (text.len > 0 && is_blank(text.ptr[0]))
		text = pz_slice_of(text.ptr + 1, text.len - 1);
	return text;
}

char *
pz_command_last_line(struct pz_slice text)
{
	text = trim(text);
	const uint8_t *feed = text.len ? memrchr(text.ptr, '\n', text.len) : NULL;
	if (feed)
		text = pz_slice_of(feed + 1, text.len - (size_t)(feed + 1 - text.ptr));
	return clean(trim(text), false);
}

/* Output that is no JSON is a string. NULL: out of memory. */
static json_t *
text_of(struct pz_slice output, bool keep_layout)
{
	PZ_AUTO_FREE char *text = clean(output, keep_layout);
	return text ? json_string(text) : NULL;
}

/* ---- a stream's lines ---- */

static void
send_line(struct job *job, struct pz_slice line)
{
	line = trim(line);
	if (line.len == 0 || job->call == NULL)
		return;
	json_t *value = pz_json_read(line, PZ_JSON_NUL, NULL);
	pz_call_event(job->call, "onEvent", value ? value : text_of(line, false));
}

/* Every complete line is an event; the rest waits for its end. */
static void
send_lines(struct job *job)
{
	for (;;) {
		struct pz_slice all = pz_buf_slice(&job->out);
		const uint8_t *feed = all.len ? memchr(all.ptr, '\n', all.len) : NULL;
		if (feed == NULL)
			return;
		size_t len = (size_t)(feed - all.ptr);
		send_line(job, pz_slice_of(all.ptr, len));
		pz_buf_consume(&job->out, len + 1);
	}
}

/* ---- events of the process ---- */

static void
too_much(struct job *job)
{
	stop(job, "QuotaExceededError", "The command writes too much.");
}

/*
 * A chunk may contain the end of one line and the beginning of the next. It is fed line by line,
 * since the limit is for a line and not for a chunk.
 */
static void
on_stream_out(struct job *job, struct pz_slice bytes)
{
	while (bytes.len > 0) {
		const uint8_t *feed = memchr(bytes.ptr, '\n', bytes.len);
		size_t len = feed ? (size_t)(feed - bytes.ptr) + 1 : bytes.len;
		if (pz_buf_append(&job->out, pz_slice_of(bytes.ptr, len)) != PZ_OK) {
			too_much(job);
			return;
		}
		bytes = pz_slice_of(bytes.ptr + len, bytes.len - len);
		send_lines(job);
	}
}

/* Without a call the output of a killed process is discarded. */
static void
on_out(void *arg, struct pz_slice bytes)
{
	struct job *job = arg;
	if (job->call == NULL || bytes.len == 0)
		return;
	if (job->is_stream)
		on_stream_out(job, bytes);
	else if (pz_buf_append(&job->out, bytes) != PZ_OK)
		too_much(job);
}

/* Keeps the last bytes: the reason of a failure is usually the last line. */
static void
on_err(void *arg, struct pz_slice bytes)
{
	struct job *job = arg;
	if (bytes.len > sizeof(job->err))
		bytes = pz_slice_of(bytes.ptr + bytes.len - sizeof(job->err), sizeof(job->err));
	if (bytes.len == 0)
		return;
	size_t keep = sizeof(job->err) - bytes.len;
	if (job->err_len > keep) {
		memmove(job->err, job->err + job->err_len - keep, keep);
		job->err_len = keep;
	}
	memcpy(job->err + job->err_len, bytes.ptr, bytes.len);
	job->err_len += bytes.len;
}

static void
fail(struct pz_call *call, const struct job *job, int status)
{
	PZ_AUTO_FREE char *line = pz_command_last_line(pz_slice_of(job->err, job->err_len));
	char fallback[64];
	if (status < 0)
		(void)snprintf(fallback, sizeof(fallback), "The command was ended by signal %d.",
			       -status);
	else
		(void)snprintf(fallback, sizeof(fallback), "The command failed with status %d.",
			       status);
	pz_call_error(call, "OperationError", line && line[0] ? line : fallback);
}

/* A command that prints nothing has the result {}. */
static void
succeed(struct pz_call *call, const struct job *job)
{
	struct pz_slice text = trim(pz_buf_slice(&job->out));
	json_t *result = text.len > 0 ? pz_json_read(text, PZ_JSON_NUL, NULL) : NULL;
	if (text.len > 0 && result == NULL)
		result = text_of(text, true);
	pz_call_result(call, result);
}

/* Called last, after both outputs: the call ends here unless it has ended before. */
static void
on_exited(void *arg, int status)
{
	struct job *job = arg;
	if (job->call) {
		if (job->is_stream)
			send_line(job, pz_buf_slice(&job->out)); /* a last line without line feed */
		struct pz_call *call = PZ_TAKE(job->call);
		if (status != 0)
			fail(call, job, status);
		else if (job->is_stream)
			pz_call_end(call);
		else
			succeed(call, job);
	}
	job_free(job);
}

static const struct pz_process_events events = {on_out, on_err, on_exited};

static void
on_timeout(struct pz_timer *timer, void *arg)
{
	struct job *job = arg;
	(void)timer;
	if (job->call)
		stop(job, "TimeoutError", "The command took too long.");
}

/* ---- start ---- */

/* The parameters as one line of JSON on standard input. */
static char *
stdin_line_of(const json_t *params)
{
	PZ_AUTO_FREE char *json = json_dumps(params, JSON_ENCODE_ANY | JSON_COMPACT);
	char *line = NULL;
	if (json == NULL || asprintf(&line, "%s\n", json) < 0)
		return NULL;
	return line;
}

/* Runs the program with a clean environment; NULL: it could not be started. */
static struct pz_process *
spawn(struct job *job, const struct pz_command *command, const json_t *params,
      struct pz_errinfo *info)
{
	const struct pz_descriptor *d = &job->call->service->descriptor;
	PZ_AUTO_FREE char *caller = NULL, *service = NULL, *method = NULL;
	PZ_AUTO_FREE char *line = stdin_line_of(params);
	/* Nothing of the daemon's own environment reaches a command. */
	char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", lang[] = "LANG=C.UTF-8";
	if (line == NULL)
		return NULL;
	if (asprintf(&caller, "PZ_CALLER=%s", pz_call_from(job->call)) < 0) {
		caller = NULL;
		return NULL;
	}
	if (asprintf(&service, "PZ_SERVICE=%s@%s", d->api, d->id) < 0) {
		service = NULL;
		return NULL;
	}
	if (asprintf(&method, "PZ_METHOD=%s", command->function) < 0) {
		method = NULL;
		return NULL;
	}
	char *const envp[] = {path, lang, caller, service, method, NULL};
	return job->ops->start(job->state->ops_arg, command->argv, envp, pz_slice_str(line),
			       &events, job, info);
}

/* The log of this device gets the path, the caller only the system's reason. */
static void
refuse(struct pz_commands *state, const struct pz_command *command, struct pz_call *call,
       const char *reason)
{
	char message[sizeof(struct pz_errinfo) + 64];
	uint32_t suppressed = 0;

	if (pz_log_allow(&state->refuse_log, pz_env_mono_us(state->env), 10, &suppressed))
		pz_warning("command",
			   "service=%s method=%s path=%s suppressed=%u cannot be started: %s",
			   call->service->descriptor.api, command->function, command->argv[0],
			   suppressed, reason);
	(void)snprintf(message, sizeof(message), "The command cannot be started: %s", reason);
	pz_call_error(call, "OperationError", message);
}

/* The job counts from now on, also while its process is being killed. */
static struct job *
job_new(struct pz_commands *state, const struct pz_command *command, struct pz_call *call)
{
	struct job *job = calloc(1, sizeof(*job));
	if (job == NULL)
		return NULL;
	job->state = state;
	job->ops = state->ops;
	job->env = state->env;
	job->call = call;
	job->is_stream = command->is_stream;
	pz_buf_init(&job->out, PZ_COMMAND_OUTPUT_BYTES_MAX, NULL);
	pz_timer_init(&job->timer, on_timeout, job);
	pz_list_append(&state->jobs, &job->node);
	state->job_count++;
	return job;
}

/* A stream becomes a listener first, so that its limits apply before a process is started. */
void
pz_command_job_start(struct pz_commands *state, const struct pz_command *command,
		     struct pz_call *call, const json_t *params)
{
	if (state->job_count >= PZ_COMMAND_RUNNING_MAX) {
		pz_call_error(call, "QuotaExceededError",
			      "too many commands of this service run already; try again later");
		return;
	}
	if (command->is_stream && pz_call_listen(call) != PZ_OK)
		return;
	struct pz_errinfo info = {""};
	struct job *job = job_new(state, command, call);
	if (job)
		job->process = spawn(job, command, params, &info);
	/* A stream is already a listener; the error of refuse() ends it like any other. */
	if (job == NULL || job->process == NULL) {
		if (job)
			job_free(job);
		refuse(state, command, call, pz_errinfo_text(&info, PZ_ERR_LIMIT_MEMORY));
		return;
	}
	call->user = job;
	if (command->timeout_us > 0)
		pz_env_start(state->env, &job->timer, command->timeout_us);
}

/* The caller gave up or is gone. on_exited frees the job. */
void
pz_command_job_abandon(struct pz_call *call)
{
	struct job *job = call->user;
	job->call = NULL;
	pz_env_stop(job->env, &job->timer);
	job->ops->kill(job->process);
}

void
pz_command_jobs_detach(struct pz_commands *state)
{
	/* their calls have ended, so their processes were killed and only wait for exited */
	PZ_LIST_EACH (&state->jobs, node, tmp) {
		struct job *job = PZ_CONTAINER(node, struct job, node);
		pz_list_remove(&job->node);
		job->state = NULL;
	}
	state->job_count = 0;
}
