/*
 * The control socket's listening end.
 *
 * Sockets are plain non-blocking descriptors watched by uv_poll, not uv_pipe streams: what is
 * queued for a client is then ours, so it can be bounded, and flushed when the daemon stops.
 *
 * Lifetime: anything that ends a client (hang-up, full queue, server freed) only marks it closed
 * and closes its poll handle; libuv calls client_closed() at the end of the loop's turn, and there
 * the owners of the calls that are left are called, and the memory is freed. So a handler may end
 * its call, and may free the server, without further checks. A closed client's calls can still be
 * answered until then; nothing is written.
 */
#include "ctl/server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "ctl/line.h"

#define QUEUE_BYTES_MAX (2 * PZ_CTL_LINE_BYTES_MAX) /* to one client: an answer and its events */
#define CLIENT_CALLS_MAX 64                         /* running requests of one client */
#define BACKLOG 64
#define PEER_GROUPS_MAX 1024 /* of one client; with more it is refused */
#define ACCEPTS_PER_TURN 16
#define METHOD_SHOWN_BYTES 40

struct pz_ctl_server {
	uv_poll_t poll;
	int fd, spare_fd; /* the spare one is given up to refuse a client when we have no other */
	uid_t uid;
	gid_t gid; /* whose members are let in, where has_group */
	bool has_group;
	char *path;
	pz_ctl_handler handler;
	void *arg;
	struct pz_list clients;
	size_t client_count;
	size_t refs; /* handles that libuv has not closed yet */
	bool closed;
};

struct client {
	uv_poll_t poll;
	struct pz_list node; /* in server->clients until closed */
	struct pz_ctl_server *server;
	int fd;
	int events; /* that poll waits for */
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

/* Calls the owners of the calls that are left, and ends them. */
static void
calls_gone(struct client *c)
{
	struct pz_list *first;

	while ((first = pz_list_first(&c->calls)) != NULL) {
		struct pz_ctl_call *call = PZ_CONTAINER(first, struct pz_ctl_call, node);
		void (*gone)(void *arg) = call->gone;
		void *arg = call->gone_arg;

		/* Out of the list before the owner is called: it may answer others of this
		 * client. */
		call_free(call);
		if (gone)
			gone(arg);
	}
}

/* ---- clients ---- */

static void
server_unref(struct pz_ctl_server *s)
{
	/* The last handle of it is closed; clients refer to the path and the rights until then. */
	if (--s->refs > 0)
		return;
	free(s->path);
	free(s);
}

/* The one place where a client's memory is freed: libuv has let go of the handle. */
static void
client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	calls_gone(c);
	close(c->fd);
	pz_ctl_lines_fini(&c->lines);
	pz_buf_wipe(&c->out);
	server_unref(c->server);
	free(c);
}

/* May be called from anywhere, also twice; the rest happens in client_closed. */
static void
client_close(struct client *c)
{
	if (c->closed)
		return;
	c->closed = true;
	pz_list_remove(&c->node);
	c->server->client_count--;
	uv_close((uv_handle_t *)&c->poll, client_closed);
}

static void client_ready(uv_poll_t *poll, int status, int events);

/* Sends what the socket takes and waits for room when it does not take all. */
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
	/* Nothing changes for most answers: no system call. */
	if (events == c->events)
		return;
	c->events = events;
	if (uv_poll_start(&c->poll, events, client_ready) != 0)
		client_close(c);
}

/* Takes the document. */
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
	/* An invalid message (not UTF-8) must not turn the failure into silence. */
	json_t *text = json_string(message);

	if (text == NULL)
		text = json_string("failed");
	return json_pack("{s:s, s:O, s:{s:i, s:o, s:{s:i}}}", "jsonrpc", "2.0", "id", id, "error",
			 "code", code, "message", text, "data", "exit", exit_code);
}

/* A line that did not become a call. */
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

/* Hands a checked request to the handler. */
static void
client_call(struct client *c, json_t *id, const char *method, json_t *params)
{
	json_t *owned = params ? json_incref(params) : json_object();
	struct pz_ctl_call *call = NULL;

	if (c->call_count >= CLIENT_CALLS_MAX)
		client_refuse(c, id, -32000, "too many requests at once on one connection");
	/* No memory for the call, nor for an error: the hang-up is the answer. */
	else if (owned == NULL || (call = call_new(c, id, method)) == NULL)
		client_close(c);
	if (call) {
		pz_debug("ctl-request", "method=%.*s", METHOD_SHOWN_BYTES, method);
		/* May answer, or end, at once: `call` is not used after this. */
		c->server->handler(c->server->arg, call, call->method, owned);
	}
	json_decref(owned);
}

/* The checks of JSON-RPC, with the id in the answer as far as it is usable. */
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

/* Reads once and executes the complete lines. After a hang-up the answers that wait are sent as far
 * as the socket takes them. */
static void
client_read(struct client *c)
{
	enum pz_err err = pz_ctl_lines_fill(&c->lines, c->fd);
	json_t *request;

	if (err == PZ_ERR_PROTO)
		client_refuse(c, NULL, -32600, "one request takes one descriptor at most");
	/* A hang-up after a request is usual in scripts: their answer is still sent. */
	if (err != PZ_OK) {
		client_flush(c); /* what was answered before the hang-up */
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
		/* libuv stopped the watch (EBADF or POLLERR): read the socket for the reason. */
		client_read(c);
		client_close(c);
		return;
	}
	if (events & UV_WRITABLE)
		client_flush(c);
	if ((events & UV_READABLE) && !c->closed)
		client_read(c);
}

/* ---- accepting ---- */

/* One line that says why, then the end. */
static void
turn_away(int fd, int exit_code, const char *message)
{
	/* Nothing was written before, so the socket's buffer takes the line. */
	struct pz_buf out;
	json_t *answer = error_answer(json_null(), -32000, exit_code, message);

	pz_buf_init(&out, PZ_CTL_LINE_BYTES_MAX, NULL);
	if (pz_ctl_line_append(&out, answer) != PZ_OK || pz_ctl_flush(&out, fd) != PZ_OK)
		pz_debug("ctl-refused", "the client did not wait for the reason");
	pz_buf_fini(&out);
	json_decref(answer);
	close(fd);
}

/* The kernel's list of the peer's groups (SO_PEERGROUPS), as they were when it connected. */
static bool
is_in_group(const struct pz_ctl_server *s, int fd, const struct ucred *peer)
{
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (!s->has_group)
		return false;
	/* The primary group is not in the list. */
	if (peer->gid == s->gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == s->gid)
			return true;
	}
	return false;
}

/* Same user or root (page 12; page 14, AUTH-4): the file's mode allows no others, and the kernel's
 * credentials decide. */
static bool
peer_is_allowed(const struct pz_ctl_server *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	/* Root could read the data directory anyway. */
	if (peer.uid == s->uid || peer.uid == 0 || is_in_group(s, fd, &peer))
		return true;
	pz_warning("ctl-denied", "uid=%ld pid=%ld refused", (long)peer.uid, (long)peer.pid);
	return false;
}

/* Takes the descriptor. */
static void
client_new(struct pz_ctl_server *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL || uv_poll_init(s->poll.loop, &c->poll, fd) != 0) {
		free(c);
		close(fd);
		return;
	}
	c->poll.data = c;
	c->server = s;
	c->fd = fd;
	pz_ctl_lines_init(&c->lines, 0);
	pz_buf_init(&c->out, QUEUE_BYTES_MAX, NULL);
	pz_list_init(&c->calls);
	pz_list_append(&s->clients, &c->node);
	s->client_count++;
	s->refs++;
	/* There is nothing to send yet: this starts the watch. */
	client_flush(c);
}

/* No descriptor left: the waiting client would make the loop spin. */
static void
refuse_without_descriptor(struct pz_ctl_server *s)
{
	int fd;

	pz_warning("ctl-no-descriptor", "a control client is refused: too many open files");
	close(s->spare_fd);
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		turn_away(fd, 1, "the daemon has too many open files");
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
server_ready(uv_poll_t *poll, int status, int events)
{
	struct pz_ctl_server *s = poll->data;
	int fd;

	(void)status;
	(void)events;
	/* Bounded: clients that come without end must not keep the loop from its links. */
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			/* Without the spare one the client waits in the backlog. */
			if ((errno == EMFILE || errno == ENFILE) && s->spare_fd >= 0)
				refuse_without_descriptor(s);
			return;
		}
		if (!peer_is_allowed(s, fd))
			turn_away(fd, 5,
				  "only the daemon's own user, root and the members of its "
				  "control-group may control it");
		else if (s->client_count >= PZ_CTL_CLIENTS_MAX)
			turn_away(fd, 1, "too many control clients: end some and try again");
		else
			client_new(s, fd);
	}
}

/* ---- the server ---- */

/* Removes the socket file of a daemon that crashed. */
static enum pz_err
remove_stale(const char *path, const struct sockaddr_un *address, struct pz_errinfo *info)
{
	struct stat st;
	int fd, failed;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? PZ_OK
				       : pz_fail(info, PZ_ERR_IO, "%s: %s", path, strerror(errno));
	/* A file that is no socket may be the operator's; it is not removed. */
	if (!S_ISSOCK(st.st_mode))
		return pz_fail(info, PZ_ERR_EXISTS, "%s: exists and is no socket; remove it", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return pz_fail(info, PZ_ERR_IO, "socket: %s", strerror(errno));
	/* A live daemon accepts, or is busy; a dead one's file refuses. */
	failed = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	close(fd);
	if (failed != ECONNREFUSED) /* also EAGAIN: a daemon that is busy */
		return pz_fail(info, PZ_ERR_EXISTS, "%s: another daemon listens here", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return pz_fail(info, PZ_ERR_IO, "%s: %s", path, strerror(errno));
	return PZ_OK;
}

/* A listening socket whose file is 0600 from its first moment. */
static enum pz_err
open_socket(const char *path, int *out_fd, struct pz_errinfo *info)
{
	struct sockaddr_un address;
	enum pz_err err;
	int fd;

	PZ_TRY(pz_ctl_address(path, &address, info));
	PZ_TRY(remove_stale(path, &address, info));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* On Linux the file gets the mode that the unbound socket has (unix(7)). */
	if (fd >= 0 && fchmod(fd, 0600) == 0 &&
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, BACKLOG) == 0) {
		*out_fd = fd;
		return PZ_OK;
	}
	err = errno == EACCES || errno == EPERM ? PZ_ERR_DENIED_PERMISSION
	      : errno == EADDRINUSE             ? PZ_ERR_EXISTS
						: PZ_ERR_IO;
	pz_fail(info, err, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

/* The descriptors are closed when libuv does not watch them any more. */
static void
server_closed(uv_handle_t *handle)
{
	struct pz_ctl_server *s = handle->data;

	close(s->fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	server_unref(s);
}

enum pz_err
pz_ctl_server_new(struct uv_loop_s *loop, const char *path, pz_ctl_handler handler, void *arg,
		  struct pz_ctl_server **out_server, struct pz_errinfo *info)
{
	struct pz_ctl_server *s = calloc(1, sizeof(*s));
	enum pz_err err;

	if (s == NULL || (s->path = strdup(path)) == NULL) {
		free(s);
		return PZ_ERR_LIMIT_MEMORY;
	}
	err = open_socket(path, &s->fd, info);
	if (err != PZ_OK) {
		free(s->path);
		free(s);
		return err;
	}
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->uid = geteuid();
	s->handler = handler;
	s->arg = arg;
	s->refs = 1;
	s->poll.data = s;
	pz_list_init(&s->clients);
	if (uv_poll_init(loop, &s->poll, s->fd) != 0) {
		s->poll.data = s;
		unlink(path);
		server_closed((uv_handle_t *)&s->poll);
		return pz_fail(info, PZ_ERR_IO, "%s: cannot be watched", path);
	}
	if (uv_poll_start(&s->poll, UV_READABLE, server_ready) != 0) {
		pz_ctl_server_free(s);
		return pz_fail(info, PZ_ERR_IO, "%s: cannot be watched", path);
	}
	*out_server = s;
	return PZ_OK;
}

/* What was answered is flushed; calls that still run are reported as gone. */
void
pz_ctl_server_free(struct pz_ctl_server *server)
{
	struct pz_list *first;

	if (server == NULL || server->closed)
		return;
	server->closed = true;
	unlink(server->path);
	while ((first = pz_list_first(&server->clients)) != NULL) {
		struct client *c = PZ_CONTAINER(first, struct client, node);

		/* What fits into the socket now: the loop ends soon. */
		client_flush(c);
		client_close(c); /* out of the list before a call-back runs */
		calls_gone(c);
	}
	uv_close((uv_handle_t *)&server->poll, server_closed);
}

int
pz_ctl_take_descriptor(struct pz_ctl_call *call)
{
	return pz_ctl_lines_take_passed(&call->client->lines);
}

/* ---- answers ---- */

/* An answer that cannot be sent (too long, no memory) becomes an error, so that the client does not
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
	/* A client that cannot even get the error is disconnected. */
	if (client_send(c, error_answer(call->id, codes[exit_shown], exit_shown, message)) != PZ_OK)
		client_close(c);
	call_free(call);
}

int
pz_ctl_exit_code(enum pz_err err)
{
	if (err == PZ_ERR_IO_TIMEOUT)
		return 4;
	/* Exit codes of page 12: 4 is late, 5 denied, 1 all else. */
	return pz_err_category(err) == PZ_CAT_DENIED ? 5 : 1;
}

void
pz_ctl_fail_err(struct pz_ctl_call *call, enum pz_err err, const struct pz_errinfo *info)
{
	bool detailed = info != NULL && info->text[0] != '\0';

	pz_ctl_fail(call, pz_ctl_exit_code(err), detailed ? info->text : pz_err_text(err));
}

/* An event that is too long is lost, the call goes on. */
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

enum pz_err
pz_ctl_server_allow_group(struct pz_ctl_server *s, const char *group, struct pz_errinfo *info)
{
	const struct group *entry = getgrnam(group);

	if (entry == NULL)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "control-group %s: there is no such group; make it with `groupadd "
			       "--system %s`",
			       group, group);
	/* Before the mode: the former group must not get in meanwhile. */
	if (chown(s->path, (uid_t)-1, entry->gr_gid) != 0)
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"control-group %s: %s: %s; the daemon's user must be a member of the "
			"group (SupplementaryGroups= in a unit)",
			group, s->path, strerror(errno));
	if (chmod(s->path, 0660) != 0)
		return pz_fail(info, PZ_ERR_CONFIG, "control-group %s: %s: %s", group, s->path,
			       strerror(errno));
	s->gid = entry->gr_gid;
	s->has_group = true;
	return PZ_OK;
}
