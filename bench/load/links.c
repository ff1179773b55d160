/* Links that carry no calls: what they take while they are idle, and what it costs to make one. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.h"
#include "load/client.h"
#include "load/load.h"

#define WARM_LINKS 20
#define DRAIN_EVERY 64
#define REST_MS 300

/* ---- idle ---- */

static bool
on_nothing(struct client *client, const uint8_t *frame, size_t len)
{
	(void)client;
	(void)frame;
	(void)len;
	return true;
}

static void
print_idle(const struct load_options *options, unsigned links, long rss, long anonymous)
{
	double cpu = bench_cpu_s(options->broker);

	poll(NULL, 0, 2000);
	cpu = bench_cpu_s(options->broker) - cpu;
	long rss_now = bench_status_kib(options->broker, "VmRSS");
	long anonymous_now = bench_status_kib(options->broker, "RssAnon");
	printf("{\"links\":%u,\"kib_per_link\":%.3f,\"anonymous_kib_per_link\":%.3f,"
	       "\"rss_kib\":%ld,\"idle_cpu_ms_per_s\":%.2f}\n",
	       links, (double)(rss_now - rss) / links, (double)(anonymous_now - anonymous) / links,
	       rss_now, cpu * 1000 / 2);
	fflush(stdout);
}

int
load_idle(const struct load_options *options)
{
	struct client *clients = bench_alloc(options->count, sizeof(*clients));
	struct wallet *wallet = wallet_open(options->dir);
	struct client_config config;
	int loop = client_loop_new();
	long rss = bench_status_kib(options->broker, "VmRSS");
	long anonymous = bench_status_kib(options->broker, "RssAnon");

	client_config_init(&config, options->dir, options->flat, options->port);
	for (unsigned i = 0; i < options->count; i++) {
		struct identity identity;
		wallet_next(wallet, &identity);
		client_open(&clients[i], &config, &identity, i);
		client_loop_add(loop, &clients[i]);
		identity_fini(&identity);
		if (i % DRAIN_EVERY == 0)
			(void)client_loop_run(loop, on_nothing, 0, REST_MS);
	}
	wallet_close(wallet);
	(void)client_loop_run(loop, on_nothing, (int)options->settle_ms,
			      2 * (int)options->settle_ms);
	print_idle(options, (unsigned)options->count, rss, anonymous);
	free(clients);
	return 0;
}

/* ---- handshakes ---- */

static void
come_and_go(const struct client_config *config, struct wallet *wallet, unsigned source)
{
	struct identity identity;
	struct client client;

	wallet_next(wallet, &identity);
	client_open(&client, config, &identity, source);
	client_close(&client);
	identity_fini(&identity);
}

/* @param first device to begin with; @param ready,go ends of pipes to and from the parent */
static void
connect_many(const struct load_options *options, unsigned first, unsigned count, int ready, int go)
{
	struct wallet *wallet = wallet_open(options->dir);
	struct client_config config;
	char byte = 'r';

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	client_config_init(&config, options->dir, options->flat, options->port);
	wallet_skip(wallet, first);
	for (unsigned i = 0; i < WARM_LINKS; i++)
		come_and_go(&config, wallet, first + i);
	if (write(ready, &byte, 1) != 1)
		bench_fail("pipe");
	(void)!read(go, &byte, 1); /* returns when the parent closes it */
	for (unsigned i = 0; i < count; i++)
		come_and_go(&config, wallet, first + WARM_LINKS + i);
	exit(0);
}

static void
fork_procs(const struct load_options *options, unsigned count, int out_ready[2], int out_go[2])
{
	if (pipe(out_ready) != 0 || pipe(out_go) != 0)
		bench_fail("pipe");
	for (unsigned p = 0; p < options->procs; p++) {
		pid_t pid = fork();
		if (pid < 0)
			bench_fail("fork");
		if (pid == 0) {
			close(out_go[1]);
			connect_many(options, p * (count + WARM_LINKS), count, out_ready[1],
				     out_go[0]);
		}
	}
	close(out_go[0]);
	close(out_ready[1]);
	for (unsigned p = 0; p < options->procs; p++) {
		char byte;
		if (read(out_ready[0], &byte, 1) != 1)
			bench_fail("a client process did not come up");
	}
}

int
load_handshakes(const struct load_options *options)
{
	unsigned count = (unsigned)options->count / options->procs, bad = 0;
	unsigned links = count * options->procs;
	int ready[2], go[2], status;

	fork_procs(options, count, ready, go);
	poll(NULL, 0, REST_MS); /* what the warm-up left behind */
	double cpu = bench_cpu_s(options->broker);
	uint64_t began = bench_now_ns();
	close(go[1]);
	while (wait(&status) > 0)
		bad += status != 0;
	double seconds = (double)(bench_now_ns() - began) * 1e-9;
	poll(NULL, 0, REST_MS); /* and what closing the last ones still costs */
	cpu = bench_cpu_s(options->broker) - cpu;
	if (bad > 0)
		return 2;
	printf("{\"links\":%u,\"seconds\":%.3f,\"links_per_s\":%.0f,\"cpu_us_each\":%.1f}\n", links,
	       seconds, links / seconds, cpu / links * 1e6);
	return 0;
}
