/*
 * Links with friends' hubs. Both hubs dial, so that one of them may be behind a router; the link
 * that the hub of the bytewise smaller zone opened survives, as with devices (page 6). A lost link
 * is dialled again with the back-off of page 5, as long as the friendship lasts.
 *
 * The TLS of an outgoing link trusts only the pinned CA. The CA of an incoming link's chain
 * identifies the friend, which is looked up again here: the friendship may have ended since the
 * handshake began.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/backoff.h"
#include "border/border.h"
#include "hub/friend.h"
#include "net/register.h"
#include "rpc/error.h"
#include "wire/frame.h"
#include "wire/hub_link.h"
#include "wire/message.h"

/* ---- dialling ---- */

static void
note_problem(struct pz_hub_friend *f, const char *what)
{
	snprintf(f->problem, sizeof(f->problem), "%s", what);
}

static void
again_later(struct pz_hub_friend *f)
{
	uint32_t random;

	f->failures++;
	pz_env_random(f->zone->hosting->env, &random, sizeof(random));
	pz_hub_friend_dial_in(f, pz_backoff_us(f->failures, random));
}

/* The context trusts the CA of this friend only, so a handshake with the hub of another zone
 * fails. */
static enum pz_err
new_ctx(const struct pz_hub_friend *f, const struct pz_friend *known, struct pz_tls_ctx **out,
	struct pz_errinfo *info)
{
	const struct pz_authority *a = f->zone->authority;
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = pz_trust_new();
	struct pz_cert *chain[] = {a->tls};
	const struct pz_tls_config config = {
		.kind = PZ_TLS_CLIENT,
		.chain = chain,
		.chain_len = 1,
		.key = a->tls_key,
		.trust = trust,
		.env = a->env,
	};

	if (trust == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(pz_trust_add(trust, known->ca, known->crl, info));
	return pz_tls_ctx_new(&config, out, info);
}

static enum pz_err
new_tls(const struct pz_hub_friend *f, const struct pz_friend *known, struct pz_tls **out,
	struct pz_errinfo *info)
{
	const struct pz_expect expect = {.zone = f->name, .role = PZ_EXPECT_HUB};
	PZ_AUTO(pz_tls_ctx_free) struct pz_tls_ctx *ctx = NULL;
	char sni[PZ_HUB_SNI_BYTES];

	PZ_TRY(new_ctx(f, known, &ctx, info));
	pz_hub_sni(f->name, known->host, sni);
	return pz_tls_new_client(ctx, sni, &expect, out);
}

static struct pz_hub_friend_link *
new_friend_link(struct pz_hub_friend *f, bool is_ours)
{
	struct pz_hub_friend_link *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return NULL;
	made->of = f;
	made->is_ours = is_ours;
	return made;
}

/* @param stream taken */
static enum pz_err
open_link(struct pz_hub_friend *f, struct pz_stream *stream, struct pz_errinfo *info)
{
	struct pz_hub *hub = pz_hub_of(f->zone->hosting);
	const struct pz_friend *known = pz_hub_friend_known(f);
	struct pz_hosted_conn *conn = calloc(1, sizeof(*conn));
	struct pz_tls *tls = NULL;

	enum pz_err err = conn && known ? new_tls(f, known, &tls, info) : PZ_ERR_LIMIT_MEMORY;
	if (err == PZ_OK && (conn->friend_link = new_friend_link(f, true)) == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		stream->ops->close(stream);
		pz_tls_free(tls);
	} else {
		conn->hosting = &hub->hosting;
		conn->zone = f->zone;
		conn->log = &f->log;
		err = pz_link_new(&hub->link_host, stream, tls, PZ_HANDSHAKE_TIMEOUT_US, conn,
				  &conn->link);
	}
	if (err != PZ_OK) {
		if (conn)
			free(conn->friend_link);
		free(conn);
		return err;
	}
	pz_list_append(&hub->hosting.links, &conn->link->owner_node);
	f->dialled = conn;
	return PZ_OK;
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct pz_hub_friend *f = arg;
	struct pz_errinfo info = {""};

	f->dial = NULL;
	enum pz_err err = open_link(f, stream, &info);
	if (err == PZ_OK)
		return;
	note_problem(f, pz_errinfo_text(&info, err));
	again_later(f);
}

static void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_hub_friend *f = arg;

	f->dial = NULL;
	note_problem(f, detail[0] ? detail : pz_err_text(err));
	again_later(f);
}

static const struct pz_dial_events dial_events = {.connected = on_connected, .failed = on_failed};

/* Not while there is a link, a handshake or a dial: one link serves both directions. */
static void
dial(struct pz_hub_friend *f)
{
	struct pz_hub *hub = pz_hub_of(f->zone->hosting);
	const struct pz_transport *t = &hub->config.transport;
	const struct pz_friend *known = pz_hub_friend_known(f);

	if (known == NULL || known->port == 0 || f->conn || f->dialled || f->dial ||
	    hub->hosting.is_stopping || f->zone->is_removed)
		return;
	enum pz_err err =
		t->ops->dial(t->self, known->host, known->port, &dial_events, f, &f->dial);
	if (err == PZ_OK)
		return;
	note_problem(f, pz_err_text(err));
	again_later(f);
}

void
pz_hub_friend_dial_in(struct pz_hub_friend *f, uint64_t delay_us)
{
	const struct pz_env *env = f->zone->hosting->env;

	if (delay_us == 0) {
		dial(f);
		return;
	}
	pz_env_stop(env, &f->retry);
	pz_env_start(env, &f->retry, delay_us);
}

/* ---- from handshake to registered ---- */

/* The hub's certificate may have been revoked by its zone, and the friendship may have ended, or
 * begun again with another key, since the handshake began. */
static bool
is_admitted(const struct pz_hub_friend *f, const char *serial, const uint8_t *ca_key_hash)
{
	const struct pz_friend *known = pz_hub_friend_known(f);
	uint8_t hash[PZ_KEY_HASH_BYTES];

	if (known == NULL)
		return false;
	pz_cert_spki_hash(known->ca, hash);
	if (ca_key_hash && memcmp(hash, ca_key_hash, sizeof(hash)) != 0)
		return false;
	return known->crl == NULL || !pz_crl_has_serial(known->crl, serial);
}

/* The friend whose hub this is; NULL: none. */
static struct pz_hub_friend *
friend_of(const struct pz_hosted_conn *conn, const struct pz_peer *peer)
{
	if (conn->friend_link)
		return conn->friend_link->of;
	return peer->is_hub && strcmp(peer->zone, conn->zone->authority->zone) != 0
		       ? pz_hub_friend_find(conn->zone, peer->zone)
		       : NULL;
}

/* The hub that dialled registers first; the other answers when it accepts the link, so that a
 * waiting link is not used. */
static enum pz_err
begin_registration(struct pz_hosted_conn *conn, struct pz_hub_friend *f)
{
	struct pz_link *link = conn->link;

	conn->log = &f->log;
	link->session.log = conn->log;
	PZ_TRY(pz_link_identify(link, PZ_SESSION_FRIEND, f->name));
	conn->state = PZ_HOSTED_REGISTERING;
	return conn->friend_link->is_ours
		       ? pz_link_send_register(link, conn->zone->authority->zone, NULL)
		       : PZ_OK;
}

bool
pz_hub_friend_secured(struct pz_hosted_conn *conn)
{
	const struct pz_peer *peer = pz_tls_peer(conn->link->tls);
	struct pz_hub_friend *f = peer ? friend_of(conn, peer) : NULL;

	if (f == NULL) {
		if (conn->friend_link) /* our refusal: the friendship has ended */
			pz_link_close(conn->link, PZ_ERR_DENIED_IDENTITY, "no friend any more");
		return conn->friend_link != NULL;
	}
	if (!is_admitted(f, peer->ca_serial, peer->ca_key_hash)) {
		pz_link_close(conn->link, PZ_ERR_DENIED_REVOKED,
			      "the certificate of the friend's hub is revoked");
		return true;
	}
	if (conn->friend_link == NULL && (conn->friend_link = new_friend_link(f, false)) == NULL) {
		pz_link_close(conn->link, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return true;
	}
	snprintf(conn->friend_link->serial, sizeof(conn->friend_link->serial), "%s",
		 peer->ca_serial);
	pz_tls_drop_peer(conn->link->tls);
	enum pz_err err = begin_registration(conn, f);
	if (err != PZ_OK)
		pz_link_close(conn->link, err, "cannot register");
	return true;
}

/* ---- which of two links ---- */

/* True for the link that the hub of the smaller zone opened. */
static bool
is_preferred(const struct pz_hosted_conn *conn)
{
	bool is_smaller = strcmp(conn->zone->authority->zone, conn->friend_link->of->name) < 0;

	return conn->friend_link->is_ours == is_smaller;
}

/* The older link survives if the two have crossed. Either they have, or the other hub has lost the
 * older one: the older one is probed, and the newer one waits. */
static bool
has_to_wait(struct pz_hosted_conn *conn)
{
	struct pz_hub_friend *f = conn->friend_link->of;

	if (f->conn == NULL || f->conn->link->closing || !is_preferred(f->conn) ||
	    is_preferred(conn))
		return false;
	if (f->held && f->held != conn)
		pz_hosted_conn_bye(f->held, PZ_ERR_EXISTS, "replaced by a newer link");
	f->held = conn;
	pz_hosted_conn_probe(f->conn);
	return true;
}

void
pz_hub_friend_alive(struct pz_hosted_conn *conn)
{
	struct pz_hub_friend *f = conn->friend_link->of;

	if (f && f->conn == conn && f->held)
		pz_hosted_conn_bye(PZ_TAKE(f->held), PZ_ERR_EXISTS, "the hubs have a link already");
}

static void
replace_older(const struct pz_hosted_conn *conn)
{
	struct pz_hosted_conn *older = PZ_TAKE(conn->friend_link->of->conn);

	if (older == NULL)
		return;
	pz_border_down(conn->zone->border, older->link);
	pz_router_detach(conn->zone->router, &older->link->session);
	pz_hosted_conn_bye(older, PZ_ERR_EXISTS, "replaced by a newer link");
}

/* ---- registered ---- */

void
pz_hub_friend_open(struct pz_hub_friend *f)
{
	struct pz_hosted_conn *conn = f->conn;

	if (conn == NULL || conn->link->closing || conn->link->session.attached)
		return;
	enum pz_err err = pz_router_attach(f->zone->router, &conn->link->session);
	if (err != PZ_OK) {
		pz_link_close(conn->link, err, "cannot attach the link");
		return;
	}
	pz_hosted_send_prop(f->zone, conn->link, "friendOpen", NULL);
	if (conn->friend_link->is_open_there)
		pz_border_up(f->zone->border, conn->link);
}

static void
registered(struct pz_hosted_conn *conn)
{
	struct pz_hub_friend *f = conn->friend_link->of;
	const struct pz_friend *known = pz_hub_friend_known(f);

	conn->state = PZ_HOSTED_LIVE;
	f->conn = conn;
	if (f->dialled == conn)
		f->dialled = NULL;
	f->up_us = pz_env_mono_us(conn->hosting->env);
	f->problem[0] = '\0';
	f->is_refused = false;
	pz_condition_clear(conn->hosting->conditions, PZ_CONDITION_FRIEND_REFUSED, f->name);
	pz_env_stop(conn->hosting->env, &f->retry);
	pz_link_establish(conn->link);
	pz_info_of(conn->log, conn->hosting->env, "friend-connected", "zone=%s friend=%s %s",
		   conn->zone->authority->zone, f->name,
		   conn->friend_link->is_ours ? "dialled" : pz_guest_remote(&conn->guest));
	if (known && pz_friend_is_confirmed(known))
		pz_hub_friend_open(f);
	pz_hub_friend_greet(f);
}

static enum pz_err
take(struct pz_hosted_conn *conn)
{
	if (!conn->friend_link->is_ours)
		PZ_TRY(pz_link_send_register(conn->link, conn->zone->authority->zone, NULL));
	replace_older(conn);
	registered(conn);
	return PZ_OK;
}

enum pz_err
pz_hub_friend_register(struct pz_hosted_conn *conn, struct pz_slice frame)
{
	struct pz_envelope envelope;
	struct pz_hub_friend *f = conn->friend_link->of;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (!envelope.is_register) /* a hub that refuses the link says why */
		return conn->friend_link->is_ours ? PZ_OK : PZ_ERR_DENIED_IDENTITY;
	PZ_TRY(pz_link_take_register(conn->link, &envelope));
	if (f == NULL || !is_admitted(f, conn->friend_link->serial, NULL))
		return PZ_ERR_DENIED_IDENTITY;
	pz_guest_proved(&conn->guest);
	pz_hub_count_waiting(pz_hub_of(conn->hosting));
	return has_to_wait(conn) ? PZ_OK : take(conn);
}

/* Before both owners have confirmed nothing is forwarded: only props between the hubs pass. */
enum pz_err
pz_hub_friend_frame(struct pz_hosted_conn *conn, struct pz_slice frame)
{
	struct pz_envelope envelope;

	if (conn->link->session.attached)
		return pz_router_frame(conn->zone->router, &conn->link->session, frame);
	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (envelope.type == PZ_MESSAGE_PROP &&
	    pz_slice_eq(envelope.from, pz_session_address(&conn->link->session)))
		pz_hub_friend_prop(conn, &envelope);
	else
		pz_metric_add(&conn->hosting->metrics, PZ_METRIC_messages_dropped, 1);
	return PZ_OK;
}

void
pz_hub_friend_close_revoked(struct pz_hub_friend *f)
{
	if (f->conn && !is_admitted(f, f->conn->friend_link->serial, NULL))
		pz_hosted_conn_bye(f->conn, PZ_ERR_DENIED_REVOKED,
				   "the certificate of this hub is revoked by its zone");
}

/* ---- the end ---- */

/* Only what the hub sends after its certificate was verified; before that any node may claim it. */
static void
note_refusal(struct pz_hub_friend *f, const struct pz_link *link, enum pz_err why)
{
	const struct pz_friend *known = pz_hub_friend_known(f);

	/* Of two hubs that have exchanged an invitation one stores it a moment earlier. */
	if (why != PZ_ERR_DENIED_REMOTE || !link->secured || known == NULL ||
	    !pz_friend_is_confirmed(known))
		return;
	f->is_refused = true;
	note_problem(f, "its hub does not accept this one any more: the friendship has probably "
			"been ended there");
	pz_condition_raise(f->zone->hosting->conditions, PZ_CONDITION_FRIEND_REFUSED, f->name,
			   "the hub of %s does not accept the hub of %s as a friend any more",
			   f->name, f->zone->authority->zone);
}

/* A time is not worth a commit for each link: housekeeping stores it. */
static void
mark_seen(struct pz_hub_friend *f)
{
	struct pz_friend *known =
		pz_friends_find(f->zone->authority->friends.table, pz_slice_str(f->name));

	if (known == NULL)
		return;
	known->seen_ms = pz_env_wall_ms(f->zone->hosting->env);
	f->is_unsaved = true;
}

/* We have verified that the certificate is not under the pinned CA. */
static void
explain(struct pz_hub_friend *f, const struct pz_link *link, enum pz_err why, const char *detail)
{
	const struct pz_friend *known = pz_hub_friend_known(f);

	if (known && !link->secured &&
	    (why == PZ_ERR_DENIED_CHAIN || why == PZ_ERR_DENIED_IDENTITY))
		snprintf(f->problem, sizeof(f->problem),
			 "another hub answers at %.100s port %u: its certificate is not that of "
			 "this friend",
			 known->host, (unsigned)known->port);
	else
		note_problem(f, detail[0] ? detail : pz_err_text(why));
}

/* Only a link that lasted resets the back-off: a hub that accepts and hangs up must not be dialled
 * in a tight loop. */
static void
link_lost(struct pz_hub_friend *f, struct pz_hosted_conn *conn, enum pz_err why, const char *detail,
	  struct pz_slice undelivered)
{
	const struct pz_env *env = conn->hosting->env;
	uint64_t up_us = pz_env_mono_us(env) - f->up_us;

	f->conn = NULL;
	pz_info_of(&f->log, env, "friend-hub-gone", "zone=%s friend=%s %s%s%s",
		   f->zone->authority->zone, f->name, pz_err_text(why), detail[0] ? ": " : "",
		   detail);
	if (up_us >= PZ_BACKOFF_RESET_US)
		f->failures = 0;
	mark_seen(f);
	pz_router_bounce(f->zone->router, undelivered,
			 why == PZ_ERR_LIMIT_QUEUE ? PZ_RPC_CONGESTED : PZ_RPC_UNREACHABLE);
}

/* The older link did not answer the probe, or has ended by itself. */
static bool
take_held(struct pz_hub_friend *f)
{
	struct pz_hosted_conn *conn = PZ_TAKE(f->held);

	if (conn == NULL || conn->link->closing)
		return false;
	enum pz_err err = is_admitted(f, conn->friend_link->serial, NULL) ? take(conn)
									  : PZ_ERR_DENIED_REVOKED;
	if (err != PZ_OK)
		pz_link_close(conn->link, err, "the link that waited is not taken");
	return err == PZ_OK;
}

void
pz_hub_friend_closed(struct pz_hosted_conn *conn, enum pz_err why, const char *detail,
		     struct pz_slice undelivered)
{
	struct pz_hub_friend *f = conn->friend_link->of;

	pz_border_down(conn->zone->border, conn->link);
	pz_router_detach(conn->zone->router, &conn->link->session);
	pz_condition_clear(conn->hosting->conditions, PZ_CONDITION_TOO_LARGE,
			   conn->link->session.address ? conn->link->session.address : "");
	free(PZ_TAKE(conn->friend_link));
	if (f && f->held == conn)
		f->held = NULL;
	if (f == NULL || (f->conn != conn && f->dialled != conn)) {
		/* Another link has replaced it, or the friendship has ended. */
		pz_hosted_send_again(conn->zone, undelivered);
		return;
	}
	explain(f, conn->link, why, detail);
	note_refusal(f, conn->link, why);
	if (f->conn == conn)
		link_lost(f, conn, why, detail, undelivered);
	else
		f->dialled = NULL;
	if (!take_held(f))
		again_later(f);
}
