/*
 * Packets of strangers reach libavahi-core, which aborts its process when something is unexpected.
 * So it runs in a process that has no keys, no links and no store; when it ends, only the knowledge
 * about the local network is lost. This file is the node's end: each entry and each watch has an
 * id, calls are sent as messages, and the answers are checked like a stranger's (message.h).
 *
 * The process runs a new image and is not a mere fork: a copy of this process would give an
 * attacker who takes it over all keys in its memory. It runs the same program file, not a second
 * program, so it cannot be missing or of another version.
 */
#include "mdns/own.h"

#include <avahi-common/error.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "mdns/message.h"
#include "mdns/responder.h"
#include "mdns/sandbox.h"

/* The most that one turn reads: a process that never stops sending must not stop the node. */
#define READ_BYTES (64U << 10)

/** The process and our end of its socket. It outlives the backend until the process has ended. */
struct child {
	uv_process_t process;
	uv_poll_t poll;
	uv_timer_t patience; /* the time limit for its end */
	struct own *own;     /* NULL: the backend was freed */
	int fd;
	unsigned handles; /* handles that libuv has not closed yet */
};

struct own {
	struct pz_mdns_backend base;
	const struct pz_env *env;
	struct child *child; /* NULL: it has ended, and the state event was sent */
	struct pz_buf in, out;
	struct pz_list objects;
	struct pz_map *by_id;
	uint32_t last_id;
	struct pz_timer beat;
	bool is_waiting; /* for the answer to a ping */
	bool is_over;    /* it is ending: nothing is sent or read any more */
	int unable;      /* Avahi's reason, 0 for none */
};

/** An entry or a watch. */
struct object {
	struct pz_list node;
	uint32_t id;
	void *watch_arg;
};

static struct pz_slice
key_of(const uint32_t *id)
{
	return pz_slice_of(id, sizeof(*id));
}

/* ---- the process ---- */

static void
on_handle_closed(uv_handle_t *handle)
{
	struct child *child = handle->data;

	if (--child->handles > 0)
		return;
	close(child->fd);
	free(child);
}

static void
child_close(struct child *child)
{
	uv_close((uv_handle_t *)&child->process, on_handle_closed);
	uv_close((uv_handle_t *)&child->poll, on_handle_closed);
	uv_close((uv_handle_t *)&child->patience, on_handle_closed);
}

static void
on_child_exit(uv_process_t *process, int64_t code, int signal)
{
	struct child *child = process->data;
	struct own *own = child->own;

	child_close(child);
	if (own == NULL)
		return;
	own->child = NULL;
	own->is_over = true;
	pz_env_stop(own->env, &own->beat);
	/* An error that the responder has reported is not a crash, and does not count as one. */
	if (own->unable != 0) {
		pz_debug("mdns-none", "%s", avahi_strerror(-own->unable));
		own->base.events->state(own->base.arg, PZ_MDNS_LOST);
		return;
	}
	pz_notice("mdns-responder-ended", "status=%d signal=%d", (int)code, signal);
	own->base.events->state(own->base.arg, PZ_MDNS_DIED);
}

/** Kills the responder; the state event follows when its process has ended. */
static void
give_up(struct own *own, const char *reason)
{
	if (own->is_over)
		return;
	own->is_over = true;
	if (reason != NULL)
		pz_notice("mdns-responder-stopped", "%s", reason);
	uv_poll_stop(&own->child->poll);
	(void)uv_process_kill(&own->child->process, SIGKILL);
}

static void
on_patience(uv_timer_t *timer)
{
	struct child *child = timer->data;

	(void)uv_process_kill(&child->process, SIGKILL);
}

/* ---- to it ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void
flush(struct own *own)
{
	while (own->out.len > 0) {
		struct pz_slice bytes = pz_buf_slice(&own->out);
		ssize_t sent =
			send(own->child->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent <= 0) /* no room, or it is ending */
			break;
		pz_buf_consume(&own->out, (size_t)sent);
	}
	uv_poll_start(&own->child->poll, UV_READABLE | (own->out.len > 0 ? UV_WRITABLE : 0),
		      on_poll);
}

static void
send_message(struct own *own, const struct pz_mdns_message *message)
{
	if (own->is_over)
		return;
	if (pz_mdns_message_write(message, &own->out) != PZ_OK)
		give_up(own, "it does not read what it is sent");
	else
		flush(own);
}

static void
on_beat(struct pz_timer *timer, void *arg)
{
	struct own *own = arg;
	struct pz_mdns_message ping = {.kind = PZ_MDNS_PING};

	pz_env_start(own->env, timer, PZ_MDNS_BEAT_US);
	if (own->is_waiting)
		give_up(own, "it does not answer");
	own->is_waiting = true;
	send_message(own, &ping);
}

/* ---- from it ---- */

static void
take_message(struct own *own, const struct pz_mdns_message *message)
{
	const struct pz_mdns_backend_events *events = own->base.events;
	struct object *object = pz_map_get(own->by_id, key_of(&message->id));

	if (message->kind == PZ_MDNS_STARTED)
		events->state(own->base.arg, PZ_MDNS_READY);
	else if (message->kind == PZ_MDNS_UNABLE)
		own->unable = message->id ? (int)(message->id & INT16_MAX) : 1;
	else if (message->kind == PZ_MDNS_PONG)
		own->is_waiting = false;
	else if (object == NULL) /* it was removed in the meantime */
		return;
	else if (object->watch_arg == NULL && message->kind == PZ_MDNS_ESTABLISHED)
		events->established(own->base.arg, object);
	else if (object->watch_arg == NULL && message->kind == PZ_MDNS_COLLISION)
		events->collision(own->base.arg, object);
	else if (message->kind == PZ_MDNS_FAILED)
		events->failed(own->base.arg, object->watch_arg != NULL, "refused");
	else if (object->watch_arg != NULL && message->kind == PZ_MDNS_RECORD)
		events->record(object->watch_arg, message->is_there, message->interface,
			       message->protocol, message->rdata);
}

static void
take_all(struct own *own)
{
	struct pz_mdns_message_text text;
	struct pz_mdns_message message;
	size_t used;

	while (!own->is_over) {
		if (pz_mdns_message_read(pz_buf_slice(&own->in), true, &text, &message, &used) !=
		    PZ_OK) {
			give_up(own, "it sent what is no message");
			return;
		}
		if (used == 0)
			return;
		take_message(own, &message);
		pz_buf_consume(&own->in, used);
	}
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct child *child = poll->data;
	struct own *own = child->own;
	uint8_t *bytes;

	if (own == NULL || own->is_over)
		return;
	if (events & UV_WRITABLE)
		flush(own);
	if (status == 0 && (events & UV_READABLE) == 0)
		return;
	if (pz_buf_reserve(&own->in, READ_BYTES, &bytes) != PZ_OK) {
		give_up(own, "out of memory");
		return;
	}
	ssize_t n = recv(child->fd, bytes, READ_BYTES, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* it is ending; if it has only closed its socket, this ends it */
		give_up(own, NULL);
		return;
	}
	pz_buf_commit(&own->in, (size_t)n);
	take_all(own);
}

/* ---- objects ---- */

/** Also builds the message about it, without its id. NULL: out of memory. */
static void *
object_new(struct pz_mdns_backend *backend, struct pz_mdns_message *message, void *watch_arg)
{
	struct own *own = (struct own *)backend;
	struct object *object = calloc(1, sizeof(*object));

	if (object == NULL)
		return NULL;
	object->id = message->id = ++own->last_id;
	object->watch_arg = watch_arg;
	if (pz_map_put(own->by_id, key_of(&object->id), object, NULL) != PZ_OK) {
		free(object);
		return NULL;
	}
	pz_list_append(&own->objects, &object->node);
	send_message(own, message);
	return object;
}

static void
object_end(struct pz_mdns_backend *backend, struct object *object, enum pz_mdns_message_kind kind)
{
	struct own *own = (struct own *)backend;
	struct pz_mdns_message message = {.kind = kind, .id = object->id};

	pz_map_remove(own->by_id, key_of(&object->id));
	pz_list_remove(&object->node);
	free(object);
	send_message(own, &message);
}

static void *
own_add_service(struct pz_mdns_backend *backend, const struct pz_mdns_service *service)
{
	struct pz_mdns_message message = {.kind = PZ_MDNS_ADD_SERVICE, .service = *service};

	return object_new(backend, &message, NULL);
}

static bool
own_update_service(struct pz_mdns_backend *backend, void *entry,
		   const struct pz_mdns_service *service)
{
	const struct object *object = entry;
	struct pz_mdns_message message = {
		.kind = PZ_MDNS_UPDATE_SERVICE, .id = object->id, .service = *service};

	send_message((struct own *)backend, &message);
	return true;
}

static void *
own_add_address(struct pz_mdns_backend *backend, const char *host,
		const struct pz_mdns_local *local)
{
	struct pz_mdns_message message = {
		.kind = PZ_MDNS_ADD_ADDRESS, .host = host, .address = *local};

	return object_new(backend, &message, NULL);
}

static void
own_remove(struct pz_mdns_backend *backend, void *entry)
{
	object_end(backend, entry, PZ_MDNS_REMOVE);
}

static void *
own_watch(struct pz_mdns_backend *backend, const char *name, enum pz_mdns_type type, void *arg)
{
	struct pz_mdns_message message = {.kind = PZ_MDNS_WATCH, .name = name, .type = type};

	return object_new(backend, &message, arg);
}

static void
own_unwatch(struct pz_mdns_backend *backend, void *watch)
{
	object_end(backend, watch, PZ_MDNS_UNWATCH);
}

/* ---- life ---- */

static void
child_leave(struct child *child)
{
	child->own = NULL;
	uv_poll_stop(&child->poll);
	(void)shutdown(child->fd, SHUT_WR);
	uv_timer_start(&child->patience, on_patience, PZ_MDNS_RESPONDER_END_MS, 0);
}

static void
own_free(struct pz_mdns_backend *backend)
{
	struct own *own = (struct own *)backend;

	if (own->child != NULL)
		child_leave(own->child);
	pz_env_stop(own->env, &own->beat);
	pz_buf_fini(&own->in);
	pz_buf_fini(&own->out);
	pz_map_free(own->by_id);
	free(own);
}

/** Sets both ends, or both to -1. */
static void
socket_pair(int out[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) != 0)
		out[0] = out[1] = -1;
}

/**
 * The child gets nothing of our environment, and neither our terminal nor our log: strangers choose
 * part of what it would print. Only a sanitizer's report is worth an exception, and needs its
 * options.
 */
static int
spawn(struct pz_loop *loop, struct child *child, int fd)
{
	char name[] = "pzpd", word[] = PZ_MDNS_RESPONDER_WORD;
	char *args[] = {name, word, NULL}, *nothing[] = {NULL};
	uv_stdio_container_t stdio[PZ_MDNS_RESPONDER_FD + 1] = {
		[0] = {.flags = UV_IGNORE},
		[1] = {.flags = UV_IGNORE},
		[2] = {.flags = UV_IGNORE},
		[PZ_MDNS_RESPONDER_FD] = {.flags = UV_INHERIT_FD, .data.fd = fd},
	};
	uv_process_options_t options = {
		.exit_cb = on_child_exit,
		.file = "/proc/self/exe",
		.args = args,
		.env = nothing,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED, /* Ctrl-C must not reach it */
		.stdio_count = PZ_MDNS_RESPONDER_FD + 1,
		.stdio = stdio,
	};

	if (PZ_HAS_SANITIZER) {
		options.env = NULL;
		stdio[2] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO};
	}
	return uv_spawn(&loop->uv, &child->process, &options);
}

static enum pz_err
child_new(struct pz_loop *loop, struct child **out, struct pz_errinfo *info)
{
	struct child *child = calloc(1, sizeof(*child));
	int ends[2];

	if (child == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	socket_pair(ends);
	if (ends[0] < 0 || uv_poll_init(&loop->uv, &child->poll, ends[0]) != 0) {
		int reason = errno;
		if (ends[0] >= 0) {
			close(ends[0]);
			close(ends[1]);
		}
		free(child);
		return pz_fail(info, PZ_ERR_IO, "socket: %s", strerror(reason));
	}
	uv_timer_init(&loop->uv, &child->patience);
	child->process.data = child->poll.data = child->patience.data = child;
	child->fd = ends[0];
	child->handles = 3;
	/* Afterwards our copy of the child's end is closed: otherwise the end of the process would
	 * not show as the end of the stream. */
	int reason = spawn(loop, child, ends[1]);
	close(ends[1]);
	if (reason != 0) {
		child_close(child);
		return pz_fail(info, PZ_ERR_IO, "/proc/self/exe: %s", uv_strerror(reason));
	}
	*out = child;
	return PZ_OK;
}

enum pz_err
pz_mdns_own_new(struct pz_loop *loop, const struct pz_mdns_backend_events *events, void *arg,
		struct pz_mdns_backend **out, struct pz_errinfo *info)
{
	static const struct pz_mdns_backend_ops ops = {
		.kind = "own",
		.add_service = own_add_service,
		.update_service = own_update_service,
		.add_address = own_add_address,
		.remove = own_remove,
		.watch = own_watch,
		.unwatch = own_unwatch,
		.free = own_free,
	};
	struct own *own = calloc(1, sizeof(*own));

	if (own == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	own->base = (struct pz_mdns_backend){.ops = &ops, .events = events, .arg = arg};
	own->env = &loop->env;
	pz_list_init(&own->objects);
	pz_buf_init(&own->in, READ_BYTES + 2 + PZ_MDNS_MESSAGE_BYTES_MAX, NULL);
	pz_buf_init(&own->out, PZ_MDNS_RESPONDER_QUEUE_BYTES_MAX, NULL);
	pz_timer_init(&own->beat, on_beat, own);
	own->by_id = pz_map_new();
	enum pz_err err = own->by_id ? child_new(loop, &own->child, info) : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		own_free(&own->base);
		return err;
	}
	own->child->own = own;
	uv_poll_start(&own->child->poll, UV_READABLE, on_poll);
	pz_env_start(own->env, &own->beat, PZ_MDNS_BEAT_US);
	*out = &own->base;
	return PZ_OK;
}
