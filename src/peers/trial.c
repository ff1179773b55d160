/*
 * Trials: a device requests its linked peers to connect to it (`pzp doctor`), because only another
 * machine can see what a firewall or a router does to its port.
 *
 * A peer tries only addresses that it knows for that device anyway: the address at the other end of
 * the link, and the addresses and the port of its pzpInfo. A request contains none. So a device
 * cannot direct others to a third machine by it, beyond what pzpInfo allows already; and trials are
 * bounded in number, rate and time, with a result of one word for each address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/netaddr.h"
#include "peers/internal.h"
#include "wire/json.h"
#include "zone/info.h"

/** One address that is tried for a peer. */
struct attempt {
	struct answer *answer;
	struct pz_dial *dial; /* while it is running */
	char address[PZ_NETADDR_CHARS];
	const char *error; /* NULL: it has connected */
};

/** A trial for one peer. */
struct answer {
	struct pz_list node; /* pz_peer_trials.answers */
	struct pz_peers *peers;
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char id[PZ_INSTANCE_BYTES_MAX + 1];
	struct attempt attempts[PZ_PEER_TRIAL_ADDRESSES_MAX];
	size_t count;
	uint16_t port;
	struct pz_timer timer; /* the end: all have ended, or time is up */
};

/** A trial that others run for this device. */
struct pz_peers_trial {
	struct pz_list node; /* pz_peer_trials.asked */
	struct pz_peers *peers;
	char id[37];
	struct {
		char device[PZ_DEVICE_BYTES_MAX + 1];
		bool is_awaited;
	} asked[PZ_PEER_TRIAL_PEERS_MAX];
	size_t count;
	json_t *results;
	struct pz_timer timer; /* the end: all have answered, or time is up */
	pz_peers_trial_done done;
	void *arg;
};

struct pz_peer_trials {
	struct pz_list answers, asked;
	size_t answers_len;
};

struct pz_peer_trials *
pz_peer_trials_new(void)
{
	struct pz_peer_trials *trials = calloc(1, sizeof(*trials));

	if (trials == NULL)
		return NULL;
	pz_list_init(&trials->answers);
	pz_list_init(&trials->asked);
	return trials;
}

/* ---- trying for a peer ---- */

static void
answer_free(struct answer *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->attempts[i].dial)
			a->peers->config.transport.ops->dial_cancel(a->attempts[i].dial);
	pz_env_stop(a->peers->env, &a->timer);
	pz_list_remove(&a->node);
	a->peers->trials->answers_len--;
	free(a);
}

static json_t *
results_of(const struct answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->count; i++) {
		const struct attempt *one = &a->attempts[i];
		(void)json_array_append_new(list, json_pack("{s:s, s:b, s:s*}", "address",
							    one->address, "ok", one->error == NULL,
							    "error", one->error));
	}
	return list;
}

static void
on_answer_end(struct pz_timer *timer, void *arg)
{
	struct answer *a = arg;
	const struct peer *peer = pz_peers_find(a->peers, a->device);

	(void)timer;
	if (peer && peer->live) {
		json_t *message = json_pack("{s:s, s:o?}", "id", a->id, "results", results_of(a));
		pz_peer_link_answer(peer->live, "triedAddresses", message);
		json_decref(message);
	}
	answer_free(a);
}

static void
attempt_ended(struct attempt *one, const char *error)
{
	struct answer *a = one->answer;

	one->dial = NULL;
	one->error = error;
	for (size_t i = 0; i < a->count; i++)
		if (a->attempts[i].dial)
			return;
	pz_env_start(a->peers->env, &a->timer, 0);
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	stream->ops->close(stream);
	attempt_ended(arg, NULL);
}

static void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	(void)detail; /* one word suffices for the other device, and shows nothing about this one */
	attempt_ended(arg, err == PZ_ERR_IO_REFUSED   ? "refused"
			   : err == PZ_ERR_IO_TIMEOUT ? "timed out"
						      : "no way there");
}

/* A numeric address at which a packet from here may reach that machine. Loopback is this machine,
 * unless the peer is on it, too. */
static bool
is_worth_it(const struct peer_link *pl, const char *address)
{
	struct pz_netaddr a, remote;

	if (!pz_netaddr_parse(address, &a))
		return false;
	return !pz_netaddr_is_loopback(&a) ||
	       (pz_netaddr_parse(pl->remote, &remote) && pz_netaddr_is_loopback(&remote));
}

static void
add_attempt(struct answer *a, const struct peer_link *pl, const char *address)
{
	static const struct pz_dial_events events = {
		.connected = on_connected,
		.failed = on_failed,
	};
	const struct pz_transport *t = &a->peers->config.transport;

	if (a->count == PZ_PEER_TRIAL_ADDRESSES_MAX || !is_worth_it(pl, address))
		return;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->attempts[i].address, address) == 0)
			return;
	struct attempt *one = &a->attempts[a->count];
	*one = (struct attempt){.answer = a, .error = "timed out"};
	snprintf(one->address, sizeof(one->address), "%s", address);
	if (t->ops->dial(t->self, address, a->port, &events, one, &one->dial) == PZ_OK)
		a->count++;
}

/* One at a time for each peer, with a pause before the next. */
static bool
may_try(struct peer *peer)
{
	const struct pz_peers *peers = peer->peers;
	uint64_t now = pz_env_mono_us(peers->env);

	if (peers->trials->answers_len >= PZ_PEER_TRIALS_MAX ||
	    (peer->tried_us != 0 && now - peer->tried_us < PZ_PEER_TRIAL_EVERY_US))
		return false;
	peer->tried_us = now;
	return true;
}

static void
begin_answer(struct peer_link *pl, const char *id)
{
	struct pz_peers *peers = pl->peers;
	const struct peer *peer = pl->peer;
	struct answer *a = calloc(1, sizeof(*a));
	int64_t port = 0;
	json_t *address;
	size_t i;

	if (a == NULL)
		return;
	a->peers = peers;
	snprintf(a->device, sizeof(a->device), "%.*s", PZ_DEVICE_BYTES_MAX, peer->device);
	snprintf(a->id, sizeof(a->id), "%s", id);
	pz_timer_init(&a->timer, on_answer_end, a);
	pz_list_append(&peers->trials->answers, &a->node);
	peers->trials->answers_len++;
	(void)pz_json_int(peer->info, "port", 0, UINT16_MAX, &port);
	a->port = (uint16_t)port;
	if (port != 0) {
		add_attempt(a, pl, pl->remote);
		json_array_foreach (json_object_get(peer->info, "addresses"), i, address)
			add_attempt(a, pl, json_string_value(address));
	}
	pz_env_start(peers->env, &a->timer, a->count > 0 ? PZ_PEER_TRIAL_US : 0);
}

void
pz_peer_on_try(struct peer_link *pl, json_t *message)
{
	const char *id = pz_json_str(message, "id");

	if (id == NULL || id[0] == '\0' || !pz_info_is_instance(id))
		return;
	if (may_try(pl->peer)) {
		begin_answer(pl, id);
		return;
	}
	json_t *body = json_pack("{s:s, s:b, s:[]}", "id", id, "busy", 1, "results");
	pz_peer_link_answer(pl, "triedAddresses", body);
	json_decref(body);
}

/* ---- asking peers ---- */

static void
trial_free(struct pz_peers_trial *trial)
{
	pz_env_stop(trial->peers->env, &trial->timer);
	pz_list_remove(&trial->node);
	json_decref(trial->results);
	free(trial);
}

static void
add_result(struct pz_peers_trial *trial, const char *device, const char *address, const char *error)
{
	(void)json_array_append_new(trial->results,
				    json_pack("{s:s, s:s?, s:b, s:s?}", "by", device, "address",
					      address, "ok", error == NULL, "error", error));
}

/* Those that have not answered have only that as their result. */
static void
on_trial_end(struct pz_timer *timer, void *arg)
{
	struct pz_peers_trial *trial = arg;

	(void)timer;
	for (size_t i = 0; i < trial->count; i++)
		if (trial->asked[i].is_awaited)
			add_result(trial, trial->asked[i].device, NULL, "no answer");
	json_t *results = json_incref(trial->results);
	pz_peers_trial_done done = trial->done;
	void *done_arg = trial->arg;
	trial_free(trial);
	done(done_arg, results);
	json_decref(results);
}

struct pz_peers_trial *
pz_peers_trial_start(struct pz_peers *peers, pz_peers_trial_done done, void *arg)
{
	struct pz_peers_trial *trial = calloc(1, sizeof(*trial));
	const char *device;
	size_t pos = 0;

	if (trial == NULL)
		return NULL;
	*trial = (struct pz_peers_trial){
		.peers = peers, .done = done, .arg = arg, .results = json_array()};
	pz_env_uuid(peers->env, trial->id);
	pz_timer_init(&trial->timer, on_trial_end, trial);
	pz_list_append(&peers->trials->asked, &trial->node);
	while (trial->results && trial->count < PZ_PEER_TRIAL_PEERS_MAX &&
	       (device = pz_peers_next_linked(peers, &pos)) != NULL) {
		json_t *message = json_pack("{s:s}", "id", trial->id);
		pz_peer_link_prop(pz_peers_find(peers, device)->live, "tryAddresses", message);
		json_decref(message);
		snprintf(trial->asked[trial->count].device, sizeof(trial->asked[0].device), "%s",
			 device);
		trial->asked[trial->count++].is_awaited = true;
	}
	if (trial->count == 0) {
		trial_free(trial);
		return NULL;
	}
	pz_env_start(peers->env, &trial->timer, PZ_PEER_TRIAL_WAIT_US);
	return trial;
}

void
pz_peers_trial_cancel(struct pz_peers_trial *trial)
{
	if (trial)
		trial_free(trial);
}

/* A word from another device, shown to a person: only the words that this program sends. */
static const char *
known_error(const char *given)
{
	static const char *const known[] = {"refused", "timed out", "no way there"};

	for (size_t i = 0; given && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(given, known[i]) == 0)
			return known[i];
	return "failed";
}

static void
take_results(struct pz_peers_trial *trial, const char *device, const json_t *message)
{
	const json_t *list = json_object_get(message, "results");
	size_t taken = 0;

	for (size_t i = 0; i < json_array_size(list) && taken < PZ_PEER_TRIAL_ADDRESSES_MAX; i++) {
		const json_t *one = json_array_get(list, i);
		const char *address = pz_json_str(one, "address");
		bool is_ok = json_is_true(json_object_get(one, "ok"));
		struct pz_netaddr parsed;

		if (address == NULL || !pz_netaddr_parse(address, &parsed))
			continue;
		add_result(trial, device, address,
			   is_ok ? NULL : known_error(pz_json_str(one, "error")));
		taken++;
	}
	if (taken == 0)
		add_result(trial, device, NULL,
			   json_is_true(json_object_get(message, "busy"))
				   ? "it was asked a moment ago"
				   : "it has no address to try");
}

/* @param id NULL: of any trial; @param message NULL: the peer does not know trials */
static void
answered(struct pz_peers_trial *trial, const char *device, const json_t *message)
{
	bool is_over = true;

	for (size_t i = 0; i < trial->count; i++) {
		if (trial->asked[i].is_awaited && strcmp(trial->asked[i].device, device) == 0) {
			trial->asked[i].is_awaited = false;
			if (message)
				take_results(trial, device, message);
			else
				add_result(trial, device, NULL, "its version cannot try it");
		}
		is_over = is_over && !trial->asked[i].is_awaited;
	}
	if (is_over)
		pz_env_start(trial->peers->env, &trial->timer, 0);
}

void
pz_peer_on_tried(struct peer_link *pl, json_t *message)
{
	const char *id = pz_json_str(message, "id");

	PZ_LIST_EACH (&pl->peers->trials->asked, n, tmp) {
		struct pz_peers_trial *trial = PZ_CONTAINER(n, struct pz_peers_trial, node);
		if (id && strcmp(trial->id, id) == 0)
			answered(trial, pl->peer->device, message);
	}
}

void
pz_peer_on_try_unknown(struct peer_link *pl)
{
	PZ_LIST_EACH (&pl->peers->trials->asked, n, tmp)
		answered(PZ_CONTAINER(n, struct pz_peers_trial, node), pl->peer->device, NULL);
}

/* ---- the end ---- */

void
pz_peer_trials_stop(struct pz_peers *peers)
{
	PZ_LIST_EACH (&peers->trials->answers, n, tmp)
		answer_free(PZ_CONTAINER(n, struct answer, node));
	/* The callers of our own trials get their answer: the timers run before the peers are
	 * freed, or are stopped by a cancel. */
	PZ_LIST_EACH (&peers->trials->asked, n, tmp)
		pz_env_start(peers->env, &PZ_CONTAINER(n, struct pz_peers_trial, node)->timer, 0);
}

void
pz_peer_trials_free(struct pz_peer_trials *trials)
{
	free(trials);
}
