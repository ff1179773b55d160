/*
 * Two processes, one mutual-TLS connection, blocking sockets, one call at a time: the shortest
 * round trip between two devices that TLS allows. What a direct link (page 6) is compared with.
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
#include "load/message.h"
#include "load/sample.h"

#define REQUEST_BYTES 300
#define REPLY_BYTES 200
#define HEADER_BYTES 4
#define FRAME_BYTES_MAX 4096

static const char caller[] = "bench@bench.example/caller",
		  answerer[] = "bench@bench.example/answerer";

static SSL_CTX *
make_ctx(bool server, const char *dir)
{
	char trust[4096], cert[4096], key[4096];

	snprintf(trust, sizeof(trust), "%s/trust.pem", dir);
	snprintf(cert, sizeof(cert), "%s/server.pem", dir);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	return bench_tls_ctx(server, trust, cert, key);
}

static void
read_exactly(SSL *ssl, uint8_t *to, size_t len)
{
	size_t n = 0;

	for (; len > 0; len -= n, to += n)
		if (SSL_read_ex(ssl, to, len, &n) != 1)
			exit(0); /* the other side has ended */
}

/* Reads one frame; returns its number. */
static uint64_t
receive(SSL *ssl)
{
	uint8_t frame[FRAME_BYTES_MAX];

	read_exactly(ssl, frame, HEADER_BYTES);
	size_t len = (size_t)frame[0] | (size_t)frame[1] << 8;
	if (len > sizeof(frame))
		bench_fail("frame of %zu bytes", len);
	read_exactly(ssl, frame, len);
	return message_find_id(frame, len);
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
answer(int listener, const char *dir)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	struct message reply;
	int one = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&ready, 1, -1) != 1)
		bench_fail("poll");
	int fd = accept(listener, NULL, NULL);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	SSL *ssl = bench_tls_new(make_ctx(true, dir), fd);
	if (SSL_accept(ssl) != 1)
		bench_tls_fail("accept");
	message_reply(&reply, answerer, caller, REPLY_BYTES);
	for (;;)
		send_message(ssl, &reply, receive(ssl));
}

static void
ask(uint16_t port, const char *dir, struct sample *sample)
{
	struct message request;
	SSL *ssl = bench_tls_new(make_ctx(false, dir), bench_connect(port, 0));

	if (SSL_connect(ssl) != 1)
		bench_tls_fail("connect");
	message_request(&request, caller, answerer, REQUEST_BYTES);
	do {
		send_message(ssl, &request, sample_send(sample));
	} while (!sample_receive(sample, receive(ssl)));
	message_free(&request);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"dir", required_argument, NULL, 'd'},
		{"count", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	const char *dir = ".";
	unsigned long count = 20000;
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	struct sample sample;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			dir = optarg;
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
	sample_init(&sample, count / 10, count, pid);
	ask(ntohs(address.sin_port), dir, &sample);
	sample_print(&sample, REQUEST_BYTES);
	sample_fini(&sample);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
