/*
 * Pages 4 to 6, two devices on one network: of two direct links that cross one survives, and
 * whatever happens to links, hub and daemons, a call ends once, is answered as long as there is a
 * route, and is executed once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "ledger.h"
#include "zone.h"

#define NOTICED_US (75 * SIM_S)
#define BACK_OFF_US (72 * SIM_S)
#define CONNECT_US (15 * SIM_S)
#define WHOLE_AGAIN_US (NOTICED_US + BACK_OFF_US + CONNECT_US)
/* A replaced link is read for 5 s, an older one is probed for 3 s. */
#define SETTLED_US (10 * SIM_S)
#define BURST 5

struct duo {
	struct world *world;
	struct ledger *ledger;
	struct sim_node *hub, *a, *b;
	bool is_calm;  /* nothing breaks by itself */
	bool is_whole; /* there is a way all the time */
};

static void
make_duo(struct duo *d, struct world *world)
{
	world_add_lan(world);
	*d = (struct duo){.world = world, .ledger = ledger_new(world), .hub = zone_make(world)};
	d->a = zone_add(d->hub, rng_chance(&world->rng, 50) ? "car" : "phone");
	d->b = zone_add(d->hub, "laptop");
	d->is_calm = d->is_whole = true;
	world_run(world, 2 * SIM_S);
}

static void
end_duo(struct duo *d)
{
	ledger_settle(d->ledger);
	zone_check_quiet(d->world);
	sim_note(d->world, "answered %zu, failed %zu", ledger_answered(d->ledger),
		 ledger_failed(d->ledger));
	ledger_free(d->ledger);
}

static struct sim_node *
smaller(const struct duo *d)
{
	return strcmp(d->a->name, d->b->name) < 0 ? d->a : d->b;
}

static void
call_one(struct duo *d)
{
	struct rng *rng = &d->world->rng;
	bool turn = rng_chance(rng, 50);
	struct sim_node *from = turn ? d->a : d->b, *to = turn ? d->b : d->a;
	uint64_t work_us = rng_chance(rng, 60) ? 0 : rng_spread(rng, SIM_MS, 10 * SIM_S);

	if (from->is_running)
		ledger_call(d->ledger, from, to, work_us, !d->is_whole || !to->is_running);
}

/* Calls for that long, now and then. */
static void
run_with_calls(struct duo *d, uint64_t duration_us)
{
	struct rng *rng = &d->world->rng;
	uint64_t until_us = d->world->now_us + duration_us;
	uint64_t pause_us = rng_spread(rng, 5 * SIM_MS, SIM_S + duration_us / 4);

	while (d->world->now_us < until_us) {
		if (ledger_open(d->ledger) < 60)
			call_one(d);
		uint64_t left_us = until_us - d->world->now_us;
		uint64_t step_us = 1 + rng_below(rng, pause_us);
		world_run(d->world, step_us < left_us ? step_us : left_us);
		ledger_check(d->ledger);
	}
}

static struct sim_call *
connect_to(struct sim_node *from, const struct sim_node *to)
{
	return sim_command(from, "connect", json_pack("{s:s}", "peer", to->name));
}

static void
disconnect_from(struct sim_node *from, const struct sim_node *to)
{
	sim_note(from->world, "%s disconnects from %s", from->name, to->name);
	sim_call_free(sim_command(from, "disconnect", json_pack("{s:s}", "peer", to->name)));
}

static bool
are_linked(struct world *world, void *arg)
{
	const struct duo *d = arg;

	(void)world;
	return sim_is_linked(d->a, d->b) && sim_is_linked(d->b, d->a);
}

/* Both sides hold the same link, and nothing else. */
static void
check_one_link(struct duo *d)
{
	sim_check(d->world, are_linked(d->world, d), "%s is%s linked, %s is%s", d->a->name,
		  sim_is_linked(d->a, d->b) ? "" : " not", d->b->name,
		  sim_is_linked(d->b, d->a) ? "" : " not");
	sim_check(d->world, sim_has_dialled(d->a, d->b) != sim_has_dialled(d->b, d->a),
		  "the two hold different links");
	sim_check(d->world, sim_peer_links(d->a) == 1 && sim_peer_links(d->b) == 1,
		  "%zu links and attempts at %s, %zu at %s", sim_peer_links(d->a), d->a->name,
		  sim_peer_links(d->b), d->b->name);
}

/* ---- dials ---- */

static void
set_weather(struct duo *d)
{
	struct vnet_weather *weather = vnet_weather(d->world->net);
	struct rng *rng = &d->world->rng;

	d->is_calm = rng_chance(rng, 50);
	weather->latency_max_us = rng_spread(rng, SIM_MS, SIM_S);
	if (d->is_calm)
		return;
	d->is_whole = false;
	weather->breaks = 30;
	weather->silences = 15;
	weather->doom_bytes_max = rng_spread(rng, 1000, 60000);
}

static void
check_connected(struct duo *d, struct sim_call *call)
{
	sim_await(call, 40 * SIM_S);
	sim_check(d->world, call->is_done, "%s: connect has not ended", call->node->name);
	sim_check(d->world, !d->is_calm || call->err == PZ_OK, "%s: connect failed: %s",
		  call->node->name, call->detail);
	sim_call_free(call);
}

static void
cross(struct duo *d)
{
	struct rng *rng = &d->world->rng;
	bool is_first_a = rng_chance(rng, 50);
	struct sim_node *first = is_first_a ? d->a : d->b, *second = is_first_a ? d->b : d->a;
	uint64_t offset_us = rng_chance(rng, 40) ? 0 : rng_spread(rng, 100, 3 * SIM_S);

	/* In bad weather its end might be lost, and it would never end. */
	struct ledger_stream *stream = d->is_calm ? ledger_listen(d->a, d->b) : NULL;
	run_with_calls(d, SIM_S);
	struct sim_call *one = connect_to(first, second);
	world_run(d->world, offset_us);
	bool was_alone = sim_is_linked(second, first);
	struct sim_call *other = connect_to(second, first);
	run_with_calls(d, rng_spread(rng, SIM_S, 10 * SIM_S));
	check_connected(d, one);
	check_connected(d, other);
	run_with_calls(d, SETTLED_US);
	if (!d->is_calm)
		return;
	ledger_unlisten(stream);
	run_with_calls(d, 2 * SIM_S);
	check_one_link(d);
	sim_check(d->world,
		  was_alone || (second == smaller(d) && offset_us > 0) ||
			  sim_has_dialled(smaller(d), smaller(d) == d->a ? d->b : d->a),
		  "the link that %s opened has not survived", smaller(d)->name);
}

static void
part(struct duo *d)
{
	struct rng *rng = &d->world->rng;

	if (rng_chance(rng, 30))
		disconnect_from(d->a, d->b);
	if (rng_chance(rng, 30))
		disconnect_from(d->b, d->a);
	else
		(void)vnet_break_one(d->world->net, d->a->host, d->b->host, rng_chance(rng, 50));
	run_with_calls(d, rng_spread(rng, 10 * SIM_MS, 20 * SIM_S));
	disconnect_from(d->a, d->b);
	run_with_calls(d, 2 * SIM_S);
	disconnect_from(d->b, d->a);
	run_with_calls(d, SETTLED_US);
}

static void
run_dials(struct world *world)
{
	struct duo d;
	unsigned rounds = (unsigned)rng_between(&world->rng, 1, 4);

	make_duo(&d, world);
	set_weather(&d);
	for (unsigned i = 0; i < rounds; i++) {
		if (i > 0)
			part(&d);
		cross(&d);
	}
	vnet_calm(world->net);
	if (!d.is_calm)
		run_with_calls(&d, WHOLE_AGAIN_US);
	d.is_calm = d.is_whole = true;
	check_connected(&d, connect_to(d.a, d.b));
	run_with_calls(&d, SETTLED_US);
	check_one_link(&d);
	end_duo(&d);
}

/* ---- moves ---- */

static bool
is_hub_whole(struct world *world, void *arg)
{
	const struct duo *d = arg;

	(void)world;
	return d->hub->is_running && sim_hub_links(d->hub) == 2 && sim_is_connected(d->a) &&
	       sim_is_connected(d->b);
}

/* A burst of calls arrives in its order, as long as nothing happens to the ways meanwhile. */
static void
check_order(struct duo *d)
{
	unsigned changes = d->a->changes + d->a->peer_changes + d->b->peer_changes;
	size_t first = 0;

	for (unsigned i = 0; i < BURST; i++) {
		size_t number = ledger_call(d->ledger, d->a, d->b, 0, !d->is_whole);
		if (i == 0)
			first = number;
	}
	ledger_settle(d->ledger);
	sim_check(d->world,
		  changes != d->a->changes + d->a->peer_changes + d->b->peer_changes ||
			  ledger_is_in_order(d->ledger, first, BURST),
		  "calls %zu to %zu were not done in their order", first, first + BURST - 1);
}

/* The hub goes while a link that works is there, and comes back. */
static void
lose_hub(struct duo *d)
{
	struct rng *rng = &d->world->rng;

	disconnect_from(d->a, d->b);
	disconnect_from(d->b, d->a);
	run_with_calls(d, SETTLED_US);
	check_connected(d, connect_to(d->a, d->b));
	run_with_calls(d, SETTLED_US);
	check_one_link(d);
	if (rng_chance(rng, 50))
		sim_crash(d->hub, VNET_DEATH_RESET);
	else
		sim_stop(d->hub);
	run_with_calls(d, rng_spread(rng, 10 * SIM_MS, 60 * SIM_S));
	check_order(d);
	sim_start(d->hub);
	run_with_calls(d, rng_spread(rng, 10 * SIM_MS, SIM_S));
	sim_check(d->world, world_run_until(d->world, BACK_OFF_US + CONNECT_US, is_hub_whole, d),
		  "the hub is back, and not all are connected");
	/* Until it has announced that all are back. */
	run_with_calls(d, 2 * SIM_S);
}

static void
move(struct duo *d)
{
	struct rng *rng = &d->world->rng;
	bool turn = rng_chance(rng, 50);
	struct sim_node *one = turn ? d->a : d->b, *other = turn ? d->b : d->a;
	unsigned what = (unsigned)rng_below(rng, 10);

	if (what < 4) {
		sim_note(d->world, "%s connects to %s", one->name, other->name);
		struct sim_call *call = connect_to(one, other);
		run_with_calls(d, rng_spread(rng, SIM_MS, SIM_S));
		sim_call_free(call);
	} else if (what < 6) {
		disconnect_from(one, other);
	} else if (what < 9) {
		bool silently = rng_chance(rng, 50);
		if (vnet_break_one(d->world->net, d->a->host, d->b->host, silently))
			sim_note(d->world, "a direct link %s",
				 silently ? "falls silent" : "breaks");
	} else {
		lose_hub(d);
	}
}

static void
run_moves(struct world *world)
{
	struct duo d;
	unsigned moves = (unsigned)rng_between(&world->rng, 3, 15);

	make_duo(&d, world);
	vnet_weather(world->net)->latency_max_us = rng_spread(&world->rng, SIM_MS, 300 * SIM_MS);
	for (unsigned i = 0; i < moves; i++) {
		move(&d);
		run_with_calls(&d, rng_spread(&world->rng, SIM_MS, 30 * SIM_S));
		if (rng_chance(&world->rng, 20))
			check_order(&d);
	}
	end_duo(&d);
}

/* ---- restarts ---- */

static void
restart(struct duo *d, struct sim_node *node)
{
	struct rng *rng = &d->world->rng;
	unsigned how = (unsigned)rng_below(rng, 3);

	ledger_excuse(d->ledger);
	if (how == 0)
		sim_stop(node);
	else
		sim_crash(node, how == 1 ? VNET_DEATH_RESET : VNET_DEATH_SILENT);
	run_with_calls(d, rng_spread(rng, SIM_MS, rng_chance(rng, 50) ? SIM_S : 20 * SIM_S));
	sim_start(node);
}

static void
run_restarts(struct world *world)
{
	struct duo d;
	struct rng *rng = &world->rng;
	unsigned rounds = (unsigned)rng_between(rng, 1, 5);

	make_duo(&d, world);
	d.is_whole = false;
	vnet_weather(world->net)->latency_max_us = rng_spread(rng, SIM_MS, 300 * SIM_MS);
	for (unsigned i = 0; i < rounds; i++) {
		sim_call_free(connect_to(d.a, d.b));
		run_with_calls(&d, rng_spread(rng, 10 * SIM_MS, 10 * SIM_S));
		if (d.hub->is_running && rng_chance(rng, 30))
			sim_crash(d.hub, VNET_DEATH_RESET);
		restart(&d, rng_chance(rng, 70) ? d.b : d.a);
		if (rng_chance(rng, 50))
			sim_call_free(connect_to(d.a, d.b));
		run_with_calls(&d, rng_spread(rng, 10 * SIM_MS, 30 * SIM_S));
		if (!d.hub->is_running && rng_chance(rng, 60))
			sim_start(d.hub);
	}
	if (!d.hub->is_running)
		sim_start(d.hub);
	run_with_calls(&d, WHOLE_AGAIN_US);
	sim_check(world, is_hub_whole(world, &d), "not all are connected again");
	ledger_settle(d.ledger);
	d.is_whole = true;
	check_order(&d);
	run_with_calls(&d, 5 * SIM_S);
	end_duo(&d);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"dials", 15, run_dials},
		{"moves", 15, run_moves},
		{"restarts", 15, run_restarts},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
