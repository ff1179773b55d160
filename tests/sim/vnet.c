/*
 * A connection is two ends and two pipes. A pipe contains what was sent and not yet delivered; its
 * timer delivers one piece after the other to the link at its end. The timer of an end reports that
 * there is room again, or that the connection was reset. Nothing is ever delivered inside a call of
 * a node, as the interfaces require.
 */
#include "vnet.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/list.h"
#include "net/link.h"
#include "vnet_internal.h"

#define HOSTS_MAX 64

/* ---- time ---- */

uint64_t
vnet_latency(struct vnet *net)
{
	return rng_between(&net->rng, net->weather.latency_min_us, net->weather.latency_max_us);
}

void
vnet_soon(struct vnet *net, struct pz_timer *timer, uint64_t delay_us)
{
	uint64_t due = *net->now_us + delay_us;

	if (!timer->active || timer->due_us > due)
		pz_timer_start(&net->timers, timer, due);
}

void
vnet_after(struct vnet *net)
{
	net->hooks.after(net->arg);
}

void
vnet_begin(struct vnet *net, const struct vhost *host)
{
	net->hooks.begin(net->arg, host->name);
}

/* ---- connections ---- */

struct vhost *
vnet_find_host(const struct vnet *net, const char *name)
{
	for (const struct pz_list *n = net->hosts.next; n != &net->hosts; n = n->next) {
		struct vhost *host = PZ_CONTAINER(n, struct vhost, node);
		if (strcmp(host->name, name) == 0 || strcmp(host->address, name) == 0)
			return host;
	}
	return NULL;
}

bool
vnet_is_blocked(const struct vhost *a, const struct vhost *b)
{
	return (a->cut_from & (UINT64_C(1) << b->index)) != 0;
}

bool
vnet_are_blocked(const struct vnet *net, const char *a, const char *b)
{
	const struct vhost *from = vnet_find_host(net, a), *to = vnet_find_host(net, b);

	return from && to && vnet_is_blocked(from, to);
}

static bool
is_stalled(const struct vconn *conn)
{
	return conn->is_silent || vnet_is_blocked(conn->end[0].host, conn->end[1].host);
}

static void
wake_pipe(struct vpipe *pipe, uint64_t delay_us)
{
	if (pipe->len > 0 || pipe->has_fin)
		vnet_soon(pipe->conn->net, &pipe->timer, delay_us);
}

static void
release(struct vconn *conn)
{
	if (conn->end[0].state == END_OPEN || conn->end[1].state == END_OPEN || conn->is_dialling)
		return;
	for (int i = 0; i < 2; i++) {
		pz_timer_stop(&conn->net->timers, &conn->end[i].timer);
		pz_timer_stop(&conn->net->timers, &conn->pipe[i].timer);
		free(conn->pipe[i].mem);
	}
	pz_list_remove(&conn->node);
	free(conn);
}

void
vconn_unused(struct vconn *conn)
{
	conn->is_dialling = false;
	release(conn);
}

/* A reset will be reported to the end's owner; what has not been delivered to it is lost. */
static void
reset_end(struct vend *end, uint64_t delay_us)
{
	struct vpipe *pipe = &end->conn->pipe[end->side];

	if (end->is_reset || end->has_ended)
		return;
	end->is_reset = true;
	pipe->len = 0;
	pipe->has_fin = false;
	vnet_soon(end->conn->net, &end->timer, delay_us);
}

static void
break_conn(struct vconn *conn, bool silently)
{
	if (silently) {
		conn->is_silent = true;
		return;
	}
	reset_end(&conn->end[0], rng_below(&conn->net->rng, conn->latency_us + 1));
	reset_end(&conn->end[1], rng_below(&conn->net->rng, conn->latency_us + 1));
}

/* ---- delivering ---- */

static size_t
piece_size(struct vnet *net, size_t len)
{
	const struct vnet_weather *w = &net->weather;

	if (rng_chance(&net->rng, w->tiny_pieces))
		return (size_t)rng_between(&net->rng, 1, len < 8 ? len : 8);
	if (len > w->piece_max)
		len = w->piece_max;
	return rng_chance(&net->rng, 50) ? len : (size_t)rng_between(&net->rng, 1, len);
}

/* A copy of its exact size, so that a sanitizer sees a read past it. */
static uint8_t *
take_piece(struct vpipe *pipe, size_t len)
{
	uint8_t *piece = malloc(len);

	if (piece == NULL)
		abort();
	memcpy(piece, pipe->mem, len);
	pipe->len -= len;
	memmove(pipe->mem, pipe->mem + len, pipe->len);
	return piece;
}

static uint64_t
gap_after(struct vconn *conn, const struct vend *end, size_t len)
{
	if (end->host->rate)
		return len * PZ_US_PER_S / end->host->rate + 1;
	return rng_chance(&conn->net->rng, 70) ? 0
					       : rng_below(&conn->net->rng, conn->latency_us + 1);
}

static void
deliver(struct vpipe *pipe, struct vend *end)
{
	struct vconn *conn = pipe->conn;
	struct vend *sender = &conn->end[!end->side];
	size_t len = piece_size(conn->net, pipe->len);
	uint8_t *piece = take_piece(pipe, len);

	wake_pipe(pipe, gap_after(conn, end, len));
	if (sender->wants_room)
		vnet_soon(conn->net, &sender->timer,
			  rng_below(&conn->net->rng, conn->latency_us + 1));
	conn->moved += len;
	if (conn->moved >= conn->doom_bytes) {
		conn->doom_bytes = SIZE_MAX;
		break_conn(conn, conn->is_doom_silent);
	}
	pz_link_on_bytes(end->stream.link, pz_slice_of(piece, len));
	free(piece);
}

/* Data for a process that has closed: its system answers with a reset. */
static void
discard(struct vpipe *pipe, struct vend *end)
{
	bool had_bytes = pipe->len > 0;

	pipe->len = 0;
	pipe->has_fin = false;
	if (had_bytes && end->host->is_on)
		reset_end(&pipe->conn->end[!end->side], pipe->conn->latency_us);
}

static void
run_pipe(struct pz_timer *timer, void *arg)
{
	struct vpipe *pipe = arg;
	struct vconn *conn = pipe->conn;
	struct vnet *net = conn->net;
	struct vend *end = &conn->end[pipe->to];

	(void)timer;
	if (is_stalled(conn))
		return;
	vnet_begin(net, end->host);
	if (end->is_dead || end->state == END_CLOSED) {
		discard(pipe, end);
	} else if (end->state != END_OPEN || !end->reading || end->is_reset || end->has_ended) {
		return; /* set_reading wakes it */
	} else if (!pz_link_wants_bytes(end->stream.link)) {
		vnet_soon(net, &pipe->timer, 200);
	} else if (pipe->len > 0) {
		deliver(pipe, end);
	} else if (pipe->has_fin) {
		pipe->has_fin = false;
		end->has_ended = true;
		pz_link_on_end(end->stream.link, pipe->is_fin_reset ? PZ_ERR_IO : PZ_ERR_IO_CLOSED,
			       pipe->is_fin_reset ? "connection reset (virtual)" : "hang-up");
	}
	vnet_after(net);
}

/* What its system has not taken is lost: the process has waited long enough, or is dead. */
static void
drop_rest(struct vend *end)
{
	struct vpipe *out = &end->conn->pipe[!end->side];

	if (out->len > out->window)
		out->len = out->window;
}

static void
run_end(struct pz_timer *timer, void *arg)
{
	struct vend *end = arg;
	struct vnet *net = end->conn->net;
	const struct vpipe *out = &end->conn->pipe[!end->side];

	(void)timer;
	if (end->state == END_CLOSED)
		drop_rest(end);
	if (end->state != END_OPEN || end->is_dead || end->stream.link == NULL || end->has_ended)
		return;
	vnet_begin(net, end->host);
	if (end->is_reset && (end->reading || end->wants_room)) {
		end->has_ended = true;
		pz_link_on_end(end->stream.link, PZ_ERR_IO, "connection reset (virtual)");
	} else if (end->wants_room && out->len < out->window) {
		end->wants_room = false;
		pz_link_on_writable(end->stream.link);
	}
	vnet_after(net);
}

/* ---- the stream of a link ---- */

static struct vend *
end_of(struct pz_stream *stream)
{
	return (struct vend *)(void *)stream;
}

static void
append(struct vpipe *pipe, struct pz_slice bytes)
{
	if (bytes.len == 0)
		return;
	if (pipe->mem == NULL)
		pipe->mem = malloc(pipe->window);
	if (pipe->mem == NULL)
		abort();
	memcpy(pipe->mem + pipe->len, bytes.ptr, bytes.len);
	pipe->len += bytes.len;
}

static void
append_rest(struct vpipe *pipe, struct pz_slice bytes)
{
	uint8_t *mem = realloc(pipe->mem, pipe->window + bytes.len);

	if (mem == NULL)
		abort();
	pipe->mem = mem;
	append(pipe, bytes);
}

static size_t
stream_send(struct pz_stream *stream, struct pz_slice bytes)
{
	struct vend *end = end_of(stream);
	struct vconn *conn = end->conn;
	struct vpipe *pipe = &conn->pipe[!end->side];
	size_t room = pipe->window - pipe->len, n = bytes.len < room ? bytes.len : room;

	if (end->is_dead || end->is_reset)
		return bytes.len; /* lost either way; reading reports it */
	/* A system that is short of memory takes less, but not of a few bytes. */
	if (n > 256 && rng_chance(&conn->net->rng, 10))
		n = (size_t)rng_between(&conn->net->rng, 256, n);
	append(pipe, pz_slice_of(bytes.ptr, n));
	wake_pipe(pipe, conn->latency_us);
	if (n < bytes.len) {
		end->wants_room = true;
		if (pipe->len < pipe->window)
			vnet_soon(conn->net, &end->timer, 1);
	}
	return n;
}

static void
stream_set_reading(struct pz_stream *stream, bool on)
{
	struct vend *end = end_of(stream);

	end->reading = on;
	if (!on)
		return;
	wake_pipe(&end->conn->pipe[end->side], rng_below(&end->conn->net->rng, 50));
	if (end->is_reset)
		vnet_soon(end->conn->net, &end->timer, 1);
}

static void
stream_measure(struct pz_stream *stream, struct pz_stream_measure *out)
{
	const struct vend *end = end_of(stream), *other = &end->conn->end[!end->side];
	size_t len = end->conn->pipe[!end->side].len;

	*out = (struct pz_stream_measure){.unacked = len,
					  .in_flight = other->reading || other->is_dead ? len : 0,
					  .round_trip_us = 2 * end->conn->latency_us};
}

static void
stream_finish(struct pz_stream *stream, struct pz_slice rest)
{
	struct vend *end = end_of(stream);
	struct vconn *conn = end->conn;
	struct vpipe *in = &conn->pipe[end->side], *out = &conn->pipe[!end->side];

	if (!end->is_dead && !end->is_reset) {
		append_rest(out, rest);
		out->has_fin = true;
		/* RFC 1122 4.2.2.13: closing with unread data resets, and may overtake what was
		 * sent. */
		if (in->len > 0 && !is_stalled(conn)) {
			out->is_fin_reset = true;
			out->len = (size_t)rng_between(&conn->net->rng, 0, out->len);
		}
		wake_pipe(out, conn->latency_us);
	}
	in->len = 0;
	end->state = END_CLOSED;
	pz_timer_stop(&conn->net->timers, &end->timer);
	if (out->len > out->window)
		vnet_soon(conn->net, &end->timer, PZ_FAREWELL_US);
	release(conn);
}

static void
stream_close(struct pz_stream *stream)
{
	stream_finish(stream, (struct pz_slice){0});
}

static const struct pz_stream_ops stream_ops = {
	.send = stream_send,
	.set_reading = stream_set_reading,
	.measure = stream_measure,
	.close = stream_close,
	.finish = stream_finish,
};

struct vconn *
vconn_new(struct vnet *net, struct vhost *client, struct vhost *server)
{
	struct vconn *conn = calloc(1, sizeof(*conn));
	const struct vnet_weather *w = &net->weather;

	if (conn == NULL)
		abort();
	conn->net = net;
	conn->latency_us = vnet_latency(net);
	conn->doom_bytes = SIZE_MAX;
	conn->is_dialling = true;
	if (rng_chance(&net->rng, w->breaks + w->silences)) {
		conn->doom_bytes = (size_t)rng_between(&net->rng, 1, w->doom_bytes_max);
		conn->is_doom_silent = rng_below(&net->rng, w->breaks + w->silences) < w->silences;
	}
	for (unsigned i = 0; i < 2; i++) {
		conn->end[i] =
			(struct vend){.stream = {.ops = &stream_ops}, .conn = conn, .side = i};
		conn->pipe[i] = (struct vpipe){.conn = conn, .to = i};
		conn->pipe[i].window = (size_t)rng_spread(&net->rng, w->window_min, w->window_max);
		pz_timer_init(&conn->end[i].timer, run_end, &conn->end[i]);
		pz_timer_init(&conn->pipe[i].timer, run_pipe, &conn->pipe[i]);
	}
	conn->end[0].host = client;
	conn->end[1].host = server;
	pz_list_append(&net->conns, &conn->node);
	return conn;
}

/* ---- what happens to the network ---- */

void
vhost_kill(struct vhost *host, enum vnet_death death)
{
	struct vnet *net = host->net;

	vdial_host_killed(host);
	PZ_LIST_EACH (&net->conns, node, tmp) {
		struct vconn *conn = PZ_CONTAINER(node, struct vconn, node);
		for (int i = 0; i < 2; i++) {
			struct vend *end = &conn->end[i];
			if (end->host == host && end->state == END_CLOSED)
				drop_rest(end);
			if (end->host != host || end->is_dead || end->state == END_CLOSED)
				continue;
			end->is_dead = true;
			conn->pipe[!i].len = 0;
			conn->pipe[!i].has_fin = false;
			if (death == VNET_DEATH_RESET && !is_stalled(conn))
				reset_end(&conn->end[!i], conn->latency_us);
		}
	}
}

const char *
vhost_address(const struct vhost *host)
{
	return host->address;
}

void
vhost_set_on(struct vhost *host, bool on)
{
	host->is_on = on;
}

void
vhost_set_rate(struct vhost *host, uint64_t bytes_per_s)
{
	host->rate = bytes_per_s;
}

static bool
is_between(const struct vconn *conn, const struct vhost *a, const struct vhost *b)
{
	return (conn->end[0].host == a && conn->end[1].host == b) ||
	       (conn->end[0].host == b && conn->end[1].host == a);
}

void
vnet_partition(struct vnet *net, struct vhost *a, struct vhost *b, bool on)
{
	if (on) {
		a->cut_from |= UINT64_C(1) << b->index;
		b->cut_from |= UINT64_C(1) << a->index;
		return;
	}
	a->cut_from &= ~(UINT64_C(1) << b->index);
	b->cut_from &= ~(UINT64_C(1) << a->index);
	/* The systems try again what was not acknowledged, some time later. */
	PZ_LIST_EACH (&net->conns, node, tmp) {
		struct vconn *conn = PZ_CONTAINER(node, struct vconn, node);
		if (!is_between(conn, a, b))
			continue;
		wake_pipe(&conn->pipe[0], rng_below(&net->rng, 2 * PZ_US_PER_S));
		wake_pipe(&conn->pipe[1], rng_below(&net->rng, 2 * PZ_US_PER_S));
	}
}

bool
vnet_break_one(struct vnet *net, struct vhost *a, struct vhost *b, bool silently)
{
	struct vconn *chosen = NULL;
	uint64_t seen = 0;

	PZ_LIST_EACH (&net->conns, node, tmp) {
		struct vconn *conn = PZ_CONTAINER(node, struct vconn, node);
		if (is_between(conn, a, b) && !conn->is_silent && rng_below(&net->rng, ++seen) == 0)
			chosen = conn;
	}
	if (chosen)
		break_conn(chosen, silently);
	return chosen != NULL;
}

void
vnet_reset_silent(struct vnet *net)
{
	PZ_LIST_EACH (&net->conns, node, tmp) {
		struct vconn *conn = PZ_CONTAINER(node, struct vconn, node);
		if (conn->is_silent)
			break_conn(conn, false);
	}
}

size_t
vnet_in_flight_to(const struct vnet *net, const struct vhost *host)
{
	size_t sum = 0;

	PZ_LIST_EACH ((struct pz_list *)&net->conns, node, tmp) {
		const struct vconn *conn = PZ_CONTAINER(node, struct vconn, node);
		for (int i = 0; i < 2; i++)
			if (conn->end[i].host == host)
				sum += conn->pipe[i].len;
	}
	return sum;
}

/* ---- life ---- */

struct vnet *
vnet_new(const uint64_t *now_us, uint64_t seed, const struct vnet_hooks *hooks, void *arg)
{
	struct vnet *net = calloc(1, sizeof(*net));

	if (net == NULL)
		abort();
	net->now_us = now_us;
	net->rng.state = seed;
	net->hooks = *hooks;
	net->arg = arg;
	pz_list_init(&net->conns);
	pz_list_init(&net->hosts);
	pz_list_init(&net->listeners);
	pz_list_init(&net->dials);
	vnet_calm(net);
	return net;
}

void
vnet_free(struct vnet *net)
{
	PZ_LIST_EACH (&net->hosts, node, tmp) {
		pz_list_remove(node);
		free(PZ_CONTAINER(node, struct vhost, node));
	}
	if (!pz_list_is_empty(&net->conns) || !pz_list_is_empty(&net->dials) ||
	    !pz_list_is_empty(&net->listeners)) {
		fprintf(stderr, "vnet: a node left a connection, a dial or a listener behind\n");
		abort();
	}
	free(net);
}

struct pz_timers *
vnet_timers(struct vnet *net)
{
	return &net->timers;
}

struct vnet_weather *
vnet_weather(struct vnet *net)
{
	return &net->weather;
}

void
vnet_calm(struct vnet *net)
{
	net->weather = (struct vnet_weather){
		.latency_min_us = 200,
		.latency_max_us = 20 * PZ_US_PER_MS,
		.tiny_pieces = 1,
		.piece_max = 64U << 10,
		.window_min = 16U << 10,
		.window_max = 256U << 10,
	};
	PZ_LIST_EACH (&net->conns, node, tmp) {
		struct vconn *conn = PZ_CONTAINER(node, struct vconn, node);
		conn->doom_bytes = SIZE_MAX;
		conn->latency_us = vnet_latency(net);
	}
}

struct vhost *
vnet_host(struct vnet *net, const char *name)
{
	struct vhost *host = calloc(1, sizeof(*host));

	if (host == NULL || net->host_count == HOSTS_MAX)
		abort();
	snprintf(host->name, sizeof(host->name), "%s", name);
	host->net = net;
	host->index = net->host_count++;
	snprintf(host->address, sizeof(host->address), "10.0.0.%u", host->index);
	host->is_on = true;
	pz_list_append(&net->hosts, &host->node);
	return host;
}
