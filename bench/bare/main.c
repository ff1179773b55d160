/*
 * The bare forwarder: what a router of frames over mutual TLS costs at the least. One thread,
 * epoll, OpenSSL; it finds "to" at the top level of each message, looks the name up and forwards
 * the bytes that it received, with one TLS write for each destination and wake-up. It checks
 * nothing, limits nothing and trusts what a peer calls itself: a yardstick, not a program to use.
 *
 * The first frame of a connection is its `register` (page 4); `from` is its name.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bare/scan.h"
#include "bare/table.h"
#include "common/bench.h"
#include "common/stream.h"
#include "common/tls.h"

#define EVENTS 256
#define ACCEPTS_PER_TURN 64

/* What a hub would say next; the load generator waits for it. */
static const char welcome[] = "{\"type\":\"prop\",\"payload\":{\"status\":\"Update\"}}";

struct conn {
	struct table_entry entry; /* first: an entry is its connection */
	struct stream stream;
	struct conn *next_dirty, *next_dead;
	uint32_t events; /* what epoll watches */
	bool is_secured, is_named, is_dirty, is_dead;
};

static SSL_CTX *ctx;
static int epoll_fd;
static struct conn *dirty, *dead;

static void
watch(struct conn *c, int op, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = c};

	if (op == EPOLL_CTL_MOD && c->events == events)
		return;
	c->events = events;
	if (epoll_ctl(epoll_fd, op, c->stream.fd, &event) != 0)
		bench_fail("epoll_ctl");
}

/* Freed at the end of the turn: an event of this turn may still name it. */
static void
drop(struct conn *c)
{
	if (c->is_dead)
		return;
	c->is_dead = true;
	c->next_dead = dead;
	dead = c;
	if (c->is_named)
		table_remove(&c->entry);
	stream_close(&c->stream, c->is_secured);
}

static void
bury(void)
{
	while (dead) {
		struct conn *c = dead;
		dead = c->next_dead;
		free(c->entry.name);
		free(c);
	}
}

static void
queue(struct conn *c, const void *bytes, size_t len)
{
	bytes_append(&c->stream.out, bytes, len);
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	c->next_dirty = dirty;
	dirty = c;
}

static bool
greet(struct conn *c, const struct scanned *message)
{
	uint8_t header[FRAME_HEADER_BYTES];

	if (message->from == NULL)
		return false;
	c->entry.name = strndup(message->from, message->from_len);
	c->entry.name_len = message->from_len;
	if (c->entry.name == NULL)
		return false;
	table_add(&c->entry);
	c->is_named = true;
	frame_put_header(header, sizeof(welcome) - 1);
	bytes_append(&c->stream.out, header, sizeof(header));
	bytes_append(&c->stream.out, welcome, sizeof(welcome) - 1);
	bool ok = stream_flush(&c->stream);
	if (c->stream.out.len == 0)
		bytes_free(&c->stream.out); /* an idle connection holds nothing */
	return ok;
}

static bool
on_frame(void *arg, const uint8_t *frame, size_t len)
{
	struct conn *c = arg;
	struct scanned message;

	if (!bare_scan((const char *)frame + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES,
		       &message))
		return false;
	if (!c->is_named)
		return greet(c, &message);
	struct table_entry *to = message.to ? table_find(message.to, message.to_len) : NULL;
	if (to)
		queue((struct conn *)to, frame, len);
	return true;
}

/* False: failed. */
static bool
handshake(struct conn *c)
{
	int ret = SSL_do_handshake(c->stream.ssl);

	if (ret == 1) {
		c->is_secured = true;
		watch(c, EPOLL_CTL_MOD, EPOLLIN);
		return true;
	}
	int why = SSL_get_error(c->stream.ssl, ret);
	watch(c, EPOLL_CTL_MOD, EPOLLIN | (why == SSL_ERROR_WANT_WRITE ? EPOLLOUT : 0U));
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static void
flush(struct conn *c)
{
	if (!stream_flush(&c->stream))
		drop(c);
	else
		watch(c, EPOLL_CTL_MOD, EPOLLIN | (c->stream.is_blocked ? EPOLLOUT : 0U));
}

static void
on_event(struct conn *c, uint32_t events)
{
	if (c->is_dead)
		return;
	if (!c->is_secured && !handshake(c)) {
		drop(c);
		return;
	}
	if (!c->is_secured)
		return;
	if (events & EPOLLOUT)
		flush(c);
	if (!c->is_dead && !stream_read(&c->stream, on_frame, c))
		drop(c);
}

static void
accept_some(int listener)
{
	int one = 1;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		struct conn *c = bench_alloc(1, sizeof(*c));
		c->stream.fd = fd;
		c->stream.ssl = bench_tls_new(ctx, fd);
		SSL_set_accept_state(c->stream.ssl);
		watch(c, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void
serve(int listener)
{
	static struct epoll_event events[EVENTS];
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0)
		bench_fail("epoll_ctl");
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			bench_fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(events[i].data.ptr, events[i].events);
			else
				accept_some(listener);
		}
		while (dirty) {
			struct conn *c = dirty;
			dirty = c->next_dirty;
			c->is_dirty = false;
			if (!c->is_dead && !c->stream.is_blocked)
				flush(c);
		}
		bury();
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},
		{"trust", required_argument, NULL, 't'},
		{"cert", required_argument, NULL, 'c'},
		{"key", required_argument, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};
	const char *trust = NULL, *cert = NULL, *key = NULL;
	uint16_t port = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			port = (uint16_t)bench_number("port", optarg, UINT16_MAX);
		else if (c == 't')
			trust = optarg;
		else if (c == 'c')
			cert = optarg;
		else if (c == 'k')
			key = optarg;
		else
			return 1;
	}
	if (!port || !trust || !cert || !key) {
		fputs("usage: bench_bare --port N --trust PEM --cert PEM --key PEM\n", stderr);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	bench_raise_nofile();
	ctx = bench_tls_ctx(true, trust, cert, key);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	serve(bench_listen(port));
}
