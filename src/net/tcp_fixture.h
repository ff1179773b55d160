/*
 * For the tests of this folder that use real sockets, on loopback. Names are looked up by a
 * getaddrinfo of the test, which takes the place of libc's.
 */
#ifndef PZ_NET_TCP_FIXTURE_H
#define PZ_NET_TCP_FIXTURE_H

#include "kit/loop.h"

#include <stdio.h>
#include <stdlib.h>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "net/tcp.h"

/* ---- names ---- */

/* "dead": an address that does not answer (DEAD_ADDRESS), then a good one. "dead5": five of the
 * first. "none": no address. "slow": waits until fx_names_go_on. Others: 127.0.0.1. */
#define DEAD_ADDRESS 0x7f000009 /* 127.0.0.9 */
static atomic_int looked_up;    /* how many names */
static atomic_bool may_go_on;
static pthread_mutex_t slow_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t slow_wake = PTHREAD_COND_INITIALIZER;

static inline void
wait_for_the_test(void)
{
	pthread_mutex_lock(&slow_lock);
	while (!may_go_on)
		pthread_cond_wait(&slow_wake, &slow_lock);
	pthread_mutex_unlock(&slow_lock);
}

/** Names that are slow have an answer from now on, or not. */
static inline void
fx_names_go_on(bool on)
{
	pthread_mutex_lock(&slow_lock);
	may_go_on = on;
	pthread_cond_broadcast(&slow_wake);
	pthread_mutex_unlock(&slow_lock);
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
	    struct addrinfo **out)
{
	int dead = name == NULL ? 0 : strcmp(name, "dead") == 0 ? 1 : strcmp(name, "dead5") ? 0 : 5;
	struct addrinfo *list = NULL;

	(void)hints;
	(void)service;
	atomic_fetch_add(&looked_up, 1);
	if (name && strncmp(name, "slow", 4) == 0)
		wait_for_the_test();
	if (name == NULL || strcmp(name, "none") == 0)
		return EAI_NONAME;
	for (int i = dead; i >= 0; i--) {
		struct addrinfo *one = calloc(1, sizeof(*one) + sizeof(struct sockaddr_in));
		struct sockaddr_in *addr = (void *)(one + 1);
		addr->sin_family = AF_INET;
		addr->sin_addr.s_addr = htonl(i < dead ? DEAD_ADDRESS : INADDR_LOOPBACK);
		one->ai_family = AF_INET;
		one->ai_addr = (void *)addr;
		one->ai_addrlen = sizeof(*addr);
		one->ai_next = list;
		list = one;
	}
	*out = list;
	return 0;
}

void
freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;
		free(list);
		list = next;
	}
}

static inline struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* ---- dialling ---- */

struct dialler {
	struct pz_dial *dial;
	struct pz_stream *stream;
	int resolved, connected, failed;
	enum pz_err err;
	char detail[512];
	bool cancel_in_resolved, cancel_at_end;
};

static inline void
on_resolved(void *arg)
{
	struct dialler *d = arg;

	d->resolved++;
	if (d->cancel_in_resolved)
		pz_tcp_dial_cancel(d->dial);
}

static inline void
on_connected(void *arg, struct pz_stream *stream)
{
	struct dialler *d = arg;

	d->connected++;
	d->stream = stream;
	if (d->cancel_at_end)
		pz_tcp_dial_cancel(d->dial); /* it is over: nothing to do */
}

static inline void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	struct dialler *d = arg;

	d->failed++;
	d->err = err;
	snprintf(d->detail, sizeof(d->detail), "%s", detail);
	if (d->cancel_at_end)
		pz_tcp_dial_cancel(d->dial);
}

static const struct pz_dial_events dial_events = {
	.resolved = on_resolved, .connected = on_connected, .failed = on_failed};

static inline void
dial(struct dialler *d, const char *host, uint16_t port)
{
	assert_ok(pz_tcp_dial(&pz_kit_loop.loop, host, port, &dial_events, d, &d->dial));
	assert_int_equal(d->resolved + d->connected + d->failed, 0); /* never from inside */
}

/* ---- listening ---- */

struct server {
	struct pz_listener *listener;
	uint16_t port;
	int accepted;
	struct pz_stream *stream; /* the last one */
	char remote[PZ_NETADDR_CHARS];
	bool close_listener;
};

static inline void
on_accept(void *arg, struct pz_stream *stream, const char *remote)
{
	struct server *s = arg;

	s->accepted++;
	if (s->stream)
		s->stream->ops->close(s->stream);
	s->stream = stream;
	snprintf(s->remote, sizeof(s->remote), "%s", remote);
	if (s->close_listener) {
		pz_tcp_listen_close(s->listener);
		s->listener = NULL;
	}
}

static inline void
listen_at(struct server *s, const char *address)
{
	*s = (struct server){0};
	assert_ok(pz_tcp_listen(&pz_kit_loop.loop, address, 0, on_accept, s, &s->listener, &s->port,
				NULL));
	assert_true(s->port > 0);
}

static inline void
server_close(struct server *s)
{
	pz_tcp_listen_close(s->listener);
	if (s->stream)
		s->stream->ops->close(s->stream);
	pz_kit_loop_turn();
}

static inline void
close_stream(struct pz_stream *stream)
{
	if (stream)
		stream->ops->close(stream);
}

static int open_descriptors;

static inline int
count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

static inline int
set_up(void **state)
{
	int err = pz_kit_loop_open(state);

	open_descriptors = count_descriptors();
	return err;
}

/* No test leaves a socket behind. */
static inline int
tear_down(void **state)
{
	for (int i = 0; i < 3; i++)
		pz_kit_loop_turn();
	int now = count_descriptors();
	if (now > open_descriptors)
		print_message("%d descriptors were left open\n", now - open_descriptors);
	return pz_kit_loop_close(state) != 0 || now > open_descriptors ? -1 : 0;
}

#endif
