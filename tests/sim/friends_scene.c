#include "friends_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "inspect.h"
#include "moving.h"
#include "policies/record.h"
#include "pzp/internal.h"
#include "wire/address.h"
#include "zone.h"
#include "zone/policy.h"

#define WHOLE_AGAIN_US (200 * SIM_S)

const char *const friends_zones[ZONES] = {"alice@example.org", "bob@example.net",
					  "carol@example.com"};
const char *const friends_devices[DEVICES] = {"tv", "pad"};

/* ---- what the policy says, read without the engine ---- */

static bool
has_rule(const struct pz_policy_record *record, const char *zone, const char *from, const char *to)
{
	char id[320];

	snprintf(id, sizeof(id), "id=\"share:%s:%s:%s\"", zone, from, to);
	return memmem(record->document.ptr, record->document.len, id, strlen(id)) != NULL;
}

bool
friends_has_share(struct pz_sync_item *item, const char *zone, const char *from, const char *to)
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
bool
friends_is_shared(const struct sim_node *node, const char *zone, const char *from, const char *to)
{
	return friends_has_share(inspect(node)->held(node, PZ_SYNC_POLICIES), zone, from, to);
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

void
friends_write_policy(struct scene *s, size_t own, char *out, size_t size)
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
			len += write_rule(out + len, size - len, friends_zones[zone],
					  from < DEVICES ? friends_devices[from] : NULL,
					  friends_devices[to]);
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
			friends_is_shared(node, zone, device, node->node->zone.membership->device);
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

struct sim_call *
friends_begin_call(struct sim_node *from, size_t zone, size_t device)
{
	char service[PZ_ADDRESS_BYTES_MAX + sizeof(API) + 2];

	snprintf(service, sizeof(service), API "@%s/%s", friends_zones[zone],
		 friends_devices[device]);
	return sim_command(
		from, "call",
		json_pack("{s:s, s:s, s:[]}", "service", service, "function", "run", "params"));
}

size_t
friends_any_zone(struct scene *s)
{
	return rng_below(&s->world->rng, ZONES);
}

struct sim_node *
friends_any_device(struct scene *s)
{
	return s->device[friends_any_zone(s)][rng_below(&s->world->rng, DEVICES)];
}

void
friends_ask(struct scene *s, struct sim_node *node, const char *name, json_t *takes_params)
{
	if (node->is_running && s->count < CALLS_MAX)
		s->calls[s->count++] = sim_command(node, name, takes_params);
	else
		json_decref(takes_params);
}

void
friends_share(struct scene *s)
{
	size_t zone = friends_any_zone(s);
	char text[8192];

	friends_write_policy(s, zone, text, sizeof(text));
	/* The owner has the hub at hand, or a device, which asks the hub; two may do so at once. */
	if (rng_chance(&s->world->rng, 50))
		friends_ask(s, s->hub[zone], "policy-set", json_pack("{s:s}", "document", text));
	else
		friends_ask(s, s->device[zone][rng_below(&s->world->rng, DEVICES)], "policy-set",
			    json_pack("{s:s, s:s}", "slot", "user", "document", text));
}

void
friends_befriend(struct scene *s, size_t a, size_t b)
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
	friends_ask(s, s->hub[a], "friend-confirm", json_pack("{s:s}", "friend", friends_zones[b]));
	friends_ask(s, s->hub[b], "friend-confirm", json_pack("{s:s}", "friend", friends_zones[a]));
}

void
friends_make_whole(struct scene *s)
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

bool
friends_are(struct scene *s, size_t a, size_t b)
{
	const struct sim_node *node = s->device[a][0];

	return pz_device_zone_friend(&node->node->zone, pz_slice_str(friends_zones[b])) != NULL;
}

bool
friends_are_both(struct scene *s, size_t a, size_t b)
{
	return friends_are(s, a, b) && friends_are(s, b, a);
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
			   json_pack("{s:s, s:s}", "zone", friends_zones[zone], "host", host),
			   10 * SIM_S));
	for (size_t i = 0; i < DEVICES; i++) {
		char name[32];
		struct sim_node *device;

		snprintf(name, sizeof(name), "%s%zu", friends_devices[i], zone);
		device = s->device[zone][i] = world_add_device(s->world, name);
		sim_start(device);
		char *link = zone_token(s->hub[zone]);
		json_decref(
			sim_do(device, "enrol",
			       json_pack("{s:s, s:s}", "link", link, "device", friends_devices[i]),
			       SIM_MINUTE));
		free(link);
		sim_check(s->world, world_run_until(s->world, SIM_MINUTE, is_connected, device),
			  "%s does not connect", name);
	}
}

void
friends_make(struct scene *s, struct world *world)
{
	*s = (struct scene){.world = world};
	world->prepare = add_service;
	world->prepare_arg = s;
	for (size_t i = 0; i < ZONES; i++)
		make_zone(s, i);
	s->learning = (struct learning){
		.zones = friends_zones, .devices = friends_devices, .is_shared = friends_has_share};
	memcpy(s->learning.hub, s->hub, sizeof(s->hub));
	memcpy(s->learning.device, s->device, sizeof(s->device));
}

void
friends_end(struct scene *s)
{
	for (size_t i = 0; i < s->count; i++)
		sim_call_free(s->calls[i]);
	learning_end(&s->learning);
	s->world->prepare = NULL;
}
