/*
 * One client of the control socket: lines in, calls, lines out. server.c decides who may connect,
 * the daemon what a method does.
 *
 * Lifetime: anything that ends a client (hang-up, full queue, the end of the server) only marks it
 * closed and closes its poll handle; libuv calls client_closed() at the end of the loop's turn,
 * which calls the owners of the remaining calls, and frees the memory. So a handler may end its
 * call, and may free the server, without further checks. Until then the calls of a closed client
 * can still be answered; nothing is written.
 */
#include "ctl/conn.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "ctl/line.h"

#define QUEUE_BYTES_MAX (2 * PZ_CTL_LINE_BYTES_MAX) /* to one client: an answer and its events */
#define CLIENT_CALLS_MAX 64                         /* running requests of one client */
#define METHOD_SHOWN_BYTES 40

struct client {
	uv_poll_t poll;
	struct pz_list node; /* in conns->list until closed */
	struct pz_ctl_conns *conns;
	int fd;
	int events; /* events that poll waits for */
	struct pz_ctl_lines lines;
	struct pz_buf out;
	struct pz_list calls;
	size_t call_count;
	bool closed;
};

struct pz_ctl_call {
	struct pz_list node;
	struct client *client;
	json_t *id;
	char *method;
	void (*gone)(void *arg);
	void *gone_arg;
};

/* ---- calls ---- */

static void
call_free(struct pz_ctl_call *call)
{
	pz_list_remove(&call->node);
	call->client->call_count--;
	json_decref(call->id);
	free(call->method);
	free(call);
}

/* Calls the owners of the remaining calls, and ends the calls. */
static void
calls_gone(struct client *c)
{
	struct pz_list *first;

	while ((first = pz_list_first(&c->calls)) != NULL) {
		struct pz_ctl_call *call = PZ_CONTAINER(first, struct pz_ctl_call, node);
		void (*gone)(void *arg) = call->gone;
		void *arg = call->gone_arg;

		/* Removed from the list before its owner is called, which may answer other calls of
		 * this client. */
		call_free(call);
		if (gone)
			gone(arg);
	}
}

/* ---- clients ---- */

/* The one place that frees a client: libuv no longer uses the handle. */
static void
client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;
	struct pz_ctl_conns *conns = c->conns;

	calls_gone(c);
	close(c->fd);
	pz_ctl_lines_fini(&c->lines);
	pz_buf_wipe(&c->out);
	free(c);
	conns->closed(conns);
}

/* May be called from anywhere, even twice; client_closed does the rest. */
static void
client_close(struct client *c)
{
	if (c->closed)
		return;
	c->closed = true;
	pz_list_remove(&c->node);
	c->conns->count--;
	uv_close((uv_handle_t *)&c->poll, client_closed);
}

static void client_ready(uv_poll_t *poll, int status, int events);

/* Sends what the socket accepts, and waits for room if something remains. */
static void
client_flush(struct client *c)
{
	int events;

	if (c->closed)
		return;
	if (pz_ctl_flush(&c->out, c->fd) != PZ_OK) {
		client_close(c);
		return;
	}
	events = UV_READABLE | (c->out.len > 0 ? UV_WRITABLE : 0);
	/* For most answers nothing changes, so this saves a system call. */
	if (events == c->events)
		return;
	c->events = events;
	if (uv_poll_start(&c->poll, events, client_ready) != 0)
		client_close(c);
}

/* Takes ownership of the document. */
static enum pz_err
client_send(struct client *c, json_t *object)
{
	enum pz_err err = PZ_OK;

	if (!c->closed)
		err = pz_ctl_line_append(&c->out, object);
	json_decref(object);
	if (err == PZ_OK) {
		client_flush(c);
	} else if (err == PZ_ERR_LIMIT_QUEUE) {
		pz_warning("ctl-slow-client", "queued=%zu does not read, disconnected", c->out.len);
		client_close(c);
	}
	return err;
}

static json_t *
error_answer(json_t *id, int code, int exit_code, const char *message)
{
	/* A message that is not UTF-8 must still lead to an answer. */
	json_t *text = json_string(message);

	if (text == NULL)
		text = json_string("failed");
	return json_pack("{s:s, s:O, s:{s:i, s:o, s:{s:i}}}", "jsonrpc", "2.0", "id", id, "error",
			 "code", code, "message", text, "data", "exit", exit_code);
}

/* Answers a line that did not become a call. */
static void
client_refuse(struct client *c, json_t *id, int code, const char *message)
{
	bool usable = json_is_string(id) || json_is_integer(id);

	if (client_send(c, error_answer(usable ? id : json_null(), code, 2, message)) != PZ_OK)
		client_close(c);
}

static struct pz_ctl_call *
call_new(struct client *c, json_t *id, const char *method)
{
	struct pz_ctl_call *call = calloc(1, sizeof(*call));
	char *copy = strdup(method);

	if (call == NULL || copy == NULL) {
		free(call);
		free(copy);
		return NULL;
	}
	call->client = c;
	call->id = json_incref(id);
	call->method = copy;
	pz_list_append(&c->calls, &call->node);
	c->call_count++;
	return call;
}

/* Passes a checked request to the handler. */
static void
client_call(struct client *c, json_t *id, const char *method, json_t *params)
{
	json_t *owned = params ? json_incref(params) : json_object();
	struct pz_ctl_call *call = NULL;

	if (c->call_count >= CLIENT_CALLS_MAX)
		client_refuse(c, id, -32000, "too many requests at once on one connection");
	/* No memory for the call or for an error: the client is disconnected instead. */
	else if (owned == NULL || (call = call_new(c, id, method)) == NULL)
		client_close(c);
	if (call) {
		pz_debug("ctl-request", "method=%.*s", METHOD_SHOWN_BYTES, method);
		/* It may answer, or end, at once: `call` is not used after this. */
		c->conns->handler(c->conns->arg, call, call->method, owned);
	}
	json_decref(owned);
}

/* The checks of JSON-RPC; the answer has the id if it is usable. */
static void
client_request(struct client *c, json_t *request)
{
	json_t *id = json_object_get(request, "id");
	json_t *params = json_object_get(request, "params");
	const char *method = json_string_value(json_object_get(request, "method"));
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));

	if (version == NULL || strcmp(version, "2.0") != 0)
		client_refuse(c, id, -32600, "\"jsonrpc\" must be \"2.0\"");
	else if (!json_is_string(id) && !json_is_integer(id))
		client_refuse(c, id, -32600, "\"id\" must be a string or an integer");
	else if (method == NULL || method[0] == '\0' || strlen(method) > PZ_METHOD_BYTES_MAX)
		client_refuse(c, id, -32600, "\"method\" must be a name");
	else if (params && !json_is_object(params))
		client_refuse(c, id, -32602, "\"params\" must be an object");
	else
		client_call(c, id, method, params);
}

/* Reads once and executes the complete lines. After a hang-up the pending answers are sent as far
 * as the socket accepts them. */
static void
client_read(struct client *c)
{
	enum pz_err err = pz_ctl_lines_fill(&c->lines, c->fd);
	json_t *request;

	if (err == PZ_ERR_PROTO)
		client_refuse(c, NULL, -32600, "one request takes one descriptor at most");
	/* Scripts often hang up after a request: their answer is still sent. */
	if (err != PZ_OK) {
		client_flush(c); /* answers from before the hang-up */
		client_close(c);
		return;
	}
	while (!c->closed) {
		err = pz_ctl_lines_next(&c->lines, &request);
		if (err == PZ_ERR_NOTFOUND) {
			pz_ctl_lines_drop_passed(&c->lines);
			return;
		}
		if (err == PZ_OK) {
			client_request(c, request);
			json_decref(request);
		} else if (err == PZ_ERR_PROTO_JSON) {
			client_refuse(c, NULL, -32700,
				      "a request is one JSON object on one line, of at most 50000 "
				      "values");
		} else {
			client_refuse(c, NULL, -32600, "request too long");
			client_close(c);
		}
	}
}

static void
client_ready(uv_poll_t *poll, int status, int events)
{
	struct client *c = poll->data;

	if (status < 0) {
		/* libuv has stopped watching (EBADF or POLLERR): reading the socket gives the
		 * reason. */
		client_read(c);
		client_close(c);
		return;
	}
	if (events & UV_WRITABLE)
		client_flush(c);
	if ((events & UV_READABLE) && !c->closed)
		client_read(c);
}

/* ---- beginning and end ---- */

/* Sends one line with the reason, and closes. */
void
pz_ctl_turn_away(int fd, int exit_code, const char *message)
{
	/* Nothing was written before, so the socket's buffer has room for the line. */
	struct pz_buf out;
	json_t *answer = error_answer(json_null(), -32000, exit_code, message);

	pz_buf_init(&out, PZ_CTL_LINE_BYTES_MAX, NULL);
	if (pz_ctl_line_append(&out, answer) != PZ_OK || pz_ctl_flush(&out, fd) != PZ_OK)
		pz_debug("ctl-refused", "the client did not wait for the reason");
	pz_buf_fini(&out);
	json_decref(answer);
	close(fd);
}

bool
pz_ctl_conn_new(struct pz_ctl_conns *conns, int takes_fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL || uv_poll_init(conns->loop, &c->poll, takes_fd) != 0) {
		free(c);
		close(takes_fd);
		return false;
	}
	c->poll.data = c;
	c->conns = conns;
	c->fd = takes_fd;
	pz_ctl_lines_init(&c->lines, 0);
	pz_buf_init(&c->out, QUEUE_BYTES_MAX, NULL);
	pz_list_init(&c->calls);
	pz_list_append(&conns->list, &c->node);
	conns->count++;
	/* There is nothing to send yet: this starts the watch. */
	client_flush(c);
	return true;
}

void
pz_ctl_conns_end(struct pz_ctl_conns *conns)
{
	struct pz_list *first;

	while ((first = pz_list_first(&conns->list)) != NULL) {
		struct client *c = PZ_CONTAINER(first, struct client, node);

		/* Sends what fits into the socket now, because the loop is about to end. */
		client_flush(c);
		client_close(c); /* removed from the list before a call-back runs */
		calls_gone(c);
	}
}

int
pz_ctl_take_descriptor(struct pz_ctl_call *call)
{
	return pz_ctl_lines_take_passed(&call->client->lines);
}

/* ---- answers ---- */

/* If an answer cannot be sent (too long, no memory) an error is sent, so that the client does not
 * wait for ever. */
void
pz_ctl_reply(struct pz_ctl_call *call, json_t *result)
{
	struct client *c = call->client;
	json_t *answer = json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", call->id, "result",
				   result ? result : json_null());
	enum pz_err err = client_send(c, answer);

	if (err != PZ_OK && err != PZ_ERR_LIMIT_QUEUE) {
		pz_ctl_fail_err(call, err, NULL);
		return;
	}
	call_free(call);
}

void
pz_ctl_fail(struct pz_ctl_call *call, int exit_code, const char *message)
{
	/* Codes of JSON-RPC by the exit codes of page 12. */
	static const int codes[] = {[1] = -32000, [2] = -32602, [4] = -32003, [5] = -32004};
	bool known = exit_code == 1 || exit_code == 2 || exit_code == 4 || exit_code == 5;
	struct client *c = call->client;
	int exit_shown = known ? exit_code : 1;

	pz_debug("ctl-failed", "method=%.*s exit=%d %s", METHOD_SHOWN_BYTES, call->method,
		 exit_shown, message);
	/* A client that cannot get even the error is disconnected. */
	if (client_send(c, error_answer(call->id, codes[exit_shown], exit_shown, message)) != PZ_OK)
		client_close(c);
	call_free(call);
}

int
pz_ctl_exit_code(enum pz_err err)
{
	if (err == PZ_ERR_IO_TIMEOUT)
		return 4;
	/* Exit codes of page 12: 4 is late, 5 denied, 1 everything else. */
	return pz_err_category(err) == PZ_CAT_DENIED ? 5 : 1;
}

void
pz_ctl_fail_err(struct pz_ctl_call *call, enum pz_err err, const struct pz_errinfo *info)
{
	bool detailed = info != NULL && info->text[0] != '\0';

	pz_ctl_fail(call, pz_ctl_exit_code(err), detailed ? info->text : pz_err_text(err));
}

/* An event that is too long is dropped, and the call continues. */
void
pz_ctl_event(struct pz_ctl_call *call, json_t *event)
{
	enum pz_err err;

	if (event == NULL)
		return;
	err = client_send(call->client,
			  json_pack("{s:s, s:s, s:{s:O, s:o}}", "jsonrpc", "2.0", "method", "event",
				    "params", "id", call->id, "event", event));
	if (err != PZ_OK && err != PZ_ERR_LIMIT_QUEUE)
		pz_warning("ctl-event-lost", "method=%.*s error=%s", METHOD_SHOWN_BYTES,
			   call->method, pz_err_name(err));
}

void
pz_ctl_on_gone(struct pz_ctl_call *call, void (*fn)(void *arg), void *arg)
{
	call->gone = fn;
	call->gone_arg = arg;
}
