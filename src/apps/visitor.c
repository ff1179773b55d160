/*
 * One connection to the local web server. Bytes go from the stream to `http` and back; output waits
 * in one queue and is sent at the end of the turn, in the `work` timer, which also ends the
 * connection: nothing is freed, and the stream is not closed, inside a call from either.
 */
#include "apps/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/json.h"

/* ---- output ---- */

static void
update_reading(const struct pz_visitor *visitor)
{
	if (visitor->is_broken)
		return;
	visitor->stream->ops->set_reading(visitor->stream,
					  !visitor->is_held && pz_http_wants_input(visitor->http));
}

static void
flush(struct pz_visitor *visitor)
{
	struct pz_slice out = pz_http_out(visitor->http);

	if (out.len > 0 && !visitor->is_broken) {
		size_t sent = visitor->stream->ops->send(visitor->stream, out);
		pz_http_sent(visitor->http, sent);
		visitor->session.drained += sent;
	}
	visitor->session.queued = pz_http_out(visitor->http).len;
	if (visitor->session.attached)
		/* The queue is shorter: the router may let others send again. */
		pz_router_drained(visitor->apps->config.router, &visitor->session);
}

/* Ended: a connection whose other end reads nothing any more is not waited for. */
static bool
is_over(const struct pz_visitor *visitor)
{
	return visitor->is_broken ||
	       (pz_http_is_over(visitor->http) && pz_http_out(visitor->http).len == 0);
}

static void
on_work(struct pz_timer *timer, void *arg)
{
	struct pz_visitor *visitor = arg;

	(void)timer;
	flush(visitor);
	bool is_ending = visitor->is_broken || pz_http_is_over(visitor->http);
	/* The session continues without this connection: pz_app_leave has detached it. */
	if (is_ending && pz_app_leave(visitor))
		return;
	if (pz_http_is_over(visitor->http))
		pz_app_end(visitor);
	if (is_over(visitor))
		pz_visitor_free(visitor);
	else
		update_reading(visitor);
}

/* The session has waited long enough without a connection. */
static void
on_left(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_visitor_free(arg);
}

/* ---- the stream ---- */

static void
on_bytes(void *arg, struct pz_slice bytes)
{
	struct pz_visitor *visitor = arg;

	/* The results of the bytes (an answer, the end) wait for the timer. */
	pz_http_input(visitor->http, bytes);
}

static void
on_writable(void *arg)
{
	pz_visitor_wake(arg);
}

static void
on_end(void *arg, enum pz_err why, const char *detail)
{
	struct pz_visitor *visitor = arg;

	(void)why;
	(void)detail;
	pz_visitor_cut(visitor);
}

static const struct pz_stream_user stream_user = {
	.bytes = on_bytes, .writable = on_writable, .end = on_end};

/* ---- what there is to read: a table of paths, compared as a whole. No path leads to a file, so
 * there is nothing to traverse. @spec page 11; page 14 APP-11 ---- */

#define CONFIG "/webinosConfig.json"
#define SCRIPT "text/javascript; charset=utf-8"

static const uint8_t index_html[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<title>Personal Zone</title></head>\n<body><h1>Personal Zone</h1>\n"
	"<p>This is the pzpd of this device. Web pages connect to it by WebSocket.</p>"
	"</body></html>\n";

static const uint8_t library[] = {
#include <webinos_js.inc>
};

static const uint8_t module[] = {
#include <webinos_mjs.inc>
};

static const struct {
	const char *path, *type;
	const uint8_t *bytes;
	size_t len;
	bool is_for_other_origins;
} files[] = {
	{"/", "text/html; charset=utf-8", index_html, sizeof(index_html) - 1, false},
	{"/webinos.js", SCRIPT, library, sizeof(library), true},
	{"/webinos.mjs", SCRIPT, module, sizeof(module), true},
};

static void
site_answer(const struct pz_apps *apps, const struct pz_http_request *request,
	    struct pz_http_answer *out)
{
	/* Static: one thread, and the answer is copied before the next request. */
	static char config[64];

	if (pz_slice_eq_str(request->path, CONFIG)) {
		int len = snprintf(config, sizeof(config), "{\"websocketPort\":%u}\n", apps->port);
		*out = (struct pz_http_answer){.status = 200,
					       .type = "application/json",
					       .body = pz_slice_of(config, (size_t)len)};
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (pz_slice_eq_str(request->path, files[i].path))
			*out = (struct pz_http_answer){
				.status = 200,
				.type = files[i].type,
				.body = pz_slice_of(files[i].bytes, files[i].len),
				.is_for_other_origins = files[i].is_for_other_origins};
}

/* ---- preflights: a browser asks for a page of the internet whether it may read from this machine
 * @spec page 11, "Pages of the internet and this machine" ---- */

static bool
is_for_pages(struct pz_slice path)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i].is_for_other_origins && pz_slice_eq_str(path, files[i].path))
			return true;
	return pz_slice_eq_str(path, CONFIG);
}

static bool
has_session_or_question(const struct pz_apps *apps, struct pz_slice origin)
{
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		const struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);

		/* A page may need the library during its prompt. */
		if (visitor->origin && pz_slice_eq_str(origin, visitor->origin) &&
		    (visitor->state == PZ_APP_ASKED || visitor->state == PZ_APP_OPEN ||
		     visitor->state == PZ_APP_MOVING))
			return true;
	}
	return false;
}

/* A person has permitted it, and the answer is stored. */
static bool
is_yes_remembered(const struct pz_apps *apps, const char *id)
{
	json_t *answers = apps->config.ops->answers(apps->config.arg, id), *one;
	bool is_yes = false;
	size_t i;

	json_array_foreach (answers, i, one) {
		const char *feature = pz_json_str(one, "feature");
		const char *answer = pz_json_str(one, "answer");
		is_yes = is_yes || (feature && answer && strcmp(feature, PZ_APPS_FEATURE) == 0 &&
				    strcmp(answer, "allow") == 0);
	}
	json_decref(answers);
	return is_yes;
}

/* Only known origins are judged: a refusal is recorded, and any page can send this. */
static bool
is_allowed(const struct pz_apps *apps, struct pz_slice origin)
{
	const struct pz_app_known *known = pz_known_find(apps, origin);
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	if (known == NULL)
		return false;
	bool was_asked = is_yes_remembered(apps, known->id);
	snprintf(address, sizeof(address), "%s/%s:0", apps->config.self, known->id);
	return apps->config.ops->consent(apps->config.arg, address, 0, &was_asked) == PZ_APPS_YES;
}

static int
on_preflight(void *arg, const struct pz_http_request *request, const char **out_why)
{
	const struct pz_visitor *visitor = arg;
	const struct pz_apps *apps = visitor->apps;

	*out_why = "pages of other origins may GET the library and /webinosConfig.json, after the "
		   "owner was asked about them: connect by WebSocket first\n";
	if (!is_for_pages(request->path) || !pz_slice_eq_str(request->asked_method, "GET") ||
	    !pz_origin_is_taken(pz_origin_kind_of(request->origin)))
		return 403;
	return has_session_or_question(apps, request->origin) || is_allowed(apps, request->origin)
		       ? 0
		       : 403;
}

/* ---- http ---- */

static void
on_request(void *arg, const struct pz_http_request *request, struct pz_http_answer *out)
{
	const struct pz_visitor *visitor = arg;

	site_answer(visitor->apps, request, out);
}

static int
on_upgrade(void *arg, const struct pz_http_request *request, const char **out_why)
{
	return pz_app_begin(arg, request, out_why);
}

static void
on_message(void *arg, bool text, struct pz_slice bytes)
{
	pz_app_message(arg, text, bytes);
}

static void
on_changed(void *arg)
{
	pz_visitor_wake(arg);
}

static const struct pz_http_ops http_ops = {.request = on_request,
					    .upgrade = on_upgrade,
					    .preflight = on_preflight,
					    .message = on_message,
					    .changed = on_changed};

/* ---- life ---- */

/* @return NULL: out of memory; the stream is still the caller's */
static struct pz_visitor *
make(struct pz_apps *apps, struct pz_stream *stream)
{
	const struct pz_http_config config = {
		.env = apps->env,
		/* In queues to a page: a suspended page must not use up the daemon's memory. */
		.ops = &http_ops,
		.port = apps->port,
		.message_max = PZ_APP_STRANGER_BYTES_MAX,
		.out_max = PZ_APP_QUEUE_BYTES_MAX,
	};
	struct pz_visitor *visitor = calloc(1, sizeof(*visitor));

	if (visitor == NULL)
		return NULL;
	visitor->http = pz_http_new(&config, visitor);
	if (visitor->http == NULL) {
		free(visitor);
		return NULL;
	}
	visitor->apps = apps;
	visitor->stream = stream;
	pz_timer_init(&visitor->work, on_work, visitor);
	pz_timer_init(&visitor->resume.left, on_left, visitor);
	pz_buf_init(&visitor->resume.waiting, PZ_APP_WAITING_BYTES_MAX, NULL);
	pz_app_services_init(visitor);
	pz_list_init(&visitor->open);
	pz_list_append(&apps->visitors, &visitor->hook);
	return visitor;
}

/* Any program of this machine can hold connections open: the one that has been here longest goes,
 * and not the one that comes. */
static void
make_room(struct pz_apps *apps)
{
	size_t app_count, others;

	pz_visitors_count(apps, NULL, &app_count, &others);
	if (others < PZ_APP_VISITORS_MAX)
		return;
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);
		if (visitor->origin || visitor->http == NULL)
			continue;
		pz_warning_of(&apps->log, apps->env, "web-refused",
			      "visitors=%zu the oldest connection gives way", others);
		pz_visitor_free(visitor);
		return;
	}
}

void
pz_visitor_new(struct pz_apps *apps, struct pz_stream *takes_stream)
{
	struct pz_stream *stream = takes_stream;

	make_room(apps);
	struct pz_visitor *visitor = apps->is_ending ? NULL : make(apps, stream);
	if (visitor == NULL) {
		stream->ops->close(stream);
		return;
	}
	stream->user = &stream_user;
	stream->user_arg = visitor;
	stream->ops->set_reading(stream, true);
}

void
pz_visitor_free(struct pz_visitor *visitor)
{
	/* First the session, which uses the connection; the connection last. */
	pz_app_end(visitor);
	pz_env_stop(visitor->apps->env, &visitor->resume.left);
	pz_list_remove(&visitor->hook);
	pz_visitor_disconnect(visitor);
	pz_buf_fini(&visitor->resume.waiting);
	free(visitor->origin);
	free(visitor);
}
