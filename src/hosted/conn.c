/* Sends the hub's messages over one connection. A frame for a member goes through the router, which
 * limits its queue; one for a device that has not registered yet goes to the link. */
#include "hosted/conn.h"

#include "route/allowance.h"
#include "rpc/error.h"
#include "wire/frame.h"
#include "wire/message.h"

/* The router limits a member's queue, also for messages of the hub itself. */
enum pz_err
pz_hosted_send(struct pz_hosted *zone, struct pz_link *link, struct pz_slice frames)
{
	if (link->session.attached)
		return pz_router_push(zone->router, &link->session, frames);
	return pz_link_send(link, frames);
}

void
pz_hosted_too_large(struct pz_hosted *zone, const struct pz_link *link, const char *what,
		    size_t bytes)
{
	const struct pz_session *to = &link->session;

	pz_condition_raise(zone->hosting->conditions, PZ_CONDITION_TOO_LARGE, to->address,
			   "%s of %zu bytes was not sent to %s, which takes at most %u", what,
			   bytes, to->address, to->frame_max);
}

void
pz_hosted_send_prop(struct pz_hosted *zone, struct pz_link *link, const char *status,
		    json_t *message)
{
	pz_hosted_send_prop_to(zone, link, link->session.address, status, message);
}

void
pz_hosted_send_prop_to(struct pz_hosted *zone, struct pz_link *link, const char *to,
		       const char *status, json_t *message)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_prop(&out, zone->authority->zone, to, status, message);
	if (err == PZ_OK)
		err = pz_hosted_send(zone, link, pz_buf_slice(&out));
	/* A message of ours that is too long is not the device's fault: its link stays. */
	if (err == PZ_ERR_PROTO_FRAME)
		pz_hosted_too_large(zone, link, status, out.len);
	else if (err != PZ_OK)
		pz_link_close(link, err, "cannot send a prop");
	pz_buf_fini(&out);
}

void
pz_hosted_conn_bye(struct pz_hosted_conn *conn, enum pz_err why, const char *reason)
{
	struct pz_link *link = conn->link;

	/* Without a bye: a device that enrols knows only the props of page 3, and a hub that
	 * accepts an invitation only those of the exchange; the end of the link suffices. */
	if (link->secured && conn->zone && conn->state != PZ_HOSTED_ENROLLING &&
	    conn->state != PZ_HOSTED_BEFRIENDING && !link->closing) {
		json_t *message = json_pack("{s:s}", "reason", reason);
		pz_hosted_send_prop(conn->zone, link, "bye", message);
		json_decref(message);
	}
	pz_link_close(link, why, reason);
}

void
pz_hosted_conn_revoked(struct pz_hosted_conn *conn, const char *reason)
{
	if (conn->link->closing)
		return;
	json_t *message = json_pack("{s:s}", "reason", reason);
	pz_hosted_send_prop(conn->zone, conn->link, "revoked", message);
	json_decref(message);
	pz_hosted_conn_bye(conn, PZ_ERR_DENIED_REVOKED, reason);
}

/* A link that has not registered has its own time limit. */
void
pz_hosted_conn_probe(struct pz_hosted_conn *conn)
{
	if (conn->state == PZ_HOSTED_LIVE)
		pz_link_probe(conn->link, PZ_PEER_CONTEST_US);
}

/* ---- work ---- */

static void
on_calm(struct pz_timer *timer, void *arg)
{
	const struct pz_hosted_conn *conn = arg;

	(void)timer;
	pz_condition_clear(conn->hosting->conditions, PZ_CONDITION_MEMBER_BUSY,
			   conn->link->session.address);
}

void
pz_hosted_conn_calm(struct pz_hosted_conn *conn)
{
	if (!conn->busy.calm.active)
		return;
	pz_env_stop(conn->hosting->env, &conn->busy.calm);
	on_calm(&conn->busy.calm, conn);
}

static void
warn_busy(struct pz_hosted_conn *conn)
{
	if (!conn->busy.calm.active)
		pz_timer_init(&conn->busy.calm, on_calm, conn);
	pz_env_start(conn->hosting->env, &conn->busy.calm, PZ_CONDITION_CALM_US);
	pz_condition_raise(conn->hosting->conditions, PZ_CONDITION_MEMBER_BUSY,
			   conn->link->session.address,
			   "%s keeps this hub busy with its messages, and is received from for a "
			   "part of the time only",
			   conn->link->session.address);
}

void
pz_hosted_conn_spend(struct pz_hosted_conn *conn, uint64_t began_us)
{
	struct pz_hosted_busy *busy = &conn->busy;
	uint64_t now = pz_env_mono_us(conn->hosting->env);
	uint64_t rest_us =
		pz_allowance_spend(&conn->link->session, conn->hosting->env, now - began_us);

	if (rest_us == 0)
		return;
	pz_link_rest(conn->link, rest_us);
	pz_metric_add(&conn->hosting->metrics, PZ_METRIC_links_rested, 1);
	if (now - busy->since_us >= PZ_WORK_WINDOW_US) {
		busy->since_us = now;
		busy->rested_us = 0;
	}
	busy->rested_us += rest_us;
	/* Short peaks are usual; a link that rests for a quarter of the time is not. */
	if (busy->rested_us > PZ_WORK_WINDOW_US / 4)
		warn_busy(conn);
}

bool
pz_hosted_conn_is_choked(const struct pz_hosted_conn *conn)
{
	size_t high = conn->hosting->queue_high_bytes;

	return conn->link->session.queued > (high ? high : PZ_QUEUE_HIGH_BYTES);
}

void
pz_hosted_answer(struct pz_hosted_conn *conn, const char *to, const char *status, json_t *message)
{
	if (pz_hosted_conn_is_choked(conn))
		pz_metric_add(&conn->hosting->metrics, PZ_METRIC_messages_dropped, 1);
	else
		pz_hosted_send_prop_to(conn->zone, conn->link, to, status, message);
}

enum pz_err
pz_hosted_conn_may(const struct pz_hosted_conn *conn, enum pz_right right, const char *what,
		   struct pz_errinfo *info)
{
	char name[PZ_RIGHTS_TEXT_CHARS];

	if (pz_member_rights(conn->member) & right)
		return PZ_OK;
	(void)pz_rights_text(right, name);
	pz_warning_of(conn->log, conn->hosting->env, "right-refused",
		      "zone=%s device=%s has no right %s for: %s", conn->zone->authority->zone,
		      conn->member->device, name, what);
	return pz_fail(info, PZ_ERR_DENIED,
		       "the owner has taken the right '%s' from device %s; `pzh rights %s %s yes` "
		       "at the hub gives it back",
		       name, conn->member->device, conn->member->device, name);
}

void
pz_hosted_conn_send_address(struct pz_hosted_conn *conn)
{
	if (conn->zone->authority->move.notice.number == 0)
		return;
	json_t *message = pz_hub_notice_json(&conn->zone->authority->move.notice);
	pz_hosted_send_prop(conn->zone, conn->link, "hubMoved", message);
	json_decref(message);
}

void
pz_hosted_send_again(struct pz_hosted *zone, struct pz_slice frames)
{
	struct pz_envelope envelope;
	struct pz_slice frame;
	size_t need;

	while (pz_frame_cut(frames, PZ_FRAME_BYTES_MAX, &frame, &need) == PZ_OK && frame.len) {
		frames = pz_slice_of(frames.ptr + frame.len, frames.len - frame.len);
		/* Dropping it is harmless: a prop describes the current state, and the next link
		 * begins with the state of that time. */
		if (pz_envelope_scan(pz_frame_body(frame), &envelope) == PZ_OK &&
		    envelope.type != PZ_MESSAGE_PROP &&
		    pz_router_send(zone->router, frame) != PZ_OK)
			pz_router_bounce(zone->router, frame, PZ_RPC_UNREACHABLE);
	}
}
