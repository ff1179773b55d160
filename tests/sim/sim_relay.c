/*
 * Pages 4 to 6, three devices and a hub, of which not all can reach each other: a peer relays
 * messages if there is no other route, nothing is executed twice, and isolated nodes are reached
 * again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "trio.h"

#define DEVICES TRIO
#define NOTICED_US (75 * SIM_S)
#define BACK_OFF_US (72 * SIM_S)
#define CONNECT_US (15 * SIM_S)
#define WHOLE_AGAIN_US (NOTICED_US + BACK_OFF_US + CONNECT_US)
#define OPEN_MAX 60

static void
end_trio(struct trio *t)
{
	ledger_settle(t->ledger);
	zone_check_quiet(t->world);
	trio_end(t);
}

static void
set_pref(struct sim_node *node, const char *key, bool on)
{
	json_decref(sim_do(node, "prefs", json_pack("{s:s, s:b}", "key", key, "value", on), SIM_S));
	if (sim_is_connected(node)) { /* page 10: it counts from the next connection to the hub */
		json_decref(sim_do(node, "disconnect", json_object(), SIM_S));
		json_decref(sim_do(node, "connect", json_object(), 20 * SIM_S));
	}
	world_run(node->world, CONNECT_US + SIM_S);
}

static void
connect_now(struct sim_node *from, const struct sim_node *to)
{
	json_decref(sim_do(from, "connect", json_pack("{s:s}", "peer", to->name), 20 * SIM_S));
}

/* It may fail. */
static void
connect_soon(struct sim_node *from, const struct sim_node *to)
{
	sim_call_free(sim_command(from, "connect", json_pack("{s:s}", "peer", to->name)));
}

/* ---- partitions ---- */

static struct sim_node *
one_of_four(struct trio *t)
{
	size_t i = (size_t)rng_below(&t->world->rng, DEVICES + 1);

	return i < DEVICES ? t->device[i] : t->hub;
}

static void
call_somebody(struct trio *t)
{
	struct rng *rng = &t->world->rng;
	size_t from = (size_t)rng_below(rng, DEVICES);
	size_t to = (from + 1 + (size_t)rng_below(rng, DEVICES - 1)) % DEVICES;

	if (ledger_open(t->ledger) < OPEN_MAX)
		ledger_call(t->ledger, t->device[from], t->device[to],
			    rng_chance(rng, 50) ? 0 : rng_spread(rng, SIM_MS, 20 * SIM_S), true);
}

static void
run_with_calls(struct trio *t, uint64_t duration_us)
{
	struct rng *rng = &t->world->rng;
	uint64_t until_us = t->world->now_us + duration_us;
	uint64_t pause_us = rng_spread(rng, 50 * SIM_MS, SIM_S + duration_us / 4);

	while (t->world->now_us < until_us) {
		call_somebody(t);
		uint64_t left_us = until_us - t->world->now_us;
		uint64_t step_us = 1 + rng_below(rng, pause_us);
		world_run(t->world, step_us < left_us ? step_us : left_us);
		ledger_check(t->ledger);
	}
}

static void
cut_or_mend(struct trio *t)
{
	struct rng *rng = &t->world->rng;
	struct sim_node *a = one_of_four(t), *b = one_of_four(t);

	if (a != b)
		world_partition(a, b, rng_chance(rng, 60));
	if (a == b && !a->is_hub)
		pz_node_network_changed(a->node);
	if (a != b && !a->is_hub && !b->is_hub && rng_chance(rng, 40))
		sim_call_free(sim_command(a, "connect", json_pack("{s:s}", "peer", b->name)));
	if (a != b && rng_chance(rng, 10))
		(void)vnet_break_one(t->world->net, a->host, b->host, rng_chance(rng, 50));
}

static void
mend_all(struct trio *t)
{
	struct sim_node *all[DEVICES + 1] = {t->device[0], t->device[1], t->device[2], t->hub};

	for (size_t i = 0; i <= DEVICES; i++)
		for (size_t k = i + 1; k <= DEVICES; k++)
			world_partition(all[i], all[k], false);
}

static void
run_partitions(struct world *world)
{
	struct trio t;
	struct rng *rng = &world->rng;
	unsigned cuts = (unsigned)rng_between(rng, 3, 15);
	uint64_t pause_us = rng_spread(rng, SIM_S, 120 * SIM_S);

	trio_make(&t, world);
	if (rng_chance(rng, 30))
		set_pref(t.device[0], "peer.auto", true);
	if (rng_chance(rng, 20))
		set_pref(t.device[rng_below(rng, DEVICES)], "peer.relay", false);
	vnet_weather(world->net)->latency_max_us = rng_spread(rng, SIM_MS, 300 * SIM_MS);
	for (unsigned i = 0; i < cuts; i++) {
		cut_or_mend(&t);
		run_with_calls(&t, rng_below(rng, pause_us));
	}
	mend_all(&t);
	run_with_calls(&t, WHOLE_AGAIN_US);
	sim_check(world, zone_await_all(t.hub, 0), "not all are connected");
	ledger_settle(t.ledger);
	trio_call_all(&t, false);
	end_trio(&t);
}

/* ---- relay ---- */

static void
check_call(struct trio *t, struct sim_node *from, struct sim_node *to, bool is_possible)
{
	size_t before = ledger_answered(t->ledger);

	ledger_call(t->ledger, from, to, 0, !is_possible);
	ledger_settle(t->ledger);
	world_run(t->world, 2 * SIM_S); /* until services of who has found a way are known */
	sim_check(t->world, (ledger_answered(t->ledger) > before) == is_possible, "%s %s call %s",
		  from->name, is_possible ? "cannot" : "can", to->name);
}

static bool
is_alone(struct world *world, void *arg)
{
	(void)world;
	return !sim_is_connected(arg);
}

static void
cut_from_hub(struct trio *t, struct sim_node *node)
{
	world_partition(node, t->hub, true);
	(void)vnet_break_one(t->world->net, node->host, t->hub->host, false);
	sim_check(t->world, world_run_until(t->world, NOTICED_US, is_alone, node),
		  "%s has not noticed that it is cut off", node->name);
}

static void
part(struct sim_node *a, struct sim_node *b)
{
	sim_call_free(sim_command(a, "disconnect", json_pack("{s:s}", "peer", b->name)));
	sim_call_free(sim_command(b, "disconnect", json_pack("{s:s}", "peer", a->name)));
	world_run(a->world, SIM_S);
}

/* No hub: a and b see c only. */
static void
check_among_peers(struct trio *t)
{
	struct sim_node *a = t->device[0], *b = t->device[1], *c = t->device[2];

	for (size_t i = 0; i < DEVICES; i++)
		cut_from_hub(t, t->device[i]);
	world_run(t->world, SIM_S);
	check_call(t, a, b, true);
	check_call(t, b, a, true);
	set_pref(c, "peer.relay", false);
	check_call(t, a, b, false);
	set_pref(c, "peer.relay", true);
	check_call(t, b, a, true);
	for (size_t i = 0; i < DEVICES; i++)
		world_partition(t->device[i], t->hub, false);
}

/* c has the hub, and so has b; a has c only. */
static void
check_behind(struct trio *t)
{
	struct sim_node *a = t->device[0], *b = t->device[1], *c = t->device[2];

	part(b, c); /* while c believes in a dead link with b, it does not ask the hub */
	world_partition(b, c, true);
	cut_from_hub(t, a);
	world_run(t->world, SIM_S);
	check_call(t, a, b, true);
	check_call(t, b, a, true);
	set_pref(c, "peer.relay", false);
	check_call(t, a, b, false);
	check_call(t, b, a, false);
	check_call(t, a, c, true);
	set_pref(c, "peer.relay", true);
	check_call(t, b, a, true);
	check_call(t, a, b, true);
	world_partition(b, c, false);
	world_partition(a, t->hub, false);
}

/* Links that were asked for while the hub was there; without them the local network has to do. */
static void
link_up(struct trio *t)
{
	struct rng *rng = &t->world->rng;
	struct sim_node *a = t->device[0], *b = t->device[1], *c = t->device[2];

	if (rng_chance(rng, 50)) {
		part(a, c);
		part(b, c);
		return;
	}
	sim_note(t->world, "links are asked for");
	bool is_upward = rng_chance(rng, 50);
	connect_now(is_upward ? a : c, is_upward ? c : a);
	connect_now(is_upward ? c : b, is_upward ? b : c);
}

static void
run_relay(struct world *world)
{
	struct trio t;
	struct rng *rng = &world->rng;

	trio_make(&t, world);
	vnet_weather(world->net)->latency_max_us = rng_spread(rng, SIM_MS, 100 * SIM_MS);
	for (unsigned i = 0; i < 2; i++) {
		part(t.device[0], t.device[1]);
		link_up(&t);
		world_partition(t.device[0], t.device[1], true);
		world_run(world, rng_spread(rng, SIM_MS, 20 * SIM_S));
		if (rng_chance(rng, 50))
			check_among_peers(&t);
		else
			check_behind(&t);
		world_partition(t.device[0], t.device[1], false);
		run_with_calls(&t, WHOLE_AGAIN_US);
		sim_check(world, zone_await_all(t.hub, 0), "not all are connected");
		ledger_settle(t.ledger);
		trio_call_all(&t, false);
	}
	end_trio(&t);
}

/* ---- back to a direct way ---- */

/* What a program that watches has seen since. */
struct seen {
	unsigned states, ways, comings; /* events `state`, `hub`, and `device` of the one below */
	const char *device;
};

static void
on_seen(struct sim_call *call, json_t *event)
{
	struct seen *seen = call->arg;
	const char *name = json_string_value(json_object_get(event, "event"));
	const char *device = json_string_value(json_object_get(event, "name"));

	seen->states += strcmp(name, "state") == 0;
	seen->ways += strcmp(name, "hub") == 0;
	seen->comings += strcmp(name, "device") == 0 && strcmp(device, seen->device) == 0;
}

/* @return the relay of the link to the hub, "": none, or not connected; until the next call */
static const char *
relay_of(struct sim_node *node)
{
	static char relay[64];
	json_t *status = sim_do(node, "status", json_object(), SIM_S);
	const char *text =
		json_string_value(json_object_get(json_object_get(status, "hub"), "relay"));

	snprintf(relay, sizeof(relay), "%s", text ? text : "");
	json_decref(status);
	return relay;
}

static bool
is_relayed(struct world *world, void *arg)
{
	(void)world;
	return sim_is_connected(arg) && relay_of(arg)[0] != '\0';
}

static bool
is_direct(struct world *world, void *arg)
{
	(void)world;
	return relay_of(arg)[0] == '\0';
}

/* Calls both ways, some of which are under way when the links change. */
static void
call_across(struct trio *t, uint64_t longest_us)
{
	struct rng *rng = &t->world->rng;

	for (unsigned i = 0; i < 10; i++) {
		size_t from = (size_t)rng_below(rng, 2);
		ledger_call(t->ledger, t->device[from], t->device[1 - from],
			    rng_below(rng, longest_us), false);
		world_run(t->world, rng_below(rng, 100 * SIM_MS));
	}
}

/* a has the hub through c only, then its cable is back: the others see nothing of it. */
static void
run_return(struct world *world)
{
	struct trio t;
	struct rng *rng = &world->rng;

	trio_make(&t, world);
	struct sim_node *a = t.device[0], *b = t.device[1], *c = t.device[2];
	vnet_weather(world->net)->latency_max_us = rng_spread(rng, SIM_MS, 100 * SIM_MS);
	part(a, b);
	world_partition(a, b, true);
	connect_now(a, c);
	world_partition(a, t.hub, true);
	(void)vnet_break_one(world->net, a->host, t.hub->host, false);
	sim_check(world, world_run_until(world, WHOLE_AGAIN_US, is_relayed, a),
		  "%s has no link to the hub through %s", a->name, c->name);
	world_run(world, rng_spread(rng, SIM_S, 10 * SIM_S));

	struct seen at_a = {.device = b->name}, at_b = {.device = a->name};
	struct sim_call *watch_a = sim_command_events(a, "watch", json_object(), on_seen, &at_a);
	struct sim_call *watch_b = sim_command_events(b, "watch", json_object(), on_seen, &at_b);
	struct ledger_stream *up = ledger_listen(a, b), *down = ledger_listen(b, a);
	call_across(&t, 5 * SIM_S);
	world_partition(a, t.hub, false);
	pz_node_network_changed(a->node);
	sim_check(world, world_run_until(world, 2 * SIM_S, is_direct, a),
		  "%s has no direct link to the hub 2 s after its network changed", a->name);
	call_across(&t, 5 * SIM_S);
	ledger_settle(t.ledger);
	world_run(world, 10 * SIM_S); /* also the end of the former link */
	sim_check(world, sim_is_connected(a) && at_a.states == 0 && at_a.comings == 0,
		  "%s was without the hub", a->name);
	sim_check(world, at_a.ways == 1, "%s: %u events say that the way is direct", a->name,
		  at_a.ways);
	sim_check(world, at_b.comings == 0, "%s has seen %s go and come", b->name, a->name);
	sim_check(world, ledger_failed(t.ledger) == 0, "calls were lost");
	ledger_unlisten(up);
	ledger_unlisten(down);
	sim_call_free(watch_a);
	sim_call_free(watch_b);
	world_partition(a, b, false);
	end_trio(&t);
}

/* By `route` of `pzp peers`. */
static bool
is_by(struct sim_node *from, const struct sim_node *to, const char *route)
{
	json_t *peers = sim_do(from, "peers", json_object(), SIM_S), *one;
	char id[128];
	bool is_so = false;
	size_t i;

	snprintf(id, sizeof(id), SIM_ZONE "/%s", to->name);
	json_array_foreach (peers, i, one)
		if (strcmp(json_string_value(json_object_get(one, "id")), id) == 0)
			is_so = strcmp(json_string_value(json_object_get(one, "route")), route) ==
				0;
	json_decref(peers);
	return is_so;
}

static bool
are_relayed(struct world *world, void *arg)
{
	const struct trio *t = arg;

	(void)world;
	return is_by(t->device[0], t->device[1], "relay");
}

static bool
are_direct(struct world *world, void *arg)
{
	const struct trio *t = arg;

	(void)world;
	return is_by(t->device[0], t->device[1], "direct");
}

/* Without a hub a and b have each other through c, for so long that retries are far apart. */
static void
run_neighbours(struct world *world)
{
	struct trio t;
	struct rng *rng = &world->rng;

	trio_make(&t, world);
	struct sim_node *a = t.device[0], *b = t.device[1], *c = t.device[2];
	part(a, b);
	world_partition(a, b, true);
	connect_now(a, c);
	connect_now(b, c);
	for (size_t i = 0; i < DEVICES; i++)
		cut_from_hub(&t, t.device[i]);
	sim_check(world, world_run_until(world, WHOLE_AGAIN_US, are_relayed, &t),
		  "%s and %s have no link through %s", a->name, b->name, c->name);
	world_run(world, rng_between(rng, 100, 200) * SIM_S);
	struct ledger_stream *up = ledger_listen(a, b);
	call_across(&t, 5 * SIM_S);
	world_partition(a, b, false);
	pz_node_network_changed(a->node);
	sim_check(world, world_run_until(world, 2 * SIM_S, are_direct, &t),
		  "%s and %s have no direct link 2 s after the network changed", a->name, b->name);
	call_across(&t, 5 * SIM_S);
	ledger_settle(t.ledger);
	sim_check(world, ledger_failed(t.ledger) == 0, "calls were lost");
	ledger_unlisten(up);
	for (size_t i = 0; i < DEVICES; i++)
		world_partition(t.device[i], t.hub, false);
	run_with_calls(&t, WHOLE_AGAIN_US);
	end_trio(&t);
}

/* A link through the hub and a direct one come up at the same time, again and again: one of the
 * two is left, and calls have a way. */
static void
run_crossing(struct world *world)
{
	struct trio t;
	struct rng *rng = &world->rng;

	trio_make(&t, world);
	struct sim_node *a = t.device[0], *b = t.device[1];
	vnet_weather(world->net)->latency_max_us = rng_spread(rng, SIM_MS, 100 * SIM_MS);
	set_pref(a, "private", true);
	for (size_t i = 0; i < DEVICES; i++)
		json_decref(sim_do(t.device[i], "reconnect", json_object(), 20 * SIM_S));
	for (unsigned i = 0; i < 30; i++) {
		world_partition(a, b, true);
		part(a, b);
		connect_soon(a, b);
		run_with_calls(&t, rng_below(rng, SIM_S));
		world_partition(a, b, false);
		pz_node_network_changed(rng_chance(rng, 50) ? a->node : b->node);
		connect_soon(a, b);
		connect_soon(b, a);
		run_with_calls(&t, rng_below(rng, 5 * SIM_S));
		ledger_settle(t.ledger);
	}
	trio_call_all(&t, false);
	end_trio(&t);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"relay", 20, run_relay},      {"partitions", 20, run_partitions},
		{"return", 10, run_return},    {"neighbours", 5, run_neighbours},
		{"crossing", 3, run_crossing},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
