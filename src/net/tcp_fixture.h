/* For the tests of this folder that use real sockets, on loopback. */
#ifndef PZ_NET_TCP_FIXTURE_H
#define PZ_NET_TCP_FIXTURE_H

#include "kit/loop.h"

#include <stdio.h>
#include <stdlib.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "net/tcp.h"

struct sockaddr_in loopback(uint16_t port);

/* ---- dialling ---- */

struct dialler {
	struct pz_dial *dial;
	struct pz_stream *stream;
	int resolved, connected, failed;
	enum pz_err err;
	char detail[512];
	bool cancel_in_resolved, cancel_at_end;
};

extern const struct pz_dial_events dial_events;

void dial(struct dialler *d, const char *host, uint16_t port);

/* ---- listening ---- */

struct server {
	struct pz_listener *listener;
	uint16_t port;
	int accepted;
	struct pz_stream *stream; /* the last one */
	char remote[PZ_NETADDR_CHARS];
	bool close_listener;
};

void on_accept(void *arg, struct pz_stream *stream, const char *remote);

void listen_at(struct server *s, const char *address);

void server_close(struct server *s);

void close_stream(struct pz_stream *stream);

int count_descriptors(void);

int set_up(void **state);

/* No test leaves a socket behind. */
int tear_down(void **state);

#endif
