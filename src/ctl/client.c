/*
 * The command line's end of the control socket: blocking, one request at a time. poll() waits for
 * the daemon, for a descriptor that an interrupt makes readable (stop_fd), and for the deadline.
 * Lines for earlier requests may still arrive and are skipped by their id.
 */
#include "ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "ctl/line.h"
#include "wire/json.h"

#define CONNECT_TIMEOUT_S 10 /* only a daemon that hangs makes the client wait */

/* One request that waits for its answer. */
struct exchange {
	struct pz_ctl_client *client;
	json_int_t id;
	int64_t deadline_ms; /* -1: none */
	bool (*on_event)(void *arg, json_t *event);
	void *arg;
	json_t *result; /* owned */
	struct pz_ctl_error *error;
	bool over; /* answered, refused or interrupted */
};

struct pz_ctl_client {
	int fd, stop_fd;
	int pass; /* sent with the next request; -1: none */
	json_int_t last_id;
	struct exchange running;           /* pz_ctl_begin */
	struct pz_ctl_error running_error; /* of it */
	struct pz_ctl_lines lines;
	struct pz_buf out;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A missing socket, and one without a listener, both mean that no daemon runs. */
static enum pz_err
connect_error(int number)
{
	switch (number) {
	case ENOENT:
	case ECONNREFUSED:
		return PZ_ERR_IO_REFUSED;
	case EACCES:
	case EPERM:
		return PZ_ERR_DENIED_PERMISSION;
	case EAGAIN:
		return PZ_ERR_IO_TIMEOUT;
	default:
		return PZ_ERR_IO;
	}
}

static enum pz_err
open_connection(const char *path, int *out_fd, struct pz_errinfo *info)
{
	struct timeval patience = {.tv_sec = CONNECT_TIMEOUT_S};
	struct sockaddr_un address;
	enum pz_err err;
	int fd;

	PZ_TRY(pz_ctl_address(path, &address, info));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return pz_fail(info, PZ_ERR_IO, "socket: %s", strerror(errno));
	/* connect() blocks while the daemon's backlog is full; this bounds it (socket(7)). */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		*out_fd = fd;
		return PZ_OK;
	}
	err = connect_error(errno);
	pz_fail(info, err, "%s: %s", path,
		err == PZ_ERR_IO_TIMEOUT ? "the daemon does not answer" : strerror(errno));
	close(fd);
	return err;
}

enum pz_err
pz_ctl_connect(const char *path, struct pz_ctl_client **out_client, struct pz_errinfo *info)
{
	struct pz_ctl_client *c = calloc(1, sizeof(*c));
	enum pz_err err;

	if (c == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	c->stop_fd = c->pass = -1;
	err = open_connection(path, &c->fd, info);
	if (err != PZ_OK) {
		free(c);
		return err;
	}
	pz_ctl_lines_init(&c->lines, PZ_JSON_OWN | PZ_JSON_NUL); /* lines from our own daemon */
	pz_buf_init(&c->out, PZ_CTL_LINE_BYTES_MAX + 1, NULL);
	*out_client = c;
	return PZ_OK;
}

void
pz_ctl_client_free(struct pz_ctl_client *client)
{
	if (client == NULL)
		return;
	close(client->fd);
	pz_ctl_lines_fini(&client->lines);
	/* Wiped: a request may contain a passphrase or a code. */
	pz_buf_wipe(&client->out);
	free(client);
}

void
pz_ctl_client_stop_fd(struct pz_ctl_client *client, int fd)
{
	client->stop_fd = fd;
}

void
pz_ctl_client_pass(struct pz_ctl_client *client, int fd)
{
	client->pass = fd;
}

/* The daemon's text goes to a terminal: one line, and nothing that moves the cursor. */
static void
take_error(struct pz_ctl_error *out, const json_t *error)
{
	const json_t *message = json_object_get(error, "message");
	const json_t *exit_code = json_object_get(json_object_get(error, "data"), "exit");
	json_int_t code = json_integer_value(exit_code);
	struct pz_buf text;

	/* Exit codes that scripts know (page 12); an unknown code of another version becomes 1. */
	out->exit = code == 2 || code == 4 || code == 5 ? (int)code : 1;
	/* Cut to the space at a character's border, so that no broken character remains. */
	pz_buf_init(&text, sizeof(out->message) - 1, NULL);
	for (const char *p = json_string_value(message); p && *p != '\0';) {
		size_t n = pz_utf8_char((const uint8_t *)p, strlen(p));
		bool shown = n > 0 && pz_utf8_printable_char((const uint8_t *)p, n) > 0;

		if (pz_buf_append(&text, shown ? pz_slice_of(p, n) : pz_slice_str("?")) != PZ_OK)
			break;
		p += n ? n : 1;
	}
	memcpy(out->message, text.len ? (const char *)pz_buf_slice(&text).ptr : "", text.len);
	out->message[text.len] = '\0';
	pz_buf_fini(&text);
	if (out->message[0] == '\0')
		snprintf(out->message, sizeof(out->message), "the daemon gave no reason");
}

/* Handles one line of the daemon. */
static enum pz_err
take_line(struct exchange *x, const json_t *line, struct pz_errinfo *info)
{
	const json_t *id = json_object_get(line, "id");
	const json_t *error = json_object_get(line, "error");
	const json_t *params = json_object_get(line, "params");
	json_t *result = json_object_get(line, "result");

	/* Events have a method, answers have an id. */
	if (json_object_get(line, "method")) {
		json_t *event = json_object_get(params, "event");

		if (event && json_integer_value(json_object_get(params, "id")) == x->id &&
		    x->on_event)
			x->over = !x->on_event(x->arg, event);
		return PZ_OK;
	}
	if (json_is_null(id) && error) { /* it could not read our request at all */
		take_error(x->error, error);
	} else if (!json_is_integer(id) || json_integer_value(id) != x->id) {
		return PZ_OK; /* a late line of an earlier request */
	} else if (error) {
		take_error(x->error, error);
	} else if (result) {
		x->result = json_incref(result);
	} else {
		return pz_fail(info, PZ_ERR_PROTO, "the daemon's answer has no result");
	}
	x->over = true;
	return PZ_OK;
}

static enum pz_err
fill(struct pz_ctl_client *c, struct pz_errinfo *info)
{
	enum pz_err err = pz_ctl_lines_fill(&c->lines, c->fd);

	if (err == PZ_ERR_IO_CLOSED)
		return pz_fail(info, err, "the daemon ended before it answered");
	return err == PZ_OK ? PZ_OK : pz_fail(info, err, "%s", pz_err_text(err));
}

static enum pz_err
take_lines(struct exchange *x, struct pz_errinfo *info)
{
	while (!x->over) {
		json_t *line;
		enum pz_err err = pz_ctl_lines_next(&x->client->lines, &line);

		if (err == PZ_ERR_NOTFOUND)
			return PZ_OK;
		if (err == PZ_ERR_LIMIT)
			return pz_fail(info, err, "the daemon's answer is too long");
		if (err != PZ_OK)
			return pz_fail(info, PZ_ERR_PROTO, "the daemon's answer is not JSON");
		err = take_line(x, line, info);
		json_decref(line);
		PZ_TRY(err);
	}
	return PZ_OK;
}

/* Waits until the socket is ready (*out_ready), for the stop descriptor (*out_stop) or the
 * deadline. */
static enum pz_err
wait_for_news(struct exchange *x, bool *out_ready, bool *out_stop, struct pz_errinfo *info)
{
	struct pz_ctl_client *c = x->client;
	struct pollfd fds[2] = {{.fd = c->fd, .events = POLLIN},
				{.fd = c->stop_fd, .events = POLLIN}};
	int64_t left = x->deadline_ms < 0 ? -1 : x->deadline_ms - now_ms();
	int n;

	if (c->out.len > 0)
		fds[0].events |= POLLOUT;
	if (x->deadline_ms >= 0 && left < 0)
		left = 0;
	/* At most a minute at a time, because poll() takes an int. */
	n = poll(fds, 2, left > 60000 ? 60000 : (int)left);
	if (n < 0 && errno != EINTR)
		return pz_fail(info, PZ_ERR_IO, "poll: %s", strerror(errno));
	*out_ready = n > 0 && fds[0].revents != 0;
	*out_stop = n > 0 && fds[1].revents != 0;
	/* Only if nothing arrived: an answer in the last moment counts. */
	if (n == 0 && x->deadline_ms >= 0 && now_ms() >= x->deadline_ms)
		return pz_fail(info, PZ_ERR_IO_TIMEOUT, "the daemon did not answer in time");
	return PZ_OK;
}

static enum pz_err
run_exchange(struct exchange *x, struct pz_errinfo *info)
{
	struct pz_ctl_client *c = x->client;
	bool ready, stop = false;

	PZ_TRY(take_lines(x, info)); /* left over from an earlier request */
	while (!x->over && !stop) {
		/* A write may fail while the reason waits to be read: reading gives the result. */
		if (pz_ctl_flush_passing(&c->out, c->fd, &c->pass) != PZ_OK)
			pz_buf_wipe(&c->out);
		PZ_TRY(wait_for_news(x, &ready, &stop, info));
		if (ready) { /* also if it has to stop: what arrived before counts */
			PZ_TRY(fill(c, info));
			PZ_TRY(take_lines(x, info));
		}
	}
	return PZ_OK;
}

/* Queues the request. @param params takes */
static enum pz_err
append_request(const struct exchange *x, const char *method, json_t *params,
	       struct pz_errinfo *info)
{
	json_t *request = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", x->id, "method",
				    method, "params", params ? params : json_object());
	enum pz_err err = pz_ctl_line_append(&x->client->out, request);

	json_decref(request);
	return err == PZ_OK ? PZ_OK
			    : pz_fail(info, err,
				      "the request is too long, or there is no memory for it");
}

enum pz_err
pz_ctl_request(struct pz_ctl_client *client, const char *method, json_t *params,
	       unsigned timeout_ms, bool (*on_event)(void *arg, json_t *event), void *arg,
	       json_t **out_result, struct pz_ctl_error *out_error, struct pz_errinfo *info)
{
	struct pz_ctl_error error = {0};
	struct exchange x = {.client = client,
			     .id = ++client->last_id,
			     .deadline_ms = timeout_ms ? now_ms() + timeout_ms : -1,
			     .on_event = on_event,
			     .arg = arg,
			     .error = &error};
	enum pz_err err = append_request(&x, method, params, info);

	if (err != PZ_OK)
		return err;
	err = run_exchange(&x, info);
	/* Sent or not: the descriptor belongs to the caller again. */
	client->pass = -1;
	if (err != PZ_OK) {
		json_decref(x.result);
		return err;
	}
	*out_result = x.result;
	*out_error = error;
	return PZ_OK;
}

/* ---- several at once ---- */

enum pz_err
pz_ctl_begin(struct pz_ctl_client *client, const char *method, json_t *params,
	     bool (*on_event)(void *arg, json_t *event), void *arg, struct pz_errinfo *info)
{
	/* Several clients, each with one request: `pzp send` follows many files with one poll. */
	client->running_error = (struct pz_ctl_error){0};
	client->running = (struct exchange){.client = client,
					    .id = ++client->last_id,
					    .deadline_ms = -1,
					    .on_event = on_event,
					    .arg = arg,
					    .error = &client->running_error};
	return append_request(&client->running, method, params, info);
}

/* A write may fail while the reason waits to be read: reading gives the result. */
enum pz_err
pz_ctl_proceed(struct pz_ctl_client *client, bool *out_over, json_t **out_result,
	       struct pz_ctl_error *out_error, struct pz_errinfo *info)
{
	struct exchange *x = &client->running;
	struct pollfd ready = {.fd = client->fd, .events = POLLIN};

	if (pz_ctl_flush_passing(&client->out, client->fd, &client->pass) != PZ_OK)
		pz_buf_wipe(&client->out);
	if (poll(&ready, 1, 0) > 0)
		PZ_TRY(fill(client, info));
	PZ_TRY(take_lines(x, info));
	*out_over = x->over;
	if (x->over) {
		client->pass = -1;
		*out_result = x->result;
		*out_error = client->running_error;
	}
	return PZ_OK;
}

bool
pz_ctl_wait(struct pz_ctl_client *const *clients, size_t count, int stop_fd, int timeout_ms)
{
	struct pollfd fds[1 + PZ_CTL_CLIENTS_MAX] = {{.fd = stop_fd, .events = POLLIN}};
	/* The first place belongs to the stop descriptor. */
	nfds_t n = 1;

	for (size_t i = 0; i < count && n <= PZ_CTL_CLIENTS_MAX; i++) {
		if (clients[i] == NULL)
			continue;
		fds[n] = (struct pollfd){.fd = clients[i]->fd, .events = POLLIN};
		if (clients[i]->out.len > 0)
			fds[n].events |= POLLOUT;
		n++;
	}
	return poll(fds, n, timeout_ms) > 0 && fds[0].revents != 0;
}
