/*
 * One connection of a window: dialled or accepted, the exchange on it, its end. Its owner is the
 * window, which gets events by a table (internal.h) and may end the connection inside each of them;
 * then `is_over` is set, and nothing more is reported.
 *
 *     dial ──> link ──secured──> exchange (pair/pair.h) ──> met, compare, done or failed
 *       └────────┴── lost ──┘
 *
 * The object is freed only by the end of its link, or of its dial where there is no link: call-
 * backs of both may still come while it is closed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pairing/internal.h"
#include "wire/envelope.h"
#include "wire/frame.h"
#include "wire/message.h"

/* The addresses in props of an exchange have no effect: neither end knows an address of the
 * other. */
#define THE_OTHER_END "stranger"

static const struct pz_pairing_config *
config_of(const struct pair_conn *conn)
{
	return &conn->window->all->config;
}

static const struct pair_conn_events *
events_of(const struct pair_conn *conn)
{
	return conn->window->all->events;
}

/* The target may be tried again after a while. `gone` comes last: the window may be freed by it. */
static void
free_conn(struct pair_conn *conn)
{
	struct pair_window *window = conn->window;

	if (conn->target) {
		conn->target->is_tried = false;
		conn->target->next_us = pz_env_mono_us(config_of(conn)->env) + PZ_PAIR_AGAIN_US;
	}
	pz_list_remove(&conn->node);
	pz_pair_free(conn->pair);
	free(conn);
	window->all->events->gone(window);
}

/* From here on nothing is reported. The link itself ends with the turn (net/link.h), and this
 * object with it. */
static void
end_link(struct pair_conn *conn, enum pz_err why, const char *detail)
{
	conn->is_over = true;
	pz_link_close(conn->link, why, detail);
}

/* A cancelled dial has no call-back, so the object is freed here. */
void
pz_pairing_conn_drop(struct pair_conn *conn)
{
	if (conn->is_over)
		return;
	if (conn->link) {
		end_link(conn, PZ_OK, "another connection is used");
		return;
	}
	config_of(conn)->transport.ops->dial_cancel(conn->dial);
	free_conn(conn);
}

/* ---- the exchange ---- */

/* An opener reports that it is going to reveal before it does: of two connections with the same
 * partner one must be chosen by then, because a revealed value cannot be taken back (page 6). */
static void
on_send(void *arg, const char *status, json_t *message)
{
	struct pair_conn *conn = arg;
	struct pz_buf out;

	if (conn->target && strcmp(status, PZ_PAIR_REVEAL) == 0)
		events_of(conn)->revealing(conn);
	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	enum pz_err err =
		pz_message_prop(&out, config_of(conn)->names->self, THE_OTHER_END, status, message);
	if (err == PZ_OK)
		err = pz_link_send(conn->link, pz_buf_slice(&out));
	pz_buf_fini(&out);
	if (err != PZ_OK)
		pz_link_close(conn->link, err, "cannot send");
}

static void
on_met(void *arg, const struct pz_pair_card *partner)
{
	struct pair_conn *conn = arg;

	conn->partner = partner;
	if (!conn->is_over)
		events_of(conn)->met(conn);
}

static void
on_compare(void *arg, const char *digits)
{
	struct pair_conn *conn = arg;

	if (!conn->is_over)
		events_of(conn)->compare(conn, digits);
}

static bool
on_store(void *arg, const struct pz_pair_result *result)
{
	struct pair_conn *conn = arg;

	return !conn->is_over && events_of(conn)->store(conn, result);
}

static void
on_done(void *arg, const struct pz_pair_result *result)
{
	struct pair_conn *conn = arg;

	if (conn->is_over)
		return;
	end_link(conn, PZ_OK, "paired");
	events_of(conn)->done(conn, result);
}

static void
on_failed(void *arg, enum pz_err err, const char *reason)
{
	struct pair_conn *conn = arg;

	if (conn->is_over)
		return;
	end_link(conn, PZ_OK, reason);
	events_of(conn)->failed(conn, err, reason);
}

static const struct pz_pair_ops pair_ops = {
	.send = on_send,
	.met = on_met,
	.compare = on_compare,
	.store = on_store,
	.done = on_done,
	.failed = on_failed,
};

/* ---- the link ---- */

/* The exporter binds the exchange to this TLS session: a man in the middle has two sessions, so two
 * different exporters, and the digits differ. */
static void
begin_exchange(struct pair_conn *conn)
{
	const struct pair_window *window = conn->window;
	const struct pz_env *env = config_of(conn)->env;
	uint64_t now = pz_env_mono_us(env);
	struct pz_pair_config config = {
		.card = &window->card,
		.key = window->key,
		.is_opener = conn->target != NULL,
		.left_us = window->end_us > now ? window->end_us - now : 0,
		.env = env,
	};

	/* The exchange has the time-out; the link needs none of its own. */
	pz_link_set_patience(conn->link, PZ_PAIR_WINDOW_US);
	enum pz_err err = pz_tls_export(conn->link->tls, PZ_PAIR_EXPORTER, config.exporter,
					sizeof(config.exporter));
	if (err == PZ_OK)
		err = pz_pair_new(&config, &pair_ops, conn, &conn->pair);
	if (err == PZ_OK)
		pz_pair_start(conn->pair);
	else
		pz_link_close(conn->link, err, "cannot begin the exchange");
}

static void
on_secured(struct pz_link *link)
{
	struct pair_conn *conn = link->owner;

	if (conn && !conn->is_over)
		begin_exchange(conn);
}

/* This connection carries only props of the exchange. Anything else ends the link: the other end is
 * not a member, whose newer messages would have to be tolerated. */
static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	const struct pair_conn *conn = link->owner;
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	if (conn == NULL || conn->is_over || conn->pair == NULL)
		return PZ_OK;
	PZ_TRY(pz_message_prop_read(frame, &payload, &status, &message));
	pz_pair_message(conn->pair, status, message);
	json_decref(payload);
	return PZ_OK;
}

static void
on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct pair_conn *conn = link->owner;

	(void)undelivered;
	if (conn == NULL)
		return;
	conn->link = NULL;
	if (!conn->is_over) {
		conn->is_over = true;
		events_of(conn)->lost(conn, why, detail[0] ? detail : pz_err_text(why));
	}
	free_conn(conn);
}

const struct pz_link_events pz_pairing_link_events = {
	.secured = on_secured,
	.frame = on_frame,
	.closed = on_closed,
};

/* ---- beginning ---- */

/* NULL as target: the other end has dialled. */
static struct pair_conn *
new_conn(struct pair_window *window, struct pair_target *target)
{
	struct pair_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->window = window;
	conn->target = target;
	if (target)
		target->is_tried = true;
	pz_list_append(&window->conns, &conn->node);
	return conn;
}

static void
fail_dial(struct pair_conn *conn, enum pz_err err, const char *detail)
{
	conn->is_over = true;
	events_of(conn)->lost(conn, err, detail[0] ? detail : pz_err_text(err));
	free_conn(conn);
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct pair_conn *conn = arg;
	struct pz_tls *tls = NULL;

	conn->dial = NULL;
	enum pz_err err = pz_tls_new_client(conn->window->client_ctx, NULL, NULL, &tls);
	if (err != PZ_OK)
		stream->ops->close(stream);
	else
		err = pz_link_new(&conn->window->all->link_host, stream, tls, PZ_CONNECT_TIMEOUT_US,
				  conn, &conn->link);
	if (err != PZ_OK)
		fail_dial(conn, err, "");
}

static void
on_dial_failed(void *arg, enum pz_err err, const char *detail)
{
	struct pair_conn *conn = arg;

	conn->dial = NULL;
	fail_dial(conn, err, detail);
}

static const struct pz_dial_events dial_events = {
	.connected = on_connected,
	.failed = on_dial_failed,
};

bool
pz_pairing_conn_dial(struct pair_window *window, struct pair_target *target)
{
	const struct pz_transport *t = &window->all->config.transport;
	struct pair_conn *conn = new_conn(window, target);

	if (conn == NULL)
		return false;
	enum pz_err err =
		t->ops->dial(t->self, target->host, target->port, &dial_events, conn, &conn->dial);
	if (err == PZ_OK)
		return true;
	free_conn(conn);
	return false;
}

/* The link comes from the listener of the peers after its handshake, so the exchange begins at
 * once. From here on this file handles its events. */
void
pz_pairing_conn_accept(struct pair_window *window, struct pz_link *link)
{
	struct pair_conn *conn = new_conn(window, NULL);

	link->host = &window->all->link_host;
	link->owner = conn;
	if (conn == NULL) {
		pz_link_close(link, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	conn->link = link;
	begin_exchange(conn);
}
