/*
 * Page 15 "A hop", with a node that lies: it drops, delays, duplicates, reorders, alters or
 * truncates what it forwards, or puts it into another channel; it claims that a link belongs to
 * another device, or leads it to another device; it keeps a channel open whose other half has
 * ended, and invents bytes in it. In every case: no device executes a request of a caller that its
 * link does not prove, no call gets the answer to another, every call ends in time, messages with
 * another route find it, and revoked devices are out.
 */
#include "harness.h"
#include "inspect.h"
#include "liar.h"
#include "pzp/node.h"
#include "trio.h"

#define DEVICES TRIO
#define WHOLE_AGAIN_US (162 * SIM_S) /* noticed, the longest pause, connected */
#define OPEN_MAX 40

/* ---- the zone ---- */

/* a is to reach others through c, or (private) through the hub, only. */
static void
make_trio(struct trio *t, struct world *world)
{
	trio_make(t, world);
	vnet_weather(world->net)->latency_max_us = rng_spread(&world->rng, SIM_MS, 50 * SIM_MS);
	world_partition(t->device[0], t->device[1], true);
}

static void
link_with(struct sim_node *from, const struct sim_node *to)
{
	json_decref(sim_do(from, "connect", json_pack("{s:s}", "peer", to->name), 20 * SIM_S));
}

/* The links to the hub are gone at once; what is noticed of it comes in its time. */
static void
cut_from_hub(struct trio *t, struct sim_node *node)
{
	world_partition(node, t->hub, true);
	(void)vnet_break_one(t->world->net, node->host, t->hub->host, false);
}

static void
run_with_calls(struct trio *t, uint64_t duration_us)
{
	struct rng *rng = &t->world->rng;
	uint64_t until_us = t->world->now_us + duration_us;

	while (t->world->now_us < until_us) {
		size_t from = (size_t)rng_below(rng, DEVICES);
		size_t to = (from + 1 + (size_t)rng_below(rng, DEVICES - 1)) % DEVICES;
		if (ledger_open(t->ledger) < OPEN_MAX)
			ledger_call(t->ledger, t->device[from], t->device[to],
				    rng_chance(rng, 50) ? 0 : rng_spread(rng, SIM_MS, 10 * SIM_S),
				    true);
		world_run(t->world, rng_spread(rng, 10 * SIM_MS, 5 * SIM_S));
		ledger_check(t->ledger);
	}
}

/* The liar goes on with it, but there are other ways again. */
static void
find_back(struct trio *t)
{
	for (size_t i = 0; i < DEVICES; i++) {
		world_partition(t->device[i], t->hub, false);
		for (size_t k = i + 1; k < DEVICES; k++)
			world_partition(t->device[i], t->device[k], false);
	}
	for (size_t i = 0; i < DEVICES; i++)
		pz_node_network_changed(t->device[i]->node);
	run_with_calls(t, WHOLE_AGAIN_US);
	sim_check(t->world, zone_await_all(t->hub, 0), "not all are connected");
	ledger_settle(t->ledger);
	trio_call_all(t, false);
}

/* ---- scenarios ---- */

/* a has the hub through c. */
static void
run_to_the_hub(struct world *world)
{
	struct trio t;

	make_trio(&t, world);
	link_with(t.device[0], t.device[2]);
	cut_from_hub(&t, t.device[0]);
	world_run(world, rng_below(&world->rng, 30) * SIM_S);
	liar_begin(world, t.device[2]);
	run_with_calls(&t, rng_between(&world->rng, 60, 200) * SIM_S);
	find_back(&t);
	liar_end(world);
	trio_end(&t);
}

/* There is no hub: a and b have each other through c. */
static void
run_among_peers(struct world *world)
{
	struct trio t;

	make_trio(&t, world);
	link_with(t.device[0], t.device[2]);
	link_with(t.device[1], t.device[2]);
	for (size_t i = 0; i < DEVICES; i++)
		cut_from_hub(&t, t.device[i]);
	world_run(world, rng_below(&world->rng, 30) * SIM_S);
	liar_begin(world, t.device[2]);
	run_with_calls(&t, rng_between(&world->rng, 60, 200) * SIM_S);
	find_back(&t);
	liar_end(world);
	trio_end(&t);
}

/* Links that the hub passes on and cannot read. */
static void
run_private(struct world *world)
{
	struct trio t;

	make_trio(&t, world);
	world_partition(t.device[0], t.device[2], true);
	world_partition(t.device[1], t.device[2], true);
	json_decref(sim_do(t.device[0], "prefs",
			   json_pack("{s:s, s:b}", "key", "private", "value", 1), SIM_S));
	world_run(world, 5 * SIM_S);
	for (size_t i = 0; i < DEVICES; i++)
		json_decref(sim_do(t.device[i], "reconnect", json_object(), 20 * SIM_S));
	run_with_calls(&t, 20 * SIM_S);
	liar_begin(world, t.hub);
	run_with_calls(&t, rng_between(&world->rng, 60, 200) * SIM_S);
	for (size_t i = 0; i < DEVICES; i++)
		for (size_t k = i + 1; k < DEVICES; k++) {
			world_partition(t.device[i], t.device[k], false);
			sim_call_free(sim_command(t.device[i], "connect",
						  json_pack("{s:s}", "peer", t.device[k]->name)));
		}
	run_with_calls(&t, WHOLE_AGAIN_US);
	ledger_settle(t.ledger);
	trio_call_all(&t, false);
	liar_end(world);
	trio_end(&t);
}

static bool
is_out(struct world *world, void *arg)
{
	const struct trio *t = arg;
	const struct pz_crl *crl = inspect(t->hub)->crl(t->hub);

	(void)world;
	return inspect(t->hub)->revoked_link(t->hub, crl) == NULL &&
	       inspect(t->device[1])->revoked_link(t->device[1], crl) == NULL;
}

/* a, of which only c knows the way, is revoked. c is not asked, and what it keeps is no use. */
static void
run_revoked(struct world *world)
{
	struct trio t;
	struct rng *rng = &world->rng;

	make_trio(&t, world);
	link_with(t.device[0], t.device[2]);
	link_with(t.device[1], t.device[2]);
	cut_from_hub(&t, t.device[0]);
	run_with_calls(&t, rng_between(rng, 20, 60) * SIM_S);
	liar_begin(world, t.device[2]);
	liar_must_tell(LIE_KEEP_OPEN);
	liar_must_tell(LIE_MAKE_UP);
	run_with_calls(&t, rng_below(rng, 20) * SIM_S);
	json_decref(
		sim_do(t.hub, "revoke", json_pack("{s:s}", "device", t.device[0]->name), SIM_S));
	sim_check(world, world_run_until(world, SIM_S, is_out, &t),
		  "a link with %s, which is revoked, is there after 1 s", t.device[0]->name);
	ledger_revoke(t.ledger, t.device[0]);
	size_t runs = ledger_runs(t.ledger, t.device[0]);
	for (unsigned i = 0; i < 10; i++) {
		ledger_call(t.ledger, t.device[1], t.device[0], 0, true);
		if (sim_is_enrolled(t.device[0])) /* it may not know */
			ledger_call(t.ledger, t.device[0], t.device[1], 0, true);
		world_run(world, rng_spread(rng, SIM_MS, 10 * SIM_S));
		sim_check(world, is_out(world, &t), "%s is back", t.device[0]->name);
	}
	ledger_settle(t.ledger);
	sim_check(world, ledger_runs(t.ledger, t.device[0]) == runs,
		  "%s, which is revoked, was served or has served", t.device[0]->name);
	liar_end(world);
	trio_end(&t);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"to-the-hub", 12, run_to_the_hub},
		{"among-peers", 12, run_among_peers},
		{"private", 6, run_private},
		{"revoked", 8, run_revoked},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
