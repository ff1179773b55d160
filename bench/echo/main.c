/*
 * Two processes, mutual TLS with the certificates of two devices, blocking sockets, one call at a
 * time: the shortest round trip between two devices that TLS allows. What a direct link (page 6) is
 * compared with. With --links a new connection for each call: the shortest way to a first answer.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.h"
#include "common/tls.h"
#include "load/client.h"
#include "load/message.h"
#include "load/sample.h"

#define REQUEST_BYTES 300
#define REPLY_BYTES 200
#define HEADER_BYTES 4
#define FRAME_BYTES_MAX 4096

static const char caller[] = "bench@bench.example/caller",
		  answerer[] = "bench@bench.example/answerer";

static bool is_link_each; /* --links */

/* Of the first device of the layout, or of the second, which answers. */
static struct client_config config;
static struct identity self;

static void
become(bool is_server, const char *dir)
{
	struct wallet *wallet = wallet_open(dir);

	client_config_init(&config, dir, false, 0);
	if (is_server) {
		char trust[4096];
		snprintf(trust, sizeof(trust), "%s/trust.pem", dir);
		config.ctx = bench_tls_ctx(true, trust, NULL, NULL);
		wallet_skip(wallet, 1);
	}
	wallet_next(wallet, &self);
	wallet_close(wallet);
}

static SSL *
new_session(int fd)
{
	SSL *ssl = bench_tls_new(config.ctx, fd);

	client_show(ssl, &config, &self);
	return ssl;
}

static void
hang_up(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

/* False: the other side has ended. */
static bool
read_exactly(SSL *ssl, uint8_t *to, size_t len)
{
	size_t n = 0;

	for (; len > 0; len -= n, to += n)
		if (SSL_read_ex(ssl, to, len, &n) != 1)
			return false;
	return true;
}

/* Reads one frame; returns its number, or 0 at the end. */
static uint64_t
receive(SSL *ssl)
{
	uint8_t frame[FRAME_BYTES_MAX];

	if (!read_exactly(ssl, frame, HEADER_BYTES))
		return 0;
	size_t len = (size_t)frame[0] | (size_t)frame[1] << 8;
	if (len > sizeof(frame))
		bench_fail("frame of %zu bytes", len);
	return read_exactly(ssl, frame, len) ? message_find_id(frame, len) : 0;
}

static void
send_message(SSL *ssl, struct message *message, uint64_t id)
{
	size_t n = 0;

	message_set_id(message, id);
	if (SSL_write_ex(ssl, message->frame, message->len, &n) != 1 || n != message->len)
		bench_tls_fail("write");
}

static void
answer_one(int fd, struct message *reply)
{
	int one = 1;
	uint64_t id;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	SSL *ssl = new_session(fd);
	if (SSL_accept(ssl) != 1)
		bench_tls_fail("accept");
	while ((id = receive(ssl)) != 0)
		send_message(ssl, reply, id);
	hang_up(ssl);
}

static void
answer(int listener, const char *dir)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	struct message reply;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	become(true, dir);
	message_reply(&reply, answerer, caller, REPLY_BYTES);
	while (poll(&ready, 1, -1) == 1)
		answer_one(accept(listener, NULL, NULL), &reply);
	bench_fail("poll");
}

static SSL *
dial(uint16_t port)
{
	SSL *ssl = new_session(bench_connect(port, 0));

	if (SSL_connect(ssl) != 1)
		bench_tls_fail("connect");
	return ssl;
}

static void
ask(uint16_t port, const char *dir, struct sample *sample)
{
	struct message request;
	SSL *ssl = NULL;
	uint64_t id;
	bool is_last;

	become(false, dir);
	message_request(&request, caller, answerer, REQUEST_BYTES);
	do {
		id = sample_send(sample);
		if (ssl == NULL)
			ssl = dial(port);
		send_message(ssl, &request, id);
		if ((id = receive(ssl)) == 0)
			bench_tls_fail("the other side has ended");
		is_last = sample_receive(sample, id);
		if (is_link_each) {
			hang_up(ssl);
			ssl = NULL;
		}
	} while (!is_last);
	message_free(&request);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"dir", required_argument, NULL, 'd'},
		{"count", required_argument, NULL, 'c'},
		{"warm", required_argument, NULL, 'w'},
		{"links", no_argument, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	const char *dir = ".";
	unsigned long count = 20000, warm = 20;
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	struct sample sample;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			dir = optarg;
		else if (c == 'l')
			is_link_each = true;
		else if (c == 'w')
			warm = bench_number("warm", optarg, 100000000);
		else if (c == 'c')
			count = bench_number("count", optarg, 100000000);
		else
			return 1;
	}
	int listener = bench_listen(0);
	if (getsockname(listener, (struct sockaddr *)&address, &len) != 0)
		bench_fail("getsockname");
	pid_t pid = fork();
	if (pid == 0)
		answer(listener, dir);
	sample_init(&sample, warm, count, pid);
	ask(ntohs(address.sin_port), dir, &sample);
	sample_print(&sample, REQUEST_BYTES);
	sample_fini(&sample);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
