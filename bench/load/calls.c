/*
 * Two processes: one has the devices that answer, the other those that ask and measures. Both use
 * the engine of the bare forwarder, so that only the broker between them differs.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.h"
#include "load/client.h"
#include "load/load.h"
#include "load/sample.h"

#define FOREVER_MS 600000
#define STALL_MS 5000
#define SETTLE_MAX_MS 5000

static const struct load_options *options;
static struct sample sample;
static struct client *clients; /* of this process */
static int loop;

/* ---- the side that answers ---- */

static bool
on_request(struct client *client, const uint8_t *frame, size_t len)
{
	uint64_t id = message_find_id(frame, len);

	if (id < MESSAGE_ID_BASE)
		return true;
	message_set_id(&client->message, id);
	bytes_append(&client->stream.out, client->message.frame, client->message.len);
	if (!options->coalesce)
		client_flush(loop, client);
	return true;
}

/* ---- the side that asks ---- */

static void
ask(struct client *client)
{
	message_set_id(&client->message, sample_send(&sample));
	bytes_append(&client->stream.out, client->message.frame, client->message.len);
	if (!options->coalesce)
		client_flush(loop, client);
}

static bool
on_reply(struct client *client, const uint8_t *frame, size_t len)
{
	uint64_t id = message_find_id(frame, len);

	if (id < MESSAGE_ID_BASE)
		return true;
	if (sample_receive(&sample, id))
		return false;
	if (sample_has_more(&sample))
		ask(client);
	return true;
}

static bool
on_nothing(struct client *client, const uint8_t *frame, size_t len)
{
	(void)client;
	(void)frame;
	(void)len;
	return true;
}

/* ---- both ---- */

/* Device 2k asks device 2k + 1; both are of one zone. */
static void
open_side(bool asks)
{
	struct wallet *wallet = wallet_open(options->dir);
	struct client_config config;

	clients = bench_alloc(options->pairs, sizeof(*clients));
	client_config_init(&config, options->dir, options->flat, options->port);
	loop = client_loop_new();
	for (unsigned k = 0; k < options->pairs; k++) {
		struct identity first, second;
		wallet_next(wallet, &first);
		wallet_next(wallet, &second);
		client_open(&clients[k], &config, asks ? &first : &second, k);
		if (asks)
			message_request(&clients[k].message, first.address, second.address,
					options->request_len);
		else
			message_reply(&clients[k].message, second.address, first.address,
				      options->reply_len);
		client_loop_add(loop, &clients[k]);
		identity_fini(&first);
		identity_fini(&second);
	}
	wallet_close(wallet);
}

/* @param out_ready becomes readable when all its devices are registered */
static pid_t
start_answering(int *out_ready)
{
	int ready[2];
	const char byte = 'r';

	if (pipe(ready) != 0)
		bench_fail("pipe");
	pid_t pid = fork();
	if (pid < 0)
		bench_fail("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		open_side(false);
		exit(write(ready[1], &byte, 1) == 1 &&
		     client_loop_run(loop, on_request, -1, FOREVER_MS) == CLIENT_STOPPED);
	}
	close(ready[1]);
	*out_ready = ready[0];
	return pid;
}

int
load_calls(const struct load_options *load_options)
{
	int ready;
	char byte;

	options = load_options;
	pid_t answering = start_answering(&ready);
	open_side(true);
	if (read(ready, &byte, 1) != 1)
		bench_fail("the answering side did not come up");
	close(ready);
	/* What the hub still has to say about all these links. */
	(void)client_loop_run(loop, on_nothing, (int)options->settle_ms, SETTLE_MAX_MS);
	sample_init(&sample, options->warm, options->count, options->broker);
	for (unsigned n = 0; n < options->outstanding; n++)
		for (unsigned k = 0; k < options->pairs && sample_has_more(&sample); k++)
			ask(&clients[k]);
	for (unsigned k = 0; k < options->pairs; k++)
		client_flush(loop, &clients[k]);
	enum client_end end = client_loop_run(loop, on_reply, STALL_MS, FOREVER_MS);
	if (end == CLIENT_STOPPED)
		sample_print(&sample, options->request_len);
	else
		fprintf(stderr, "stalled after %llu calls\n", (unsigned long long)sample.done);
	kill(answering, SIGKILL);
	waitpid(answering, NULL, 0);
	sample_fini(&sample);
	free(clients);
	return end == CLIENT_STOPPED ? 0 : 2;
}
