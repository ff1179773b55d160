/* Links over real sockets: back-pressure, hang-ups and resets. */
#include "net/names_fixture.h"
#include "net/tcp_fixture.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

#include "kit/clock.h"
#include "kit/tls.h"
#include "net/link.h"
#include "wire/frame.h"

struct end {
	struct pz_link *link; /* NULL once closed */
	int secured, closed, drained;
	enum pz_err why;
	char detail[256];
	size_t received; /* bytes of frames */
	unsigned frames, wrong;
};

static void
on_secured(struct pz_link *link)
{
	struct end *end = link->owner;

	end->secured++;
	pz_link_establish(link);
}

/* Frames are numbered in their first body byte. */
static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct end *end = link->owner;

	end->wrong += frame.ptr[PZ_FRAME_HEADER_BYTES] != (uint8_t)end->frames;
	end->frames++;
	end->received += frame.len;
	return PZ_OK;
}

static void
on_keepalive(struct pz_link *link)
{
	(void)link;
}

static void
on_drained(struct pz_link *link)
{
	((struct end *)link->owner)->drained++;
}

static void
on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct end *end = link->owner;

	(void)undelivered;
	end->closed++;
	end->why = why;
	snprintf(end->detail, sizeof(end->detail), "%s", detail);
	end->link = NULL;
}

static const struct pz_link_events link_events = {
	.secured = on_secured,
	.frame = on_frame,
	.keepalive = on_keepalive,
	.drained = on_drained,
	.closed = on_closed,
};

struct net {
	struct pz_kit_zone zone;
	struct pz_tls_ctx *hub_ctx, *laptop_ctx;
	struct pz_metrics metrics;
	struct pz_link_host host;
	struct server server;
	struct end hub, laptop;
};

static struct pz_tls_ctx *
on_select(void *arg, const char *label, enum pz_tls_purpose purpose)
{
	(void)label;
	(void)purpose;
	return ((struct net *)arg)->hub_ctx;
}

static struct pz_tls *
client_tls(struct net *n)
{
	struct pz_expect expect = {.zone = "alice@example.org", .role = PZ_EXPECT_HUB};
	struct pz_tls *tls = NULL;

	assert_ok(pz_tls_new_client(n->laptop_ctx, "hub.example", &expect, &tls));
	return tls;
}

static void
link_over(struct net *n, struct end *end, struct pz_stream *stream, struct pz_tls *tls)
{
	assert_ok(pz_link_new(&n->host, stream, tls, PZ_HANDSHAKE_TIMEOUT_US, end, &end->link));
}

static void
server_link(struct net *n)
{
	struct pz_tls *tls = NULL;

	assert_ok(pz_tls_new_server(on_select, n, &pz_kit_loop.loop.env, &tls));
	link_over(n, &n->hub, n->server.stream, tls);
	n->server.stream = NULL;
}

static void
net_open(struct net *n)
{
	*n = (struct net){0};
	pz_kit_zone_init(&n->zone, "alice@example.org", &pz_kit_loop.loop.env);
	n->hub_ctx = pz_kit_tls_ctx(PZ_TLS_HUB_SERVER, &n->zone.hub, &n->zone, NULL);
	n->laptop_ctx = pz_kit_tls_ctx(PZ_TLS_CLIENT, &n->zone.laptop, &n->zone, NULL);
	n->host = (struct pz_link_host){
		.env = &pz_kit_loop.loop.env,
		.turn = &pz_kit_loop.loop.turn,
		.metrics = &n->metrics,
		.events = &link_events,
		.frame_max = PZ_FRAME_BYTES_DEFAULT,
	};
	listen_at(&n->server, "127.0.0.1");
}

static void
net_connect(struct net *n)
{
	struct dialler d = {0};

	dial(&d, "127.0.0.1", n->server.port);
	pz_kit_until(d.connected && n->server.accepted);
	server_link(n);
	link_over(n, &n->laptop, d.stream, client_tls(n));
	pz_kit_until(n->hub.secured && n->laptop.secured);
}

static void
net_close(struct net *n)
{
	struct end *ends[] = {&n->hub, &n->laptop};

	for (int i = 0; i < 2; i++)
		if (ends[i]->link)
			pz_link_close(ends[i]->link, PZ_OK, "");
	pz_kit_until(n->hub.link == NULL && n->laptop.link == NULL);
	server_close(&n->server);
	pz_tls_ctx_free(n->hub_ctx);
	pz_tls_ctx_free(n->laptop_ctx);
	pz_kit_zone_fini(&n->zone);
}

static void
send_frame(struct end *end, size_t body_len, unsigned number)
{
	uint8_t *frame = malloc(PZ_FRAME_HEADER_BYTES + body_len);

	assert_non_null(frame);
	memset(frame, (int)number & 0xff, PZ_FRAME_HEADER_BYTES + body_len);
	pz_frame_put_header(frame, body_len);
	assert_ok(pz_link_send(end->link, pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + body_len)));
	free(frame);
}

static void
much_goes_both_ways(void **state)
{
	struct net n;
	enum { FRAMES = 300, BODY = 50000 };

	(void)state;
	net_open(&n);
	net_connect(&n);
	for (unsigned i = 0; i < FRAMES; i++) {
		send_frame(&n.hub, BODY + i, i);
		send_frame(&n.laptop, BODY + i, i);
	}
	pz_kit_until(n.hub.frames == FRAMES && n.laptop.frames == FRAMES);
	assert_int_equal(n.hub.wrong + n.laptop.wrong, 0);
	assert_int_equal(n.hub.received, n.laptop.received);
	pz_kit_until(n.hub.link->session.queued == 0 && n.laptop.link->session.queued == 0);
	net_close(&n);
}

static void
who_is_not_read_has_to_wait(void **state)
{
	struct net n;
	enum { FRAMES = 200, BODY = 100000 };

	(void)state;
	net_open(&n);
	net_connect(&n);
	n.laptop.link->session.ops->set_reading(&n.laptop.link->session, false);
	for (unsigned i = 0; i < FRAMES; i++)
		send_frame(&n.hub, BODY, i);
	for (int i = 0; i < 50; i++)
		pz_kit_loop_turn();
	uint64_t drained = n.hub.link->session.drained;
	for (int i = 0; i < 20; i++)
		pz_kit_loop_turn();
	assert_int_equal(n.hub.link->session.drained, drained); /* the kernel's buffers are full */
	assert_true(n.hub.link->session.queued > (1U << 20));
	assert_int_equal(n.laptop.frames, 0);
	n.laptop.link->session.ops->set_reading(&n.laptop.link->session, true);
	pz_kit_until(n.laptop.frames == FRAMES);
	assert_int_equal(n.laptop.wrong, 0);
	assert_true(n.hub.drained > 0);
	net_close(&n);
}

static void
a_close_is_noticed_at_once(void **state)
{
	struct net n;

	(void)state;
	net_open(&n);
	net_connect(&n);
	send_frame(&n.hub, 100, 0);
	pz_link_close(n.hub.link, PZ_ERR_EXISTS, "replaced");
	pz_kit_until(n.laptop.closed);
	assert_int_equal(n.laptop.frames, 1);
	assert_int_equal(n.laptop.why, PZ_ERR_IO_CLOSED);
	assert_int_equal(n.hub.why, PZ_ERR_EXISTS);
	net_close(&n);
}

/* What was sent before the connection broke is received: often it is the reason. */
static void
what_was_said_before_a_reset_is_heard(void **state)
{
	struct net n;
	struct pz_buf out;
	struct pz_errinfo info = {""};
	bool done = false;
	uint8_t buf[65536], frame[104] = {100, 0, 0, 0};
	size_t len;

	(void)state;
	net_open(&n);
	pz_buf_init(&out, 1U << 20, NULL);
	struct sockaddr_in addr = loopback(n.server.port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	pz_kit_until(n.server.accepted);
	server_link(&n);
	struct pz_tls *tls = client_tls(&n);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (!done || !n.hub.secured) {
		ssize_t got = recv(fd, buf, sizeof(buf), 0);
		pz_tls_input(tls, pz_slice_of(buf, got > 0 ? (size_t)got : 0));
		assert_ok(pz_tls_handshake(tls, &out, &done, &info));
		if (done)
			assert_ok(pz_tls_read(tls, frame + 4, 100, &len, &out, &info));
		if (out.len > 0)
			assert_int_equal(send(fd, pz_buf_slice(&out).ptr, out.len, 0), out.len);
		pz_buf_consume(&out, out.len);
		pz_kit_loop_turn();
	}
	send_frame(&n.hub, 1000, 0); /* unread by us: so our close will be a reset */
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	while (poll(&readable, 1, 0) == 0)
		pz_kit_loop_turn();
	memset(frame + 4, 0, 100);
	assert_ok(pz_tls_write(tls, pz_slice_of(frame, sizeof(frame)), &out));
	assert_int_equal(send(fd, pz_buf_slice(&out).ptr, out.len, 0), out.len);
	close(fd);
	pz_kit_until(n.hub.closed);
	assert_int_equal(n.hub.frames, 1);
	assert_int_equal(n.hub.why, PZ_ERR_IO);
	assert_string_equal(n.hub.detail, strerror(ECONNRESET));
	pz_tls_free(tls);
	pz_buf_fini(&out);
	net_close(&n);
}

/* A link that is closed while the other side still talks: what it said last arrives all the same.
 */
static void
last_words_survive_unread_input(void **state)
{
	struct net n;

	(void)state;
	net_open(&n);
	net_connect(&n);
	n.hub.link->session.ops->set_reading(&n.hub.link->session, false);
	for (unsigned i = 0; i < 3; i++)
		send_frame(&n.laptop, 100000, i);
	for (int i = 0; i < 20; i++)
		pz_kit_loop_turn();
	/* The laptop does not read either, until the hub is gone. */
	n.laptop.link->session.ops->set_reading(&n.laptop.link->session, false);
	send_frame(&n.hub, 100, 0);
	pz_link_close(n.hub.link, PZ_ERR_DENIED_REVOKED, "revoked");
	pz_kit_until(n.hub.closed);
	for (int i = 0; i < 5; i++)
		pz_kit_loop_turn();
	n.laptop.link->session.ops->set_reading(&n.laptop.link->session, true);
	pz_kit_until(n.laptop.closed);
	assert_int_equal(n.laptop.frames, 1);
	assert_int_equal(n.laptop.why, PZ_ERR_IO_CLOSED); /* with close_notify, no reset */
	net_close(&n);
}

static void
fill(struct net *n, unsigned frames)
{
	for (unsigned i = 0; i < frames; i++)
		send_frame(&n->hub, 100000, i);
	for (int i = 0; i < 20; i++)
		pz_kit_loop_turn();
	assert_true(n->hub.link->cipher.len > 0);
}

/* The laptop does not read, and the hub's link ends in the middle of a record. */
static void
close_with_a_record_begun(struct net *n)
{
	net_open(n);
	net_connect(n);
	n->laptop.link->session.ops->set_reading(&n->laptop.link->session, false);
	fill(n, 200);
	pz_link_close(n->hub.link, PZ_ERR_DENIED_REVOKED, "revoked");
	pz_kit_until(n->hub.closed);
}

/* The system took a part of a record when the link was closed: the rest follows. */
static void
a_record_that_was_begun_is_sent_to_its_end(void **state)
{
	struct net n;

	(void)state;
	close_with_a_record_begun(&n);
	n.laptop.link->session.ops->set_reading(&n.laptop.link->session, true);
	pz_kit_until(n.laptop.closed);
	assert_int_equal(n.laptop.why, PZ_ERR_IO_CLOSED);
	assert_string_not_equal(n.laptop.detail, "hang-up"); /* close_notify, behind the record */
	net_close(&n);
}

/* An end that does not read it keeps neither the socket nor the end of the loop (tear_down). */
static void
a_record_that_is_not_read_is_given_up(void **state)
{
	struct net n;

	(void)state;
	close_with_a_record_begun(&n);
	assert_int_equal(pz_kit_loop.loop.lingering_len, 1);
	pz_kit_loop_push(PZ_FAREWELL_US);
	pz_kit_until(pz_kit_loop.loop.lingering_len == 0);
	net_close(&n);
}

/* The process reads to the end; its status is 0 where that was so long. */
static void
read_all(int fd, size_t expected)
{
	char part[65536];
	size_t all = 0;
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0)
		all += (size_t)n;
	_exit(all == expected ? 0 : 1);
}

/* A daemon that stops has a stream whose other end reads slowly. */
static void
the_rest_goes_before_the_loop_ends(void **state)
{
	enum { BYTES = 2 << 20 };
	struct pz_loop loop;
	struct pz_stream *stream;
	uint8_t *bytes = calloc(1, BYTES);
	int fds[2], status = -1;

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(fds[0]);
		read_all(fds[1], BYTES);
	}
	close(fds[1]);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_ok(pz_loop_init(&loop, 0));
	assert_ok(pz_tcp_stream_new(&loop, fds[0], &stream));
	stream->ops->finish(stream, pz_slice_of(bytes, BYTES));
	pz_loop_fini(&loop);
	free(bytes);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Also a link that does not read at the moment learns from a failed write that it is dead. */
static void
a_failed_write_ends_a_link_that_does_not_read(void **state)
{
	struct net n;
	unsigned i = 0;

	(void)state;
	net_open(&n);
	net_connect(&n);
	n.hub.link->session.ops->set_reading(&n.hub.link->session, false);
	send_frame(&n.laptop, 1000, 0);
	for (int k = 0; k < 5; k++)
		pz_kit_loop_turn();
	pz_link_close(n.laptop.link, PZ_OK, "");
	pz_kit_until(n.laptop.closed);
	pz_kit_loop_push(2 * PZ_US_PER_S); /* it would wait for our hang-up so long */
	for (; i < 100 && n.hub.link && !n.hub.link->closing; i++) {
		send_frame(&n.hub, 1000, i);
		pz_kit_loop_turn();
	}
	pz_kit_until(n.hub.closed);
	assert_int_equal(n.hub.frames, 1); /* sent before, received */
	net_close(&n);
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		LOOP_TEST(much_goes_both_ways),
		LOOP_TEST(who_is_not_read_has_to_wait),
		LOOP_TEST(a_close_is_noticed_at_once),
		LOOP_TEST(what_was_said_before_a_reset_is_heard),
		LOOP_TEST(last_words_survive_unread_input),
		LOOP_TEST(a_record_that_was_begun_is_sent_to_its_end),
		LOOP_TEST(a_record_that_is_not_read_is_given_up),
		cmocka_unit_test(the_rest_goes_before_the_loop_ends),
		LOOP_TEST(a_failed_write_ends_a_link_that_does_not_read),
	};

	pz_log_threshold = PZ_LOG_WARNING;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
