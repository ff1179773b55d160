/*
 * Dials the addresses of a name, each with a head start of 250 ms over the next (RFC 8305); the
 * first that connects wins. A numeric address needs no look-up.
 *
 * Each connection in progress is an attempt that owns its socket and its poll handle, so a dial
 * that ends only detaches its attempts: they close and free themselves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "net/lookup.h"
#include "net/tcp.h"

struct attempt {
	struct pz_list node;  /* dial->attempts, until it is closing */
	struct pz_dial *dial; /* NULL: given up, only its socket remains to be closed */
	uv_poll_t poll;
	int fd;
};

struct pz_dial {
	struct pz_loop *loop;
	const struct pz_dial_events *events;
	void *arg;
	struct pz_lookup *lookup; /* while the name is looked up */
	struct pz_list attempts;
	struct attempt *winner; /* connected, about to be handed over */
	struct pz_timer next_timer;
	union pz_sockaddr addresses[PZ_DIAL_ADDRESSES_MAX];
	size_t count, next;
	int error;                 /* the most useful failure among the addresses */
	struct pz_errinfo problem; /* of a numeric address that cannot be used here */
	bool is_calling, is_over;
	uint16_t port;
	char host[256];
};

static void
on_attempt_closed(uv_handle_t *handle)
{
	struct attempt *attempt = handle->data;

	close(attempt->fd);
	free(attempt);
}

/* Gives the attempt up: it closes and frees itself. */
static void
drop_attempt(struct attempt *attempt)
{
	/* The dial may be freed in this turn; libuv keeps the handle until the next. */
	attempt->dial = NULL;
	pz_list_remove(&attempt->node);
	uv_poll_stop(&attempt->poll);
	if (!uv_is_closing((uv_handle_t *)&attempt->poll))
		uv_close((uv_handle_t *)&attempt->poll, on_attempt_closed);
}

/* Ends all attempts; the memory stays. */
static void
stop(struct pz_dial *dial)
{
	pz_env_stop(&dial->loop->env, &dial->next_timer);
	pz_lookup_cancel(dial->lookup);
	dial->lookup = NULL;
	PZ_LIST_EACH (&dial->attempts, n, tmp)
		drop_attempt(PZ_CONTAINER(n, struct attempt, node));
	if (dial->winner)
		dial->winner->dial = NULL; /* its call-back closes the socket */
	dial->winner = NULL;
}

/* `failed` may start another dial, or cancel this one: this dial has ended before the call. */
static void
fail(struct pz_dial *dial, enum pz_err err, const char *what)
{
	char detail[512];

	snprintf(detail, sizeof(detail), "%s port %u: %s", dial->host, dial->port, what);
	/* Before the call-back: what it starts must not meet attempts of this dial. */
	stop(dial);
	dial->is_over = true; /* a cancel from inside has no effect */
	dial->events->failed(dial->arg, err, detail);
	free(dial);
}

/* libuv has released the descriptor, and it can become a stream. */
static void
on_handed_over(uv_handle_t *handle)
{
	struct attempt *attempt = handle->data;
	struct pz_dial *dial = attempt->dial;
	struct pz_stream *stream = NULL;
	int fd = attempt->fd;

	free(attempt);
	if (dial == NULL) {
		close(fd);
		return;
	}
	dial->winner = NULL;
	/* Detached before the owner is called: a cancel from inside finds it ended. */
	dial->is_over = true;
	if (pz_tcp_stream_new(dial->loop, fd, &stream) != PZ_OK) {
		close(fd);
		dial->events->failed(dial->arg, PZ_ERR_LIMIT_MEMORY, "out of memory");
	} else {
		dial->events->connected(dial->arg, stream);
	}
	free(dial);
}

/* "Refused" shows that the machine exists, which says more than an unreachable network. */
static int
weight(int error)
{
	if (error == ECONNREFUSED)
		return 3;
	if (error == ETIMEDOUT)
		return 2;
	return error == 0 ? 0 : 1;
}

static void
note_error(struct pz_dial *dial, int error)
{
	if (weight(error) >= weight(dial->error))
		dial->error = error;
}

static void go_on(struct pz_dial *dial);

static void
on_writable(uv_poll_t *poll, int status, int events)
{
	struct attempt *attempt = poll->data;
	struct pz_dial *dial = attempt->dial;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)status;
	(void)events;
	/* uv_poll reports the end of a connect and its failure both as writable; only the socket
	 * has the result (connect(2), EINPROGRESS). */
	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0) {
		drop_attempt(attempt);
		note_error(dial, error);
		/* At once, without waiting for its head start: the address is known to fail. */
		go_on(dial);
		return;
	}
	/* The other attempts end before the stream exists: two connections would be two links. */
	pz_list_remove(&attempt->node);
	stop(dial);
	dial->winner = attempt;
	/* libuv allows one handle for a descriptor: the stream's is created when this one is
	 * closed. */
	uv_poll_stop(poll);
	uv_close((uv_handle_t *)poll, on_handed_over);
}

static bool
start_connect(struct pz_dial *dial, const union pz_sockaddr *address)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (attempt == NULL) {
		note_error(dial, ENOMEM);
		return false;
	}
	attempt->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempt->fd < 0 ||
	    (connect(attempt->fd, &address->any, pz_sockaddr_len(address)) != 0 &&
	     errno != EINPROGRESS)) {
		note_error(dial, errno);
	} else if (uv_poll_init(&dial->loop->uv, &attempt->poll, attempt->fd) != 0) {
		note_error(dial, ENOMEM);
	} else {
		attempt->dial = dial;
		attempt->poll.data = attempt;
		pz_list_append(&dial->attempts, &attempt->node);
		uv_poll_start(&attempt->poll, UV_WRITABLE, on_writable);
		return true;
	}
	if (attempt->fd >= 0)
		close(attempt->fd);
	free(attempt);
	return false;
}

/* The advice differs: start the hub, check the network, or neither. */
static enum pz_err
category(int error)
{
	if (error == ECONNREFUSED)
		return PZ_ERR_IO_REFUSED;
	return error == ETIMEDOUT ? PZ_ERR_IO_TIMEOUT : PZ_ERR_IO;
}

/* Starts the next address; without one the dial waits for those in progress, or fails. */
static void
go_on(struct pz_dial *dial)
{
	pz_env_stop(&dial->loop->env, &dial->next_timer);
	/* Addresses that fail at once (no route, no family) do not use up the head start of the
	 * next. */
	while (dial->next < dial->count && !start_connect(dial, &dial->addresses[dial->next++]))
		;
	if (dial->next < dial->count)
		pz_env_start(&dial->loop->env, &dial->next_timer, PZ_HAPPY_EYEBALLS_US);
	else if (pz_list_is_empty(&dial->attempts))
		fail(dial, category(dial->error), strerror(dial->error));
}

/* The addresses are known. `resolved` may cancel the dial. */
static void
begin(struct pz_dial *dial)
{
	dial->is_calling = true; /* a cancel from inside only marks */
	if (dial->events->resolved)
		dial->events->resolved(dial->arg);
	dial->is_calling = false;
	if (dial->is_over)
		free(dial);
	else
		go_on(dial);
}

static void
on_looked_up(void *arg, const union pz_sockaddr *addresses, size_t count, const char *problem)
{
	struct pz_dial *dial = arg;

	dial->lookup = NULL;
	if (count == 0) {
		fail(dial, PZ_ERR_IO_RESOLVE, problem);
		return;
	}
	dial->count = count;
	memcpy(dial->addresses, addresses, count * sizeof(addresses[0]));
	for (size_t i = 0; i < count; i++)
		pz_sockaddr_set_port(&dial->addresses[i], dial->port);
	begin(dial);
}

/* A numeric address starts here, since nothing may happen inside pz_tcp_dial. */
static void
on_next(struct pz_timer *timer, void *arg)
{
	struct pz_dial *dial = arg;

	(void)timer;
	if (dial->next > 0)
		go_on(dial);
	else if (dial->count == 0)
		fail(dial, PZ_ERR_IO, dial->problem.text);
	else
		begin(dial);
}

static enum pz_err
resolve(struct pz_dial *dial)
{
	struct pz_netaddr address;
	enum pz_err err;

	if (!pz_netaddr_parse(dial->host, &address)) {
		err = pz_lookup_start(dial->loop, dial->host, on_looked_up, dial, &dial->lookup);
		if (err != PZ_ERR_LIMIT)
			return err;
		(void)pz_fail(&dial->problem, err,
			      "%d look-ups are under way that no name server answers",
			      PZ_LOOKUPS_MAX);
	} else if (pz_sockaddr_make(&address, dial->port, &dial->addresses[0], &dial->problem) ==
		   PZ_OK) {
		dial->count = 1;
	}
	/* By the timer, since nothing may happen inside pz_tcp_dial. */
	pz_env_start(&dial->loop->env, &dial->next_timer, 0);
	return PZ_OK;
}

/* An international name has an ASCII form, which DNS and certificates use. */
static bool
may_be_host(const char *host)
{
	size_t len = strlen(host);

	if (len == 0 || len >= sizeof(((struct pz_dial *)0)->host))
		return false;
	for (size_t i = 0; i < len; i++)
		if (host[i] <= ' ' || host[i] > '~')
			return false;
	return true;
}

enum pz_err
pz_tcp_dial(void *self, const char *host, uint16_t port, const struct pz_dial_events *events,
	    void *arg, struct pz_dial **out)
{
	struct pz_loop *loop = self;

	if (!may_be_host(host) || port == 0)
		return PZ_ERR_CONFIG;
	struct pz_dial *dial = calloc(1, sizeof(*dial));
	if (dial == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	dial->loop = loop;
	dial->events = events;
	dial->arg = arg;
	dial->port = port;
	pz_list_init(&dial->attempts);
	pz_timer_init(&dial->next_timer, on_next, dial);
	memcpy(dial->host, host, strlen(host) + 1);
	enum pz_err err = resolve(dial);
	if (err != PZ_OK) {
		free(dial);
		return err;
	}
	*out = dial;
	return PZ_OK;
}

void
pz_tcp_dial_cancel(struct pz_dial *dial)
{
	if (dial == NULL || dial->is_over)
		return;
	dial->is_over = true;
	stop(dial);
	if (!dial->is_calling)
		free(dial);
}
