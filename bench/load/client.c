#include "load/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include <openssl/pem.h>

#include "common/bench.h"
#include "common/tls.h"
#include "wire/address.h"

#define EVENTS 256

static EVP_PKEY *
read_key(const char *path)
{
	BIO *pem = BIO_new_file(path, "r");
	EVP_PKEY *key = pem ? PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL) : NULL;

	if (key == NULL)
		bench_tls_fail(path);
	BIO_free(pem);
	return key;
}

void
client_config_init(struct client_config *config, const char *dir, bool flat, uint16_t port)
{
	char trust[4096], cert[4096], key[4096];

	snprintf(trust, sizeof(trust), "%s/trust.pem", dir);
	snprintf(cert, sizeof(cert), "%s/server.pem", dir);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	*config = (struct client_config){.is_flat = flat, .port = port};
	config->ctx = bench_tls_ctx(false, trust, flat ? cert : NULL, key);
	snprintf(key, sizeof(key), "%s/devices.key", dir);
	config->key = read_key(key);
}

/* ---- one link ---- */

void
client_show(SSL *ssl, const struct client_config *config, const struct identity *identity)
{
	STACK_OF(X509) *chain = sk_X509_new_null();

	if (chain == NULL || sk_X509_push(chain, identity->device_ca) <= 0 ||
	    SSL_use_cert_and_key(ssl, identity->leaf, config->key, chain, 1) != 1)
		bench_tls_fail("certificates of a device");
	sk_X509_free(chain);
}

/* A device is not told which zone is meant (page 6). */
static void
name_zone(SSL *ssl, const struct identity *identity)
{
	char sni[PZ_SNI_TAG_CHARS + 16], tag[PZ_SNI_TAG_CHARS + 1];

	pz_zone_sni_tag(pz_slice_str(identity->zone), tag);
	snprintf(sni, sizeof(sni), "%s.pz.invalid", tag);
	if (SSL_set_tlsext_host_name(ssl, sni) != 1)
		bench_tls_fail("SNI");
}

static void
secure(struct client *client, const struct client_config *config, const struct identity *identity)
{
	SSL *ssl = bench_tls_new(config->ctx, client->stream.fd);

	client->stream.ssl = ssl;
	if (config->peer == NULL)
		name_zone(ssl, identity);
	if (config->proof)
		proof_offer(ssl, config->proof);
	if (!config->is_flat)
		client_show(ssl, config, identity);
	if (SSL_connect(ssl) != 1)
		bench_tls_fail("TLS handshake failed");
}

/* A hub says `register` and then `Update`, once the link is attached to its router. */
static bool
is_update(struct client *client, const uint8_t *frame, size_t len)
{
	(void)client;
	return memmem(frame, len, "\"Update\"", 8) != NULL;
}

struct waiting {
	struct client *client;
	bool (*is_welcome)(struct client *client, const uint8_t *frame, size_t len);
	bool is_over;
};

static bool
on_frame_while_waiting(void *arg, const uint8_t *frame, size_t len)
{
	struct waiting *w = arg;

	if (!w->is_over)
		w->is_over = w->is_welcome(w->client, frame, len);
	return true;
}

static void
enter(struct client *client, const struct client_config *config, const struct identity *identity)
{
	uint8_t header[FRAME_HEADER_BYTES];
	char text[3 * PZ_ADDRESS_BYTES_MAX];
	struct waiting w = {client, config->is_welcome ? config->is_welcome : is_update, false};
	int len = snprintf(text, sizeof(text),
			   "{\"type\":\"JSONRPC\",\"register\":true,\"from\":\"%s\",\"to\":\"%s\","
			   "\"payload\":null}",
			   identity->address, config->peer ? config->peer : identity->zone);

	frame_put_header(header, (size_t)len);
	bytes_append(&client->stream.out, header, sizeof(header));
	bytes_append(&client->stream.out, text, (size_t)len);
	uint64_t began_ns = bench_now_ns();
	bool ok = stream_flush(&client->stream);
	while (ok && !w.is_over) {
		ok = stream_read(&client->stream, on_frame_while_waiting, &w);
		if (!w.is_over)
			bench_check_patience(began_ns, "welcome from the other end");
	}
	if (!ok)
		bench_tls_fail("the other end hung up instead of a welcome");
}

void
client_open(struct client *client, const struct client_config *config,
	    const struct identity *identity, unsigned source)
{
	*client = (struct client){.stream.fd = bench_connect(config->port, source)};
	if (client->stream.fd < 0)
		bench_fail("cannot connect to port %u", config->port);
	snprintf(client->address, sizeof(client->address), "%s", identity->address);
	secure(client, config, identity);
	enter(client, config, identity);
}

void
client_close(struct client *client)
{
	stream_close(&client->stream, true);
	message_free(&client->message);
}

/* ---- many ---- */

int
client_loop_new(void)
{
	int loop = epoll_create1(EPOLL_CLOEXEC);

	if (loop < 0)
		bench_fail("epoll");
	return loop;
}

static void
watch(int loop, struct client *client, int op, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = client};

	if (op == EPOLL_CTL_MOD && events == client->events)
		return;
	client->events = events;
	if (epoll_ctl(loop, op, client->stream.fd, &event) != 0)
		bench_fail("epoll_ctl");
}

void
client_loop_add(int loop, struct client *client)
{
	int flags = fcntl(client->stream.fd, F_GETFL);

	if (flags < 0 || fcntl(client->stream.fd, F_SETFL, flags | O_NONBLOCK) != 0)
		bench_fail("fcntl");
	watch(loop, client, EPOLL_CTL_ADD, EPOLLIN);
}

void
client_flush(int loop, struct client *client)
{
	if (client->stream.out.len > 0 && !stream_flush(&client->stream))
		bench_tls_fail("the broker hung up");
	watch(loop, client, EPOLL_CTL_MOD, EPOLLIN | (client->stream.is_blocked ? EPOLLOUT : 0U));
}

struct visit {
	struct client *client;
	client_on_frame on_frame;
	bool is_stopped;
};

static bool
on_frame_of(void *arg, const uint8_t *frame, size_t len)
{
	struct visit *visit = arg;

	visit->is_stopped = !visit->on_frame(visit->client, frame, len);
	return !visit->is_stopped;
}

enum client_end
client_loop_run(int loop, client_on_frame on_frame, int quiet_ms, int time_ms)
{
	struct epoll_event events[EVENTS];
	uint64_t end = bench_now_ns() + (uint64_t)time_ms * 1000000U;

	for (;;) {
		int n = epoll_wait(loop, events, EVENTS, quiet_ms);
		if (n < 0 && errno != EINTR)
			bench_fail("epoll_wait");
		if (n == 0)
			return CLIENT_QUIET;
		for (int i = 0; i < n; i++) {
			struct visit visit = {events[i].data.ptr, on_frame, false};
			if (!stream_read(&visit.client->stream, on_frame_of, &visit)) {
				if (visit.is_stopped)
					return CLIENT_STOPPED;
				bench_tls_fail("the broker hung up");
			}
			client_flush(loop, visit.client);
		}
		if (bench_now_ns() > end)
			return CLIENT_TIME_UP;
	}
}
