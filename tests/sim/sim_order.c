/*
 * Page 4 "Routing": the order between one origin and one destination is kept, no message is lost
 * while the links live, none is duplicated, and its bytes arrive unchanged, however the network
 * splits them and however full the queues are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "raw.h"
#include "wire/frame.h"

#define PEERS_MAX 5
#define APPS 2 /* origins and destinations of one device: itself and an app */
#define APP "/7f3a:1"
#define BODY_MAX (100U << 10)
#define OWN_QUEUE_MAX (512U << 10)
#define JUNKS 16

/* What was sent from one origin to one destination, as hashes in their order. */
struct flow {
	uint64_t *hash;
	size_t sent, got, cap;
};

struct order;

struct peer {
	struct order *order;
	struct raw *raw;
	struct pz_timer timer; /* the next burst */
	size_t left;           /* messages to send */
};

struct order {
	struct world *world;
	struct sim_node *hub;
	struct peer peer[PEERS_MAX];
	size_t count, outstanding;
	size_t body_max;
	uint64_t pause_us;
	bool may_lose; /* links break */
	char junk[JUNKS][1024];
	struct flow flow[PEERS_MAX * APPS][PEERS_MAX * APPS];
};

/* ---- messages ---- */

static uint64_t
hash_of(struct pz_slice bytes)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < bytes.len; i += sizeof(uint64_t)) {
		uint64_t word = 0;
		size_t left = bytes.len - i;
		memcpy(&word, bytes.ptr + i, left < sizeof(word) ? left : sizeof(word));
		h = (h ^ word ^ h >> 29) * UINT64_C(0x9e3779b97f4a7c15);
	}
	return h;
}

/* Text that a careless forwarder would change, in pieces of a few hundred bytes. */
static void
make_junk(struct order *o)
{
	static const char *const bits[] = {
		"a", "0", "\\\"",     "\\u0000",          "\\\\",
		"{", "]", "\xc3\xa9", "\xf0\x9f\x98\x80", "the quick brown fox "};

	for (size_t i = 0; i < JUNKS; i++) {
		size_t len = (size_t)rng_spread(&o->world->rng, 1, sizeof(o->junk[i]) - 32);
		while (strlen(o->junk[i]) < len)
			strcat(o->junk[i], bits[rng_below(&o->world->rng, 10)]);
	}
}

static void
put_junk(struct order *o, struct pz_buf *out, size_t len)
{
	while (out->len < len)
		if (pz_buf_append_str(out, o->junk[rng_below(&o->world->rng, JUNKS)]) != PZ_OK)
			abort();
}

static void
put_address(struct pz_buf *out, const struct raw *raw, size_t app)
{
	if (pz_buf_printf(out, "\"%s%s\"", raw->address, app ? APP : "") != PZ_OK)
		abort();
}

/* Members in any order, unknown ones too; all of it has to arrive as it is. */
static void
build(struct order *o, struct pz_buf *out, size_t from, size_t to, size_t seq)
{
	struct rng *rng = &o->world->rng;
	uint8_t *header;
	bool is_first_to = rng_chance(rng, 50);

	if (pz_buf_reserve(out, PZ_FRAME_HEADER_BYTES, &header) != PZ_OK)
		abort();
	pz_buf_commit(out, PZ_FRAME_HEADER_BYTES);
	(void)!pz_buf_printf(out, "{\"%s\":", is_first_to ? "to" : "from");
	put_address(out, o->peer[(is_first_to ? to : from) / APPS].raw,
		    (is_first_to ? to : from) % APPS);
	(void)!pz_buf_printf(out, ", \"x-seq\" : %zu,\"type\":\"JSONRPC\",\"%s\":", seq,
			     is_first_to ? "from" : "to");
	put_address(out, o->peer[(is_first_to ? from : to) / APPS].raw,
		    (is_first_to ? from : to) % APPS);
	(void)!pz_buf_printf(out, ",\"x-junk\":\"");
	put_junk(o, out, (size_t)rng_spread(rng, out->len, o->body_max));
	(void)!pz_buf_printf(out, "\",\"payload\":{\"jsonrpc\":\"2.0\",\"method\":\"a@b.c\"}}");
	pz_frame_put_header(out->mem + out->start, out->len - PZ_FRAME_HEADER_BYTES);
}

static void
remember(struct flow *flow, uint64_t hash)
{
	if (flow->sent == flow->cap) {
		flow->cap = flow->cap ? 2 * flow->cap : 16;
		flow->hash = reallocarray(flow->hash, flow->cap, sizeof(*flow->hash));
		if (flow->hash == NULL)
			abort();
	}
	flow->hash[flow->sent++] = hash;
}

/* ---- sending ---- */

static void
send_one(struct peer *peer)
{
	struct order *o = peer->order;
	struct rng *rng = &o->world->rng;
	size_t me = (size_t)(peer - o->peer), to;
	size_t from = me * APPS + (size_t)rng_below(rng, APPS);
	struct pz_buf frame;

	do
		to = (size_t)rng_below(rng, o->count * APPS);
	while (to / APPS == me);
	struct flow *flow = &o->flow[from][to];
	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	build(o, &frame, from, to, flow->sent);
	if (raw_send(peer->raw, pz_buf_slice(&frame)) == PZ_OK) {
		remember(flow, hash_of(pz_buf_slice(&frame)));
		peer->left--;
		o->outstanding++;
	}
	pz_buf_fini(&frame);
}

static void
on_burst(struct pz_timer *timer, void *arg)
{
	struct peer *peer = arg;
	struct rng *rng = &peer->order->world->rng;
	size_t burst = (size_t)rng_spread(rng, 1, 20);

	while (burst-- > 0 && peer->left > 0 && raw_queued(peer->raw) < OWN_QUEUE_MAX)
		send_one(peer);
	if (peer->left > 0)
		pz_env_start(&peer->raw->machine->env, timer,
			     rng_below(rng, peer->order->pause_us));
}

/* ---- receiving ---- */

static size_t
index_of(struct order *o, struct pz_slice address)
{
	for (size_t i = 0; i < o->count; i++) {
		const char *base = o->peer[i].raw->address;
		size_t len = strlen(base);
		if (address.len < len || memcmp(address.ptr, base, len) != 0)
			continue;
		if (address.len == len)
			return i * APPS;
		if (address.len == len + strlen(APP) &&
		    memcmp(address.ptr + len, APP, strlen(APP)) == 0)
			return i * APPS + 1;
	}
	sim_fail(o->world, "a message of nobody: %.*s", PZ_SLICE_FMT(address));
}

static void
on_frame(struct raw *raw, struct pz_slice frame)
{
	struct peer *peer = raw->arg;
	struct order *o = peer->order;
	struct pz_envelope envelope;
	uint64_t hash = hash_of(frame);

	if (pz_envelope_scan(pz_frame_body(frame), &envelope) != PZ_OK)
		sim_fail(o->world, "a damaged frame");
	size_t from = index_of(o, envelope.from), to = index_of(o, envelope.to);
	sim_check(o->world, &o->peer[to / APPS] == peer, "%s got a message for another",
		  raw->machine->name);
	struct flow *flow = &o->flow[from][to];
	size_t at = flow->got;
	while (o->may_lose && at < flow->sent && flow->hash[at] != hash)
		at++;
	sim_check(o->world, at < flow->sent && flow->hash[at] == hash,
		  "message %zu from %zu to %zu is lost, doubled, out of order or changed", at, from,
		  to);
	o->outstanding -= at + 1 - flow->got;
	flow->got = at + 1;
}

static const struct raw_events events = {.frame = on_frame};

/* ---- the scenario ---- */

static bool
is_over(struct world *world, void *arg)
{
	const struct order *o = arg;

	(void)world;
	if (!o->may_lose && o->outstanding > 0)
		return false;
	for (size_t i = 0; i < o->count; i++)
		if (o->peer[i].left > 0)
			return false;
	return true;
}

static void
free_all(struct order *o)
{
	for (size_t i = 0; i < o->count; i++) {
		pz_env_stop(&o->peer[i].raw->machine->env, &o->peer[i].timer);
		raw_free(o->peer[i].raw);
	}
	for (size_t i = 0; i < PEERS_MAX * APPS; i++)
		for (size_t k = 0; k < PEERS_MAX * APPS; k++)
			free(o->flow[i][k].hash);
	free(o);
}

static struct order *
make(struct world *world)
{
	static const char *const names[PEERS_MAX] = {"a", "b", "c", "d", "e"};
	struct order *o = calloc(1, sizeof(*o));

	if (o == NULL)
		abort();
	o->world = world;
	make_junk(o);
	o->hub = zone_make(world);
	sim_stop(o->hub);
	o->hub->queue_high_bytes = (size_t)rng_spread(&world->rng, 4096, 1U << 20);
	o->hub->queue_low_bytes = o->hub->queue_high_bytes / (size_t)rng_between(&world->rng, 1, 8);
	sim_start(o->hub);
	o->count = (size_t)rng_between(&world->rng, 2, PEERS_MAX);
	o->pause_us = rng_spread(&world->rng, 1, SIM_S);
	o->body_max = (size_t)rng_spread(&world->rng, 300, BODY_MAX);
	for (size_t i = 0; i < o->count; i++) {
		struct peer *peer = &o->peer[i];
		peer->order = o;
		peer->raw = raw_new(o->hub, names[i], &events, peer);
		pz_timer_init(&peer->timer, on_burst, peer);
	}
	return o;
}

static void
run(struct world *world, bool may_lose)
{
	struct order *o = make(world);
	struct vnet_weather *w = vnet_weather(world->net);

	w->latency_max_us = rng_spread(&world->rng, SIM_MS, 300 * SIM_MS);
	w->tiny_pieces = (unsigned)rng_spread(&world->rng, 0, 5);
	w->window_min = 512;
	w->window_max = (size_t)rng_spread(&world->rng, 2048, 256U << 10);
	w->piece_max = (size_t)rng_spread(&world->rng, 600, 128U << 10);
	for (size_t i = 0; i < o->count; i++)
		raw_await_live(o->peer[i].raw);
	o->may_lose = may_lose;
	w->breaks = may_lose ? 70 : 0;
	w->doom_bytes_max = 200000;
	for (size_t i = 0; i < o->count; i++) {
		o->peer[i].left =
			(size_t)rng_spread(&world->rng, 5, o->body_max > 10000 ? 30 : 150);
		pz_env_start(&o->peer[i].raw->machine->env, &o->peer[i].timer, 0);
	}
	if (may_lose) /* those that exist were not doomed */
		for (size_t i = 0; i < o->count; i++)
			(void)vnet_break_one(world->net, o->peer[i].raw->machine->host,
					     o->hub->host, false);
	sim_check(world, world_run_until(world, 20 * SIM_MINUTE, is_over, o),
		  "%zu messages have not arrived", o->outstanding);
	vnet_calm(world->net);
	world_run(world, 20 * SIM_S); /* nothing comes a second time */
	sim_check(world, sim_hub_queued(o->hub, NULL) == 0, "something sticks in the hub");
	free_all(o);
}

static void
run_order(struct world *world)
{
	run(world, false);
}

static void
run_broken(struct world *world)
{
	run(world, true);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"order", 45, run_order},
		{"broken", 25, run_broken},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
