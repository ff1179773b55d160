/*
 * One connection at the hub. A stranger costs as little as possible and is bounded in number; a
 * device is what its certificates prove and the members' list of this moment confirms (page 2).
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/register.h"
#include "pzh/internal.h"
#include "rpc/error.h"
#include "wire/frame.h"

/* ---- limits of strangers (page 4 "Pressure") ---- */

static void
refuse(struct pz_hub *hub, struct pz_stream *stream, const char *remote, const char *why)
{
	pz_metric_add(&hub->metrics, PZ_METRIC_links_refused, 1);
	pz_metric_add(&hub->metrics, PZ_METRIC_limits_hit, 1);
	pz_warning_of(&hub->refuse_log, hub->config.env, "link-refused", "remote=%s %s", remote,
		      why);
	stream->ops->close(stream);
}

static void
count_waiting(struct pz_hub *hub)
{
	pz_metric_set(&hub->metrics, PZ_METRIC_unauthenticated, pz_doorway_waiting(hub->doorway));
}

static void
on_evict(void *arg, struct pz_guest *guest, const char *why)
{
	struct pz_hub *hub = arg;

	pz_metric_add(&hub->metrics, PZ_METRIC_limits_hit, 1);
	pz_link_close(PZ_CONTAINER(guest, struct hub_peer, guest)->link, PZ_ERR_LIMIT, why);
}

static void
on_full(void *arg, const char *busiest, unsigned count)
{
	struct pz_hub *hub = arg;

	pz_condition_raise(hub->conditions, PZ_CONDITION_WAITING_ROOM_FULL, "",
			   "%u connections that have not proved an identity are open, as many as "
			   "are allowed; %u of them are from %s",
			   hub->config.unauthenticated_max, count, busiest);
}

static void
on_calm(void *arg)
{
	struct pz_hub *hub = arg;

	pz_condition_clear(hub->conditions, PZ_CONDITION_WAITING_ROOM_FULL, "");
}

const struct pz_doorway_ops hub_doorway_ops = {
	.evict = on_evict,
	.full = on_full,
	.calm = on_calm,
};

/* ---- accepting ---- */

/* Page 2 "TLS": the first label of the SNI picks the zone. No certificate is shown without the tag
 * of one: a scan of addresses shows no user's name. */
static struct pz_tls_ctx *
select_ctx(void *arg, const char *sni_first_label, bool enrol)
{
	struct hub_peer *peer = arg;
	struct pz_hub *hub = peer->hub;
	void *zone = pz_map_get(hub->by_tag, pz_slice_str(sni_first_label));

	if (zone == NULL || (enrol && !hub_has_live_code(hub)))
		return NULL;
	peer->zone = zone;
	return enrol ? peer->zone->enrol_ctx : peer->zone->link_ctx;
}

void
hub_accept(void *arg, struct pz_stream *stream, const char *remote)
{
	struct pz_hub *hub = arg;
	struct pz_tls *tls = NULL;
	struct pz_errinfo info = {"out of memory"};
	struct hub_peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL || pz_doorway_admit(hub->doorway, &peer->guest, remote, &info) != PZ_OK ||
	    pz_tls_new_server(select_ctx, peer, hub->config.env, &tls) != PZ_OK) {
		if (peer)
			pz_guest_leave(&peer->guest);
		free(peer);
		refuse(hub, stream, remote, info.text);
		return;
	}
	peer->hub = hub;
	peer->log = &hub->refuse_log;
	pz_list_init(&peer->claims);
	if (pz_link_new(&hub->link_host, stream, tls, PZ_HANDSHAKE_TIMEOUT_US, peer, &peer->link) !=
	    PZ_OK) {
		pz_guest_leave(&peer->guest);
		free(peer);
		return;
	}
	pz_list_append(&hub->links, &peer->link->owner_node);
	count_waiting(hub);
}

/* ---- from handshake to member ---- */

void
hub_link_bye(struct hub_peer *peer, enum pz_err why, const char *reason)
{
	struct pz_link *link = peer->link;

	/* A device that enrols knows only what page 3 lists; the end of the link says enough. */
	if (link->secured && peer->zone && peer->state != HUB_LINK_ENROLLING) {
		json_t *message = json_pack("{s:s}", "reason", reason);
		zone_send_prop(peer->zone, link, "bye", message);
		json_decref(message);
	}
	pz_link_close(link, why, reason);
}

void
hub_link_revoked(struct hub_peer *peer, const char *reason)
{
	if (peer->link->closing)
		return;
	json_t *message = json_pack("{s:s}", "reason", reason);
	zone_send_prop(peer->zone, peer->link, "revoked", message);
	json_decref(message);
	hub_link_bye(peer, PZ_ERR_DENIED_REVOKED, reason);
}

void
hub_link_probe(struct hub_peer *peer)
{
	if (peer->state == HUB_LINK_LIVE)
		pz_link_probe(peer->link, PZ_PEER_CONTEST_US);
}

bool
hub_link_is_choked(const struct hub_peer *peer)
{
	size_t high = peer->hub->config.queue_high_bytes;

	return peer->link->session.queued > (high ? high : PZ_QUEUE_HIGH_BYTES);
}

static void
refuse_member(struct hub_peer *peer, enum pz_err err, const char *detail)
{
	pz_metric_add(&peer->hub->metrics, PZ_METRIC_links_refused, 1);
	pz_warning_of(peer->log, peer->hub->config.env, "device-refused", "zone=%s remote=%s %s",
		      peer->zone->authority->zone, pz_guest_remote(&peer->guest), detail);
	if (err == PZ_ERR_DENIED_REVOKED)
		hub_link_revoked(peer, detail);
	else
		hub_link_bye(peer, err, detail);
}

static enum pz_err
begin_registration(struct hub_peer *peer)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(address, sizeof(address), "%s/%s", peer->zone->authority->zone,
		 peer->member->device);
	PZ_TRY(pz_link_identify(peer->link, PZ_SESSION_DEVICE, address));
	peer->state = HUB_LINK_REGISTERING;
	return pz_link_send_register(peer->link, peer->zone->authority->zone);
}

static void
on_secured(struct pz_link *link)
{
	struct hub_peer *peer = link->owner;
	struct pz_errinfo info = {""};

	if (pz_tls_is_enrol(link->tls)) {
		hub_enrol_begin(peer);
		return;
	}
	enum pz_err err = pz_authority_admits(peer->zone->authority, pz_tls_peer(link->tls),
					      &peer->member, &info);
	if (err != PZ_OK) {
		refuse_member(peer, err, info.text);
		return;
	}
	snprintf(peer->serial, sizeof(peer->serial), "%s", peer->member->serial);
	peer->log = &peer->member->log;
	link->session.log = peer->log;
	pz_tls_drop_peer(link->tls);
	err = begin_registration(peer);
	if (err != PZ_OK)
		pz_link_close(link, err, "cannot register");
}

/* Says from where the newer link comes: the owner may have copied the device with its identity. */
static void
bye_replaced(struct hub_peer *older, const struct hub_peer *newer)
{
	static const char reason[] = "replaced by a newer link of the same device";
	json_t *message =
		json_pack("{s:s, s:s, s:s}", "reason", reason, "replaced",
			  pz_guest_remote(&older->guest), "by", pz_guest_remote(&newer->guest));

	zone_send_prop(older->zone, older->link, "bye", message);
	json_decref(message);
	pz_link_close(older->link, PZ_ERR_EXISTS, reason);
}

/* Newest wins (page 14, TLS-12): a device that comes back after a dead network must not wait. */
static void
replace_older(struct hub_peer *peer)
{
	struct pz_session *older = peer->member->session;

	if (older == NULL)
		return;
	pz_notice_of(peer->log, peer->hub->config.env, "duplicate-device",
		     "device=%s its newer link replaces the older one", older->address);
	struct hub_peer *old_peer = pz_link_of(older)->owner;
	twice_thrown_out(old_peer);
	pz_router_detach(peer->zone->router, older);
	behind_forget_relay(old_peer);
	peer->member->session = NULL;
	peer->member->instance[0] = '\0';
	peer->zone->connected--;
	old_peer->member = NULL;
	zone_device_gone(peer->zone, peer->member);
	zone_member_changed(peer->zone, peer->member);
	bye_replaced(old_peer, peer);
}

static void
mark_seen(struct hub_peer *peer)
{
	struct pz_member *member = peer->member;

	member->last_seen_ms = pz_env_wall_ms(peer->hub->config.env);
	member->is_unsaved = true;
	if (member->confirmed)
		return; /* a time of day is not worth an fsync for each link: see zone_save_seen */
	member->confirmed = true;
	zone_save_member(peer->zone, member);
	zone_save_now(peer->zone); /* from now on its name is taken: not to be lost in a crash */
}

/* Between handshake and registration the device may have been revoked, or its name given to
 * another. */
static bool
is_still_admitted(const struct hub_peer *peer)
{
	return !peer->member->revoked && strcmp(peer->serial, peer->member->serial) == 0 &&
	       !pz_crl_has_serial(peer->zone->authority->crl, peer->serial);
}

static enum pz_err
on_register(struct hub_peer *peer, struct pz_slice frame)
{
	struct pz_envelope envelope;
	struct pz_link *link = peer->link;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (!envelope.is_register)
		return PZ_ERR_DENIED_IDENTITY;
	PZ_TRY(pz_link_take_register(link, &envelope));
	if (!is_still_admitted(peer)) {
		refuse_member(peer, PZ_ERR_DENIED_REVOKED, "revoked");
		return PZ_OK;
	}
	replace_older(peer);
	behind_has_own_link(peer->member);
	zone_tell_before_return(peer->zone, peer->member);
	PZ_TRY(pz_router_attach(peer->zone->router, &link->session));
	peer->state = HUB_LINK_LIVE;
	peer->member->session = &link->session;
	peer->zone->connected++;
	pz_guest_proved(&peer->guest);
	count_waiting(peer->hub);
	pz_list_remove(&link->owner_node);
	pz_list_append(&peer->zone->links, &link->owner_node);
	pz_link_establish(link);
	pz_info_of(peer->log, peer->hub->config.env, "device-connected", "device=%s remote=%s",
		   link->session.address, pz_guest_remote(&peer->guest));
	mark_seen(peer);
	zone_send_whole_update(peer->zone, link);
	moving_greet(peer);
	pz_hub_sync_begin(peer);
	zone_member_changed(peer->zone, peer->member);
	return PZ_OK;
}

static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct hub_peer *peer = link->owner;

	switch (peer->state) {
	case HUB_LINK_LIVE:
		return pz_router_frame(peer->zone->router, &link->session, frame);
	case HUB_LINK_REGISTERING:
		return on_register(peer, frame);
	case HUB_LINK_ENROLLING:
		return hub_enrol_frame(peer, frame);
	case HUB_LINK_SECURING:
		break;
	}
	return PZ_ERR_PROTO;
}

static void
on_keepalive(struct pz_link *link)
{
	struct hub_peer *peer = link->owner;

	zone_send_prop(peer->zone, link, "keepAlive", NULL);
}

static void
on_probe(struct pz_link *link)
{
	struct hub_peer *peer = link->owner;

	zone_send_prop(peer->zone, link, "probe", NULL);
}

static void
on_drained(struct pz_link *link)
{
	struct hub_peer *peer = link->owner;

	if (peer->state != HUB_LINK_LIVE)
		return;
	pz_router_drained(peer->zone->router, &link->session);
	pz_sync_link_drained(peer->sync);
}

static void
member_left(struct hub_peer *peer, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct pz_link *link = peer->link;
	struct pz_member *member = peer->member;

	pz_router_detach(peer->zone->router, &link->session);
	behind_forget_relay(peer);
	pz_condition_clear(peer->hub->conditions, PZ_CONDITION_TOO_LARGE, link->session.address);
	pz_info_of(peer->log, peer->hub->config.env, "device-gone", "device=%s %s%s%s",
		   link->session.address, pz_err_text(why), detail[0] ? ": " : "", detail);
	if (member) {
		member->session = NULL;
		member->instance[0] = '\0';
		member->last_seen_ms = pz_env_wall_ms(peer->hub->config.env);
		peer->zone->connected--;
		member->is_unsaved = true;
		if (peer->hub->is_stopping)
			zone_save_member(peer->zone, member);
		zone_device_gone(peer->zone, member);
		zone_member_changed(peer->zone, member);
		behind_lost_own_link(peer->zone, member);
	}
	pz_router_bounce(peer->zone->router, undelivered,
			 why == PZ_ERR_LIMIT_QUEUE ? PZ_RPC_CONGESTED : PZ_RPC_UNREACHABLE);
}

static void
log_refused(const struct hub_peer *peer, enum pz_err why, const char *detail)
{
	struct pz_hub *hub = peer->hub;

	if (why != PZ_OK && !hub->is_stopping)
		pz_notice_of(&hub->refuse_log, hub->config.env, "link-failed", "remote=%s %s: %s",
			     pz_guest_remote(&peer->guest), pz_err_text(why), detail);
}

static void
on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct hub_peer *peer = link->owner;

	pz_sync_link_free(PZ_TAKE(peer->sync));
	pz_list_remove(&link->owner_node);
	if (peer->state == HUB_LINK_LIVE)
		member_left(peer, why, detail, undelivered);
	else if (peer->state == HUB_LINK_ENROLLING)
		hub_enrol_end(peer);
	else
		log_refused(peer, why, detail);
	pz_guest_leave(&peer->guest);
	count_waiting(peer->hub);
	free(peer);
}

const struct pz_link_events hub_link_events = {
	.secured = on_secured,
	.frame = on_frame,
	.keepalive = on_keepalive,
	.probe = on_probe,
	.drained = on_drained,
	.closed = on_closed,
};
