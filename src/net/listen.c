/*
 * Listening sockets. Connections are accepted until none waits or ACCEPTS_PER_TURN is reached; the
 * kernel wakes us again for the rest.
 *
 * Without free descriptors accept4 fails and leaves the connection in the queue, so the socket
 * stays readable. A spare descriptor is closed for a moment to accept and close such a connection.
 * Before that point, descriptors above pz_loop_files_for_links are refused, so that the owner's
 * commands still get one.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/sockaddr.h"
#include "net/tcp.h"

/* Accepted per wake-up: a flood of connections must not starve the links that exist. */
#define ACCEPTS_PER_TURN 64
#define BACKLOG 1024

struct pz_listener {
	uv_poll_t poll;
	struct pz_loop *loop;
	int fd;
	int spare_fd; /* closed for a moment when descriptors run out, so that a caller can be
			 refused */
	pz_accept_fn accept;
	void *arg;
	struct pz_log_rate refused_log;
};

/* Any descriptor will do, except the listening socket, which must really be closed when we close
 * it. */
static int
spare_fd(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
log_refused(struct pz_listener *listener)
{
	uint32_t suppressed = 0;

	if (pz_log_allow(&listener->refused_log, pz_env_mono_us(&listener->loop->env), 1,
			 &suppressed))
		pz_warning("accept-refused",
			   "suppressed=%u no file descriptors left; raise the limit of open files",
			   suppressed);
}

/* Without descriptors, a waiting connection would wake us for ever: accept it and close it. */
static void
turn_away(struct pz_listener *listener)
{
	/* Closed during one accept4(), which gets its number. */
	if (listener->spare_fd >= 0)
		close(listener->spare_fd);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	listener->spare_fd = spare_fd();
	log_refused(listener);
}

static void
on_connection(uv_poll_t *poll, int status, int events)
{
	struct pz_listener *listener = poll->data;
	char remote[PZ_NETADDR_CHARS];

	(void)events;
	if (status < 0)
		return;
	/* The owner may stop listening inside accept(). */
	for (int i = 0; i < ACCEPTS_PER_TURN && !uv_is_closing((uv_handle_t *)poll); i++) {
		union pz_sockaddr addr = {.v6 = {0}};
		socklen_t len = sizeof(addr);
		struct pz_stream *stream;

		int fd = accept4(listener->fd, &addr.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				turn_away(listener);
			return;
		}
		/* The number shows how many are open: the kernel assigns the lowest free one. */
		if ((unsigned)fd >= pz_loop_files_for_links(listener->loop)) {
			close(fd);
			log_refused(listener);
			continue;
		}
		if (pz_tcp_stream_new(listener->loop, fd, &stream) != PZ_OK) {
			close(fd);
			continue;
		}
		pz_sockaddr_text(&addr, remote, sizeof(remote));
		listener->accept(listener->arg, stream, remote);
	}
}

/* Any address of both families. */
static bool
is_any(const char *text)
{
	return text[0] == '\0' || strcmp(text, "::") == 0;
}

static enum pz_err
parse_address(const char *text, uint16_t port, union pz_sockaddr *out, struct pz_errinfo *info)
{
	struct pz_netaddr address;
	struct pz_errinfo why = {""};

	if (is_any(text))
		text = "::"; /* which accepts IPv4 too */
	if (!pz_netaddr_parse(text, &address))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "cannot listen on '%s': not an IPv4 or IPv6 address", text);
	enum pz_err err = pz_sockaddr_make(&address, port, out, &why);
	return err == PZ_OK ? PZ_OK
			    : pz_fail(info, err, "cannot listen on '%s': %s", text, why.text);
}

/* For "any address" one IPv6 socket serves both families; a system without IPv6 gets an IPv4
 * socket. */
static enum pz_err
open_socket(const char *address, uint16_t port, int *out_fd, struct pz_errinfo *info)
{
	union pz_sockaddr addr;
	int one = 1, zero = 0;

	PZ_TRY(parse_address(address, port, &addr, info));
	int fd = socket(addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT && is_any(address))
		return open_socket("0.0.0.0", port, out_fd, info);
	if (fd < 0)
		return pz_fail(info, PZ_ERR_IO, "cannot make a socket: %s", strerror(errno));
	/* After a restart the port may still have connections in TIME_WAIT. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (addr.any.sa_family == AF_INET6 && is_any(address))
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, &addr.any, pz_sockaddr_len(&addr)) != 0 || listen(fd, BACKLOG) != 0) {
		int error = errno;
		close(fd);
		return pz_fail(info, error == EADDRINUSE ? PZ_ERR_EXISTS : PZ_ERR_IO,
			       "cannot listen on %s port %u: %s%s",
			       is_any(address) ? "any address" : address, port, strerror(error),
			       error == EADDRINUSE
				       ? " (another program has it; choose another port, or 0 "
					 "for any free one)"
				       : "");
	}
	*out_fd = fd;
	return PZ_OK;
}

static uint16_t
local_port(int fd)
{
	union pz_sockaddr addr = {.v6 = {0}};
	socklen_t len = sizeof(addr);

	if (getsockname(fd, &addr.any, &len) != 0)
		return 0;
	return pz_sockaddr_port(&addr);
}

enum pz_err
pz_tcp_listen(void *self, const char *address, uint16_t port, pz_accept_fn accept, void *arg,
	      struct pz_listener **out, uint16_t *out_port, struct pz_errinfo *info)
{
	struct pz_loop *loop = self;
	int fd = -1;

	struct pz_listener *listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = open_socket(address ? address : "", port, &fd, info);
	if (err == PZ_OK && uv_poll_init(&loop->uv, &listener->poll, fd) != 0) {
		close(fd);
		err = pz_fail(info, PZ_ERR_INTERNAL, "cannot watch the listening socket");
	}
	if (err != PZ_OK) {
		free(listener);
		return err;
	}
	listener->poll.data = listener;
	listener->loop = loop;
	listener->fd = fd;
	listener->spare_fd = spare_fd();
	listener->accept = accept;
	listener->arg = arg;
	uv_poll_start(&listener->poll, UV_READABLE, on_connection);
	*out_port = local_port(fd);
	*out = listener;
	return PZ_OK;
}

static void
on_closed(uv_handle_t *handle)
{
	struct pz_listener *listener = handle->data;

	close(listener->fd);
	if (listener->spare_fd >= 0)
		close(listener->spare_fd);
	free(listener);
}

/* libuv may still use the handle in this turn: on_closed frees memory and descriptors. */
void
pz_tcp_listen_close(struct pz_listener *listener)
{
	if (listener == NULL)
		return;
	uv_poll_stop(&listener->poll);
	uv_close((uv_handle_t *)&listener->poll, on_closed);
}

/* ---- the transport ---- */

const struct pz_transport_ops pz_tcp_transport_ops = {
	.dial = pz_tcp_dial,
	.dial_cancel = pz_tcp_dial_cancel,
	.listen = pz_tcp_listen,
	.listen_close = pz_tcp_listen_close,
};
