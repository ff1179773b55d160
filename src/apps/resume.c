/*
 * A session that outlives its socket for a short time, so that a page that reloads, or whose socket
 * breaks, continues with the same address, services and streams. Only a client that requests it
 * gets a secret for that. A client of the same origin that presents the secret takes the session
 * over, once, and gets another secret. Meanwhile messages wait, within a limit.
 *
 *     OPEN --- the socket ends ---> OPEN, without a connection --- 5 s ---> ENDED
 *       ^                                     |
 *       +--- a socket with the secret --------+
 *
 * @spec page 11 "A session over a reload"
 */
#include <sodium.h>
#include <stdlib.h>

#include "apps/internal.h"
#include "wire/json.h"

#define SECRET_BYTES (PZ_APP_SECRET_CHARS / 2)

/* ---- without a connection ---- */

/* More than a browser reloads at once: beyond this number the oldest ends. */
static void
make_room(const struct pz_visitor *visitor)
{
	struct pz_visitor *first = NULL;
	size_t count = 0;

	PZ_LIST_EACH (&visitor->apps->visitors, node, tmp) {
		struct pz_visitor *other = PZ_CONTAINER(node, struct pz_visitor, hook);
		if (other->http || other->state != PZ_APP_OPEN ||
		    strcmp(other->origin, visitor->origin) != 0)
			continue;
		count++;
		if (first == NULL || other->resume.left_us < first->resume.left_us)
			/* It expires in the next turn: this runs inside the end of another visitor.
			 */
			first = other;
	}
	if (count >= PZ_APP_SESSIONS_MAX)
		pz_visitor_expire(first);
}

bool
pz_app_leave(struct pz_visitor *visitor)
{
	const struct pz_websocket *ws = pz_http_websocket(visitor->http);

	/* A page that closes normally has ended; only a broken or reloaded one comes back. */
	if (visitor->state != PZ_APP_OPEN || visitor->resume.secret[0] == '\0' ||
	    visitor->apps->is_ending || ws == NULL || pz_websocket_code(ws) == PZ_WEBSOCKET_NORMAL)
		return false;
	make_room(visitor);
	pz_visitor_disconnect(visitor);
	/* Messages wait here now: the router must not block their senders because the page does not
	 * read. */
	visitor->is_held = false;
	visitor->resume.left_us = pz_env_mono_us(visitor->apps->env);
	pz_env_start(visitor->apps->env, &visitor->resume.left, PZ_APP_RETURN_US);
	return true;
}

/* ---- it comes back ---- */

static struct pz_visitor *
find(const struct pz_visitor *visitor, const char *secret)
{
	struct pz_visitor *found = NULL;

	PZ_LIST_EACH (&visitor->apps->visitors, node, tmp) {
		struct pz_visitor *other = PZ_CONTAINER(node, struct pz_visitor, hook);
		/* All are compared, in constant time, so that the time shows neither a part of a
		 * secret nor their number. */
		if (other->state == PZ_APP_OPEN && other->resume.secret[0] &&
		    strcmp(other->origin, visitor->origin) == 0 &&
		    sodium_memcmp(other->resume.secret, secret, PZ_APP_SECRET_CHARS) == 0)
			found = other;
	}
	return found;
}

/* Messages that were partly sent on the former connection are not sent again: they may have been
 * received. */
static void
send_waiting(struct pz_visitor *visitor, const struct pz_buf *waiting)
{
	struct pz_slice all = pz_buf_slice(waiting);
	size_t at = 0;
	uint32_t len;

	while (at + sizeof(len) <= all.len) {
		memcpy(&len, all.ptr + at, sizeof(len));
		at += sizeof(len);
		if (pz_visitor_send(visitor, pz_slice_of(all.ptr + at, len)) != PZ_OK)
			pz_metric_add(visitor->apps->config.metrics, PZ_METRIC_messages_dropped, 1);
		at += len;
	}
}

static void
take_over(struct pz_visitor *visitor, struct pz_visitor *former, const json_t *keep)
{
	memcpy(visitor->address, former->address, sizeof(visitor->address));
	visitor->was_asked = former->was_asked;
	visitor->wants_changes = former->wants_changes;
	visitor->allowance = former->allowance;
	visitor->refilled_us = former->refilled_us;
	pz_app_services_move(former, visitor, keep);
	pz_app_storage_move(former, visitor);
	pz_app_open_move(former, visitor);
	/* Waiting messages are sent after the greeting (pz_app_resumed), which has to be first. */
	visitor->resume.waiting = former->resume.waiting;
	pz_buf_init(&former->resume.waiting, PZ_APP_WAITING_BYTES_MAX, NULL);
	/* So that the end of the former connection does not end the session. */
	former->state = PZ_APP_ENDED;
	former->resume.secret[0] = '\0';
}

static void
dismiss(struct pz_visitor *former)
{
	if (former->http)
		pz_http_close(former->http, PZ_WEBSOCKET_NORMAL,
			      "this session goes on at another connection");
	else
		pz_visitor_expire(former);
}

bool
pz_app_resume(struct pz_visitor *visitor, const json_t *wish)
{
	const char *secret = pz_json_str(wish, "secret");
	struct pz_visitor *former = NULL;

	/* By length first: the comparison reads that many bytes. */
	if (secret && strlen(secret) == PZ_APP_SECRET_CHARS)
		former = find(visitor, secret);
	if (former == NULL)
		return false;
	pz_router_detach(visitor->apps->config.router, &former->session);
	take_over(visitor, former, json_object_get(wish, "keep"));
	dismiss(former);
	return true;
}

void
pz_app_resumed(struct pz_visitor *visitor)
{
	/* Taken out: messages that are added meanwhile go to the new connection, not to this
	 * buffer. */
	struct pz_buf waiting = visitor->resume.waiting;

	pz_buf_init(&visitor->resume.waiting, PZ_APP_WAITING_BYTES_MAX, NULL);
	send_waiting(visitor, &waiting);
	pz_buf_fini(&waiting);
}

json_t *
pz_app_session_json(struct pz_visitor *visitor, bool is_resumed, json_t *takes_kept)
{
	uint8_t bytes[SECRET_BYTES];

	/* A new secret each time: one that was copied from an old page is worthless. */
	pz_env_random(visitor->apps->env, bytes, sizeof(bytes));
	sodium_bin2hex(visitor->resume.secret, sizeof(visitor->resume.secret), bytes,
		       sizeof(bytes));
	sodium_memzero(bytes, sizeof(bytes));
	return json_pack("{s:s, s:b, s:o*}", "secret", visitor->resume.secret, "resumed",
			 is_resumed, "kept", takes_kept);
}
