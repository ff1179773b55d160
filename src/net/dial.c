/* Dialling: resolve, then try the addresses one after the other until one connects. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tcp.h"

/* A host may have addresses that lead nowhere, such as IPv6 behind a router that drops it. */
#define ATTEMPT_US (3 * PZ_US_PER_S)

struct pz_dial {
	uv_getaddrinfo_t lookup;
	uv_poll_t poll;
	struct pz_loop *loop;
	const struct pz_dial_events *events;
	void *arg;
	char host[256];
	uint16_t port;
	struct addrinfo *addresses, *next;
	int fd;
	int error;                /* of the last address tried */
	struct pz_timer patience; /* with one address, while there is another */
	bool resolving, polling, cancelled;
};

static void
free_dial(struct pz_dial *dial)
{
	pz_env_stop(&dial->loop->env, &dial->patience);
	uv_freeaddrinfo(dial->addresses);
	free(dial);
}

static void
on_poll_closed(uv_handle_t *handle)
{
	struct pz_dial *dial = handle->data;

	if (dial->fd >= 0)
		close(dial->fd);
	free_dial(dial);
}

/* Nothing of libuv may be pending when the dial is freed. */
static void
release(struct pz_dial *dial)
{
	if (dial->resolving) {
		uv_cancel((uv_req_t *)&dial->lookup);
		return; /* the look-up's call-back comes in any case, and frees */
	}
	pz_env_stop(&dial->loop->env, &dial->patience);
	if (dial->polling)
		uv_close((uv_handle_t *)&dial->poll, on_poll_closed);
	else
		free_dial(dial);
}

static void
fail(struct pz_dial *dial, enum pz_err err, const char *what)
{
	char detail[512];

	snprintf(detail, sizeof(detail), "%s port %u: %s", dial->host, dial->port, what);
	dial->cancelled = true; /* it is over: a cancel from inside has nothing to do */
	dial->events->failed(dial->arg, err, detail);
	release(dial);
}

static void try_next(struct pz_dial *dial);

static void
on_retry_closed(uv_handle_t *handle)
{
	struct pz_dial *dial = handle->data;

	close(dial->fd);
	dial->fd = -1;
	dial->polling = false;
	if (dial->cancelled)
		free_dial(dial);
	else
		try_next(dial);
}

static void
on_handed_over(uv_handle_t *handle)
{
	struct pz_dial *dial = handle->data;
	struct pz_stream *stream = NULL;
	int fd = dial->fd;

	dial->polling = false;
	dial->fd = -1;
	bool cancelled = dial->cancelled;
	dial->cancelled = true; /* as in fail() */
	if (cancelled) {
		close(fd);
	} else if (pz_tcp_stream_new(dial->loop, fd, &stream) != PZ_OK) {
		close(fd);
		dial->events->failed(dial->arg, PZ_ERR_LIMIT_MEMORY, "out of memory");
	} else {
		dial->events->connected(dial->arg, stream);
	}
	free_dial(dial);
}

static void
on_writable(uv_poll_t *poll, int status, int events)
{
	struct pz_dial *dial = poll->data;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)status;
	(void)events;
	if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	pz_env_stop(&dial->loop->env, &dial->patience);
	uv_poll_stop(poll);
	dial->error = error;
	uv_close((uv_handle_t *)poll, error ? on_retry_closed : on_handed_over);
}

static void
on_patience(struct pz_timer *timer, void *arg)
{
	struct pz_dial *dial = arg;

	(void)timer;
	dial->error = ETIMEDOUT;
	uv_poll_stop(&dial->poll);
	uv_close((uv_handle_t *)&dial->poll, on_retry_closed);
}

static bool
start_connect(struct pz_dial *dial, const struct addrinfo *address)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		dial->error = errno;
		return false;
	}
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
		dial->error = errno;
		close(fd);
		return false;
	}
	if (uv_poll_init(&dial->loop->uv, &dial->poll, fd) != 0) {
		dial->error = ENOMEM;
		close(fd);
		return false;
	}
	dial->fd = fd;
	dial->polling = true;
	dial->poll.data = dial;
	uv_poll_start(&dial->poll, UV_WRITABLE, on_writable);
	if (dial->next)
		pz_env_start(&dial->loop->env, &dial->patience, ATTEMPT_US);
	return true;
}

static enum pz_err
category(int error)
{
	if (error == ECONNREFUSED)
		return PZ_ERR_IO_REFUSED;
	return error == ETIMEDOUT ? PZ_ERR_IO_TIMEOUT : PZ_ERR_IO;
}

static void
try_next(struct pz_dial *dial)
{
	while (dial->next) {
		const struct addrinfo *address = dial->next;
		dial->next = address->ai_next;
		if (start_connect(dial, address))
			return;
	}
	fail(dial, category(dial->error), strerror(dial->error));
}

static void
on_resolved(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
	struct pz_dial *dial = lookup->data;

	dial->resolving = false;
	dial->addresses = dial->next = addresses;
	if (dial->cancelled) {
		free_dial(dial);
		return;
	}
	if (status != 0 || addresses == NULL) {
		fail(dial, PZ_ERR_IO_RESOLVE, status ? uv_strerror(status) : "no address");
		return;
	}
	dial->resolving = true; /* a cancel from inside only marks */
	if (dial->events->resolved)
		dial->events->resolved(dial->arg);
	dial->resolving = false;
	if (dial->cancelled)
		free_dial(dial);
	else
		try_next(dial);
}

enum pz_err
pz_tcp_dial(void *self, const char *host, uint16_t port, const struct pz_dial_events *events,
	    void *arg, struct pz_dial **out)
{
	struct pz_loop *loop = self;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	char service[8];

	if (strlen(host) >= sizeof(((struct pz_dial *)0)->host) || port == 0)
		return PZ_ERR_CONFIG;
	struct pz_dial *dial = calloc(1, sizeof(*dial));
	if (dial == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	dial->loop = loop;
	dial->events = events;
	dial->arg = arg;
	dial->fd = -1;
	dial->port = port;
	dial->lookup.data = dial;
	pz_timer_init(&dial->patience, on_patience, dial);
	snprintf(dial->host, sizeof(dial->host), "%s", host);
	snprintf(service, sizeof(service), "%u", port);
	/* AI_ADDRCONFIG hides loopback-only families; a literal address needs no such help. */
	if (strspn(host, "0123456789.:abcdefABCDEF") == strlen(host) ||
	    strcmp(host, "localhost") == 0)
		hints.ai_flags = 0;
	int status = uv_getaddrinfo(&loop->uv, &dial->lookup, on_resolved, host, service, &hints);
	if (status != 0) {
		free(dial);
		return status == UV_ENOMEM ? PZ_ERR_LIMIT_MEMORY : PZ_ERR_CONFIG;
	}
	dial->resolving = true;
	*out = dial;
	return PZ_OK;
}

void
pz_tcp_dial_cancel(struct pz_dial *dial)
{
	if (dial == NULL || dial->cancelled)
		return;
	dial->cancelled = true;
	if (dial->polling && uv_is_closing((uv_handle_t *)&dial->poll))
		return; /* its call-back frees */
	release(dial);
}
