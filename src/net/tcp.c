/*
 * One connection: a non-blocking socket watched with uv_poll, one recv() into the loop's shared
 * buffer per wake-up, one send() per flush. uv_tcp would do as well; uv_poll costs 100 bytes less
 * for an idle link and shows exactly how much of a write the kernel took.
 */
#include "net/tcp.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "net/link.h"

struct tcp {
	struct pz_stream stream;
	uv_poll_t poll;
	struct pz_loop *loop;
	int fd;
	int error; /* the error of a send; reported in the next wake-up */
	bool reading, writing;
	bool has_sent;
};

/*
 * After close(), bytes that still arrive make the kernel reset the connection, and the other end
 * could lose what we sent last: an alert, an enrolError, a bye. So a connection on which something
 * was sent is shut down for writing, and read until the other end closes, for a limited time. Bytes
 * that the system has not taken yet are sent first.
 */
/* Limit for discarded input at the end: 8 MiB, more than a receive buffer holds. */
#define DISCARDS_MAX 32

struct farewell {
	struct pz_list node;
	struct pz_timer timer;
	struct tcp *tcp;
	struct pz_buf rest; /* bytes to send before the end */
};

static void
end_link(struct tcp *tcp, int error)
{
	const struct pz_stream *stream = &tcp->stream;
	enum pz_err why = error == 0 ? PZ_ERR_IO_CLOSED : PZ_ERR_IO;
	const char *detail = error == 0 ? "hang-up" : strerror(error);

	if (stream->link)
		pz_link_on_end(stream->link, why, detail);
	else
		stream->user->end(stream->user_arg, why, detail);
}

static void
deliver(const struct tcp *tcp, struct pz_slice bytes)
{
	const struct pz_stream *stream = &tcp->stream;

	if (stream->link)
		pz_link_on_bytes(stream->link, bytes);
	else
		stream->user->bytes(stream->user_arg, bytes);
}

/* True when nothing more is to be delivered. */
static bool
is_closing(const struct tcp *tcp)
{
	return tcp->stream.link ? tcp->stream.link->closing : !tcp->reading;
}

static void
on_readable(struct tcp *tcp)
{
	/* Bytes left in the socket wake us again in the next turn, after other links. */
	if (tcp->stream.link && !pz_link_wants_bytes(tcp->stream.link))
		return;
	ssize_t n = recv(tcp->fd, tcp->loop->read_buf, PZ_LOOP_READ_BYTES, 0);
	if (n > 0)
		deliver(tcp, pz_slice_of(tcp->loop->read_buf, (size_t)n));
	else if (n == 0)
		end_link(tcp, 0);
	else if (errno != EAGAIN && errno != EINTR)
		end_link(tcp, errno);
}

static void update_poll(struct tcp *tcp);

/*
 * The connection is broken, but the socket may still have what the peer sent before: often the
 * reason, in a `bye`. libuv has stopped watching and does not report the error.
 */
static void
give_up(struct tcp *tcp)
{
	int error = tcp->error;
	socklen_t len = sizeof(error);
	ssize_t n;

	if (error == 0 && getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	while (!is_closing(tcp) &&
	       (n = recv(tcp->fd, tcp->loop->read_buf, PZ_LOOP_READ_BYTES, 0)) > 0)
		deliver(tcp, pz_slice_of(tcp->loop->read_buf, (size_t)n));
	/* The bytes first, then the end: the other way round a `bye` would be lost. */
	end_link(tcp, error);
	tcp->reading = tcp->writing = false;
	update_poll(tcp);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct tcp *tcp = poll->data;

	if (status < 0 || tcp->error != 0) {
		give_up(tcp);
		return;
	}
	if (events & UV_WRITABLE) {
		tcp->writing = false;
		update_poll(tcp);
		if (tcp->stream.link)
			pz_link_on_writable(tcp->stream.link);
		else
			tcp->stream.user->writable(tcp->stream.user_arg);
	}
	if ((events & UV_READABLE) && tcp->reading)
		on_readable(tcp);
	if (is_closing(tcp) && tcp->reading) {
		tcp->reading = false;
		update_poll(tcp);
	}
}

static void
update_poll(struct tcp *tcp)
{
	int events = (tcp->reading ? UV_READABLE : 0) | (tcp->writing ? UV_WRITABLE : 0);

	if (events)
		uv_poll_start(&tcp->poll, events, on_poll);
	else
		uv_poll_stop(&tcp->poll);
}

static size_t
tcp_send(struct pz_stream *stream, struct pz_slice bytes)
{
	struct tcp *tcp = (struct tcp *)(void *)stream;
	ssize_t n;

	/* After a partial write there is no room: another call would only fail. */
	do {
		n = send(tcp->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	/* An error is kept for on_poll, since the caller is in the middle of its turn. */
	if (n < 0 && errno != EAGAIN)
		tcp->error = errno;
	size_t sent = n > 0 ? (size_t)n : 0;
	tcp->has_sent = tcp->has_sent || sent > 0;
	if (sent < bytes.len && !tcp->writing) {
		tcp->writing = true;
		update_poll(tcp);
	}
	return sent;
}

static void
tcp_set_reading(struct pz_stream *stream, bool on)
{
	struct tcp *tcp = (struct tcp *)(void *)stream;

	if (tcp->reading == on)
		return;
	tcp->reading = on;
	update_poll(tcp);
}

static void
tcp_measure(struct pz_stream *stream, struct pz_stream_measure *out)
{
	const struct tcp *tcp = (struct tcp *)(void *)stream;
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	int queued = 0, unsent = 0;

	*out = (struct pz_stream_measure){0};
	/* SIOCOUTQ: all unacknowledged bytes; SIOCOUTQNSD: those of them not even sent (tcp(7)). */
	if (ioctl(tcp->fd, SIOCOUTQ, &queued) == 0 && queued > 0)
		out->unacked = (size_t)queued;
	if (ioctl(tcp->fd, SIOCOUTQNSD, &unsent) == 0 && queued > unsent)
		out->in_flight = (size_t)(queued - unsent);
	if (getsockopt(tcp->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		out->round_trip_us = info.tcpi_rtt;
}

static void
on_closed(uv_handle_t *handle)
{
	struct tcp *tcp = handle->data;

	close(tcp->fd);
	free(tcp);
}

static void
end_farewell(struct farewell *farewell)
{
	struct tcp *tcp = farewell->tcp;

	pz_env_stop(&tcp->loop->env, &farewell->timer);
	pz_list_remove(&farewell->node);
	tcp->loop->lingering_len--;
	pz_buf_fini(&farewell->rest);
	free(farewell);
	/* Unread input would make the kernel reset at once (RFC 1122 4.2.2.13). */
	for (int i = 0; i < DISCARDS_MAX; i++)
		if (recv(tcp->fd, tcp->loop->read_buf, PZ_LOOP_READ_BYTES,
			 MSG_TRUNC | MSG_DONTWAIT) <= 0)
			break;
	uv_poll_stop(&tcp->poll);
	tcp->poll.data = tcp;
	uv_close((uv_handle_t *)&tcp->poll, on_closed);
}

static void
on_linger_over(struct pz_timer *timer, void *arg)
{
	(void)timer;
	end_farewell(arg);
}

static void on_linger_poll(uv_poll_t *poll, int status, int events);

/* All is sent: the other end now has the same time to close. */
static bool
begin_silence(struct farewell *farewell)
{
	struct tcp *tcp = farewell->tcp;

	pz_env_start(&tcp->loop->env, &farewell->timer, PZ_FAREWELL_US);
	uv_poll_start(&tcp->poll, UV_READABLE, on_linger_poll);
	return shutdown(tcp->fd, SHUT_WR) == 0 && !tcp->loop->is_ending;
}

/* @return false: it has ended */
static bool
send_rest(struct farewell *farewell)
{
	ssize_t n = send(farewell->tcp->fd, pz_buf_slice(&farewell->rest).ptr, farewell->rest.len,
			 MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	pz_buf_consume(&farewell->rest, (size_t)n);
	return farewell->rest.len > 0 || begin_silence(farewell);
}

static void
on_linger_poll(uv_poll_t *poll, int status, int events)
{
	struct farewell *farewell = poll->data;
	const struct tcp *tcp = farewell->tcp;
	ssize_t n = 1;

	if (status < 0)
		n = 0;
	else if (events & UV_READABLE)
		n = recv(tcp->fd, tcp->loop->read_buf, PZ_LOOP_READ_BYTES, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
	    ((events & UV_WRITABLE) && !send_rest(farewell)))
		end_farewell(farewell);
}

static void
end_lingering(struct pz_loop *loop, bool has_time)
{
	loop->is_ending = true;
	PZ_LIST_EACH (&loop->lingering, node, tmp) {
		struct farewell *farewell = PZ_CONTAINER(node, struct farewell, node);

		if (!has_time || farewell->rest.len == 0)
			end_farewell(farewell);
	}
}

static struct farewell *
farewell_new(struct tcp *tcp, struct pz_slice rest)
{
	struct farewell *farewell = calloc(1, sizeof(*farewell));

	if (farewell == NULL)
		return NULL;
	pz_buf_init(&farewell->rest, rest.len, NULL);
	if (rest.len > 0 && tcp->error == 0 && pz_buf_append(&farewell->rest, rest) == PZ_OK)
		return farewell;
	if (shutdown(tcp->fd, SHUT_WR) == 0)
		return farewell;
	free(farewell);
	return NULL;
}

static void
tcp_finish(struct pz_stream *stream, struct pz_slice rest)
{
	struct tcp *tcp = (struct tcp *)(void *)stream;
	unsigned most = pz_loop_room(tcp->loop, 2 * PZ_LINGERING_MAX) / 2;
	/* Nothing was sent, so nothing can be lost: no farewell. None either when the process has
	 * almost no descriptors left. */
	struct farewell *farewell =
		(tcp->has_sent || rest.len > 0) && most ? farewell_new(tcp, rest) : NULL;

	uv_poll_stop(&tcp->poll);
	if (farewell == NULL) {
		uv_close((uv_handle_t *)&tcp->poll, on_closed);
		return;
	}
	/* Refused strangers must not use more descriptors than there are links for strangers. The
	 * oldest makes room for the newest. */
	if (tcp->loop->lingering_len >= most)
		end_farewell(
			PZ_CONTAINER(pz_list_first(&tcp->loop->lingering), struct farewell, node));
	tcp->loop->lingering_len++;
	tcp->loop->end_lingering = end_lingering;
	farewell->tcp = tcp;
	tcp->poll.data = farewell;
	pz_timer_init(&farewell->timer, on_linger_over, farewell);
	/* For an end that never closes, or does not read. */
	pz_env_start(&tcp->loop->env, &farewell->timer, PZ_FAREWELL_US);
	pz_list_append(&tcp->loop->lingering, &farewell->node);
	uv_poll_start(&tcp->poll, farewell->rest.len > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE,
		      on_linger_poll);
}

static void
tcp_close(struct pz_stream *stream)
{
	tcp_finish(stream, (struct pz_slice){0});
}

static const struct pz_stream_ops tcp_ops = {
	.send = tcp_send,
	.set_reading = tcp_set_reading,
	.measure = tcp_measure,
	.close = tcp_close,
	.finish = tcp_finish,
};

enum pz_err
pz_tcp_stream_new(struct pz_loop *loop, int fd, struct pz_stream **out)
{
	int one = 1, unsent = PZ_SOCKET_UNSENT_BYTES;
	struct tcp *tcp = calloc(1, sizeof(*tcp));

	if (tcp == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	if (uv_poll_init(&loop->uv, &tcp->poll, fd) != 0) {
		free(tcp);
		return PZ_ERR_IO;
	}
	/* Messages are small and are coalesced here; Nagle would hold back the last one. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* Bytes beyond what the network needs wait in our queue, where small messages can overtake
	 * them and which shows what was not sent. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	tcp->stream.ops = &tcp_ops;
	tcp->poll.data = tcp;
	tcp->loop = loop;
	tcp->fd = fd;
	*out = &tcp->stream;
	return PZ_OK;
}
