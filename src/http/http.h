/*
 * One visitor's connection to the local web server: HTTP/1.1 requests, and WebSocket after an
 * upgrade. Sans-I/O: bytes go in, bytes wait in a queue to be sent, requests and messages are the
 * owner's. Nothing is freed from inside.
 * @spec page 11; page 14 APP-4, APP-9
 */
#ifndef PZ_HTTP_HTTP_H
#define PZ_HTTP_HTTP_H

#include "base/env.h"
#include "http/answer.h"
#include "http/request.h"
#include "http/websocket.h"

struct pz_http;

/** What the owner decides. `arg` is that of the connection. */
struct pz_http_ops {
	/** A request with the right Host. @param out status 404 at first */
	void (*request)(void *arg, const struct pz_http_request *request,
			struct pz_http_answer *out);
	/** An upgrade with the right Host and a valid key. @return 0: it is accepted; else the
	 * status that refuses it. @param out_why why it is refused, in one line for the person who
	 * wrote the client; untouched: the words of the status */
	int (*upgrade)(void *arg, const struct pz_http_request *request, const char **out_why);
	/** A browser asks for a page whether it may read from here; it has no other effect.
	 * @return 0: it may; else the status that refuses it. @param out_why as of `upgrade`. NULL:
	 * no page may */
	int (*preflight)(void *arg, const struct pz_http_request *request, const char **out_why);
	/** A message. @param bytes borrowed */
	void (*message)(void *arg, bool text, struct pz_slice bytes);
	/** There is something to send, to read on, or it is over: look at pz_http_out,
	 * pz_http_wants_input, pz_http_is_over. Must not call pz_http_input. */
	void (*changed)(void *arg);
};

struct pz_http_config {
	const struct pz_env *env;      /* borrowed */
	const struct pz_http_ops *ops; /* borrowed */
	uint16_t port;                 /* that Host has to name */
	size_t message_max;            /* of WebSocket, in bytes */
	size_t out_max;                /* of the queue, in bytes */
};

/** @param config copied. NULL: out of memory. */
struct pz_http *pz_http_new(const struct pz_http_config *config, void *arg);
/** Not from inside. NULL is fine. */
void pz_http_free(struct pz_http *http);

/** Bytes of the visitor. */
void pz_http_input(struct pz_http *http, struct pz_slice bytes);
/** False while the visitor has to take what waits first. */
bool pz_http_wants_input(const struct pz_http *http);
/** What waits to be sent: the owner consumes it with pz_http_sent. */
struct pz_slice pz_http_out(const struct pz_http *http);
/** So many bytes of it are sent. */
void pz_http_sent(struct pz_http *http, size_t bytes);
/** True when only pz_http_out is left, then the connection is to be closed. */
bool pz_http_is_over(const struct pz_http *http);

/** The WebSocket, after an upgrade that was accepted; else NULL. pz_http_ops.changed is the
 * caller's matter after a send. */
struct pz_websocket *pz_http_websocket(const struct pz_http *http);
/** Ends a WebSocket: the other end has PZ_HTTP_CLOSE_US for its close frame. */
void pz_http_close(struct pz_http *http, uint16_t code, const char *reason);

#endif
