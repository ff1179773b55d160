/*
 * The connection to the hub: dialling, registering, sending, and its end. What is decided is the
 * machine's; this does it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/netaddr.h"
#include "net/register.h"
#include "rpc/error.h"
#include "uplink/internal.h"
#include "uplink/reason.h"
#include "wire/address.h"
#include "wire/frame.h"
#include "wire/message.h"

#define SECONDS(us) ((unsigned)((us) / PZ_US_PER_S))

static void
put(struct pz_uplink *uplink, enum pz_event event, const char *reason)
{
	(void)pz_machine_event(&uplink->machine, event, reason);
}

/* ---- dialling ---- */

/* Page 2 "TLS": the SNI picks the zone and shows an observer no name. */
static void
sni_name(const char *zone, const char *host, char *out, size_t size)
{
	char tag[PZ_SNI_TAG_CHARS + 1];
	struct pz_netaddr address;

	pz_zone_sni_tag(pz_slice_str(zone), tag);
	snprintf(out, size, "%s.%s", tag, pz_netaddr_parse(host, &address) ? "pz.invalid" : host);
}

enum pz_err
pz_uplink_open_link(const struct pz_uplink_opening *opening, struct pz_stream *takes_stream,
		    struct pz_link **out)
{
	struct pz_tls *tls = NULL;
	char sni[512];

	sni_name(opening->zone, opening->host, sni, sizeof(sni));
	enum pz_err err = pz_tls_new_client(opening->tls, sni, opening->expect, &tls);
	if (err != PZ_OK) {
		takes_stream->ops->close(takes_stream);
		return err;
	}
	/* The machine's longest stay ends an attempt, and says which step it was in: it comes
	 * before this deadline. */
	return pz_link_new(opening->link_host, takes_stream, tls, 4 * PZ_CONNECT_TIMEOUT_US,
			   opening->owner, out);
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct pz_uplink *uplink = arg;
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

	uplink->dial = NULL;
	enum pz_err err = pz_uplink_open_link(&opening, stream, &uplink->link);
	if (err != PZ_OK)
		put(uplink, PZ_EVENT_LINK_FAILED, pz_err_text(err));
}

/* What answered last at the address in use showed no other hub's certificate, or does not answer.
 */
static void
forget_another_hub(struct pz_uplink *uplink)
{
	pz_condition_clear(uplink->config.conditions, PZ_CONDITION_ANOTHER_HUB,
			   pz_uplink_place_used(uplink)->host);
}

static void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_uplink *uplink = arg;
	struct pz_errinfo reason;

	uplink->dial = NULL;
	forget_another_hub(uplink);
	put(uplink, PZ_EVENT_LINK_FAILED, pz_uplink_dial_reason(err, detail, &reason));
}

static const struct pz_dial_events dial_events = {.connected = on_connected, .failed = on_failed};

void
pz_uplink_dial(struct pz_uplink *uplink)
{
	const struct pz_transport *t = &uplink->config.transport;

	if (uplink->is_ending)
		return; /* an enrolment was stored just now: the next start connects */
	const struct pz_hub_address *at = pz_uplink_place_dial(uplink);
	enum pz_err err =
		t->ops->dial(t->self, at->host, at->port, &dial_events, uplink, &uplink->dial);
	if (err != PZ_OK)
		put(uplink, PZ_EVENT_LINK_FAILED, pz_err_text(err));
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

	if (uplink->link != link)
		return;
	pz_tls_drop_peer(link->tls);
	link->session.log = &uplink->log;
	enum pz_err err =
		pz_link_identify(link, PZ_SESSION_HUB, uplink->config.zone->membership->zone);
	if (err == PZ_OK)
		err = pz_link_send_register(link, uplink->config.self);
	if (err != PZ_OK)
		pz_link_close(link, err, "cannot register");
}

static enum pz_err
on_register(struct pz_uplink *uplink, struct pz_link *link, struct pz_slice frame)
{
	struct pz_envelope envelope;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (!envelope.is_register) {
		/* A hub that does not want us says why before it hangs up. */
		if (envelope.type == PZ_MESSAGE_PROP)
			pz_uplink_on_prop(uplink, &envelope, false);
		return PZ_OK;
	}
	PZ_TRY(pz_link_take_register(link, &envelope));
	PZ_TRY(pz_router_attach(uplink->config.router, &link->session));
	uplink->is_registered = true;
	pz_link_establish(link);
	put(uplink, PZ_EVENT_REGISTERED, NULL);
	/* What follows from the event may have ended the link. */
	if (uplink->link == link)
		uplink->sync = uplink->config.ops->sync_open(uplink->config.arg, link);
	return PZ_OK;
}

static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct pz_uplink *uplink = link->owner;

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

/* The hub's word was all that was known of them. */
static void
note_all_away(struct pz_uplink *uplink)
{
	const char *device;
	json_t *entry;

	json_object_foreach (uplink->directory, device, entry)
		(void)json_object_set_new(entry, "connected", json_false());
}

/*
 * The link to the hub is gone, by either end. What the uplink itself knows of it goes first: the
 * exchange on it, the link, the router's session, and that devices are at the hub. So no question
 * for a way is answered with it any more when the node does what follows from the loss (its
 * operation `lost`, which says in which order and why).
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
	if (link == NULL)
		return;
	if (!link->closing)
		send_bye(uplink);
	pz_link_close(link, PZ_OK, "");
	lost(uplink, link, pz_slice_of(NULL, 0), PZ_RPC_UNREACHABLE);
}

/*
 * Our own verdict: the certificate shown is not the hub's. It may be a hotspot's log-in page, so it
 * ends nothing; but waiting hardly mends it (page 5). What the other end claims before it has
 * proved its identity (an alert, garbage) is a failed attempt like any other.
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

	if (uplink->link != link)
		return; /* closed by ourselves: everything was done then */
	lost(uplink, link, undelivered,
	     why == PZ_ERR_LIMIT_QUEUE ? PZ_RPC_CONGESTED : PZ_RPC_UNREACHABLE);
	(void)pz_uplink_reason(why, detail, &reason);
	uplink->config.ops->saw_refusal(uplink->config.arg, why, detail);
	if (is_another_hub(link, why))
		note_another_hub(uplink, detail, &reason);
	else
		forget_another_hub(uplink);
	/* Before the handshake anyone may claim it; after it only the hub can. */
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
