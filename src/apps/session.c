/*
 * The session of an app:
 *
 *     SILENT   connected; only `registerBrowser` counts
 *     ASKED    the owner is being asked; nothing is answered
 *     OPEN     one session of the router, with an address of its own
 *     DENIED   it gets made-up addresses, and SecurityError for each request
 *
 * The app's address is made from the origin that the browser sent, never from what the page sends.
 */
#include "apps/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/auto.h"
#include "items/app_data.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

#define PATH "/"

static struct pz_visitor *
visitor_of(struct pz_session *session)
{
	return PZ_CONTAINER(session, struct pz_visitor, session);
}

/* ---- for the router ---- */

static bool
is_app(struct pz_slice address)
{
	struct pz_address parts;

	return pz_address_parse(address, &parts) == PZ_OK && parts.app.len > 0;
}

static enum pz_err
on_send(struct pz_session *session, struct pz_slice frame)
{
	struct pz_slice body = pz_frame_body(frame);
	struct pz_envelope envelope;

	/* The whole body counts: an app's limit is for its messages without the length prefix. */
	if (session->frame_max && body.len > session->frame_max)
		return PZ_ERR_PROTO_FRAME;
	if (pz_envelope_scan(body, &envelope) == PZ_OK) {
		if (is_app(envelope.from)) { /* of a device that permitted it: see judge_message */
			pz_metric_add(visitor_of(session)->apps->config.metrics,
				      PZ_METRIC_messages_dropped, 1);
			return PZ_OK;
		}
		pz_app_open_answered(visitor_of(session), &envelope);
	}
	return pz_visitor_send(visitor_of(session), body);
}

static void
on_set_reading(struct pz_session *session, bool on)
{
	struct pz_visitor *visitor = visitor_of(session);

	/* Blocked: nothing more is read from the page until the receiver's queue is short again. */
	visitor->is_held = !on;
	pz_visitor_wake(visitor);
}

static void
on_close(struct pz_session *session, enum pz_err why, const char *detail)
{
	struct pz_visitor *visitor = visitor_of(session);

	(void)why;
	pz_visitor_close(visitor, PZ_WEBSOCKET_LATER, detail);
	pz_visitor_wake(visitor);
}

static const struct pz_session_ops session_ops = {
	.send = on_send, .set_reading = on_set_reading, .close = on_close};

/* ---- beginning ---- */

/* Pages that are not accepted yet share few places. @param out room for PZ_APPS_WAITING_MAX, the
 * oldest first @param origin NULL: of any */
static size_t
list_waiting(const struct pz_apps *apps, const char *origin, struct pz_visitor **out)
{
	size_t count = 0;

	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);
		bool waits = visitor->state == PZ_APP_SILENT || visitor->state == PZ_APP_ASKED ||
			     visitor->state == PZ_APP_DENIED;
		if (waits && count < PZ_APPS_WAITING_MAX &&
		    (origin == NULL || strcmp(origin, visitor->origin) == 0))
			out[count++] = visitor;
	}
	return count;
}

/* The oldest of the origin that has most of them: one that opens many loses its own. */
static struct pz_visitor *
choose(struct pz_visitor *const *waiting, size_t count)
{
	struct pz_visitor *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < count; i++) {
		size_t same = 0;

		for (size_t k = i; k < count; k++)
			same += strcmp(waiting[i]->origin, waiting[k]->origin) == 0;
		if (same > most) {
			most = same;
			best = waiting[i];
		}
	}
	return best;
}

/* A page that the owner has not let in must keep no other out, however long it stays. */
static void
make_room(struct pz_apps *apps, const char *origin)
{
	struct pz_visitor *waiting[PZ_APPS_WAITING_MAX];
	size_t all, of_origin, others, count;

	pz_visitors_count(apps, origin, &of_origin, &others);
	count = list_waiting(apps, of_origin < PZ_APP_SESSIONS_MAX ? NULL : origin, waiting);
	pz_visitors_count(apps, NULL, &all, &others);
	if (count > 0 && (count == PZ_APPS_WAITING_MAX || of_origin >= PZ_APP_SESSIONS_MAX ||
			  all >= PZ_APPS_MAX)) {
		struct pz_visitor *goes = choose(waiting, count);
		pz_app_end(goes);
		pz_visitor_cut(goes);
	}
}

/* @return 0, or the status that refuses one more */
static int
look_at_limits(struct pz_apps *apps, const char *origin)
{
	size_t all, of_origin, others;

	make_room(apps, origin);
	pz_visitors_count(apps, NULL, &all, &others);
	pz_visitors_count(apps, origin, &of_origin, &others);
	if (all < PZ_APPS_MAX && of_origin < PZ_APP_SESSIONS_MAX && !apps->is_ending)
		return 0;
	/* The rate is limited: any page can connect as often as it wants. */
	pz_warning_of(&apps->log, apps->env, "app-refused", "origin=%s apps=%zu of-origin=%zu",
		      origin, all, of_origin);
	return 503;
}

/* Why a handshake is refused, for the programmer of the client. A page in a browser cannot see it.
 */
static int
refuse(struct pz_apps *apps, int status, const char *kind, const char *why, const char **out_why)
{
	pz_warning_of(&apps->log, apps->env, "app-origin-refused", "kind=%s refused", kind);
	*out_why = why;
	return status;
}

/* A program that is no browser. No browser lets a page set this field for a WebSocket. */
static int
look_at_token(struct pz_apps *apps, const struct pz_http_request *request,
	      struct pz_slice *out_origin, const char **out_why)
{
	static const char scheme[] = "bearer ";
	struct pz_slice field = request->authorization;
	const char *origin = NULL;

	if (request->has_origin)
		return refuse(apps, 403, "token and origin",
			      /* With both it would be unclear whose rules apply. */
			      "a handshake has either an Origin or a token, not both: a browser's "
			      "page has no token, and a program with a token needs no Origin\n",
			      out_why);
	if (field.len >= sizeof(scheme) - 1 &&
	    strncasecmp((const char *)field.ptr, scheme, sizeof(scheme) - 1) == 0)
		origin =
			pz_tokens_look(apps->tokens, pz_slice_of(field.ptr + sizeof(scheme) - 1,
								 field.len - (sizeof(scheme) - 1)));
	*out_origin = pz_slice_str(origin);
	if (origin)
		return 0;
	/* Counted for all programs together: on this machine a guess has no distinct address. */
	if (!pz_tokens_note_wrong(apps->tokens))
		return refuse(apps, 429, "token",
			      "too many wrong tokens were sent in the last minute\n", out_why);
	return refuse(apps, 401, "token",
		      "this token is not known here: it was revoked, or mistyped; "
		      "`pzp app token NAME` makes another one\n",
		      out_why);
}

/* The identity: from its token, or from the origin that its browser sends. */
static int
identify(struct pz_apps *apps, const struct pz_http_request *request, struct pz_slice *out_origin,
	 const char **out_why)
{
	enum pz_origin_kind kind = pz_origin_kind_of(request->origin);

	if (request->has_authorization)
		return look_at_token(apps, request, out_origin, out_why);
	if (!request->has_origin)
		return refuse(apps, 401, "none",
			      "a program that is no browser needs a token: make one with "
			      "`pzp app token NAME`, and send it as Authorization: Bearer TOKEN\n",
			      out_why);
	if (!pz_origin_is_taken(kind))
		return refuse(apps, 403, pz_origin_kind_name(kind),
			      "this origin proves nothing: pages are let in from https, or from "
			      "http://localhost on this device\n",
			      out_why);
	*out_origin = request->origin;
	return 0;
}

int
pz_app_begin(struct pz_visitor *visitor, const struct pz_http_request *request,
	     const char **out_why)
{
	struct pz_apps *apps = visitor->apps;
	struct pz_slice who;

	if (!pz_slice_eq_str(request->path, PATH))
		return 404;
	int status = identify(apps, request, &who, out_why);
	if (status)
		return status;
	/* A copy: the request's memory is the connection's buffer. */
	char *origin = pz_slice_dup(who);
	status = origin ? look_at_limits(apps, origin) : 503;
	if (status) {
		free(origin);
		return status;
	}
	visitor->origin = origin;
	visitor->has_token = request->has_authorization;
	pz_app_id(who, visitor->id);
	visitor->state = PZ_APP_SILENT;
	visitor->allowance = PZ_APP_REQUESTS_BURST;
	visitor->refilled_us = pz_env_mono_us(apps->env);
	return 0;
}

static void
name(struct pz_visitor *visitor)
{
	struct pz_apps *apps = visitor->apps;

	/* A number that is never reused in a run, so that an answer for a former tab does not reach
	 * a new one. */
	snprintf(visitor->address, sizeof(visitor->address), "%s/%s:%llu", apps->config.self,
		 visitor->id, (unsigned long long)++apps->last_instance);
}

/* ---- consent ---- */

static bool
attach(struct pz_visitor *visitor)
{
	struct pz_session *session = &visitor->session;

	session->ops = &session_ops;
	session->kind = PZ_SESSION_APP;
	session->address = visitor->address;
	session->address_len = strlen(visitor->address);
	session->frame_max = visitor->apps->config.frame_max;
	return pz_router_attach(visitor->apps->config.router, session) == PZ_OK;
}

static void
note(const struct pz_visitor *visitor, const char *what)
{
	const struct pz_apps_config *config = &visitor->apps->config;

	pz_info("app", "origin=%s %s", visitor->origin, what);
	config->ops->event(config->arg,
			   json_pack("{s:s, s:s, s:s, s:s}", "event", "app", "origin",
				     visitor->origin, "address", visitor->address, "state", what));
}

/* @param takes_session NULL: it has not requested a secret */
static void
greet(struct pz_visitor *visitor, json_t *takes_session)
{
	json_t *version = json_string(PZ_VERSION);

	pz_app_send_registered(visitor, "registeredBrowser", takes_session);
	pz_app_send_prop(visitor, "webinosVersion", version);
	json_decref(version);
}

static void
open_session(struct pz_visitor *visitor, bool was_asked)
{
	/* The router may have it or not; nothing else was changed, so the page may try again. */
	if (!attach(visitor)) {
		pz_visitor_close(visitor, PZ_WEBSOCKET_LATER, "out of memory");
		return;
	}
	visitor->state = PZ_APP_OPEN;
	visitor->was_asked = was_asked;
	pz_app_data_session_began(visitor->apps->config.items);
	/* From here on a message may be as long as on any link; before, a stranger could make us
	 * store much. */
	pz_websocket_set_message_max(pz_http_websocket(visitor->http),
				     visitor->apps->config.frame_max);
	pz_known_touch(visitor->apps, visitor->origin);
	note(visitor, "open");
	greet(visitor,
	      visitor->resume.is_wanted ? pz_app_session_json(visitor, false, NULL) : NULL);
}

void
pz_app_admit(struct pz_visitor *visitor, bool is_yes, bool was_asked)
{
	visitor->ticket = 0;
	if (is_yes) {
		open_session(visitor, was_asked);
		return;
	}
	visitor->state = PZ_APP_DENIED;
	note(visitor, "denied");
	/* Answered like a permission, with made-up contents: the form of the answer must not show a
	 * page which it was. */
	pz_app_send_registered(visitor, "registeredBrowser", NULL);
}

static void
ask(struct pz_visitor *visitor)
{
	struct pz_apps *apps = visitor->apps;
	uint64_t ticket = ++apps->last_ticket;
	bool was_asked = visitor->has_token;

	/* Named for each prompt: answers that a person gave for a former address do not count. */
	name(visitor);
	visitor->state = PZ_APP_ASKED;
	/* The owner who made the token has permitted it; a policy may still deny. */
	enum pz_apps_consent consent = apps->config.ops->consent(
		apps->config.arg, visitor->address, visitor->has_token ? 0 : ticket, &was_asked);
	if (consent == PZ_APPS_NO)
		pz_warning_of(&apps->log, apps->env, "app-denied",
			      "origin=%s denied without a question: `pzp policy why` says by which "
			      "rule; a policy from before there were apps has no rule that asks "
			      "about http://webinos.org/api/apps, `pzp policy edit` adds one",
			      visitor->origin);
	if (consent == PZ_APPS_LATER)
		visitor->ticket = ticket;
	else
		pz_app_admit(visitor, consent == PZ_APPS_YES, was_asked);
}

static void
withdraw(struct pz_visitor *visitor)
{
	const struct pz_apps_config *config = &visitor->apps->config;

	if (visitor->ticket)
		config->ops->withdraw(config->arg, visitor->ticket);
	visitor->ticket = 0;
}

void
pz_app_recheck(struct pz_visitor *visitor)
{
	const struct pz_apps_config *config = &visitor->apps->config;

	/* Judged without a prompt: what would need one now ends. */
	if (visitor->state != PZ_APP_OPEN)
		return;
	if (config->ops->consent(config->arg, visitor->address, 0, &visitor->was_asked) ==
	    PZ_APPS_YES) {
		pz_app_open_recheck(visitor);
		return;
	}
	pz_app_end(visitor);
	pz_visitor_close(visitor, PZ_WEBSOCKET_POLICY, "the owner does not allow this any more");
}

/* ---- objects of this device that only apps call: none of it reaches the dispatcher ---- */

static const struct {
	const char *name;
	json_t *(*request)(struct pz_visitor *visitor, const struct pz_rpc *rpc,
			   const char *function);
} objects[] = {
	{"ServiceRegistry", pz_app_service_request},
	{"AppStorage", pz_app_storage_request},
};

#define OBJECTS (sizeof(objects) / sizeof(objects[0]))

static bool
is_own_object(struct pz_slice object)
{
	for (size_t i = 0; i < OBJECTS; i++)
		if (pz_slice_eq_str(object, objects[i].name))
			return true;
	return false;
}

static bool
handle_own(struct pz_visitor *visitor, const struct pz_rpc *rpc)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		/* The dot ends the object's name: "AppStorageX.get" is no method of AppStorage. */
		size_t len = strlen(objects[i].name);

		if (strncmp(rpc->method, objects[i].name, len) != 0 || rpc->method[len] != '.')
			continue;
		pz_app_send_rpc(visitor, objects[i].request(visitor, rpc, rpc->method + len + 1));
		return true;
	}
	return false;
}

static bool
own_request(struct pz_visitor *visitor, const struct pz_envelope *envelope)
{
	json_t *payload = pz_json_read(envelope->payload, PZ_JSON_NUL, NULL);
	struct pz_rpc rpc;
	int code;
	bool is_own = payload && pz_rpc_parse(payload, &rpc, &code) == PZ_OK &&
		      rpc.kind == PZ_RPC_REQUEST && handle_own(visitor, &rpc);

	json_decref(payload);
	return is_own;
}

/* ---- messages ---- */

/* @return false: the app has sent more than it may */
static bool
take_allowance(struct pz_visitor *visitor)
{
	uint64_t now = pz_env_mono_us(visitor->apps->env);
	/* The remaining fraction of a request is lost, which only affects the app. */
	uint64_t due = (now - visitor->refilled_us) * PZ_APP_REQUESTS_PER_S / PZ_US_PER_S;

	if (due > 0) {
		uint64_t sum = visitor->allowance + due;
		visitor->allowance =
			sum < PZ_APP_REQUESTS_BURST ? (uint32_t)sum : PZ_APP_REQUESTS_BURST;
		visitor->refilled_us = now;
	}
	if (visitor->allowance == 0)
		return false;
	visitor->allowance--;
	return true;
}

enum verdict { PASS, REFUSE, TOO_MANY };

/* The judgment must read what every receiver reads: escapes are resolved, and two methods are an
 * error, since some receivers take the first and some the last. */
enum pz_err
pz_app_method_of(struct pz_slice element, char **out)
{
	struct pz_slice quoted;
	enum pz_err err = pz_json_member(element, "method", &quoted);

	if (err != PZ_OK)
		return err;
	if (quoted.len < 2 || quoted.ptr[0] != '"')
		return PZ_ERR_NOTFOUND;
	if (memchr(quoted.ptr, '\\', quoted.len) == NULL) {
		*out = pz_slice_dup(pz_slice_of(quoted.ptr + 1, quoted.len - 2));
		return *out ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	}
	json_t *text = pz_json_read(quoted, 0, NULL);
	/* PZ_JSON_NUL is not allowed here: a method with a NUL would be read differently by the
	 * next node. */
	if (!json_is_string(text))
		err = PZ_ERR_PROTO_JSON;
	else if ((*out = strdup(json_string_value(text))) == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	json_decref(text);
	return err;
}

/* One element of a payload: requests count against the limit, and those for other nodes are judged
 * here (E1). */
static enum verdict
judge_element(struct pz_visitor *visitor, const struct pz_envelope *envelope,
	      struct pz_slice element)
{
	const struct pz_apps_config *config = &visitor->apps->config;
	struct pz_slice quoted;
	struct pz_method method;
	char to[PZ_ADDRESS_BYTES_MAX + 1];
	PZ_AUTO_FREE char *text = NULL;

	enum pz_err err = pz_app_method_of(element, &text);
	if (err == PZ_ERR_NOTFOUND)
		return PASS; /* an answer, or malformed: its receiver handles it */
	if (err != PZ_OK)
		/* Malformed requests count too, otherwise a flood of them would be free. */
		return take_allowance(visitor) ? REFUSE : TOO_MANY;
	struct pz_slice name = pz_slice_str(text);
	if (pz_method_parse(name, &method) != PZ_OK)
		return take_allowance(visitor) ? PASS : TOO_MANY;
	/* A call-back answers a call from here and is checked where that call is known. */
	if (method.kind == PZ_METHOD_CALLBACK && !is_own_object(method.reference))
		return PASS;
	if (!take_allowance(visitor))
		return TOO_MANY;
	/* The router refuses it with the reason. */
	if (envelope->to.len >= sizeof(to))
		return PASS;
	snprintf(to, sizeof(to), "%.*s", PZ_SLICE_FMT(envelope->to));
	if (!pz_slice_eq_str(pz_address_node(envelope->to), config->self) &&
	    !config->ops->may_send(config->arg, visitor->address, to, name))
		return REFUSE;
	if (method.kind == PZ_METHOD_SERVICE && pz_json_member(element, "id", &quoted) == PZ_OK)
		pz_app_open_note(visitor, envelope->to, quoted, &method);
	return PASS;
}

static enum verdict
judge(struct pz_visitor *visitor, const struct pz_envelope *envelope)
{
	struct pz_slice rest = envelope->payload, element;
	enum verdict worst = PASS;

	/* A scalar or nothing is judged like an element: without a method it passes, and its
	 * receiver refuses it. */
	if (rest.len == 0 || rest.ptr[0] != '[')
		return judge_element(visitor, envelope, rest);
	while (worst != TOO_MANY && pz_json_next(&rest, &element)) {
		enum verdict verdict = judge_element(visitor, envelope, element);
		worst = verdict > worst ? verdict : worst;
	}
	return worst;
}

static void
forward(struct pz_visitor *visitor, struct pz_slice bytes)
{
	uint8_t head[PZ_FRAME_HEADER_BYTES];
	struct pz_buf frame;

	/* The app sends the body only; within the zone each message has its length before it. */
	pz_frame_put_header(head, bytes.len);
	pz_buf_init(&frame, sizeof(head) + bytes.len, NULL);
	enum pz_err err = pz_buf_append(&frame, pz_slice_of(head, sizeof(head)));
	if (err == PZ_OK)
		err = pz_buf_append(&frame, bytes);
	if (err == PZ_OK)
		err = pz_router_frame(visitor->apps->config.router, &visitor->session,
				      pz_buf_slice(&frame));
	pz_buf_fini(&frame);
	if (err != PZ_OK)
		pz_visitor_close(visitor, PZ_WEBSOCKET_POLICY, pz_err_text(err));
}

/* Apps reach each other through services, where calls are judged; never directly. */
static enum verdict
judge_message(struct pz_visitor *visitor, const struct pz_envelope *envelope)
{
	if (is_app(envelope->to))
		return take_allowance(visitor) ? REFUSE : TOO_MANY;
	return judge(visitor, envelope);
}

static void
on_rpc(struct pz_visitor *visitor, const struct pz_envelope *envelope, struct pz_slice bytes)
{
	switch (judge_message(visitor, envelope)) {
	case PASS:
		/* "Own" functions are those that only apps may call; the dispatcher handles all
		 * others. */
		if (!pz_slice_eq_str(envelope->to, visitor->apps->config.self) ||
		    !own_request(visitor, envelope))
			forward(visitor, bytes);
		break;
	case REFUSE:
		pz_app_refuse(visitor, envelope->payload);
		break;
	case TOO_MANY:
		pz_app_fail(visitor, envelope->payload,
			    pz_rpc_api_error("QuotaExceededError", "Too many requests."));
		/* A page that continued after the error would continue for ever. */
		pz_visitor_close(visitor, PZ_WEBSOCKET_POLICY, "too many requests");
		break;
	}
}

/* The session of a former connection, which the page has proved to own. */
static void
go_on(struct pz_visitor *visitor, const json_t *wish)
{
	visitor->state = PZ_APP_OPEN;
	if (!attach(visitor)) {
		pz_app_end(visitor);
		pz_visitor_close(visitor, PZ_WEBSOCKET_LATER, "out of memory");
		return;
	}
	pz_websocket_set_message_max(pz_http_websocket(visitor->http),
				     visitor->apps->config.frame_max);
	note(visitor, "resumed");
	json_t *kept = pz_app_open_keep(visitor, json_object_get(wish, "keep"));
	greet(visitor, pz_app_session_json(visitor, true, kept));
	pz_app_resumed(visitor);
}

/* A second registration on the same socket gets another answer: half of the original programs wait
 * for it. */
static void
on_register(struct pz_visitor *visitor, const json_t *payload)
{
	const json_t *wish = json_object_get(payload, "session");

	if (visitor->state == PZ_APP_OPEN || visitor->state == PZ_APP_DENIED)
		pz_app_send_registered(visitor, "registeredBrowser", NULL);
	if (visitor->state != PZ_APP_SILENT)
		return;
	/* The prompt is open: a second prop must not open another. */
	visitor->resume.is_wanted = json_is_object(wish);
	if (pz_app_resume(visitor, wish))
		go_on(visitor, wish);
	else
		ask(visitor);
}

/* Every other prop manages something, which no app may (page 14 APP-7). */
static void
on_prop(struct pz_visitor *visitor, const struct pz_envelope *envelope)
{
	json_t *payload = NULL, *message;
	const char *status;

	if (pz_message_prop_parse(envelope, &payload, &status, &message) == PZ_OK &&
	    strcmp(status, "registerBrowser") == 0)
		on_register(visitor, payload);
	else
		pz_metric_add(visitor->apps->config.metrics, PZ_METRIC_messages_dropped, 1);
	json_decref(payload);
}

void
pz_app_message(struct pz_visitor *visitor, bool text, struct pz_slice bytes)
{
	struct pz_envelope envelope;

	if (!text) {
		pz_visitor_close(visitor, PZ_WEBSOCKET_UNSUPPORTED, "text messages only");
		return;
	}
	/* Scanned like messages on links: page 4's limits of depth and members hold for pages, too.
	 */
	enum pz_err err = bytes.len > 0 ? pz_envelope_scan(bytes, &envelope) : PZ_ERR_PROTO_JSON;
	if (err != PZ_OK) {
		pz_visitor_close(visitor, PZ_WEBSOCKET_POLICY, pz_err_text(err));
		return;
	}
	if (envelope.type == PZ_MESSAGE_PROP)
		on_prop(visitor, &envelope);
	else if (visitor->state == PZ_APP_OPEN && envelope.type == PZ_MESSAGE_JSONRPC)
		on_rpc(visitor, &envelope, bytes);
	/* Receipts cost nothing and are answered by no one. */
	else if (visitor->state == PZ_APP_OPEN && envelope.type == PZ_MESSAGE_RECEIPT)
		forward(visitor, bytes);
	else if (visitor->state == PZ_APP_DENIED && envelope.type == PZ_MESSAGE_JSONRPC)
		pz_app_refuse(visitor, envelope.payload);
	else
		pz_metric_add(visitor->apps->config.metrics, PZ_METRIC_messages_dropped, 1);
}

/* ---- the end, and another address ---- */

static void
detach(struct pz_visitor *visitor)
{
	const struct pz_apps_config *config = &visitor->apps->config;

	/* Calls first, while the address is still accepted as the sender; then the route, and what
	 * depends on it. */
	pz_app_open_end(visitor);
	pz_router_detach(config->router, &visitor->session);
	visitor->is_held = false;
	config->ops->ended(config->arg, visitor->address);
	pz_app_services_end(visitor);
}

void
pz_app_end(struct pz_visitor *visitor)
{
	/* It may end for several reasons at once: its socket, the owner, the zone. */
	if (visitor->state == PZ_APP_NONE || visitor->state == PZ_APP_ENDED)
		return;
	bool was_open = visitor->state == PZ_APP_OPEN;
	withdraw(visitor);
	visitor->state = PZ_APP_ENDED;
	if (!was_open)
		return;
	detach(visitor);
	pz_app_storage_end(visitor);
	pz_known_touch(visitor->apps, visitor->origin);
	note(visitor, "closed");
}

void
pz_app_unroute(struct pz_visitor *visitor)
{
	withdraw(visitor); /* judged again, for the other address */
	if (visitor->state != PZ_APP_OPEN)
		return;
	/* No page is connected that could get another address. */
	if (visitor->http == NULL) {
		pz_app_end(visitor);
		pz_visitor_expire(visitor);
		return;
	}
	detach(visitor);
	visitor->state = PZ_APP_MOVING;
}

/* Its permissions for the other address do not apply to this one. */
void
pz_app_reroute(struct pz_visitor *visitor)
{
	const struct pz_apps_config *config = &visitor->apps->config;
	bool was_asked = visitor->has_token;

	if (visitor->state == PZ_APP_ASKED) {
		ask(visitor);
		return;
	}
	if (visitor->state != PZ_APP_MOVING)
		return;
	name(visitor);
	/* The permission was for the address in the former zone; judged again without a prompt. */
	if (config->ops->consent(config->arg, visitor->address, 0, &was_asked) == PZ_APPS_YES &&
	    attach(visitor)) {
		visitor->state = PZ_APP_OPEN;
		visitor->was_asked = was_asked;
		pz_app_send_registered(visitor, "update", NULL);
		return;
	}
	visitor->state = PZ_APP_ENDED;
	pz_visitor_close(visitor, PZ_WEBSOCKET_GOING_AWAY,
			 "this device is in another zone now; connect again");
}
