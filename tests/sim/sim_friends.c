/*
 * Page 6 "Friends", page 9, 10: three zones whose owners become friends, share and end the
 * friendship, with partitions, crashes of hubs and devices, and moves of hubs; devices have the
 * same names in each zone. At any time: no request of another zone is executed on a device that
 * does not know that zone as a friend, or where neither its newest policy shares the service with
 * the caller nor a grant of its own does; and a device learns of another zone's devices and
 * services only what the policy of that zone shows (learning.h). At the end: only what is shared
 * works, and a device knows about another zone exactly what its policy shows.
 */
#include <stdio.h>

#include "friends_check.h"
#include "friends_moving.h"
#include "friends_pairing.h"
#include "harness.h"
#include "moving.h"

#define MOVES_MAX 6

/* ---- what happens ---- */

static void
do_call(struct scene *s)
{
	struct sim_node *from = friends_any_device(s);
	size_t zone = friends_any_zone(s);

	if (!from->is_running || s->count == CALLS_MAX)
		return;
	learning_called(&s->learning, from, zone);
	s->calls[s->count++] = friends_begin_call(from, zone, rng_below(&s->world->rng, DEVICES));
}

static void
do_search(struct scene *s)
{
	size_t zone = friends_any_zone(s), device = rng_below(&s->world->rng, DEVICES);

	if (s->device[zone][device]->is_running)
		learning_search(&s->learning, zone, device, friends_any_zone(s));
}

/* From one device, to a zone that is its friend or not. */
static void
do_grant(struct scene *s)
{
	const char *zone = friends_zones[friends_any_zone(s)];

	friends_ask(s, friends_any_device(s),
		    rng_chance(&s->world->rng, 60) ? "grant" : "grant-remove",
		    json_pack("{s:s, s:s}", "zone", zone, "api", API));
}

static void
do_befriend(struct scene *s)
{
	size_t a = friends_any_zone(s), b = friends_any_zone(s);

	if (a != b)
		friends_befriend(s, a, b);
}

static void
do_part(struct scene *s)
{
	size_t a = friends_any_zone(s), b = friends_any_zone(s);

	if (a != b && rng_chance(&s->world->rng, 40))
		friends_ask(s, s->hub[a], "friend-remove",
			    json_pack("{s:s}", "friend", friends_zones[b]));
}

static void
do_cut_or_mend(struct scene *s)
{
	size_t a = friends_any_zone(s), b = friends_any_zone(s);
	bool on = rng_chance(&s->world->rng, 45);

	if (a == b)
		world_partition(s->hub[a], s->device[a][rng_below(&s->world->rng, DEVICES)], on);
	else
		world_partition(s->hub[a], s->hub[b], on);
}

static void
do_crash_or_start(struct scene *s)
{
	struct sim_node *node = rng_chance(&s->world->rng, 30) ? s->hub[friends_any_zone(s)]
							       : friends_any_device(s);

	if (node->is_running)
		sim_crash(node, VNET_DEATH_RESET);
	else
		sim_start(node);
}

/* Also while devices and friends are away, which miss the notice. */
static void
do_move(struct scene *s)
{
	size_t zone = friends_any_zone(s);
	char host[32];

	if (!s->hub[zone]->is_running || s->moves == MOVES_MAX || !rng_chance(&s->world->rng, 40))
		return;
	snprintf(host, sizeof(host), "hub%zu-%zu.example", zone, ++s->moves);
	s->hub[zone] = moving_move(s->hub[zone], friends_zones[zone], host);
	s->learning.hub[zone] = s->hub[zone];
}

/* So that the policies alone say what works in the end. */
static void
take_all_back(struct scene *s)
{
	for (size_t n = 0; n < ZONES * DEVICES * ZONES; n++)
		friends_ask(s, s->device[n / DEVICES % ZONES][n % DEVICES], "grant-remove",
			    json_pack("{s:s, s:s}", "zone", friends_zones[n / DEVICES / ZONES],
				      "api", API));
}

static void
live(struct scene *s, void (*const *deeds)(struct scene *s), size_t count)
{
	for (unsigned i = 0; i < 70; i++) {
		deeds[rng_below(&s->world->rng, count)](s);
		(void)world_run_until(s->world, rng_below(&s->world->rng, 10 * SIM_S),
				      learning_look, &s->learning);
	}
}

static void
run_history(struct world *world)
{
	static void (*const deeds[])(struct scene * s) = {
		do_call,           do_call,       do_call,     do_call, do_call,
		do_search,         friends_share, do_befriend, do_part, do_cut_or_mend,
		do_crash_or_start, do_grant,      do_move,
	};
	struct scene s;

	if (rng_chance(&world->rng, 50)) /* else devices have no addresses */
		world_add_lan(world);
	friends_make(&s, world);
	friends_befriend(&s, 0, 1);
	live(&s, deeds, sizeof(deeds) / sizeof(deeds[0]));
	friends_make_whole(&s);
	take_all_back(&s);
	friends_share(&s);
	world_run(world, 10 * SIM_S);
	friends_check_end(&s);
	sim_check(world, s.executed > 0, "no call was executed");
	friends_end(&s);
}

/* Without anything that goes wrong: a friend, a share, a call, the end. */
static void
run_friendship(struct world *world)
{
	struct scene s;
	char text[8192];

	friends_make(&s, world);
	friends_befriend(&s, 0, 1);
	friends_befriend(&s, 1, 2);
	world_run(world, 10 * SIM_S);
	sim_check(world,
		  friends_are_both(&s, 0, 1) && friends_are_both(&s, 1, 2) &&
			  !friends_are(&s, 0, 2),
		  "two friendships were made");
	for (size_t zone = 0; zone < ZONES; zone++) {
		friends_write_policy(&s, zone, text, sizeof(text));
		friends_ask(&s, s.hub[zone], "policy-set", json_pack("{s:s}", "document", text));
	}
	world_run(world, 5 * SIM_S);
	friends_check_end(&s);
	friends_ask(&s, s.hub[0], "friend-remove", json_pack("{s:s}", "friend", friends_zones[1]));
	world_run(world, 5 * SIM_S);
	sim_check(world, !friends_are(&s, 0, 1) && !friends_are(&s, 1, 0),
		  "the friendship did not end at both zones");
	friends_check_end(&s);
	friends_end(&s);
}

/* At one table, with no hub but those that start again. */
static void
run_grants(struct world *world)
{
	static void (*const deeds[])(struct scene * s) = {
		do_call,  do_call, do_call,        do_call,           do_grant,      do_grant,
		do_grant, do_part, do_cut_or_mend, do_crash_or_start, friends_share, do_search,
	};
	struct scene s;

	world_add_lan(world);
	friends_make(&s, world);
	for (size_t zone = 0; zone < ZONES; zone++)
		sim_crash(s.hub[zone], VNET_DEATH_RESET);
	for (size_t i = 0; i < DEVICES; i++) {
		friends_pair(&s, s.device[0][i], s.device[1][i], (const bool[]){true, true});
		friends_pair(&s, s.device[1][i], s.device[2][i], (const bool[]){true, true});
	}
	live(&s, deeds, sizeof(deeds) / sizeof(deeds[0]));
	friends_end(&s);
}

static size_t
count_found(struct sim_node *node, size_t zone)
{
	json_t *list = sim_do(node, "services", json_pack("{s:s}", "zone", friends_zones[zone]),
			      SIM_MINUTE);
	size_t count = json_array_size(list);

	json_decref(list);
	return count;
}

/* Hubs are there, and show nothing: what one device grants is found by the friend's devices on its
 * network, by a link that a search makes once; and no other service is. */
static void
run_granted(struct world *world)
{
	struct sim_node *from, *to;
	struct scene s;

	world_add_lan(world);
	friends_make(&s, world);
	friends_befriend(&s, 0, 1);
	friends_befriend(&s, 0, 2);
	world_run(world, 10 * SIM_S);
	to = s.device[0][rng_below(&world->rng, DEVICES)];
	from = s.device[1][rng_below(&world->rng, DEVICES)];
	sim_check(world, count_found(from, 0) == 0, "something is found that is not granted");
	json_decref(sim_do(to, "grant",
			   json_pack("{s:s, s:s}", "zone", friends_zones[1], "api", API),
			   SIM_MINUTE));
	world_run(world, SIM_S);
	for (size_t i = 0; i < 3; i++)
		sim_check(world, count_found(from, 0) == 1, "what is granted is not found");
	struct sim_call *call = friends_begin_call(from, 0, to == s.device[0][1]);
	sim_check(world,
		  sim_await(call, SIM_MINUTE) &&
			  json_is_true(json_object_get(call->result, "result")),
		  "what is granted and found is not called: %s", call->detail);
	sim_call_free(call);
	sim_check(world, count_found(s.device[2][0], 0) == 0 && s.by_grant == 1,
		  "another friend finds something");
	friends_end(&s);
}

/* The same without a search: the call looks for the device that it names. */
static void
run_granted_call(struct world *world)
{
	struct scene s;

	world_add_lan(world);
	friends_make(&s, world);
	friends_befriend(&s, 0, 1);
	world_run(world, 10 * SIM_S);
	json_decref(sim_do(s.device[0][0], "grant",
			   json_pack("{s:s, s:s}", "zone", friends_zones[1], "api", API),
			   SIM_MINUTE));
	struct sim_call *call = friends_begin_call(s.device[1][0], 0, 0);
	sim_check(world,
		  sim_await(call, SIM_MINUTE) &&
			  json_is_true(json_object_get(call->result, "result")),
		  "what is granted is not called: %s", call->detail);
	sim_call_free(call);
	friends_end(&s);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"pairing", 2, friends_run_pairing},
		{"pairing-crash", 4, friends_run_pairing_crash},
		{"pairing-full", 2, friends_run_pairing_full},
		{"friendship", 8, run_friendship},
		{"histories", 4, run_history},
		{"grants", 4, run_grants},
		{"broken-move", 4, friends_run_broken_move},
		{"granted", 3, run_granted},
		{"granted-call", 2, run_granted_call},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
