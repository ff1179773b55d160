#include "friends_pairing.h"

#include <stdio.h>
#include <string.h>

#include "friends_check.h"
#include "pzp/internal.h"

struct pairing_end {
	struct sim_call *window;
	char digits[8];
	struct sim_call *answer;
};

static void
on_window(struct sim_call *call, json_t *event)
{
	struct pairing_end *pe = call->arg;
	const char *digits = json_string_value(json_object_get(event, "digits"));

	if (digits)
		snprintf(pe->digits, sizeof(pe->digits), "%s", digits);
}

static bool
has_digits(struct world *world, void *arg)
{
	const struct pairing_end *pe = arg;

	(void)world;
	return pe[0].digits[0] && pe[1].digits[0];
}

/* Two people side by side compare what their screens show, and both say yes.
 * @param remember of each */
static void
say_yes(struct scene *s, struct sim_node *const nodes[2], const bool remember[2],
	struct pairing_end pe[2])
{
	for (size_t i = 0; i < 2; i++)
		pe[i].window = sim_command_events(nodes[i], "pair",
						  json_pack("{s:b}", "remember", (int)remember[i]),
						  on_window, &pe[i]);
	sim_check(s->world, world_run_until(s->world, 2 * SIM_MINUTE, has_digits, pe),
		  "no digits are shown: %s", pe[0].window->detail);
	sim_check(s->world, strcmp(pe[0].digits, pe[1].digits) == 0, "the digits differ: %s, %s",
		  pe[0].digits, pe[1].digits);
	for (size_t i = 0; i < 2; i++)
		pe[i].answer = sim_command(nodes[i], "pair-answer",
					   json_pack("{s:s, s:b}", "digits", pe[i].digits,
						     "remember", (int)remember[i]));
}

static void
end_pairing(struct pairing_end pe[2])
{
	for (size_t i = 0; i < 2; i++) {
		sim_call_free(pe[i].answer);
		sim_call_free(pe[i].window);
	}
}

void
friends_pair(struct scene *s, struct sim_node *one, struct sim_node *other, const bool remember[2])
{
	struct sim_node *const nodes[2] = {one, other};
	struct pairing_end pe[2] = {{.window = NULL}, {.window = NULL}};

	say_yes(s, nodes, remember, pe);
	for (size_t i = 0; i < 2; i++) {
		bool is_over = sim_await(pe[i].window, SIM_MINUTE);
		const json_t *result = pe[i].window->result;
		sim_check(s->world,
			  is_over && json_is_true(json_object_get(result, "trusted")) &&
				  json_is_true(json_object_get(result, "remembered")) ==
					  (remember[0] && remember[1]),
			  "%s has not paired: %s", nodes[i]->name, pe[i].window->detail);
	}
	end_pairing(pe);
}

static bool
is_told(const struct pairing_end *pe, const char *what)
{
	return json_is_true(json_object_get(pe->window->result, what));
}

/* Also the other devices of that zone, and after a restart. */
static bool
knows(struct sim_node *node, const char *zone)
{
	const struct pz_friend *f = pz_device_zone_friend(&node->node->zone, pz_slice_str(zone));

	return f && f->only[0] == '\0';
}

static const uint8_t *
secret_of(const struct sim_node *node, size_t zone)
{
	return pz_device_zone_friend(&node->node->zone, pz_slice_str(friends_zones[zone]))->secret;
}

/* One of them dies when both have said yes: before, while, or after it is stored. */
static void
crash_in_pairing(struct scene *s, struct sim_node *const nodes[2])
{
	struct pairing_end pe[2] = {{.window = NULL}, {.window = NULL}};

	say_yes(s, nodes, (const bool[]){true, true}, pe);
	world_run(s->world, rng_below(&s->world->rng, 4 * nodes[0]->commit_us + 20 * SIM_MS));
	bool was_told = is_told(&pe[0], "remembered");
	sim_crash(nodes[0], rng_chance(&s->world->rng, 50) ? VNET_DEATH_RESET : VNET_DEATH_SILENT);
	sim_check(s->world, sim_await(pe[1].window, 3 * SIM_MINUTE), "%s waits for ever",
		  nodes[1]->name);
	sim_start(nodes[0]);
	world_run(s->world, SIM_S);
	sim_check(s->world, is_told(&pe[1], "remembered") == knows(nodes[1], friends_zones[0]),
		  "%s reports what is not so", nodes[1]->name);
	sim_check(s->world,
		  knows(nodes[0], friends_zones[1]) ||
			  !(was_told || knows(nodes[1], friends_zones[0])),
		  "%s has lost the friend that was reported to be remembered", nodes[0]->name);
	end_pairing(pe);
	friends_pair(s, nodes[0], nodes[1],
		     (const bool[]){true, true}); /* mends what one side has lost */
	sim_check(s->world,
		  knows(nodes[0], friends_zones[1]) && knows(nodes[1], friends_zones[0]) &&
			  memcmp(secret_of(nodes[0], 1), secret_of(nodes[1], 0), 32) == 0,
		  "the secrets differ");
}

void
friends_run_pairing_crash(struct world *world)
{
	struct scene s;

	world_add_lan(world);
	friends_make(&s, world);
	for (size_t zone = 0; zone < ZONES; zone++)
		sim_crash(s.hub[zone], VNET_DEATH_RESET);
	for (size_t i = 0; i < 2; i++)
		s.device[i][0]->commit_us = rng_below(&world->rng, 50 * SIM_MS);
	for (size_t i = 0; i < 2; i++) { /* as from now on */
		sim_crash(s.device[i][0], VNET_DEATH_RESET);
		sim_start(s.device[i][0]);
	}
	crash_in_pairing(&s, (struct sim_node *const[]){s.device[0][0], s.device[1][0]});
	friends_end(&s);
}

/* Trusted for this session by both, remembered by neither, and each person learns why. */
void
friends_run_pairing_full(struct world *world)
{
	struct pairing_end pe[2] = {{.window = NULL}, {.window = NULL}};
	size_t full = rng_below(&world->rng, 2);
	struct scene s;

	world_add_lan(world);
	friends_make(&s, world);
	for (size_t zone = 0; zone < ZONES; zone++)
		sim_crash(s.hub[zone], VNET_DEATH_RESET);
	struct sim_node *const nodes[2] = {s.device[0][0], s.device[1][0]};
	pz_memory_disk_fail_after(nodes[full]->disk, 0);
	say_yes(&s, nodes, (const bool[]){true, true}, pe);
	for (size_t i = 0; i < 2; i++) {
		bool is_over = sim_await(pe[i].window, SIM_MINUTE);
		const char *reason =
			json_string_value(json_object_get(pe[i].window->result, "reason"));
		sim_check(world,
			  is_over && is_told(&pe[i], "trusted") && !is_told(&pe[i], "remembered"),
			  "%s: %s", nodes[i]->name, pe[i].window->detail);
		sim_check(world,
			  strstr(reason, i == full ? "this device cannot store it"
						   : "the other device cannot store it") != NULL,
			  "%s: %s", nodes[i]->name, reason);
		sim_check(world,
			  pz_device_zone_friend(&nodes[i]->node->zone,
						pz_slice_str(friends_zones[1 - i])) != NULL &&
				  !knows(nodes[i], friends_zones[1 - i]),
			  "%s does not trust for this session alone", nodes[i]->name);
	}
	end_pairing(pe);
	pz_memory_disk_fail_after(nodes[full]->disk, SIZE_MAX);
	friends_pair(&s, nodes[0], nodes[1], (const bool[]){true, true});
	friends_make_whole(&s);
	sim_check(world, friends_are_both(&s, 0, 1), "pairing again does not mend it");
	friends_end(&s);
}

void
friends_run_pairing(struct world *world)
{
	struct scene s;

	world_add_lan(world);
	friends_make(&s, world);
	for (size_t zone = 0; zone < ZONES; zone++)
		sim_crash(s.hub[zone], VNET_DEATH_RESET);
	friends_pair(&s, s.device[0][0], s.device[1][0], (const bool[]){true, true});
	friends_pair(&s, s.device[1][1], s.device[2][0],
		     (const bool[]){rng_chance(&world->rng, 50), false});
	sim_check(world, friends_are_both(&s, 0, 1), "what both remember is no friendship");
	sim_check(world,
		  pz_device_zone_friend(&s.device[2][0]->node->zone,
					pz_slice_str(friends_zones[1])) != NULL,
		  "a device is not trusted for this session");
	/* At once: what was reported as remembered is on the disk. */
	sim_crash(s.device[2][0], VNET_DEATH_RESET);
	sim_crash(s.device[0][0], VNET_DEATH_RESET);
	friends_make_whole(&s);
	sim_check(world,
		  friends_are_both(&s, 0, 1) && !friends_are(&s, 2, 1) && !friends_are(&s, 0, 2),
		  "friends are not those whose owners remember each other");
	for (size_t zone = 0; zone < 2; zone++)
		sim_check(world,
			  pz_device_zone_friend(&s.device[zone][1]->node->zone,
						pz_slice_str(friends_zones[1 - zone])) != NULL,
			  "the other device of %s does not know the friend", friends_zones[zone]);
	friends_check_end(&s);
	friends_share(&s);
	world_run(world, 10 * SIM_S);
	friends_check_end(&s);
	friends_end(&s);
}
