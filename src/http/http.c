/*
 * A connection reads one head at a time and answers it before it reads the next. Time: a head has
 * to be complete PZ_HTTP_HEAD_US after its first byte; a connection without a request, or whose
 * visitor does not read its answer, ends after PZ_HTTP_IDLE_US. A WebSocket has no time-out: on
 * loopback the end of the other program is detected at once, and a page in the background may be
 * silent for hours.
 */
#include "http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"
#include "http/lines.h"

#define FILE_ROOM_BYTES (1U << 20) /* an answer, on top of the bytes that wait already */

struct pz_http {
	struct pz_http_config config;
	void *arg;
	struct pz_buf in, out;
	struct pz_http_lines lines;
	struct pz_websocket *ws;
	struct pz_timer timer;
	bool is_over;
	bool is_in_head; /* the timer runs for a head */
};

static void
on_time(struct pz_timer *timer, void *arg)
{
	struct pz_http *http = arg;

	(void)timer;
	http->is_over = true;
	http->config.ops->changed(http->arg);
}

struct pz_http *
pz_http_new(const struct pz_http_config *config, void *arg)
{
	struct pz_http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return NULL;
	http->config = *config;
	http->arg = arg;
	pz_buf_init(&http->in, SIZE_MAX, NULL);
	pz_buf_init(&http->out, config->out_max + FILE_ROOM_BYTES, NULL);
	pz_timer_init(&http->timer, on_time, http);
	pz_env_start(config->env, &http->timer, PZ_HTTP_IDLE_US);
	return http;
}

void
pz_http_free(struct pz_http *http)
{
	if (http == NULL)
		return;
	pz_env_stop(http->config.env, &http->timer);
	pz_websocket_free(http->ws);
	pz_buf_fini(&http->in);
	pz_buf_fini(&http->out);
	free(http);
}

/* ---- requests ---- */

/* "localhost", "127.0.0.1" or "[::1]" with our port; without one it is 80. */
static bool
is_our_host(const struct pz_http *http, struct pz_slice host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	char text[32];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int len = snprintf(text, sizeof(text), "%s:%u", names[i], http->config.port);
		if (host.len == (size_t)len &&
		    strncasecmp(text, (const char *)host.ptr, host.len) == 0)
			return true;
		if (http->config.port == 80 && host.len == strlen(names[i]) &&
		    strncasecmp(names[i], (const char *)host.ptr, host.len) == 0)
			return true;
	}
	return false;
}

static void
answer(struct pz_http *http, const struct pz_http_answer *what, bool has_body, bool closes)
{
	enum pz_err err = pz_http_answer_write(&http->out, what, has_body, closes,
					       pz_env_wall_ms(http->config.env));

	http->is_over = http->is_over || closes || err != PZ_OK;
}

static void
refuse(struct pz_http *http, int status)
{
	const struct pz_http_answer what = {.status = status};

	answer(http, &what, true, true);
}

/* @param why borrowed for the call; NULL: the words of the status */
static void
refuse_saying(struct pz_http *http, int status, const char *why)
{
	const struct pz_http_answer what = {.status = status, .body = pz_slice_str(why)};

	answer(http, &what, true, true);
}

static void
on_message(void *arg, bool text, struct pz_slice bytes)
{
	const struct pz_http *http = arg;

	http->config.ops->message(http->arg, text, bytes);
}

static void
upgrade(struct pz_http *http, const struct pz_http_request *request)
{
	if (!pz_slice_eq_str(request->websocket_version, "13")) {
		refuse(http, request->websocket_version.len ? 426 : 400);
		return;
	}
	if (!pz_http_key_is_valid(request->websocket_key)) {
		refuse(http, 400);
		return;
	}
	const char *why = NULL;
	int status = http->config.ops->upgrade(http->arg, request, &why);
	if (status) {
		refuse_saying(http, status, why);
		return;
	}
	http->ws = pz_websocket_new(&http->out, http->config.message_max, on_message, http);
	if (http->ws == NULL ||
	    pz_http_answer_upgrade(&http->out, request->websocket_key) != PZ_OK) {
		http->is_over = true;
		return;
	}
	pz_env_stop(http->config.env, &http->timer);
}

static void
preflight(struct pz_http *http, const struct pz_http_request *request)
{
	const struct pz_http_config *config = &http->config;
	const char *why = NULL;
	int status =
		config->ops->preflight ? config->ops->preflight(http->arg, request, &why) : 403;

	if (status) {
		refuse_saying(http, status, why);
		return;
	}
	bool closes = !request->keeps_alive;
	enum pz_err err =
		pz_http_answer_preflight(&http->out, request, closes, pz_env_wall_ms(config->env));
	http->is_over = http->is_over || closes || err != PZ_OK;
	pz_env_start(config->env, &http->timer, PZ_HTTP_IDLE_US);
}

static void
take_head(struct pz_http *http, struct pz_slice head)
{
	struct pz_http_request request;
	int status = pz_http_request_parse(head, &request);

	if (status == 0 && !is_our_host(http, request.host))
		status = 421;
	if (status) {
		refuse(http, status);
		return;
	}
	if (request.is_upgrade) {
		upgrade(http, &request);
		return;
	}
	if (request.method == PZ_HTTP_OPTIONS) {
		preflight(http, &request);
		return;
	}
	struct pz_http_answer what = {.status = 404};
	http->config.ops->request(http->arg, &request, &what);
	answer(http, &what, request.method == PZ_HTTP_GET, !request.keeps_alive);
	pz_env_start(http->config.env, &http->timer, PZ_HTTP_IDLE_US);
}

/* Handles one complete head. @return false: nothing more can be done now */
static bool
step(struct pz_http *http)
{
	size_t len = 0;
	int status = pz_http_lines_look(&http->lines, pz_buf_slice(&http->in), &len);

	if (status) {
		refuse(http, status);
		return false;
	}
	if (len == 0) {
		if (!http->is_in_head && http->in.len > 0)
			pz_env_start(http->config.env, &http->timer, PZ_HTTP_HEAD_US);
		http->is_in_head = http->in.len > 0;
		return false;
	}
	http->is_in_head = false;
	http->lines = (struct pz_http_lines){0};
	take_head(http, pz_slice_of(pz_buf_slice(&http->in).ptr, len));
	pz_buf_consume(&http->in, len);
	return !http->is_over && !http->ws;
}

static bool
has_room(const struct pz_http *http)
{
	return http->out.len < PZ_HTTP_UNSENT_BYTES;
}

/* Complete heads are answered as long as the answers find room. Bytes after an upgrade belong to
 * the WebSocket. */
static void
go_on(struct pz_http *http)
{
	while (!http->is_over && !http->ws && has_room(http) && step(http))
		;
	if (http->ws && http->in.len > 0 && !http->is_over) {
		pz_websocket_input(http->ws, pz_buf_slice(&http->in));
		pz_buf_fini(&http->in);
	}
}

/* A close frame was sent: the other end has a while for its own. */
static void
look_at_end(struct pz_http *http)
{
	if (http->ws == NULL || http->is_over)
		return;
	http->is_over = pz_websocket_is_over(http->ws);
	if (!http->is_over && pz_websocket_is_closing(http->ws) && !http->timer.active)
		pz_env_start(http->config.env, &http->timer, PZ_HTTP_CLOSE_US);
}

void
pz_http_input(struct pz_http *http, struct pz_slice bytes)
{
	if (http->is_over)
		return;
	if (http->ws)
		pz_websocket_input(http->ws, bytes);
	else if (pz_buf_append(&http->in, bytes) != PZ_OK)
		http->is_over = true;
	go_on(http);
	look_at_end(http);
	http->config.ops->changed(http->arg);
}

bool
pz_http_wants_input(const struct pz_http *http)
{
	return !http->is_over && has_room(http);
}

struct pz_slice
pz_http_out(const struct pz_http *http)
{
	return pz_buf_slice(&http->out);
}

/* Heads that waited for room are handled now. */
void
pz_http_sent(struct pz_http *http, size_t bytes)
{
	bool had_room = has_room(http);

	pz_buf_consume(&http->out, bytes);
	if (!had_room && has_room(http)) {
		go_on(http);
		look_at_end(http);
	}
	if (bytes > 0 && http->ws == NULL && !http->is_in_head && !http->is_over)
		pz_env_start(http->config.env, &http->timer, PZ_HTTP_IDLE_US);
	if (http->is_over && !http->timer.active && http->out.len > 0)
		pz_env_start(http->config.env, &http->timer, PZ_HTTP_CLOSE_US);
}

bool
pz_http_is_over(const struct pz_http *http)
{
	return http->is_over;
}

struct pz_websocket *
pz_http_websocket(const struct pz_http *http)
{
	return http->ws;
}

void
pz_http_close(struct pz_http *http, uint16_t code, const char *reason)
{
	if (http->ws == NULL || http->is_over)
		return;
	pz_websocket_close(http->ws, code, reason);
	look_at_end(http);
	http->config.ops->changed(http->arg);
}
