/*
 * Page 3: whatever fails at any time, a device is afterwards virgin or fully enrolled, the hub has
 * it as a member or does not, and a new code always works. Wrong codes enrol no device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "zone.h"

#define DEVICES_MAX 3
#define ROUNDS 6
/* A dead network is noticed within 75 s, back-off takes 72 s at most, a connection 15 s (page 5).
 */
#define WHOLE_AGAIN_US (162 * SIM_S)

struct plan {
	struct world *world;
	struct sim_node *hub;
	struct sim_node *device[DEVICES_MAX];
	bool has_left[DEVICES_MAX]; /* asked to leave: the hub may not have received it */
	bool is_slow[DEVICES_MAX];  /* its disk hangs for longer than anybody waits */
	size_t count;
};

static const char *const names[DEVICES_MAX] = {"phone", "laptop", "car"};

static bool
hub_knows(struct sim_node *hub, const char *device)
{
	json_t *list = sim_do(hub, "devices", json_object(), 10 * SIM_S), *one;
	bool found = false;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *name = json_string_value(json_object_get(one, "device"));
		if (name == NULL)
			name = json_string_value(json_object_get(one, "name"));
		found = found || (name && strcmp(name, device) == 0);
	}
	json_decref(list);
	return found;
}

static bool
is_virgin(const struct sim_node *device)
{
	return pz_node_state(device->node) == PZ_STATE_VIRGIN;
}

/* Nothing in between: all of it is there, or nothing. */
static void
check_whole(struct plan *plan, size_t i)
{
	struct sim_node *device = plan->device[i];
	size_t keys = sim_count_keys(device);

	if (is_virgin(device)) {
		sim_check(plan->world, keys == 0, "%s is virgin and has %zu keys left over",
			  device->name, keys);
	} else if (sim_is_enrolled(device)) {
		sim_check(plan->world, keys == 2, "%s is enrolled and has %zu keys", device->name,
			  keys);
		sim_check(plan->world, plan->has_left[i] || hub_knows(plan->hub, device->name),
			  "%s is enrolled, but its hub does not know it", device->name);
	} else {
		sim_fail(plan->world, "%s is still in state %s", device->name,
			 pz_state_text(pz_node_state(device->node)));
	}
}

/* The same where the disk hangs. A removal that it has refused while it was full is tried again
 * after a minute, and is as slow as before. */
static void
check_slow(struct plan *plan, size_t i)
{
	world_run(plan->world, 60 * SIM_S + 2 * plan->device[i]->commit_us);
	check_whole(plan, i);
}

static void
start_again(struct plan *plan)
{
	if (!plan->hub->is_running)
		sim_start(plan->hub);
	pz_memory_disk_fail_after(plan->hub->disk, SIZE_MAX);
	for (size_t i = 0; i < plan->count; i++) {
		if (!plan->device[i]->is_running)
			sim_start(plan->device[i]);
		pz_memory_disk_fail_after(plan->device[i]->disk, SIZE_MAX);
	}
}

/* ---- one attempt, with whatever goes wrong ---- */

static void
spoil_code(struct rng *rng, char *link)
{
	char *digits = strstr(link, "code=");
	size_t at = 5 + (size_t)rng_below(rng, 8);

	if (digits)
		digits[at] = (char)('0' + (digits[at] - '0' + 1 + (char)rng_below(rng, 9)) % 10);
}

static void
fill_a_disk(struct plan *plan, struct sim_node *device)
{
	struct rng *rng = &plan->world->rng;
	struct sim_node *node = rng_chance(rng, 50) ? plan->hub : device;

	sim_note(plan->world, "disk of %s is nearly full", node->name);
	pz_memory_disk_fail_after(node->disk, (size_t)rng_below(rng, 2));
}

/* Runs until the command is over; a crash comes after a random number of events. */
static void
run_with_crash(struct plan *plan, struct sim_call *call, struct sim_node *device)
{
	struct world *world = plan->world;
	struct sim_node *victim = rng_chance(&world->rng, 50) ? plan->hub : device;
	uint64_t events = rng_spread(&world->rng, 1, 400), until = world->now_us + SIM_MINUTE;

	while (!call->is_done && events-- > 0 && world_step(world, until))
		;
	if (call->is_done)
		return;
	if (rng_chance(&world->rng, 20))
		sim_stop(victim);
	else
		sim_crash(victim,
			  rng_chance(&world->rng, 60) ? VNET_DEATH_RESET : VNET_DEATH_SILENT);
	if (rng_chance(&world->rng, 70) && !victim->is_running)
		sim_start(victim);
	sim_await(call, SIM_MINUTE);
}

static void
check_outcome(struct plan *plan, const struct sim_call *call, struct sim_node *device,
	      bool is_wrong)
{
	sim_check(plan->world, call->is_done || call->is_lost, "enrol never ended");
	sim_check(plan->world, !is_wrong || is_virgin(device), "a wrong code has enrolled %s",
		  device->name);
	sim_check(plan->world, !call->is_done || call->err != PZ_OK || sim_is_enrolled(device),
		  "enrol has succeeded, but %s is not enrolled", device->name);
	sim_check(plan->world, call->err == PZ_OK || call->detail[0],
		  "enrol failed without a reason");
}

static void
try_to_enrol(struct plan *plan, size_t i)
{
	struct world *world = plan->world;
	struct sim_node *device = plan->device[i];
	char *link = zone_token(plan->hub);
	bool is_wrong = rng_chance(&world->rng, 20);

	if (is_wrong)
		spoil_code(&world->rng, link);
	if (rng_chance(&world->rng, 15))
		fill_a_disk(plan, device);
	struct sim_call *call = sim_command(device, "enrol", json_pack("{s:s}", "link", link));
	if (rng_chance(&world->rng, 60))
		run_with_crash(plan, call, device);
	else
		sim_await(call, SIM_MINUTE);
	start_again(plan);
	world_run(world, rng_between(&world->rng, 1, 3) * SIM_S);
	if (!plan->is_slow[i]) {
		check_outcome(plan, call, device, is_wrong);
		check_whole(plan, i);
	} else if (rng_chance(&world->rng, 50)) {
		check_slow(plan, i);
	}
	if (sim_is_enrolled(device))
		plan->has_left[i] = false;
	sim_call_free(call);
	free(link);
}

static void
try_to_leave(struct plan *plan, size_t i)
{
	struct world *world = plan->world;
	struct sim_node *device = plan->device[i];
	struct sim_call *call = sim_command(device, "leave", json_object());

	plan->has_left[i] = true;
	if (rng_chance(&world->rng, 50))
		run_with_crash(plan, call, device);
	else
		sim_await(call, SIM_MINUTE);
	start_again(plan);
	world_run(world, (plan->is_slow[i] ? 60 : rng_between(&world->rng, 1, 3)) * SIM_S);
	sim_check(world, !call->is_done || (call->err == PZ_OK && is_virgin(device)),
		  "%s has left, and is %s: %s", device->name,
		  pz_state_text(pz_node_state(device->node)), call->detail);
	check_whole(plan, i);
	sim_call_free(call);
}

/* ---- afterwards ---- */

static bool
is_settled(struct world *world, void *arg)
{
	const struct plan *plan = arg;

	(void)world;
	for (size_t i = 0; i < plan->count; i++)
		if (!sim_is_connected(plan->device[i]) && !is_virgin(plan->device[i]))
			return false;
	return true;
}

static void
mend_disks(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (!plan->is_slow[i])
			continue;
		check_slow(plan, i);
		sim_stop(plan->device[i]);
		plan->device[i]->commit_us = SIM_MS;
		plan->is_slow[i] = false;
		sim_start(plan->device[i]);
	}
}

static void
check_calm(struct plan *plan)
{
	struct world *world = plan->world;

	sim_note(world, "calm");
	vnet_calm(world->net);
	mend_disks(plan);
	world_run(world, 75 * SIM_S); /* who sits on a dead connection notices */
	sim_check(world, world_run_until(world, WHOLE_AGAIN_US, is_settled, plan),
		  "not every enrolled device has connected");
	for (size_t i = 0; i < plan->count; i++) {
		struct sim_node *device = plan->device[i];
		if (!is_virgin(device))
			continue;
		/* Who left while the hub could not be reached is still in its books. */
		if (plan->has_left[i] && hub_knows(plan->hub, device->name))
			json_decref(sim_do(plan->hub, "revoke",
					   json_pack("{s:s}", "device", device->name), 10 * SIM_S));
		plan->has_left[i] = false;
		zone_enrol(plan->hub, device);
	}
	sim_check(world, zone_await_all(plan->hub, WHOLE_AGAIN_US), "not all are connected");
	zone_check_calls(world);
	for (size_t i = 0; i < plan->count; i++)
		check_whole(plan, i);
	sim_check(world, sim_count_keys(plan->hub) == 2, "the hub has %zu keys",
		  sim_count_keys(plan->hub));
}

static void
run_breaks(struct world *world)
{
	struct plan plan = {.world = world, .hub = zone_make(world)};

	plan.count = (size_t)rng_between(&world->rng, 1, DEVICES_MAX);
	for (size_t i = 0; i < plan.count; i++) {
		plan.device[i] = world_add_device(world, names[i]);
		plan.is_slow[i] = rng_chance(&world->rng, 15);
		if (plan.is_slow[i])
			plan.device[i]->commit_us = rng_between(&world->rng, 20, 50) * SIM_S;
		sim_start(plan.device[i]);
	}
	*vnet_weather(world->net) = (struct vnet_weather){
		.latency_min_us = 100,
		.latency_max_us = rng_spread(&world->rng, SIM_MS, SIM_S),
		.tiny_pieces = (unsigned)rng_spread(&world->rng, 0, 60),
		.piece_max = (size_t)rng_spread(&world->rng, 16, 65536),
		.window_min = 64,
		.window_max = 65536,
		.breaks = 30,
		.silences = 7,
		.doom_bytes_max = 14000, /* a whole enrolment is about as long */
		.resolver_failures = 4,
	};
	for (int round = 0; round < ROUNDS; round++) {
		size_t i = (size_t)rng_below(&world->rng, plan.count);
		if (is_virgin(plan.device[i]))
			try_to_enrol(&plan, i);
		else if (sim_is_enrolled(plan.device[i]) && rng_chance(&world->rng, 40))
			try_to_leave(&plan, i);
		else
			world_run(world, 5 * SIM_S);
	}
	check_calm(&plan);
}

/* ---- wrong codes ---- */

static void
expect_refusal(struct sim_node *device, const char *link)
{
	struct sim_call *call = sim_command(device, "enrol", json_pack("{s:s}", "link", link));

	sim_await(call, SIM_MINUTE);
	sim_check(device->world, call->is_done && call->err != PZ_OK,
		  "a useless code has enrolled %s", device->name);
	sim_call_free(call);
	world_run(device->world, SIM_S);
	sim_check(device->world, is_virgin(device) && sim_count_keys(device) == 0,
		  "%s is not as it was before the refusal", device->name);
}

/* Page 3: 5 attempts of one address, which hinder no other one; 10 minutes, single use. */
static void
run_codes(struct world *world)
{
	struct sim_node *hub = zone_make(world), *thief = world_add_device(world, "thief");
	struct sim_node *owner = world_add_device(world, "owner");
	unsigned guesses = (unsigned)rng_below(&world->rng, 8);
	bool is_late = rng_chance(&world->rng, 25);
	char *link = zone_token(hub), *wrong;

	sim_start(thief);
	sim_start(owner);
	for (unsigned i = 0; i < guesses; i++) {
		wrong = strdup(link);
		spoil_code(&world->rng, wrong);
		expect_refusal(thief, wrong);
		free(wrong);
	}
	if (is_late)
		world_run(world, 601 * SIM_S);
	if (is_late)
		expect_refusal(owner, link);
	else
		json_decref(sim_do(owner, "enrol", json_pack("{s:s}", "link", link), SIM_MINUTE));
	expect_refusal(thief, link); /* dead or used: of no use to anybody */
	free(link);
	if (is_virgin(owner))
		zone_enrol(hub, owner);
	link = zone_token(hub);
	struct sim_call *call = sim_command(
		thief, "enrol", json_pack("{s:s, s:s}", "link", link, "device", owner->name));
	sim_await(call, SIM_MINUTE);
	sim_check(world, call->is_done && call->err != PZ_OK, "a taken name was enrolled again");
	sim_call_free(call);
	free(link);
	zone_enrol(hub, thief);
	sim_check(world, zone_await_all(hub, SIM_MINUTE), "not all are connected");
	zone_check_calls(world);
}

/* ---- two machines, one name ---- */

static bool
is_stored(struct world *world, void *arg)
{
	(void)world;
	return sim_is_enrolled(arg);
}

struct twins {
	struct sim_node *hub, *first, *second;
};

static bool
is_decided(struct world *world, void *arg)
{
	const struct twins *t = arg;

	(void)world;
	return sim_is_connected(t->first) != sim_is_connected(t->second);
}

static void
check_one(struct twins *t, struct sim_node *other)
{
	struct world *world = t->hub->world;

	sim_check(world, world_run_until(world, WHOLE_AGAIN_US, is_decided, t),
		  "%s are connected under one name",
		  sim_is_connected(t->first) ? "both devices" : "neither of two devices");
	world_run(world, 100 * SIM_S);
	sim_check(world, is_decided(world, t), "it did not last");
	struct sim_call *call = zone_call(other, "phone", "which");
	sim_await(call, SIM_MINUTE);
	sim_check(world, zone_is_answered(call, "which"), "phone does not answer: %d",
		  zone_error_code(call));
	sim_call_free(call);
}

/*
 * The first of two is enrolled, but has no link yet: its name is still free. While the hub stores
 * the second, the first comes back. One of them is the device, also after the hub has started
 * again.
 */
static void
run_twins(struct world *world)
{
	struct twins t = {.hub = zone_make(world)};
	struct sim_node *other = zone_add(t.hub, "laptop");

	sim_stop(t.hub);
	t.hub->commit_us = rng_spread(&world->rng, 100 * SIM_MS, 3 * SIM_S);
	sim_start(t.hub);
	t.first = world_add_device(world, "phone");
	t.second = world_add_device(world, "phone-2");
	sim_start(t.first);
	sim_start(t.second);
	char *link = zone_token(t.hub);
	struct sim_call *call = sim_command(t.first, "enrol", json_pack("{s:s}", "link", link));
	free(link);
	sim_check(world, world_run_until(world, SIM_MINUTE, is_stored, t.first), "not enrolled");
	vnet_partition(world->net, t.hub->host, t.first->host, true);
	world_run(world, rng_below(&world->rng, 20 * SIM_S));
	sim_call_free(call);
	link = zone_token(t.hub);
	call = sim_command(t.second, "enrol",
			   json_pack("{s:s, s:s}", "link", link, "device", "phone"));
	free(link);
	sim_await(call, rng_below(&world->rng, 6 * SIM_S));
	vnet_partition(world->net, t.hub->host, t.first->host, false);
	pz_node_network_changed(t.first->node);
	sim_await(call, SIM_MINUTE);
	sim_check(world, call->is_done && (call->err == PZ_OK || is_virgin(t.second)),
		  "the second enrolment has no clear end");
	sim_call_free(call);
	check_one(&t, other);
	sim_crash(t.hub, VNET_DEATH_RESET);
	sim_start(t.hub);
	check_one(&t, other);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"breaks", 90, run_breaks},
		{"codes", 30, run_codes},
		{"twins", 30, run_twins},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
