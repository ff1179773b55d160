/*
 * The acceptance of an invitation: a connection with ALPN pz-friend/1, on which two hubs run the
 * exchange of friends/exchange.h. The inviting hub accepts the connection only while it has a valid
 * invitation, and presents its certificate; the accepting hub dials and presents none.
 *
 * The object outlives its connection while the friend is being stored.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "friends/exchange.h"
#include "hub/friend.h"
#include "wire/frame.h"
#include "wire/hub_link.h"
#include "wire/message.h"

struct pz_hub_befriending {
	struct pz_list hook; /* pz_hub.befriending */
	struct pz_hosted *zone;
	struct pz_hosted_conn *conn; /* NULL: not connected yet, or ended */
	struct pz_friend_exchange *x;
	struct pz_friend_self self;
	struct pz_invitation invitation; /* of the invitation; all zero at the inviting hub */
	struct pz_dial *dial;
	pz_hub_friend_done done; /* NULL: the inviting hub, or it was called */
	void *arg;
	bool is_storing, is_decided;
};

/* The accepting side has the whole invitation, from the link; the inviting side has all of its
 * invitations. */
static bool
is_guest(const struct pz_hub_befriending *b)
{
	return b->invitation.port != 0;
}

/* Three things hold the object: its connection, its dial, and its change that is being stored. The
 * last one to end frees it. */
static void
free_if_over(struct pz_hub_befriending *b)
{
	if (b->conn || b->dial || b->is_storing)
		return;
	pz_list_remove(&b->hook);
	pz_friend_exchange_free(b->x);
	pz_invitation_wipe(&b->invitation);
	free(b);
}

/* Reports once to the owner who has accepted. */
static void
report(struct pz_hub_befriending *b, enum pz_err err, const char *detail)
{
	pz_hub_friend_done done = PZ_TAKE(b->done);

	b->is_decided = true;
	if (done)
		done(b->arg, err, detail);
}

/* ---- what the exchange wants ---- */

static void
on_send(void *arg, const char *status, json_t *message)
{
	const struct pz_hub_befriending *b = arg;

	if (b->conn)
		pz_hosted_send_prop(b->zone, b->conn->link, status, message);
}

/* Looked up when it is used, not when the connection began: it may have been used or expired since.
 */
static const struct pz_invitation *
on_invitation(void *arg, const char *id)
{
	const struct pz_hub_befriending *b = arg;
	const struct pz_authority *a = b->zone->authority;
	const struct pz_invitation *i = pz_invitations_find(&a->friends.invitations, id);

	return i && pz_invitation_is_live(i, a->env) ? i : NULL;
}

/* The certificate of this connection must be issued by the CA that the exchange has shown;
 * otherwise a man in the middle relays the exchange. */
static enum pz_err
on_verify(void *arg, const struct pz_cert *ca, const char *zone, struct pz_errinfo *info)
{
	const struct pz_hub_befriending *b = arg;
	const struct pz_expect expect = {.zone = zone, .role = PZ_EXPECT_HUB};
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = pz_trust_new();

	if (trust == NULL || b->conn == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(pz_trust_add(trust, ca, NULL, info));
	return pz_tls_verify_peer(b->conn->link->tls, trust, &expect,
				  pz_env_wall_ms(b->zone->hosting->env), info);
}

static const char *
reason_of(enum pz_err err)
{
	if (err == PZ_ERR_EXISTS)
		return PZ_FRIEND_ALREADY;
	return err == PZ_ERR_LIMIT ? PZ_FRIEND_FULL : PZ_FRIEND_BAD_REQUEST;
}

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct pz_hub_befriending *b = arg;

	b->is_storing = false;
	if (err == PZ_OK)
		pz_friend_exchange_stored(b->x);
	else
		pz_friend_exchange_refused(b->x, reason_of(err), detail);
	free_if_over(b);
}

/* The inviting side removes its invitation in the same transaction: it can be used only once. */
static void
on_store(void *arg, struct pz_friend *takes, const char *id)
{
	struct pz_hub_befriending *b = arg;

	b->is_storing = true;
	pz_hub_friend_add(b->zone, takes, is_guest(b) ? NULL : id, on_stored, b);
}

static void
on_done(void *arg)
{
	struct pz_hub_befriending *b = arg;

	report(b, PZ_OK, "");
	/* The accepting hub closes the link; the inviting hub waits for that, so that its last
	 * message arrives. */
	if (b->conn && is_guest(b))
		pz_link_close(b->conn->link, PZ_OK, "");
}

/* The log line has the rate limit of enrolments: any stranger that finds the port can cause it. */
static void
on_failed(void *arg, const char *reason, const char *detail)
{
	struct pz_hub_befriending *b = arg;
	struct pz_hub *hub = pz_hub_of(b->zone->hosting);

	pz_notice_of(&hub->enrol_log, hub->config.env, "befriending-failed",
		     "zone=%s remote=%s reason=%.32s %s", b->zone->authority->zone,
		     b->conn ? pz_guest_remote(&b->conn->guest) : "", reason, detail);
	report(b, PZ_ERR_IO, detail); /* page 12: a refusal by another hub ends with exit code 1 */
	if (b->conn)
		pz_link_close(b->conn->link, PZ_ERR_DENIED, detail);
}

static const struct pz_friend_exchange_ops exchange_ops = {
	.send = on_send,
	.invitation = on_invitation,
	.verify = on_verify,
	.store = on_store,
	.done = on_done,
	.failed = on_failed,
};

static struct pz_hub_befriending *
new_befriending(struct pz_hosted *zone)
{
	struct pz_hub_befriending *b = calloc(1, sizeof(*b));
	const struct pz_authority *a = zone->authority;

	if (b == NULL)
		return NULL;
	b->zone = zone;
	pz_list_append(&pz_hub_of(zone->hosting)->befriending, &b->hook);
	b->self = (struct pz_friend_self){
		.zone = a->zone,
		.display_name = a->name,
		.host = a->host,
		.port = zone->hosting->port,
		.ca = a->ca,
		.ca_key = a->ca_key,
		.crl = &a->crl,
	};
	return b;
}

/* Links end with all others; a dial has none yet. */
void
pz_hub_befriend_stop(struct pz_hub *hub)
{
	PZ_LIST_EACH (&hub->befriending, hook, tmp) {
		struct pz_hub_befriending *b = PZ_CONTAINER(hook, struct pz_hub_befriending, hook);
		if (b->dial == NULL)
			continue;
		hub->config.transport.ops->dial_cancel(PZ_TAKE(b->dial));
		report(b, PZ_ERR_IO_CLOSED, "the hub stops");
		free_if_over(b);
	}
}

void
pz_hub_befriend_fini(struct pz_hub *hub)
{
	PZ_LIST_EACH (&hub->befriending, hook, tmp) {
		struct pz_hub_befriending *b = PZ_CONTAINER(hook, struct pz_hub_befriending, hook);
		free_if_over(b);
	}
}

/* ---- the connection ---- */

static enum pz_err
begin(struct pz_hub_befriending *b, struct pz_hosted_conn *conn)
{
	uint8_t exported[PZ_FRIEND_EXPORTER_BYTES];

	conn->state = PZ_HOSTED_BEFRIENDING;
	PZ_TRY(pz_tls_export(conn->link->tls, PZ_FRIEND_EXPORTER, exported, sizeof(exported)));
	b->x = is_guest(b) ? pz_friend_exchange_accept(&b->self, &b->invitation, exported,
						       &exchange_ops, b)
			   : pz_friend_exchange_invite(&b->self, exported, &exchange_ops, b);
	if (b->x == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	PZ_TRY(pz_link_identify(conn->link, PZ_SESSION_APP, "befriending"));
	pz_link_set_patience(conn->link, PZ_ENROL_IDLE_US);
	if (is_guest(b))
		pz_friend_exchange_start(b->x);
	return PZ_OK;
}

void
pz_hub_befriend_begin(struct pz_hosted_conn *conn)
{
	if (conn->befriending == NULL && (conn->befriending = new_befriending(conn->zone)) != NULL)
		conn->befriending->conn = conn;
	enum pz_err err = conn->befriending ? begin(conn->befriending, conn) : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK)
		pz_link_close(conn->link, err, "cannot begin the exchange with a friend's hub");
}

enum pz_err
pz_hub_befriend_frame(struct pz_hosted_conn *conn, struct pz_slice frame)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	PZ_TRY(pz_message_prop_read(frame, &payload, &status, &message));
	pz_friend_exchange_message(conn->befriending->x, status, message);
	json_decref(payload);
	return PZ_OK;
}

/* While the friend is being stored the end of the connection has no effect. */
void
pz_hub_befriend_closed(struct pz_hosted_conn *conn, enum pz_err why, const char *detail)
{
	struct pz_hub_befriending *b = PZ_TAKE(conn->befriending);
	struct pz_errinfo info = {""};

	b->conn = NULL;
	if (why == PZ_ERR_DENIED && !conn->link->secured) /* no invitation is valid there now */
		detail = pz_friend_reason_text(PZ_FRIEND_UNKNOWN);
	if (!b->is_decided && !b->is_storing)
		report(b,
		       pz_fail(&info, PZ_ERR_IO_CLOSED, "%s port %u: %s", b->invitation.host,
			       (unsigned)b->invitation.port,
			       detail[0] ? detail : "the other hub ended the connection"),
		       info.text);
	free_if_over(b);
}

/* ---- accepting ---- */

/* The accepting hub presents no certificate: until the invitation is proved it is a stranger. */
static enum pz_err
new_tls(const struct pz_hub_befriending *b, struct pz_tls **out)
{
	PZ_AUTO(pz_tls_ctx_free) struct pz_tls_ctx *ctx = NULL;
	const struct pz_tls_config config = {
		.kind = PZ_TLS_FRIEND_CLIENT,
		.env = b->zone->hosting->env,
	};
	char sni[PZ_HUB_SNI_BYTES];

	PZ_TRY(pz_tls_ctx_new(&config, &ctx, NULL));
	pz_hub_sni(b->invitation.zone, b->invitation.host, sni);
	return pz_tls_new_client(ctx, sni, NULL, out);
}

/* @param stream taken */
static enum pz_err
open_link(struct pz_hub_befriending *b, struct pz_stream *stream)
{
	struct pz_hub *hub = pz_hub_of(b->zone->hosting);
	struct pz_hosted_conn *conn = calloc(1, sizeof(*conn));
	struct pz_tls *tls = NULL;

	enum pz_err err = conn ? new_tls(b, &tls) : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		stream->ops->close(stream);
		free(conn);
		return err;
	}
	conn->hosting = &hub->hosting;
	conn->zone = b->zone;
	conn->log = &hub->refuse_log;
	err = pz_link_new(&hub->link_host, stream, tls, PZ_HANDSHAKE_TIMEOUT_US, conn, &conn->link);
	if (err != PZ_OK) {
		free(conn);
		return err;
	}
	pz_list_append(&hub->hosting.links, &conn->link->owner_node);
	conn->befriending = b;
	b->conn = conn;
	return PZ_OK;
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct pz_hub_befriending *b = arg;

	b->dial = NULL;
	enum pz_err err = open_link(b, stream);
	if (err != PZ_OK)
		report(b, err, pz_err_text(err));
	free_if_over(b);
}

static void
on_dial_failed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_hub_befriending *b = arg;

	b->dial = NULL;
	report(b, err, detail);
	free_if_over(b);
}

static const struct pz_dial_events dial_events = {.connected = on_connected,
						  .failed = on_dial_failed};

enum pz_err
pz_hub_befriend(struct pz_hosted *zone, const struct pz_invitation *invitation,
		pz_hub_friend_done done, void *arg)
{
	const struct pz_transport *t = &pz_hub_of(zone->hosting)->config.transport;
	struct pz_hub_befriending *b = new_befriending(zone);

	if (b == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	b->invitation = *invitation;
	b->done = done;
	b->arg = arg;
	enum pz_err err = t->ops->dial(t->self, b->invitation.host, b->invitation.port,
				       &dial_events, b, &b->dial);
	if (err != PZ_OK) {
		b->dial = NULL;
		free_if_over(b);
	}
	return err;
}
