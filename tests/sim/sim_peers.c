/*
 * Pages 4 to 6, two devices that see each other: one direct link of the two that cross survives,
 * and whatever becomes of links, hub and daemons, a call ends once, is answered as long as there is
 * a way, and is done once.
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
/* A replaced link is heard for 5 s, an older one asked for a sign of life for 3 s. */
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

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"dials", 40, run_dials},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
