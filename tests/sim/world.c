#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

/* A loop that never lets time pass is a defect of the node, not a reason to hang. */
#define SAME_TIME_MAX 200000

/* ---- turns ---- */

/* Whether a node had anything to end: only then may something else have become due. */
static bool
end_turns(struct world *world)
{
	bool did_end = false;

	for (size_t i = 0; i < world->count; i++) {
		struct sim_node *node = world->nodes[i];
		if (pz_list_is_empty(&node->turn.dirty) && pz_list_is_empty(&node->turn.closing) &&
		    node->turn.handshakes == 0)
			continue;
		harness_current(node->name);
		pz_turn_end(&node->turn);
		if (node->end_turn)
			node->end_turn(node);
		harness_current(NULL);
		did_end = true;
	}
	return did_end;
}

static uint64_t
next_due_us(const struct world *world, struct sim_node **out_node)
{
	uint64_t best = pz_timers_next_us(vnet_timers(world->net));

	*out_node = NULL;
	for (size_t i = 0; i < world->count; i++) {
		struct sim_node *node = world->nodes[i];
		uint64_t due = pz_timers_next_us(&node->timers);
		if (due != UINT64_MAX)
			due = due > node->boot_us ? due - node->boot_us : 0;
		if (due < best) {
			best = due;
			*out_node = node;
		}
	}
	return best;
}

/* As in a real loop, what arrives at one moment may share a turn. */
static void
after_network_event(void *arg)
{
	struct world *world = arg;

	harness_current(NULL);
	if (pz_timers_next_us(vnet_timers(world->net)) > world->now_us ||
	    rng_chance(&world->rng, 60))
		end_turns(world);
}

static void
begin_network_event(void *arg, const char *host)
{
	(void)arg;
	harness_current(host);
}

bool
world_step(struct world *world, uint64_t until_us)
{
	struct sim_node *node;
	uint64_t due = next_due_us(world, &node);

	if (due > until_us) {
		if (end_turns(world) && next_due_us(world, &node) <= until_us)
			return true;
		world->now_us = until_us;
		return false;
	}
	if (due > world->now_us && end_turns(world))
		due = next_due_us(world, &node);
	if (due > world->now_us) {
		world->now_us = due;
		world->same_time = 0;
	}
	world->events++;
	if (++world->same_time > SAME_TIME_MAX)
		sim_fail(world, "%d events without time passing", SAME_TIME_MAX);
	if (node == NULL) {
		pz_timers_run(vnet_timers(world->net), world->now_us);
		return true;
	}
	harness_current(node->name);
	pz_timers_run(&node->timers, world->now_us + node->boot_us);
	harness_current(NULL);
	if (node->end_turn)
		node->end_turn(node);
	end_turns(world);
	return true;
}

void
world_run(struct world *world, uint64_t duration_us)
{
	uint64_t until = world->now_us + duration_us;

	while (world_step(world, until))
		;
}

bool
world_run_until(struct world *world, uint64_t duration_us,
		bool (*is_so)(struct world *world, void *arg), void *arg)
{
	uint64_t until = world->now_us + duration_us;

	while (!is_so(world, arg))
		if (!world_step(world, until))
			return is_so(world, arg);
	return true;
}

/* ---- life ---- */

struct world *
world_new(uint64_t seed)
{
	static const struct vnet_hooks hooks = {begin_network_event, after_network_event};
	struct world *world = calloc(1, sizeof(*world));

	if (world == NULL)
		abort();
	world->seed = seed;
	world->now_us = 1000 * SIM_S;
	world->rng.state = seed * 1000003 + 1;
	pz_list_init(&world->calls);
	world->net = vnet_new(&world->now_us, seed * 1000003 + 2, &hooks, world);
	return world;
}

static bool
is_reachable(void *arg, const char *a, const char *b)
{
	const struct world *world = arg;

	return !vnet_are_blocked(world->net, a, b);
}

void
world_add_lan(struct world *world)
{
	world->lan = pz_mdns_fake_net_new();
	if (world->lan == NULL)
		abort();
	pz_mdns_fake_net_reachable(world->lan, is_reachable, world);
}

void
world_partition(struct sim_node *a, struct sim_node *b, bool on)
{
	struct world *world = a->world;

	if (vnet_is_blocked(a->host, b->host) == on)
		return;
	sim_note(world, "%s and %s: %s", a->name, b->name, on ? "cut" : "mended");
	vnet_partition(world->net, a->host, b->host, on);
	if (world->lan)
		pz_mdns_fake_net_changed(world->lan);
}

static void
free_node(struct sim_node *node)
{
	pz_turn_fini(&node->turn);
	pz_memory_disk_free(node->disk);
	pz_keystore_free(node->keys);
	free(node);
}

void
world_free(struct world *world)
{
	for (size_t i = 0; i < world->count; i++)
		if (world->nodes[i]->is_running)
			sim_stop(world->nodes[i]);
	PZ_LIST_EACH (&world->calls, node, tmp)
		sim_call_free(PZ_CONTAINER(node, struct sim_call, list));
	for (size_t i = 0; i < world->count; i++)
		free_node(world->nodes[i]);
	pz_mdns_fake_net_free(world->lan);
	vnet_free(world->net);
	free(world);
}
