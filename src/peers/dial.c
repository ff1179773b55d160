/*
 * Dials a peer (page 6 "A direct link in the zone"): all of its addresses, near ones first, each
 * with a head start of 250 ms over the next (RFC 8305). An address counts only when TLS has proved
 * who answers there: on this network another device may have it.
 *
 * An attempt has the targets for one peer. Each target is tried once: it waits, is dialled, secures
 * its connection, and then has won or failed. Only go_on starts the next one or ends the attempt;
 * every event of a target calls it. An attempt without a peer is for an address that was announced
 * without a name: the handshake shows which device it is.
 *
 * More targets may come while it runs (an announcement, a relay), until `open_until_us`; the
 * deadline ends the attempt. Routes through the hub or another peer are targets too, and come last.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/netaddr.h"
#include "peers/internal.h"
#include "tunnel/tunnel.h"
#include "wire/json.h"

/* ---- in which order (page 6): same link, private, global; IPv6 before IPv4 ---- */

/* -1: an address that cannot be dialled from here. */
static int
rank(const char *text)
{
	struct pz_netaddr a;

	if (!pz_netaddr_parse(text, &a) || pz_netaddr_lacks_interface(&a))
		return -1;
	int near = pz_netaddr_is_link_local(&a) || pz_netaddr_is_loopback(&a) ? 0 : 4;
	return (pz_netaddr_is_private(&a) ? 2 : near) + (a.is_v6 ? 0 : 1);
}

/* An address that was announced here just now comes before those that the hub received some time
 * ago. */
static bool
is_better(const struct peer_try *a, const struct peer_try *b)
{
	if (a->target.kind != b->target.kind)
		return a->target.kind < b->target.kind;
	if (a->target.is_heard != b->target.is_heard)
		return a->target.is_heard;
	return rank(a->target.address) < rank(b->target.address);
}

/* There are few targets, so the best is searched each time: an announcement may change their order.
 */
static struct peer_try *
next_waiting(struct peer_attempt *attempt)
{
	struct peer_try *best = NULL;

	for (size_t i = 0; i < attempt->count; i++) {
		struct peer_try *t = &attempt->tries[i];
		if (t->state == TRY_WAITING && (best == NULL || is_better(t, best)))
			best = t;
	}
	return best;
}

static bool
is_busy(const struct peer_attempt *attempt)
{
	for (size_t i = 0; i < attempt->count; i++)
		if (attempt->tries[i].state == TRY_DIALLING ||
		    attempt->tries[i].state == TRY_SECURING)
			return true;
	return false;
}

/* ---- the end of an attempt ---- */

/* The link is detached before it is closed: its end must not report to an attempt that is being
 * freed. */
static void
drop_try(const struct pz_peers *peers, struct peer_try *t, const struct peer_link *keep)
{
	struct peer_link *pl = t->link;

	if (t->dial)
		peers->config.transport.ops->dial_cancel(t->dial);
	pz_tunnel_cancel(PZ_TAKE(t->tunnel));
	t->dial = NULL;
	t->link = NULL;
	if (pl)
		pl->attempt_try = NULL;
	if (pl && pl != keep)
		pz_peer_link_close(pl, PZ_OK, "another connection was faster");
}

/* `keep` is the connection that has won; it outlives its attempt. */
void
pz_peer_attempt_drop(struct peer_attempt *attempt, const struct peer_link *keep)
{
	if (attempt == NULL)
		return;
	const struct pz_peers *peers = attempt->peers;

	pz_list_remove(&attempt->node);
	pz_env_stop(peers->env, &attempt->stagger);
	pz_env_stop(peers->env, &attempt->deadline);
	if (attempt->peer)
		attempt->peer->attempt = NULL;
	for (size_t i = 0; i < attempt->count; i++)
		drop_try(peers, &attempt->tries[i], keep);
	free(attempt);
}

/* The attempt is freed first: the events that follow (a change of state, a retry) may begin a new
 * one for the same peer. */
static void
fail(struct peer_attempt *attempt, const char *what)
{
	struct peer *peer = attempt->peer;
	struct pz_errinfo reason;

	(void)pz_fail(&reason, PZ_ERR_IO, "%s", attempt->detail[0] ? attempt->detail : what);
	for (size_t i = 0; peer && i < attempt->count; i++)
		if (attempt->tries[i].target.kind == TARGET_RELAY)
			snprintf(peer->relay_tried, sizeof(peer->relay_tried), "%.*s",
				 PZ_DEVICE_BYTES_MAX, attempt->tries[i].target.address);
	pz_peer_attempt_drop(attempt, NULL);
	if (peer == NULL)
		return;
	peer->failures++;
	(void)pz_peer_take_event(peer, PZ_PEER_EVENT_FAILED, reason.text);
	if (peer->live == NULL || peer->live->is_tunnel)
		pz_peer_retry_later(peer);
}

static void on_deadline(struct pz_timer *timer, void *arg);

/* ---- trying ---- */

static void go_on(struct peer_attempt *attempt);

/* Chooses the failure to report: a device that answers and then fails says more than an address
 * without an answer; of equal ones the last. */
enum { DETAIL_NO_WAY = 1, DETAIL_NO_ANSWER, DETAIL_LINK_FAILED };

static void
note_detail(struct peer_attempt *attempt, int weight, const char *detail)
{
	if (weight < attempt->detail_weight)
		return;
	attempt->detail_weight = weight;
	snprintf(attempt->detail, sizeof(attempt->detail), "%s", detail);
}

/* The result of a target, for people. */
static void
describe(const struct peer_try *t, const char *what, char *out, size_t size)
{
	const struct peer_target *target = &t->target;

	if (target->kind == TARGET_ADDRESS)
		snprintf(out, size, "%s port %u: %s", target->address, target->port, what);
	else
		snprintf(out, size, "through %s: %s",
			 target->kind == TARGET_HUB ? "the hub" : target->address, what);
}

/* Time is up: lists the addresses that did not answer, and how far each came. */
static void
note_unfinished(struct peer_attempt *attempt)
{
	char text[sizeof(attempt->detail)];

	for (size_t i = 0; i < attempt->count; i++) {
		const struct peer_try *t = &attempt->tries[i];
		bool is_securing = t->state == TRY_SECURING;
		if (!is_securing && t->state != TRY_DIALLING)
			continue;
		describe(t,
			 is_securing ? "it accepts connections, but the handshake does not end"
				     : "no answer",
			 text, sizeof(text));
		note_detail(attempt, is_securing ? DETAIL_LINK_FAILED : DETAIL_NO_ANSWER, text);
	}
}

static void
on_deadline(struct pz_timer *timer, void *arg)
{
	struct peer_attempt *attempt = arg;

	(void)timer;
	note_unfinished(attempt);
	fail(arg, attempt->count > 0 ? "timed out"
				     : "it is not announced on the local network, and the hub has "
				       "no address of it");
}

/* The state is set first: go_on checks all targets for one that is running. */
static void
try_failed(struct peer_try *t, int weight, const char *detail)
{
	struct peer_attempt *attempt = t->attempt;

	t->state = TRY_FAILED;
	t->dial = NULL;
	t->tunnel = NULL;
	t->link = NULL;
	note_detail(attempt, weight, detail);
	go_on(attempt);
}

/* From here on the link owns the stream. If there is no link, the stream is closed. */
static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct peer_try *t = arg;

	t->dial = NULL;
	t->tunnel = NULL;
	t->link = pz_peer_link_open(t, stream);
	t->state = TRY_SECURING;
	if (t->link == NULL)
		try_failed(t, DETAIL_LINK_FAILED, "out of memory");
}

static void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	const struct peer_try *t = arg;
	char text[sizeof(t->attempt->detail)];

	(void)err;
	if (t->target.kind != TARGET_ADDRESS) {
		describe(t, detail, text, sizeof(text));
		detail = text;
	}
	try_failed(arg, DETAIL_NO_WAY, detail);
}

static const struct pz_dial_events dial_events = {.connected = on_connected, .failed = on_failed};

/* The link of the node that the target goes through, or NULL. It must be live already: an attempt
 * does not wait for it. */
static struct pz_link *
carrier_of(const struct pz_peers *peers, const struct peer_target *target)
{
	struct pz_session *hub = pz_peers_hub(peers);

	if (target->kind == TARGET_HUB)
		return hub ? pz_link_of(hub) : NULL;
	const struct peer *relay = pz_peers_find(peers, target->address);
	return relay && relay->live ? relay->live->link : NULL;
}

static void
start_tunnel(struct peer_try *t)
{
	struct peer_attempt *attempt = t->attempt;
	struct pz_link *carrier = carrier_of(attempt->peers, &t->target);
	char text[sizeof(attempt->detail)];

	enum pz_err err = carrier ? pz_tunnel_open(carrier, attempt->peer->address, &dial_events, t,
						   &t->tunnel)
				  : PZ_ERR_IO_CLOSED;
	if (err == PZ_OK)
		return;
	describe(t, err == PZ_ERR_LIMIT ? "too many channels" : pz_err_text(err), text,
		 sizeof(text));
	t->state = TRY_FAILED;
	note_detail(attempt, DETAIL_NO_WAY, text);
}

static void
start_try(struct peer_try *t)
{
	const struct pz_peers *peers = t->attempt->peers;
	const struct pz_transport *transport = &peers->config.transport;

	t->state = TRY_DIALLING;
	if (t->target.kind != TARGET_ADDRESS) {
		start_tunnel(t);
		return;
	}
	if (transport->ops->dial(transport->self, t->target.address, t->target.port, &dial_events,
				 t, &t->dial) != PZ_OK)
		t->state = TRY_FAILED;
}

/* Starts the next address; without one the attempt waits for one that may still be found, or fails.
 * Targets that fail at once (no route, no carrier) do not cost 250 ms each: the next ones are
 * started until one is running. */
static void
go_on(struct peer_attempt *attempt)
{
	const struct pz_env *env = attempt->peers->env;
	uint64_t now = pz_env_mono_us(env);
	struct peer_try *next;

	pz_env_stop(env, &attempt->stagger);
	if (attempt->has_won)
		return;
	while ((next = next_waiting(attempt)) != NULL) {
		start_try(next);
		if (next->state == TRY_DIALLING)
			break;
	}
	if (next_waiting(attempt))
		pz_env_start(env, &attempt->stagger, PZ_HAPPY_EYEBALLS_US);
	else if (!is_busy(attempt) && now >= attempt->open_until_us)
		pz_env_start(env, &attempt->deadline,
			     0); /* later: the caller still uses the attempt */
	else if (!is_busy(attempt))
		pz_env_start(env, &attempt->stagger, attempt->open_until_us - now);
}

static void
on_stagger(struct pz_timer *timer, void *arg)
{
	(void)timer;
	go_on(arg);
}

static struct peer_attempt *
attempt_new(struct pz_peers *peers, struct peer *peer)
{
	struct peer_attempt *attempt = calloc(1, sizeof(*attempt));

	if (attempt == NULL)
		return NULL;
	attempt->peers = peers;
	attempt->peer = peer;
	pz_timer_init(&attempt->stagger, on_stagger, attempt);
	pz_timer_init(&attempt->deadline, on_deadline, attempt);
	pz_list_append(&peers->attempts, &attempt->node);
	if (peer)
		peer->attempt = attempt;
	return attempt;
}

/* A running attempt only gets new targets. Its deadline stays, otherwise a device that announces
 * itself every second would keep it alive for ever. */
static void
begin(struct peer_attempt *attempt)
{
	const struct pz_env *env = attempt->peers->env;

	if (!attempt->deadline.active) {
		pz_env_start(env, &attempt->deadline, PZ_CONNECT_TIMEOUT_US);
		if (attempt->peer) {
			pz_env_stop(env, &attempt->peer->retry);
			(void)pz_peer_take_event(attempt->peer, PZ_PEER_EVENT_DIAL, "");
		}
	}
	go_on(attempt);
}

/* An address that failed is tried again only when it is announced again. */
static void
add_target(struct peer_attempt *attempt, const struct peer_target *target)
{
	if (target->kind == TARGET_ADDRESS && (rank(target->address) < 0 || target->port == 0))
		return;
	for (size_t i = 0; i < attempt->count; i++) {
		struct peer_try *t = &attempt->tries[i];
		if (t->target.kind == target->kind &&
		    strcmp(t->target.address, target->address) == 0 &&
		    t->target.port == target->port) {
			t->target.is_heard |= target->is_heard;
			return;
		}
	}
	bool is_extra = target->is_heard || target->kind != TARGET_ADDRESS;
	if (attempt->count >= (is_extra ? PZ_PEER_TRIES_MAX : PZ_PEER_ADDRESSES_MAX))
		return;
	struct peer_try *t = &attempt->tries[attempt->count++];
	*t = (struct peer_try){.attempt = attempt, .target = *target};
}

static void
on_target(void *arg, const struct peer_target *target)
{
	add_target(arg, target);
}

/* Devices of the zone are in the hub's directory; friends' devices are in what their own hub sent.
 */
static const json_t *
entry_of(const struct peer *peer)
{
	const struct pz_peers_config *config = &peer->peers->config;

	if (!peer->is_friend)
		return json_object_get(config->directory, peer->device);
	return config->ops->friends ? config->ops->friends->entry(config->arg, peer->address)
				    : NULL;
}

/* The hub's data, also what it sent before its link ended. */
static void
add_from_directory(struct peer_attempt *attempt)
{
	const json_t *entry = entry_of(attempt->peer);
	const json_t *addresses = json_object_get(entry, "ipaddress"), *one;
	int64_t port = 0;
	size_t i;

	if (!pz_json_int(entry, "port", 1, UINT16_MAX, &port))
		return;
	json_array_foreach ((json_t *)addresses, i, one) {
		struct peer_target target = {.port = (uint16_t)port};
		const char *text = json_string_value(one);
		if (text && strlen(text) < sizeof(target.address)) {
			snprintf(target.address, sizeof(target.address), "%s", text);
			add_target(attempt, &target);
		}
	}
}

static size_t
count_attempts(const struct pz_peers *peers, bool anonymous)
{
	size_t count = 0;

	for (const struct pz_list *n = peers->attempts.next; n != &peers->attempts; n = n->next)
		count += !anonymous ||
			 PZ_CONTAINER(n, const struct peer_attempt, node)->peer == NULL;
	return count;
}

/* The total number of attempts is bounded: each takes a few sockets and a handshake that costs a
 * millisecond. */
static bool
may_dial(const struct pz_peers *peers)
{
	return peers->config.zone->membership && !peers->is_ending && !peers->is_leaving &&
	       count_attempts(peers, false) < PZ_PEER_ATTEMPTS_MAX;
}

/* A link through others suffices until there is a better one. */
static bool
has_direct_link(const struct peer *peer)
{
	return peer->live && !peer->live->is_tunnel;
}

/* May be called at any time, for a peer that is linked, dialled or gone: then it does nothing, or
 * adds what is known now to the running attempt. */
void
pz_peer_dial(struct peer *peer, uint64_t seek_us)
{
	struct pz_peers *peers = peer->peers;
	struct peer_attempt *attempt = peer->attempt;

	if (has_direct_link(peer) || pz_peers_has_left(peers, peer->device) ||
	    (attempt == NULL && !may_dial(peer->peers)))
		return;
	if (attempt == NULL)
		attempt = attempt_new(peer->peers, peer);
	if (attempt == NULL)
		return;
	if (peers->config.mdns == NULL)
		seek_us = 0; /* no announcement would be received */
	uint64_t until = pz_env_mono_us(peers->env) + seek_us;
	if (until > attempt->open_until_us)
		attempt->open_until_us = until;
	add_target(attempt, &peer->given);
	pz_nearby_targets(peers->nearby, peer->device, on_target, attempt);
	add_from_directory(attempt);
	if (peer->live == NULL)
		pz_peers_each_relay(peers, peer->device, on_target, attempt);
	if (attempt->count == 0 && seek_us == 0) { /* no source of addresses */
		pz_peer_attempt_drop(attempt, NULL);
		return;
	}
	if (seek_us > 0)
		pz_nearby_look(peers->nearby, seek_us, false);
	begin(attempt);
}

/* The preference peer.auto: a device that the hub lists as connected is dialled without a request.
 */
void
pz_peer_consider(struct pz_peers *peers, const char *device)
{
	const json_t *entry = pz_peers_entry(peers, device);
	struct peer *peer;

	if (!peers->config.peer_prefs->auto_dial ||
	    !json_is_true(json_object_get(entry, "connected")) ||
	    json_array_size(json_object_get(entry, "ipaddress")) == 0)
		return;
	peer = pz_peers_get(peers, device);
	/* A peer that failed recently waits for its retry. */
	if (peer && !has_direct_link(peer) && peer->attempt == NULL && !peer->retry.active)
		pz_peer_dial(peer, 0);
}

/*
 * A running attempt gets the relay as another target: the peer may never answer at its own
 * addresses, and nothing else would begin another attempt. A peer that failed recently waits for
 * its retry; a name that is unknown in the zone is no device.
 * @return whether an attempt has begun
 */
static bool
dial_reached(struct pz_peers *peers, const json_t *known, const char *device)
{
	struct peer *peer = device ? pz_peers_find(peers, device) : NULL;
	bool is_tried = peer && peer->attempt;

	if (!is_tried)
		peer = device && json_object_get(known, device) ? pz_peers_get(peers, device)
								: NULL;
	if (peer == NULL || peer->live || (!is_tried && peer->retry.active))
		return false;
	pz_peer_dial(peer, 0);
	return !is_tried;
}

void
pz_peers_dial_reached(struct pz_peers *peers)
{
	json_t *known = json_object();
	size_t pos = 0, count = 0;
	struct pz_slice key;
	void *value;

	pz_device_zone_add_devices(peers->config.zone, known);
	/* Without the hub, which would name them with their addresses. A relay splices only a
	 * limited number of channels for one device, so no more are dialled at a time. */
	while (!pz_peers_has_hub(peers) && pz_map_next(peers->by_device, &pos, &key, &value)) {
		const struct peer *relay = value;
		const json_t *reach = json_object_get(relay->info, "reach");
		if (relay->live == NULL || relay->live->is_tunnel || !relay->is_relay)
			continue;
		for (size_t i = 0; i < json_array_size(reach); i++)
			if (count < PZ_RELAY_SPLICES_PER_DEVICE_MAX)
				count += dial_reached(peers, known,
						      json_string_value(json_array_get(reach, i)));
	}
	json_decref(known);
}

/* All addresses of one announcement are tried by one attempt, so that a device gets one link. */
static struct peer_attempt *
attempt_of_group(const struct pz_peers *peers, unsigned group)
{
	for (const struct pz_list *n = peers->attempts.next; n != &peers->attempts; n = n->next) {
		struct peer_attempt *a = PZ_CONTAINER(n, struct peer_attempt, node);
		if (group && (a->peer == NULL || a->has_won) && a->count > 0 &&
		    a->tries[0].target.group == group)
			return a;
	}
	return NULL;
}

static bool
is_being_tried(const struct pz_peers *peers, const struct peer_target *target)
{
	for (const struct pz_list *n = peers->attempts.next; n != &peers->attempts; n = n->next) {
		const struct peer_attempt *a = PZ_CONTAINER(n, const struct peer_attempt, node);
		for (size_t i = 0; i < a->count; i++)
			if (a->tries[i].target.port == target->port &&
			    strcmp(a->tries[i].target.address, target->address) == 0)
				return true;
	}
	return false;
}

void
pz_peer_dial_add(struct pz_peers *peers, struct peer *peer, const char *zone,
		 const struct peer_target *target)
{
	struct peer_attempt *attempt =
		peer ? peer->attempt : attempt_of_group(peers, target->group);

	if (peer && has_direct_link(peer))
		return;
	/* Any machine on the network can announce an address without a name: only a few such
	 * attempts run, one for each address, so that named devices keep their room. */
	if (attempt == NULL) {
		if (!may_dial(peers) ||
		    (peer == NULL && (is_being_tried(peers, target) ||
				      count_attempts(peers, true) >= PZ_PEER_ANONYMOUS_MAX)))
			return;
		attempt = attempt_new(peers, peer);
		if (attempt)
			snprintf(attempt->zone, sizeof(attempt->zone), "%s", zone);
	}
	if (attempt == NULL)
		return;
	add_target(attempt, target);
	if (!attempt->stagger.active || !is_busy(attempt))
		begin(attempt);
}

/* "zone/": some device of a friend zone. */
static bool
dial_friend_zone(struct pz_peers *peers, const char *name, const struct peer_target *target)
{
	size_t len = strlen(name);
	char zone[PZ_ZONE_BYTES_MAX + 1];

	if (len == 0 || len > PZ_ZONE_BYTES_MAX || name[len - 1] != '/')
		return false;
	snprintf(zone, sizeof(zone), "%.*s", (int)(len - 1), name);
	pz_peer_dial_add(peers, NULL, zone, target);
	return true;
}

/* An announced name proves nothing (page 6): it only selects the peer to dial, and the handshake
 * decides. An announced name that is not wanted makes no entry in the table: anyone on the network
 * can announce thousands. */
void
pz_peer_found(struct pz_peers *peers, const char *device, const struct peer_target *target,
	      bool is_wanted)
{
	struct peer *peer = device[0] ? pz_peers_find(peers, device) : NULL;

	if (dial_friend_zone(peers, device, target))
		return;
	if (peer == NULL && device[0] && is_wanted)
		peer = pz_peers_get(peers, device);
	if (peer && (peer->attempt || is_wanted))
		pz_peer_dial(peer, 0);
	else if (device[0] == '\0' && is_wanted)
		pz_peer_dial_add(peers, NULL, "", target);
}

/* The handshake has proved the device. The other targets of the attempt end, but are kept until the
 * winner is registered: it may still fail, for example because of a revocation. */
void
pz_peer_try_won(struct peer_link *pl)
{
	struct peer_attempt *attempt = pl->attempt_try ? pl->attempt_try->attempt : NULL;
	struct peer *peer = pl->peer;

	if (attempt == NULL)
		return;
	if (attempt->peer == NULL) { /* now the device is known */
		pz_peer_attempt_drop(peer->attempt, NULL);
		attempt->peer = peer;
		peer->attempt = attempt;
		(void)pz_peer_take_event(peer, PZ_PEER_EVENT_DIAL, "");
	}
	attempt->has_won = true;
	pz_env_stop(peer->peers->env, &attempt->stagger);
	for (size_t i = 0; i < attempt->count; i++) {
		struct peer_try *t = &attempt->tries[i];
		if (t == pl->attempt_try || (t->state != TRY_DIALLING && t->state != TRY_SECURING))
			continue;
		drop_try(peer->peers, t, pl);
		t->state = TRY_WAITING; /* should the winner fail after all */
	}
}

/* Its target has failed; the targets that pz_peer_try_won set back are tried again. */
void
pz_peer_try_lost(struct peer_link *pl, const char *detail)
{
	struct peer_try *t = PZ_TAKE(pl->attempt_try);
	char text[sizeof(t->attempt->detail)];

	if (t == NULL)
		return;
	t->attempt->has_won = false;
	describe(t, detail, text, sizeof(text));
	try_failed(t, DETAIL_LINK_FAILED, text);
}

/* ---- again ---- */

/* The reasons to dial: a person, the preference peer.auto, a device without its hub. A link through
 * others is a reason, too: a direct link is better. */
static bool
is_worth_a_retry(const struct peer *peer)
{
	const struct pz_peers *peers = peer->peers;

	if (peers->is_ending || peers->config.zone->membership == NULL ||
	    pz_peers_has_left(peers, peer->device))
		return false;
	if (peer->is_friend && pz_peers_friend_of(peers, peer->address) == NULL)
		return false;
	bool is_ours_to_keep = !peer->is_friend && (peers->config.peer_prefs->auto_dial ||
						    peers->config.peer_prefs->is_peer_mode);
	if (peer->is_wanted || is_ours_to_keep || peer->live)
		return true;
	return peer->is_missed && !pz_peers_has_hub(peers) &&
	       peer->failures <= PZ_PEER_RETRIES_ALONE;
}

static void
on_retry(struct pz_timer *timer, void *arg)
{
	struct peer *peer = arg;

	(void)timer;
	pz_peer_dial(peer, peer->live ? 0 : PZ_PEER_SEEK_US);
	/* No address is known yet, or others are being dialled. */
	if (peer->attempt == NULL && !has_direct_link(peer)) {
		peer->failures++;
		pz_peer_retry_later(peer);
	}
}

/* Targets that failed, or did not answer yet, may work in the new network. */
static void
try_anew(struct peer_attempt *attempt)
{
	const struct pz_peers *peers = attempt->peers;

	if (attempt->has_won)
		return;
	for (size_t i = 0; i < attempt->count; i++) {
		struct peer_try *t = &attempt->tries[i];
		if (t->target.kind != TARGET_ADDRESS ||
		    (t->state != TRY_DIALLING && t->state != TRY_FAILED))
			continue;
		drop_try(peers, t, NULL);
		t->state = TRY_WAITING;
	}
	go_on(attempt);
}

/* The network has changed: addresses that failed may work, and the former back-off has no meaning
 * here. */
void
pz_peers_dial_anew(struct pz_peers *peers)
{
	size_t pos = 0;
	void *value;

	PZ_LIST_EACH (&peers->attempts, n, tmp)
		try_anew(PZ_CONTAINER(n, struct peer_attempt, node));
	while (pz_map_next(peers->by_device, &pos, NULL, &value)) {
		struct peer *peer = value;
		if (!peer->retry.active)
			continue;
		pz_env_stop(peers->env, &peer->retry);
		peer->failures = 0;
		on_retry(&peer->retry, peer);
	}
}

/* Random within the back-off: two devices that lost each other at the same moment must not always
 * dial at the same moment. */
void
pz_peer_retry_later(struct peer *peer)
{
	const struct pz_env *env = peer->peers->env;
	uint32_t random;

	if (!is_worth_a_retry(peer))
		return;
	pz_env_random(env, &random, sizeof(random));
	pz_env_stop(env, &peer->retry);
	pz_timer_init(&peer->retry, on_retry, peer);
	pz_env_start(env, &peer->retry, pz_backoff_us(peer->failures ? peer->failures : 1, random));
}

/* A person disconnected it. It is linked again only when a person, a call or the device itself
 * requests it. */
void
pz_peer_give_up(struct peer *peer, const char *reason)
{
	peer->is_wanted = false;
	peer->is_missed = false;
	pz_env_stop(peer->peers->env, &peer->retry);
	pz_peer_attempt_drop(peer->attempt, NULL);
	(void)pz_peer_take_event(peer, PZ_PEER_EVENT_HANG_UP, reason);
}
