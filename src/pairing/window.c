/*
 * The window: who the partner is, and when it is over.
 *
 * Both devices may dial each other, and more devices may come. A connection reveals nothing secret
 * before it is chosen, so only the chosen one uses up the window's single try:
 *
 * - one that came in is chosen when its device has introduced itself; but where our identity is the
 *   smaller one, and we are dialling, it is held, because our own connection with that device is
 *   the one that counts (page 6);
 * - one that we dialled is chosen at once where our identity is the smaller one, else when the
 *   other side has chosen it and reveals.
 *
 * From then on the others end, and no new one is accepted. A violation of the exchange closes the
 * window, a connection that is lost before it is chosen does not: a port scan costs no window.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/netaddr.h"
#include "pairing/internal.h"
#include "x509/stranger.h"

#define TICK_US (250 * PZ_US_PER_MS)

static const struct pz_env *
env_of(const struct pair_window *window)
{
	return window->all->config.env;
}

/* ---- for people ---- */

static json_t *
partner_json(const struct pz_pair_card *partner)
{
	if (partner->identity[0] == '\0')
		return json_null();
	return json_pack("{s:s, s:s?, s:s, s:s}", "id", partner->identity, "zone",
			 partner->zone[0] ? partner->zone : NULL, "device", partner->device,
			 "displayName", partner->display_name);
}

json_t *
pz_pairing_window_json(const struct pair_window *window)
{
	uint64_t now = pz_env_mono_us(env_of(window));
	uint64_t left = window->end_us > now ? window->end_us - now : 0;
	uint16_t port = pz_peers_port(window->all->config.peers);

	return json_pack("{s:s, s:o, s:s?, s:I, s:o, s:s}", "state",
			 window->chosen ? "pairing" : "waiting", "partner",
			 partner_json(&window->partner), "digits",
			 window->digits[0] ? window->digits : NULL, "secondsLeft",
			 (json_int_t)((left + PZ_US_PER_S - 1) / PZ_US_PER_S), "port",
			 port ? json_integer(port) : json_null(), "detail", window->detail);
}

/* Reports to the commands that follow the window: the line with the count-down on a terminal. */
static void
report(const struct pair_window *window)
{
	window->all->followers->report(window->all);
}

/* The state of the partner is one of a peer (page 5), so that a person sees one list. */
static void
take_event(struct pair_window *window, enum pz_peer_event event, const char *reason)
{
	const struct pz_pairing_config *config = &window->all->config;
	struct pz_peer_change change = {
		.device = window->partner.identity,
		.old = window->state,
		.event = event,
		.reason = reason,
	};

	if (!pz_peer_edge(window->state, event, &change.now))
		return;
	window->state = change.now;
	pz_notice("pairing", "partner=%s %s -> %s (%s)", window->partner.identity,
		  pz_peer_state_text(change.old), pz_peer_state_text(change.now), reason);
	config->ops->changed(config->arg, &change);
}

/* ---- the end ---- */

void
pz_pairing_window_free(struct pair_window *window)
{
	const struct pz_env *env = env_of(window);

	pz_env_stop(env, &window->timer);
	pz_env_stop(env, &window->tick);
	pz_env_stop(env, &window->hold);
	pz_pairing_unrecord(PZ_TAKE(window->record));
	pz_list_remove(&window->node);
	pz_tls_ctx_free(window->server_ctx);
	pz_tls_ctx_free(window->client_ctx);
	pz_key_free(window->key);
	pz_pair_card_fini(&window->card);
	free(window);
}

/* The other device gets one of four words as the reason; the sentence is for the person here. */
static const char *
word_of(enum pz_err why)
{
	if (why == PZ_ERR_IO_TIMEOUT)
		return PZ_PAIR_TIME_OUT;
	return why == PZ_ERR_IO_CLOSED ? PZ_PAIR_STOPPED : PZ_PAIR_BAD;
}

/* Ends every connection, and then the window; the commands that follow it are answered before. */
static void
shut(struct pair_window *window, enum pz_err why, const char *text)
{
	struct pz_pairing *all = window->all;

	window->is_ending = true;
	all->open = NULL;
	pz_pairing_unrecord(PZ_TAKE(window->record)); /* the pairing did not succeed */
	pz_env_stop(env_of(window), &window->timer);
	pz_env_stop(env_of(window), &window->tick);
	pz_env_stop(env_of(window), &window->hold);
	PZ_LIST_EACH (&window->conns, n, tmp) {
		struct pair_conn *conn = PZ_CONTAINER(n, struct pair_conn, node);
		if (conn->pair && !conn->is_over)
			pz_pair_stop(conn->pair, why, word_of(why), text);
		else
			pz_pairing_conn_drop(conn);
	}
	take_event(window, PZ_PEER_EVENT_PARTED, text);
	pz_peers_close_window(all->config.peers);
	window->is_closed = true;
	pz_list_append(&all->closed, &window->node);
	if (pz_list_is_empty(&window->conns))
		pz_pairing_window_free(window);
}

/* Waiting commands are answered before the window is shut, because that may free it. */
static void
fail(struct pair_window *window, enum pz_err why, const char *text)
{
	json_t *result = json_pack("{s:b, s:b, s:o, s:s, s:s}", "trusted", false, "remembered",
				   false, "partner", partner_json(&window->partner), "reason", text,
				   "error", pz_err_name(why));

	pz_notice("pairing-failed", "%s", text);
	window->all->followers->finish(window->all, result);
	shut(window, why, text);
}

/* Two minutes from the opening, not from the last message, or a stranger could keep the window
 * open. */
static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct pair_window *window = arg;
	struct pz_errinfo text;

	(void)timer;
	if (window->record)
		(void)pz_fail(&text, PZ_ERR_IO_TIMEOUT,
			      "the two minutes are over before both devices have stored the "
			      "pairing: see that their disks can be written, and open a new window "
			      "on both devices");
	else if (window->chosen)
		(void)pz_fail(&text, PZ_ERR_IO_TIMEOUT,
			      "the two minutes are over before both have answered; open a new "
			      "window on both devices");
	else
		(void)pz_fail(&text, PZ_ERR_IO_TIMEOUT,
			      "no other device came within two minutes; open a window on both at "
			      "the same time, or give the address of the other one%s%s",
			      window->detail[0] ? ": " : "", window->detail);
	fail(window, PZ_ERR_IO_TIMEOUT, text.text);
}

/* ---- addresses ---- */

static size_t
count_conns(const struct pair_window *window)
{
	size_t count = 0;

	for (const struct pz_list *n = window->conns.next; n != &window->conns; n = n->next)
		count++;
	return count;
}

/* Targets are tried until the window ends: the window of the other device may open a moment
 * later. */
static void
tick(struct pair_window *window)
{
	uint64_t now = pz_env_mono_us(env_of(window));

	if (window->chosen || window->target_count == 0)
		return;
	pz_env_start(env_of(window), &window->tick, TICK_US);
	for (size_t i = 0; i < window->target_count; i++) {
		struct pair_target *target = &window->targets[i];
		if (target->is_tried || target->next_us > now)
			continue;
		/* One place is left for a partner that dials. */
		if (count_conns(window) + 1 >= PZ_PAIR_CONNECTIONS_MAX)
			return;
		if (!pz_pairing_conn_dial(window, target))
			target->next_us = now + PZ_PAIR_AGAIN_US;
	}
}

static void
on_tick(struct pz_timer *timer, void *arg)
{
	(void)timer;
	tick(arg);
}

/* Announcements repeat, and anyone can send them: an address is added only once, and their number
 * is bounded. */
static void
add_target(struct pair_window *window, const char *host, uint16_t port, uint64_t wait_us)
{
	struct pair_target *target = NULL;

	for (size_t i = 0; i < window->target_count; i++)
		if (window->targets[i].port == port && strcmp(window->targets[i].host, host) == 0)
			return;
	if (window->target_count == PZ_PAIR_TARGETS_MAX || strlen(host) >= sizeof(target->host))
		return;
	target = &window->targets[window->target_count++];
	snprintf(target->host, sizeof(target->host), "%s", host);
	target->port = port;
	target->next_us = pz_env_mono_us(env_of(window)) + wait_us;
	tick(window);
}

void
pz_pairing_on_window(struct pz_pairing *pairing, const struct pz_peers_window *seen)
{
	struct pair_window *window = pairing->open;

	/* If the person has given an address, only that one is dialled. */
	if (window && !window->chosen && !(window->target_count > 0 && window->targets[0].is_given))
		add_target(window, seen->address, seen->port,
			   seen->is_ours_first ? 0 : PZ_PAIR_TURN_US);
}

/* ---- the partner ---- */

/* Both ends compare the same two identities, so they agree without a message. */
static bool
is_ours_smaller(const struct pair_conn *conn)
{
	return strcmp(conn->window->card.identity, conn->partner->identity) < 0;
}

/* We dial this device; or, with `is_met` false, a device that is not known yet. */
static bool
is_reaching(const struct pair_window *window, const char *identity, bool is_met)
{
	for (const struct pz_list *n = window->conns.next; n != &window->conns; n = n->next) {
		const struct pair_conn *conn = PZ_CONTAINER(n, struct pair_conn, node);
		if (conn->target == NULL || conn->is_over)
			continue;
		if (conn->partner ? strcmp(conn->partner->identity, identity) == 0 : !is_met)
			return true;
	}
	return false;
}

/* Other devices get the word "busy". A second connection with the same device just ends, because
 * that device would take the word for a refusal. */
static void
end_others(struct pair_window *window)
{
	PZ_LIST_EACH (&window->conns, n, tmp) {
		struct pair_conn *conn = PZ_CONTAINER(n, struct pair_conn, node);
		if (conn == window->chosen || conn->is_over)
			continue;
		if (conn->partner && strcmp(conn->partner->identity, window->partner.identity) != 0)
			pz_pair_stop(conn->pair, PZ_ERR_EXISTS, PZ_PAIR_BUSY,
				     "another device came first");
		else
			pz_pairing_conn_drop(conn);
	}
}

/* What the partner has introduced itself with is copied: the connection, and the card in it, may
 * end before the window. */
static void
choose(struct pair_conn *conn)
{
	struct pair_window *window = conn->window;
	const struct pz_pair_card *partner = conn->partner;

	window->chosen = conn;
	conn->is_held = false;
	memcpy(window->partner.identity, partner->identity, sizeof(partner->identity));
	memcpy(window->partner.zone, partner->zone, sizeof(partner->zone));
	memcpy(window->partner.device, partner->device, sizeof(partner->device));
	memcpy(window->partner.display_name, partner->display_name, sizeof(partner->display_name));
	pz_env_stop(env_of(window), &window->tick);
	pz_env_stop(env_of(window), &window->hold);
	end_others(window);
	take_event(window, PZ_PEER_EVENT_MET, "");
	report(window);
}

/* A device that has introduced itself, and was held for our own connection, becomes the partner
 * after all. @param is_late it has waited long enough for a connection on which it was not met:
 * only one on which it was is left to wait for, since it has chosen that one */
static void
choose_held(struct pair_window *window, bool is_late)
{
	PZ_LIST_EACH (&window->conns, n, tmp) {
		struct pair_conn *conn = PZ_CONTAINER(n, struct pair_conn, node);
		if (window->chosen || conn->is_over || !conn->is_held ||
		    is_reaching(window, conn->partner->identity, is_late))
			continue;
		choose(conn);
		pz_pair_reveal(conn->pair);
		return; /* the choice has ended the others: the next entry may be freed */
	}
}

static void
on_hold(struct pz_timer *timer, void *arg)
{
	(void)timer;
	choose_held(arg, true);
}

static void
on_met(struct pair_conn *conn)
{
	struct pair_window *window = conn->window;
	struct pz_errinfo info = {""};

	if (window->is_ending)
		return;
	enum pz_err err = pz_pairing_check_zone(window->all, conn->partner, &info);
	if (err != PZ_OK) {
		pz_pair_stop(conn->pair, err, PZ_PAIR_BAD, info.text);
		return;
	}
	/* The device that we have dialled chooses: if we reach it at two addresses, it may have
	 * chosen the other connection. We follow when it reveals. */
	if (conn->target)
		return;
	if (is_ours_smaller(conn) && is_reaching(window, conn->partner->identity, false)) {
		conn->is_held = true;
		pz_env_start(env_of(window), &window->hold, PZ_PAIR_HOLD_US);
		return;
	}
	choose(conn);
	pz_pair_reveal(conn->pair);
}

static void
on_revealing(struct pair_conn *conn)
{
	if (!conn->window->is_ending && conn->window->chosen == NULL)
		choose(conn);
}

/* The digits are shown only now: before both have revealed, they could still be influenced. */
static void
on_compare(struct pair_conn *conn, const char *digits)
{
	struct pair_window *window = conn->window;

	if (window->is_ending)
		return;
	snprintf(window->digits, sizeof(window->digits), "%s", digits);
	report(window);
	window->all->followers->compare(window->all);
}

/* Opens a link with the newly trusted device, from the side that found it, at the address where it
 * was found; with a name the usual search finds it. */
static void
connect_to(const struct pair_conn *conn)
{
	struct pz_peers *peers = conn->window->all->config.peers;
	const char *device = conn->window->partner.identity;
	struct pz_netaddr address;

	if (pz_netaddr_parse(conn->target->host, &address))
		(void)pz_peers_connect_at(peers, device, conn->target->host, conn->target->port);
	else
		(void)pz_peers_connect(peers, device);
}

/* The reason why it cannot be stored is kept for the person here, who gets it with the result. */
static void
on_recorded(void *arg, enum pz_err err, const char *detail)
{
	struct pair_window *window = arg;

	if (err != PZ_OK)
		snprintf(window->detail, sizeof(window->detail), "%s",
			 detail[0] ? detail : pz_err_text(err));
	window->is_refused = err != PZ_OK;
	pz_pair_stored(window->chosen->pair, err == PZ_OK);
}

static bool
on_store(struct pair_conn *conn, const struct pz_pair_result *result)
{
	struct pair_window *window = conn->window;
	struct pz_errinfo info = {""};

	if (window->is_ending)
		return false;
	enum pz_err err =
		pz_pairing_record(window->all, result, on_recorded, window, &window->record, &info);
	if (err != PZ_OK)
		snprintf(window->detail, sizeof(window->detail), "%s", pz_errinfo_text(&info, err));
	window->is_refused = err != PZ_OK;
	return err == PZ_OK;
}

/* @param is_kept by pz_pairing_trust. "": the result is what both persons have chosen. */
static void
why_not(const struct pair_window *window, const struct pz_pair_result *result, bool is_kept,
	struct pz_errinfo *out)
{
	out->text[0] = '\0';
	if (window->is_refused)
		(void)pz_fail(out, PZ_ERR_IO,
			      "this device cannot store it (%.100s): mend that, and pair again",
			      window->detail);
	else if (result->wanted && !result->remembered)
		(void)pz_fail(out, PZ_ERR_IO,
			      "the other device cannot store it: see its log, and pair again");
	else if (!is_kept)
		(void)pz_fail(out, PZ_ERR_LIMIT,
			      "too many friends, out of memory, or that friend was removed "
			      "meanwhile: see `pzp friends`, and pair again");
}

/* Trust first, then the link that needs it, then the answer. `is_kept` may be false although both
 * said yes: the table of friends is bounded. What is remembered is on disk by now. */
static void
on_done(struct pair_conn *conn, const struct pz_pair_result *result)
{
	struct pair_window *window = conn->window;
	struct pz_errinfo why;

	if (window->is_ending)
		return;
	bool is_kept = pz_pairing_trust(window->all, result, PZ_TAKE(window->record));
	why_not(window, result, is_kept, &why);
	json_t *answer = json_pack("{s:b, s:b, s:o, s:s}", "trusted", true, "remembered",
				   result->remembered && is_kept, "partner",
				   partner_json(&window->partner), "reason", why.text);

	if (why.text[0])
		pz_warning("pairing-not-remembered", "partner=%s %s", window->partner.identity,
			   why.text);
	if (conn->target && result->partner->zone[0])
		connect_to(conn);
	pz_notice("paired", "partner=%s remembered=%d", window->partner.identity,
		  result->remembered && is_kept);
	window->all->followers->finish(window->all, answer);
	shut(window, PZ_OK, "paired");
}

/* Our own devices may have windows open, too; that is an error only if the person has named the
 * device. */
static bool
is_stray(const struct pair_conn *conn, enum pz_err err)
{
	bool is_meant = conn->target && conn->target->is_given;

	if (err == PZ_ERR_DENIED_REMOTE || err == PZ_ERR_IO_TIMEOUT)
		return true;
	return err == PZ_ERR_DENIED_IDENTITY && conn->partner == NULL && !is_meant;
}

/* The last reason is shown while the window waits, and is part of the error if it ends without a
 * partner. */
static void
note_failure(struct pair_conn *conn, const char *detail)
{
	struct pair_window *window = conn->window;
	struct pz_errinfo text;

	if (conn->target == NULL)
		return;
	(void)pz_fail(&text, PZ_ERR_IO, "%.80s port %u: %s", conn->target->host,
		      (unsigned)conn->target->port, detail);
	if (strcmp(window->detail, text.text) == 0)
		return;
	snprintf(window->detail, sizeof(window->detail), "%s", text.text);
	report(window);
}

static void
go_on_without(struct pair_conn *conn, const char *detail)
{
	struct pair_window *window = conn->window;

	note_failure(conn, detail);
	choose_held(window, false);
}

static void
on_failed(struct pair_conn *conn, enum pz_err err, const char *reason)
{
	struct pair_window *window = conn->window;

	if (window->is_ending || (window->chosen && window->chosen != conn))
		return;
	if (window->chosen == NULL && is_stray(conn, err))
		go_on_without(conn, reason);
	else
		fail(window, err, reason);
}

static const char *
lost_text(enum pz_err why, const char *detail)
{
	if (why == PZ_ERR_DENIED_REMOTE || why == PZ_ERR_NOTFOUND)
		return "no pairing window is open there, or it has a partner already";
	return detail;
}

static void
on_lost(struct pair_conn *conn, enum pz_err why, const char *detail)
{
	struct pair_window *window = conn->window;
	struct pz_errinfo text;

	if (window->is_ending || (window->chosen && window->chosen != conn))
		return;
	if (window->chosen == NULL) {
		go_on_without(conn, lost_text(why, detail));
		return;
	}
	(void)pz_fail(&text, PZ_ERR_IO_CLOSED, "the connection with %s is lost: %s",
		      window->partner.identity, detail);
	fail(window, PZ_ERR_IO_CLOSED, text.text);
}

/* A window that is shut is freed after its connections. */
static void
on_gone(struct pair_window *window)
{
	if (window->is_closed && pz_list_is_empty(&window->conns))
		pz_pairing_window_free(window);
}

const struct pair_conn_events pz_pairing_conn_events = {
	.met = on_met,
	.revealing = on_revealing,
	.compare = on_compare,
	.store = on_store,
	.done = on_done,
	.failed = on_failed,
	.lost = on_lost,
	.gone = on_gone,
};

/* ---- the beginning ---- */

/* A key for this window only: the server's certificate shows no name, and a virgin device has no
 * other certificate. */
static enum pz_err
make_contexts(struct pair_window *window, struct pz_key *key, struct pz_cert *cert,
	      struct pz_errinfo *info)
{
	struct pz_cert *chain[] = {cert};
	struct pz_tls_config config = {
		.kind = PZ_TLS_PAIR_SERVER,
		.chain = chain,
		.chain_len = 1,
		.key = key,
		.env = env_of(window),
	};

	PZ_TRY(pz_tls_ctx_new(&config, &window->server_ctx, info));
	config = (struct pz_tls_config){.kind = PZ_TLS_PAIR_CLIENT, .env = env_of(window)};
	return pz_tls_ctx_new(&config, &window->client_ctx, info);
}

/* A member introduces itself by the certificates of its zone, a virgin device by the certificate of
 * this window; the device proves that it has the key (page 6, pairReveal). */
static enum pz_err
make_card(struct pair_window *window, struct pz_key *key, struct pz_cert *cert)
{
	const struct pz_pairing_config *config = &window->all->config;
	const struct pz_membership *m = config->zone->membership;
	const struct pz_pair_card_parts parts = {
		.zone = m ? m->zone : NULL,
		.device = config->names->device,
		.display_name = config->names->display_name,
		.pzh_ca = m ? m->master : NULL,
		.pzp_ca = m ? m->device_ca : cert,
	};

	window->key = pz_key_ref(m ? m->ca_key : key);
	return pz_pair_card_make(&parts, &window->card);
}

static enum pz_err
prepare(struct pair_window *window, struct pz_errinfo *info)
{
	PZ_AUTO(pz_key_free) struct pz_key *key = NULL;
	PZ_AUTO(pz_cert_free) struct pz_cert *cert = NULL;

	PZ_TRY(pz_key_generate(NULL, &key, info));
	PZ_TRY(pz_cert_issue_stranger(key, env_of(window), &cert, info));
	PZ_TRY(make_contexts(window, key, cert, info));
	enum pz_err err = make_card(window, key, cert);
	if (err != PZ_OK)
		return pz_fail(info, err, "cannot show this device's certificates: %s",
			       pz_err_text(err));
	return PZ_OK;
}

static struct pair_window *
new_window(struct pz_pairing *pairing)
{
	struct pair_window *window = calloc(1, sizeof(*window));

	if (window == NULL)
		return NULL;
	window->all = pairing;
	pz_list_init(&window->conns);
	pz_timer_init(&window->timer, on_timer, window);
	pz_timer_init(&window->tick, on_tick, window);
	pz_timer_init(&window->hold, on_hold, window);
	return window;
}

enum pz_err
pz_pairing_open(struct pz_pairing *pairing, const struct pair_wish *wish, struct pz_errinfo *info)
{
	const struct pz_pairing_config *config = &pairing->config;

	if (pairing->open)
		return pz_fail(info, PZ_ERR_EXISTS,
			       "a pairing window is open already; `pzp pair --yes-if DIGITS` "
			       "answers it");
	if (pairing->is_ending)
		return pz_fail(info, PZ_ERR_IO_CLOSED, "pzpd is stopping");
	PZ_TRY(config->ops->may_open(config->arg, info));
	struct pair_window *window = new_window(pairing);
	if (window == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = prepare(window, info);
	if (err != PZ_OK) {
		pz_pairing_window_free(window);
		return err;
	}
	pairing->open = window;
	window->remember = wish->remember;
	window->end_us = pz_env_mono_us(config->env) + PZ_PAIR_WINDOW_US;
	pz_env_start(config->env, &window->timer, PZ_PAIR_WINDOW_US);
	if (wish->host) {
		add_target(window, wish->host, wish->port, 0);
		window->targets[0].is_given = window->target_count > 0;
	}
	pz_peers_open_window(config->peers, PZ_PAIR_WINDOW_US);
	report(window);
	return PZ_OK;
}

enum pz_err
pz_pairing_answer(struct pz_pairing *pairing, bool match, bool remember, struct pz_errinfo *info)
{
	struct pair_window *window = pairing->open;

	if (window == NULL || window->chosen == NULL || window->digits[0] == '\0')
		return pz_fail(info, PZ_ERR_CONFIG,
			       "there is nothing to answer yet: no partner, or no digits");
	if (!pz_pair_is_comparing(window->chosen->pair))
		return pz_fail(info, PZ_ERR_EXISTS, "it was answered already");
	pz_pair_answer(window->chosen->pair, match, remember || window->remember);
	return PZ_OK;
}

void
pz_pairing_close(struct pz_pairing *pairing, enum pz_err why, const char *text)
{
	if (pairing->open)
		fail(pairing->open, why, text);
}

/* NULL: this port has no certificate for a stranger, and the handshake fails. */
struct pz_tls_ctx *
pz_pairing_server_ctx(struct pz_pairing *pairing)
{
	const struct pair_window *window = pairing->open;

	if (window == NULL || window->chosen || count_conns(window) >= PZ_PAIR_CONNECTIONS_MAX)
		return NULL;
	return window->server_ctx;
}

void
pz_pairing_on_stranger(struct pz_pairing *pairing, struct pz_link *link)
{
	struct pair_window *window = pairing->open;

	if (window && window->chosen == NULL && count_conns(window) < PZ_PAIR_CONNECTIONS_MAX) {
		pz_pairing_conn_accept(window, link);
		return;
	}
	link->host = &pairing->link_host;
	link->owner = NULL;
	pz_link_close(link, PZ_ERR_DENIED, "no pairing window is open");
}
