/*
 * One connection at the hub. Strangers cost as little as possible, and their number is limited; a
 * device is identified by its certificates and by the current list of members (page 2).
 *
 *     accept ──handshake──> secured ──register──> live ──> closed
 *                 │             └── enrolling, befriending, a friend's hub: other files
 *                 └── waits in the doorway, until it has proved an identity
 *
 * Only the end of its link frees the object. A device that connects again replaces its older link:
 * at once if it was away, or by draining if it changes its route without being away (page 4).
 */
#include <stdio.h>
#include <stdlib.h>

#include "border/border.h"
#include "hosted/clone.h"
#include "hosted/records.h"
#include "hosted/services.h"
#include "hosted/sync.h"
#include "hosted/update.h"
#include "hub/friend.h"
#include "hub/internal.h"
#include "net/register.h"
#include "rpc/error.h"
#include "wire/frame.h"
#include "wire/message.h"

/* ---- limits of strangers (page 4 "Pressure") ---- */

/* There is no link yet: the stranger gets no byte. */
static void
refuse(struct pz_hub *hub, struct pz_stream *stream, const char *remote, const char *why)
{
	pz_metric_add(&hub->hosting.metrics, PZ_METRIC_links_refused, 1);
	pz_metric_add(&hub->hosting.metrics, PZ_METRIC_limits_hit, 1);
	pz_warning_of(&hub->refuse_log, hub->config.env, "link-refused", "remote=%s %s", remote,
		      why);
	stream->ops->close(stream);
}

/* A newer connection needs the place (net/doorway.h chooses the one to close). */
static void
on_evict(void *arg, struct pz_guest *guest, const char *why)
{
	struct pz_hub *hub = arg;

	pz_metric_add(&hub->hosting.metrics, PZ_METRIC_limits_hit, 1);
	pz_link_close(PZ_CONTAINER(guest, struct pz_hosted_conn, guest)->link, PZ_ERR_LIMIT, why);
}

static void
on_full(void *arg, const char *busiest, unsigned count)
{
	struct pz_hub *hub = arg;

	pz_condition_raise(hub->hosting.conditions, PZ_CONDITION_WAITING_ROOM_FULL, "",
			   "%u connections that have not proved an identity are open, as many as "
			   "are allowed; %u of them are from %s",
			   hub->config.unauthenticated_max, count, busiest);
}

static void
on_calm(void *arg)
{
	struct pz_hub *hub = arg;

	pz_condition_clear(hub->hosting.conditions, PZ_CONDITION_WAITING_ROOM_FULL, "");
}

const struct pz_doorway_ops pz_hub_doorway_ops = {
	.evict = on_evict,
	.full = on_full,
	.calm = on_calm,
};

/* ---- accepting ---- */

/* Page 2 "TLS": the first label of the SNI selects the zone. Without a tag of a zone no certificate
 * is presented: a scan of addresses finds no user's name. */
static struct pz_tls_ctx *
select_ctx(void *arg, const char *sni_first_label, enum pz_tls_purpose purpose)
{
	struct pz_hosted_conn *conn = arg;
	struct pz_hub *hub = pz_hub_of(conn->hosting);
	struct pz_hosted *zone = pz_map_get(hub->by_tag, pz_slice_str(sni_first_label));

	if (zone == NULL)
		return NULL;
	conn->zone = zone;
	switch (purpose) {
	case PZ_TLS_FOR_ZONE:
		return zone->trust.link_ctx;
	case PZ_TLS_FOR_ENROLMENT:
		return pz_hub_has_live_code(hub) ? zone->trust.enrol_ctx : NULL;
	case PZ_TLS_FOR_FRIEND:
		return pz_invitations_are_live(&zone->authority->friends.invitations,
					       hub->config.env)
			       ? zone->trust.friend_ctx
			       : NULL;
	case PZ_TLS_FOR_PAIRING:
		break;
	}
	return NULL;
}

/* The doorway before TLS: a refused connection costs no handshake. */
void
pz_hub_accept(void *arg, struct pz_stream *stream, const char *remote)
{
	struct pz_hub *hub = arg;
	struct pz_tls *tls = NULL;
	struct pz_errinfo info = {"out of memory"};
	struct pz_hosted_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL || pz_doorway_admit(hub->doorway, &conn->guest, remote, &info) != PZ_OK ||
	    pz_tls_new_server(select_ctx, conn, hub->config.env, &tls) != PZ_OK) {
		if (conn)
			pz_guest_leave(&conn->guest);
		free(conn);
		refuse(hub, stream, remote, info.text);
		return;
	}
	conn->hosting = &hub->hosting;
	conn->log = &hub->refuse_log;
	if (pz_link_new(&hub->link_host, stream, tls, PZ_HANDSHAKE_TIMEOUT_US, conn, &conn->link) !=
	    PZ_OK) {
		pz_guest_leave(&conn->guest);
		free(conn);
		return;
	}
	pz_list_append(&hub->hosting.links, &conn->link->owner_node);
	pz_hub_count_waiting(hub);
}

/* ---- from handshake to member ---- */

static void
refuse_member(struct pz_hosted_conn *conn, enum pz_err err, const char *detail)
{
	pz_metric_add(&conn->hosting->metrics, PZ_METRIC_links_refused, 1);
	pz_warning_of(conn->log, conn->hosting->env, "device-refused", "zone=%s remote=%s %s",
		      conn->zone->authority->zone, pz_guest_remote(&conn->guest), detail);
	if (err == PZ_ERR_DENIED_REVOKED)
		pz_hosted_conn_revoked(conn, detail);
	else
		pz_hosted_conn_bye(conn, err, detail);
}

/* The handshake identifies the device; `register` shows that it is ready to exchange messages. The
 * hub sends its own first, so neither end waits for the other. */
static enum pz_err
begin_registration(struct pz_hosted_conn *conn)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(address, sizeof(address), "%s/%s", conn->zone->authority->zone,
		 conn->member->device);
	PZ_TRY(pz_link_identify(conn->link, PZ_SESSION_DEVICE, address));
	conn->state = PZ_HOSTED_REGISTERING;
	return pz_link_send_register(conn->link, conn->zone->authority->zone, NULL);
}

/* The context of the handshake (select_ctx) has decided which of four kinds it is. A device is
 * looked up in the current list of members, and its verified chain is freed: it is some kilobytes
 * for each link. */
static void
on_secured(struct pz_link *link)
{
	struct pz_hosted_conn *conn = link->owner;
	struct pz_errinfo info = {""};

	if (pz_tls_is_enrol(link->tls)) {
		pz_hub_enrol_begin(conn);
		return;
	}
	if (pz_tls_is_befriending(link->tls)) {
		pz_hub_befriend_begin(conn);
		return;
	}
	if (pz_hub_friend_secured(conn))
		return;
	enum pz_err err = pz_authority_admits(conn->zone->authority, pz_tls_peer(link->tls),
					      &conn->member, &info);
	if (err != PZ_OK) {
		refuse_member(conn, err, info.text);
		return;
	}
	snprintf(conn->serial, sizeof(conn->serial), "%s", conn->member->serial);
	conn->log = &conn->member->log;
	link->session.log = conn->log;
	pz_tls_drop_peer(link->tls); /* from now on the member identifies the link */
	err = begin_registration(conn);
	if (err != PZ_OK)
		pz_link_close(link, err, "cannot register");
}

/* The reason has both addresses: the owner may have copied the device with its identity. */
static void
bye_replaced(struct pz_hosted_conn *older, const struct pz_hosted_conn *newer)
{
	static const char reason[] = "replaced by a newer link of the same device";
	json_t *message =
		json_pack("{s:s, s:s, s:s}", "reason", reason, "replaced",
			  pz_guest_remote(&older->guest), "by", pz_guest_remote(&newer->guest));

	pz_hosted_send_prop(older->zone, older->link, "bye", message);
	json_decref(message);
	pz_link_close(older->link, PZ_ERR_EXISTS, reason);
}

/* The newest link wins (page 14, TLS-12): a device that comes back after a dead network must not
 * wait. */
static void
replace_older(struct pz_hosted_conn *conn)
{
	struct pz_session *older = conn->member->session;

	if (older == NULL)
		return;
	pz_notice_of(conn->log, conn->hosting->env, "duplicate-device",
		     "device=%s its newer link replaces the older one", older->address);
	struct pz_hosted_conn *old_conn = pz_link_of(older)->owner;
	pz_hosted_clone_replaced(old_conn);
	pz_router_detach(conn->zone->router, older);
	conn->member->session = NULL;
	conn->member->instance[0] = '\0';
	conn->zone->connected--;
	old_conn->member = NULL;
	pz_hosted_device_gone(conn->zone, conn->member);
	pz_hosted_member_changed(conn->zone, conn->member);
	bye_replaced(old_conn, conn);
}

static void
on_drain_end(struct pz_timer *timer, void *arg)
{
	const struct pz_hosted_conn *conn = arg;

	(void)timer;
	pz_link_close(conn->link, PZ_OK, "replaced");
}

/* The device has both links and declares that this one continues the other (page 4): it was not
 * away. The other one gets a bye as its last message, and is read until the device has received
 * that. */
static void
continue_older(struct pz_hosted_conn *conn)
{
	struct pz_session *older = conn->member->session;
	struct pz_hosted_conn *old_conn = pz_link_of(older)->owner;
	json_t *message = json_pack("{s:s}", "reason", "replaced");

	pz_router_detach(conn->zone->router, older);
	conn->member->session = NULL;
	conn->zone->connected--;
	pz_sync_link_free(PZ_TAKE(old_conn->sync));
	pz_hosted_send_prop(conn->zone, old_conn->link, "bye", message);
	json_decref(message);
	old_conn->state = PZ_HOSTED_DRAINING;
	old_conn->member = NULL;
	/* Removed from the list of links that receive changes of the zone. */
	pz_list_remove(&old_conn->link->owner_node);
	pz_list_append(&conn->hosting->links, &old_conn->link->owner_node);
	pz_timer_init(&old_conn->drain_end, on_drain_end, old_conn);
	pz_env_start(conn->hosting->env, &old_conn->drain_end, PZ_PEER_DRAIN_US);
}

/* A claim of the device in its register: it names the former session, which only that device and
 * the hub know. */
static bool
is_continuation(const struct pz_hosted_conn *conn, const struct pz_envelope *envelope)
{
	const struct pz_member *member = conn->member;

	return member->session && !pz_link_of(member->session)->closing &&
	       pz_message_replaces(envelope, member->instance);
}

static void
mark_seen(struct pz_hosted_conn *conn)
{
	struct pz_member *member = conn->member;

	member->last_seen_ms = pz_env_wall_ms(conn->hosting->env);
	member->is_unsaved = true;
	if (member->confirmed)
		return; /* a time is not worth an fsync for each link: see pz_hosted_save_seen */
	member->confirmed = true;
	pz_hosted_save_member(conn->zone, member);
	pz_hosted_save_now(
		conn->zone); /* from now on its name is taken, which a crash must not undo */
}

/* Between handshake and registration the device may have been revoked, or its name given to
 * another. */
static bool
is_still_admitted(const struct pz_hosted_conn *conn)
{
	return !conn->member->revoked && strcmp(conn->serial, conn->member->serial) == 0 &&
	       !pz_crl_has_serial(conn->zone->authority->crl, conn->serial);
}

static enum pz_err
on_register(struct pz_hosted_conn *conn, struct pz_slice frame)
{
	struct pz_envelope envelope;
	struct pz_link *link = conn->link;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (!envelope.is_register)
		return PZ_ERR_DENIED_IDENTITY;
	PZ_TRY(pz_link_take_register(link, &envelope));
	if (!is_still_admitted(conn)) {
		refuse_member(conn, PZ_ERR_DENIED_REVOKED, "revoked");
		return PZ_OK;
	}
	/* The order matters: the older session ends, and others are informed of it, before the new
	 * one is attached; otherwise they would take what the former session had begun for the new
	 * one's. */
	bool is_back = !is_continuation(conn, &envelope);
	if (is_back) {
		replace_older(conn);
		pz_hosted_update_before_return(conn->zone, conn->member);
	} else {
		continue_older(conn);
	}
	PZ_TRY(pz_router_attach(conn->zone->router, &link->session));
	conn->state = PZ_HOSTED_LIVE;
	conn->member->session = &link->session;
	conn->zone->connected++;
	pz_guest_proved(&conn->guest);
	pz_hub_count_waiting(pz_hub_of(conn->hosting));
	/* From strangers to members: changes of the zone are sent to the links in this list. */
	pz_list_remove(&link->owner_node);
	pz_list_append(&conn->zone->links, &link->owner_node);
	pz_link_establish(link);
	pz_info_of(conn->log, conn->hosting->env, "device-connected", "device=%s remote=%s",
		   link->session.address, pz_guest_remote(&conn->guest));
	mark_seen(conn);
	pz_hosted_send_whole_update(conn->zone, link);
	pz_border_device_up(conn->zone->border, link);
	pz_hosted_conn_send_address(conn);
	pz_hosted_sync_begin(conn);
	if (is_back)
		pz_hosted_member_changed(conn->zone, conn->member);
	return PZ_OK;
}

/* Props of the drained link concern a link that is not in use any more. */
static enum pz_err
on_late_frame(struct pz_hosted_conn *conn, struct pz_slice frame)
{
	struct pz_envelope envelope;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (envelope.type == PZ_MESSAGE_PROP)
		return PZ_OK;
	return pz_router_frame(conn->zone->router, &conn->link->session, frame);
}

static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct pz_hosted_conn *conn = link->owner;

	switch (conn->state) {
	case PZ_HOSTED_LIVE:
		return conn->friend_link
			       ? pz_hub_friend_frame(conn, frame)
			       : pz_router_frame(conn->zone->router, &link->session, frame);
	case PZ_HOSTED_REGISTERING:
		return conn->friend_link ? pz_hub_friend_register(conn, frame)
					 : on_register(conn, frame);
	case PZ_HOSTED_BEFRIENDING:
		return pz_hub_befriend_frame(conn, frame);
	case PZ_HOSTED_ENROLLING:
		return pz_hub_enrol_frame(conn, frame);
	case PZ_HOSTED_DRAINING:
		return on_late_frame(conn, frame);
	case PZ_HOSTED_SECURING:
		break;
	}
	return PZ_ERR_PROTO;
}

static void
on_keepalive(struct pz_link *link)
{
	struct pz_hosted_conn *conn = link->owner;

	pz_hosted_send_prop(conn->zone, link, "keepAlive", NULL);
}

/* The peer answers any probe; silence means that the path is dead. */
static void
on_probe(struct pz_link *link)
{
	struct pz_hosted_conn *conn = link->owner;

	pz_hosted_send_prop(conn->zone, link, "probe", NULL);
}

static void
on_alive(struct pz_link *link)
{
	struct pz_hosted_conn *conn = link->owner;

	if (conn->friend_link)
		pz_hub_friend_alive(conn);
}

static void
on_drained(struct pz_link *link)
{
	struct pz_hosted_conn *conn = link->owner;

	if (conn->state != PZ_HOSTED_LIVE || !link->session.attached)
		return;
	pz_router_drained(conn->zone->router, &link->session);
	pz_sync_link_drained(conn->sync);
}

static void
member_left(struct pz_hosted_conn *conn, enum pz_err why, const char *detail,
	    struct pz_slice undelivered)
{
	struct pz_link *link = conn->link;
	struct pz_member *member = conn->member;

	pz_router_detach(conn->zone->router, &link->session);
	pz_condition_clear(conn->hosting->conditions, PZ_CONDITION_TOO_LARGE,
			   link->session.address);
	pz_info_of(conn->log, conn->hosting->env, "device-gone", "device=%s %s%s%s",
		   link->session.address, pz_err_text(why), detail[0] ? ": " : "", detail);
	if (member) {
		member->session = NULL;
		member->instance[0] = '\0';
		member->last_seen_ms = pz_env_wall_ms(conn->hosting->env);
		conn->zone->connected--;
		member->is_unsaved = true;
		if (conn->hosting->is_stopping)
			pz_hosted_save_member(conn->zone, member);
		pz_hosted_device_gone(conn->zone, member);
		pz_hosted_member_changed(conn->zone, member);
	}
	/* Last: the senders get their answers when the device counts as gone. */
	pz_router_bounce(conn->zone->router, undelivered,
			 why == PZ_ERR_LIMIT_QUEUE ? PZ_RPC_CONGESTED : PZ_RPC_UNREACHABLE);
}

static void
log_refused(const struct pz_hosted_conn *conn, enum pz_err why, const char *detail)
{
	struct pz_hub *hub = pz_hub_of(conn->hosting);

	if (why != PZ_OK && !hub->hosting.is_stopping)
		pz_notice_of(&hub->refuse_log, hub->config.env, "link-failed", "remote=%s %s: %s",
			     pz_guest_remote(&conn->guest), pz_err_text(why), detail);
}

/* Messages that never left the queue are sent on the new link. */
static void
drained(struct pz_hosted_conn *conn, struct pz_slice undelivered)
{
	pz_env_stop(conn->hosting->env, &conn->drain_end);
	pz_router_detach(conn->zone->router, &conn->link->session);
	pz_condition_clear(conn->hosting->conditions, PZ_CONDITION_TOO_LARGE,
			   conn->link->session.address);
	pz_hosted_send_again(conn->zone, undelivered);
}

/* Synchronisation and uploads end first: they use the link. The rest depends on the state of the
 * connection. */
static void
on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct pz_hosted_conn *conn = link->owner;

	pz_hosted_conn_calm(conn);
	pz_sync_link_free(PZ_TAKE(conn->sync));
	pz_hub_policy_end(conn);
	pz_list_remove(&link->owner_node);
	if (conn->befriending)
		pz_hub_befriend_closed(conn, why, detail);
	else if (conn->friend_link)
		pz_hub_friend_closed(conn, why, detail, undelivered);
	else if (conn->state == PZ_HOSTED_LIVE)
		member_left(conn, why, detail, undelivered);
	else if (conn->state == PZ_HOSTED_ENROLLING)
		pz_hub_enrol_end(conn);
	else if (conn->state == PZ_HOSTED_DRAINING)
		drained(conn, undelivered);
	else
		log_refused(conn, why, detail);
	pz_guest_leave(&conn->guest);
	pz_hub_count_waiting(pz_hub_of(conn->hosting));
	free(conn);
}

const struct pz_link_events pz_hub_link_events = {
	.secured = on_secured,
	.frame = on_frame,
	.keepalive = on_keepalive,
	.probe = on_probe,
	.alive = on_alive,
	.drained = on_drained,
	.closed = on_closed,
};
