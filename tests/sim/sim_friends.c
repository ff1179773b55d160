/*
 * Page 6 "Friends", page 9, 10: three zones whose owners become friends, share and part, with
 * partitions, crashes of hubs and devices, and moves of hubs; devices have the same names in each
 * zone.
 * At any time: no request of another zone is executed on a device that does not know that zone as a
 * friend, or where neither its newest policy shares the service with the caller nor a grant of its
 * own does; and a device learns of another zone's devices and services only what the policy of that
 * zone shows (learning.h). In the end: what is shared works, nothing else does, and a device knows
 * of another zone what its policy shows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "inspect.h"
#include "learning.h"
#include "moving.h"
#include "policies/record.h"
#include "probe.h"
#include "pzp/internal.h"
#include "wire/address.h"
#include "zone.h"
#include "zone/policy.h"

#define API PROBE_API
#define ZONES LEARNING_ZONES
#define DEVICES LEARNING_DEVICES
#define CALLS_MAX 512
#define MOVES_MAX 6
#define WHOLE_AGAIN_US (200 * SIM_S)

static const char *const zones[ZONES] = {"alice@example.org", "bob@example.net",
					 "carol@example.com"};
static const char *const devices[DEVICES] = {"tv", "pad"};

struct scene {
	struct world *world;
	struct sim_node *hub[ZONES], *device[ZONES][DEVICES];
	struct sim_call *calls[CALLS_MAX];
	size_t count, executed, across, changes;
	size_t by_grant, moves;
	struct learning learning;
};

/* ---- what the policy says, read without the engine ---- */

static bool
has_rule(const struct pz_policy_record *record, const char *zone, const char *from, const char *to)
{
	char id[320];

	snprintf(id, sizeof(id), "id=\"share:%s:%s:%s\"", zone, from, to);
	return memmem(record->document.ptr, record->document.len, id, strlen(id)) != NULL;
}

static bool
has_share(struct pz_sync_item *item, const char *zone, const char *from, const char *to)
{
	const struct pz_sync_chunk *chunk =
		item ? pz_sync_item_get(item, PZ_ZONE_POLICY_KEY) : NULL;
	struct pz_policy_record record;

	if (chunk == NULL || pz_policy_record_parse(pz_slice_of(chunk->value, chunk->value_len),
						    &record, NULL) != PZ_OK)
		return false;
	return has_rule(&record, zone, "all", to) || (from && has_rule(&record, zone, from, to));
}

/* False: nothing is. @param node a device of the zone that shares */
static bool
is_shared(const struct sim_node *node, const char *zone, const char *from, const char *to)
{
	return has_share(inspect(node)->held(node, PZ_SYNC_POLICIES), zone, from, to);
}

static size_t
write_rule(char *out, size_t size, const char *zone, const char *from, const char *to)
{
	char who[160] = "";

	if (from)
		snprintf(who, sizeof(who), "<subject-match attr=\"requestor-id\" match=\"%s\"/>",
			 from);
	return (size_t)snprintf(
		out, size,
		"<rule effect=\"permit\" id=\"share:%s:%s:%s\"><condition>"
		"<subject-match attr=\"user-id\" match=\"%s\"/>%s"
		"<resource-match attr=\"api-feature\" match=\"" API "\"/>"
		"<subject-match attr=\"target-id\" match=\"%s\"/></condition></rule>",
		zone, from ? from : "all", to, zone, who, to);
}

static void
write_policy(struct scene *s, size_t own, char *out, size_t size)
{
	size_t len = (size_t)snprintf(
		out, size,
		"<policy-set combine=\"first-matching-target\" id=\"change-%zu\">"
		"<policy combine=\"first-applicable\"><target><subject><subject-match "
		"attr=\"user-id\" match=\"http://webinos.org/subject/id/PZ-Owner\"/></subject>"
		"</target><rule effect=\"permit\"/></policy><policy combine=\"first-applicable\">"
		"<rule effect=\"permit\"><condition><resource-match attr=\"api-feature\" "
		"match=\"http://webinos.org/api/discovery\"/></condition></rule>",
		s->changes++);

	for (size_t zone = 0; zone < ZONES; zone++)
		for (size_t to = 0; to < DEVICES && zone != own; to++) {
			if (!rng_chance(&s->world->rng, 50))
				continue;
			size_t from = rng_below(&s->world->rng, DEVICES + 1);
			len += write_rule(out + len, size - len, zones[zone],
					  from < DEVICES ? devices[from] : NULL, devices[to]);
		}
	snprintf(out + len, size - len, "<rule effect=\"deny\"/></policy></policy-set>");
}

/* ---- the service ---- */

static void
on_run(void *arg, struct sim_node *node, const struct pz_call *call)
{
	struct scene *scene = arg;
	const char *own = node->node->zone.membership->zone;
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_address from;

	if (pz_address_parse(pz_slice_str(pz_call_from(call)), &from) != PZ_OK)
		abort();
	snprintf(zone, sizeof(zone), "%.*s", PZ_SLICE_FMT(from.zone));
	snprintf(device, sizeof(device), "%.*s", PZ_SLICE_FMT(from.device));
	if (strcmp(zone, own) != 0) {
		scene->across++;
		sim_check(scene->world, pz_device_zone_friend(&node->node->zone, from.zone) != NULL,
			  "%s executes a call of %s, which is no friend", node->name,
			  pz_call_from(call));
		bool is_by_policy =
			is_shared(node, zone, device, node->node->zone.membership->device);
		scene->by_grant += !is_by_policy;
		sim_check(scene->world, is_by_policy || inspect_has_grant(node, zone),
			  "%s executes a call of %s that neither policy nor grant permits",
			  node->name, pz_call_from(call));
	}
	scene->executed++;
}

static void
add_service(struct sim_node *node, void *arg)
{
	probe_add(node, arg, on_run);
}

static struct sim_call *
begin_call(struct sim_node *from, size_t zone, size_t device)
{
	char service[PZ_ADDRESS_BYTES_MAX + sizeof(API) + 2];

	snprintf(service, sizeof(service), API "@%s/%s", zones[zone], devices[device]);
	return sim_command(
		from, "call",
		json_pack("{s:s, s:s, s:[]}", "service", service, "function", "run", "params"));
}

/* ---- what happens ---- */

static size_t
any_zone(struct scene *s)
{
	return rng_below(&s->world->rng, ZONES);
}

static struct sim_node *
any_device(struct scene *s)
{
	return s->device[any_zone(s)][rng_below(&s->world->rng, DEVICES)];
}

static void
ask(struct scene *s, struct sim_node *node, const char *name, json_t *takes_params)
{
	if (node->is_running && s->count < CALLS_MAX)
		s->calls[s->count++] = sim_command(node, name, takes_params);
	else
		json_decref(takes_params);
}

static void
do_call(struct scene *s)
{
	struct sim_node *from = any_device(s);
	size_t zone = any_zone(s);

	if (!from->is_running || s->count == CALLS_MAX)
		return;
	learning_called(&s->learning, from, zone);
	s->calls[s->count++] = begin_call(from, zone, rng_below(&s->world->rng, DEVICES));
}

static void
do_search(struct scene *s)
{
	size_t zone = any_zone(s), device = rng_below(&s->world->rng, DEVICES);

	if (s->device[zone][device]->is_running)
		learning_search(&s->learning, zone, device, any_zone(s));
}

static void
do_share(struct scene *s)
{
	size_t zone = any_zone(s);
	char text[8192];

	write_policy(s, zone, text, sizeof(text));
	/* The owner has the hub at hand, or a device, which asks the hub; two may do so at once. */
	if (rng_chance(&s->world->rng, 50))
		ask(s, s->hub[zone], "policy-set", json_pack("{s:s}", "document", text));
	else
		ask(s, s->device[zone][rng_below(&s->world->rng, DEVICES)], "policy-set",
		    json_pack("{s:s, s:s}", "slot", "user", "document", text));
}

/* From one device, to a zone that is its friend or not. */
static void
do_grant(struct scene *s)
{
	const char *zone = zones[any_zone(s)];

	ask(s, any_device(s), rng_chance(&s->world->rng, 60) ? "grant" : "grant-remove",
	    json_pack("{s:s, s:s}", "zone", zone, "api", API));
}

/* As far as the two hubs reach each other now. */
static void
befriend(struct scene *s, size_t a, size_t b)
{
	if (!s->hub[a]->is_running || !s->hub[b]->is_running)
		return;
	struct sim_call *invite = sim_command(s->hub[a], "friend-invite", json_object());
	(void)sim_await(invite, 5 * SIM_S);
	const char *link = json_string_value(json_object_get(invite->result, "link"));
	if (link && s->hub[b]->is_running) {
		struct sim_call *accept =
			sim_command(s->hub[b], "friend-accept", json_pack("{s:s}", "link", link));
		(void)sim_await(accept, 30 * SIM_S);
		sim_call_free(accept);
	}
	sim_call_free(invite);
	ask(s, s->hub[a], "friend-confirm", json_pack("{s:s}", "friend", zones[b]));
	ask(s, s->hub[b], "friend-confirm", json_pack("{s:s}", "friend", zones[a]));
}

static void
do_befriend(struct scene *s)
{
	size_t a = any_zone(s), b = any_zone(s);

	if (a != b)
		befriend(s, a, b);
}

static void
do_part(struct scene *s)
{
	size_t a = any_zone(s), b = any_zone(s);

	if (a != b && rng_chance(&s->world->rng, 40))
		ask(s, s->hub[a], "friend-remove", json_pack("{s:s}", "friend", zones[b]));
}

static void
do_cut_or_mend(struct scene *s)
{
	size_t a = any_zone(s), b = any_zone(s);
	bool on = rng_chance(&s->world->rng, 45);

	if (a == b)
		world_partition(s->hub[a], s->device[a][rng_below(&s->world->rng, DEVICES)], on);
	else
		world_partition(s->hub[a], s->hub[b], on);
}

static void
do_crash_or_start(struct scene *s)
{
	struct sim_node *node =
		rng_chance(&s->world->rng, 30) ? s->hub[any_zone(s)] : any_device(s);

	if (node->is_running)
		sim_crash(node, VNET_DEATH_RESET);
	else
		sim_start(node);
}

/* Also while devices and friends are away, which miss the notice. */
static void
do_move(struct scene *s)
{
	size_t zone = any_zone(s);
	char host[32];

	if (!s->hub[zone]->is_running || s->moves == MOVES_MAX || !rng_chance(&s->world->rng, 40))
		return;
	snprintf(host, sizeof(host), "hub%zu-%zu.example", zone, ++s->moves);
	s->hub[zone] = moving_move(s->hub[zone], zones[zone], host);
	s->learning.hub[zone] = s->hub[zone];
}

static void
make_whole(struct scene *s)
{
	for (size_t a = 0; a < ZONES; a++) {
		for (size_t b = 0; b < a; b++)
			world_partition(s->hub[a], s->hub[b], false);
		if (!s->hub[a]->is_running)
			sim_start(s->hub[a]);
		for (size_t i = 0; i < DEVICES; i++) {
			world_partition(s->hub[a], s->device[a][i], false);
			if (!s->device[a][i]->is_running)
				sim_start(s->device[a][i]);
			moving_follow(s->device[a][i], s->hub[a]->name);
		}
	}
	world_run(s->world, WHOLE_AGAIN_US);
}

/* ---- what holds in the end ---- */

static bool
are_friends(struct scene *s, size_t a, size_t b)
{
	const struct sim_node *node = s->device[a][0];

	return pz_device_zone_friend(&node->node->zone, pz_slice_str(zones[b])) != NULL;
}

/* A zone that was away when its friend ended the friendship keeps it, with a warning, and to no
 * effect. */
static bool
are_both(struct scene *s, size_t a, size_t b)
{
	return are_friends(s, a, b) && are_friends(s, b, a);
}

static void
check_call(struct scene *s, size_t from, size_t device, size_t to, size_t service)
{
	const char *own = devices[service];
	struct sim_call *call = begin_call(s->device[from][device], to, service);
	bool is_over = sim_await(call, SIM_MINUTE);
	bool expected =
		from == to || (are_both(s, to, from) &&
			       is_shared(s->device[to][0], zones[from], devices[device], own));
	bool is_done = json_is_true(json_object_get(call->result, "result"));
	char *text = json_dumps(call->result ? call->result : json_null(), JSON_ENCODE_ANY);

	sim_check(s->world, is_over && is_done == expected,
		  "%s calls %s/%s, which %s allowed, and gets: %s %s",
		  s->device[from][device]->name, zones[to], own, expected ? "is" : "is not", text,
		  call->detail);
	free(text);
	sim_call_free(call);
}

/* With its name: one of the zone's devices that is shared with every device of the other zone. */
static void
check_peers(struct scene *s, size_t zone, size_t device)
{
	json_t *list = sim_do(s->device[zone][device], "peers", NULL, 10 * SIM_S), *one;
	size_t i, named = 0, expected = 0;

	for (size_t other = 0; other < ZONES; other++)
		for (size_t k = 0; k < DEVICES && other != zone; k++)
			expected += are_both(s, other, zone) &&
				    is_shared(s->device[other][0], zones[zone], NULL, devices[k]);
	json_array_foreach (list, i, one) {
		const char *id = json_string_value(json_object_get(one, "id"));
		const char *slash = strchr(id, '/');

		if (!json_is_true(json_object_get(one, "friend")))
			continue;
		for (size_t other = 0; other < ZONES; other++)
			if (strncmp(id, zones[other], strlen(zones[other])) == 0 &&
			    (are_both(s, other, zone) || !are_friends(s, zone, other))) {
				bool shown = is_shared(s->device[other][0], zones[zone], NULL,
						       slash + 1);
				bool is_bare =
					json_array_size(json_object_get(one, "addresses")) == 0;

				sim_check(s->world, shown || is_bare,
					  "%s knows addresses of %s, which is not shown to it",
					  s->device[zone][device]->name, id);
				sim_check(s->world, are_friends(s, other, zone),
					  "%s knows %s, which is no friend",
					  s->device[zone][device]->name, id);
				named += shown;
			}
	}
	sim_check(s->world, named == expected, "%s is shown %zu devices of other zones, not %zu",
		  s->device[zone][device]->name, named, expected);
	json_decref(list);
}

static void
check_end(struct scene *s)
{
	for (size_t a = 0; a < ZONES; a++)
		for (size_t i = 0; i < DEVICES; i++)
			check_peers(s, a, i);
	for (size_t a = 0; a < ZONES; a++)
		for (size_t i = 0; i < DEVICES; i++)
			for (size_t b = 0; b < ZONES; b++)
				for (size_t k = 0; k < DEVICES; k++)
					check_call(s, a, i, b, k);
}

/* ---- the scene ---- */

static bool
is_connected(struct world *world, void *arg)
{
	(void)world;
	return sim_is_connected(arg);
}

static void
make_zone(struct scene *s, size_t zone)
{
	char host[32];

	snprintf(host, sizeof(host), "hub%zu.example", zone);
	s->hub[zone] = world_add_hub(s->world, host);
	sim_start(s->hub[zone]);
	json_decref(sim_do(s->hub[zone], "init",
			   json_pack("{s:s, s:s}", "zone", zones[zone], "host", host), 10 * SIM_S));
	for (size_t i = 0; i < DEVICES; i++) {
		char name[32];
		struct sim_node *device;

		snprintf(name, sizeof(name), "%s%zu", devices[i], zone);
		device = s->device[zone][i] = world_add_device(s->world, name);
		sim_start(device);
		char *link = zone_token(s->hub[zone]);
		json_decref(sim_do(device, "enrol",
				   json_pack("{s:s, s:s}", "link", link, "device", devices[i]),
				   SIM_MINUTE));
		free(link);
		sim_check(s->world, world_run_until(s->world, SIM_MINUTE, is_connected, device),
			  "%s does not connect", name);
	}
}

static void
make(struct scene *s, struct world *world)
{
	*s = (struct scene){.world = world};
	world->prepare = add_service;
	world->prepare_arg = s;
	for (size_t i = 0; i < ZONES; i++)
		make_zone(s, i);
	s->learning = (struct learning){.zones = zones, .devices = devices, .is_shared = has_share};
	memcpy(s->learning.hub, s->hub, sizeof(s->hub));
	memcpy(s->learning.device, s->device, sizeof(s->device));
}

static void
end(struct scene *s)
{
	for (size_t i = 0; i < s->count; i++)
		sim_call_free(s->calls[i]);
	learning_end(&s->learning);
	s->world->prepare = NULL;
}

/* So that the policies alone say what works in the end. */
static void
take_all_back(struct scene *s)
{
	for (size_t n = 0; n < ZONES * DEVICES * ZONES; n++)
		ask(s, s->device[n / DEVICES % ZONES][n % DEVICES], "grant-remove",
		    json_pack("{s:s, s:s}", "zone", zones[n / DEVICES / ZONES], "api", API));
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
		do_call,           do_call,  do_call,     do_call, do_call,
		do_search,         do_share, do_befriend, do_part, do_cut_or_mend,
		do_crash_or_start, do_grant, do_move,
	};
	struct scene s;

	if (rng_chance(&world->rng, 50)) /* else devices have no addresses */
		world_add_lan(world);
	make(&s, world);
	befriend(&s, 0, 1);
	live(&s, deeds, sizeof(deeds) / sizeof(deeds[0]));
	make_whole(&s);
	take_all_back(&s);
	do_share(&s);
	world_run(world, 10 * SIM_S);
	check_end(&s);
	sim_check(world, s.executed > 0, "no call was executed");
	end(&s);
}

/* Without anything that goes wrong: a friend, a share, a call, the end. */
static void
run_friendship(struct world *world)
{
	struct scene s;
	char text[8192];

	make(&s, world);
	befriend(&s, 0, 1);
	befriend(&s, 1, 2);
	world_run(world, 10 * SIM_S);
	sim_check(world, are_both(&s, 0, 1) && are_both(&s, 1, 2) && !are_friends(&s, 0, 2),
		  "two friendships were made");
	for (size_t zone = 0; zone < ZONES; zone++) {
		write_policy(&s, zone, text, sizeof(text));
		ask(&s, s.hub[zone], "policy-set", json_pack("{s:s}", "document", text));
	}
	world_run(world, 5 * SIM_S);
	check_end(&s);
	ask(&s, s.hub[0], "friend-remove", json_pack("{s:s}", "friend", zones[1]));
	world_run(world, 5 * SIM_S);
	sim_check(world, !are_friends(&s, 0, 1) && !are_friends(&s, 1, 0),
		  "the friendship did not end at both zones");
	check_end(&s);
	end(&s);
}

/* ---- pairing ---- */

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

static void
pair(struct scene *s, struct sim_node *one, struct sim_node *other, const bool remember[2])
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
	return pz_device_zone_friend(&node->node->zone, pz_slice_str(zones[zone]))->secret;
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
	sim_check(s->world, is_told(&pe[1], "remembered") == knows(nodes[1], zones[0]),
		  "%s reports what is not so", nodes[1]->name);
	sim_check(s->world, knows(nodes[0], zones[1]) || !(was_told || knows(nodes[1], zones[0])),
		  "%s has lost the friend that was reported to be remembered", nodes[0]->name);
	end_pairing(pe);
	pair(s, nodes[0], nodes[1], (const bool[]){true, true}); /* mends what one side has lost */
	sim_check(s->world,
		  knows(nodes[0], zones[1]) && knows(nodes[1], zones[0]) &&
			  memcmp(secret_of(nodes[0], 1), secret_of(nodes[1], 0), 32) == 0,
		  "the secrets differ");
}

static void
run_pairing_crash(struct world *world)
{
	struct scene s;

	world_add_lan(world);
	make(&s, world);
	for (size_t zone = 0; zone < ZONES; zone++)
		sim_crash(s.hub[zone], VNET_DEATH_RESET);
	for (size_t i = 0; i < 2; i++)
		s.device[i][0]->commit_us = rng_below(&world->rng, 50 * SIM_MS);
	for (size_t i = 0; i < 2; i++) { /* as from now on */
		sim_crash(s.device[i][0], VNET_DEATH_RESET);
		sim_start(s.device[i][0]);
	}
	crash_in_pairing(&s, (struct sim_node *const[]){s.device[0][0], s.device[1][0]});
	end(&s);
}

/* Trusted for this session by both, remembered by neither, and each person learns why. */
static void
run_pairing_full(struct world *world)
{
	struct pairing_end pe[2] = {{.window = NULL}, {.window = NULL}};
	size_t full = rng_below(&world->rng, 2);
	struct scene s;

	world_add_lan(world);
	make(&s, world);
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
						pz_slice_str(zones[1 - i])) != NULL &&
				  !knows(nodes[i], zones[1 - i]),
			  "%s does not trust for this session alone", nodes[i]->name);
	}
	end_pairing(pe);
	pz_memory_disk_fail_after(nodes[full]->disk, SIZE_MAX);
	pair(&s, nodes[0], nodes[1], (const bool[]){true, true});
	make_whole(&s);
	sim_check(world, are_both(&s, 0, 1), "pairing again does not mend it");
	end(&s);
}

/* Hubs off, side by side. What is remembered is a friendship of both zones as soon as the hubs are
 * there, and nothing more is allowed than before; what is not is forgotten with the daemon, and the
 * third zone learns of neither. */
static void
run_pairing(struct world *world)
{
	struct scene s;

	world_add_lan(world);
	make(&s, world);
	for (size_t zone = 0; zone < ZONES; zone++)
		sim_crash(s.hub[zone], VNET_DEATH_RESET);
	pair(&s, s.device[0][0], s.device[1][0], (const bool[]){true, true});
	pair(&s, s.device[1][1], s.device[2][0],
	     (const bool[]){rng_chance(&world->rng, 50), false});
	sim_check(world, are_both(&s, 0, 1), "what both remember is no friendship");
	sim_check(world,
		  pz_device_zone_friend(&s.device[2][0]->node->zone, pz_slice_str(zones[1])) !=
			  NULL,
		  "a device is not trusted for this session");
	/* At once: what was reported as remembered is on the disk. */
	sim_crash(s.device[2][0], VNET_DEATH_RESET);
	sim_crash(s.device[0][0], VNET_DEATH_RESET);
	make_whole(&s);
	sim_check(world, are_both(&s, 0, 1) && !are_friends(&s, 2, 1) && !are_friends(&s, 0, 2),
		  "friends are not those whose owners remember each other");
	for (size_t zone = 0; zone < 2; zone++)
		sim_check(world,
			  pz_device_zone_friend(&s.device[zone][1]->node->zone,
						pz_slice_str(zones[1 - zone])) != NULL,
			  "the other device of %s does not know the friend", zones[zone]);
	check_end(&s);
	do_share(&s);
	world_run(world, 10 * SIM_S);
	check_end(&s);
	end(&s);
}

/* At one table, with no hub but those that start again. */
static void
run_grants(struct world *world)
{
	static void (*const deeds[])(struct scene * s) = {
		do_call,  do_call, do_call,        do_call,           do_grant, do_grant,
		do_grant, do_part, do_cut_or_mend, do_crash_or_start, do_share, do_search,
	};
	struct scene s;

	world_add_lan(world);
	make(&s, world);
	for (size_t zone = 0; zone < ZONES; zone++)
		sim_crash(s.hub[zone], VNET_DEATH_RESET);
	for (size_t i = 0; i < DEVICES; i++) {
		pair(&s, s.device[0][i], s.device[1][i], (const bool[]){true, true});
		pair(&s, s.device[1][i], s.device[2][i], (const bool[]){true, true});
	}
	live(&s, deeds, sizeof(deeds) / sizeof(deeds[0]));
	end(&s);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"pairing", 2, run_pairing},           {"pairing-crash", 4, run_pairing_crash},
		{"pairing-full", 2, run_pairing_full}, {"friendship", 2, run_friendship},
		{"histories", 4, run_history},         {"grants", 4, run_grants},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
