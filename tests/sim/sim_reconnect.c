/*
 * Page 5: whatever happens to hub, devices and network, after the repair all devices are connected
 * within the times of that page, every change of state was an edge of the table (node.c checks
 * that), and every call has ended exactly once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "rpc/error.h"
#include "zone.h"

#define DEVICES 3
#define CALLS_MAX 400
#define NOTICED_US (75 * SIM_S)  /* "a dead network is noticed within 75 s" */
#define BACK_OFF_US (72 * SIM_S) /* 60 s and 20 % */
#define CONNECT_US (15 * SIM_S)
#define WHOLE_AGAIN_US (NOTICED_US + BACK_OFF_US + CONNECT_US)
#define CALL_US (33 * SIM_S) /* 30 s, and the search for the service before */

static const char *const names[DEVICES] = {"phone", "laptop", "car"};

struct storm {
	struct world *world;
	struct sim_node *hub, *device[DEVICES];
	bool is_cut[DEVICES];
	struct sim_call *call[CALLS_MAX];
	char text[CALLS_MAX][24];
	size_t calls;
};

/* ---- calls in the storm ---- */

static void
check_ended_call(struct storm *s, size_t i)
{
	const struct sim_call *call = s->call[i];
	int code = zone_error_code(call);

	sim_check(s->world, call->err == PZ_OK, "a call has failed as a command: %s", call->detail);
	sim_check(s->world,
		  zone_is_answered(call, s->text[i]) || code == PZ_RPC_UNREACHABLE ||
			  code == PZ_RPC_CONGESTED || code == PZ_RPC_TIMED_OUT,
		  "call %s ended with neither its answer nor an error of the network: %d",
		  s->text[i], code);
}

/* Ended calls are looked at once and forgotten; none may be overdue. */
static void
check_calls(struct storm *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->calls; i++) {
		struct sim_call *call = s->call[i];
		if (call->is_done)
			check_ended_call(s, i);
		else
			sim_check(s->world,
				  call->is_lost || s->world->now_us - call->started_us <= CALL_US,
				  "call %s of %s has not ended after %.1f s", s->text[i],
				  call->node->name,
				  (double)(s->world->now_us - call->started_us) / (double)SIM_S);
		if (call->is_done || call->is_lost) {
			sim_call_free(call);
			continue;
		}
		s->call[kept] = call;
		memmove(s->text[kept++], s->text[i], sizeof(s->text[i]));
	}
	s->calls = kept;
}

static void
call_somebody(struct storm *s)
{
	struct rng *rng = &s->world->rng;
	struct sim_node *from = s->device[rng_below(rng, DEVICES)];
	const char *to = names[rng_below(rng, DEVICES)];

	if (!from->is_running || s->calls == CALLS_MAX || strcmp(from->name, to) == 0)
		return;
	snprintf(s->text[s->calls], sizeof(s->text[0]), "%08x", (unsigned)rng_next(rng));
	s->call[s->calls] = zone_call(from, to, s->text[s->calls]);
	s->calls++;
}

static struct sim_call *
listen_to_somebody(struct storm *s, size_t from)
{
	char service[64];

	snprintf(service, sizeof(service), "http://webinos.org/api/test@%s",
		 names[(from + 1) % DEVICES]);
	return sim_command(s->device[from], "call",
			   json_pack("{s:s, s:s, s:[{s:b}], s:b}", "service", service, "function",
				     "listenAttr.listenFor42", "params", "repeat", 1, "stream", 1));
}

/* ---- what happens ---- */

static void
hit_node(struct storm *s, struct sim_node *node)
{
	struct rng *rng = &s->world->rng;

	if (!node->is_running)
		sim_start(node);
	else if (rng_chance(rng, 25))
		sim_stop(node);
	else
		sim_crash(node, rng_chance(rng, 50) ? VNET_DEATH_RESET : VNET_DEATH_SILENT);
}

static void
hit_network(struct storm *s, size_t i)
{
	struct rng *rng = &s->world->rng;
	struct vhost *device = s->device[i]->host;

	if (rng_chance(rng, 50)) {
		s->is_cut[i] = !s->is_cut[i];
		sim_note(s->world, "%s is %s", s->device[i]->name,
			 s->is_cut[i] ? "cut off" : "back");
		vnet_partition(s->world->net, s->hub->host, device, s->is_cut[i]);
		return;
	}
	bool silently = rng_chance(rng, 40);
	if (vnet_break_one(s->world->net, s->hub->host, device, silently))
		sim_note(s->world, "the connection of %s %s", s->device[i]->name,
			 silently ? "falls silent" : "breaks");
}

static void
hit(struct storm *s)
{
	struct rng *rng = &s->world->rng;
	size_t i = (size_t)rng_below(rng, DEVICES);
	unsigned what = (unsigned)rng_below(rng, 10);

	if (what < 2)
		hit_node(s, s->hub);
	else if (what < 4)
		hit_node(s, s->device[i]);
	else if (what < 8)
		hit_network(s, i);
	else if (s->device[i]->is_running)
		pz_node_network_changed(s->device[i]->node);
	if (rng_chance(rng, 50) && !s->hub->is_running)
		sim_start(s->hub);
}

static void
mend(struct storm *s)
{
	sim_note(s->world, "whole again");
	vnet_calm(s->world->net);
	if (!s->hub->is_running)
		sim_start(s->hub);
	for (size_t i = 0; i < DEVICES; i++) {
		if (s->is_cut[i])
			vnet_partition(s->world->net, s->hub->host, s->device[i]->host, false);
		if (!s->device[i]->is_running)
			sim_start(s->device[i]);
	}
}

static void
make_zone(struct storm *s, struct world *world)
{
	*s = (struct storm){.world = world, .hub = zone_make(world)};
	for (size_t i = 0; i < DEVICES; i++)
		s->device[i] = zone_add(s->hub, names[i]);
}

static void
run_storms(struct world *world)
{
	struct storm s;
	struct sim_call *stream[DEVICES];
	unsigned hits = (unsigned)rng_between(&world->rng, 5, 30);
	uint64_t pause_us = rng_spread(&world->rng, 3 * SIM_S, 90 * SIM_S);

	make_zone(&s, world);
	for (size_t i = 0; i < DEVICES; i++)
		stream[i] = listen_to_somebody(&s, i);
	vnet_weather(world->net)->latency_max_us = rng_spread(&world->rng, SIM_MS, SIM_S);
	vnet_weather(world->net)->breaks = 30;
	vnet_weather(world->net)->silences = 5;
	vnet_weather(world->net)->doom_bytes_max = 30000;
	vnet_weather(world->net)->resolver_failures = 10;
	while (hits-- > 0) {
		hit(&s);
		for (unsigned n = (unsigned)rng_below(&world->rng, 4); n > 0; n--) {
			call_somebody(&s);
			world_run(world, rng_below(&world->rng, pause_us / 3));
			check_calls(&s);
		}
		world_run(world, rng_below(&world->rng, pause_us));
	}
	mend(&s);
	sim_check(world, zone_await_all(s.hub, WHOLE_AGAIN_US),
		  "not all are connected %.0f s after everything was whole again",
		  (double)WHOLE_AGAIN_US / (double)SIM_S);
	/* Who sits on a dead connection notices, too. */
	world_run(world, NOTICED_US);
	check_calls(&s);
	sim_check(world, zone_await_all(s.hub, BACK_OFF_US + CONNECT_US), "not all are connected");
	zone_check_calls(world);
	check_calls(&s);
	sim_check(world, s.calls == 0, "%zu calls have not ended", s.calls);
	for (size_t i = 0; i < DEVICES; i++)
		sim_call_free(stream[i]);
}

/* ---- one silence, with the clock in hand ---- */

struct pair {
	struct sim_node *hub, *device;
	unsigned changes; /* of the device's state, before; 0: its coming back proves nothing */
};

static bool
device_noticed(struct world *world, void *arg)
{
	const struct pair *p = arg;

	(void)world;
	return !p->device->is_running || !sim_is_connected(p->device) ||
	       (p->changes && p->device->changes != p->changes);
}

static bool
hub_noticed(struct world *world, void *arg)
{
	const struct pair *p = arg;

	(void)world;
	/* A newer link of the device takes the place of the dead one at once. */
	return !p->hub->is_running || sim_hub_links(p->hub) == DEVICES - 1 ||
	       (p->changes && p->device->changes != p->changes && sim_is_connected(p->device));
}

static bool
is_back(struct world *world, void *arg)
{
	const struct pair *p = arg;

	(void)world;
	return sim_is_connected(p->device);
}

enum silence { CUT_OFF, DEAD_CONNECTION, DEVICE_POWER_CUT, HUB_POWER_CUT, SILENCES };

static void
silence(struct storm *s, struct pair *p, enum silence what)
{
	switch (what) {
	case CUT_OFF:
		vnet_partition(s->world->net, p->hub->host, p->device->host, true);
		break;
	case DEAD_CONNECTION:
		(void)vnet_break_one(s->world->net, p->hub->host, p->device->host, true);
		break;
	case DEVICE_POWER_CUT:
		sim_crash(p->device, VNET_DEATH_SILENT);
		break;
	case HUB_POWER_CUT:
		sim_crash(p->hub, VNET_DEATH_SILENT);
		break;
	case SILENCES:
		break;
	}
}

static void
unsilence(struct storm *s, struct pair *p, enum silence what)
{
	if (what == CUT_OFF)
		vnet_partition(s->world->net, p->hub->host, p->device->host, false);
	if (!p->device->is_running)
		sim_start(p->device);
	if (!p->hub->is_running)
		sim_start(p->hub);
}

/* Traffic or not, both sides notice in time. */
static void
check_noticed(struct storm *s, struct pair *p, bool (*noticed)(struct world *world, void *arg),
	      uint64_t begun_us, const char *who)
{
	while (!noticed(s->world, p)) {
		uint64_t passed = s->world->now_us - begun_us;
		sim_check(s->world, passed < NOTICED_US,
			  "%s has not noticed the silence after 75 s", who);
		if (rng_chance(&s->world->rng, 30))
			call_somebody(s);
		world_run_until(s->world, SIM_S, noticed, p);
		check_calls(s);
	}
	sim_note(s->world, "%s noticed after %.1f s", who,
		 (double)(s->world->now_us - begun_us) / (double)SIM_S);
}

static void
run_silence(struct world *world)
{
	struct storm s;
	struct pair p;
	enum silence what = (enum silence)rng_below(&world->rng, SILENCES);

	make_zone(&s, world);
	p = (struct pair){.hub = s.hub, .device = s.device[rng_below(&world->rng, DEVICES)]};
	world_run(world, rng_below(&world->rng, 300 * SIM_S));
	if (what == DEAD_CONNECTION)
		p.changes = p.device->changes;
	sim_note(world, "silence %d of %s", (int)what, p.device->name);
	uint64_t begun_us = world->now_us;
	silence(&s, &p, what);
	if (rng_chance(&world->rng, 50)) {
		check_noticed(&s, &p, device_noticed, begun_us, p.device->name);
		check_noticed(&s, &p, hub_noticed, begun_us, "the hub");
	} else {
		check_noticed(&s, &p, hub_noticed, begun_us, "the hub");
		if (p.device->is_running && sim_is_connected(p.device))
			check_noticed(&s, &p, device_noticed, begun_us, p.device->name);
	}
	world_run(world, rng_spread(&world->rng, 0, 300 * SIM_S));
	check_calls(&s);
	unsilence(&s, &p, what);
	sim_check(world, world_run_until(world, BACK_OFF_US + CONNECT_US, is_back, &p),
		  "%s is not connected again in time", p.device->name);
	world_run(world, CALL_US);
	check_calls(&s);
	sim_check(world, zone_await_all(s.hub, WHOLE_AGAIN_US), "not all are connected");
	zone_check_calls(world);
}

/* A hub that is killed is noticed at once; so is, by the others, a device. */
static void
run_killed(struct world *world)
{
	struct storm s;

	make_zone(&s, world);
	world_run(world, rng_below(&world->rng, 100 * SIM_S));
	struct sim_call *call = zone_call(s.device[0], names[1], "x");
	if (rng_chance(&world->rng, 50))
		sim_crash(s.device[1], VNET_DEATH_RESET);
	else
		sim_crash(s.hub, VNET_DEATH_RESET);
	sim_await(call, SIM_S);
	sim_check(world, call->is_done && zone_error_code(call) == PZ_RPC_UNREACHABLE,
		  "a call to a killed device is not unreachable within a second: %d",
		  zone_error_code(call));
	sim_call_free(call);
	world_run(world, SIM_S);
	for (size_t i = 0; i < DEVICES; i++)
		sim_check(world, s.hub->is_running || !sim_is_connected(s.device[i]),
			  "%s has not noticed that its hub was killed", names[i]);
	call = zone_call(s.device[0], names[1], "y");
	sim_await(call, SIM_S);
	sim_check(world, call->is_done && zone_error_code(call) == PZ_RPC_UNREACHABLE,
		  "a call to a device that is gone is not unreachable at once: %d",
		  zone_error_code(call));
	sim_call_free(call);
	mend(&s);
	sim_check(world, zone_await_all(s.hub, 20 * SIM_S), "not all are connected again");
	zone_check_calls(world);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"storms", 70, run_storms},
		{"silence", 50, run_silence},
		{"killed", 20, run_killed},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
