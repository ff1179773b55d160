/*
 * The connection to the hub: dialling, registering, sending, and its end. The machine decides; this
 * file executes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/register.h"
#include "rpc/error.h"
#include "tunnel/tunnel.h"
#include "uplink/internal.h"
#include "uplink/reason.h"
#include "wire/address.h"
#include "wire/frame.h"
#include "wire/hub_link.h"
#include "wire/message.h"

#define SECONDS(us) ((unsigned)((us) / PZ_US_PER_S))

static void
put(struct pz_uplink *uplink, enum pz_event event, const char *reason)
{
	(void)pz_machine_event(&uplink->machine, event, reason);
}

/* ---- dialling ---- */

enum pz_err
pz_uplink_open_link(const struct pz_uplink_opening *opening, struct pz_stream *takes_stream,
		    struct pz_link **out)
{
	struct pz_tls *tls = NULL;
	char sni[PZ_HUB_SNI_BYTES];

	pz_hub_sni(opening->zone, opening->host, sni);
	enum pz_err err = pz_tls_new_client(opening->tls, sni, opening->expect, &tls);
	if (err != PZ_OK) {
		takes_stream->ops->close(takes_stream);
		return err;
	}
	/* The machine's time-out ends an attempt, and says in which step: it comes before this
	 * deadline. */
	return pz_link_new(opening->link_host, takes_stream, tls, 4 * PZ_CONNECT_TIMEOUT_US,
			   opening->owner, out);
}

static enum pz_err
open_link(struct pz_uplink *uplink, struct pz_stream *stream, struct pz_link **out)
{
	const char *zone = uplink->config.zone->membership->zone;
	struct pz_expect expect = {.zone = zone, .role = PZ_EXPECT_HUB};
	const struct pz_uplink_opening opening = {
		.link_host = &uplink->config.link_host,
		.tls = uplink->tls,
		.zone = zone,
		.host = pz_uplink_place_used(uplink)->host,
		.expect = &expect,
		.owner = uplink,
	};

	return pz_uplink_open_link(&opening, stream, out);
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct pz_uplink *uplink = arg;

	uplink->dial = NULL;
	uplink->relaying.tunnel = NULL;
	pz_env_stop(uplink->env, &uplink->relaying.head_start);
	enum pz_err err = open_link(uplink, stream, &uplink->link);
	if (err != PZ_OK)
		put(uplink, PZ_EVENT_LINK_FAILED, pz_err_text(err));
}

/* The last answer at the address in use was not another hub's certificate, or nothing answers
 * there. */
static void
forget_another_hub(struct pz_uplink *uplink)
{
	pz_condition_clear(uplink->config.conditions, PZ_CONDITION_ANOTHER_HUB,
			   pz_uplink_place_used(uplink)->host);
}

/* ---- through a relay (page 6): one more target, after the hub's address ---- */

static void
on_tunnel_failed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_uplink *uplink = arg;
	struct pz_errinfo reason;

	uplink->relaying.tunnel = NULL;
	(void)pz_fail(&reason, err, "through %s: %s", uplink->relaying.via, detail);
	put(uplink, PZ_EVENT_LINK_FAILED, reason.text);
}

static const struct pz_dial_events tunnel_events = {
	.connected = on_connected,
	.failed = on_tunnel_failed,
};

/* @return false: no peer relays to the hub */
static bool
dial_relay(struct pz_uplink *uplink)
{
	const struct pz_uplink_config *c = &uplink->config;
	struct pz_uplink_relaying *relaying = &uplink->relaying;
	const char *name = "";
	struct pz_link *carrier = c->ops->relay(c->arg, &name);

	if (carrier == NULL || pz_tunnel_open(carrier, c->zone->membership->zone, &tunnel_events,
					      uplink, &relaying->tunnel) != PZ_OK)
		return false;
	snprintf(relaying->via, sizeof(relaying->via), "%s", name);
	return true;
}

static void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_uplink *uplink = arg;
	struct pz_errinfo reason;

	uplink->dial = NULL;
	pz_env_stop(uplink->env, &uplink->relaying.head_start);
	forget_another_hub(uplink);
	if (!dial_relay(uplink))
		put(uplink, PZ_EVENT_LINK_FAILED, pz_uplink_dial_reason(err, detail, &reason));
}

static const struct pz_dial_events dial_events = {.connected = on_connected, .failed = on_failed};

/* An address that does not answer must not use up the whole attempt. */
static void
on_head_start(struct pz_timer *timer, void *arg)
{
	struct pz_uplink *uplink = arg;

	(void)timer;
	if (uplink->dial && uplink->link == NULL && dial_relay(uplink))
		uplink->config.transport.ops->dial_cancel(PZ_TAKE(uplink->dial));
}

static enum pz_err
dial_address(struct pz_uplink *uplink, const struct pz_hub_address *at,
	     const struct pz_dial_events *events)
{
	const struct pz_transport *t = &uplink->config.transport;

	return t->ops->dial(t->self, at->host, at->port, events, uplink, &uplink->dial);
}

void
pz_uplink_dial(struct pz_uplink *uplink)
{
	struct pz_uplink_relaying *relaying = &uplink->relaying;

	if (uplink->is_ending)
		return; /* an enrolment was stored just now: the next start connects */
	const struct pz_hub_address *at = pz_uplink_place_dial(uplink);
	bool is_relay_first = relaying->is_relay_next;
	relaying->via[0] = '\0';
	relaying->is_relay_next = false;
	if (is_relay_first && dial_relay(uplink))
		return;
	enum pz_err err = dial_address(uplink, at, &dial_events);
	if (err != PZ_OK)
		put(uplink, PZ_EVENT_LINK_FAILED, pz_err_text(err));
	else
		pz_env_start(uplink->env, &relaying->head_start, PZ_UPLINK_HEAD_START_US);
}

/* ---- back to a direct link ---- */

static void
try_again_later(struct pz_uplink *uplink)
{
	pz_env_start(uplink->env, &uplink->relaying.again, PZ_UPLINK_AGAIN_US);
}

static void
on_again_failed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_uplink *uplink = arg;

	(void)err;
	(void)detail;
	uplink->dial = NULL; /* the timer is running */
}

static void
on_again_connected(void *arg, struct pz_stream *stream)
{
	struct pz_uplink *uplink = arg;

	uplink->dial = NULL;
	(void)!open_link(uplink, stream, &uplink->relaying.next);
}

static const struct pz_dial_events again_events = {
	.connected = on_again_connected,
	.failed = on_again_failed,
};

static void
on_again(struct pz_timer *timer, void *arg)
{
	struct pz_uplink *uplink = arg;
	const struct pz_uplink_relaying *relaying = &uplink->relaying;

	(void)timer;
	if (!uplink->is_registered || !relaying->via[0] || relaying->next)
		return;
	if (uplink->dial) /* no answer until now: the network may have changed */
		uplink->config.transport.ops->dial_cancel(PZ_TAKE(uplink->dial));
	(void)!dial_address(uplink, pz_uplink_place_used(uplink), &again_events);
	try_again_later(uplink);
}

static void
on_former_end(struct pz_timer *timer, void *arg)
{
	const struct pz_uplink *uplink = arg;

	(void)timer;
	if (uplink->relaying.former)
		pz_link_close(uplink->relaying.former, PZ_OK, "replaced by a direct link");
}

/* A relay that appears during an attempt, or between two, is tried first, since the address failed.
 */
void
pz_uplink_saw_relay(struct pz_uplink *uplink)
{
	struct pz_uplink_relaying *relaying = &uplink->relaying;

	if (uplink->dial && !relaying->head_start.active) {
		on_head_start(&relaying->head_start, uplink);
	} else if (uplink->machine.state == PZ_STATE_NOT_CONNECTED) {
		relaying->is_relay_next = true;
		pz_machine_nudge(&uplink->machine, "a peer passes on to the hub");
	}
}

void
pz_uplink_relaying_init(struct pz_uplink *uplink)
{
	pz_timer_init(&uplink->relaying.head_start, on_head_start, uplink);
	pz_timer_init(&uplink->relaying.again, on_again, uplink);
	pz_timer_init(&uplink->relaying.former_end, on_former_end, uplink);
}

/* The direct link replaces the relayed one: our register is sent first; when the hub has it, it
 * sends bye on the former link, after all that it has queued there. What was sent on the former
 * link and may be lost is sent again. */
static enum pz_err
take_over(struct pz_uplink *uplink)
{
	const struct pz_uplink_config *c = &uplink->config;
	struct pz_link *former = uplink->link, *link = PZ_TAKE(uplink->relaying.next);
	const struct pz_uplink_loss loss = {
		.session = &former->session,
		.rpc_code = PZ_RPC_UNREACHABLE,
		.was_up = true,
		.is_replaced = true,
	};

	PZ_TRY(pz_link_send_register(link, c->self, c->ops->session(c->arg)));
	pz_sync_link_free(PZ_TAKE(uplink->sync));
	pz_router_detach(c->router, &former->session);
	uplink->link = link;
	uplink->relaying.former = former;
	uplink->relaying.via[0] = '\0';
	pz_env_start(uplink->env, &uplink->relaying.former_end, PZ_PEER_DRAIN_US);
	PZ_TRY(pz_router_attach(c->router, &link->session));
	pz_link_establish(link);
	c->ops->lost(c->arg, &loss);
	c->ops->online(c->arg);
	uplink->sync = c->ops->sync_open(c->arg, link);
	/* The state has not changed, so no other event reports it. */
	c->ops->moved(c->arg, pz_uplink_place_used(uplink), "");
	return PZ_OK;
}

static enum pz_err
on_next_frame(struct pz_uplink *uplink, struct pz_link *link, struct pz_slice frame)
{
	struct pz_envelope envelope;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (!envelope.is_register)
		return PZ_OK; /* an error: the hub says why it refuses us, and closes the link */
	PZ_TRY(pz_link_take_register(link, &envelope));
	return take_over(uplink);
}

static bool
is_bye(const struct pz_envelope *envelope)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	bool is_so = pz_message_prop_parse(envelope, &payload, &status, &message) == PZ_OK &&
		     strcmp(status, "bye") == 0;
	json_decref(payload);
	return is_so;
}

/* Delivers messages that were in transit and ignores props, which concern the link itself. The
 * hub's bye comes last. */
static enum pz_err
on_former_frame(struct pz_uplink *uplink, struct pz_link *link, struct pz_slice frame)
{
	struct pz_envelope envelope;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (envelope.type != PZ_MESSAGE_PROP)
		return pz_router_frame(uplink->config.router, &link->session, frame);
	if (is_bye(&envelope))
		pz_link_close(link, PZ_OK, "replaced by a direct link");
	return PZ_OK;
}

/* Ends a link that is not the one in use. */
static void
other_closed(struct pz_uplink *uplink, struct pz_link *link, struct pz_slice undelivered)
{
	const struct pz_uplink_config *c = &uplink->config;
	const struct pz_uplink_loss loss = {
		.session = &link->session,
		.undelivered = undelivered,
		.rpc_code = PZ_RPC_UNREACHABLE,
	};

	if (link == uplink->relaying.next) {
		uplink->relaying.next = NULL;
		try_again_later(uplink);
	}
	if (link != uplink->relaying.former)
		return;
	uplink->relaying.former = NULL;
	pz_env_stop(uplink->env, &uplink->relaying.former_end);
	pz_router_detach(c->router, &link->session);
	c->ops->lost(c->arg, &loss);
}

/* Every way that is tried ends with the link. */
static void
drop_ways(struct pz_uplink *uplink)
{
	struct pz_uplink_relaying *relaying = &uplink->relaying;
	struct pz_link *links[2];

	links[0] = PZ_TAKE(relaying->next);
	links[1] = PZ_TAKE(relaying->former);
	pz_env_stop(uplink->env, &relaying->head_start);
	pz_env_stop(uplink->env, &relaying->again);
	pz_env_stop(uplink->env, &relaying->former_end);
	pz_tunnel_cancel(PZ_TAKE(relaying->tunnel));
	for (size_t i = 0; i < 2; i++) {
		if (links[i] == NULL)
			continue;
		pz_router_detach(uplink->config.router, &links[i]->session);
		pz_link_close(links[i], PZ_OK, "");
	}
}

static const char *
step(const struct pz_uplink *uplink)
{
	if (uplink->link == NULL)
		return "the connection to";
	return uplink->link->secured ? "the registration at" : "the TLS handshake with";
}

void
pz_uplink_explain_timeout(const struct pz_uplink *uplink, char *out, size_t size)
{
	const struct pz_hub_address *at = pz_uplink_place_used(uplink);

	snprintf(out, size, "timed out: %s %s port %u was not completed within %u s", step(uplink),
		 at->host, (unsigned)at->port, SECONDS(PZ_CONNECT_TIMEOUT_US));
}

/* ---- registering ---- */

static void
on_secured(struct pz_link *link)
{
	struct pz_uplink *uplink = link->owner;

	if (uplink->link != link && uplink->relaying.next != link)
		return;
	pz_tls_drop_peer(link->tls);
	link->session.log = &uplink->log;
	enum pz_err err =
		pz_link_identify(link, PZ_SESSION_HUB, uplink->config.zone->membership->zone);
	if (err == PZ_OK && link == uplink->link)
		err = pz_link_send_register(link, uplink->config.self, NULL);
	if (err != PZ_OK)
		pz_link_close(link, err, "cannot register");
}

static enum pz_err
on_register(struct pz_uplink *uplink, struct pz_link *link, struct pz_slice frame)
{
	struct pz_envelope envelope;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (!envelope.is_register) {
		/* A hub that refuses us says why before it closes the link. */
		if (envelope.type == PZ_MESSAGE_PROP)
			pz_uplink_on_prop(uplink, &envelope);
		return PZ_OK;
	}
	PZ_TRY(pz_link_take_register(link, &envelope));
	PZ_TRY(pz_router_attach(uplink->config.router, &link->session));
	uplink->is_registered = true;
	if (uplink->relaying.via[0]) /* the address was perhaps not tried at all */
		pz_env_start(uplink->env, &uplink->relaying.again, PZ_UPLINK_HEAD_START_US);
	pz_link_establish(link);
	put(uplink, PZ_EVENT_REGISTERED, NULL);
	/* What the event caused may have ended the link. */
	if (uplink->link == link)
		uplink->sync = uplink->config.ops->sync_open(uplink->config.arg, link);
	return PZ_OK;
}

static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct pz_uplink *uplink = link->owner;

	if (uplink->relaying.next == link)
		return on_next_frame(uplink, link, frame);
	if (uplink->relaying.former == link)
		return on_former_frame(uplink, link, frame);
	if (uplink->link != link)
		return PZ_OK;
	if (uplink->is_registered)
		return pz_router_frame(uplink->config.router, &link->session, frame);
	return on_register(uplink, link, frame);
}

/* ---- signs of life ---- */

static void
on_keepalive(struct pz_link *link)
{
	struct pz_uplink *uplink = link->owner;

	if (uplink->link == link)
		pz_uplink_send_prop(uplink, "keepAlive", NULL);
}

static void
on_probe(struct pz_link *link)
{
	struct pz_uplink *uplink = link->owner;

	if (uplink->link == link)
		pz_uplink_send_prop(uplink, "probe", NULL);
}

static void
on_drained(struct pz_link *link)
{
	struct pz_uplink *uplink = link->owner;

	if (uplink->link != link || !uplink->is_registered)
		return;
	pz_router_drained(uplink->config.router, &link->session);
	pz_sync_link_drained(uplink->sync);
}

static void
on_channel_prop(struct pz_link *link, const char *status, json_t *message)
{
	struct pz_uplink *uplink = link->owner;

	if (uplink->link == link)
		pz_uplink_send_prop(uplink, status, message);
}

static void
on_channel_offered(struct pz_link *link, struct pz_channel *channel,
		   const struct pz_channel_offer *offer)
{
	const struct pz_uplink *uplink = link->owner;

	uplink->config.ops->channel_offered(uplink->config.arg, link, channel, offer);
}

/* ---- the end ---- */

/* All that was known of them came from the hub. */
static void
note_all_away(struct pz_uplink *uplink)
{
	const char *device;
	json_t *entry;

	json_object_foreach (uplink->directory, device, entry)
		(void)json_object_set_new(entry, "connected", json_false());
}

/*
 * The link to the hub has ended, whichever end closed it. The uplink removes its own state first:
 * the exchange on the link, the link, the router's session, and the marks that devices are at the
 * hub. So nothing is routed by this link any more when the node handles the loss (its operation
 * `lost`, which says in which order and why).
 */
static void
lost(struct pz_uplink *uplink, struct pz_link *link, struct pz_slice undelivered, int rpc_code)
{
	const struct pz_uplink_config *c = &uplink->config;
	const struct pz_uplink_loss loss = {
		.session = &link->session,
		.undelivered = undelivered,
		.rpc_code = rpc_code,
		.was_up = uplink->is_registered,
	};

	pz_sync_link_free(PZ_TAKE(uplink->sync));
	if (c->zone->membership)
		pz_condition_clear(c->conditions, PZ_CONDITION_TOO_LARGE,
				   c->zone->membership->zone);
	uplink->link = NULL;
	uplink->is_registered = false;
	pz_router_detach(c->router, &link->session);
	if (loss.was_up)
		note_all_away(uplink);
	pz_uplink_friend_lost(uplink);
	c->ops->lost(c->arg, &loss);
}

static void
send_bye(struct pz_uplink *uplink)
{
	const char *reason = uplink->machine.reason;
	json_t *message = json_pack("{s:s}", "reason", reason[0] ? reason : "disconnect");

	pz_uplink_send_prop(uplink, "bye", message);
	json_decref(message);
}

void
pz_uplink_hang_up(struct pz_uplink *uplink)
{
	struct pz_link *link = uplink->link;

	if (uplink->dial)
		uplink->config.transport.ops->dial_cancel(PZ_TAKE(uplink->dial));
	drop_ways(uplink);
	if (link == NULL)
		return;
	if (!link->closing)
		send_bye(uplink);
	pz_link_close(link, PZ_OK, "");
	lost(uplink, link, pz_slice_of(NULL, 0), PZ_RPC_UNREACHABLE);
}

/*
 * We have verified that the certificate is not the hub's. It may be a hotspot's log-in page, so
 * attempts continue, but slowly, since waiting hardly helps (page 5). What the other end claims
 * before it has proved its identity (an alert, garbage) is a failed attempt like any other.
 */
static bool
is_another_hub(const struct pz_link *link, enum pz_err why)
{
	return !link->secured && (why == PZ_ERR_DENIED_CHAIN || why == PZ_ERR_DENIED_IDENTITY ||
				  why == PZ_ERR_DENIED_WEAK);
}

static void
note_another_hub(struct pz_uplink *uplink, const char *detail, struct pz_errinfo *reason)
{
	const struct pz_hub_address *at = pz_uplink_place_used(uplink);

	(void)pz_fail(
		reason, PZ_ERR_DENIED,
		"the certificate shown at %s port %u is not that of the hub which this device "
		"enrolled with (%s)",
		at->host, (unsigned)at->port, detail);
	pz_condition_raise(uplink->config.conditions, PZ_CONDITION_ANOTHER_HUB, at->host, "%s",
			   reason->text);
	if (pz_uplink_place_is_wrong(uplink))
		pz_machine_slow(&uplink->machine);
}

static void
on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct pz_uplink *uplink = link->owner;
	bool was_registered = uplink->is_registered;
	struct pz_errinfo reason;

	if (uplink->link != link) { /* a link that we closed: everything was done then */
		other_closed(uplink, link, undelivered);
		return;
	}
	/* The address answered, and no registration came of it: the next attempt goes by a relay,
	 * if one is there. */
	uplink->relaying.is_relay_next = !was_registered && !uplink->relaying.via[0];
	lost(uplink, link, undelivered,
	     why == PZ_ERR_LIMIT_QUEUE ? PZ_RPC_CONGESTED : PZ_RPC_UNREACHABLE);
	(void)pz_uplink_reason(why, detail, &reason);
	uplink->config.ops->saw_refusal(uplink->config.arg, why, detail);
	if (is_another_hub(link, why))
		note_another_hub(uplink, detail, &reason);
	else
		forget_another_hub(uplink);
	/* Before the handshake any node may claim it; after it only the hub can. */
	if (why == PZ_ERR_DENIED_REVOKED && link->secured)
		put(uplink, PZ_EVENT_REVOKED, "revoked by the hub");
	else
		put(uplink, was_registered ? PZ_EVENT_LINK_LOST : PZ_EVENT_LINK_FAILED,
		    reason.text);
}

const struct pz_link_events pz_uplink_link_events = {
	.secured = on_secured,
	.frame = on_frame,
	.keepalive = on_keepalive,
	.probe = on_probe,
	.drained = on_drained,
	.channel_prop = on_channel_prop,
	.channel_offered = on_channel_offered,
	.closed = on_closed,
};
