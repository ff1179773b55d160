#include "net/tcp_fixture.h"

struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* ---- dialling ---- */

static void
on_resolved(void *arg)
{
	struct dialler *d = arg;

	d->resolved++;
	if (d->cancel_in_resolved)
		pz_tcp_dial_cancel(d->dial);
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct dialler *d = arg;

	d->connected++;
	d->stream = stream;
	if (d->cancel_at_end)
		pz_tcp_dial_cancel(d->dial); /* it is over: nothing to do */
}

static void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	struct dialler *d = arg;

	d->failed++;
	d->err = err;
	snprintf(d->detail, sizeof(d->detail), "%s", detail);
	if (d->cancel_at_end)
		pz_tcp_dial_cancel(d->dial);
}

const struct pz_dial_events dial_events = {
	.resolved = on_resolved, .connected = on_connected, .failed = on_failed};

void
dial(struct dialler *d, const char *host, uint16_t port)
{
	assert_ok(pz_tcp_dial(&pz_kit_loop.loop, host, port, &dial_events, d, &d->dial));
	assert_int_equal(d->resolved + d->connected + d->failed, 0); /* never from inside */
}

/* ---- listening ---- */

void
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

void
listen_at(struct server *s, const char *address)
{
	*s = (struct server){0};
	assert_ok(pz_tcp_listen(&pz_kit_loop.loop, address, 0, on_accept, s, &s->listener, &s->port,
				NULL));
	assert_true(s->port > 0);
}

void
server_close(struct server *s)
{
	pz_tcp_listen_close(s->listener);
	if (s->stream)
		s->stream->ops->close(s->stream);
	pz_kit_loop_turn();
}

void
close_stream(struct pz_stream *stream)
{
	if (stream)
		stream->ops->close(stream);
}

static int open_descriptors;

int
count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

int
set_up(void **state)
{
	int err = pz_kit_loop_open(state);

	pz_kit_loop_hold(); /* time passes where a test says so, however slow the machine is */
	open_descriptors = count_descriptors();
	return err;
}

int
tear_down(void **state)
{
	int now = count_descriptors();

	/* A connection ends when the other end's hang-up has been read. */
	for (int i = 0; i < 3 || (now > open_descriptors && i < PZ_KIT_TICKS_MAX); i++) {
		pz_kit_loop_turn();
		now = count_descriptors();
	}
	if (now > open_descriptors)
		print_message("%d descriptors were left open\n", now - open_descriptors);
	return pz_kit_loop_close(state) != 0 || now > open_descriptors ? -1 : 0;
}
