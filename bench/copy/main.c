/*
 * A file over one TLS connection between two processes, mutual TLS with the certificates of two
 * devices: read, encrypt, send; receive, decrypt, write, fsync. What a file between devices (page
 * 15) is compared with.
 */
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.h"
#include "common/tls.h"
#include "load/client.h"

#define PIECE_BYTES (64U << 10)

static struct client_config config;
static struct identity self;
static uint8_t piece[PIECE_BYTES];

/* The first device of the layout sends, the second receives. */
static SSL *
become(bool is_server, const char *dir, int fd)
{
	struct wallet *wallet = wallet_open(dir);
	char trust[4096];

	client_config_init(&config, dir, false, 0);
	if (is_server) {
		snprintf(trust, sizeof(trust), "%s/trust.pem", dir);
		config.ctx = bench_tls_ctx(true, trust, NULL, NULL);
		wallet_skip(wallet, 1);
	}
	wallet_next(wallet, &self);
	wallet_close(wallet);
	SSL *ssl = bench_tls_new(config.ctx, fd);
	client_show(ssl, &config, &self);
	return ssl;
}

static void
receive(int listener, const char *dir, const char *path)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	size_t n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&ready, 1, -1) != 1)
		bench_fail("poll");
	SSL *ssl = become(true, dir, accept(listener, NULL, NULL));
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0 || SSL_accept(ssl) != 1)
		bench_tls_fail("accept");
	while (SSL_read_ex(ssl, piece, sizeof(piece), &n) == 1)
		for (size_t at = 0; at < n;) {
			ssize_t wrote = write(out, piece + at, n - at);
			if (wrote <= 0)
				bench_fail("write");
			at += (size_t)wrote;
		}
	if (fsync(out) != 0)
		bench_fail("fsync");
	exit(0);
}

static uint64_t
transmit(uint16_t port, const char *dir, const char *path)
{
	SSL *ssl = become(false, dir, bench_connect(port, 0));
	int in = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t bytes = 0;
	ssize_t n;
	size_t wrote;

	if (in < 0 || SSL_connect(ssl) != 1)
		bench_tls_fail("connect");
	while ((n = read(in, piece, sizeof(piece))) > 0)
		for (size_t at = 0; at < (size_t)n; at += wrote, bytes += wrote)
			if (SSL_write_ex(ssl, piece + at, (size_t)n - at, &wrote) != 1)
				bench_tls_fail("write");
	(void)SSL_shutdown(ssl);
	close(in);
	return bytes;
}

static double
used_s(int who)
{
	struct rusage usage;

	if (getrusage(who, &usage) != 0)
		bench_fail("getrusage");
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"dir", required_argument, NULL, 'd'},
		{"file", required_argument, NULL, 'f'},
		{"to", required_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	const char *dir = ".", *file = NULL, *to = NULL;
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int c, status = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			dir = optarg;
		else if (c == 'f')
			file = optarg;
		else if (c == 't')
			to = optarg;
		else
			return 1;
	}
	if (file == NULL || to == NULL)
		bench_fail("--file and --to are needed");
	int listener = bench_listen(0);
	if (getsockname(listener, (struct sockaddr *)&address, &len) != 0)
		bench_fail("getsockname");
	uint64_t began_ns = bench_now_ns();
	pid_t pid = fork();
	if (pid == 0)
		receive(listener, dir, to);
	uint64_t bytes = transmit(ntohs(address.sin_port), dir, file);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		bench_fail("the receiver failed");
	double took_s = (double)(bench_now_ns() - began_ns) / 1e9;
	double cpu_s = used_s(RUSAGE_SELF) + used_s(RUSAGE_CHILDREN);
	printf("{\"mb_per_s\":%.1f,\"cpu_s\":%.3f,\"mb_per_cpu_s\":%.1f}\n",
	       (double)bytes / 1e6 / took_s, cpu_s, (double)bytes / 1e6 / cpu_s);
	return 0;
}
