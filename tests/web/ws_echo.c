/* ws_echo PORT: a WebSocket server on src/http that sends every message back, for the real Autobahn
 * suite and other clients: wstest -m fuzzingclient, with ws://127.0.0.1:PORT. Tests only. */
#include <stdio.h>
#include <stdlib.h>

#include "http/http.h"
#include "net/tcp.h"

#define MESSAGE_BYTES_MAX (16U << 20)

struct server {
	struct pz_loop loop;
	uint16_t port;
};

struct visitor {
	struct server *server;
	struct pz_stream *stream;
	struct pz_http *http;
	struct pz_timer work;
	bool is_broken;
};

static void
on_work(struct pz_timer *timer, void *arg)
{
	struct visitor *visitor = arg;
	struct pz_slice out = pz_http_out(visitor->http);

	(void)timer;
	if (out.len > 0 && !visitor->is_broken)
		pz_http_sent(visitor->http, visitor->stream->ops->send(visitor->stream, out));
	if (visitor->is_broken ||
	    (pz_http_is_over(visitor->http) && pz_http_out(visitor->http).len == 0)) {
		visitor->stream->ops->close(visitor->stream);
		pz_http_free(visitor->http);
		free(visitor);
		return;
	}
	visitor->stream->ops->set_reading(visitor->stream, pz_http_wants_input(visitor->http));
}

static void
wake(void *arg)
{
	struct visitor *visitor = arg;

	pz_env_start(&visitor->server->loop.env, &visitor->work, 0);
}

static void
on_bytes(void *arg, struct pz_slice bytes)
{
	pz_http_input(((struct visitor *)arg)->http, bytes);
}

static void
on_end(void *arg, enum pz_err why, const char *detail)
{
	struct visitor *visitor = arg;

	(void)why;
	(void)detail;
	visitor->is_broken = true;
	visitor->stream->ops->set_reading(visitor->stream, false);
	wake(visitor);
}

static void
on_request(void *arg, const struct pz_http_request *request, struct pz_http_answer *out)
{
	(void)arg;
	(void)request;
	*out = (struct pz_http_answer){.status = 426};
}

static int
on_upgrade(void *arg, const struct pz_http_request *request, const char **out_why)
{
	(void)arg;
	(void)request;
	(void)out_why;
	return 0;
}

static void
on_message(void *arg, bool text, struct pz_slice bytes)
{
	const struct visitor *visitor = arg;

	(void)!pz_websocket_send(pz_http_websocket(visitor->http), text, bytes);
}

static void
on_accept(void *arg, struct pz_stream *stream, const char *remote)
{
	static const struct pz_stream_user user = {
		.bytes = on_bytes, .writable = wake, .end = on_end};
	static const struct pz_http_ops ops = {.request = on_request,
					       .upgrade = on_upgrade,
					       .message = on_message,
					       .changed = wake};
	struct server *server = arg;
	struct visitor *visitor = calloc(1, sizeof(*visitor));
	const struct pz_http_config config = {.env = &server->loop.env,
					      .ops = &ops,
					      .port = server->port,
					      .message_max = MESSAGE_BYTES_MAX,
					      .out_max = 4U * MESSAGE_BYTES_MAX};

	(void)remote;
	if (visitor == NULL || (visitor->http = pz_http_new(&config, visitor)) == NULL)
		abort();
	visitor->server = server;
	visitor->stream = stream;
	pz_timer_init(&visitor->work, on_work, visitor);
	stream->user = &user;
	stream->user_arg = visitor;
	stream->ops->set_reading(stream, true);
}

int
main(int argc, char **argv)
{
	static struct server server;
	struct pz_listener *listener = NULL;
	struct pz_errinfo info = {""};
	unsigned long port = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

	if (argc != 2 || port > UINT16_MAX || pz_loop_init(&server.loop, 0) != PZ_OK) {
		fputs("usage: ws_echo PORT    0: any free one\n", stderr);
		return 2;
	}
	if (pz_tcp_listen(&server.loop, "127.0.0.1", (uint16_t)port, on_accept, &server, &listener,
			  &server.port, &info) != PZ_OK) {
		fprintf(stderr, "ws_echo: %s\n", info.text);
		return 1;
	}
	printf("ws://127.0.0.1:%u\n", server.port);
	(void)fflush(stdout);
	pz_loop_run(&server.loop);
	return 0;
}
