/* The link to the hub, from dialling to clean-up. What is decided is the machine's; this does it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/netaddr.h"
#include "pzp/clock.h"
#include "pzp/moved.h"
#include "pzp/resend.h"
#include "pzp/zonedata.h"
#include "rpc/error.h"
#include "wire/frame.h"
#include "wire/message.h"

#define WIPE_RETRY_US (60 * PZ_US_PER_S)

/* Page 2 "TLS": the SNI picks the zone and tells an observer no name. */
static void
sni_name(const char *zone, const char *host, char *out, size_t size)
{
	char tag[PZ_SNI_TAG_CHARS + 1];
	struct pz_netaddr address;

	pz_zone_sni_tag(pz_slice_str(zone), tag);
	snprintf(out, size, "%s.%s", tag, pz_netaddr_parse(host, &address) ? "pz.invalid" : host);
}

enum pz_err
hub_open_link(struct node_conn *conn, struct pz_stream *stream, struct pz_tls_ctx *ctx,
	      const char *zone, const char *host, const struct pz_expect *expect)
{
	struct pz_tls *tls = NULL;
	char sni[512];

	sni_name(zone, host, sni, sizeof(sni));
	enum pz_err err = pz_tls_new_client(ctx, sni, expect, &tls);
	if (err != PZ_OK) {
		stream->ops->close(stream);
		return err;
	}
	/* The machine's longest stay ends an attempt, and says which step it was in. */
	return pz_link_new(&conn->node->link_host, stream, tls, 4 * PZ_CONNECT_TIMEOUT_US, conn,
			   &conn->link);
}

/* ---- dialling ---- */

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct pz_node *node = arg;
	const struct pz_membership *m = node->zone.membership;
	struct pz_expect expect = {.zone = m->zone, .role = PZ_EXPECT_HUB};

	node->hub.dial = NULL;
	enum pz_err err = hub_open_link(&node->hub, stream, node->tls_ctx, m->zone,
					moved_in_use(node)->host, &expect);
	if (err != PZ_OK)
		(void)pz_machine_event(&node->machine, PZ_EVENT_LINK_FAILED, pz_err_text(err));
}

/* What answered last at the address in use showed no other hub's certificate, or does not answer.
 */
static void
forget_another_hub(struct pz_node *node)
{
	pz_condition_clear(node->conditions, PZ_CONDITION_ANOTHER_HUB, moved_in_use(node)->host);
}

static void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_node *node = arg;
	struct pz_errinfo reason;

	node->hub.dial = NULL;
	forget_another_hub(node);
	(void)pz_machine_event(&node->machine, PZ_EVENT_LINK_FAILED,
			       reason_of_dial(err, detail, &reason));
}

static const struct pz_dial_events dial_events = {.connected = on_connected, .failed = on_failed};

void
hub_dial(struct pz_node *node)
{
	const struct pz_transport *t = &node->config.transport;

	if (node->is_stopping)
		return;          /* an enrolment was stored just now: the next start connects */
	node_renew_if_due(node); /* the clock may have been set right since */
	const struct pz_hub_address *at = moved_dial(node);
	enum pz_err err =
		t->ops->dial(t->self, at->host, at->port, &dial_events, node, &node->hub.dial);
	if (err != PZ_OK)
		(void)pz_machine_event(&node->machine, PZ_EVENT_LINK_FAILED, pz_err_text(err));
}

/* ---- registering ---- */

static enum pz_err
send_register(struct pz_node *node)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	enum pz_err err = pz_message_register(&out, node->self, node->zone.membership->zone,
					      node->link_host.frame_max);
	if (err == PZ_OK)
		err = pz_link_send(node->hub.link, pz_buf_slice(&out));
	pz_buf_fini(&out);
	return err;
}

static void
secured(struct pz_node *node, struct pz_link *link)
{
	pz_tls_drop_peer(link->tls);
	link->session.log = &node->hub_log;
	enum pz_err err = pz_link_identify(link, PZ_SESSION_HUB, node->zone.membership->zone);
	if (err == PZ_OK)
		err = send_register(node);
	if (err != PZ_OK)
		pz_link_close(link, err, "cannot register");
}

static enum pz_err
on_register(struct pz_node *node, struct pz_slice frame)
{
	struct pz_link *link = node->hub.link;
	struct pz_envelope envelope;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (!envelope.is_register) {
		/* A hub that does not want us says why before it hangs up. */
		if (envelope.type == PZ_MESSAGE_PROP)
			node_on_hub_prop(node, &envelope, false);
		return PZ_OK;
	}
	if (!pz_slice_eq(envelope.from, pz_session_address(&link->session)))
		return PZ_ERR_DENIED_IDENTITY;
	PZ_TRY(pz_router_attach(node->router, &link->session));
	node->hub.is_registered = true;
	link->session.frame_max = pz_message_frame_max(&envelope, node->link_host.frame_max);
	pz_link_establish(link);
	(void)pz_machine_event(&node->machine, PZ_EVENT_REGISTERED, NULL);
	if (node->hub.link == link)
		node->hub_data = zonedata_open(node, link, true, true);
	return PZ_OK;
}

void
hub_send_info(struct pz_node *node)
{
	json_t *info;

	if (!node->hub.is_registered)
		return;
	info = pz_peers_info_for_hub(node->peers);
	hub_send_prop(node, "pzpInfo", info);
	json_decref(info);
}

void
hub_online(struct pz_node *node)
{
	moved_online(node);
	pz_condition_clear(node->conditions, PZ_CONDITION_ANOTHER_HUB, NULL);
	clock_see_link(node, "hub");
	pz_peers_listen_again(node->peers); /* before the hub is told the port */
	hub_send_info(node);
	discovery_announce(node);
	pz_peers_tell_soon(node->peers); /* nobody needs to speak for us at the hub any more */
}

void
hub_send_prop(struct pz_node *node, const char *status, json_t *message)
{
	struct pz_buf out;

	if (!node->hub.is_registered || node->hub.link == NULL)
		return;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err =
		pz_message_prop(&out, node->self, node->zone.membership->zone, status, message);
	if (err == PZ_OK)
		err = pz_link_send(node->hub.link, pz_buf_slice(&out));
	if (err != PZ_OK)
		node_prop_unsent(node, &node->hub.link->session, status, err, out.len);
	pz_buf_fini(&out);
}

void
hub_send_zone_prop(struct pz_node *node, const char *status, json_t *message)
{
	struct pz_buf out;
	bool speaks;

	if (node->hub.is_registered) {
		hub_send_prop(node, status, message);
		return;
	}
	if (node->zone.membership == NULL || !pz_peers_has_relay_to_hub(node->peers, &speaks))
		return;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err =
		pz_message_prop(&out, node->self, node->zone.membership->zone, status, message);
	if (err == PZ_OK)
		err = pz_router_send(node->router, pz_buf_slice(&out));
	if (err != PZ_OK)
		pz_info_of(&node->hub_log, node->config.env, "hub-prop-not-sent", "status=%s %s",
			   status, pz_err_text(err));
	pz_buf_fini(&out);
}

/* ---- a sign of life ---- */

void
hub_watch(struct pz_node *node)
{
	if (node->hub.link)
		pz_link_watch(node->hub.link);
}

void
hub_probe(struct pz_node *node, uint64_t patience_us)
{
	if (node->hub.link)
		pz_link_probe(node->hub.link, patience_us);
}

/* ---- clean-up ---- */

/* The hub's word was all that we had of them: they are away, but for those with another way. */
static void
everybody_gone(struct pz_node *node, const struct pz_session *hub)
{
	const char *device;
	json_t *entry, *error = pz_rpc_unreachable(node->zone.membership->zone);
	json_t *names = pz_peers_names(node->peers);

	json_object_foreach (node->directory, device, entry)
		(void)json_object_set_new(entry, "connected", json_false());
	resend_after_loss(node, hub, names);
	json_decref(names);
	if (error)
		pz_pending_fail_peer(node->pending, node->zone.membership->zone, error);
	json_decref(error);
	pz_peers_tell_soon(node->peers);
	discovery_announce_soon(node);
}

/*
 * The link to the hub is gone, by either end. Everything that follows is here, in the only order
 * that works:
 *
 * 1. The exchange on it ends, and no question for a way is answered with it any more.
 * 2. What never left its queue takes another way or ends.
 * 3. Searches go on without the hub, and with what is known: before the devices that only the hub
 *    named are away, so that none of them waits for its answer.
 * 4. What was sent by it and may be lost takes another way or ends; the peers are informed.
 */
static void
lost(struct pz_node *node, struct pz_link *link, struct pz_slice undelivered, int rpc_code)
{
	bool was_registered = node->hub.is_registered;

	pz_sync_link_free(PZ_TAKE(node->hub_data));
	if (node->zone.membership)
		pz_condition_clear(node->conditions, PZ_CONDITION_TOO_LARGE,
				   node->zone.membership->zone);
	node->hub.link = NULL;
	node->hub.is_registered = false;
	pz_router_detach(node->router, &link->session);
	resend_undelivered(node, undelivered, rpc_code);
	if (!was_registered)
		return;
	discovery_hub_gone(node);
	everybody_gone(node, &link->session);
}

void
hub_clean(struct pz_node *node)
{
	struct pz_link *link = node->hub.link;

	if (node->hub.dial)
		node->config.transport.ops->dial_cancel(node->hub.dial);
	node->hub.dial = NULL;
	if (link && node->hub.is_registered && !link->closing) {
		json_t *message =
			json_pack("{s:s}", "reason",
				  node->machine.reason[0] ? node->machine.reason : "disconnect");
		hub_send_prop(node, "bye", message);
		json_decref(message);
	}
	if (link == NULL)
		return;
	pz_link_close(link, PZ_OK, "");
	lost(node, link, pz_slice_of(NULL, 0), PZ_RPC_UNREACHABLE);
}

static void
on_wiped(void *arg, enum pz_err err, const char *detail)
{
	struct pz_node *node = arg;
	struct pz_errinfo info = {""}, reason = {""};

	node->is_wiping = false;
	node->is_wipe_failed = err != PZ_OK;
	if (err != PZ_OK) {
		/* In memory we are out of the zone all the same; the disk is tried again. */
		(void)pz_fail(&reason, err,
			      "out of the zone, but its data could not be removed from the store "
			      "(%s); it is tried again while the daemon runs",
			      detail);
		pz_error("wipe-failed", "%s", reason.text);
		pz_env_start(node->config.env, &node->wipe_retry, WIPE_RETRY_US);
	}
	zonedata_wiped(node);
	if (node_set_membership(node, NULL, &info) != PZ_OK)
		pz_error("wipe-memory", "%s", info.text);
	json_object_clear(node->directory);
	json_object_clear(node->known);
	json_object_clear(node->told);
	warnings_forget(node);
	if (err == PZ_OK)
		node_sweep_keys(node);
	(void)pz_machine_event(&node->machine, PZ_EVENT_WIPED, err == PZ_OK ? NULL : reason.text);
}

static void
on_wiped_again(void *arg, enum pz_err err, const char *detail)
{
	struct pz_node *node = arg;

	(void)detail;
	node->is_wiping = false;
	if (err != PZ_OK) {
		pz_env_start(node->config.env, &node->wipe_retry, WIPE_RETRY_US);
		return;
	}
	node->is_wipe_failed = false;
	pz_notice("wiped-again", "the zone's data is removed from the store now");
	if (node->enrolment == NULL && node->storing == NULL)
		node_sweep_keys(node);
}

void
hub_wipe_again(struct pz_node *node)
{
	struct pz_txn *txn = NULL;

	/* A new membership takes the old one's place in the store. */
	if (!node->is_wipe_failed || node->zone.membership)
		return;
	if (node->storing == NULL)
		txn = pz_txn_new();
	if (txn == NULL || zonedata_wipe_again(node, txn) != PZ_OK) {
		pz_txn_free(txn);
		pz_env_start(node->config.env, &node->wipe_retry, WIPE_RETRY_US);
		return;
	}
	node->is_wiping = true;
	pz_txn_scrub(txn);
	pz_store_commit(node->config.store, txn, on_wiped_again, node);
}

void
hub_wipe(struct pz_node *node)
{
	struct pz_txn *txn;

	pz_env_stop(node->config.env, &node->leave_timer);
	if (node->is_wiping)
		return;
	node->is_wiping = true;
	pz_peers_leave(node->peers); /* while we still have a name there */
	txn = pz_txn_new();
	if (txn == NULL || zonedata_wipe(node, txn) != PZ_OK) {
		pz_txn_free(txn);
		on_wiped(node, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	pz_txn_scrub(txn);
	pz_store_commit(node->config.store, txn, on_wiped, node);
}

/* ---- link events: the hub's link, an enrolment's, or one that nobody cares for any more ---- */

static void
on_secured(struct pz_link *link)
{
	struct node_conn *conn = link->owner;

	if (conn->link != link)
		return;
	if (enrolment_is_conn(conn->node, conn))
		enrolment_secured(conn->node, link);
	else
		secured(conn->node, link);
}

static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct node_conn *conn = link->owner;

	if (conn->link != link)
		return PZ_OK;
	if (enrolment_is_conn(conn->node, conn))
		return enrolment_frame(conn->node, frame);
	if (conn->is_registered)
		return pz_router_frame(conn->node->router, &link->session, frame);
	return on_register(conn->node, frame);
}

static void
on_keepalive(struct pz_link *link)
{
	struct node_conn *conn = link->owner;

	if (conn->link == link)
		hub_send_prop(conn->node, "keepAlive", NULL);
}

static void
on_probe(struct pz_link *link)
{
	struct node_conn *conn = link->owner;

	if (conn->link == link)
		hub_send_prop(conn->node, "probe", NULL);
}

static void
on_drained(struct pz_link *link)
{
	struct node_conn *conn = link->owner;

	if (conn->link != link || !conn->is_registered)
		return;
	pz_router_drained(conn->node->router, &link->session);
	pz_sync_link_drained(conn->node->hub_data);
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
note_another_hub(struct pz_node *node, const char *detail, struct pz_errinfo *reason)
{
	const struct pz_hub_address *at = moved_in_use(node);

	(void)pz_fail(
		reason, PZ_ERR_DENIED,
		"the certificate shown at %s port %u is not that of the hub which this device "
		"enrolled with (%s)",
		at->host, (unsigned)at->port, detail);
	pz_condition_raise(node->conditions, PZ_CONDITION_ANOTHER_HUB, at->host, "%s",
			   reason->text);
	if (moved_is_wrong_everywhere(node))
		pz_machine_slow(&node->machine);
}

static void
hub_closed(struct pz_node *node, struct pz_link *link, enum pz_err why, const char *detail,
	   struct pz_slice undelivered)
{
	struct pz_errinfo reason;
	bool was_registered = node->hub.is_registered;

	lost(node, link, undelivered,
	     why == PZ_ERR_LIMIT_QUEUE ? PZ_RPC_CONGESTED : PZ_RPC_UNREACHABLE);
	(void)reason_of(why, detail, &reason);
	clock_see_refusal(node, "hub", why, detail);
	if (is_another_hub(link, why))
		note_another_hub(node, detail, &reason);
	else
		forget_another_hub(node);
	if (why == PZ_ERR_DENIED_REVOKED && link->secured)
		(void)pz_machine_event(&node->machine, PZ_EVENT_REVOKED, "revoked by the hub");
	else
		(void)pz_machine_event(&node->machine,
				       was_registered ? PZ_EVENT_LINK_LOST : PZ_EVENT_LINK_FAILED,
				       reason.text);
}

static void
on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct node_conn *conn = link->owner;
	struct pz_node *node = conn->node;

	if (conn->link != link)
		return; /* closed by ourselves: everything was done then */
	if (enrolment_is_conn(node, conn)) {
		conn->link = NULL;
		enrolment_closed(node, why, detail);
		return;
	}
	hub_closed(node, link, why, detail, undelivered);
}

const struct pz_link_events node_link_events = {
	.secured = on_secured,
	.frame = on_frame,
	.keepalive = on_keepalive,
	.probe = on_probe,
	.drained = on_drained,
	.closed = on_closed,
};
