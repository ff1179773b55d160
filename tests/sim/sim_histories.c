/*
 * Pages 2 and 8: random histories of a zone. At any time a revoked device has no link with a node
 * that knows of the revocation, and revocation lists only grow; when the network works again all
 * nodes have the same data, to the byte.
 */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "pzp/node.h"
#include "town.h"

#define NOTICED_US (75 * SIM_S)
#define BACK_OFF_US (72 * SIM_S)
#define CONNECT_US (15 * SIM_S)
#define WHOLE_AGAIN_US (NOTICED_US + BACK_OFF_US + CONNECT_US)
#define SYNCED_US (10 * SIM_S)
/* Page 2: certificates begin five minutes before they are made. Clocks differ by up to twenty. */
#define VALID_US (16 * SIM_MINUTE)

/* ---- what happens ---- */

static void
do_write(struct town *t)
{
	struct sim_node *node = town_anybody(t);

	if (node->is_running && rng_chance(&t->world->rng, 50))
		town_write(node);
	else if (node->is_running)
		town_order(node);
}

static void
do_write_at_once(struct town *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->device[i]->is_running)
			town_write(t->device[i]);
}

static void
do_cut_or_mend(struct town *t)
{
	struct sim_node *a = town_anybody(t), *b = town_anybody(t);
	struct rng *rng = &t->world->rng;

	if (a == b)
		return;
	world_partition(a, b, rng_chance(rng, 60));
	if (rng_chance(rng, 30))
		(void)vnet_break_one(t->world->net, a->host, b->host, rng_chance(rng, 50));
}

static void
do_connect(struct town *t)
{
	struct sim_node *a = town_any_device(t), *b = town_any_device(t);
	struct rng *rng = &t->world->rng;
	const char *what = rng_chance(rng, 80) ? "connect" : "disconnect";

	if (a == b || !a->is_running)
		return;
	sim_note(t->world, "%s: %s %s", a->name, what, b->name);
	sim_call_free(sim_command(a, what, json_pack("{s:s}", "peer", b->name)));
}

static void
do_reconnect(struct town *t)
{
	struct sim_node *a = town_any_device(t);

	if (!town_is_member(a))
		return;
	sim_note(t->world, "%s reconnects", a->name);
	sim_call_free(sim_command(a, "disconnect", json_object()));
	sim_call_free(sim_command(a, "connect", json_object()));
}

static void
do_sync(struct town *t)
{
	struct sim_node *a = town_any_device(t);

	if (!a->is_running)
		return;
	sim_note(t->world, "%s: sync", a->name);
	sim_call_free(sim_command(a, "sync", json_object()));
}

static void
do_end(struct town *t)
{
	struct sim_node *a = town_anybody(t);
	unsigned how = (unsigned)rng_below(&t->world->rng, 3);

	if (!a->is_running)
		return;
	if (how == 0)
		sim_stop(a);
	else
		sim_crash(a, how == 1 ? VNET_DEATH_RESET : VNET_DEATH_SILENT);
}

static void
do_start(struct town *t)
{
	struct sim_node *a = town_anybody(t);

	if (a->is_running)
		return;
	if (rng_chance(&t->world->rng, 30))
		town_set_clock(a);
	sim_start(a);
}

static void
do_clock(struct town *t)
{
	town_set_clock(town_anybody(t));
}

static void
do_revoke(struct town *t)
{
	if (t->hub->is_running)
		town_revoke(t, town_any_device(t));
}

/* One that the hub cannot reach, and that others are linked with: they have to drop it. */
static void
do_revoke_unheard(struct town *t)
{
	struct sim_node *a = town_any_device(t);

	if (!t->hub->is_running || !town_is_member(a))
		return;
	for (size_t i = 0; i < t->count; i++)
		if (t->device[i] != a && town_is_member(t->device[i]))
			sim_call_free(sim_command(t->device[i], "connect",
						  json_pack("{s:s}", "peer", a->name)));
	town_run(t, 3 * SIM_S);
	world_partition(a, t->hub, true);
	if (rng_chance(&t->world->rng, 50))
		town_run(t, rng_below(&t->world->rng, NOTICED_US));
	if (t->hub->is_running)
		town_revoke(t, a);
}

static void
do_leave(struct town *t)
{
	struct sim_node *a = town_any_device(t);

	if (!town_is_member(a))
		return;
	sim_note(t->world, "%s leaves", a->name);
	sim_call_free(sim_command(a, "leave", json_object()));
}

static void
do_enrol(struct town *t)
{
	struct sim_node *a = town_any_device(t);

	if (t->hub->is_running && a->is_running && !town_is_member(a))
		town_enrol(t, a);
}

/* A disk is full, or has room again. */
static void
do_disk(struct town *t)
{
	struct sim_node *a = town_anybody(t);
	bool is_full = rng_chance(&t->world->rng, 50);

	sim_note(t->world, "the disk of %s %s", a->name, is_full ? "fills up" : "has room");
	pz_memory_disk_fail_after(a->disk,
				  is_full ? (size_t)rng_below(&t->world->rng, 3) : SIZE_MAX);
}

static const struct deed {
	unsigned weight;
	void (*act)(struct town *t);
} deeds[] = {
	{30, do_write},  {6, do_write_at_once},  {18, do_cut_or_mend},
	{8, do_connect}, {4, do_reconnect},      {3, do_sync},
	{8, do_end},     {14, do_start},         {4, do_clock},
	{3, do_revoke},  {3, do_revoke_unheard}, {2, do_leave},
	{5, do_disk},    {10, do_enrol},
};

static void
act(struct town *t)
{
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		sum += deeds[i].weight;
	unsigned at = (unsigned)rng_below(&t->world->rng, sum);
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (at < deeds[i].weight) {
			deeds[i].act(t);
			return;
		}
		at -= deeds[i].weight;
	}
}

/* ---- the end of it ---- */

static void
mend_all(struct town *t)
{
	for (size_t i = 0; i < t->count; i++) {
		world_partition(t->device[i], t->hub, false);
		for (size_t k = i + 1; k < t->count; k++)
			world_partition(t->device[i], t->device[k], false);
	}
	vnet_calm(t->world->net);
	vnet_reset_silent(t->world->net);
}

/* Everything runs, on a disk with room; with `again`, all start anew. */
static void
run_all(struct town *t, bool again, bool set_clocks)
{
	for (size_t i = 0; i <= t->count; i++) {
		struct sim_node *node = i < t->count ? t->device[i] : t->hub;
		pz_memory_disk_fail_after(node->disk, SIZE_MAX);
		if (again && node->is_running)
			sim_stop(node);
		if (set_clocks)
			node->wall_skew_ms = (int64_t)rng_below(&t->world->rng, 4000) - 2000;
	}
	if (!t->hub->is_running)
		sim_start(t->hub);
	for (size_t i = 0; i < t->count; i++)
		if (!t->device[i]->is_running)
			sim_start(t->device[i]);
}

/* A device that was revoked meanwhile learns of it; a virgin one comes back or is gone for good. */
static void
settle_members(struct town *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct sim_node *device = t->device[i];
		bool is_member = town_is_member(device);
		sim_check(t->world, !is_member || town_is_admitted(t, device),
			  "%s was revoked, met the hub, and has not heard of it", device->name);
		if (is_member)
			continue;
		if (rng_chance(&t->world->rng, 60))
			town_enrol(t, device);
		if (town_is_member(device))
			continue;
		town_revoke(t, device); /* in case that it left unheard */
		sim_stop(device);
	}
}

static void
finish(struct town *t, bool again)
{
	struct rng *rng = &t->world->rng;

	bool are_right = rng_chance(rng, 50);

	mend_all(t);
	run_all(t, again, are_right);
	town_run(t, WHOLE_AGAIN_US + VALID_US);
	settle_members(t);
	town_run(t, are_right ? SYNCED_US : WHOLE_AGAIN_US + VALID_US);
	sim_check(t->world, zone_await_all(t->hub, CONNECT_US), "not all are connected");
	town_check_same(t);
	zone_check_calls(t->world);
	town_check_same(t);
}

static void
set_weather(struct world *world)
{
	struct vnet_weather *weather = vnet_weather(world->net);
	struct rng *rng = &world->rng;

	weather->latency_max_us = rng_spread(rng, SIM_MS, 300 * SIM_MS);
	if (rng_chance(rng, 70))
		return;
	weather->breaks = 20;
	weather->silences = 10;
	weather->tiny_pieces = 20;
	weather->doom_bytes_max = rng_spread(rng, 1000, 60000);
}

static void
run_history(struct world *world, bool again)
{
	struct town t;
	struct rng *rng = &world->rng;
	unsigned count = (unsigned)rng_between(rng, 5, 60);
	uint64_t pause_us = rng_spread(rng, 100 * SIM_MS, 120 * SIM_S);

	town_make(&t, world);
	set_weather(world);
	for (size_t i = 0; i <= t.count; i++)
		town_set_clock(i < t.count ? t.device[i] : t.hub);
	for (unsigned i = 0; i < count; i++) {
		act(&t);
		town_run(&t, rng_below(rng, pause_us));
	}
	finish(&t, again);
}

static void
run_restarted(struct world *world)
{
	run_history(world, true);
}

static void
run_mended(struct world *world)
{
	run_history(world, false);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"restarted", 8, run_restarted},
		{"mended", 8, run_mended},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
