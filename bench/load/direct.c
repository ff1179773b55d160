/*
 * A direct link with a device (page 6), blocking, one call at a time: what its TLS server, router
 * and dispatcher add to a bare TLS echo. The call is get42 of the test service; with --props the
 * link alone is measured: the prop `probe` asks for a sign of life, the prop `keepAlive` answers.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "common/bench.h"
#include "common/tls.h"
#include "load/client.h"
#include "load/load.h"
#include "load/sample.h"

#define TEST_API "http://webinos.org/api/test"
#define WARM_LINKS 20

static char method[256]; /* as the device announces it; "" until it has */
static struct sample sample;
static struct proof proof;

/* ---- what the device says first ---- */

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static bool
is_announcement(struct client *client, const uint8_t *frame, size_t len)
{
	json_t *root, *services, *one;
	size_t i;

	(void)client;
	if (memmem(frame, len, "\"registerServices\"", 18) == NULL)
		return false;
	root = json_loadb((const char *)frame + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES, 0,
			  NULL);
	services = json_object_get(json_object_get(json_object_get(root, "payload"), "message"),
				   "services");
	json_array_foreach (services, i, one) {
		if (strcmp(text_of(one, "api"), TEST_API) == 0)
			snprintf(method, sizeof(method), "%s@%s.get42", TEST_API,
				 text_of(one, "id"));
	}
	json_decref(root);
	if (method[0] == '\0')
		bench_fail("the device has no test service");
	return true;
}

static bool
is_register(struct client *client, const uint8_t *frame, size_t len)
{
	(void)client;
	return memmem(frame, len, "\"register\"", 10) != NULL;
}

/* ---- one call ---- */

struct answer {
	uint64_t id;
	bool is_here;
};

static bool
on_frame(void *arg, const uint8_t *frame, size_t len)
{
	struct answer *answer = arg;

	if (message_find_call_id(frame, len) != answer->id)
		return true;
	if (memmem(frame, len, "\"result\":\"42 ", 13) == NULL)
		bench_fail("not the answer: %.*s", (int)(len - FRAME_HEADER_BYTES),
			   (const char *)frame + FRAME_HEADER_BYTES);
	answer->is_here = true;
	return true;
}

/* A prop has no number: one is outstanding, and nothing else is expected. */
static bool
on_sign_of_life(void *arg, const uint8_t *frame, size_t len)
{
	struct answer *answer = arg;

	answer->is_here |= memmem(frame, len, "\"keepAlive\"", 11) != NULL;
	return true;
}

static void
call(struct client *client, uint64_t id, stream_on_frame on_answer)
{
	struct answer answer = {id, false};

	if (on_answer == on_frame)
		message_set_id(&client->message, id);
	bytes_append(&client->stream.out, client->message.frame, client->message.len);
	uint64_t began_ns = bench_now_ns();
	bool ok = stream_flush(&client->stream);
	while (ok && !answer.is_here) {
		ok = stream_read(&client->stream, on_answer, &answer);
		if (!answer.is_here)
			bench_check_patience(began_ns, "answer from the device");
	}
	if (!ok)
		bench_tls_fail("the device hung up");
}

/* ---- both modes ---- */

/* The first device of the layout is the one that dials. Opens a first link, for what it hears. */
static void
begin(const struct load_options *options, struct client_config *config, struct identity *identity,
      struct client *client)
{
	struct wallet *wallet = wallet_open(options->dir);

	if (options->to == NULL)
		bench_fail("--to: the address of the device");
	wallet_next(wallet, identity);
	wallet_close(wallet);
	client_config_init(config, options->dir, false, options->port);
	config->peer = options->to;
	proof_init(&proof, options->dir);
	config->proof = &proof;
	config->is_welcome = is_announcement;
	client_open(client, config, identity, 0);
	message_call(&client->message, identity->address, options->to, method,
		     options->request_len);
}

int
load_direct(const struct load_options *options)
{
	struct client_config config;
	struct identity identity;
	struct client client;
	uint64_t id;

	begin(options, &config, &identity, &client);
	if (options->props) {
		message_free(&client.message);
		message_ask_life(&client.message, identity.address, options->to);
	}
	sample_init(&sample, options->warm, options->count, options->broker);
	do {
		id = sample_send(&sample);
		call(&client, id, options->props ? on_sign_of_life : on_frame);
	} while (!sample_receive(&sample, id));
	sample_print(&sample, options->request_len);
	sample_fini(&sample);
	client_close(&client);
	identity_fini(&identity);
	return 0;
}

int
load_links(const struct load_options *options)
{
	struct client_config config;
	struct identity identity;
	struct client client;
	uint64_t id;
	bool is_last;

	begin(options, &config, &identity, &client);
	client_close(&client);
	config.is_welcome = is_register;
	sample_init(&sample, WARM_LINKS, options->count, options->broker);
	do {
		id = sample_send(&sample);
		client_open(&client, &config, &identity, 0);
		message_call(&client.message, identity.address, options->to, method,
			     options->request_len);
		call(&client, id, on_frame);
		is_last = sample_receive(&sample, id);
		client_close(&client);
	} while (!is_last);
	sample_print(&sample, options->request_len);
	sample_fini(&sample);
	identity_fini(&identity);
	return 0;
}
