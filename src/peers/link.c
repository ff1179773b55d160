/*
 * A direct link, from handshake to end.
 *
 * Two devices may dial each other at the same moment (page 5): the link that the smaller identity
 * opened survives on both sides. The other one is drained: nothing new is sent on it, its last
 * message is a bye with the reason "replaced", and it receives until the other end sends bye too,
 * so that nothing is lost and nothing is sent twice.
 *
 * When the smaller side opened a link and still holds it while the larger one dials, either they
 * crossed, or the larger one has lost it (restart, another network). The older link is probed; the
 * newer one waits (standby) for the result.
 *
 * A message that expects an answer starts a watch of the link (net/liveness.h); the messages of a
 * link that is given up take another route.
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/register.h"
#include "peers/internal.h"
#include "rpc/error.h"
#include "sync/link.h"
#include "wire/frame.h"

#define LOOK_AGAIN_US (10 * PZ_US_PER_S)

static const char replaced[] = "replaced";

static const struct pz_env *
env_of(const struct peer_link *pl)
{
	return pl->peers->env;
}

static const struct pz_peers_ops *
ops_of(const struct peer_link *pl)
{
	return pl->peers->config.ops;
}

static void *
arg_of(const struct peer_link *pl)
{
	return pl->peers->config.arg;
}

/* ---- signs of life ---- */

/* The older link is alive: the newer one that waited is not needed. */
static void
on_alive(struct pz_link *link)
{
	const struct peer_link *pl = link->owner;
	struct peer_link *waiting = pl->peer ? pz_peer_link_in(pl->peer, PEER_LINK_STANDBY) : NULL;

	if (waiting && pl->state == PEER_LINK_LIVE)
		pz_peer_link_close(waiting, PZ_ERR_EXISTS, "the older link lives");
}

static void
on_probe(struct pz_link *link)
{
	pz_peer_link_prop(link->owner, "probe", NULL);
}

/* ---- the waiting room ---- */

static void
count_waiting(struct pz_peers *peers)
{
	pz_metric_set(peers->metrics, PZ_METRIC_unauthenticated,
		      pz_doorway_waiting(peers->doorway));
}

/* It has proved its identity, or has ended: it no longer counts as unauthenticated. */
static void
leave_doorway(struct peer_link *pl)
{
	pz_guest_proved(&pl->guest);
	count_waiting(pl->peers);
}

/* ---- from handshake to live ---- */

static void
begin_register(struct peer_link *pl)
{
	pl->state = PEER_LINK_REGISTERING;
	enum pz_err err = pz_link_send_register(pl->link, pl->peers->config.self, NULL);
	if (err != PZ_OK)
		pz_link_close(pl->link, err, "cannot register");
}

static bool
is_ours_smaller(const struct peer *peer)
{
	return strcmp(peer->peers->config.self, peer->address) < 0;
}

/* Two links crossed, and this is the one that does not survive (head comment). */
static bool
is_beaten(const struct peer_link *pl)
{
	const struct peer_link *live = pl->peer->live;

	if (live && live->is_tunnel != pl->is_tunnel)
		return pl->is_tunnel; /* a direct link is better than one through others */
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

/* The handshake has proved a device of our zone. It was not revoked when the handshake began, but a
 * list may have arrived since (page 2). */
static enum pz_err
identify_own(const struct peer_link *pl, const struct pz_peer *who, struct pz_errinfo *info)
{
	const struct pz_device_zone *zone = pl->peers->config.zone;

	if (pz_device_zone_is_self(zone, who->device))
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "it is this device itself");
	if (pz_device_zone_is_revoked(zone, who->ca_serial))
		return pz_fail(info, PZ_ERR_DENIED_REVOKED, "%s is revoked", who->device);
	return pl->is_outgoing ? pz_device_zone_check_ca(zone, who, info) : PZ_OK;
}

/* Finds the device: one of our zone, or a friend's. */
static enum pz_err
identify(struct peer_link *pl, struct pz_errinfo *info)
{
	const struct pz_peer *who = pz_tls_peer(pl->link->tls);
	const struct pz_membership *m = pl->peers->config.zone->membership;
	char name[PZ_ADDRESS_BYTES_MAX + 1];

	if (m == NULL || who == NULL)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "this device is not in a zone");
	bool is_own = strcmp(who->zone, m->zone) == 0;
	PZ_TRY(is_own ? identify_own(pl, who, info) : pz_peer_identify_friend(pl, who, info));
	if (ops_of(pl)->may_link)
		PZ_TRY(ops_of(pl)->may_link(arg_of(pl), info));
	snprintf(name, sizeof(name), "%s%s%s", is_own ? "" : who->zone, is_own ? "" : "/",
		 who->device);
	struct peer *peer = pz_peers_get(pl->peers, name);
	if (peer == NULL)
		return pz_fail(info, PZ_ERR_LIMIT, "too many devices");
	pl->peer = peer;
	pl->link->session.log = &peer->log;
	snprintf(pl->serial, sizeof(pl->serial), "%s", who->ca_serial);
	pz_tls_drop_peer(pl->link->tls);
	return pz_link_identify(pl->link, is_own ? PZ_SESSION_PEER : PZ_SESSION_FRIEND,
				peer->address);
}

/* A stranger, in a pairing window: it is detached from this module. It is not counted as waiting,
 * since the window has a limit of its own. */
static void
give_away(struct peer_link *pl)
{
	struct pz_link *link = pl->link;

	leave_doorway(pl);
	pz_guest_leave(&pl->guest);
	pz_list_remove(&pl->node);
	ops_of(pl)->stranger(arg_of(pl), link, pl->remote);
	free(pl);
}

static void
on_secured(struct pz_link *link)
{
	struct peer_link *pl = link->owner;
	struct pz_errinfo info = {""};

	if (pz_tls_is_pairing(link->tls)) {
		give_away(pl);
		return;
	}
	enum pz_err err = identify(pl, &info);

	if (err != PZ_OK) {
		pz_metric_add(pl->peers->metrics, PZ_METRIC_links_refused, 1);
		pz_warning_of(&pl->peers->refuse_log, env_of(pl), "peer-refused", "remote=%s %s",
			      pl->remote, info.text);
		pz_link_close(link, err, info.text);
		return;
	}
	/* Only now, when its identity is proved: until then it counts as a stranger, and a stranger
	 * at a device's address must not end the tries of its other addresses. */
	if (!pl->peer->is_friend)
		ops_of(pl)->saw_link(arg_of(pl), pl->peer->device);
	if (pl->peer->is_friend && pl->attempt_try && pl->attempt_try->target.group)
		pz_nearby_note_friend(pl->peers->nearby, &pl->attempt_try->target,
				      pl->peer->device);
	leave_doorway(pl);
	pz_peer_try_won(pl);
	decide(pl);
}

/* Another link has replaced this one: sends bye, and receives what is still in transit. */
static void
drain(struct peer_link *pl)
{
	if (pl->link->closing)
		return;
	/* Its attempt has led to a better link, and must not wait for the end of this one. */
	if (pl->attempt_try)
		pz_peer_attempt_drop(pl->attempt_try->attempt, pl);
	pl->state = PEER_LINK_DRAINING;
	pz_link_unwatch(pl->link);
	pz_peer_link_bye(pl, replaced);
	if (pl->is_leaving)
		pz_link_close(pl->link, PZ_OK, replaced);
	else
		pz_env_start(env_of(pl), &pl->end, PZ_PEER_DRAIN_US);
}

/* A newer link in the same direction replaces the older: a device that dials again has lost its
 * link. */
static void
replace(struct peer_link *older, struct peer_link *newer)
{
	const struct peer *peer = newer->peer;
	struct pz_peers *peers = newer->peers;

	pz_router_detach(peers->config.router, &older->link->session);
	if (older->is_outgoing != newer->is_outgoing || older->is_tunnel) {
		drain(older);
		return;
	}
	pz_notice_of(&older->peer->log, env_of(older), "duplicate-device",
		     "device=%s its newer link replaces the older one", peer->device);
	older->state = PEER_LINK_DRAINING;
	pz_link_close(older->link, PZ_ERR_EXISTS, "replaced by a newer link of the same device");
}

/* Our link crossed with one that wins. If ours has registered already, the other end uses it: we
 * receive on it until its bye. */
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

/* A device without a hub that a peer needs also dials other devices, to relay for those that cannot
 * reach them. */
static void
look_for_the_others(struct pz_peers *peers)
{
	uint64_t now = pz_env_mono_us(peers->env);

	if (pz_peers_has_hub(peers) || peers->config.mdns == NULL ||
	    !peers->config.peer_prefs->relay ||
	    (peers->relaying.looked_us && now - peers->relaying.looked_us < LOOK_AGAIN_US))
		return;
	peers->relaying.looked_us = now;
	pz_nearby_look(peers->nearby, PZ_PEER_SEEK_US, true);
}

/* Messages of the link that is replaced are sent on the new one. */
static void
hand_over(const struct peer_link *older)
{
	const struct pz_peers_loss loss = {.session = &older->link->session};

	ops_of(older)->lost(arg_of(older), &loss);
}

static void
go_live(struct peer_link *pl)
{
	struct peer *peer = pl->peer;
	struct pz_peers *peers = pl->peers;
	struct peer_link *older = peer->live;

	if (older)
		replace(older, pl);
	if (pz_router_attach(peers->config.router, &pl->link->session) != PZ_OK) {
		peer->live = NULL;
		pz_link_close(pl->link, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	peer->live = pl;
	pl->state = PEER_LINK_LIVE;
	pz_link_establish(pl->link);
	/* Its own attempt is over; ours continues if its link would win over this one. */
	if (pl->attempt_try)
		pz_peer_attempt_drop(pl->attempt_try->attempt, pl);
	else if (!is_ours_smaller(peer))
		give_way(peer);
	peer->failures = 0;
	peer->is_missed = false;
	pz_env_stop(env_of(pl), &peer->retry);
	if (pl->is_tunnel) /* a direct link is still wanted */
		pz_peer_retry_later(peer);
	(void)pz_peer_take_event(peer, PZ_PEER_EVENT_REGISTERED, "");
	pz_peer_greet(pl);
	if (!peer->is_friend)
		pl->sync = ops_of(pl)->sync_open(arg_of(pl), pl->link, pl->is_outgoing);
	if (older)
		hand_over(older);
	if (!pl->is_outgoing && !peer->is_friend)
		look_for_the_others(peers);
	pz_peers_send_info_soon(peers);
	ops_of(pl)->live(arg_of(pl), peer->device);
}

static enum pz_err
on_register(struct peer_link *pl, struct pz_slice frame)
{
	struct pz_envelope envelope;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (!envelope.is_register) {
		/* A peer that refuses us says why before it closes the link. */
		if (envelope.type == PZ_MESSAGE_PROP &&
		    pz_slice_eq_str(envelope.from, pl->peer->address))
			pz_peer_on_prop(pl, &envelope);
		return PZ_OK;
	}
	PZ_TRY(pz_link_take_register(pl->link, &envelope));
	pl->has_registered = true;
	if (pl->state != PEER_LINK_REGISTERING)
		return PZ_OK;
	/* Our own link became live during this registration: the other end keeps that one, too. */
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
		return pz_router_frame(pl->peers->config.router, &link->session, frame);
	case PEER_LINK_DRAINING:
		/* It gave way before the other end had registered: the register comes first here
		 * too. */
		if (!pl->has_registered)
			return on_register(pl, frame);
		return pz_router_frame(pl->peers->config.router, &link->session, frame);
	case PEER_LINK_STANDBY:
	case PEER_LINK_REGISTERING:
		return on_register(pl, frame);
	case PEER_LINK_SECURING:
		break;
	}
	return PZ_ERR_PROTO;
}

/* ---- the end ---- */

/* The newer link that waited for this one to end replaces it. */
static void
wake_standby(struct peer *peer)
{
	struct peer_link *pl = pz_peer_link_in(peer, PEER_LINK_STANDBY);

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
	peer->is_relay = peer->has_hub = peer->answers = false;
	peer->session[0] = '\0';
}

/*
 * The live link of a peer has ended: what depended on it takes another route, or ends. Every effect
 * of a loss is here, in the only order that works:
 *
 * 1. The devices that were perhaps reached through it are recorded, before their names are dropped.
 * 2. The peer has no link any more, and the router no session: from now on no route uses it. Only
 * then is the loss reported: it may end a command that waits for the peer, and that command must
 * see the new state.
 * 3. What the peer sent about itself and others is dropped, so that no route uses a relay that is
 * gone.
 * 4. What never left the link's queue, then what was sent and may be lost, takes another route or
 * ends. Not before 3: it would be sent to the same relay again.
 * 5. The state is clean: a command may dial the peer again.
 * 6. A newer link that waited for this one to end takes over. Only without one do the parts that
 * hold state for the device drop it, and the device is dialled again.
 */
static void
lost(struct peer_link *pl, enum pz_peer_event event, const char *reason,
     struct pz_slice undelivered, int rpc_code)
{
	struct peer *peer = pl->peer;
	struct pz_peers *peers = pl->peers;
	const struct pz_peers_loss loss = {
		.session = &pl->link->session,
		.names = pz_peers_names(peers),
		.undelivered = undelivered,
		.rpc_code = rpc_code,
	};

	if (peer->is_friend)
		(void)json_object_set_new(loss.names, peer->address, json_true());
	if (pl->via[0])
		snprintf(peer->relay_tried, sizeof(peer->relay_tried), "%s", pl->via);
	peer->live = NULL;
	peer->is_missed = event == PZ_PEER_EVENT_LINK_LOST;
	pl->state = PEER_LINK_DRAINING;
	pz_link_unwatch(pl->link);
	pz_router_detach(peers->config.router, &pl->link->session);
	pz_condition_clear(peers->config.conditions, PZ_CONDITION_TOO_LARGE, peer->address);
	(void)pz_peer_take_event(peer, event, reason);
	forget_what_it_said(peer);
	ops_of(pl)->lost(arg_of(pl), &loss);
	(void)pz_peer_take_event(peer, PZ_PEER_EVENT_CLEANED, NULL);
	json_decref(loss.names);
	pz_peers_send_info_soon(peers);
	wake_standby(peer);
	if (peer->live == NULL)
		ops_of(pl)->gone(arg_of(pl), peer->address);
	if (event == PZ_PEER_EVENT_LINK_LOST && peer->live == NULL && peer->attempt == NULL)
		pz_peer_retry_later(peer);
}

void
pz_peer_link_close(struct peer_link *pl, enum pz_err why, const char *reason)
{
	if (pl->link->closing)
		return;
	if (pl->state >= PEER_LINK_REGISTERING)
		pz_peer_link_bye(pl, reason);
	pz_link_close(pl->link, why, reason);
	if (pl->peer && pl->peer->live == pl)
		lost(pl, why == PZ_OK ? PZ_PEER_EVENT_HANG_UP : PZ_PEER_EVENT_LINK_LOST, reason,
		     pz_slice_of(NULL, 0), PZ_RPC_UNREACHABLE);
}

static void
log_failed(const struct peer_link *pl, enum pz_err why, const char *detail)
{
	struct pz_peers *peers = pl->peers;

	if (why != PZ_OK && !peers->is_ending)
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
	leave_doorway(pl);
	pz_guest_leave(&pl->guest);
	if (peer && peer->live == pl) {
		lost(pl, PZ_PEER_EVENT_LINK_LOST, reason.text, undelivered, code);
	} else if (pl->state == PEER_LINK_DRAINING) {
		ops_of(pl)->lost(arg_of(pl), &(struct pz_peers_loss){.undelivered = undelivered,
								     .rpc_code = code});
	} else {
		log_failed(pl, why, detail);
		if (peer && !peer->is_friend) /* one that we dialled: another device at the same
						 address is unknown */
			ops_of(pl)->saw_refusal(arg_of(pl), peer->device, why, detail);
		pz_peer_try_lost(pl, reason.text);
	}
	pz_router_detach(pl->peers->config.router, &link->session);
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
		pz_router_drained(pl->peers->config.router, &link->session);
	pz_sync_link_drained(pl->sync);
	if (pl->is_info_late && link->session.queued <= PZ_QUEUE_LOW_BYTES)
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

static void
init(struct peer_link *pl)
{
	pz_timer_init(&pl->end, on_end, pl);
	pl->trust = pl->peers->guests.trust;
	pz_list_append(&pl->peers->links, &pl->node);
}

/* It travels in a channel. @param via the peer whose link carries it, "" the hub's */
static void
set_way(struct peer_link *pl, const char *via)
{
	pl->is_tunnel = true;
	snprintf(pl->via, sizeof(pl->via), "%.*s", PZ_DEVICE_BYTES_MAX, via);
	snprintf(pl->remote, sizeof(pl->remote), "through %.63s", via[0] ? via : "the hub");
}

/* A session that expects the dialled device: one of our zone, whose secret and CA are in the
 * context, or a friend's, with a context for that friend alone. No SNI: it would show an observer
 * that the same zone is here again (page 6). */
static enum pz_err
client_new(struct pz_peers *peers, const struct peer_attempt *attempt, struct pz_tls **out)
{
	const struct peer *peer = attempt->peer;
	bool is_friend = peer ? peer->is_friend : attempt->zone[0] != '\0';
	const struct pz_friend *f =
		peer ? pz_peers_friend_of(peers, peer->address)
		     : pz_device_zone_friend(peers->config.zone, pz_slice_str(attempt->zone));
	struct pz_expect expect = {.zone = peers->config.zone->membership->zone,
				   .device = peer ? peer->device : NULL,
				   .role = PZ_EXPECT_DEVICE};

	if (!is_friend)
		return pz_tls_new_client(peers->client_ctx, NULL, &expect, out);
	if (f == NULL || peers->config.ops->friends == NULL)
		return PZ_ERR_NOTFOUND;
	PZ_AUTO(pz_tls_ctx_free)
	struct pz_tls_ctx *ctx = peers->config.ops->friends->ctx(peers->config.arg, f->zone);
	if (ctx == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	expect.zone = f->zone;
	if (peer)
		expect.device = strchr(peer->device, '/') + 1;
	else if (f->only[0])
		expect.device = f->only;
	return pz_tls_new_client(ctx, NULL, &expect, out);
}

struct peer_link *
pz_peer_link_open(struct peer_try *attempt_try, struct pz_stream *stream)
{
	struct pz_peers *peers = attempt_try->attempt->peers;
	struct peer_link *pl = calloc(1, sizeof(*pl));
	struct pz_tls *tls = NULL;

	if (pl == NULL || client_new(peers, attempt_try->attempt, &tls) != PZ_OK) {
		free(pl);
		stream->ops->close(stream);
		return NULL;
	}
	pl->peers = peers;
	pl->attempt_try = attempt_try;
	pl->is_outgoing = true;
	if (attempt_try->target.kind == TARGET_ADDRESS)
		snprintf(pl->remote, sizeof(pl->remote), "%s", attempt_try->target.address);
	else
		set_way(pl, attempt_try->target.address);
	if (pz_link_new(&peers->config.link_host, stream, tls, PZ_CONNECT_TIMEOUT_US, pl,
			&pl->link) != PZ_OK) {
		free(pl);
		return NULL;
	}
	init(pl);
	return pl;
}

static struct pz_tls_ctx *
select_ctx(void *arg, const char *sni_first_label, enum pz_tls_purpose purpose)
{
	const struct pz_peers *peers = arg;

	(void)sni_first_label;
	if (purpose == PZ_TLS_FOR_ZONE)
		return peers->server_ctx;
	if (purpose == PZ_TLS_FOR_PAIRING && peers->has_window)
		return peers->config.ops->stranger_ctx(peers->config.arg);
	return NULL; /* a device enrols no other (page 1) */
}

struct peer_link *
pz_peer_link_accept(struct pz_peers *peers, struct pz_stream *stream, const char *remote)
{
	struct peer_link *pl = calloc(1, sizeof(*pl));
	struct pz_tls *tls = NULL;

	if (pl == NULL || pz_doorway_admit(peers->doorway, &pl->guest, remote, NULL) != PZ_OK ||
	    pz_tls_new_server(select_ctx, peers, peers->env, &tls)) {
		if (pl)
			pz_guest_leave(&pl->guest);
		free(pl);
		stream->ops->close(stream);
		return NULL;
	}
	pl->peers = peers;
	snprintf(pl->remote, sizeof(pl->remote), "%s", remote);
	if (pz_link_new(&peers->config.link_host, stream, tls, PZ_HANDSHAKE_TIMEOUT_US, pl,
			&pl->link) != PZ_OK) {
		/* The stream and the TLS session were taken. */
		pz_guest_leave(&pl->guest);
		free(pl);
		return NULL;
	}
	init(pl);
	count_waiting(peers);
	return pl;
}

struct peer_link *
pz_peer_link_accept_via(struct pz_peers *peers, struct pz_stream *stream, const char *via)
{
	struct peer_link *pl = pz_peer_link_accept(peers, stream, via[0] ? via : "the hub");

	if (pl)
		set_way(pl, via);
	return pl;
}
