/*
 * A direct link, from handshake to end.
 *
 * Two devices may dial each other at the same moment (page 5): the link that the smaller identity
 * opened survives on both sides. The other one is drained: nothing new goes out on it, a bye with
 * the reason "replaced" is its last word, and it is heard until the other end says bye too, so that
 * nothing is lost and nothing is said twice.
 *
 * A link that the smaller side opened and still holds, while the larger one dials: either they
 * crossed, or the larger one has lost it (restart, another network). The older link is asked for a
 * sign of life, the newer one waits (standby) until that has come or not.
 *
 * What expects an answer makes the link be watched (net/liveness.h); a link that is given up hands
 * its messages over to another way.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pzp/appdata.h"
#include "pzp/clock.h"
#include "pzp/peers.h"
#include "rpc/error.h"
#include "sync/link.h"
#include "wire/frame.h"
#include "wire/message.h"

static const char replaced[] = "replaced";

static const struct pz_env *
env_of(const struct peer_link *pl)
{
	return pl->peers->node->config.env;
}

/* ---- sending ---- */

void
pz_peer_link_prop(struct peer_link *pl, const char *status, json_t *message)
{
	struct pz_node *node = pl->peers->node;
	struct pz_buf out;

	if (pl->peer == NULL || pl->link->closing)
		return;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_prop(&out, node->self, pl->peer->address, status, message);
	if (err == PZ_OK)
		err = pl->link->session.attached
			      ? pz_router_push(node->router, &pl->link->session, pz_buf_slice(&out))
			      : pz_link_send(pl->link, pz_buf_slice(&out));
	if (err != PZ_OK)
		node_prop_unsent(node, &pl->link->session, status, err, out.len);
	pz_buf_fini(&out);
}

static void
send_bye(struct peer_link *pl, const char *reason)
{
	json_t *message = json_pack("{s:s}", "reason", reason);

	pz_peer_link_prop(pl, "bye", message);
	json_decref(message);
}

static enum pz_err
send_register(struct peer_link *pl)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	enum pz_err err = pz_message_register(&out, pl->peers->node->self, pl->peer->address,
					      pl->peers->link_host.frame_max);
	if (err == PZ_OK)
		err = pz_link_send(pl->link, pz_buf_slice(&out));
	pz_buf_fini(&out);
	return err;
}

static struct peer_link *
link_in_state(const struct peer *peer, enum peer_link_state state)
{
	const struct pz_peers *peers = peer->peers;

	for (struct pz_list *n = peers->links.next; n != &peers->links; n = n->next) {
		struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->peer == peer && pl->state == state && !pl->link->closing)
			return pl;
	}
	return NULL;
}

bool
pz_peer_is_registering(const struct peer *peer)
{
	return link_in_state(peer, PEER_LINK_REGISTERING) != NULL;
}

/* The older link lives: the newer one that waited for that is not needed. */
static void
on_alive(struct pz_link *link)
{
	const struct peer_link *pl = link->owner;
	struct peer_link *waiting = pl->peer ? link_in_state(pl->peer, PEER_LINK_STANDBY) : NULL;

	if (waiting && pl->state == PEER_LINK_LIVE)
		pz_peer_link_close(waiting, PZ_ERR_EXISTS, "the older link lives");
}

static void
on_probe(struct pz_link *link)
{
	pz_peer_link_prop(link->owner, "probe", NULL);
}

/* ---- from handshake to live ---- */

static void
begin_register(struct peer_link *pl)
{
	pl->state = PEER_LINK_REGISTERING;
	enum pz_err err = send_register(pl);
	if (err != PZ_OK)
		pz_link_close(pl->link, err, "cannot register");
}

static bool
is_ours_smaller(const struct peer *peer)
{
	return strcmp(peer->peers->node->self, peer->address) < 0;
}

/* The live link is one that survives where two crossed (head comment), and this one is not. */
static bool
is_beaten(const struct peer_link *pl)
{
	const struct peer_link *live = pl->peer->live;

	return live && live->is_outgoing && !pl->is_outgoing && is_ours_smaller(pl->peer);
}

static void
decide(struct peer_link *pl)
{
	if (is_beaten(pl)) {
		pl->state = PEER_LINK_STANDBY;
		pz_link_probe(pl->peer->live->link, PZ_PEER_CONTEST_US);
		return;
	}
	begin_register(pl);
}

/* Who is it? The handshake has proved a device of our zone that was not revoked when it began: a
 * list may have come since (page 2). */
static enum pz_err
identify(struct peer_link *pl, struct pz_errinfo *info)
{
	const struct pz_peer *who = pz_tls_peer(pl->link->tls);
	struct pz_node *node = pl->peers->node;

	if (node->zone.membership == NULL || who == NULL ||
	    strcmp(who->zone, node->zone.membership->zone) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "it is of another zone");
	if (strcmp(who->device, node->zone.membership->device) == 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "it is this device itself");
	if (pz_device_zone_is_revoked(&node->zone, who->ca_serial))
		return pz_fail(info, PZ_ERR_DENIED_REVOKED, "%s is revoked", who->device);
	if (pl->is_outgoing)
		PZ_TRY(pz_device_zone_check_ca(&node->zone, who, info));
	struct peer *peer = pz_peers_get(pl->peers, who->device);
	if (peer == NULL)
		return pz_fail(info, PZ_ERR_LIMIT, "too many devices");
	pl->peer = peer;
	pl->link->session.log = &peer->log;
	snprintf(pl->serial, sizeof(pl->serial), "%s", who->ca_serial);
	pz_tls_drop_peer(pl->link->tls);
	return pz_link_identify(pl->link, PZ_SESSION_PEER, peer->address);
}

static void
on_secured(struct pz_link *link)
{
	struct peer_link *pl = link->owner;
	struct pz_errinfo info = {""};
	enum pz_err err = identify(pl, &info);

	if (err != PZ_OK) {
		pz_metric_add(&pl->peers->node->metrics, PZ_METRIC_links_refused, 1);
		pz_warning_of(&pl->peers->refuse_log, env_of(pl), "peer-refused", "remote=%s %s",
			      pl->remote, info.text);
		pz_link_close(link, err, info.text);
		return;
	}
	clock_see_link(pl->peers->node, pl->peer->device);
	pz_peer_link_authenticated(pl);
	pz_peer_try_won(pl);
	decide(pl);
}

/* Another link has taken over: says so, and hears what is still on its way. */
static void
drain(struct peer_link *pl)
{
	if (pl->link->closing)
		return;
	pl->state = PEER_LINK_DRAINING;
	pz_link_unwatch(pl->link);
	send_bye(pl, replaced);
	if (pl->is_leaving)
		pz_link_close(pl->link, PZ_OK, replaced);
	else
		pz_env_start(env_of(pl), &pl->end, PZ_PEER_DRAIN_US);
}

/* A link of the same direction as the older: whoever dials again has lost that one. */
static void
replace(struct peer_link *older, struct peer_link *newer)
{
	const struct peer *peer = newer->peer;
	struct pz_node *node = newer->peers->node;

	pz_router_detach(node->router, &older->link->session);
	if (older->is_outgoing != newer->is_outgoing) {
		drain(older);
		return;
	}
	pz_notice_of(&older->peer->log, env_of(older), "duplicate-device",
		     "device=%s its newer link replaces the older one", peer->device);
	older->state = PEER_LINK_DRAINING;
	pz_link_close(older->link, PZ_ERR_EXISTS, "replaced by a newer link of the same device");
}

/* Ours crossed with one that wins. Where it has registered already the other end uses it: that is
 * heard until it says bye. */
static void
give_way(struct peer *peer)
{
	const struct peer_attempt *attempt = peer->attempt;
	struct peer_link *used = NULL;

	for (size_t i = 0; attempt && i < attempt->count; i++) {
		struct peer_link *pl = attempt->tries[i].link;
		if (pl && pl->state == PEER_LINK_REGISTERING)
			used = pl;
	}
	pz_peer_attempt_drop(peer->attempt, used);
	if (used)
		drain(used);
}

static void
go_live(struct peer_link *pl)
{
	struct peer *peer = pl->peer;
	struct pz_node *node = pl->peers->node;
	struct peer_link *older = peer->live;

	if (older)
		replace(older, pl);
	if (pz_router_attach(node->router, &pl->link->session) != PZ_OK) {
		peer->live = NULL;
		pz_link_close(pl->link, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	peer->live = pl;
	pl->state = PEER_LINK_LIVE;
	pl->link->session.relays = false; /* until it says so */
	pz_link_establish(pl->link);
	/* Its own attempt is over; ours goes on where it would win over this link. */
	if (pl->attempt_try)
		pz_peer_attempt_drop(pl->attempt_try->attempt, pl);
	else if (!is_ours_smaller(peer))
		give_way(peer);
	peer->failures = 0;
	peer->is_missed = false;
	pz_env_stop(env_of(pl), &peer->retry);
	(void)pz_peer_event(peer, PZ_PEER_EVENT_REGISTERED, "");
	pz_peer_greet(pl);
	pl->sync = zonedata_open(node, pl->link, false, pl->is_outgoing);
	if (older)
		resend_after_loss(node, &older->link->session, NULL);
	node_peer_live(node, pl);
}

static enum pz_err
on_register(struct peer_link *pl, struct pz_slice frame)
{
	struct pz_envelope envelope;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (!envelope.is_register) {
		/* One that does not want us says why before it hangs up. */
		if (envelope.type == PZ_MESSAGE_PROP &&
		    pz_slice_eq_str(envelope.from, pl->peer->address))
			pz_peer_on_prop(pl, &envelope);
		return PZ_OK;
	}
	if (!pz_slice_eq_str(envelope.from, pl->peer->address))
		return PZ_ERR_DENIED_IDENTITY;
	pl->has_registered = true;
	pl->link->session.frame_max =
		pz_message_frame_max(&envelope, pl->peers->link_host.frame_max);
	if (pl->state != PEER_LINK_REGISTERING)
		return PZ_OK;
	/* Ours became live while the two registered here: the other end keeps that one, too. */
	if (is_beaten(pl))
		drain(pl);
	else
		go_live(pl);
	return PZ_OK;
}

static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct peer_link *pl = link->owner;

	switch (pl->state) {
	case PEER_LINK_LIVE:
		return pz_router_frame(pl->peers->node->router, &link->session, frame);
	case PEER_LINK_DRAINING:
		if (!pl->has_registered)
			return on_register(pl, frame);
		return pz_router_frame(pl->peers->node->router, &link->session, frame);
	case PEER_LINK_STANDBY:
	case PEER_LINK_REGISTERING:
		return on_register(pl, frame);
	case PEER_LINK_SECURING:
		break;
	}
	return PZ_ERR_PROTO;
}

/* ---- the end ---- */

/* The newer link that waited for this one to die takes its place. */
static void
wake_standby(struct peer *peer)
{
	struct peer_link *pl = link_in_state(peer, PEER_LINK_STANDBY);

	if (pl == NULL)
		return;
	begin_register(pl);
	if (pl->has_registered && !pl->link->closing)
		go_live(pl);
}

static void
forget_what_it_said(struct peer *peer)
{
	json_decref(PZ_TAKE(peer->info));
	json_decref(PZ_TAKE(peer->services));
	json_decref(PZ_TAKE(peer->relayed));
	peer->is_relay = peer->has_hub = peer->is_speaking = false;
	peer->session[0] = '\0';
}

/* The live link of a peer is gone: other ways, or the end of what depended on it. */
static void
lost(struct peer_link *pl, enum pz_peer_event event, const char *reason,
     struct pz_slice undelivered, int rpc_code)
{
	struct peer *peer = pl->peer;
	struct pz_node *node = pl->peers->node;
	json_t *names = pz_peers_names(node); /* before we forget who it spoke for */

	peer->live = NULL;
	peer->is_missed = event == PZ_PEER_EVENT_LINK_LOST;
	pl->state = PEER_LINK_DRAINING;
	pz_link_unwatch(pl->link);
	pz_router_detach(node->router, &pl->link->session);
	pz_condition_clear(node->conditions, PZ_CONDITION_TOO_LARGE, peer->address);
	(void)pz_peer_event(peer, event, reason);
	forget_what_it_said(peer);
	resend_undelivered(node, undelivered, rpc_code);
	resend_after_loss(node, &pl->link->session, names);
	(void)pz_peer_event(peer, PZ_PEER_EVENT_CLEANED, NULL);
	json_decref(names);
	pz_peers_tell_soon(pl->peers);
	wake_standby(peer);
	if (peer->live == NULL)
		appdata_session_ended(node, peer->address);
	if (event == PZ_PEER_EVENT_LINK_LOST && peer->live == NULL && peer->attempt == NULL)
		pz_peer_retry_later(peer);
}

void
pz_peer_link_close(struct peer_link *pl, enum pz_err why, const char *reason)
{
	if (pl->link->closing)
		return;
	if (pl->state >= PEER_LINK_REGISTERING)
		send_bye(pl, reason);
	pz_link_close(pl->link, why, reason);
	if (pl->peer && pl->peer->live == pl)
		lost(pl, why == PZ_OK ? PZ_PEER_EVENT_HANG_UP : PZ_PEER_EVENT_LINK_LOST, reason,
		     pz_slice_of(NULL, 0), PZ_RPC_UNREACHABLE);
}

static void
log_failed(const struct peer_link *pl, enum pz_err why, const char *detail)
{
	struct pz_node *node = pl->peers->node;

	if (why != PZ_OK && !node->is_stopping)
		pz_notice_of(&pl->peers->refuse_log, env_of(pl), "peer-link-failed",
			     "remote=%s %s%s%s", pl->remote, pz_err_text(why),
			     detail[0] ? ": " : "", detail);
}

static void
on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct peer_link *pl = link->owner;
	struct peer *peer = pl->peer;
	struct pz_errinfo reason;
	int code = why == PZ_ERR_LIMIT_QUEUE ? PZ_RPC_CONGESTED : PZ_RPC_UNREACHABLE;

	(void)pz_fail(&reason, why, "%s%s%s", pz_err_text(why), detail[0] ? ": " : "", detail);
	pz_list_remove(&pl->node);
	pz_env_stop(env_of(pl), &pl->end);
	pz_sync_link_free(PZ_TAKE(pl->sync));
	pz_peer_link_authenticated(pl);
	pz_guest_leave(&pl->guest);
	if (peer && peer->live == pl) {
		lost(pl, PZ_PEER_EVENT_LINK_LOST, reason.text, undelivered, code);
	} else if (pl->state == PEER_LINK_DRAINING) {
		resend_undelivered(pl->peers->node, undelivered, code);
	} else {
		log_failed(pl, why, detail);
		if (peer) /* one that was dialled: who else is at an address is not known */
			clock_see_refusal(pl->peers->node, peer->device, why, detail);
		pz_peer_try_lost(pl, reason.text);
	}
	pz_router_detach(pl->peers->node->router, &link->session);
	free(pl);
}

static void
on_keepalive(struct pz_link *link)
{
	pz_peer_link_prop(link->owner, "keepAlive", NULL);
}

static void
on_drained(struct pz_link *link)
{
	struct peer_link *pl = link->owner;

	if (link->session.attached)
		pz_router_drained(pl->peers->node->router, &link->session);
	pz_sync_link_drained(pl->sync);
	if (pl->is_told_late && link->session.queued <= PZ_QUEUE_LOW_BYTES)
		pz_peer_greet(pl);
}

const struct pz_link_events pz_peer_link_events = {
	.secured = on_secured,
	.frame = on_frame,
	.keepalive = on_keepalive,
	.probe = on_probe,
	.alive = on_alive,
	.drained = on_drained,
	.closed = on_closed,
};

/* ---- beginning ---- */

static void
on_end(struct pz_timer *timer, void *arg)
{
	struct peer_link *pl = arg;

	(void)timer;
	pz_link_close(pl->link, PZ_OK, "drained");
}

void
pz_peer_link_init(struct peer_link *pl)
{
	pz_timer_init(&pl->end, on_end, pl);
	pz_list_append(&pl->peers->links, &pl->node);
}

/* No SNI: it would tell whoever listens that the same zone is here again (page 6). */
struct peer_link *
pz_peer_link_open(struct peer_try *attempt_try, struct pz_stream *stream)
{
	struct pz_peers *peers = attempt_try->attempt->peers;
	struct pz_node *node = peers->node;
	struct peer *peer = attempt_try->attempt->peer;
	struct peer_link *pl = calloc(1, sizeof(*pl));
	struct pz_expect expect = {.zone = node->zone.membership->zone,
				   .device = peer ? peer->device : NULL,
				   .role = PZ_EXPECT_DEVICE};
	struct pz_tls *tls = NULL;

	if (pl == NULL || pz_tls_new_client(node->tls_ctx, NULL, &expect, &tls) != PZ_OK) {
		free(pl);
		stream->ops->close(stream);
		return NULL;
	}
	pl->peers = peers;
	pl->attempt_try = attempt_try;
	pl->is_outgoing = true;
	snprintf(pl->remote, sizeof(pl->remote), "%s", attempt_try->target.address);
	if (pz_link_new(&peers->link_host, stream, tls, PZ_CONNECT_TIMEOUT_US, pl, &pl->link) !=
	    PZ_OK) {
		free(pl);
		return NULL;
	}
	pz_peer_link_init(pl);
	return pl;
}
